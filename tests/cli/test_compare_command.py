"""``nnbench compare`` as a user runs it: two learning rates on the digits, in a worker."""

import json
from dataclasses import replace

import plans
import pytest
from made_up import experiment, plain

from nnbench.cli import compare
from nnbench.errors import ResultsError


def test_two_learning_rates_are_compared_and_stored(user):
    settings = ("--task", "neural_net", "--data", "digits", "--seeds", "2", "--epochs", "1", "--jobs", "1")
    answer = user.run("compare", "--factor", "lr=0.0001,0.01", *settings, "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert (told["factor"], told["data"], told["metric"]) == ("lr=0.0001,0.01", "digits", "test_accuracy")
    assert [len(one["values"]) for one in told["contenders"]] == [2, 2]
    low, high = (one["values"] for one in told["contenders"])
    assert max(low) < min(high)
    assert (told["protocol"]["seeds"], told["protocol"]["epochs"]) == ([0, 1], 1)
    page = user.folder / "results" / "reports" / "compare-lr-0.0001-0.01-neural_net-digits.html"
    assert page.is_file()
    assert f"the page is {page.relative_to(user.folder)}" in answer.err


def test_what_is_no_factor_is_told_with_those_there_are(user):
    answer = user.run("compare")
    assert answer.code == 2
    assert "say what: optimizers, dropout" in answer.err


def test_a_setting_is_refused_before_anything_is_begun(user):
    answer = user.run("compare", "--factor", "lr=1e-4:1e-1", "--suite", "toy.py")
    assert (answer.code, answer.err) == (
        2,
        "nnbench: 1e-4:1e-1: a range is FIRST:LAST:HOW_MANY, three numbers such as 1e-4:1e-1:7\n",
    )
    assert not (user.folder / "results").exists()


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (plain({"a": [0.9, 0.8], "b": [None, 0.7]}), 0),
        (plain({"a": [0.9, 0.8], "b": [None, None]}), 0),  # that it diverges is an answer
        (plain({"a": [None, None], "b": [None, None]}), 3),
        (experiment(wrong="adam"), 1),
    ],
)
def test_the_exit_code_says_whether_there_is_an_answer(made, code):
    assert compare._exit_code(made) == code


def test_a_contender_without_a_trial_is_no_answer():
    made = plain({"a": [0.9, 0.8], "b": [0.8, 0.7]})
    assert compare._exit_code(replace(made, outcomes=made.of("a"))) == 3


def test_a_page_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match="Name another file with --output"):
        compare._refuse_unwritable(tmp_path / "file" / "page.html")
    compare._refuse_unwritable(tmp_path / "folder" / "page.html")


def test_pages_of_other_questions_have_other_names():
    plain_one = plans.plan(data=plans.TASK.recipe["data"])
    name = compare._page_name(plain_one, ())
    assert name == f"compare-optimizers-{plans.TASK.id.removeprefix('architectures.')}.html"
    start = name.removesuffix(".html")
    other = replace(plain_one, data="fashion_mnist", tune=3)
    assert compare._page_name(replace(plain_one, data="fashion_mnist"), ()) == f"{start}-fashion_mnist.html"
    assert compare._page_name(replace(plain_one, tune=3), ()) == f"{start}-tuned.html"
    assert (
        compare._page_name(other, ("lr=0.01", "clip_norm=1")) == f"{start}-fashion_mnist-tuned-clip_norm-1-lr-0.01.html"
    )

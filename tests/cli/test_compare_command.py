"""``nnbench compare`` as a user runs it: two learning rates on the digits, in a worker."""

import json


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
    page = user.folder / "results" / "reports" / "compare-lr-0.0001-0.01-neural_net.html"
    assert page.is_file()
    assert f"the page is {page.relative_to(user.folder)}" in answer.err


def test_what_is_no_factor_is_told_with_those_there_are(user):
    answer = user.run("compare")
    assert answer.code == 2
    assert "say what: optimizers, dropout" in answer.err

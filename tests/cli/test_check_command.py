"""``nnbench check``: verdicts, repeat commands, exit codes, whatever the component does."""

import shlex

import pytest


@pytest.fixture(scope="module")
def checked(new_user):
    one = new_user("checked")
    return one, one.run("check", "--suite", "toy.py", "toy.double", "--timeout", "3", "--seed", "5", "--json")


def statuses(rows, variant):
    return {row["check"]: row["status"] for row in rows if row["variant"] == variant}


KEYS = {"component", "variant", "case", "check", "status", "error", "allowance", "note"}


def test_rows_hold_the_fixed_keys(checked):
    assert all(row.keys() >= KEYS for row in checked[1].rows)


def test_something_wrong_exits_with_1(checked):
    assert checked[1].code == 1


@pytest.mark.parametrize("variant", ["reference", "torch", "noisy"])
def test_right_variants_pass(checked, variant):
    found = set(statuses(checked[1].rows, variant).values())
    assert "passed" in found
    assert found <= {"passed", "skipped"}


def test_wrong_variant_fails_in_value_and_gradient(checked):
    found = statuses(checked[1].rows, "wrong")
    assert found["forward_float64"] == "failed"
    assert found["forward_float32"] == "failed"
    assert found["gradients_float64"] == "failed"
    assert found["inputs_unchanged"] == "passed"


@pytest.mark.parametrize(
    ("variant", "reason"),
    [
        ("crashing", "SIGSEGV"),
        ("hanging", "no answer within 3 s"),
        ("hungry", "out of memory: it asked for 4398046511104 bytes"),
    ],
)
def test_what_never_comes_back_is_one_failed_row_with_its_reason(checked, variant, reason):
    rows = [row for row in checked[1].rows if row["variant"] == variant]
    assert [row["status"] for row in rows] == ["failed"]
    assert reason in rows[0]["note"]


def test_crash_names_the_line_of_the_suite(checked):
    note = next(row["note"] for row in checked[1].rows if row["variant"] == "crashing")
    assert "toy.py" in note
    assert "in forward" in note


def test_failure_prints_a_command_that_repeats_it(checked):
    one, _ = checked
    told = one.run("check", "--suite", "toy.py", "toy.double@wrong", "--seed", "5")
    repeat = next(line for line in told.out.splitlines() if "repeat:" in line)
    again = one.run(*shlex.split(repeat.partition("nnbench ")[2]), "--json")
    assert again.code == 1
    first = {row["check"]: row["error"] for row in checked[1].rows if row["variant"] == "wrong"}
    assert {row["check"]: row["error"] for row in again.rows} == {"forward_float64": first["forward_float64"]}


def test_failed_rows_carry_the_command_that_repeats_them(checked):
    for row in checked[1].rows:
        wrong = row["status"] in ("failed", "mistrusted")
        assert ("repeat" in row) == wrong
        if wrong:
            key = f"toy.double@{row['variant']}[16x8]"
            only = [] if row["check"] == "completed" else ["--only", row["check"]]
            given = ["--suite", "toy.py", "--timeout", "3", "--seed", "5"]
            assert shlex.split(row["repeat"]) == ["nnbench", "check", key, *only, *given]


def test_right_component_exits_with_0(user):
    answer = user.run("check", "--suite", "toy.py", "toy.linear", "--html", "pages/checks.html", "--seed", "5")
    assert answer.code == 0
    assert "pages/checks.html" in answer.err
    page = (user.folder / "pages" / "checks.html").read_text()
    assert "Nothing is wrong" in page
    assert "--html pages/checks.html" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["toy.doubel"], "Did you mean toy.double?"),
        (["toy.double@rong"], "no variant named 'rong'"),
        (["toy.double[17x8]"], "no case '17x8'"),
        (["-k", "nothing_like_it"], "keeps none"),
        (["-k", "and and"], "cannot be read"),
        (["--memory-limit", "lots"], "write 512MiB"),
        (["--suite", "nowhere.py"], "there is no file"),
        (["--errata", "--seeds", "2"], "not for --errata"),
        (["--mutants", "--only", "mode"], "not for --errata"),
        (["toy.linear", "--only", "gradchek"], "Did you mean gradcheck?"),
        (["toy.linear", "--only", "closed_form"], "There are answers, forward_float64"),
        (["toy.linear", "--html", "toy.py/page.html"], "cannot write the page"),
    ],
)
def test_mistakes_are_explained_and_exit_with_2(user, arguments, message):
    answer = user.run("check", "--suite", "toy.py", *arguments)
    assert answer.code == 2
    assert message in answer.err
    assert "Traceback" not in answer.err


def test_broken_suites_cost_only_themselves(user):
    (user.folder / "broken.py").write_text("import nnbench\nsuite = nnbench.Suite('broken')\nraise ValueError('oh')\n")
    (user.folder / "deadly.py").write_text("import os\nos._exit(7)\n")
    suites = [part for name in ("broken", "deadly", "toy") for part in ("--suite", f"{name}.py")]
    answer = user.run("check", *suites, "toy.linear", "--json")
    assert answer.code == 3
    assert {row["component"] for row in answer.rows} == {"toy.linear"}
    assert f"{user.folder / 'broken.py'}:3: ValueError: oh" in answer.err
    assert "importing it took the worker down: its process exited with 7" in answer.err


def test_a_component_of_a_suite_that_could_not_be_loaded_is_no_second_mistake(user):
    (user.folder / "broken.py").write_text("import nnbench\nsuite = nnbench.Suite('broken')\nraise ValueError('oh')\n")
    answer = user.run("check", "--suite", "broken.py", "broken.thing")
    assert answer.code == 2
    assert "ValueError: oh" in answer.err
    assert "no component named" not in answer.err
    assert "no component named 'brken.thing'" in user.run("check", "--suite", "broken.py", "brken.thing").err


ERRONEOUS = """
from nnbench import Evidence, Suite, Variant, case, randn

suite = Suite("wrong")


def shows(documented, reference):
    return Evidence({shown}, "it gives 2 where 1 is right")


suite.component(
    "once",
    reference=lambda x: x.sin(),
    oracle=lambda x: np.sin(x),
    variants={{"documented": Variant("documented", lambda x: 2 * x.sin(), erratum="E99", evidence={{"E99": shows}})}},
    cases=[case(randn(8)), case(randn(9))],
)
"""


@pytest.mark.parametrize(("shown", "code", "mark"), [(True, 0, "shown"), (False, 1, "failed")])
def test_errata_are_shown_with_their_evidence(user, shown, code, mark):
    (user.folder / "wrong.py").write_text(ERRONEOUS.format(shown=shown))
    answer = user.run("check", "--suite", "wrong.py", "wrong", "--errata")
    assert answer.code == code
    assert f"E99  wrong.once@documented: {mark}" in answer.out
    assert "it gives 2 where 1 is right" in answer.out
    assert f"{int(shown)} of 1 errata shown" in answer.out


def test_errata_as_rows_carry_their_name(user):
    (user.folder / "wrong.py").write_text(ERRONEOUS.format(shown=True))
    rows = user.run("check", "--suite", "wrong.py", "wrong", "--errata", "--json").rows
    evidence = [row for row in rows if row["check"] == "evidence_E99"]
    assert [(row["status"], row["erratum"], row["case"]) for row in evidence] == [("expected", "E99", "8")]


def test_the_evidence_of_an_erratum_is_a_check_to_name(user):
    (user.folder / "wrong.py").write_text(ERRONEOUS.format(shown=False))
    answer = user.run("check", "--suite", "wrong.py", "wrong", "--only", "evidence_E99", "--seed", "4", "--json")
    assert answer.code == 1
    (row,) = answer.rows
    assert (row["check"], row["status"]) == ("evidence_E99", "failed")
    assert "--only evidence_E99 " in row["repeat"]


def test_a_selection_without_errata_says_so(user):
    answer = user.run("check", "layers.linear", "--errata")
    assert answer.code == 2
    assert "nothing that is selected shows an erratum" in answer.err


def test_what_shows_an_erratum_is_given_no_time_where_it_happens_to_be_right(user):
    text = ERRONEOUS.format(shown=True).replace("lambda x: 2 *", "lambda x, factor=2: factor *")
    text = text.replace("lambda x:", "lambda x, factor=2:").replace("randn(9)", "randn(9), factor=1")
    (user.folder / "wrong.py").write_text(text)
    first_look = ("--rounds", "1", "--budget", "0.01", "--no-train", "--json")
    rows = user.run("run", "--suite", "wrong.py", "wrong", *first_look).rows
    told = {(row["case"], row["status"], row["note"]) for row in rows if row["variant"] == "documented"}
    timed = [
        row for row in rows if row["variant"] == "documented" and row["metric"] == "forward_time" and row["values"]
    ]
    assert ("9,factor=1", "skipped", "E99 shows in other cases") in told
    assert {status for case, status, _ in told if case == "8"} >= {"wrong"}
    assert timed == []


CANDIDATES = """
import torch
from torch import nn


class Norm(nn.LayerNorm):
    '''Right.'''


class Biased(nn.LayerNorm):
    '''Right in evaluation mode alone.'''

    def forward(self, x):
        return super().forward(x) * (1.001 if self.training else 1)


class Needy(nn.LayerNorm):
    def __init__(self, normalized_shape, groups):
        super().__init__(normalized_shape)


def nothing(x, normalized_shape):
    return None


VALUE = 3
"""
NORM = "layers.layer_norm[2x64x768,normalized_shape=768]"


@pytest.fixture
def candidates(user):
    (user.folder / "candidates.py").write_text(CANDIDATES)
    return user


def test_a_class_is_held_against_a_component_without_registering_it(candidates):
    for target in ("candidates.py:Norm", "candidates:Norm"):
        answer = candidates.run("check", target, "--like", NORM, "--json")
        assert answer.code == 0
        assert {(row["component"], row["variant"]) for row in answer.rows} == {("layers.layer_norm", "candidate")}
        assert {row["status"] for row in answer.rows} == {"passed", "skipped"}


@pytest.mark.parametrize(
    ("name", "told"),
    [("Biased", "off by"), ("Needy", "missing 1 required positional argument"), ("nothing", "where a tensor is right")],
)
def test_a_wrong_candidate_fails_and_tells_how_to_repeat_it(candidates, name, told):
    answer = candidates.run("check", f"candidates.py:{name}", "--like", NORM, "--seed", "3")
    assert answer.code == 1
    assert told in answer.out
    repeats = [line.partition("repeat: ")[2] for line in answer.out.splitlines() if "repeat: " in line]
    assert all(repeat.startswith(f"nnbench check candidates.py:{name} --like '{NORM}' --only ") for repeat in repeats)
    assert all(repeat.endswith(" --seed 3") for repeat in repeats)
    again = candidates.run(*shlex.split(repeats[0])[1:])
    assert again.code == 1
    assert told in again.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("candidates.py:Nom", "--like", NORM), "candidates.py has no Nom. Did you mean Norm?"),
        (("candidates.py:VALUE", "--like", NORM), "is int, where a class or a function is wanted"),
        (("candidates.py", "--like", NORM), "write package.module:Name or file.py:Name"),
        (("nowhere:Norm", "--like", NORM), "No module named 'nowhere'"),
        (("candidates.py:Norm", "--like", "layers.layernorm"), "Did you mean layers.layer_norm?"),
        (("--like", NORM), "--like holds one class or function"),
    ],
)
def test_a_candidate_that_cannot_be_had_is_a_mistake_of_usage(candidates, arguments, told):
    answer = candidates.run("check", *arguments)
    assert answer.code == 2
    assert told in answer.err


def test_mutants_are_tried_and_survivors_named(user):
    answer = user.run("check", "--suite", "toy.py", "toy.double", "--mutants", "--timeout", "20")
    assert answer.code == 0
    assert "0 survived (100.0 % of those that are not equivalent caught)" in answer.out
    rows = user.run("check", "--suite", "toy.py", "toy.double", "--mutants", "--json").rows
    assert rows
    assert all(row.keys() >= {"component", "line", "change", "status", "caught_by", "case"} for row in rows)

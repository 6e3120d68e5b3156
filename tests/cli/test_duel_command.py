"""``nnbench duel`` as a user runs it: one pair of processes, so that it is quick and nothing is decided."""

import pandas
import pytest

from nnbench.cli.duel_told import exit_code
from nnbench.duels.contest import Contest, Outcome
from nnbench.model import Verdict
from nnbench.store import runs_folder

KEYS = {"component", "case", "mode", "a", "b", "verdict", "ratio", "low", "high"}
ONE_PAIR = ("--pairs", "1", "--budget", "0.02")


@pytest.fixture(scope="module")
def fought(new_user):
    """A user who held some variants against torch's; the answer."""
    one = new_user("fought")
    selection = ("--suite", "toy.py", "toy.double", "--against", "torch", "-k", "noisy or wrong or hungry")
    return one, one.run("duel", *selection, *ONE_PAIR, "--jobs", "1", "--json")


def rows(answer, b):
    return [row for row in answer.rows if row["b"] == b]


def test_rows_hold_the_fixed_keys(fought):
    assert all(row.keys() >= KEYS for row in fought[1].rows)
    assert {row["a"] for row in fought[1].rows} == {"torch"}


def test_contest_has_both_sides_samples_and_waits_for_more_pairs(fought):
    found = {row["mode"]: row for row in rows(fought[1], "noisy")}
    assert found.keys() == {"forward", "backward"}
    for row in found.values():
        assert row["verdict"] == "undecided"
        assert row["ratio"] > 0
        assert len(row["a_samples"]) == len(row["b_samples"]) == row["pairs"] == 1
        assert min(*row["a_samples"][0], *row["b_samples"][0]) > 0


def test_wrong_variant_gets_no_verdict(fought):
    assert fought[1].code == 1
    assert {(row["verdict"], row["ratio"]) for row in rows(fought[1], "wrong")} == {("wrong", None)}
    assert "forward_float64" in rows(fought[1], "wrong")[0]["note"]


def test_what_cannot_run_is_a_row_with_its_reason(fought):
    assert {row["verdict"] for row in rows(fought[1], "hungry")} == {"out of memory"}


def test_samples_and_verdicts_are_stored(fought):
    table = pandas.read_parquet(runs_folder(fought[0].folder / "results"))
    assert {"forward_time", "forward_wall_time", "duel_forward", "noise_floor"} <= set(table["metric"])
    assert set(table[table["metric"] == "backward_time"]["variant"]) == {"torch", "noisy"}


def outcome(verdict="same", status="ok", floor=0.01):
    contest = Contest("toy.double", "16x8", "forward", "torch", "reference")
    return Outcome(contest, Verdict(verdict, 1.0, 0.99, 1.01), floor=floor, status=status)


@pytest.mark.parametrize(
    ("found", "comparison", "strict"),
    [
        ([outcome("slower")], 0, 1),
        ([outcome("faster"), outcome("same")], 0, 0),
        ([outcome("undecided")], 0, 4),
        ([outcome("undecided", floor=0.06)], 4, 4),
        ([outcome(status="crashed")], 3, 3),
        ([outcome(status="skipped")], 0, 0),
        ([outcome("slower"), outcome(status="timed out")], 3, 1),
    ],
)
def test_exit_code_says_how_it_ended(found, comparison, strict):
    assert exit_code(found, False, False, False) == comparison
    assert exit_code(found, False, True, True) == strict


def test_something_wrong_exits_with_1():
    assert exit_code([outcome()], True, False, False) == 1


def test_one_pattern_alone_is_told_what_a_duel_is(user):
    answer = user.run("duel", "toy.double@torch")
    assert answer.code == 2
    assert "--against" in answer.err

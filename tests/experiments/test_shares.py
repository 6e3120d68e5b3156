"""Trainings on a part of the samples, beside an experiment: made after it, cut first, stored and read with it."""

import click
import pytest
from plans import COMPONENTS, Crew, Shown, plan

from nnbench import store
from nnbench.cli.options import Shares
from nnbench.experiments import ledger
from nnbench.experiments.experiment import Place, run
from nnbench.experiments.purse import Purse
from nnbench.model import Run

FINISHED = [("adam", 0), ("sgd", 0), ("adam", 1), ("sgd", 1)]


def make(results, one, crew, number=1, purse=None):
    name = f"20260101T00000{number}Z-00000{number}"
    header = Run(name, f"2026-01-01T00:00:0{number}+00:00", "nnbench compare", "", False, {})
    with store.Journal(results, header) as journal:
        return run(one, crew, Place((), COMPONENTS, results, name, journal.add, 60.0), Shown(), purse)


def shares(crew):
    return [job["request"]["changes"].get("train_share", 1) for job in crew.done]


def test_every_share_is_trained_on_after_the_whole(tmp_path):
    crew = Crew()
    made = make(tmp_path, plan(shares=(0.1, 0.3)), crew)
    assert crew.asked == FINISHED * 3
    assert shares(crew) == [1] * 4 + [0.1] * 4 + [0.3] * 4
    assert [one.trial.changes["train_share"] for one in made.beside] == [0.1] * 4 + [0.3] * 4
    assert len(made.outcomes) == len(made.of("adam")) * 2 == 4
    assert ledger.experiments(tmp_path) == [made]


def test_asked_again_nothing_of_it_is_trained(tmp_path):
    make(tmp_path, plan(shares=(0.1,)), Crew())
    crew = Crew()
    made = make(tmp_path, plan(shares=(0.1, 0.5)), crew, number=2)
    assert shares(crew) == [0.5] * 4
    assert [one.reused for one in made.beside] == [True] * 4 + [False] * 4


def test_a_budget_is_spent_on_the_whole_first(tmp_path):
    crew = Crew()
    purse = Purse(20.0, lambda: 5.0 * len(crew.done))
    made = make(tmp_path, plan(shares=(0.1,), budget=20.0), crew, purse=purse)
    assert set(shares(crew)) == {1}
    assert made.beside == ()
    assert "4 of 4 trainings on a part of the samples are left out" in made.left_out[-1]


@pytest.mark.parametrize(("text", "found"), [("0.1", (0.1,)), ("0.1,0.3,0.1", (0.1, 0.3)), ("0", ())])
def test_shares_as_they_are_written(text, found):
    assert Shares().convert(text, None, None) == found


@pytest.mark.parametrize("text", ["1", "0.1,x", "", "-0.1", "0,0.1", "nan"])
def test_what_are_no_shares_is_refused(text):
    with pytest.raises(click.BadParameter, match="are no shares; write numbers between 0 and 1"):
        Shares().convert(text, None, None)

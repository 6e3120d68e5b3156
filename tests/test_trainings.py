"""Trainings side by side: how they are cut, how far they are, and whose rows are whose."""

import pytest

from nnbench import trainings as module
from nnbench.model import CaseInfo, ComponentInfo, Measurement
from nnbench.trainer import STEPS, Event, Training
from nnbench.trainings import Group, steps, trained

CASE = CaseInfo("8", "abc", {}, ("8",), "float32", "cpu")


def net(name, epochs=2):
    recipe = {"data": "points", "epochs": epochs}
    return ComponentInfo(name, "architecture", "", (), (), ("reference",), (CASE,), recipe, "here.py:1")


def group(name, seeds, seconds=1.0):
    return Group([Training(net(name), "reference", seed=seed) for seed in range(seeds)], seconds)


class Bar:
    def __init__(self):
        self.steps, self.said = 0, []

    def update(self, doing, steps):
        self.steps += steps
        self.said.append(doing)

    def expect(self, total):
        self.total = total


class Team:
    """A session that has twins, and remembers which of them there were."""

    def __init__(self, made=None):
        self.made = [] if made is None else made
        self.made.append(self)
        self.limits = Limits()

    def twin(self):
        return Team(self.made)

    def renew(self):
        pass


class Limits:
    def __init__(self, processes=1):
        self.processes = processes


def row(training, epoch):
    context = {"data": "points", "seed": training.seed, "epoch": epoch}
    return Measurement(training.task.id, "reference", "points", "train_loss", "1", (1.0,), context=context)


@pytest.fixture
def here(monkeypatch):
    """Trainings of two epochs each, three quarters of an epoch being told before the row of it."""
    ran = {"workers": set(), "order": []}

    def run(session, trainings, device="cpu"):
        ran["workers"].add(id(session))
        for one in trainings:
            ran["order"].append((one.task.id, one.seed))
            for epoch in (1, 2):
                yield Event(f"{one.label}: epoch {epoch}", STEPS * 3 // 4)
                yield Event(row=row(one, epoch))
                yield Event(steps=STEPS - STEPS * 3 // 4)

    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr("nnbench.processes.side_by_side.replace", lambda limits, processes: Limits(processes))
    return ran


@pytest.mark.parametrize(
    ("seeds", "seconds", "processes", "parts"),
    [(8, 0.1, 2, [8]), (8, 2.4, 4, [8]), (8, 5.0, 2, [4, 4]), (8, 60.0, 3, [3, 3, 2]), (1, 60.0, 2, [1])],
)
def test_a_group_is_cut_where_its_parts_are_worth_a_worker(seeds, seconds, processes, parts):
    cut = group("a.net", seeds, seconds).cut(processes)
    assert [len(part.trainings) for part in cut] == parts
    assert sorted(one.seed for part in cut for one in part.trainings) == list(range(seeds))


def test_each_group_gets_its_own_rows_by_seed(here):
    groups = [group("a.short", 3), group("a.long", 4, 10.0)]
    short, long = trained(Team(), groups, Bar(), 2)
    assert list(short) == [0, 1, 2]
    assert list(long) == [0, 1, 2, 3]
    assert {(one.component, one.context["seed"]) for one in long[3]} == {("a.long", 3)}
    assert [one.context["epoch"] for one in long[3]] == [1, 2]
    assert len(here["order"]) == 7


def test_the_longest_are_begun_first(here):
    trained(Team(), [group("a.short", 1), group("a.long", 1, 10.0)], Bar(), 1)
    assert here["order"] == [("a.long", 0), ("a.short", 0)]


def test_what_is_told_adds_up_to_what_was_announced(here):
    groups, bar = [group("a.short", 3, 0.3), group("a.long", 4, 10.0)], Bar()
    trained(Team(), groups, bar, 2)
    assert bar.steps == steps(groups) == 3 * 3 + 4 * 100
    assert "0 of 7 trainings done; a.long@reference, seed 0: epoch 1" in bar.said


def test_each_training_that_is_done_is_counted(here):
    bar = Bar()
    trained(Team(), [group("a.net", 3)], bar, 1)
    counts = [int(said.partition(" of ")[0]) for said in bar.said if said]
    assert counts == [0, 0, 1, 1, 2, 2]


def test_nothing_to_train_takes_nobody(here):
    assert trained(Team(), [], Bar(), 2) == []
    assert here["order"] == []


def test_what_a_training_raises_is_raised_here(here, monkeypatch):
    def run(session, trainings, device):
        raise RuntimeError("no such thing")
        yield

    monkeypatch.setattr(module, "run", run)
    with pytest.raises(RuntimeError, match="no such thing"):
        trained(Team(), [group("a.net", 1)], Bar(), 1)

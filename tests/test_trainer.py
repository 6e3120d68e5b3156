"""Trainings in workers: which task is meant, how far it is, and what becomes of one that fails."""

import pytest

from nnbench.errors import NnbenchError
from nnbench.model import CaseInfo, ComponentInfo, Measurement, plain
from nnbench.processes.process import WorkerEnded
from nnbench.trainer import STEPS, Training, find_task, run, steps
from nnbench.worker.batches import Batches

CASE = CaseInfo("8", "abc", {}, ("8",), "float32", "cpu")


def task(name, recipe=True):
    made = {"data": "digits", "epochs": 2} if recipe else None
    return ComponentInfo(name, "architecture", "", (), (), ("reference",), (CASE,), made, "here.py:1")


TASKS = [task("architectures.net"), task("mine.net"), task("mine.other"), task("layers.linear", recipe=False)]


def test_a_task_is_named_by_its_id_or_by_the_name_in_its_suite():
    assert find_task(TASKS, "architectures.net").id == "architectures.net"
    assert find_task(TASKS, "other").id == "mine.other"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("net", "net is the name of architectures.net and mine.net"),
        ("othr", "Did you mean other"),
        ("nothing_like_it", "There are net, net and other"),
        ("linear", "linear has no recipe; what has one is trained: net, net and other"),
    ],
)
def test_what_is_no_task_is_told_with_those_there_are(name, said):
    with pytest.raises(NnbenchError, match=said):
        find_task(TASKS, name)


class Played:
    """A session whose workers answer from a list, one list a training."""

    def __init__(self, *answers):
        self.answers, self.asked, self.renewed = list(answers), [], 0

    def renew(self):
        self.renewed += 1

    def ask(self, request, seconds=None):
        self.asked.append(request)
        for one in self.answers.pop(0):
            if isinstance(one, Exception):
                raise one
            yield one


def row(epoch):
    context = {"data": "digits", "seed": 0, "epoch": epoch}
    return {"row": plain(Measurement("a.b", "reference", "c", "train_loss", "1", (1.0,), context=context))}


def training(variant="reference", **more):
    return Training(TASKS[0], variant, **more)


def test_batches_and_epochs_become_steps():
    session = Played(
        [{"batches": [1, 4]}, {"batches": [4, 4]}, row(1), {"batches": [2, 4]}, {"batches": [4, 4]}, row(2)]
    )
    events = list(run(session, [training()]))
    assert sum(event.steps for event in events) == steps([training()]) == 2 * STEPS
    told = [event.doing.rpartition(": ")[2] for event in events if event.steps and event.doing]
    assert told == ["epoch 1 of 2"] * 2 + ["epoch 2 of 2"] * 2
    assert [event.row.context["epoch"] for event in events if event.row] == [1, 2]


def test_what_is_trained_before_is_told_and_moves_no_bar():
    session = Played([{"doing": "training its backbone, batch 1 of 4"}, {"batches": [4, 4]}, row(1)])
    events = list(run(session, [training(epochs=1)]))
    assert any(event.doing.endswith("training its backbone, batch 1 of 4") and not event.steps for event in events)
    assert sum(event.steps for event in events) == STEPS


def test_batches_of_a_backbone_are_none_of_the_training():
    said = []
    told = Batches(said.append, lambda: 0.0)
    told(1, 4, "training its backbone, epoch 1 of 2")
    told(1, 4)
    assert said == [{"doing": "training its backbone, epoch 1 of 2, batch 1 of 4"}, {"batches": [1, 4]}]


def test_early_stopping_does_not_leave_the_bar_short():
    events = list(run(Played([{"batches": [4, 4]}, row(1)]), [training(epochs=9)]))
    assert sum(event.steps for event in events) == 9 * STEPS


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"failed": {"status": "skipped", "note": "no data"}}, "skipped"),
        (WorkerEnded("crashed", "gone"), "crashed"),
    ],
)
def test_what_fails_is_a_row_and_the_next_training_begins(answer, status):
    session = Played([answer], [row(1)])
    rows = [event.row for event in run(session, [training(), training(seed=1)]) if event.row]
    assert [(one.status, one.context["seed"]) for one in rows] == [(status, 0), ("ok", 0)]
    assert rows[0].note
    assert [one["seed"] for one in session.asked] == [0, 1]
    assert session.renewed == 1


def test_every_task_and_variant_has_a_fresh_worker():
    session = Played(*[[row(1)]] * 4)
    other = Training(TASKS[2], "reference")
    list(run(session, [training(), training(seed=1), other, training(variant="torch")]))
    assert session.renewed == 3


def test_the_first_and_the_last_batch_are_told_and_few_between():
    said, now = [], iter([10.0, 10.1, 10.2, 10.9, 10.95])
    told = Batches(said.append, lambda: next(now))
    for done in range(1, 6):
        told(done, 5)
    assert [one["batches"][0] for one in said] == [1, 4, 5]

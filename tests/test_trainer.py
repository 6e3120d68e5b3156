"""Trainings in workers: which task is meant, how far it is, and what becomes of one that fails."""

import pytest

from nnbench.errors import NnbenchError
from nnbench.failures import explain
from nnbench.model import CaseInfo, ComponentInfo, Measurement, plain
from nnbench.processes.process import WorkerEnded
from nnbench.trainer import STEPS, Training, find_task, run, steps, trajectory
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
    told = [event.doing for event in events if event.steps and event.doing]
    assert told == [f"epoch {epoch} of 2, seed 0: architectures.net@reference" for epoch in (1, 1, 2, 2)]
    assert [event.row.context["epoch"] for event in events if event.row] == [1, 2]


def test_what_is_trained_before_is_told_and_moves_no_bar():
    session = Played([{"doing": "training its backbone, batch 1 of 4"}, {"batches": [4, 4]}, row(1)])
    events = list(run(session, [training(epochs=1)]))
    assert any(event.doing.startswith("training its backbone, batch 1 of 4, ") and not event.steps for event in events)
    assert sum(event.steps for event in events) == STEPS


def test_batches_of_a_backbone_are_none_of_the_training():
    said = []
    told = Batches(said.append, lambda: 0.0)
    told(1, 4, "training its backbone, epoch 1 of 2")
    told(1, 4)
    assert said == [{"doing": "training its backbone, epoch 1 of 2, batch 1 of 4"}, {"batches": [1, 4]}]


@pytest.mark.parametrize(("batch", "skipped"), [(1, 2000), (3, 2500)])
def test_what_a_checkpoint_holds_is_passed_over_and_no_step(batch, skipped):
    answers = [{"resumed": 2}, {"batches": [batch, 4]}, {"batches": [4, 4]}, row(3), {"batches": [4, 4]}, row(4)]
    events = list(run(Played(answers), [training(epochs=4)]))
    assert sum(event.skipped for event in events) == skipped
    assert sum(event.steps for event in events) == 4 * STEPS - skipped
    assert next(event.doing for event in events if event.steps).startswith("epoch 3 of 4, ")


@pytest.mark.parametrize("epochs", [2, 5])
def test_where_nothing_is_left_all_is_passed_over(epochs):
    events = list(run(Played([{"resumed": epochs}]), [training()]))
    assert [sum(event.skipped for event in events), sum(event.steps for event in events)] == [2 * STEPS, 0]


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


def test_what_is_refused_is_an_error_and_no_row():
    session = Played([{"failed": {"status": "failed", "note": "one.pt is of another training", "refused": True}}])
    with pytest.raises(NnbenchError, match=r"^architectures\.net@reference, seed 0: one\.pt is of another training$"):
        list(run(session, [training()]))
    assert explain(NnbenchError("one.pt is of another training")) == ("failed", "one.pt is of another training")
    left_out = Played([{"failed": {"status": "skipped", "note": "no data", "refused": True}}])  # it is not here
    assert [event.row.note for event in run(left_out, [training()]) if event.row] == ["no data"]


def test_every_row_says_how_many_epochs_were_asked_for():
    events = run(Played([row(1)], [WorkerEnded("crashed", "gone")]), [training(epochs=9), training(seed=1)])
    assert [event.row.context["epochs"] for event in events if event.row] == [9, 2]


def test_what_crashes_after_an_epoch_is_of_its_data():
    first = row(1)
    first["row"]["context"] |= {"checksum": "abc", "split": "all", "weights": "def", "stopped": ""}
    events = list(run(Played([first, WorkerEnded("crashed", "gone")]), [training()]))
    last = [event.row for event in events if event.row][-1]
    assert (last.status, last.values) == ("crashed", ())
    assert last.context == {
        "data": "digits", "seed": 0, "epoch": 1, "epochs": 2, "checksum": "abc", "split": "all",
    }  # fmt: skip


def test_first_steps_are_told_with_what_is_trained_before_and_keep_what_was_asked_for():
    said = []
    step = {"step": {"loss": "0x1p+0", "tensors": {"weight": 1}}}
    session = Played([{"doing": "training its backbone, batch 1 of 4"}, step, step])
    found = trajectory(session, training(epochs=2), 5, tell=lambda doing, steps: said.append((doing, steps)))
    assert "training its backbone, batch 1 of 4" in said[0][0]
    assert [steps for _, steps in said] == [0, 1, 1]
    assert (len(found.steps), found.asked, found.epochs) == (2, 5, 2)
    assert (session.asked[0]["steps"], session.asked[0]["epochs"]) == (5, 2)


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

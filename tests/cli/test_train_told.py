"""What ``nnbench train`` says while it trains and at the end, and which of it is worth a stored run."""

import json

import pytest

from nnbench import trainer
from nnbench.cli import train
from nnbench.cli.train_told import Teller
from nnbench.model import Measurement, Run, Status
from nnbench.store import runs_folder
from nnbench.trainer import Event

WHO = "mine.net@reference on points, seed 0"


def row(metric, epoch, *values, status=Status.OK, note=""):
    about = {"data": "points", "seed": 0, "epoch": epoch, "test_samples": 100}
    case = f"points,epoch={epoch}" if values else "points"
    return Measurement("mine.net", "reference", case, metric, "1", values, status=status, note=note, context=about)


def epoch(number, **more):
    return [row("train_loss", number, 0.5, **more), row("test_loss", number, 0.25, **more)]


LEFT_OVER = [row("calibration_error", 2, 0.1)]
CRASHED = row("train_loss", 1, status=Status.CRASHED, note="gone")
SKIPPED = row("train_loss", 0, status=Status.SKIPPED, note="no data")
EPOCH = "mine.net@reference seed 0 epoch   1  train loss 0.5000  test loss 0.2500"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (epoch(1), [EPOCH, f"{WHO}: a test loss of 0.25 after 1 epoch"]),
        (LEFT_OVER, [f"{WHO}: nothing was left to train, its checkpoint is of epoch 2"]),
        ([*epoch(1), CRASHED], [EPOCH, f"{WHO}: crashed after 1 epoch: gone"]),
        ([SKIPPED], [f"{WHO}: skipped: no data"]),
        (epoch(1, status=Status.FAILED, note="not finite"), [EPOCH, f"{WHO}: failed in epoch 1: not finite"]),
    ],
)
def test_each_thing_is_told_once(capsys, rows, said):
    teller = Teller()
    for one in rows:
        teller.note(one)
    teller.end()
    assert capsys.readouterr().out.splitlines() == said


@pytest.mark.parametrize(
    ("rows", "is_stored"),
    [
        (epoch(1), True),
        ([CRASHED], True),
        ([*epoch(2), *LEFT_OVER], True),
        (LEFT_OVER, False),
        ([SKIPPED], False),
        ([], False),
    ],
)
def test_a_run_is_stored_where_an_epoch_or_a_failure_is_in_it(monkeypatch, tmp_path, capsys, rows, is_stored):
    made = Run("20260101T000000Z-00000a", "2026-01-01T00:00:00+00:00", "nnbench train", "", False, {"id": "m"})
    monkeypatch.setattr(train, "new_run", lambda results: made)
    monkeypatch.setattr(trainer, "run", lambda *asked: (Event(row=one) for one in rows))
    train._follow(None, [], "cpu", tmp_path, True)
    assert len(list(runs_folder(tmp_path).glob("*.parquet"))) == is_stored
    assert list((tmp_path / "journals").glob("*")) == []
    told = capsys.readouterr()
    assert len(json.loads(told.out)) == len(rows)
    assert ("stored as" in told.err) == is_stored


@pytest.mark.parametrize(("last", "told"), [(20, "; known: 98.3 ± 0.3 % (5 seeds, without nnbench)"), (19, "")])
def test_what_is_known_of_the_same_training_stands_beside_what_came_out(capsys, last, told):
    about = {"data": "mnist", "seed": 0, "epoch": last, "test_samples": 10_000}
    teller = Teller()
    teller.note(
        Measurement("architectures.mnist_mlp", "torch", "mnist", "test_accuracy", "1", (0.9834,), context=about)
    )
    teller.end()
    assert capsys.readouterr().out.splitlines()[-1].endswith(f" after {last} epochs{told}")

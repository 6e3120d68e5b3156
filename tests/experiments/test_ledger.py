"""Trials and experiments in the store: what comes back is what went in, and half a trial is none."""

from dataclasses import replace

import made_up
import pytest

from nnbench import store
from nnbench.experiments import ledger
from nnbench.experiments.ledger import Kept
from nnbench.experiments.trials import identity
from nnbench.model import Measurement, Run, Status, plain

EPOCH = {"train_loss": 0.5, "test_accuracy": 0.9, "training_time": 2.0}


def measured(trial, epochs=2, final=(("train_accuracy", (0.95,)), ("confusion", (3.0, 1.0, 0.0, 4.0)))):
    names = {"component": trial.task, "variant": trial.variant, "case": "mnist,x", "unit": "1"}
    context = {"seed": trial.seed, "data": trial.data}
    rows = [
        Measurement(**names, metric=metric, values=(value + number,), context=context | {"epoch": number})
        for number in range(1, epochs + 1)
        for metric, value in EPOCH.items()
    ]
    last = context | {"epoch": epochs}
    return [*rows, *(Measurement(**names, metric=metric, values=values, context=last) for metric, values in final)]


def trial(name="adam", seed=0, **changes):
    return replace(made_up.trial(made_up.optimizer(name), seed, 2), **changes)


def kept(one, rows=None, run="", **facts):
    return Kept(ledger.outcome(one, measured(one) if rows is None else rows, run), facts)


def rows_of(one, rows=None, **facts):
    rows = measured(one) if rows is None else rows
    return ledger.rows_of(kept(one, rows, **facts), rows)


def stored(results, rows, number=1):
    made = Run(
        f"20260101T00000{number}Z-00000{number}", f"2026-01-01T00:00:0{number}+00:00", "nnbench compare", "", False, {}
    )
    store.write_run(store.runs_folder(results), replace(made, measurements=tuple(rows)))
    return made.id


def test_an_outcome_adds_up_the_seconds_and_keeps_what_was_measured_once():
    found = ledger.outcome(trial(), measured(trial()))
    assert [(one.number, one.seconds) for one in found.epochs] == [(1, 3.0), (2, 7.0)]
    assert found.epochs[1].values == {"train_loss": 2.5, "test_accuracy": 2.9, "training_time": 4.0}
    assert found.final == {"train_accuracy": (0.95,), "confusion": (3.0, 1.0, 0.0, 4.0)}
    assert (found.status, found.last("test_accuracy"), found.last("train_accuracy")) == ("ok", 2.9, 0.95)


def test_a_trial_that_ends_badly_keeps_its_epochs_and_its_cause():
    crash = replace(measured(trial())[0], status=Status.CRASHED, note="killed", values=(), context={"epoch": 3})
    found = ledger.outcome(trial(), [*measured(trial(), final=()), crash])
    assert (found.status, found.note, len(found.epochs)) == ("crashed", "killed", 2)


def test_a_trial_comes_back_from_the_store_as_it_was(tmp_path):
    run = stored(tmp_path, rows_of(trial(), host="here", checksum="c0ffee"))
    found = ledger.stored(tmp_path, [identity(trial())])
    assert found == {(run, identity(trial())): kept(trial(), run=run, host="here", checksum="c0ffee")}


def test_a_trial_without_its_closing_row_is_none(tmp_path):
    stored(tmp_path, rows_of(trial())[:-1])
    assert ledger.stored(tmp_path, [identity(trial())]) == {}
    assert ledger.reusable(tmp_path, [trial()]) == {}


def test_a_trial_is_used_again_under_the_name_that_it_has_now(tmp_path):
    stored(tmp_path, rows_of(trial()))
    asked = trial(factor="lr=0.001,0.01", contender="lr 0.001")
    (found,) = ledger.reusable(tmp_path, [asked, trial(seed=1)]).values()
    assert (found.outcome.trial, found.outcome.reused) == (asked, True)


def test_the_newest_of_two_equal_trials_counts(tmp_path):
    stored(tmp_path, rows_of(trial()), 1)
    newest = stored(tmp_path, rows_of(trial()), 2)
    assert ledger.reusable(tmp_path, [trial()])[identity(trial())].outcome.run == newest


@pytest.mark.parametrize(
    ("status", "again"), [("failed", False), ("crashed", True), ("out of memory", True), ("timed out", True)]
)
def test_what_may_end_otherwise_next_time_is_tried_again(tmp_path, status, again):
    failing = [*measured(trial(), 1, ()), replace(measured(trial())[0], status=status, values=())]
    stored(tmp_path, rows_of(trial(), failing))
    found = ledger.reusable(tmp_path, [trial()])
    assert (found == {}) is again


def test_an_experiment_comes_back_from_the_store_as_it_was(tmp_path):
    made = made_up.experiment(wrong="adam", left_out=("seed 9 is left out.",))
    rows, run = [], "20260101T000001Z-000001"
    for one in (*made.outcomes, *made.tuning):
        values = [
            Measurement(one.trial.task, "reference", "c", metric, "1", (value,), context={"epoch": epoch.number})
            for epoch in one.epochs
            for metric, value in {**epoch.values, "training_time": made_up.SECONDS}.items()
        ]
        final = [
            Measurement(one.trial.task, "reference", "c", metric, "1", numbers, context={"epoch": 5})
            for metric, numbers in one.final.items()
        ]
        rows += ledger.rows_of(Kept(one), [*values, *final])
    there = replace(
        made,
        outcomes=tuple(replace(one, run=run) for one in made.outcomes),
        tuning=tuple(replace(one, run=run) for one in made.tuning),
    )
    assert stored(tmp_path, [*rows, ledger.row_of(there, {"adam": "0123"})]) == run
    (found,) = ledger.experiments(tmp_path)
    assert [len(one.epochs) for one in found.outcomes] == [len(one.epochs) for one in there.outcomes]
    assert [plain(without_times(one)) for one in found.outcomes] == [
        plain(without_times(one)) for one in there.outcomes
    ]
    assert [one.trial for one in found.tuning] == [one.trial for one in there.tuning]
    assert replace(found, outcomes=(), tuning=()) == replace(there, outcomes=(), tuning=())
    assert ledger.known_checks(tmp_path) == {("optimizers.adam@torch", "0123"): made.checks["adam"]}


def without_times(one):
    epochs = [
        replace(epoch, values={name: value for name, value in epoch.values.items() if name != "training_time"})
        for epoch in one.epochs
    ]
    return replace(one, epochs=tuple(epochs))


@pytest.mark.parametrize("spoil", ["described", "experiment", "contenders", "outcomes"])
def test_what_another_nnbench_wrote_otherwise_is_passed_over(tmp_path, spoil, recwarn):
    one = trial()
    rows = rows_of(one)
    made = made_up.experiment(seeds=1, tuned=False)
    header = ledger.row_of(replace(made, outcomes=(ledger.outcome(one, (), "x"),)), {"adam": "0123"})
    content = dict(header.context["experiment"])
    if spoil == "described":
        rows[-1] = replace(rows[-1], context=rows[-1].context | {"described": {"task": "t", "colour": "red"}})
    elif spoil == "experiment":
        header = replace(header, context={"experiment": 3})
    else:
        del content["contenders"]
        changed = content | ({"outcomes": ["x"]} if spoil == "outcomes" else {})
        header = replace(header, context={"experiment": changed})
    stored(tmp_path, [*rows, header])
    assert [one.outcomes for one in ledger.experiments(tmp_path)] == ([()] if spoil == "described" else [])
    assert len(recwarn) == (spoil in ("described", "contenders"))
    assert len(ledger.known_checks(tmp_path)) == (spoil in ("described", "contenders"))


def test_a_store_without_experiments_has_none(tmp_path):
    assert ledger.experiments(tmp_path) == []
    assert ledger.known_checks(tmp_path) == {}

"""An experiment made: stored trial by trial, resumed, tuned, cut by a budget, and honest about what went wrong."""

from dataclasses import replace

import pytest
from plans import COMPONENTS, Crew, Shown, answer, plan, row, trained

from nnbench import store
from nnbench.errors import NnbenchError
from nnbench.experiments import executors, ledger
from nnbench.experiments.experiment import Place, run
from nnbench.experiments.purse import Purse
from nnbench.model import Run

EVERYTHING = [("adam", 0), ("sgd", 0), ("adam", 1), ("sgd", 1)]


class KilledWorker(Exception):
    """As Dask's is called."""


@pytest.fixture
def make(tmp_path):
    """Makes the plan's experiment with a crew, as a run of its own in the one store; what ends it is raised."""
    numbers = iter(range(1, 9))

    def make(crew, one=None, progress=None, purse=None):
        number = next(numbers)
        name = f"20260101T00000{number}Z-00000{number}"
        header = Run(name, f"2026-01-01T00:00:0{number}+00:00", "nnbench compare", "", False, {})
        with store.Journal(tmp_path, header) as journal:
            place = Place((), COMPONENTS, tmp_path, name, journal.add, 60.0, told={"command": "nnbench compare"})
            return run(one or plan(), crew, place, progress or Shown(), purse)

    return make


def test_every_contender_is_trained_under_every_seed(make):
    crew, progress = Crew(), Shown()
    made = make(crew, progress=progress)
    assert crew.asked == [(one.trial.contender, one.trial.seed) for one in made.outcomes] == EVERYTHING
    assert [one.last("test_accuracy") for one in made.of("adam")] == [pytest.approx(0.91), pytest.approx(0.911)]
    assert {one.status for one in made.outcomes} == {"ok"}
    assert (made.left_out, made.tuning) == ((), ())
    assert progress.steps == progress.totals[-1] == 8000  # two epochs of four trials
    assert {name: (one.component, one.passed) for name, one in made.checks.items()} == {
        "adam": ("optimizers.adam@torch", 3),
        "sgd": ("optimizers.sgd@torch", 3),
    }


def test_implementations_are_checked_once_every_contender_has_been_trained(make):
    order = []

    class Listed(Crew):
        def submit(self, job):
            order.append(job["work"])
            return super().submit(job)

    make(Listed())
    assert order == ["train", "train", "check", "check", "train", "train"]
    order.clear()
    make(Listed(), plan(seeds=(0, 1, 2)))
    assert order == ["train", "train"]  # what is known of the checks is in the store


def test_the_protocol_names_data_seeds_and_command(make):
    protocol = make(Crew()).protocol
    told = {name: protocol[name] for name in ("command", "data", "checksum", "split", "seeds", "epochs", "hosts")}
    assert told == {
        "command": "nnbench compare",
        "data": "digits",
        "checksum": "c0ffee",
        "split": "its",
        "seeds": [0, 1],
        "epochs": 2,
        "hosts": ["here"],
    }


def test_asked_again_nothing_is_trained(make, tmp_path):
    first = make(Crew())
    again = Crew()
    second = make(again)
    assert again.done == []
    assert [one.reused for one in second.outcomes] == [True] * 4
    assert [replace(one, reused=False) for one in second.outcomes] == list(first.outcomes)
    assert ledger.experiments(tmp_path) == [first, second]


def test_more_seeds_train_only_what_is_new(make):
    make(Crew())
    crew = Crew()
    made = make(crew, plan(seeds=(0, 1, 2)))
    assert crew.asked == [("adam", 2), ("sgd", 2)]
    assert len(made.outcomes) == 6


def test_what_was_finished_before_a_kill_is_not_trained_again(make):
    class Interrupted(Crew):
        def submit(self, job):
            if len(self.done) == 3:
                raise KeyboardInterrupt
            return super().submit(job)

    with pytest.raises(KeyboardInterrupt):
        make(Interrupted())
    crew = Crew()
    made = make(crew)
    assert crew.asked == [("sgd", 1)]
    assert [one.reused for one in made.outcomes] == [True, True, True, False]


def test_a_trial_that_kills_its_workers_is_a_result_and_the_others_go_on(make):
    def work(job):
        if (job["request"]["contender"], job["request"]["seed"]) == ("adam", 0):
            raise KilledWorker("it died on 4 workers\nand more")
        return trained(job)

    made = make(Crew(work))
    found = [(one.status, one.note) for one in made.outcomes]
    assert found == [("crashed", "it died on 4 workers"), *[("ok", "")] * 3]
    assert make(Crew()).outcomes[0].status == "ok"  # the next time it is tried again


def test_a_trial_that_diverges_is_a_result_that_is_kept(make):
    def work(job):
        note = "the loss is no longer finite"
        bad = row(job["request"], 2, "train_loss", float("nan"), status="failed", note=note)
        return answer(job, [row(job["request"], 1, "test_accuracy", 0.5), bad])

    made = make(Crew(work))
    assert {(one.status, one.note) for one in made.outcomes} == {("failed", "the loss is no longer finite")}
    again = Crew()
    assert make(again).outcomes[0].epochs[0].values == {"test_accuracy": 0.5}
    assert again.done == []


def test_a_contender_that_cannot_be_trained_is_told_once(make):
    def work(job):
        if job["request"]["contender"] == "sgd":
            return answer(
                job, [row(job["request"], 1, "train_loss", 0.0, status="skipped", note="it takes no such lr")]
            )
        return trained(job)

    crew = Crew(work)
    made = make(crew)
    assert crew.asked == [("adam", 0), ("sgd", 0), ("adam", 1)]
    assert made.left_out == ("sgd was not trained: it takes no such lr.",)


def test_workers_with_other_software_are_refused(make):
    def work(job):
        return trained(job) | {"software": {**trained(job)["software"], "torch": "0.1"}, "host": "far"}

    with pytest.raises(NnbenchError, match=r"the worker on far has other software: torch 0.1 there"):
        make(Crew(work))


def test_workers_that_cannot_be_reached_end_it_and_what_is_finished_stays(make):
    def work(job):
        if job["request"]["seed"] == 1:
            raise ConnectionError("gone")
        return trained(job)

    with pytest.raises(executors.Lost, match=r"ConnectionError: gone.*the same command goes on"):
        make(Crew(work))
    crew = Crew()
    make(crew)
    assert crew.asked == [("adam", 1), ("sgd", 1)]


def test_tuning_comes_first_and_decides_the_rates(make):
    def work(job):
        rate = job["request"]["changes"]["lr"]
        return trained(job, 0.9 - abs(rate - 0.00316228))

    crew = Crew(work)
    made = make(crew, plan(tune=3))
    roles = [job["request"]["role"] for job in crew.done]
    assert roles == ["tuning"] * 6 + ["final"] * 4
    assert [one.changes["lr"] for one in made.contenders] == [0.00316228, 0.00316228]
    assert {one.trial.changes["lr"] for one in made.outcomes} == {0.00316228}
    assert made.protocol["grid"]["sgd"] == [0.00316228, 0.01, 0.0316228]
    assert len(made.tuning) == 6
    assert {job["request"]["holds_out"] for job in crew.done} == {True}


def test_a_contender_that_cannot_be_trained_leaves_the_others_their_rates(make):
    def work(job):
        if job["request"]["contender"] == "sgd":
            return answer(job, [row(job["request"], 1, "train_loss", 0.0, status="skipped", note="it takes no lr")])
        return trained(job, 0.9 - abs(job["request"]["changes"]["lr"] - 0.00316228))

    made = make(Crew(work), plan(tune=3))
    assert made.contenders[0].changes["lr"] == 0.00316228


class Clock:
    """Five seconds pass with each job."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def work(self, job):
        self.now += 5.0
        return trained(job)


def test_what_a_budget_left_out_is_told_in_seeds(make):
    clock = Clock()
    made = make(Crew(clock.work), plan(seeds=(0, 1, 2, 3), budget=24.0), purse=Purse(24.0, clock))
    assert [one.trial.seed for one in made.outcomes] == [0, 0, 1, 1]
    (told,) = made.left_out
    assert told == ("The budget of 24 s was spent: 4 of 8 trainings are left out, seeds 2 and 3 with all contenders.")


def test_a_budget_that_ends_within_a_seed_names_who_is_missing(make):
    clock = Clock()
    made = make(Crew(clock.work), plan(seeds=(0,), budget=4.0), purse=Purse(4.0, clock))
    assert [one.trial.contender for one in made.outcomes] == ["adam"]
    assert made.left_out[0].endswith("1 of 2 trainings are left out, seed 0 with sgd.")


def test_a_budget_cuts_the_grid_for_all_alike(make):
    clock = Clock()
    made = make(Crew(clock.work), plan(tune=7, budget=60.0), purse=Purse(60.0, clock))
    assert len(made.tuning) == 6  # 36 seconds of the 60: three rates for each
    assert made.left_out[0] == (
        "The budget of 1 min was spent before every contender had been tried with 4 of the 7 learning rates; "
        "the best of the others are compared."
    )
    assert [one.trial.seed for one in made.outcomes] == [0, 0, 1, 1]

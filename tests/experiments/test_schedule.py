"""The order of trials, grids of learning rates, what is chosen by validation, and what a budget leaves."""

import math

import pytest
from made_up import outcome
from plans import plan

from nnbench.experiments.purse import Purse
from nnbench.experiments.records import FINAL, TUNING, Contender
from nnbench.experiments.schedule import (
    TUNING_SEED,
    Queue,
    chosen,
    final_rounds,
    grid,
    learning_rate,
    share_rounds,
    tuning_rounds,
    validation_metric,
)


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_trials_go_seed_by_seed():
    one = plan(seeds=(3, 4))
    order = [(trial.seed, trial.contender) for trials in final_rounds(one, one.contenders) for trial in trials]
    assert order == [(3, "adam"), (3, "sgd"), (4, "adam"), (4, "sgd")]


def test_a_grid_begins_at_the_own_rate_and_widens_by_half_decades():
    assert grid(0.01, 2) == [0.01, 0.00316228]
    assert sorted(grid(0.01, 5)) == [0.001, 0.00316228, 0.01, 0.0316228, 0.1]


def test_a_contender_without_a_rate_has_the_recipes():
    one = plan()
    assert learning_rate(Contender("dropout 0.5", {"arguments": {"dropout": 0.5}}), one) == 0.001
    assert learning_rate(Contender("a", {"optimizer_arguments": {"lr": 0.5}}), one) == 0.5
    assert learning_rate(Contender("a", {"optimizer_arguments": {"momentum": 0.9}, "lr": 2}), one) == 2.0


def test_every_contender_is_tuned_with_as_many_trials_away_from_the_test_part_and_the_seeds():
    one = plan(tune=3)
    trials = [trial for trials in tuning_rounds(one) for trial in trials]
    assert [trial.contender for trial in trials] == ["adam", "sgd"] * 3
    assert {(trial.role, trial.seed, trial.holds_out) for trial in trials} == {(TUNING, TUNING_SEED, True)}
    assert TUNING_SEED not in one.seeds
    finals = [trial for trials in final_rounds(one, one.contenders) for trial in trials]
    assert {(trial.role, trial.holds_out) for trial in finals} == {(FINAL, True)}  # as many samples as when tuned
    assert not any(trial.holds_out for trials in final_rounds(plan(), one.contenders) for trial in trials)


@pytest.mark.parametrize(("better", "best"), [("more", 0.00316228), ("less", 0.01)])
def test_the_rate_is_chosen_by_validation(better, best):
    one = plan(tune=2, metric="test_accuracy" if better == "more" else "test_loss", better=better)
    metric = validation_metric(one)
    values = {0.01: 0.2, 0.00316228: 0.7}
    tried = [trial for trials in tuning_rounds(one) for trial in trials if trial.contender == "sgd"]
    outcomes = [outcome(trial, [{metric: values[trial.changes["lr"]], "test_loss": 0.0}]) for trial in tried]
    adam, sgd = chosen(one, outcomes)
    assert sgd.changes == {"optimizer": "optimizers.sgd@torch", "lr": best}
    assert adam == one.contenders[0]  # nothing is known of it: it stays as it came


@pytest.mark.parametrize("spoilt", [0.7, math.nan])
def test_of_equals_the_own_rate_is_chosen_and_what_is_no_number_never(spoilt):
    one = plan(tune=2)
    values = {0.01: 0.7, 0.00316228: spoilt}
    tried = [trial for trials in tuning_rounds(one) for trial in trials if trial.contender == "sgd"]
    outcomes = [outcome(trial, [{validation_metric(one): values[trial.changes["lr"]]}]) for trial in tried]
    assert chosen(one, outcomes)[1].changes["lr"] == 0.01
    assert chosen(one, outcomes[::-1] if math.isnan(spoilt) else outcomes)[1].changes["lr"] == 0.01


def test_what_is_no_test_figure_is_chosen_by_itself():
    assert validation_metric(plan(metric="train_loss")) == "train_loss"


def test_a_round_that_would_end_too_late_is_not_begun():
    clock = Clock()
    purse = Purse(60.0, clock)
    one = plan(seeds=(0, 1, 2))
    queue = Queue(final_rounds(one, one.contenders), purse)
    first = [queue.next(0.0, 1) for _ in range(2)]  # nobody knows yet what it costs
    assert [trial.contender for trial in first] == ["adam", "sgd"]
    purse.note(first[0], 10.0)
    purse.note(first[1], 12.0)
    clock.now += 22.0
    assert [trial.seed for trial in queue.affordable(0.0, 1)] == [1, 1]
    assert queue.next(0.0, 1).seed == 1  # 22 of the 38 seconds that are left
    assert queue.next(0.0, 1).seed == 1
    clock.now += 22.0
    assert queue.next(0.0, 1) is None  # 16 seconds are left
    purse.seconds.clear()
    assert queue.next(0.0, 1) is None  # and what was given up stays so
    assert queue.affordable(0.0, 1) == []


def test_what_is_under_way_and_how_many_work_side_by_side_count():
    purse = Purse(60.0, Clock())
    trials = [plan().trial(one, 0) for one in plan().contenders]
    purse.note(trials[0], 20.0)
    assert purse.cost(trials[1]) == 20.0  # not known itself, so as the others
    assert not purse.reaches(trials, 21.0, 1)
    assert purse.reaches(trials, 20.0, 1)
    assert purse.reaches(trials, 80.0, 2)
    assert not purse.reaches(trials, 0.0, 1, share=0.5)


def test_a_part_of_the_samples_costs_its_part_until_more_is_known():
    purse, one = Purse(60.0, Clock()), plan(shares=(0.5, 0.01))
    whole = one.trial(one.contenders[0], 0)
    (half, other), _, (least, _), _ = share_rounds(one, one.contenders)
    assert (purse.cost(whole), purse.knows) == (0.0, False)
    purse.note_pace(whole, 10.0)  # by how far the first one has come
    assert (purse.cost(whole), purse.cost(half), purse.knows) == (10.0, 5.0, True)
    purse.note(whole, 20.0)
    assert (purse.cost(half), purse.cost(least)) == (10.0, 6.0)
    purse.note(half, 3.0)
    assert (purse.cost(half), purse.cost(other), purse.cost(whole)) == (3.0, 3.0, 20.0)


def test_one_that_is_slower_than_the_others_is_known_by_its_own_pace():
    purse, one = Purse(60.0, Clock()), plan()
    fast, slow = (one.trial(contender, 0) for contender in one.contenders)
    purse.note(fast, 2.0)
    assert purse.cost(slow) == 2.0
    purse.note_pace(slow, 90.0)
    assert (purse.cost(fast), purse.cost(slow)) == (2.0, 90.0)


def test_what_others_will_train_later_counts_as_far_as_the_time_reaches():
    one, clock = plan(seeds=(0, 1), tune=2), Clock()
    finals = final_rounds(one, one.contenders)
    purse = Purse(100.0, clock)
    queue = Queue(tuning_rounds(one), purse, share=0.6, after=finals)
    assert len(queue.affordable(0.0, 1)) == 8
    purse.note(finals[0][0], 15.0)
    assert [trial.role for trial in queue.affordable(0.0, 1)] == [TUNING] * 4 + [FINAL] * 2
    queue.drop("sgd")
    assert [trial.contender for trial in queue.affordable(0.0, 1)] == ["adam"] * 4


def test_nothing_is_begun_once_the_time_is_up():
    clock = Clock()
    one = plan()
    queue = Queue(final_rounds(one, one.contenders), Purse(60.0, clock))
    assert queue.next(0.0, 2).contender == "adam"
    clock.now += 61.0
    assert queue.next(0.0, 2) is None


def test_the_seeds_that_are_wanted_at_least_are_trained_whatever_they_cost():
    clock = Clock()
    one = plan(seeds=(0, 1, 2))
    queue = Queue(final_rounds(one, one.contenders), Purse(1.0, clock), at_least=2)
    clock.now += 1000.0
    assert [trial.seed for trial in queue.affordable(0.0, 1)] == [0, 0, 1, 1]
    assert [trial and trial.seed for trial in (queue.next(0.0, 1) for _ in range(5))] == [0, 0, 1, 1, None]


def test_without_a_budget_everything_is_handed_out():
    purse = Purse(0.0, Clock())
    one = plan(seeds=range(3))
    purse.note(one.trial(one.contenders[0], 0), 1e9)
    queue = Queue(final_rounds(one, one.contenders), purse)
    assert len(queue.affordable(1e9, 1)) == 6
    assert [queue.next(1e9, 1) is not None for _ in range(7)] == [True] * 6 + [False]


def test_a_contender_that_is_dropped_is_handed_out_no_more():
    one = plan(seeds=(0, 1))
    queue = Queue(final_rounds(one, one.contenders), Purse(0.0))
    assert queue.next(0.0, 1).contender == "adam"
    queue.drop("sgd")
    assert [queue.next(0.0, 1).contender, queue.next(0.0, 1)] == ["adam", None]

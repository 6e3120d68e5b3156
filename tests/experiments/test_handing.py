"""How far trials are, and how long they will still take, as those who wait are told."""

import pytest
from plans import Crew, Shown, answer, plan, trained

from nnbench.experiments import handing
from nnbench.experiments.handing import Meter, in_words
from nnbench.experiments.purse import Purse
from nnbench.experiments.records import TUNING
from nnbench.experiments.schedule import Queue, final_rounds, share_rounds, tuning_rounds
from nnbench.experiments.trials import identity


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def handed_out(one, crew, purse, clock, progress):
    """The trials of a plan, each noted in the purse when it comes back."""
    queue = Queue(final_rounds(one, one.contenders), purse)
    for finished in handing.hand_out(queue, crew, job, Meter(progress), clock):
        purse.note(finished.trial, finished.answer["seconds"])


def job(trial):
    request = {"contender": trial.contender, "seed": trial.seed, "epochs": trial.epochs, "role": trial.role}
    names = {"component": trial.task, "variant": trial.variant, "data": trial.data}
    return {"work": "train", "name": identity(trial), "request": request | names}


def test_the_time_left_is_that_of_the_trials_still_to_come():
    clock, progress = Clock(), Shown()

    def work(one):
        clock.now += 5.0
        return answer(one, [])

    handed_out(plan(), Crew(work), Purse(0.0, clock), clock, progress)
    assert [(one.trials, one.seconds) for one in progress.expected] == [
        (4, None),
        (4, 15.0),
        (4, 10.0),
        (4, 5.0),
        (4, 0),
    ]
    assert progress.trials == 4


def test_a_budget_leaves_no_more_than_can_be_done():
    clock, progress = Clock(), Shown()

    def work(one):
        clock.now += 5.0
        return answer(one, [])

    handed_out(plan(seeds=range(9)), Crew(work), Purse(28.0, clock), clock, progress)
    assert [one.trials for one in progress.expected] == [18, 4, 4, 4, 4]


class Slow(Crew):
    """Is told of, and comes to an end, only when it is ``let``."""

    def submit(self, one):
        future = super().submit(one)
        held, self.held = type(future)(), future
        self.open, self.tellings = held, []
        return held

    def told(self):
        return iter(self.tellings)


def test_the_first_trial_tells_by_its_own_pace_how_long_the_others_take(monkeypatch):
    one, clock, progress = plan(seeds=(0,), epochs=2), Clock(), Shown()
    crew = Slow(trained)
    queue = Queue(final_rounds(one, one.contenders), Purse(0.0, clock))
    seen = iter([(8.0, 0.0), (20.0, 0.2), (23.0, 0.8)])  # seconds, and epochs done: twelve seconds are of preparation

    def look(trials, **_):
        clock.now, epochs = next(seen, (26.0, 2.0))
        crew.tellings = [(identity(one.trial(one.contenders[0], 0)), epochs)]
        if epochs == 2.0:
            crew.open.set_result(crew.held.result())
        return {future for future in trials if future.done()}, set()

    monkeypatch.setattr(handing, "wait", look)
    first = next(handing.hand_out(queue, crew, job, Meter(progress), clock))
    assert first.trial.contender == "adam"
    # 0.3 of it took 3 s, so all of it takes 10: of this one 6 are left, and the other one is still to come.
    assert [told.seconds for told in progress.expected] == [None, None, None, pytest.approx(16.0)]


def test_one_that_takes_longer_than_it_should_is_not_said_to_be_nearly_done(monkeypatch):
    one, clock, progress = plan(seeds=(0,), epochs=1), Clock(), Shown()
    crew, purse = Slow(trained), Purse(0.0, clock)
    purse.note(one.trial(one.contenders[0], 1), 10.0)
    queue = Queue([(one.trial(one.contenders[1], 0),)], purse)
    seen = iter([0.0, 4.0, 60.0])

    def look(trials, **_):
        clock.now = next(seen)
        crew.tellings = [(identity(one.trial(one.contenders[1], 0)), 0.0)]
        if clock.now == 60.0:
            crew.open.set_result(crew.held.result())
        return {future for future in trials if future.done()}, set()

    monkeypatch.setattr(handing, "wait", look)
    hands = handing.hand_out(queue, crew, job, Meter(progress), clock)
    next(hands)
    assert [told.seconds for told in progress.expected] == [10.0, 10.0, 6.0]
    crew, queue = Slow(trained), Queue([(one.trial(one.contenders[1], 0),)], purse)
    seen = iter([0.0, 50.0, 60.0])
    next(handing.hand_out(queue, crew, job, Meter(progress), clock))
    assert progress.expected[-1].seconds == pytest.approx(5.0)


def test_a_trial_is_told_by_what_it_does_otherwise():
    one = plan(tune=2, shares=(0.1,))
    assert in_words(one.trial(one.contenders[0], 3)) == "adam, seed 3"
    assert in_words(tuning_rounds(one)[0][1]) == "sgd, learning rate 0.01"
    assert in_words(share_rounds(one, one.contenders)[0][0]) == "adam, seed 0, 0.1 of the samples"
    assert tuning_rounds(one)[0][1].role == TUNING

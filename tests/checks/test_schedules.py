"""Schedules: torch's own pass against closed forms, and every kind of wrong one is caught."""

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import ExponentialLR, LambdaLR, ReduceLROnPlateau, StepLR

from nnbench import Suite, case, rand
from nnbench.checks.battery import check

SEED = 5


def rows(reference, oracle=None, *, variant="reference", inputs=(), variants=None, **arguments):
    made = Suite("mine").component(
        "schedule",
        kind="scheduler",
        reference=reference,
        oracle=oracle,
        variants=variants,
        cases=[case(*inputs, **arguments)],
    )
    return {row.check: row for row in check(made, variant, made.cases[0], SEED)}


def wrong(found):
    return {name for name, row in found.items() if row.status not in ("passed", "skipped")}


def stairs(initial, steps, step_size, gamma=0.1):
    return initial * gamma ** (steps // step_size)


def test_a_right_schedule_passes():
    found = rows(StepLR, stairs, step_size=30)
    asked = ["closed_form", "chained", "resume", "rates_only"]
    asked += ["begun_later", "sent_to_an_epoch", "outside_rates", "later_group", "same_state", "defaults"]
    assert list(found) == asked
    assert not wrong(found)
    assert not wrong(rows(ExponentialLR, lambda initial, steps, gamma: initial * gamma**steps, gamma=0.95))


class Late(StepLR):
    """A step late."""

    def get_lr(self):
        self.last_epoch -= 1
        try:
            return super().get_lr()
        finally:
            self.last_epoch += 1


class Meddling(StepLR):
    """Changes the momentum too."""

    def step(self, epoch=None):
        super().step(epoch)
        for group in self.optimizer.param_groups:
            group["momentum"] = 0.5


class Forgetful(StepLR):
    """Loads nothing."""

    def load_state_dict(self, state_dict):
        pass


class FirstGroup(StepLR):
    """Leaves the second group alone."""

    def get_lr(self):
        return [super().get_lr()[0], self.optimizer.param_groups[1]["lr"]]


class AStepBehind(StepLR):
    """Reports the rates of the step before, which at the end are the same."""

    def get_last_lr(self):
        before = self.gamma ** ((self.last_epoch - 1) // self.step_size)
        return [base * before for base in self.base_lrs]


class SilentAtFirst(StepLR):
    """Reports no rate before it is stepped."""

    def get_last_lr(self):
        return super().get_last_lr() if self.last_epoch else [0.0, 0.0]


class Unwritable(StepLR):
    """Its state holds what no file does."""

    def state_dict(self):
        return super().state_dict() | {"factor": lambda: self.gamma}


class StartsOverFromTheFirstStep(StepLR):
    """A state of the very first epochs is taken for none."""

    def load_state_dict(self, state_dict):
        if state_dict["last_epoch"] > 1:
            super().load_state_dict(state_dict)


class Boasting(StepLR):
    """Reports another rate than it sets."""

    def get_last_lr(self):
        return [2 * rate for rate in super().get_last_lr()]


@pytest.mark.parametrize(
    ("mutant", "caught_by"),
    [
        (Late, "closed_form"),
        (Meddling, "rates_only"),
        (Forgetful, "resume"),
        (FirstGroup, "closed_form"),
        (Boasting, "rates_only"),
        (AStepBehind, "rates_only"),
        (SilentAtFirst, "rates_only"),
        (Unwritable, "resume"),
        (StartsOverFromTheFirstStep, "resume"),
    ],
)
def test_a_wrong_schedule_is_caught(mutant, caught_by):
    assert caught_by in wrong(rows(mutant, stairs, step_size=30))


def test_the_first_wrong_step_is_told():
    found = rows(StepLR, lambda initial, steps, step_size: stairs(initial, steps + 1, step_size), step_size=30)
    assert "first at step 29: [0.1, 0.003] where [0.01" in found["closed_form"].note


def test_a_schedule_that_never_moves_proves_nothing():
    found = rows(StepLR, stairs, step_size=1000)
    assert found["closed_form"].status == "mistrusted"


PLATEAU = {"patience": 3, "factor": 0.5}


class TakesNaNForBetter(ReduceLROnPlateau):
    def _is_better(self, a, best):
        return not a >= best

    is_better = _is_better


class Impatient(ReduceLROnPlateau):
    def __init__(self, optimizer, patience=10, **more):
        super().__init__(optimizer, patience=patience - 1, **more)


def test_a_plateau_is_judged_on_scripts():
    more = {"inputs": (rand(240),), "variants": {"torch": ReduceLROnPlateau}} | PLATEAU
    assert not wrong(rows(ReduceLROnPlateau, **more))
    for mutant, script in ((TakesNaNForBetter, "no numbers"), (Impatient, "")):
        found = rows(mutant, **more)
        assert "closed_form" in wrong(found)
        assert script in found["closed_form"].note


def test_variants_are_held_against_the_reference():
    more = {"variants": {"mine": Late}, "step_size": 30}
    found = rows(StepLR, stairs, variant="mine", **more)
    assert "closed_form" in wrong(found)
    assert "against the reference" in found["closed_form"].note


def test_without_a_judge_it_says_so():
    assert rows(StepLR, step_size=30)["closed_form"].status == "skipped"


def test_a_script_needs_draws_enough():
    found = rows(ReduceLROnPlateau, inputs=(rand(20),), variants={"torch": ReduceLROnPlateau})
    assert "rand(T)" in found["closed_form"].note


def test_an_oracle_of_other_steps_is_no_judge():
    found = rows(StepLR, lambda initial, steps, step_size: np.ones(3), step_size=30)
    assert found["closed_form"].status == "failed"


def test_a_rate_that_is_no_number_is_wrong():
    class Broken(LambdaLR):
        def __init__(self, optimizer, step_size):
            super().__init__(optimizer, lambda epoch: float("nan") if epoch > 100 else 0.9**epoch)

    found = rows(Broken, stairs, step_size=30)
    assert found["closed_form"].status == "failed"
    assert torch.tensor(found["closed_form"].error).isinf()


class Alone(StepLR):
    """Sets what it should be if nothing else changed the rates."""

    def get_lr(self):
        return self._get_closed_form_lr()


def test_two_on_one_optimizer_are_as_the_reference_s():
    more = {"variants": {"torch": StepLR, "mine": Alone}, "step_size": 30}
    assert rows(StepLR, stairs, **more)["chained"].status == "passed"
    assert not wrong(rows(Alone, stairs, **more)) & {"closed_form", "resume", "rates_only"}
    assert "chained" in wrong(rows(Alone, stairs, **more))
    found = rows(StepLR, stairs, variant="mine", **more)
    assert "chained" in wrong(found)
    assert "two on one optimizer, against the reference first at step 30" in found["chained"].note
    assert rows(StepLR, stairs, step_size=30)["chained"].status == "skipped"  # nobody to say what is right


class WithoutPause(ReduceLROnPlateau):
    """Loads a state but for the pause that is on."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.cooldown_counter = 0


def test_what_is_lost_just_behind_a_fall_shows():
    more = {"inputs": (rand(240),), "variants": {"torch": ReduceLROnPlateau}, "cooldown": 4} | PLATEAU
    assert not wrong(rows(ReduceLROnPlateau, **more))
    assert wrong(rows(WithoutPause, **more)) == {"resume"}


class SkipsInfinities(ReduceLROnPlateau):
    """An epoch whose loss is infinite does not count."""

    def step(self, metrics, epoch=None):
        if metrics != float("inf"):
            super().step(metrics, epoch)


@pytest.mark.parametrize("patience", [1, 3, 10])
@pytest.mark.parametrize("mutant", [SkipsInfinities, TakesNaNForBetter])
def test_infinities_and_no_numbers_do_not_hang_on_chance(monkeypatch, mutant, patience):
    monkeypatch.setattr("nnbench.checks.walks.NOT_A_NUMBER", -1)
    monkeypatch.setattr("nnbench.checks.walks.INFINITE", 2)
    more = {"inputs": (rand(240),), "variants": {"torch": ReduceLROnPlateau}, "patience": patience}
    assert not wrong(rows(ReduceLROnPlateau, **more))
    assert "closed_form" in wrong(rows(mutant, **more))


class TakesEqualForBetter(ReduceLROnPlateau):
    def _is_better(self, a, best):
        return super()._is_better(a, best) or a == best

    is_better = _is_better


@pytest.mark.parametrize("patience", [2, 3])
def test_where_more_is_better_the_second_infinity_is_no_improvement(patience):
    more = {"inputs": (rand(240),), "variants": {"torch": ReduceLROnPlateau}, "mode": "max", "patience": patience}
    assert not wrong(rows(ReduceLROnPlateau, **more))
    found = rows(TakesEqualForBetter, **more)
    assert "'with infinities and no numbers' first at step" in found["closed_form"].note


class Floored(ExponentialLR):
    """With a lowest rate for each group."""

    def __init__(self, optimizer, gamma, floors):
        self.floors = floors
        super().__init__(optimizer, gamma)

    def get_lr(self):
        return [max(rate, floor) for rate, floor in zip(super().get_lr(), self.floors, strict=True)]


class FlooredAlike(Floored):
    def get_lr(self):
        return [max(rate, self.floors[0]) for rate in ExponentialLR.get_lr(self)]


def test_an_oracle_is_told_the_group_of_an_argument_that_is_a_list():
    def oracle(initial, steps, gamma, floors, group):
        return np.maximum(initial * gamma**steps, floors[group])

    more = {"oracle": oracle, "gamma": 0.9, "floors": [1e-3, 1e-4]}
    assert not wrong(rows(Floored, **more))
    assert "closed_form" in wrong(rows(FlooredAlike, **more))

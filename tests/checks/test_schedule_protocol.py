"""Schedules in torch's protocol: torch's own pass, and what goes another way from where it is put is caught."""

import warnings

import pytest
from test_schedules import rows, stairs, wrong
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LambdaLR, ReduceLROnPlateau, StepLR

from nnbench import rand

BESIDE_TORCHS = {"variants": {"torch": StepLR}, "step_size": 30}


def powers(initial, steps, gamma):
    return initial * gamma**steps


def test_torchs_own_pass():
    assert not wrong(rows(StepLR, stairs, **BESIDE_TORCHS))
    assert not wrong(rows(ExponentialLR, powers, variants={"torch": ExponentialLR}, gamma=0.97))
    assert not wrong(rows(CosineAnnealingLR, variants={"torch": CosineAnnealingLR}, T_max=50))
    more = {"inputs": (rand(240),), "variants": {"torch": ReduceLROnPlateau}, "patience": 2}
    assert not wrong(rows(ReduceLROnPlateau, **more))
    assert not wrong(rows(ReduceLROnPlateau, **more, min_lr=[1e-4, 1e-5]))


class BeginsAgain(StepLR):
    """Takes ``last_epoch`` and starts from the first epoch."""

    def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1):
        super().__init__(optimizer, step_size, gamma)


class BeginsAnEpochEarly(StepLR):
    def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1):
        super().__init__(optimizer, step_size, gamma, last_epoch - (last_epoch > 0))


class LosesCount(StepLR):
    """Sent to an epoch it has the right rates there, and goes on from where it was."""

    def step(self, epoch=None):
        before = self.last_epoch if hasattr(self, "last_epoch") else -1
        super().step(epoch)
        if epoch is not None:
            self.last_epoch = before + 1


class StaysPut(StepLR):
    """Sent to an epoch it takes a step."""

    def step(self, epoch=None):
        super().step()


class Complaining(StepLR):
    def step(self, epoch=None):
        warnings.warn("one more step", stacklevel=2)
        super().step(epoch)


class Alone(StepLR):
    """Sets what it should be if nothing else changed the rates."""

    def get_lr(self):
        return self._get_closed_form_lr()


class KnowsTheFirstGroups(StepLR):
    """What comes later keeps its rate."""

    def get_lr(self):
        known = len(self.base_lrs)
        rest = [group["lr"] for group in self.optimizer.param_groups[known:]]
        return super().get_lr()[:known] + rest


class TakesNoMore(StepLR):
    def get_lr(self):
        if len(self.optimizer.param_groups) > 2:
            raise RuntimeError("two groups and no more")
        return super().get_lr()


class UnderAnotherName(StepLR):
    def state_dict(self):
        state = super().state_dict()
        return state | {"factor": state.pop("gamma")}

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict | {"gamma": state_dict["factor"]})


class MiscountsForTheRecord(StepLR):
    def state_dict(self):
        return super().state_dict() | {"last_epoch": self.last_epoch + 1}

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict | {"last_epoch": state_dict["last_epoch"] - 1})


class ForgetsTheInitialRates(StepLR):
    def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1):
        super().__init__(optimizer, step_size, gamma, last_epoch)
        for group in optimizer.param_groups:
            group["initial_lr"] = 1.0


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("mutant", "caught_by"),
    [
        (BeginsAgain, {"begun_later"}),
        (BeginsAnEpochEarly, {"begun_later"}),
        (LosesCount, {"sent_to_an_epoch"}),
        (StaysPut, {"sent_to_an_epoch"}),
        (Complaining, {"sent_to_an_epoch"}),
        (Alone, {"chained", "begun_later", "outside_rates", "later_group"}),
        (KnowsTheFirstGroups, {"later_group"}),
        (TakesNoMore, {"later_group"}),
        (UnderAnotherName, {"same_state"}),
        (MiscountsForTheRecord, {"same_state"}),
    ],
)
def test_a_wrong_schedule_is_caught(mutant, caught_by):
    assert wrong(rows(mutant, stairs, **BESIDE_TORCHS)) == caught_by


def test_initial_rates_belong_to_the_state():
    found = rows(ForgetsTheInitialRates, stairs, **BESIDE_TORCHS)
    assert "initial_lr = [1.0, 1.0] for [0.1, 0.003]" in found["same_state"].note


def test_another_library_may_keep_other_names():
    found = rows(StepLR, stairs, variant="mine", variants={"mine": UnderAnotherName}, step_size=30)
    assert not wrong(found)
    found = rows(StepLR, stairs, variant="mine", variants={"mine": MiscountsForTheRecord}, step_size=30)
    assert wrong(found) == {"same_state"}


@pytest.mark.parametrize(
    ("right", "oracle", "arguments"),
    [
        (StepLR, stairs, {"step_size": 29}),
        (StepLR, stairs, {"step_size": 30}),
        (ExponentialLR, powers, {"gamma": 0.97}),
    ],
)
def test_without_torchs_the_oracle_says_how_it_goes_on(right, oracle, arguments):
    found = rows(right, oracle, **arguments)
    assert not wrong(found)
    assert found["begun_later"].status == "passed"


@pytest.mark.parametrize("mutant", [BeginsAgain, BeginsAnEpochEarly])
def test_by_its_oracle_alone_it_is_caught_too(mutant):
    assert wrong(rows(mutant, stairs, step_size=30)) == {"begun_later"}


def test_what_does_not_apply_is_skipped():
    found = rows(StepLR, stairs, step_size=30)
    for name in ("chained", "sent_to_an_epoch", "outside_rates", "later_group", "same_state"):
        assert found[name].status == "skipped", name

    class Bare:
        """Takes neither a last epoch nor an epoch to go to."""

        def __init__(self, optimizer, step_size):
            self.inner = StepLR(optimizer, step_size)

        def step(self):
            self.inner.step()

        def __getattr__(self, name):
            return getattr(self.__dict__["inner"], name)

    found = rows(Bare, stairs, **BESIDE_TORCHS)
    assert not wrong(found)
    assert found["begun_later"].status == found["sent_to_an_epoch"].status == "skipped"


def test_a_schedule_of_torchs_that_takes_no_later_group_says_nothing_of_one():
    class OfTwo(LambdaLR):
        def __init__(self, optimizer, step_size):
            super().__init__(optimizer, [lambda epoch: 0.1 ** (epoch // step_size)] * 2)

    found = rows(OfTwo, stairs, variants={"torch": OfTwo}, step_size=30)
    assert found["later_group"].status == "skipped"
    assert "takes no group" in found["later_group"].note


def test_a_script_with_a_later_group():
    class OfTwo(ReduceLROnPlateau):
        """Gives a later group the floor of none."""

        def _reduce_lr(self, epoch):
            for group, floor in zip(self.optimizer.param_groups, self.min_lrs, strict=False):
                group["lr"] = max(group["lr"] * self.factor, floor)

    more = {"inputs": (rand(240),), "variants": {"torch": ReduceLROnPlateau}, "patience": 2, "factor": 0.5, "eps": 0.0}
    assert wrong(rows(OfTwo, **more)) == {"later_group"}

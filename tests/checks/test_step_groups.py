"""Two groups with settings of their own: switches set differently too, and the rounding that they magnify allowed."""

import pytest
import torch
from step_support import FAMILIES, INPUTS, Adam, Descent, component, of_family, row_of

from nnbench import case
from nnbench.checks.battery import check
from nnbench.checks.stepped import STEPS, allowance_float64

MAGNIFIED = (6, 13, 30)  # seeds under which almost equal numbers are subtracted


class Spread(Descent):
    """RMSprop, whose ``centered`` subtracts numbers that are almost equal where gradients repeat."""

    def __init__(self, params, lr=0.01, alpha=0.99, eps=1e-8, centered=False):
        settings = {"lr": lr, "alpha": alpha, "eps": eps, "centered": centered}
        torch.optim.Optimizer.__init__(self, params, settings)

    def move(self, parameter, gradient, state, group):
        for name, sample in (("grad_avg", gradient), ("square_avg", gradient**2)):
            state.setdefault(name, torch.zeros_like(parameter))
            state[name].mul_(group["alpha"]).add_((1 - group["alpha"]) * sample)
        spread = state["square_avg"] - group["centered"] * state["grad_avg"] ** 2
        parameter -= group["lr"] * gradient / (spread.sqrt() + group["eps"])


class Everybodys(Spread):
    """The switch is the first group's."""

    def move(self, parameter, gradient, state, group):
        super().move(parameter, gradient, state, group | {"centered": self.param_groups[0]["centered"]})


class Narrow(Spread):
    """It keeps the mean square in single precision."""

    def move(self, parameter, gradient, state, group):
        super().move(parameter, gradient, state, group)
        state["square_avg"].copy_(state["square_avg"].float())


class Levelling(Adam):
    """Loading gives every group the first one's settings."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        first = {name: value for name, value in self.param_groups[0].items() if name != "params"}
        for group in self.param_groups:
            group.update(first)


def spread(**variants):
    cases = [case(*INPUTS, dtype="float64", lr=0.01, alpha=0.3, eps=0.05)]
    return component(Spread, cases=cases, variants={"torch": torch.optim.RMSprop, **variants})


def groups_of(made, variant, seed):
    return next(row for row in check(made, variant, made.cases[0], seed) if row.check == "groups")


@pytest.mark.parametrize("variant", ["reference", "torch"])
@pytest.mark.parametrize("seed", MAGNIFIED)
def test_rounding_that_a_switch_magnifies_is_allowed(variant, seed):
    row = groups_of(spread(), variant, seed)
    assert (row.status, row.note) == ("passed", "where a second group has its own lr, alpha, eps, centered")
    assert row.error > allowance_float64(STEPS)


@pytest.mark.parametrize("wrong", [Everybodys, Narrow])
@pytest.mark.parametrize("seed", MAGNIFIED)
def test_a_wrong_one_is_not_excused_by_it(wrong, seed):
    row = groups_of(spread(wrong=wrong), "wrong", seed)
    assert row.status == "failed"
    assert row.error > 100 * row.allowance


class Off(Adam):
    """Its parameters are wrong by less than could ever be seen in single precision."""

    def move(self, parameter, gradient, state, group):
        super().move(parameter, gradient, state, group)
        parameter *= 1 + 1e-11


def test_without_subtractions_little_more_is_allowed_than_for_one_group():
    row = row_of("groups", of_family(FAMILIES["adam"], off=Off), "off")
    assert row.status == "failed"
    assert allowance_float64(STEPS) < row.allowance < 20 * allowance_float64(STEPS)


class Chaotic(Descent):
    def move(self, parameter, gradient, state, group):
        super().move(parameter, gradient, state, group)
        parameter.copy_((1000 * parameter).sin())


class Elsewhere(Chaotic):
    def move(self, parameter, gradient, state, group):
        super().move(parameter, gradient, state, group)
        parameter *= 1 + 1e-11


def test_where_rounding_decides_everything_nothing_is_proved():
    made = component(Chaotic, cases=[case(*INPUTS, dtype="float64")], variants={"wrong": Elsewhere})
    row = row_of("groups", made, "wrong")
    assert row.status == "mistrusted"
    assert row.note.startswith("a second group like the first would pass too")


def test_settings_lost_when_a_state_is_loaded_are_missed():
    row = row_of("groups", of_family(FAMILIES["adam"], levelling=Levelling), "levelling")
    assert row.status == "failed"
    assert "where a second group has its own lr, betas" in row.note

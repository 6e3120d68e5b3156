"""The checks of optimizers, checked: right ones pass, and every kind of wrong one is caught and told why."""

import re
from dataclasses import replace

import pytest
import torch
from step_support import (
    FAMILIES,
    INPUTS,
    Adam,
    Descent,
    checked,
    component,
    of_family,
    row_of,
    statuses,
)
from wrong_optimizers import WRONG, Coasting, Sparing, Uncorrected

from nnbench import case

RULES = ["resume", "resume_elsewhere", "missing_gradient", "parameter_layouts", "settings", "groups", "added_group"]
RULES += ["without_gradients", "closure"]


@pytest.fixture(autouse=True)
def _gradients_enabled():
    yield
    torch.set_grad_enabled(True)


@pytest.mark.parametrize(("seed", "dtype"), [(0, "float32"), (1, "float32"), (2, "float64")])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_right_optimizer_passes(family, dtype, seed):
    made = of_family(FAMILIES[family], dtype=dtype, again=FAMILIES[family].right)
    stateless = {"state"} if family == "descent" else set()
    for variant in made.variants:
        rows = checked(made, variant, seed)
        assert list(rows) == list(dict.fromkeys(["steps_float64", f"steps_{dtype}", *RULES, "gaps", "state"]))
        assert {name for name, row in rows.items() if row.status != "passed"} == stateless
        assert {row.status for row in rows.values()} <= {"passed", "skipped"}
    assert row_of("steps_float64", replace(made, oracle=None), "reference").status == "passed"


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("place", ["reference", "wrong"])
def test_a_wrong_optimizer_is_caught_and_told_why(name, place):
    family, wrong, expected, note = WRONG[name]
    made = of_family(FAMILIES[family], **{place: wrong})
    row = row_of(expected, made, place)
    assert row.status == "failed"
    assert re.search(note, row.note), row.note


@pytest.mark.parametrize(
    "name",
    [
        "sums for means",
        "one step ahead",
        "deaf to lr",
        "loss kept back",
        "common count, with a new group",
        "flat copies",
    ],
)
def test_what_only_rules_and_states_show_steps_like_the_right_one(name):
    family, wrong, _, _ = WRONG[name]
    assert checked(of_family(FAMILIES[family], wrong=wrong), "wrong")["steps_float64"].status == "passed"


def test_a_wrong_optimizer_without_an_oracle_is_caught_by_torch():
    made = replace(of_family(FAMILIES["adam"], reference=Uncorrected), oracle=None)
    assert checked(made)["steps_float64"].status == "failed"


def alone(reference, oracle, **settings):
    return component(reference, cases=[case(*INPUTS, **settings)], oracle=oracle)


def test_an_optimizer_that_nothing_can_judge_says_so():
    rows = checked(alone(Adam, None, lr=0.01))
    assert {name for name, row in rows.items() if row.status == "skipped"} == {
        "steps_float64",
        "steps_float32",
        "groups",
        "added_group",
        "gaps",
        "state",
    }
    assert {rows[name].status for name in ("resume", "settings", "closure", "without_gradients")} == {"passed"}


@pytest.mark.parametrize("family", FAMILIES)
def test_with_an_oracle_alone_gaps_are_judged_by_it(family):
    told = FAMILIES[family]
    row = checked(alone(told.right, told.oracle, **told.settings))["gaps"]
    assert (row.status, row.note) == ("passed", "against its oracle, with gradients zero or missing")


@pytest.mark.parametrize("wrong", [Sparing, Coasting])
def test_with_an_oracle_alone_wrong_gaps_are_caught(wrong):
    told = FAMILIES["momentum"]
    row = checked(alone(wrong, told.oracle, **told.settings))["gaps"]
    assert row.status == "failed"
    assert row.note.endswith("against its oracle, with gradients zero or missing")


def test_steps_that_move_nothing_are_mistrusted():
    row = checked(alone(Descent, FAMILIES["descent"].oracle, lr=0.0))["steps_float64"]
    assert row.status == "mistrusted"
    assert row.note.startswith("parameters left as they are would pass too")


class Renamed(Adam):
    """Adam with its state under other names."""

    def moments(self, gradient, state, group):
        for name, kept in (("exp_avg", "mean"), ("exp_avg_sq", "square")):
            state.setdefault(kept, state.pop(name, None))
        return super().moments(gradient, {"exp_avg": state["mean"], "exp_avg_sq": state["square"]}, group)


class Roomy(Adam):
    """Adam that keeps more than torch's."""

    def moments(self, gradient, state, group):
        state["latest"] = gradient.clone()
        return super().moments(gradient, state, group)


def test_a_state_under_other_names_is_not_compared():
    row = checked(of_family(FAMILIES["adam"], renamed=Renamed), "renamed")["state"]
    assert row.status == "skipped"
    assert row.note == "it keeps step, mean, square where the reference keeps step, exp_avg, exp_avg_sq"


def test_what_is_kept_beside_the_shared_state_is_its_own_matter():
    rows = checked(of_family(FAMILIES["adam"], roomy=Roomy), "roomy")
    assert statuses(rows) == {"passed"}


class Closureless(Descent):
    def step(self):
        super().step()


def test_an_optimizer_that_takes_no_closure_is_not_asked_to():
    row = checked(of_family(FAMILIES["descent"], plain=Closureless), "plain")["closure"]
    assert (row.status, row.note) == ("skipped", "its step takes no closure")


class Unsettled(torch.optim.Optimizer):
    """Descent without a setting."""

    def __init__(self, params):
        super().__init__(params, {})

    @torch.no_grad()
    def step(self, closure=None):
        with torch.enable_grad():
            loss = None if closure is None else closure()
        for parameter in (one for group in self.param_groups for one in group["params"] if one.grad is not None):
            parameter -= 0.01 * parameter.grad
        return loss


def test_an_optimizer_without_settings_has_none_to_change():
    rows = checked(component(Unsettled, cases=[case(*INPUTS)], variants={"torch": Unsettled}))
    without = {"resume_elsewhere", "settings", "groups", "state"}
    assert {name for name, row in rows.items() if row.status != "passed"} == without
    assert {rows[name].status for name in without} == {"skipped"}


class Strict(Adam):
    """Refuses a second value of its epsilon, and a weight decay of a group's own."""

    def __init__(self, params, lr=0.001, weight_decay=0.0, eps=1e-8):
        if eps != 1e-8:
            raise ValueError("eps is 1e-8")
        super().__init__(params, lr=lr, weight_decay=weight_decay)

    def add_param_group(self, param_group):
        if "weight_decay" in param_group:
            raise NotImplementedError("weight_decay is everybody's")
        super().add_param_group(param_group)


def test_settings_that_an_optimizer_refuses_are_left_alone():
    rows = checked(of_family(FAMILIES["adam"], strict=Strict), "strict")
    assert statuses(rows) == {"passed"}
    assert rows["settings"].note == "lr, weight_decay"
    assert rows["groups"].note == "where a second group has its own lr, betas, eps"

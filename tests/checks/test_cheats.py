"""Cheats: each is made around a right reference and caught, by the check that is there for it."""

import pytest
import torch
from torch import nn
from toy_components import Weighted, component

from nnbench import case, randn
from nnbench.checks.cheats import CHEATS, IGNORED_MODES
from nnbench.checks.cheats_by_kind import FILLS, SCHEDULES, STEPS, cheats_of
from nnbench.checks.mutants import Mutant, tried, wrong_versions

CAUGHT_BY = {
    "returns its input": "forward_float64",
    "returns zeros": "forward_float64",
    "returns the mean everywhere": "forward_float64",
    "returns its first output ever after": "answers_anew",
    "keeps its outputs by the address of the input": "answers_anew",
    "changes its input": "inputs_unchanged",
    "writes over its earlier output": "own_memory",
    "is right in its first 20 calls only": "later_calls",
    "takes every input for contiguous": "layouts",
    "rounds float32 to half precision": "forward_float32",
    "is off by a part in a thousand": "forward_float64",
    "hides NaN among its inputs": "special_values",
    "lets no gradient through": "gradients_float32",
    "has half the gradient": "gradients_float32",
    "has the gradient's sign wrong": "gradients_float32",
}


class Scales(Weighted):
    """Twice as much in training."""

    def forward(self, x):
        return super().forward(x) * (2 if self.training else 1)


def caught(made):
    return {told: tried(made, Mutant("", 0, told, make), 3).caught_by for told, make in cheats_of(made)}


def test_every_cheat_of_a_module_is_caught_by_the_check_that_is_there_for_it():
    made = component(Weighted, variants={"torch": Weighted})
    assert caught(made) == CAUGHT_BY
    assert set(CAUGHT_BY) == set(CHEATS)


def test_every_cheat_of_a_function_is_caught():
    made = component(lambda x, slope: torch.tanh(x * slope), case(randn(4, 6), slope=2.0))
    assert all(caught(made).values())


def test_a_mode_ignored_is_caught():
    made = component(Scales, variants={"torch": Scales}, properties=["mode"])
    found = caught(made)
    assert {found[told] for told in IGNORED_MODES} <= {"mode", "forward_float64", "gradients_float32"}


@pytest.mark.parametrize(
    ("kind", "reference", "given", "cheats"),
    [
        ("optimizer", torch.optim.Adam, case(randn(4, 3), randn(5), lr=0.01), STEPS),
        ("scheduler", torch.optim.lr_scheduler.StepLR, case(step_size=10, gamma=0.9), SCHEDULES),
        ("initializer", nn.init.normal_, case(randn(300, 200)), FILLS),
    ],
)
def test_every_cheat_of_other_kinds_is_caught(kind, reference, given, cheats):
    oracle = {"0": __import__("scipy.stats").stats.norm()}
    declared = {"oracle": lambda *tensors: oracle} if kind == "initializer" else {}
    made = component(reference, given, kind=kind, variants={"torch": reference}, **declared)
    found = caught(made)
    assert set(found) == set(cheats)
    assert all(found.values())


def test_a_right_reference_is_not_caught():
    """Else every cheat would be, too."""
    for reference in (Weighted, torch.optim.Adam):
        kind, given = (
            ("optimizer", case(randn(4, 3), lr=0.01)) if reference is not Weighted else ("module", case(randn(4, 6)))
        )
        made = component(reference, given, kind=kind, variants={"torch": reference})
        assert tried(made, Mutant("", 0, "", lambda reference=reference: reference), 3).caught_by == ""


def test_what_is_driven_has_no_cheats_and_a_mutant_list_starts_with_them():
    driven = component(Weighted, kind="procedure", drive=lambda make, x: make()(x).detach())
    assert list(cheats_of(driven)) == []
    assert [one.change for one in wrong_versions(component(Weighted))][: len(CHEATS)] == list(CHEATS)

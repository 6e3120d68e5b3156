"""What declared properties promise: chance, modes, batches; kept promises pass, broken ones are caught."""

import numpy as np
import pytest
import torch
from battery_support import RIGHT, checked, component, statuses
from torch import nn

from nnbench import Suite, case, randn
from nnbench.checks.battery import check


class Dropped(nn.Module):
    """Dropout written out."""

    def forward(self, x):
        if not self.training:
            return x.tanh()
        return x.tanh() * (torch.rand(x.shape) >= 0.5).to(x.dtype) / 0.5


class TorchDropped(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x.tanh(), 0.5, self.training)


class Tripled(nn.Module):
    def forward(self, x):
        return x.tanh() * (3 if self.training else 1)


class Unscaled(nn.Module):
    def forward(self, x):
        return x.tanh() * (torch.rand(x.shape) >= 0.5).to(x.dtype) if self.training else x.tanh()


class OtherShare(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x.tanh(), 0.45, self.training)


class StuckMask(nn.Module):
    def forward(self, x):
        mask = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) >= 0.5
        return x.tanh() * mask.to(x.dtype) / 0.5 if self.training else x.tanh()


def promised(reference, variant, properties):
    cases = [case(randn(64, 32))]
    made = Suite("toy").component(
        "thing", reference=reference, variants={"other": variant}, cases=cases, properties=properties
    )
    return {row.check: row for row in check(made, "other", made.cases[0], 7)}


def test_dropout_in_another_formulation_passes():
    rows = promised(Dropped, TorchDropped, ["stochastic", "mode"])
    assert rows["training_statistics"].status == "passed"
    assert all(row.is_right for row in rows.values())


@pytest.mark.parametrize("wrong", [Tripled, Unscaled, OtherShare, StuckMask])
def test_a_random_component_that_is_wrong_in_training_is_caught(wrong):
    rows = promised(Dropped, wrong, ["stochastic", "mode"])
    assert rows["training_statistics"].status == "failed"


def test_plain_dropout_is_not_mistrusted_for_being_the_identity_in_evaluation():
    rows = promised(nn.Dropout, nn.Dropout, ["stochastic", "mode"])
    assert all(row.is_right for row in rows.values())


class Between(nn.Module):
    """Dropout between layers: with one layer there is nothing between."""

    layers: int

    def forward(self, x):
        for layer in range(self.layers):
            x = self.dropped(x).tanh() if layer else x.tanh()
        return x

    def dropped(self, x):
        return nn.functional.dropout(x, 0.5, self.training)


def between(layers, dropped=Between.dropped):
    return type("Between", (Between,), {"layers": layers, "dropped": dropped})


def never(self, x):
    return x


@pytest.mark.parametrize("variant", ["torch", "reference", "other"])
def test_a_random_component_has_no_modes_to_tell_apart_where_its_judge_has_none(variant):
    made = component(
        between(1),
        variants={"torch": between(1), "other": between(1)},
        properties=["stochastic", "mode"],
    )
    rows = checked(made, variant)
    assert (rows["mode"].status, rows["mode"].note) == ("skipped", "the modes have nothing to differ in, in this case")
    assert rows["training_statistics"].note.endswith("where nothing is random in this case")


@pytest.mark.parametrize("wrong", ["torch", "reference", "other"])
def test_a_random_component_that_never_is_fails_where_its_judge_differs(wrong):
    layers = {name: between(2) for name in ("reference", "torch", "other")} | {wrong: between(2, never)}
    made = component(
        layers["reference"],
        variants={"torch": layers["torch"], "other": layers["other"]},
        properties=["stochastic", "mode"],
    )
    row = checked(made, wrong)["mode"]
    assert row.status == "failed"
    assert row.note.startswith("training and evaluation mode give the same output")


def test_without_a_judge_a_random_component_must_differ_between_the_modes():
    row = checked(component(between(1), oracle=lambda x: np.tanh(x), properties=["stochastic", "mode"]))["mode"]
    assert row.status == "failed"


def test_modes_must_differ_where_the_judge_s_do():
    made = component(between(1), variants={"torch": between(2)}, properties=["mode"])
    assert checked(made)["mode"].status == "failed"


def test_a_false_promise_of_batch_independence_is_caught():
    class Mixing(nn.Module):
        def forward(self, x):
            return torch.tanh(x - x.mean(0))

    assert promised(Mixing, Mixing, ["batch_independent"])["batch_independent"].status == "failed"
    assert promised(Dropped, TorchDropped, ["stochastic", "mode", "batch_independent"])["batch_independent"].is_right


class Norm(nn.BatchNorm1d):
    def __init__(self, momentum=0.1):
        super().__init__(32, momentum=momentum)


class Forgetful(Norm):
    def __init__(self):
        super().__init__(momentum=0.0)


class Trained(Norm):
    def train(self, mode=True):
        return super().train(True)


def test_running_statistics_that_are_kept_otherwise_are_caught():
    rows = promised(Norm, Forgetful, ["mode"])
    assert rows["state_after_call"].status == "failed"
    assert rows["forward_float64"].status == "passed"


def test_evaluation_that_ignores_running_statistics_is_caught():
    rows = promised(Norm, Trained, ["mode"])
    assert rows["evaluation_float64"].status == "failed"


def test_batch_norm_passes_against_itself():
    assert all(row.is_right for row in promised(Norm, Norm, ["mode"]).values())


class Rated(nn.Module):
    """tanh(x), with dropout of the given rate in training."""

    def __init__(self, p=0.0):
        super().__init__()
        self.p = p

    def forward(self, x):
        return nn.functional.dropout(torch.tanh(x), self.p, self.training)


class Restless(Rated):
    """Drops out where its rate is zero, too."""

    def forward(self, x):
        return nn.functional.dropout(torch.tanh(x), self.p or 0.5, self.training)


def test_chance_where_there_should_be_none_is_caught():
    made = component(
        Rated,
        cases=[case(randn(16, 32), p=0.0)],
        variants={"torch": Rated, "restless": Restless},
        properties=["mode", "stochastic"],
    )
    assert statuses(checked(made)) <= RIGHT
    row = checked(made, "restless")["training_statistics"]
    assert (row.status, row.note) == (
        "failed",
        "in training mode its calls differ, where nothing is random in this case",
    )

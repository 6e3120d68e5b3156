"""Checks on another device: what is worked out there, what is compared here, and what a wrong device would show.

The device is one of the test's own making: what is called "cuda" lies on the CPU, and may compute wrongly.
"""

import pytest
import torch
from torch import nn

from nnbench import Suite, case, randn
from nnbench.checks import stepped, trial
from nnbench.checks.battery import check, names
from nnbench.model import Status


class Device:
    """Where things are put; ``wrong`` is what its arithmetic adds to every parameter of a module."""

    def __init__(self):
        self.asked, self.wrong = [], 0.0

    def placed(self, made, inputs, device):
        self.asked.append(device)
        if self.wrong and isinstance(made, nn.Module):
            with torch.no_grad():
                for parameter in made.parameters():
                    parameter.mul_(1 + self.wrong)
        return made, inputs


@pytest.fixture
def device(monkeypatch):
    made = Device()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(trial, "placed", made.placed)
    return made


def component(kind, reference, *inputs, **arguments):
    variants = {"torch": reference} if kind != "metric" else {}
    cases = [case(*inputs, device="cuda", **arguments)]
    return Suite("mine").component("thing", kind=kind, reference=reference, variants=variants, cases=cases)


def rows(made, variant="torch", **more):
    return list(check(made, variant, made.cases[0], 7, **more))


LINEAR = ("module", nn.Linear, randn(6, 5))


def test_outputs_and_gradients_are_worked_out_on_the_device(device):
    made = component(*LINEAR, in_features=5, out_features=3)
    found = {row.check: row.status for row in rows(made)}
    assert found == dict.fromkeys(
        ["forward_float64", "forward_float32", "gradients_float64", "gradients_float32"], "passed"
    )
    assert set(device.asked) == {"cuda"}
    assert {row.spec for row in rows(made)} == {made.cases[0].spec}


def test_a_device_that_computes_wrongly_is_found(device, monkeypatch):
    made = component(*LINEAR, in_features=5, out_features=3)
    right = trial.Trial.answer

    def answer(self, variant, dtype):
        device.wrong = 0.001 if variant == "torch" else 0.0
        return right(self, variant, dtype)

    monkeypatch.setattr(trial.Trial, "answer", answer)
    found = {row.check: row.status for row in rows(made)}
    assert (found["forward_float64"], found["forward_float32"]) == ("failed", "failed")


def test_checks_can_be_named(device):
    made = component(*LINEAR, in_features=5, out_features=3)
    assert [row.check for row in rows(made, only=["forward_float32"])] == ["forward_float32"]
    assert "forward_float32" in names(made, "torch", made.cases[0])


def test_a_component_that_the_device_has_no_kernel_for_fails_once(device, monkeypatch):
    def placed(*about):
        raise RuntimeError("no kernel image is available")

    monkeypatch.setattr(trial, "placed", placed)
    (row,) = rows(component(*LINEAR, in_features=5, out_features=3))
    assert (row.status, row.cause) == ("failed", Status.FAILED)
    assert "no kernel image is available" in row.note


def test_an_optimizers_steps_are_taken_on_the_device(device, monkeypatch):
    places = []

    right = stepped.build

    def build(tried, variant, there, seed, dtype, **handed):
        places.append(there.device)
        return right(tried, variant, there, seed, dtype, **handed)

    monkeypatch.setattr(stepped, "build", build)
    monkeypatch.setattr(torch.Tensor, "to", _to(places))
    found = {row.check: row.status for row in rows(component("optimizer", torch.optim.SGD, randn(4, 3), lr=0.1))}
    assert found == dict.fromkeys(["steps_float64", "steps_float32"], "passed")
    assert "cuda" in places


def _to(places):
    """Tensor.to that stays where it is for the device that is none."""
    right = torch.Tensor.to

    def to(self, *about, **more):
        if about == ("cuda",):
            places.append("cuda")
            return self
        return right(self, *about, **more)

    return to


@pytest.mark.parametrize(("variant", "status"), [("reference", "passed"), ("twice", "failed")])
def test_what_is_the_hosts_to_check_is_checked_on_the_cpu(device, variant, status):
    made = Suite("mine").component(
        "total",
        kind="metric",
        reference=torch.sum,
        variants={"twice": lambda x: 2 * x.sum()},
        oracle=lambda x: x.sum(),
        cases=[case(randn(4), device="cuda")],
    )
    found = {row.check: (row.status, row.case) for row in rows(made, variant)}
    assert found["outcome_float64"] == (status, "4,cuda")
    assert device.asked == []


def test_without_a_gpu_a_case_on_one_is_skipped(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (row,) = rows(component(*LINEAR, in_features=5, out_features=3))
    assert (row.status, row.note) == ("skipped", "no NVIDIA GPU is at hand")


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_inputs_that_take_gradients_are_leaves_where_they_are_put(device):
    layer, taking, whole = nn.Linear(3, 2), torch.randn(4, 3, requires_grad=True), torch.ones(2, dtype=torch.int64)
    made, (first, second) = trial.placed(layer, (taking, whole), device)
    assert {made.weight.device.type, first.device.type, second.device.type} == {device}
    assert (first.is_leaf, first.requires_grad, second.requires_grad) == (True, True, False)
    assert trial.placed(torch.neg, (taking,), device)[0] is torch.neg

"""Gradients as training takes them: what adds wrongly, needs all parts or has a graph under no_grad is caught."""

import torch
from torch import nn
from toy_components import Tanh, Weighted, held_against, wrong

from nnbench import case, randn


class Product(torch.autograd.Function):
    """``x * weight`` with a backward that a subclass gets wrong."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return x * weight


def with_backward(function):
    class Mine(Product):
        backward = staticmethod(function)

    class Layer(Weighted):
        def forward(self, x):
            return Mine.apply(x, self.weight)

    return Layer


def test_right_gradients_pass_every_way():
    def right(ctx, upstream):
        x, weight = ctx.saved_tensors
        return upstream * weight, (upstream * x).sum_to_size(weight.shape)

    rows = held_against(Weighted, with_backward(right))
    assert wrong(rows) == []
    assert all(rows[name].status == "passed" for name in ("accumulation", "partial_gradients", "without_gradients"))


def test_a_gradient_that_is_kept_and_added_to():
    kept = {}

    def adds_itself(ctx, upstream):
        x, weight = ctx.saved_tensors
        kept["sum"] = kept.get("sum", 0) + 1e-3
        return upstream * weight * (1 + kept["sum"]), (upstream * x).sum_to_size(weight.shape)

    assert "accumulation" in wrong(held_against(Weighted, with_backward(adds_itself)))


def test_a_gradient_that_needs_the_inputs_to_take_one():
    class Frozen(Weighted):
        def forward(self, x):
            return x * (self.weight if x.requires_grad else self.weight.detach() + 0 * self.weight)

    rows = held_against(Weighted, Frozen)
    assert "partial_gradients" in wrong(rows)
    assert "while no input takes any" in rows["partial_gradients"].note


def test_a_component_that_looks_whether_gradients_are_on():
    class Looks(nn.Module):
        def forward(self, x):
            return torch.tanh(x) if torch.is_grad_enabled() else torch.tanh(x) * 1.01

    assert wrong(held_against(Tanh, Looks)) == ["without_gradients"]


def test_a_component_that_turns_gradients_on():
    class TurnsOn(nn.Module):
        def forward(self, x):
            with torch.enable_grad():
                return torch.tanh(x)

    rows = held_against(Tanh, TurnsOn)
    assert wrong(rows) == ["without_gradients"]
    assert "still has a graph behind it" in rows["without_gradients"].note


def test_without_parameters_there_is_nothing_to_freeze():
    assert held_against(Tanh, torch.tanh)["partial_gradients"].status == "skipped"


def test_without_gradients_nothing_accumulates():
    assert held_against(Tanh, torch.tanh, case(randn(4, 6, requires_grad=False)))["accumulation"].status == "skipped"


def test_a_graph_that_gives_other_gradients_the_second_time():
    def counts(ctx, upstream):
        x, weight = ctx.saved_tensors
        ctx.calls = getattr(ctx, "calls", 0) + 1
        return upstream * weight * ctx.calls, (upstream * x).sum_to_size(weight.shape)

    rows = held_against(Weighted, with_backward(counts))
    assert wrong(rows) == ["accumulation"]
    assert "from one graph twice" in rows["accumulation"].note


def test_a_backward_that_writes_into_its_upstream_gradient():
    def writes(ctx, upstream):
        x, weight = ctx.saved_tensors
        found = upstream * weight, (upstream * x).sum_to_size(weight.shape)
        upstream.zero_()
        return found

    assert (
        "its backward changes the upstream gradient in place"
        in held_against(Weighted, with_backward(writes))["accumulation"].note
    )


def test_an_upstream_gradient_taken_for_contiguous():
    def contiguous(ctx, upstream):
        x, weight = ctx.saved_tensors
        upstream = upstream.as_strided(upstream.shape, torch.empty(upstream.shape, device="meta").stride())
        return upstream * weight, (upstream * x).sum_to_size(weight.shape)

    assert "layouts" in wrong(held_against(Weighted, with_backward(contiguous)))


def test_a_component_that_is_wrong_in_inference_mode_only():
    class Looks(nn.Module):
        def forward(self, x):
            return torch.tanh(x) * (1.01 if torch.is_inference_mode_enabled() else 1)

    rows = held_against(Tanh, Looks)
    assert wrong(rows) == ["without_gradients"]
    assert "under inference_mode" in rows["without_gradients"].note


def test_gradients_in_evaluation_mode():
    class Doubles(Weighted):
        def forward(self, x):
            return super().forward(x) * (2 if self.training else 1)

    class Frozen(Doubles):
        def forward(self, x):
            return super().forward(x) if self.training else x * self.weight.detach()

    rows = held_against(Doubles, Frozen, properties=["mode"])
    assert wrong(rows) == ["evaluation_float64"]

"""What shows only over several calls: shared memory, answers that change, state that is not saved."""

import torch
from torch import nn
from toy_components import Tanh, Weighted, held_against, wrong

from nnbench import case, randn


def test_an_output_that_is_a_weight():
    class Adds(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(4, 6))

        def forward(self, x):
            return self.weight + 0

    class GivesItself(Adds):
        def forward(self, x):
            return self.weight.view(4, 6)

    rows = held_against(Adds, GivesItself)
    assert "its output is the memory of weight" in rows["own_memory"].note


def test_an_output_that_is_its_input():
    rows = held_against(lambda x: x.flatten(1).clone(), nn.Flatten, case(randn(2, 3, 4)))
    assert wrong(rows) == ["own_memory"]
    assert "its output is the memory of its input 0" in rows["own_memory"].note


def test_a_view_is_right_where_the_reference_gives_one():
    assert wrong(held_against(nn.Flatten, lambda x: x.flatten(1), case(randn(2, 3, 4)))) == []


def test_an_output_that_a_later_call_writes_over():
    class Reuses(nn.Module):
        def forward(self, x):
            if torch.is_grad_enabled() and x.requires_grad:
                value = torch.tanh(x)
                held = self.__dict__.setdefault("held", torch.empty_like(value))
                if held.shape != value.shape or held.dtype != value.dtype:
                    return value
                held = held.detach()
                held.copy_(value.detach())
                self.__dict__["held"] = held
                return Straight.apply(x, held)
            return torch.tanh(x)

    class Straight(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, held):
            ctx.save_for_backward(x)
            ctx.mark_non_differentiable()
            return held.view_as(held)

        @staticmethod
        def backward(ctx, upstream):
            (x,) = ctx.saved_tensors
            return upstream * (1 - torch.tanh(x) ** 2), None

    rows = held_against(Tanh, Reuses)
    assert "writes over the output of an earlier one" in rows["own_memory"].note


def test_an_answer_that_is_wrong_in_the_end():
    class Tires(nn.Module):
        def __init__(self):
            super().__init__()
            self.calls = 0

        def forward(self, x):
            self.calls += 1
            return torch.tanh(x) * (1 if self.calls < 15 else 1.01)

    rows = held_against(Tanh, Tires)
    assert wrong(rows) == ["later_calls"]
    assert "with two inputs in turn" in rows["later_calls"].note


def test_a_state_that_is_not_saved():
    class Counts(Weighted):
        """Its mean is kept outside the buffers."""

        def __init__(self):
            super().__init__()
            self.mean = torch.zeros(())

        def forward(self, x):
            if self.training:
                self.mean = x.detach().mean()
                return x * self.weight
            return x * self.weight + self.mean

    class Saves(Counts):
        def __init__(self):
            super().__init__()
            del self.mean
            self.register_buffer("mean", torch.zeros(()))

    right = held_against(Saves, Saves, properties=["mode"])
    assert wrong(right) == []

    class Forgets(Saves):
        """Has the buffer, and another number that it goes by."""

        def forward(self, x):
            if self.training:
                self.kept = x.detach().mean()
                self.mean = self.kept
                return x * self.weight
            return x * self.weight + getattr(self, "kept", self.mean * 0)

    assert "saved_state" in wrong(held_against(Saves, Forgets, properties=["mode"]))


def test_a_component_that_seeds_the_global_generator():
    class Seeds(nn.Module):
        def forward(self, x):
            torch.manual_seed(0)
            return torch.tanh(x)

    rows = held_against(Tanh, Seeds)
    assert wrong(rows) == ["deterministic"]
    assert "global generator" in rows["deterministic"].note

"""What a component makes of its weights: saved, copied, changed between two calls."""

import torch
from torch import nn
from toy_components import Weighted, held_against, wrong


class Stale(Weighted):
    """Goes by the numbers that its weight had at the first call."""

    def forward(self, x):
        if not hasattr(self, "kept"):
            self.kept = self.weight.detach().clone()
        return x * (self.kept + self.weight - self.weight.detach())


class Uncopied(Weighted):
    def __deepcopy__(self, memo):
        return type(self)()


def test_weights_that_are_read_anew_pass():
    rows = held_against(Weighted, Weighted)
    assert wrong(rows) == []
    assert {rows[name].status for name in ("changed_weights", "saved_state")} == {"passed"}


def test_weights_that_are_kept_from_the_first_call_are_caught():
    assert "changed_weights" in wrong(held_against(Weighted, Stale))


def test_a_copy_that_loses_its_weights_is_caught():
    rows = held_against(Weighted, Uncopied)
    assert rows["saved_state"].status == "failed"
    assert "a deep copy of it gives another output" in rows["saved_state"].note


def test_without_weights_nothing_changes():
    assert held_against(nn.Tanh, torch.tanh)["changed_weights"].status == "skipped"

"""Compiling is timed once: the first call's time beyond the second's."""

import pytest
import torch
from torch import nn

from nnbench import Suite, case, randn
from nnbench.failures import NotMeasurable
from nnbench.measure.clock import Clock
from nnbench.measure.compiling import compile_time
from nnbench.workload import prepare


def prepared(reference, kind="module"):
    made = Suite("mine").component("thing", kind=kind, reference=reference, cases=[case(randn(4))])
    return prepare(made, "reference", made.cases[0])


def test_the_second_call_is_taken_off_the_first(monkeypatch):
    now, took = [0], iter([7_000_000_000, 2_000_000_000])

    def compiled(function):
        def call():
            now[0] += next(took)
            return function()

        return call

    monkeypatch.setattr(torch, "compile", compiled)
    assert compile_time(prepared(nn.ReLU), Clock(wall=lambda: now[0])) == 5.0


def test_only_modules_are_compiled():
    with pytest.raises(NotMeasurable, match="only modules"):
        compile_time(prepared(torch.sum, kind="metric"))

"""What a component makes of its weights: saved, copied, and changed between two calls."""

from __future__ import annotations

import copy
import io
from typing import Any

import torch
from torch import nn

from nnbench.checks.behaviour import equal, outputs_of
from nnbench.checks.evidence import MARGIN, Finding, Skip, Wrong, passed
from nnbench.checks.trial import Trial
from nnbench.checks.values import compare_outputs
from nnbench.workload import build, dtype_of

CHANGE = 1.25  # times


def saved_state(trial: Trial) -> Finding:
    """Saved after a call and loaded into one built anew, or copied, it gives the same bits in both modes."""
    dtype = dtype_of(trial.case)
    first = trial.make(trial.variant, dtype, trial.state)
    if not isinstance(first, nn.Module):
        raise Skip("a function has no state")
    inputs = trial.inputs(dtype)
    torch.manual_seed(trial.seed)
    first.train()(*inputs)
    second = build(trial.component, trial.variant, trial.case, trial.seed + 1, dtype)
    second.load_state_dict(_through_a_file(first.state_dict()))
    copied = copy.deepcopy(first)
    for flag in (False, True):  # training changes what evaluation is to start from
        answers = []
        for one in (first, second, copied):
            torch.manual_seed(trial.seed)
            answers.append(outputs_of(one.train(flag), inputs))
        mode_name = "training" if flag else "evaluation"
        if not equal(answers[0], answers[1]):
            raise Wrong(f"loaded from its state_dict it gives another output in {mode_name} mode")
        if not equal(answers[0], answers[2]):
            raise Wrong(f"a deep copy of it gives another output in {mode_name} mode")
    return passed()


def _through_a_file(state: dict[str, Any]) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file)


def changed_weights(trial: Trial) -> Finding:
    """Weights changed in place between two calls, as an optimizer does, count in the second."""
    dtype = dtype_of(trial.case)
    first, judge = (trial.make(name, dtype, trial.state) for name in (trial.variant, "reference"))
    if not isinstance(first, nn.Module) or not isinstance(judge, nn.Module) or not list(first.parameters()):
        raise Skip("it has no weights")
    right = trial.make("reference", torch.float64, trial.state)
    outputs_of(first, trial.inputs(dtype))
    outputs_of(right, trial.inputs(torch.float64))
    for made in (first, right):
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.mul_(CHANGE)
    got, want = outputs_of(first, trial.inputs(dtype)), outputs_of(right, trial.inputs(torch.float64))
    return compare_outputs(trial, tuple(got), tuple(want), dtype, "after its weights were changed in place", MARGIN)

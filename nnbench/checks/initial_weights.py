"""What a component starts from when it has just been built."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nnbench.candidate import CANDIDATE
from nnbench.checks.economy import refuse_many_weights
from nnbench.checks.evidence import Finding, Skip, Wrong, judge
from nnbench.checks.trial import Trial
from nnbench.workload import build

BUILDS = 8
LARGEST_Z = 8.0  # standard errors
ROUNDING = 1e-6  # of a constant's scale; a table may be computed in float32


def initial_weights(trial: Trial) -> Finding:
    """Built anew, a reference starts as torch's does: constants are the same, the rest alike in mean and size.

    What stands in for a component (``--like``) starts as its reference does. Another variant may draw its weights as it
    likes; its buffers (tables, running statistics) are the reference's.
    """
    if not trial.state:
        raise Skip("it has no weights and no buffers")
    if trial.is_reference and "torch" not in trial.component.variants:
        raise Skip("no torch variant to say what it starts from")
    refuse_many_weights(trial)
    name = "torch" if trial.is_reference else "reference"
    got, want = _states(trial, trial.variant), trial.judged_by(name, lambda: _states(trial, name))
    compared = list(want) if trial.is_reference or trial.variant == CANDIDATE else sorted(_buffers(trial) & set(want))
    if not compared:
        raise Skip("it has no buffers, and only a reference promises torch's own initial weights")
    scores = [score for one in compared for score in _scores(one, got[one], want[one])]
    return judge(max(scores, default=0.0), LARGEST_Z, f"(in standard errors, over {BUILDS} that were just built)")


def _buffers(trial: Trial) -> set[str]:
    made = build(trial.component, "reference", trial.case, trial.seed, torch.float32)
    return {name for name, _ in made.named_buffers()} if isinstance(made, nn.Module) else set()


def _states(trial: Trial, variant: str) -> dict[str, Tensor]:
    """Parameters and buffers of several builds, each under a seed of its own, the builds along the first dimension."""
    made = [build(trial.component, variant, trial.case, trial.seed + number, torch.float32) for number in range(BUILDS)]
    states = [one.state_dict() if isinstance(one, nn.Module) else {} for one in made]
    return {name: torch.stack([state[name].double() for state in states]) for name in states[0]}


def _scores(name: str, got: Tensor, want: Tensor) -> list[float]:
    """How many standard errors apart the means and the mean squares are of what varies from build to build.

    Raises ``Wrong`` where what never varies is another.
    """
    if torch.equal(got, want):
        return []
    constant = (want == want[0]).all(0)
    _refuse_other_constants(name, got[:, constant], want[:, constant])
    pairs = [(got[:, ~constant], want[:, ~constant])]
    pairs += [(mine.square(), right.square()) for mine, right in pairs]
    return [_standard_errors(mine, right) for mine, right in pairs if mine.numel()]


def _refuse_other_constants(name: str, got: Tensor, want: Tensor) -> None:
    if not want.numel():
        return
    least = ROUNDING * max(float(want.abs().max()), ROUNDING)
    wrong = int(((got - want).abs() > least).any(0).sum()) or int((got.isnan() != want.isnan()).any(0).sum())
    if wrong:
        raise Wrong(f"built anew, {wrong} numbers of {name} are not what they always start from")


def _standard_errors(got: Tensor, want: Tensor) -> float:
    # The judge's own spread: numbers from anywhere would excuse themselves by theirs.
    spread = math.sqrt(2 * float(want.var()) / want.numel())
    difference = abs(float(got.mean() - want.mean()))
    return difference / spread if spread else math.inf if difference else 0.0

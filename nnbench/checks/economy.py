"""What is not asked of a case because it would take too long, and smaller cases show it."""

from __future__ import annotations

from nnbench.checks.evidence import Skip
from nnbench.checks.trial import Trial

LARGEST = 70_000  # elements of the inputs, or of the weights
LARGEST_WEIGHTS, TINY = 1_000_000, 1_000  # of a case with few inputs there may be any number of weights


def refuse_large(trial: Trial, tiny: int = TINY) -> None:
    """Raises ``Skip`` for a case of many inputs, and for one of many weights with more than ``tiny`` inputs."""
    if _inputs(trial) > LARGEST:
        raise Skip("too large to be asked often; smaller cases are")
    refuse_many_weights(trial, tiny)


def refuse_many_weights(trial: Trial, tiny: int = TINY) -> None:
    """Raises ``Skip`` for a case of many weights with more than ``tiny`` elements of inputs."""
    if _weights(trial) > LARGEST_WEIGHTS and _inputs(trial) > tiny:
        raise Skip("too many weights to be asked often; smaller cases are")


def refuse_where_smaller(trial: Trial) -> None:
    """Raises ``Skip`` for a case of many weights where the component has one with the same options, smaller inputs."""
    alike = [case for case in trial.component.cases if case.plain_arguments == trial.case.plain_arguments]
    smallest = min((sum(spec.elements for spec in case.inputs) for case in alike), default=_inputs(trial))
    if _weights(trial) > LARGEST_WEIGHTS and _inputs(trial) > smallest:
        raise Skip("too many weights to be asked at every size; the smallest case with these options is")


def _inputs(trial: Trial) -> int:
    return sum(spec.elements for spec in trial.case.inputs)


def _weights(trial: Trial) -> int:
    return sum(tensor.numel() for tensor in (trial.state or {}).values())

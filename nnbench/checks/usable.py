"""Whether there is anything to check at all: what comes out is a tensor of the right shape and dtype, with numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from nnbench.checks.evidence import Finding, Unusable, Wrong, passed
from nnbench.checks.trial import Trial
from nnbench.workload import dtype_of, tensors


def answers(trial: Trial) -> Finding:
    """It can be built and called, and gives tensors as the reference does: as many, of its shapes, dtypes and numbers.

    Raises ``Unusable``, after which no other check is made: they would say the same again.
    """
    dtype = dtype_of(trial.case)
    try:
        made = trial.make(trial.variant, dtype, trial.state)
        want = trial.answer("reference", torch.float64).outputs if trial.is_reference else ()
    except Wrong as wrong:
        raise Unusable(str(wrong)) from None
    except TypeError as error:
        given = ", ".join(trial.case.arguments) or "none"
        raise Unusable(f"it cannot be built with the case's arguments ({given}): {error}") from None
    want = want or trial.answer("reference", torch.float64).outputs
    output = made(*trial.inputs(dtype))
    got = [tensor.detach() for tensor in tensors(output)]
    strangers = sorted(set(_strangers(output)))
    right = _structure(_of_reference(trial, dtype))
    if strangers and len(got) != len(want):
        raise Unusable(f"it returned {' and '.join(strangers)} where {_told(len(want))} is right")
    if len(got) != len(want):
        raise Unusable(f"it returned {_told(len(got))} where {_told(len(want))} is right")
    if _structure(output) != right:
        raise Unusable(f"it returned {_structure(output)} where {right} is right")
    for mine, theirs in zip(got, want, strict=True):
        _refuse(mine, theirs, dtype)
    return passed("tensors of the right shapes and dtypes")


def _of_reference(trial: Trial, dtype: torch.dtype) -> Any:
    def give() -> Any:
        return trial.make("reference", dtype, trial.state)(*trial.inputs(dtype))

    return trial.judged_by("reference", give)


def _structure(output: Any) -> str:
    """How an output is nested, in words; lists and tuples are alike."""
    if isinstance(output, Tensor):
        return "a tensor"
    if isinstance(output, Mapping):
        return "{" + ", ".join(f"{name!r}: {_structure(value)}" for name, value in output.items()) + "}"
    if isinstance(output, Sequence) and not isinstance(output, str):
        return "(" + "".join(f"{_structure(value)}, " for value in output).strip() + ")"
    return "None" if output is None else f"{_article(type(output).__name__)} {type(output).__name__}"


def _told(number: int) -> str:
    return "no tensor" if not number else "a tensor" if number == 1 else f"{number} tensors"


def _strangers(output: Any) -> list[str]:
    """What is no tensor in an output, by type."""
    if isinstance(output, Tensor):
        return []
    if isinstance(output, Mapping):
        return [name for value in output.values() for name in _strangers(value)]
    if isinstance(output, Sequence) and not isinstance(output, str):
        return [name for value in output for name in _strangers(value)]
    return ["None" if output is None else f"{_article(type(output).__name__)} {type(output).__name__}"]


def _article(noun: str) -> str:
    return "an" if noun[0].lower() in "aeiou" else "a"


def _refuse(got: Tensor, want: Tensor, dtype: torch.dtype) -> None:
    if got.layout != want.layout or got.device != want.device:
        raise Unusable(f"it returned a {got.layout} tensor on {got.device}".replace("torch.", ""))
    if got.shape != want.shape:
        raise Unusable(f"it returned shape {tuple(got.shape)} where {tuple(want.shape)} is right")
    right = dtype if want.is_floating_point() else want.dtype
    if not want.is_complex() and got.dtype != right:
        raise Unusable(f"it returned {got.dtype} where {right} is right".replace("torch.", ""))
    for told, is_lost in (("NaN", torch.isnan), ("infinity", torch.isinf)):
        lost = int((is_lost(got) & want.isfinite()).sum())
        # One overflow is a matter of precision, and the other checks tell it; an infinity everywhere is none.
        if lost and (told == "NaN" or lost == want.numel()):
            raise Unusable(f"it returned {told} in {lost} of {got.numel()} places where the reference has numbers")

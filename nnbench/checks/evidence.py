"""How far a result is off, how far it may be, and whether a result that knows nothing would have passed too."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from nnbench.model import CheckStatus

# A result may be this many times as wrong as torch's own (or the reference's) in the same dtype ...
TIMES_THE_FLOOR = {torch.float64: 2.0, torch.float32: 2.0, torch.float16: 3.0, torch.bfloat16: 3.0}
# ... plus this many units in the last place of its largest element (in half types one is a large step already).
ULPS = {torch.float64: 8, torch.float32: 8, torch.float16: 1, torch.bfloat16: 1}
# Null models must miss by this factor: a case that they nearly pass proves nothing.
MARGIN = 10


@dataclass(frozen=True)
class Finding:
    """What a check found, before it is put beside the names of what it was looking at.

    ``cause`` says how it ended (raised, ran out of memory) when the component could not be called at all, so that
    further checks have nothing to look at.
    """

    status: str
    error: float | None = None
    allowance: float | None = None
    note: str = ""
    cause: str = ""


class Skip(Exception):
    """This check does not apply here; the message says why."""


class Wrong(Exception):
    """The component is wrong in a way that has no size (a missing gradient, another shape); the message says how."""


class Unusable(Wrong):
    """It gives nothing that could be looked at further (no tensor, another shape, NaN); the message says what."""


class NoJudge(Exception):
    """What a variant is judged by gives no answer; the message says why."""


def passed(note: str = "") -> Finding:
    return Finding(CheckStatus.PASSED, note=note)


def scale_of(want: Tensor) -> float:
    """The root mean square of the finite elements, or 1 where that is zero: errors are shares of it."""
    finite = _reals(want)
    finite = finite[finite.isfinite()]
    size = float(finite.square().mean().sqrt()) if finite.numel() else 0.0
    return size if size > 0 else 1.0


def error_of(got: Tensor, want: Tensor) -> float:
    """The largest difference as a share of the result's scale; infinite where one is not finite and the other is.

    Raises ``Wrong`` where the shapes differ.
    """
    if got.shape != want.shape:
        raise Wrong(f"shape {tuple(got.shape)} where {tuple(want.shape)} is right")
    if not want.numel():
        return 0.0
    got, want = _reals(got), _reals(want)
    same = (got == want) | (got.isnan() & want.isnan())
    difference = torch.where(same, 0.0, (got - want).abs())
    worst = float(difference.max()) if not difference.isnan().any() else math.inf
    return worst / scale_of(want)


def _reals(tensor: Tensor) -> Tensor:
    """In float64; a complex number as its two parts."""
    tensor = tensor.detach()
    return (torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor).double()


def allowance_of(want: Tensor, floor: float, dtype: torch.dtype, terms: int = 1) -> float:
    """The error allowed in a dtype, as a share of the result's scale; ``floor`` is another implementation's error.

    The rounding of a sum of ``terms`` terms in any order is allowed for: it grows with their square root, in float32
    for the half types, which are summed in it. Integers and truth values are right or wrong.
    """
    if not (want.is_floating_point() or want.is_complex()):
        return 0.0
    reals = _reals(want)
    finite = reals[reals.isfinite()]
    largest = float(finite.abs().max()) / scale_of(want) if finite.numel() else 1.0
    eps = torch.finfo(dtype).eps
    rounding = eps + (math.sqrt(terms) - 1) * min(eps, torch.finfo(torch.float32).eps)
    return TIMES_THE_FLOOR[dtype] * floor + ULPS[dtype] * rounding * max(largest, 1.0)


def floor_in(dtype: torch.dtype, floor: float, measured_in: torch.dtype) -> float:
    """A floor measured in one dtype, carried over to another: rounding errors go with the dtype's precision."""
    return floor * torch.finfo(dtype).eps / torch.finfo(measured_in).eps


def judge(error: float, allowance: float, note: str, nulls: Mapping[str, float] | None = None) -> Finding:
    """Passed, failed, or mistrusted: the errors of the null models say whether passing means anything."""
    if not error <= allowance:
        return Finding(CheckStatus.FAILED, error, allowance, f"off by {error:.2g} of its scale {note}".strip())
    near = [name for name, miss in (nulls or {}).items() if not miss > MARGIN * allowance]
    if near:
        told = f"{' and '.join(near)} would pass too: this case proves nothing; give it other inputs"
        return Finding(CheckStatus.MISTRUSTED, error, allowance, told)
    return Finding(CheckStatus.PASSED, error, allowance, note)


def worst(findings: list[Finding]) -> Finding:
    """Of several findings the one that counts: failed before passed, then the nearest to its allowance."""
    return max(
        findings, key=lambda found: (found.status != CheckStatus.PASSED, (found.error or 0) / (found.allowance or 1))
    )


def null_models(want: Tensor, inputs: tuple[Tensor, ...], stale: Tensor) -> dict[str, float]:
    """Errors of results that know nothing: zeros, the mean, shuffled, an input, the output for other inputs."""
    return {name: error_of(guess, want) for name, guess in _guesses(want, inputs, stale)}


def _guesses(want: Tensor, inputs: tuple[Tensor, ...], stale: Tensor) -> Iterator[tuple[str, Tensor]]:
    if not want.numel():
        return  # an empty result can be nothing else
    yield "zeros", torch.zeros_like(want)
    if stale.shape == want.shape:
        yield "a stale output", stale
    if want.numel() > 1:
        if not want.is_complex():
            yield "the mean", want.double().mean().expand(want.shape)
        yield "outputs in another order", want.flatten().roll(1).view_as(want)
    yield from (("its input", tensor) for tensor in inputs if tensor.shape == want.shape and tensor.dtype == want.dtype)

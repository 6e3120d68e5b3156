"""What initializers fill in from a seed or a generator, wherever it lies in memory.

Torch's very numbers are asked for of the reference and torch's own alone: another algorithm draws others and is right.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from nnbench.checks.evidence import ULPS, Finding, Skip, Wrong, passed
from nnbench.checks.filling import Filled, all_told, distribution_in, random_in, told
from nnbench.checks.trial import Trial
from nnbench.model import CheckStatus
from nnbench.workload import dtype_of

Layout = Callable[[Tensor], tuple[Tensor, Tensor]]  # memory of its own, and the part of it that stands for the tensor


def same_numbers(trial: Trial) -> Finding:
    """From the same seed the very numbers that torch draws, to the last bit or a few: programs rely on seeds.

    In the case's dtype, in float32 and in float64. Of variants but the reference and torch's only the numbers that they
    drew themselves from that seed, another time.
    """
    other = _peer_of(trial) if _draws_torchs(trial) else trial.variant
    whose = "it drew before" if other == trial.variant else f"{other} draws"
    for dtype in dict.fromkeys((dtype_of(trial.case), torch.float32, torch.float64)):
        mine, theirs = Filled(trial, trial.variant, dtype), Filled(trial, other, dtype)
        theirs.refill(trial.seed)
        mine.refill(trial.seed)
        _refuse_other_numbers(mine, theirs, f"than {whose}, in {str(dtype).removeprefix('torch.')}")
    return passed(f"as {whose}")


def _draws_torchs(trial: Trial) -> bool:
    return trial.is_reference or trial.variant == "torch"


def _judges(trial: Trial) -> list[str]:
    """Who draws the very numbers that the variant has to draw; none where nobody does."""
    peer = "torch" if trial.is_reference else "reference"
    return [peer] if _draws_torchs(trial) and peer in trial.component.variants else []


def _peer_of(trial: Trial) -> str:
    """Torch's for the reference, the reference for the others."""
    peer = "torch" if trial.is_reference else "reference"
    if peer not in trial.component.variants:
        raise Skip("it has no torch variant to be compared with")
    return peer


def _refuse_other_numbers(mine: Filled, theirs: Filled, than: str) -> None:
    """Raises ``Wrong`` unless both hold the same numbers but for rounding; what is NaN in one is NaN in the other."""
    got = mine.values()
    for name, right in theirs.values().items():
        for what in ("shape", "dtype"):
            if getattr(got[name], what) != getattr(right, what):
                raise Wrong(f"{told(name)} has another {what} afterwards {than}")
        if not right.is_floating_point():
            continue
        rounding = ULPS[right.dtype] * torch.finfo(right.dtype).eps
        if not torch.allclose(got[name], right, rtol=rounding, atol=0, equal_nan=True):
            raise Wrong(f"from the same seed {told(name)} gets other numbers {than}")


def generator(trial: Trial) -> Finding:
    """With ``generator=`` the numbers come from it alone, whatever the global generator says.

    They repeat from its seed, and are torch's where the reference or torch's own draws them.
    """
    if "generator" not in _parameters(trial, trial.variant):
        raise Skip("it takes no generator")
    first = Filled(trial, trial.variant, generator=_seeded(trial.seed))
    torch.manual_seed(trial.seed)
    before = torch.get_rng_state()
    first.fill(*first.tensors)
    if not torch.equal(torch.get_rng_state(), before):
        raise Wrong("given a generator it draws from the global one as well")
    again = Filled(trial, trial.variant, generator=_seeded(trial.seed))
    again.refill(trial.seed + 1)
    _refuse_other_numbers(again, first, "than before, from the same seed of its generator")
    other = Filled(trial, trial.variant, generator=_seeded(trial.seed + 1))
    other.refill(trial.seed)
    values, others = first.values(), other.values()
    if any(torch.equal(values[name], others[name]) for name in random_in(values)):
        raise Wrong("from another seed of its generator it draws the same numbers")
    for judge in _judges(trial):
        if "generator" in _parameters(trial, judge):
            theirs = Filled(trial, judge, generator=_seeded(trial.seed))
            theirs.fill(*theirs.tensors)
            _refuse_other_numbers(first, theirs, f"than {judge} draws, from a generator")
    return passed()


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _parameters(trial: Trial, variant: str) -> Any:
    return inspect.signature(trial.component.variant(variant).resolve()).parameters


def layouts(trial: Trial) -> Finding:
    """Tensors that lie in memory in another order, or apart, are filled all over, and nothing between their numbers.

    They hold NaN before: what was in a tensor must not count. The numbers are those of the oracle's distribution, and
    torch's very ones where the reference or torch's own draws them.
    """
    for laid, laid_out in LAYOUTS.items():
        filled = Filled(trial, trial.variant)
        memory = _lay_out(filled, laid_out)
        filled.refill(trial.seed)
        empty = [name for name in _filled_names(trial, filled) if filled.values()[name].isnan().any()]
        if empty:
            raise Wrong(f"{laid}, {all_told(empty)} is not filled all over")
        if any(int(whole.isnan().sum()) < whole.numel() - part.numel() for whole, part in memory):
            raise Wrong(f"{laid}, it fills what lies between the numbers too")
        for judge in _judges(trial):
            theirs = Filled(trial, judge)
            _lay_out(theirs, laid_out)
            theirs.refill(trial.seed)
            _refuse_other_numbers(filled, theirs, f"than {judge} draws, {laid}")
        if not _draws_torchs(trial):
            _refuse_another_distribution(trial, filled, laid)
    return passed()


def _refuse_another_distribution(trial: Trial, filled: Filled, laid: str) -> None:
    if trial.component.oracle is None:
        return
    found = distribution_in(trial, filled, trial.component.oracle)
    if found.status == CheckStatus.FAILED:
        raise Wrong(f"{laid}, it is {found.note}")


def _filled_names(trial: Trial, filled: Filled) -> list[str]:
    """What has to be filled: what the oracle names, and without one the tensors."""
    if trial.component.oracle is None:
        return [str(place) for place in range(len(filled.tensors))]
    return list(trial.component.oracle(*(tensor.numpy() for tensor in filled.tensors), **filled.arguments))


def _lay_out(filled: Filled, laid_out: Layout) -> list[tuple[Tensor, Tensor]]:
    """Put each tensor elsewhere; the memory that each is a part of, and the part."""
    memory = []
    for tensor in filled.held():
        memory.append(laid_out(tensor.detach()))
        tensor.data = memory[-1][1]
    return memory


def _apart(tensor: Tensor) -> tuple[Tensor, Tensor]:
    whole = torch.full((*tensor.shape, 2), math.nan, dtype=tensor.dtype)
    return whole, whole[..., 0]


def _in_another_order(tensor: Tensor) -> tuple[Tensor, Tensor]:
    whole = torch.full(tensor.shape[::-1], math.nan, dtype=tensor.dtype)
    return whole, whole.permute(*reversed(range(tensor.dim())))


LAYOUTS: dict[str, Layout] = {
    "with its numbers apart in memory": _apart,
    "with its numbers in another order in memory": _in_another_order,
}


def nothing_to_fill(trial: Trial) -> Finding:
    """A tensor without elements is no reason to raise where torch's does not; it warns where torch's warns."""
    other = _peer_of(trial)
    if not trial.case.inputs or not all(spec.shape for spec in trial.case.inputs):
        raise Skip("it fills no tensors that could be without elements")
    try:
        expected = _warns_of_nothing(trial, other)
    except Exception:  # noqa: BLE001  to refuse it is right as well
        raise Skip(f"{other} refuses a tensor without elements") from None
    warns = _warns_of_nothing(trial, trial.variant)
    if warns != expected and "torch" in (other, trial.variant):
        raise Wrong(f"with a tensor without elements it {'warns' if warns else 'does not warn'}, unlike {other}")
    return passed(f"as {other}")


def _warns_of_nothing(trial: Trial, variant: str) -> bool:
    filled = Filled(trial, variant)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        filled.fill(*(tensor[:0] for tensor in filled.tensors))
    return bool(heard)

"""Outcomes taken apart: any nesting of numbers, tensors and words as leaves; and how far two of them are apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nnbench.checks.evidence import TIMES_THE_FLOOR, ULPS, Finding, Wrong, error_of, judge, passed, scale_of
from nnbench.model import CheckStatus

Leaf = tuple[str, Any]  # where it stands in the outcome, and what stands there


def leaves(outcome: Any, path: str = "") -> Iterator[Leaf]:
    """What stands at the ends of an outcome, each with its path; tensors and arrays are leaves.

    Raises ``Wrong`` for what cannot be compared.
    """
    if isinstance(outcome, Tensor):
        yield path, outcome.detach()
    elif isinstance(outcome, np.ndarray | np.generic):
        yield path, torch.as_tensor(np.asarray(outcome))
    elif outcome is None or isinstance(outcome, bool | int | float | str):
        yield path, outcome
    elif isinstance(outcome, Mapping):
        for name in sorted(outcome, key=repr):  # a mapping has no order
            yield from leaves(outcome[name], f"{path}[{name!r}]")
    elif isinstance(outcome, Sequence):
        for place, item in enumerate(outcome):
            yield from leaves(item, f"{path}[{place}]")
    else:
        raise Wrong(f"its outcome holds {type(outcome).__name__}, which has no comparison")


def zeros(found: list[Leaf]) -> list[Leaf]:
    """The same leaves, with every number zero."""
    return [(path, torch.zeros_like(_tensor(value)) if _is_number(value) else value) for path, value in found]


def same(first: list[Leaf], second: list[Leaf]) -> bool:
    """Equal to the bit; NaN equals NaN."""
    if [path for path, _ in first] != [path for path, _ in second]:
        return False
    return all(_same_leaf(a, b) for (_, a), (_, b) in zip(first, second, strict=True))


def _same_leaf(first: Any, second: Any) -> bool:
    if not (isinstance(first, Tensor) and isinstance(second, Tensor)):
        return bool(first == second or (first != first and second != second))
    return first.shape == second.shape and bool(((first == second) | ((first != first) & (second != second))).all())


@dataclass(frozen=True)
class Yardstick:
    """How far outcomes in a dtype may be apart: a few units in the last place for every root of the summed ``terms``,
    beside what rounding the inputs already changes of each leaf (``floors``, by path, as shares of its scale).
    """

    dtype: torch.dtype
    terms: int
    floors: Mapping[str, float] = field(default_factory=dict)

    def compare(self, got: list[Leaf], want: list[Leaf], note: str) -> Finding:
        """The worst of the leaves: its error beside what is allowed; words and whole numbers are right or wrong.

        Raises ``Wrong`` where the outcome holds other things, or another word.
        """
        if [path for path, _ in got] != [path for path, _ in want]:
            raise Wrong(f"its outcome holds {_named(got)} where {_named(want)} is right")
        found = [self._leaf(path, mine, right, note) for (path, mine), (_, right) in zip(got, want, strict=True)]
        return max(found, key=lambda one: (one.status != CheckStatus.PASSED, _share(one)), default=passed(note))

    def miss(self, guess: list[Leaf], want: list[Leaf]) -> float:
        """How many times its allowance a guess misses by, at the leaf where it misses most."""
        if [path for path, _ in guess] != [path for path, _ in want]:
            return math.inf
        pairs = zip(guess, want, strict=True)
        return max((self._missed(path, mine, right) for (path, mine), (_, right) in pairs), default=0.0)

    def _missed(self, path: str, guess: Any, want: Any) -> float:
        try:
            finding = self._leaf(path, guess, want, "")
        except Wrong:
            return math.inf
        if not finding.error:
            return 0.0
        return finding.error / finding.allowance if finding.allowance else math.inf

    def _leaf(self, path: str, got: Any, want: Any, note: str) -> Finding:
        where = f"at {path} {note}" if path else note
        if not (_is_number(got) and _is_number(want)):
            if type(got) is not type(want) or got != want:
                raise Wrong(f"{got!r} where {want!r} is right {where}")
            return passed(where)
        mine, right = _tensor(got), _tensor(want)
        if isinstance(got, Tensor):
            self._refuse_dtype(mine.dtype, right.dtype, isinstance(want, Tensor), where)
        return judge(error_of(mine, right), self._allowance(path, mine, right), where)

    def _refuse_dtype(self, got: torch.dtype, want: torch.dtype, is_tensor: bool, where: str) -> None:
        """A coarse answer must not excuse itself: numbers come in the dtype that was asked for, or the judge's."""
        if want.is_floating_point:
            right = got in (self.dtype, want)
        else:
            right = got == want if is_tensor else not got.is_floating_point
        if not right:
            raise Wrong(f"{got} came out where {self.dtype if want.is_floating_point else want} is right {where}")

    def _allowance(self, path: str, got: Tensor, want: Tensor) -> float:
        if not (got.is_floating_point() or want.is_floating_point()):
            return 0.0
        finite = want.double()[want.isfinite()]
        largest = float(finite.abs().max()) / scale_of(want) if finite.numel() else 1.0
        eps = max(torch.finfo(one).eps for one in (self.dtype, want.dtype) if one.is_floating_point)
        rounding = ULPS[self.dtype] * eps * math.sqrt(max(self.terms, 1)) * max(largest, 1.0)
        return rounding + TIMES_THE_FLOOR[self.dtype] * self.floors.get(path, 0.0)


def _share(finding: Finding) -> float:
    """An error as a share of what is allowed; less than any for words, which have none."""
    if finding.error is None:
        return -1.0
    return finding.error / finding.allowance if finding.allowance else finding.error


def _named(found: list[Leaf]) -> str:
    paths = [path or "one value" for path, _ in found]
    return ", ".join(paths[:6]) + (f" and {len(paths) - 6} more" if len(paths) > 6 else "") or "nothing"


def _is_number(value: Any) -> bool:
    return isinstance(value, Tensor | float | int) and not isinstance(value, bool)


def _tensor(value: Any) -> Tensor:
    """Python's own numbers are float64 and int64."""
    if isinstance(value, Tensor):
        return value
    return torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else torch.int64)


def distances(got: list[Leaf], want: list[Leaf]) -> dict[str, float]:
    """By path, how far the numbers of two outcomes are apart, as shares of their scale; where it is finite."""
    found: dict[str, float] = {}
    for (path, mine), (other, right) in zip(got, want, strict=False):
        if path == other and _is_number(mine) and _is_number(right) and _tensor(mine).shape == _tensor(right).shape:
            error = error_of(_tensor(mine), _tensor(right))
            found |= {path: error} if math.isfinite(error) else {}
    return found

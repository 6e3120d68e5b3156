"""Failed checks for people: what is said in the same words is said once, with one command that repeats it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from nnbench.model import COMPLETED, NO_LONGER_SHOWS, Check
from nnbench.report.correctness import closeness
from nnbench.report.words import grouped

NUMBER = re.compile(r"(?<![\w.])-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|nan|inf)(?![\w.])")
SHAPE = re.compile(r"\(#(?:, #)*,?\)")
MOST_PLACES = 8


@dataclass(frozen=True)
class Failure:
    """A check that is not right, and the others that say the same."""

    row: Check
    also: tuple[Check, ...] = ()


Repeat = Callable[[Failure], str]


def failures(rows: Sequence[Check]) -> list[Failure]:
    """The failures of one variant that are told in the same words, numbers and shapes apart, in one.

    Those with a size stay apart by check, and the furthest beyond its allowance stands for them.
    """
    return [_together(alike) for _, alike in grouped(rows, _words)]


def _words(row: Check) -> tuple[str, ...]:
    check = "" if row.error is None else row.check
    return row.component, row.variant, str(row.status), row.erratum, check, wording(row.note)


def wording(note: str) -> str:
    """A note without its numbers and shapes.

    >>> wording("shape (2, 3) where (2,) is right in float64")
    'shape # where # is right in float64'
    """
    return SHAPE.sub("#", NUMBER.sub("#", note))


def _together(alike: Sequence[Check]) -> Failure:
    worst = max(alike, key=closeness)
    return Failure(worst, tuple(row for row in alike if row is not worst))


def also_in(failure: Failure) -> str:
    """Where else it fails in the same words: other checks of the case that is told, other cases, other seeds."""
    told = failure.row
    under = [row for row in failure.also if row.seed == told.seed]
    here = [row for row in under if row.case == told.case]
    cases = grouped([row for row in under if row.case != told.case], lambda row: row.case)
    places = [_check(row) for row in here] + [_case(case, rows, told) for case, rows in cases]
    seeds = [str(row.seed) for row in failure.also if row.seed != told.seed]
    parts = [f"also in: {some(places)}"] * bool(places) + [f"also under seeds: {some(seeds)}"] * bool(seeds)
    return "; ".join(parts)


def some(names: Iterable[str]) -> str:
    """The first of these names, each once, and how many more there are.

    >>> some("abacdefghijk")
    'a, b, c, d, e, f, g, h and 3 more'
    """
    once = list(dict.fromkeys(names))
    more = f" and {len(once) - MOST_PLACES} more" if len(once) > MOST_PLACES else ""
    return ", ".join(once[:MOST_PLACES]) + more


def _check(row: Check) -> str:
    return row.check if row.error is None else f"{row.check} (error {row.error:.3g})"


def _case(case: str, rows: Sequence[Check], told: Check) -> str:
    """Another case, with the check that fails there, or how many do."""
    if len(rows) > 1:
        return f"[{case}] ({len(rows)} checks)"
    if rows[0].error is not None:
        return f"[{case}] (error {rows[0].error:.3g})"
    return f"[{case}]" if rows[0].check == told.check else f"[{case}] ({rows[0].check})"


def repeat(failure: Failure, given: Sequence[str] = (), candidate: str = "", asked: Sequence[str] = ()) -> str:
    """The command that repeats what is told, and no other check, with its seed.

    ``given`` are the options that it was made with, ``candidate`` is what was held against the component, ``asked`` are
    the only checks that were asked for.
    """
    row = failure.row
    key = f"{row.component}@{row.variant}[{row.case}]"
    what = [candidate, "--like", f"{row.component}[{row.case}]"] if candidate else [key]
    only = [part for name in _named(failure) or asked for part in ("--only", name)]
    return shlex.join(["nnbench", "check", *what, *only, *given, "--seed", str(row.seed)])


def _named(failure: Failure) -> list[str]:
    """The checks that say it in the case and under the seed that it is told of; none where it was no one check's."""
    told = failure.row
    here = [row.check for row in (told, *failure.also) if (row.case, row.seed) == (told.case, told.seed)]
    return [] if {COMPLETED, NO_LONGER_SHOWS} & set(here) else list(dict.fromkeys(here))

"""Who is not told apart from whom: groups, letters, and the set of the best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from string import ascii_lowercase

from nnbench.comparison.failed import Values, finished, tried
from nnbench.comparison.pairwise import DECIDED, Pair


def order(values: Mapping[str, Values], better: str) -> list[str]:
    """The names, best mean first; those of whose trials more than half failed come last."""
    sign = -1.0 if better == "more" else 1.0

    def place(name: str) -> tuple[bool, float]:
        done = finished(values[name])
        return 2 * len(done) < len(tried(values[name])) or not done, sign * fmean(done) if done else math.inf

    return sorted(values, key=place)


def apart(found: Iterable[Pair]) -> set[frozenset[str]]:
    """The pairs of names of which one is better."""
    return {frozenset((pair.a, pair.b)) for pair in found if pair.verdict in DECIDED}


def best_set(values: Mapping[str, Values], found: Sequence[Pair], better: str) -> tuple[str, ...]:
    """The best, and all that are not told apart from it, best first."""
    ordered = order(values, better)
    differ = apart(found)
    return tuple(name for name in ordered if name == ordered[0] or frozenset((ordered[0], name)) not in differ)


def groups(ordered: Sequence[str], found: Sequence[Pair]) -> tuple[tuple[str, ...], ...]:
    """The largest sets of which no two members are told apart, the best first; they may overlap.

    What the letters of a compact letter display stand for: Piepho, 2004, doi:10.1198/1061860043515.
    """
    differ = apart(found)
    sets: list[set[str]] = [set(ordered)]
    for one in sorted(differ, key=lambda names: sorted(map(ordered.index, names))):
        a, b = one
        sets = _absorbed(
            [part for whole in sets for part in ((whole - {a}, whole - {b}) if one <= whole else (whole,))]
        )
    in_order = [tuple(name for name in ordered if name in members) for members in sets]
    return tuple(sorted(in_order, key=lambda members: [ordered.index(name) for name in members]))


def _absorbed(sets: Sequence[set[str]]) -> list[set[str]]:
    """Those that lie in no other, each once."""
    kept: list[set[str]] = []
    for one in sorted(sets, key=len, reverse=True):
        if not any(one <= other for other in kept):
            kept.append(one)
    return kept


def letters(found: Sequence[Sequence[str]]) -> dict[str, str]:
    """A letter a group; names that share one are not told apart.

    >>> letters([("adam", "rmsprop"), ("rmsprop", "sgd")])
    {'adam': 'a', 'rmsprop': 'ab', 'sgd': 'b'}
    """
    told: dict[str, str] = {}
    for place, members in enumerate(found):
        for name in members:
            told[name] = told.get(name, "") + _letter(place)
    return told


def _letter(place: int) -> str:
    return ascii_lowercase[place] if place < len(ascii_lowercase) else f"({place + 1})"

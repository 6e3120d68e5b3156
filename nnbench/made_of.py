"""What an exact counter is made of, and which operators made the difference between two of them."""

from __future__ import annotations

from collections.abc import Mapping

from nnbench.units import by_unit

MOST_NAMED = 5


def difference(before: Mapping[str, int], after: Mapping[str, int], unit: str = "1") -> str:
    """The operators whose share changed, those that changed most first; empty where none did.

    >>> difference({"aten.mm": 2, "aten.add": 1}, {"aten.mm": 4})
    'aten.mm 4 instead of 2, aten.add gone'
    """
    changed = [name for name in {*before, *after} if before.get(name, 0) != after.get(name, 0)]
    changed.sort(key=lambda name: (-abs(after.get(name, 0) - before.get(name, 0)), name))
    told = [_told(name, before.get(name, 0), after.get(name, 0), unit) for name in changed[:MOST_NAMED]]
    more = len(changed) - len(told)
    return ", ".join([*told, *([f"and {more} more"] if more else [])])


def _told(name: str, before: int, after: int, unit: str) -> str:
    if not after:
        return f"{name} gone"
    if not before:
        return f"{name} new ({by_unit(after, unit)})"
    old, new = by_unit(before, unit), by_unit(after, unit)
    if old == new:  # a difference that three digits do not show
        old, new = f"{before:,}", f"{after:,}"
    return f"{name} {new} instead of {old}"

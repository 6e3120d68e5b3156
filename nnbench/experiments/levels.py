"""The values of a factor as they are written: "1e-4:1e-1:7", "32,64,128", "SGD,Adam"."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from nnbench.errors import NnbenchError

WIDE = 10.0  # a range of positive numbers that spans more is divided by a constant factor, not a constant difference
MOST = 1000


@dataclass(frozen=True)
class Level:
    """One value, its name, and its place on an axis where it is a number."""

    value: Any
    name: str
    number: float | None


def levels(text: str, whole: bool = False) -> tuple[Level, ...]:
    """Values between commas, or FIRST:LAST:HOW_MANY, a geometric range where both ends are positive and far apart.

    ``whole`` rounds the numbers of a range. Raises ``NnbenchError`` for what is neither.

    >>> [one.value for one in levels("1e-4:1e-1:4")]
    [0.0001, 0.001, 0.01, 0.1]
    >>> [one.value for one in levels("0:0.5:3")], [one.value for one in levels("true,SGD,3")]
    ([0.0, 0.25, 0.5], [True, 'SGD', 3])
    """
    if not text.strip():
        raise NnbenchError("a factor has values: 32,64,128 or FIRST:LAST:HOW_MANY, such as 1e-4:1e-1:7")
    if ":" in text and not _is_range(text):
        raise NnbenchError(f"{text}: a range is FIRST:LAST:HOW_MANY, three numbers such as 1e-4:1e-1:7")
    found = _briefly([_number(value, whole) for value in _range(text)]) if _is_range(text) else _listed(text)
    unique = tuple(dict.fromkeys(found))
    if len(unique) < 2:
        raise NnbenchError(f"{text}: a comparison takes two different values or more")
    return unique


def _listed(text: str) -> list[Level]:
    return [level(part.strip()) for part in text.split(",") if part.strip()]


def level(text: str) -> Level:
    """One value as it is written.

    >>> level("64").value, level("0.5").number, level("false").value, level("nan").value
    (64, 0.5, False, 'nan')
    """
    if text.lower() in ("true", "false"):
        return Level(text.lower() == "true", text, None)
    try:
        value: float | int = int(text)
    except ValueError:
        try:
            value = float(text)
        except ValueError:
            return Level(text, text, None)
    return Level(value, f"{value:g}", float(value)) if math.isfinite(value) else Level(text, text, None)


def _is_range(text: str) -> bool:
    parts = text.split(":")
    return len(parts) == 3 and "," not in text and all(level(part.strip()).number is not None for part in parts)


def _range(text: str) -> list[float]:
    first, last, count = (float(part) for part in text.split(":"))
    if count != int(count) or not 2 <= count <= MOST:
        raise NnbenchError(f"{text}: FIRST:LAST:HOW_MANY takes a whole number of values, from 2 to {MOST}")
    steps = int(count) - 1
    if first > 0 and last > 0 and max(first, last) / min(first, last) > WIDE:
        return [float(f"{first * (last / first) ** (place / steps):.6g}") for place in range(steps + 1)]
    return [float(f"{first + (last - first) * place / steps:.6g}") for place in range(steps + 1)]


def _briefly(found: list[Level]) -> list[Level]:
    """Named with three digits, where these tell them apart."""
    names = {one.value: f"{one.value:.3g}" for one in found}
    short = len(set(names.values())) == len(names)
    return [replace(one, name=names[one.value]) for one in found] if short else found


def _number(value: float, whole: bool) -> Level:
    kept = round(value) if whole else value
    return Level(kept, f"{kept:g}", float(kept))

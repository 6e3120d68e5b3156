"""Numbers as people read them."""

from __future__ import annotations

import math

from nnbench.stats import Interval


def seconds(value: float) -> str:
    """A duration in the unit that fits it, three digits.

    >>> seconds(0.000123456)
    '123 µs'
    """
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if _rounded(value * factor) >= 1:
            return f"{_three_digits(value * factor)} {unit}"
    return f"{_three_digits(value * 1e9)} ns"


def size(value: float) -> str:
    """Bytes in binary units.

    >>> size(3 * 2**20)
    '3.00 MiB'
    """
    for exponent, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if value >= 2**exponent:
            return f"{_three_digits(value / 2**exponent)} {unit}"
    return f"{value:.0f} B"


def count(value: float) -> str:
    """A count with a decimal prefix.

    >>> count(242762)
    '243 k'
    """
    for factor, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{_three_digits(value / factor)} {unit}"
    return f"{value:.0f}"


def times(interval: Interval) -> str:
    """A ratio with the larger half of its interval: ``1.25x ± 0.03``.

    >>> times(Interval(1.25, 1.22, 1.28))
    '1.25x ± 0.03'
    """
    half = max(interval.high - interval.estimate, interval.estimate - interval.low)
    return f"{interval.estimate:.2f}x ± {half:.2f}"


def share(value: float) -> str:
    """A share of 1 in per cent.

    >>> share(0.9581)
    '95.81 %'
    """
    return f"{100 * value:.2f} %"


def by_unit(value: float, unit: str) -> str:
    """A value in its metric's unit."""
    return {"s": seconds, "B": size, "1": count}.get(unit, lambda number: f"{number:.4g} {unit}")(value)


def duration(value: float) -> str:
    """A waiting time: ``45 s``, ``2 min 05 s``.

    >>> duration(125)
    '2 min 05 s'
    """
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _rounded(value: float) -> float:
    """Three digits of it, so that rounding cannot carry a value over into the next unit after one was chosen."""
    rounded = float(f"{value:.3g}")
    return rounded if math.isfinite(rounded) else value  # the largest floats


def _three_digits(value: float) -> str:
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    decimals = max(0, 2 - math.floor(math.log10(abs(_rounded(value)))))
    return f"{value:.{decimals}f}"

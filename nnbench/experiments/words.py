"""A metric's values and differences in words."""

from __future__ import annotations

import math

from nnbench.metrics import METRICS
from nnbench.units import seconds, size

MINUS = "\N{MINUS SIGN}"


def is_share(metric: str) -> bool:
    """Whether the metric is a share of 1, told in per cent."""
    return metric.endswith(("accuracy", "calibration_error", "error_rate"))


def number(metric: str, value: float | None) -> str:
    """A value with its unit.

    >>> number("test_accuracy", 0.9741), number("test_loss", 0.08312), number("state_bytes", 8.0)
    ('97.41 %', '0.0831', '8 B')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if is_share(metric):
        return f"{100 * value:.2f} %".replace("-", MINUS)
    unit = METRICS[metric].unit if metric in METRICS else "1"
    if unit in ("s", "B"):
        return seconds(value) if unit == "s" else size(value)
    return _digits(value)


def apart(metric: str, value: float) -> str:
    """How far two values lie apart; shares in points.

    >>> apart("test_accuracy", 0.019), apart("test_loss", 0.0123)
    ('1.90 points', '0.0123')
    """
    return f"{_bare(metric, value)} points" if is_share(metric) else _bare(metric, value)


def span(metric: str, low: float, high: float) -> str:
    """Both ends of the interval of a difference; of shares in points.

    >>> span("test_accuracy", -0.0141, 0.025)
    '−1.41 to 2.50'
    """
    return f"{_bare(metric, low)} to {_bare(metric, high)}"


def _bare(metric: str, value: float) -> str:
    if not is_share(metric):
        return _digits(value)
    text = f"{100 * value:.2f}"
    return "0.00" if text == "-0.00" else text.replace("-", MINUS)


def _digits(value: float) -> str:
    """Three digits that count.

    >>> _digits(0.00012), _digits(1234.5), _digits(-0.5)
    ('0.00012', '1234', '−0.5')
    """
    text = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", MINUS)


def title(metric: str) -> str:
    """The metric's name in words."""
    return METRICS[metric].title if metric in METRICS else metric.replace("_", " ")


def probability(p: float | None) -> str:
    """A corrected p.

    >>> probability(0.0123), probability(1e-9), probability(None)
    ('p 0.012', 'p < 0.001', '')
    """
    if p is None:
        return ""
    return "p < 0.001" if p < 0.001 else f"p {p:.2g}"

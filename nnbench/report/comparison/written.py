"""The numbers and names of an experiment as its page writes them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nnbench.errors import listing
from nnbench.experiments.records import Outcome
from nnbench.experiments.words import MINUS, is_share, number
from nnbench.model import Status
from nnbench.report.words import elide

LONGEST_CAUSE = 300


def plain(value: float) -> str:
    """Three digits that count.

    >>> plain(0.00012), plain(1234.5), plain(-0.5), plain(0.0)
    ('1.2e-4', '1234', '−0.5', '0')
    """
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:.0f}".replace("-", MINUS)
    if abs(value) >= 0.001:
        return f"{value:.3g}".replace("-", MINUS)
    digits, _, exponent = f"{value:.2e}".partition("e")
    return f"{float(digits):g}e{int(exponent)}".replace("-", MINUS, int(value < 0))


def difference(metric: str, value: float | None) -> str:
    """A difference of two values with its sign, shares in points.

    >>> difference("test_accuracy", -0.019), difference("test_loss", 0.0123)
    ('−1.90 points', '+0.0123')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if not is_share(metric):
        return f"{'+' if value > 0 else ''}{plain(value)}"
    return f"{signed(100 * value)} points"


def signed(value: float) -> str:
    """Two decimals with a sign.

    >>> signed(-1.904), signed(0.0)
    ('−1.90', '0.00')
    """
    text = f"{value:+.2f}".replace("-", MINUS)
    return "0.00" if text[1:] == "0.00" else text


def between(metric: str, low: float, high: float) -> str:
    """Both ends of an interval, the unit once.

    >>> between("test_accuracy", 0.971, 0.9755)
    '97.10 to 97.55 %'
    """
    first, last = number(metric, low), number(metric, high)
    unit = last.partition(" ")[2]
    return f"{first.removesuffix(f' {unit}') if unit else first} to {last}"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def cause(outcome: Outcome) -> str:
    """Why a trial did not come to its end, and when."""
    return elide(f"seed {outcome.trial.seed} {_how(outcome)}", LONGEST_CAUSE)


def causes(outcomes: Sequence[Outcome]) -> list[str]:
    """Why trials did not come to their end, and when; those of one cause together."""
    seeds: dict[str, list[int]] = {}
    for one in outcomes:
        seeds.setdefault(_how(one), []).append(one.trial.seed)
    return [elide(f"{_seeds(members)} {how}", LONGEST_CAUSE) for how, members in seeds.items()]


def _seeds(members: Sequence[int]) -> str:
    return f"{'seed' if len(members) == 1 else 'seeds'} {listing(map(str, members))}"


def _how(outcome: Outcome) -> str:
    after = f"after epoch {outcome.epochs[-1].number}" if outcome.epochs else "before the first epoch ended"
    return f"{_ended(outcome)} {after}: {outcome.note or str(outcome.status)}"


def _ended(outcome: Outcome) -> str:
    status = str(outcome.status)
    if status == Status.OK:
        return "ended without a number"
    return {Status.OUT_OF_MEMORY: "ran out of memory", Status.SKIPPED: "was skipped"}.get(Status(status), status)

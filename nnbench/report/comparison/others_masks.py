"""Whether dropout drops what it says: the masks that each trial drew, counted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nnbench.experiments.records import Contender, Experiment
from nnbench.report.comparison.order import placed
from nnbench.report.comparison.section import Alert, Part, Section
from nnbench.report.comparison.seeds import trials
from nnbench.report.comparison.written import plain
from nnbench.report.grids import NOTHING, Cell, Column, Grid, Group, Row

METRIC, FIGURES = "dropout_masks", 5  # numbers of each layer
CHANCE = 4.0  # standard errors: what lies farther off is no chance (1 in 16,000)
PRECISE = 1e-3  # relative error that float32 allows a factor


@dataclass(frozen=True)
class Mask:
    """What layers of one rate did: the elements that they could drop, those that they kept, and by what these grew.

    ``is_identity``: in evaluation they give back what they are given.
    """

    rate: float
    seen: float
    kept: float
    scale: float
    is_identity: bool

    @property
    def off(self) -> float:
        """How many standard errors the kept share lies off the rate's; infinite where there is no chance in it."""
        expected, variance = self.seen * (1 - self.rate), self.seen * self.rate * (1 - self.rate)
        if variance == 0:
            return 0.0 if self.kept == expected else math.inf
        return (self.kept - expected) / math.sqrt(variance)

    @property
    def faults(self) -> Iterator[str]:
        """What is wrong with it, in words."""
        if abs(self.off) > CHANCE:
            yield f"keeps {100 * self.kept / max(self.seen, 1):.2f} % and not {100 * (1 - self.rate):g} %"
        if self.kept and self.rate < 1 and abs(self.scale * (1 - self.rate) - 1) > PRECISE:
            yield f"multiplies by {plain(self.scale)} and not {plain(1 / (1 - self.rate))}"
        if not self.is_identity:
            yield "drops in evaluation too"


def masks(experiment: Experiment, contender: str) -> list[Mask]:
    """The contender's layers, those of one rate together, over all of its seeds."""
    by_rate: dict[float, list[Mask]] = {}
    for outcome in trials(experiment, contender):
        numbers = outcome.final.get(METRIC, ())
        for start in range(0, len(numbers) - FIGURES + 1, FIGURES):
            rate, seen, kept, scale, identity = numbers[start : start + FIGURES]
            by_rate.setdefault(rate, []).append(Mask(rate, seen, kept, scale, identity == 1))
    return [_together(rate, found) for rate, found in sorted(by_rate.items())]


def _together(rate: float, found: list[Mask]) -> Mask:
    kept = sum(one.kept for one in found)
    scale = sum(one.kept * one.scale for one in found) / kept if kept else 0.0
    return Mask(rate, sum(one.seen for one in found), kept, scale, all(one.is_identity for one in found))


def masks_section(experiment: Experiment) -> Section | None:
    """None where no trial has dropout layers of its own, and where they are right and alike in all contenders."""
    found = [(one, masks(experiment, one.name)) for _, one in placed(experiment)]
    rows = tuple(_row(one, mask) for one, members in found for mask in members)
    faults = [f"{one.name} {fault}" for one, members in found for mask in members for fault in mask.faults]
    if not rows or not (faults or "dropout" in experiment.factor or _differ(found)):
        return None
    columns = (
        Column("Contender"),
        Column("Elements", True),
        Column("Kept", True),
        Column("Kept, by its rate", True),
        Column("Off by", True),
        Column("Factor of what is kept", True),
        Column("Verdict"),
    )
    grid = Grid("masks", "The masks of every seed's dropout layers together, in training mode", columns, (Group(rows),))
    told = (
        "Inverted dropout keeps each element with the probability of one minus its rate, divides what it keeps by that "
        "so that the mean stays, and leaves everything as it is in evaluation. Elements that are 0 before are not "
        f"counted. Up to {CHANCE:g} standard errors off is chance."
    )
    alerts: list[Part] = [Alert(f"The masks are wrong: {'; '.join(faults)}.")] if faults else []
    return Section("masks", "The masks", "Masks", (*alerts, told, grid))


def _differ(found: Sequence[tuple[Contender, Sequence[Mask]]]) -> bool:
    """Whether contenders drop at different rates, or some of them nothing: that dropout is among what is compared."""
    return len({tuple(mask.rate for mask in members) for _, members in found}) > 1


def _row(one: Contender, mask: Mask) -> Row:
    faults = ", ".join(mask.faults)
    share = f"{100 * mask.kept / mask.seen:.2f} %" if mask.seen else "–"
    off = f"{mask.off:+.1f} s.e.".replace("-", "\N{MINUS SIGN}") if math.isfinite(mask.off) else "certain"
    cells = (
        Cell(f"{mask.seen:,.0f}", value=mask.seen),
        Cell(share, value=mask.kept / mask.seen if mask.seen else None),
        Cell(f"{100 * (1 - mask.rate):g} %", value=1 - mask.rate),
        Cell(off) if mask.seen and 0 < mask.rate < 1 else NOTHING,
        Cell(plain(mask.scale), value=mask.scale) if mask.kept else NOTHING,
        Cell(faults, tone="bad") if faults else Cell("as it should be", tone="good"),
    )
    return Row(Cell(one.name), cells)

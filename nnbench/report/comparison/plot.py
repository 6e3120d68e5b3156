"""The frame of a drawing with two axes, and names moved apart beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from nnbench.experiments.findings import is_struck
from nnbench.experiments.records import Experiment
from nnbench.report.comparison import drawing
from nnbench.report.comparison.scales import Scale, short
from nnbench.report.words import clean

APART = 13  # pixels between two lines of names
LEADER = 7  # pixels of the line that leads to a name
LONGEST_NAME = 112  # pixels of a contender's name right of a plot
TICK_ACROSS, TICK_UP, LINE = 44, 24, 13  # pixels that ticks lie apart, and that a line of words is high
AIR = 4  # pixels between two labels
BELOW = 34  # pixels below the plot: a line of ticks and one of words


@dataclass(frozen=True)
class Plot:
    """Pixels of a drawing with two axes."""

    height: float
    left: float = 50
    right: float = 8
    top: float = 8
    width: float = drawing.WIDTH

    @property
    def bottom(self) -> float:
        return self.height - BELOW


def frame(
    plot: Plot,
    across: Scale,
    up: Scale,
    metric: str,
    below: str,
    across_metric: str = "",
    at: Sequence[float] = (),
) -> Iterator[Markup]:
    """Grid lines and ticks of both axes, ``below`` the words under the lower one, ``at`` where that has its ticks."""
    for tick in up.labelled(metric, TICK_UP, lambda label: LINE):
        yield drawing.line(plot.left, up.at(tick), plot.width - plot.right, up.at(tick), "grid")
        yield drawing.text(plot.left - 6, up.at(tick) + 4, short(metric, tick), "end", "muted")
    for tick in _fitting(at, across, across_metric) if at else across.labelled(across_metric, TICK_ACROSS, _wide):
        yield drawing.line(across.at(tick), plot.bottom, across.at(tick), plot.bottom + 4, "grid")
        yield drawing.text(across.at(tick), plot.bottom + 16, short(across_metric, tick), "middle", "muted")
    yield drawing.text(plot.width - plot.right, plot.height - 4, below, "end", "muted")


def _wide(label: str) -> float:
    return drawing.pixels(label) + AIR


def _fitting(wanted: Sequence[float], across: Scale, metric: str) -> Iterator[float]:
    """Of these ticks those whose labels do not lie on each other."""
    end = -math.inf
    for tick in sorted(wanted):
        half = _wide(short(metric, tick)) / 2
        if across.at(tick) - half >= end:
            end = across.at(tick) + half
            yield tick


def height_for_names(experiment: Experiment, least: float) -> float:
    """Pixels of a drawing beside which the name of every contender has room."""
    return max(least, Plot.top + APART * sum(len(_lines(one.name)) for one in experiment.contenders) + BELOW)


def _lines(name: str) -> list[str]:
    return drawing.in_lines(clean(name), LONGEST_NAME)


def room_for_names(experiment: Experiment) -> float:
    """Pixels right of a plot for the names of the contenders."""
    lines = [line for one in experiment.contenders for line in _lines(one.name)]
    widest = max(map(drawing.pixels, lines), default=0.0)
    return LEADER + min(widest, LONGEST_NAME) + 2


def names_beside(plot: Plot, experiment: Experiment, ends: Mapping[int, tuple[float, float]]) -> Iterator[Markup]:
    """The names of contenders right of the plot, each beside the end of its line, moved apart where needed."""
    x = plot.width - plot.right
    lines = {place: _lines(experiment.contenders[place].name) for place in ends}
    tall = {place: APART * len(members) for place, members in lines.items()}
    edges = plot.top - APART / 2, plot.bottom + APART / 2
    for place, y in spread({place: end[1] for place, end in ends.items()}, tall, *edges).items():
        struck = " struck" if is_struck(experiment, experiment.contenders[place].name) else ""
        first = y + 4 - APART * (len(lines[place]) - 1) / 2
        labels = [
            drawing.text(
                x + LEADER, first + APART * number, line, "start", f"coloured small{struck}", plot.right - LEADER
            )
            for number, line in enumerate(lines[place])
        ]
        yield drawing.of_contender(place, [drawing.path([ends[place], (x + 4, y)], "leader"), *labels])


def spread(wanted: Mapping[int, float], tall: Mapping[int, float], top: float, bottom: float) -> dict[int, float]:
    """Middles as near to those wanted as their own heights and both edges allow, from the top down.

    >>> spread({1: 10.0, 2: 12.0, 3: 90.0}, {1: 10, 2: 10, 3: 20}, 0, 100)
    {1: 10.0, 2: 20.0, 3: 90.0}
    """
    placed: dict[int, float] = {}
    last = top
    for name, height in sorted(wanted.items(), key=lambda item: item[1]):
        placed[name] = max(height, last + tall[name] / 2)
        last = placed[name] + tall[name] / 2
    limit = bottom
    for name in reversed(placed):
        placed[name] = min(placed[name], limit - tall[name] / 2)
        limit = placed[name] - tall[name] / 2
    return placed

"""The frame of a drawing with two axes, and names moved apart beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from nnbench.experiments.findings import is_struck
from nnbench.experiments.records import Experiment
from nnbench.report.comparison import drawing
from nnbench.report.comparison.scales import Scale, short
from nnbench.report.words import clean

APART = 13  # pixels between two names
LEADER = 7  # pixels of the line that leads to a name
LONGEST_NAME = 112  # pixels of a contender's name right of a plot
TICK_ACROSS, TICK_UP = 44, 24  # pixels that a tick's label needs
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


def frame(plot: Plot, across: Scale, up: Scale, metric: str, below: str, across_metric: str = "") -> Iterator[Markup]:
    """Grid lines and ticks of both axes, ``below`` the words under the lower one."""
    for tick in up.ticks(TICK_UP):
        yield drawing.line(plot.left, up.at(tick), plot.width - plot.right, up.at(tick), "grid")
        yield drawing.text(plot.left - 6, up.at(tick) + 4, short(metric, tick), "end", "muted")
    for tick in across.ticks(TICK_ACROSS):
        yield drawing.line(across.at(tick), plot.bottom, across.at(tick), plot.bottom + 4, "grid")
        yield drawing.text(across.at(tick), plot.bottom + 16, short(across_metric, tick), "middle", "muted")
    yield drawing.text(plot.width - plot.right, plot.height - 4, below, "end", "muted")


def height_for_names(experiment: Experiment, least: float) -> float:
    """Pixels of a drawing beside which the name of every contender has a line."""
    return max(least, Plot.top + APART * len(experiment.contenders) + BELOW)


def room_for_names(experiment: Experiment) -> float:
    """Pixels right of a plot for the names of the contenders."""
    widest = max((drawing.pixels(clean(one.name)) for one in experiment.contenders), default=0.0)
    return LEADER + min(widest, LONGEST_NAME) + 2


def names_beside(plot: Plot, experiment: Experiment, ends: Mapping[int, tuple[float, float]]) -> Iterator[Markup]:
    """The names of contenders right of the plot, each beside the end of its line, moved apart where needed."""
    x = plot.width - plot.right
    for place, y in spread({place: end[1] for place, end in ends.items()}, APART, plot.top, plot.bottom).items():
        name = experiment.contenders[place].name
        struck = " struck" if is_struck(experiment, name) else ""
        leader = drawing.path([ends[place], (x + 4, y)], "leader")
        label = drawing.text(x + LEADER, y + 4, name, kind=f"coloured small{struck}", room=plot.right - LEADER)
        yield drawing.of_contender(place, [leader, label])


def spread(wanted: Mapping[int, float], apart: float, top: float, bottom: float) -> dict[int, float]:
    """Heights as near to those wanted as a distance between neighbours allows, from the top down.

    >>> spread({1: 10.0, 2: 12.0, 3: 90.0}, 10, 0, 100)
    {1: 10.0, 2: 20.0, 3: 90.0}
    """
    placed: dict[int, float] = {}
    last = top - apart
    for name, height in sorted(wanted.items(), key=lambda item: item[1]):
        last = placed[name] = max(height, last + apart)
    limit = bottom + apart
    for name in reversed(placed):
        limit = placed[name] = min(placed[name], limit - apart)
    return placed

"""A factor whose contenders are numbers: the metric along them, and which of them cannot be told from the best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nnbench.errors import listing
from nnbench.experiments.findings import Findings, findings
from nnbench.experiments.rates import is_about_dropout
from nnbench.experiments.records import Experiment
from nnbench.experiments.words import title
from nnbench.report.comparison.by_level import figure, of
from nnbench.report.comparison.order import Placed, placed
from nnbench.report.comparison.section import Alert, Figures, Part, Section
from nnbench.report.comparison.written import capital

NAMES = {"batch-size": "samples in a batch", "lr": "learning rate"}


def level_section(experiment: Experiment) -> Section | None:
    """None where a contender has no level, and for dropout rates, which have a section of their own."""
    by_level = placed(experiment)
    if is_about_dropout(experiment) or len(by_level) < 2 or any(one.level is None for _, one in by_level):
        return None
    found = findings(experiment)
    heading = capital(title(experiment.metric))
    note = "A dot is a seed, the bar a 99 % interval of the mean. Shaded: not told apart from the best."
    drawn = figure(experiment, of("levels", experiment.metric, heading), _below(experiment), found.best, note)
    parts: list[Part] = [*_edge(by_level, found), *_told(by_level, found)]
    parts += [Figures((drawn,))] if drawn else []
    return Section("levels", f"{heading} against {_below(experiment)}", "Values", tuple(parts))


def _below(experiment: Experiment) -> str:
    name = experiment.factor.partition("=")[0].strip()
    return NAMES.get(name, name.rpartition(".")[2].replace("_", " "))


def _edge(by_level: Sequence[Placed], found: Findings) -> Iterator[Alert]:
    """A best value at an end of what was tried may have a better one beyond it."""
    ends = {by_level[0][1].name: "smallest", by_level[-1][1].name: "largest"}
    if found.means and len(by_level) > 2 and found.order[0] in ends:
        best = found.order[0]
        yield Alert(f"The best, {best}, is the {ends[best]} that was tried: a better one may lie beyond.")


def _told(by_level: Sequence[Placed], found: Findings) -> Iterator[str]:
    if not found.means or found.seeds < 2:
        return
    best = found.order[0]
    peers = [one.name for _, one in by_level if one.name in found.best and one.name != best]
    if peers:
        yield f"The best is {best}; {listing(peers)} cannot be told apart from it."
    else:
        yield f"The best is {best}, and every other value is told apart from it."

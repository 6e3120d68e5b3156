"""In which order a page shows the contenders."""

from __future__ import annotations

from nnbench.experiments.findings import findings
from nnbench.experiments.records import Contender, Experiment

Placed = tuple[int, Contender]  # the place among the experiment's contenders decides the colour


def placed(experiment: Experiment) -> list[Placed]:
    """By level where there are levels, otherwise as the verdict has them, the best first, what it leaves out last."""
    there = list(enumerate(experiment.contenders))
    if there and all(one.level is not None for _, one in there):
        return sorted(there, key=lambda pair: pair[1].level or 0.0)
    found = findings(experiment)
    order = {name: place for place, name in enumerate((*found.order, *found.struck, *found.untried))}
    return sorted(there, key=lambda pair: order[pair[1].name])

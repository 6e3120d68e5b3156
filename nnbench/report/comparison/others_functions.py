"""The activation functions that were compared, drawn with their derivatives."""

from __future__ import annotations

from nnbench.experiments.records import Contender, Experiment
from nnbench.metrics import CURVES
from nnbench.model import Measurement
from nnbench.report.comparison.order import placed
from nnbench.report.comparison.section import Figure, Figures, Section
from nnbench.report.drawn_activations import activation_panels


def functions_section(experiment: Experiment) -> Section | None:
    """None where no trial has the curves of what it put in the place of ReLU."""
    rows = [row for _, one in placed(experiment) for row in _rows(experiment, one)]
    panels = activation_panels(rows, "function")
    if not panels:
        return None
    figures = Figures(tuple(Figure(panel.title, panel.svg) for panel in panels))
    told = (
        "Best first. Where the derivative is near 0 on a whole side, nothing flows back through a unit that is there; "
        "where it stays below 1, gradients shrink from layer to layer."
    )
    return Section("functions", "The functions and their derivatives", "Functions", (told, figures))


def _rows(experiment: Experiment, one: Contender) -> list[Measurement]:
    final = next((trial.final for trial in experiment.of(one.name) if CURVES.keys() <= trial.final.keys()), {})
    return [
        Measurement(one.name, "reference", "", metric, "1", tuple(final[metric]))
        for metric in CURVES
        if metric in final
    ]

"""What the best and the worst contender answer on the test part: classes mixed up, or values beside the true ones."""

from __future__ import annotations

from collections.abc import Iterator

from nnbench.experiments.findings import findings
from nnbench.experiments.records import Experiment
from nnbench.model import Measurement
from nnbench.report.comparison.section import Figure, Figures, Section
from nnbench.report.comparison.seeds import is_usable
from nnbench.report.comparison.written import capital
from nnbench.report.drawn_confusion import confusion_panels
from nnbench.report.drawn_series import series_panels

METRICS = ("confusion", "predicted", "actual")


def answers_section(experiment: Experiment) -> Section | None:
    """None where no trial kept its answers."""
    order = findings(experiment).order
    ends = {"best": order[0], "worst": order[-1]} if len(order) > 1 else {}
    figures = [one for end, name in ends.items() for one in _figures(experiment, end, name)]
    if not figures:
        return None
    told = (
        "The first and the last of the contenders by their means. Of classes, all seeds are counted together; of "
        "predicted values, one seed is drawn."
    )
    return Section("answers", "What they answer", "Answers", (told, Figures(tuple(figures))))


def _figures(experiment: Experiment, end: str, name: str) -> Iterator[Figure]:
    rows = list(_rows(experiment, name))
    for panel in (*confusion_panels(rows, f"confusion-{end}"), *series_panels(rows, f"series-{end}")):
        yield Figure(f"{capital(end)}: {name}", panel.svg)


def _rows(experiment: Experiment, name: str) -> Iterator[Measurement]:
    for outcome in experiment.of(name):
        if is_usable(outcome, experiment.metric):
            context = {"contender": name, "seed": outcome.trial.seed, "data": experiment.data}
            for metric in METRICS:
                if metric in outcome.final:
                    values = tuple(outcome.final[metric])
                    yield Measurement(experiment.task, outcome.trial.variant, "", metric, "1", values, context=context)

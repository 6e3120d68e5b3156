"""The size of the training set against the contenders: which is best with less data to learn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from nnbench.errors import listing
from nnbench.experiments.findings import Findings, findings
from nnbench.experiments.records import Experiment
from nnbench.experiments.words import title
from nnbench.report.comparison.order import placed
from nnbench.report.comparison.section import Part, Section
from nnbench.report.comparison.summary import mean_cell
from nnbench.report.comparison.written import capital
from nnbench.report.grids import Cell, Column, Grid, Group, Row

SHARE = "train_share"


def shares_section(experiment: Experiment) -> Section | None:
    """None where everything was trained on the same share of the training samples."""
    by_share = _by_share(experiment)
    if len(by_share) < 2:
        return None
    found = {share: findings(one) for share, one in by_share.items()}
    told = (
        "The same trainings on a part of the training samples, drawn by the seed and the same for every contender: as "
        "many epochs, and so fewer steps. What guards against overfitting pays most where samples are few."
    )
    parts: list[Part] = [*_said(found), told, _grid(experiment, by_share, found)]
    return Section("shares", "With less data", "Less data", tuple(parts))


def _by_share(experiment: Experiment) -> dict[float, Experiment]:
    """An experiment of each share, the smallest first; 1 is the experiment itself."""
    shares = sorted({float(one.trial.changes[SHARE]) for one in experiment.beside})
    parts = {
        share: replace(
            experiment,
            outcomes=tuple(one for one in experiment.beside if one.trial.changes[SHARE] == share),
            beside=(),
            tuning=(),
        )
        for share in shares
    }
    return {**parts, 1.0: experiment} if experiment.outcomes else parts


def _said(found: Mapping[float, Findings]) -> Iterator[str]:
    """A sentence for each share of which at least two seeds are known."""
    for share, one in found.items():
        if not one.means or one.seeds < 2:
            continue
        best = one.order[0]
        peers = [name for name in one.best if name != best]
        among = f", and {listing(peers)} cannot be told apart from it" if peers else ", and no other ties with it"
        yield f"With {_share(share)} of the samples {best} is best on average over {one.seeds} seeds{among}."


def _share(share: float) -> str:
    """
    >>> _share(0.1), _share(1.0), _share(0.125)
    ('10 %', '100 %', '12.5 %')
    """
    return f"{100 * share:g} %"


def _grid(experiment: Experiment, by_share: Mapping[float, Experiment], found: Mapping[float, Findings]) -> Grid:
    columns = (Column("Contender"), *(Column(f"{_share(share)} of the samples", True) for share in by_share))
    rows = tuple(
        Row(
            Cell(one.name),
            tuple(_cell(of_share, one.name, found[share]) for share, of_share in by_share.items()),
        )
        for _, one in placed(experiment)
    )
    caption = (
        f"{capital(title(experiment.metric))}: means over seeds with 99 % intervals; green is not told from the best"
    )
    return Grid("shares", caption, columns, (Group(rows),), is_sortable=True)


def _cell(experiment: Experiment, contender: str, found: Findings) -> Cell:
    made = mean_cell(experiment, contender, experiment.metric)
    return replace(made, tone="good") if contender in found.best and made.value is not None else made

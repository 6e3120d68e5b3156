"""Every contender against every other: differences with intervals, corrected p-values, probability of superiority."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nnbench.comparison import Pair
from nnbench.experiments.findings import findings
from nnbench.experiments.records import Experiment
from nnbench.experiments.words import apart, is_share, title
from nnbench.report.comparison.order import placed
from nnbench.report.comparison.section import Folded, Section
from nnbench.report.comparison.written import difference, plain, signed
from nnbench.report.grids import NOTHING, Cell, Column, Grid, Group, Row

TONES = {"better": "good", "worse": "bad"}
TURNED = {"better": "worse", "worse": "better"}
MOST_IN_MATRIX = 12  # contenders; more would not be read as a matrix


def pairs_section(experiment: Experiment) -> Section | None:
    """None where there are not two contenders to compare. Those that fail their checks are not compared at all."""
    found = findings(experiment)
    if not found.pairs:
        return None
    order = [one.name for _, one in placed(experiment) if one.name in found.values]
    listed = _list(experiment, found.pairs)
    if len(order) > MOST_IN_MATRIX:
        return Section("pairs", "Pair by pair", "Pairs", (listed,))
    matrix = _matrix(experiment, order, found.pairs)
    folded = Folded("Every pair with its interval", (listed,))
    return Section("pairs", "Pair by pair", "Pairs", (_told(experiment, found.margin), matrix, folded))


def _told(experiment: Experiment, margin: float) -> str:
    unit = ", in points" if is_share(experiment.metric) else ""
    return (
        f"How much more {title(experiment.metric)} the contender of a row has than that of a column, seed by seed"
        f"{unit}. Green and red are decided. Grey is equal, surely less than "
        f"{apart(experiment.metric, margin)} apart, or not decided by these seeds."
    )


def _matrix(experiment: Experiment, order: Sequence[str], found: Sequence[Pair]) -> Grid:
    known = {(pair.a, pair.b): (pair, False) for pair in found} | {(pair.b, pair.a): (pair, True) for pair in found}
    rows = tuple(Row(Cell(row), tuple(_cell(experiment, known, row, column) for column in order)) for row in order)
    columns = (Column("Row less column"), *(Column(name, True) for name in order))
    return Grid("pairs", "Differences of the means, row less column", columns, (Group(rows),))


def _cell(experiment: Experiment, known: Mapping[tuple[str, str], tuple[Pair, bool]], row: str, column: str) -> Cell:
    if (row, column) not in known:
        return NOTHING
    pair, turned = known[row, column]
    if pair.difference is None:
        return Cell("–", str(pair.verdict), tone="muted")
    value = -pair.difference if turned else pair.difference
    word = TURNED.get(pair.verdict, pair.verdict) if turned else pair.verdict
    return Cell(_bare(experiment, value), word, tone=TONES.get(word, "muted"))


def _bare(experiment: Experiment, value: float) -> str:
    return signed(100 * value) if is_share(experiment.metric) else difference(experiment.metric, value)


def _list(experiment: Experiment, found: Sequence[Pair]) -> Grid:
    columns = (
        Column("Pair"),
        Column("Difference", True),
        Column("99 % interval", True),
        Column("Superior", True),
        Column("p", True),
        Column("p, corrected", True),
        Column("Verdict"),
    )
    rows = tuple(_row(experiment, pair) for pair in found)
    caption = "Every pair: first less second; superior is how often a seed of the first beats one of the second"
    return Grid("every-pair", caption, columns, (Group(rows),), is_sortable=True)


def _row(experiment: Experiment, pair: Pair) -> Row:
    ends = [None if end is None else _bare(experiment, end) for end in (pair.low, pair.high)]
    cells = (
        Cell(difference(experiment.metric, pair.difference), value=pair.difference),
        Cell(f"{ends[0]} to {ends[1]}") if None not in ends else NOTHING,
        Cell(f"{100 * pair.superiority:.0f} %", value=pair.superiority),
        _probability(pair.p),
        _probability(pair.p_adjusted),
        Cell(_verdict(pair), tone=TONES.get(pair.verdict, "muted")),
    )
    return Row(Cell(f"{pair.a} and {pair.b}"), cells)


def _verdict(pair: Pair) -> str:
    """What the pair's first is, and how many seeds would settle what is open."""
    if pair.verdict in TONES:
        return f"{pair.a} is {pair.verdict}"
    return f"{pair.verdict}, about {pair.seeds} seeds would settle it" if pair.seeds else pair.verdict


def _probability(p: float | None) -> Cell:
    if p is None:
        return NOTHING
    return Cell("< 0.001" if p < 0.001 else plain(round(p, 3)), value=p)

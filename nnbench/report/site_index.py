"""The site's first page: what is wrong, what got worse, what was compared, and links to everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nnbench.errors import listing
from nnbench.model import Run
from nnbench.report import verdicts
from nnbench.report.grids import NOTHING, Cell, Column, Grid, Group, Row
from nnbench.report.races import races
from nnbench.report.site import HISTORY, Component, Site, component_link, rendered, run_link, standing
from nnbench.report.verdicts import WRONG
from nnbench.report.words import elide, grouped, moment, plural
from nnbench.tables import TrainingLine, training_lines
from nnbench.units import share

MOST_FINDINGS = 15
LONGEST_REASON = 300
LONGEST_COMMAND = 120


def index_page(site: Site) -> str:
    """The index as HTML; equal sites give equal bytes."""
    wrong = {one.id: found for one in site.components if (found := wrong_of(one))}
    worse = standing(site)
    content = {
        "headline": _headline(site, wrong, len(worse)),
        "is_bad": bool(wrong or worse),
        "told": _told(site),
        "wrong": [_wrong_row(name, found) for name, found in wrong.items()][:MOST_FINDINGS],
        "more_wrong": max(len(wrong) - MOST_FINDINGS, 0),
        "worse": len(worse),
        "history": HISTORY,
        "comparisons": site.comparisons,
        "components_grid": components_grid(site, wrong),
        "runs_grid": runs_grid(site),
        "command": site.command,
        "plural": plural,
    }
    return rendered("site_index.html", content)


def wrong_of(one: Component) -> list[verdicts.Finding]:
    """What is wrong in the newest run that measured a component, and in its newest trainings."""
    parts = [one.run] if one.run else []
    found = [finding for run in parts for finding in verdicts.findings(run)]
    found += [finding for line in training_lines(one.trained) if (finding := verdicts.of_training(line))]
    return [finding for finding in found if finding.weight == WRONG]


def _headline(site: Site, wrong: Mapping[str, Sequence[object]], worse: int) -> str:
    if not site.runs:
        return "Nothing was measured"
    if not site.components and site.comparisons:
        return f"{plural(len(site.comparisons), 'comparison')}, and no component measured"
    said = [f"{plural(len(wrong), 'component')} {'is' if len(wrong) == 1 else 'are'} not right"] if wrong else []
    said += [f"{plural(worse, 'number')} got worse"] if worse else []
    return ", and ".join(said) if said else "Nothing is wrong"


def _told(site: Site) -> str:
    if not site.runs:
        return "This results folder holds no runs: nnbench run makes one."
    newest = site.runs[-1]
    counted = [
        plural(len(site.components), "component"),
        plural(len(site.runs), "run"),
        plural(len(site.comparisons), "comparison"),
    ]
    return f"{listing(counted)}; the newest run is of {moment(newest.started)}, at {verdicts.commit(newest)}."


def _wrong_row(name: str, found: Sequence[verdicts.Finding]) -> dict[str, Any]:
    first = found[0]
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return {
        "name": name,
        "link": component_link(name),
        "status": first.status,
        "where": f"@{first.variant} {first.case}",
        "reason": elide(first.reason, LONGEST_REASON) + more,
    }


def components_grid(site: Site, wrong: Mapping[str, Sequence[verdicts.Finding]]) -> Grid:
    """Every component that something is stored of, by suite."""
    worse = Counter(one.key.component for one in standing(site))
    columns = ("Component", "Checks", "Fastest", "Trained to", "Got worse", "Measured")
    groups = grouped(site.components, lambda one: one.id.partition(".")[0])
    return Grid(
        "components",
        "Every component of which something is stored, as its newest run has it",
        tuple(Column(title) for title in columns),
        tuple(
            Group(tuple(_component_row(site, one, bool(wrong.get(one.id)), worse[one.id]) for one in some), suite)
            for suite, some in groups
        ),
        is_sortable=True,
    )


def _component_row(site: Site, one: Component, is_wrong: bool, worse: int) -> Row:
    return Row(
        Cell(one.id, is_code=True, link=component_link(one.id)),
        (
            _checks_cell(one.run, is_wrong),
            _fastest_cell(one.run),
            _trained_cell(training_lines(one.trained)),
            Cell(plural(worse, "number"), value=worse, tone="bad", link=HISTORY) if worse else NOTHING,
            _measured_cell(site, one.run),
        ),
    )


def _checks_cell(run: Run | None, is_wrong: bool) -> Cell:
    checks = run.checks if run else ()
    bad = sum(not check.is_right for check in checks)
    if not checks:
        return Cell("not right", tone="bad") if is_wrong else NOTHING
    if bad:
        return Cell(f"{bad:,} of {len(checks):,} not right", value=float(bad), tone="bad")
    return Cell("not right" if is_wrong else "right", plural(len(checks), "check"), 0.0, "bad" if is_wrong else "good")


def _fastest_cell(run: Run | None) -> Cell:
    """Which variants won how many cases; a tie is nobody's."""
    ran = [race for race in races(verdicts.judged(run)) if race.outcome in ("won", "tie")] if run else []
    won = Counter(race.winner if race.outcome == "won" else "tie" for race in ran)
    if not won:
        return NOTHING
    told = [f"{name} {number}" if len(ran) > 1 else name for name, number in won.most_common()]
    return Cell(listing(told), f"of {plural(len(ran), 'case')}" if len(ran) > 1 else "")


def _trained_cell(found: Sequence[TrainingLine]) -> Cell:
    """The best test accuracy among the last epochs, as it was told by the newest trainings."""
    last = {(line.variant, line.data, line.seed): line for line in found}
    reached = [line for line in last.values() if "test_accuracy" in line.values]
    if not reached:
        return Cell("trained", ", ".join(dict.fromkeys(line.data for line in found))) if found else NOTHING
    best = max(reached, key=lambda line: line.values["test_accuracy"])
    return Cell(share(best.values["test_accuracy"]), f"on {best.data}", best.values["test_accuracy"])


def _measured_cell(site: Site, run: Run | None) -> Cell:
    if run is None:
        return NOTHING
    return Cell(run.started[:10], run.commit[:10] + "+" * run.dirty, link=run_link(site, run.id), is_detail_code=True)


def runs_grid(site: Site) -> Grid:
    """Every run, the newest first; those that have a page lead to it."""
    columns = (Column("Run"), Column("Commit"), Column("Rows", True), Column("Ended"), Column("Command"))
    pairs = list(zip(site.runs, site.rows, strict=True))[::-1]
    rows = tuple(_run_row(site, run, number) for run, number in pairs)
    return Grid("runs", "Every run, the newest first", columns, (Group(rows),), is_sortable=True)


def _run_row(site: Site, run: Run, rows: int) -> Row:
    return Row(
        Cell(run.id, moment(run.started), is_code=True, link=run_link(site, run.id)),
        (
            Cell(run.commit[:10] + "+" * run.dirty or "none", is_code=True),
            Cell(f"{rows:,}", value=rows),
            Cell(run.ended, tone="" if run.ended == "complete" else "muted"),
            Cell(elide(run.command, LONGEST_COMMAND), is_code=True),
        ),
    )

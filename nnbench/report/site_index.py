"""The site's first page: what is wrong, what got worse, what was compared, and links to everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nnbench.errors import listing
from nnbench.model import Run, Status
from nnbench.report import verdicts
from nnbench.report.grids import NOTHING, Cell, Column, Grid, Group, Row
from nnbench.report.races import races
from nnbench.report.site import HISTORY, Component, Part, Site, component_link, parts_of, run_link, standing
from nnbench.report.templating import rendered
from nnbench.report.verdicts import WRONG
from nnbench.report.words import elide, grouped, moment, plural
from nnbench.tables import training_lines
from nnbench.units import share

MOST_FINDINGS = 15
LONGEST_REASON = 300
LONGEST_COMMAND = 120


def index_page(site: Site) -> str:
    """The index as HTML; equal sites give equal bytes."""
    wrong = {one.id: found for one in site.components if (found := wrong_of(site, one))}
    worse = standing(site)
    content = {
        "headline": _headline(site, wrong, len(worse)),
        "is_bad": bool(wrong or worse),
        "told": _told(site),
        "wrong": [_wrong_row(name, found) for name, found in wrong.items()][:MOST_FINDINGS],
        "more_wrong": max(len(wrong) - MOST_FINDINGS, 0),
        "worse": len(worse),
        "history": HISTORY,
        "comparisons": site.comparisons[::-1],
        "components_grid": components_grid(site, wrong),
        "runs_grid": runs_grid(site),
        "command": site.command,
        "plural": plural,
    }
    return rendered("site_index.html", content)


def wrong_of(site: Site, one: Component) -> list[verdicts.Finding]:
    """What is wrong in the newest run that measured a component, in its newest trainings, and in comparisons."""
    parts = [one.run] if one.run else []
    found = [finding for run in parts for finding in verdicts.findings(run)]
    found += [finding for line in training_lines(one.trained) if (finding := verdicts.of_training(line))]
    if not (one.run and one.run.checks):
        found += [_of_part(part) for part in parts_of(site, one.id) if part.failed]
    return [finding for finding in found if finding.weight == WRONG]


def _of_part(part: Part) -> verdicts.Finding:
    """A contender of a comparison that failed its checks there."""
    case = f"compared as {part.contender}"
    return verdicts.Finding(WRONG, part.component, part.variant, case, str(Status.WRONG), "; ".join(part.failed))


def _headline(site: Site, wrong: Mapping[str, Sequence[object]], worse: int) -> str:
    if not site.runs:
        return "Nothing was measured"
    said = [f"{plural(len(wrong), 'component')} {'is' if len(wrong) == 1 else 'are'} not right"] if wrong else []
    said += [f"{plural(worse, 'number')} got worse"] if worse else []
    return ", and ".join(said) or _of_comparisons(site) or "Nothing is wrong"


def _of_comparisons(site: Site) -> str:
    """What to say where nothing but comparisons is stored; else empty."""
    if not site.comparisons or any(one.run or one.trained for one in site.components):
        return ""
    is_checked = any(part.passed for one in site.comparisons for part in one.parts)
    told = "nothing is wrong" if is_checked else "no implementation of a contender checked"
    return f"{plural(len(site.comparisons), 'comparison')}, and {told}"


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
        "where": " ".join(filter(None, (first.variant and f"@{first.variant}", first.case))),
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
            _checks_cell(site, one, is_wrong),
            _fastest_cell(one.run),
            _trained_cell(site, one),
            Cell(plural(worse, "number"), value=worse, tone="bad", link=HISTORY) if worse else NOTHING,
            _measured_cell(site, one.run),
        ),
    )


def _checks_cell(site: Site, one: Component, is_wrong: bool) -> Cell:
    checks = one.run.checks if one.run else ()
    if not checks:
        return _compared_checks(parts_of(site, one.id), is_wrong)
    bad = sum(not check.is_right for check in checks)
    if bad:
        return Cell(f"{bad:,} of {len(checks):,} not right", value=float(bad), tone="bad")
    return Cell("not right" if is_wrong else "right", plural(len(checks), "check"), 0.0, "bad" if is_wrong else "good")


def _compared_checks(parts: Sequence[Part], is_wrong: bool) -> Cell:
    """The checks of the last comparison that made some, where no run has measured the component."""
    last = next((part for part in reversed(parts) if part.passed or part.failed), None)
    if is_wrong or last is None:
        return Cell("not right", tone="bad") if is_wrong else NOTHING
    return Cell("right", f"{plural(last.passed, 'check')}, in a comparison", 0.0, "good")


def _fastest_cell(run: Run | None) -> Cell:
    """Which variants won how many cases; a tie is nobody's."""
    ran = [race for race in races(verdicts.judged(run)) if race.outcome in ("won", "tie")] if run else []
    won = Counter(race.winner if race.outcome == "won" else "tie" for race in ran)
    if not won:
        return NOTHING
    told = [f"{name} {number}" if len(ran) > 1 else name for name, number in won.most_common()]
    return Cell(listing(told), f"of {plural(len(ran), 'case')}" if len(ran) > 1 else "")


def _trained_cell(site: Site, one: Component) -> Cell:
    """The best test accuracy among the last epochs, as it was told by the newest trainings, else by comparisons."""
    found = training_lines(one.trained)
    last = {(line.variant, line.data, line.seed): line for line in found}
    reached = [line for line in last.values() if "test_accuracy" in line.values]
    if reached:
        best = max(reached, key=lambda line: line.values["test_accuracy"])
        return Cell(share(best.values["test_accuracy"]), f"on {best.data}", best.values["test_accuracy"])
    if found:
        return Cell("trained", ", ".join(dict.fromkeys(line.data for line in found)))
    return _compared_training(parts_of(site, one.id))


def _compared_training(parts: Sequence[Part]) -> Cell:
    """The best mean that was reached with a component in comparisons."""
    reached = [part for part in parts if part.value is not None]
    if not reached:
        return Cell("compared") if parts else NOTHING
    best = max(reached, key=lambda part: part.value or 0.0)
    return Cell(share(best.value or 0.0), f"on {best.data}, in a comparison", best.value)


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

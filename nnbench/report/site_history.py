"""The site's page of history: what got worse or better and when, and how every number that moved went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nnbench.report.figures import Panel
from nnbench.report.grids import Cell, Column, Grid, Group, Row
from nnbench.report.site import INDEX, Site, component_link, run_link, standing
from nnbench.report.templating import rendered
from nnbench.report.trend import LONGEST_TITLE, drawing
from nnbench.report.words import clean, elide, plural
from nnbench.trends.findings import BETTER, SUSPICION, WORSE, Finding
from nnbench.trends.series import Key, Series
from nnbench.trends.series_words import between, change, two_values

MOST_PANELS = 60
TONES = {WORSE: "bad", BETTER: "good"}


def history_page(site: Site) -> str:
    """The page as HTML; equal sites give equal bytes."""
    worse, told = standing(site), [one for one in site.findings if one.verdict != SUSPICION]
    dated = by_key(told)
    moved = [one for one in site.series if one.key in dated]
    suspicions = len(site.findings) - len(told)
    content = {
        "home": INDEX,
        "headline": f"{plural(len(worse), 'number')} got worse and stayed so" if worse else "Nothing got worse",
        "is_bad": bool(worse),
        "told": _told(site, len(moved)),
        "suspicions": f"The newest run alone makes {plural(suspicions, 'number')} suspicious." if suspicions else "",
        "findings_grid": findings_grid(site, told) if told else None,
        "moved": series_panels(moved[:MOST_PANELS], dated),
        "left_out": max(len(moved) - MOST_PANELS, 0),
    }
    return rendered("site_history.html", content)


def _told(site: Site, moved: int) -> str:
    runs = {run for one in site.series for run in one.runs}
    return f"{plural(len(site.series), 'number')} followed over {plural(len(runs), 'run')}; {moved:,} changed."


def by_key(found: Sequence[Finding]) -> dict[Key, list[Finding]]:
    groups: dict[Key, list[Finding]] = {}
    for one in found:
        groups.setdefault(one.key, []).append(one)
    return groups


def findings_grid(site: Site, found: Sequence[Finding], up: str = "") -> Grid:
    """What changed, what stands and got worse first; ``up`` leads from the page to the site's top folder."""
    order = sorted(found, key=lambda one: (one.fails, one.started, one.key), reverse=True)
    columns = ("What", "Verdict", "Before", "After", "Change", "Between", "Run")
    rows = tuple(_finding_row(site, one, up) for one in order)
    return Grid("findings", "Changes of level", tuple(map(Column, columns)), (Group(rows),), is_sortable=True)


def _finding_row(site: Site, one: Finding, up: str) -> Row:
    before, after = two_values(one.before, one.after, one.key, one.unit, one.basis)
    page, run = component_link(one.key.component), run_link(site, one.run)
    return Row(
        Cell(
            f"{one.key.component}@{one.key.variant}", f"{one.key.metric}, {one.key.place}", is_code=True, link=up + page
        ),
        (
            Cell(one.verdict, one.note or ("" if one.stands else "undone since"), tone=_tone(one)),
            Cell(before, value=one.before),
            Cell(after, value=one.after),
            Cell(change(one.before, one.after, one.key)),
            Cell(between(one), is_code=True),
            Cell(str(one.started)[:10], one.run, link=up + run if run else "", is_detail_code=True),
        ),
    )


def _tone(one: Finding) -> str:
    return TONES.get(one.verdict, "") if one.stands else "muted"


def series_panels(
    found: Sequence[Series], dated: Mapping[Key, Sequence[Finding]], name: str = "series-of-runs"
) -> tuple[Panel, ...]:
    """A drawing of each series, with its changes marked."""
    return tuple(
        Panel(elide(clean(_title(one.key)), LONGEST_TITLE), drawing(one, dated.get(one.key, ()), f"{name}-{number}"))
        for number, one in enumerate(found, 1)
    )


def _title(key: Key) -> str:
    return f"{key.component}@{key.variant}, {key.metric}, {key.place}"

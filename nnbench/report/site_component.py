"""The site's page of one component: what its newest runs found, what is drawn of it, how its numbers went."""

from __future__ import annotations

from functools import partial
from typing import Any

from nnbench.documents import Documents
from nnbench.model import Run
from nnbench.report import check_grids, failures, figures, grids, verdicts
from nnbench.report.correctness import fold
from nnbench.report.counter_grid import counter_grid
from nnbench.report.drawings import drawings
from nnbench.report.matrix import matrix_of
from nnbench.report.page import REPEATED
from nnbench.report.races import races
from nnbench.report.site import HISTORY, RUNS, UP, Component, Part, Site, parts_of
from nnbench.report.site_history import by_key, findings_grid, series_panels
from nnbench.report.site_index import wrong_of
from nnbench.report.templating import rendered
from nnbench.report.words import elide, moment, options, plural
from nnbench.roofline import shares
from nnbench.tables import training_lines
from nnbench.trends.findings import SUSPICION

MOST_SERIES = 24
LONGEST_REASON = 400


def component_page(site: Site, one: Component, documents: Documents) -> str:
    """The page as HTML; equal sites give equal bytes."""
    wrong = wrong_of(site, one)
    content = {
        "id": one.id,
        "home": UP,
        "history": f"../{HISTORY}",
        "headline": _headline(site, one, bool(wrong)),
        "tone": "bad" if wrong else "good" if _is_checked(site, one) else "muted",
        "wrong": wrong,
        "elide_reason": lambda text: elide(text, LONGEST_REASON),
        "documented": [documents.titles[name] for name in documents.components.get(one.id, ())],
        "errata": [erratum for erratum in documents.errata.values() if one.id in erratum.components],
        "comparisons": [
            (compared, list(map(_told, compared.of(one.id))))
            for compared in site.comparisons
            if one.id in compared.components
        ],
        "training_grid": grids.training_grid(training_lines(one.trained)) if one.trained else None,
        "drawn": drawings([*one.curves, *one.trained]),
        "homes": [_home(site, what, run) for what, run in one.homes.items()],
        **_of_run(one.run),
        **_of_history(site, one.id),
    }
    return rendered("site_component.html", content)


def _headline(site: Site, one: Component, is_wrong: bool) -> str:
    if is_wrong:
        return f"{one.id} is not right"
    return f"{one.id}: nothing is wrong" if _is_checked(site, one) else f"{one.id}: no check of it is stored"


def _is_checked(site: Site, one: Component) -> bool:
    return bool(one.run and one.run.checks) or any(part.passed for part in parts_of(site, one.id))


def _told(part: Part) -> str:
    """What it was in a comparison, what it reached, and how its checks ended there."""
    failed = f"{len(part.failed)} of {plural(part.passed + len(part.failed), 'check')} failed" if part.failed else ""
    passed = f"{plural(part.passed, 'check')} passed" if part.passed and not part.failed else ""
    reached = part.reached or "no training came to its end"
    name = f"as {part.contender}" if part.variant else f"with {part.contender}"
    return "; ".join(filter(None, (f"{name}: {reached}", failed or passed)))


def _home(site: Site, what: str, run: str) -> tuple[str, str, str]:
    """What a run holds, its id, and the link to its page."""
    return what, run, f"../{RUNS}/{run}.html" if run in site.paged else ""


def _of_run(run: Run | None) -> dict[str, Any]:
    """Times, counters and checks of the newest run that measured it."""
    if run is None:
        nothing = ("lines_grid", "counter_grid", "matrix", "failures_grid", "errata_grid")
        return dict.fromkeys(nothing) | {"measured": "", "checked": "", "races": (), "time_panels": (), "looks": ()}
    found = verdicts.judged(run)
    repeat = partial(failures.repeat, given=[part for name in REPEATED for part in options(run.command, name)])
    errata = {finding.key for finding in verdicts.findings(run) if finding.weight == verdicts.ERRATUM}
    return {
        "measured": f"{verdicts.machine(run.machine)}, {verdicts.commit(run)}, {moment(run.started)}",
        "checked": verdicts.check_counts(run),
        "races": [race for race in races(found) if race.outcome != "none"],
        "lines_grid": grids.lines_grid(found, errata, shares(found, run.machine)) if found else None,
        "counter_grid": counter_grid(found),
        "time_panels": figures.time_panels(found),
        "looks": figures.series_of(found),
        "matrix": matrix_of(fold(run.checks), repeat) if run.checks else None,
        "failures_grid": check_grids.failures_grid(run.checks, repeat),
        "errata_grid": check_grids.errata_grid(run.checks, repeat),
    }


def _of_history(site: Site, name: str) -> dict[str, Any]:
    """How its numbers went from run to run: those that changed first."""
    told = [one for one in site.findings if one.key.component == name and one.verdict != SUSPICION]
    dated = by_key(told)
    series = [one for one in site.series if one.key.component == name and len(one) > 1]
    order = sorted(series, key=lambda one: one.key not in dated)
    moved = [one for one in order if one.key in dated][:MOST_SERIES]
    steady = [one for one in order if one.key not in dated][: MOST_SERIES - len(moved)]
    return {
        "findings_grid": findings_grid(site, told, up="../") if told else None,
        "moved": series_panels(moved, dated, "moved"),
        "steady": series_panels(steady, dated, "steady"),
        "series_told": _series_told(len(series), len(moved), len(steady)),
    }


def _series_told(series: int, moved: int, steady: int) -> str:
    left = series - moved - steady
    more = f" {left:,} more are left out here: nnbench trend shows them." if left else ""
    return f"{plural(series, 'number')} over two runs or more; {moved:,} changed.{more}" if series else ""

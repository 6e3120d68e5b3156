"""``nnbench report --site``: what is stored as a folder of pages that link to each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nnbench import documents, history, store
from nnbench.cli.progress import Progress
from nnbench.cli.stored import Choice
from nnbench.errors import ResultsError
from nnbench.experiments import ledger
from nnbench.experiments.records import Experiment
from nnbench.model import Measurement, Run
from nnbench.report import run_page, trends
from nnbench.report.comparison.page import experiment_page
from nnbench.report.site import HISTORY, INDEX, RUNS, UP, Comparison, Component, Site, component_link, with_compared
from nnbench.report.site_comparisons import comparison
from nnbench.report.site_component import component_page
from nnbench.report.site_history import history_page
from nnbench.report.site_index import index_page
from nnbench.report.trend import Trends
from nnbench.report.words import grouped
from nnbench.trends.evidence import duels, ratios
from nnbench.trends.findings import Finding
from nnbench.trends.regressions import regressions
from nnbench.trends.series import Series

Compared = tuple[Comparison, Experiment]
Grouped = dict[str, list[Measurement]]  # a run's rows by component
MOST_RUNS = 20  # the newest, that get pages of their own unless another number is asked for


@dataclass(frozen=True)
class Page:
    """A page to be written: ``file`` is relative to the site's folder."""

    file: str
    html: str


@dataclass
class Stored:
    """What the results folder holds, each run's rows read when they are first asked for."""

    results: Path
    history: history.History
    series: tuple[Series, ...] = ()
    findings: tuple[Finding, ...] = ()
    _runs: dict[str, Run] = field(default_factory=dict)

    def run(self, name: str) -> Run:
        """A run with its measurements."""
        if name not in self._runs:
            paths = dict(zip((run.id for run in self.history.runs), self.history.paths, strict=True))
            self._runs[name] = store.read_run(paths[name], name)
        return self._runs[name]


def write(results: Path, folder: Path, most_runs: int, command: str) -> list[str]:
    """Write the whole site, its index last, and tell the files; raises ``ResultsError`` where one cannot be written."""
    stored = _stored(results)
    paged = [run.id for run in stored.history.runs[::-1][:most_runs]]
    compared = [
        (comparison(one, place), one) for place, one in enumerate(_latest(ledger.experiments(results)), start=1)
    ]
    components = with_compared(_components(stored, results), [told for told, _ in compared])
    written: list[str] = []
    with Progress(len(paged) + len(compared) + len(components) + 2) as progress:
        for page in _pages(stored, paged, compared, components, command):
            progress.update(f"writing {page.file}", 1)
            _put(folder / page.file, page.html)
            written.append(page.file)
    return written


def _stored(results: Path) -> Stored:
    found, choice = history.open_history(results), Choice()
    series = choice.series(results)
    told = regressions(series, duels(results), frozenset(choice.order), ratios=ratios(results, series))
    return Stored(results, found, tuple(one for one in series if not one.is_kernel), told)


def _latest(found: Sequence[Experiment]) -> list[Experiment]:
    """Of experiments that asked the same, the one that was made last."""
    asked = grouped(found, _asked)
    return [same[-1] for _, same in asked]


def _asked(one: Experiment) -> tuple[object, ...]:
    names = tuple(each.name for each in one.contenders)
    return one.factor, one.task, one.data, one.protocol.get("epochs"), bool(one.tuning), names


def _pages(
    stored: Stored,
    paged: Sequence[str],
    compared: Sequence[Compared],
    components: Sequence[Component],
    command: str,
) -> Iterator[Page]:
    """Every page, one after the other; what others link to comes before what links to it."""
    links = _compared_in(compared)
    for name in paged:
        run = stored.run(name)
        yield Page(f"{RUNS}/{name}.html", run_page(run, _trends(stored, run), UP, links.get(name, ())))
    for one, experiment in compared:
        yield Page(one.file, experiment_page(experiment, home=UP))
    site = Site(
        runs=stored.history.runs,
        rows=stored.history.rows,
        paged=frozenset(paged),
        components=tuple(components),
        comparisons=tuple(one for one, _ in compared),
        series=stored.series,
        findings=stored.findings,
        command=command,
    )
    described = documents.read()
    for component in components:
        yield Page(component_link(component.id), component_page(site, component, described))
    yield Page(HISTORY, history_page(site))
    yield Page(INDEX, index_page(site))


def _trends(stored: Stored, run: Run) -> Trends | None:
    measured = {(row.component, row.variant, row.case) for row in run.measurements}
    kept = [one for one in stored.series if (one.key.component, one.key.variant, one.key.case) in measured]
    return trends(run, kept, stored.findings)


def _compared_in(compared: Sequence[Compared]) -> dict[str, list[tuple[str, str]]]:
    """By run the comparisons that its trials are part of: titles, and links from the run's page."""
    links: dict[str, dict[tuple[str, str], None]] = {}
    for one, experiment in compared:
        for outcome in experiment.outcomes:
            links.setdefault(outcome.run, {})[one.title, f"../{one.file}"] = None
    return {run: list(told) for run, told in links.items()}


def _components(stored: Stored, results: Path) -> list[Component]:
    """Every component of which something is stored, with the rows of the newest runs that have some."""
    homes: dict[str, dict[str, str]] = {}
    for (component, kind), run in history.newest(results).items():
        homes.setdefault(component, {})[kind] = run
    wanted = {run for kinds in homes.values() for run in kinds.values()}
    rows = {name: dict(grouped(stored.run(name).measurements, _component_of)) for name in sorted(wanted)}
    return [_component(stored, name, kinds, rows) for name, kinds in sorted(homes.items())]


def _component_of(row: Measurement) -> str:
    return row.component


def _component(stored: Stored, name: str, kinds: Mapping[str, str], rows: Mapping[str, Grouped]) -> Component:
    def of(kind: str) -> list[Measurement]:
        return [row for row in rows[kinds[kind]].get(name, []) if history.kind_of(row) == kind] if kind in kinds else []

    trained = [row for kind in kinds if kind.startswith(history.TRAINED) for row in of(kind)]
    run = stored.run(kinds[history.MEASURED]) if history.MEASURED in kinds else None
    return Component(
        id=name,
        run=replace(run, measurements=tuple(of(history.MEASURED))) if run else None,
        trained=tuple(trained),
        curves=tuple(of(history.CURVE)),
        homes=kinds,
    )


def _put(path: Path, html: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"cannot write the page to {path}: {error}. Name another folder with --site.") from None

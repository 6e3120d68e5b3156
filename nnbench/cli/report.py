"""``nnbench report``: a run as a page, or as a table for a README."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from nnbench import history
from nnbench.cli import options, output, report_site
from nnbench.cli.stored import Choice
from nnbench.errors import ResultsError
from nnbench.model import Run
from nnbench.plan import parse
from nnbench.report import markdown_table, run_page, splice, trends
from nnbench.report.trend import Trends
from nnbench.tables import lines, training_lines
from nnbench.trends.evidence import duels, ratios
from nnbench.trends.regressions import regressions
from nnbench.units import share

EXAMPLE = """\b
Example:
  nnbench report                                        results/reports/RUN.html
  nnbench report latest --output run.html
  nnbench report --site site                            site/index.html, with links to everything
  nnbench report --markdown 'layers.*' --into README.md
"""


@click.command("report", epilog=EXAMPLE)
@click.argument("run", default="latest")
@click.option("--output", "path", type=click.Path(path_type=Path, dir_okay=False), help="Where to write the page.")
@click.option(
    "--site",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Instead: pages of all that is stored, which link to each other; FOLDER/index.html is the first.",
)
@click.option(
    "--runs",
    "most_runs",
    type=click.IntRange(min=0),
    default=report_site.MOST_RUNS,
    show_default=True,
    help="How many of the newest runs get pages of their own in the site.",
)
@click.option("--markdown", multiple=True, metavar="PATTERN", help="Print a Markdown table of these instead.")
@click.option("--into", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Put the table into a file.")
@options.as_json
@options.results
def command(
    run: str,
    path: Path | None,
    site: Path | None,
    most_runs: int,
    markdown: tuple[str, ...],
    into: Path | None,
    as_json: bool,
    results: Path,
) -> int:
    """Make one self-contained HTML file of a run: what is wrong, what is fastest, and everything behind it.

    With --site a folder of such files: an index, the newest runs, every component, comparisons and history.
    """
    output.open_results(results)
    if into and not markdown:
        raise click.UsageError("--into takes a table: say which with --markdown PATTERN")
    if site:
        if path or markdown or run != "latest":
            raise click.UsageError("--site is of all that is stored: it takes no RUN, --output or --markdown")
        return _site(site, most_runs, as_json, results)
    found = history.find_run(results, run)
    if markdown:
        return _table(found, markdown, into)
    target = path or results / "reports" / f"{found.id}.html"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(run_page(found, _history(results, found)), encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"cannot write the page to {target}: {error}. Name another file with --output.") from None
    output.print_json({"run": found.id, "path": str(target)}) if as_json else click.echo(target)
    return 0


def _site(folder: Path, most_runs: int, as_json: bool, results: Path) -> int:
    given = ["--results", str(results)] if str(results) != "results" else []
    given += ["--runs", str(most_runs)] if most_runs != report_site.MOST_RUNS else []
    command = shlex.join(["nnbench", "report", "--site", str(folder), *given])
    pages = report_site.write(results, folder, most_runs, command)
    index = folder / pages[-1]
    output.print_json({"path": str(index), "pages": pages}) if as_json else click.echo(index)
    return 0


def _history(results: Path, run: Run) -> Trends | None:
    """What earlier runs say of what this run measured."""
    measured = {(row.component, row.variant, row.case) for row in run.measurements}
    stored = Choice().series(results)
    kept = [one for one in stored if one.is_kernel or (one.key.component, one.key.variant, one.key.case) in measured]
    return trends(run, kept, regressions(kept, duels(results), ratios=ratios(results, kept)))


def _table(run: Run, patterns: tuple[str, ...], into: Path | None) -> int:
    parsed = [parse(pattern) for pattern in patterns]
    table = markdown_table(
        run, lambda line: any(pattern.takes(line.component, line.variant, line.case) for pattern in parsed)
    )
    for text, pattern in zip(patterns, parsed, strict=True):
        if not any(pattern.takes(line.component, line.variant, line.case) for line in lines(run.measurements)):
            raise ResultsError(f"run {run.id} measured nothing that --markdown {text!r} takes")
    captioned = f"{caption(run)}\n\n{table}"
    if into is None:
        click.echo(captioned)
    else:
        into.write_text(splice(into.read_text(encoding="utf-8"), "table", captioned), encoding="utf-8")
    return 0


def caption(run: Run) -> str:
    """Where a table's numbers come from: the run, what made it, when, on what, of which commit."""
    machine = run.machine
    computer = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']:.0f} GiB"
    software = f"Python {machine['python']}, torch {machine['torch']}, {machine['threads']} thread"
    commit = f" at commit {run.commit[:10]}{' with uncommitted changes' if run.dirty else ''}" if run.commit else ""
    trained = [
        f" `{line.component}@{line.variant}` reached {share(line.values['test_accuracy'])} on {line.data}"
        f" after epoch {line.epoch}."
        for line in training_lines(run.measurements)
        if "test_accuracy" in line.values
    ]
    made = f"Run `{run.id}`, made by `{run.command}` on {run.started[:10]}{commit}: {computer}, {software}."
    return made + "".join(trained)

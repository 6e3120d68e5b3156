"""``nnbench report``: a run as a page, or as a table for a README."""

from __future__ import annotations

from pathlib import Path

import click

from nnbench import history
from nnbench.cli import options, output
from nnbench.model import Run
from nnbench.plan import parse
from nnbench.report import markdown_table, run_page, splice

EXAMPLE = """\b
Example:
  nnbench report                                        results/reports/RUN.html
  nnbench report latest --output run.html
  nnbench report --markdown 'layers.*' --into README.md
"""


@click.command("report", epilog=EXAMPLE)
@click.argument("run", default="latest")
@click.option("--output", "path", type=click.Path(path_type=Path, dir_okay=False), help="Where to write the page.")
@click.option("--markdown", multiple=True, metavar="PATTERN", help="Print a Markdown table of these instead.")
@click.option("--into", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Put the table into a file.")
@options.as_json
@options.results
def command(
    run: str, path: Path | None, markdown: tuple[str, ...], into: Path | None, as_json: bool, results: Path
) -> int:
    """Make one self-contained HTML file of a run: what is wrong, what is fastest, and everything behind it."""
    output.open_results(results)
    found = history.find_run(results, run)
    if markdown:
        return _table(found, markdown, into)
    target = path or results / "reports" / f"{found.id}.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(run_page(found), encoding="utf-8")
    output.print_json({"run": found.id, "path": str(target)}) if as_json else click.echo(target)
    return 0


def _table(run: Run, patterns: tuple[str, ...], into: Path | None) -> int:
    parsed = [parse(pattern) for pattern in patterns]
    table = markdown_table(
        run, lambda line: any(pattern.takes(line.component, line.variant, line.case) for pattern in parsed)
    )
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
    commit = f"commit {run.commit[:10]}{' with uncommitted changes' if run.dirty else ''}"
    return f"Run `{run.id}`, made by `{run.command}` on {run.started[:10]} at {commit}: {computer}, {software}."

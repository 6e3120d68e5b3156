"""The HTML page of one run: one file that needs nothing else."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from functools import partial
from typing import Any

from nnbench.changes import MEMORY_BYTES, MEMORY_SHARE
from nnbench.errors import listing
from nnbench.metrics import CALIBRATION
from nnbench.model import CHECK_PREFIX, Run
from nnbench.report import check_grids, failures, figures, grids, verdicts
from nnbench.report.correctness import Correctness, ended, fold, of_seeds
from nnbench.report.counter_grid import counter_grid
from nnbench.report.drawings import drawings
from nnbench.report.failures import Repeat
from nnbench.report.matrix import matrix_of
from nnbench.report.races import races, tally
from nnbench.report.templating import rendered
from nnbench.report.trend import Trends
from nnbench.report.words import elide, grouped, options, plural
from nnbench.roofline import shares
from nnbench.stats import CONFIDENCE, NOTICEABLE
from nnbench.tables import training_lines
from nnbench.units import size

LONGEST_REASON = 400
REPEATED = ("--suite", "--timeout", "--memory-limit")  # what a check is repeated with, of what the run was given
SHOWN_AT_ONCE = 15  # findings beside the headline; the others unfold


def run_page(
    run: Run, history: Trends | None = None, home: str = "", comparisons: Sequence[tuple[str, str]] = ()
) -> str:
    """The whole page as HTML; equal runs give equal bytes. No network, no JavaScript needed to read it.

    ``history`` is what to show of earlier runs, ``home`` the page of the site that it is part of, empty for none,
    ``comparisons`` what its trials were part of: titles and links.
    """
    return rendered("page.html", _content(run) | {"history": history, "home": home, "comparisons": comparisons})


def correctness_page(table: Correctness, command: str, repeat: Repeat) -> str:
    """A page of the table of checks alone, for checks that no run stored; equal tables give equal bytes."""
    content = {
        "headline": "Not everything is right" if table.wrong else "Nothing is wrong",
        "told": f"{plural(table.totals.total(), 'check')}: {listing(ended(table.totals) or ['none'])}.",
        "of_seeds": of_seeds(table) if len(table.seeds) > 1 else "",
        "is_right": table.is_right,
        "command": command,
        "matrix": matrix_of(table, repeat),
        "failures_grid": check_grids.failures_grid(table.wrong, repeat),
        "errata_grid": check_grids.errata_grid(table.expected, repeat),
        "plural": plural,
    }
    return rendered("correctness.html", content, ["page.css"])


def _content(run: Run) -> dict[str, Any]:
    return {
        "run": run,
        "report_command": shlex.join(["nnbench", "report", run.id, *options(run.command, "--results")]),
        "notes": _notes(run),
        **_verdict(run),
        **_sections(run),
    }


def _verdict(run: Run) -> dict[str, Any]:
    found = verdicts.findings(run)
    ran = races(verdicts.judged(run))
    return {
        "headline": verdicts.headline(run, found),
        "measured": verdicts.measured(run),
        "is_comparison": verdicts.is_comparison(run),
        "ending": verdicts.ending(run),
        "noise": verdicts.noise(run),
        "check_counts": verdicts.check_counts(run),
        "wrong": [finding for finding in found if finding.weight == verdicts.WRONG],
        "errata": [finding for finding in found if finding.weight == verdicts.ERRATUM],
        "different": [finding for finding in found if finding.weight == verdicts.DIFFERENT],
        "skipped": grouped(
            [finding for finding in found if finding.weight == verdicts.SKIPPED], lambda finding: finding.reason
        ),
        "shown_at_once": SHOWN_AT_ONCE,
        "elide_reason": lambda text: elide(text, LONGEST_REASON),
        "plural": plural,
        "races": grouped([race for race in ran if race.outcome != "none"], lambda race: race.component),
        "tally": tally(ran),
        "trained": verdicts.trained(training_lines(run.measurements)),
    }


def _sections(run: Run) -> dict[str, Any]:
    found, trainings = verdicts.judged(run), training_lines(run.measurements)
    given = [part for name in REPEATED for part in options(run.command, name)]
    repeat = partial(failures.repeat, given=given)
    errata = {finding.key for finding in verdicts.findings(run) if finding.weight == verdicts.ERRATUM}
    limits = shares(found, run.machine)
    return {
        "lines_grid": grids.lines_grid(found, errata, limits) if found else None,
        "counter_grid": counter_grid(found),
        "speed_panels": figures.speed_panels(found),
        "time_panels": figures.time_panels(found),
        "series": figures.series_of(found),
        "matrix": matrix_of(fold(run.checks), repeat),
        "failures_grid": check_grids.failures_grid(run.checks, repeat),
        "errata_grid": check_grids.errata_grid(run.checks, repeat),
        "counts_grid": check_grids.counts_grid(run),
        "training_grid": grids.training_grid(trainings) if trainings else None,
        "calibration_grid": grids.calibration_grid(run),
        "machine_grid": grids.machine_grid(run),
        "has_limits": bool(limits),
        "drawn": drawings(run.measurements),
    }


def _notes(run: Run) -> dict[str, str]:
    """The numbers that the notes on reading the page speak of."""
    timed = [row for row in run.measurements if row.unit == "s" and row.values and not _is_aside(row.metric)]
    rounds = len({row.round for row in timed if not row.component.startswith(f"{CALIBRATION}.")})
    threads = run.machine.get("threads")
    return {
        "confidence": f"{100 * CONFIDENCE:.0f} %",
        "processes": "" if not rounds else "1 fresh process" if rounds == 1 else f"{rounds} fresh processes",
        "threads": plural(threads, "thread") if isinstance(threads, int) else "an unknown number of threads",
        "noticeable": f"{100 * NOTICEABLE:.0f} %",
        "memory": f"{100 * MEMORY_SHARE:.0f} % or {size(MEMORY_BYTES)}",
    }


def _is_aside(metric: str) -> bool:
    return metric.startswith(CHECK_PREFIX) or metric == "training_time"

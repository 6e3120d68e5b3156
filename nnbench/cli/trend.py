"""``nnbench trend``: how stored numbers went from run to run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from nnbench.cli import options, output, stored
from nnbench.errors import ResultsError
from nnbench.stats import UNUSABLE
from nnbench.trends.findings import SUSPICION, Finding
from nnbench.trends.regressions import changes
from nnbench.trends.series import Key, Series
from nnbench.trends.series_words import change, commit, sparkline, two_values

EXAMPLE = """\b
Example:
  nnbench trend layers.conv2d
  nnbench trend 'layers.*@reference' --metric forward_time --since v1.0
  nnbench trend architectures.mnist_mlp --metric test_accuracy      what trainings ended with
"""

MOST = 100  # rows, unless all are asked for


@click.command("trend", epilog=EXAMPLE)
@stored.choice
@click.option("--all", "everything", is_flag=True, help=f"Show more than {MOST} series.")
@options.as_json
@options.results
def command(
    patterns: tuple[str, ...],
    expression: str,
    metrics: tuple[str, ...],
    since: str,
    everything: bool,
    as_json: bool,
    results: Path,
) -> int:
    """Show how stored numbers went: a row a series, with first, last, and each lasting change with its commit.

    Times are as they would be at the machine's usual speed, or ratios to an anchor's where commits were measured
    beside one (`nnbench history`). Series of other machines, thread counts and specifications are other series. Of
    a training its last epoch counts; one that diverged, failed or was interrupted gives no number, and that is said.
    """
    output.open_results(results)
    chosen = stored.Choice(patterns, expression, metrics)
    start = stored.since(since, chosen.folder)
    whole = [one for one in chosen.series(results) if not one.is_kernel]
    if not whole:
        raise ResultsError(
            f"{results} holds no measurements. `nnbench run` makes some; --results names another folder."
        )
    dated = _by_series([one for one in changes(whole) if one.verdict != SUSPICION])
    parts = [_since(one, start) for one in whole]
    shown = [one for one in parts if len(one) or one.lost]
    kept = {
        key: [one for one in of_it if start.takes_change(one.commit, one.dirty, one.started)]
        for key, of_it in dated.items()
    }
    if as_json:
        output.print_json([_row(one, kept.get(one.key, [])) for one in shown])
    else:
        _print(shown, kept, everything)
    return 0


def _since(series: Series, start: stored.Since) -> Series:
    """The part of a series from then on."""
    lost = tuple(one for one in series.lost if start.takes_lost(one))
    return replace(series.part(start.takes_points(series)), lost=lost)


def _by_series(found: Sequence[Finding]) -> dict[Key, list[Finding]]:
    groups: dict[Key, list[Finding]] = {}
    for one in found:
        groups.setdefault(one.key, []).append(one)
    return groups


def _row(series: Series, dated: Sequence[Finding]) -> dict[str, Any]:
    return {
        **asdict(series.key),
        "basis": series.basis,
        "unit": series.unit,
        "values": series.values.tolist(),
        "commits": series.commits.tolist(),
        "dirty": series.dirty.tolist(),
        "noisy": series.noisy.tolist(),
        "runs": series.runs.tolist(),
        "started": series.started.astype("datetime64[s]").astype(str).tolist(),
        "epochs": series.epochs.tolist(),
        "lost": [asdict(one) | {"started": str(one.started.astype("datetime64[s]"))} for one in series.lost],
        "changes": [
            {
                "verdict": one.verdict,
                "before": one.before,
                "after": one.after,
                "ratio": one.ratio,
                "previous": one.previous,
                "commit": one.commit,
                "run": one.run,
            }
            for one in dated
        ],
    }


COLUMNS = ("component [case]", "variant", "metric", "runs", "trend", "first", "last", "change", "changed at")


def _print(shown: Sequence[Series], dated: dict[Key, list[Finding]], everything: bool) -> None:
    table = output.table(*COLUMNS, right=["runs", "first", "last", "change"])
    first = sorted(shown, key=lambda one: not dated.get(one.key))  # what changed comes first where not all is shown
    rows = shown if everything or len(shown) <= MOST else first[:MOST]
    several = len({one.key.machine for one in shown}) > 1
    for one in rows:
        output.add_row(table, *_cells(one, dated.get(one.key, []), several))
    console = output.console()
    console.print(table)
    if len(rows) < len(shown):
        console.print(f"\n{len(rows)} of {len(shown):,} series, those that changed first; --all shows them all.")
    meanings = [MEANING[basis] for basis in sorted({one.basis for one in shown})]
    noisy = [NOISY] if any(one.noisy.any() for one in shown) else []
    console.print(f"\n{' '.join(meanings + noisy)}", soft_wrap=True)


MEANING = {
    "anchored": "Ratios are to the pinned anchor's time, measured beside it.",
    "calibrated": "Times are as they would be at the machine's usual speed, by the calibration kernels of each run.",
    "exact": "Counts are exact.",
    "raw": "What no kernel was measured beside is as it was measured.",
}


NOISY = (
    f"Noisy are runs in which the same code differed by more than {100 * UNUSABLE:.0f} % from itself: "
    "such times decide nothing."
)


def _runs(series: Series) -> str:
    """How many, and how many of them do not count."""
    noisy = int(series.noisy.sum())
    lost = Counter(one.why for one in series.lost)
    aside = ([f"{noisy} noisy"] if noisy else []) + [f"{number} {why}" for why, number in lost.items()]
    return ", ".join([str(len(series) + len(series.lost)), *aside])


def _cells(series: Series, dated: Sequence[Finding], several: bool) -> list[str]:
    key = series.key
    machine = [f" on {key.machine}"] if several else []
    threads = [f" on {key.threads} threads"] if key.threads != 1 else []
    seed = [f" {key.spec}"] if key.place != key.case else []
    at = [f"{commit(one.commit, one.dirty, one.run)} {change(one.before, one.after, key)}" for one in dated]
    return [
        f"{key.component} [{key.case}]{''.join(seed + machine + threads)}",
        key.variant,
        key.metric,
        _runs(series),
        sparkline(series.values),
        *_ends(series),
        ", ".join(at),
    ]


def _ends(series: Series) -> tuple[str, str, str]:
    """First, last, and how far it is between them; of trainings with their epochs where these differ."""
    now = series.lost[-1].why if series.is_lost_at_last else ""
    if not len(series):
        return "", now, ""
    ends = float(series.values[0]), float(series.values[-1])
    first, last = two_values(*ends, series.key, series.unit, series.basis)
    if len(set(series.epochs.tolist())) > 1:
        first, last = f"{first} at epoch {series.epochs[0]}", f"{last} at epoch {series.epochs[-1]}"
    return first, now or last, "" if now else change(*ends, series.key)

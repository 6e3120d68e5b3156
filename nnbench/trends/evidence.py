"""What is stored of commits that took turns: what decides whether a suspicion was right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnbench import history
from nnbench.metrics import ANCHORED
from nnbench.trends.points import ANCHORED_BASIS
from nnbench.trends.series import Key, Series


@dataclass(frozen=True)
class Duel:
    """What a duel said of one variant in one case and mode at ``after`` (a commit), held against it at ``before``.

    ``verdict`` is slower, faster or same; ``ratio`` is the later commit's time over the earlier one's, ``seconds`` what
    the earlier one's call took.
    """

    component: str
    variant: str
    case: str
    metric: str
    machine: str
    spec: str
    before: str
    after: str
    verdict: str
    ratio: float
    seconds: float
    run: str
    started: str

    @property
    def key(self) -> Key:
        """The series that it says something of; duels are of one thread."""
        return Key(self.component, self.variant, self.case, self.metric, self.machine, self.spec)


# Side A's rows begin with "before_" and name its commit; the verdict's row names side B's. A run that is anchored holds
# every commit against one: that is a series, not an answer about two neighbours.
QUESTION = r"""
    SELECT component, variant, "case", machine, run, any_value(strftime(started, '%Y-%m-%dT%H:%M:%S')) AS started,
           regexp_extract(metric, '^(duel|before)_(.+?)(_time)?$', 2) || '_time' AS metric,
           any_value(spec) AS spec,
           any_value(context->>'commit') FILTER (starts_with(metric, 'before_')) AS before,
           any_value(context->>'commit') FILTER (starts_with(metric, 'duel_')) AS after,
           any_value(context->>'verdict') FILTER (starts_with(metric, 'duel_')) AS verdict,
           any_value(CAST(context->>'ratio' AS DOUBLE)) FILTER (starts_with(metric, 'duel_')) AS ratio,
           median(list_min("values")) FILTER (starts_with(metric, 'before_')) AS seconds
    FROM runs
    WHERE (starts_with(metric, 'duel_')
           OR (starts_with(metric, 'before_') AND ends_with(metric, '_time') AND NOT ends_with(metric, '_wall_time')))
      AND status = 'ok' AND len("values") > 0
    GROUP BY component, variant, "case", machine, run, regexp_extract(runs.metric, '^(duel|before)_(.+?)(_time)?$', 2)
    ORDER BY started, run, component, variant, "case", metric
"""
DECIDED = ("slower", "faster", "same")
# The ratios to an anchor that each run's pairs of processes gave; such runs are of one thread.
RATIOS = f"""
    SELECT component, variant, "case", replace(metric, '{ANCHORED}', '') || '_time' AS metric, machine, spec, run,
           flatten(list("values" ORDER BY round)) AS ratios
    FROM runs WHERE starts_with(metric, '{ANCHORED}') AND status = 'ok' GROUP BY ALL
"""
Ratios = Mapping[tuple[Key, str], tuple[float, ...]]  # by series and run


def duels(results: Path) -> tuple[Duel, ...]:
    """The duels of two commits that came to a verdict, oldest first; those with a working tree are of no commit."""
    rows: list[dict[str, Any]] = history.table(results, QUESTION).to_pylist()
    decided = [row for row in rows if row["verdict"] in DECIDED and row["before"] and row["after"]]
    return tuple(Duel(**row) for row in decided if row["ratio"] is not None and row["seconds"] is not None)


def ratios(results: Path, series: Sequence[Series]) -> Ratios:
    """What each pair of processes said of a commit, held against the anchor; nothing where no series is anchored."""
    if all(one.basis != ANCHORED_BASIS for one in series):
        return {}
    found: dict[tuple[Key, str], tuple[float, ...]] = {}
    for row in history.table(results, RATIOS).to_pylist():
        run, pairs = row.pop("run"), row.pop("ratios")
        found[Key(**row), run] = tuple(one for one in pairs if one > 0 and math.isfinite(one))
    return found

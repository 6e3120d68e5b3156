"""Named questions over the results folder, answered by DuckDB from the run files themselves."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow.dataset import dataset

from nnbench.errors import ResultsError, listing
from nnbench.model import Measurement, Run, measurement
from nnbench.store import MEASUREMENT_COLUMNS, SCHEMA, read_header, read_run, runs_folder


@dataclass(frozen=True)
class History:
    """The run files that can be read, oldest first, and one sentence for each that cannot."""

    runs: tuple[Run, ...]  # without their measurements
    paths: tuple[Path, ...]
    problems: tuple[str, ...]


def open_history(results: Path) -> History:
    """Look through the folder; a truncated or foreign file costs only itself, and a copy of a run counts once."""
    found: dict[str, tuple[Run, Path]] = {}
    problems = []
    for path in sorted(runs_folder(results).glob("*.parquet")):
        try:
            run = read_header(path)
        except ResultsError as error:
            problems.append(str(error))
            continue
        if run.id in found:
            problems.append(f"{path} is skipped: it holds the run {run.id}, as {found[run.id][1].name} does")
        else:
            found[run.id] = run, path
    ordered = sorted(found.values(), key=lambda pair: (pair[0].started, pair[0].id))
    return History(tuple(run for run, _ in ordered), tuple(path for _, path in ordered), tuple(problems))


def find_run(results: Path, text: str) -> Run:
    """One whole run by its id, the start of its id, ``latest``, ``latest~N`` (N before the latest), or its file.

    Raises ``ResultsError`` that says which runs there are.
    """
    if text.endswith(".parquet"):
        if not Path(text).is_file():
            raise ResultsError(f"there is no file {text}")
        return read_run(Path(text))
    history = open_history(results)
    if not history.runs:
        raise ResultsError(
            f"{runs_folder(results)} holds no runs. `nnbench run` makes one; --results names another folder."
        )
    return read_run(_find(history, text))


def _find(history: History, text: str) -> Path:
    if text.partition("~")[0] == "latest":
        back = text.partition("~")[2] or "0"
        if back.isdecimal() and int(back) < len(history.paths):
            return history.paths[-1 - int(back)]
    found = [path for run, path in zip(history.runs, history.paths, strict=True) if run.id.startswith(text)]
    if len(found) == 1:
        return found[0]
    newest = listing(run.id for run in history.runs[-5:])
    many = f"{len(found)} runs start with {text!r}" if found else f"no run is called {text!r}"
    raise ResultsError(
        f"{many}. There are {len(history.runs)} runs, the newest {newest}; `latest` and `latest~1` work too."
    )


NEWEST = """
    SELECT run FROM runs WHERE component = ? AND NOT starts_with(metric, 'check.')
    ORDER BY started DESC, run DESC LIMIT 1
"""


def last_results(results: Path, component: str) -> tuple[str, tuple[Measurement, ...]]:
    """The id of the newest run that measured a component, and what it measured of it; ("", ()) where none did."""
    paths = open_history(results).paths
    newest = _query(paths, NEWEST, [component])
    if not newest:
        return "", ()
    run = newest[0]["run"]
    columns = ", ".join(f'"{name}"' for name in (*MEASUREMENT_COLUMNS, "context"))
    rows = _query(paths, f"SELECT {columns} FROM runs WHERE run = ? AND component = ?", [run, component])
    return run, tuple(measurement(row | {"context": json.loads(row["context"])}) for row in rows)


def _query(paths: Sequence[Path], sql: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows of a query over the view ``runs`` of run files; each parameter fills one ``?``.

    A file whose header is whole but whose inside is damaged is found out here and left out, with a warning.
    """
    if not paths:
        return []
    try:
        return _ask(paths, sql, parameters)
    except (duckdb.Error, OSError, pa.ArrowException):
        sound = [path for path in paths if _is_sound(path)]
        if len(sound) == len(paths):
            raise
        return _query(sound, sql, parameters)


def _ask(paths: Sequence[Path], sql: str, parameters: Sequence[Any]) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        # By way of Arrow: DuckDB itself would take a star in a folder's name for a pattern.
        connection.register("runs", dataset([str(path) for path in paths], schema=SCHEMA, format="parquet"))
        answer = connection.execute(sql, list(parameters))
        names = [column[0] for column in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _is_sound(path: Path) -> bool:
    try:
        read_run(path)
    except ResultsError as error:
        warnings.warn(f"{error}; it is left out", stacklevel=2)
        return False
    return True

"""The runs of the results folder: which there are, one of them whole, and questions over all of them."""

from __future__ import annotations

import functools
import itertools
import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from nnbench.errors import ResultsError, listing
from nnbench.metrics import CALIBRATION, CURVES, EXPERIMENT
from nnbench.model import Measurement, Run
from nnbench.store import (
    PREFIX,
    RUN_ID,
    SCHEMA,
    Stored,
    first_line,
    from_row,
    read_headers,
    read_rows,
    read_run,
    runs_folder,
)


class Copy(NamedTuple):
    """A run's place in a second file, and the file that it is counted from."""

    run: str
    path: Path
    counted: Path


@dataclass(frozen=True)
class History:
    """The runs that can be read, oldest first, each with its file, and one sentence for each file that cannot.

    A compacted file holds many runs. ``copies`` are further places of runs that are counted already.
    """

    runs: tuple[Run, ...]  # without their measurements
    paths: tuple[Path, ...]
    problems: tuple[str, ...]
    rows: tuple[int, ...] = ()  # how many measurements each has
    copies: tuple[Copy, ...] = ()


def open_history(results: Path, without: Collection[Path] = ()) -> History:
    """Look through the folder; a truncated or foreign file costs only itself, and a copy of a run counts once.

    Files in ``without`` are passed over.
    """
    places: dict[str, list[tuple[Path, Stored]]] = {}
    problems = []
    for path in sorted(runs_folder(results).glob("*.parquet")):
        try:
            for stored in _headers(path) if path not in without else ():
                places.setdefault(stored.run.id, []).append((path, stored))
        except ResultsError as error:
            problems.append(_one_line(str(error)))
    counted = sorted((max(there, key=_worth) for there in places.values()), key=_moment)
    owners = {stored.run.id: path for path, stored in counted}
    copies = tuple(
        Copy(name, path, owners[name]) for name, there in places.items() for path, _ in there if path != owners[name]
    )
    return History(
        runs=tuple(stored.run for _, stored in counted),
        paths=tuple(path for path, _ in counted),
        problems=(*problems, *_told(copies)),
        rows=tuple(stored.rows for _, stored in counted),
        copies=copies,
    )


def _headers(path: Path) -> tuple[Stored, ...]:
    """The runs of a file, looked up once a process: a command may ask several questions of thousands of files."""
    try:
        facts = path.stat()
    except OSError:
        return read_headers(path)  # which says what is wrong
    return _headers_of(path, facts.st_ino, facts.st_size, facts.st_mtime_ns)


@functools.cache
def _headers_of(path: Path, *version: int) -> tuple[Stored, ...]:
    return read_headers(path)


def _worth(place: tuple[Path, Stored]) -> tuple[bool, int, bool]:
    """Of two copies the one that ended well counts, then the longer one, then the one in company."""
    path, stored = place
    return stored.run.ended == "complete", stored.rows, path.name.startswith(PREFIX)


def _moment(place: tuple[Path, Stored]) -> tuple[datetime, str]:
    run = place[1].run
    return datetime.fromisoformat(run.started), run.id


def _told(copies: Sequence[Copy]) -> list[str]:
    """A sentence for each file copied by hand, and one for all runs that are beside a compacted file."""
    beside = [copy for copy in copies if PREFIX in (copy.path.name[: len(PREFIX)], copy.counted.name[: len(PREFIX)])]
    by_hand = [copy for copy in copies if copy not in beside]
    told = [
        _one_line(f"{path} is skipped: it holds the run {run}, as {counted.name} does")
        for run, path, counted in by_hand
    ]
    if beside:
        told.append(
            _one_line(
                f"{len(beside)} copies of runs, such as {beside[0].run} in {beside[0].path}, are not counted again; "
                "`nnbench results compact` removes them"
            )
        )
    return told


def _one_line(text: str) -> str:
    """A sentence whose file names keep to their line, whatever stands in them."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def not_before(results: Path, started: str) -> History:
    """The runs that began at that time or later, and few others: by the names of the files, which tell their times.

    What begins a run asks this, so that it does not wait for a history of thousands of files to be looked through.
    """
    day = datetime.fromisoformat(started).astimezone(UTC)
    older = [path for path in runs_folder(results).glob("*.parquet") if _is_older(path.stem, day)]
    return open_history(results, without=older)


def _is_older(name: str, when: datetime) -> bool:
    """Whether a file's name says that its runs all began before then: a run's own file by its id, others by month."""
    if RUN_ID.fullmatch(name):
        return name[: len("20261120T120000Z")] < f"{when:%Y%m%dT%H%M%SZ}"
    months = re.findall(r"-(\d{4}-\d{2})-", name) if name.startswith(PREFIX) else []
    return len(months) == 1 and months[0] < f"{when:%Y-%m}"


def clock_was_set_back(history: History, run: Run) -> str:
    """What to say where the newest run started after one that begins now; an empty text where all is well."""
    if not history.runs or datetime.fromisoformat(history.runs[-1].started) <= datetime.fromisoformat(run.started):
        return ""
    newest = history.runs[-1]
    return (
        f"this machine's clock says {run.started}, yet {newest.id} started at {newest.started}: until then `latest` "
        "is that run, not this one. Set the clock, or name runs by their ids."
    )


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
    place = _find(history, text)
    return read_run(history.paths[place], history.runs[place].id)


def _find(history: History, text: str) -> int:
    if text.partition("~")[0] == "latest":
        back = text.partition("~")[2] or "0"
        if back.isdecimal() and int(back) < len(history.runs):
            return len(history.runs) - 1 - int(back)
    found = [place for place, run in enumerate(history.runs) if run.id.startswith(text)]
    if len(found) == 1:
        return found[0]
    newest = listing(run.id for run in history.runs[-5:])
    many = f"{len(found)} runs start with {text!r}" if found else f"no run is called {text!r}"
    raise ResultsError(
        f"{many}. There are {len(history.runs)} runs, the newest {newest}; `latest` and `latest~1` work too."
    )


# Of each run that has something of a component, newest first: whether that holds a number, and if not, why.
LAST = """
    SELECT run, bool_or(status = 'ok' AND len("values") > 0) AS is_measured, max(status) AS status, max(note) AS note
    FROM runs WHERE component = ? AND NOT starts_with(metric, 'check.')
    GROUP BY run ORDER BY any_value(started) DESC, run DESC
"""


def last_results(results: Path, component: str) -> tuple[str, tuple[Measurement, ...]]:
    """The id of the newest run that holds numbers of a component, and what it measured of it.

    Where no run does, the newest that tried to; ("", ()) where there is none.
    """
    last = table(results, LAST, [component]).to_pylist()
    if not last:
        return "", ()
    name = next((row["run"] for row in last if row["is_measured"]), last[0]["run"])
    history = open_history(results)
    path = dict(zip((run.id for run in history.runs), history.paths, strict=True))[name]
    try:
        rows = read_rows(path, name)
        return name, tuple(from_row(row) for row in rows.filter(pc.equal(rows["component"], component)).to_pylist())
    except (OSError, pa.ArrowException, ValueError, TypeError, RecursionError) as error:
        raise ResultsError(f"{path} is damaged: {first_line(error)}") from None


class Vain(NamedTuple):
    """A run without a number of a component: how it ended, and why."""

    run: str
    status: str
    note: str


def tried_since(results: Path, component: str, run: str) -> tuple[Vain, ...]:
    """The runs after this one that tried to measure a component and got no number, newest first."""
    last = table(results, LAST, [component]).to_pylist()
    newer = itertools.takewhile(lambda row: row["run"] != run, last)
    return tuple(Vain(row["run"], row["status"], row["note"]) for row in newer)


MEASURED, CURVE, TRAINED = "measured", "curve", "trained on "
# What ``kind_of`` says, of all rows at once.
NEWEST_OF_EACH = f"""
    WITH told AS (
        SELECT component, run, started,
               CASE WHEN contains(context, '"epoch":') THEN '{TRAINED}' || coalesce(context->>'data', '')
                    WHEN starts_with(metric, 'curve_') THEN '{CURVE}' ELSE '{MEASURED}' END AS kind
        FROM runs WHERE NOT starts_with(component, '{CALIBRATION}.') AND NOT contains(context, '"duel":')
              AND NOT contains(context, '"trial":') AND metric <> '{EXPERIMENT}'
    )
    SELECT component, kind, max(struct_pack(started := started, run := run)).run AS run
    FROM told GROUP BY component, kind ORDER BY component, kind
"""


def newest(results: Path) -> dict[tuple[str, str], str]:
    """The newest run that holds something of a component, by component and what it is (``kind_of``)."""
    return {(row["component"], row["kind"]): row["run"] for row in table(results, NEWEST_OF_EACH).to_pylist()}


def kind_of(row: Measurement) -> str:
    """What a row is: of a component's checks and measurements, its curve, or its training on some data set.

    Empty for what stands beside a component: the machine's calibration, duels and experiments.
    """
    aside = {"duel", "trial"} & row.context.keys() or row.metric == EXPERIMENT
    if aside or row.component.startswith(f"{CALIBRATION}."):
        return ""
    if "epoch" in row.context:
        return TRAINED + str(row.context.get("data", ""))
    return CURVE if row.metric in CURVES else MEASURED


def table(results: Path, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
    """The answer to a query over the view ``runs``: the columns of ``store.SCHEMA``, one row a measurement.

    Each of the parameters fills one ``?``. The rows of the view come in no order. A file that cannot be read is left
    out, with a warning where only its inside is damaged; ``open_history`` names the others.
    """
    history = open_history(results)
    try:
        return _ask(history, sql, parameters)
    except (duckdb.Error, OSError, pa.ArrowException):
        if open_history(results).paths != history.paths:  # another command has compacted them in the meantime
            return table(results, sql, parameters)
        damaged = [path for path in dict.fromkeys(history.paths) if not _is_sound(path)]
        if not damaged:
            raise
        return _ask(open_history(results, without=damaged), sql, parameters)


COLUMNS = ", ".join(f'"{field.name}"' for field in SCHEMA)
# A file counts for the runs that it was chosen for alone: neither copies nor rows that belong to other runs count.
VIEW = f"""
    CREATE VIEW runs AS SELECT {COLUMNS} FROM files
    SEMI JOIN counted ON files.filename = counted.path AND files.run = counted.name
"""


def _ask(history: History, sql: str, parameters: Sequence[Any]) -> pa.Table:
    with duckdb.connect() as connection:
        if history.paths:
            paths = [str(path) for path in history.paths]
            connection.register("counted", pa.table({"path": paths, "name": [run.id for run in history.runs]}))
            _files(connection, dict.fromkeys(paths)).create_view("files")
            connection.execute(VIEW)
        else:
            connection.register("runs", SCHEMA.empty_table())
        return connection.sql(sql, params=list(parameters)).to_arrow_table()


def _files(connection: duckdb.DuckDBPyConnection, paths: Mapping[str, None]) -> duckdb.DuckDBPyRelation:
    """Every row of some files, with the file's name; a star in a folder's name is a star, not a pattern."""
    plain = ["".join(f"[{letter}]" if letter in "*?[" else letter for letter in path) for path in paths]
    return connection.read_parquet(plain, filename=True, hive_partitioning=False)


def _is_sound(path: Path) -> bool:
    """Whether every column of a file can be read by what answers the queries; warns where not."""
    try:
        with duckdb.connect() as connection:
            _files(connection, {str(path): None}).aggregate("bit_xor(hash(COLUMNS(*)))").fetchall()
    except (duckdb.Error, OSError) as error:
        warnings.warn(_one_line(f"{path} is damaged: {first_line(error)}; it is left out"), stacklevel=2)
        return False
    return True

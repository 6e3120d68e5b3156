"""The store as one long table, a row a measurement, written piece by piece: a million rows need little memory."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from nnbench import history, store
from nnbench.errors import NnbenchError, ResultsError, did_you_mean, listing
from nnbench.model import Run
from nnbench.plan import parse

ROWS_AT_ONCE = 20_000
# ``value`` is the median of the samples, for those who want one number.
COLUMNS = (
    "run", "started", "commit", "dirty", "machine", "component", "variant", "case", "spec", "metric", "unit", "round",
    "value", "values", "status", "note", "allowance", "context",
)  # fmt: skip
ADDED = """SELECT list_median("values") AS value, array_to_string("values", ' ') AS "values" FROM piece"""
KEYS = 'SELECT DISTINCT component, variant, "case" FROM runs'
SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Wanted:
    """What is to be written: runs, oldest first, each with its file; of them what the patterns took, None for all."""

    runs: tuple[Run, ...]
    paths: tuple[Path, ...]
    rows: int  # of the runs, before the patterns
    keys: pa.Array | None

    def read(self, run: Run, path: Path) -> pa.Table:
        """The wanted rows of one of the runs; none, and a warning, where its file is damaged inside."""
        try:
            rows = store.read_rows(path, run.id)
        except (OSError, ValueError, pa.ArrowException, ResultsError) as error:
            warnings.warn(f"{path} is damaged: {store.first_line(error)}; {run.id} is left out", stacklevel=2)
            rows = store.SCHEMA.empty_table()
        if self.keys is None:
            return rows
        keys = pc.binary_join_element_wise(rows["component"], rows["variant"], rows["case"], SEPARATOR)
        return rows.filter(pc.is_in(keys, value_set=self.keys))


def choose(results: Path, runs: Sequence[str] = (), patterns: Sequence[str] = ()) -> Wanted:
    """The runs named (all without any), and what the patterns take of them (all without any).

    Raises ``NnbenchError`` where there are no runs, and for a run or a pattern that takes nothing of what is stored.
    """
    there = history.open_history(results)
    named = {history.find_run(results, text).id for text in runs} or {run.id for run in there.runs}
    kept = [place for place, run in enumerate(there.runs) if run.id in named]
    if not kept:
        raise NnbenchError(f"{results} holds no runs. `nnbench run` makes one; --results names another folder.")
    return Wanted(
        runs=tuple(there.runs[place] for place in kept),
        paths=tuple(there.paths[place] for place in kept),
        rows=sum(there.rows[place] for place in kept),
        keys=_keys(results, patterns) if patterns else None,
    )


def _keys(results: Path, patterns: Sequence[str]) -> pa.Array:
    """What any pattern takes, as component, variant and case in one text."""
    names = [tuple(one.values()) for one in history.table(results, KEYS).to_pylist()]
    taken: set[str] = set()
    for text in patterns:
        pattern = parse(text)
        found = [SEPARATOR.join(name) for name in names if pattern.takes(*name)]
        if not found:
            raise NnbenchError(_nothing(text, pattern.component, sorted({name[0] for name in names})))
        taken.update(found)
    return pa.array(sorted(taken), pa.string())


def _nothing(text: str, component: str, there: Sequence[str]) -> str:
    shown = listing([*there[:5], f"{len(there) - 5} more"] if len(there) > 5 else there)
    return " ".join(
        filter(None, [f"no stored run measured {text!r}.", did_you_mean(component, there), f"There are {shown}."])
    )


def pieces(wanted: Wanted) -> Iterator[pa.Table]:
    """The wanted rows with the columns of the long table, in pieces of few rows."""
    with duckdb.connect(config={"threads": 1}) as connection:  # one thread keeps the order
        for run, path in zip(wanted.runs, wanted.paths, strict=True):
            rows = wanted.read(run, path)
            for start in range(0, rows.num_rows, ROWS_AT_ONCE):
                yield _long(connection, rows.slice(start, ROWS_AT_ONCE))


def _long(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> pa.Table:
    connection.register("piece", rows)
    added = connection.sql(ADDED).to_arrow_table()
    started = pc.strftime(rows["started"].cast(pa.timestamp("us")), format="%Y-%m-%dT%H:%M:%SZ")
    columns = {name: rows[name] for name in COLUMNS if name in rows.column_names}
    columns |= {"started": started, "value": added["value"], "values": added["values"]}
    return pa.table({name: columns[name] for name in COLUMNS})


def write_csv(file: IO[bytes], wanted: Wanted) -> Iterator[int]:
    """Write the table as CSV with a head; ``values`` holds the samples with blanks between. Yields rows written."""
    writer = None
    for piece in pieces(wanted):
        writer = writer or pyarrow.csv.CSVWriter(file, piece.schema)
        writer.write_table(piece)
        yield piece.num_rows
    if writer is None:
        file.write((",".join(f'"{name}"' for name in COLUMNS) + "\n").encode())
    else:
        writer.close()


def write_json(file: IO[bytes], wanted: Wanted) -> Iterator[int]:
    """Write the table as a JSON array, an object a line; what is not finite becomes null. Yields rows written."""
    start = b"[\n"
    for piece in pieces(wanted):
        lines = [json.dumps(_row(row), ensure_ascii=False) for row in piece.to_pylist()]
        file.write(start + ",\n".join(lines).encode())
        start = b",\n"
        yield len(lines)
    file.write(b"\n]\n" if start == b",\n" else b"[]\n")


def _row(row: dict[str, Any]) -> dict[str, Any]:
    samples = [_finite(float(text)) for text in row["values"].split()] if row["values"] else []
    return row | {
        "value": _finite(row["value"]),
        "values": samples,
        "allowance": _finite(row["allowance"]),
        "context": _context(row["context"]),
    }


def _context(text: str) -> Any:
    """A row's further facts, what is not finite in them as null; the text as it is where it is no JSON."""
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return text


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None

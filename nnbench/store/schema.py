"""What a run file holds: its columns, and the run's description beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from nnbench.errors import ResultsError
from nnbench.model import FORMAT, Measurement, Run, measurement, plain

RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}")
HEADER = b"nnbench"  # key of the run's description in a Parquet file's metadata
HEADERS = b"nnbench.runs"  # the same of a compacted file: those of all its runs, with their numbers of rows

SCHEMA = pa.schema(
    [
        ("run", pa.string()),
        ("started", pa.timestamp("us", tz="UTC")),
        ("commit", pa.string()),
        ("dirty", pa.bool_()),
        ("machine", pa.string()),
        ("component", pa.string()),
        ("variant", pa.string()),
        ("case", pa.string()),
        ("spec", pa.string()),
        ("metric", pa.string()),
        ("unit", pa.string()),
        ("round", pa.int32()),
        ("values", pa.list_(pa.float64())),
        ("status", pa.string()),
        ("note", pa.string()),
        ("allowance", pa.float64()),
        ("context", pa.string()),
    ]
)
MEASUREMENT_COLUMNS = (
    "component", "variant", "case", "spec", "metric", "unit", "round", "values", "status", "note", "allowance",
)  # fmt: skip


def to_table(run: Run) -> pa.Table:
    """A run's measurements, one row each, in order."""
    shared = {
        "run": run.id,
        "started": datetime.fromisoformat(run.started),
        "commit": run.commit,
        "dirty": run.dirty,
        "machine": str(run.machine.get("id", "")),
    }
    rows = [
        shared | plain(row) | {"context": json.dumps(dict(row.context), sort_keys=True)} for row in run.measurements
    ]
    return pa.Table.from_pylist(
        [{name: _writable(value) for name, value in row.items()} for row in rows], schema=SCHEMA
    )


def _writable(value: Any) -> Any:
    """Text without halves of letters, which a component's own message may hold and no file takes."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def plain_header(run: Run) -> dict[str, Any]:
    """A run's description as it is stored."""
    return plain(replace(run, measurements=()))


def from_row(row: Mapping[str, Any]) -> Measurement:
    """The measurement that a row holds. Raises ``ValueError`` where its context is not what nnbench writes."""
    context = json.loads(row["context"])
    if not isinstance(context, dict):
        raise ValueError("a measurement's context is no JSON object")
    return measurement({name: row[name] for name in MEASUREMENT_COLUMNS} | {"context": context})


TYPES = {"id": str, "started": str, "command": str, "commit": str, "dirty": bool, "machine": dict, "ended": str}


def to_header(path: Path, content: Any) -> Run:
    """A run from its description, its format looked at before anything that another format may have otherwise.

    Raises ``ResultsError`` where it is not one that nnbench wrote.
    """
    found = content.get("format") if isinstance(content, dict) else None
    if not isinstance(found, int) or found < 1:
        raise ResultsError(f"{path} is skipped: its header does not say its format")
    if found > FORMAT:
        raise ResultsError(f"{path} is skipped: it has format {found} and this nnbench reads up to {FORMAT}; upgrade")
    try:
        run = Run(**(content | {"measurements": ()}))
    except TypeError as error:
        raise ResultsError(f"{path} is skipped: its header cannot be read ({first_line(error)})") from None
    if not RUN_ID.fullmatch(str(run.id)):
        raise ResultsError(f"{path} is skipped: {str(run.id)[:80]!r} is not a run's id")
    wrong = [name for name, kind in TYPES.items() if not isinstance(getattr(run, name), kind)]
    if wrong or not _is_moment(run.started):
        raise ResultsError(f"{path} is skipped: its header's {wrong[0] if wrong else 'started'} cannot be read")
    return run


def _is_moment(text: str) -> bool:
    """Whether a text is a time that can be compared with another run's."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

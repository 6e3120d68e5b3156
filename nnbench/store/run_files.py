"""Sealed files: of one run each, or compacted, of many. They are there whole or not at all, and never changed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from nnbench.errors import ResultsError
from nnbench.model import FORMAT, Run
from nnbench.store.refusal import refuse_bomb, refuse_text_bomb
from nnbench.store.schema import HEADER, HEADERS, SCHEMA, first_line, from_row, plain_header, to_header, to_table


class Stored(NamedTuple):
    """A run, without its measurements, and how many of them its file has."""

    run: Run
    rows: int


def runs_folder(results: Path) -> Path:
    return results / "runs"


def write_run(folder: Path, run: Run) -> Path:
    """Write a run file so that it is there whole or not at all, power cuts included."""
    header = json.dumps(plain_header(run)).encode()
    table = to_table(run).replace_schema_metadata({HEADER: header})
    return write_whole(folder, f"{run.id}.parquet", lambda file: pq.write_table(table, file, compression="zstd"))


def write_whole(
    folder: Path, name: str, write: Callable[[IO[bytes]], Any], check: Callable[[Path], None] | None = None
) -> Path:
    """A file under a name that no reader looks for until all of it is on the disk and passed its check."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    partial = folder / f".{path.stem}.{os.getpid()}.partial"
    try:
        with partial.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if check:
            check(partial)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)  # on a full disk it is in the way
        raise
    sync_folder(folder)  # the name, too, must be on disk before the journal goes
    return path


def remove_partials(folder: Path, stem: str) -> None:
    """Remove what a killed writer left of a file. Only for who holds the lock that the writer held."""
    for partial in folder.glob(f".{stem}.*.partial"):
        partial.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_header(path: Path) -> Run:
    """The run of a file that holds one, without its measurements; raises ``ResultsError`` for other files."""
    return _the_one(path, read_headers(path), "").run


def read_headers(path: Path) -> tuple[Stored, ...]:
    """The runs of a file, without their measurements, from its last bytes; raises ``ResultsError`` for other files."""
    try:
        if not path.is_file():
            raise OSError("it is not a file")  # a pipe would keep its reader waiting for ever
        with pq.ParquetFile(path) as file:
            metadata, schema = file.metadata, file.schema_arrow
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ResultsError(f"{path} is skipped: it is truncated or no Parquet file ({first_line(error)})") from None
    found = _stored(path, metadata.metadata or {}, metadata.num_rows)
    if not schema.equals(SCHEMA, check_metadata=False):
        raise ResultsError(f"{path} is skipped: its columns are not those of format {FORMAT}")
    refuse_bomb(path, metadata)
    return found


def _stored(path: Path, descriptions: Mapping[bytes, bytes], rows: int) -> tuple[Stored, ...]:
    try:
        if HEADER in descriptions:
            return (Stored(to_header(path, json.loads(descriptions[HEADER])), rows),)
        if HEADERS in descriptions:
            return _many(path, json.loads(descriptions[HEADERS]), rows)
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{path} is skipped: its header cannot be read ({first_line(error)})") from None
    raise ResultsError(f"{path} is skipped: it is a Parquet file, but not a run of nnbench")


def _many(path: Path, content: Any, rows: int) -> tuple[Stored, ...]:
    """The runs of a compacted file; what it says of them must agree with itself."""
    try:
        found = tuple(Stored(to_header(path, one["run"]), int(one["rows"])) for one in content)
    except (TypeError, KeyError) as error:
        raise ResultsError(f"{path} is skipped: its headers cannot be read ({first_line(error)})") from None
    if sum(one.rows for one in found) != rows or len({one.run.id for one in found}) != len(found):
        raise ResultsError(f"{path} is skipped: its headers do not tell what it holds")
    return found


def _the_one(path: Path, found: tuple[Stored, ...], identifier: str) -> Stored:
    chosen = [one for one in found if identifier in ("", one.run.id)]
    if len(chosen) != 1:
        there = f"{len(found)} runs, from {found[0].run.id} to {found[-1].run.id}" if found else "no runs"
        raise ResultsError(f"{path} holds {there}; name one of them instead of the file")
    return chosen[0]


def read_run(path: Path, identifier: str = "") -> Run:
    """A sealed run with its measurements; of a compacted file the one with this id."""
    stored = _the_one(path, read_headers(path), identifier)
    try:
        rows = tuple(from_row(row) for row in read_rows(path, stored.run.id).to_pylist())
    except (OSError, pa.ArrowException, ValueError, TypeError, RecursionError) as error:
        raise ResultsError(f"{path} is damaged: {first_line(error)}") from None
    if len(rows) != stored.rows:
        raise ResultsError(f"{path} is damaged: it holds {len(rows)} of the {stored.rows} measurements of its run")
    return replace(stored.run, measurements=rows)


def read_rows(path: Path, identifier: str = "") -> pa.Table:
    """The rows of one run of a file, or of all of them, in order."""
    texts = [field.name for field in SCHEMA if field.type == pa.string()]
    if identifier:
        rows = pq.read_table(path, filters=[("run", "=", identifier)], read_dictionary=texts, partitioning=None)
    else:
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            rows = file.read(use_threads=False)  # threads cost more than they save on small files
    refuse_text_bomb(path, rows)
    return rows.replace_schema_metadata(None).cast(SCHEMA)

"""The only writer of results: a journal while a run goes on, one sealed Parquet file when it has ended.

A journal is JSON lines, flushed one by one, so that a killed run loses at most the line being written. The writer
holds a lock on it that dies with its process: a journal that can be locked belongs to nobody any more, and
``seal_abandoned`` turns it into a run file. Sealed files are never rewritten.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from nnbench.errors import ResultsError
from nnbench.model import FORMAT, Measurement, Run, measurement, plain

RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
HEADER = b"nnbench"  # key of the run's description in a Parquet file's metadata

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


def new_run_id(now: datetime | None = None) -> str:
    """Sorts by time, and differs between runs started in the same second."""
    return f"{(now or datetime.now(UTC)):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def runs_folder(results: Path) -> Path:
    return results / "runs"


def _journals_folder(results: Path) -> Path:
    return results / "journals"


class Journal:
    """A run in progress. Use it as a context manager: leaving it seals what was measured, however it is left."""

    def __init__(self, results: Path, run: Run) -> None:
        self.results = results
        self.run = run
        self.sealed: Path | None = None
        self._path, self._file = _open_locked(results, run)

    def add(self, row: Measurement) -> None:
        """Keep one measurement: written and handed to the system before this returns."""
        _write_line(self._file, {"measurement": plain(row)})

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        ended = "complete" if kind is None else "interrupted"
        _write_line(self._file, {"ended": ended})
        self.sealed = _seal(self.results, self._path)
        self._file.close()


def _open_locked(results: Path, run: Run) -> tuple[Path, IO[str]]:
    """Create, lock and head the journal under a name nobody looks for, then give it its own."""
    folder = _journals_folder(results)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        hidden = folder / f".{run.id}.new"
        file = hidden.open("x")
    except OSError as error:
        raise ResultsError(f"cannot write results to {results}: {error}. Name another folder with --results.") from None
    fcntl.flock(file, fcntl.LOCK_EX)
    _write_line(file, {"run": plain(replace(run, measurements=()))})
    path = folder / f"{run.id}.jsonl"
    hidden.rename(path)
    return path, file


def _write_line(file: IO[str], content: Mapping[str, Any]) -> None:
    file.write(json.dumps(content) + "\n")
    file.flush()


def seal_abandoned(results: Path) -> list[str]:
    """Seal the journals that killed runs left, and say so, one sentence each; runs in progress are left alone."""
    journals = sorted(_journals_folder(results).glob("*.jsonl"))
    return [sentence for path in journals if (sentence := _seal_if_abandoned(results, path))]


def _seal_if_abandoned(results: Path, path: Path) -> str:
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not path.exists():
                return ""  # another command sealed it while this one was opening it
            return f"sealed {_seal(results, path).name}, which a run left that was killed"
    except BlockingIOError:
        return ""  # its writer is alive
    except FileNotFoundError:
        return ""
    except ResultsError as error:
        return str(error)
    except OSError as error:
        return f"{path} was left by a killed run and cannot be sealed: {error}"


def _seal(results: Path, journal: Path) -> Path:
    """Turn a journal into a run file. Safe to repeat: killed before its last step, it is simply done again."""
    run = read_journal(journal)
    sealed = write_run(runs_folder(results), run)
    journal.unlink()
    return sealed


def read_journal(path: Path) -> Run:
    """The run that a journal holds; without an "ended" line its writer was killed. A broken line is left out."""
    lines = list(_json_lines(path))
    heads = [line["run"] for line in lines if isinstance(line.get("run"), dict)]
    if not heads:
        raise ResultsError(f"{path} is not a journal of nnbench: it does not say which run it is of")
    header = _header(path, heads[0])
    try:
        rows = tuple(measurement(line["measurement"]) for line in lines if "measurement" in line)
    except (TypeError, KeyError) as error:
        raise ResultsError(f"{path} is skipped: a measurement in it cannot be read ({_first_line(error)})") from None
    ended = next((line["ended"] for line in lines if "ended" in line), "killed")
    return replace(header, measurements=rows, ended=ended)


def _json_lines(path: Path) -> Iterable[dict[str, Any]]:
    for line in path.read_text(errors="replace").splitlines():
        try:
            content = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(content, dict):
            yield content


def write_run(folder: Path, run: Run) -> Path:
    """Write a run file so that it is there whole or not at all, power cuts included."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run.id}.parquet"
    partial = folder / f".{run.id}.{os.getpid()}.partial"
    with partial.open("wb") as file:
        pq.write_table(_table(run), file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    _sync_folder(folder)  # the name, too, must be on disk before the journal goes
    return path


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _table(run: Run) -> pa.Table:
    shared = {
        "run": run.id,
        "started": datetime.fromisoformat(run.started),
        "commit": run.commit,
        "dirty": run.dirty,
        "machine": run.machine.get("id", ""),
    }
    rows = [
        shared | plain(row) | {"context": json.dumps(dict(row.context), sort_keys=True)} for row in run.measurements
    ]
    header = json.dumps(plain(replace(run, measurements=())))
    return pa.Table.from_pylist(rows, schema=SCHEMA.with_metadata({HEADER: header.encode()}))


def read_header(path: Path) -> Run:
    """A run without its measurements, from its file's last bytes; raises ``ResultsError`` for other files."""
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise ResultsError(f"{path} is skipped: it is truncated or no Parquet file ({_first_line(error)})") from None
    if HEADER not in (schema.metadata or {}):
        raise ResultsError(f"{path} is skipped: it is a Parquet file, but not a run of nnbench")
    try:
        content = json.loads(schema.metadata[HEADER])
    except ValueError as error:
        raise ResultsError(f"{path} is skipped: its header cannot be read ({_first_line(error)})") from None
    run = _header(path, content)
    if not schema.equals(SCHEMA, check_metadata=False):
        raise ResultsError(f"{path} is skipped: its columns are not those of format {FORMAT}")
    return run


def _header(path: Path, content: Any) -> Run:
    """A run from its plain form, its format looked at before anything that another format may have otherwise."""
    found = content.get("format") if isinstance(content, dict) else None
    if not isinstance(found, int) or found < 1:
        raise ResultsError(f"{path} is skipped: its header does not say its format")
    if found > FORMAT:
        raise ResultsError(f"{path} is skipped: it has format {found} and this nnbench reads up to {FORMAT}; upgrade")
    try:
        run = Run(**(content | {"measurements": ()}))
    except TypeError as error:
        raise ResultsError(f"{path} is skipped: its header cannot be read ({_first_line(error)})") from None
    if not RUN_ID.fullmatch(str(run.id)):
        raise ResultsError(f"{path} is skipped: {run.id!r} is not a run's id")
    return run


def read_run(path: Path) -> Run:
    """A sealed run with its measurements."""
    header = read_header(path)
    try:
        rows = tuple(_measurement(row) for row in pq.read_table(path).to_pylist())
    except (OSError, pa.ArrowException, ValueError) as error:
        raise ResultsError(f"{path} is damaged: {_first_line(error)}") from None
    return replace(header, measurements=rows)


MEASUREMENT_COLUMNS = (
    "component", "variant", "case", "spec", "metric", "unit", "round", "values", "status", "note", "allowance",
)  # fmt: skip


def _measurement(row: Mapping[str, Any]) -> Measurement:
    content = {name: row[name] for name in MEASUREMENT_COLUMNS}
    return measurement(content | {"context": json.loads(row["context"])})


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

"""The journal of a run in progress: JSON lines, flushed one by one; a killed run loses at most the line being written.

The writer holds a lock on it that dies with its process: a journal that can be locked belongs to nobody any more, and
``seal_abandoned`` turns it into a run file.
"""

from __future__ import annotations

import fcntl
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import pyarrow as pa

from nnbench.errors import ResultsError
from nnbench.model import Measurement, Run, measurement, plain
from nnbench.store.run_files import remove_partials, runs_folder, write_run
from nnbench.store.schema import first_line, plain_header, to_header


def new_run_id(now: datetime | None = None) -> str:
    """Sorts by time, and differs between runs started in the same second."""
    return f"{(now or datetime.now(UTC)):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def _journals_folder(results: Path) -> Path:
    return results / "journals"


class Journal:
    """A run in progress. Use it as a context manager: leaving it seals what was measured, however it is left.

    Where it is not ``is_worth_keeping`` then, nothing is left of it.
    """

    def __init__(self, results: Path, run: Run) -> None:
        self.results = results
        self.run = run
        self.sealed: Path | None = None
        self.is_worth_keeping = True
        self._path, self._file = _open_locked(results, run)

    def add(self, row: Measurement) -> None:
        """Keep one measurement: written and handed to the system before this returns."""
        self._write({"measurement": plain(row)})

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if not self.is_worth_keeping:
            self._path.unlink()
            self._file.close()
            return
        self._write({"ended": "complete" if kind is None else "interrupted"})
        try:
            self.sealed = _seal(self.results, self._path)
        except OSError as failed:
            raise _cannot_write(self.results, failed, f"What was measured is kept in {self._path}") from None
        finally:
            self._file.close()

    def _write(self, content: Mapping[str, Any]) -> None:
        try:
            _write_line(self._file, content)
        except OSError as failed:
            raise _cannot_write(self.results, failed, f"What was measured before is kept in {self._path}") from None


def _cannot_write(results: Path, error: OSError, kept: str) -> ResultsError:
    return ResultsError(
        f"cannot write results to {results}: {error}. {kept}, and any nnbench command that reads {results} seals it "
        "once there is room."
    )


def _open_locked(results: Path, run: Run) -> tuple[Path, IO[bytes]]:
    """Create, lock and head the journal under a name nobody looks for, then give it its own."""
    folder = _journals_folder(results)
    hidden, path = folder / f".{run.id}.new", folder / f"{run.id}.jsonl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = next((one for one in (path, runs_folder(results) / f"{run.id}.parquet") if one.exists()), None)
        if taken:
            raise ResultsError(f"{taken} holds a run of this id already; give the new run another")
        file = hidden.open("xb", buffering=0)
        fcntl.flock(file, fcntl.LOCK_EX)
        _write_line(file, {"run": plain_header(run)})
        hidden.rename(path)
    except OSError as error:
        raise ResultsError(f"cannot write results to {results}: {error}. Name another folder with --results.") from None
    return path, file


def _write_line(file: IO[bytes], content: Mapping[str, Any]) -> None:
    """Hand one line to the system, whole; a part of one that did not fit is taken back, so that it breaks no other."""
    line = json.dumps(content).encode() + b"\n"
    start = file.tell()
    try:
        while line:
            line = line[file.write(line) :]
    except OSError:
        file.truncate(start)
        file.seek(start)
        raise


def seal_abandoned(results: Path) -> list[str]:
    """Seal the journals that killed runs left, and say so, one sentence each; runs in progress are left alone."""
    journals = sorted(_journals_folder(results).glob("*.jsonl"))
    return [sentence for path in journals if (sentence := _seal_if_abandoned(results, path))]


def _seal_if_abandoned(results: Path, path: Path) -> str:
    try:
        with path.open("rb") as file:
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
    except (OSError, pa.ArrowException, TypeError, ValueError) as error:
        return f"{path} was left by a killed run and cannot be sealed: {first_line(error)}"


def _seal(results: Path, journal: Path) -> Path:
    """Turn a journal into a run file. Safe to repeat: killed before its last step, it is simply done again."""
    run = read_journal(journal)
    remove_partials(runs_folder(results), run.id)  # of a sealing that was killed
    sealed = write_run(runs_folder(results), run)
    journal.unlink()
    return sealed


def read_journal(path: Path) -> Run:
    """The run that a journal holds; without an "ended" line its writer was killed. A broken line is left out."""
    lines = list(_json_lines(path))
    heads = [line["run"] for line in lines if isinstance(line.get("run"), dict)]
    if not heads:
        raise ResultsError(f"{path} is not a journal of nnbench: it does not say which run it is of")
    header = to_header(path, heads[0])
    try:
        rows = tuple(_measurement(line["measurement"]) for line in lines if "measurement" in line)
    except (TypeError, KeyError, ValueError) as error:
        raise ResultsError(f"{path} is skipped: a measurement in it cannot be read ({first_line(error)})") from None
    ended = next((line["ended"] for line in lines if "ended" in line), "killed")
    return replace(header, measurements=rows, ended=str(ended))


def _measurement(content: Mapping[str, Any]) -> Measurement:
    row = measurement(content)
    if not isinstance(row.context, dict):
        raise TypeError("its context is no JSON object")
    return row


def _json_lines(path: Path) -> Iterable[dict[str, Any]]:
    for line in path.read_text(errors="replace").splitlines():
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict):
            yield content

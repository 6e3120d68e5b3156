"""Other tools' result files into our store: found, read within limits, and kept once however often they come."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from nnbench import history, store
from nnbench.doors import asv_results, foreign, pytest_results
from nnbench.doors.asv_results import Beside
from nnbench.doors.foreign import Foreign, Unreadable
from nnbench.errors import ResultsError
from nnbench.model import Measurement, Run

LARGEST = 64 * 2**20  # bytes of a file; as Python objects a hostile one takes twenty times as much
NO_RESULTS = ("machine.json", "benchmarks.json", "asv.conf.json")  # beside asv's results
TOO_DEEP = "it is nested too deeply"
NEW, ADDED, THERE, UNREADABLE, OTHER = "new", "added", "already there", "unreadable", "other"


@dataclass(frozen=True)
class Outcome:
    """What became of one file: ``status`` is one of the words above, ``run`` the run that holds what was new in it."""

    file: str
    status: str
    run: str = ""
    measurements: int = 0
    note: str = ""


def result_files(path: Path) -> list[Path]:
    """The files to look at, in order: the file itself, or every .json below a folder but those beside asv's results.

    Links to folders are not followed. Raises ``ResultsError`` where there is nothing.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ResultsError(f"there is no file or folder {path}")
    found = [
        Path(folder, name)
        for folder, _, names in os.walk(path)
        for name in names
        if name.endswith(".json") and name not in NO_RESULTS
    ]
    return sorted(one for one in found if one.is_file())  # no pipes, which would be waited for


class Importer:
    """Brings files into one results folder. ``suite`` is what their components' ids begin with."""

    def __init__(self, results: Path, suite: str = "", largest: int = LARGEST) -> None:
        self._results = results
        self._suite = suite
        self._largest = largest
        self._beside: dict[Path, Mapping[str, Any]] = {}
        self._known: dict[str, Run] = {}
        self._of_origin: dict[str, list[str]] = {}
        self._of_source: dict[str, str] = {}
        for run in history.open_history(results).runs:
            self._note(run)

    def bring(self, path: Path) -> Outcome:
        """One file into the store; whatever is wrong with it is told in the outcome's note.

        Raises ``ResultsError`` where the store cannot be written to.
        """
        try:
            raw = _bytes(path, self._largest)
            source = sha256(self._suite.encode() + b":" + raw).hexdigest()[:32]
            if source in self._of_source:  # and whatever benchmarks.json says today does not make it another one
                return Outcome(str(path), THERE, self._of_source[source])
            found = self._read(path, _parsed(raw))
        except Unreadable as error:
            return Outcome(str(path), UNREADABLE, note=str(error))
        except RecursionError:
            return Outcome(str(path), UNREADABLE, note=TOO_DEEP)
        return Outcome(str(path), OTHER) if found is None else self._keep(path, found, source)

    def _read(self, path: Path, content: Any) -> Foreign | None:
        """None for a JSON file that is neither tool's."""
        name = "/".join(path.parts[-2:])
        if asv_results.is_result(content):
            return asv_results.read(content, self._found_beside(path), self._suite or "asv", name)
        if pytest_results.is_result(content):
            return pytest_results.read(content, self._suite or "pytest", name)
        return None

    def _found_beside(self, path: Path) -> Beside:
        """asv's benchmarks.json, one folder up or beside it, and machine.json; nothing where they cannot be read."""
        folders = (path.parent.parent, path.parent)
        benchmarks = next((found for folder in folders if (found := self._object(folder / "benchmarks.json"))), {})
        return Beside(benchmarks, self._object(path.parent / "machine.json"))

    def _object(self, path: Path) -> Mapping[str, Any]:
        if path not in self._beside:
            try:
                content = _parsed(_bytes(path, self._largest)) if path.is_file() else {}
            except Unreadable:
                content = {}
            self._beside[path] = content if isinstance(content, dict) else {}
        return self._beside[path]

    def _keep(self, path: Path, found: Foreign, source: str) -> Outcome:
        note = _summary(found.left_out)
        if not found.run.measurements:
            return Outcome(str(path), UNREADABLE, note=note or "it holds no measurements")
        if found.exported_from and all(run in self._known for run in found.exported_from):
            return Outcome(str(path), THERE, found.exported_from[0], note=note)
        measured = tuple(row for row in found.run.measurements if row.context.get("session") not in self._known)
        if not measured:
            return Outcome(str(path), THERE, str(found.run.measurements[0].context["session"]), note=note)
        told = {"origin": found.origin, "source": source}
        run = self._named(replace(found.run, measurements=measured), told)
        if run.id in self._known:
            return Outcome(str(path), THERE, run.id, note=note)
        rows = self._without_known(found.origin, run.measurements)
        if not rows:
            return Outcome(str(path), THERE, self._of_origin[found.origin][0], note=note)
        status = NEW
        if len(rows) < len(run.measurements):
            status, run = ADDED, self._named(replace(run, measurements=rows), told)
        self._write(run)
        return Outcome(str(path), status, run.id, len(rows), note)

    def _named(self, run: Run, told: Mapping[str, str]) -> Run:
        """The run with its id: of its hash's digits six, the next six where a run of other content has that id."""
        content = foreign.digest(told["origin"], run.started, [_content(row) for row in run.measurements], digits=60)
        started = foreign.written_moment(run.started)
        assert started is not None
        names = [foreign.run_id(started, content[place:]) for place in range(0, 60, 6)]
        imported = run.machine["imported"] | told | {"content": content[:32]}
        free = next(name for name in names if self._content_of(name) in ("", content[:32]))
        return replace(run, id=free, machine=dict(run.machine) | {"imported": imported})

    def _content_of(self, name: str) -> str:
        """The hash of a stored run's content: empty where there is no such run, and no hash where it was measured."""
        return _imported(self._known[name], "content") or "measured" if name in self._known else ""

    def _without_known(self, origin: str, rows: Sequence[Measurement]) -> tuple[Measurement, ...]:
        """The rows that no run of the same origin holds yet: asv adds to its files when more was measured."""
        earlier = self._of_origin.get(origin, [])
        there = {_content(row) for run in earlier for row in history.find_run(self._results, run).measurements}
        return tuple(row for row in rows if _content(row) not in there)

    def _write(self, run: Run) -> None:
        try:
            store.write_run(store.runs_folder(self._results), run)
        except OSError as error:
            raise ResultsError(
                f"cannot write results to {self._results}: {error}. Name another folder with --results."
            ) from None
        self._note(replace(run, measurements=()))

    def _note(self, run: Run) -> None:
        self._known[run.id] = run
        if origin := _imported(run, "origin"):
            self._of_origin.setdefault(origin, []).append(run.id)
        if source := _imported(run, "source"):
            self._of_source[source] = run.id


def _bytes(path: Path, largest: int) -> bytes:
    """A file's content; raises ``Unreadable`` where there is too much of it."""
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise Unreadable(f"it cannot be opened ({error.strerror})") from None
    if len(content) > largest:
        raise Unreadable(f"it is larger than {largest / 2**20:.0f} MiB; --largest SIZE raises the limit")
    return content


def _parsed(content: bytes) -> Any:
    """What the JSON says; raises ``Unreadable`` that says in one line what is wrong with it."""
    try:
        return json.loads(content)
    except RecursionError:
        raise Unreadable(TOO_DEEP) from None
    except ValueError as error:
        raise Unreadable(f"it is no JSON ({foreign.plain_text(str(error))})") from None


def _content(row: Measurement) -> str:
    """Equal where two rows say the same."""
    named = (row.component, row.variant, row.case, row.metric, row.unit, row.spec)
    return foreign.digest(*named, row.values, row.status, row.note, dict(row.context), digits=32)


def _imported(run: Run, key: str) -> str:
    """What a stored run says of the file that it was imported from; empty for a run that was not."""
    imported = run.machine.get("imported")
    return str(imported.get(key, "")) if isinstance(imported, dict) else ""


def _summary(left_out: Sequence[str]) -> str:
    more = f" (and {len(left_out) - 1} more)" if len(left_out) > 1 else ""
    return f"left out {left_out[0]}{more}" if left_out else ""

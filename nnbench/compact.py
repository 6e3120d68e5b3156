"""Many small run files become few: one for each machine and month, removed only once all was read back the same."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from nnbench.errors import ResultsError
from nnbench.history import History, open_history
from nnbench.model import Run
from nnbench.store import (
    PREFIX,
    Stored,
    read_all,
    read_headers,
    remove_partials,
    runs_folder,
    same_rows,
    sync_folder,
    write_compacted,
)

ROWS_A_FILE = 500_000  # what is in memory at once while compacting, twice: as written and as read back


@dataclass(frozen=True)
class Part:
    """What becomes one file: runs of one machine and one month, oldest first."""

    label: str
    runs: tuple[Run, ...]
    paths: tuple[Path, ...]  # where each of them is counted

    @property
    def name(self) -> str:
        """The same for the same runs, so that machines that compact alike make the same file."""
        listed = "\n".join(run.id for run in self.runs)
        return f"{PREFIX}{self.label}-{hashlib.sha256(listed.encode()).hexdigest()[:12]}.parquet"


@dataclass(frozen=True)
class Compaction:
    """What a compaction did: runs in all, files and their bytes before and after, and a sentence for each file kept."""

    runs: int
    files: tuple[int, int]
    size: tuple[int, int]
    kept: tuple[str, ...]


def compact(
    results: Path, tell: Callable[[str, int], None] = lambda doing, steps: None, rows: int = ROWS_A_FILE
) -> Compaction:
    """Merge the run files of a folder into files of up to so many ``rows``; ``tell`` hears of each step.

    Killed at any moment it has lost nothing: a small file goes after the file that has its run, and what is in both
    counts once. Raises ``ResultsError`` where the folder cannot be written, or another compaction is at it.
    """
    folder = runs_folder(results)
    if not folder.is_dir():
        return Compaction(0, (0, 0), (0, 0), ())
    try:
        with _alone(folder):
            before = _files(folder)
            damaged = _damaged(folder)
            places = _write_parts(folder, open_history(results, without=damaged), rows, tell)
            kept = _remove_copies(folder, places, damaged, tell)
            after = _files(folder)
    except OSError as error:
        raise ResultsError(
            f"cannot compact {folder}: {error}. No run is lost: a small file goes only once another has its run."
        ) from None
    count = len(open_history(results).runs)
    return Compaction(count, (len(before), len(after)), (sum(before.values()), sum(after.values())), tuple(kept))


def steps(results: Path) -> int:
    """How many steps a compaction tells of at most: it writes each run once, and compares each once."""
    return 2 * len(open_history(results).runs)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock that dies with its process, and clear away what a compaction left that was killed."""
    with (folder / ".compacting").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ResultsError(f"another `nnbench results compact` is at {folder}; wait for it") from None
        remove_partials(folder, f"{PREFIX}*")
        yield


def _files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_size for path in folder.glob("*.parquet") if path.is_file()}


def parts(history: History, rows: int) -> list[Part]:
    """How the runs of a history are divided: by machine and month, and again where they have more ``rows``."""
    groups: dict[str, list[int]] = {}
    for place, run in enumerate(history.runs):
        groups.setdefault(_label(run), []).append(place)
    divided = [(label, piece) for label, places in groups.items() for piece in _pieces(places, history.rows, rows)]
    return [
        Part(label, tuple(history.runs[place] for place in piece), tuple(history.paths[place] for place in piece))
        for label, piece in divided
    ]


def _label(run: Run) -> str:
    """Machine and month, as letters that no file system takes for anything else."""
    machine = re.sub(r"[^0-9A-Za-z]+", "_", str(run.machine.get("id", "")), flags=re.ASCII)[:32] or "unknown"
    return f"{machine}-{datetime.fromisoformat(run.started):%Y-%m}"


def _pieces(places: Sequence[int], rows: Sequence[int], limit: int) -> list[list[int]]:
    """Neighbours together up to the limit, from the oldest on, so that full pieces stay as they are."""
    pieces: list[list[int]] = []
    room = 0
    for place in places:
        if not pieces or rows[place] > room:
            pieces.append([])
            room = limit
        pieces[-1].append(place)
        room -= rows[place]
    return pieces


def _damaged(folder: Path) -> dict[Path, str]:
    """What to say of each file whose header can be read, but not what it says to hold."""
    found = {}
    for path in _holdings(folder):
        try:
            read_all(path)
        except ResultsError as error:
            found[path] = f"{error}; it stays as it is"
    return found


def _write_parts(folder: Path, history: History, rows: int, tell: Callable[[str, int], None]) -> dict[str, Path]:
    """Write the parts that are no file yet; where each run is then."""
    names = {path.name for path in (*history.paths, *(copy.path for copy in history.copies))}
    places = dict[str, Path]()
    for part in parts(history, rows):
        tell(f"writing {part.label}: {len(part.runs)} runs", 0)
        if len(part.runs) == 1:
            place = part.paths[0]
        else:
            place = folder / part.name if part.name in names else write_compacted(folder, part.name, _rows_of(part))
        places |= dict.fromkeys((run.id for run in part.runs), place)
        tell("", len(part.runs))
    return places


def _rows_of(part: Part) -> dict[str, tuple[Run, pa.Table]]:
    """The runs of a part with their rows, in order."""
    found = dict[str, tuple[Run, pa.Table]]()
    for path in dict.fromkeys(part.paths):
        here = {run.id for run, there in zip(part.runs, part.paths, strict=True) if there == path}
        found |= {name: (stored.run, rows) for name, (stored, rows) in read_all(path).items() if name in here}
    return {run.id: found[run.id] for run in part.runs}


def _remove_copies(
    folder: Path, places: Mapping[str, Path], damaged: Mapping[Path, str], tell: Callable[[str, int], None]
) -> list[str]:
    """Remove the files whose runs are all in other files, each compared with what it would be removed for.

    A sentence for each file that stays although its runs are elsewhere too, or because it is damaged.
    """
    homes = dict.fromkeys(places.values())
    waiting = {path: names for path, names in _holdings(folder).items() if path not in homes}
    for place in homes:
        there = {name for name, path in places.items() if path == place}
        tell(f"comparing {place.name}", 0)
        if any(there & names for names in waiting.values()):
            held = read_all(place)
            waiting = {path: names - _same(path, names & there, held) for path, names in waiting.items()}
        tell("", len(there))
    for path in (path for path, names in waiting.items() if not names):
        path.unlink(missing_ok=True)
    sync_folder(folder)
    different = [
        f"{path} stays: what it says of {min(names)} is not what another file says of it"
        for path, names in waiting.items()
        if names & places.keys() and path not in damaged
    ]
    return [sentence for path, sentence in damaged.items() if path not in homes] + different


def _holdings(folder: Path) -> dict[Path, set[str]]:
    """The files that can be read, with the ids of their runs."""
    found = {}
    for path in sorted(folder.glob("*.parquet")):
        with contextlib.suppress(ResultsError):  # it is no run: `open_history` says why
            found[path] = {stored.run.id for stored in read_headers(path)}
    return {path: names for path, names in found.items() if names}


def _same(path: Path, names: set[str], held: Mapping[str, tuple[Stored, pa.Table]]) -> set[str]:
    """Those runs of a file that another file holds too, whole: the same, or with more at their end."""
    if not names:
        return set()
    try:
        mine = read_all(path)
    except ResultsError:
        return set()
    return {name for name in names if name in held and _is_in(mine[name], held[name])}


def _is_in(mine: tuple[Stored, pa.Table], theirs: tuple[Stored, pa.Table]) -> bool:
    """Whether nothing is lost when the first goes; a journal copied before its end was sealed as its beginning."""
    is_same_run = replace(mine[0].run, ended="") == replace(theirs[0].run, ended="")
    return is_same_run and same_rows(mine[1], theirs[1].slice(0, mine[0].rows))

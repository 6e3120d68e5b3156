"""Where data sets lie, whether they are whole, and how new files get there in one step.

Under the cache folder each data set has a folder of its own, and ``.partial`` holds the work in progress. A process
keeps a lock on its folder in ``.partial``; the system drops the lock when the process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import platformdirs

from nnbench.data.catalog import DataFile, DataSet, find
from nnbench.errors import DataUnavailable, NnbenchError

VARIABLE = "NNBENCH_DATA"
ALIVE = ".alive"


def cache_folder() -> Path:
    """Where data sets lie: the environment variable NNBENCH_DATA, or ``nnbench/data`` in the user's cache folder."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else platformdirs.user_cache_path("nnbench") / "data"


def location(name: str) -> Path:
    """The folder that holds the files of a data set, whether they are there or not."""
    if not find(name).embedded:
        return cache_folder() / name
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise DataUnavailable(f"{name} comes with scikit-learn, which is missing. Type: pip install scikit-learn")
    return Path(package.origin).parent / "datasets" / "data"


def is_available(name: str) -> bool:
    """Whether every file of the data set is there in its right size; contents are checked when they are loaded."""
    return all(_size(location(name) / file.name) == file.bytes for file in find(name).files)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def verify(name: str) -> None:
    """Compare size and md5 of every file with the catalogue.

    Raises ``DataUnavailable`` for a data set that is missing or damaged, saying what to type. A file that has not
    changed since this process read it is not read again.
    """
    dataset, folder = find(name), location(name)
    absent = missing(name)
    if absent:
        raise DataUnavailable(f"{absent}\n{advice(dataset)}")
    wrong = damages(dataset, folder)
    if wrong:
        raise DataUnavailable(
            f"{dataset.title} ({name}) in {folder} is damaged: {'; '.join(wrong)}. "
            f"To fetch it again, type: nnbench data get {name} --force"
        )


def missing(name: str) -> str:
    """What is not there of a data set, and what to type to get it, in one line; empty where every file is there."""
    dataset, folder = find(name), location(name)
    absent = [file.name for file in dataset.files if _size(folder / file.name) is None]
    if not absent:
        return ""
    state = "is not there" if len(absent) == len(dataset.files) else f"is incomplete: no {', '.join(absent)}"
    return f"{dataset.title} ({name}) {state} in {folder}. To get it, type: nnbench data get {name}"


def advice(dataset: DataSet) -> str:
    """What a user can do who does not have the files."""
    lines = [
        "What to do:",
        f"  to download it:          nnbench data get {dataset.name}",
        f"  to bring it by hand:     put {dataset.by_hand} into {location(dataset.name)}",
        f"  to use a copy elsewhere: set {VARIABLE} to the folder that has {dataset.name}/ in it",
    ]
    without = ["  to do without:           the data set digits is always there"] if dataset.kind == "images" else []
    return "\n".join([*lines, *without])


def damages(dataset: DataSet, folder: Path) -> list[str]:
    """One sentence for each file in ``folder`` that is not what the catalogue says."""
    return [said for file in dataset.files if (said := _damage(file, folder / file.name))]


def _damage(file: DataFile, path: Path) -> str:
    size = _size(path)
    if size is None:
        return f"{file.name} is missing"
    if size != file.bytes:
        return f"{file.name} has {size:,} bytes instead of {file.bytes:,}"
    md5 = _md5(path, size, path.stat().st_mtime_ns)
    return "" if md5 == file.md5 else f"{file.name} has md5 {md5} instead of {file.md5}"


@functools.lru_cache(maxsize=256)
def _md5(path: Path, size: int, modified: int) -> str:
    """The md5 of a file; size and time of change are part of the memory's key, so a changed file is read again."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, _new_md5).hexdigest()


def _new_md5() -> hashlib._Hash:
    return hashlib.md5(usedforsecurity=False)  # against accidents; systems in FIPS mode refuse it otherwise


@contextlib.contextmanager
def workspace(name: str) -> Iterator[Path]:
    """A temporary folder on the cache's file system, removed at the end; those of dead processes are removed first.

    Raises ``NnbenchError`` when the cache folder cannot be written to.
    """
    partial = cache_folder() / ".partial"
    try:
        partial.mkdir(parents=True, exist_ok=True)
        # Nobody may judge a folder between its creation and its lock: one at a time does either.
        with (partial / "lock").open("w") as guard:
            _lock(guard)
            _remove_abandoned(partial)
            folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=partial))
            alive = (folder / ALIVE).open("w")
            _lock(alive)
    except OSError as error:
        raise NnbenchError(
            f"cannot write to the data folder {cache_folder()}: {error.strerror or error}. "
            f"Set {VARIABLE} to a folder that you may write to."
        ) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        alive.close()


def _remove_abandoned(partial: Path) -> None:
    for folder in partial.iterdir():
        if folder.is_dir() and not _is_alive(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(folder: Path) -> bool:
    try:
        with (folder / ALIVE).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:  # held by its process, or no locks here: then nothing is known, and nothing is removed
        return True
    return False


def _lock(opened: IO[str]) -> None:
    """Take the lock, waiting for it; on a file system without locks go on without."""
    with contextlib.suppress(OSError):
        fcntl.flock(opened, fcntl.LOCK_EX)


def place(dataset: DataSet, folder: Path) -> Path:
    """Move verified files from ``folder`` (inside the cache) to where they belong, and say where that is.

    A new data set appears as a whole, by one renaming. Where there is one already, its files are replaced one by
    one: each is then either the old file or the new one.
    """
    ready, destination = folder / "ready", location(dataset.name)
    ready.mkdir()
    for file in dataset.files:
        (folder / file.name).rename(ready / file.name)
    try:
        ready.rename(destination)
    except OSError:
        destination.mkdir(exist_ok=True)
        for file in dataset.files:
            (ready / file.name).replace(destination / file.name)
    return destination

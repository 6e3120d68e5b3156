"""Getting a data set into the cache: sources in order, the first one whose bytes are right."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

from nnbench.data import cache
from nnbench.data.catalog import DataSet, find
from nnbench.data.clients import SourceFailed, Tell
from nnbench.data.sources import Source, sources_of
from nnbench.errors import DataUnavailable

Report = Callable[[str, int, int | None, str], None]


def silent(source: str, done: int, total: int | None, message: str) -> None:
    """The report of somebody who does not want one."""


def get(
    name: str,
    report: Report = silent,
    sources: Sequence[Source] | None = None,
    force: bool = False,
) -> Path:
    """The folder with the files of a data set, downloaded when they are not there; ``force`` downloads anyway.

    ``report(source, bytes_done, bytes_total or None, message)`` is called while a download runs. Raises
    ``DataUnavailable`` when no source could give the right bytes, and for damaged files unless ``force`` is set.
    """
    dataset = find(name)
    if dataset.embedded or (cache.is_available(name) and not force):
        cache.verify(name)
        return cache.location(name)
    failures: list[str] = []
    with cache.workspace(name) as workspace:
        for number, source in enumerate(sources_of(dataset) if sources is None else sources):
            folder = workspace / str(number)
            folder.mkdir()
            problem = _try(source, dataset, folder, functools.partial(report, source.name))
            if not problem:
                return cache.place(dataset, folder)
            failures.append(f"  {source.name}: {problem}")
            report(source.name, 0, None, f"failed: {problem}")
    raise DataUnavailable(_nothing_worked(dataset, failures))


def _try(source: Source, dataset: DataSet, folder: Path, tell: Tell) -> str:
    """Why the source failed, or an empty text when verified files lie in ``folder``."""
    try:
        source.fetch(dataset, folder, tell)
    except SourceFailed as failure:
        return str(failure)
    except Exception as error:  # noqa: BLE001  anybody's program and anybody's bytes; the next source may do better
        return f"{type(error).__name__}: {error}"
    wrong = cache.damages(dataset, folder)
    return f"its bytes are not the published ones: {'; '.join(wrong)}" if wrong else ""


def _nothing_worked(dataset: DataSet, failures: list[str]) -> str:
    tried = "\n".join(failures) or "  none was given"
    return (
        f"{dataset.title} ({dataset.name}) could not be downloaded. Sources tried, and why each failed:\n"
        f"{tried}\n{cache.advice(dataset)}"
    )

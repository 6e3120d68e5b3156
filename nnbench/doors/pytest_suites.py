"""Which suites a pytest session has: those named on its command line, or in the project's settings."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from nnbench.discovery import BUILT_IN, Source, sources
from nnbench.errors import NnbenchError


@dataclass(frozen=True)
class Suites:
    """``known`` are collected where pytest comes upon their files, ``wanted`` in any case; both by file."""

    known: Mapping[Path, Source]
    wanted: tuple[Path, ...]


def suites_of(config: pytest.Config) -> Suites:
    """Raises ``pytest.UsageError`` for a suite that does not exist."""
    try:
        asked = _found(config.getoption("nnbench_suite"), config.invocation_params.dir, "--nnbench-suite")
        own = _own(config)
    except NnbenchError as error:
        raise pytest.UsageError(str(error)) from None
    wanted = [path for path in own if path not in asked and _is_wanted(path, config)]
    return Suites(own | asked, (*asked, *wanted))


def _own(config: pytest.Config) -> dict[Path, Source]:
    """The project's: of pytest's settings, or else of nnbench's, which are read for ``--benchmark-only`` alone."""
    named = config.getini("nnbench_suites")
    if named or not config.getoption("benchmark_only", False):
        return _found(named, (config.inipath or config.rootpath / "x").parent, "nnbench_suites")
    configured = [source for source in sources(directory=config.rootpath) if source.kind in ("file", "module")]
    return {_file_of(source, "[tool.nnbench] suites"): source for source in configured}


def _is_wanted(path: Path, config: pytest.Config) -> bool:
    """A suite of the project is, when benchmarks alone are asked for, unless the command line names other folders."""
    if not config.getoption("benchmark_only", False):
        return False
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        return True
    named = [config.invocation_params.dir / text.partition("::")[0] for text in config.args]
    return any(path.is_relative_to(folder.resolve()) for folder in named if folder.is_dir())


def _found(named: Iterable[str], folder: Path, where: str) -> dict[Path, Source]:
    found = [source for text in named for source in _named(text, folder)]
    return {_file_of(source, where): source for source in found}


def _named(text: str, folder: Path) -> list[Source]:
    """A file's suite, a module's, or those of a package of built-in ones."""
    if text.endswith(".py") or "/" in text:
        return [Source("file", str((folder / text).resolve()), text)]
    if text == BUILT_IN or text.startswith(f"{BUILT_IN}."):
        built_in = [source for source in sources() if source.kind == "built-in"]
        inside = [source for source in built_in if f"{source.locator}.".startswith(f"{text}.")]
        if inside:
            return inside
    return [Source("module", text, text)]


def _file_of(source: Source, where: str) -> Path:
    if source.kind == "file":
        path = Path(source.locator)
        if not path.is_file():
            raise NnbenchError(f"{where} names {source.name}, but there is no file {path}")
        return path
    try:
        spec = importlib.util.find_spec(source.locator)
    except ImportError:
        spec = None
    if spec is None or not spec.origin:
        raise NnbenchError(f"{where} names {source.name}, but there is no such module; a suite's file ends in .py")
    return Path(spec.origin).resolve()

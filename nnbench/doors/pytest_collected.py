"""A suite's file as pytest collects it: one item a component, variant, case and mode.

The items are made here rather than by ``pytest_generate_tests`` on a test module of ours: so each lies in the file that
registers it, is run again by its name, and costs a function, not a parameter set that other plugins store whole.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nnbench.catalog import Component
from nnbench.discovery import Source, describe, load
from nnbench.errors import listing
from nnbench.plan import Target
from nnbench.suite_files import run_file

# Marks that mean something to pytest: a suite of such a name is not marked with it.
MEANINGFUL = {"skip", "skipif", "xfail", "usefixtures", "parametrize", "filterwarnings", "benchmark"}


@dataclass(frozen=True)
class Job:
    """One benchmark: a mode of one variant of one component in one case."""

    component: Component
    target: Target
    mode: str
    source: Source

    @property
    def name(self) -> str:
        """``forward[mine.rms_norm@fused-64x1024]``"""
        return f"{self.mode}[{self.target.component.id}@{self.target.variant}-{self.target.case.label}]"

    @property
    def group(self) -> str:
        """What pytest-benchmark shows in one table: the variants of a component in one case and mode."""
        return f"{self.target.component.id}[{self.target.case.label}] {self.mode}"


@dataclass(frozen=True)
class Collecting:
    """What the files of a session have in common.

    ``take`` makes a benchmark with its fixture, ``mark`` gives the fixture's settings for a group, timed by the wall or
    not; ``registered`` maps each component to the file that it was found in.
    """

    sources: Mapping[Path, Source]
    take: Callable[[Job, Any], None]
    mark: Callable[[str, bool], pytest.MarkDecorator]
    registered: dict[str, Path] = field(default_factory=dict)


class SuiteModule(pytest.Module):
    """The file of a suite; tests that stand in it as well are collected as ever."""

    collecting: Collecting

    @classmethod
    def of(cls, parent: pytest.Collector, path: Path, collecting: Collecting) -> SuiteModule:
        root, source = parent.config.rootpath, collecting.sources[path]
        if path.is_relative_to(root):
            made = cls.from_parent(parent, path=path)
        else:  # pytest's own name would be that of the file alone, and there are several of one name
            name = os.path.relpath(path, root) if source.kind == "file" else source.locator
            made = cls.from_parent(parent, path=path, name=name, nodeid=_node_id(parent, name))
        made.collecting = collecting
        return made

    @property
    def source(self) -> Source:
        return self.collecting.sources[self.path]

    def _getobj(self) -> ModuleType:
        """The suite as nnbench imports it, so that it is not imported a second time under pytest's name."""
        if self.source.kind == "file":
            return run_file(Path(self.source.locator))
        return importlib.import_module(self.source.locator)

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        catalog = load([self.source])
        if catalog.problems:
            raise self.CollectError("\n".join(str(problem) for problem in catalog.problems))
        components = list(catalog.components.values())
        for component in components:
            self._register(component)
        return [*(item for one in components for item in self._items(one)), *super().collect()]

    def _register(self, component: Component) -> None:
        first = self.collecting.registered.setdefault(component.id, self.path)
        if first != self.path:
            raise self.CollectError(f"{component.id} is registered in {first} already: give one another name")

    def _items(self, component: Component) -> Iterator[ComponentBenchmark]:
        described = describe(component)
        self._know_mark(component.id.partition(".")[0])
        for case in described.cases:
            for variant in described.variants if case.timed else ():
                for mode in described.modes:
                    job = Job(component, Target(described, variant, case), mode, self.source)
                    yield ComponentBenchmark.of(self, job, self.collecting)

    def _know_mark(self, suite: str) -> None:
        if suite not in MEANINGFUL:
            self.config.addinivalue_line("markers", f"{suite}: a benchmark of nnbench, of this suite")


class ComponentBenchmark(pytest.Function):
    """One benchmark."""

    job: Job

    @classmethod
    def of(cls, parent: SuiteModule, job: Job, collecting: Collecting) -> ComponentBenchmark:
        def call(benchmark: Any) -> None:
            collecting.take(job, benchmark)

        made = cls.from_parent(parent, name=job.name, callobj=call)
        made.job = job
        for mark in (*_marks(job), collecting.mark(job.group, "parallel" in job.component.properties)):
            made.add_marker(mark)
        return made

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Where its component is registered."""
        file, _, line = self.job.component.location.rpartition(":")
        return (self.path, int(line) - 1 if file == str(self.path) else 0, self.name)


def _node_id(parent: pytest.Collector, text: str) -> Any:
    """A text until pytest 9.1, a record since."""
    kind: Any = type(getattr(parent, "id", ""))
    return text if kind is str else kind.parse(text)


def _marks(job: Job) -> Iterator[pytest.MarkDecorator]:
    """Suite, kind and mode, and why it is skipped, where that is known."""
    suite, kind, target = job.target.component.id.partition(".")[0], job.target.component.kind, job.target
    yield pytest.mark.nnbench(suite=suite, kind=kind, mode=job.mode)
    yield pytest.mark.filterwarnings("ignore:Benchmark fixture was not used")  # where it is wrong, or not to be had
    for name in {suite, kind, job.mode} - MEANINGFUL:
        yield getattr(pytest.mark, name)
    errata = target.component.errata.get(target.variant, ())
    if errata:
        verb = "shows" if len(errata) == 1 else "show"
        yield pytest.mark.skip(reason=f"{listing(errata)} {verb} here: what is wrong is given no time")
    elif target.case.device != "cpu":
        yield pytest.mark.skip(reason=f"on {target.case.device}: `nnbench run` times it there")

"""The tool whose ``benchmark`` fixture a pytest session has, and how our benchmarks are put to it."""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import time
from dataclasses import dataclass
from typing import Any

import pytest

# How a benchmark is taken unless the session says otherwise: the 1,200 of the built-in suites shall take a minute.
# Rounds of half a millisecond are long against the clock of the thread, and there are a hundred of them.
MAX_TIME, ROUND, LEAST_ROUNDS = 0.05, 0.0005, 5  # seconds, seconds, rounds
CPU_TIMERS = ("thread_time", "process_time")
FIXTURES = {"pytest_benchmark.plugin", "pytest_codspeed.plugin"}  # plugins that bring the fixture


@dataclass(frozen=True)
class Tool:
    """``given`` are pytest-benchmark's options that this session was given, ``is_only`` whether ``--benchmark-only``
    was.
    """

    config: pytest.Config
    given: frozenset[str]
    is_side_by_side: bool
    is_codspeed: bool
    is_only: bool

    @property
    def is_timing(self) -> bool:
        """Whether calls are timed by pytest-benchmark; otherwise they are made once, or timed by somebody else."""
        session = getattr(self.config, "_benchmarksession", None)
        return session is not None and not session.disabled and not session.skip

    @property
    def max_time(self) -> float:
        """Seconds for one benchmark."""
        return float(self.config.getoption("benchmark_max_time")) if self._was_given("max_time") else MAX_TIME

    @property
    def name(self) -> str:
        return f"pytest-benchmark {importlib.metadata.version('pytest-benchmark')}"

    def mark(self, group: str, is_parallel: bool) -> pytest.MarkDecorator:
        """The fixture's settings for one benchmark: what this session was not given otherwise.

        The CPU time of this thread does not see what other threads do: what works in several is timed by the wall.
        """
        if self.is_codspeed:
            return pytest.mark.benchmark(group=group)
        ours: dict[str, Any] = {
            "timer": time.perf_counter if is_parallel else time.thread_time,
            "max_time": MAX_TIME,
            "min_time": ROUND,
            "min_rounds": LEAST_ROUNDS,
            "disable_gc": True,
        }
        return pytest.mark.benchmark(
            group=group, **{name: value for name, value in ours.items() if not self._was_given(name)}
        )

    def _was_given(self, name: str) -> bool:
        return f"--benchmark-{name.replace('_', '-')}" in self.given

    def keeps_samples(self) -> bool:
        """Whether pytest-benchmark's own files shall hold every sample."""
        return bool(self.config.getoption("benchmark_save_data", False))


def tool_of(config: pytest.Config) -> Tool:
    codspeed = config.pluginmanager.get_plugin("codspeed_plugin")
    return Tool(
        config,
        frozenset(word.partition("=")[0] for word in _words(config) if word.startswith("--benchmark-")),
        config.getoption("dist", "no") != "no" or hasattr(config, "workerinput"),
        bool(getattr(codspeed, "is_codspeed_enabled", False)),
        bool(config.getoption("benchmark_only", False)),
    )


def _words(config: pytest.Config) -> list[str]:
    """All that options were read from: an option at its default does not show whether it was given."""
    from_environment = shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    return [str(word) for word in (*config.getini("addopts"), *from_environment, *config.invocation_params.args)]

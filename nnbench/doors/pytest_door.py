"""What the pytest plugin does in a session that has suites: collects, has each benchmark taken, stores, and tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nnbench.doors.pytest_checked import Checks
from nnbench.doors.pytest_collected import Collecting, SuiteModule
from nnbench.doors.pytest_stored import Stored, results_folder
from nnbench.doors.pytest_suites import Suites
from nnbench.doors.pytest_timed import Bench
from nnbench.doors.pytest_tools import FIXTURES, tool_of
from nnbench.metrics import TIMED_MODES
from nnbench.model import KINDS

SIDE_BY_SIDE = "no times beside pytest-xdist, which runs tests side by side: each benchmark was called once"


def open_door(config: pytest.Config, suites: Suites) -> None:
    """Register the hooks; raises ``pytest.UsageError`` where there is no fixture to benchmark with."""
    loaded = {getattr(plugin, "__name__", "") for plugin in config.pluginmanager.get_plugins()}
    if suites.wanted and not loaded & FIXTURES:
        raise pytest.UsageError("to benchmark a suite of nnbench wants pytest-benchmark: pip install pytest-benchmark")
    for name in (*TIMED_MODES, *KINDS):
        config.addinivalue_line("markers", f"{name}: a benchmark of nnbench, of this kind or mode")
    config.pluginmanager.register(Door(config, suites), "nnbench_door")


class Door:
    """The hooks of a session."""

    def __init__(self, config: pytest.Config, suites: Suites) -> None:
        self.suites = suites
        self.tool = tool_of(config)
        self.stored = Stored(self.tool, results_folder(config))
        checks = Checks(list(suites.known.values()), config.getoption("nnbench_checks"))
        self.bench = Bench(self.tool, checks, self.stored)
        self.collecting = Collecting(suites.known, self.bench.take, self.tool.mark)
        self.collected: set[Path] = set()
        if self.tool.is_only and self.tool.is_side_by_side:
            config.option.benchmark_only = False  # pytest-benchmark refuses it where it only calls

    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> SuiteModule | None:
        return self._module(module_path, parent) if module_path in self.suites.known else None

    def _module(self, path: Path, parent: pytest.Collector) -> SuiteModule:
        self.collected.add(path)
        return SuiteModule.of(parent, path, self.collecting)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Add the suites that pytest did not come upon by itself, before it selects by -k and -m."""
        for path in self.suites.wanted:
            if path not in self.collected:
                items.extend(session.genitems(self._module(path, session)))
        if self.tool.is_only:
            _deselect(items, session)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        self.bench.close(is_interrupted=exitstatus == pytest.ExitCode.INTERRUPTED)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        beside = [SIDE_BY_SIDE] if self.tool.is_side_by_side and self.suites.wanted else []
        for sentence in (*beside, *self.stored.sentences):
            terminalreporter.write_line(f"nnbench: {sentence}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_benchmark_update_json(self, output_json: dict[str, Any]) -> None:
        """Leave our samples out of pytest-benchmark's files unless they are asked for: our history holds them."""
        for row in output_json["benchmarks"] if not self.tool.keeps_samples() else ():
            if "nnbench" in row["extra_info"]:
                row["stats"].pop("data", None)


def _deselect(items: list[pytest.Item], session: pytest.Session) -> None:
    """Leave out what is no benchmark; pytest-benchmark would skip it, one by one."""
    others = [item for item in items if "benchmark" not in getattr(item, "fixturenames", ())]
    if others:
        items[:] = [item for item in items if "benchmark" in getattr(item, "fixturenames", ())]
        session.config.hook.pytest_deselected(items=others)

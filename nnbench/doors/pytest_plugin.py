"""The pytest plugin (entry point ``pytest11``): its options, and nothing more until a suite is asked for.

What measures is ``nnbench.doors.pytest_door``, imported when this session has suites; torch when they are collected.
"""

from __future__ import annotations

import pytest

from nnbench.doors.pytest_suites import suites_of

MARKER = "nnbench: a benchmark of a neural-network component; its suite, kind and mode are marks as well"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("nnbench", "benchmarks of neural-network components (nnbench)")
    group.addoption(
        "--nnbench-suite",
        action="append",
        default=[],
        metavar="FILE",
        help="Benchmark the components of this suite: a file, or a module such as nnbench.suites.losses. Repeatable.",
    )
    group.addoption(
        "--nnbench-checks",
        choices=("core", "all", "none"),
        default="core",
        help="What is checked before it is timed: outputs, gradients and steps (core, the default), all, or none.",
    )
    group.addoption(
        "--nnbench-results",
        metavar="FOLDER",
        help="Where the times are kept as a run. Default: NNBENCH_RESULTS, or the folder results.",
    )
    group.addoption(
        "--no-nnbench-results",
        action="store_true",
        help="Keep no run; pytest-benchmark's own files are not touched by this.",
    )
    parser.addini(
        "nnbench_suites",
        "Suites that --benchmark-only benchmarks, files or modules; by default those of [tool.nnbench] suites",
        type="linelist",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to work where there are suites; raises ``pytest.UsageError`` for one that does not exist."""
    config.addinivalue_line("markers", MARKER)
    suites = suites_of(config)
    if suites.known:
        from nnbench.doors.pytest_door import open_door

        open_door(config, suites)

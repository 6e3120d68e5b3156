"""pytest-benchmark's JSON as runs: one file holds one session.

Format: pytest-benchmark 5.3's ``--benchmark-json`` and ``--benchmark-save``, back to 2.5. Times are seconds a call;
``stats.data`` has them all where the file was written with its data, otherwise the median stands for them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from nnbench.doors import foreign
from nnbench.doors.foreign import Computer, Foreign, Unreadable
from nnbench.metrics import CALIBRATION, METRICS
from nnbench.model import Measurement, Run
from nnbench.store import RUN_ID

PARAMETRIZED = re.compile(r"(?P<test>[^\[]*)\[(?P<id>.*)\]", flags=re.DOTALL)
A_COMMIT = re.compile(r"[0-9a-f]{7,64}")
A_MACHINE = re.compile(r"[0-9a-f]{8}")
KERNELS = ("matrix_product", "copy")
CPU_TIMERS = ("process_time", "thread_time")  # every other timer is a wall clock
TOLD = ("component", "variant", "case", "spec", "mode")  # in extra_info, by nnbench's own pytest plugin
KEPT_STATISTICS = ("min", "max", "mean", "stddev", "median", "q1", "q3", "rounds", "iterations")


def is_result(content: Any) -> bool:
    """Whether a JSON file's content looks like one of pytest-benchmark's."""
    return isinstance(content, dict) and {"benchmarks", "machine_info"} <= content.keys()


def read(content: Mapping[str, Any], suite: str = "pytest", name: str = "") -> Foreign:
    """The run that a session's file holds; its components are called ``SUITE.folder.file.Class.test``.

    Raises ``Unreadable`` where the file as a whole is not what it should be; a benchmark in it that is not, is left
    out with a sentence.
    """
    if not isinstance(content["benchmarks"], list) or not isinstance(content["machine_info"], dict):
        raise Unreadable("its benchmarks are no list, or its machine_info is no JSON object")
    commit = content["commit_info"] if isinstance(content.get("commit_info"), dict) else {}
    machine = _machine(content["machine_info"])
    rows: list[Measurement] = []
    left_out: list[str] = []
    for stored in content["benchmarks"]:
        try:
            rows += _measurements(stored, _variant(content["machine_info"]), suite)
        except Unreadable as error:
            left_out.append(f"{_said_name(stored)}: {error}")
    run = Run(
        id="",
        started=_started(content, commit).isoformat(),
        command=f"nnbench import {foreign.plain_text(name)}",
        commit=_commit(commit),
        dirty=commit.get("dirty") is True,
        machine=machine | _class_of_machine(content["benchmarks"]),
        measurements=tuple(rows),
    )
    origin = foreign.digest("pytest-benchmark", run.started, run.commit, machine["name"], machine["id"])
    return Foreign(run, origin, tuple(left_out))


def _commit(info: Mapping[str, Any]) -> str:
    """Outside of a repository pytest-benchmark says "unversioned"."""
    name = foreign.text(info.get("id"))
    return name if A_COMMIT.fullmatch(name) else ""


def _class_of_machine(benchmarks: Sequence[Any]) -> dict[str, str]:
    """The machine as nnbench's own plugin told it apart, so that its series go on; nothing in other files."""
    named = (foreign.text(told.get("machine")) for told in map(_told, benchmarks))
    found = {name for name in named if A_MACHINE.fullmatch(name)}
    return {"id": found.pop()} if len(found) == 1 else {}


def _told(stored: Any) -> Mapping[str, Any]:
    """What our plugin says of a benchmark in its extra_info."""
    extra = stored.get("extra_info") if isinstance(stored, dict) else None
    told = extra.get("nnbench") if isinstance(extra, dict) else None
    return told if isinstance(told, dict) else {}


def _said_name(stored: Any) -> str:
    return foreign.text(stored.get("fullname")) if isinstance(stored, dict) else "a benchmark"


def _started(content: Mapping[str, Any], commit: Mapping[str, Any]) -> datetime:
    """When the session ran, or else when its commit was made."""
    found = foreign.written_moment(content.get("datetime")) or foreign.written_moment(commit.get("time"))
    if found is None:
        raise Unreadable(f"its datetime is {content.get('datetime')!r:.40}, not a time as ISO 8601 writes it")
    return found


def _variant(info: Mapping[str, Any]) -> str:
    """The interpreter without its patch level, which is what pytest-benchmark's own folders tell apart."""
    version = ".".join(foreign.text(info.get("python_version")).split(".")[:2])
    return foreign.variant(f"{foreign.text(info.get('python_implementation')) or 'python'}-{version}".strip("-"))


def _machine(info: Mapping[str, Any]) -> dict[str, Any]:
    cpu = info["cpu"] if isinstance(info.get("cpu"), dict) else {}
    computer = Computer(
        name=foreign.text(info.get("node")),
        cpu=foreign.text(cpu.get("brand_raw")) or foreign.text(cpu.get("brand")),
        cores=foreign.count(cpu.get("count", "")),
        architecture=foreign.text(info.get("machine")),
        system=f"{foreign.text(info.get('system'))} {foreign.text(info.get('release'))}".strip(),
        python=foreign.text(info.get("python_version")),
    )
    return foreign.machine_record(computer, {"from": "pytest-benchmark"})


def _measurements(stored: Any, variant: str, suite: str) -> list[Measurement]:
    """A benchmark's times; of our own plugin's with the look at the calibration kernels that they are divided by."""
    row, told = _measurement(stored, variant, suite), _told(stored)
    looks = told.get("calibration")
    if METRICS[row.metric].mode == "" or not isinstance(looks, dict):
        return [row]
    seconds = {f"{CALIBRATION}.{name}": foreign.number(looks.get(name)) for name in KERNELS}
    kernels = [
        Measurement(name, "reference", "default", "calibration_time", "s", (value,), context=_session(told))
        for name, value in seconds.items()
        if value is not None and math.isfinite(value) and value > 0
    ]
    return [row, *kernels]


def _session(told: Mapping[str, Any]) -> dict[str, str]:
    """The run in which our own history has it already, where the session kept one."""
    run = foreign.text(told.get("run"))
    return {"session": run} if RUN_ID.fullmatch(run) else {}


def _measurement(stored: Any, variant: str, suite: str) -> Measurement:
    if not isinstance(stored, dict) or not isinstance(stored.get("stats"), dict):
        raise Unreadable("it has no stats")
    stats = stored["stats"]
    values = foreign.numbers(stats.get("data")) or foreign.numbers([stats.get("median", stats.get("mean"))])
    if not values:
        raise Unreadable("it has neither data nor a median that is a finite number")
    options = stored["options"] if isinstance(stored.get("options"), dict) else {}
    timer = foreign.text(options.get("timer"))
    is_cpu = any(name in timer for name in CPU_TIMERS)
    named = _ours(stored, is_cpu) or _named(stored, variant, is_cpu, suite)
    timed = {"timer": timer} if timer else {}
    return replace(named, values=values, context={**named.context, **_context(stats, stored), **timed})


def _ours(stored: Mapping[str, Any], is_cpu: bool) -> Measurement | None:
    """One of our own cases, timed through our plugin, which says in extra_info what it is; None for all others."""
    told = _told(stored)
    names = [foreign.text(told.get(key)) for key in TOLD]
    if not all(names):
        return None
    component, variant, case, spec, mode = names
    metric = f"{mode}_time" if is_cpu else f"{mode}_wall_time"
    if metric not in METRICS:
        return None
    return Measurement(component, variant, case, metric, "s", spec=spec, context=_session(told))


def _named(stored: Mapping[str, Any], variant: str, is_cpu: bool, suite: str) -> Measurement:
    """``tests/sums.py::Sums::test_sum[10-list]`` is the component SUITE.tests.sums.Sums.test_sum in case 10-list."""
    full = stored.get("fullname") or stored.get("name")
    if not isinstance(full, str):
        raise Unreadable("it has no name")
    match = PARAMETRIZED.fullmatch(full)
    test, case = (match["test"], foreign.label(match["id"])) if match else (full, foreign.WHOLE_LABEL)
    parts = [part for part in re.split(r"::|/", test.replace(".py::", "::")) if part]
    spec = foreign.digest("CPU time" if is_cpu else "wall time")
    return Measurement(foreign.identifier(suite, test, parts), variant, case, "time", "s", spec=spec)


def _context(stats: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """pytest-benchmark's own statistics and the benchmark's group."""
    found = {name: foreign.number(stats.get(name)) for name in KEPT_STATISTICS}
    context: dict[str, Any] = {
        name: value for name, value in found.items() if value is not None and math.isfinite(value)
    }
    group = foreign.text(stored.get("group"))
    return context | ({"group": group} if group else {})

"""asv's result files, versions 1 and 2, as runs: one file holds one commit in one environment on one machine.

Format: asv 0.6's ``asv.results.Results`` and its update from version 1. A result is a number, null (it failed) or NaN
(it was skipped), flat over the product of the parameters, which are written by their ``repr``.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from nnbench.doors import foreign
from nnbench.doors.foreign import Computer, Foreign, Unreadable
from nnbench.metrics import METRICS
from nnbench.model import Measurement, Run, Status

VERSIONS = (1, 2)
# Of one benchmark's parameters, and results in one file; asv itself becomes unusable long before.
MOST_COMBINATIONS, MOST_RESULTS = 50_000, 200_000
MARK = "nnbench"  # the key that `nnbench export --format asv` puts into its result files
KEY = re.compile(r"'([a-z][a-z0-9_]*\.[a-z][a-z0-9_]*)@([^\[\]]+)\[(.*)\]'")  # of a case behind our own asv door
EXPORTED = re.compile(r"(?P<variant>[^\[]*)\[(?P<case>.*)\]( \(spec (?P<spec>\w*)\))?", flags=re.DOTALL)
OUR_UNITS = {"seconds": "s", "bytes": "B", "unit": "1"}
UNITS_BY_NAME = (("timeraw", "seconds"), ("time", "seconds"), ("peakmem", "bytes"), ("mem", "bytes"))
STATISTICS = ("ci_99_a", "ci_99_b", "q_25", "q_75", "number", "repeat")
FAILED_NOTE = "it failed; asv stores no reason"
SKIPPED_NOTE = "asv was told to skip it"


@dataclass(frozen=True)
class Beside:
    """What stands beside asv's result files: benchmarks.json and machine.json, both empty where they are missing."""

    benchmarks: Mapping[str, Any]
    machine: Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """One benchmark's results in one file. ``columns`` holds everything else, flat over ``params``' product."""

    name: str
    results: list[Any]
    params: list[list[str]]
    columns: Mapping[str, Any]
    described: Mapping[str, Any]  # its entry in benchmarks.json

    def at(self, column: str, index: int) -> Any:
        values = self.columns.get(column)
        return values[index] if isinstance(values, list) and index < len(values) else None

    @property
    def unit(self) -> str:
        given = self.described.get("unit")
        if isinstance(given, str):
            return given
        kind = self.name.rpartition(".")[2].lower()
        return next((unit for start, unit in UNITS_BY_NAME if kind.startswith(start)), "unit")

    @property
    def version(self) -> str:
        return str(self.columns.get("version") or self.described.get("version") or "")

    @property
    def parameter_names(self) -> list[str]:
        given = self.described.get("param_names")
        names = given if isinstance(given, list) and len(given) == len(self.params) else []
        return [str(name) for name in names] or [f"param{place + 1}" for place in range(len(self.params))]


def is_result(content: Any) -> bool:
    """Whether a JSON file's content looks like one of asv's result files."""
    return isinstance(content, dict) and {"commit_hash", "results", "params"} <= content.keys()


def read(content: Mapping[str, Any], beside: Beside, suite: str = "asv", name: str = "") -> Foreign:
    """The run that a result file holds; its components are called ``SUITE.module.Class.benchmark``.

    Raises ``Unreadable`` where the file as a whole is not what it should be; a benchmark in it that is not, is left
    out with a sentence.
    """
    _look_at(content)
    started = _started(content)
    environment = _environment(content)
    rows: list[Measurement] = []
    left_out: list[str] = []
    for benchmark, stored in content["results"].items():
        try:
            entry = _entry(benchmark, stored, content, beside.benchmarks)
            rows += list(_measurements(entry, environment, suite, is_ours=isinstance(content.get(MARK), dict)))
        except Unreadable as error:
            left_out.append(f"{foreign.plain_text(benchmark)}: {error}")
        if len(rows) > MOST_RESULTS:
            raise Unreadable(f"it has more than {MOST_RESULTS} results")
    machine = _machine(content, beside.machine, environment)
    run = Run(
        id="",
        started=started.isoformat(),
        command=f"nnbench import {foreign.plain_text(name)}",
        commit=foreign.text(content["commit_hash"]),
        dirty=False,
        machine=machine,
        measurements=tuple(rows),
    )
    origin = foreign.digest("asv", run.commit, environment, machine["name"], machine["id"])
    return Foreign(run, origin, tuple(left_out), _exported_from(content))


def _exported_from(content: Mapping[str, Any]) -> tuple[str, ...]:
    runs = content[MARK].get("runs") if isinstance(content.get(MARK), dict) else None
    return tuple(map(str, runs)) if isinstance(runs, list) else ()


def _look_at(content: Mapping[str, Any]) -> None:
    version = content.get("version", 1)
    if version not in VERSIONS or isinstance(version, bool):
        raise Unreadable(f"its version is {version!r:.40}; versions 1 and 2 of asv's results can be read")
    if not isinstance(content["results"], dict) or not isinstance(content["params"], dict):
        raise Unreadable("its results or params are no JSON objects")
    if not isinstance(content["commit_hash"], str):
        raise Unreadable("its commit_hash is no text")
    if version == 2 and not isinstance(content.get("result_columns"), list):
        raise Unreadable("it has no list of result_columns")


def _started(content: Mapping[str, Any]) -> datetime:
    """The commit's own time, so that a history measured backwards stands in the order of its commits."""
    found = foreign.moment(content.get("date"))
    if found is None:
        raise Unreadable(f"its date is {content.get('date')!r:.40}, not milliseconds since 1970")
    return found


def _environment(content: Mapping[str, Any]) -> str:
    """asv's name of the environment, which early files lack: then made of Python and the requirements, as asv does."""
    given = content.get("env_name")
    if isinstance(given, str) and given:
        return foreign.variant(given)
    wanted = content.get("requirements")
    pairs = sorted(wanted.items()) if isinstance(wanted, dict) else []
    parts = [f"py{foreign.text(content.get('python'))}", *(f"{name}{version or ''}" for name, version in pairs)]
    return foreign.variant("-".join(parts))


def _machine(content: Mapping[str, Any], beside: Mapping[str, Any], environment: str) -> dict[str, Any]:
    told = dict(beside) | content["params"]
    python = foreign.text(content.get("python")) or foreign.text(told.get("python"))
    computer = Computer(
        name=foreign.text(told.get("machine")),
        cpu=foreign.text(told.get("cpu")),
        cores=foreign.count(told.get("num_cpu", "")),
        memory_gib=foreign.gibibytes(told.get("ram", "")),
        architecture=foreign.text(told.get("arch")),
        system=foreign.text(told.get("os")),
        python=python,
    )
    return foreign.machine_record(computer, {"from": "asv", "environment": environment})


def _entry(name: str, stored: Any, content: Mapping[str, Any], benchmarks: Mapping[str, Any]) -> Entry:
    columns = _columns(name, stored, content)
    params = columns.get("params") or []
    if not isinstance(params, list) or not all(isinstance(one, list) for one in params):
        raise Unreadable("its parameters are no lists")
    combinations = math.prod(len(one) for one in params)
    if combinations > MOST_COMBINATIONS:
        raise Unreadable(f"its parameters have more than {MOST_COMBINATIONS} combinations")
    results = columns.get("result")
    if results is None:
        results = [None] * combinations  # the build failed, say
    if not isinstance(results, list):
        results = [results]
    if len(results) != combinations:
        raise Unreadable(f"it has {len(results)} results for {combinations} combinations of parameters")
    described = benchmarks.get(name)
    texts = [[str(value) for value in one] for one in params]
    return Entry(name, results, texts, columns, described if isinstance(described, dict) else {})


def _columns(name: str, stored: Any, content: Mapping[str, Any]) -> dict[str, Any]:
    """What a file stores of a benchmark, by the names of version 2's columns."""
    if content.get("version", 1) == 2:
        if not isinstance(stored, list):
            raise Unreadable("what is stored of it is no list")
        return {str(column): value for column, value in zip(content["result_columns"], stored, strict=False)}
    columns = dict(stored) if isinstance(stored, dict) else {"result": stored}
    stats = columns.pop("stats", None)
    for old, new in (("benchmark_version", "version"), ("started_at", "started_at")):
        by_name = content.get(old)
        columns[new] = by_name.get(name) if isinstance(by_name, dict) else None
    return columns | _old_stats(stats if isinstance(stats, list) else [stats])


def _old_stats(stats: list[Any]) -> dict[str, list[Any]]:
    """Version 1's statistics, one object a combination, as version 2's columns."""
    told = [one if isinstance(one, dict) else {} for one in stats]
    ends: list[Any] = [one.get("ci_99") for one in told]
    ends = [pair if isinstance(pair, list) and len(pair) == 2 else (None, None) for pair in ends]
    names = {"q_25": "stats_q_25", "q_75": "stats_q_75", "number": "stats_number", "repeat": "stats_repeat"}
    return {
        "stats_ci_99_a": [low for low, _ in ends],
        "stats_ci_99_b": [high for _, high in ends],
        **{new: [one.get(old) for one in told] for old, new in names.items()},
    }


def _measurements(entry: Entry, environment: str, suite: str, is_ours: bool) -> Iterator[Measurement]:
    for index, (combination, result) in enumerate(zip(itertools.product(*entry.params), entry.results, strict=True)):
        value = foreign.number(result)
        if result is not None and value is None:
            raise Unreadable(f"a result is {result!r:.40}, neither a number nor null")
        what = _exported(entry, combination) if is_ours else _behind_our_door(entry, combination)
        yield _measurement(entry, index, value, what or _named(entry, combination, environment, suite))


def _named(entry: Entry, combination: tuple[str, ...], environment: str, suite: str) -> Measurement:
    """Another project's benchmark: the environment is its variant, the parameters are its case."""
    metric, unit = foreign.metric_of(entry.unit)
    pairs = zip(entry.parameter_names, combination, strict=True)
    case = foreign.label(",".join(f"{name}={value}" for name, value in pairs)) or foreign.WHOLE_LABEL
    component = foreign.identifier(suite, entry.name, entry.name.split("."))
    return Measurement(component, environment, case, metric, unit)


def _behind_our_door(entry: Entry, combination: tuple[str, ...]) -> Measurement | None:
    """One of our own cases, timed by asv (benchmarks/components.py); None for everybody else's."""
    match = KEY.fullmatch(combination[0]) if len(combination) == 1 else None
    if match is None:
        return None
    kind, _, what = entry.name.rpartition(".")[2].partition("_")
    metric = f"{what}_time" if kind == "time" else what
    if metric not in METRICS:
        return None
    component, variant, case = match.groups()
    return Measurement(component, variant, case, metric, METRICS[metric].unit)


def _exported(entry: Entry, combination: tuple[str, ...]) -> Measurement | None:
    """What `nnbench export --format asv` wrote: the benchmark is COMPONENT.METRIC, its parameter VARIANT[CASE]."""
    component, _, metric = entry.name.rpartition(".")
    match = EXPORTED.fullmatch(_unquoted(combination[0])) if len(combination) == 1 else None
    if match is None or not component:
        return None
    given = entry.described.get("unit")
    unit = OUR_UNITS.get(given, given) if isinstance(given, str) else METRICS[metric].unit if metric in METRICS else "1"
    return Measurement(
        component=foreign.label(component),
        variant=foreign.label(match["variant"]),
        case=foreign.label(match["case"]),
        metric=foreign.label(metric),
        unit=foreign.plain_text(unit),
        spec=match["spec"] or "",
    )


def _unquoted(value: str) -> str:
    try:
        found = ast.literal_eval(value) if value[:1] in "'\"" else value
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return value
    return found if isinstance(found, str) else value


@lru_cache(maxsize=256)
def _spec(version: str, unit: str, exported: str) -> str:
    """What decides whether two results are of the same work, as asv has it: the benchmark's version."""
    return foreign.digest(version, unit, exported)


def _measurement(entry: Entry, index: int, value: float | None, named: Measurement) -> Measurement:
    named = replace(named, spec=_spec(entry.version, named.unit, named.spec))
    if value is None:
        return replace(named, status=Status.FAILED, note=FAILED_NOTE)
    if math.isnan(value):
        return replace(named, status=Status.SKIPPED, note=SKIPPED_NOTE)
    if math.isinf(value):
        return replace(named, status=Status.FAILED, note=f"its result is {value}")
    samples = foreign.numbers(entry.at("samples", index))
    context = _context(entry, index) | ({"result": value} if samples else {})
    return replace(named, values=samples or (value,), context=context)


def _context(entry: Entry, index: int) -> dict[str, Any]:
    """asv's own statistics of the samples, which it mostly does not store, and when it measured."""
    found = {name: foreign.number(entry.at(f"stats_{name}", index)) for name in STATISTICS}
    context: dict[str, Any] = {
        name: value for name, value in found.items() if value is not None and math.isfinite(value)
    }
    measured = foreign.moment(entry.columns.get("started_at"))
    return context | ({"measured": measured.isoformat()} if measured else {})

"""The store as asv's results, for `asv publish`, `asv show` and `asv compare`.

A benchmark is COMPONENT.METRIC, its one parameter the variant and case: one list without holes, because asv looks
results up by position in the product of the parameters. Format: version 2 of asv 0.6's ``asv.results.Results``.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnbench import history, store
from nnbench.doors.asv_results import MARK
from nnbench.doors.exports import Wanted
from nnbench.doors.exports_asv_row import RESULT_COLUMNS, VERSION, Found, asv_row, milliseconds
from nnbench.doors.foreign import UNKNOWN, digest
from nnbench.errors import ResultsError
from nnbench.machine import SOFTWARE
from nnbench.metrics import DRAWN, EXPERIMENT, METRICS, TRIAL
from nnbench.model import CHECK_PREFIX, Measurement, Run

COMMIT = re.compile(r"[0-9a-f]{8,64}")
LEGAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")  # of what becomes a file's name
UNITS = {"s": "seconds", "B": "bytes", "1": "unit"}
TYPES = {"s": "time", "B": "memory"}
MACHINE_FACTS = {"arch": "architecture", "cpu": "cpu", "num_cpu": "logical_cores", "os": "system", "ram": "memory_gib"}
NO_NUMBERS = (*DRAWN, TRIAL, EXPERIMENT)  # what asv has no place for
NEWEST_SPEC = f"""
    SELECT component, variant, "case", metric, arg_max(spec, started) AS spec, any_value(unit) AS unit
    FROM runs WHERE NOT starts_with(metric, '{CHECK_PREFIX}') AND metric NOT IN {NO_NUMBERS}
    GROUP BY component, variant, "case", metric
"""


@dataclass(frozen=True)
class Target:
    """One of asv's result files: a commit in an environment on a class of machines, and the runs that measured it."""

    machine: str
    commit: str
    environment: str
    runs: tuple[tuple[Run, Path], ...]  # oldest first

    @property
    def path(self) -> Path:
        return Path(self.machine, f"{self.commit[:8]}-{self.environment}.json")


@dataclass
class Export:
    """What is written and what cannot be: asv knows commits alone, so runs without one, or beside one, stay out."""

    targets: list[Target]
    runs_left_out: int
    written: int = 0  # measurements
    benchmarks: dict[str, dict[str, Any]] = field(default_factory=dict)  # asv's benchmarks.json


def plan(wanted: Wanted) -> Export:
    """The files to write, by commit, environment and machine; two commits that asv would give one file are refused."""
    groups: dict[tuple[str, str, str], list[tuple[Run, Path]]] = {}
    left_out = 0
    for run, path in zip(wanted.runs, wanted.paths, strict=True):
        if run.dirty or not COMMIT.fullmatch(run.commit):
            left_out += 1
        else:
            groups.setdefault((_machine(run), run.commit, _environment(run)), []).append((run, path))
    targets = [Target(*key, tuple(runs)) for key, runs in groups.items()]
    if len({target.path for target in targets}) < len(targets):
        raise ResultsError("two commits begin with the same eight digits: export them one by one")
    return Export(targets, left_out)


def write(folder: Path, results: Path, wanted: Wanted, export: Export) -> Iterator[int]:
    """Write result files, machine.json and benchmarks.json; yields, for each result file, how many runs went into it.

    What else asv keeps in the folder stays: of benchmarks.json only the entries of the same names are replaced.
    """
    specs = _Specs(results)
    machines = {target.machine: target.runs[-1][0] for target in export.targets}
    for name, run in machines.items():
        _write(folder / name / "machine.json", {**_machine_facts(name, run), "version": 1})
    for target in export.targets:
        rows = _newest(target, wanted, specs)
        export.written += len(rows)
        entries = _benchmarks(rows)
        _describe(export.benchmarks, entries)
        _write(folder / target.path, _result_file(target, entries, machines[target.machine]))
        yield len(target.runs)
    there = _read(folder / "benchmarks.json")
    _write(folder / "benchmarks.json", {**there, **export.benchmarks, "version": 2})


def _machine(run: Run) -> str:
    name = str(run.machine.get("id", ""))
    return name if LEGAL.fullmatch(name) else f"machine-{digest(name)}"


def _software(run: Run) -> dict[str, str]:
    """The versions of what the times depend on, where the run says them."""
    names = [name for name in SOFTWARE if not name.startswith("nnbench")]
    told = {name: _legal(run.machine.get(name, UNKNOWN)) for name in names}
    return {name: version for name, version in told.items() if version not in (UNKNOWN, "not installed")}


def _python(run: Run) -> str:
    return ".".join(_legal(run.machine.get("python", UNKNOWN)).split(".")[:2])


def _environment(run: Run) -> str:
    name = "-".join(["nnbench", f"py{_python(run)}", *(f"{name}{found}" for name, found in _software(run).items())])
    return name if len(name) < 100 else f"nnbench-{digest(name)}"


def _legal(value: Any) -> str:
    return re.sub(r"[^A-Za-z0-9_.+]", "_", str(value))[:40]


def _machine_facts(name: str, run: Run) -> dict[str, str]:
    facts = {ours: run.machine.get(theirs, "") for ours, theirs in MACHINE_FACTS.items()}
    facts["ram"] = f"{facts['ram']} GiB"
    return {"machine": name, **{key: str(value) for key, value in facts.items()}}


class _Specs:
    """The specification of each case as the newest run has it: cases of another one are other work."""

    def __init__(self, results: Path) -> None:
        found = history.table(results, NEWEST_SPEC).to_pylist()
        self._spec = {(one["component"], one["variant"], one["case"], one["metric"]): one["spec"] for one in found}

    def parameter(self, row: Measurement) -> str:
        """``torch[32x10]``, with the specification's hash behind it where that is not the newest."""
        newest = self._spec.get((row.component, row.variant, row.case, row.metric), row.spec)
        return f"{row.variant}[{_case(row)}]" + (f" (spec {row.spec})" if row.spec != newest else "")


def _case(row: Measurement) -> str:
    """The case's label, with the seed and epoch of a training."""
    training = [f"{name}={row.context[name]}" for name in ("seed", "epoch") if "epoch" in row.context]
    return ",".join([*([row.case] if row.case else []), *training])


Key = tuple[str, str]  # benchmark and parameter


def _newest(target: Target, wanted: Wanted, specs: _Specs) -> dict[Key, Found]:
    """What the newest of a target's runs that measured it found, by benchmark and parameter."""
    found: dict[Key, Found] = {}
    for run, path in target.runs:
        of_run: dict[Key, Found] = {}
        for row in _measurements(wanted, run, path):
            if not row.metric.startswith(CHECK_PREFIX) and row.metric not in NO_NUMBERS:
                key = f"{row.component}.{row.metric}", specs.parameter(row)
                earlier = of_run[key].rounds if key in of_run else ()
                of_run[key] = Found((*earlier, row.values) if row.values else earlier, row, run.started)
        found |= of_run
    return found


def _measurements(wanted: Wanted, run: Run, path: Path) -> list[Measurement]:
    try:
        return [store.from_row(row) for row in wanted.read(run, path).to_pylist()]
    except (ValueError, TypeError, RecursionError) as error:
        warnings.warn(f"{path} is damaged: {store.first_line(error)}; {run.id} is left out", stacklevel=2)
        return []


def _benchmarks(rows: Mapping[Key, Found]) -> dict[str, dict[str, Found]]:
    found: dict[str, dict[str, Found]] = {}
    for (benchmark, parameter), one in rows.items():
        found.setdefault(benchmark, {})[parameter] = one
    return found


def _describe(benchmarks: dict[str, dict[str, Any]], entries: Mapping[str, Mapping[str, Found]]) -> None:
    """Add to asv's benchmarks.json what a result file holds; parameters that come later stand behind earlier ones."""
    for name, found in entries.items():
        row = next(iter(found.values())).row
        entry = benchmarks.setdefault(name, _description(name, row))
        there = dict.fromkeys(entry["params"][0])
        entry["params"] = [list(there | dict.fromkeys(map(repr, found)))]


def _description(name: str, row: Measurement) -> dict[str, Any]:
    title = METRICS[row.metric].title if row.metric in METRICS else row.metric
    return {
        "name": name,
        "pretty_name": f"{row.component}: {title}",
        "code": "",
        "type": TYPES.get(row.unit, "track"),
        "unit": UNITS.get(row.unit, row.unit),
        "param_names": ["case"],
        "params": [[]],
        "timeout": 60.0,
        "version": VERSION,
    }


def _result_file(target: Target, entries: Mapping[str, Mapping[str, Found]], machine: Run) -> dict[str, Any]:
    run = target.runs[-1][0]
    software = _software(run)
    return {
        "commit_hash": target.commit,
        "env_name": target.environment,
        "date": milliseconds(run.started),
        "params": {**_machine_facts(target.machine, machine), "python": _python(run), **software},
        "python": _python(run),
        "requirements": software,
        "env_vars": {},
        "result_columns": list(RESULT_COLUMNS),
        "results": {name: asv_row(found) for name, found in entries.items()},
        "durations": {},
        MARK: {"runs": [run.id for run, _ in target.runs]},
        "version": 2,
    }


def _read(path: Path) -> dict[str, Any]:
    """What asv has there already; nothing where that cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """A file that is there whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(json.dumps(content), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise ResultsError(f"cannot write {path}: {error.strerror}. Name another folder with --output.") from None

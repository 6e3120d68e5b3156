"""What asv and pytest-benchmark stored comes in as it was, once, and no file harms another or the store."""

import copy
import json
import math
import os
import random
from dataclasses import replace

import pytest
from asv.results import Results
from asv.runner import BenchmarkResult

from nnbench.compact import compact
from nnbench.doors import asv_results, foreign, imports, pytest_results
from nnbench.doors.asv_results import Beside
from nnbench.doors.foreign import Unreadable
from nnbench.doors.imports import Importer
from nnbench.errors import ResultsError
from nnbench.history import open_history
from nnbench.model import Measurement, Run
from nnbench.store import read_run, runs_folder, write_run
from nnbench.trends.series import read

COMMIT = "0f2c5e1d9a3b4c6d8e7f00112233445566778899"
MACHINE = {
    "machine": "runner-17",
    "cpu": "Some CPU @ 2.00GHz",
    "num_cpu": "4",
    "ram": "16379564",
    "os": "Linux 6.1",
    "arch": "x86_64",
}
BENCHMARKS = {
    "sums.Sum.time_sum": {"unit": "seconds", "param_names": ["kind", "n"], "version": "7"},
    "sums.track_steps": {"unit": "iterations", "param_names": [], "version": "1"},
    "version": 2,
}
PARAMS = [["'list'", "'tuple'"], ["10", "1000"]]


def version_1(**content):
    stats = [{"ci_99": [0.9, 1.1], "q_25": 0.95, "q_75": 1.05, "n": 9}, None, None, {"ci_99": [3.9, 4.1]}]
    made = {
        "commit_hash": COMMIT,
        "date": 1500000000000,
        "env_name": "virtualenv-py3.11-numpy",
        "params": MACHINE | {"python": "3.11", "numpy": ""},
        "python": "3.11",
        "requirements": {"numpy": ""},
        "results": {
            "sums.Sum.time_sum": {"result": [1.0, None, math.nan, 4.0], "params": PARAMS, "stats": stats},
            "sums.peakmem_all": 2048,
            "sums.track_steps": 12.5,
            "sums.time_broken": None,
        },
        "benchmark_version": {"sums.Sum.time_sum": "7"},
        "started_at": {"sums.Sum.time_sum": 1500000100000},
        "version": 1,
    }
    return made | content


def version_2(**content):
    """The same in version 2, as asv itself converts it."""
    return Results.update_to_2(copy.deepcopy(version_1())) | {"version": 2} | content


def session(**content):
    def benchmark(name, **stats):
        return {
            "group": None,
            "name": name,
            "fullname": f"tests/test_sums.py::{name}",
            "params": None,
            "options": {"timer": "perf_counter"},
            "stats": {"min": 0.5, "median": 1.5, "rounds": 3, "iterations": 2} | stats,
        }

    made = {
        "machine_info": {
            "node": "laptop",
            "machine": "x86_64",
            "python_implementation": "CPython",
            "python_version": "3.11.7",
            "system": "Linux",
            "release": "6.1",
            "cpu": {"brand_raw": "Some CPU", "count": 2},
        },
        "commit_info": {"id": COMMIT, "time": "2026-01-02T03:04:05+01:00", "dirty": True},
        "benchmarks": [
            benchmark("test_sum[list-10]", data=[1.0, 1.5, 3.0]),
            benchmark("Sums::test_all"),
        ],
        "datetime": "2026-01-02T04:00:00.25",
        "version": "5.3.1",
    }
    return made | content


def asv_folder(folder, *contents):
    (folder / "runner-17").mkdir(parents=True)
    (folder / "benchmarks.json").write_text(json.dumps(BENCHMARKS))
    (folder / "runner-17" / "machine.json").write_text(json.dumps(MACHINE | {"version": 1}))
    for place, content in enumerate(contents):
        (folder / "runner-17" / f"{content['commit_hash'][:8]}-{place}.json").write_text(json.dumps(content))
    return folder


def bring(results, path, **options):
    importer = Importer(results, **options)
    return [importer.bring(file) for file in imports.result_files(path)]


def stored(results):
    history = open_history(results)
    return [read_run(path, run.id) for run, path in zip(history.runs, history.paths, strict=True)]


def plain_rows(run):
    return {(row.component, row.case): (row.metric, row.unit, row.values, str(row.status)) for row in run.measurements}


@pytest.mark.parametrize("content", [version_1(), version_2()], ids=["version 1", "version 2"])
def test_an_asv_file_is_one_run_of_its_commit(tmp_path, content):
    (outcome,) = bring(tmp_path / "results", asv_folder(tmp_path / "asv", content))
    assert (outcome.status, outcome.measurements, outcome.note) == ("new", 7, "")
    (run,) = stored(tmp_path / "results")
    assert (run.id, run.commit, run.dirty) == (outcome.run, COMMIT, False)
    assert run.started == "2017-07-14T02:40:00+00:00"
    assert {row.variant for row in run.measurements} == {"virtualenv-py3.11-numpy"}
    assert plain_rows(run) == {
        ("asv.sums.Sum.time_sum", "kind='list',n=10"): ("time", "s", (1.0,), "ok"),
        ("asv.sums.Sum.time_sum", "kind='list',n=1000"): ("time", "s", (), "failed"),
        ("asv.sums.Sum.time_sum", "kind='tuple',n=10"): ("time", "s", (), "skipped"),
        ("asv.sums.Sum.time_sum", "kind='tuple',n=1000"): ("time", "s", (4.0,), "ok"),
        ("asv.sums.peakmem_all", "default"): ("memory", "B", (2048.0,), "ok"),
        ("asv.sums.track_steps", "default"): ("value", "iterations", (12.5,), "ok"),
        ("asv.sums.time_broken", "default"): ("time", "s", (), "failed"),
    }
    facts = {name: run.machine[name] for name in ("name", "cpu", "cores", "memory_gib", "system", "python")}
    assert facts == {
        "name": "runner-17", "cpu": "Some CPU @ 2.00GHz", "cores": 4, "memory_gib": 15.6, "system": "Linux 6.1",
        "python": "3.11",
    }  # fmt: skip


def test_both_versions_say_the_same():
    beside = Beside(BENCHMARKS, MACHINE)
    first, second = (asv_results.read(content, beside) for content in (version_1(), version_2()))
    assert first.run.measurements[0].context["ci_99_a"] == 0.9
    assert first.run.measurements[0].context["measured"] == "2017-07-14T02:41:40+00:00"
    assert sorted(first.run.measurements, key=repr) == sorted(second.run.measurements, key=repr)
    assert first.origin == second.origin


def test_what_asv_itself_writes_is_read(tmp_path):
    params = MACHINE | {"python": "3.11"}
    written = Results(params, {"numpy": "2.1"}, COMMIT, 1500000000000, "3.11", "env", {})
    benchmark = {"name": "sums.time_sum", "version": "1", "params": [["1", "2"]]}
    samples = [[0.5, 0.25, 1.0, 0.75], None]
    result = BenchmarkResult(
        result=[0.0, None], samples=samples, number=[3, None], errcode=0, stderr="", profile=None
    )  # asv computes the result from the samples
    written.add_result(benchmark, result, record_samples=True)
    written.save(str(tmp_path))
    (path,) = tmp_path.glob("*/*.json")
    found = asv_results.read(json.loads(path.read_text()), Beside({}, {})).run.measurements
    expected = Results.load(str(path)).get_result_value("sums.time_sum", [["1", "2"]])
    assert [row.context.get("result") for row in found] == expected
    assert (found[0].values, found[0].case, found[0].unit) == (tuple(samples[0]), "param1=1", "s")
    assert found[0].context["number"] == 3
    assert (found[1].values, str(found[1].status)) == ((), "failed")


def test_a_pytest_session_is_one_run(tmp_path):
    path = tmp_path / "session.json"
    path.write_text(json.dumps(session()))
    bring(tmp_path, path)
    (run,) = stored(tmp_path)
    assert (run.commit, run.dirty, run.started) == (COMMIT, True, "2026-01-02T04:00:00.250000+00:00")
    assert plain_rows(run) == {
        ("pytest.tests.test_sums.test_sum", "list-10"): ("time", "s", (1.0, 1.5, 3.0), "ok"),
        ("pytest.tests.test_sums.Sums.test_all", "default"): ("time", "s", (1.5,), "ok"),
    }
    assert {row.variant for row in run.measurements} == {"CPython-3.11"}
    assert run.measurements[1].context == {
        "min": 0.5, "median": 1.5, "rounds": 3.0, "iterations": 2.0, "timer": "perf_counter",
    }  # fmt: skip


def test_a_session_without_a_time_has_its_commits():
    found = pytest_results.read(session(datetime=None))
    assert found.run.started == "2026-01-02T02:04:05+00:00"


def test_cpu_time_and_wall_time_are_two_series():
    one, other = session(), session()
    other["benchmarks"][0]["options"]["timer"] = "process_time"
    first, second = (pytest_results.read(content).run.measurements[0] for content in (one, other))
    assert first.spec != second.spec


@pytest.mark.parametrize("change", [{"version": "8"}, {"unit": "ms"}])
def test_a_new_version_or_unit_is_another_series(change):
    described = BENCHMARKS | {"sums.track_steps": BENCHMARKS["sums.track_steps"] | change}
    first, second = (
        {row.component: row for row in asv_results.read(version_1(), Beside(told, {})).run.measurements}
        for told in (BENCHMARKS, described)
    )
    assert first["asv.sums.track_steps"].spec != second["asv.sums.track_steps"].spec
    assert first["asv.sums.peakmem_all"].spec == second["asv.sums.peakmem_all"].spec


def test_runners_with_many_names_are_one_class_of_machine():
    def class_of(**facts):
        params = version_1()["params"] | facts
        return asv_results.read(version_1(params=params), Beside({}, {})).run.machine["id"]

    assert class_of() == class_of(machine="runner-18", os="Linux 6.2", ram="16379000")
    assert len({class_of(), class_of(cpu="Other"), class_of(num_cpu="8"), class_of(ram="32GB")}) == 4
    nothing = {"cpu": "", "num_cpu": "", "ram": ""}
    assert class_of(**nothing) != class_of(**nothing, machine="runner-18")


def test_importing_twice_adds_nothing(tmp_path):
    folder, results = asv_folder(tmp_path / "asv", version_1(), version_2(commit_hash="1" * 40)), tmp_path / "results"
    (folder / "session.json").write_text(json.dumps(session()))
    first = bring(results, folder)
    before = {path.name: path.read_bytes() for path in runs_folder(results).iterdir()}
    second = bring(results, folder)
    assert [one.status for one in first] == ["new"] * 3
    assert [one.status for one in second] == ["already there"] * 3
    assert [one.run for one in second] == [one.run for one in first]
    assert {path.name: path.read_bytes() for path in runs_folder(results).iterdir()} == before


def test_two_stores_give_the_same_file_the_same_run(tmp_path):
    folder = asv_folder(tmp_path / "asv", version_1())
    for name in ("one", "other"):
        bring(tmp_path / name, folder)
    one, other = (stored(tmp_path / name) for name in ("one", "other"))
    assert one == other


def test_of_a_file_that_asv_added_to_the_new_rows_come_in(tmp_path):
    results, folder = tmp_path / "results", asv_folder(tmp_path / "asv", version_1())
    bring(results, folder)
    (path,) = folder.glob("runner-17/0*.json")
    more = version_1()
    more["results"]["sums.time_more"] = 0.25
    path.write_text(json.dumps(more))
    for expected in (("added", 1), ("already there", 0)):
        (outcome,) = bring(results, folder)
        assert (outcome.status, outcome.measurements) == expected
    rows = [row for run in stored(results) for row in run.measurements]
    assert len(rows) == len(set(map(repr, rows))) == 8


def test_a_benchmark_that_asv_knows_no_more_keeps_its_rows(tmp_path):
    """benchmarks.json holds what is there today: old files are not other files because of it."""
    results, folder = tmp_path / "results", asv_folder(tmp_path / "asv", version_1())
    bring(results, folder)
    (folder / "benchmarks.json").write_text("{}")
    (outcome,) = bring(results, folder)
    assert (outcome.status, len(stored(results))) == ("already there", 1)
    (other,) = bring(results, folder, suite="other")
    assert other.status == "new"


def test_compacted_runs_are_known_too(tmp_path):
    results, folder = tmp_path / "results", asv_folder(tmp_path / "asv", version_1(), version_1(commit_hash="1" * 40))
    first = bring(results, folder)
    compact(results)
    assert [(one.status, one.run) for one in bring(results, folder)] == [("already there", one.run) for one in first]


def test_another_run_with_the_same_id_is_not_overwritten(tmp_path):
    folder = asv_folder(tmp_path / "asv", version_1())
    (outcome,) = bring(tmp_path / "one", folder)
    importer = Importer(tmp_path / "other")
    (taken,) = stored(tmp_path / "one")
    importer._note(replace(taken, machine={"id": "cafe"}))  # a run that was measured, of that very id
    (path,) = imports.result_files(folder)
    found = importer.bring(path)
    assert found.status == "new"
    assert found.run != outcome.run
    assert found.run[:17] == outcome.run[:17]


def test_a_suite_of_ones_own_name(tmp_path):
    bring(tmp_path / "results", asv_folder(tmp_path / "asv", version_1()), suite="sums")
    (run,) = stored(tmp_path / "results")
    assert {row.component for row in run.measurements} >= {"sums.sums.Sum.time_sum", "sums.sums.peakmem_all"}


def test_our_own_cases_behind_asvs_door_keep_their_names():
    row = [[0.5], [["'layers.linear@torch[32x10,in_features=10]'"]], "1"]
    names = {"components.Forward.time_forward": row, "components.Flops.track_flops": row}
    found = asv_results.read(version_2(results=names), Beside({}, {})).run.measurements
    expected = ("layers.linear", "torch", "32x10,in_features=10")
    assert [(one.component, one.variant, one.case) for one in found] == [expected] * 2
    assert [(one.metric, one.unit) for one in found] == [("forward_time", "s"), ("flops", "1")]


def test_our_own_cases_behind_pytests_door_keep_their_names():
    content = session()
    told = {"component": "layers.linear", "variant": "torch", "case": "32x10", "spec": "abc", "mode": "forward"}
    for one, timer in zip(content["benchmarks"], ("process_time", "perf_counter"), strict=True):
        one["extra_info"] = {"nnbench": told | {"calibration": {}}}
        one["options"] = {"timer": timer}
    found = pytest_results.read(content).run.measurements
    assert {(one.component, one.variant, one.case, one.spec) for one in found} == {tuple(told.values())[:4]}
    assert [one.metric for one in found] == ["forward_time", "forward_wall_time"]


def our_session(**more):
    """A session of our own plugin, of one of our cases, beside somebody else's benchmark."""
    content = session()
    told = {"component": "layers.linear", "variant": "torch", "case": "8", "spec": "abc", "mode": "forward"}
    looks = {"matrix_product": 3e-4, "copy": 1e-4}
    content["benchmarks"][0] |= {
        "extra_info": {"nnbench": told | {"machine": "0123abcd", "calibration": looks} | more},
        "options": {"timer": "thread_time"},
    }
    return content


def test_a_session_of_our_own_plugin_goes_on_with_its_machines_series(tmp_path):
    path = tmp_path / "session.json"
    path.write_text(json.dumps(our_session()))
    bring(tmp_path, path)
    (run,) = stored(tmp_path)
    assert run.machine["id"] == "0123abcd"
    kernels = {row.component: row.values for row in run.measurements if row.metric == "calibration_time"}
    assert kernels == {"calibration.matrix_product": (3e-4,), "calibration.copy": (1e-4,)}
    (linear,) = [one for one in read(tmp_path, ["layers"]) if not one.is_kernel]
    assert (linear.key.machine, linear.basis) == ("0123abcd", "calibrated")


def test_of_a_session_that_is_stored_already_only_what_is_not_ours_comes_in(tmp_path):
    kept = "20260102T040000Z-aaaaaa"
    here = Run(kept, "2026-01-02T04:00:00+00:00", "pytest", COMMIT, True, {"id": "0123abcd"})
    write_run(runs_folder(tmp_path), here)
    content, path = our_session(run=kept), tmp_path / "session.json"
    path.write_text(json.dumps(content))
    bring(tmp_path, path)
    (run,) = [one for one in stored(tmp_path) if one.id != kept]
    assert [row.component for row in run.measurements] == ["pytest.tests.test_sums.Sums.test_all"]
    path.write_text(json.dumps(content | {"benchmarks": content["benchmarks"][:1]}))
    assert [(one.status, one.run) for one in bring(tmp_path, path)] == [("already there", kept)]


@pytest.mark.parametrize("wrong", ["../../evil", 7, None, "0123abcd" * 9, ["x"]])
def test_what_a_file_makes_up_of_our_runs_and_machines_is_passed_over(wrong):
    found = pytest_results.read(our_session(run=wrong, machine=wrong, calibration={"copy": wrong, "else": 1.0}))
    assert foreign.re.fullmatch("[0-9a-f]{8}", found.run.machine["id"])
    assert all("session" not in row.context for row in found.run.measurements)
    names = [row.component for row in found.run.measurements]
    assert set(names) <= {"layers.linear", "calibration.copy", "pytest.tests.test_sums.Sums.test_all"}


@pytest.mark.parametrize("name", ["unversioned", "", None, 3, "<b>"])
def test_what_is_no_commit_is_none(name):
    assert pytest_results.read(session(commit_info={"id": name})).run.commit == ""


def test_names_that_look_alike_stay_apart():
    names = ["sums.time-a", "sums.time_a", "sums.time a", "sums.time a", "sums..time_a", "x" * 900, "x" * 901]
    found = asv_results.read(version_1(results=dict.fromkeys(names, 1.0)), Beside({}, {})).run.measurements
    assert len({row.component for row in found}) == len(set(names))
    assert all(foreign.re.fullmatch(r"asv\.[A-Za-z0-9_.]{1,180}", row.component) for row in found)


HOSTILE_NAMES = [
    "../../../../tmp/evil",
    "/etc/passwd",
    "'; DROP TABLE runs; --",
    "<script>alert(1)</script>",
    "[bold red]markup[/]",
    "\x1b[2J\x1b]0;title\x07",
    "\ud800 lone",
    "nul\x00nul",
    "a\nb\r\nc",
    "‮right to left",
    "",
    "." * 50,
    "=cmd|' /C calc'!A0",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names_are_only_names(tmp_path, name):
    results = {name: {"result": [1.0], "params": [[name]]}, "sums.time_fine": 2.0}
    facts = dict.fromkeys(MACHINE, name)
    params = version_1(results=results, env_name=name, params=facts, python=name, commit_hash=name, command=name)
    folder = tmp_path / "asv"
    folder.mkdir()
    (folder / "one.json").write_text(json.dumps(params))
    (folder / "two.json").write_text(
        json.dumps(
            session(
                machine_info=dict.fromkeys(session()["machine_info"], name),
                commit_info={"id": name},
                benchmarks=[{"fullname": name, "stats": {"median": 1.0}}, session()["benchmarks"][0]],
            )
        )
    )
    outcomes = bring(tmp_path / "results", folder)
    assert [one.status for one in outcomes] == ["new", "new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["asv", "results"]
    runs = stored(tmp_path / "results")
    assert {2.0, 1.5} <= {value for run in runs for row in run.measurements for value in row.values}
    texts = [text for run in runs for row in run.measurements for text in (row.component, row.variant, row.case)]
    texts += [run.commit for run in runs] + [run.machine["name"] for run in runs] + [one.note for one in outcomes]
    assert all(text.isprintable() and len(text) < 200 for text in texts)
    assert not any(set(row.variant) & set("[]@") for run in runs for row in run.measurements)


BROKEN = {
    "empty": b"",
    "truncated": json.dumps(version_1()).encode()[:300],
    "no text": b"\xff\xfe\x00garbage\x00",
    "deep": b"[" * 100_000,
    "deep inside": b'{"commit_hash": "a", "results": ' + b"[" * 5000 + b"]" * 5000 + b', "params": {}}',
    "long number": b'{"commit_hash": "a", "results": {}, "params": {}, "date": ' + b"9" * 10_000 + b"}",
    "future": json.dumps(version_1(version=3)).encode(),
    "version true": json.dumps(version_1(version=True)).encode(),
    "no date": json.dumps(version_1(date="yesterday")).encode(),
    "date beyond the calendar": json.dumps(version_1(date=1e18)).encode(),
    "date NaN": json.dumps(version_1(date=math.nan)).encode(),
    "results a list": json.dumps(version_1(results=[1, 2])).encode(),
    "commit a number": json.dumps(version_1(commit_hash=7)).encode(),
    "no columns": json.dumps(version_2(result_columns=None)).encode(),
    "no measurements": json.dumps(version_1(results={})).encode(),
    "benchmarks an object": json.dumps(session(benchmarks={})).encode(),
    "machine a list": json.dumps(session(machine_info=[])).encode(),
    "no datetime": json.dumps(session(datetime=3, commit_info=None)).encode(),
    "too many results": json.dumps(version_1(results=dict.fromkeys(map(str, range(60))))).encode(),
}


def test_each_broken_file_is_one_line_and_the_rest_comes_in(tmp_path, monkeypatch):
    monkeypatch.setattr(asv_results, "MOST_RESULTS", 50)
    folder = asv_folder(tmp_path / "asv", version_1())
    for name, content in BROKEN.items():
        (folder / f"{name}.json").write_bytes(content)
    outcomes = {one.file.rpartition("/")[2]: one for one in bring(tmp_path / "results", folder)}
    (good,) = [one for one in outcomes.values() if one.status == "new"]
    assert good.measurements == 7
    for name in BROKEN:
        one = outcomes[f"{name}.json"]
        assert one.status == "unreadable", name
        assert one.note.isprintable(), name
        assert 0 < len(one.note) < 250, name
    assert len(stored(tmp_path / "results")) == 1


def test_a_product_of_parameters_beyond_all_bounds_costs_its_benchmark_alone():
    bomb = {"result": None, "params": [[str(n) for n in range(10)]] * 400}
    found = asv_results.read(version_1(results={"sums.time_bomb": bomb, "sums.time_fine": 1.0}), Beside({}, {}))
    assert [row.component for row in found.run.measurements] == ["asv.sums.time_fine"]
    assert found.left_out == ("sums.time_bomb: its parameters have more than 50000 combinations",)


@pytest.mark.parametrize(
    "bad", [True, "0.5", [1.0], {"result": ["x"]}, {"result": [1.0, 2.0]}, {"result": 1.0, "params": 3}]
)
def test_a_result_of_a_wrong_type_costs_its_benchmark_alone(bad):
    found = asv_results.read(version_1(results={"sums.time_bad": bad, "sums.time_fine": 1.0}), Beside({}, {}))
    rows = {row.component for row in found.run.measurements}
    assert "asv.sums.time_fine" in rows
    if bad == [1.0]:  # early files have it: the list of one result
        assert rows == {"asv.sums.time_fine", "asv.sums.time_bad"}
    else:
        assert len(found.left_out) == 1


def test_a_result_without_bounds_is_no_result():
    found = asv_results.read(version_1(results={"a": math.inf, "b": 10**400, "c": -math.inf}), Beside({}, {}))
    assert {str(row.status) for row in found.run.measurements} == {"failed"}


def test_files_over_the_limit_are_passed_over(tmp_path):
    folder = asv_folder(tmp_path / "asv", version_1())
    (outcome,) = bring(tmp_path / "results", folder, largest=500)
    assert outcome.status == "unreadable"
    assert "--largest" in outcome.note


def test_pipes_and_other_files_of_a_folder_are_left_alone(tmp_path):
    folder = asv_folder(tmp_path / "asv", version_1())
    os.mkfifo(folder / "pipe.json")
    (folder / "asv.conf.json").write_text("{}")
    (folder / "notes.txt").write_text("{")
    (folder / "graph.json").write_text("[[1, 2.5], [2, 2.75]]")
    (folder / "around").symlink_to(folder)
    outcomes = bring(tmp_path / "results", folder)
    assert sorted(one.status for one in outcomes) == ["new", "other"]


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(ResultsError, match="--results"):
        bring(tmp_path / "results", asv_folder(tmp_path / "asv", version_1()))


STRANGE = [
    None, True, -1, 0, 1e308, -math.inf, math.nan, 10**400, "", "\x1b[0m", "\ud800", "x" * 5000, [], {}, [[]], [None],
    [["a"]], {"result": []}, ["a", 1, None], {"": {}},
]  # fmt: skip


def spoilt(content, chooser):
    """A copy with one value somewhere in it replaced, removed or moved."""
    made = copy.deepcopy(content)
    place, key = made, chooser.choice(sorted(made))
    while isinstance(place[key], dict | list) and place[key] and chooser.random() < 0.8:
        place = place[key]
        key = chooser.choice(sorted(place)) if isinstance(place, dict) else chooser.randrange(len(place))
    if chooser.random() < 0.2:
        del place[key]
    else:
        place[key] = chooser.choice(STRANGE)
    return made


@pytest.mark.parametrize("seed", range(4))
def test_spoilt_files_are_read_or_refused(seed):
    chooser = random.Random(seed)
    refused = 0
    for _ in range(150):
        content = spoilt(chooser.choice([version_1(), version_2(), session()]), chooser)
        beside = Beside(spoilt(BENCHMARKS, chooser), spoilt(MACHINE, chooser))
        try:
            if asv_results.is_result(content):
                found = asv_results.read(content, beside)
            elif pytest_results.is_result(content):
                found = pytest_results.read(content)
            else:
                continue
        except Unreadable:
            refused += 1
            continue
        assert all(isinstance(row, Measurement) for row in found.run.measurements)
        assert all(math.isfinite(value) for row in found.run.measurements for value in row.values)
        json.dumps([found.run.machine, [row.context for row in found.run.measurements]], allow_nan=False)
    assert refused > 5

"""What is stored goes out whole: as tables that other readers take, and as results that asv takes and gives back."""

import csv
import io
import json
import math
import random
import string
from pathlib import Path
from types import SimpleNamespace

import pandas
import pytest
from asv.benchmarks import Benchmarks
from asv.machine import iter_machine_files
from asv.results import Results, iter_results

from nnbench.doors import exports, exports_to_asv, imports
from nnbench.doors.imports import Importer
from nnbench.errors import NnbenchError, ResultsError
from nnbench.history import open_history
from nnbench.metrics import METRICS
from nnbench.model import Check, Measurement, Run, check_to_measurement
from nnbench.store import read_run, runs_folder, write_run

MACHINE = {
    "id": "cafe0123", "cpu": "Some CPU", "cores": 2, "logical_cores": 4, "memory_gib": 15.6, "architecture": "x86_64",
    "system": "Linux 6.1", "python": "3.11.7", "torch": "2.13.0+cpu", "numpy": "2.1.0", "threads": 1,
}  # fmt: skip


def row(**content):
    made = {
        "component": "layers.linear", "variant": "torch", "case": "8x16", "metric": "forward_time", "unit": "s",
        "values": (0.25, 0.5, 0.125), "spec": "abc",
    }  # fmt: skip
    return Measurement(**(made | content))


def keep(results, *rows, number=0, **content):
    made = {
        "id": f"20260101T000000Z-{number:06x}",
        "started": f"2026-01-01T00:00:{number % 60:02d}+00:00",
        "command": "nnbench run",
        "commit": f"{number:08x}" + "e" * 32,
        "dirty": False,
        "machine": MACHINE,
    }
    run = Run(**(made | content), measurements=rows)
    write_run(runs_folder(results), run)
    return run


def as_csv(results, *names):
    file = io.BytesIO()
    list(exports.write_csv(file, exports.choose(results, patterns=names)))
    return file.getvalue().decode()


def as_json(results, *names):
    file = io.BytesIO()
    list(exports.write_json(file, exports.choose(results, patterns=names)))
    return file.getvalue().decode()


def to_asv(results, folder, *patterns):
    wanted = exports.choose(results, patterns=patterns)
    export = exports_to_asv.plan(wanted)
    list(exports_to_asv.write(folder, results, wanted, export))
    return export


def back(folder, results):
    importer = Importer(results)
    for path in imports.result_files(folder):
        importer.bring(path)
    history = open_history(results)
    return [read_run(path, run.id) for run, path in zip(history.runs, history.paths, strict=True)]


def strange_values(chooser, number):
    """Floats of all sizes, to the last bit."""
    return tuple(chooser.choice([chooser.random(), 10 ** chooser.uniform(-300, 300), 5e-324]) for _ in range(number))


def text(chooser, letters):
    return "".join(chooser.choice(letters) for _ in range(chooser.randint(1, 9)))


@pytest.mark.parametrize("seed", range(3))
def test_every_value_of_the_csv_is_the_stored_one_to_the_last_bit(tmp_path, seed):
    chooser = random.Random(seed)
    stored = [row(case=str(place), values=strange_values(chooser, chooser.randint(1, 9))) for place in range(40)]
    keep(tmp_path, *stored)
    for read, one in zip(csv.DictReader(io.StringIO(as_csv(tmp_path))), stored, strict=True):
        assert tuple(map(float, read["values"].split())) == one.values
        assert float(read["value"]) == pytest.approx(pandas.Series(one.values).median(), rel=1e-15)


def test_the_csv_says_all_that_is_stored_of_a_measurement(tmp_path):
    check = check_to_measurement(Check("a.b", "torch", "c", "gradcheck", "passed", 1e-9, 2e-8, "fine", seed=7))
    keep(tmp_path, row(note='say "so",\n=1+1', round=2, context={"seed": 3}), row(values=(), status="failed"), check)
    table = pandas.read_csv(io.StringIO(as_csv(tmp_path)), keep_default_na=False)
    assert list(table.columns) == list(exports.COLUMNS)
    first, second, third = table.to_dict("records")
    assert first == {
        "run": "20260101T000000Z-000000", "started": "2026-01-01T00:00:00.000000Z", "commit": "00000000" + "e" * 32,
        "dirty": False, "machine": "cafe0123", "component": "layers.linear", "variant": "torch", "case": "8x16",
        "spec": "abc", "metric": "forward_time", "unit": "s", "round": 2, "value": "0.25", "values": "0.25 0.5 0.125",
        "status": "ok", "note": 'say "so",\n=1+1', "allowance": "", "context": '{"seed": 3}',
    }  # fmt: skip
    assert (second["value"], second["values"], second["status"]) == ("", "", "failed")
    assert (third["metric"], float(third["allowance"])) == ("check.gradcheck", 2e-8)


def test_the_json_has_the_same_rows(tmp_path):
    keep(tmp_path, row(context={"seed": 3}), row(values=(math.inf, math.nan, 1.5), context={"look": math.nan}))
    first, second = json.loads(as_json(tmp_path), parse_constant=pytest.fail)
    assert list(first) == list(exports.COLUMNS)
    assert (first["value"], first["values"], first["context"]) == (0.25, [0.25, 0.5, 0.125], {"seed": 3})
    assert (second["values"], second["context"]) == ([None, None, 1.5], {"look": None})


def test_pieces_make_no_difference(tmp_path, monkeypatch):
    for number in range(3):
        keep(tmp_path, *(row(case=str(place)) for place in range(10)), number=number)
    whole = as_csv(tmp_path), as_json(tmp_path)
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 3)
    assert (as_csv(tmp_path), as_json(tmp_path)) == whole


def test_patterns_and_runs_choose(tmp_path):
    for number in range(2):
        keep(tmp_path, row(), row(component="losses.mse"), row(variant="reference"), number=number)
    assert {one["component"] for one in json.loads(as_json(tmp_path, "losses"))} == {"losses.mse"}
    assert len(json.loads(as_json(tmp_path, "layers.*@torch", "losses.mse"))) == 4
    newest = exports.choose(tmp_path, ["latest"])
    assert [run.id for run in newest.runs] == ["20260101T000000Z-000001"]
    with pytest.raises(NnbenchError, match=r"Did you mean losses\.mse\?"):
        as_csv(tmp_path, "losses.mes")


def test_a_store_without_rows_is_a_table_without_rows(tmp_path):
    keep(tmp_path)
    assert as_csv(tmp_path) == ",".join(f'"{name}"' for name in exports.COLUMNS) + "\n"
    assert json.loads(as_json(tmp_path)) == []
    with pytest.raises(NnbenchError, match="nnbench run"):
        exports.choose(tmp_path / "empty")


def test_a_damaged_run_costs_itself_alone(tmp_path):
    for number in range(2):
        keep(tmp_path / "store", row(case=str(number)), number=number)
    path = runs_folder(tmp_path / "store") / "20260101T000000Z-000000.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:4] + bytes(len(content[4:300])) + content[300:])  # its header is at its end
    with pytest.warns(UserWarning, match="damaged"):
        assert [one["case"] for one in json.loads(as_json(tmp_path / "store"))] == ["1"]
    with pytest.warns(UserWarning, match="damaged"):
        to_asv(tmp_path / "store", tmp_path / "asv")
    assert [run.commit[:8] for run in back(tmp_path / "asv", tmp_path / "other")] == ["00000001"]


@pytest.fixture
def exported(tmp_path):
    """One run, as asv's own readers see it."""
    keep(
        tmp_path / "store",
        row(round=0),
        row(round=1, values=(0.5,)),
        row(case="odd", values=(), status="failed", note="why"),
        row(case="none", values=(), status="skipped"),
        row(metric="flops", unit="1", values=(640.0,)),
        row(metric="check.gradcheck", unit="error", values=(1e-9,), status="passed"),
        row(metric="curve_value", unit="1", values=(0.0, 1.0)),
        row(metric="confusion", unit="1", values=(3.0, 1.0, 0.0, 4.0)),
        number=7,
    )
    to_asv(tmp_path / "store", tmp_path / "asv")
    return tmp_path / "asv"


def test_asv_reads_what_was_exported(exported):
    (found,) = iter_results(str(exported))
    assert found.commit_hash == "00000007" + "e" * 32
    assert found.params["machine"] == "cafe0123"
    assert (found.params["python"], found.params["torch"]) == ("3.11", "2.13.0+cpu")
    assert found.env_name == "nnbench-py3.11-torch2.13.0+cpu-numpy2.1.0"
    (machine,) = iter_machine_files(str(exported))
    assert json.loads(Path(machine).read_text())["cpu"] == "Some CPU"
    benchmarks = Benchmarks.load(SimpleNamespace(results_dir=str(exported), benchmark_dir="benchmarks"))
    assert found.get_result_keys(benchmarks) == {"layers.linear.forward_time", "layers.linear.flops"}
    params = benchmarks["layers.linear.forward_time"]["params"]
    assert params == [["'torch[8x16]'", "'torch[odd]'", "'torch[none]'"]]
    time, failed, skipped = found.get_result_value("layers.linear.forward_time", params)
    assert failed is None
    assert math.isnan(skipped)
    (stats, _, _) = found.get_result_stats("layers.linear.forward_time", params)
    assert stats["ci_99_a"] < time < stats["ci_99_b"]
    assert found.get_result_samples("layers.linear.forward_time", params)[0] == [0.25, 0.5, 0.125, 0.5]
    assert found.get_result_value("layers.linear.flops", benchmarks["layers.linear.flops"]["params"]) == [640.0]


def meant(run):
    """What of a run must come back: the samples of all rounds together, and whether there are none."""
    found = {}
    for one in run.measurements:
        key = (one.component, one.variant, one.case, one.metric, one.unit)
        found[key] = (str(one.status), (*found.get(key, ("", ()))[1], *one.values))
    return run.commit, found


def random_run(results, chooser, number):
    metrics = chooser.sample(
        [one for one in METRICS if not one.startswith("anchored") and one not in exports_to_asv.NO_NUMBERS], 5
    )
    keys = {
        (
            f"{text(chooser, 'abc')}.{text(chooser, 'abc_')}",
            text(chooser, string.ascii_letters + "-.()"),
            text(chooser, string.printable.strip() + "é "),
            chooser.choice(metrics),
        )
        for _ in range(20)
    }
    rows = []
    for component, variant, case, metric in sorted(keys):
        status = chooser.choice(["ok", "ok", "ok", "failed", "skipped"])
        for place in range(chooser.randint(1, 3) if status == "ok" else 1):
            values = strange_values(chooser, chooser.randint(1, 5)) if status == "ok" else ()
            named = {"component": component, "variant": variant, "case": case.strip() or "x", "metric": metric}
            rows.append(row(**named, unit=METRICS[metric].unit, values=values, status=status, round=place))
    unique = {(one.component, one.variant, one.case, one.metric, one.round): one for one in rows}
    return keep(results, *unique.values(), number=number, commit=f"{chooser.getrandbits(160):040x}")


@pytest.mark.parametrize("seed", range(5))
def test_what_asv_got_comes_back_with_its_values_commits_and_labels(tmp_path, seed):
    chooser = random.Random(seed)
    runs = [random_run(tmp_path / "store", chooser, number) for number in range(4)]
    to_asv(tmp_path / "store", tmp_path / "asv")
    found = back(tmp_path / "asv", tmp_path / "other")
    assert dict(map(meant, found)) == dict(map(meant, runs))
    assert [one.started for one in found] == [one.started for one in runs]
    again = back(tmp_path / "asv", tmp_path / "store")
    assert sorted(one.id for one in again) == sorted(one.id for one in runs)  # what is there does not come in again


def test_a_foreign_history_passes_through_unchanged(tmp_path):
    """asv -> our store -> asv: the numbers and statistics that asv gave are those that it gets."""
    content = {
        "commit_hash": "a" * 40, "date": 1500000000000, "env_name": "env", "python": "3.6", "requirements": {},
        "params": {"machine": "m", "cpu": "c"}, "version": 2,
        "result_columns": ["result", "params", "version", "stats_ci_99_a", "stats_ci_99_b", "samples"],
        "results": {"sums.time_sum": [[2.5, None], [["1", "2"]], "v", [2.0, None], [3.0, None], [[2.0, 4.0], None]]},
    }  # fmt: skip
    (tmp_path / "one.json").write_text(json.dumps(content))
    Importer(tmp_path / "store").bring(tmp_path / "one.json")
    to_asv(tmp_path / "store", tmp_path / "asv")
    (path,) = tmp_path.glob("asv/*/*-*.json")
    found = Results.load(str(path))
    params = found.get_result_params("asv.sums.time_sum.time")
    assert found.get_result_value("asv.sums.time_sum.time", params) == [2.5, None]
    assert found.get_result_stats("asv.sums.time_sum.time", params) == [{"ci_99_a": 2.0, "ci_99_b": 3.0}, {}]
    assert found.get_result_samples("asv.sums.time_sum.time", params) == [[2.0, 4.0], None]


def test_of_one_commit_the_newest_run_counts(tmp_path):
    commit = "d" * 40
    keep(tmp_path / "store", row(values=(1.0,)), row(case="old", values=(2.0,)), number=1, commit=commit)
    keep(tmp_path / "store", row(values=(3.0,)), number=2, commit=commit)
    export = to_asv(tmp_path / "store", tmp_path / "asv")
    assert len(export.targets) == 1
    (run,) = back(tmp_path / "asv", tmp_path / "other")
    assert {one.case: one.values for one in run.measurements} == {"8x16": (3.0,), "old": (2.0,)}


def test_work_that_changed_is_another_parameter(tmp_path):
    keep(tmp_path / "store", row(spec="abc"), number=1)
    keep(tmp_path / "store", row(spec="def"), number=2)
    export = to_asv(tmp_path / "store", tmp_path / "asv")
    names = [name for one in export.benchmarks.values() for name in one["params"][0]]
    assert names == ["'torch[8x16] (spec abc)'", "'torch[8x16]'"]
    first, second = (run.measurements[0] for run in back(tmp_path / "asv", tmp_path / "other"))
    assert first.case == second.case
    assert first.spec != second.spec


def test_the_epochs_of_a_training_are_apart(tmp_path):
    epochs = [
        row(metric="test_accuracy", unit="1", values=(0.5 + epoch / 10,), context={"seed": 3, "epoch": epoch})
        for epoch in range(2)
    ]
    keep(tmp_path / "store", *epochs)
    to_asv(tmp_path / "store", tmp_path / "asv")
    (run,) = back(tmp_path / "asv", tmp_path / "other")
    assert {one.case: one.values[0] for one in run.measurements} == {
        "8x16,seed=3,epoch=0": 0.5,
        "8x16,seed=3,epoch=1": 0.6,
    }


def test_what_asv_has_in_the_folder_stays(tmp_path):
    (tmp_path / "asv" / "mine").mkdir(parents=True)
    (tmp_path / "asv" / "mine" / "machine.json").write_text("{}")
    (tmp_path / "asv" / "benchmarks.json").write_text(json.dumps({"a.time_b": {"name": "a.time_b"}, "version": 2}))
    keep(tmp_path / "store", row())
    to_asv(tmp_path / "store", tmp_path / "asv")
    there = json.loads((tmp_path / "asv" / "benchmarks.json").read_text())
    assert there.keys() == {"a.time_b", "layers.linear.forward_time", "version"}
    assert (tmp_path / "asv" / "mine" / "machine.json").read_text() == "{}"


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "", "..", "a/b", "x" * 300, "\x1b[0m"])
def test_hostile_names_stay_in_the_folder(tmp_path, name):
    hostile = MACHINE | {"id": name, "python": name, "torch": name, "cpu": name}
    keep(tmp_path / "store", row(), number=1, machine=hostile)
    keep(tmp_path / "store", row(), number=2, commit=name)
    export = to_asv(tmp_path / "store", tmp_path / "asv")
    assert export.runs_left_out == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["asv", "store"]
    assert len(list((tmp_path / "asv").rglob("*-*.json"))) == 1
    (found,) = iter_results(str(tmp_path / "asv"))
    assert found.commit_hash.startswith("00000001")


def test_runs_of_no_commit_stay_out(tmp_path):
    keep(tmp_path / "store", row(), number=1, commit="")
    keep(tmp_path / "store", row(), number=2, dirty=True)
    assert to_asv(tmp_path / "store", tmp_path / "asv").runs_left_out == 2
    assert not list((tmp_path / "asv").rglob("*-*.json"))


def test_commits_that_asv_would_take_for_one_are_refused(tmp_path):
    keep(tmp_path / "store", row(), number=1, commit="a" * 40)
    keep(tmp_path / "store", row(), number=2, commit="a" * 39 + "b")
    with pytest.raises(ResultsError, match="eight digits"):
        to_asv(tmp_path / "store", tmp_path / "asv")

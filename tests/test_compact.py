"""Many run files become few: nothing is lost, nothing counts twice, and every reader finds what it found before."""

import fcntl
import json
import math
from dataclasses import replace

import duckdb
import pandas
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from nnbench import history
from nnbench.cli.commands import nnbench
from nnbench.compact import compact
from nnbench.errors import ResultsError
from nnbench.history import find_run, open_history, table
from nnbench.model import Measurement, Run
from nnbench.store import read_run, runs_folder, same_rows, write_run
from nnbench.store.schema import to_table


def run(number, month=1, machine="cafe", rows=2, **content):
    """A run whose measurements are nobody else's."""
    identifier = f"2026{month:02d}{number % 28 + 1:02d}T000000Z-{number:06x}"
    started = f"2026-{month:02d}-{number % 28 + 1:02d}T00:00:00+00:00"
    measured = tuple(
        Measurement("a.b", "torch", "c", "forward_time", "s", (number + place / 10, math.nan, -0.0), note=f"“{place}”")
        for place in range(rows)
    )
    made = Run(identifier, started, "nnbench run", "abc", False, {"id": machine, "load": [0.5]}, measurements=measured)
    return replace(made, **content)


def store(results, *runs):
    return [write_run(runs_folder(results), one) for one in runs]


def files(results):
    return sorted(path.name for path in runs_folder(results).glob("*.parquet"))


def holds(results, *runs):
    """Whether these runs and no others are there, each once, with all that they measured."""
    found = open_history(results)
    assert [one.id for one in found.runs] == sorted(one.id for one in runs)
    for one in runs:
        there = find_run(results, one.id)
        assert replace(there, measurements=()) == replace(one, measurements=())
        assert same_rows(to_table(there), to_table(one))
    counted = table(results, "SELECT count(*) AS rows, count(DISTINCT (run, note)) AS different FROM runs").to_pylist()
    rows = sum(len(one.measurements) for one in runs)
    assert counted == [{"rows": rows, "different": rows}]


RUNS = (*(run(number) for number in range(4)), *(run(number, month=2) for number in range(4, 7)))
OTHERS = tuple(run(number, machine="beef") for number in range(10, 13))


def test_many_files_become_one_for_each_machine_and_month(tmp_path):
    store(tmp_path, *RUNS, *OTHERS)
    done = compact(tmp_path)
    assert (done.runs, done.files, done.kept) == (10, (10, 3), ())
    assert [name.rpartition("-")[0] for name in files(tmp_path)] == [
        "compacted-beef-2026-01",
        "compacted-cafe-2026-01",
        "compacted-cafe-2026-02",
    ]
    holds(tmp_path, *RUNS, *OTHERS)
    assert open_history(tmp_path).problems == ()


def test_again_changes_nothing(tmp_path):
    store(tmp_path, *RUNS)
    compact(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in runs_folder(tmp_path).glob("*.parquet")}
    assert compact(tmp_path).files == (2, 2)
    assert {path: path.stat().st_mtime_ns for path in runs_folder(tmp_path).glob("*.parquet")} == before


def test_a_run_alone_stays_the_file_that_it_is(tmp_path):
    (path,) = store(tmp_path, run(1))
    compact(tmp_path)
    assert list(runs_folder(tmp_path).glob("*.parquet")) == [path]


def test_later_runs_join_their_month(tmp_path):
    store(tmp_path, *RUNS[:2])
    compact(tmp_path)
    store(tmp_path, *RUNS[2:4])
    holds(tmp_path, *RUNS[:4])
    assert compact(tmp_path).files == (3, 1)
    holds(tmp_path, *RUNS[:4])


def test_a_file_holds_no_more_rows_than_it_may(tmp_path):
    store(tmp_path, *RUNS[:4])
    assert compact(tmp_path, rows=4).files == (4, 2)
    holds(tmp_path, *RUNS[:4])
    full = files(tmp_path)
    store(tmp_path, run(8), run(9))
    compact(tmp_path, rows=4)
    assert set(full) < set(files(tmp_path))  # what is full stays as it is


def test_runs_without_measurements_and_killed_ones_are_kept_as_they_are(tmp_path):
    kept = (run(1, rows=0), run(2, ended="killed", dirty=True), run(3, command="nnbench run 'a'"))
    store(tmp_path, *kept)
    assert compact(tmp_path).files == (3, 1)
    holds(tmp_path, *kept)


def test_pandas_and_duckdb_read_the_folder_whole(tmp_path):
    store(tmp_path, *RUNS)
    before = pandas.read_parquet(runs_folder(tmp_path))
    compact(tmp_path)
    store(tmp_path, run(20))
    frame = pandas.read_parquet(runs_folder(tmp_path))
    assert list(frame.columns) == list(before.columns)
    assert (frame.dtypes == before.dtypes).all()
    assert len(frame) == len(before) + 2
    assert frame["run"].nunique() == len(RUNS) + 1
    for pattern in ("*", "**/*"):
        found = f"'{runs_folder(tmp_path)}/{pattern}.parquet'"
        (counted,) = duckdb.sql(f'SELECT count(*), count(DISTINCT run), count("values"[1]) FROM {found}').fetchall()
        assert counted == (len(before) + 2, len(RUNS) + 1, len(before) + 2)


def test_a_compacted_file_says_who_where_and_when(tmp_path):
    store(tmp_path, *RUNS[:4])
    compact(tmp_path)
    (name,) = files(tmp_path)
    told = json.loads(pq.read_metadata(runs_folder(tmp_path) / name).metadata[b"nnbench.runs"])
    assert [one["run"]["id"] for one in told] == [one.id for one in RUNS[:4]]
    assert [one["rows"] for one in told] == [2, 2, 2, 2]
    assert told[0]["run"]["machine"] == {"id": "cafe", "load": [0.5]}


def test_a_compacted_file_named_for_a_run_asks_which_one(tmp_path):
    store(tmp_path, *RUNS[:2])
    compact(tmp_path)
    (name,) = files(tmp_path)
    path = runs_folder(tmp_path) / name
    with pytest.raises(
        ResultsError, match=r"holds 2 runs, from 20260101T000000Z-000000 to 20260102T.*name one of them"
    ):
        read_run(path)
    assert read_run(path, RUNS[1].id).measurements[0].values[0] == 1.0


def test_a_copied_run_beside_its_compacted_one_counts_once_and_goes(tmp_path):
    """As when a folder is merged with that of a machine that did not compact."""
    store(tmp_path, *RUNS[:4])
    compact(tmp_path)
    store(tmp_path, *RUNS[1:3])
    holds(tmp_path, *RUNS[:4])
    (told,) = open_history(tmp_path).problems
    assert told.startswith("2 copies of runs, such as ")
    assert told.endswith("are not counted again; `nnbench results compact` removes them")
    assert compact(tmp_path).files == (3, 1)
    holds(tmp_path, *RUNS[:4])
    assert open_history(tmp_path).problems == ()


def test_two_machines_that_compact_apart_and_merge(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    store(here, *RUNS[:3])
    store(there, *RUNS[1:4], *OTHERS)
    compact(here)
    compact(there)
    for path in runs_folder(there).glob("*.parquet"):
        (runs_folder(here) / path.name).write_bytes(path.read_bytes())
    holds(here, *RUNS[:4], *OTHERS)
    assert compact(here).kept == ()
    assert len(files(here)) == 2
    holds(here, *RUNS[:4], *OTHERS)


def test_the_beginning_of_a_run_goes_where_the_whole_is(tmp_path):
    """A journal copied while it was written is sealed elsewhere as killed; later the whole run comes."""
    whole = run(1, rows=5)
    beginning = replace(whole, measurements=whole.measurements[:3], ended="killed")
    store(tmp_path, whole, run(2))
    compact(tmp_path)
    store(tmp_path, beginning)
    holds(tmp_path, whole, run(2))
    assert compact(tmp_path).kept == ()
    holds(tmp_path, whole, run(2))
    assert len(files(tmp_path)) == 1


def test_a_file_of_the_same_run_that_says_otherwise_stays_and_is_told(tmp_path):
    store(tmp_path, run(1), run(2))
    compact(tmp_path)
    (other,) = store(tmp_path, replace(run(1), measurements=run(7).measurements))
    (told,) = compact(tmp_path).kept
    assert told == f"{other} stays: what it says of {run(1).id} is not what another file says of it"
    holds(tmp_path, run(1), run(2))


def test_a_file_damaged_inside_stays_and_costs_only_itself(tmp_path):
    paths = store(tmp_path, run(1), run(2), run(3, rows=400))
    content = bytearray(paths[2].read_bytes())
    content[100:400] = bytes(300)
    paths[2].write_bytes(bytes(content))
    for _ in range(2):
        (told,) = compact(tmp_path).kept
        assert told.startswith(f"{paths[2]} is damaged: ")
        assert paths[2].read_bytes() == bytes(content)
        assert len(files(tmp_path)) == 2
    assert find_run(tmp_path, run(1).id).id == run(1).id


def test_where_a_compacted_file_was_damaged_later_its_copies_still_count(tmp_path):
    paths = store(tmp_path, run(1, rows=400), run(2))
    small = {path: path.read_bytes() for path in paths}
    compact(tmp_path)
    (name,) = files(tmp_path)
    content = bytearray((runs_folder(tmp_path) / name).read_bytes())
    content[100:600] = bytes(500)
    (runs_folder(tmp_path) / name).write_bytes(bytes(content))
    for path, whole in small.items():
        path.write_bytes(whole)
    with pytest.warns(UserWarning, match=rf"{name} is damaged: .*; it is left out"):
        assert table(tmp_path, "SELECT count(*) AS rows FROM runs").to_pylist() == [{"rows": 402}]
    assert compact(tmp_path).kept == ()
    assert files(tmp_path) == [name]  # made anew from the copies
    holds(tmp_path, run(1, rows=400), run(2))


def test_what_only_a_damaged_compacted_file_has_keeps_it(tmp_path):
    store(tmp_path, run(1, rows=400), run(2))
    compact(tmp_path)
    (name,) = files(tmp_path)
    path = runs_folder(tmp_path) / name
    content = bytearray(path.read_bytes())
    content[100:600] = bytes(500)
    path.write_bytes(bytes(content))
    store(tmp_path, run(1, rows=400))
    (told,) = compact(tmp_path).kept
    assert told.startswith(f"{path} is damaged: ")
    assert path.read_bytes() == bytes(content)
    assert len(files(tmp_path)) == 2


def test_what_does_not_read_back_the_same_replaces_nothing(tmp_path, monkeypatch):
    paths = store(tmp_path, *RUNS[:3])
    write = pq.ParquetWriter.write_table

    def write_another(writer, rows, **settings):
        columns = {name: rows[name] for name in rows.column_names} | {"note": rows["unit"]}
        write(writer, rows.from_arrays(list(columns.values()), schema=rows.schema), **settings)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", write_another)
    with pytest.raises(ResultsError, match="does not read back as what was written to it; nothing was removed"):
        compact(tmp_path)
    assert sorted(runs_folder(tmp_path).glob("*.p*")) == paths
    holds(tmp_path, *RUNS[:3])


def test_a_full_disk_leaves_every_small_file(tmp_path, monkeypatch):
    def die(*arguments, **settings):
        raise OSError(28, "No space left on device")

    paths = store(tmp_path, *RUNS[:3])
    monkeypatch.setattr(pq.ParquetWriter, "write_table", die)
    with pytest.raises(ResultsError, match=r"cannot compact .*No space left on device. No run is lost"):
        compact(tmp_path)
    assert sorted(runs_folder(tmp_path).glob("*.p*")) == paths
    assert not list(runs_folder(tmp_path).glob(".*.partial"))


def test_only_one_compaction_at_a_time(tmp_path):
    store(tmp_path, *RUNS[:3])
    with (runs_folder(tmp_path) / ".compacting").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ResultsError, match="another `nnbench results compact` is at"):
            compact(tmp_path)
    assert compact(tmp_path).files == (3, 1)


def test_no_results_have_nothing_to_compact(tmp_path):
    assert compact(tmp_path / "nowhere").files == (0, 0)
    assert not (tmp_path / "nowhere").exists()


def test_a_question_survives_the_compaction_of_its_files(tmp_path, monkeypatch):
    """The files that a reader listed are gone when it opens them: it looks again."""
    store(tmp_path, *RUNS)
    ask, asked = history._ask, []

    def compact_first(found, *question):
        if not asked:
            compact(tmp_path)
        asked.append(question)
        return ask(found, *question)

    monkeypatch.setattr(history, "_ask", compact_first)
    assert table(tmp_path, "SELECT count(*) AS rows FROM runs").to_pylist() == [{"rows": 14}]
    assert len(asked) == 2


def test_a_machines_name_is_no_path(tmp_path):
    strange = [run(number, machine="../../outside/<b>") for number in (1, 2)]
    store(tmp_path, *strange)
    compact(tmp_path)
    (name,) = files(tmp_path)
    assert name.startswith("compacted-_outside_b_-2026-01-")
    holds(tmp_path, *strange)


def call(*arguments):
    return CliRunner().invoke(nnbench, ["results", *map(str, arguments)], standalone_mode=False)


def test_the_command_compacts_and_says_what_it_did(tmp_path):
    store(tmp_path, *RUNS)
    said = call("compact", "--results", tmp_path)
    assert said.return_value == 0
    assert said.stdout.startswith("7 runs: 7 files of ")
    assert " are now 2 of " in said.stdout
    answer = call("--results", tmp_path, "compact", "--json")
    assert json.loads(answer.stdout)["files"] == [2, 2]
    listed = json.loads(call("--results", tmp_path, "--json").stdout)
    assert [one["id"] for one in listed] == [one.id for one in RUNS]
    assert {one["measurements"] for one in listed} == {2}


def test_the_command_checks_what_is_stored(tmp_path):
    paths = store(tmp_path, run(1), run(2, rows=400))
    assert call("check", "--results", tmp_path).return_value == 0
    content = bytearray(paths[1].read_bytes())
    content[100:400] = bytes(300)
    paths[1].write_bytes(bytes(content))
    said = call("check", "--results", tmp_path, "--json")
    assert said.return_value == 1
    (problem,) = json.loads(said.stdout)["problems"]
    assert problem.startswith(f"{paths[1]} is damaged: ")

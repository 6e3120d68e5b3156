"""The journal of a run in progress and the file that it is sealed as: what is written is never lost."""

import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nnbench.errors import ResultsError
from nnbench.history import open_history
from nnbench.model import FORMAT, Check, Measurement, Run, Status, check_to_measurement
from nnbench.store import (
    RUN_ID,
    Journal,
    new_run_id,
    read_header,
    read_journal,
    read_run,
    runs_folder,
    seal_abandoned,
    write_run,
)


def new_run(number=0):
    return Run(
        id=f"20260101T000000Z-{number:06x}",
        started="2026-01-01T00:00:00+00:00",
        command="nnbench run 'layers.*'",
        commit="0123abc",
        dirty=True,
        machine={"id": "cafe", "threads": 1, "gpus": [], "load": [0.5, 0.25]},
    )


def row(number=0, **content):
    made = {"component": "layers.linear", "variant": "torch", "case": "8x16", "metric": "forward_time", "unit": "s"}
    return Measurement(**(made | {"values": (float(number),)} | content))


ROWS = (
    row(
        values=(1.5e-6, 0.1, 1 / 3), spec="abc", round=2, context={"seed": 3, "data": "mnist", "none": None, "at": [1]}
    ),
    row(values=(), status=Status.OUT_OF_MEMORY, note="it asked for 3 GiB: “größer”\n2nd line"),
    check_to_measurement(Check("layers.linear", "torch", "8x16", "gradcheck", "passed", 1e-9, 2e-8, "fine", seed=7)),
    check_to_measurement(Check("layers.linear", "torch", "8x16", "mode", "expected", erratum="E01")),
)


def keep(results, *rows, number=0):
    """A whole run, from journal to sealed file."""
    with Journal(results, new_run(number)) as journal:
        for one in rows:
            journal.add(one)
    return journal.sealed


def leave(results, *rows, number=0):
    """The journal of a run that was killed: its lock died with its process, and nothing says how it ended."""
    journal = Journal(results, new_run(number))
    for one in rows:
        journal.add(one)
    journal._file.close()
    return results / "journals" / f"{journal.run.id}.jsonl"


def test_a_run_comes_back_as_it_was_written(tmp_path):
    path = keep(tmp_path, *ROWS)
    assert path == tmp_path / "runs" / "20260101T000000Z-000000.parquet"
    assert read_run(path) == replace(new_run(), measurements=ROWS)
    assert read_header(path) == new_run()
    assert not list((tmp_path / "journals").iterdir())


def test_checks_come_back_as_they_were_written(tmp_path):
    first, second = read_run(keep(tmp_path, *ROWS)).checks
    assert first == Check("layers.linear", "torch", "8x16", "gradcheck", "passed", 1e-9, 2e-8, "fine", seed=7)
    assert (second.status, second.erratum, second.error, second.allowance) == ("expected", "E01", None, None)


def test_values_that_are_not_finite_come_back(tmp_path):
    (one,) = read_run(keep(tmp_path, row(values=(math.inf, -math.inf, math.nan)))).measurements
    assert one.values[:2] == (math.inf, -math.inf)
    assert math.isnan(one.values[2])


def test_a_run_without_measurements_is_kept(tmp_path):
    assert read_run(keep(tmp_path)) == new_run()


def test_a_row_is_on_the_disk_as_soon_as_it_was_added(tmp_path):
    with Journal(tmp_path, new_run()) as journal:
        path = tmp_path / "journals" / f"{journal.run.id}.jsonl"
        for number in range(3):
            journal.add(row(number))
            assert read_journal(path).measurements == tuple(row(n) for n in range(number + 1))
        assert read_journal(path).ended == "killed"


def measure_and_raise(journal, error):
    journal.add(row())
    raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_run_keeps_what_it_had_and_says_so(tmp_path, error):
    journal = Journal(tmp_path, new_run())
    with pytest.raises(error), journal:
        measure_and_raise(journal, error)
    sealed = read_run(journal.sealed)
    assert (sealed.ended, sealed.measurements) == ("interrupted", (row(),))


def test_what_a_killed_run_left_is_sealed_and_told(tmp_path):
    leave(tmp_path, *ROWS)
    assert seal_abandoned(tmp_path) == ["sealed 20260101T000000Z-000000.parquet, which a run left that was killed"]
    (path,) = runs_folder(tmp_path).iterdir()
    assert read_run(path) == replace(new_run(), measurements=ROWS, ended="killed")
    assert seal_abandoned(tmp_path) == []


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_line_that_was_being_written_costs_only_itself(tmp_path, cut):
    path = leave(tmp_path, row(0), row(1), row(2, note="ü" * 40))
    path.write_bytes(path.read_bytes()[:-cut])
    seal_abandoned(tmp_path)
    (run,) = open_history(tmp_path).runs
    sealed = read_run(runs_folder(tmp_path) / f"{run.id}.parquet")
    assert sealed.measurements[:2] == (row(0), row(1))
    assert len(sealed.measurements) == (3 if cut == 1 else 2)  # only the end of the line is missing


def test_a_run_in_progress_is_left_alone(tmp_path):
    with Journal(tmp_path, new_run()) as journal:
        journal.add(row(0))
        assert seal_abandoned(tmp_path) == []
        journal.add(row(1))
    assert read_run(journal.sealed).measurements == (row(0), row(1))
    assert read_run(journal.sealed).ended == "complete"


def test_sealing_again_counts_nothing_twice(tmp_path):
    """As when the process that sealed was killed between writing the file and removing the journal."""
    path = leave(tmp_path, row(0), row(1))
    left = path.read_bytes()
    seal_abandoned(tmp_path)
    path.write_bytes(left)
    seal_abandoned(tmp_path)
    (sealed,) = runs_folder(tmp_path).iterdir()
    assert read_run(sealed).measurements == (row(0), row(1))
    assert not path.exists()


def test_two_runs_at_once_do_not_meet(tmp_path):
    with Journal(tmp_path, new_run(1)) as first, Journal(tmp_path, new_run(2)) as second:
        for number in range(3):
            first.add(row(number))
            second.add(row(10 + number))
    assert read_run(first.sealed).measurements == tuple(row(n) for n in range(3))
    assert read_run(second.sealed).measurements == tuple(row(10 + n) for n in range(3))


def test_a_run_file_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    def die(*arguments, **settings):
        raise OSError("no space left on device")

    keep(tmp_path, number=1)
    monkeypatch.setattr(pq, "write_table", die)
    with pytest.raises(OSError, match="no space left"):
        write_run(runs_folder(tmp_path), new_run(2))
    history = open_history(tmp_path)
    assert [run.id for run in history.runs] == [new_run(1).id]
    assert history.problems == ()


WRITER = """
import os, sys
from pathlib import Path
from nnbench.model import Measurement, Run
from nnbench.store import Journal

run = Run("20260101T000000Z-000000", "2026-01-01T00:00:00+00:00", "", "", False, {})
with Journal(Path(sys.argv[1]), run) as journal:
    for number in range(10**9):
        journal.add(Measurement("a.b", "reference", "default", "forward_time", "s", (float(number),), note="x" * 200))
        os.write(1, b"%d\\n" % number)
"""


def test_kill_9_loses_nothing_that_was_reported(tmp_path):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
    for _ in range(300):
        writer.stdout.readline()
    assert seal_abandoned(tmp_path) == []  # it is still at it
    writer.send_signal(signal.SIGKILL)
    reported = writer.stdout.read().splitlines()
    assert writer.wait() == -signal.SIGKILL
    writer.stdout.close()

    assert len(seal_abandoned(tmp_path)) == 1
    (path,) = runs_folder(tmp_path).iterdir()
    sealed = read_run(path)
    written = [int(one.values[0]) for one in sealed.measurements]
    assert sealed.ended == "killed"
    assert written == list(range(len(written)))
    assert len(written) >= 300 + len([line for line in reported if line])


def parquet(path, header=None):
    """A Parquet file, with the description of a run where one is given."""
    metadata = {} if header is None else {b"nnbench": json.dumps(header).encode()}
    pq.write_table(pa.table({"x": [1]}).replace_schema_metadata(metadata), path)


def header(**content):
    return json.loads(json.dumps({**vars(new_run()), "measurements": [], **content}, default=dict))


def truncate(path):
    whole = keep(path.parent.parent / "elsewhere", *ROWS).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path.write_text("component,seconds\n"), "is truncated or no Parquet file"),
        (lambda path: path.write_bytes(b""), "is truncated or no Parquet file"),
        (truncate, "is truncated or no Parquet file"),
        (parquet, "it is a Parquet file, but not a run of nnbench"),
        (lambda path: parquet(path, header(format=FORMAT + 1)), f"format {FORMAT + 1} and this nnbench reads up to"),
        (lambda path: parquet(path, header(id="../../outside")), "'../../outside' is not a run's id"),
        (lambda path: parquet(path, {"some": "thing"}), "its header does not say its format"),
        (lambda path: parquet(path, ["a list"]), "its header does not say its format"),
        (lambda path: path.mkdir(), "is truncated or no Parquet file"),
    ],
    ids=["text", "empty", "truncated", "foreign", "newer", "path-like id", "other header", "list", "folder"],
)
def test_a_file_that_is_no_run_is_skipped_with_one_sentence(tmp_path, make, told):
    good = keep(tmp_path, number=1)
    bad = good.with_name("bad.parquet")
    make(bad)
    history = open_history(tmp_path)
    assert history.paths == (good,)
    (problem,) = history.problems
    assert problem.startswith(f"{bad} is skipped: ")
    assert told in problem
    assert "\n" not in problem
    with pytest.raises(ResultsError):
        read_run(bad)


def test_a_journal_that_is_none_is_told_and_left_where_it_is(tmp_path):
    path = leave(tmp_path, number=1)
    path.write_text("shopping list\n{}\n3\n")
    (sentence,) = seal_abandoned(tmp_path)
    assert sentence == f"{path} is not a journal of nnbench: it does not say which run it is of"
    assert path.exists()


def test_one_journal_that_cannot_be_sealed_does_not_keep_the_others(tmp_path):
    leave(tmp_path, number=1).write_text("nothing of ours\n")
    leave(tmp_path, row(), number=2)
    assert len(seal_abandoned(tmp_path)) == 2
    assert [run.id for run in open_history(tmp_path).runs] == [new_run(2).id]


def test_results_that_cannot_be_written_are_told_with_the_way_out(tmp_path):
    (tmp_path / "results").write_text("a file is in the way")
    with pytest.raises(ResultsError, match=r"cannot write results to .*results: .* Name another folder with --results"):
        Journal(tmp_path / "results", new_run())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told_with_the_way_out(tmp_path):
    (tmp_path / "results").mkdir(mode=0o500)
    with pytest.raises(ResultsError, match=r"cannot write results to .*Permission denied"):
        Journal(tmp_path / "results", new_run())


def test_no_results_have_nothing_to_seal(tmp_path):
    assert seal_abandoned(tmp_path / "nowhere") == []


def test_pandas_reads_the_whole_folder(tmp_path):
    keep(tmp_path, *ROWS, number=1)
    keep(tmp_path, row(5), number=2)
    frame = pandas.read_parquet(runs_folder(tmp_path))
    assert len(frame) == len(ROWS) + 1
    assert list(frame["run"].unique()) == [new_run(1).id, new_run(2).id]
    assert list(frame["values"].iloc[0]) == list(ROWS[0].values)
    assert json.loads(frame["context"].iloc[0]) == ROWS[0].context
    assert (frame["machine"] == "cafe").all()


def test_run_ids_sort_by_time_and_differ_within_a_second():
    now = datetime(2026, 1, 1, 12, 30, 59, tzinfo=UTC)
    ids = [new_run_id(now) for _ in range(100)]
    assert len(set(ids)) == 100
    assert all(RUN_ID.fullmatch(one) for one in ids)
    assert min(ids).startswith("20260101T123059Z-")
    assert max(ids) < new_run_id(now + timedelta(seconds=1))

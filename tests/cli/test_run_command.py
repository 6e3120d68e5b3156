"""``nnbench run`` and what reads its results: a wrong variant gets no time, a failure is a record."""

import json
import signal

import pandas
import pytest

from nnbench.cli import output
from nnbench.store import runs_folder

FINE = {0, output.UNDECIDED}  # the machine that runs the tests may be too noisy to decide anything
KEYS = {"component", "variant", "case", "metric", "unit", "values", "status", "note"}


def metrics(rows, variant, status="ok"):
    return {row["metric"] for row in rows if row["variant"] == variant and row["status"] == status}


def test_rows_hold_the_fixed_keys(measured):
    assert all(row.keys() >= KEYS for row in measured[1].rows)


def test_right_variant_gets_time_memory_and_counters(measured):
    found = metrics(measured[1].rows, "torch")
    assert found >= {"forward_time", "forward_wall_time", "backward_time", "peak_memory", "flops", "operators"}


def test_counters_are_exact(measured):
    linear = [row for row in measured[1].rows if row["component"] == "toy.linear"]
    values = {row["metric"]: row["values"] for row in linear if row["metric"] in ("parameters", "flops")}
    assert values == {"parameters": [8.0], "flops": [3 * 2 * 4 * 3 * 2]}  # forward, and backward to input and weight


def test_wrong_variant_gets_no_time(measured):
    rows = [row for row in measured[1].rows if row["variant"] == "wrong"]
    assert [(row["status"], row["values"]) for row in rows] == [("wrong", [])]
    assert "forward_float64" in rows[0]["note"]


@pytest.mark.parametrize(
    ("variant", "status"), [("crashing", "crashed"), ("hanging", "timed out"), ("hungry", "out of memory")]
)
def test_what_never_comes_back_is_a_row_with_its_reason(measured, variant, status):
    rows = [row for row in measured[1].rows if row["variant"] == variant]
    assert len(rows) == 1
    assert rows[0]["status"] == status
    assert rows[0]["note"]


def test_something_wrong_exits_with_1(measured):
    assert measured[1].code == 1


def test_pandas_reads_the_results_folder_whole(measured):
    table = pandas.read_parquet(runs_folder(measured[0].folder / "results"))
    assert {"toy.double", "toy.linear"} <= set(table["component"])
    assert table["run"].nunique() == 1


def test_only_a_crash_exits_with_3(user):
    assert user.run("run", "--suite", "toy.py", "toy.double@crashing", "--quick").code == 3


def test_show_tells_documentation_source_cases_and_last_results(measured):
    answer = measured[0].run("show", "--suite", "toy.py", "toy.double")
    assert answer.code == 0
    for part in ("Twice its input", "return x + x", "16x8", "Last results", "wrong: forward_float64"):
        assert part in answer.out


def test_show_as_json_needs_no_suite(measured):
    rows = measured[0].run("show", "toy.double", "--json").rows
    assert all(row.keys() >= KEYS for row in rows)
    assert metrics(rows, "torch") >= {"forward_time", "backward_time"}


def test_report_is_one_file(measured):
    answer = measured[0].run("report", "--json")
    page = (measured[0].folder / answer.rows["path"]).read_text()
    assert "toy.double" in page
    assert "SIGSEGV" in page


def test_diff_of_a_run_with_itself_finds_nothing_slower(measured):
    answer = measured[0].run("diff", "latest", "latest", "--json")
    assert answer.code == 0
    verdicts = {row["verdict"] for row in answer.rows}
    assert verdicts <= {"same", "undecided"}
    assert "same" in verdicts  # the exact counters


def test_unknown_run_is_explained(measured):
    answer = measured[0].run("diff", "latest", "20000101")
    assert answer.code == 2
    assert "no run is called '20000101'" in answer.err


def test_foreign_files_in_the_folder_are_passed_over(user):
    folder = runs_folder(user.folder / "results")
    folder.mkdir(parents=True)
    (folder / "truncated.parquet").write_bytes(b"PAR1 and no more")
    assert user.run("run", "--suite", "toy.py", "toy.linear", "--quick").code in FINE
    answer = user.run("show", "toy.linear", "--json")
    assert answer.code == 0
    assert "truncated.parquet is skipped" in answer.err
    assert answer.rows


def first_stored_row(process, journals):
    """Wait until the run has told of its first case, by reading its progress; gives its journal."""
    while not list(journals.glob("*.jsonl")):
        assert process.poll() is None, process.stderr.read()
    return next(journals.glob("*.jsonl"))


def rows_of(journal):
    return sum('"measurement"' in line for line in journal.read_text().splitlines() if line.endswith("}"))


def wait_for_rows(process, journal, number):
    while rows_of(journal) < number:
        assert process.poll() is None, process.stderr.read()


def test_killed_run_loses_nothing_that_was_stored_and_is_sealed_by_the_next_command(user):
    journals = user.folder / "results" / "journals"
    process = user.start("run", "--suite", "toy.py", "toy", "--timeout", "60")  # hangs in toy.double@hanging
    journal = first_stored_row(process, journals)
    wait_for_rows(process, journal, 12)
    process.kill()
    process.wait()
    stored = rows_of(journal)
    told = user.run("show", "toy.double", "--json")
    assert "which a run left that was killed" in told.err
    table = pandas.read_parquet(runs_folder(user.folder / "results"))
    assert len(table) >= stored >= 12
    assert not list(journals.glob("*.jsonl"))


def test_ctrl_c_keeps_what_was_measured(user):
    journals = user.folder / "results" / "journals"
    process = user.start("run", "--suite", "toy.py", "toy", "--timeout", "60", "--json")
    journal = first_stored_row(process, journals)
    wait_for_rows(process, journal, 12)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert json.loads(out) is not None
    table = pandas.read_parquet(runs_folder(user.folder / "results"))
    assert len(table) >= 12


def test_two_runs_at_once_do_not_disturb_each_other(user):
    both = [user.start("run", "--suite", "toy.py", "toy.linear", "--quick") for _ in range(2)]
    assert {process.wait() for process in both} <= FINE
    for process in both:
        process.communicate()
    table = pandas.read_parquet(runs_folder(user.folder / "results"))
    assert table["run"].nunique() == 2
    measured = table[~table["component"].str.startswith("calibration.")]
    assert measured.groupby("run").size().nunique() == 1

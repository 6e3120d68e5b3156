"""Finding runs, and the last results of a component."""

import duckdb
import pytest

from nnbench.errors import ResultsError
from nnbench.history import find_run, last_results, open_history, table, tried_since
from nnbench.model import Measurement, Run
from nnbench.store import SCHEMA, runs_folder, write_run

JANUARY, MARCH, APRIL = "20260101T000000Z-00000a", "20260301T000000Z-00000b", "20260302T000000Z-00000c"


def row(component, number=1.0, **content):
    return Measurement(component, "reference", "small", "forward_time", "s", (number,), **content)


def store(results, identifier, *rows):
    started = f"{identifier[:4]}-{identifier[4:6]}-{identifier[6:8]}T00:00:00+00:00"
    return write_run(runs_folder(results), Run(identifier, started, "", "", False, {"id": "m"}, measurements=rows))


@pytest.fixture
def results(tmp_path):
    store(tmp_path, MARCH, row("layers.linear", 2.0), row("layers.linear", 3.0, context={"seed": 1}), row("losses.mse"))
    store(tmp_path, JANUARY, row("layers.linear", 1.0), row("layers.gone", 7.0))
    store(tmp_path, APRIL, row("losses.mse", 4.0))
    return tmp_path


def test_runs_are_listed_oldest_first(results):
    history = open_history(results)
    assert [run.id for run in history.runs] == [JANUARY, MARCH, APRIL]
    assert [path.stem for path in history.paths] == [JANUARY, MARCH, APRIL]
    assert all(run.measurements == () for run in history.runs)


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        (JANUARY, JANUARY),
        ("202601", JANUARY),
        ("20260302", APRIL),
        ("latest", APRIL),
        ("latest~0", APRIL),
        ("latest~1", MARCH),
        ("latest~2", JANUARY),
    ],
)
def test_a_run_is_found_by_its_id_its_start_or_its_place(results, text, identifier):
    assert find_run(results, text).id == identifier


def test_a_run_is_found_with_its_measurements(results):
    assert find_run(results, JANUARY).measurements == (row("layers.linear", 1.0), row("layers.gone", 7.0))


def test_a_run_is_found_by_its_file_wherever_that_is(results, tmp_path):
    path = runs_folder(results) / f"{JANUARY}.parquet"
    moved = path.rename(tmp_path / "sent_by_a_friend.parquet")
    assert find_run(tmp_path / "nowhere", str(moved)).id == JANUARY


def test_a_file_that_is_not_there_is_told(results):
    with pytest.raises(ResultsError, match=r"there is no file gone\.parquet"):
        find_run(results, "gone.parquet")


@pytest.mark.parametrize("text", ["2025", "latest~3", "latest~x", "latest~-1", "earliest"])
def test_an_unknown_run_is_told_with_those_that_there_are(results, text):
    with pytest.raises(ResultsError) as unknown:
        find_run(results, text)
    assert str(unknown.value) == (
        f"no run is called {text!r}. There are 3 runs, the newest {JANUARY}, {MARCH} and {APRIL}; "
        "`latest` and `latest~1` work too."
    )


def test_the_start_of_several_runs_is_ambiguous(results):
    with pytest.raises(ResultsError, match=r"2 runs start with '202603'\. There are 3 runs, the newest"):
        find_run(results, "202603")


def test_an_empty_folder_is_told_how_to_fill_it(tmp_path):
    with pytest.raises(ResultsError, match=r"runs holds no runs. `nnbench run` makes one; --results names another"):
        find_run(tmp_path, "latest")


def test_the_last_results_are_of_the_newest_run_that_has_the_component(results):
    assert last_results(results, "layers.linear") == (
        MARCH,
        (row("layers.linear", 2.0), row("layers.linear", 3.0, context={"seed": 1})),
    )
    assert last_results(results, "losses.mse") == (APRIL, (row("losses.mse", 4.0),))
    assert last_results(results, "layers.gone") == (JANUARY, (row("layers.gone", 7.0),))


def lost(component, status, note):
    return Measurement(component, "reference", "small", "forward_time", "s", status=status, note=note)


def test_the_last_results_are_of_the_newest_run_that_holds_numbers_and_newer_ones_are_told(results):
    assert tried_since(results, "losses.mse", APRIL) == ()
    store(results, "20260303T000000Z-00000d", lost("losses.mse", "crashed", "gone"))
    store(results, "20260304T000000Z-00000e", lost("losses.mse", "skipped", "no data"), row("layers.linear", 1.0))
    assert last_results(results, "losses.mse") == (APRIL, (row("losses.mse", 4.0),))
    assert tried_since(results, "losses.mse", APRIL) == (
        ("20260304T000000Z-00000e", "skipped", "no data"),
        ("20260303T000000Z-00000d", "crashed", "gone"),
    )
    store(results, "20260305T000000Z-00000f", lost("layers.new", "skipped", "no GPU"))
    assert last_results(results, "layers.new")[0] == "20260305T000000Z-00000f"
    assert tried_since(results, "layers.new", "20260305T000000Z-00000f") == ()


def test_a_component_that_was_never_measured_has_no_results(results, tmp_path):
    assert last_results(results, "layers.conv2d") == ("", ())
    assert last_results(tmp_path / "nowhere", "layers.linear") == ("", ())


@pytest.mark.parametrize("name", ["it's", 'so "called"', "x'; DROP VIEW runs; --", "?", "%", "' OR 1=1 --"])
def test_quotes_in_a_name_are_just_letters(results, name):
    assert last_results(results, name) == ("", ())
    store(results, "20260401T000000Z-00000d", row(name, 5.0))
    assert last_results(results, name) == ("20260401T000000Z-00000d", (row(name, 5.0),))
    assert last_results(results, "layers.linear")[0] == MARCH


def test_a_file_that_is_no_run_costs_only_itself(results):
    (runs_folder(results) / "20270101T000000Z-00000e.parquet").write_text("no")
    assert find_run(results, "latest").id == APRIL
    assert last_results(results, "layers.linear")[0] == MARCH


QUESTION = 'SELECT run, component, "values"[1] AS value FROM runs WHERE component = ? ORDER BY started'


def test_a_question_is_answered_as_a_table(results):
    answer = table(results, QUESTION, ["layers.linear"])
    assert answer.to_pylist() == [
        {"run": JANUARY, "component": "layers.linear", "value": 1.0},
        {"run": MARCH, "component": "layers.linear", "value": 2.0},
        {"run": MARCH, "component": "layers.linear", "value": 3.0},
    ]
    assert table(results, "SELECT * FROM runs").schema.names == SCHEMA.names


def test_a_question_to_no_runs_has_an_empty_answer_of_the_same_columns(results, tmp_path):
    empty = table(tmp_path / "nowhere", QUESTION, ["layers.linear"])
    assert (empty.num_rows, empty.schema.names) == (0, table(results, QUESTION, ["layers.linear"]).schema.names)


def test_a_question_that_is_none_is_refused(results):
    with pytest.raises(duckdb.Error, match="nonsense"):
        table(results, "SELECT nonsense FROM runs")


@pytest.mark.parametrize("name", ["a*b", "a?b", "[!a]", "a{b,c}", "it's", "year=2026", "back\\slash", "sp ace", "ü"])
def test_a_folders_name_is_only_a_name(tmp_path, name):
    for folder in (name, "aab", "b"):
        store(tmp_path / folder, JANUARY, row("layers.linear", float(len(folder))))
    assert table(tmp_path / name, "SELECT run FROM runs").num_rows == 1
    assert last_results(tmp_path / name, "layers.linear")[1][0].values == (float(len(name)),)


def test_a_file_that_comes_later_is_seen_at_once(results):
    assert len(open_history(results).runs) == 3
    path = store(results, "20260401T000000Z-00000d", row("losses.mse", 9.0))
    assert len(open_history(results).runs) == 4
    path.write_bytes(b"damaged")
    assert len(open_history(results).runs) == 3

"""The report's drawings of history: whole, harmless, the same every time, and told in words."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from sample_runs import HOSTILE, MACHINE, run_of, timed

from nnbench.report import run_page, trends
from nnbench.report.trend import LEFT, MOST_DOTS, MOST_PANELS, WIDTH, drawing
from nnbench.trends.regressions import regressions
from nnbench.trends.series import Key, Series
from nnbench.trends.trainings import Lost

RUN = run_of(*timed("torch", 1e-3))
START = np.datetime64("2026-01-01T12:30:45", "us")


def series(values, metric="forward_time", basis="calibrated", unit="s", last=RUN.id, **names):
    """One run a day, the last of them the run whose page it is."""
    count = len(values)
    names = {"component": "layers.linear", "variant": "torch", "case": "32x784"} | names
    return Series(
        Key(**names, metric=metric, machine=MACHINE["id"], spec=""),
        basis,
        unit,
        np.array(values, dtype=float),
        np.array([f"{number:x}" * 8 for number in range(count)], dtype=object),
        np.array([f"run{number}" for number in range(count - 1)] + [last], dtype=object),
        START + np.timedelta64(1, "D") * np.arange(count),
        np.zeros(count, dtype=bool),
        np.zeros(count, dtype=bool),
    )


STEP = series([level * (1 + noise / 100) for level in (1e-3, 1.3e-3) for noise in (0, 1, -1, 0, 1) * 3])
COUNTS = series([100, 100, 108], "flops", "exact", "1")


def drawn(one, **more):
    return str(drawing(one, [found for found in regressions([one]) if found.verdict != "suspicion"], **more))


def test_a_drawing_has_a_dot_a_run_a_line_a_level_and_a_mark_a_change():
    root = ElementTree.fromstring(drawn(STEP))
    paths = [path.attrib for path in root.iter("path")]
    dots = [path["d"] for path in paths if "round" in path["style"]]
    assert [path.count("M") for path in dots] == [30]
    assert len([path for path in paths if "var(--ink)" in path["style"]]) == 2
    assert len([path for path in paths if "var(--slower)" in path["style"]]) == 1
    assert [text.text for text in root.iter("text")][-1] == "worse: 1.00 ms to 1.30 ms at ffffffff"


def test_a_drawing_is_told_in_words():
    assert "from 1.00 ms to 1.31 ms at the machine&#39;s usual speed; worse: 1.00 ms to 1.30 ms at ffffffff" in drawn(
        STEP
    )
    assert "from 100 to 108; worse: 100 to 108 at 22222222" in drawn(COUNTS)


def test_counts_that_look_the_same_are_written_out():
    assert "worse: 1,000,000 to 1,000,001" in drawn(series([1e6, 1e6 + 1], "flops", "exact", "1"))


def test_of_trainings_it_says_where_they_ended_and_marks_those_that_gave_no_value():
    whole = series([0.5, 0.6], "test_accuracy", "raw", "1")
    when = whole.started[0] + np.timedelta64(1, "h")
    lost = Lost("run9", "c" * 40, False, when, 7, "diverged", "test_accuracy", "1")
    marked = drawn(replace(whole, epochs=np.array([17, 28]), lost=(lost,)))
    crosses = [path for path in ElementTree.fromstring(marked).iter("path") if path.attrib["d"].count("M") == 2]
    middle = (LEFT + WIDTH - 8) / 2
    xs = [float(x) for x in re.findall(r"[ML](-?[\d.]+)", crosses[-1].attrib["d"])]
    assert [sum(xs) / len(xs), len(xs)] == [middle, 4]
    assert "ended after 17 to 28 epochs; diverged at cccccccc" in marked
    assert "diverged" not in drawn(whole)


def test_all_is_inside_the_drawing():
    for one in (STEP, COUNTS, series([0.0, 0.0, 0.0], "flops", "exact", "1"), series(np.geomspace(1e-9, 1e3, 50))):
        root = ElementTree.fromstring(drawn(one))
        height = float(root.attrib["height"])
        for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", "".join(path.attrib["d"] for path in root.iter("path"))):
            assert LEFT - 0.1 <= float(x) <= WIDTH
            assert 0 <= float(y) <= height


def test_very_many_runs_are_drawn_as_medians_of_neighbours():
    draw = np.random.default_rng(0)
    text = drawn(series(draw.lognormal(size=5000)))
    assert text.count("h0") == MOST_DOTS
    assert len(text) < 10_000


def test_equal_series_give_equal_bytes():
    assert drawn(STEP) == drawn(series(STEP.values))
    assert drawn(STEP) != drawn(series(STEP.values * np.linspace(1, 2, 30)))


def test_names_are_only_names():
    text = drawn(series([1.0, 2.0, 1.0], component=HOSTILE, variant=HOSTILE, case=HOSTILE))
    root = ElementTree.fromstring(text)
    assert {element.tag for element in root.iter()} <= {"svg", "desc", "path", "text"}


def test_a_page_shows_the_history_of_what_the_run_measured():
    found = [STEP, series([1e-3] * 4, variant="reference")]
    shown = trends(RUN, found, regressions(found))
    assert shown.sentence == "2 numbers of this run go back over 30 runs; 1 changed."
    assert [len(shown.changed), len(shown.steady)] == [1, 1]
    page = run_page(RUN, shown)
    assert '<h2 id="history">History</h2>' in page
    assert '<a href="#history">' in page
    assert "layers.linear<wbr>@torch, forward_time, 32x784" in page
    assert page.count('id="trend-') == 2
    assert page == run_page(RUN, shown)


def test_without_earlier_runs_there_is_no_such_section():
    assert trends(RUN, [series([1e-3])], ()) is None
    assert trends(RUN, [series([1e-3, 1e-3], last="another")], ()) is None
    assert "#history" not in run_page(RUN)
    assert run_page(RUN) == run_page(RUN, None)


def test_later_runs_are_not_on_an_older_runs_page():
    older = run_of(*timed("torch", 1e-3), id="run4")
    shown = trends(older, [STEP], regressions([STEP]))
    assert shown.sentence == "1 number of this run goes back over 5 runs; 0 changed."


@pytest.mark.parametrize("changed", [True, False])
def test_only_so_many_are_drawn_and_the_rest_is_counted(changed):
    values = [1, 1, 2] if changed else [1, 1, 1]
    found = [series(values, "flops", "exact", "1", case=str(number)) for number in range(MOST_PANELS + 7)]
    shown = trends(RUN, found, regressions(found))
    assert len(shown.changed) + len(shown.steady) == MOST_PANELS
    assert "7 of them are left out here: nnbench trend shows them." in shown.sentence

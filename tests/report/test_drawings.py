"""What is drawn of single components and of trainings: read back out of the SVG, as a reader would."""

import math
import re
from xml.etree import ElementTree

import pytest
from sample_runs import run_of

from nnbench.model import Measurement
from nnbench.report import run_page
from nnbench.report.drawings import MOST, drawings
from nnbench.report.drawn_axes import MOST_UP, Axes, ends, line, ticks
from nnbench.report.drawn_training import TEST

GRID = [-5 + 10 * place / 160 for place in range(161)]


def curve(metric, function, component="activations.relu", case="64x1024"):
    context = {"low": -5.0, "high": 5.0}
    return Measurement(component, "reference", case, metric, "1", tuple(map(function, GRID)), context=context)


def relu(component="activations.relu", case="64x1024"):
    return [
        curve("curve_value", lambda x: max(x, 0.0), component, case),
        curve("curve_derivative", lambda x: float(x > 0), component, case),
    ]


def epochs(values, metric="test_accuracy", seed=0, **more):
    return [trained(metric, (value,), epoch, seed, **more) for epoch, value in enumerate(values, 1)]


def trained(metric, values, epoch=2, seed=0, data="mnist", component="architectures.mlp", **more):
    context = {"data": data, "seed": seed, "epoch": epoch} | more
    return Measurement(component, "reference", f"{data},epoch={epoch}", metric, "1", tuple(values), context=context)


def parsed(panel):
    return ElementTree.fromstring(panel.svg)


def told(panel):
    return parsed(panel).find("desc").text


def strokes(panel, colour):
    """The paths of a colour, as lists of points; the key's piece of line and the grid are left out."""
    paths = [one.get("d") for one in parsed(panel).iter("path") if f"stroke:var(--{colour})" in one.get("style")]
    found = [re.findall(r"[ML]([\d.-]+) ([\d.-]+)", path) for path in paths if "L" in path]
    return [[(float(x), float(y)) for x, y in points] for points in found]


def test_a_function_is_drawn_with_its_derivative():
    (panel,) = drawings(relu()).curves
    assert panel.title == "activations.relu"
    assert "value: 0 at -5, 0 at 0, 5 at 5" in told(panel)
    assert "derivative: 0 at -5, 0 at 0, 1 at 5" in told(panel)
    (value,), (slope,) = strokes(panel, "series-1"), strokes(panel, "series-2")
    assert len(value) == len(slope) == len(GRID)
    assert value[0][1] == value[80][1] > value[-1][1]  # flat, then up: down is more on a screen
    assert len({y for _, y in slope}) == 2


def test_arguments_are_told_and_the_input_is_not():
    rows = relu("activations.leaky_relu", "64x1024,negative_slope=0.1")
    assert drawings(rows).curves[0].title == "activations.leaky_relu, negative_slope=0.1"


def test_half_a_pair_is_not_drawn():
    assert drawings(relu()[:1]).curves == ()


def test_every_seed_of_a_training_is_a_line():
    rows = [*epochs([0.9, 0.95, 0.97]), *epochs([0.91, 0.94, 0.96], seed=1)]
    (panel,) = drawings(rows).histories
    assert panel.title == "architectures.mlp@reference, mnist: accuracy by epoch"
    assert [len(points) for points in strokes(panel, "series-2")] == [3, 3]
    assert told(panel) == "test of 2 seeds: first 90.00 % to 91.00 %, last 96.00 % to 97.00 %"


def test_losses_and_accuracies_have_a_panel_each():
    rows = [*epochs([0.9, 0.95]), *epochs([2.0, 1.0], "train_loss"), *epochs([2.1, 1.2], "test_loss")]
    assert [panel.title.rpartition(": ")[2] for panel in drawings(rows).histories] == [
        "loss by epoch",
        "accuracy by epoch",
    ]


def test_a_single_epoch_is_no_history():
    assert drawings(epochs([0.9])).histories == ()


def test_a_training_that_diverged_is_drawn_to_the_point_of_its_death():
    (panel,) = drawings(epochs([1.0, 80.0, math.nan], "train_loss")).histories
    assert [len(points) for points in strokes(panel, "series-1")] == [2]
    assert "×" in [one.text for one in parsed(panel).iter("text")]
    assert "1 not finite at the end" in told(panel)


def test_contenders_of_a_comparison_stay_apart():
    rows = [*epochs([0.9, 0.95], contender="adam"), *epochs([0.8, 0.85], contender="sgd")]
    titles = [panel.title for panel in drawings(rows).histories]
    assert titles == [f"architectures.mlp@reference, mnist, {name}: accuracy by epoch" for name in ("adam", "sgd")]


def test_a_confusion_matrix_tells_what_is_mixed_up():
    counts = [50, 0, 0, 7, 40, 3, 0, 1, 49]
    (panel,) = drawings([trained("confusion", map(float, counts))]).confusions
    texts = [one.text for one in parsed(panel).iter("text")]
    assert {"50", "40", "49", "7", "3", "1"} <= set(texts)
    assert texts[-3:] == ["139 of 150 right", "1 taken for 0: 7 times", "1 taken for 2: 3 times"]
    assert len(list(parsed(panel).iter("rect"))) == 6  # nothing where nothing was counted


def test_seeds_of_a_confusion_matrix_are_added_up():
    rows = [trained("confusion", (3.0, 1.0, 0.0, 4.0), seed=seed) for seed in range(3)]
    (panel,) = drawings(rows).confusions
    assert "24 predictions of 3 trainings" in told(panel)


@pytest.mark.parametrize("values", [(), (1.0, 2.0), (1.0, math.nan, 0.0, 1.0), (1.0, -1.0, 0.0, 1.0)])
def test_what_is_no_matrix_is_not_drawn(values):
    assert drawings([trained("confusion", values)]).confusions == ()


def test_predicted_stands_against_actual():
    rows = [trained("actual", (1.0, 2.0, 4.0)), trained("predicted", (1.0, 3.0, 2.0))]
    (panel,) = drawings([*rows, *(trained(row.metric, row.values, seed=1) for row in rows)]).series
    assert panel.title == "architectures.mlp@reference, mnist, seed 0"
    assert told(panel) == "3 points of the test part, in order; off by 1 on average, 2 at most"
    assert [len(points) for points in strokes(panel, "series-2")] == [3]


def test_predicted_of_another_length_is_not_drawn():
    assert drawings([trained("actual", (1.0, 2.0)), trained("predicted", (1.0, 3.0, 2.0))]).series == ()


def test_a_page_holds_so_many_and_tells_of_the_others():
    rows = [row for number in range(MOST + 2) for row in epochs([0.9, 0.95], data=f"data{number}")]
    found = drawings(rows)
    assert (len(found.histories), found.left_out) == (MOST, 2)


def test_a_line_breaks_where_a_number_is_not_finite():
    path = line(Axes((0, 4), (0, 1)), range(5), [0.1, math.nan, 0.3, 0.4, math.inf], TEST)
    assert (path.count("M"), path.count("L"), path.count("h0")) == (2, 1, 1)


def test_ends_hold_everything_and_a_single_level_too():
    assert ends([3.0, 3.0]) == (1.5, 4.5)
    assert ends([math.nan]) == (0.0, 1.0)
    assert ends([0.0, 0.0]) == (-0.5, 0.5)


@pytest.mark.parametrize("span", [(0, 1), (-5, 5), (0.9812, 0.9833), (0, 1e-9), (1e6, 3e6)])
def test_ticks_are_few_and_between_the_ends(span):
    found = ticks(*span)
    assert 2 <= len(found) <= 5
    assert span[0] <= found[0] < found[-1] <= span[1]


@pytest.mark.parametrize("start", [0.0, 0.013, -3.7, 1e6])
@pytest.mark.parametrize("length", [0.0131, 0.7, 1.02, 1.19, 1.33, 1.51, 3.1, 6.2, 9.9])
def test_an_axis_has_three_numbers_at_least(start, length):
    assert 3 <= len(ticks(start, start + length, MOST_UP)) <= MOST_UP


def test_a_run_that_trained_and_measured_shows_its_drawings():
    rows = [*relu(), *epochs([0.9, 0.95]), trained("confusion", (3.0, 1.0, 0.0, 4.0))]
    page = run_page(run_of(*rows))
    for title in ("Curves", "Epoch by epoch", "Which class was taken for which"):
        assert f">{title}<" in page
    assert "Confusion" not in page  # no column of the table of trainings


def test_hostile_names_stay_text():
    hostile = '"><img src=x onerror=alert(1)>\u202e'
    rows = [
        *relu(f"a.{hostile}", f"4,x={hostile}"),
        *epochs([0.9, 0.95], data=hostile),
        trained("confusion", (1.0, 0.0, 0.0, 1.0), component=f"b.{hostile}"),
        trained("actual", (1.0, 2.0), contender=hostile),
        trained("predicted", (1.0, 2.0), contender=hostile),
    ]
    found = drawings(rows)
    for panel in (*found.curves, *found.histories, *found.confusions, *found.series):
        assert {one.tag for one in parsed(panel).iter()} <= {"svg", "desc", "path", "text", "rect"}
    page = run_page(run_of(*rows))
    assert "<img" not in page
    assert "\u202e" not in page

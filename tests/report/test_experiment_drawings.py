"""The numbers behind the drawings of an experiment: scales, courses, targets, what was tuned."""

import itertools
import math
import re
from dataclasses import replace

import made_up
import pytest
from made_up import fails
from markupsafe import Markup

from nnbench.experiments.records import EpochNumbers
from nnbench.report.comparison.courses import MOST_TIMES, Course, Point, courses, middles, middles_by_seconds, quantile
from nnbench.report.comparison.curves import HEIGHT, curves_section
from nnbench.report.comparison.drawing import WIDTH
from nnbench.report.comparison.order import placed
from nnbench.report.comparison.plot import Plot, names_beside, room_for_names, spread
from nnbench.report.comparison.protocol import protocol
from nnbench.report.comparison.scales import ERROR, LINEAR, LOG, WHOLE, Scale, of_metric, short
from nnbench.report.comparison.section import Figures
from nnbench.report.comparison.target import Arrival, _cell, _told, arrivals, rounded, targets
from nnbench.report.comparison.tuned import decades, expected_best, tuned
from nnbench.report.comparison.written import between, cause, causes, difference, plain


def names(experiment):
    return [one.name for _, one in placed(experiment)]


@pytest.mark.parametrize(
    ("metric", "values", "kind"),
    [
        ("test_accuracy", [0.97, 0.98], LINEAR),
        ("test_accuracy", [0.1, 0.98], ERROR),
        ("test_accuracy", [0.0, 1.0], ERROR),
        ("test_loss", [0.5, 1.0], LINEAR),
        ("test_loss", [1e-4, 1.0], LOG),
        ("test_loss", [-1.0, 3.0], LINEAR),
        ("test_accuracy", [0.5], LINEAR),
        ("test_loss", [], LINEAR),
        ("test_loss", [math.inf, 2.0], LINEAR),
    ],
)
def test_scale_holds_all_values_in_their_order(metric, values, kind):
    scale = of_metric(metric, values, 10, 110)
    assert scale.kind == kind
    finite = [value for value in values if math.isfinite(value)]
    places = [scale.at(value) for value in sorted(finite)]
    assert places == sorted(places)
    assert all(10 <= place <= 110 for place in places)
    assert len(set(places)) == len(set(finite))


@pytest.mark.parametrize("low", [0.0, 1e-5, 0.013, 0.9, 1.0, 250.0])
@pytest.mark.parametrize("factor", [1.0001, 1.3, 7.0, 1e4])
@pytest.mark.parametrize("kind", [LINEAR, LOG])
def test_ticks_lie_on_the_scale_and_apart(low, factor, kind):
    if kind == LOG and low == 0:
        low = 1e-9
    scale = Scale(low, low * factor or 1.0, 0, 300, kind)
    ticks = scale.ticks(40)
    places = sorted(scale.at(tick) for tick in ticks)
    assert all(scale.holds(tick) for tick in ticks)
    assert all(after - before >= 40 - 1e-6 for before, after in itertools.pairwise(places))
    assert len(ticks) >= 2 or (kind == LOG and factor < 10)


def test_what_lies_outside_comes_to_the_edge():
    scale = Scale(0.0, 1.0, 0, 100)
    assert (scale.at(-math.inf), scale.at(7.0), scale.at(math.inf)) == (0, 100, 100)


def test_labels_of_ticks():
    assert [short("test_accuracy", value) for value in (0.975, 0.0, 1.0)] == ["97.5 %", "0 %", "100 %"]
    assert [short("test_loss", value) for value in (1e-4, 0.001, 0.05, 20)] == ["1e-4", "0.001", "0.05", "20"]


def test_failed_trial_counts_as_worse_from_then_on():
    experiment = made_up.experiment(seeds=3, diverged="momentum")
    found = courses(experiment, "momentum", "test_accuracy")
    assert [len(one.points) for one in found] == [5, 2, 5]
    middle = middles(found, "more")
    last = sorted(one.points[-1].value for one in found if not one.has_failed)
    assert middle[-1].value == last[0]  # the middle one of: failed, worse, better
    assert middle[-1].low == -math.inf


def test_median_ends_where_half_of_the_trials_failed():
    experiment = made_up.experiment(seeds=2, diverged="momentum")
    middle = middles(courses(experiment, "momentum", "test_accuracy"), "more")
    assert [math.isfinite(one.value) for one in middle] == [True, True, False, False, False]


def test_seeds_are_compared_at_the_same_seconds():
    first = made_up.experiment(seeds=1).outcomes[0]
    courses_ = [timed(first, (1.0, 0.5), (2.0, 0.7)), timed(first, (2.0, 0.5), (4.0, 0.7))]
    found = middles_by_seconds(courses_, "more")
    assert [(one.seconds, pytest.approx(one.value)) for one in found] == [(2.0, 0.6), (4.0, 0.7)]
    failed = [courses_[1], timed(replace(first, status="failed"), (1.0, 0.5), (3.0, 0.7))]
    ends = middles_by_seconds(failed, "more")
    assert [(one.seconds, one.value) for one in ends][1:] == [(3.0, pytest.approx(0.65)), (4.0, -math.inf)]
    assert middles_by_seconds([timed(first)], "more") == []


def timed(outcome, *points):
    """A course of an outcome through these seconds and values."""
    return Course(outcome, tuple(Point(epoch, *point) for epoch, point in enumerate(points, 1)))


def test_equal_paces_give_the_same_by_seconds_as_by_epoch():
    found = courses(made_up.experiment(seeds=3, diverged="momentum"), "momentum", "test_accuracy")
    by_epoch = [(one.seconds, one.value, one.low, one.high) for one in middles(found, "more")]
    assert [(one.seconds, one.value, one.low, one.high) for one in middles_by_seconds(found, "more")] == by_epoch


def test_a_long_course_by_seconds_keeps_its_ends():
    first = made_up.experiment(seeds=1).outcomes[0]
    found = middles_by_seconds([timed(first, *((float(time), float(time)) for time in range(1, 500)))], "more")
    assert len(found) == MOST_TIMES
    assert (found[0].value, found[-1].value) == (1.0, 499.0)
    assert all(one.value == pytest.approx(one.seconds) for one in found)


@pytest.mark.parametrize(
    ("better", "metric", "is_low"), [("more", "test_accuracy", True), ("less", "test_loss", False)]
)
def test_a_failure_before_the_first_epoch_stands_at_the_worse_end(better, metric, is_low):
    made = made_up.plain({"a": [0.5, 0.6, None]}, metric, better)
    [figure] = next(part for part in curves_section(made).parts if isinstance(part, Figures)).members[:1]
    height = float(re.search(r'class="failure" d="M[\d.]+ ([\d.]+)', str(figure.svg)).group(1))
    assert (height > HEIGHT / 2) == is_low


def test_curves_by_seconds_have_every_seed_and_a_band():
    drawn = curves_section(made_up.experiment(seeds=3, diverged="")).parts[-1].members
    assert len(drawn) == len(made_up.OPTIMIZERS)
    assert all(str(one.svg).count('class="faint"') == 3 and 'class="band"' in str(one.svg) for one in drawn)


def test_a_metric_that_is_never_finite_has_no_curves():
    made = made_up.experiment(seeds=2, epochs=1, tuned=False)
    spoilt = tuple(
        replace(fails(one, 1), epochs=(EpochNumbers(1, 1.0, {"test_accuracy": 0.1, "train_loss": math.nan}),))
        for one in made.outcomes
    )
    section = curves_section(replace(made, outcomes=spoilt))
    titles = [figure.title for part in section.parts if isinstance(part, Figures) for figure in part.members]
    assert not any("loss" in title for title in titles)
    assert curves_section(replace(made, outcomes=spoilt, metric="train_loss", better="less")) is None


def test_trial_that_stopped_early_keeps_its_last_value():
    experiment = made_up.experiment(seeds=1)
    short_one = replace(experiment.outcomes[0], epochs=experiment.outcomes[0].epochs[:2])
    long_one = replace(experiment.outcomes[0], trial=replace(experiment.outcomes[0].trial, seed=1))
    both = replace(experiment, outcomes=(short_one, long_one))
    middle = middles(courses(both, "adam", "test_accuracy"), "more")[-1]
    ends = [one.epochs[-1].values["test_accuracy"] for one in (short_one, long_one)]
    assert middle.value == pytest.approx(sum(ends) / 2)


def test_quantiles_agree_with_numpy():
    import numpy as np

    values = sorted([0.3, 0.1, 0.9, 0.4, 0.45])
    for part in (0, 0.1, 0.25, 0.5, 0.9, 1):
        assert quantile(values, part) == pytest.approx(float(np.quantile(values, part)))


def test_targets_go_from_easy_to_hard():
    experiment = made_up.experiment()
    levels = targets(experiment)
    assert levels == sorted(levels)
    assert len(levels) == 3
    less = made_up.plain({"a": [0.01, 0.02, 0.03], "b": [1.0, 1.5, 2.0]}, "test_loss", "less")
    assert targets(less) == sorted(targets(less), reverse=True)
    assert targets(made_up.plain({"a": [None]})) == []


def test_arrival_is_the_first_epoch_at_the_target():
    experiment = made_up.experiment(seeds=1, epochs=4)
    first = experiment.outcomes[0]
    reached = [
        EpochNumbers(number, 2.0 * number, {"test_accuracy": value})
        for number, value in enumerate((0.5, 0.9, 0.8, 0.95), 1)
    ]
    experiment = replace(experiment, outcomes=(replace(first, epochs=tuple(reached)),))
    [found] = arrivals(experiment, "adam", 0.9)
    assert (found.seconds, found.epoch) == (4.0, 2)
    [never] = arrivals(experiment, "adam", 0.99)
    assert (never.seconds, never.epoch) == (math.inf, None)


def test_median_epoch_counts_those_that_never_arrived_as_the_median_seconds_do():
    found = [Arrival(0, 1.0, 1), Arrival(1, 2.0, 2), Arrival(2, 3.0, 3), Arrival(3), Arrival(4)]
    cell = _cell(found, False)
    assert (cell.text, cell.detail) == ("3.00 s", "epoch 3; 3 of 5")
    assert _told([Arrival(0, 0.06, 1)]).endswith("the first after 0.0600 s")


def test_of_equal_rates_the_chosen_one_is_best():
    made = made_up.experiment()
    equal = [
        replace(one, epochs=tuple(replace(epoch, values={"validation_accuracy": 0.9}) for epoch in one.epochs))
        for one in made.tuning
    ]
    found = tuned(replace(made, tuning=tuple(equal)), "sgd")
    assert (found.best.rate, found.chosen, found.edge) == (1e-3, 1e-3, "")


def test_a_rate_that_not_everyone_had_is_not_best():
    made = made_up.experiment()
    rates = sorted(made_up.LEARNING_RATES)
    grids = {"grid": {one.name: rates for one in made.contenders}}
    last = made.contenders[-1].name
    cut = tuple(
        one for one in made.tuning if not (one.trial.contender == last and one.trial.changes["lr"] == made_up_best())
    )
    whole = tuned(replace(made, protocol={**made.protocol, **grids}), "rmsprop")
    part = tuned(replace(made, protocol={**made.protocol, **grids}, tuning=cut), "rmsprop")
    assert whole.best.rate == made_up_best()
    assert [one.rate for one in part.tried] == rates
    assert part.best.rate == 1e-2


def made_up_best():
    return max(made_up.LEARNING_RATES, key=made_up.LEARNING_RATES.__getitem__)


def test_tuning_finds_the_best_rate_and_the_edges_of_its_grid():
    experiment = made_up.experiment()
    found = tuned(experiment, "adam")
    assert [one.rate for one in found.tried] == [1e-4, 1e-3, 1e-2, 1e-1]
    assert (found.best.rate, found.chosen, found.edge) == (1e-3, 1e-3, "")
    assert found.tried[-1].values == (None,)
    cut = replace(experiment, tuning=tuple(one for one in experiment.tuning if one.trial.changes["lr"] >= 1e-3))
    assert tuned(cut, "adam").edge == "lower"


def test_width_of_a_plateau_is_in_decades():
    experiment = made_up.experiment()
    assert decades(tuned(experiment, "rmsprop"), "validation_accuracy") == 0
    flat = replace(
        experiment,
        tuning=tuple(
            replace(
                one,
                epochs=(EpochNumbers(1, 1.0, {"validation_accuracy": 0.5 if one.trial.changes["lr"] < 1e-3 else 0.9}),),
            )
            for one in experiment.tuning
            if one.status == "ok"
        ),
    )
    assert decades(tuned(flat, "rmsprop"), "validation_accuracy") == pytest.approx(2)


def test_expected_best_agrees_with_counting():
    values = [0.1, 0.5, 0.7]
    pairs = [max(a, b) for a in values for b in values]
    assert expected_best(values, "more", 2) == pytest.approx(sum(pairs) / 9)
    pairs = [min(a, b) for a in values for b in values]
    assert expected_best(values, "less", 2) == pytest.approx(sum(pairs) / 9)
    assert expected_best(values, "more", 1) == pytest.approx(sum(values) / 3)


def test_levels_are_shown_in_their_order_and_contenders_best_first():
    assert names(made_up.dropout()) == [
        "dropout=0",
        "dropout=0.1",
        "dropout=0.2",
        "dropout=0.3",
        "dropout=0.5",
        "dropout=0.8",
    ]
    assert names(made_up.experiment())[-1] == "sgd"
    assert names(made_up.experiment(wrong="adam"))[-1] == "adam"


@pytest.mark.parametrize("count", [1, 5, 12])
def test_names_are_moved_apart_and_stay_in_their_order(count):
    wanted = {place: 50 + place / 10 for place in range(count)}
    found = spread(wanted, dict.fromkeys(wanted, 13), 0, 200)
    heights = list(found.values())
    assert list(found) == sorted(found)
    assert all(after - before >= 13 - 1e-9 for before, after in itertools.pairwise(heights))
    assert max(heights) <= 200


def test_numbers_in_words():
    assert difference("test_accuracy", -0.019) == "−1.90 points"
    assert difference("test_loss", 0.0123) == "+0.0123"
    assert between("test_accuracy", 0.971, 0.9755) == "97.10 to 97.55 %"
    assert [plain(value) for value in (0.00012, 1234.5, -0.5, 0.0)] == ["1.2e-4", "1234", "−0.5", "0"]


def test_cause_says_when_and_why():
    [failed] = [one for one in made_up.experiment().outcomes if one.status != "ok"]
    assert cause(failed) == "seed 1 failed after epoch 2: diverged: training loss is nan"
    assert cause(replace(failed, epochs=(), status="out of memory", note="")) == (
        "seed 1 ran out of memory before the first epoch ended: out of memory"
    )


def test_one_cause_of_several_trials_is_told_once():
    trials = made_up.plain({"a": [None, None], "b": [0.9, 0.9]}).of("a")
    later = replace(trials[1], trial=replace(trials[1].trial, seed=7), note="killed")
    assert causes([*trials, later]) == [
        "seeds 0 and 1 failed before the first epoch ended: diverged: training loss is nan",
        "seed 7 failed before the first epoch ended: killed",
    ]


def test_epochs_have_whole_ticks():
    assert Scale(1.0, 3.0, 0, 300, WHOLE).ticks(40) == [1.0, 2.0, 3.0]
    assert Scale(1.0, 3.0, 0, 300).ticks(40) == [1.0, 1.5, 2.0, 2.5, 3.0]


@pytest.mark.parametrize(
    ("metric", "better", "level", "target"),
    [
        ("test_accuracy", "more", 0.97386, 0.973),
        ("test_accuracy", "more", 0.8684, 0.86),
        ("test_accuracy", "more", 1.0, 1.0),
        ("test_loss", "less", 0.03412, 0.035),
        ("test_loss", "less", 0.0, 0.0),
        ("reward", "more", 129.7, 120.0),
        ("reward", "more", -129.7, -130.0),
    ],
)
def test_targets_are_round_and_no_harder_than_what_was_reached(metric, better, level, target):
    experiment = made_up.plain({"a": [level]}, metric, better)
    assert rounded(level, experiment) == pytest.approx(target)


def test_longer_names_leave_less_room_for_the_plot_but_never_none():
    some, others = (room_for_names(made_up.plain({name: [0.9]})) for name in ("a", "a name that nobody can read" * 9))
    assert some < others < WIDTH / 2


def test_a_name_too_long_for_a_line_takes_two_and_is_not_cut():
    experiment = made_up.plain({"SGD with momentum": [0.9], "SGD": [0.8]})
    plot = Plot(200, right=room_for_names(experiment))
    found = str(Markup("").join(names_beside(plot, experiment, {0: (10.0, 50.0), 1: (10.0, 51.0)})))
    assert re.findall(r">([^<>]+)</text>", found) == ["SGD with", "momentum", "SGD"]
    heights = [float(y) for y in re.findall(r'<text x="[^"]+" y="([^"]+)"', found)]
    assert all(after - before >= 13 - 1e-6 for before, after in itertools.pairwise(heights))


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.82), (0.62, 1.95), (0.0, 0.047), (3.0, 3.7), (0.975, 0.982)])
@pytest.mark.parametrize("pixels", [100, 160, 280])
def test_an_axis_has_three_labels_at_least_that_do_not_lie_on_each_other(low, high, pixels):
    scale = Scale(low, high, 0, pixels)
    ticks = scale.labelled("test_loss", 44, lambda label: 6.0 * len(label))
    places = [scale.at(tick) for tick in ticks]
    widest = max(6.0 * len(short("test_loss", tick)) for tick in ticks)
    assert all(after - before >= widest for before, after in itertools.pairwise(places))
    assert len(ticks) >= 3 or pixels == 100


def test_protocol_leaves_out_what_says_nothing():
    told = {
        "budget": 180.0,
        "commit": "",
        "grid": {},
        "recipe": {"scheduler": "", "epochs": 20, "arguments": {}, "features_argument": "in"},
    }
    facts = dict(protocol(made_up.experiment(protocol=told)))
    assert facts["budget"] == "3 min 00 s"
    assert facts["recipe"] == "epochs 20"
    assert not {"commit", "grid"} & facts.keys()
    assert "features argument" not in facts["recipe"]
    assert facts["settings of adam"] == "optimizer optimizers.adam@torch, lr 0.001"


def test_protocol_tells_of_the_machine_as_one_would():
    machine = {"id": "abc", "cpu": "EPYC", "cores": 2, "memory_gib": 23.5, "threads": 1}
    facts = dict(protocol(made_up.experiment(protocol={"machine": machine, "started": "2026-03-01T12:30:45+00:00"})))
    assert facts["machine"] == "EPYC, 2 cores, 23.5 GiB, 1 thread a training (abc)"
    assert facts["started"] == "2026-03-01, 12:30 UTC"

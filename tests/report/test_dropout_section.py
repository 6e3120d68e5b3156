from dataclasses import replace

import pytest
from made_up import dropout, experiment, fails

from nnbench.report.comparison.by_level import figure, of
from nnbench.report.comparison.dropout import dropout_section
from nnbench.report.comparison.section import Alert, Figures
from nnbench.report.grids import NOTHING, Grid

HELPS = {0.0: 0.95, 0.1: 0.97, 0.2: 0.9702, 0.5: 0.955}


def texts(section):
    return [getattr(part, "text", part) for part in section.parts if isinstance(part, str | Alert)]


def part(section, kind):
    return next(one for one in section.parts if isinstance(one, kind))


def without(made, *metrics):
    """The same experiment with trials that did not measure these at their end."""
    outcomes = [
        replace(one, final={name: values for name, values in one.final.items() if name not in metrics})
        for one in made.outcomes
    ]
    return replace(made, outcomes=tuple(outcomes))


def test_rate_is_recommended_with_its_evidence():
    said = texts(dropout_section(dropout(rates=HELPS)))[0]
    assert said.startswith("Take 0.2 (0.1 is not told apart from it): it is 2.")
    assert said.endswith("better than none. The evidence is 20 trainings that came to their end.")


def test_no_benefit_is_a_recommendation_too():
    said = texts(dropout_section(dropout(rates={0.0: 0.98, 0.1: 0.98, 0.5: 0.95})))[0]
    assert said.startswith(
        "Leave dropout out: no rate is shown to be better than 0. Not told apart from the best is also 0.1."
    )


def test_what_two_seeds_leave_open_is_not_settled():
    said = texts(dropout_section(dropout(seeds=2)))[0]
    assert said.startswith(
        "Not settled: 0.2 is best on average, but 0, 0.1, 0.3 and 0.5 are not told apart from it. "
        "Training without dropout is simplest."
    )


def test_nothing_is_best_where_all_failed():
    made = dropout(seeds=2)
    section = dropout_section(replace(made, outcomes=tuple(fails(one, 1) for one in made.outcomes)))
    assert texts(section)[0].startswith("No recommendation")
    rows = part(section, Grid).groups[0].rows
    assert {cell.text for row in rows for cell in row.cells} == {NOTHING.text}


def test_a_gap_below_0_is_drawn_with_its_whole_interval_in_points():
    made = dropout(rates=HELPS, seeds=3)
    flat = [replace(one, final=dict(one.final) | {"train_accuracy": (0.95,)}) for one in made.outcomes]
    drawn = next(one for one in part(dropout_section(replace(made, outcomes=tuple(flat))), Figures).members[1:])
    assert drawn.title == "Training less test accuracy against dropout rate"
    assert "points (−" in str(drawn.svg)
    assert " %<" not in str(drawn.svg)


def test_one_seed_is_no_evidence():
    assert texts(dropout_section(dropout(seeds=1)))[0].startswith("No recommendation")


def test_network_that_does_not_overfit_yet_raises_an_alert():
    made = dropout(rates=HELPS)
    early = [replace(one, final=dict(one.final) | {"train_accuracy": (0.5,)}) for one in made.outcomes]
    alert = part(dropout_section(replace(made, outcomes=tuple(early))), Alert)
    assert alert.text.startswith("No overfitting is shown yet: without dropout, training less test accuracy is −")


def test_overfitting_and_calibration_are_told():
    said = texts(dropout_section(dropout(rates=HELPS)))
    assert said[1].startswith(
        "There is overfitting to cure: without dropout, training less test accuracy is +2.00 points"
    )
    assert said[2] == (
        "Probabilities are calibrated best with dropout=0.5: off by 0.90 points, by 1.40 points without dropout; "
        "but its test accuracy is 1.58 points worse than that of the best."
    )


def test_four_drawings_and_what_was_not_measured_is_left_out():
    assert len(part(dropout_section(dropout()), Figures).members) == 4
    assert len(part(dropout_section(without(dropout(), "train_accuracy", "calibration_error")), Figures).members) == 2


def test_rates_not_told_apart_from_the_best_are_shaded():
    svg = part(dropout_section(dropout(rates=HELPS)), Figures).members[0].svg
    assert svg.count('class="marked"') == 2
    assert svg.count("<circle") == 20


def test_table_has_a_row_a_rate_and_says_who_is_best():
    grid = part(dropout_section(dropout(rates=HELPS)), Grid)
    rows = {row.header.text: row.cells for row in grid.groups[0].rows}
    assert list(rows) == ["0", "0.1", "0.2", "0.5"]
    assert rows["0.2"][1].text == "best"
    assert rows["0.1"][1].detail == "not told apart"
    assert rows["0"][1].tone == "bad"


def test_failed_trials_leave_no_dot():
    made = dropout(rates=HELPS)
    failed = tuple(
        replace(one, status="failed", note="diverged", final={}) if one.trial.contender == "dropout=0.5" else one
        for one in made.outcomes
    )
    section = dropout_section(replace(made, outcomes=failed))
    assert part(section, Figures).members[0].svg.count("<circle") == 15
    assert part(section, Grid).groups[0].rows[-1].cells[0].text == "–"


def test_names_are_no_markup():
    made = dropout(rates=HELPS)
    hostile = "<script>alert(1)</script>"
    renamed = [replace(one, name=hostile) if one.level == 0.1 else one for one in made.contenders]
    outcomes = [
        replace(one, trial=replace(one.trial, contender=hostile)) if one.trial.contender == "dropout=0.1" else one
        for one in made.outcomes
    ]
    section = dropout_section(replace(made, contenders=tuple(renamed), outcomes=tuple(outcomes)))
    assert "<script" not in part(section, Figures).members[0].svg


@pytest.mark.parametrize(
    "made", [experiment(), dropout(rates={0.1: 0.9, 0.2: 0.9}), replace(dropout(), factor="lr=0,1")]
)
def test_other_comparisons_have_no_such_section(made):
    assert dropout_section(made) is None


def test_quantity_that_nobody_measured_is_not_drawn():
    assert figure(dropout(), of("energy", "energy", "Energy"), "dropout rate") is None


def test_levels_that_span_much_are_placed_by_their_logarithm():
    drawn = figure(dropout(rates={0.001: 0.9, 0.01: 0.9, 0.1: 0.9}), of("m", "test_accuracy", "Accuracy"), "rate").svg
    ticks = [f">{value}<" in drawn for value in ("0.001", "0.01", "0.1")]
    assert all(ticks)


def test_section_of_an_experiment_without_trials_is_quiet():
    section = dropout_section(replace(dropout(), outcomes=()))
    assert texts(section) == ["No recommendation: that takes two seeds or more that come to their end."]

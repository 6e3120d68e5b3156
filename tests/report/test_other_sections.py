"""Sections of pages about neither optimizers nor dropout, and the masks that dropout drew."""

import re
from dataclasses import replace

import made_up
import pytest

from nnbench.experiments.records import Contender
from nnbench.report.comparison.others_answers import answers_section
from nnbench.report.comparison.others_batches import batches_section
from nnbench.report.comparison.others_functions import functions_section
from nnbench.report.comparison.others_gap import gap_section
from nnbench.report.comparison.others_inside import inside_section, start_section
from nnbench.report.comparison.others_level import level_section
from nnbench.report.comparison.others_masks import Mask, masks_section
from nnbench.report.comparison.others_rates import rates_section
from nnbench.report.comparison.others_shares import shares_section
from nnbench.report.comparison.page import experiment_page
from nnbench.report.comparison.section import Alert, Figures
from nnbench.report.grids import Grid

LESS = {"one": [0.5, 0.6, 0.7], "other": [0.6, 0.7, 0.8]}
OTHERS = (
    answers_section,
    shares_section,
    batches_section,
    functions_section,
    gap_section,
    inside_section,
    start_section,
    level_section,
    masks_section,
    rates_section,
)


def levels(values, factor="lr=0.1,1,10", **changes):
    """An experiment whose contenders are numbers; ``values`` hold what each seed of a level reached."""
    made = made_up.plain({f"lr {level:g}": found for level, found in values.items()}, factor=factor)
    contenders = tuple(Contender(f"lr {level:g}", {"lr": level}, level=level) for level in values)
    return replace(made, contenders=contenders, **changes)


def ended(experiment, **final):
    """The same, each trial with these final figures; a function is given the outcome."""
    outcomes = [
        replace(
            one,
            final={**one.final, **{name: value(one) if callable(value) else value for name, value in final.items()}},
        )
        for one in experiment.outcomes
    ]
    return replace(experiment, outcomes=tuple(outcomes))


def over_epochs(experiment, **by_epoch):
    """The same with figures of two epochs."""
    outcomes = []
    for one in experiment.outcomes:
        last = one.epochs[-1]
        values = [{name: found[place] for name, found in by_epoch.items()} for place in (0, 1)]
        epochs = (
            replace(last, number=1, seconds=2.0, values={**last.values, **values[0]}),
            replace(last, number=2, seconds=4.0, values={**last.values, **values[1]}),
        )
        outcomes.append(replace(one, epochs=epochs))
    return replace(experiment, outcomes=tuple(outcomes))


def told(section):
    return " ".join(
        part.text if isinstance(part, Alert) else part for part in section.parts if isinstance(part, str | Alert)
    )


def cells(section):
    (grid,) = [part for part in section.parts if isinstance(part, Grid)]
    return {row.header.text: [cell.text for cell in row.cells] for row in grid.groups[0].rows}


def svg(section):
    return "".join(str(one.svg) for part in section.parts if isinstance(part, Figures) for one in part.members)


PLAIN = made_up.plain({"one": [0.9, 0.91, 0.92], "other": [0.8, 0.81, 0.82]})


@pytest.mark.parametrize("build", OTHERS)
def test_a_section_without_anything_to_say_is_none(build):
    assert build(PLAIN) is None


SPREAD = [0.9 + 0.001 * place for place in range(8)]


def test_levels_are_drawn_and_what_ties_with_the_best_is_named():
    found = levels(
        {
            0.1: [one - 0.3 for one in SPREAD],
            1.0: SPREAD,
            10.0: [one + 0.0001 for one in reversed(SPREAD)],
            100.0: [one - 0.4 for one in SPREAD],
        }
    )
    section = level_section(found)
    assert section.title == "Test accuracy against learning rate"
    assert "cannot be told apart from it" in told(section)
    assert "may lie beyond" not in told(section)
    assert svg(section).count("<circle") == 32


def test_a_best_level_at_an_end_may_be_beaten_beyond_it():
    found = levels({1.0: [one - 0.3 for one in SPREAD], 2.0: [one - 0.1 for one in SPREAD], 3.0: SPREAD})
    assert "The best, lr 3, is the largest that was tried: a better one may lie beyond." in told(level_section(found))
    assert "every other value is told apart from it" in told(level_section(found))


def test_where_all_failed_nothing_is_best():
    made = levels({1.0: [None, None], 2.0: [None, None], 3.0: [None, None]})
    assert "best" not in told(level_section(made)).lower()
    beside = [replace(one, trial=replace(one.trial, changes={"train_share": 0.1})) for one in made.outcomes]
    assert "is best" not in told(shares_section(replace(made, beside=tuple(beside))))


def test_an_axis_of_levels_has_its_ticks_at_them():
    found = svg(level_section(levels({32.0: SPREAD, 64.0: SPREAD, 512.0: SPREAD}, factor="batch-size")))
    assert {">32</text>", ">64</text>", ">512</text>"} <= set(re.findall(r">[^<>]+</text>", found))


def test_labels_of_levels_that_would_lie_on_each_other_are_left_out():
    found = svg(level_section(levels({float(level): SPREAD for level in range(100, 160)})))
    shown = [float(label) for label in re.findall(r'text-anchor="middle"[^>]*>([^<]+)</text>', found)]
    assert 3 < len(shown) < 20


def test_levels_without_a_finished_trial_can_be_written():
    assert level_section(levels({0.1: [None, None], 1.0: [None, None]})) is not None


def test_dropout_rates_have_a_section_of_their_own():
    found = made_up.dropout(seeds=2, epochs=2)
    assert level_section(found) is None
    assert gap_section(found) is None


def test_the_gap_is_training_less_test():
    found = ended(PLAIN, train_accuracy=lambda one: (one.epochs[-1].values["test_accuracy"] + 0.05,))
    section = gap_section(found)
    assert cells(section)["one"] == ["96.00 %", "91.00 %", "+5.00 points"]
    assert "Training less" not in told(section)
    assert svg(section).count("<circle") == 4


def test_the_gap_of_a_regression_is_of_its_loss_and_the_right_way_round():
    losses = made_up.plain({"one": [0.5, 0.5], "other": [0.7, 0.9]}, metric="test_loss", better="less")
    section = gap_section(ended(losses, evaluated_train_loss=(0.4,)))
    assert cells(section)["one"] == ["0.4", "0.5", "+0.1"]
    assert cells(section)["other"] == ["0.4", "0.8", "+0.4"]


def test_what_is_inside_is_told_of_each_contender():
    section = inside_section(ended(PLAIN, parameters=(1234.0,), dead_units=(0.25,), small_weights=(0.0,)))
    assert cells(section) == {"one": ["1,234", "0 %", "25.0 %"], "other": ["1,234", "0 %", "25.0 %"]}


def test_the_start_is_the_first_epoch_beside_the_last():
    found = over_epochs(PLAIN, gradient_norm=(4.0, 2.0), train_loss=(1.5, 0.5), test_accuracy=(0.3, 0.9))
    assert cells(start_section(found))["one"] == ["30.00 %", "1.5", "4", "2", "0.5"]
    assert start_section(replace(found, factor="optimizers")) is None


def test_rates_are_drawn_where_they_move():
    moving = over_epochs(PLAIN, learning_rate=(0.1, 0.01))
    section = rates_section(moving)
    assert "one: from 0.1 to 0.01" in svg(section)
    assert rates_section(over_epochs(PLAIN, learning_rate=(0.1, 0.1))) is None


def test_batches_cost_time_for_the_same_samples():
    sized = made_up.plain({"batches of 32": [0.9, 0.9], "batches of 64": [0.9, 0.9]}, factor="batch-size")
    contenders = tuple(Contender(f"batches of {size}", {"batch_size": size}, level=size) for size in (32, 64))
    outcomes = [
        replace(one, trial=replace(one.trial, changes={"batch_size": int(one.trial.contender.split()[-1])}))
        for one in sized.outcomes
    ]
    found = ended(replace(sized, contenders=contenders, outcomes=tuple(outcomes)), step_time=(0.0064,))
    assert cells(batches_section(found))["batches of 32"][:2] == ["6.40 ms", "200 ms"]
    assert cells(batches_section(found))["batches of 64"][:2] == ["6.40 ms", "100 ms"]


def test_shares_of_the_samples_have_a_column_each():
    beside = [
        replace(one, trial=replace(one.trial, changes={"train_share": 0.1})) for one in made_up.plain(LESS).outcomes
    ]
    section = shares_section(replace(PLAIN, beside=tuple(beside)))
    assert cells(section) == {"one": ["60.00 %", "91.00 %"], "other": ["70.00 %", "81.00 %"]}
    assert "With 10 % of the samples other is best" in told(section)
    assert "With 100 % of the samples one is best" in told(section)


def test_functions_are_drawn_with_their_derivatives():
    found = ended(PLAIN, curve_value=(-1.0, 0.0, 1.0), curve_derivative=(1.0, 1.0, 1.0))
    section = functions_section(found)
    assert [one.title for part in section.parts if isinstance(part, Figures) for one in part.members] == [
        "one",
        "other",
    ]


def titles(section):
    return [one.title for part in section.parts if isinstance(part, Figures) for one in part.members]


def test_the_classes_of_the_best_and_the_worst_are_drawn():
    section = answers_section(ended(PLAIN, confusion=(5.0, 1.0, 0.0, 4.0)))
    assert titles(section) == ["Best: one", "Worst: other"]
    assert "30 predictions of 3 trainings" in svg(section)


def test_predicted_values_are_drawn_beside_the_true_ones():
    section = answers_section(ended(PLAIN, predicted=(1.0, 2.0, 3.0), actual=(1.5, 2.0, 2.5)))
    assert titles(section) == ["Best: one", "Worst: other"]
    assert "off by 0.333 on average" in svg(section)


def masked(*layers):
    return ended(replace(PLAIN, factor="dropout"), dropout_masks=tuple(number for layer in layers for number in layer))


def test_masks_of_one_rate_are_counted_together_over_layers_and_seeds():
    section = masks_section(masked((0.5, 1000.0, 510.0, 2.0, 1.0), (0.5, 1000.0, 490.0, 2.0, 1.0)))
    assert cells(section)["one"] == ["6,000", "50.00 %", "50 %", "+0.0 s.e.", "2", "as it should be"]


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ((0.5, 1000.0, 600.0, 2.0, 1.0), "keeps 60.00 % and not 50 %"),
        ((0.5, 1000.0, 500.0, 1.0, 1.0), "multiplies by 1 and not 2"),
        ((0.5, 1000.0, 500.0, 2.0, 0.0), "drops in evaluation too"),
        ((0.0, 1000.0, 999.0, 1.0, 1.0), "keeps 99.90 % and not 100 %"),
        ((1.0, 1000.0, 1.0, 1.0, 1.0), "keeps 0.10 % and not 0 %"),
    ],
)
def test_wrong_masks_are_said_aloud(layer, said):
    section = masks_section(masked(layer))
    assert said in cells(section)["one"][-1]
    assert f"The masks are wrong: one {said}" in told(section)


def test_right_masks_are_told_of_where_dropout_is_the_question():
    assert masks_section(ended(PLAIN, dropout_masks=(0.5, 1000.0, 500.0, 2.0, 1.0))) is None
    assert masks_section(ended(PLAIN, dropout_masks=(0.5, 1000.0, 500.0, 1.0, 1.0))) is not None


def test_masks_are_told_of_where_contenders_drop_at_different_rates():
    """Regularizers, of which dropout is one; architectures, of which some have dropout."""
    drops = {"one": (0.5, 1000.0, 500.0, 2.0, 1.0), "other": (0.2, 1000.0, 800.0, 1.25, 1.0)}
    found = ended(PLAIN, dropout_masks=lambda one: drops[one.trial.contender])
    assert set(cells(masks_section(found))) == {"one", "other"}
    some = ended(PLAIN, dropout_masks=lambda one: drops["one"] if one.trial.contender == "one" else ())
    assert set(cells(masks_section(some))) == {"one"}


def test_masks_without_chance_or_elements_are_right():
    assert cells(masks_section(masked((0.0, 9.0, 9.0, 1.0, 1.0))))["one"][3:] == ["–", "1", "as it should be"]
    assert cells(masks_section(masked((1.0, 9.0, 0.0, 0.0, 1.0))))["one"][3:] == ["–", "–", "as it should be"]
    assert list(Mask(0.5, 0.0, 0.0, 0.0, True).faults) == []


def test_the_sections_stand_in_the_page_and_escape_what_they_are_given():
    hostile = "<script>alert(1)</script>"
    found = made_up.plain({hostile: [0.9, 0.91], "other": [0.8, 0.82]})
    full = over_epochs(found, learning_rate=(0.1, 0.01), gradient_norm=(1.0, 2.0), test_accuracy=(0.5, 0.9))
    page = experiment_page(
        ended(full, train_accuracy=(0.95,), parameters=(9.0,), dropout_masks=(0.5, 9.0, 4.0, 1.0, 1.0))
    )
    for name in ("rates", "gap", "start", "inside", "masks"):
        assert f'<h2 id="{name}">' in page
    assert hostile not in page
    assert page == experiment_page(
        ended(full, train_accuracy=(0.95,), parameters=(9.0,), dropout_masks=(0.5, 9.0, 4.0, 1.0, 1.0))
    )

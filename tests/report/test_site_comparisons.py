"""What the site makes of comparisons: components that took part in them alone, their checks, and where they lead."""

from dataclasses import replace

import made_up
import pytest
from sample_runs import HOSTILE
from test_experiment_page import hostile
from test_site import NO_DOCUMENTS, Reader, measured, site_of

from nnbench.cli.report_site import _latest
from nnbench.report.site import Component, with_compared
from nnbench.report.site_comparisons import comparison
from nnbench.report.site_component import component_page
from nnbench.report.site_index import components_grid, index_page

ADAM, SGD, TASK = "optimizers.adam", "optimizers.sgd", "architectures.mnist_mlp"


def compared(**changes):
    return comparison(made_up.experiment(seeds=3, epochs=2, diverged="", **changes), 1)


def site(*comparisons, components=()):
    found = with_compared(components, comparisons)
    return site_of(*found, comparisons=comparisons)


def cells(one):
    """The index's row of each component, by column."""
    grid = components_grid(one, {})
    titles = [column.title for column in grid.columns[1:]]
    return {row.header.text: dict(zip(titles, row.cells, strict=True)) for group in grid.groups for row in group.rows}


def test_a_comparison_tells_what_each_component_did_in_it():
    found = compared()
    (adam,) = found.of(ADAM)
    assert (adam.contender, adam.variant, adam.passed, adam.failed) == ("adam", "torch", 41, ())
    assert adam.reached == f"{100 * adam.value:.2f} % test accuracy"
    (task,) = found.of(TASK)
    assert (task.contender, task.value, task.passed) == ("adam", adam.value, 0)  # as its best contender trains it


def test_a_task_that_is_a_contender_itself_is_told_of_once():
    made = made_up.experiment(seeds=2, epochs=2)
    others = [replace(one, component=f"{TASK if one.name == 'sgd' else one.name}@torch") for one in made.contenders]
    (task,) = comparison(replace(made, factor="architectures", contenders=tuple(others)), 1).of(TASK)
    assert task.contender == "sgd"


def test_a_contender_without_a_finished_trial_has_reached_nothing():
    made = made_up.plain({"a": [0.9, 0.91], "b": [None, None]})
    named = [replace(one, component=f"layers.{one.name}@torch") for one in made.contenders]
    (failed,) = comparison(replace(made, contenders=tuple(named)), 1).of("layers.b")
    assert (failed.reached, failed.value) == ("", None)


def test_a_loss_is_no_share_of_what_is_right():
    made = made_up.plain({"a": [0.1, 0.2], "b": [0.3, 0.4]}, "test_loss", "less")
    (task,) = comparison(made, 1).of(TASK)
    assert (task.reached, task.value) == ("0.15 test loss", None)
    assert cells(site(comparison(made, 1)))[TASK]["Trained to"].text == "compared"


def test_components_of_comparisons_alone_stand_in_the_index_with_what_they_reached():
    one = site(compared())
    rows = cells(one)
    assert set(rows) == {*(f"optimizers.{name}" for name in made_up.OPTIMIZERS), TASK}
    assert (rows[ADAM]["Checks"].text, rows[ADAM]["Checks"].detail) == ("right", "41 checks, in a comparison")
    assert rows[SGD]["Trained to"].detail == "on mnist, in a comparison"
    assert "components/optimizers.adam.html" in Reader(index_page(one)).links


def test_checks_of_a_run_count_more_than_those_of_a_comparison():
    one = site(compared(wrong="adam"), components=[measured(ADAM)])
    assert cells(one)[ADAM]["Checks"].text == "right"
    assert Reader(index_page(one)).headline == "Nothing is wrong"


def test_checks_that_failed_in_a_comparison_are_told_on_the_first_screen():
    one = site(compared(wrong="sgd"))
    found = Reader(index_page(one))
    assert found.headline == "1 component is not right"
    assert "wrong by 0.01 (allowed 1e-12)" in found.text
    (sgd,) = [part for part in one.components if part.id == SGD]
    page = Reader(component_page(one, sgd, NO_DOCUMENTS))
    assert page.headline == "optimizers.sgd is not right"
    assert "1 of 41 checks failed" in page.text


def test_a_store_of_comparisons_alone_says_so_on_the_first_screen():
    assert Reader(index_page(site(compared()))).headline == "1 comparison, and nothing is wrong"
    unchecked = comparison(made_up.plain({"a": [0.9, 0.91], "b": [0.8, 0.81]}), 1)
    assert Reader(index_page(site(unchecked))).headline == "1 comparison, and no implementation of a contender checked"


def test_tuned_and_untuned_are_two_questions_with_two_titles():
    plain, tuned = made_up.experiment(seeds=2, epochs=2, tuned=False), made_up.experiment(seeds=2, epochs=2)
    assert _latest([plain, tuned, plain]) == [plain, tuned]
    titles = [comparison(one, 1).title for one in (plain, tuned)]
    assert titles[1] == f"{titles[0]}, tuned"


def test_the_newest_comparison_stands_first():
    older = comparison(made_up.experiment(seeds=2, epochs=2, protocol={"started": "2026-03-01T12:30:45+00:00"}), 1)
    newer = comparison(made_up.dropout(seeds=2, epochs=2), 2)
    text = Reader(index_page(site(older, newer))).text
    assert text.index("dropout, ") < text.index("optimizers, ")
    assert "2 epochs, tuned; 2026-03-01, 12:30 UTC" in text


def test_a_component_says_what_it_reached_and_leads_to_the_comparison():
    one = site(compared())
    page = component_page(one, Component(ADAM), NO_DOCUMENTS)
    found = Reader(page)
    assert found.headline == "optimizers.adam: nothing is wrong"
    assert f"../{one.comparisons[0].file}" in found.links
    assert f"as adam: {one.comparisons[0].of(ADAM)[0].reached}; 41 checks passed" in found.text
    task = Reader(component_page(one, Component(TASK), NO_DOCUMENTS))
    assert "with adam: 9" in task.text
    assert "Where this comes from" not in found.text  # no run holds anything of it


def test_the_answer_stands_before_the_others():
    one = compared()
    found = Reader(index_page(site(one)))
    answer, _, rest = one.headline.partition("; ")
    assert f"{answer}." in found.text
    assert found.text.index(f"{answer}.") < found.text.index(rest)


@pytest.mark.parametrize("where", ["index", "component"])
def test_hostile_experiments_stay_text(where):
    one = site(comparison(hostile(), 1))
    page = index_page(one) if where == "index" else component_page(one, one.components[0], NO_DOCUMENTS)
    assert page.count("<script") == 1
    assert "img" not in Reader(page).tags
    assert HOSTILE.partition("\\")[0] in Reader(page).text
    assert one.comparisons[0].file.count("/") == 1

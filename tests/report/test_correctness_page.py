"""The table of checks as a page of its own, and in the page of a run: whole, harmless, the same bytes every time."""

import re

import pytest
from sample_runs import HOSTILE, checked, hostile, only_failures, realistic, run_of
from test_report_page import Outline

from nnbench.model import CheckStatus, Status, measurement_to_check
from nnbench.report import correctness_page, run_page
from nnbench.report.correctness import fold
from nnbench.report.failures import repeat


def page_of(*rows, command="nnbench check"):
    return correctness_page(fold(map(measurement_to_check, rows)), command, repeat)


def cells(page):
    """The classes and titles of the table's cells, row by row."""
    table = re.search(r'<table id="correctness-table">.*?</table>', page, re.DOTALL)[0]
    rows = re.findall(r"<tr>.*?</tr>", table, re.DOTALL)[1:]
    return [
        [(attributes.get("class", ""), attributes.get("title", "")) for tag, attributes in Outline(row).elements
         if tag == "td"]
        for row in rows
    ]  # fmt: skip


SOME = (
    checked(CheckStatus.PASSED, error=2.1e-16, allowance=1.8e-15),
    checked(CheckStatus.SKIPPED, name="mode", note="a function has no mode"),
    checked(CheckStatus.FAILED, "torch", error=0.25, allowance=1e-6, note="off by a quarter"),
    checked(CheckStatus.MISTRUSTED, "torch", name="mode", note="zeros would pass too"),
    checked(CheckStatus.EXPECTED, "documented", note="E01: wrong", erratum="E01"),
    checked(CheckStatus.SKIPPED, "keras", note="no Keras here", cause=Status.SKIPPED),
)


def test_every_end_has_a_class_a_sign_and_a_title_of_its_own():
    page = page_of(*SOME)
    assert [[kind for kind, _ in row] for row in cells(page)] == [
        ["passed", "skipped"],
        ["failed", "mistrusted"],
        ["expected", ""],
        ["whole"],
    ]
    text = Outline(page).text
    assert [sign for sign in "✓·✗?≠" if sign not in text] == []
    assert "skipped whole" in text


def test_a_cell_tells_error_allowance_reason_and_repeat_command():
    (passed, skipped), (failed, _), *_ = cells(page_of(*SOME))
    assert "error 2.1e-16 of 1.8e-15 allowed" in passed[1]
    assert "repeat: nnbench check 'layers.linear@reference[32x784]' --only values --seed 7" in passed[1]
    assert "does not apply\na function has no mode" in skipped[1]
    assert "error 0.25 of 1e-06 allowed\noff by a quarter" in failed[1]


def test_cases_are_folded_and_the_worst_is_told():
    good, bad = (checked(CheckStatus.PASSED, error=error, allowance=1.0, case=f"{error}") for error in (0.1, 0.7))
    (((kind, title),),) = cells(page_of(good, bad))
    assert kind == "passed"
    assert "error 0.7 of 1 allowed, the worst of 2" in title
    assert "[0.7]" in title


def test_what_does_not_apply_is_grouped_beneath():
    text = Outline(page_of(*SOME)).text
    below = text[text.index("What does not apply, and why") :]
    assert "a function has no mode mode; 1 variant mode for layers.linear@reference" in below
    assert "no Keras here every check; 1 variant, skipped whole layers.linear@keras" in below


def test_the_page_is_whole_and_fetches_nothing():
    outline = Outline(page_of(*SOME))
    assert outline.wrong == []
    ids = outline.all_of("id")
    assert len(ids) == len(set(ids))
    targets = {target for target in outline.all_of("href") if target != "data:,"}
    assert {target.removeprefix("#") for target in targets} <= set(ids)
    assert not {"script", "img", "form", "iframe"} & {tag for tag, _ in outline.elements}


def test_hostile_text_stays_text():
    page = correctness_page(fold(hostile().checks), HOSTILE, repeat)
    outline = Outline(page)
    assert outline.wrong == []
    assert "script" not in {tag for tag, _ in outline.elements}
    assert not any(name.startswith("on") for _, attributes in outline.elements for name in attributes)
    assert "\u202e" not in page


def test_equal_checks_give_equal_bytes():
    first, second = (correctness_page(fold(realistic().checks), "nnbench check", repeat) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(("rows", "said"), [(SOME, "Not everything is right"), (SOME[:2], "Nothing is wrong")])
def test_the_headline_says_whether_anything_is_wrong(rows, said):
    assert f">{said}</h1>" in page_of(*rows)


def test_several_seeds_are_told():
    rows = [checked(CheckStatus.PASSED if seed else CheckStatus.FAILED, seed=seed) for seed in range(4)]
    assert "1 of 4 checks failed, under 1 of 4 seeds (0)." in Outline(page_of(*rows)).text
    assert "seeds" not in Outline(page_of(*rows[:1])).text


def test_nothing_at_all_is_a_page_too():
    assert Outline(page_of()).wrong == []


def test_the_page_of_a_run_has_the_same_table():
    run = run_of(*SOME)
    assert cells(run_page(run)) == cells(page_of(*SOME))
    assert 'href="#correctness"' in run_page(run)


def test_a_run_without_checks_has_no_table():
    assert 'id="correctness-table"' not in run_page(run_of())


def test_failures_in_the_same_words_are_one_row():
    page = run_page(only_failures(60))
    rows = re.search(r'<table id="failures-table">.*?</table>', page, re.DOTALL)[0].count('<th scope="row">')
    assert rows == 1
    assert "also in: [32x1] (error 0.5)" in Outline(page).text

"""What a page's script adds: sorting, filtering, copying, showing and hiding, by mouse and by keyboard."""

import csv
import io
from pathlib import Path

import pytest

VALUES = "rows => rows.map(row => row.cells[{column}]?.dataset.value).filter(value => value !== undefined).map(Number)"


def column_of(table, title):
    return table.locator("thead th").all_text_contents().index(title)


@pytest.mark.parametrize("name", ["optimizers", "index"])
def test_every_column_sorts_both_ways_and_back(read, name):
    reading = read(name)
    found = reading.page.locator("table.sortable").first
    before = found.locator("tbody tr").all_text_contents()
    for column, header in enumerate(found.locator("thead th").all()):
        for order in ("ascending", "descending"):
            header.locator("button").click()
            assert header.get_attribute("aria-sort") == order
            values = found.locator("tbody tr:not(.group)").evaluate_all(VALUES.format(column=column))
            assert values == sorted(values, reverse=order == "descending")
        header.locator("button").click()
        assert header.get_attribute("aria-sort") is None
    assert found.locator("tbody tr").all_text_contents() == before
    assert reading.troubles == []


def test_numbers_are_sorted_as_numbers(read):
    page = read("run").page
    table = page.locator("#lines-table")
    column = column_of(table, "Parameters")
    table.locator("thead th").nth(column).locator("button").click()
    values = table.locator("tbody tr:not(.group)").evaluate_all(VALUES.format(column=column))
    assert len(set(values)) > 3
    assert values != sorted(values, key=str)
    assert values == sorted(values)


def test_a_table_is_sorted_by_keyboard(read):
    page = read("run").page
    header = page.locator("#lines-table thead th").first
    header.locator("button").focus()
    page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Space")
    assert header.get_attribute("aria-sort") == "descending"


def test_the_filter_keeps_lines_with_all_words_and_counts_them(read):
    page = read("run").page
    field = page.locator("#lines-table").locator("xpath=ancestor::section").locator("input").first
    field.fill("Conv2d torch")
    shown = page.locator("#lines-table tbody tr:not(.group):visible").all_text_contents()
    assert len(shown) == 4
    assert all("torch" in text for text in shown)
    assert page.get_by_role("status").first.text_content().startswith("4 of ")
    field.fill("")
    assert page.locator("#lines-table tbody tr:visible").count() > 80


def test_a_command_is_copied(read):
    reading = read("run")
    reading.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    block = reading.page.locator(".copyable").first
    block.get_by_role("button", name="Copy").click()
    block.get_by_role("button", name="Copied").wait_for()
    assert reading.page.evaluate("navigator.clipboard.readText()") == block.locator("pre").text_content()


def test_the_first_tab_offers_to_skip_to_the_verdict(read):
    page = read("run").page
    page.keyboard.press("Tab")
    link = page.locator("a.skip")
    assert link.evaluate("one => one === document.activeElement && one.getBoundingClientRect().left >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "verdict"


def test_a_contender_is_hidden_and_shown_in_every_figure(read):
    reading = read("optimizers")
    button = reading.page.locator(".key-bar button[data-place='1']")
    marks = reading.page.locator("figure [data-contender='1']")
    assert marks.count() > 3
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert marks.evaluate_all("all => all.every(one => one.classList.contains('away'))")
    reading.page.get_by_role("button", name="Show all").click()
    assert button.get_attribute("aria-pressed") == "true"
    assert marks.evaluate_all("all => all.every(one => !one.classList.contains('away'))")
    assert reading.troubles == []


def test_what_the_pointer_is_over_is_told_in_words(read):
    page = read("optimizers").page
    page.locator("figure circle.seed").first.hover(force=True)
    assert "adam" in page.locator(".tip").text_content()
    page.keyboard.press("Escape")
    assert page.locator(".tip").is_hidden()


def test_every_trial_is_downloaded(read):
    page = read("optimizers").page
    with page.expect_download() as download:
        page.locator("a[download]").first.click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    assert {row["contender"] for row in rows} == {"adam", "rmsprop", "momentum", "sgd"}
    assert download.value.suggested_filename.endswith(".csv")

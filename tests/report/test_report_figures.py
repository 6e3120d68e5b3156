"""Drawings: what is drawn, what is told instead of it, and that odd numbers do not stop them."""

import doctest
import re

import pytest
from sample_runs import run_of, timed

from nnbench.report import drawn_dots, figures, markdown, trend, words
from nnbench.report.comparison import drawing
from nnbench.tables import lines


def lines_of(*rows):
    return lines(run_of(*rows).measurements)


def texts(panel):
    return re.findall(r"<text[^>]*>([^<]*)</text>", panel.svg)


def told(panel):
    return re.search(r"<desc[^>]*>([^<]*)</desc>", panel.svg)[1]


def test_a_panel_for_each_component():
    found = lines_of(
        *(row for name in "ba" for variant in ("reference", "torch") for row in timed(variant, 1e-3, name))
    )
    assert [panel.title for panel in figures.speed_panels(found)] == ["b", "a"]
    assert [panel.title for panel in figures.time_panels(found)] == ["b", "a"]


def test_speeds_are_written_beside_their_dots():
    (panel,) = figures.speed_panels(lines_of(*timed("reference", 1e-3), *timed("torch", 2e-3)))
    assert {"32x784", "reference", "2.00x", "1x"} <= set(texts(panel))
    assert re.fullmatch(r"reference, 32x784: 2\.00x \(.*\), faster", told(panel))


def test_a_tie_looks_unlike_a_win():
    (won,) = figures.speed_panels(lines_of(*timed("reference", 1e-3), *timed("torch", 2e-3)))
    (tie,) = figures.speed_panels(lines_of(*timed("reference", 1e-3), *timed("torch", 1e-3)))
    assert "var(--faster)" in won.svg
    assert "var(--paper)" not in won.svg
    assert "var(--faster)" not in tie.svg
    assert "fill:var(--paper)" in tie.svg


def test_torch_alone_gives_no_panel_of_speeds():
    assert figures.speed_panels(lines_of(*timed("torch", 1e-3))) == ()


def test_times_are_told_with_their_intervals():
    (panel,) = figures.time_panels(lines_of(*timed("torch", 1e-3, spread=0), *timed("torch", 2e-3, mode="backward")))
    assert {"forward", "backward"} <= set(texts(panel))
    assert told(panel).startswith("torch, 32x784, forward: 1.00 ms (")


def test_a_variant_looks_the_same_everywhere():
    found = lines_of(*timed("compiled", 1e-3), *timed("torch", 1e-3), *timed("reference", 1e-3))
    assert [(one.variant, one.colour) for one in figures.series_of(found)] == [
        ("reference", "series-1"),
        ("torch", "series-2"),
        ("compiled", "series-3"),
    ]


@pytest.mark.parametrize("seconds", [1e-12, 1e-9, 1.0, 1e9])
def test_extreme_times_can_be_drawn(seconds):
    found = lines_of(*timed("reference", seconds), *timed("torch", 1e-3))
    assert len(figures.time_panels(found)) == len(figures.speed_panels(found)) == 1


@pytest.mark.parametrize("ends", [(0.5, 2), (0.97, 1.04), (1e-9, 1e9), (3e-6, 4e-6), (0.1, 100)])
def test_ticks_lie_between_the_ends_with_room_for_their_labels(ends):
    ticks = drawn_dots.ticks(*ends, 200)
    assert all(ends[0] <= tick <= ends[1] for tick in ticks)
    assert ticks == sorted(ticks)
    assert len(ticks) <= 200 / drawn_dots.TICK_WIDTH + 1


@pytest.mark.parametrize(
    "module", [drawing, drawn_dots, figures, markdown, trend, words], ids=lambda module: module.__name__
)
def test_examples_in_the_docstrings(module):
    assert doctest.testmod(module).failed == 0

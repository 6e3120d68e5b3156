"""The bar of a long command: what it says on a narrow terminal, and how long it thinks it will take."""

import io

import pytest
from rich.console import Console

from nnbench.cli.progress import Progress

DOING = "epoch 3 of 20, seed 1: architectures.neural_net@reference"


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def lines(capsys):
    return capsys.readouterr().err.splitlines()


def test_in_a_log_starting_and_loading_are_no_part_of_the_time_left(clock, capsys):
    with Progress(1000, clock) as progress:
        progress.update("loading its data", 0)
        clock.now += 60
        progress.update(DOING, 1)
        clock.now += 20
        progress.update(DOING, 100)
    assert lines(capsys) == [
        f"nnbench: 1 of 1000; {DOING}",
        f"nnbench: 101 of 1000, about 3 min 00 s left; {DOING}",
    ]


def test_what_was_done_before_is_in_the_count_and_not_in_the_estimate(clock, capsys):
    with Progress(1000, clock) as progress:
        progress.skip(500)
        progress.update(DOING, 1)
        clock.now += 20
        progress.update(DOING, 99)
        progress.update("another", 1)
    assert lines(capsys) == [f"nnbench: 600 of 1000, about 1 min 21 s left; {DOING}"]


def test_of_very_few_steps_nothing_is_concluded(clock, capsys):
    with Progress(1000, clock) as progress:
        progress.update(DOING, 1)
        clock.now += 20
        progress.update(DOING, 5)
    assert lines(capsys) == [f"nnbench: 6 of 1000; {DOING}"]


def test_at_80_columns_the_bar_shows_epoch_seed_and_time_left(clock):
    screen = io.StringIO()
    with Progress(20_000, clock, Console(file=screen, force_terminal=True, width=80)) as progress:
        progress.update(DOING, 1)
        clock.now += 20
        progress.update(DOING, 2000)
        progress._bar.refresh()
    shown = screen.getvalue()
    assert "2001/20000" in shown
    assert "3 min 00 s" in shown
    assert "epoch 3 of 20, seed 1: " in shown

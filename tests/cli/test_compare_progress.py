"""How far a comparison is, in a log and on a terminal, by a clock that stands still."""

import io

from rich.console import Console

from nnbench.cli.compare_progress import Trainings
from nnbench.experiments.handing import Expected


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_log_has_a_line_now_and_then_and_fewer_as_it_grows(capsys):
    clock = Clock()
    with Trainings(clock, Console(file=io.StringIO())) as progress:
        for second in range(901):
            clock.now = float(second)
            progress.update("adam, seed 0" if second == 5 else "", 0, trials=second % 100 == 50)
            progress.expect(Expected(36_000, 12, None if second < 15 else 1000.0 - second))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "nnbench: 0 of 12 trainings; adam, seed 0"
    assert lines[1] == "nnbench: 0 of 12 trainings, about 16 min 20 s left; adam, seed 0"
    assert lines[5] == "nnbench: 1 of 12 trainings, about 15 min 40 s left; adam, seed 0"
    assert len(lines) < 80  # of 90 at one every ten seconds


def test_a_terminal_of_80_columns_shows_count_time_left_and_what_goes_on():
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, color_system=None)
    with Trainings(Clock(), console) as progress:
        progress.expect(Expected(4000, 4, 125.0))
        progress.update("SGD with momentum, learning rate 0.00316228", 2000, 2)
    shown = screen.getvalue()
    assert "2 of 4 trainings, about 2 min 05 s left SGD with momentum" in shown
    assert max(len(line) for line in shown.replace("\r", "\n").splitlines()) <= 80 + len("\x1b[?25l\x1b[2K")


def test_nothing_is_said_to_be_over_before_it_is():
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    with Trainings(Clock(), console) as progress:
        progress.expect(Expected(4000, 4, 0.0))
        progress.update("adam, seed 1", 3999, 3)
    assert "3 of 4 trainings, about 1 s left" in console.file.getvalue()

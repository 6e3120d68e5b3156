"""What trainings are told beside their bands, on terminals wide and narrow."""

import pytest
from rich.console import Console

from nnbench import bands
from nnbench.bands import Answer, Band
from nnbench.cli import output
from nnbench.cli.convergence import print_answers
from nnbench.convergence import Compared


def compared(task="architectures.softmax_regression", seeds=8, data="fashion_mnist", epochs=3):
    band = Band(task, "reference", data, "abc", epochs, {}, {})
    made = [
        Answer(metric, "undecided", -1.2345678, 0.00012345678, -1.2345678, 0.00012345678, seeds)
        for metric in bands.COMPARED
    ]
    return Compared(band, tuple(made))


@pytest.fixture
def printed(monkeypatch, capsys):
    def ask(width, *found):
        monkeypatch.setattr(output, "console", lambda: Console(width=width, highlight=False, markup=False))
        print_answers(found)
        return capsys.readouterr().out.splitlines()

    return ask


def test_a_wide_terminal_has_a_line_a_metric_with_all_of_it(printed):
    lines = printed(160, compared(), compared(seeds=1))
    assert len(lines) == 5
    assert lines[1].startswith("architectures.softmax_regression  fashion_mnist")
    assert ["8 seeds" in lines[1], "1 seed " in lines[3]] == [True, True]
    assert "mean log training loss" in lines[1]


def test_a_narrow_one_has_a_line_a_band_and_breaks_no_name(printed):
    lines = printed(80, compared(), compared(seeds=0, epochs=1))
    assert max(map(len, lines)) <= 80
    assert lines[1] == "softmax_regression on fashion_mnist, 3 epochs, by 8 seeds"
    assert " ".join(lines[2].split()) == "log train loss undecided -1.235 0.0001235 -1.23 to +0.000123"
    assert lines[4] == "softmax_regression on fashion_mnist, 1 epoch, by the same bits"


def test_tasks_of_several_suites_keep_its_name(printed):
    lines = printed(80, compared(), compared("mine.net"))
    assert lines[1].startswith("architectures.softmax_regression on")
    assert lines[4].startswith("mine.net on")

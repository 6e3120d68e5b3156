"""A run's account of itself: its noise floor, the load, where its time went; and what it says when it was too noisy."""

import pytest

from nnbench.cli import output
from nnbench.cli.run import _exit_code, _print_noise
from nnbench.model import Check, CheckStatus, Measurement, Status
from nnbench.tally import Tally


def look(name, *seconds):
    return Measurement(f"calibration.{name}", "reference", "default", "calibration_time", "s", seconds)


def account(*rows):
    tally = Tally(load=[0.5], inside=1.0)
    for row in rows:
        tally.note(row)
    return {row.metric: row for row in tally.rows()}


def test_the_floor_comes_of_each_looks_smallest_sample():
    steady = [look("copy", 1.0, slow) for slow in (3.0, 9.0, 5.0)]
    assert account(*steady)["noise_floor"].values == (0.0,)
    shaken = [look("copy", value) for value in (1.0, 1.2, 0.8)]
    assert account(*steady, *shaken)["noise_floor"].values == (0.0,)  # the copy's other looks outweigh them
    assert account(*shaken)["noise_floor"].values[0] > 0.2


def test_the_load_stands_beside_the_floor():
    context = account(look("copy", 1.0), look("copy", 1.0))["noise_floor"].context
    assert context["load_before"] == [0.5]
    assert len(context["load_after"]) == 3


def test_one_look_gives_no_floor():
    assert account(look("copy", 1.0)).keys() == {"measured_share"}


def floor_of(value):
    return Measurement("calibration.run", "reference", "default", "noise_floor", "1", (value,), context=LOADS)


LOADS = {"load_before": [1.0, 1.0, 1.0], "load_after": [2.0, 1.0, 1.0]}
WRONG = Check("a.b", "reference", "default", "forward_float64", CheckStatus.FAILED)
LOST = Measurement("a.b", "reference", "default", "forward_time", "s", status=Status.CRASHED)


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([floor_of(0.049)], 0),
        ([floor_of(0.051)], output.UNDECIDED),
        ([floor_of(0.051), LOST], output.NOT_MEASURED),
        ([floor_of(0.051), LOST, WRONG], output.SOMETHING_WRONG),
        ([], 0),
    ],
)
def test_a_noisy_run_exits_with_4_unless_there_is_worse(rows, code):
    assert _exit_code(rows, problems=False) == code


def test_a_noisy_run_is_called_unusable(capsys):
    _print_noise([floor_of(0.01)])
    assert "unusable" not in capsys.readouterr().err
    _print_noise([floor_of(0.062)])
    said = capsys.readouterr().err
    assert "unusable: the same code differs from itself by 6.20 %" in said
    assert "load 1.0 before, 2.0 after" in said

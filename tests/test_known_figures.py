"""What is known from elsewhere, beside the bands that are in the repository."""

import pytest

from nnbench.bands import bands
from nnbench.known_figures import KNOWN, Known, known

BANDS = {(band.task, band.data, band.epochs): band for band in bands()}


@pytest.mark.parametrize("figure", KNOWN, ids=lambda one: f"{one.task}-{one.data}")
def test_the_band_of_twenty_seeds_agrees_with_what_is_known(figure):
    ours = BANDS[figure.task, figure.data, figure.epochs].values["test_accuracy"]
    difference = figure.less_than(ours)
    assert difference.low <= 0 <= difference.high
    assert abs(difference.estimate) < 0.006


def test_what_is_another_accuracy_is_seen():
    figure = Known("mine.net", "points", 1, 0.98, 0.003, 5)
    assert figure.less_than([0.97, 0.971, 0.969, 0.97] * 5).high < 0
    assert figure.less_than([0.979, 0.981, 0.98, 0.982] * 5).low < 0


def test_it_is_known_of_a_task_its_data_and_its_epochs():
    assert known("architectures.mnist_mlp", "mnist", 20).told == "98.3 ± 0.3 % (5 seeds, without nnbench)"
    assert known("architectures.softmax_regression", "mnist", 20).told == "92.7 % (one seed, without nnbench)"
    assert known("architectures.mnist_mlp", "mnist", 19) is None

"""Reference bands: what new trainings are called beside those of many seeds, and what is no band."""

import json
import math
from random import Random
from statistics import stdev

import pytest

from nnbench.bands import COMPARED, SPEED, Band, bands, compare, read, summary, write
from nnbench.errors import NnbenchError
from nnbench.model import Measurement, Status

LUCK = Random(3)
OLD = tuple(LUCK.gauss(1.0, 0.1) for _ in range(20))
BAND = Band("mine.net", "reference", "points", "abc", 3, {SPEED: OLD, "test_loss": OLD}, {"made": "today"})
SPREAD = stdev(OLD)


def shifted(deviations, seeds=5):
    """So many new seeds, spread evenly around the band's mean and moved by so many of its deviations."""
    middle = sum(OLD) / len(OLD) + deviations * SPREAD
    return [middle + SPREAD * 0.5 * (place - (seeds - 1) / 2) for place in range(seeds)]


@pytest.mark.parametrize(
    ("deviations", "said"),
    [
        (0, "equal"),
        (0.5, "equal"),
        (-0.5, "equal"),
        (1.5, "undecided"),
        (-1.5, "undecided"),
        (4, "slower"),
        (-4, "faster"),
    ],
)
def test_both_directions_have_a_verdict_and_what_lies_between_is_undecided(deviations, said):
    answer = compare(BAND, SPEED, shifted(deviations), of=18)
    assert answer.verdict == said
    assert answer.low < answer.after - answer.before < answer.high


def test_of_a_test_loss_it_is_better_or_worse():
    assert compare(BAND, "test_loss", shifted(4)).verdict == "worse"
    assert compare(BAND, "test_loss", shifted(-4)).verdict == "better"


def test_many_comparisons_need_more_each():
    assert compare(BAND, SPEED, shifted(1.6)).verdict == "slower"
    assert compare(BAND, SPEED, shifted(1.6), of=100).verdict == "undecided"


def test_the_same_training_is_hardly_ever_said_to_have_changed():
    luck, said = Random(7), []
    for _ in range(500):
        old = tuple(luck.gauss(0, 1) for _ in range(20))
        new = [luck.gauss(0, 1) for _ in range(8)]
        said.append(compare(Band("a.b", "", "", "", 1, {SPEED: old}, {}), SPEED, new, of=18).verdict)
    assert said.count("slower") + said.count("faster") <= 3
    assert said.count("equal") > 420


def test_a_training_that_failed_is_worse():
    assert compare(BAND, "test_loss", [1.0, math.inf, 1.0]).verdict == "worse"


def row(metric, epoch, value, status=Status.OK):
    return Measurement("a.b", "reference", "c", metric, "1", (value,), status=status, context={"epoch": epoch})


def test_a_training_is_summed_up_by_its_speed_and_its_last_epoch():
    rows = [row("train_loss", 1, math.e), row("test_loss", 1, 9.0), row("train_loss", 2, 1.0), row("test_loss", 2, 4.0)]
    assert summary(rows) == {SPEED: 0.5, "test_loss": 4.0}
    failed = summary([*rows, row("train_loss", 3, math.nan, Status.FAILED)])
    assert set(failed.values()) == {math.inf}


def test_a_band_is_kept_and_read_back(tmp_path):
    assert read(write(tmp_path, BAND)) == BAND


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "values": 3}'])
def test_what_is_no_band_is_told(tmp_path, content):
    (tmp_path / "one.json").write_text(content)
    with pytest.raises(NnbenchError, match=r"one\.json"):
        bands(tmp_path)


def test_ours_are_of_twenty_seeds_and_say_where_they_are_from():
    found = bands()
    assert len(found) >= 8
    for band in found:
        assert all(len(band.values[metric]) == len(band.of["seeds"]) >= 20 for metric in COMPARED)
        assert {"torch", "cpu", "made", "command", "split"} <= band.of.keys()
        assert len(band.checksum) == 32
        assert all(math.isfinite(value) for metric in COMPARED for value in band.values[metric])
        assert json.dumps(band.of)

"""``nnbench check --convergence``: what is said of a few seeds beside a band, and what is not trained at all."""

import dataclasses
import json
import math

import pytest

from nnbench import bands
from nnbench import convergence as tiers
from nnbench.cli import check_convergence as module
from nnbench.errors import NnbenchError
from nnbench.model import CaseInfo, ComponentInfo, Measurement
from nnbench.plan import Target
from nnbench.trajectories import Step, Trajectory

CASE = CaseInfo("8", "abc", {}, ("8",), "float32", "cpu")
NET = ComponentInfo(
    "mine.net", "architecture", "", (), (), ("reference",), (CASE,), {"data": "points", "epochs": 2}, "here.py:1"
)
VALUES = tuple(1 + 0.01 * (seed % 5) for seed in range(20))
BAND = bands.Band("mine.net", "reference", "points", "abc", 1, dict.fromkeys(bands.COMPARED, VALUES), {})


def rows_of(seed, log_loss, test_loss, checksum="abc"):
    """One epoch of a training that learned as fast as this, by the logarithm of its loss."""
    context = {"data": "points", "checksum": checksum, "seed": seed, "epoch": 1, "weights": "cafe"}
    named = {"train_loss": 2.718281828459045**log_loss, "test_loss": test_loss}
    return [
        Measurement("mine.net", "reference", "c", name, "1", (one,), context=context) for name, one in named.items()
    ]


class Here:
    """A session on this machine."""

    threads = 1


@pytest.fixture
def told(monkeypatch, capsys):
    """The exit code, the rows and what was said on stderr, for trainings that end as they are made to."""
    monkeypatch.setattr(tiers.machine, "fingerprint", lambda: {"torch": "2.13", "cpu": "one"})

    def ask(make, task=NET, seed=None, seeds=8, band=BAND, named=True):
        monkeypatch.setattr(bands, "bands", lambda: (band,))

        def trained(session, groups, progress, processes, device="cpu"):
            return [{one.seed: make(one.seed) for one in group.trainings} for group in groups]

        monkeypatch.setattr(tiers, "trained", trained)
        code = module.check_convergence(Here(), [Target(task, "reference", CASE)], seed, seeds, True, named, 2)
        said = capsys.readouterr()
        return code, json.loads(said.out), said.err

    return ask


def near(seed):
    return 1 + 0.01 * (seed % 5)


def test_trainings_as_they_were_are_equal(told):
    code, rows, said = told(lambda seed: rows_of(seed, near(seed), near(seed)), seed=40)
    assert code == 0
    assert [(row["metric"], row["verdict"]) for row in rows] == [(bands.SPEED, "equal"), ("test_loss", "equal")]
    assert "seeds from 40 on; `--seed 40 --seeds 8` repeats them" in said
    assert {(row["tier"], row["seeds"]) for row in rows} == {(2, 8)}


def test_what_learns_more_slowly_exits_with_1(told):
    code, rows, _ = told(lambda seed: rows_of(seed, near(seed) + 1, near(seed)))
    assert (code, rows[0]["verdict"], rows[1]["verdict"]) == (1, "slower", "equal")


def test_what_learns_faster_is_told_and_no_failure(told):
    code, rows, _ = told(lambda seed: rows_of(seed, near(seed) - 1, near(seed) - 1))
    assert (code, rows[0]["verdict"], rows[1]["verdict"]) == (0, "faster", "better")


def scattered(seed):
    """In the middle of the band, but so uneven that eight seeds leave it open, and some more do not."""
    return 1.02 + 0.023 * (seed % 5 - 2)


def test_what_a_few_seeds_leave_open_gets_as_many_again(told):
    code, rows, said = told(lambda seed: rows_of(seed, scattered(seed), near(seed)), seed=40, seeds=None)
    assert [(row["verdict"], row["seeds"]) for row in rows] == [("equal", 24), ("equal", 24)]
    assert (code, "`--seed 40 --seeds 24` repeats them" in said) == (0, True)


def test_who_says_how_many_seeds_gets_no_more_and_may_hear_that_it_is_open(told):
    code, rows, _ = told(lambda seed: rows_of(seed, scattered(seed), near(seed)), seed=40, seeds=8)
    assert [(row["verdict"], row["seeds"]) for row in rows] == [("undecided", 8), ("equal", 8)]
    assert code == 4


@pytest.mark.parametrize("named", [True, False])
def test_without_its_data_nothing_is_compared_and_that_is_no_success(told, monkeypatch, named):
    monkeypatch.setattr(module, "is_available", lambda name: False)
    mnist = dataclasses.replace(BAND, data="mnist")
    code, rows, said = told(lambda seed: [], band=mnist, named=named)
    assert (code, rows) == (3, [])
    assert "mine.net is left out: `nnbench data get mnist` gets its data" in said


def test_other_data_is_refused(told):
    with pytest.raises(NnbenchError, match="its band is of points with checksum abc, and here is def"):
        told(lambda seed: rows_of(seed, 1, 1, checksum="def"))


def test_what_has_no_band_is_told_with_what_has(told):
    other = ComponentInfo("mine.other", "architecture", "", (), (), ("reference",), (CASE,), None, "here.py:1")
    with pytest.raises(NnbenchError, match=r"none of what is selected has a reference band; these have: mine\.net"):
        told(lambda seed: [], task=other)


STEPS = tuple(Step(float(loss).hex(), {"weight": loss}) for loss in range(3))
WHERE = {"torch": "2.13", "cpu": "one", "threads": 1, "seeds": list(range(20))}
FIRST = dataclasses.replace(BAND, of=WHERE, first=bands.First(0, "cafe", STEPS))


def first_again(seed):
    """The band's first training has these numbers; other seeds are like the band's."""
    return rows_of(seed, near(seed), near(seed))


@pytest.fixture
def kept():
    """The band with its first training to the last bit."""
    (found,) = (bands.summary(first_again(seed)) for seed in [0])
    values = {metric: (found[metric], *VALUES[1:]) for metric in bands.COMPARED}
    return dataclasses.replace(FIRST, values=values)


def test_the_same_bits_where_the_band_was_made_are_answer_enough(told, kept):
    trained = []

    def make(seed):
        trained.append(seed)
        return first_again(seed)

    code, rows, said = told(make, seeds=None, band=kept)
    assert (code, trained, said) == (0, [0], "")
    assert [(row["verdict"], row["tier"], row["seeds"]) for row in rows] == [("equal", 1, 0)] * 2
    assert all(row["low"] == row["high"] == 0 for row in rows)


def test_other_bits_are_told_with_step_and_tensor_and_lead_to_seeds(told, kept, monkeypatch):
    other = (STEPS[0], Step(STEPS[1].loss, {"weight": 7}), STEPS[2])
    monkeypatch.setattr(tiers.trainer, "trajectory", lambda *_: Trajectory({}, {}, other))
    code, rows, said = told(lambda seed: rows_of(seed, near(seed) + 1, near(seed)), seeds=None, band=kept)
    assert (code, rows[0]["verdict"], rows[0]["tier"]) == (1, "slower", 2)
    assert "mine.net on points: differs from step 2 on, in weight (1 of 1 tensors)" in said


def test_the_last_bit_of_a_loss_is_a_difference(told, kept, monkeypatch):
    monkeypatch.setattr(tiers.trainer, "trajectory", lambda *_: Trajectory({}, {}, STEPS))
    nearly = math.nextafter(near(0), 2)
    _, rows, said = told(lambda seed: rows_of(seed, near(seed), near(seed) if seed else nearly), seeds=None, band=kept)
    assert {row["tier"] for row in rows} == {2}
    assert "the same for 3 steps, and another after 1 epochs" in said


@pytest.mark.parametrize("moved", [{"torch": "2.12"}, {"cpu": "two"}, {"threads": 2}])
def test_bits_of_another_machine_or_torch_are_not_asked_for(told, kept, moved):
    _, rows, _ = told(first_again, seeds=None, band=dataclasses.replace(kept, of=WHERE | moved))
    assert {row["tier"] for row in rows} == {2}


@pytest.mark.parametrize("asked", [{"seed": 5, "seeds": None}, {"seeds": 4}])
def test_who_asks_for_seeds_gets_seeds(told, kept, asked):
    _, rows, _ = told(first_again, band=kept, **asked)
    assert {(row["tier"], row["seeds"]) for row in rows} == {(2, asked["seeds"] or 8)}


def test_what_takes_minutes_is_trained_only_where_it_is_named(told, kept):
    slow = dataclasses.replace(kept, by_name=True)
    code, rows, said = told(first_again, seeds=None, band=slow, named=False)
    assert (code, rows) == (3, [])
    assert "left out unless it is named, for it takes minutes: mine.net (1 epoch)" in said
    _, rows, _ = told(first_again, seeds=None, band=slow)
    assert len(rows) == 2


def test_a_band_with_its_first_training_is_kept_and_read_back(tmp_path, kept):
    slow = dataclasses.replace(kept, by_name=True)
    assert bands.read(bands.write(tmp_path, slow, "mine.net-points")) == slow
    assert [path.name for path in tmp_path.iterdir()] == ["mine.net-points.json"]

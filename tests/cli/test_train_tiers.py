"""``nnbench train --record`` and ``--replay`` in two tiers: the same bits, and where they are not, seeds."""

import json
from itertools import count

import pytest

from nnbench import bands
from nnbench import convergence as tiers
from nnbench.cli import train_replayed as module
from nnbench.errors import NnbenchError
from nnbench.model import CaseInfo, ComponentInfo, Measurement
from nnbench.trainer import Training
from nnbench.trajectories import Step, Trajectory

CASE = CaseInfo("8", "abc", {}, ("8",), "float32", "cpu")
NET = ComponentInfo(
    "mine.net", "architecture", "", (), (), ("reference",), (CASE,), {"data": "points", "epochs": 2}, "here.py:1"
)
STEPS = tuple(Step(float(loss).hex(), {"weight": loss}) for loss in range(3))
OTHER = (*STEPS[:2], Step(STEPS[2].loss, {"weight": 9}))


class Here:
    """A session on this machine."""

    threads = 1


def rows_of(seed, loss):
    context = {"data": "points", "checksum": "abc", "split": "made", "seed": seed, "epoch": 1, "weights": "cafe"}
    named = {"train_loss": loss, "test_loss": loss}
    return [
        Measurement("mine.net", "reference", "c", name, "1", (one,), context=context) for name, one in named.items()
    ]


@pytest.fixture
def machine(monkeypatch):
    """What is trained here: steps, and a loss by seed; no reference bands."""
    now = {"steps": STEPS, "loss": lambda seed: 1 + 0.01 * (seed % 5), "trained": []}
    of = {"component": "mine.net", "variant": "reference", "data": "points", "seed": 0}

    def trained(session, groups, progress, processes, device="cpu"):
        now["trained"] += [one.seed for group in groups for one in group.trainings]
        return [{one.seed: rows_of(one.seed, now["loss"](one.seed)) for one in group.trainings} for group in groups]

    for place in (module, tiers):
        monkeypatch.setattr(place, "trained", trained)
    monkeypatch.setattr(module.trainer, "trajectory", lambda *_: Trajectory(of, {}, now["steps"]))
    monkeypatch.setattr(tiers.machine, "fingerprint", lambda: {"torch": "2.13", "cpu": "one"})
    monkeypatch.setattr(bands, "bands", lambda: ())
    monkeypatch.setattr(module, "drawn", count(1000, 100).__next__)
    return now


def recorded(folder, seeds):
    trainings = [Training(NET, "reference", seed=seed, epochs=1) for seed in range(seeds)]
    assert module.record(Here(), trainings, 3, "cpu", folder / "way.json", seeds) == 0
    return folder / "way.json"


def replayed(file, as_json=False, seeds=None):
    return module.replay(Here(), Training(NET, "reference", epochs=1), "cpu", file, seeds, as_json)


def test_the_same_steps_are_answer_enough(machine, tmp_path, capsys):
    file = recorded(tmp_path, 20)
    assert len(machine["trained"]) == 20
    assert replayed(file) == 0
    assert len(machine["trained"]) == 20
    assert "the same for 3 steps, to the last bit" in capsys.readouterr().out


def test_other_steps_lead_to_seeds_which_may_say_that_nothing_is_lost(machine, tmp_path, capsys):
    file = recorded(tmp_path, 20)
    machine["steps"] = OTHER
    assert replayed(file) == 0
    assert machine["trained"][20:] == list(range(1000, 1008))
    said = capsys.readouterr().out
    assert "differs from step 3 of 3 on, in weight (1 of 1 tensors)" in said
    assert said.count(" equal ") == 2
    assert "8 seeds" in said


@pytest.mark.parametrize(("factor", "verdicts", "code"), [(2, ("slower", "worse"), 1), (0.5, ("faster", "better"), 0)])
def test_seeds_are_looked_at_in_both_directions(machine, tmp_path, capsys, factor, verdicts, code):
    file, like_before = recorded(tmp_path, 20), machine["loss"]
    machine |= {"steps": OTHER, "loss": lambda seed: factor * like_before(seed)}
    capsys.readouterr()
    assert replayed(file, as_json=True) == code
    first, *others = json.loads(capsys.readouterr().out)
    assert (first["tier"], first["verdict"], first["step"]) == (1, "differs", 3)
    assert tuple(row["verdict"] for row in others) == verdicts


def test_what_seeds_cannot_decide_is_neither_right_nor_wrong(machine, tmp_path, capsys):
    file, like_before = recorded(tmp_path, 20), machine["loss"]
    machine |= {"steps": OTHER, "loss": lambda seed: like_before(seed) + 0.035}
    assert replayed(file, seeds=2) == 4
    assert "undecided" in capsys.readouterr().out


def test_a_reference_band_will_do(machine, tmp_path, monkeypatch, capsys):
    kept = bands.read_content(json.loads(recorded(tmp_path, 20).read_text())["band"])
    file = recorded(tmp_path, 1)
    monkeypatch.setattr(bands, "bands", lambda: (kept,))
    machine["steps"] = OTHER
    assert replayed(file) == 0
    assert "equal" in capsys.readouterr().out


def test_what_was_recorded_is_made_again_as_long_and_its_end_is_told(machine, monkeypatch, tmp_path, capsys):
    asked = []

    def trajectory(session, training, number, *_):
        asked.append((training.epochs, number))
        of = {"component": "mine.net", "variant": "reference", "data": "points", "seed": 0}
        return Trajectory(of, {}, machine["steps"], asked=number, epochs=training.epochs)

    monkeypatch.setattr(module.trainer, "trajectory", trajectory)
    trainings = [Training(NET, "reference", epochs=4)]
    module.record(Here(), trainings, 50, "cpu", tmp_path / "way.json", 1)
    machine["steps"] = STEPS[:2]
    assert module.replay(Here(), Training(NET, "reference"), "cpu", tmp_path / "way.json", None, False) == 1
    assert asked == [(4, 50), (4, 50)]
    told = "differs from step 3 of 50 on, in where it ends: after 3 steps before, after 2 steps now"
    assert told in capsys.readouterr().out


def test_without_any_distribution_what_to_type_is_told(machine, tmp_path, capsys):
    file = recorded(tmp_path, 1)
    machine["steps"] = OTHER
    assert replayed(file) == 1
    assert f"nnbench train net --record {file} --seeds 20" in capsys.readouterr().out


def test_too_few_seeds_are_no_distribution(machine, tmp_path):
    with pytest.raises(NnbenchError, match="takes 5 seeds at least"):
        recorded(tmp_path, 3)


def test_a_distribution_is_not_made_of_what_failed(machine, tmp_path):
    failing = {**rows_of(0, 1.0)[0].__dict__, "status": "failed", "note": "it diverged"}
    with pytest.raises(NnbenchError, match=r"mine\.net, seed 0: it diverged"):
        tiers.band_of({0: [Measurement(**failing)]}, 1, {})

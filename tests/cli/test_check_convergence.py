"""``nnbench check --convergence``: what is said of a few seeds beside a band, and what is not trained at all."""

import json

import pytest

from nnbench import bands
from nnbench.cli import check_convergence as module
from nnbench.errors import NnbenchError
from nnbench.model import CaseInfo, ComponentInfo, Measurement
from nnbench.plan import Target

CASE = CaseInfo("8", "abc", {}, ("8",), "float32", "cpu")
NET = ComponentInfo(
    "mine.net", "architecture", "", (), (), ("reference",), (CASE,), {"data": "points", "epochs": 2}, "here.py:1"
)
VALUES = tuple(1 + 0.01 * (seed % 5) for seed in range(20))
BAND = bands.Band("mine.net", "reference", "points", "abc", 1, dict.fromkeys(bands.COMPARED, VALUES), {})


def rows_of(seed, log_loss, test_loss, checksum="abc"):
    """One epoch of a training that learned as fast as this, by the logarithm of its loss."""
    context = {"data": "points", "checksum": checksum, "seed": seed, "epoch": 1}
    named = {"train_loss": 2.718281828459045**log_loss, "test_loss": test_loss}
    return [
        Measurement("mine.net", "reference", "c", name, "1", (one,), context=context) for name, one in named.items()
    ]


@pytest.fixture
def told(monkeypatch, capsys):
    """The exit code, the rows and what was said on stderr, for trainings that end as they are made to."""
    monkeypatch.setattr(bands, "bands", lambda: (BAND,))

    def ask(make, task=NET, seed=None):
        monkeypatch.setattr(module, "trained", lambda session, wanted: {one.seed: make(one.seed) for one in wanted})
        code = module.check_convergence(None, [Target(task, "reference", CASE)], seed, 8, True)
        said = capsys.readouterr()
        return code, json.loads(said.out), said.err

    return ask


def near(seed):
    return 1 + 0.01 * (seed % 5)


def test_trainings_as_they_were_are_equal(told):
    code, rows, said = told(lambda seed: rows_of(seed, near(seed), near(seed)), seed=40)
    assert code == 0
    assert [(row["metric"], row["verdict"]) for row in rows] == [(bands.SPEED, "equal"), ("test_loss", "equal")]
    assert "seeds 40 to 47; `--seed 40` repeats them" in said


def test_what_learns_more_slowly_exits_with_1(told):
    code, rows, _ = told(lambda seed: rows_of(seed, near(seed) + 1, near(seed)))
    assert (code, rows[0]["verdict"], rows[1]["verdict"]) == (1, "slower", "equal")


def test_what_learns_faster_is_told_and_no_failure(told):
    code, rows, _ = told(lambda seed: rows_of(seed, near(seed) - 1, near(seed) - 1))
    assert (code, rows[0]["verdict"], rows[1]["verdict"]) == (0, "faster", "better")


def test_other_data_is_refused(told):
    with pytest.raises(NnbenchError, match="its band is of points with checksum abc, and here is def"):
        told(lambda seed: rows_of(seed, 1, 1, checksum="def"))


def test_what_has_no_band_is_told_with_what_has(told):
    other = ComponentInfo("mine.other", "architecture", "", (), (), ("reference",), (CASE,), None, "here.py:1")
    with pytest.raises(NnbenchError, match=r"none of what is selected has a reference band; these have: mine\.net"):
        told(lambda seed: [], task=other)

"""A training on augmented images whose process is killed within an epoch, gone on with by the same command."""

import runpy

import pytest
import torch

from nnbench.train.train import Request, train

NET = '''
import os
import signal
from pathlib import Path

from torch import nn

from nnbench import Recipe, Suite, case, randn

suite = Suite("mine")
STEPS, KILLED_AT = Path("steps"), 17


class Net(nn.Sequential):
    """For images of 8x8, with dropout, whose chance is part of the state; it counts its steps in a file."""

    def __init__(self, num_classes=10):
        super().__init__(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, num_classes))

    def forward(self, x):
        if self.training:
            steps = int(STEPS.read_text()) + 1
            STEPS.write_text(str(steps))
            if steps == KILLED_AT:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x)


suite.component(
    "net",
    reference=Net,
    kind="architecture",
    cases=[case(randn(2, 1, 8, 8))],
    recipe=Recipe(
        "digits",
        "CrossEntropyLoss",
        "Adam",
        {"lr": 0.01},
        batch_size=128,
        epochs=3,
        features_argument="",
        augment="crop_and_flip",
        augment_arguments={"padding": 1},
    ),
)
'''
STEPS_AN_EPOCH = 12  # of the 1,437 training images


@pytest.fixture
def one_thread():
    """As a worker has it: another number of threads may change the last bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_what_was_killed_within_an_epoch_and_gone_on_with_ends_with_the_same_bits(user, monkeypatch, one_thread):
    (user.folder / "mine.py").write_text(NET)
    command = ("train", "net", "--suite", "mine.py", "--json")
    kept = ("--checkpoint", "kept", "--checkpoint-every", "0")
    steps = user.folder / "steps"

    steps.write_text("0")
    killed = user.run(*command, *kept)
    assert killed.code == 3
    assert "SIGKILL" in killed.rows[-1]["note"]
    assert {row["epoch"] for row in killed.rows if row["status"] == "ok"} == {1}

    resumed = user.run(*command, *kept)
    assert resumed.code == 0, resumed.err
    assert int(steps.read_text()) == 3 * STEPS_AN_EPOCH + 1  # the step that was killed, and no other, was done again

    steps.write_text("100")  # never stopped
    monkeypatch.chdir(user.folder)
    net = runpy.run_path("mine.py")["suite"].components["mine.net"]
    whole = {(row.metric, row.context["epoch"]): row for row in train(net, "reference", Request())}
    told = {(row["metric"], row["epoch"]): row for row in killed.rows[:-1] + resumed.rows}
    assert {epoch for _, epoch in told} == {1, 2, 3}
    for metric in ("train_loss", "test_loss", "test_accuracy", "gradient_norm"):
        for epoch in (1, 2, 3):
            assert told[metric, epoch]["value"] == whole[metric, epoch].values[0]
            assert told[metric, epoch]["weights"] == whole[metric, epoch].context["weights"]

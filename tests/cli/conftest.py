"""A toy suite in a temporary folder and the real command line, run as a user runs it."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

TOY = '''
import ctypes
import torch
from torch import nn
from nnbench import Suite, case, randn

suite = Suite("toy")


class Double(nn.Module):
    """Twice its input: ``2 x``."""

    def forward(self, x):
        return x + x


class Wrong(nn.Module):
    def forward(self, x):
        return x * 2.001


class Crashing(nn.Module):
    def forward(self, x):
        return ctypes.string_at(0)  # reads address 0: a real segmentation fault


class Hanging(nn.Module):
    def forward(self, x):
        while True:
            pass


class Hungry(nn.Module):
    def forward(self, x):
        return x + torch.zeros(1 << 40).sum()


class Noisy(nn.Module):
    def forward(self, x):
        print("a component may print what it likes")
        return x + x


suite.component(
    "double",
    reference=Double,
    variants={
        "torch": lambda x: torch.mul(x, 2),
        "wrong": Wrong,
        "crashing": Crashing,
        "hanging": Hanging,
        "hungry": Hungry,
        "noisy": Noisy,
    },
    cases=[case(randn(16, 8))],
)
suite.component("linear", reference=nn.Linear, cases=[case(randn(4, 3), in_features=3, out_features=2)])
'''


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def rows(self):
        return json.loads(self.out)


def hear_ctrl_c():
    """A shell's background job ignores SIGINT, and so does what it starts, unless it is told otherwise."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class User:
    """Someone at a shell in a folder with a suite file."""

    folder: Path

    def environment(self):
        # Tests run side by side themselves: a second worker for each command would wait for the first.
        return (
            {"NNBENCH_JOBS": "1"}
            | os.environ
            | {
                "NNBENCH_DATA": str(self.folder / "data"),
                "NNBENCH_CEILINGS": str(self.folder / "ceilings"),
            }
        )

    def run(self, *arguments, timeout=240):
        command = [sys.executable, "-m", "nnbench", *map(str, arguments)]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments):
        command = [sys.executable, "-m", "nnbench", *map(str, arguments)]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=hear_ctrl_c,
        )


@pytest.fixture(scope="session")
def new_user(tmp_path_factory):
    """Makes users, each in a folder of its own."""

    def make(name):
        folder = tmp_path_factory.mktemp(name)
        (folder / "toy.py").write_text(TOY)
        return User(folder)

    return make


@pytest.fixture
def user(new_user):
    return new_user("user")


@pytest.fixture(scope="module")
def measured(new_user):
    """A user who has run the toy suite once; the answer of that run."""
    one = new_user("measured")
    answer = one.run("run", "--suite", "toy.py", "toy", "--quick", "--timeout", "3", "--json")
    return one, answer

"""Whatever a user's class does, there is one clear row: never a traceback, and never a pass."""

import pytest

BAD = '''
import torch
from torch import nn
from nnbench import Suite, case, randn


class Base(nn.Module):
    """``tanh(x)``."""

    def forward(self, x):
        return torch.tanh(x)


class Raises(Base):
    def forward(self, x):
        raise KeyError("weight")


class RaisesWhenBuilt(Base):
    def __init__(self):
        raise OSError("no such file")


class Exits(Base):
    def forward(self, x):
        raise SystemExit(0)


class Interrupts(Base):
    def forward(self, x):
        raise KeyboardInterrupt


class Shape(Base):
    def forward(self, x):
        return torch.tanh(x).sum(1)


class Dtype(Base):
    def forward(self, x):
        return torch.tanh(x).double()


class Nothing(Base):
    def forward(self, x):
        torch.tanh(x)


class NotANumber(Base):
    def forward(self, x):
        return torch.tanh(x) * float("nan")


class NoTensor(Base):
    def forward(self, x):
        return torch.tanh(x).tolist()


class Needs(Base):
    def __init__(self, width):
        super().__init__()


class NeverReturns(Base):
    def forward(self, x):
        while True:
            pass


class NotCallable:
    pass


suite = Suite("bad")
variants = {
    "raises": Raises,
    "built": RaisesWhenBuilt,
    "exits": Exits,
    "interrupts": Interrupts,
    "shape": Shape,
    "dtype": Dtype,
    "nothing": Nothing,
    "not_a_number": NotANumber,
    "no_tensor": NoTensor,
    "needs": Needs,
    "never_returns": NeverReturns,
    "not_callable": NotCallable,
}
suite.component("tanh", reference=Base, variants=variants, cases=[case(randn(4, 6))])
'''
TOLD = {
    "raises": "raised KeyError: 'weight' (bad.py, line 16)",
    "built": "raised OSError: no such file (bad.py, line 21)",
    "exits": "raised SystemExit: 0 (bad.py, line 26)",
    "interrupts": "raised KeyboardInterrupt (bad.py, line 31)",
    "shape": "it returned shape (4,) where (4, 6) is right",
    "dtype": "it returned float64 where float32 is right",
    "nothing": "it returned None where a tensor is right",
    "not_a_number": "it returned NaN in 24 of 24 places where the reference has numbers",
    "no_tensor": "it returned a float where a tensor is right",
    "needs": "missing 1 required positional argument: 'width'",
    "never_returns": "timed out: no answer within 3 s (--timeout allows more)",
    "not_callable": "object is not callable",
}

ENDED = ("exits", "interrupts", "never_returns")  # as a whole, in no one check


@pytest.fixture(scope="module")
def answers(new_user):
    user = new_user("bad")
    (user.folder / "bad.py").write_text(BAD)
    given = ["check", "bad.tanh", "--suite", "bad.py", "--timeout", "3", "--seed", "1"]
    return user.run(*given, "--json"), user.run(*given)


@pytest.mark.parametrize("variant", TOLD)
def test_one_clear_row(answers, variant):
    rows = [row for row in answers[0].rows if row["variant"] == variant]
    (row,) = [row for row in rows if row["status"] != "passed"]
    assert row["status"] == "failed"
    assert TOLD[variant] in row["note"]


def test_never_a_traceback_and_never_a_pass(answers):
    for answer in answers:
        assert answer.code == 1
        assert "Traceback" not in answer.out + answer.err


def test_the_reference_is_right_all_the_same(answers):
    assert {row["status"] for row in answers[0].rows if row["variant"] == "reference"} <= {"passed", "skipped"}


@pytest.mark.parametrize("variant", TOLD)
def test_each_is_told_once_with_the_line_that_repeats_it(answers, variant):
    assert answers[1].out.count(TOLD[variant]) == 1
    only = "" if variant in ENDED else "--only answers "
    repeat = f"nnbench check 'bad.tanh@{variant}[4x6]' {only}--suite bad.py --timeout 3 --seed 1"
    assert answers[1].out.count(repeat) == 1

"""Mutants: what is changed in a source, what is left alone, and what becomes of each."""

import ast
from types import SimpleNamespace

import pytest

from nnbench.checking import Settings
from nnbench.checks.mutants import mutants_of, tried
from nnbench.checks.source_changes import changes_of
from nnbench.discovery import Source, load
from nnbench.model import Status
from nnbench.mutation import CAUGHT, EQUIVALENT, SURVIVED, MutantInfo, listed, outcomes
from nnbench.processes.process import WorkerEnded

TOY = '''
import numpy as np
import torch
from torch import nn
from nnbench import Suite, case, randn

suite = Suite("toy")


def refuse_scalars(x):
    if x.dim() < 1:
        raise ValueError("no scalars")


def halved(x: torch.Tensor) -> torch.Tensor:
    """Half of it."""
    return x / 2


class Scaled(nn.Module):
    """x / 2 + 3 in training, the same in evaluation."""

    def __init__(self, offset: float = 3.0) -> None:
        super().__init__()
        self.offset = offset

    def forward(self, x):
        refuse_scalars(x)
        y = halved(x) + self.offset
        if self.training:
            return y
        return self.offset + halved(x)  # equivalent: the sum of two numbers has no order


def unused(x):
    return x * 2


suite.component(
    "scaled",
    reference=Scaled,
    oracle=lambda x, offset: x * 0.5 + offset,
    cases=[case(randn(6, 5), offset=3.0)],
    properties=["batch_independent"],
)
suite.component("built_in", reference=nn.ReLU, oracle=lambda x: np.maximum(x, 0), cases=[case(randn(6, 5))])
suite.component("nameless", reference=lambda x: x * 2, oracle=lambda x: x + x, cases=[case(randn(6, 5))])
'''


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    path = tmp_path_factory.mktemp("mutants") / "toy.py"
    path.write_text(TOY)
    return load([Source("file", str(path), "toy.py")]).components


@pytest.fixture(scope="module")
def changes(toy):
    return {mutant.change: mutant for mutant in mutants_of(toy["toy.scaled"])}


def test_the_reference_and_what_it_uses_is_changed(changes):
    assert {
        "x / 2 -> x * 2",
        "x / 2 -> x",
        "2 -> 3",
        "halved(x) + self.offset -> halved(x) - self.offset",
        "self.training -> True",
        "self.training -> False",
        "3.0 -> 3.0300000000000002",
    } <= set(changes)


def test_what_is_not_used_refuses_or_explains_is_left_alone(changes):
    told = " ".join(changes)
    assert "x * 2 -> x / 2" not in changes
    assert "refuse_scalars" not in told
    assert "dim()" not in told
    assert "Half of it" not in told


def test_a_mutant_names_its_line(toy, changes):
    lines = TOY.splitlines()
    mutant = changes["x / 2 -> x * 2"]
    assert lines[mutant.line - 1].strip() == "return x / 2"
    assert mutant.file.endswith("toy.py")


def test_a_wrong_mutant_is_caught(toy, changes):
    for change in ("x / 2 -> x * 2", "halved(x) + self.offset -> halved(x)", "halved(x) + self.offset -> self.offset"):
        verdict = tried(toy["toy.scaled"], changes[change], 3)
        assert verdict.caught_by == ("answers" if change.endswith("-> self.offset") else "forward_float64")
        assert verdict.case == "6x5,offset=3.0"


def test_a_default_that_every_case_overrides_survives(toy, changes):
    assert tried(toy["toy.scaled"], changes["3.0 -> 3.0300000000000002"], 3).caught_by == ""


def test_the_component_itself_is_left_as_it_was(toy, changes):
    tried(toy["toy.scaled"], changes["x / 2 -> x * 2"], 3)
    assert "mutant" not in toy["toy.scaled"].variants


def test_a_comment_says_what_is_equivalent(changes):
    told = "the sum of two numbers has no order"
    assert changes["self.offset + halved(x) -> self.offset - halved(x)"].equivalent == told
    assert changes["x / 2 -> x * 2"].equivalent == ""


def test_torchs_own_source_can_be_changed_too_and_a_lambda_cannot(toy):
    assert mutants_of(toy["toy.built_in"])
    assert mutants_of(toy["toy.nameless"]) == []


class Answers:
    """A session that gives one answer, or ends."""

    def __init__(self, answer):
        self.answer = answer

    def ask(self, request):
        if isinstance(self.answer, Exception):
            raise self.answer
        yield self.answer

    def renew(self):
        pass


def became(answer, equivalent=""):
    mutant = MutantInfo("toy.scaled", 0, "toy.py", 7, "a -> b", equivalent)
    (outcome,) = (one for _, one in outcomes(Answers(answer), [mutant], Settings(seed=1)) if one is not None)
    return outcome.status, outcome.caught_by


@pytest.mark.parametrize(
    ("answer", "equivalent", "status"),
    [
        ({"verdict": {"caught_by": "mode", "case": "", "note": ""}}, "", (CAUGHT, "mode")),
        ({"verdict": {"caught_by": "mode", "case": "", "note": ""}}, "no order", (CAUGHT, "mode")),
        ({"verdict": {"caught_by": "", "case": "", "note": ""}}, "", (SURVIVED, "")),
        ({"verdict": {"caught_by": "", "case": "", "note": ""}}, "no order", (EQUIVALENT, "")),
        ({"failed": {"status": "failed", "note": "no"}}, "", (CAUGHT, "failed")),
        (WorkerEnded(Status.TIMED_OUT, "no answer"), "", (CAUGHT, "timed out")),
    ],
)
def test_what_becomes_of_a_mutant(answer, equivalent, status):
    assert became(answer, equivalent) == status


def test_mutants_are_listed_with_their_places():
    rows = [{"file": "toy.py", "line": 7, "change": "a -> b", "equivalent": ""}] * 2

    class One:
        id = "toy.scaled"

    assert [mutant.place for mutant in listed(Answers({"mutants": rows}), [One])] == [0, 1]


class Lists:
    """A session that lists other mutants for each component."""

    def __init__(self, **lines):
        self.lines = lines

    def ask(self, request):
        rows = [{"file": "toy.py", "line": line, "change": "a -> b", "equivalent": ""} for line in self.of(request)]
        yield {"mutants": rows}

    def of(self, request):
        return self.lines[request["component"].partition(".")[2]]


def of(*names):
    return [SimpleNamespace(id=f"toy.{name}") for name in names]


def test_a_line_that_two_components_share_is_changed_once():
    found = listed(Lists(first=[1, 2, 2], second=[2, 2, 3]), of("first", "second"))
    assert [(one.component, one.line, one.also) for one in found] == [
        ("toy.first", 1, ()),
        ("toy.first", 2, (("toy.second", 0),)),
        ("toy.first", 2, (("toy.second", 1),)),
        ("toy.second", 3, ()),
    ]


def test_components_that_are_not_selected_help_but_add_nothing():
    session = Lists(first=[1], second=[1, 2])
    (found,) = listed(session, of("first"), of("first", "second"))
    assert found.also == (("toy.second", 0),)


def test_cheats_are_made_around_each_component_anew():
    assert len(listed(Lists(first=[0], second=[0]), of("first", "second"))) == 2


def test_a_shared_line_is_tried_on_each_until_one_is_caught():
    class Second:
        def ask(self, request):
            caught = "mode" if request["component"] == "toy.second" else ""
            yield {"verdict": {"caught_by": caught, "case": "", "note": ""}}

        def renew(self):
            pass

    mutant = MutantInfo("toy.first", 0, "toy.py", 7, "a -> b", also=(("toy.second", 3),))
    (outcome,) = (one for _, one in outcomes(Second(), [mutant], Settings(seed=1)) if one is not None)
    assert (outcome.component, outcome.status, outcome.caught_by) == ("toy.first", CAUGHT, "mode")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x.sqrt() + eps", "(x + eps).sqrt()"),
        ("torch.sqrt(x) + eps", "torch.sqrt(x + eps)"),
        ("state['step'] = x", "pass"),
    ],
)
def test_what_is_changed_into_what(before, after):
    (statement,) = ast.parse(before).body
    place = statement.value if isinstance(statement, ast.Expr) else statement
    assert f"{before} -> {after}" in [told for told, _ in changes_of(place)]

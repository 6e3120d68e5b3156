"""The checks, checked: right components pass, and every kind of wrong one is caught and told why."""

import functools
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from battery_support import RIGHT, SEED, checked, component, statuses
from torch import nn

from nnbench import Variant, case, randint, randn


class Layer(nn.Module):
    """tanh(x W^T) + b."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 16) / 4)
        self.bias = nn.Parameter(torch.zeros(4))

    def forward(self, x):
        return self.answer(x)

    def answer(self, x):
        return torch.tanh(x @ self.weight.T) + self.bias


class Other(Layer):
    """The same in other operations."""

    def forward(self, x):
        return nn.functional.linear(x, self.weight).tanh() + self.bias


def oracle(x, weight, bias):
    return np.tanh(x @ weight.T) + bias


class Bent(torch.autograd.Function):
    """The identity, with a gradient that is off by one part in a hundred."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 1.01


def mutant(forward):
    return type("Mutant", (Layer,), {"forward": forward})


def halves(self, x):
    """Half precision inside float32."""
    return self.answer(x).half().float() if x.dtype == torch.float32 else self.answer(x)


def deaf_bias(self, x):
    return torch.tanh(x @ self.weight.T) + self.bias.detach()


def writes_its_input(self, x):
    answer = self.answer(x)
    x.data.mul_(2)
    return answer


def raises(self, x):
    raise ValueError("16 is not a multiple of 3\nand more")


class Renamed(nn.Module):
    def __init__(self):
        super().__init__()
        self.w, self.b = nn.Parameter(torch.zeros(4, 16)), nn.Parameter(torch.zeros(4))

    def forward(self, x):
        return torch.tanh(x @ self.w.T) + self.b


ANSWERS, FORWARD, GRADIENTS = "answers", "forward_float64", "gradients_float64"
NAMES = r"its state_dict holds b \(4,\), w \(4, 16\) where the reference's holds bias \(4,\), weight \(4, 16\)"

# name: the mistake, the check that has to catch it, and what that has to say
FORWARDS = {
    "sign": (lambda self, x: -self.answer(x), FORWARD, "off by .* of its scale against"),
    "constant": (lambda self, x: self.answer(x) * 1.001, FORWARD, "off by 0.00"),
    "offset": (lambda self, x: self.answer(x) + 1e-9, FORWARD, "off by"),
    "one element": (lambda self, x: self.answer(x) + 1e-3 * (torch.arange(4) == 3), FORWARD, "off by"),
    "missing term": (lambda self, x: self.answer(x) - self.bias, FORWARD, "off by"),
    "axis": (lambda self, x: self.answer(x).flip(0), FORWARD, "off by"),
    "zeros": (lambda self, x: 0 * self.answer(x), FORWARD, "off by"),
    "nan": (lambda self, x: self.answer(x) / 0 * 0, ANSWERS, "returned NaN in 32 of 32 places"),
    "one nan": (lambda self, x: self.answer(x).masked_fill(torch.arange(4) == 3, torch.nan), ANSWERS, "NaN in 8 of 32"),
    "none": (lambda self, x: None, ANSWERS, "it returned None where a tensor is right"),
    "fewer columns": (lambda self, x: self.answer(x)[:, :3], ANSWERS, r"shape \(8, 3\) where \(8, 4\) is right"),
    "extra axis": (lambda self, x: self.answer(x)[None], ANSWERS, r"shape \(1, 8, 4\) where \(8, 4\) is right"),
    "two outputs": (lambda self, x: (self.answer(x),) * 2, ANSWERS, "it returned 2 tensors where a tensor is right"),
    "dtype": (lambda self, x: self.answer(x).float(), FORWARD, "float32 came out where float64 went in"),
    "raises": (raises, ANSWERS, "raised ValueError: 16 is not a multiple of 3 \\(test_battery.py, line \\d+\\)$"),
    "half precision": (halves, "forward_float32", "off by"),
    "gradient": (lambda self, x: Bent.apply(self.answer(x)), GRADIENTS, "off by .* in the gradient of"),
    "gradient of the input": (lambda self, x: self.answer(Bent.apply(x)), GRADIENTS, "in the gradient of input 0"),
    "no gradient": (lambda self, x: self.answer(x).detach(), GRADIENTS, "no gradient arrives at input 0"),
    "no gradient of the bias": (deaf_bias, GRADIENTS, "no gradient arrives at bias"),
    "writes its input": (writes_its_input, "inputs_unchanged", "it changes its input 0 in place"),
    "random": (lambda self, x: self.answer(x) + 1e-3 * torch.rand(4), "deterministic", "declare it stochastic"),
    "mode": (lambda self, x: self.answer(x) * (1 if self.training else 2), "mode", "which it does not declare"),
}

MUTANTS = {name: (mutant(forward), check, note) for name, (forward, check, note) in FORWARDS.items()}
MUTANTS["other names"] = (Renamed, ANSWERS, NAMES)

# Mistakes that a reference can make too: then its oracle, or finite differences, must find them.
OF_A_REFERENCE = {name: check for name, (_, check, _) in MUTANTS.items() if check != GRADIENTS}
OF_A_REFERENCE |= {name: "gradcheck" for name, (_, check, _) in MUTANTS.items() if check == GRADIENTS}
# Of a reference only its own answers are known: an oracle sees the rest.
OF_A_REFERENCE |= dict.fromkeys(("nan", "one nan", "fewer columns", "extra axis", "two outputs"), FORWARD)
del OF_A_REFERENCE["other names"]  # there are no other names than its own


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("variant", ["reference", "torch", "other"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_a_right_component_passes(variant, dtype, seed):
    cases = [case(randn(8, 16), dtype=dtype)]
    made = component(Layer, oracle=oracle, variants={"torch": Other, "other": Layer}, cases=cases)
    rows = checked(made, variant, seed)
    assert statuses(rows) <= RIGHT
    assert {name for name, row in rows.items() if row.status == "passed"} >= {
        "forward_float64",
        f"forward_{dtype}",
        "gradients_float64",
        "inputs_unchanged",
        "deterministic",
        "mode",
    }
    assert (rows["gradcheck"].status == "passed") == (variant == "reference")


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_variant_is_caught_and_told_why(name):
    wrong, expected, note = MUTANTS[name]
    rows = checked(component(Layer, oracle=oracle, variants={"torch": Other, "wrong": wrong}), "wrong")
    assert rows[expected].status == "failed"
    assert not rows[expected].is_right
    assert re.search(note, rows[expected].note), rows[expected].note


@pytest.mark.parametrize("name", OF_A_REFERENCE)
def test_a_wrong_reference_is_caught_by_something_independent(name):
    rows = checked(component(MUTANTS[name][0], oracle=oracle))
    assert rows[OF_A_REFERENCE[name]].status == "failed"


def test_a_wrong_reference_without_an_oracle_is_caught_by_torch():
    rows = checked(component(MUTANTS["constant"][0], variants={"torch": Other}))
    assert rows["forward_float64"].status == "failed"
    assert rows["forward_float64"].note.endswith("against torch")


def test_a_row_says_of_what_it_is_and_holds_its_evidence():
    made = component(Layer, oracle=oracle, variants={"wrong": MUTANTS["constant"][0]})
    row = checked(made, "wrong")["forward_float64"]
    assert (row.component, row.variant, row.case, row.seed) == ("toy.thing", "wrong", "8x16", SEED)
    assert row.spec == made.cases[0].spec
    assert row.error == pytest.approx(1e-3, rel=2)
    assert row.allowance < 1e-9


def test_a_component_that_raises_is_not_asked_again():
    made = component(Layer, oracle=oracle, variants={"wrong": MUTANTS["raises"][0]})
    rows = checked(made, "wrong")
    assert list(rows) == ["answers"]
    assert rows["answers"].cause == "failed"


def test_a_component_that_cannot_be_imported_is_skipped():
    rows = checked(component(Layer, oracle=oracle, variants={"keras": "no_such_package:Layer"}), "keras")
    assert statuses(rows) == {"skipped"}
    assert rows["answers"].note == "cannot be imported: No module named 'no_such_package'"


@pytest.mark.parametrize("gone", ["no_such_package:Layer", "torch.nn:NoSuchLayer"])
def test_a_variant_whose_reference_is_missing_is_not_right(gone):
    rows = checked(component(gone, variants={"any": lambda x: x * 0 + 3}), "any")
    assert [row.is_right for row in rows.values()] == [False]
    assert "reference, which it would be judged by, gives no answer" in next(iter(rows.values())).note


def test_a_class_that_its_package_does_not_have_is_a_failure_not_a_missing_package():
    rows = checked(component(Layer, oracle=oracle, variants={"typo": "torch.nn:Layre"}), "typo")
    assert statuses(rows) == {"failed"}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (torch.nn.ReLU, lambda x: x.clamp(0, 6)),
        (torch.nn.Sigmoid, lambda x: x.exp() / (1 + x.exp())),
        (torch.nn.Tanh, lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())),
    ],
)
def test_what_clips_or_overflows_far_out_is_caught_by_wide_inputs(right, wrong):
    rows = checked(component(right, variants={"torch": right, "narrow": wrong}), "narrow")
    assert rows["wide_inputs"].status == "failed"


def test_a_part_in_twenty_is_seen_in_bfloat16():
    def off(x):
        return x.relu() * (1.05 if x.dtype == torch.bfloat16 else 1)

    cases = [case(randn(8, 16), dtype="bfloat16")]
    made = component(torch.nn.ReLU, cases=cases, variants={"torch": torch.nn.ReLU, "off": off})
    assert checked(made, "off")["forward_bfloat16"].status == "failed"


@pytest.mark.parametrize("wrong", [0, 1])
def test_each_of_several_outputs_is_checked(wrong):
    def answer(x):
        return torch.tanh(x), torch.sin(x)

    def mutant(x):
        return tuple(output * (1.001 if place == wrong else 1) for place, output in enumerate(answer(x)))

    made = component(answer, variants={"torch": answer, "wrong": mutant})
    assert statuses(checked(made)) <= RIGHT
    assert checked(made, "wrong")["forward_float64"].status == "failed"


def test_a_function_is_checked_as_a_module_is():
    made = component(torch.tanh, oracle=np.tanh, variants={"wrong": lambda x: torch.tanh(x) * 1.001})
    rows = checked(made)
    assert statuses(rows) <= RIGHT
    assert rows["gradcheck"].status == "passed"
    assert rows["mode"].note == "a function has no mode"
    assert checked(made, "wrong")["forward_float64"].status == "failed"


def test_a_loss_is_checked_towards_its_float_inputs():
    cases = [case(randn(8, 5), randint(5, (8,)))]
    wrong = functools.partial(nn.CrossEntropyLoss, reduction="sum")
    made = component(
        nn.CrossEntropyLoss, kind="loss", cases=cases, variants={"torch": nn.CrossEntropyLoss, "wrong": wrong}
    )
    rows = checked(made)
    assert statuses(rows) <= RIGHT
    assert rows["gradients_float64"].note == "in the gradient of input 0"
    assert checked(made, "wrong")["forward_float64"].status == "failed"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda x: 0 * x, "zeros"),
        (lambda x: torch.ones_like(x) + 0 * x, "the mean"),
        (lambda x: x.clone(), "its input"),
        (lambda x: x * torch.nan, "the mean"),
    ],
    ids=["zeros", "constant", "identity", "nan"],
)
def test_a_case_that_could_not_fail_is_mistrusted_never_passed(answer, told):
    rows = checked(component(answer, variants={"torch": answer}), "torch")
    for name in ("forward_float64", "forward_float32"):
        assert rows[name].status == "mistrusted"
        assert told in rows[name].note
        assert not rows[name].is_right


def test_a_reference_that_nothing_can_judge_says_so():
    rows = checked(component(Layer))
    assert rows["forward_float64"].status == "skipped"
    assert rows["forward_float64"].note.startswith("nothing independent to compare the reference with")


def test_a_component_that_declares_its_mode_must_have_one():
    moody = MUTANTS["mode"][0]
    assert checked(component(moody, properties=["mode"]))["mode"].status == "passed"
    calm = checked(component(Layer, properties=["mode"]))["mode"]
    assert calm.status == "failed"
    assert calm.note.startswith("training and evaluation mode give the same output")


def test_a_component_that_declares_that_it_is_random_is_compared_in_evaluation_mode():
    class Noisy(Layer):
        def forward(self, x):
            return self.answer(nn.functional.dropout(x, 0.5, self.training))

    assert checked(component(Noisy, oracle=oracle))["deterministic"].status == "failed"
    rows = checked(component(Noisy, oracle=oracle, properties=["stochastic", "mode"]))
    assert statuses(rows) <= RIGHT
    assert rows["forward_float64"].status == "passed"


def test_an_erratum_is_expected_to_be_wrong():
    wrong = Variant("documented", MUTANTS["sign"][0], erratum="E01")
    rows = checked(component(Layer, oracle=oracle, variants={"documented": wrong}), "documented")
    shown = rows["forward_float64"]
    assert (shown.status, shown.erratum, shown.is_right) == ("expected", "E01", True)
    assert shown.note.startswith("E01: off by")
    assert rows["mode"].erratum == ""
    assert "erratum" not in rows


def test_an_erratum_that_no_longer_shows_is_a_failure():
    mended = Variant("documented", Other, erratum="E01")
    rows = checked(component(Layer, oracle=oracle, variants={"documented": mended}), "documented")
    assert rows["erratum"].status == "failed"
    assert rows["erratum"].note == "E01 no longer shows: every check passes"


SHARED_WEIGHTS = """
from nnbench import component
from nnbench.checks.trial import Trial
made = component("layers.batch_norm1d")
print(sum(float(tensor.sum()) for tensor in Trial(made, "torch", made.cases[0], 5).state.values()))
"""


def test_a_seed_gives_the_same_weights_in_every_process():
    """Python's hash seed differs from process to process, and with it the order of a set."""
    said = [
        subprocess.run(
            [sys.executable, "-c", SHARED_WEIGHTS],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    ]
    assert said[0].strip()
    assert len(set(said)) == 1


class Centred(nn.Module):
    """A bias that the normalisation behind it takes away: its gradient is zero but for rounding."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 16) / 4)
        self.bias = nn.Parameter(torch.zeros(4))

    def forward(self, x):
        y = x @ self.weight.T + self.bias
        return torch.tanh(y - y.mean(0))


class CentredOtherwise(Centred):
    def forward(self, x):
        y = nn.functional.linear(x, self.weight, self.bias)
        return (y - y.sum(0) / len(y)).tanh()


class Leaking(Centred):
    """The same values, with a gradient at the bias that should be zero."""

    def forward(self, x):
        return super().forward(x) + 1e-3 * (self.bias - self.bias.detach())


def test_a_gradient_that_is_zero_but_for_rounding_is_judged_by_the_others():
    for seed in range(20):
        made = component(Centred, cases=[case(randn(32, 16))], variants={"torch": CentredOtherwise, "leaking": Leaking})
        assert statuses(checked(made, seed=seed)) <= RIGHT
        assert statuses(checked(made, "torch", seed=seed)) <= RIGHT
        row = checked(made, "leaking", seed=seed)["gradients_float64"]
        assert (row.status, "in the gradient of bias, which is zero" in row.note) == ("failed", True)

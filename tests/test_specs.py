"""Cases: their labels, their hashes, and what they refuse."""

import json

import numpy as np
import pytest
import torch

from nnbench import case, randint, randn
from nnbench.errors import RegistrationError

BASE = case(randn(8, 16), in_features=16, bias=True)


@pytest.mark.parametrize(
    ("made", "label"),
    [
        (case(), "default"),
        (case(randn(64, 1024)), "64x1024"),
        (case(randn(())), "scalar"),
        (case(randn(8, 5), randint(5, (8,))), "8x5,8(0..4)"),
        (case(randint(-2, 3, (4, 2))), "4x2(-2..2)"),
        (case(randn(2), hidden=(256, 128), bias=False), "2,hidden=(256+128),bias=False"),
        (case(randn(2), layer=torch.nn.ReLU), "2,layer=ReLU"),
        (case(randn(2), weight=randn(5)), "2,weight=5"),
        (case(randn(2), settings={"a": 1, "b": 2}), "2,settings={'a':1,'b':2}"),
        (case(randn(2), dtype="bfloat16", device="cuda"), "2,bfloat16,cuda"),
        (case(randn(2), name="tiny", bias=False), "tiny"),
    ],
)
def test_a_label_says_what_is_special_about_a_case(made, label):
    assert made.label == label


def test_sizes_are_given_one_by_one_or_as_one_sequence():
    assert randn(3, 4) == randn((3, 4)) == randn([3, 4]) == randn(torch.Size([3, 4]))
    assert randn(3, 4).elements == 12
    assert randn(()).elements == 1


def test_integers_are_asked_for_as_of_torch():
    assert randint(5, (10,)) == randint(0, 5, (10,)) == randint(low=0, high=5, size=(10,))
    assert not randint(5, (10,)).requires_grad


def test_the_spec_does_not_depend_on_the_order_of_arguments():
    assert case(randn(8, 16), bias=True, in_features=16).spec == BASE.spec


@pytest.mark.parametrize(
    "other",
    [
        case(randn(16, 8), in_features=16, bias=True),
        case(randn(8, 16), randn(8, 16), in_features=16, bias=True),
        case(randn(8, 16, requires_grad=False), in_features=16, bias=True),
        case(randint(2, (8, 16)), in_features=16, bias=True),
        case(randn(8, 16), in_features=17, bias=True),
        case(randn(8, 16), in_features=16, bias=False),
        case(randn(8, 16), in_features=16, bias=True, dtype="float64"),
        case(randn(8, 16), in_features=16, bias=True, device="cuda"),
        case(randn(8, 16), in_features=16),
    ],
    ids=lambda made: made.label,
)
def test_whatever_decides_the_work_changes_the_spec(other):
    assert other.spec != BASE.spec


def test_a_name_does_not_change_the_spec():
    assert case(randn(8, 16), in_features=16, bias=True, name="small").spec == BASE.spec


def test_a_case_for_the_checks_alone_is_the_same_work():
    made = case(randn(8, 16), in_features=16, bias=True, timed=False)
    assert (made.spec, made.timed, BASE.timed) == (BASE.spec, False, True)


def test_integer_ranges_are_part_of_the_spec():
    assert case(randint(5, (8,))).spec != case(randint(6, (8,))).spec != case(randint(1, 6, (8,))).spec


def test_a_spec_is_the_same_in_every_process():
    """A golden value: when it changes, no case stored so far can be compared with a new one."""
    made = case(randn(32, 784), randint(10, (32,)), hidden=(256, 128), activation="relu", dtype="float64")
    assert made.spec == "68acbe913005"


def test_arguments_have_a_form_that_json_holds():
    made = case(randn(2), sizes=(1, [2, 3]), layer=torch.nn.ReLU, weight=randn(5), nested={"a": None})
    assert json.loads(json.dumps(made.plain_arguments)) == {
        "sizes": [1, [2, 3]],
        "layer": "torch.nn.modules.activation.ReLU",
        "weight": {"distribution": "randn", "shape": [5], "low": 0, "high": 0, "requires_grad": True},
        "nested": {"a": None},
    }


@pytest.mark.parametrize("value", [torch.ones(2), np.ones(2), object(), torch.float32, {"inside": torch.ones(2)}])
def test_an_argument_without_a_stable_description_is_refused(value):
    with pytest.raises(RegistrationError, match=r"not \w+: give tensors as randn\(\.\.\.\)"):
        case(randn(2), weight=value)


@pytest.mark.parametrize("inputs", [(8, 16), ((8, 16),), (torch.ones(2),)], ids=["sizes", "shape", "tensor"])
def test_an_input_that_is_not_a_specification_is_refused(inputs):
    with pytest.raises(
        RegistrationError, match=r"inputs are made with randn\(\.\.\.\), rand\(\.\.\.\) or randint\(\.\.\.\), not"
    ):
        case(*inputs)


def test_an_unknown_dtype_is_refused_with_the_valid_ones():
    with pytest.raises(RegistrationError, match="one of float64, float32, float16, bfloat16, not 'float23'"):
        case(randn(2), dtype="float23")


@pytest.mark.parametrize("sizes", [(-1,), (3, -2), (2.0,), (True,), ("ab",), ([2, None],)])
def test_sizes_that_are_no_whole_numbers_from_0_up_are_refused(sizes):
    with pytest.raises(RegistrationError, match="whole numbers from 0 up, not"):
        randn(*sizes)


@pytest.mark.parametrize(
    "arguments", [(5, 10), (5, 5, (3,)), (5, 2, (3,)), (0, (3,)), (1.5, (3,))], ids=lambda given: str(given)
)
def test_integers_asked_for_in_another_way_are_refused(arguments):
    with pytest.raises(RegistrationError, match=r"randint takes \(high, size\) or \(low, high, size\)"):
        randint(*arguments)


def test_a_case_cannot_be_changed():
    with pytest.raises(AttributeError):
        BASE.dtype = "float64"

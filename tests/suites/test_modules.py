"""Modules, losses and architectures against torch and against their oracles, over torch's options."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from suite_support import (
    CALLED_WITH_INPUTS,
    answer,
    assert_close,
    built,
    ids,
    inputs_of,
    oracle_answers,
    registered,
)

import nnbench
from nnbench import case, randint, randn
from nnbench.specs import Case
from nnbench.workload import tensors

# What torch's own layers say of unusual options.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Initializing zero-element tensors"),
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths"),
]

IMAGES = randn(2, 4, 9, 8)
CHANNELS = {"in_channels": 4, "out_channels": 6}
LOGITS, CLASSES = randn(7, 5), randint(5, (7,))
SMOOTHED = {"label_smoothing": 0.3}
WEIGHTED = {"weight": randn(5)}

# What torch's constructors can be told, beyond what the documents tell them.
OPTIONS: dict[str, list[Case]] = {
    "activations.relu": [case(randn(3, 5)), case(randn(1)), case(randn()), case(randn(0, 4))],
    "activations.leaky_relu": [
        case(randn(3, 5)),
        *(case(randn(3, 5), negative_slope=s) for s in (0.0, 0.3, 1.5, -0.2)),
    ],
    "activations.elu": [case(randn(3, 5)), case(randn(3, 5), alpha=0.5), case(randn(3, 5), alpha=2.0)],
    "activations.sigmoid": [case(randn(3, 5)), case(randn(0, 4))],
    "activations.tanh": [case(randn(3, 5)), case(randn(0, 4))],
    "activations.softmax": [
        *(case(randn(3, 5, 4), dim=dim) for dim in (0, 1, 2, -1, -2)),
        case(randn(6), dim=0),
        case(randn(), dim=0),
        case(randn(3, 1), dim=1),
        case(randn(0, 4), dim=1),
        case(randn(4, 0), dim=1),
    ],
    "activations.gelu": [case(randn(3, 5)), case(randn(3, 5), approximate="tanh")],
    "activations.silu": [case(randn(3, 5)), case(randn())],
    "activations.mish": [case(randn(3, 5)), case(randn())],
    "layers.linear": [
        case(randn(3, 6), in_features=6, out_features=4),
        case(randn(3, 6), in_features=6, out_features=4, bias=False),
        case(randn(6), in_features=6, out_features=4),
        case(randn(2, 3, 6), in_features=6, out_features=1),
        case(randn(0, 6), in_features=6, out_features=4),
        case(randn(3, 1), in_features=1, out_features=1),
        case(randn(3, 0), in_features=0, out_features=2),
    ],
    "layers.conv2d": [
        case(IMAGES, **CHANNELS, kernel_size=3),
        case(IMAGES, **CHANNELS, kernel_size=(3, 2)),
        case(IMAGES, **CHANNELS, kernel_size=1, bias=False),
        case(IMAGES, **CHANNELS, kernel_size=3, stride=2),
        case(IMAGES, **CHANNELS, kernel_size=(2, 3), stride=(3, 1), padding=(1, 2)),
        case(IMAGES, **CHANNELS, kernel_size=3, dilation=2),
        case(IMAGES, **CHANNELS, kernel_size=(3, 2), dilation=(1, 3), stride=2, padding=2),
        case(IMAGES, **CHANNELS, kernel_size=3, padding="valid"),
        case(IMAGES, **CHANNELS, kernel_size=(4, 3), padding="same"),
        case(IMAGES, **CHANNELS, kernel_size=(2, 4), padding="same", dilation=(2, 1)),
        case(IMAGES, **CHANNELS, kernel_size=3, groups=2),
        case(IMAGES, in_channels=4, out_channels=8, kernel_size=3, groups=4, padding=1, stride=2),
        *(
            case(IMAGES, **CHANNELS, kernel_size=3, padding=(2, 1), padding_mode=mode)
            for mode in ("zeros", "reflect", "replicate", "circular")
        ),
        *(
            case(IMAGES, **CHANNELS, kernel_size=4, padding="same", padding_mode=mode, dilation=2)
            for mode in ("reflect", "replicate", "circular")
        ),
        case(randn(2, 4, 3, 3), **CHANNELS, kernel_size=3, padding=3, padding_mode="circular"),
        case(randn(2, 4, 3, 3), **CHANNELS, kernel_size=3, padding=2, padding_mode="reflect"),
        case(randn(2, 4, 1, 3), **CHANNELS, kernel_size=3, padding=4, padding_mode="replicate"),
        case(randn(4, 9, 8), **CHANNELS, kernel_size=3, padding=1),
        case(randn(0, 4, 9, 8), **CHANNELS, kernel_size=3),
        case(randn(2, 4, 3, 3), **CHANNELS, kernel_size=3),
    ],
    "losses.mse": [
        *(case(randn(4, 3), randn(4, 3), reduction=reduction) for reduction in ("mean", "sum", "none")),
        case(randn(), randn()),
        case(randn(0, 3), randn(0, 3), reduction="sum"),
    ],
    "losses.cross_entropy": [
        *(
            case(LOGITS, CLASSES, reduction=reduction, **more)
            for reduction in ("mean", "sum", "none")
            for more in ({}, SMOOTHED, WEIGHTED, SMOOTHED | WEIGHTED, SMOOTHED | WEIGHTED | {"ignore_index": 2})
        ),
        *(
            case(LOGITS, randn(7, 5), reduction=reduction, **more)
            for reduction in ("mean", "sum", "none")
            for more in ({}, SMOOTHED, WEIGHTED, SMOOTHED | WEIGHTED)
        ),
        case(LOGITS, CLASSES, ignore_index=0),
        case(LOGITS, CLASSES, label_smoothing=1.0),
        case(randn(3, 5, 4), randint(5, (3, 4)), **SMOOTHED, **WEIGHTED),
        case(randn(3, 5, 4, 2), randint(5, (3, 4, 2)), ignore_index=1, **WEIGHTED),
        case(randn(3, 5, 4, 2), randn(3, 5, 4, 2), **SMOOTHED, **WEIGHTED),
        *(case(randn(5), randint(5, ()), reduction=reduction, **WEIGHTED) for reduction in ("mean", "none")),
        *(case(randn(5), randn(5), reduction=reduction, **SMOOTHED) for reduction in ("mean", "none")),
        case(randn(0, 5), randint(5, (0,)), reduction="sum"),
        case(randn(3, 1), randint(1, (3,))),
    ],
    "architectures.mlp": [
        case(randn(3, 6), input_size=6, hidden_sizes=[5, 4], output_size=2, dropout=0.5),
        case(randn(3, 2, 3), input_size=6, hidden_sizes=[4], output_size=1, dropout=0.0),
        case(randn(3, 6), input_size=6, hidden_sizes=[], output_size=2),
    ],
    "architectures.mnist_mlp": [
        case(randn(3, 28, 28)),
        case(randn(3, 6), input_size=6, num_classes=3, dropout=0.9),
    ],
}
ROWS = [(identifier, option) for identifier, options in OPTIONS.items() for option in options]
COMPONENTS = registered(*CALLED_WITH_INPUTS)
CASES = [(component.id, documented) for component in COMPONENTS for documented in component.cases]


def test_every_component_has_a_row_of_options() -> None:
    assert set(OPTIONS) <= {component.id for component in COMPONENTS if "torch" in component.variants}


@pytest.mark.parametrize(("identifier", "option"), ROWS, ids=ids(ROWS))
def test_outputs_and_gradients_equal_torchs(identifier: str, option: Case) -> None:
    component = nnbench.component(identifier)
    ours, theirs = (built(component, variant, option) for variant in ("reference", "torch"))
    theirs.load_state_dict(ours.state_dict())
    output, gradients = answer(ours, inputs_of(option))
    expected, expected_gradients = answer(theirs, inputs_of(option))
    assert_close(output, expected, "output")
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in gradients.items():
        assert_close(gradient, expected_gradients[name], f"gradient of {name}")


@pytest.mark.parametrize(("identifier", "option"), ROWS, ids=ids(ROWS))
def test_a_state_dict_of_torchs_loads(identifier: str, option: Case) -> None:
    component = nnbench.component(identifier)
    ours, theirs = (built(component, variant, option) for variant in ("reference", "torch"))
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(3))
    ours.load_state_dict(theirs.state_dict())
    assert_close(answer(ours, inputs_of(option))[0], answer(theirs, inputs_of(option))[0])


@pytest.mark.parametrize(("identifier", "option"), ROWS, ids=ids(ROWS))
def test_initial_parameters_are_torchs_for_the_same_seed(identifier: str, option: Case) -> None:
    component = nnbench.component(identifier)
    states = []
    for variant in ("reference", "torch"):
        torch.manual_seed(5)
        states.append(built(component, variant, option).state_dict())
    ours, theirs = states
    assert list(ours) == list(theirs)
    for name, tensor in ours.items():
        # The bounds of the distribution are computed along two ways, so the last bit may differ.
        torch.testing.assert_close(tensor, theirs[name], rtol=1e-5, atol=1e-8)


JUDGED = [(identifier, row) for identifier, row in CASES + ROWS if nnbench.component(identifier).oracle is not None]


@pytest.mark.parametrize(("identifier", "option"), JUDGED, ids=ids(JUDGED))
def test_the_reference_equals_its_oracle(identifier: str, option: Case) -> None:
    component = nnbench.component(identifier)
    reference, inputs = built(component, "reference", option), inputs_of(option)
    said = oracle_answers(component, option, reference, inputs)  # before the call, which may change its state
    with torch.no_grad():
        outputs = list(tensors(reference(*inputs)))
    assert len(outputs) == len(said)
    for output, expected in zip(outputs, said, strict=True):
        assert_close(output, expected)


def test_every_module_and_loss_has_an_oracle() -> None:
    without = {component.id for component in registered("module", "loss") if component.oracle is None}
    assert without == {"layers.dropout"}  # chance has no one right answer; its own tests and statistics judge it


@pytest.mark.parametrize("identifier", OPTIONS)
def test_inputs_and_parameters_stay_as_they_were(identifier: str) -> None:
    component, option = nnbench.component(identifier), OPTIONS[identifier][0]
    reference, inputs = built(component, "reference", option), inputs_of(option)
    kept, state = [tensor.detach().clone() for tensor in inputs], copy.deepcopy(reference.state_dict())
    answer(reference, inputs)
    assert all(torch.equal(tensor, before) for tensor, before in zip(inputs, kept, strict=True))
    assert all(torch.equal(tensor, state[name]) for name, tensor in reference.state_dict().items())


@pytest.mark.parametrize("identifier", ["activations.mish", "layers.linear", "layers.conv2d"])
def test_strided_and_channels_last_inputs_give_the_same(identifier: str) -> None:
    option = OPTIONS[identifier][0]
    reference, (dense,) = built(nnbench.component(identifier), "reference", option), inputs_of(option)
    order = list(reversed(range(dense.dim())))
    strided = dense.permute(order).contiguous().permute(order)
    assert not strided.is_contiguous()
    assert_close(reference(strided).detach(), reference(dense).detach())


def test_second_derivatives_are_right() -> None:
    for identifier in ("activations.sigmoid", "activations.tanh", "activations.softmax", "losses.cross_entropy"):
        option = OPTIONS[identifier][0]
        reference, inputs = built(nnbench.component(identifier), "reference", option), inputs_of(option)
        assert torch.autograd.gradgradcheck(reference, inputs, fast_mode=True)


@pytest.mark.parametrize("shape", [(), (3,), (3, 4), (2, 3, 4), (2, 3, 4, 2)])
def test_softmax_without_a_dimension_warns_and_takes_torchs(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    component = nnbench.component("activations.softmax")
    with pytest.warns(UserWarning, match="dim"):
        ours = component.variant("reference").build()(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = component.variant("torch").build()(x)
    assert_close(ours, theirs)


def test_mse_of_different_shapes_warns_and_broadcasts() -> None:
    x, target = torch.arange(6.0).reshape(3, 2), torch.tensor([1.0, 5.0])
    with pytest.warns(UserWarning, match="broadcasts"):
        ours = nnbench.component("losses.mse").reference.build()(x, target)
    assert ours == ((x - target) ** 2).mean()


def test_ignored_targets_leave_nan_as_torch_does_when_all_are_ignored() -> None:
    component, logits = nnbench.component("losses.cross_entropy"), torch.ones(3, 4)
    for variant in ("reference", "torch"):
        assert torch.isnan(component.variant(variant).build(ignore_index=1)(logits, torch.tensor([1, 1, 1])))


def test_an_ignored_target_need_not_be_a_class() -> None:
    logits, target = torch.tensor([[3.0], [1.0]]), torch.tensor([0, -100])
    losses = nnbench.component("losses.cross_entropy").reference.build(reduction="none")(logits, target)
    assert losses.tolist() == [0.0, 0.0]


def test_impossible_classes_cost_nothing_where_they_are_not_the_target() -> None:
    logits = torch.tensor([[0.0, -torch.inf, 1.0], [2.0, 0.0, -torch.inf], [-torch.inf, 1.0, 1.0]])
    target = torch.tensor([0, 1, -100])
    found = []
    for variant in ("reference", "torch"):
        x = logits.clone().requires_grad_()
        loss = nnbench.component("losses.cross_entropy").variant(variant).build()(x, target)
        found.append((loss.detach(), torch.autograd.grad(loss, x)[0]))
    (ours, our_gradient), (theirs, their_gradient) = found
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(our_gradient, their_gradient)
    assert our_gradient.isfinite().all()


@pytest.mark.parametrize("identifier", ["layers.linear", "layers.conv2d"])
def test_parameters_are_made_where_and_as_asked(identifier: str) -> None:
    arguments = dict(OPTIONS[identifier][0].arguments)
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        made = nnbench.component(identifier).reference.build(**arguments, dtype=dtype, device="meta")
        assert {(parameter.dtype, parameter.device.type) for parameter in made.parameters()} == {(dtype, "meta")}

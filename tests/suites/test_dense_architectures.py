"""Dense architectures beside the documented layers written out: outputs, gradients, running statistics, refusals."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from nnbench.suites.architectures.dense import sigmoid
from nnbench.suites.architectures.normalized import batch_normalized
from suite_support import answer, assert_close
from torch import Tensor, nn

import nnbench
from nnbench import Component

VARIANTS = ("reference", "torch")
CLASSES = {"num_classes": 3, "task": "classification"}
VALUES = {"num_classes": 1, "task": "regression"}
GUIDE = {"input_dim": 20, "hidden_dims": [64, 32, 16]}
NORM = nn.BatchNorm1d
Layers = Sequence[Any]  # a width makes a Linear from the one before it (the first is the input's), a share a Dropout


def halved(*widths: int) -> Layers:
    return [part for width in widths for part in (width, nn.ReLU, NORM, 0.3)]


# id, a case's arguments, the documented layers in order, their parameters by hand.
DOCUMENTED: list[tuple[str, dict[str, Any], Layers, int]] = [
    ("simple_nn", {"input_size": 10, "hidden_size": 20, "output_size": 1}, [10, 20, nn.ReLU, 1], 241),
    (
        "neural_net",
        {"input_size": 784, "hidden_size": 128, "num_classes": 10},
        [784, 128, nn.ReLU, 0.2, 10],
        101_770,
    ),
    (
        "sequential_mlp",
        {"hidden_sizes": [128, 64], "dropout": 0.2},
        [784, 128, nn.ReLU, 0.2, 64, nn.ReLU, 0.2, 10],
        109_386,
    ),
    (
        "sequential_mlp",
        {"hidden_sizes": [256, 128], "dropout": 0.2},
        [784, 256, nn.ReLU, 0.2, 128, nn.ReLU, 0.2, 10],
        235_146,
    ),
    (
        "sequential_mlp",
        {"hidden_sizes": [256, 128], "dropout": 0.5},
        [784, 256, nn.ReLU, 0.5, 128, nn.ReLU, 0.5, 10],
        235_146,
    ),
    (
        "binary_classifier",
        {"input_size": 20},
        [20, 64, nn.ReLU, 0.3, 32, nn.ReLU, 0.3, 1, nn.Sigmoid],
        3_457,
    ),
    ("regressor", {"input_size": 20}, [20, 128, nn.ReLU, 0.2, 64, nn.ReLU, 0.2, 1], 11_009),
    ("layer_types", {}, [10, 5, NORM, 0.5], 65),
    (
        "mlp_batch_norm",
        {"form": "fundamentals"},
        [784, 256, nn.ReLU, NORM, 0.3, 128, nn.ReLU, NORM, 0.3, 64, nn.ReLU, 0.2, 10],
        243_530,
    ),
    (
        "mlp_batch_norm",
        {"form": "pytorch"},
        [784, 256, nn.ReLU, NORM, 128, nn.ReLU, NORM, 10],
        235_914,
    ),
    ("basic_network", GUIDE | CLASSES, [20, 64, nn.ReLU, 32, nn.ReLU, 16, nn.ReLU, 3], 4_003),
    ("basic_network", GUIDE | VALUES, [20, 64, nn.ReLU, 32, nn.ReLU, 16, nn.ReLU, 1], 3_969),
    *(
        (
            "advanced_network",
            {"input_dim": 20} | head,
            [20, 128, nn.ReLU, NORM, 0.3, 64, nn.ReLU, NORM, 0.2, 32, nn.ReLU, NORM, 0.1, head["num_classes"]],
            parameters,
        )
        for head, parameters in ((CLASSES, 13_571), (VALUES, 13_505))
    ),
    (
        "halving_network",
        {"input_dim": 20, "num_classes": 3, "max_layers": 5},
        [20, *halved(10, 8, 8, 8, 8), 3],
        625,
    ),
]
# What the constructors can be told beyond that.
OPTIONS: list[tuple[str, dict[str, Any], Layers]] = [
    ("simple_nn", {"input_size": 6, "hidden_size": 1, "output_size": 4}, [6, 1, nn.ReLU, 4]),
    ("neural_net", {"input_size": 6, "hidden_size": 5, "num_classes": 2, "dropout": 0.0}, [6, 5, nn.ReLU, 2]),
    ("neural_net", {"input_size": 6, "hidden_size": 5, "dropout": 0.6}, [6, 5, nn.ReLU, 0.6, 10]),
    ("sequential_mlp", {"input_size": 6, "hidden_sizes": [], "num_classes": 3}, [6, 3]),
    ("sequential_mlp", {"input_size": 6, "hidden_sizes": [4], "dropout": 1.0}, [6, 4, nn.ReLU, 1.0, 10]),
    ("binary_classifier", {"input_size": 1, "dropout": 0.0}, [1, 64, nn.ReLU, 32, nn.ReLU, 1, nn.Sigmoid]),
    ("regressor", {"input_size": 3, "dropout": 0.7}, [3, 128, nn.ReLU, 0.7, 64, nn.ReLU, 0.7, 1]),
    ("layer_types", {"in_features": 4, "out_features": 1, "dropout": 0.0}, [4, 1, NORM]),
    ("layer_types", {"in_features": 4, "out_features": 6, "dropout": 0.1}, [4, 6, NORM, 0.1]),
    (
        "mlp_batch_norm",
        {"input_size": 9, "num_classes": 2, "form": "pytorch"},
        [9, 256, nn.ReLU, NORM, 128, nn.ReLU, NORM, 2],
    ),
    ("basic_network", {"input_dim": 5, "hidden_dims": [], "num_classes": 2}, [5, 2]),
    ("basic_network", {"input_dim": 5, "hidden_dims": [7], "task": "regression"}, [5, 7, nn.ReLU, 3]),
    ("halving_network", {"input_dim": 100, "num_classes": 10}, [100, *halved(50, 25, 12), 10]),
    ("halving_network", {"input_dim": 64, "num_classes": 2, "max_layers": 2}, [64, *halved(32, 16), 2]),
    ("halving_network", {"input_dim": 3, "num_classes": 8, "max_layers": 1}, [3, *halved(8), 8]),
    ("halving_network", {"input_dim": 17, "num_classes": 9}, [17, 9]),
    ("halving_network", {"max_layers": 0}, [20, 3]),
    ("halving_network", {"max_layers": 1, "dropout": 0.0}, [20, 10, nn.ReLU, NORM, 3]),
]  # fmt: skip
ROWS = [row[:3] for row in DOCUMENTED] + OPTIONS
NAMES = sorted({name for name, *_ in ROWS})
NORMALIZED = sorted({name for name, _, layers in ROWS if NORM in layers})


def component(name: str) -> Component:
    return nnbench.component(f"architectures.{name}")


def written_out(layers: Layers) -> nn.Sequential:
    made: list[nn.Module] = []
    width, *rest = layers
    for part in rest:
        if isinstance(part, int):
            made.append(nn.Linear(width, part))
            width = part
        elif isinstance(part, float):
            made.append(nn.Dropout(part))
        else:
            made.append(part(width) if part is NORM else part())
    return nn.Sequential(*made).double()


def built(name: str, variant: str, arguments: dict[str, Any]) -> nn.Module:
    """A variant in float64, its parameters and buffers moved off their initial values."""
    torch.manual_seed(1)
    made = component(name).variant(variant).build(**arguments).double()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for tensor in made.state_dict().values():
            if tensor.is_floating_point():
                tensor += 0.2 * torch.rand(tensor.shape, generator=generator, dtype=torch.float64)
    return made


def drawn(batch: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(batch, width, generator=generator, dtype=torch.float64).requires_grad_()


def same_state(layers: Layers, made: nn.Module) -> nn.Module:
    """The documented layers, given a network's parameters and buffers in order."""
    expected = written_out(layers)
    expected.load_state_dict(dict(zip(expected.state_dict(), made.state_dict().values(), strict=True)))
    return expected.train(made.training)


def compare(made: nn.Module, expected: nn.Module, x: Tensor) -> None:
    output, gradients = answer(made, [x])
    wanted, wanted_gradients = answer(expected, [x])
    assert_close(output, wanted, "output")
    pairs = list(zip(gradients.values(), wanted_gradients.values(), strict=True))
    # A bias in front of a normalisation has a gradient of zero but for rounding, so the largest of all is the scale.
    rounding = 1e-12 * max(float(want.abs().max()) for _, want in pairs)
    for gradient, want in pairs:
        torch.testing.assert_close(gradient, want, rtol=1e-9, atol=rounding)


def spread(like: Tensor) -> Tensor:
    """Numbers between 0 and 1 in place of random ones, never the same for two neighbours."""
    return (torch.arange(1, like.numel() + 1, dtype=like.dtype) * 0.6180339887).frac().reshape(like.shape)


@pytest.fixture
def chance_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is dropped be decided alike by ours and by torch's."""

    def dropped(self: nn.Dropout, x: Tensor) -> Tensor:
        kept = (spread(x) >= self.p).to(x.dtype)
        return x * kept / max(1 - self.p, 1e-300) if self.training else x

    monkeypatch.setattr(torch, "rand_like", spread)
    monkeypatch.setattr(nn.Dropout, "forward", dropped)


def test_every_dense_network_is_here() -> None:
    ours = [made for made in nnbench.components() if made.id.startswith("architectures.")]
    modules = {made.id.partition(".")[2]: Path(made.location.rpartition(":")[0]).stem for made in ours}
    assert {name for name, module in modules.items() if module in ("classifiers", "normalized")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_cases_are_the_documented_ones_with_a_batch_of_32_then_larger_batches(name: str) -> None:
    timed = [case for case in component(name).cases if case.timed]
    cases = [([spec.shape for spec in case.inputs], dict(case.arguments)) for case in timed]
    documented = [([(32, layers[0])], arguments) for of, arguments, layers, _ in DOCUMENTED if of == name]
    assert cases[: len(documented)] == documented
    assert all(shape[0] in (128, 256) for (shape,), _ in cases[len(documented) :])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("name", "arguments", "layers", "parameters"), DOCUMENTED)
def test_parameters_are_as_many_as_documented(
    name: str, arguments: dict[str, Any], layers: Layers, parameters: int, variant: str
) -> None:
    made = component(name).variant(variant).build(**arguments)
    assert sum(parameter.numel() for parameter in made.parameters()) == parameters


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("name", "arguments", "layers"), ROWS)
def test_evaluation_is_that_of_the_documented_layers(
    name: str, arguments: dict[str, Any], layers: Layers, variant: str
) -> None:
    made = built(name, variant, arguments).eval()
    before = copy.deepcopy(made.state_dict())
    compare(made, same_state(layers, made), drawn(4, layers[0]))
    compare(made, same_state(layers, made), drawn(1, layers[0]))
    assert all(torch.equal(tensor, before[key]) for key, tensor in made.state_dict().items())


@pytest.mark.usefixtures("chance_shared")
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("name", "arguments", "layers"), ROWS)
def test_training_is_that_of_the_documented_layers(
    name: str, arguments: dict[str, Any], layers: Layers, variant: str
) -> None:
    made = built(name, variant, arguments)
    expected = same_state(layers, made)
    for batch in (6, 5):
        compare(made, expected, drawn(batch, layers[0]))
    buffers, wanted = list(made.buffers()), list(expected.buffers())
    assert len(buffers) == 3 * list(layers).count(NORM)
    for got, want in zip(buffers, wanted, strict=True):
        assert got.dtype == want.dtype
        assert_close(got.double(), want.double())


@pytest.mark.parametrize(("name", "arguments", "layers"), ROWS)
def test_states_load_either_way_and_start_alike(name: str, arguments: dict[str, Any], layers: Layers) -> None:
    states = []
    for variant in VARIANTS:
        torch.manual_seed(5)
        states.append(component(name).variant(variant).build(**arguments).state_dict())
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(*pair) for pair in zip(states[0].values(), states[1].values(), strict=True))
    x = drawn(3, layers[0])
    for source, target in (VARIANTS, VARIANTS[::-1]):
        told, made = built(name, source, arguments).eval(), component(name).variant(target).build(**arguments).double()
        made.load_state_dict(told.state_dict())
        assert_close(made.eval()(x).detach(), told(x).detach())


@pytest.mark.parametrize("name", NAMES)
def test_the_documented_sizes_are_the_default(name: str) -> None:
    first = component(name).cases[0].arguments
    required = {"input_size": 20} if name in ("binary_classifier", "regressor") else {}
    for variant in VARIANTS:
        said, unsaid = (component(name).variant(variant).build(**given) for given in (first, required))
        shapes = [{key: tensor.shape for key, tensor in made.state_dict().items()} for made in (said, unsaid)]
        assert shapes[0] == shapes[1]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_declared_stochastic_is_what_drops_out(name: str) -> None:
    drops = any(isinstance(part, float) for of, _, layers, _ in DOCUMENTED if of == name for part in layers)
    declared = component(name).properties
    assert ("stochastic" in declared) == drops
    assert ("mode" in declared) == (drops or name in NORMALIZED)
    assert ("batch_independent" in declared) == (name not in NORMALIZED)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", NAMES)
def test_an_empty_batch_is_no_batch(name: str, variant: str) -> None:
    arguments = component(name).cases[0].arguments
    made, width = component(name).variant(variant).build(**arguments), component(name).cases[0].inputs[0].shape[1]
    assert made(torch.ones(0, width)).shape[0] == 0
    assert all(tensor.isfinite().all() for tensor in made.state_dict().values())


@pytest.mark.parametrize("name", ["neural_net", "mlp_batch_norm"])
def test_images_are_flattened(name: str) -> None:
    images = torch.randn(3, 28, 28, generator=torch.Generator().manual_seed(0))
    for variant in VARIANTS:
        made = component(name).variant(variant).build().eval()
        assert torch.equal(made(images), made(images.reshape(3, 784)))


INVALID = [
    *((name, {"dropout": value}) for name in ("neural_net", "sequential_mlp", "layer_types", "halving_network")
      for value in (-0.1, 1.1)),
    *((name, {"input_size": 4, "dropout": 2.0}) for name in ("binary_classifier", "regressor")),
    *((name, {"task": "clustering"}) for name in ("basic_network", "advanced_network")),
    ("mlp_batch_norm", {"form": "keras"}),
]  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("name", "arguments"), INVALID)
def test_invalid_arguments_are_refused(name: str, arguments: dict[str, Any], variant: str) -> None:
    with pytest.raises(ValueError, match=f"({'|'.join(arguments)}) |(dropout probability)"):
        component(name).variant(variant).build(**arguments)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", NAMES)
def test_another_number_of_inputs_is_refused(name: str, variant: str) -> None:
    made = component(name).variant(variant).build(**component(name).cases[0].arguments)
    with pytest.raises(RuntimeError):
        made(torch.ones(3, 11))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", NORMALIZED)
def test_a_batch_of_one_is_refused_in_training_only(name: str, variant: str) -> None:
    case = component(name).cases[0]
    made, one = component(name).variant(variant).build(**case.arguments), torch.ones(1, case.inputs[0].shape[1])
    with pytest.raises(ValueError, match="more than"):
        made(one)
    assert all(tensor.isfinite().all() for tensor in made.state_dict().values())
    assert made.eval()(one).shape[0] == 1


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4, 5)])
def test_normalisation_refuses_what_torchs_refuses(shape: tuple[int, ...]) -> None:
    for normalize in (nn.BatchNorm1d(5), lambda x: batch_normalized(x, nn.BatchNorm1d(5))):
        with pytest.raises(ValueError, match=r"not of|got"):
            normalize(torch.ones(shape))


def test_a_normalisation_that_is_frozen_stays_as_it_was() -> None:
    x = drawn(4, 20)
    for variant in VARIANTS:
        made = component("halving_network").variant(variant).build(dropout=0.0, max_layers=1).double()
        made.hidden[0].norm.eval()
        assert_close(made(x).detach(), made.eval()(x).detach())
        assert made.hidden[0].norm.num_batches_tracked == 0


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_the_sigmoid_and_its_gradient_are_finite_at_any_size(dtype: torch.dtype) -> None:
    x = torch.tensor([-1e4, -800, -80, -5, -0.5, 0, 0.5, 5, 80, 800, 1e4], dtype=dtype, requires_grad=True)
    (ours,), (theirs,) = (torch.autograd.grad(made(x).sum(), x) for made in (sigmoid, torch.sigmoid))
    tolerance = 4 * torch.finfo(dtype).eps
    torch.testing.assert_close(sigmoid(x), torch.sigmoid(x), rtol=tolerance, atol=torch.finfo(dtype).tiny)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance)

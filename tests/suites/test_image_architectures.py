"""Networks for images beside torch's layers and torchvision's own network: values, modes, frozen backbones."""

from __future__ import annotations

import copy
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from nnbench.suites.architectures.images import averaged, batch_normalized, convolved, max_pooled
from nnbench.suites.architectures.transfer import deprecated_argument
from suite_support import answer, assert_close
from torch import Tensor, nn
from torch.nn import functional

import nnbench
from nnbench import Component, Variant
from nnbench.vision import import_torchvision

VARIANTS = ("reference", "torch")
OPEN = {"freeze_backbone": False}
# name, constructor arguments, the shape of an input: documented ones, odd sizes, single images.
ROWS: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("cnn", {"num_classes": 10}, (3, 3, 32, 32)),
    ("cnn", {"num_classes": 2, "in_channels": 1, "dropout": 0.0}, (4, 1, 28, 28)),
    ("cnn", {"dropout": 0.9}, (2, 3, 9, 6)),
    ("cnn", {"dropout": 1.0}, (1, 3, 17, 19)),
    ("residual_cnn", {}, (2, 3, 32, 32)),
    ("residual_cnn", {"num_classes": 1, "dropout": 0.0}, (3, 3, 11, 8)),
    ("residual_cnn", {"num_classes": 4, "dropout": 0.7}, (1, 3, 9, 10)),
    ("resnet18_cifar", {"num_classes": 3}, (2, 3, 11, 9)),
    ("transfer_resnet18", {"num_classes": 5}, (2, 3, 32, 32)),
    ("transfer_resnet18", {"num_classes": 2} | OPEN, (2, 3, 33, 35)),
]
NAMES = ("cnn", "residual_cnn", "resnet18_cifar", "transfer_resnet18")
# By hand: kernels, two numbers a normalised channel, dense layers.
PARAMETERS = {
    "cnn": 9 * (3 * 32 + 32 * 64 + 64 * 128) + 2 * (32 + 64 + 128) + 2049 * 256 + 257 * 10,
    "residual_cnn": (3 * 49 * 16 + 2 * 16)
    + 9 * (16 * 32 + 32 * 32) + 16 * 32 + 6 * 32
    + 25 * (32 * 64 + 64 * 64) + 32 * 64 + 6 * 64
    + 9 * (64 * 128 + 128 * 128) + 64 * 128 + 6 * 128
    + 129 * 10,
    "resnet18_cifar": 11_173_962,
    "transfer_resnet18": 11_689_512 - 513 * 1000 + 513 * 256 + 257 * 5,
}  # fmt: skip


def component(name: str) -> Component:
    return nnbench.component(f"architectures.{name}")


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


def both(name: str, arguments: dict[str, Any]) -> list[nn.Module]:
    """Reference and torch variant in float64 with one state, in which nothing is at its start."""
    torch.manual_seed(1)
    ours, theirs = (component(name).variant(variant).build(**arguments).double() for variant in VARIANTS)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for tensor in theirs.state_dict().values():
            if tensor.is_floating_point() and tensor.dim() == 1:
                tensor += 0.2 * torch.rand(tensor.shape, generator=generator, dtype=torch.float64)
    ours.load_state_dict(theirs.state_dict())
    return [ours, theirs]


def images(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()


def assert_same_state(ours: nn.Module, theirs: nn.Module) -> None:
    expected = theirs.state_dict()
    assert list(ours.state_dict()) == list(expected)
    for name, tensor in ours.state_dict().items():
        assert tensor.dtype == expected[name].dtype
        assert_close(tensor.double(), expected[name].double(), name)


def compare(ours: nn.Module, theirs: nn.Module, x: Tensor) -> None:
    output, gradients = answer(ours, [x])
    wanted, wanted_gradients = answer(theirs, [x])
    assert_close(output, wanted, "output")
    assert gradients.keys() == wanted_gradients.keys()
    # Where a normalisation takes away what a layer adds, gradients are zero but for rounding: the largest is the scale.
    largest = max(float(want.abs().max()) for want in wanted_gradients.values() if want is not None)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, wanted_gradients[name], rtol=1e-8, atol=1e-12 * largest)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_as_many_as_documented(name: str, variant: str) -> None:
    made = component(name).variant(variant).build()
    assert sum(parameter.numel() for parameter in made.parameters()) == PARAMETERS[name]


@pytest.mark.usefixtures("chance_shared")
@pytest.mark.parametrize(("name", "arguments", "shape"), ROWS)
def test_both_modes_are_those_of_torchs_layers(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> None:
    ours, theirs = both(name, arguments)
    before = copy.deepcopy(theirs.state_dict())
    compare(ours.eval(), theirs.eval(), images(*shape))
    assert all(torch.equal(tensor, before[key]) for key, tensor in ours.state_dict().items())
    compare(ours.train(), theirs.train(), images(*shape))
    assert_same_state(ours, theirs)
    moved = any(not torch.equal(tensor, before[key]) for key, tensor in ours.state_dict().items())
    assert moved == (name != "transfer_resnet18" or arguments.get("freeze_backbone") is False)


@pytest.mark.parametrize("name", NAMES)
def test_states_start_alike_for_the_same_seed(name: str) -> None:
    states = []
    for variant in VARIANTS:
        torch.manual_seed(5)
        states.append(component(name).variant(variant).build().state_dict())
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(*pair) for pair in zip(states[0].values(), states[1].values(), strict=True))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ["cnn", "residual_cnn"])
@pytest.mark.parametrize("dropout", [-0.1, 1.1])
def test_a_dropout_that_is_no_probability_is_refused(name: str, dropout: float, variant: str) -> None:
    with pytest.raises(ValueError, match="dropout"):
        component(name).variant(variant).build(dropout=dropout)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", NAMES)
def test_images_that_do_not_fit_are_refused(name: str, variant: str) -> None:
    made = component(name).variant(variant).build()
    with pytest.raises(RuntimeError):
        made(torch.ones(2, 4, 32, 32))
    with pytest.raises((RuntimeError, ValueError)):
        made(torch.ones(2, 1, 3, 32, 32))


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_value_a_channel_is_refused_in_training_only(variant: str) -> None:
    made = component("resnet18_cifar").variant(variant).build()
    x = torch.ones(1, 3, 8, 8)
    with pytest.raises(ValueError, match="more than"):
        made(x)
    assert made.eval()(x).isfinite().all()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ["cnn", "residual_cnn"])
def test_an_empty_batch_is_no_batch(name: str, variant: str) -> None:
    made = component(name).variant(variant).build()
    assert made(torch.ones(0, 3, 32, 32)).shape == (0, 10)
    assert all(tensor.isfinite().all() for tensor in made.state_dict().values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_errors_are_comparable_with_torchs(dtype: torch.dtype, training: bool) -> None:
    exact = component("cnn").reference.build(dropout=0.0).to(dtype).double()
    state, x = copy.deepcopy(exact.state_dict()), images(2, 3, 16, 16, dtype=dtype).detach()
    want = exact.train(training)(x.double()).detach()
    errors = []
    for variant in VARIANTS:
        made = component("cnn").variant(variant).build(dropout=0.0).to(dtype).train(training)
        made.load_state_dict(state)
        errors.append(float((made(x).detach().double() - want).abs().max()))
    times = 2 if dtype == torch.float32 else 3
    assert errors[0] <= times * errors[1] + 8 * torch.finfo(dtype).eps * float(want.abs().max())


CONVOLUTIONS = [(3, 1, 1), (7, 2, 3), (1, 2, 0), (5, 3, 0), ((3, 2), (1, 2), (2, 0))]


@pytest.mark.parametrize(("size", "stride", "padding"), CONVOLUTIONS)
def test_convolutions_are_torchs(size: Any, stride: Any, padding: Any) -> None:
    layer = nn.Conv2d(4, 6, size, stride, padding, bias=False).double()
    x = images(2, 4, 9, 12)
    for ours, theirs in zip(
        torch.autograd.grad(convolved(x, layer).sin().sum(), [x, layer.weight]),
        torch.autograd.grad(layer(x).sin().sum(), [x, layer.weight]),
        strict=True,
    ):
        assert_close(ours, theirs)
    assert_close(convolved(x, layer).detach(), layer(x).detach())


@pytest.mark.parametrize(("size", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 0)])
def test_maxima_and_their_gradients_are_torchs_where_many_are_largest(size: int, stride: int, padding: int) -> None:
    x = (images(2, 3, 7, 10).detach().round() - 3).requires_grad_()
    weights = torch.rand(functional.max_pool2d(x, size, stride, padding).shape, dtype=torch.float64)
    ours, theirs = max_pooled(x, size, stride, padding), functional.max_pool2d(x, size, stride, padding)
    assert torch.equal(ours, theirs)
    (mine,), (wanted,) = (torch.autograd.grad((pooled * weights).sum(), x) for pooled in (ours, theirs))
    assert_close(mine, wanted)


@pytest.mark.parametrize("size", [1, 4, 5, 12])
def test_means_of_rectangles_are_torchs(size: int) -> None:
    x = images(2, 3, 7, 10).detach()
    assert_close(averaged(x, size), functional.adaptive_avg_pool2d(x, size))


def test_a_normalisation_that_is_frozen_stays_as_it_was() -> None:
    layer, x = nn.BatchNorm2d(3).double(), images(2, 3, 4, 4)
    layer.eval()
    assert_close(batch_normalized(x, layer).detach(), layer(x).detach())
    assert layer.num_batches_tracked == 0


def torchvisions(**settings: Any) -> nn.Module:
    """torchvision's ResNet-18 with nothing at its start, its normalisations included; float32 holds its weights too."""
    torch.manual_seed(7)
    network = import_torchvision().models.resnet18(weights=None, **settings)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point() and tensor.dim() == 1:
                tensor += 0.2 * torch.rand(tensor.shape)
    made: nn.Module = network.double()
    return made


def test_resnet18_cifar_is_torchvisions_with_another_stem() -> None:
    network = torchvisions(num_classes=10)
    network.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False).double()
    network.maxpool = nn.Identity()
    ours = component("resnet18_cifar").reference.build().double()
    ours.load_state_dict(network.state_dict())
    compare(ours, network, images(2, 3, 12, 12))
    assert_same_state(ours, network)


@pytest.mark.parametrize("variant", [*VARIANTS, "torchvision"])
def test_torchvisions_weights_give_torchvisions_outputs(variant: str) -> None:
    network, x = torchvisions(), images(2, 3, 40, 32).detach()
    made = component("transfer_resnet18").variant(variant).build(weights=network.state_dict()).double().eval()
    network.fc = made.fc
    assert_close(made(x).detach(), network.eval()(x).detach())


@pytest.mark.parametrize("kind", [str, Path])
def test_weights_are_read_from_a_file(kind: type, tmp_path: Path) -> None:
    state = torchvisions().float().state_dict()
    torch.save(state, tmp_path / "weights.pt")
    read = component("transfer_resnet18").reference.build(weights=kind(tmp_path / "weights.pt")).state_dict()
    assert all(torch.equal(read[name], tensor) for name, tensor in state.items() if not name.startswith("fc."))


def test_a_file_of_anything_but_weights_is_not_run(tmp_path: Path) -> None:
    torch.save({"conv1.weight": Path("a pickled object")}, tmp_path / "weights.pt")
    with pytest.raises(pickle.UnpicklingError, match="weights_only"):
        component("transfer_resnet18").reference.build(weights=tmp_path / "weights.pt")


def test_weights_of_another_network_are_refused() -> None:
    state = torchvisions().state_dict()
    build = component("transfer_resnet18").reference.build
    with pytest.raises(RuntimeError, match=r"layer1\.0\.conv1\.weight"):
        build(weights={name: tensor for name, tensor in state.items() if name != "layer1.0.conv1.weight"})
    with pytest.raises(RuntimeError, match="stem"):
        build(weights=state | {"stem": torch.ones(1)})
    with pytest.raises(RuntimeError, match="size mismatch"):
        build(weights=state | {"bn1.weight": torch.ones(3)})


def test_without_weights_the_backbone_starts_as_torchvisions_does() -> None:
    torch.manual_seed(0)
    made = component("transfer_resnet18").reference.build()
    state, theirs = made.state_dict(), import_torchvision().models.resnet18(weights=None).state_dict()
    for name in (name for name in theirs if not name.startswith("fc.")):
        assert state[name].shape == theirs[name].shape
        if theirs[name].dim() == 4:
            assert float(state[name].std() / theirs[name].std()) == pytest.approx(1, abs=0.05), name
        else:
            assert torch.equal(state[name], theirs[name])


@pytest.mark.parametrize("variant", [*VARIANTS, "torchvision", "documented"])
def test_training_leaves_a_frozen_backbone_as_it_was(variant: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # E10
        made = component("transfer_resnet18").variant(variant).build()
    before = copy.deepcopy(made.state_dict())
    optimizer = torch.optim.Adam(made.parameters(), weight_decay=0.1)
    made.eval()
    made.train()
    made(images(2, 3, 32, 32, dtype=torch.float32)).square().sum().backward()
    optimizer.step()
    changed = {name for name, tensor in made.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {"fc.0.weight", "fc.0.bias", "fc.3.weight", "fc.3.bias"}


@pytest.mark.parametrize("variant", VARIANTS)
def test_training_moves_a_backbone_that_is_not_frozen(variant: str) -> None:
    made = component("transfer_resnet18").variant(variant).build(freeze_backbone=False)
    before = copy.deepcopy(made.state_dict())
    optimizer = torch.optim.SGD(made.parameters(), lr=1.0)
    made(images(2, 3, 32, 32, dtype=torch.float32)).square().sum().backward()
    optimizer.step()
    assert all(not torch.equal(tensor, before[name]) for name, tensor in made.state_dict().items())


@pytest.mark.parametrize("variant", [*VARIANTS, "torchvision"])
def test_a_frozen_network_begins_frozen(variant: str) -> None:
    made = component("transfer_resnet18").variant(variant).build()
    assert made.training
    assert {name for name, child in made.named_children() if child.training} == {"fc"}
    assert not any(layer.training for layer in made.layer1.modules())


@pytest.mark.parametrize("variant", [*VARIANTS, "torchvision"])
def test_the_head_of_a_frozen_network_is_random_in_training_only(variant: str) -> None:
    torch.manual_seed(0)
    made, x = component("transfer_resnet18").variant(variant).build(), torch.ones(2, 3, 32, 32)
    assert not torch.equal(made(x), made(x))
    made.eval()
    assert torch.equal(made(x), made(x))
    # Samples do not mix: frozen statistics are no batch's.
    torch.testing.assert_close(made(x)[:1], made(x[:1]))


@pytest.fixture
def nothing_to_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetched(*_: Any, **__: Any) -> None:
        raise AssertionError("something is downloaded")

    monkeypatch.setattr(import_torchvision().models._api, "load_state_dict_from_url", fetched)


def documented() -> Variant:
    return component("transfer_resnet18").variant("documented")


@pytest.mark.usefixtures("nothing_to_fetch")
def test_the_deprecated_argument_shows() -> None:
    found = deprecated_argument(documented(), component("transfer_resnet18").reference)
    assert found.shown
    assert "pretrained" in found.says
    assert "deprecated since 0.13" in found.says
    assert documented().errata == ("E10",)
    assert set(documented().evidence) == {"E10"}


@pytest.mark.parametrize("mended", ["reference", "torch", "torchvision"])
def test_the_evidence_vanishes_with_the_deprecated_argument(mended: str) -> None:
    transfer = component("transfer_resnet18")
    assert not deprecated_argument(transfer.variant(mended), transfer.reference).shown


def test_a_torchvision_without_the_argument_shows_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def resnet18(*, weights: Any = None) -> None:
        raise AssertionError("not reached")

    documented().resolve()
    monkeypatch.setattr(import_torchvision().models, "resnet18", resnet18)
    found = deprecated_argument(documented(), component("transfer_resnet18").variant("torch"))
    assert found.shown
    assert "TypeError" in found.says


@pytest.mark.usefixtures("nothing_to_fetch")
def test_the_function_that_fetches_is_back_in_its_place() -> None:
    models = import_torchvision().models
    before = models.ResNet18_Weights.get_state_dict
    with pytest.warns(UserWarning, match="deprecated"):
        documented().build()
    assert models.ResNet18_Weights.get_state_dict == before
    with pytest.raises(AssertionError, match="downloaded"):
        models.resnet18(weights=models.ResNet18_Weights.DEFAULT)

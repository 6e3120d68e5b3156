"""Initializers: torch's very numbers from the same seed, the right distribution, what is refused, and E05."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from nnbench.suites.initializers.networks import convolutional, one_layer, perceptron
from scipy import stats
from torch import Tensor, nn

import nnbench
from nnbench.catalog import Variant

SHAPES = [(64, 48), (48, 64, 3), (6, 5, 4, 3), (3, 2, 2, 3, 4), (5, 1), (0, 4)]
NONLINEARITIES = ["linear", "sigmoid", "tanh", "relu", "selu", "leaky_relu", "conv1d", "conv2d", "conv3d"]
NONLINEARITIES += ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "initializers.xavier_uniform": [{}, {"gain": 2}, {"gain": 5 / 3}, {"gain": 0.0}],
    "initializers.kaiming_normal": [
        {},
        *({"nonlinearity": name, "mode": mode} for name in NONLINEARITIES for mode in ("fan_in", "fan_out")),
        {"a": 0.2},
        {"a": -3, "mode": "fan_out"},
        {"a": None},
        {"a": 0.2, "nonlinearity": "relu"},  # where it has no meaning
        {"mode": "FAN_OUT"},
    ],
}
ROWS = [(identifier, options) for identifier, sets in OPTIONS.items() for options in sets]
DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
NUMBERS = 9_000  # at least, to know a distribution by
Fill = Callable[..., Any]


def fill_of(identifier: str, variant: str = "reference", **options: Any) -> Fill:
    filling: Fill = nnbench.component(identifier).variant(variant).build(**options)
    return filling


def filled(identifier: str, variant: str, tensor: Tensor, seed: int = 4, **options: Any) -> Tensor:
    torch.manual_seed(seed)
    given = tensor.clone().requires_grad_()
    returned = fill_of(identifier, variant, **options)(given)
    assert returned is given
    assert given.is_leaf
    assert given.requires_grad
    return given.detach()


@pytest.mark.filterwarnings("ignore:Initializing zero-element", "ignore:there is nothing to fill")
@pytest.mark.parametrize(("identifier", "options"), ROWS, ids=str)
def test_numbers_are_torchs(identifier: str, options: dict[str, Any]) -> None:
    for shape in SHAPES:
        for dtype in DTYPES:
            start = torch.full(shape, 7.0, dtype=dtype)
            ours, theirs = (filled(identifier, variant, start, **options) for variant in ("reference", "torch"))
            assert torch.equal(ours, theirs), (shape, dtype)
            assert not start.numel() or not torch.equal(ours, start)


@pytest.mark.parametrize("identifier", OPTIONS)
def test_strided_tensors_are_filled_as_torch_does(identifier: str) -> None:
    def of(variant: str) -> Tensor:
        whole = torch.zeros(6, 8)
        torch.manual_seed(0)
        fill_of(identifier, variant)(whole.T[::2])
        return whole

    assert torch.equal(of("reference"), of("torch"))
    assert int((of("reference") != 0).sum()) == 24


@pytest.mark.parametrize("identifier", OPTIONS)
def test_numbers_may_come_from_a_generator(identifier: str) -> None:
    torch.manual_seed(0)
    untouched = torch.get_rng_state()
    ours, theirs = (
        fill_of(identifier, variant, generator=torch.Generator().manual_seed(5))(torch.empty(9, 8))
        for variant in ("reference", "torch")
    )
    assert torch.equal(ours, theirs)
    assert torch.equal(torch.get_rng_state(), untouched)


@pytest.mark.parametrize("identifier", OPTIONS)
def test_torchs_signature(identifier: str) -> None:
    def signature(variant: str) -> list[tuple[str, Any]]:
        parameters = inspect.signature(nnbench.component(identifier).variant(variant).resolve()).parameters
        return [(name, parameter.default) for name, parameter in parameters.items()]

    assert signature("reference") == signature("torch")


@pytest.mark.parametrize("identifier", OPTIONS)
def test_every_case_has_its_oracles_distribution(identifier: str) -> None:
    component = nnbench.component(identifier)
    assert component.oracle is not None
    for case in component.cases:
        tensor = torch.zeros(case.inputs[0].shape)
        right = component.oracle(tensor.numpy(), **case.arguments)["0"]
        drawn = [
            filled(identifier, "reference", tensor, seed, **case.arguments).double()
            for seed in range(-(-NUMBERS // tensor.numel()))
        ]
        numbers = torch.cat(drawn).numpy().ravel()
        assert stats.kstest(numbers, right.cdf).pvalue > 1e-6
        assert stats.kstest(numbers * 1.15, right.cdf).pvalue < 1e-6
        assert abs(numbers.std() / right.std() - 1) < 0.03


REFUSED: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("initializers.xavier_uniform", {}, (5,)),
    ("initializers.xavier_uniform", {}, ()),
    ("initializers.kaiming_normal", {}, (5,)),
    ("initializers.kaiming_normal", {"mode": "fan"}, (5, 4)),
    ("initializers.kaiming_normal", {"nonlinearity": "mish"}, (5, 4)),
    ("initializers.kaiming_normal", {"a": True}, (5, 4)),
    ("initializers.kaiming_normal", {"a": "0.1"}, (5, 4)),
]


@pytest.mark.parametrize("variant", ["reference", "torch"])
@pytest.mark.parametrize(("identifier", "options", "shape"), REFUSED, ids=str)
def test_what_torch_refuses_is_refused(
    identifier: str, options: dict[str, Any], shape: tuple[int, ...], variant: str
) -> None:
    tensor = torch.ones(shape)
    with pytest.raises(ValueError):  # noqa: PT011  torch's own words differ
        fill_of(identifier, variant, **options)(tensor)
    assert (tensor == 1).all()


@pytest.mark.parametrize("variant", ["reference", "torch"])
def test_a_tensor_without_elements_warns(variant: str) -> None:
    empty = torch.empty(0, 3)
    with pytest.warns(UserWarning, match="elements|zero-element"):
        assert fill_of("initializers.kaiming_normal", variant)(empty) is empty


# ---------------------------------------------------------------- whole networks

NETWORKS = "initializers.init_weights"


def network() -> nn.Module:
    """Layers with and without what is filled, and layers that are none of its business; nothing at a starting value."""
    inner = nn.Sequential(nn.Linear(6, 5, bias=False), nn.LayerNorm(5), nn.Linear(5, 4))
    images = [nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d(6), nn.Conv2d(6, 3, (1, 2), bias=False)]
    others = [nn.BatchNorm2d(3, affine=False), nn.BatchNorm1d(6), nn.Conv1d(3, 2, 2), nn.Embedding(3, 2)]
    made = nn.Sequential(inner, *images, *others, nn.MultiheadAttention(4, 2))
    with torch.no_grad():
        for tensor in made.state_dict().values():
            tensor.fill_(3)
    return made


def initialized(variant: str, seed: int = 4) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    made = network()
    assert fill_of(NETWORKS, variant)(made) is made
    assert all(parameter.is_leaf and parameter.requires_grad for parameter in made.parameters())
    return made.state_dict()


def test_a_networks_numbers_are_torchs() -> None:
    ours, theirs = initialized("reference"), initialized("torch")
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_layers_are_filled_by_their_kind_and_the_rest_is_left() -> None:
    found = initialized("reference")
    drawn = {"0.0.weight", "0.2.weight", "1.weight", "3.weight", "8.out_proj.weight"}
    constant = {"0.2.bias": 0.01, "2.weight": 1.0, "2.bias": 0.0, "8.out_proj.bias": 0.01}
    assert {name for name, tensor in found.items() if tensor.unique().numel() > 1} == drawn
    for name in found.keys() - drawn:
        assert (found[name] == torch.tensor(constant.get(name, 3.0), dtype=found[name].dtype)).all(), name
    for name, fan in {"0.0.weight": 6 + 5, "0.2.weight": 5 + 4, "8.out_proj.weight": 4 + 4}.items():
        assert float(found[name].abs().max()) <= math.sqrt(6 / fan)


@pytest.mark.parametrize("layer", [nn.Linear(200, 100), nn.Conv2d(16, 64, 5)], ids=str)
def test_weights_have_the_oracles_distribution(layer: nn.Module) -> None:
    oracle = nnbench.component(NETWORKS).oracle
    assert oracle is not None
    torch.manual_seed(4)
    right = oracle(module=nn.Sequential(layer))["0.weight"]
    numbers = fill_of(NETWORKS)(nn.Sequential(layer)).state_dict()["0.weight"].double().numpy().ravel()
    assert stats.kstest(numbers, right.cdf).pvalue > 1e-6
    assert stats.kstest(numbers * 1.15, right.cdf).pvalue < 1e-6


def test_it_may_be_applied_as_documented() -> None:
    made = network()
    made.apply(fill_of(NETWORKS))
    found = made.state_dict()
    assert (found["0.2.bias"] == 0.01).all()
    assert found["0.0.weight"].unique().numel() == 30
    assert found["3.weight"].isfinite().all()


def test_cases_start_away_from_what_is_filled_in() -> None:
    component = nnbench.component(NETWORKS)
    assert component.oracle is not None
    for case in component.cases:
        made = case.arguments["module"]()
        right = component.oracle(module=made)
        assert all((parameter == 0.5).all() for parameter in made.parameters())
        assert set() != right.keys() <= dict(made.named_parameters()).keys()
        assert 0.5 not in right.values()


# ---------------------------------------------------------------- E05


def test_raising_without_a_bias_is_shown() -> None:
    component = nnbench.component(NETWORKS)
    documented = component.variant("documented")
    shown = documented.evidence["E05"](documented, component.reference)
    assert shown.shown
    assert "NoneType" in shown.says


@pytest.mark.parametrize("mended", ["reference", "torch"])
def test_what_does_not_raise_is_no_erratum(mended: str) -> None:
    component = nnbench.component(NETWORKS)
    evidence = component.variant("documented").evidence["E05"]
    assert not evidence(component.variant(mended), component.reference).shown


def test_a_reference_that_fills_nothing_proves_nothing() -> None:
    documented = nnbench.component(NETWORKS).variant("documented")
    assert not documented.evidence["E05"](documented, Variant("idle", lambda module: module)).shown


def test_as_documented_it_is_right_where_every_layer_has_a_bias() -> None:
    for network in (perceptron, convolutional, one_layer):
        found = []
        for variant in ("documented", "reference"):
            torch.manual_seed(4)
            found.append(fill_of(NETWORKS, variant)(network()).state_dict())
        assert all(torch.equal(tensor, found[1][name]) for name, tensor in found[0].items())


def test_evidence_leaves_the_callers_random_numbers_alone() -> None:
    component = nnbench.component(NETWORKS)
    documented = component.variant("documented")
    before = torch.get_rng_state()
    documented.evidence["E05"](documented, component.reference)
    assert torch.equal(torch.get_rng_state(), before)

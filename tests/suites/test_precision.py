"""References in narrow dtypes: at most twice (half types: three times) as wrong as torch, plus 8 ulp of the scale."""

from __future__ import annotations

import copy

import pytest
import torch
from suite_support import answer, registered
from test_modules import OPTIONS

from nnbench import case, randint, randn
from nnbench.catalog import Component
from nnbench.specs import Case

TIMES, ULPS = {torch.float32: 2, torch.float16: 3, torch.bfloat16: 3}, 8
COMPONENTS = [component for component in registered("module", "loss") if component.id in OPTIONS]
LARGER: dict[str, list[Case]] = {
    "activations.softmax": [case(randn(16, 512), dim=1)],
    "losses.cross_entropy": [
        case(randn(16, 512), randint(512, (16,)), label_smoothing=smoothing) for smoothing in (0, 0.2)
    ],
    "losses.mse": [case(randn(16, 512), randn(16, 512))],
    "layers.linear": [case(randn(16, 512), in_features=512, out_features=32)],
    "layers.conv2d": [case(randn(2, 16, 12, 12), in_channels=16, out_channels=8, kernel_size=3, padding=1)],
    "activations.gelu": [case(randn(16, 512)), case(randn(16, 512), approximate="tanh")],
}


def cases_of(component: Component) -> list[Case]:
    pointwise = [case(randn(16, 512), **OPTIONS[component.id][0].arguments)]
    return LARGER.get(component.id, pointwise)


def error(got: torch.Tensor, want: torch.Tensor) -> float:
    return float((got.double() - want).abs().max())


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.id)
@pytest.mark.parametrize("dtype", TIMES, ids=str)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 10.0])
def test_errors_are_comparable_with_torchs(component: Component, dtype: torch.dtype, scale: float) -> None:
    for made_for in cases_of(component):
        narrow = [tensor * scale if tensor.is_floating_point() else tensor for tensor in draw_narrow(made_for, dtype)]
        torch.manual_seed(0)
        exact = component.reference.build(**made_for.arguments).to(dtype).double()
        wide = [tensor.detach().double() if tensor.is_floating_point() else tensor for tensor in narrow]
        results = {"exact": answer_at(exact, wide)}
        for variant in ("reference", "torch"):
            module = component.variant(variant).build(**made_for.arguments).to(dtype)
            module.load_state_dict(copy.deepcopy(exact.state_dict()))
            results[variant] = answer_at(module, [tensor.detach() for tensor in narrow])
        for name, want in results["exact"].items():
            ours, theirs = (error(results[variant][name], want) for variant in ("reference", "torch"))
            floor = ULPS * torch.finfo(dtype).eps * float(want.abs().max())
            assert ours <= TIMES[dtype] * theirs + floor, f"{name}: {ours} against torch's {theirs}"


def draw_narrow(made_for: Case, dtype: torch.dtype) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [
        torch.randint(spec.low, spec.high, spec.shape, generator=generator)
        if spec.distribution == "randint"
        else torch.randn(spec.shape, generator=generator).to(dtype)
        for spec in made_for.inputs
    ]


def answer_at(module: torch.nn.Module, inputs: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    leaves = [tensor.requires_grad_() if tensor.is_floating_point() else tensor for tensor in inputs]
    output, gradients = answer(module, leaves)
    return {"output": output} | {name: gradient for name, gradient in gradients.items() if gradient is not None}

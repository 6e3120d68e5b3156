"""What the tests of the suites share: tensors for a case, a variant built for it, and comparing two of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import nnbench
from nnbench.catalog import Component
from nnbench.specs import Case, InputSpec

SUITES = (
    *("activations", "layers", "losses", "optimizers", "schedulers", "regularizers"),
    *("initializers", "metrics", "data", "training", "architectures"),
)
CALLED_WITH_INPUTS = ("module", "loss", "architecture")


def registered(*kinds: str) -> list[Component]:
    ours = [made for made in nnbench.components() if made.id.partition(".")[0] in SUITES]
    return [made for made in ours if not kinds or made.kind in kinds]


def ids(pairs: list[tuple[str, Case]]) -> list[str]:
    return [f"{identifier}:{case.label}" for identifier, case in pairs]


def draw(spec: InputSpec, generator: torch.Generator, dtype: torch.dtype = torch.float64) -> Tensor:
    if spec.distribution == "randint":
        return torch.randint(spec.low, spec.high, spec.shape, generator=generator)
    numbers = torch.rand if spec.distribution == "rand" else torch.randn
    drawn = numbers(spec.shape, generator=generator, dtype=torch.float64)
    return drawn.to(dtype).requires_grad_(spec.requires_grad)


def inputs_of(case: Case, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [draw(spec, generator) for spec in case.inputs]


def arguments_of(case: Case, seed: int = 1) -> dict[str, Any]:
    """A case's constructor arguments, those given as randn(...) drawn."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: draw(value, generator).detach() if isinstance(value, InputSpec) else value
        for name, value in case.arguments.items()
    }


def built(component: Component, variant: str, case: Case) -> nn.Module:
    """A variant of a component in float64 and in the mode in which it is not random."""
    made = component.variant(variant).build(**arguments_of(case)).double()
    return made.train("stochastic" not in component.properties)


def answer(module: nn.Module, inputs: list[Tensor]) -> tuple[Tensor, dict[str, Tensor | None]]:
    """The output and, from a fixed non-uniform upstream gradient, the gradients of inputs and parameters by name."""
    output = module(*inputs)
    named = {f"input {place}": tensor for place, tensor in enumerate(inputs)} | dict(module.named_parameters())
    towards = {name: tensor for name, tensor in named.items() if tensor.requires_grad}
    upstream = torch.randn(output.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    found = torch.autograd.grad(output, list(towards.values()), upstream.to(output.dtype), allow_unused=True)
    return output.detach(), dict(zip(towards, found, strict=True))


def oracle_answers(component: Component, case: Case, module: nn.Module, inputs: list[Tensor]) -> list[Tensor]:
    """What the oracle says, one tensor an output."""
    assert component.oracle is not None
    arrays = [tensor.detach().numpy() for tensor in inputs]
    named = arguments_of(case) | module.state_dict()
    given = {name: value.numpy() if isinstance(value, Tensor) else value for name, value in named.items()}
    said = component.oracle(*arrays, **given)
    return [torch.as_tensor(np.asarray(one)) for one in (said if isinstance(said, tuple) else (said,))]


def oracle_answer(component: Component, case: Case, module: nn.Module, inputs: list[Tensor]) -> Tensor:
    """What it says of a component with one output."""
    (said,) = oracle_answers(component, case, module, inputs)
    return said


def assert_close(got: Tensor | None, want: Tensor | None, what: str = "") -> None:
    """Equal in float64 but for rounding: one part in 10^12 of the largest element."""
    if got is None or want is None:
        assert got is want, what
        return
    assert got.shape == want.shape, what
    largest = float(want.abs().max()) if want.numel() else 0.0
    torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-12 * largest, msg=lambda said: f"{what}: {said}")

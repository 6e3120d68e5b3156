"""One variant and its reference, evaluated on the same weights and inputs in whichever dtype a check asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nnbench.catalog import Component
from nnbench.checks.evidence import Skip, Wrong, error_of
from nnbench.specs import Case
from nnbench.workload import build, differentiable, draw_inputs, dtype_of, tensors, upstream_gradients

STEP_FROM_INITIAL = 0.1  # weights are moved off their initial values: a layer norm's ones and zeros hide mistakes


@dataclass(frozen=True)
class Answer:
    """Outputs and gradients of one evaluation; a gradient's name is its input's position or its parameter's name."""

    outputs: tuple[Tensor, ...]
    gradients: Mapping[str, Tensor | None]


@dataclass(frozen=True, eq=False)
class Trial:
    """A variant in a case under a seed. What several checks need is computed once, when first asked for."""

    component: Component
    variant: str
    case: Case
    seed: int

    @property
    def is_reference(self) -> bool:
        return self.variant == "reference"

    @property
    def peer(self) -> str | None:
        """Whose error in the same dtype is the floor: torch's, or the reference's for torch itself."""
        others = ["reference"] if self.variant == "torch" else ["torch", "reference"]
        return next((name for name in others if name in self.component.variants and name != self.variant), None)

    @property
    def in_training(self) -> bool:
        """Random components are compared in evaluation mode."""
        return "stochastic" not in self.component.properties

    @cached_property
    def state(self) -> dict[str, Tensor] | None:
        """Weights that variant and reference share, moved off their initial values; None where there are none to share.

        Raises ``Wrong`` where both are modules and their state_dicts have different names.
        """
        reference, variant = (self.make(name, torch.float32, None) for name in ("reference", self.variant))
        if not (isinstance(reference, nn.Module) and isinstance(variant, nn.Module)):
            return None
        ours, theirs = reference.state_dict(), variant.state_dict()
        if ours.keys() != theirs.keys():
            raise Wrong(f"its state_dict holds {sorted(theirs)} where the reference's holds {sorted(ours)}")
        generator = torch.Generator().manual_seed(self.seed)
        for name, parameter in reference.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            ours[name] = parameter.detach() + STEP_FROM_INITIAL * noise
        return ours

    def make(self, variant: str, dtype: torch.dtype, state: Mapping[str, Tensor] | None) -> Any:
        """A variant in a dtype, with the shared weights where they are given, in the mode that is compared."""
        made = build(self.component, variant, self.case, self.seed, dtype)
        if isinstance(made, nn.Module):
            if state is not None:
                made.load_state_dict(dict(state))
            made.train(self.in_training)
        return made

    def inputs(self, dtype: torch.dtype, other: int = 0) -> tuple[Tensor, ...]:
        """The inputs under this trial's seed, or other ones."""
        return draw_inputs(self.case, self.seed + other, dtype)

    @cached_property
    def _answers(self) -> dict[tuple[str, torch.dtype], Answer]:
        return {}

    def answer(self, variant: str, dtype: torch.dtype) -> Answer:
        """A variant's outputs and gradients in a dtype; computed once. Raises ``Wrong`` where nothing comes out."""
        if (variant, dtype) not in self._answers:
            made, inputs = self.make(variant, dtype, self.state), self.inputs(dtype)
            outputs = tuple(tensors(made(*inputs)))
            if not outputs:
                raise Wrong("it returned no tensor")
            gradients = _gradients(made, inputs, outputs, self.seed)
            self._answers[variant, dtype] = Answer(tuple(tensor.detach() for tensor in outputs), gradients)
        return self._answers[variant, dtype]

    @cached_property
    def terms(self) -> int:
        """The most terms that a sum in this case can have: the elements of its largest input or weight."""
        sizes = [tensor.numel() for tensor in (*self.inputs(torch.float32), *(self.state or {}).values())]
        return max(sizes, default=1)

    @cached_property
    def stale(self) -> tuple[Tensor, ...]:
        """The reference's outputs for other inputs."""
        made = self.make("reference", torch.float64, self.state)
        return tuple(tensor.detach() for tensor in tensors(made(*self.inputs(torch.float64, other=1))))

    @cached_property
    def floor(self) -> float:
        """The error of the peer in the case's own dtype, against the reference in float64."""
        if self.peer is None:
            return 0.0
        want, got = self.answer("reference", torch.float64), self.answer(self.peer, dtype_of(self.case))
        return max(error_of(mine, theirs) for mine, theirs in zip(got.outputs, want.outputs, strict=True))

    @cached_property
    def gradient_floor(self) -> float:
        """The same for gradients."""
        if self.peer is None:
            return 0.0
        want, got = self.answer("reference", torch.float64), self.answer(self.peer, dtype_of(self.case))
        return max((error_of(*pair) for pair in _both(got.gradients, want.gradients)), default=0.0)

    @cached_property
    def oracle_answer(self) -> tuple[Tensor, ...]:
        """What the component's oracle says in float64, given the reference's inputs, weights and arguments."""
        if self.component.oracle is None:
            raise Skip("no oracle")
        arrays = [tensor.detach().numpy() for tensor in self.inputs(torch.float64)]
        made = self.make("reference", torch.float64, self.state)
        weights = made.state_dict() if isinstance(made, nn.Module) else {}
        named = {name: tensor.detach().numpy() for name, tensor in weights.items()}
        return (torch.as_tensor(np.asarray(self.component.oracle(*arrays, **named, **self.case.arguments))),)


def _both(got: Mapping[str, Tensor | None], want: Mapping[str, Tensor | None]) -> list[tuple[Tensor, Tensor]]:
    pairs = ((got.get(name), tensor) for name, tensor in want.items())
    return [(mine, theirs) for mine, theirs in pairs if mine is not None and theirs is not None]


def _gradients(
    made: Any, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...], seed: int
) -> dict[str, Tensor | None]:
    """Gradients towards every input and parameter that takes one, from a fixed non-uniform upstream gradient."""
    towards = {f"input {place}": tensor for place, tensor in enumerate(inputs) if tensor.requires_grad}
    if isinstance(made, nn.Module):
        towards |= {name: tensor for name, tensor in made.named_parameters() if tensor.requires_grad}
    ends = differentiable(outputs)
    if not ends or not towards:
        return dict.fromkeys(towards)
    found = torch.autograd.grad(ends, list(towards.values()), upstream_gradients(ends, seed), allow_unused=True)
    return dict(zip(towards, found, strict=True))

"""One variant and its reference, evaluated on the same weights and inputs in whichever dtype a check asks for."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nnbench.catalog import Component
from nnbench.checks.evidence import ULPS, NoJudge, Skip, Wrong, error_of, scale_of
from nnbench.checks.numbers import AS_DRAWN, STEP_FROM_INITIAL, Numbers
from nnbench.checks.placement import placed
from nnbench.specs import Case
from nnbench.workload import arguments_of, build, differentiable, draw_inputs, dtype_of, tensors, upstream_gradients

MANY_WEIGHTS = 1_000_000

# Statistics that torch's normalisations keep; a variance stays positive.
RUNNING = ("running_mean", "running_var")


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
    numbers: Numbers = AS_DRAWN
    device: str = "cpu"  # where answers are worked out; all else, and what is compared, lies on the CPU
    # Built once for a trial and those that differ from it in their numbers or their seed.
    pristine: dict[Any, nn.Module] = field(default_factory=dict, repr=False)

    @property
    def is_reference(self) -> bool:
        return self.variant == "reference"

    @property
    def peers(self) -> list[str]:
        """Whose error in the same dtype may be the floor: torch's, or the reference's for torch itself.

        No other variant is asked: one that takes the process down must cost its own checks, not everybody's.
        """
        others = ["reference"] if self.variant == "torch" else ["torch", "reference"]
        return [name for name in others if name in self.component.variants and name != self.variant]

    @property
    def floor_dtype(self) -> torch.dtype:
        """The dtype that floors are measured in: the case's; float32 for float64, which nothing finer can judge."""
        dtype = dtype_of(self.case)
        return torch.float32 if dtype == torch.float64 else dtype

    @property
    def in_training(self) -> bool:
        """Random components are compared in evaluation mode."""
        return "stochastic" not in self.component.properties

    @cached_property
    def state(self) -> dict[str, Tensor] | None:
        """Weights that variant and reference share, moved off their initial values; None where there are none to share.

        Raises ``Wrong`` where both are modules and their state_dicts have different names.
        """
        variant = self.make(self.variant, torch.float32, None)
        reference = self.judged_by("reference", lambda: self.make("reference", torch.float32, None))
        if not (isinstance(reference, nn.Module) and isinstance(variant, nn.Module)):
            return None
        ours, theirs = reference.state_dict(), variant.state_dict()
        shapes = [{name: tuple(tensor.shape) for name, tensor in state.items()} for state in (theirs, ours)]
        if shapes[0] != shapes[1]:
            raise Wrong(f"its state_dict holds {_told(shapes[0])} where the reference's holds {_told(shapes[1])}")
        generator = torch.Generator().manual_seed(self.seed)
        for name, parameter in reference.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            ours[name] = self.numbers.of_weight(parameter.detach(), noise)
        for ending in RUNNING:
            ours |= _moved(ours, ending, generator)
        return ours

    def make(self, variant: str, dtype: torch.dtype, state: Mapping[str, Tensor] | None) -> Any:
        """A variant in a dtype, with the shared weights where they are given, in the mode that is compared."""
        made = self._built(variant, dtype)
        if isinstance(made, nn.Module):
            if state is not None:
                made.load_state_dict(dict(state))
            made.train(self.in_training)
        return made

    def _built(self, variant: str, dtype: torch.dtype) -> Any:
        """Built anew, or a copy of one that was never called: drawing millions of initial weights takes its time."""
        key = (variant, dtype, self.seed, self.case.label)
        if key in self.pristine:
            return copy.deepcopy(self.pristine[key])
        made = build(self.component, variant, self.case, self.seed, dtype)
        if isinstance(made, nn.Module) and sum(one.numel() for one in made.parameters()) > MANY_WEIGHTS:
            self.pristine[key] = copy.deepcopy(made)
        return made

    def inputs(self, dtype: torch.dtype, other: int = 0) -> tuple[Tensor, ...]:
        """The inputs under this trial's seed, or other ones."""
        drawn = draw_inputs(self.case, self.seed + other, dtype)
        if self.numbers is AS_DRAWN:
            return drawn
        return tuple(
            self.numbers.of_input(tensor.detach(), spec).requires_grad_(tensor.requires_grad)
            for tensor, spec in zip(drawn, self.case.inputs, strict=True)
        )

    @cached_property
    def _answers(self) -> dict[tuple[str, torch.dtype], Answer]:
        return {}

    def answer(self, variant: str, dtype: torch.dtype) -> Answer:
        """A variant's outputs and gradients in a dtype; computed once.

        Raises ``Wrong`` where nothing comes out, and ``NoJudge`` where it is another variant than the one on trial that
        cannot be called.
        """
        state = self.state  # what is wrong with the variant's own weights is no fault of its judge's
        found: Answer = self.judged_by(variant, lambda: self._answer(variant, dtype, state))
        return found

    def judged_by(self, variant: str, give: Callable[[], Any]) -> Any:
        try:
            return give()
        except Exception as error:
            if variant == self.variant:
                raise
            message = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise NoJudge(f"{variant}, which it would be judged by, gives no answer: {message}") from None

    def _answer(self, variant: str, dtype: torch.dtype, state: Mapping[str, Tensor] | None) -> Answer:
        if (variant, dtype) not in self._answers:
            made, inputs = placed(self.make(variant, dtype, state), self.inputs(dtype), self.device)
            outputs = tuple(tensors(made(*inputs)))
            if not outputs:
                raise Wrong("it returned no tensor")
            slopes = gradients_of(made, inputs, outputs, self.seed)
            gradients = {name: None if slope is None else slope.cpu() for name, slope in slopes.items()}
            self._answers[variant, dtype] = Answer(tuple(tensor.detach().cpu() for tensor in outputs), gradients)
        return self._answers[variant, dtype]

    def terms_in(self, dtype: torch.dtype, of: str = "outputs") -> int:
        """How many terms' rounding is allowed for beside the floor, of "outputs" or of "gradients".

        In float64 there is nothing finer to measure a floor against, and one from float32 may come from other kernels.
        Torch's own gradients are the yardstick of the others; they are held against their sums' length, not against our
        reference's luck. All else is held against the peer's error alone.
        """
        torchs_gradients = self.variant == "torch" and of == "gradients"
        return self._most_terms if dtype == torch.float64 or torchs_gradients else 1

    @cached_property
    def _most_terms(self) -> int:
        """The most terms that a sum in this case can have: the elements of its largest input or weight."""
        sizes = [tensor.numel() for tensor in (*self.inputs(torch.float32), *(self.state or {}).values())]
        return max([*sizes, 1])

    @cached_property
    def stale(self) -> tuple[Tensor, ...]:
        """The reference's outputs for other inputs."""
        return self.stale_by(1)

    def stale_by(self, other: int) -> tuple[Tensor, ...]:
        """The same for further ones."""
        made = self.make("reference", torch.float64, self.state)
        return tuple(tensor.detach() for tensor in tensors(made(*self.inputs(torch.float64, other=other))))

    @cached_property
    def peer_answer(self) -> Answer | None:
        """What the first peer that can be called gives; one that cannot costs its own checks, not this variant's."""
        for name in self.peers:
            try:
                return self.answer(name, self.floor_dtype)
            except Exception:  # noqa: BLE001  its own row tells it
                continue
        return None

    @cached_property
    def floor(self) -> float:
        """The error of the peer's outputs against the reference in float64.

        Without a peer to ask: what rounding the inputs to the dtype may change, in float64, which no implementation can
        be better than.
        """
        want = self.answer("reference", torch.float64).outputs
        if self.peer_answer is None:
            return _largest(list(zip(self._of_rounded_inputs(), want, strict=True)))
        return _largest(list(zip(self.peer_answer.outputs, want, strict=False)))

    @cached_property
    def enlarges_rounding(self) -> float:
        """How many times a rounding of the inputs and the weights to the dtype grows on its way to the outputs."""
        want = self.answer("reference", torch.float64).outputs
        generator = torch.Generator().manual_seed(self.seed)
        eps = torch.finfo(self.floor_dtype).eps
        state = {name: _by_signs(tensor, eps, generator) for name, tensor in (self.state or {}).items()}
        moved = _largest(list(zip(self._of_rounded_inputs(state or None), want, strict=True)))
        return moved / eps

    def _of_rounded_inputs(self, state: Mapping[str, Tensor] | None = None) -> list[Tensor]:
        generator = torch.Generator().manual_seed(self.seed)
        eps = torch.finfo(self.floor_dtype).eps
        inputs = [tensor.detach() for tensor in self.inputs(torch.float64)]
        moved = [_by_signs(tensor, eps, generator) for tensor in inputs]
        # A probability stays one.
        fed = [
            tensor.clamp(0, 1) if spec.distribution == "rand" else tensor
            for spec, tensor in zip(self.case.inputs, moved, strict=True)
        ]
        made = self.make("reference", torch.float64, state or self.state)
        return [tensor.detach() for tensor in tensors(made(*fed))]

    @cached_property
    def gradient_floor(self) -> float:
        """The same for gradients."""
        if self.peer_answer is None:
            return 0.0
        want = self.answer("reference", torch.float64).gradients
        return _largest([pair for pair in _both(self.peer_answer.gradients, want) if not self.vanishes(pair[1])])

    def vanishes(self, gradient: Tensor) -> bool:
        """Whether a gradient in float64 is zero but for rounding: that of a bias that a normalisation takes away."""
        return bool((gradient.abs() <= self.rounding_of_gradients(torch.float64)).all())

    def rounding_of_gradients(self, dtype: torch.dtype) -> float:
        """What rounding may leave in a dtype of a gradient that is zero, the reference's others being what they are."""
        return ULPS[dtype] * torch.finfo(dtype).eps * math.sqrt(self._most_terms) * self._largest_gradient

    @cached_property
    def _largest_gradient(self) -> float:
        """The scale of the reference's largest gradient in float64."""
        gradients = self.answer("reference", torch.float64).gradients.values()
        return max((scale_of(tensor) for tensor in gradients if tensor is not None and tensor.any()), default=0.0)

    @cached_property
    def oracle_answer(self) -> tuple[Tensor, ...]:
        """What the component's oracle says in float64, given the reference's inputs, weights and arguments."""
        if self.component.oracle is None:
            raise Skip("no oracle")
        arrays = [tensor.detach().numpy() for tensor in self.inputs(torch.float64)]
        made = self.make("reference", torch.float64, self.state)
        weights = made.state_dict() if isinstance(made, nn.Module) else {}
        named = weights | arguments_of(self.case, self.seed, torch.float64)
        said = self.component.oracle(*arrays, **{name: _as_array(value) for name, value in named.items()})
        several = said if isinstance(said, tuple | list) else [said]
        return tuple(torch.as_tensor(np.asarray(array)) for array in several)


def _by_signs(tensor: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Each number a share of itself larger or smaller, in float64; whole numbers stay."""
    signs = torch.randint(0, 2, tensor.shape, generator=generator) * 2 - 1
    return tensor.double() * (1 + share * signs) if tensor.is_floating_point() else tensor


def _moved(state: Mapping[str, Tensor], ending: str, generator: torch.Generator) -> dict[str, Tensor]:
    """Running statistics off their initial zeros and ones, which hide what evaluation mode does with them."""
    found = {name: tensor for name, tensor in state.items() if name.rpartition(".")[2] == ending}
    steps = {name: STEP_FROM_INITIAL * torch.randn(tensor.shape, generator=generator) for name, tensor in found.items()}
    by_factor = ending == "running_var"
    return {name: found[name] * step.exp() if by_factor else found[name] + step for name, step in steps.items()}


def _as_array(value: Any) -> Any:
    return value.detach().numpy() if isinstance(value, Tensor) else value


def _told(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in sorted(shapes.items())) or "nothing"


def _largest(pairs: list[tuple[Tensor, Tensor]]) -> float:
    """The largest finite error of the pairs: a peer that overflows must not excuse everything."""
    errors = (error_of(got, want) for got, want in pairs if got.shape == want.shape)
    return max((error for error in errors if math.isfinite(error)), default=0.0)


def _both(got: Mapping[str, Tensor | None], want: Mapping[str, Tensor | None]) -> list[tuple[Tensor, Tensor]]:
    pairs = ((got.get(name), tensor) for name, tensor in want.items())
    return [(mine, theirs) for mine, theirs in pairs if mine is not None and theirs is not None]


def gradients_of(
    made: Any,
    inputs: tuple[Tensor, ...],
    outputs: tuple[Tensor, ...],
    seed: int,
    lay_out: Callable[[Tensor], Tensor] = lambda upstream: upstream,
) -> dict[str, Tensor | None]:
    """Gradients of every input that takes one and every parameter, from a fixed non-uniform upstream gradient."""
    named = {f"input {place}": tensor for place, tensor in enumerate(inputs) if tensor.requires_grad}
    if isinstance(made, nn.Module):
        named |= dict(made.named_parameters())
    towards = {name: tensor for name, tensor in named.items() if tensor.requires_grad}
    ends = differentiable(outputs)
    found: dict[str, Tensor | None] = dict.fromkeys(named)
    if ends and towards:
        upstream = [lay_out(tensor) for tensor in upstream_gradients(ends, seed)]
        gradients = torch.autograd.grad(ends, list(towards.values()), upstream, allow_unused=True)
        found |= dict(zip(towards, gradients, strict=True))
    return found

"""What recurrent layers share: layers, directions, the loop over time, and what they refuse."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

State = tuple[Tensor, ...]  # the hidden state first, then what else the layer remembers
PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


class Weights(NamedTuple):
    """One layer's parameters in one direction; None for what it does without."""

    ih: Any  # a tensor, as the next
    hh: Any
    bias_ih: Tensor | None
    bias_hh: Tensor | None
    hr: Tensor | None


class Recurrent(nn.Module):
    """The layers, the directions and the loop over time; subclasses say what one step does."""

    gates: int

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        refuse_sizes(input_size, hidden_size, num_layers, proj_size)
        refuse_flags(bias=bias, batch_first=batch_first)
        refuse_dropout(dropout, num_layers)
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self.directions = ("", "_reverse") if bidirectional else ("",)
        self.output_size = proj_size or hidden_size
        for layer in range(num_layers):
            inputs = input_size if layer == 0 else self.output_size * len(self.directions)
            for direction in self.directions:
                for name, shape in self._shapes(inputs).items():
                    parameter = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
                    self.register_parameter(f"{name}_l{layer}{direction}", parameter)
        self.reset_parameters()

    @property
    def all_weights(self) -> list[list[nn.Parameter]]:
        """Each layer's parameters, direction by direction."""
        parameters = dict(self.named_parameters())
        ends = [f"_l{layer}{direction}" for layer in range(self.num_layers) for direction in self.directions]
        return [[parameters[name + end] for name in PARAMETERS if name + end in parameters] for end in ends]

    def flatten_parameters(self) -> None:
        """Nothing: torch's moves its parameters together in memory for cuDNN."""

    extra_repr = nn.RNNBase.extra_repr

    def _shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """One layer's parameters in one direction; those of the gates lie one below the other."""
        rows = self.gates * self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, inputs), "weight_hh": (rows, self.output_size)}
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw everything from torch's distribution, uniform within 1 / sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            parameter.uniform_(-bound, bound)

    def _run(self, x: Tensor, hx: State | None) -> tuple[Tensor, State]:
        """The last layer's outputs and every layer's last state, for inputs and initial state as torch shapes them."""
        refuse_input(self, x)
        steps = x if x.dim() == 3 else x.unsqueeze(1)
        swapped = self.batch_first and x.dim() == 3
        steps = steps.transpose(0, 1) if swapped else steps  # time, samples, features
        zeros = tuple(
            steps.new_zeros(self.num_layers * len(self.directions), steps.shape[1], size)
            for size in self._state_sizes()
        )
        if hx is not None:
            refuse_state(hx, zeros if x.dim() == 3 else without_samples(zeros))
            hx = tuple(part.reshape(start.shape) for part, start in zip(hx, zeros, strict=True))
        outputs, last = self._layers(steps, zeros if hx is None else hx)
        if x.dim() == 2:
            return outputs.squeeze(1), without_samples(last)
        return (outputs.transpose(0, 1) if swapped else outputs), last

    def _layers(self, steps: Tensor, given: State) -> tuple[Tensor, State]:
        """Each layer's outputs, forward and backward side by side, are the next layer's inputs."""
        last: list[State] = []
        for layer in range(self.num_layers):
            if layer > 0:
                steps = dropped_out(steps, self.dropout, self.training)
            sides = []
            for direction in self.directions:
                state = tuple(part[len(last)] for part in given)
                side, state = self._through_time(steps, state, f"_l{layer}{direction}")
                sides.append(side)
                last.append(state)
            steps = torch.cat(sides, dim=-1)
        return steps, tuple(torch.stack(parts) for parts in zip(*last, strict=True))

    def _through_time(self, steps: Tensor, state: State, suffix: str) -> tuple[Tensor, State]:
        """One layer in one direction: its outputs in the order of time, and the state that it ends with."""
        weights = Weights(*(getattr(self, name + suffix, None) for name in PARAMETERS))
        from_inputs = affine(steps, weights.ih, weights.bias_ih)  # of all steps at once: no state enters
        backward = suffix.endswith("_reverse")
        outputs = []
        for from_input in reversed(from_inputs.unbind()) if backward else from_inputs.unbind():
            state = self._step(from_input, state, weights)
            outputs.append(state[0])
        return torch.stack(outputs[::-1] if backward else outputs), state

    def _state_sizes(self) -> tuple[int, ...]:
        """How many numbers each part of the state has."""
        raise NotImplementedError

    def _step(self, from_input: Tensor, state: State, weights: Weights) -> State:
        """The next state, from a step's input (multiplied with its weights already) and the state before it."""
        raise NotImplementedError


def without_samples(state: State) -> State:
    return tuple(part.squeeze(1) for part in state)


def affine(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return x @ weight.T if bias is None else x @ weight.T + bias


def dropped_out(x: Tensor, probability: float, training: bool) -> Tensor:
    """In training each element becomes 0 with the probability, and what stays is scaled to keep the mean."""
    if not training or probability == 0:
        return x
    stays = torch.rand_like(x) >= probability
    scale = 1 / (1 - probability) if probability < 1 else 0.0
    return torch.where(stays, x * scale, 0)


def refuse_sizes(input_size: int, hidden_size: int, num_layers: int, proj_size: int) -> None:
    for name, size in {"input_size": input_size, "hidden_size": hidden_size}.items():
        if not isinstance(size, int):
            raise TypeError(f"{name} is a whole number, not {size!r}")
    for name, size in {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}.items():
        if size <= 0:
            raise ValueError(f"{name} is 1 or more, not {size}")
    if not 0 <= proj_size < hidden_size:
        raise ValueError(f"proj_size is 0 (no projection) or more, and below hidden_size, not {proj_size}")


def refuse_flags(**flags: bool) -> None:
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name} is True or False, not {value!r}")


def refuse_dropout(dropout: float, num_layers: int) -> None:
    if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0 <= dropout <= 1:
        raise ValueError(f"dropout is a probability, between 0 and 1, not {dropout!r}")
    if dropout > 0 and num_layers == 1:
        warnings.warn(f"dropout={dropout} acts between layers, and num_layers=1 leaves it nowhere to act", stacklevel=3)


def refuse_input(layer: Recurrent, x: Tensor) -> None:
    name = type(layer).__name__
    if isinstance(x, PackedSequence):
        raise NotImplementedError(f"{name} does not support packed sequences (PackedSequence): pad them")
    if x.dim() not in (2, 3):
        raise ValueError(f"{name} takes 3 dimensions, or 2 without a batch, not {tuple(x.shape)}")
    of_weights = next(layer.parameters()).dtype
    if x.dtype != of_weights:
        raise ValueError(f"the input is {x.dtype} where the weights are {of_weights}")
    if x.shape[-1] != layer.input_size:
        raise RuntimeError(f"the last dimension holds {layer.input_size} features (input_size), not {x.shape[-1]}")
    if not x.shape[0 if x.dim() == 2 or not layer.batch_first else 1]:
        raise RuntimeError(f"{name} takes one step or more, not {tuple(x.shape)}")


def refuse_state(given: State, want: State) -> None:
    """Raise for an initial state of other shapes than the state of zeros has."""
    for part, zeros in zip(given, want, strict=True):
        if part.shape != zeros.shape:
            raise RuntimeError(f"the initial state has the shape {tuple(zeros.shape)}, not {tuple(part.shape)}")

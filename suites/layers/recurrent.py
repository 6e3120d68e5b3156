"""Long short-term memory and gated recurrent units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from nnbench.suites.layers.recurrence import PARAMETERS, Recurrent, State, Weights, affine
from scipy import special
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("layers")

Arrays = dict[str, np.ndarray]


class LSTM(Recurrent):
    """Long short-term memory.

    ``i, f, g, o = W_ih x + b_ih + W_hh h + b_hh`` (four gates), ``c = sigmoid(f) * c + sigmoid(i) * tanh(g)``,
    ``h = sigmoid(o) * tanh(c)``, with ``proj_size`` ``h = W_hr h`` after it. x (T, N, input_size), with ``batch_first``
    (N, T, input_size), or without N. Returns ``(outputs, (h, c))``: h of the last layer at each step, forward beside
    backward, and the last h and c of each layer and direction, (layers * directions, N, size); ``hx=(h, c)`` is the
    state to start from, else zeros. ``dropout`` acts in training, between layers.
    ``ValueError``, ``TypeError`` and ``RuntimeError`` for sizes and tensors that do not fit, as in torch;
    ``NotImplementedError`` for packed sequences. Source: torch.nn.LSTM; Hochreiter and Schmidhuber (1997).
    """

    gates = 4

    def forward(self, x: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, State]:
        return self._run(x, None if hx is None else tuple(hx))

    def _state_sizes(self) -> tuple[int, ...]:
        return self.output_size, self.hidden_size

    def _step(self, from_input: Tensor, state: State, weights: Weights) -> State:
        h, c = state
        i, f, g, o = (from_input + affine(h, weights.hh, weights.bias_hh)).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return (h if weights.hr is None else h @ weights.hr.T), c


class GRU(Recurrent):
    """Gated recurrent unit.

    ``r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)``, ``z`` likewise with its own weights, ``n = tanh(W_in x + b_in + r *
    (W_hn h + b_hn))``, ``h = (1 - z) * n + z * h``; the weights of r, z and n lie one below the other. x (T, N,
    input_size), with ``batch_first`` (N, T, input_size), or without N. Returns ``(outputs, h)``: h of the last layer at
    each step, forward beside backward, and the last h of each layer and direction, (layers * directions, N,
    hidden_size); ``hx`` is the state to start from, else zeros. ``dropout`` acts in training, between layers.
    ``ValueError``, ``TypeError`` and ``RuntimeError`` for sizes and tensors that do not fit, as in torch;
    ``NotImplementedError`` for packed sequences. Source: torch.nn.GRU; Cho et al., arXiv:1406.1078.
    """

    gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device=device, dtype=dtype
        )

    def forward(self, x: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        outputs, (h,) = self._run(x, None if hx is None else (hx,))
        return outputs, h

    def _state_sizes(self) -> tuple[int, ...]:
        return (self.hidden_size,)

    def _step(self, from_input: Tensor, state: State, weights: Weights) -> State:
        (h,) = state
        r_x, z_x, n_x = from_input.chunk(3, dim=1)
        r_h, z_h, n_h = affine(h, weights.hh, weights.bias_hh).chunk(3, dim=1)
        r = torch.sigmoid(r_x + r_h)
        z = torch.sigmoid(z_x + z_h)
        n = torch.tanh(n_x + r * n_h)
        return ((1 - z) * n + z * h,)


def lstm_oracle(
    x: np.ndarray,
    hidden: np.ndarray | None = None,
    cell: np.ndarray | None = None,
    *,
    hidden_size: int,
    proj_size: int = 0,
    **rest: Any,
) -> tuple[np.ndarray, ...]:
    """One matrix takes (x, h, 1) to all gates; h and c travel as one vector."""
    size = proj_size or hidden_size

    def step(state: np.ndarray, x: np.ndarray, w: Arrays) -> np.ndarray:
        seen = np.hstack([x, state[:, :size], np.ones((len(x), 1))])
        matrix = np.hstack([w["weight_ih"], w["weight_hh"], (w["bias_ih"] + w["bias_hh"])[:, None]])
        i, f, g, o = np.split(seen @ matrix.T, 4, axis=1)
        kept = state[:, size:] * special.expit(f) + np.tanh(g) * special.expit(i)
        shown = np.tanh(kept) * special.expit(o)
        return np.hstack([shown @ w["weight_hr"].T if proj_size else shown, kept])

    given = None if hidden is None or cell is None else np.concatenate([hidden, cell], axis=-1)
    outputs, last = recurrence_oracle(x, given, step, (size, size + hidden_size), **rest)
    return outputs, last[..., :size], last[..., size:]


def gru_oracle(
    x: np.ndarray, given: np.ndarray | None = None, *, hidden_size: int, **rest: Any
) -> tuple[np.ndarray, ...]:
    """The state moves by the share 1 - z of the way to the candidate."""
    two = 2 * hidden_size

    def step(h: np.ndarray, x: np.ndarray, w: Arrays) -> np.ndarray:
        matrix = np.hstack([w["weight_ih"], w["weight_hh"]])[:two]
        both = np.hstack([x, h]) @ matrix.T + (w["bias_ih"] + w["bias_hh"])[:two]
        reset, kept = np.split(special.expit(both), 2, axis=1)
        of_state = h @ w["weight_hh"][two:].T + w["bias_hh"][two:]
        candidate = np.tanh(x @ w["weight_ih"][two:].T + w["bias_ih"][two:] + reset * of_state)
        return h + (1 - kept) * (candidate - h)

    return recurrence_oracle(x, given, step, (hidden_size, hidden_size), **rest)


def recurrence_oracle(
    x: np.ndarray,
    given: np.ndarray | None,
    step: Callable[[np.ndarray, np.ndarray, Arrays], np.ndarray],
    sizes: tuple[int, int],
    *,
    num_layers: int = 1,
    batch_first: bool = False,
    bidirectional: bool = False,
    **rest: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """Outputs (the first numbers of each state) and last states; the way back is the way through the reversed steps.

    ``sizes`` are those of an output and of a state; ``rest`` holds the parameters.
    """
    output_size, state_size = sizes
    swapped = batch_first and x.ndim == 3
    sequence = x[:, None] if x.ndim == 2 else x.swapaxes(0, 1) if swapped else x
    ways = ["", "_reverse"] if bidirectional else [""]
    last = np.zeros((num_layers, len(ways), sequence.shape[1], state_size))
    if given is not None:
        last += given.reshape(last.shape)
    for layer in range(num_layers):
        sides = []
        for way, suffix in enumerate(ways):
            name = f"_l{layer}{suffix}"
            nothing = np.zeros(len(rest["weight_ih" + name]))
            weights = {parameter: rest.get(parameter + name, nothing) for parameter in PARAMETERS}
            turned = slice(None, None, -1 if way else 1)
            states = []
            for inputs in sequence[turned]:
                last[layer, way] = step(last[layer, way], inputs, weights)
                states.append(last[layer, way, :, :output_size].copy())
            sides.append(np.stack(states)[turned])
        sequence = np.concatenate(sides, axis=-1)
    state = last.reshape(num_layers * len(ways), *last.shape[2:])
    if x.ndim == 2:
        return sequence[:, 0], state[:, 0]
    return (sequence.swapaxes(0, 1) if swapped else sequence), state


# Options whose speed nobody asks for, in float64: of so few numbers one may lie far from what rounding mostly does.
SMALL: dict[str, Any] = {"input_size": 5, "hidden_size": 4, "dtype": "float64", "timed": False}

# The LSTM's case of 4x6x10 is there for chance in training, which takes many calls. The samples of h and c lie along
# their second dimension, which is why neither layer is declared batch_independent.
suite.component(
    "lstm",
    not_compiled="torch.compile unrolls the reference's loop over time: compiling would take minutes",
    reference=LSTM,
    variants={"torch": nn.LSTM, "keras": "nnbench.suites._keras.recurrent:LSTM"},
    oracle=lstm_oracle,
    cases=[
        case(randn(32, 50, 128), input_size=128, hidden_size=64, num_layers=2, batch_first=True),
        case(
            randn(1, 256, 128),
            input_size=128,
            hidden_size=256,
            num_layers=2,
            batch_first=True,
            dropout=0.3,
            bidirectional=True,
        ),
        case(randn(12, 4, 10), input_size=10, hidden_size=128),
        case(randn(4, 12, 10), input_size=10, hidden_size=20, batch_first=True),
        case(randn(4, 6, 10), input_size=10, hidden_size=20, num_layers=2, batch_first=True, dropout=0.3),
        case(randn(3, 2, 5), **SMALL, num_layers=2, bidirectional=True, proj_size=3),
        case(randn(3, 2, 5), **SMALL, num_layers=2, bias=False),
        case(randn(3, 5), **SMALL, bidirectional=True, batch_first=True),
    ],
    documented=["handout", "deepdive", "fundamentals", "pytorch"],
    properties=["mode", "stochastic"],
)
suite.component(
    "gru",
    not_compiled="torch.compile unrolls the reference's loop over time: compiling would take minutes",
    reference=GRU,
    variants={"torch": nn.GRU, "keras": "nnbench.suites._keras.recurrent:GRU"},
    oracle=gru_oracle,
    cases=[
        case(randn(32, 50, 128), input_size=128, hidden_size=64, num_layers=1, batch_first=True),
        case(randn(4, 12, 10), input_size=10, hidden_size=20, batch_first=True),
        case(randn(3, 2, 5), **SMALL, num_layers=2, bidirectional=True),
        case(randn(3, 2, 5), randn(2, 2, 4), **SMALL, num_layers=2, bias=False),  # from a state
        case(randn(3, 5), randn(2, 4), **SMALL, bidirectional=True, batch_first=True),
        case(randn(3, 2, 5), **SMALL, num_layers=2, dropout=0.3),
    ],
    documented=["deepdive", "pytorch"],
    properties=["mode", "stochastic"],
)

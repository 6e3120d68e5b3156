"""An LSTM that predicts a series' next value."""

from __future__ import annotations

from nnbench.suites.architectures.dense import affine
from nnbench.suites.architectures.sequences import lstm
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import Recipe, case, randn

suite = Suite("architectures")


class TimeSeriesLSTM(nn.Module):
    """Next-value prediction: LSTM in layers, Linear on the last time step.

    ``y = h[T] W^T + b`` with h the last layer's outputs: x (N, T, input_dim), y (N, output_dim). Parameters start as
    those of torch.nn.LSTM and torch.nn.Linear do.
    ``ValueError`` for inputs of other dimensions and for no time steps, ``RuntimeError`` for another number of
    features. Source: Neural Networks - Intermediate Handout; Deep Dive.
    """

    def __init__(self, input_dim: int = 1, hidden_dim: int = 64, output_dim: int = 1, n_layers: int = 2) -> None:
        super().__init__()
        self.lstm = nn.LSTM(
            input_dim,
            hidden_dim,
            n_layers,
            batch_first=True,  # equivalent: the reference's own forward reads the layer's parameters alone
        )
        self.fc = nn.Linear(hidden_dim, output_dim)

    def forward(self, x: Tensor) -> Tensor:
        refuse_series(x)
        return affine(lstm(x, self.lstm)[:, -1], self.fc)


class TorchTimeSeriesLSTM(TimeSeriesLSTM):
    """The same network out of torch's layers."""

    def forward(self, x: Tensor) -> Tensor:
        refuse_series(x)
        outputs, _ = self.lstm(x)
        return self.fc(outputs[:, -1])


def refuse_series(x: Tensor) -> None:
    if x.dim() != 3 or not x.shape[1]:
        raise ValueError(f"series are values (N, T, features) with T above 0, not {tuple(x.shape)}")


suite.component(
    "time_series_lstm",
    not_compiled="torch.compile unrolls the reference's loop over time: compiling would take minutes",
    kind="architecture",
    reference=TimeSeriesLSTM,
    variants={"torch": TorchTimeSeriesLSTM},
    cases=[
        case(randn(32, 20, 1), input_dim=1, hidden_dim=64, output_dim=1, n_layers=2),
        case(randn(64, 60, 1), input_dim=1, hidden_dim=64, output_dim=1, n_layers=2),
        case(randn(3, 4, 2), input_dim=2, hidden_dim=5, output_dim=3, n_layers=3, timed=False),
        case(randn(3, 2, 1), timed=False),
    ],
    documented=["handout", "deepdive"],
    properties=["batch_independent"],
    recipe=Recipe(
        data="sunspots",
        data_arguments={"window": 20},
        standardize=True,
        loss="MSELoss",
        optimizer="Adam",
        optimizer_arguments={"lr": 0.001},
        batch_size=32,
        epochs=200,
        features_argument="input_dim",
        classes_argument="",
        arguments={"hidden_dim": 64, "output_dim": 1, "n_layers": 2},
        patience=20,
        note="documented: the network, predicting the next value, early stopping; chosen: the yearly sunspots, "
        "standardized, and the window, squared error, Adam at 0.001, batches of 32, at most 200 epochs, a patience of "
        "20",
    ),
)

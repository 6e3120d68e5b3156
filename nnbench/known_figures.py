"""What trainings of documented networks reach where somebody else trains them: figures to hold ours against."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy.special import stdtrit

from nnbench.stats import CONFIDENCE, Interval


@dataclass(frozen=True)
class Known:
    """The test accuracy, a share of 1, that ``seeds`` trainings reached without nnbench; ``spread`` is their standard
    deviation, 0 where there was one alone.
    """

    task: str
    data: str
    epochs: int
    accuracy: float
    spread: float
    seeds: int

    @property
    def told(self) -> str:
        spread = f" ± {100 * self.spread:.2g}" if self.spread else ""
        seeds = "one seed" if self.seeds == 1 else f"{self.seeds} seeds"
        return f"{100 * self.accuracy:.1f}{spread} % ({seeds}, without nnbench)"

    def less_than(self, accuracies: Sequence[float]) -> Interval:
        """By how much ours, one a seed, are above it, with a 99 % interval; the larger spread is taken for both."""
        spread = max(self.spread, stdev(accuracies))
        half = spread * math.sqrt(1 / self.seeds + 1 / len(accuracies))
        half *= float(stdtrit(len(accuracies) - 1, (1 + CONFIDENCE) / 2))
        difference = fmean(accuracies) - self.accuracy
        return Interval(difference, difference - half, difference + half)


MLP, SOFTMAX = "architectures.mnist_mlp", "architectures.softmax_regression"
# Plain PyTorch loops by the documents' recipes, Adam at 0.001, batches of 128, 20 epochs, the last epoch's accuracy.
KNOWN = (
    Known(MLP, "mnist", 20, 0.983, 0.003, 5),
    Known(MLP, "fashion_mnist", 20, 0.893, 0.002, 3),
    Known(SOFTMAX, "mnist", 20, 0.927, 0.0, 1),
    Known(SOFTMAX, "fashion_mnist", 20, 0.846, 0.0, 1),
)


def known(task: str, data: str, epochs: int) -> Known | None:
    """What is known of a task on this data after so many epochs."""
    return next((one for one in KNOWN if (one.task, one.data, one.epochs) == (task, data, epochs)), None)

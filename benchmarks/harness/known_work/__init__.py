"""Work of a known amount: five operations, each repeated so often, for measuring how well differences are found."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

TIMES = 100  # what a change is compared with; 103 repetitions are 3 % more work

_conv = nn.Conv2d(4, 8, 3)
_linear = nn.Linear(64, 64)
OPERATIONS: dict[str, tuple[Callable[[Tensor], Tensor], tuple[int, ...]]] = {
    "relu": (torch.relu, (64, 256)),
    "layer_norm": (lambda x: nn.functional.layer_norm(x, (128,)), (32, 128)),
    "linear": (_linear, (32, 64)),
    "softmax": (lambda x: x.softmax(1), (32, 128)),
    "conv2d": (_conv, (2, 4, 12, 12)),
}


class Repeated(nn.Module):
    """An operation done so many times on the same input; the result is the last one's."""

    def __init__(self, name: str, times: int) -> None:
        super().__init__()
        self.operation, _ = OPERATIONS[name]
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for _ in range(self.times):
            y = self.operation(x)
        return y


def call(name: str, times: int) -> Callable[[], Tensor]:
    """The operation on inputs of its shape, for harnesses that take a callable without arguments."""
    torch.set_num_threads(1)
    module, x = Repeated(name, times), torch.randn(OPERATIONS[name][1])

    def run() -> Tensor:
        with torch.no_grad():
            return module(x)

    return run

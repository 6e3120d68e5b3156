"""What nearly every workload uses, used once: imports and machine code that copies of this process then find ready.

Under valgrind an import that torch puts off until something first needs it takes seconds, and so does translating the
machine code of a layer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randint, randn
from nnbench.workload import prepare

TIMES = 2  # the first call of all does what no other does
FEATURES, CLASSES = 64, 5


class _Dense(nn.Sequential):
    def __init__(self) -> None:
        sigmoidal = (nn.GELU(), nn.Tanh(), nn.Sigmoid(), nn.Softmax(1))
        super().__init__(nn.Linear(FEATURES, FEATURES), nn.LayerNorm(FEATURES), nn.ReLU(), *sigmoidal, nn.Dropout(0.1))


class _Convolutional(nn.Sequential):
    def __init__(self) -> None:
        first = (nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
        super().__init__(*first, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, CLASSES))


class _Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(50, 16), nn.LSTM(16, 16, batch_first=True)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, words: Tensor) -> Tensor:
        states, _ = self.lstm(self.embedding(words))
        attended: Tensor = self.attention(states, states, states)[0]
        return attended


def _suite() -> Suite:
    """Components with one case each, of kinds that have their own way through torch."""
    suite = Suite("exercise")
    batch, scores = case(randn(16, FEATURES)), case(randn(16, CLASSES), randint(CLASSES, (16,)))
    suite.component("dense", reference=_Dense, cases=[batch])
    suite.component("convolutional", reference=_Convolutional, cases=[case(randn(2, 3, 16, 16))])
    suite.component("recurrent", reference=_Recurrent, cases=[case(randint(50, (4, 8)))])
    suite.component("loss", kind="loss", reference=nn.CrossEntropyLoss, cases=[scores])
    suite.component("optimizer", kind="optimizer", reference=torch.optim.Adam, cases=[batch])
    return suite


def exercise() -> None:
    """Prepare and call a workload of each of these components."""
    for component in _suite().components.values():
        whole = prepare(component, "reference", component.cases[0], 0).whole
        for _ in range(TIMES):
            whole()

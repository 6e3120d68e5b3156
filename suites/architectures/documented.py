"""Dense networks as the documents have them where those are wrong, and what shows it.

Softmax as the last layer in front of the cross-entropy, which applies it again (E03), and a call that makes data for 3
classes out of too few informative features (E07).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from nnbench.suites.architectures.dense import refuse_task
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from nnbench.catalog import Evidence, Variant


class DocumentedSequentialMLP(nn.Sequential):
    """``SequentialMLP`` that ends in softmax, though it is trained with the cross-entropy of logits."""

    def __init__(
        self,
        input_size: int = 784,
        hidden_sizes: Sequence[int] = (128, 64),
        num_classes: int = 10,
        dropout: float = 0.2,
    ) -> None:
        layers: list[nn.Module] = []
        for sizes in pairwise([input_size, *hidden_sizes]):
            layers += [nn.Linear(*sizes), nn.ReLU(), nn.Dropout(dropout)]
        super().__init__(*layers, nn.Linear([input_size, *hidden_sizes][-1], num_classes), nn.Softmax(dim=-1))


class DocumentedBasicNetwork(nn.Module):
    """``BasicNetwork`` that ends in softmax for classes, and its example's data, which cannot be made."""

    def __init__(
        self,
        input_dim: int = 20,
        hidden_dims: Sequence[int] = (64, 32, 16),
        num_classes: int = 3,
        task: str = "classification",
    ) -> None:
        super().__init__()
        refuse_task(task)
        sizes = [input_dim, *hidden_dims, num_classes]
        self.layers = nn.ModuleList([nn.Linear(*neighbours) for neighbours in pairwise(sizes)])
        self.relu = nn.ReLU()
        self.activation = nn.Softmax(dim=-1) if task == "classification" else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        *hidden, output = self.layers
        for layer in hidden:
            x = self.relu(layer(x))
        return self.activation(output(x))

    @staticmethod
    def example_data() -> tuple[Any, Any]:
        from sklearn.datasets import make_classification

        features, classes = make_classification(n_features=20, n_classes=3)
        return features, classes


def example_data() -> tuple[Any, Any]:
    """The data of that example, mended: 100 samples of 20 features and their classes, of which there are 3."""
    from sklearn.datasets import make_classification

    features, classes = make_classification(n_features=20, n_informative=10, n_classes=3)
    return features, classes


SAMPLES = 64
SURE = 1000.0  # a logit whose softmax is 1 to the last bit
SAME = 1e-5  # float32: 1.4612 is known to about 1e-7


def softmax_twice(documented: Variant, reference: Variant) -> Evidence:
    """E03: what a network that is right and sure still loses, and how its gradients at the start compare."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        ours, theirs = (made.build().eval() for made in (reference, documented))
    theirs.load_state_dict(ours.state_dict())
    classes = theirs(torch.zeros(1, _inputs(ours))).shape[1]
    floor = math.log(math.e + classes - 1) - 1
    gradients = [_gradient_norm(made) for made in (ours, theirs)]
    losses = [_loss_when_sure(made) for made in (ours, theirs)]
    shown = abs(losses[1] - floor) < SAME and losses[0] < SAME and gradients[1] < gradients[0] / 2
    return Evidence(
        shown,
        f"right with probability 1 it still loses {losses[1]:.4f} over {classes} classes (ln(e + {classes - 1}) - 1 = "
        f"{floor:.4f}), and the reference, which leaves softmax to the loss, {losses[0]:.4f}; for the same weights and "
        f"{SAMPLES} samples its gradient has the norm {gradients[1]:.3g}, the reference's {gradients[0]:.3g}",
    )


def _inputs(made: nn.Module) -> int:
    return int(next(made.parameters()).shape[1])


def _loss_when_sure(made: nn.Module) -> float:
    """The cross-entropy when the last layer is all for class 0, and class 0 is right."""
    sure = copy.deepcopy(made)
    *_, weight, bias = sure.parameters()
    with torch.no_grad():
        weight.zero_()
        bias.zero_()
        bias[0] = SURE
        return float(cross_entropy(sure(torch.zeros(1, _inputs(sure))), torch.zeros(1, dtype=torch.int64)))


def _gradient_norm(made: nn.Module) -> float:
    """Of the cross-entropy over random samples, towards all parameters."""
    generator = torch.Generator().manual_seed(0)
    scores = made(torch.randn(SAMPLES, _inputs(made), generator=generator))
    loss = cross_entropy(scores, torch.randint(scores.shape[1], (SAMPLES,), generator=generator))
    gradients = torch.autograd.grad(loss, list(made.parameters()))
    return float(torch.cat([gradient.flatten() for gradient in gradients]).norm())


def too_few_informative_features(documented: Variant, reference: Variant) -> Evidence:
    """E07: what comes of making the data of the example."""
    told = {made.name: _told_of_data(made) for made in (documented, reference)}
    raised = told[documented.name].startswith("ValueError")
    return Evidence(raised, f"its example's data: {told[documented.name]}; the reference's: {told[reference.name]}")


def _told_of_data(variant: Variant) -> str:
    made: Any = variant.resolve()
    try:
        features, classes = made.example_data()
    except ValueError as error:
        return f"ValueError: {error}"
    return f"{len(features)} samples of {features.shape[1]} features and {len(set(classes.tolist()))} classes"


SEQUENTIAL_MLP = Variant("documented", DocumentedSequentialMLP, erratum="E03", evidence={"E03": softmax_twice})
BASIC_NETWORK = Variant(
    "documented",
    DocumentedBasicNetwork,
    erratum="E03, E07",
    evidence={"E03": softmax_twice, "E07": too_few_informative_features},
)

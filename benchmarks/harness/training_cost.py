"""What the training engine costs over a bare loop of the same steps, and beside the documented DataLoader loop.

python benchmarks/harness/training_cost.py            # MNIST where it is here, else digits; ratios of one run

The three take turns, an epoch each; the CPU time of the training thread is compared.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import nnbench
from nnbench.data import best_available
from nnbench.train.fit import Training
from nnbench.train.parts import Parts
from nnbench.train.prepare import built_for, prepare

COMPONENT = nnbench.component("architectures.mnist_mlp")


def network(parts: Parts) -> nn.Module:
    torch.manual_seed(0)
    assert COMPONENT.recipe is not None
    made: nn.Module = COMPONENT.variant("torch").build(**built_for(COMPONENT.recipe, parts))
    return made.train()


def bare(parts: Parts) -> Callable[[], None]:
    """The same steps with nothing around them."""
    assert COMPONENT.recipe is not None
    model, loss = network(parts), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    (features,), classes, size = parts.train.inputs, parts.train.targets, COMPONENT.recipe.batch_size

    def epoch() -> None:
        for places in torch.randperm(len(features)).split(size):
            optimizer.zero_grad()
            loss(model(features[places]), classes[places]).backward()
            optimizer.step()

    return epoch


def documented(parts: Parts) -> Callable[[], None]:
    """The loop of the documents: a DataLoader over single samples, and the loss read after each batch."""
    assert COMPONENT.recipe is not None
    model, loss = network(parts), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    dataset = TensorDataset(*parts.train.inputs, parts.train.targets)
    loader = DataLoader(dataset, batch_size=COMPONENT.recipe.batch_size, shuffle=True)

    def epoch() -> None:
        total = 0.0
        for features, classes in loader:
            optimizer.zero_grad()
            lost = loss(model(features), classes)
            lost.backward()
            optimizer.step()
            total += lost.item()

    return epoch


def engine(parts: Parts) -> Callable[[], None]:
    """One epoch of ours, its evaluation left out."""
    assert COMPONENT.recipe is not None
    training = Training(network(parts), parts, COMPONENT.recipe, 0)

    def epoch() -> None:
        training._one_epoch(lambda done, of: None)
        training.end_epoch()

    return epoch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=7)
    given = parser.parse_args()
    torch.set_num_threads(1)
    assert COMPONENT.recipe is not None
    name = best_available("mnist")
    parts = prepare(COMPONENT.recipe, name)
    ways = {"bare": bare(parts), "engine": engine(parts), "documented": documented(parts)}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(given.epochs):
        for way, epoch in ways.items():
            begun = time.thread_time()
            epoch()
            seconds[way].append(time.thread_time() - begun)
    for way, taken in seconds.items():
        ratios = [one / other for one, other in zip(taken, seconds["bare"], strict=True)]
        print(f"{way:12} {median(taken):6.2f} s an epoch of {name}, {median(ratios):.3f} of the bare loop")


if __name__ == "__main__":
    main()

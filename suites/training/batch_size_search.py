"""Batch sizes compared: what an epoch takes with each, and what it is worth."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from nnbench.suites.training.judge import Perceptron, judged_fit
from nnbench.suites.training.loop import (
    Loss,
    Samples,
    TrainingState,
    evaluate,
    refuse_unusable,
    seeded,
    start,
    train_epoch,
)
from nnbench.suites.training.samples import drawn, drawn_numbers, perceptron, split
from torch import Tensor, nn
from torch.nn import functional

from nnbench.catalog import Evidence, Suite, Variant
from nnbench.specs import Case, InputSpec, case, rand

suite = Suite("training")

Clock = Callable[[], float]


def batch_size_search(
    network: Callable[[], nn.Module],
    train: Samples,
    validation: Samples,
    *,
    epochs: int,
    batch_sizes: Sequence[int] = (16, 32, 64, 128),
    loss: Loss = functional.cross_entropy,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.SGD,
    optimizer_arguments: Mapping[str, Any] | None = None,
    seed: int = 0,
    clock: Clock = time.perf_counter,
) -> list[dict[str, float]]:
    """Train a new network with each batch size, from the same seed, and say what it took and gave.

    One dictionary a size: ``batch_size``; ``training_time``, seconds for all epochs, and ``seconds_per_epoch``, their
    median, without the evaluation and the building; ``validation_loss`` after the last epoch. ``network()`` builds;
    ``clock()`` gives seconds. ``ValueError`` for no epochs, no samples, or a batch size below 1.
    Source: Neural Networks Guide.
    """
    if epochs < 1:
        raise ValueError(f"epochs is 1 or more, not {epochs}")
    results = []
    for batch_size in batch_sizes:
        refuse_unusable(train, validation, epochs, batch_size)
        with seeded(seed):
            state = start(network(), optimizer, optimizer_arguments, seed=seed)
            seconds = [_timed(clock, state, train, loss, batch_size) for _ in range(epochs)]
        results.append(
            {
                "batch_size": batch_size,
                "training_time": math.fsum(seconds),
                "seconds_per_epoch": statistics.median(seconds),
                "validation_loss": evaluate(state.model, validation, loss)["loss"],
            }
        )
    return results


def _timed(clock: Clock, state: TrainingState, train: Samples, loss: Loss, batch_size: int) -> float:
    """Seconds of one epoch; an accelerator is waited for batch by batch, where the loss is read back."""
    before = clock()
    train_epoch(state, train, loss, batch_size)
    return clock() - before


def documented_search(
    network: Callable[[], nn.Module], train: Samples, validation: Samples, *, epochs: int, **settings: Any
) -> list[dict[str, float]]:
    """As the guide has it: what is called the training time is how many epochs the history holds."""
    results = batch_size_search(network, train, validation, epochs=epochs, **settings)
    return [result | {"training_time": float(epochs), "seconds_per_epoch": 1.0} for result in results]


MULTIPLES = (1, 4, 8, 2, 1)  # over four epochs the median is neither the mean nor any epoch's; evaluation is the fifth
DROPOUT = 0.2


class Work:
    """A clock that only moves when a network is built (7 s) or works on it: some seconds a batch, some a sample.

    An evaluation takes 100 s. With ``samples``, the size of an epoch, each epoch takes its own multiple of the seconds.
    """

    def __init__(self, seconds_per_batch: float, seconds_per_sample: float, samples: int = 0) -> None:
        self.now = 0.0
        self.seconds_per_batch = seconds_per_batch
        self.seconds_per_sample = seconds_per_sample
        self.samples = samples
        self.seen = 0

    def built(self) -> None:
        self.now += 7.0
        self.seen = 0

    def __call__(self) -> float:
        return self.now

    def watch(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        work = self.seconds_per_batch + self.seconds_per_sample * len(inputs[0])
        multiple = MULTIPLES[self.seen // self.samples] if self.samples else 1
        self.now += multiple * work if module.training else 100.0
        self.seen += len(inputs[0])


def in_binary(seconds: float) -> float:
    """Rounded up to whole 1024ths, so that sums of them are exact."""
    return math.ceil(float(seconds) * 1024) / 1024


def drive(
    make: Callable[..., Any], features: Tensor, targets: Tensor, costs: Tensor, *weights: Tensor
) -> list[dict[str, float]]:
    a_batch, a_sample = map(in_binary, costs.tolist())
    train, _ = samples = split(features, targets)
    return _searched(make, samples, Work(a_batch, a_sample, len(train[0])), weights)


def _searched(
    make: Callable[..., Any], samples: tuple[Samples, Samples], work: Work, weights: tuple[Tensor, ...]
) -> list[dict[str, float]]:
    def network() -> nn.Module:
        work.built()
        model = perceptron(weights, DROPOUT)
        model.register_forward_pre_hook(work.watch)
        return model

    results: list[dict[str, float]] = make(clock=work)(network, *samples)
    return results


def oracle(
    features: np.ndarray,
    targets: np.ndarray,
    costs: np.ndarray,
    *weights: np.ndarray,
    batch_sizes: Sequence[int] = (16, 32, 64, 128),
    epochs: int,
    seed: int = 0,
    **settings: Any,
) -> list[dict[str, float]]:
    """Every sample costs the same whatever the batch; there are as many batches as it takes to hold them all."""
    results = []
    a_batch, a_sample = map(in_binary, costs)
    train, validation = split(features, targets)
    for batch_size in batch_sizes:
        seconds = a_batch * math.ceil(len(train[0]) / batch_size) + a_sample * len(train[0])
        run = settings | {"epochs": epochs, "batch_size": batch_size, "seed": seed}
        with seeded(seed):
            history = judged_fit(Perceptron(weights, DROPOUT), train, validation, **run)
        results.append(
            {
                "batch_size": batch_size,
                "training_time": seconds * sum(MULTIPLES[:epochs]),
                "seconds_per_epoch": seconds * float(np.median(MULTIPLES[:epochs])),
                "validation_loss": history["validation_loss"][-1],
            }
        )
    return results


def epochs_are_no_time(documented: Variant, reference: Variant) -> Evidence:
    """E16: the same search on a clock of whole seconds, a batch costing 1 s, then 10 s."""
    times = {
        (variant.name, cost): [result["training_time"] for result in _search_costing(variant, cost)]
        for variant in (documented, reference)
        for cost in (1, 10)
    }
    said, right = times[documented.name, 1], times[reference.name, 1]
    shown = said == times[documented.name, 10] == [3.0, 3.0] and said != right
    return Evidence(
        shown,
        f"3 epochs of 64 samples in batches of 16 and of 32 are 12 and 6 batches. At 1 s a batch it reports "
        f"{_listed(said)}, at 10 s a batch {_listed(times[documented.name, 10])}; they take {_listed(right)}, and "
        f"{_listed(times[reference.name, 10])}",
    )


def _search_costing(variant: Variant, seconds: float) -> list[dict[str, float]]:
    generator = torch.Generator().manual_seed(0)
    features, classes = torch.randn(96, 4, generator=generator), torch.randint(3, (96,), generator=generator)
    weight = torch.randn(3, 4, generator=generator)

    def make(**more: Any) -> Any:
        return variant.build(
            batch_sizes=[16, 32], epochs=3, optimizer=torch.optim.SGD, optimizer_arguments={"lr": 0.1}, **more
        )

    return _searched(make, split(features, classes), Work(seconds, 0.0), (weight,))


def _listed(seconds: list[float]) -> str:
    return " and ".join(f"{value:g} s" for value in seconds)


COSTS = rand(2, requires_grad=False)  # seconds a batch and seconds a sample


SIZES, UNSORTED = [16, 32, 64, 128], [64, 16, 48]


def timed_case(name: str, inputs: tuple[InputSpec, ...], *, epochs: int, **settings: Any) -> Case:
    features, targets, *weights = inputs
    chosen: dict[str, Any] = {"batch_sizes": SIZES, "optimizer": torch.optim.SGD, "optimizer_arguments": {"lr": 0.1}}
    return case(features, targets, COSTS, *weights, name=name, **chosen | settings, epochs=epochs)


def sizes_by_default(inputs: tuple[InputSpec, ...]) -> Case:
    features, targets, *weights = inputs
    arguments: dict[str, Any] = {"optimizer_arguments": {"lr": 0.1}, "epochs": 1}
    return case(features, targets, COSTS, *weights, name="6x2,sizes_by_default", **arguments, timed=False)


suite.component(
    "batch_size_search",
    kind="procedure",
    reference=batch_size_search,
    variants={
        "documented": Variant("documented", documented_search, erratum="E16", evidence={"E16": epochs_are_no_time})
    },
    drive=drive,
    oracle=oracle,
    cases=[
        timed_case("192x10,four_sizes", drawn(192, 10, 16, 3), epochs=3),
        timed_case(
            "96x5,regression,unsorted_sizes",
            drawn_numbers(96, 5, 8, 2),
            epochs=4,
            batch_sizes=UNSORTED,
            loss=functional.mse_loss,
            seed=3,
        ),
        timed_case("900x64,four_sizes", drawn(900, 64, 128, 10), epochs=2),
        sizes_by_default(drawn(6, 2, 3, 2)),
    ],
    documented=["guide"],
)

"""What is measured once, when a trial's training has ended: how it fits, how sure it is of itself, what it cost."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from nnbench.failures import NotMeasurable
from nnbench.measure.memory import peak_growth
from nnbench.train.fit import Training, evaluate
from nnbench.train.inside import inside
from nnbench.train.parts import Part

Figures = dict[str, tuple[float, ...]]  # by metric
BINS = 15  # of the calibration error, as Guo et al. take them
LEAST_SAMPLES = 2_000  # of the training part, on which it is evaluated once more; as many as it is tested on, if more
AT_ONCE = 256  # samples: of images a processor's caches hold no more, and twice the batch takes more than twice as long
STEPS, FIRST = 25, 5  # that are timed, and of them those that only warm up
MOST_SHOWN = 2_000  # values of a series


def outcome(training: Training, again: Callable[[], Training]) -> Figures:
    """By metric; ``again`` begins the same training anew, of which a few steps are timed and their memory is taken."""
    return {**fitted(training), **judged(training), **inside(training), **cost(training, again)}


def fitted(training: Training) -> Figures:
    """Loss and accuracy on samples that it was trained on, as many as there are for the test, in evaluation mode.

    More would make the gap to the test no surer, and may take longer than the training.
    """
    train, number = training.parts.train, max(LEAST_SAMPLES, len(training.parts.test))
    places = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:number].sort().values
    part = train.rows(places.to(train.targets.device)).to(training.parts.test.targets.device)
    loss, accuracy = evaluate(training.model, part, training.loss, AT_ONCE)
    found: Figures = {"evaluated_train_loss": (loss,)}
    return found if accuracy is None else found | {"train_accuracy": (accuracy,)}


def judged(training: Training) -> Figures:
    """On the test part: confusion and calibration of a classifier, predicted and actual values of a regression."""
    test = training.parts.test
    outputs = _outputs(training.model, test)
    if test.targets.dtype == torch.int64:
        probabilities = outputs.double().softmax(1)
    elif isinstance(training.loss, nn.BCELoss):
        probabilities = torch.cat([1 - outputs, outputs], 1).double()
    else:
        return {"predicted": _numbers(outputs), "actual": _numbers(test.targets)}
    actual = test.targets.flatten().long()
    counts = confusion(probabilities.argmax(1), actual, probabilities.shape[1])
    return {
        "calibration_error": (calibration_error(probabilities, actual),),
        "confusion": tuple(counts.flatten().tolist()),
    }


def confusion(predicted: Tensor, actual: Tensor, classes: int) -> Tensor:
    """How many samples of each true class (rows) were given each class (columns): int64 (classes, classes).

    >>> confusion(torch.tensor([1, 1, 0]), torch.tensor([0, 1, 0]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    return torch.bincount(actual * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def calibration_error(probabilities: Tensor, actual: Tensor, bins: int = BINS) -> float:
    """Expected calibration error: the gap between confidence and accuracy, averaged over bins of equal width.

    Takes probabilities (N, classes) and classes int64 (N,). Source: Guo et al., arXiv:1706.04599, equation 3.

    >>> calibration_error(torch.tensor([[0.25, 0.75], [0.25, 0.75]]), torch.tensor([1, 0]))
    0.25
    """
    confidence, predicted = probabilities.max(1)
    right = (predicted == actual).to(confidence.dtype)
    places = (confidence * bins).ceil().long().clamp(1, bins) - 1  # a bin holds its upper edge
    gaps = torch.zeros(bins, dtype=confidence.dtype, device=confidence.device)
    gaps.index_add_(0, places, right - confidence)
    return float(gaps.abs().sum() / len(actual))


def cost(training: Training, again: Callable[[], Training]) -> Figures:
    """CPU seconds a step, the optimizer's state in bytes a parameter, and by how much training makes memory grow.

    What the CPU does says little of a training on a GPU: there it is the state alone.
    """
    found: Figures = {"state_bytes": (state_bytes(training.optimizer),)}
    if training.parts.test.targets.is_cuda:
        return found
    batches = _some_batches(training, STEPS)
    with contextlib.suppress(NotMeasurable):  # there is no such figure on this system
        found["peak_memory"] = (float(peak_growth(lambda: _step_through(again(), batches[:2]))),)
    fresh = again()
    fresh.model.train()
    found["step_time"] = (statistics.median(list(_timed(fresh, batches))[FIRST:]),)
    return found


def state_bytes(optimizer: torch.optim.Optimizer) -> float:
    """Bytes of state for each element of the parameters; single numbers such as the step are left out."""
    elements = sum(one.numel() for group in optimizer.param_groups for one in group["params"])
    held = [value for state in optimizer.state.values() for value in state.values() if isinstance(value, Tensor)]
    return sum(one.numel() * one.element_size() for one in held if one.dim()) / max(elements, 1)


def _timed(training: Training, batches: list[Part]) -> Iterator[float]:
    for batch in batches:
        start = time.process_time()
        training.step(batch)
        yield time.process_time() - start


def _step_through(training: Training, batches: list[Part]) -> None:
    training.model.train()
    for batch in batches:
        training.step(batch)


def _some_batches(training: Training, number: int) -> list[Part]:
    """Batches of the recipe's size; the first ones of an epoch, over and over where it has fewer."""
    there = [batch for batch, _ in zip(training.batches(training.drawn()), range(number), strict=False)]
    return [there[place % len(there)] for place in range(number)]


@torch.no_grad()
def _outputs(model: nn.Module, part: Part, batch_size: int = AT_ONCE) -> Tensor:
    model.eval()
    places = torch.arange(len(part), device=part.targets.device).split(batch_size)
    return torch.cat([model(*part.rows(some).inputs) for some in places]).cpu()


def _numbers(values: Tensor) -> tuple[float, ...]:
    return tuple(values.flatten()[:MOST_SHOWN].tolist())

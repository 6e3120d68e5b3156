"""What a trained network looks like inside: its weights, units that say nothing, and the masks of its dropout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from nnbench.measure.curves import HIGH, LOW, POINTS
from nnbench.metrics import CURVES
from nnbench.train.altered import LAYERS
from nnbench.train.fit import Training
from nnbench.train.parts import Part

Figures = dict[str, tuple[float, ...]]  # by metric
SAMPLES = 2_000  # that are looked at
SMALL = 1e-3  # a weight below it moves next to nothing


def inside(training: Training) -> Figures:
    """By metric; what the network has none of, or not in modules of its own, has none."""
    test = training.parts.test
    some = test.rows(torch.arange(min(SAMPLES, len(test)), device=test.targets.device))
    return {**weights(training.model), **dead_units(training.model, some), **masks(training.model, some)}


def curves(activation: nn.Module) -> Figures:
    """The values and the derivative of an activation function between ``LOW`` and ``HIGH``, in float64."""
    x = torch.linspace(LOW, HIGH, POINTS, dtype=torch.float64, requires_grad=True)
    y = activation(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    values = (tuple(one.detach().tolist()) for one in (y, slope))
    return dict(zip(CURVES, values, strict=True))


@torch.no_grad()
def weights(model: nn.Module) -> Figures:
    """How many parameters there are, the norm of all weights (no biases), and the share of these below 0.001."""
    found: Figures = {"parameters": (float(sum(one.numel() for one in model.parameters())),)}
    flat = [one.flatten() for one in model.parameters() if one.dim() > 1]
    if flat:
        every = torch.cat(flat)
        found["weight_norm"] = (float(every.double().norm()),)
        found["small_weights"] = (float((every.abs() < SMALL).double().mean()),)
    return found


@torch.no_grad()
def dead_units(model: nn.Module, part: Part) -> Figures:
    """The share of what hidden layers are given (features, channels) that is one number for every sample."""
    dead: list[Tensor] = []

    def look(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        given = inputs[0] if isinstance(layer, nn.Linear) else inputs[0].movedim(1, -1)
        flat = given.reshape(-1, given.shape[-1])
        dead.append((flat.amax(0) == flat.amin(0)).double())

    with _looking(model, LAYERS, look, before=True):
        model.eval()(*part.inputs)
    hidden = dead[1:]  # the first is given the data
    return {"dead_units": (float(torch.cat(hidden).mean()),)} if hidden else {}


@torch.no_grad()
def masks(model: nn.Module, part: Part) -> Figures:
    """Of each dropout layer as it is called: its probability, elements that it could drop, how many of them it kept, by
    what it multiplied these on average, and 1 where it gives back its input in evaluation; all in one row.

    Elements that are 0 already are left out: nobody can see whether they were dropped.
    """
    found: list[float] = []

    def look(layer: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        given = inputs[0]
        seen = given != 0
        kept = seen & (output != 0)
        scale = float((output[kept].double() / given[kept].double()).mean()) if kept.any() else 0.0
        with _in_evaluation(layer):
            is_identity = torch.equal(layer.forward(given), given)
        found.extend((layer.p, float(seen.sum()), float(kept.sum()), scale, float(is_identity)))

    normalized = [one for one in model.modules() if isinstance(one, nn.modules.batchnorm._BatchNorm)]
    with _looking(model, (nn.Dropout,), look, before=False), torch.random.fork_rng(devices=[]):
        model.train()
        for one in normalized:
            one.eval()  # their running figures are not to move
        model(*part.inputs)
    model.eval()
    return {"dropout_masks": tuple(found)} if found else {}


@contextmanager
def _looking(model: nn.Module, kinds: tuple[type, ...], look: Callable[..., None], before: bool) -> Iterator[None]:
    chosen = [one for one in model.modules() if isinstance(one, kinds)]
    hooks = [one.register_forward_pre_hook(look) if before else one.register_forward_hook(look) for one in chosen]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _in_evaluation(layer: nn.Module) -> Iterator[None]:
    was_training = layer.training
    layer.eval()
    try:
        yield
    finally:
        layer.train(was_training)

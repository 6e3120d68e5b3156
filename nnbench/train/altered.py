"""A network with other activations, normalization or initial weights than it was built with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from nnbench.failures import NotMeasurable
from nnbench.train.parts import Part
from nnbench.variants import Variant

LAYERS = (nn.Linear, nn.modules.conv._ConvNd)
FILLED = (*LAYERS, nn.RNNBase)
NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)
ADDED = "normalization"  # the name of what is put behind a layer, in that layer
BATCH_NORMS = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}  # by dimensions


def alter(
    model: nn.Module, changes: Mapping[str, Any], named: Callable[[str], Variant], train: Part, seed: int
) -> None:
    """Apply what the changes say of the network, in place; the random numbers of the process stay as they were.

    Raises ``NotMeasurable`` where the network has nothing of the kind in modules of its own.
    """
    with torch.random.fork_rng(devices=[]):
        if "activation" in changes:
            activate(model, named(changes["activation"]))
        if "normalization" in changes:
            normalize(model, changes["normalization"], train)
        if "initializer" in changes:
            torch.manual_seed(seed)
            initialize(model, named(changes["initializer"]))


def activate(model: nn.Module, activation: Variant) -> None:
    """Put the activation function in the place of every ``nn.ReLU``."""
    if not _replaced(model, lambda module: isinstance(module, nn.ReLU), activation.build):
        raise NotMeasurable(
            f"{type(model).__name__} has no nn.ReLU among its modules whose place another activation could take"
        )


def initialize(model: nn.Module, initializer: Variant) -> None:
    """Draw anew the weights of linear, convolutional and recurrent layers; their biases stay, unless it says so."""
    fill = initializer.build()
    takes_a_network = next(iter(inspect.signature(initializer.resolve()).parameters)) == "module"
    if takes_a_network:
        fill(model)
        return
    for module in model.modules():
        if isinstance(module, FILLED):
            for parameter in module.parameters(recurse=False):
                if parameter.dim() > 1:
                    with torch.no_grad():
                        fill(parameter)


def normalize(model: nn.Module, kind: str, train: Part) -> None:
    """Take out the network's own normalization, and put this kind behind each hidden linear or convolutional layer.

    "layer" is over the features of a linear layer and over channels and pixels of a convolution (Ba, Kiros and Hinton,
    arXiv:1607.06450), "batch" is Ioffe and Szegedy's (arXiv:1502.03167), "none" none.
    """
    owns = any(isinstance(module, NORMS) for module in model.modules())
    if kind == "none" and not owns:
        return
    called = _called(model, train)
    hidden = list(called)[:-1]
    if not hidden:
        raise NotMeasurable(f"{type(model).__name__} calls no hidden linear or convolutional layer as a module")
    _replaced(model, lambda module: isinstance(module, NORMS), nn.Identity)
    for layer in hidden if kind != "none" else ():
        layer.add_module(ADDED, _norm(kind, layer, called[layer]).to(layer.weight.device))
        layer.register_forward_hook(_through_its_own)


def _through_its_own(layer: nn.Module, inputs: Any, output: Tensor) -> Any:
    return getattr(layer, ADDED)(output)


def _norm(kind: str, layer: Any, shape: torch.Size) -> nn.Module:
    """What normalizes the output of a layer, which had this shape."""
    if isinstance(layer, nn.Linear):
        if kind == "layer":
            return nn.LayerNorm(layer.out_features)
        if len(shape) != 2:
            raise NotMeasurable(f"batch normalization behind a linear layer takes (N, features), not {tuple(shape)}")
        return nn.BatchNorm1d(layer.out_features)
    return nn.GroupNorm(1, layer.out_channels) if kind == "layer" else BATCH_NORMS[len(shape)](layer.out_channels)


def _replaced(model: nn.Module, chosen: Callable[[nn.Module], bool], made: Callable[[], nn.Module]) -> int:
    """Replace each module within the model that is chosen by a new one; how many there were."""
    places = [
        (parent, name)
        for parent in model.modules()
        for name, module in parent._modules.items()  # one that is used twice in a parent stands there twice
        if module is not None and chosen(module)
    ]
    for parent, name in places:
        setattr(parent, name, made())
    return len(places)


@torch.no_grad()
def _called(model: nn.Module, train: Part) -> dict[Any, torch.Size]:
    """The linear and convolutional layers that a forward calls, in order, and the shape of the output of each."""
    found: dict[Any, torch.Size] = {}

    def note(layer: nn.Module, inputs: Any, output: Tensor) -> None:
        found.setdefault(layer, output.shape)

    hooks = [one.register_forward_hook(note) for one in model.modules() if isinstance(one, LAYERS)]
    was_training = model.training
    with _every_module_called():
        model.eval()(*train.rows(torch.arange(2)).inputs)
    model.train(was_training)
    for hook in hooks:
        hook.remove()
    return found


@contextmanager
def _every_module_called() -> Iterator[None]:
    """Attention's shortcut in evaluation mode goes past its modules."""
    was_on = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was_on)

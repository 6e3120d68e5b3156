"""A task with its changes, in memory: the network and points of ``trained_things``, and components to change to."""

import torch
from torch import nn
from trained_things import Net, parts, recipe

from nnbench.catalog import Component, Variant
from nnbench.train import changed
from nnbench.train.changed import Wanted, built


def component(identifier, target, kind="module", **more):
    variants = {"reference": Variant("reference", target)}
    variants |= {name: Variant(name, other) for name, other in more.pop("variants", {}).items()}
    return Component(identifier, kind, variants, **more)


class SumOfSquares(nn.Module):
    def __init__(self, l2=1.0):
        super().__init__()
        self.l2 = l2

    def forward(self, *parameters):
        return self.l2 * sum((one * one).sum() for one in parameters)


class Linear(nn.Linear):
    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)


def half(tensor, value=0.5):
    return tensor.fill_(value)


def in_place(module):
    return module.apply(lambda layer: half(layer.weight, 0.25) if isinstance(layer, nn.Linear) else None)


COMPONENTS = {
    one.id: one
    for one in (
        component(
            "optimizers.adam", torch.optim.Adam, variants={"torch": torch.optim.Adam, "slow": torch.optim.Adamax}
        ),
        component("optimizers.own", torch.optim.Rprop),
        component("schedulers.step", torch.optim.lr_scheduler.StepLR),
        component("initializers.half", half),
        component("initializers.network", torch.no_grad()(in_place)),
        component("activations.tanh", nn.Tanh),
        component("regularizers.squares", SumOfSquares),
        component("regularizers.early_stopping", SumOfSquares),
        component(
            "architectures.linear",
            Linear,
            recipe=recipe(features_argument="inputs", classes_argument="outputs"),
        ),
    )
}


def wanted(changes, seed=0, net=Net, **of_recipe):
    settings = {"features_argument": "in_features", "classes_argument": "classes"} | of_recipe
    task = component("architectures.net", net, "architecture", recipe=recipe(**settings))
    return Wanted(task, "reference", changes, COMPONENTS, 3, seed)


def begin(changes, seed=0, net=Net, validation=True, **of_recipe):
    """The training that ``changed`` gives for these changes of the task."""
    one = wanted(changes, seed, net, **of_recipe)
    made = changed.changed(changed.own_recipe(one), one.changes)
    return built(one, made, changed.trained_on(parts(validation), one), "cpu")

"""Wrong versions of the normalizations and of the residual block, around one right formulation each."""

import torch
from torch import nn
from torch.nn import functional


def affine(layer, y, shape):
    y = y if layer.weight is None else y * layer.weight.reshape(shape)
    return y if layer.bias is None else y + layer.bias.reshape(shape)


def root(layer, variance):
    return torch.sqrt(variance + layer.eps)


# Layer normalization


def layer_norm(layer, x, of=None, correction=0, root=root, fixed=lambda tensor: tensor, affine=affine):
    along = tuple(range(-len(layer.normalized_shape), 0)) if of is None else of
    mean, variance = x.mean(along, keepdim=True), x.var(along, correction=correction, keepdim=True)
    return affine(layer, (x - fixed(mean)) / root(layer, fixed(variance)), layer.normalized_shape)


def of_layer_norm(**changed):
    return lambda layer, x: layer_norm(layer, x, **changed)


# Batch normalization


def by_momentum(layer):
    return 1 / float(layer.num_batches_tracked) if layer.momentum is None else layer.momentum


def moments(x):
    return [place for place in range(x.dim()) if place != 1]


def batch_norm(
    layer,
    x,
    along=moments,
    correction=0,
    running_correction=1,
    share=by_momentum,
    root=root,
    fixed=lambda tensor: tensor,
    affine=affine,
    of_batch=lambda layer: layer.training,
    moves=lambda layer: layer.training,
    counts=True,
):
    shape = (-1, *[1] * (x.dim() - 2))
    dimensions = along(x)
    mean, variance = x.mean(dimensions), x.var(dimensions, correction=correction)
    if moves(layer):
        track(layer, x, share, running_correction, counts)
    if not of_batch(layer):
        mean, variance = layer.running_mean.clone(), layer.running_var.clone()
    y = (x - fixed(mean).reshape(shape)) / root(layer, fixed(variance)).reshape(shape)
    return affine(layer, y, shape)


@torch.no_grad()
def track(layer, x, share, correction, counts):
    layer.num_batches_tracked += counts
    if not x.numel():
        return
    found = {"running_mean": x.mean(moments(x)), "running_var": x.var(moments(x), correction=correction)}
    for name, value in found.items():
        getattr(layer, name).lerp_(value.to(getattr(layer, name).dtype), share(layer))


def of_batch_norm(**changed):
    return lambda layer, x: batch_norm(layer, x, **changed)


WRONG_BATCH_NORM = {
    "over each sample": lambda layer, x: affine(
        layer, functional.layer_norm(x, x.shape[1:], eps=layer.eps), (-1, *[1] * (x.dim() - 2))
    ),
    "the unbiased variance of the batch": of_batch_norm(correction=1),
    "the biased variance into the running one": of_batch_norm(running_correction=0),
    "momentum turned round": of_batch_norm(share=lambda layer: 1 - by_momentum(layer)),
    "the default momentum": of_batch_norm(share=lambda layer: 0.1),
    "momentum None for the default": of_batch_norm(share=lambda layer: layer.momentum or 0.1),
    "momentum None for none": of_batch_norm(share=lambda layer: layer.momentum or 0.0),
    "eps outside the root": of_batch_norm(root=lambda layer, variance: variance.sqrt() + layer.eps),
    "eps left out": of_batch_norm(root=lambda layer, variance: variance.sqrt()),
    "the default eps": of_batch_norm(root=lambda layer, variance: (variance + 1e-5).sqrt()),
    "divided by the variance": of_batch_norm(root=lambda layer, variance: variance + layer.eps),
    "mean and variance without gradients": of_batch_norm(fixed=torch.Tensor.detach),
    "no scale and no shift": of_batch_norm(affine=lambda layer, y, shape: y),
    "shifted before it is scaled": of_batch_norm(
        affine=lambda layer, y, shape: (
            y
            if layer.weight is None
            else (y if layer.bias is None else y + layer.bias.reshape(shape)) * layer.weight.reshape(shape)
        )
    ),
    "the batch's statistics in evaluation": of_batch_norm(of_batch=lambda layer: True),
    "the running statistics in training": of_batch_norm(of_batch=lambda layer: False),
    "statistics that do not move": of_batch_norm(moves=lambda layer: False),
    "batches that are not counted": of_batch_norm(counts=False, share=lambda layer: layer.momentum or 1.0),
}


# The residual block


def block(
    layer,
    x,
    activate=functional.relu,
    at_the_end=functional.relu,
    first=lambda layer, x: layer.bn1(layer.conv1(x)),
    second=lambda layer, h: layer.bn2(layer.conv2(h)),
    shortcut=lambda layer, x: layer.shortcut(x),
    joined=torch.add,
):
    return at_the_end(joined(second(layer, activate(first(layer, x))), shortcut(layer, x)))


def of_block(**changed):
    return lambda layer, x: block(layer, x, **changed)


def same(x):
    return x


RIGHT_NORMALIZATION = {
    "layers.layer_norm": [layer_norm, nn.LayerNorm.forward],
    "layers.batch_norm1d": [batch_norm, nn.BatchNorm1d.forward],
    "layers.batch_norm2d": [batch_norm, nn.BatchNorm2d.forward],
    "layers.residual_block": [block],
}
WRONG_NORMALIZATION = {
    "layers.layer_norm": {
        "over the batch": of_layer_norm(of=0),
        "over the last dimension alone": of_layer_norm(of=-1),
        "over all but the batch": lambda layer, x: layer_norm(layer, x, of=tuple(range(min(1, x.dim() - 1), x.dim()))),
        "the unbiased variance": of_layer_norm(correction=1),
        "eps outside the root": of_layer_norm(root=lambda layer, variance: variance.sqrt() + layer.eps),
        "eps left out": of_layer_norm(root=lambda layer, variance: variance.sqrt()),
        "the default eps": of_layer_norm(root=lambda layer, variance: (variance + 1e-5).sqrt()),
        "divided by the variance": of_layer_norm(root=lambda layer, variance: variance + layer.eps),
        "mean and variance without gradients": of_layer_norm(fixed=torch.Tensor.detach),
        "not scaled": of_layer_norm(
            affine=lambda layer, y, shape: y if layer.bias is None else y + layer.bias + 0 * layer.weight
        ),
        "not shifted": of_layer_norm(affine=lambda layer, y, shape: y if layer.weight is None else y * layer.weight),
        "scaled by one more": of_layer_norm(
            affine=lambda layer, y, shape: (
                affine(layer, y, shape) if layer.weight is None else affine(layer, y, shape) + y
            )
        ),
    },
    "layers.batch_norm1d": WRONG_BATCH_NORM,
    "layers.batch_norm2d": WRONG_BATCH_NORM,
    "layers.residual_block": {
        "the skip connection after the activation": lambda layer, x: (
            functional.relu(layer.bn2(layer.conv2(functional.relu(layer.bn1(layer.conv1(x)))))) + layer.shortcut(x)
        ),
        "no activation at the end": of_block(at_the_end=same),
        "no activation between": of_block(activate=same),
        "an activation before each convolution": of_block(
            first=lambda layer, x: layer.bn1(layer.conv1(functional.relu(x)))
        ),
        "no skip connection": of_block(joined=lambda h, x: h + 0 * x),
        "the skip connection taken off": of_block(joined=torch.sub),
        "the skip connection without a gradient": of_block(joined=lambda h, x: h + x.detach()),
        "the larger of the two": of_block(joined=torch.maximum),
        "the first norm left out": of_block(first=lambda layer, x: layer.conv1(x)),
        "the second norm left out": of_block(second=lambda layer, h: layer.conv2(h)),
        "the second norm after the sum": lambda layer, x: functional.relu(
            layer.bn2(layer.conv2(functional.relu(layer.bn1(layer.conv1(x)))) + layer.shortcut(x))
        ),
        "norm after the activation": lambda layer, x: functional.relu(
            layer.bn2(layer.conv2(layer.bn1(functional.relu(layer.conv1(x))))) + layer.shortcut(x)
        ),
        "one norm for both": of_block(second=lambda layer, h: layer.bn1(layer.conv2(h))),
        "an activation on the shortcut": of_block(shortcut=lambda layer, x: functional.relu(layer.shortcut(x))),
        "a leaky activation": of_block(activate=functional.leaky_relu),
        "the last norm in evaluation mode": of_block(
            second=lambda layer, h: functional.batch_norm(
                layer.conv2(h), layer.bn2.running_mean, layer.bn2.running_var, layer.bn2.weight, layer.bn2.bias
            )
        ),
    },
}

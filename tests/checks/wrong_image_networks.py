"""Methods that make torch's networks for images wrong: by network, and by what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from wrong_networks import Methods, Step, calling, ended

# Networks for images.


def cnn(
    module: Any,
    x: Tensor,
    block: Callable[[Any, Any, Any, Tensor], Tensor] = lambda convolution, norm, pool, h: pool(
        torch.relu(norm(convolution(h)))
    ),
    flat: Callable[[Tensor], Tensor] = lambda h: h.flatten(1),
    units: Step = lambda module, h: module.dropout(torch.relu(h)),
) -> Tensor:
    for layers in zip(module.convolutions, module.norms, module.pools, strict=True):
        x = block(*layers, x)
    return module.output(units(module, module.hidden(flat(x))))


def blocks_of(block: Callable[[Any, Any, Any, Tensor], Tensor]) -> Methods:
    return calling(lambda module, x: cnn(module, x, block))


def means(pool: Any) -> Any:
    return functional.avg_pool2d if isinstance(pool, nn.MaxPool2d) else lambda h, size=None: pool(h)


def maximal(pool: Any, h: Tensor) -> Tensor:
    """Maxima for the means of the last pooling."""
    return pool(h) if isinstance(pool, nn.MaxPool2d) else functional.adaptive_max_pool2d(h, pool.output_size)


CNN = {
    "normalisation after ReLU": blocks_of(lambda convolution, norm, pool, h: pool(norm(torch.relu(convolution(h))))),
    "no normalisation": blocks_of(lambda convolution, norm, pool, h: pool(torch.relu(convolution(h)))),
    "no ReLU": blocks_of(lambda convolution, norm, pool, h: pool(norm(convolution(h)))),
    "means for maxima": blocks_of(lambda convolution, norm, pool, h: means(pool)(torch.relu(norm(convolution(h))), 2)),
    "maxima for means": blocks_of(lambda convolution, norm, pool, h: maximal(pool, torch.relu(norm(convolution(h))))),
    "no padding": blocks_of(
        lambda convolution, norm, pool, h: pool(
            torch.relu(norm(functional.pad(convolution(h)[..., 1:-1, 1:-1], [1] * 4)))
        )
    ),
    "channels last when flattened": calling(
        lambda module, x: cnn(module, x, flat=lambda h: h.permute(0, 2, 3, 1).flatten(1))
    ),
    "rows and columns swapped": calling(lambda module, x: cnn(module, x, flat=lambda h: h.mT.flatten(1))),
    "dropout left out": calling(lambda module, x: cnn(module, x, units=lambda made, h: torch.relu(h))),
    "softmax before the loss": ended(cnn, lambda y: y.softmax(-1)),
}


def block(made: Any, x: Tensor) -> Tensor:
    h = made.dropout(torch.relu(made.bn1(made.conv1(x))))
    return torch.relu(made.bn2(made.conv2(h)) + shortcut(made, x))


def shortcut(made: Any, x: Tensor) -> Tensor:
    return x if made.downsample is None else made.downsample(x)


def without_skip(made: Any, x: Tensor) -> Tensor:
    return torch.relu(made.bn2(made.conv2(made.dropout(torch.relu(made.bn1(made.conv1(x)))))))


def added_after(made: Any, x: Tensor) -> Tensor:
    return without_skip(made, x) + shortcut(made, x)


def before_activation(made: Any, x: Tensor) -> Tensor:
    h = made.dropout(torch.relu(made.bn1(made.conv1(x))))
    return made.bn2(made.conv2(h)) + shortcut(made, x)


def bare_shortcut(made: Any, x: Tensor) -> Tensor:
    if made.downsample is None:
        return block(made, x)
    h = made.dropout(torch.relu(made.bn1(made.conv1(x))))
    return torch.relu(made.bn2(made.conv2(h)) + made.downsample[0](x))


def without_dropout(made: Any, x: Tensor) -> Tensor:
    return torch.relu(made.bn2(made.conv2(torch.relu(made.bn1(made.conv1(x))))) + shortcut(made, x))


def dropout_at_the_end(made: Any, x: Tensor) -> Tensor:
    return made.dropout(without_dropout(made, x))


def normalized_after(made: Any, x: Tensor) -> Tensor:
    h = made.dropout(made.bn1(torch.relu(made.conv1(x))))
    return torch.relu(made.bn2(made.conv2(h)) + shortcut(made, x))


def one_normalisation(made: Any, x: Tensor) -> Tensor:
    h = made.dropout(torch.relu(made.bn1(made.conv1(x))))
    return torch.relu(made.bn1(made.conv2(h)) + shortcut(made, x))


def features(module: Any, x: Tensor, step: Step, at: int | None = None) -> Tensor:
    """What the blocks of any of the three residual networks give, ``step`` for one of them or for all."""
    first, norm = (module.stem, module.norm) if hasattr(module, "stem") else (module.conv1, module.bn1)
    h = torch.relu(norm(first(x)))
    h = module.maxpool(h) if hasattr(module, "maxpool") else h
    blocks = list(module.blocks) if hasattr(module, "blocks") else _of_stages(module)
    for place, made in enumerate(blocks):
        h = step(made, h) if at is None or at % len(blocks) == place else made(h)
    return h


def _of_stages(module: Any) -> list[Any]:
    return [made for stage in (module.layer1, module.layer2, module.layer3, module.layer4) for made in stage]


def mean(h: Tensor) -> Tensor:
    return h.mean((2, 3))


def residual(
    module: Any, x: Tensor, step: Step = block, at: int | None = None, pooled: Callable[[Tensor], Tensor] = mean
) -> Tensor:
    last = module.output if hasattr(module, "output") else module.fc
    y: Tensor = last(pooled(features(module, x, step, at)))
    return y


def everywhere(step: Step) -> Methods:
    return calling(lambda module, x: residual(module, x, step))


def in_place(step: Step, at: int) -> Methods:
    return calling(lambda module, x: residual(module, x, step, at))


def pooling(pooled: Callable[[Tensor], Tensor]) -> Methods:
    return calling(lambda module, x: residual(module, x, pooled=pooled))


BLOCKS = {
    "a skip connection missing in the last block": in_place(without_skip, -1),
    "a skip connection missing in the second block": in_place(without_skip, 1),
    "the input added after ReLU": everywhere(added_after),
    "no ReLU behind a block": everywhere(before_activation),
    "no normalisation in the shortcut": everywhere(bare_shortcut),
    "normalisation after ReLU": everywhere(normalized_after),
    "one normalisation for two": everywhere(one_normalisation),
}
POOLED = {
    "maxima for the means": pooling(lambda h: h.amax((2, 3))),
    "sums for the means": pooling(lambda h: h.sum((2, 3))),
    "the middle for the means": pooling(lambda h: h[:, :, h.shape[2] // 2, h.shape[3] // 2]),
    "means over the batch too": pooling(lambda h: h.mean((0, 2, 3)).expand(len(h), h.shape[1])),
    "softmax before the loss": ended(residual, lambda y: y.softmax(-1)),
}


# Transfer learning: what is frozen, and the head.


def freezing(is_trained: Callable[[str], bool], frozen: bool = True) -> Methods:
    """Another choice of what takes gradients, the normalisations kept in evaluation mode or not."""

    def freeze(self: Any) -> None:
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(is_trained(name))
        self.frozen = frozen
        self.train(self.training)

    return {"freeze": freeze}


def all_in_evaluation(self: Any, mode: bool = True) -> Any:
    nn.Module.train(self, mode)
    for child in self.children():
        child.train(mode and not self.frozen)
    return self


def never_frozen(self: Any) -> None:
    return


def with_head(head: Step) -> Methods:
    return calling(lambda module, x: head(module.fc, mean(features(module, x, block))))


TRANSFER = {
    "nothing frozen": {"freeze": never_frozen},
    "weights that are not frozen": freezing(lambda name: True),
    "the head frozen too": freezing(lambda name: False),
    "the head's first layer frozen": freezing(lambda name: name.startswith("fc.3")),
    "normalisations that learn": freezing(lambda name: name.startswith("fc.") or "bn" in name),
    "normalisations that follow the batch": freezing(lambda name: name.startswith("fc."), frozen=False),
    "a head in evaluation mode": {"train": all_in_evaluation},
    "no dropout in the head": with_head(lambda head, h: head[3](head[1](head[0](h)))),
    "no ReLU in the head": with_head(lambda head, h: head[3](head[2](head[0](h)))),
    "a gradient that the head stops": with_head(lambda head, h: head(h.detach())),
}
IMAGES: dict[str, dict[str, Methods]] = {
    "cnn": CNN,
    "residual_cnn": BLOCKS
    | POOLED
    | {"dropout left out": everywhere(without_dropout), "dropout behind a block": everywhere(dropout_at_the_end)},
    "resnet18_cifar": {
        what: (BLOCKS | POOLED)[what]
        for what in (
            "a skip connection missing in the last block",
            "the input added after ReLU",
            "softmax before the loss",
        )
    },
    "transfer_resnet18": TRANSFER,
}

"""Convolutions and pooling, wrong in no single place of the reference, as people get them wrong: each is caught."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional
from wrong_versions import failures, right_rows_of, rows_of, with_lost_gradients

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")


def convolution(module, x):
    return module._conv_forward(x, module.weight, module.bias)


def flipped(*dimensions):
    return lambda module, x: module._conv_forward(x, module.weight.flip(dimensions), module.bias)


def with_settings(**settings):
    """The convolution with some of its settings replaced during the call, each by a function of the module."""

    def forward(module, x):
        kept = {name: getattr(module, name) for name in settings}
        try:
            for name, value in settings.items():
                setattr(module, name, value(module))
            return convolution(module, x)
        finally:
            for name, value in kept.items():
                setattr(module, name, value)

    return forward


def interleaved(module, x):
    """The groups' outputs side by side rather than one group after the other."""
    y = convolution(module, x)
    channels = -len(module.kernel_size) - 1
    return y.unflatten(channels, (module.groups, -1)).transpose(channels - 1, channels).flatten(channels - 1, channels)


def more_at_the_start(module, x):
    """Of a padding "same" that is odd."""
    if module.padding != "same" or module.padding_mode != "zeros":
        return convolution(module, x)
    dimensions = range(-len(module.kernel_size), 0)
    return module._conv_forward(x.flip(*dimensions), module.weight.flip(*dimensions), module.bias).flip(*dimensions)


def max_pool(module, x, **settings):
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    pool = functional.max_pool1d if isinstance(module, nn.MaxPool1d) else functional.max_pool2d
    return pool(x, **{name: getattr(module, name) for name in names} | settings)


def zeros_around(module, x):
    dimensions = 1 if isinstance(module, nn.MaxPool1d) else 2
    margins = (module.padding,) * dimensions if isinstance(module.padding, int) else module.padding
    around = [margin for margin in reversed(margins) for _ in range(2)]
    return max_pool(module, functional.pad(x, around), padding=0)


def shared_among_ties(module, x):
    """The gradient of a maximum goes to all that are as large."""
    if module.ceil_mode or module.padding or module.dilation != 1:
        return max_pool(module, x)
    dimensions = 1 if isinstance(module, nn.MaxPool1d) else 2
    sizes, steps = ((one,) * dimensions if isinstance(one, int) else one for one in (module.kernel_size, module.stride))
    for place in range(dimensions):
        x = x.unfold(place - dimensions, sizes[place], steps[place]).amax(-1)
    return x


def avg_pool(module, x, **settings):
    names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    return functional.avg_pool2d(x, **{name: getattr(module, name) for name in names} | settings)


def full_windows(module, x):
    """Every mean over the kernel's whole size, whatever of it lies beyond the padding."""
    sizes = (module.kernel_size,) * 2 if isinstance(module.kernel_size, int) else module.kernel_size
    return avg_pool(module, x, divisor_override=module.divisor_override or math.prod(sizes))


def adaptive(module, x):
    return functional.adaptive_avg_pool2d(x, module.output_size)


def asked(module, x):
    given = module.output_size if isinstance(module.output_size, tuple) else (module.output_size,) * 2
    return [size if wanted is None else wanted for wanted, size in zip(given, x.shape[-2:], strict=True)]


def stretches(starts_at, ends_at):
    """Means over stretches of one's own; an empty one gives its first pixel."""

    def forward(module, x):
        for place, size in zip((-2, -1), asked(module, x), strict=True):
            length = x.shape[place]
            edges = [(starts_at(i, length, size), ends_at(i, length, size)) for i in range(size)]
            parts = [x.narrow(place, a, max(b - a, 1)).mean(place, keepdim=True) for a, b in edges]
            x = torch.cat([x.narrow(place, 0, 0), *parts], place)
        return x

    return forward


def down(i, length, size):
    return i * length // size


def up(i, length, size):
    return -(-(i + 1) * length // size)


CONVOLUTIONS = {
    "another order of the kernel": flipped(-1),
    "bias forgotten": lambda module, x: module._conv_forward(x, module.weight, None),
    "bias twice": lambda module, x: module._conv_forward(
        x, module.weight, None if module.bias is None else 2 * module.bias
    ),
    "a bias that does not learn": lambda module, x: module._conv_forward(
        x, module.weight, None if module.bias is None else module.bias.detach()
    ),
    "dilation ignored where the stride is 1": with_settings(
        dilation=lambda module: module.dilation if max(module.stride) > 1 else (1,) * len(module.dilation)
    ),
    "padding always of zeros": with_settings(padding_mode=lambda module: "zeros"),
    "replicated for reflected": with_settings(
        padding_mode=lambda module: "replicate" if module.padding_mode == "reflect" else module.padding_mode
    ),
    "groups side by side": interleaved,
    "an odd padding at the start": more_at_the_start,
    "a batch of one lost": lambda module, x: convolution(module, x).squeeze(0),
}
MAXIMA = {
    "minima": lambda module, x: -max_pool(module, -x),
    "padded with zeros": zeros_around,
    "dilation ignored": lambda module, x: max_pool(module, x, dilation=1),
    "rounded down always": lambda module, x: max_pool(module, x, ceil_mode=False),
    "a stride of 1 for the default": lambda module, x: max_pool(
        module, x, stride=1 if module.stride == module.kernel_size else module.stride
    ),
    "ties share the gradient": shared_among_ties,
    "NaN passed over": lambda module, x: max_pool(module, x.nan_to_num(nan=-torch.inf, posinf=torch.inf)),
    "nothing below 0": lambda module, x: max_pool(module, x.clamp(min=0)),
}
RIGHT = {
    "layers.conv1d": [convolution],
    "layers.conv2d": [convolution],
    "layers.max_pool1d": [max_pool],
    "layers.max_pool2d": [max_pool],
    "layers.avg_pool2d": [avg_pool],
    "layers.adaptive_avg_pool2d": [adaptive, stretches(down, up)],
}
WRONG = {
    "layers.conv1d": CONVOLUTIONS,
    "layers.conv2d": CONVOLUTIONS
    | {
        "a convolution, not a correlation": flipped(-2, -1),
        "rows for columns in the stride": with_settings(stride=lambda module: module.stride[::-1]),
        "rows for columns in the dilation": with_settings(dilation=lambda module: module.dilation[::-1]),
    },
    "layers.max_pool1d": MAXIMA,
    "layers.max_pool2d": MAXIMA,
    "layers.avg_pool2d": {
        "padding always counted": lambda module, x: avg_pool(module, x, count_include_pad=True),
        "padding never counted": lambda module, x: avg_pool(module, x, count_include_pad=False),
        "the divisor ignored": lambda module, x: avg_pool(module, x, divisor_override=None),
        "always the kernel's size": full_windows,
        "rounded down always": lambda module, x: avg_pool(module, x, ceil_mode=False),
        "sums": lambda module, x: avg_pool(module, x, divisor_override=1),
        "a stride of 1 for the default": lambda module, x: avg_pool(
            module, x, stride=1 if module.stride == module.kernel_size else module.stride
        ),
    },
    "layers.adaptive_avg_pool2d": {
        "rows for columns": lambda module, x: functional.adaptive_avg_pool2d(x, asked(module, x)[::-1]),
        "no overlap": stretches(down, lambda i, length, size: (i + 1) * length // size),
        "rounded up at the start": stretches(lambda i, length, size: min(up(i - 1, length, size), length - 1), up),
        "the first pixel": stretches(down, down),
        "maxima": lambda module, x: functional.adaptive_max_pool2d(x, asked(module, x)),
        "sums": lambda module, x: adaptive(module, x) * x.shape[-1] * x.shape[-2],
        "one sum of squares": lambda module, x: adaptive(module, x * x).sqrt(),
    },
}


@pytest.mark.parametrize(("identifier", "forward"), right_rows_of(RIGHT))
def test_another_right_formulation_passes(identifier, forward):
    assert [(row.case, row.check, row.note) for row in failures(identifier, forward)] == []


@pytest.mark.parametrize(("identifier", "forward"), rows_of(with_lost_gradients(WRONG, RIGHT)))
def test_what_is_wrong_is_caught(identifier, forward):
    caught = next(failures(identifier, forward), None)
    assert caught is not None
    assert caught.status == "failed"

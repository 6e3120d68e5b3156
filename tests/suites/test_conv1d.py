"""The one-dimensional convolution against torch's and its oracle, over torch's options."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from suite_support import answer, assert_close, built, inputs_of, oracle_answer

import nnbench
from nnbench import case, randn
from nnbench.specs import Case

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")

CONV1D = nnbench.component("layers.conv1d")
SEQUENCES = randn(2, 4, 11)
CHANNELS: dict[str, Any] = {"in_channels": 4, "out_channels": 6}
OPTIONS: dict[str, list[Case]] = {
    "layers.conv1d": [
        case(SEQUENCES, **CHANNELS, kernel_size=3),
        case(SEQUENCES, **CHANNELS, kernel_size=(2,), stride=(3,), padding=(1,), dilation=(2,)),
        case(SEQUENCES, **CHANNELS, kernel_size=1, bias=False),
        case(SEQUENCES, **CHANNELS, kernel_size=11),
        case(SEQUENCES, **CHANNELS, kernel_size=3, stride=2),
        case(SEQUENCES, **CHANNELS, kernel_size=3, dilation=4),
        case(SEQUENCES, **CHANNELS, kernel_size=3, dilation=2, stride=4, padding=3),
        case(SEQUENCES, **CHANNELS, kernel_size=3, padding="valid", stride=2),
        case(SEQUENCES, **CHANNELS, kernel_size=3, padding="same"),
        case(SEQUENCES, **CHANNELS, kernel_size=4, padding="same", dilation=3),
        case(SEQUENCES, **CHANNELS, kernel_size=3, groups=2),
        case(SEQUENCES, in_channels=4, out_channels=8, kernel_size=3, groups=4, padding=1, stride=2),
        *(
            case(SEQUENCES, **CHANNELS, kernel_size=3, padding=2, padding_mode=mode)
            for mode in ("zeros", "reflect", "replicate", "circular")
        ),
        *(
            case(SEQUENCES, **CHANNELS, kernel_size=4, padding="same", padding_mode=mode, dilation=2)
            for mode in ("reflect", "replicate", "circular")
        ),
        case(randn(2, 4, 3), **CHANNELS, kernel_size=3, padding=3, padding_mode="circular"),
        case(randn(2, 4, 3), **CHANNELS, kernel_size=3, padding=2, padding_mode="reflect"),
        case(randn(2, 4, 1), **CHANNELS, kernel_size=3, padding=4, padding_mode="replicate"),
        case(randn(4, 11), **CHANNELS, kernel_size=3, padding=1),
        case(randn(0, 4, 11), **CHANNELS, kernel_size=3),
    ]
}
ROWS = OPTIONS["layers.conv1d"]


@pytest.mark.parametrize("option", ROWS, ids=lambda option: option.label)
def test_outputs_and_gradients_equal_torchs(option: Case) -> None:
    ours, theirs = (built(CONV1D, variant, option) for variant in ("reference", "torch"))
    theirs.load_state_dict(ours.state_dict())
    (output, gradients), (expected, expected_gradients) = (answer(made, inputs_of(option)) for made in (ours, theirs))
    assert_close(output, expected, "output")
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in gradients.items():
        assert_close(gradient, expected_gradients[name], f"gradient of {name}")


@pytest.mark.parametrize("option", ROWS, ids=lambda option: option.label)
def test_a_state_dict_of_torchs_loads_and_starts_the_same(option: Case) -> None:
    states = []
    for variant in ("reference", "torch"):
        torch.manual_seed(5)
        states.append(built(CONV1D, variant, option).state_dict())
    assert list(states[0]) == list(states[1])
    for name, tensor in states[0].items():
        # The bounds of the distribution are computed along two ways, so the last bit may differ.
        torch.testing.assert_close(tensor, states[1][name], rtol=1e-5, atol=1e-8)
    ours, theirs = (built(CONV1D, variant, option) for variant in ("reference", "torch"))
    ours.load_state_dict(theirs.state_dict())
    assert_close(ours(*inputs_of(option)).detach(), theirs(*inputs_of(option)).detach())


@pytest.mark.parametrize("option", [*CONV1D.cases, *ROWS], ids=lambda option: option.label)
def test_the_reference_equals_its_oracle(option: Case) -> None:
    reference, inputs = built(CONV1D, "reference", option), inputs_of(option)
    assert_close(reference(*inputs).detach(), oracle_answer(CONV1D, option, reference, inputs))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_errors_are_comparable_with_torchs(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    arguments = {"in_channels": 16, "out_channels": 8, "kernel_size": 3, "padding": 1}
    ours, theirs = (CONV1D.variant(variant).build(**arguments, dtype=dtype) for variant in ("reference", "torch"))
    exact = CONV1D.reference.build(**arguments).double()
    for made in (exact, theirs):
        made.load_state_dict(ours.state_dict())
    x = torch.randn(4, 16, 50).to(dtype)
    with torch.no_grad():
        want = exact(x.double())
        mine, other = (float((made(x).double() - want).abs().max()) for made in (ours, theirs))
    times = 2 if dtype == torch.float32 else 3
    assert mine <= times * other + 8 * torch.finfo(dtype).eps * float(want.abs().max())


INVALID: list[dict[str, Any]] = [
    {"groups": 0}, {"groups": 3}, {"groups": 4}, {"padding": "full"}, {"padding": "same", "stride": 2},
    {"padding_mode": "edge"}, {"kernel_size": 0}, {"kernel_size": 12}, {"stride": 0}, {"stride": -1}, {"dilation": 0},
    {"padding": -1}, {"padding": 11, "padding_mode": "reflect"}, {"padding": 12, "padding_mode": "circular"},
    {"kernel_size": (3, 2)}, {"stride": (2, 2)}, {"dilation": (2, 2)}, {"padding": (2, 2)},
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("arguments", INVALID, ids=str)
def test_what_torch_refuses_is_refused(arguments: dict[str, Any]) -> None:
    def call(variant: str) -> None:
        CONV1D.variant(variant).build(**({**CHANNELS, "kernel_size": 3} | arguments))(torch.ones(2, 4, 11))

    with pytest.raises((ValueError, RuntimeError)) as theirs:
        call("torch")
    with pytest.raises(theirs.type):
        call("reference")


@pytest.mark.parametrize("shape", [(11,), (3, 11), (2, 5, 11), (2, 4, 2), (1, 2, 4, 11)])
def test_inputs_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    for variant in ("torch", "reference"):
        with pytest.raises(RuntimeError):
            CONV1D.variant(variant).build(**CHANNELS, kernel_size=3)(torch.ones(shape))


def test_it_says_what_it_takes_and_what_it_got() -> None:
    with pytest.raises(RuntimeError, match=r"Conv1d takes \(N, 4, L\).* not \(2, 3, 11\)"):
        CONV1D.reference.build(**CHANNELS, kernel_size=3)(torch.ones(2, 3, 11))

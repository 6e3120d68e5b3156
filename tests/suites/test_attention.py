"""Attention: self-attention with shared projections and torch's multi-head attention, over masks and options."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from suite_support import answer, arguments_of, assert_close, built, inputs_of
from torch import Tensor, nn

import nnbench
from nnbench import case

SELF = nnbench.component("layers.self_attention")
MULTI = nnbench.component("layers.multi_head_attention")


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def oracle_of(component: nnbench.Component, arguments: dict[str, Any], module: nn.Module, inputs: list[Tensor]) -> Any:
    assert component.oracle is not None
    state = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    said = component.oracle(*(tensor.detach().numpy() for tensor in inputs), **(arguments | state))
    return [torch.as_tensor(array) for array in (said if isinstance(said, tuple) else (said,))]


# The causal mask, one key padded away, one query of one head with nothing left, and the forms that masks come in.
CAUSAL = torch.ones(5, 5).tril()
PADDED = torch.tensor([1, 1, 0, 1, 0, 1, 1]).expand(2, 1, 1, 7)
NOTHING_LEFT = torch.ones(2, 3, 4, 7, dtype=torch.int64)
NOTHING_LEFT[1, 2, 0] = 0
MASKS: dict[str, tuple[int, int, Tensor | None]] = {
    "none": (5, 5, None),
    "more keys than queries": (4, 7, None),
    "one query": (1, 7, None),
    "causal": (5, 5, CAUSAL),
    "causal for every sample": (5, 5, CAUSAL.expand(2, 1, 5, 5)),
    "truth values": (5, 5, CAUSAL.bool()),
    "padded keys": (4, 7, PADDED),
    "a query with nothing left": (4, 7, NOTHING_LEFT),
    "nothing left at all": (4, 7, torch.zeros(4, 7)),
}


def self_attention_inputs(queries: int, keys: int, mask: Tensor | None) -> list[Tensor]:
    floats = [numbers(2, length, 12, seed=length + place) for place, length in enumerate((keys, keys, queries))]
    return [tensor.requires_grad_() for tensor in floats] + ([] if mask is None else [mask])


@pytest.mark.parametrize("row", MASKS)
def test_self_attention_fused_and_oracle_agree(row: str) -> None:
    arguments, inputs = {"embed_size": 12, "heads": 3}, self_attention_inputs(*MASKS[row])
    ours, fused = (built(SELF, variant, case(**arguments)) for variant in ("reference", "fused"))
    fused.load_state_dict(ours.state_dict())
    output, gradients = answer(ours, inputs)
    expected, expected_gradients = answer(fused, inputs)
    (judged,) = oracle_of(SELF, arguments, ours, inputs)
    assert_close(output, judged, "output")
    assert_close(expected, judged, "output of the fused variant")
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in gradients.items():
        assert_close(gradient, expected_gradients[name], f"gradient of {name}")


@pytest.mark.parametrize("heads", [1, 3, 12])
def test_self_attention_is_torchs_with_the_same_block_in_every_head_and_another_scale(heads: int) -> None:
    ours = built(SELF, "reference", case(embed_size=12, heads=heads))
    theirs = nn.MultiheadAttention(12, heads, batch_first=True).double()
    blocks = [torch.block_diag(*[layer.weight] * heads) for layer in (ours.queries, ours.keys, ours.values)]
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([blocks[0] / math.sqrt(heads), *blocks[1:]]))
        theirs.in_proj_bias.zero_()
    theirs.out_proj.load_state_dict(ours.fc_out.state_dict())
    values, keys, query = self_attention_inputs(4, 7, None)
    assert_close(ours(values, keys, query).detach(), theirs(query, keys, values)[0].detach())


@pytest.mark.parametrize("variant", ["reference", "fused"])
def test_self_attention_starts_like_four_linear_layers(variant: str) -> None:
    torch.manual_seed(3)
    state = SELF.variant(variant).build(embed_size=12, heads=3).state_dict()
    torch.manual_seed(3)
    expected = {f"{name}.weight": nn.Linear(4, 4, bias=False).weight for name in ("values", "keys", "queries")}
    expected |= {f"fc_out.{name}": tensor for name, tensor in nn.Linear(12, 12).state_dict().items()}
    assert list(state) == list(expected)
    for name, tensor in state.items():
        torch.testing.assert_close(tensor, expected[name].detach())


@pytest.mark.parametrize("variant", ["reference", "fused"])
def test_self_attention_does_not_see_what_is_masked(variant: str) -> None:
    module = built(SELF, variant, case(embed_size=12, heads=3))
    values, keys, query = (tensor.detach() for tensor in self_attention_inputs(4, 7, None))
    before = module(values, keys, query, PADDED)
    excluded = PADDED[0, 0, 0] == 0
    values[:, excluded], keys[:, excluded] = 1e3, -1e3
    assert_close(module(values, keys, query, PADDED).detach(), before.detach())
    assert not torch.allclose(module(values, keys, query), before)


@pytest.mark.parametrize("arguments", [(10, 3), (0, 1), (12, 0), (12, -3), (-12, 3)])
def test_self_attention_refuses_heads_that_do_not_divide(arguments: tuple[int, int]) -> None:
    for variant in ("reference", "fused"):
        with pytest.raises(ValueError, match="heads"):
            SELF.variant(variant).build(embed_size=arguments[0], heads=arguments[1])


@pytest.mark.parametrize(
    "shapes",
    [
        [(2, 5, 12), (2, 4, 12), (2, 4, 12)],
        [(2, 5, 12), (2, 5, 12), (2, 5, 9)],
        [(2, 5, 9), (2, 5, 9), (2, 5, 12)],
        [(1, 5, 12), (1, 5, 12), (2, 5, 12)],
        [(5, 12), (5, 12), (5, 12)],
        [(2, 12), (2, 12), (2, 5, 12)],
        [(2, 5, 12), (2, 5, 12), (2, 5, 12), (5, 4)],
    ],
)
def test_self_attention_refuses_inputs_that_do_not_fit(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(RuntimeError):
        SELF.reference.build(embed_size=12, heads=3)(*(torch.ones(shape) for shape in shapes))


@pytest.mark.parametrize("component", [SELF, MULTI], ids=lambda component: component.id)
def test_the_reference_equals_its_oracle(component: nnbench.Component) -> None:
    for documented in component.cases:
        reference, inputs = built(component, "reference", documented), inputs_of(documented)
        with torch.no_grad():
            output = reference(*inputs)
        got = [one for one in (output if isinstance(output, tuple) else (output,)) if one is not None]
        want = oracle_of(component, arguments_of(documented), reference, inputs)
        for one, other in zip(got, want, strict=True):
            assert_close(one, other)


# Of 3 samples, 4 queries, 5 keys and 2 heads. Masks of truth values leave every query a key.
EXCLUDED = numbers(4, 5, seed=21) > 0.5
EXCLUDED[:, 2] = False
EACH_HEAD = numbers(6, 4, 5, seed=22) > 0.5
EACH_HEAD[:, :, 2] = False
PADDING = torch.tensor([[False] * 5, [False, True, False, False, True], [True, True, False, False, False]])
FLOATS, FLOAT_PADDING = numbers(4, 5, seed=23), numbers(3, 5, seed=24)
OPTIONS: list[dict[str, Any]] = [
    {},
    {"bias": False},
    {"add_bias_kv": True},
    {"add_zero_attn": True},
    {"kdim": 6, "vdim": 10},
    {"vdim": 10, "bias": False},
    {"kdim": 6, "add_bias_kv": True, "add_zero_attn": True, "batch_first": True},
    {"batch_first": True},
    {"num_heads": 1},
]
CALLS: list[dict[str, Any]] = [
    {},
    {"average_attn_weights": False},
    {"need_weights": False},
    {"attn_mask": EXCLUDED},
    {"attn_mask": FLOATS, "need_weights": False},
    {"attn_mask": EACH_HEAD, "average_attn_weights": False},
    {"key_padding_mask": PADDING},
    {"key_padding_mask": FLOAT_PADDING, "need_weights": False},
    {"key_padding_mask": PADDING, "attn_mask": EXCLUDED},
    {"key_padding_mask": FLOAT_PADDING, "attn_mask": FLOATS, "average_attn_weights": False},
    {"key_padding_mask": PADDING, "attn_mask": EACH_HEAD, "need_weights": False},
]


def multi(variant: str, arguments: dict[str, Any]) -> nn.Module:
    return MULTI.variant(variant).build(**({"embed_dim": 8, "num_heads": 2} | arguments)).double()


def multi_inputs(arguments: dict[str, Any], samples: int = 3) -> list[Tensor]:
    widths = (8, arguments.get("kdim", 8), arguments.get("vdim", 8))
    made = [numbers(samples, 4 if place == 0 else 5, width, seed=place) for place, width in enumerate(widths)]
    ordered = made if arguments.get("batch_first") else [tensor.transpose(0, 1) for tensor in made]
    return [tensor.contiguous().requires_grad_() for tensor in ordered]


def answers(
    module: nn.Module, inputs: list[Tensor], call: dict[str, Any]
) -> tuple[list[Tensor | None], dict[str, Tensor | None]]:
    """Both outputs, and the gradients of both of inputs, float masks and parameters."""
    leaves = {f"input {place}": tensor for place, tensor in enumerate(inputs)}
    masks = {name: call[name].clone() for name in ("attn_mask", "key_padding_mask") if name in call}
    masks = {name: mask.requires_grad_() for name, mask in masks.items() if mask.is_floating_point()}
    outputs = module(*inputs, **(call | masks))
    ends = [tensor for tensor in outputs if tensor is not None]
    upstream = [numbers(*tensor.shape, seed=40 + place) for place, tensor in enumerate(ends)]
    towards = leaves | masks | dict(module.named_parameters())
    found = torch.autograd.grad(ends, list(towards.values()), upstream, allow_unused=True)
    detached = [None if tensor is None else tensor.detach() for tensor in outputs]
    return detached, dict(zip(towards, found, strict=True))


def assert_same_answers(ours: nn.Module, theirs: nn.Module, inputs: list[Tensor], call: dict[str, Any]) -> None:
    (got, gradients), (want, expected) = (answers(module, inputs, call) for module in (ours, theirs))
    for one, other in zip(got, want, strict=True):
        assert_close(one, other, "output")
    assert gradients.keys() == expected.keys()
    for name, gradient in gradients.items():
        # The keys' bias moves all scores of a query alike: its gradient is zero but for rounding, as torch's is.
        other = expected[name]
        largest = max(float(tensor.abs().max()) for tensor in expected.values() if tensor is not None)
        torch.testing.assert_close(gradient, other, rtol=1e-9, atol=1e-12 * largest, msg=f"gradient of {name}")


@pytest.mark.parametrize("call", CALLS, ids=lambda call: "+".join(call) or "plain")
@pytest.mark.parametrize("arguments", OPTIONS, ids=str)
def test_multi_head_attention_equals_torchs(arguments: dict[str, Any], call: dict[str, Any]) -> None:
    if arguments.get("num_heads") == 1 and call.get("attn_mask") is EACH_HEAD:
        call = call | {"attn_mask": EACH_HEAD[:3]}
    ours, theirs = multi("reference", arguments), multi("torch", arguments)
    with torch.no_grad():
        for place, parameter in enumerate(theirs.parameters()):
            parameter.copy_(numbers(*parameter.shape, seed=60 + place) / 2)
    ours.load_state_dict(theirs.state_dict())
    assert_same_answers(ours, theirs, multi_inputs(arguments), call)


@pytest.mark.parametrize("call", [{}, {"need_weights": False}, {"average_attn_weights": False}], ids=str)
@pytest.mark.parametrize("masks", [{}, {"key_padding_mask": PADDING[1]}, {"attn_mask": EACH_HEAD[:2]}], ids=str)
def test_one_sample_alone_equals_torchs(call: dict[str, Any], masks: dict[str, Any]) -> None:
    for arguments in ({}, {"batch_first": True, "add_bias_kv": True}):
        ours, theirs = multi("reference", arguments), multi("torch", arguments)
        theirs.load_state_dict(ours.state_dict())
        inputs = [tensor.detach()[0].requires_grad_() for tensor in multi_inputs({"batch_first": True}, samples=1)]
        assert_same_answers(ours, theirs, inputs, call | masks)


@pytest.mark.parametrize("arguments", OPTIONS, ids=str)
def test_initial_parameters_are_torchs_for_the_same_seed(arguments: dict[str, Any]) -> None:
    states = []
    for variant in ("reference", "torch"):
        torch.manual_seed(5)
        states.append(multi(variant, arguments).state_dict())
    ours, theirs = states
    assert list(ours) == list(theirs)
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("arguments", OPTIONS, ids=str)
def test_multi_head_attention_equals_its_oracle(arguments: dict[str, Any]) -> None:
    module, inputs = multi("reference", arguments), multi_inputs(arguments)
    given = {"embed_dim": 8, "num_heads": 2} | arguments
    for got, want in zip(module(*inputs), oracle_of(MULTI, given, module, inputs), strict=True):
        assert_close(got.detach(), want)


@pytest.mark.parametrize("need_weights", [True, False])
def test_the_causal_hint_changes_nothing(need_weights: bool) -> None:
    ours, theirs = multi("reference", {}), multi("torch", {})
    theirs.load_state_dict(ours.state_dict())
    query, key, _ = multi_inputs({})
    call = {"attn_mask": torch.ones(4, 4).triu(1).bool(), "is_causal": True, "need_weights": need_weights}
    assert_same_answers(ours, theirs, [query, key[:4], key[:4]], call)


CAUSAL = torch.ones(4, 4).triu(1).bool()
APPENDED = pytest.mark.parametrize("arguments", [{"add_bias_kv": True}, {"add_zero_attn": True}], ids=str)


@APPENDED
def test_a_causal_hint_that_would_exclude_appended_positions_is_refused(arguments: dict[str, Any]) -> None:
    """Torch's answer there is not that to the same mask without the hint."""
    ours, theirs = multi("reference", arguments), multi("torch", arguments)
    query, key, _ = multi_inputs({})
    call = {"attn_mask": CAUSAL, "need_weights": False}
    hinted, plain = (theirs(query, key[:4], key[:4], **call, is_causal=flag)[0] for flag in (True, False))
    assert not torch.allclose(hinted, plain)
    with pytest.raises(NotImplementedError, match=f"is_causal=True with {next(iter(arguments))}"):
        ours(query, key[:4], key[:4], **call, is_causal=True)


@pytest.mark.parametrize("more", [{"need_weights": True}, {"need_weights": False, "key_padding_mask": PADDING[:, :4]}])
@APPENDED
def test_elsewhere_appended_positions_stay_with_a_causal_hint(arguments: dict[str, Any], more: dict[str, Any]) -> None:
    ours, theirs = multi("reference", arguments), multi("torch", arguments)
    theirs.load_state_dict(ours.state_dict())
    query, key, _ = multi_inputs({})
    assert_same_answers(ours, theirs, [query, key[:4], key[:4]], more | {"attn_mask": CAUSAL, "is_causal": True})


@pytest.mark.parametrize("need_weights", [True, False])
def test_a_query_without_keys_gets_what_torch_gives_it(need_weights: bool) -> None:
    ours, theirs = multi("reference", {}), multi("torch", {})
    theirs.load_state_dict(ours.state_dict())
    padding, inputs = PADDING.clone(), multi_inputs({})
    padding[1] = True
    outputs = []
    for module in (ours, theirs):
        with torch.no_grad():
            outputs.append(module(*inputs, key_padding_mask=padding, need_weights=need_weights)[0])
    assert outputs[0][:, 1].isnan().all() == need_weights
    torch.testing.assert_close(*outputs, equal_nan=True)


def test_in_evaluation_without_gradients_it_equals_torchs_fast_path() -> None:
    ours, theirs = (multi(variant, {"batch_first": True}).eval() for variant in ("reference", "torch"))
    theirs.load_state_dict(ours.state_dict())
    x = numbers(3, 5, 8)
    with torch.no_grad():
        for got, want in zip(ours(x, x, x, PADDING), theirs(x, x, x, PADDING), strict=True):
            assert_close(got, want)


@pytest.mark.parametrize("probability", [0.25, 0.6])
@pytest.mark.parametrize("variant", ["reference", "torch"])
def test_dropout_drops_its_share_of_the_weights_and_scales_the_rest(variant: str, probability: float) -> None:
    torch.manual_seed(1)
    module = MULTI.variant(variant).build(embed_dim=8, num_heads=2, dropout=probability, batch_first=True)
    x = numbers(20, 40, 8).float()
    dropped, kept = (module.train(flag)(x, x, x, average_attn_weights=False)[1] for flag in (True, False))
    zero = dropped == 0
    five_sigma = 5 * math.sqrt(probability * (1 - probability) / zero.numel())
    assert abs(float(zero.double().mean()) - probability) < five_sigma
    torch.testing.assert_close(dropped[~zero], kept[~zero] / (1 - probability))


def test_dropping_everything_leaves_the_output_bias() -> None:
    module = multi("reference", {"dropout": 1.0})
    y, weights = module(*multi_inputs({}))
    assert torch.equal(weights, torch.zeros(3, 4, 5, dtype=torch.float64))
    assert torch.equal(y, module.out_proj.bias.expand(4, 3, 8))


INVALID = [
    {"embed_dim": 0},
    {"embed_dim": -8},
    {"num_heads": 0},
    {"num_heads": 3},
]
X = torch.ones(4, 3, 8)
MISFITS: dict[str, tuple[dict[str, Any], Callable[[nn.Module], Any]]] = {
    "one dimension": ({}, lambda made: made(X[0, 0], X[0, 0], X[0, 0])),
    "a sample and a batch": ({}, lambda made: made(X, X[0], X[0])),
    "a batch for one sample": ({}, lambda made: made(X[0], X, X)),
    "another width": ({}, lambda made: made(X[..., :6], X, X)),
    "other keys' width": ({}, lambda made: made(X, X[..., :6], X[..., :6])),
    "another kdim": ({"kdim": 6}, lambda made: made(X, X, X)),
    "keys and values of other lengths": ({}, lambda made: made(X, X, X[:2])),
    "the same with a kdim": ({"kdim": 6}, lambda made: made(X, X[..., :6], X[:2])),
    "one sample of keys": ({}, lambda made: made(X, X[:, :1], X[:, :1])),
    "a causal hint without a mask": ({}, lambda made: made(X, X, X, is_causal=True)),
    "the same without weights": ({}, lambda made: made(X, X, X, is_causal=True, need_weights=False)),
    "a mask of another size": ({}, lambda made: made(X, X, X, attn_mask=torch.zeros(4, 5))),
    "a mask of too few heads": ({}, lambda made: made(X, X, X, attn_mask=torch.zeros(3, 4, 4))),
    "a mask of four dimensions": ({}, lambda made: made(X, X, X, attn_mask=torch.zeros(3, 2, 4, 4))),
    "a mask of integers": ({}, lambda made: made(X, X, X, attn_mask=torch.zeros(4, 4).long())),
    "a mask in another dtype": ({}, lambda made: made(X, X, X, attn_mask=torch.zeros(4, 4).double())),
    "padding of integers": ({}, lambda made: made(X, X, X, torch.zeros(3, 4).long())),
    "padding of another size": ({}, lambda made: made(X, X, X, torch.zeros(3, 5))),
    "padding of other samples": ({}, lambda made: made(X, X, X, torch.zeros(2, 4))),
    "padding without samples": ({}, lambda made: made(X, X, X, torch.zeros(4))),
    "an impossible dropout": ({"dropout": 1.5}, lambda made: made(X, X, X)),
}


@pytest.mark.parametrize("arguments", INVALID, ids=str)
def test_invalid_arguments_raise_what_torch_raises(arguments: dict[str, Any]) -> None:
    with pytest.raises((ValueError, AssertionError)) as theirs:
        multi("torch", arguments)
    with pytest.raises(theirs.type, match="embed_dim"):
        multi("reference", arguments)


@pytest.mark.parametrize("row", MISFITS)
def test_inputs_that_do_not_fit_raise_what_torch_raises(row: str) -> None:
    arguments, call = MISFITS[row]
    with pytest.raises((AssertionError, RuntimeError, ValueError)) as theirs:
        call(multi("torch", arguments).float())
    with pytest.raises(theirs.type):
        call(multi("reference", arguments).float())


def test_nested_tensors_are_named() -> None:
    nested = torch.nested.nested_tensor([torch.ones(2, 8), torch.ones(3, 8)], layout=torch.jagged)
    with pytest.raises(NotImplementedError, match="nested"):
        multi("reference", {"batch_first": True})(nested, nested, nested)


def test_parameters_are_made_where_and_as_asked() -> None:
    sizes = {"embed_dim": 8, "num_heads": 2, "kdim": 4}
    made = MULTI.reference.build(**sizes, add_bias_kv=True, dtype=torch.bfloat16, device="meta")
    assert {(parameter.dtype, parameter.device.type) for parameter in made.parameters()} == {(torch.bfloat16, "meta")}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("component", "peer"), [(SELF, "fused"), (MULTI, "torch")], ids=["self", "multi"])
def test_errors_are_comparable_with_torchs(component: nnbench.Component, peer: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    arguments = dict(component.cases[0].arguments)
    exact = component.reference.build(**arguments).to(dtype).double()
    narrow = [numbers(2, 12, 256, seed=place).to(dtype) for place in range(3)]
    results = {}
    for name, made_in in (("exact", torch.float64), ("reference", dtype), (peer, dtype)):
        module = component.variant(name if name != "exact" else "reference").build(**arguments).to(made_in)
        module.load_state_dict(copy.deepcopy(exact.state_dict()))
        output = module(*(tensor.to(made_in) for tensor in narrow))
        results[name] = (output[0] if isinstance(output, tuple) else output).detach().double()
    want = results["exact"]
    ours, theirs = (float((results[name] - want).abs().max()) for name in ("reference", peer))
    times = 2 if dtype == torch.float32 else 3
    assert ours <= times * theirs + 8 * torch.finfo(dtype).eps * float(want.abs().max())

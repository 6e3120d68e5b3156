"""How Keras' counterparts behave beside their results: chance, modes, copies, and the three ways of writing a model."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from keras_support import WAYS, Shape, drawn, needs_keras, pair
from suite_support import assert_close

import nnbench
from nnbench.workload import tensors


@needs_keras
def test_running_statistics_are_torchs_but_for_the_biased_variance() -> None:
    keras, theirs = pair("layers.batch_norm1d", num_features=3, momentum=0.3)
    (x,) = drawn([(8, 3)])
    for _ in range(2):
        keras(x), theirs(x)
    assert_close(keras.running_mean, theirs.running_mean)
    assert torch.equal(keras.num_batches_tracked, theirs.num_batches_tracked)
    moved = [made.running_var - 0.7**2 for made in (keras, theirs)]  # less what is left of the initial ones
    assert_close(moved[0], moved[1] * 7 / 8)
    evaluated = [made.eval() for made in (keras, theirs)]
    evaluated[1].load_state_dict(keras.state_dict())
    assert_close(evaluated[0](x), evaluated[1](x))
    assert torch.equal(keras.num_batches_tracked, torch.tensor(2))


@needs_keras
@pytest.mark.parametrize("arguments", [("layers.dropout", {"p": 0.4}), ("architectures.sequential_mlp", {})], ids=str)
def test_chance_follows_torchs_seed(arguments: tuple[str, dict[str, Any]]) -> None:
    identifier, settings = arguments
    variant = "keras" if identifier == "layers.dropout" else WAYS[0]
    made = nnbench.component(identifier).variant(variant).build(**settings)
    x, found = torch.ones(4, 784), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append([made(x), made(x)])
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])
    assert not torch.equal(found[0][0], found[0][1])
    assert not torch.equal(found[0][0], found[2][0])
    assert torch.equal(made.eval()(x), made(x))


@needs_keras
def test_dropout_zeroes_its_share_and_scales_the_rest() -> None:
    torch.manual_seed(0)
    y = nnbench.component("layers.dropout").variant("keras").build(p=0.25)(torch.ones(200, 500))
    assert y.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert float((y == 0).double().mean()) == pytest.approx(0.25, abs=6 * (0.25 * 0.75 / 100_000) ** 0.5)


@needs_keras
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("training", [False, True])
def test_three_ways_of_writing_a_model_agree_to_the_bit(dtype: torch.dtype, training: bool) -> None:
    component, answers = nnbench.component("architectures.sequential_mlp"), []
    state = component.reference.build(hidden_sizes=[16, 8]).state_dict()
    for way in WAYS:
        made = component.variant(way).build(hidden_sizes=[16, 8])
        made.load_state_dict(state)
        x = torch.randn(6, 784, generator=torch.Generator().manual_seed(1)).to(dtype).requires_grad_()
        torch.manual_seed(5)
        y = made.to(dtype).train(training)(x)
        answers.append([y, *torch.autograd.grad(y.sum(), [x, *made.parameters()])])
    assert bool((answers[0][0] != 0).any())
    for other in answers[1:]:
        assert all(torch.equal(a, b) for a, b in zip(answers[0], other, strict=True))


@needs_keras
def test_each_way_is_the_kind_of_model_that_its_name_says() -> None:
    import keras

    kinds, x = [], torch.zeros(2, 784)
    for way in WAYS:
        made = nnbench.component("architectures.sequential_mlp").variant(way).build()
        kinds.append(type(made.layer(x)))
        assert isinstance(made.layer(x), keras.Model)
    assert kinds[0] is keras.Sequential
    assert kinds[1].__name__ == "Functional"
    assert not issubclass(kinds[2], keras.Sequential)
    assert len(set(kinds)) == 3


@needs_keras
def test_keras_layers_are_no_part_of_the_module() -> None:
    keras, theirs = pair("layers.linear", in_features=4, out_features=3)
    (x,) = drawn([(2, 4)])
    keras(x)
    assert list(keras.state_dict()) == list(theirs.state_dict())
    assert [type(part) for part in keras.modules()] == [type(keras)]
    twin = copy.deepcopy(keras)
    with torch.no_grad():
        twin.weight.zero_()
    assert_close(keras(x), theirs(x))
    assert torch.equal(twin(x), twin.bias.expand(2, 3))


SIZES: list[tuple[str, dict[str, Any], Shape, Shape]] = [
    ("layers.linear", {"in_features": 4, "out_features": 3}, (2, 4), (5, 4)),
    ("layers.conv1d", {"in_channels": 2, "out_channels": 3, "kernel_size": 4, "padding": 1}, (2, 2, 9), (1, 2, 12)),
    (
        "layers.conv2d",
        {"in_channels": 2, "out_channels": 3, "kernel_size": 3, "padding": 1},
        (2, 2, 5, 6),
        (1, 2, 7, 4),
    ),
    ("layers.lstm", {"input_size": 3, "hidden_size": 4, "num_layers": 2}, (5, 2, 3), (4, 3, 3)),
    ("layers.max_pool2d", {"kernel_size": 2}, (2, 3, 6, 8), (1, 4, 5, 5)),
    ("layers.batch_norm2d", {"num_features": 3}, (2, 3, 4, 4), (3, 3, 5, 2)),
    ("layers.layer_norm", {"normalized_shape": 4}, (2, 3, 4), (5, 2, 4)),
    ("layers.flatten", {}, (2, 3, 4), (5, 6, 7)),
]


@needs_keras
@pytest.mark.parametrize(("identifier", "arguments", "first", "second"), SIZES, ids=str)
def test_other_sizes_may_follow(identifier: str, arguments: dict[str, Any], first: Shape, second: Shape) -> None:
    keras, theirs = pair(identifier, **arguments)
    for x in drawn([first, second]):
        for mine, other in zip(tensors(keras(x)), tensors(theirs(x)), strict=True):
            assert_close(mine.detach(), other.detach())


@needs_keras
def test_a_module_may_change_its_dtype() -> None:
    (x,) = drawn([(2, 4)])
    made = pair("layers.linear", in_features=4, out_features=3)[0]
    assert [made.to(dtype)(x.to(dtype)).dtype for dtype in (torch.float64, torch.float32)] == [
        torch.float64,
        torch.float32,
    ]
    assert_close(made.double()(x), x @ made.weight.T + made.bias)


@needs_keras
def test_keras_own_settings_are_left_as_they_were() -> None:
    import keras

    def settings() -> list[Any]:
        return [keras.config.floatx(), keras.config.epsilon(), keras.backend.result_type("float64", "float64")]

    before = settings()
    keras_bce, _ = pair("losses.bce")
    keras_bce(torch.full((2, 2), 0.5, dtype=torch.float64), torch.ones(2, 2, dtype=torch.float64))
    made = pair("layers.linear", in_features=4, out_features=3)[0]
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        made(torch.zeros(2, 5, dtype=torch.float64))
    assert made(torch.zeros(2, 4, dtype=torch.float64)).shape == (2, 3)
    assert settings() == before
    # Should this fail one day, Keras computes in float64 by itself, and `like` has that much less to do.
    assert before[2] == "float32"

"""Sequence models: torch's layers written out, sentences ending where they end, what the documented network reads."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from nnbench.suites.architectures.lstm_classifier import DocumentedLSTMClassifier, padding_shows
from nnbench.suites.architectures.sequences import trimmed
from suite_support import answer, assert_close
from torch import Tensor, nn

import nnbench
from nnbench.catalog import Variant
from nnbench.data import find

VARIANTS = ("reference", "torch")
SENTENCE_MODELS = ("lstm_classifier", "attention_classifier")
LSTM = {"vocab_size": 30, "embed_dim": 6, "hidden_dim": 5, "output_dim": 3}
ATTENTION = {"vocab_size": 30, "embed_dim": 8, "num_heads": 2, "output_dim": 3}
SMALL = {
    "lstm_classifier": LSTM,
    "attention_classifier": ATTENTION,
    "time_series_lstm": {"input_dim": 2, "hidden_dim": 5},
}
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("lstm_classifier", LSTM),
    ("lstm_classifier", LSTM | {"n_layers": 1, "dropout": 0.5}),
    ("lstm_classifier", LSTM | {"n_layers": 3, "dropout": 0.0, "output_dim": 1}),
    ("attention_classifier", ATTENTION),
    ("attention_classifier", ATTENTION | {"embed_dim": 7, "num_heads": 7, "max_len": 9}),
    ("attention_classifier", ATTENTION | {"num_heads": 1}),
    ("time_series_lstm", SMALL["time_series_lstm"]),
    ("time_series_lstm", {"input_dim": 1, "hidden_dim": 4, "output_dim": 3, "n_layers": 1}),
    ("time_series_lstm", {"input_dim": 3, "hidden_dim": 2, "n_layers": 3}),
]
LENGTHS = [4, 9, 1, 6]


def built(name: str, variant: str, arguments: dict[str, Any], seed: int = 1) -> nn.Module:
    torch.manual_seed(seed)
    return nnbench.component(f"architectures.{name}").variant(variant).build(**arguments).double()


def sentences(lengths: list[int] = LENGTHS, width: int = 9) -> Tensor:
    """Words from 1 to 29, and padding behind each sentence's end."""
    generator = torch.Generator().manual_seed(3)
    ids = torch.randint(1, 30, (len(lengths), width), generator=generator)
    return torch.where(torch.arange(width) < torch.tensor(lengths)[:, None], ids, 0)


def inputs(name: str, arguments: dict[str, Any]) -> list[Tensor]:
    if name in SENTENCE_MODELS:
        return [sentences()]
    generator = torch.Generator().manual_seed(3)
    shape = (4, 7, arguments["input_dim"])
    return [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)]


def written_out(name: str, made: Any, x: Tensor) -> Tensor:
    """Each sample by itself, without padding, through torch's own layers."""
    if name == "time_series_lstm":
        return torch.stack([made.fc(made.lstm(one)[0][-1]) for one in x])
    answers = []
    for ids in x:
        words = made.embedding(ids[: int((ids != 0).sum())])
        if name == "lstm_classifier":
            _, (hidden, _) = made.lstm(words)
            answers.append(made.fc(torch.cat([hidden[-2], hidden[-1]])))
        else:
            places = torch.arange(len(words), dtype=torch.float64)[:, None]
            even = torch.arange(0, made.fc.in_features, 2, dtype=torch.float64)
            angles = places / torch.pow(10_000, even / made.fc.in_features)
            encoded = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[:, : made.fc.in_features]
            encoded = words + encoded.float()  # in which precision the network keeps them
            answers.append(made.fc(made.attention(encoded, encoded, encoded)[0].mean(0)))
    return torch.stack(answers)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("name", "arguments"), OPTIONS)
def test_each_sample_is_answered_as_torchs_layers_answer_it_alone(
    name: str, arguments: dict[str, Any], variant: str
) -> None:
    made = built(name, variant, arguments).eval()
    given = inputs(name, arguments)
    output, gradients = answer(made, given)
    alone = copy.deepcopy(made)
    alone.forward = lambda x: written_out(name, alone, x)
    wanted, wanted_gradients = answer(alone, given)
    assert output.shape == (4, arguments.get("output_dim", 1))
    assert_close(output, wanted, "output")
    assert gradients.keys() == wanted_gradients.keys()
    for key, gradient in gradients.items():
        assert gradient is not None
        torch.testing.assert_close(gradient, wanted_gradients[key], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "arguments"), OPTIONS)
def test_states_load_either_way_and_start_alike(name: str, arguments: dict[str, Any]) -> None:
    ours, theirs = (built(name, variant, arguments).eval() for variant in VARIANTS)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert all(torch.equal(tensor, theirs.state_dict()[key]) for key, tensor in ours.state_dict().items())
    given = inputs(name, arguments)
    for source, target in (VARIANTS, VARIANTS[::-1]):
        told, made = built(name, source, arguments, seed=2).eval(), built(name, target, arguments, seed=3).eval()
        made.load_state_dict(told.state_dict())
        assert_close(made(*given).detach(), told(*given).detach())


def test_the_parameters_have_torchs_names() -> None:
    names = list(built("lstm_classifier", "reference", LSTM).state_dict())
    assert names[:2] == ["embedding.weight", "lstm.weight_ih_l0"]
    assert "lstm.bias_hh_l1_reverse" in names
    assert names[-2:] == ["fc.weight", "fc.bias"]
    attention = list(built("attention_classifier", "reference", ATTENTION).state_dict())
    assert attention[1:5] == [f"attention.{name}" for name in (
        "in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"
    )]  # fmt: skip


@pytest.mark.parametrize("name", ["lstm_classifier", "attention_classifier", "time_series_lstm"])
def test_the_documented_sizes_are_the_default(name: str) -> None:
    component = nnbench.component(f"architectures.{name}")
    for variant in VARIANTS:
        said, unsaid = (component.variant(variant).build(**given) for given in (component.cases[0].arguments, {}))
        shapes = [{key: tensor.shape for key, tensor in made.state_dict().items()} for made in (said, unsaid)]
        assert shapes[0] == shapes[1]


def test_the_documented_lstm_classifier_has_3_648_514_parameters() -> None:
    made = nnbench.component("architectures.lstm_classifier").reference.build()
    first, second = (2 * 4 * 256 * (inputs + 256 + 2) for inputs in (128, 512))
    assert sum(p.numel() for p in made.parameters()) == 10_000 * 128 + first + second + 2 * (512 + 1) == 3_648_514


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", SENTENCE_MODELS)
def test_how_far_a_sentence_was_padded_makes_no_difference(name: str, variant: str) -> None:
    made = built(name, variant, SMALL[name]).eval()
    with torch.no_grad():
        tight, loose = (made(sentences(LENGTHS)[:, :9]), made(nn.functional.pad(sentences(LENGTHS), (0, 23))))
        alone = torch.cat([made(row[:length][None]) for row, length in zip(sentences(), LENGTHS, strict=True)])
    assert torch.equal(tight, loose)
    assert_close(alone, tight)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", SENTENCE_MODELS)
def test_lengths_say_where_sentences_end_whatever_stands_behind(name: str, variant: str) -> None:
    made = built(name, variant, SMALL[name]).eval()
    full = torch.where(sentences() == 0, 17, sentences())
    for dtype in (torch.int64, torch.int32):
        assert_close(made(full, torch.tensor(LENGTHS, dtype=dtype)).detach(), made(sentences()).detach())
    assert not torch.allclose(made(full), made(sentences()))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", SENTENCE_MODELS)
def test_an_id_of_0_between_words_is_read_and_not_trained(name: str, variant: str) -> None:
    made: Any = built(name, variant, SMALL[name]).eval()
    with torch.no_grad():
        made.embedding.weight[0] = 0.5
    gap = torch.tensor([[3, 0, 4, 0, 0]])
    assert trimmed(gap, None)[1].tolist() == [3]
    assert not torch.allclose(made(gap), made(torch.tensor([[3, 4]])))
    (gradient,) = torch.autograd.grad(made(gap).sum(), made.embedding.weight)
    assert torch.equal(gradient.abs().sum(1) > 0, torch.isin(torch.arange(30), torch.tensor([3, 4])))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", SENTENCE_MODELS)
def test_the_order_of_words_counts(name: str, variant: str) -> None:
    made = built(name, variant, SMALL[name]).eval()
    assert not torch.allclose(made(torch.tensor([[3, 9, 4]])), made(torch.tensor([[4, 9, 3]])))


def test_dropout_acts_between_the_layers_in_training_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "rand_like", lambda x: torch.full_like(x, 0.9))
    made = built("lstm_classifier", "reference", LSTM | {"dropout": 0.5})
    kept = made(sentences())
    monkeypatch.setattr(torch, "rand_like", lambda x: torch.zeros_like(x))
    dropped = made(sentences())
    assert not torch.allclose(kept, made.eval()(sentences()))  # what stays is doubled
    one_layer_in = copy.deepcopy(made)
    with torch.no_grad():
        for side in ("", "_reverse"):
            getattr(one_layer_in.lstm, f"weight_ih_l1{side}").zero_()
    assert_close(dropped.detach(), one_layer_in(sentences()).detach())


@pytest.mark.parametrize("variant", VARIANTS)
def test_training_is_random_and_evaluation_is_not(variant: str) -> None:
    made = built("lstm_classifier", variant, LSTM | {"dropout": 0.5})
    assert not torch.equal(made(sentences()), made(sentences()))
    assert torch.equal(made.eval()(sentences()), made(sentences()))
    single = built("lstm_classifier", variant, LSTM | {"n_layers": 1, "dropout": 0.5})
    assert torch.equal(single(sentences()), single(sentences()))


REFUSED: list[tuple[str, list[Tensor], type[Exception], str]] = [
    *(
        row
        for name in SENTENCE_MODELS
        for row in (
            (name, [torch.tensor([3, 4])], ValueError, "N, T"),
            (name, [torch.zeros(0, 4, dtype=torch.int64)], ValueError, "N, T"),
            (name, [torch.tensor([[3, 4], [0, 0]])], ValueError, "1 to 2 words here, not 0"),
            (name, [torch.tensor([[3, 4]]), torch.tensor([3])], ValueError, "1 to 2 words here, not 3"),
            (name, [torch.tensor([[3, 4]]), torch.tensor([0])], ValueError, "1 to 2 words here, not 0"),
            (name, [torch.tensor([[3, 4]]), torch.tensor([1, 2])], ValueError, "one number a sentence"),
            (name, [torch.tensor([[3, 30]])], IndexError, "out of range"),
        )
    ),
    ("time_series_lstm", [torch.ones(3, 2, dtype=torch.float64)], ValueError, "N, T, features"),
    ("time_series_lstm", [torch.ones(3, 0, 2, dtype=torch.float64)], ValueError, "T above 0"),
    ("time_series_lstm", [torch.ones(3, 4, 5, dtype=torch.float64)], RuntimeError, "2|features"),
]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("name", "given", "error", "said"), REFUSED)
def test_inputs_that_do_not_fit_are_refused(
    name: str, given: list[Tensor], error: type[Exception], said: str, variant: str
) -> None:
    with pytest.raises(error, match=said):
        built(name, variant, SMALL[name])(*given)


@pytest.mark.parametrize("variant", VARIANTS)
def test_arguments_that_do_not_fit_are_refused(variant: str) -> None:
    for dropout in (-0.1, 1.1):
        with pytest.raises(ValueError, match="dropout"):
            built("lstm_classifier", variant, LSTM | {"dropout": dropout})
    for heads in (0, 3):
        with pytest.raises(ValueError, match="num_heads divides embed_dim"):
            built("attention_classifier", variant, ATTENTION | {"num_heads": heads})
    with pytest.raises(ValueError, match=r"up to 2 words \(max_len\), not 3"):
        built("attention_classifier", variant, ATTENTION | {"max_len": 2})(torch.tensor([[3, 4, 5]]))


def test_the_positions_are_the_same_in_both_formulations() -> None:
    for width in (8, 7):
        arguments = ATTENTION | {"embed_dim": width, "num_heads": 1}
        ours, theirs = (built("attention_classifier", variant, arguments).float().pe for variant in VARIANTS)
        assert isinstance(ours, Tensor)
        assert isinstance(theirs, Tensor)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-7)


DOCUMENTED = Variant("documented", DocumentedLSTMClassifier)
REFERENCE, TORCH = (nnbench.component("architectures.lstm_classifier").variant(name) for name in VARIANTS)


def test_the_documented_classifier_reads_padding() -> None:
    found = padding_shows(DOCUMENTED, REFERENCE)
    assert found.shown
    told = [part.split(")")[0] for part in found.says.split("(")[1:]]
    assert len(set(told)) == 3  # two of the documented network, one of the reference, told twice
    assert told[2] == told[3]


@pytest.mark.parametrize("mended", [REFERENCE, TORCH])
def test_a_mended_classifier_shows_no_erratum(mended: Variant) -> None:
    assert not padding_shows(mended, REFERENCE).shown
    assert not padding_shows(DOCUMENTED, DOCUMENTED).shown  # a reference that reads padding proves nothing


def test_gathering_the_evidence_leaves_the_random_numbers_alone() -> None:
    torch.manual_seed(7)
    padding_shows(DOCUMENTED, REFERENCE)
    drawn = torch.rand(3)
    torch.manual_seed(7)
    assert torch.equal(drawn, torch.rand(3))


def test_without_padding_the_documented_classifier_is_right() -> None:
    full = sentences([9, 9])
    documented = nnbench.component("architectures.lstm_classifier").variant("documented").build(**LSTM).double().eval()
    right = built("lstm_classifier", "reference", LSTM).eval()
    documented.load_state_dict(right.state_dict())
    assert_close(documented(full).detach(), right(full).detach())
    assert not torch.allclose(documented(sentences()), right(sentences()))


@pytest.mark.parametrize("name", ["lstm_classifier", "attention_classifier", "time_series_lstm"])
def test_recipes_build_their_network_from_their_data(name: str) -> None:
    component = nnbench.component(f"architectures.{name}")
    recipe = component.recipe
    assert recipe is not None
    record = find(recipe.data)
    sizes = {recipe.features_argument: 1, recipe.classes_argument: len(record.classes)}
    for variant in VARIANTS:
        made = component.variant(variant).build(**{k: v for k, v in sizes.items() if k}, **recipe.arguments)
        assert made.fc.out_features == (len(record.classes) or 1)

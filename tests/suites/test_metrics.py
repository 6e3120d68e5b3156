"""Metrics beside scikit-learn and torch, by hand in small examples, and where there is little or nothing to measure."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from suite_support import arguments_of, inputs_of
from torch import Tensor

import nnbench
from nnbench import case, rand, randint, randn
from nnbench.specs import Case
from nnbench.workload import outcome_of

NAMES = (
    "accuracy",
    "precision_recall_f1",
    "confusion_matrix",
    "classification_report",
    "mae",
    "mse",
    "epoch_loss",
)
COMPONENTS = {name: nnbench.component(f"metrics.{name}") for name in NAMES}
HALF = (torch.float16, torch.bfloat16)

SCORES, CLASSES, THREE = randn(50, 4), randint(4, (50,)), randint(3, (50,))
OPTIONS: dict[str, list[Case]] = {
    "accuracy": [
        *(case(SCORES, CLASSES, topk=topk) for topk in (1, 2, 3)),
        case(SCORES, CLASSES, topk=2, ignore_index=3),
        case(CLASSES, CLASSES, ignore_index=0),
        case(CLASSES, CLASSES, ignore_index=-100),
        case(randn(50, 5), CLASSES, topk=2),  # the last class never occurs
        case(randn(1, 3), randint(3, (1,))),
    ],
    "precision_recall_f1": [case(rand(50), randint(2, (50,)), threshold=t) for t in (0.0, 0.1, 0.9, 1.0)]
    + [case(rand(5, 10, 1), randint(2, (5, 10, 1))), case(rand(50), randint(1, (50,)))],
    "confusion_matrix": [
        case(CLASSES, THREE, num_classes=number, normalize=by, name=f"{number},{by}")
        for number in (None, 4, 6)
        for by in (None, "true", "pred", "all")
    ],
    "classification_report": [
        case(CLASSES, THREE),
        case(THREE, CLASSES, num_classes=4),
        case(CLASSES, CLASSES, num_classes=7),
        case(randint(1, (5,)), randint(1, (5,))),
        case(THREE, THREE, target_names=["cat", "dog", "fox"]),
    ],
    "mae": [case(randn(3, 4, 5), randn(3, 4, 5)), case(randn(1), randn(1))],
    "mse": [case(randn(3, 4, 5), randn(3, 4, 5)), case(randn(1), randn(1))],
    "epoch_loss": [case(rand(7), randint(1, 9, (7,))), case(randn(1), randint(5, 6, (1,)))],
}
ROWS = [(name, row) for name, rows in OPTIONS.items() for row in (*COMPONENTS[name].cases, *rows)]
BESIDE = [
    (name, variant, row)
    for name, row in ROWS
    for variant, made in COMPONENTS[name].variants.items()
    if variant not in ("reference", "torchmetrics") and not made.expected_to_fail  # torchmetrics has tests of its own
]


def metric(name: str, variant: str = "reference", **arguments: Any) -> Any:
    return COMPONENTS[name].variant(variant).build(**arguments)


def assert_same(got: Any, want: Any) -> None:
    """Equal: the same keys in the same order, whole numbers exactly, shares but for rounding in the tensor's dtype."""
    if isinstance(want, Mapping):
        assert list(got) == list(want)
        for name, value in want.items():
            assert_same(got[name], value)
        return
    if isinstance(want, str):
        assert got == want
        return
    want = torch.as_tensor(np.asarray(want))
    assert got.shape == want.shape
    assert got.is_floating_point() == want.is_floating_point()
    rounding = 100 * torch.finfo(got.dtype).eps if got.is_floating_point() else 0
    torch.testing.assert_close(got.double(), want.double(), rtol=rounding, atol=0, equal_nan=True)


def drawn(row: Case) -> list[Tensor]:
    return [tensor.detach() for tensor in inputs_of(row)]


@functools.cache
def told(name: str, variant: str, row_label: str) -> Any:
    row = next(row for other, row in ROWS if other == name and row.label == row_label)
    return outcome_of(COMPONENTS[name], variant, row, 0, torch.get_default_dtype())(*drawn(row))


def test_every_metric_has_rows() -> None:
    registered = {one.id for one in nnbench.components() if one.id.startswith("metrics.")}
    assert {f"metrics.{name}" for name in NAMES} == registered == {f"metrics.{name}" for name in OPTIONS}


@pytest.mark.parametrize(("name", "row"), ROWS, ids=lambda value: getattr(value, "label", value))
def test_the_reference_equals_its_oracle(name: str, row: Case) -> None:
    oracle = COMPONENTS[name].oracle
    assert oracle is not None
    want = oracle(*(tensor.numpy() for tensor in drawn(row)), **arguments_of(row))
    assert_same(told(name, "reference", row.label), want)


@pytest.mark.parametrize(("name", "variant", "row"), BESIDE, ids=lambda value: getattr(value, "label", value))
def test_the_other_variants_equal_the_reference(name: str, variant: str, row: Case) -> None:
    got, want = (told(name, one, row.label) for one in (variant, "reference"))
    assert_same(got, want)
    assert dtypes_of(got) == dtypes_of(want)


def dtypes_of(outcome: Any) -> list[torch.dtype]:
    if not isinstance(outcome, Mapping):
        return [outcome.dtype] if isinstance(outcome, Tensor) else []
    return [one for value in outcome.values() for one in dtypes_of(value)]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, *HALF], ids=str)
@pytest.mark.parametrize("name", ["accuracy", "precision_recall_f1", "mae", "mse", "epoch_loss"])
def test_shares_and_means_are_of_the_inputs_dtype(name: str, dtype: torch.dtype) -> None:
    exact = drawn(OPTIONS[name][0])
    narrow = [tensor.to(dtype) if tensor.is_floating_point() else tensor for tensor in exact]
    got = metric(name)(*narrow)
    assert set(dtypes_of(got)) == {dtype}
    rounded = [tensor.double() if tensor.is_floating_point() else tensor for tensor in narrow]
    want = metric(name)(*rounded)
    for mine, right in zip(*(one.values() if isinstance(one, dict) else [one] for one in (got, want)), strict=True):
        assert float(mine) == pytest.approx(float(right), rel=8 * torch.finfo(dtype).eps)


def test_half_types_do_not_overflow_where_there_are_many_samples() -> None:
    many = torch.ones(200_000, dtype=torch.float16)
    assert metric("precision_recall_f1")(many, many)["f1"].item() == 1
    assert metric("accuracy")(torch.stack([many, -many], dim=1), torch.zeros(200_000, dtype=torch.int64)).item() == 1
    assert metric("epoch_loss")(many, torch.full((200_000,), 64)).item() == 1


def test_accuracy_by_hand() -> None:
    scores = torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.1, 0.5, 0.4]])
    target = torch.tensor([1, 1, 0, 2])
    assert [metric("accuracy", topk=topk)(scores, target).item() for topk in (1, 2, 3)] == [0.25, 0.75, 1.0]
    assert metric("accuracy", topk=2, ignore_index=0)(scores, target).item() == 1.0
    assert metric("accuracy")(scores.argmax(1), target).item() == 0.25


def test_of_equal_scores_the_lower_class_ranks_first_as_argmax_has_it() -> None:
    ties = torch.tensor([[1.0, 1.0, 0.0]]).repeat(3, 1)
    for target, right in enumerate([True, False, False]):
        assert bool(metric("accuracy")(ties[:1], torch.tensor([target]))) == right
    assert metric("accuracy", topk=2)(ties, torch.tensor([0, 1, 2])).item() == pytest.approx(2 / 3)


@pytest.mark.parametrize("scores", [[math.nan] * 3, [math.nan, 5.0, 1.0], [0.0, 1.0, math.nan]], ids=str)
@pytest.mark.parametrize("target", [0, 1, 2])
def test_a_network_that_gives_nan_is_never_right(scores: list[float], target: int) -> None:
    rows, targets = torch.tensor([scores, [9.0, 0.0, 0.0]]), torch.tensor([target, 0])
    for topk in (1, 2, 3):
        assert metric("accuracy", topk=topk)(rows, targets).item() == 0.5


def test_infinite_scores_rank_like_others() -> None:
    scores = torch.tensor([[math.inf, 0.0], [-math.inf, 0.0]])
    assert metric("accuracy")(scores, torch.tensor([0, 1])).item() == 1


@pytest.mark.parametrize("variant", ["reference", "torch"])
def test_without_a_sample_to_count_accuracy_is_nan(variant: str) -> None:
    none = torch.zeros(0, dtype=torch.int64)
    assert metric("accuracy", variant)(torch.zeros(0, 3), none).isnan()
    assert metric("accuracy", variant)(none, none).isnan()
    assert metric("accuracy", variant, ignore_index=1)(torch.zeros(2, 3), torch.ones(2, dtype=torch.int64)).isnan()


def test_precision_recall_and_f1_by_hand() -> None:
    found = metric("precision_recall_f1")(torch.tensor([0.9, 0.8, 0.7, 0.2]), torch.tensor([1, 0, 1, 1]))
    assert {name: value.item() for name, value in found.items()} == pytest.approx(dict.fromkeys(found, 2 / 3))
    found = metric("precision_recall_f1")(torch.tensor([0.9, 0.8, 0.7, 0.6]), torch.tensor([1, 0, 0, 0]))
    assert [value.item() for value in found.values()] == pytest.approx([0.25, 1.0, 0.4])


@pytest.mark.parametrize(
    ("predictions", "target"),
    [([], []), ([0.1, 0.2], [0, 0]), ([0.1, 0.2], [1, 1]), ([0.9, 0.8], [0, 0]), ([math.nan] * 2, [1, 0])],
    ids=["no samples", "none there or said", "none said", "none there", "nan"],
)
def test_shares_of_nothing_are_zero(predictions: list[float], target: list[int]) -> None:
    found = metric("precision_recall_f1")(torch.tensor(predictions), torch.tensor(target))
    assert [value.item() for value in found.values()] == [0, 0, 0]


def test_a_prediction_at_the_threshold_says_0() -> None:
    found = metric("precision_recall_f1", threshold=0.5)(torch.tensor([0.5, 0.75]), torch.tensor([1, 1]))
    assert found["recall"].item() == 0.5


def test_targets_may_be_floats_like_the_loss_takes_them() -> None:
    predictions, target = torch.tensor([0.9, 0.2]), torch.tensor([1.0, 1.0])
    assert metric("precision_recall_f1")(predictions, target)["recall"].item() == 0.5


def test_a_confusion_matrix_has_rows_of_true_and_columns_of_predicted_classes() -> None:
    predictions, target = torch.tensor([0, 2, 2, 1, 2]), torch.tensor([0, 0, 0, 1, 1])
    counts = metric("confusion_matrix")(predictions, target)
    assert counts.tolist() == [[1, 0, 2], [0, 1, 1], [0, 0, 0]]
    assert counts.dtype == torch.int64
    by_row = metric("confusion_matrix", normalize="true")(predictions, target)
    assert by_row.sum(1).tolist() == [1, 1, 0]
    by_column = metric("confusion_matrix", normalize="pred", num_classes=4)(predictions, target)
    assert by_column.sum(0).tolist() == pytest.approx([1, 1, 1, 0])
    assert metric("confusion_matrix", normalize="all")(predictions, target).sum().item() == pytest.approx(1)


@pytest.mark.parametrize("variant", ["reference", "torch"])
@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
def test_without_samples_all_counts_and_shares_are_zero(variant: str, normalize: str | None) -> None:
    none = torch.zeros(0, dtype=torch.int64)
    found = metric("confusion_matrix", variant, num_classes=3, normalize=normalize)(none, none)
    assert found.tolist() == [[0, 0, 0]] * 3


def test_a_report_by_hand() -> None:
    predictions, target = torch.tensor([0, 0, 1, 1, 1]), torch.tensor([0, 0, 0, 1, 1])
    report = metric("classification_report", num_classes=3, target_names=["a", "b", "c"])(predictions, target)
    rows = {name: [value.item() for value in report[name].values()] for name in ("a", "b", "c")}
    assert rows["a"] == pytest.approx([1, 2 / 3, 0.8, 3])
    assert rows["b"] == pytest.approx([2 / 3, 1, 0.8, 2])
    assert rows["c"] == [0, 0, 0, 0]  # it never occurs, and it counts in the macro average
    assert report["accuracy"].item() == pytest.approx(0.8)
    assert report["macro"]["f1"].item() == pytest.approx(1.6 / 3)
    assert report["weighted"]["precision"].item() == pytest.approx((3 * 1 + 2 * 2 / 3) / 5)
    assert report["weighted"]["support"].item() == 5


def test_a_report_of_no_samples_is_zero_throughout() -> None:
    none = torch.zeros(0, dtype=torch.int64)
    report = metric("classification_report", num_classes=2)(none, none)
    assert report["accuracy"].item() == 0
    assert {value.item() for name in ("0", "1", "macro", "weighted") for value in report[name].values()} == {0}


@pytest.mark.parametrize("name", ["mae", "mse"])
def test_errors_of_nothing_and_of_nan_are_nan(name: str) -> None:
    assert metric(name)(torch.zeros(0), torch.zeros(0)).isnan()
    assert metric(name)(torch.tensor([math.nan, 1.0]), torch.zeros(2)).isnan()
    assert metric(name)(torch.zeros(2), torch.tensor([math.nan, 1.0])).isnan()
    assert metric(name)(torch.tensor([math.inf, 1.0]), torch.zeros(2)).item() == math.inf


def test_mae_and_mse_by_hand() -> None:
    predictions, target = torch.tensor([1.0, 2.0]), torch.tensor([2.0, 5.0])
    assert [metric(name)(predictions, target).item() for name in ("mae", "mse")] == [2.0, 5.0]


def test_an_epochs_loss_is_the_mean_over_its_samples() -> None:
    samples = torch.rand(70, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    batches = samples.split(32)
    means, sizes = torch.stack([batch.mean() for batch in batches]), torch.tensor([len(batch) for batch in batches])
    torch.testing.assert_close(metric("epoch_loss")(means, sizes), samples.mean(), rtol=1e-14, atol=0)
    assert abs(float(metric("epoch_loss", "documented")(means, sizes) - samples.mean())) > 1e-4


def test_batches_of_one_size_may_be_averaged() -> None:
    losses, sizes = torch.rand(5, dtype=torch.float64), torch.full((5,), 32)
    found = [metric("epoch_loss", variant)(losses, sizes) for variant in ("reference", "documented")]
    torch.testing.assert_close(found[0], found[1])


def test_a_batch_without_samples_has_no_part_in_the_epochs_loss() -> None:
    losses = torch.tensor([1.0, math.nan, 4.0])
    assert metric("epoch_loss")(losses, torch.tensor([1, 0, 2])).item() == 3
    assert metric("epoch_loss")(losses, torch.tensor([1, 1, 2])).isnan()
    assert metric("epoch_loss")(losses, torch.zeros(3, dtype=torch.int64)).isnan()
    assert metric("epoch_loss")(torch.zeros(0), torch.zeros(0, dtype=torch.int64)).isnan()


def test_e17_shows_in_the_documented_form_and_not_in_the_reference() -> None:
    component = COMPONENTS["epoch_loss"]
    documented = component.variant("documented")
    assert documented.errata == ("E17",)
    evidence = documented.evidence["E17"]
    found, mended = evidence(documented, component.reference), evidence(component.reference, component.reference)
    assert found.shown
    assert "0.5385" in found.says
    assert "1.75" in found.says
    assert not mended.shown


CLASS = torch.zeros(4, dtype=torch.int64)
BELOW, ABOVE = CLASS - 1, CLASS + 3
REFUSED: dict[str, tuple[str, dict[str, Any], tuple[Tensor, ...]]] = {
    "scores of other samples": ("accuracy", {}, (torch.zeros(3, 2), CLASS)),
    "classes of other samples": ("accuracy", {}, (CLASS[:3], CLASS)),
    "targets that are scores": ("accuracy", {}, (torch.zeros(4, 2), torch.zeros(4, 2))),
    "images": ("accuracy", {}, (torch.zeros(4, 2, 2), CLASS)),
    "no place": ("accuracy", {"topk": 0}, (torch.zeros(4, 2), CLASS)),
    "more places than classes": ("accuracy", {"topk": 3}, (torch.zeros(4, 2), CLASS)),
    "places of classes": ("accuracy", {"topk": 2}, (CLASS, CLASS)),
    "a column of predictions": ("precision_recall_f1", {}, (torch.zeros(4, 1), CLASS)),
    "a third class": ("precision_recall_f1", {}, (torch.zeros(4), CLASS + 2)),
    "a column of values": ("mae", {}, (torch.zeros(4, 1), torch.zeros(4))),
    "a row of values": ("mse", {}, (torch.zeros(1, 4), torch.zeros(4))),
    "another normalisation": ("confusion_matrix", {"normalize": "rows"}, (CLASS, CLASS)),
    "a class below 0": ("confusion_matrix", {"num_classes": 3}, (BELOW, CLASS)),
    "a class above the last": ("confusion_matrix", {"num_classes": 3}, (CLASS, ABOVE)),
    "a class below 0 and no number": ("confusion_matrix", {}, (CLASS, BELOW)),
    "scores in place of classes": ("confusion_matrix", {"num_classes": 3}, (torch.zeros(4), CLASS)),
    "one sample too few": ("confusion_matrix", {"num_classes": 3}, (CLASS[:3], CLASS)),
    "no samples and no number": ("confusion_matrix", {}, (CLASS[:0], CLASS[:0])),
    "one name too few": ("classification_report", {"num_classes": 3, "target_names": ["a", "b"]}, (CLASS, CLASS)),
    "a reported class above the last": ("classification_report", {"num_classes": 3}, (CLASS, ABOVE)),
    "sizes of other batches": ("epoch_loss", {}, (torch.zeros(3), CLASS)),
    "a negative size": ("epoch_loss", {}, (torch.zeros(4), BELOW)),
}


@pytest.mark.parametrize("row", REFUSED)
def test_what_does_not_fit_is_refused(row: str) -> None:
    name, arguments, inputs = REFUSED[row]
    with pytest.raises(ValueError, match=r".{20}"):
        metric(name, **arguments)(*inputs)


@pytest.mark.parametrize("target", [-1, 3])
def test_a_target_that_is_no_class_is_refused(target: int) -> None:
    with pytest.raises(RuntimeError):
        metric("accuracy")(torch.zeros(1, 3), torch.tensor([target]))


@pytest.mark.parametrize("name", NAMES)
def test_inputs_stay_as_they_were(name: str) -> None:
    row = OPTIONS[name][0]
    inputs = drawn(row)
    metric(name, **arguments_of(row))(*inputs)
    assert all(torch.equal(now, then) for now, then in zip(inputs, drawn(row), strict=True))

"""torchmetrics as a judge of the metrics: equal to scikit-learn's answers, and what it cannot say is refused."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from nnbench.suites.metrics.parts import SAMPLES
from suite_support import arguments_of, inputs_of
from torch import Tensor

import nnbench
from nnbench import case, rand, randint, randn
from nnbench.failures import MissingPackage, NotMeasurable
from nnbench.specs import Case

needs_torchmetrics = pytest.mark.skipif(
    importlib.util.find_spec("torchmetrics") is None,
    reason="needs the extra: pip install 'nnbench-harness[torchmetrics]'",
)
SCORES, CLASSES, THREE = randn(50, 4), randint(4, (50,)), randint(3, (50,))
MORE: dict[str, list[Case]] = {
    "accuracy": [
        *(case(SCORES, CLASSES, topk=topk) for topk in (1, 2, 3)),
        case(SCORES, CLASSES, topk=2, ignore_index=3),
        case(THREE, CLASSES, ignore_index=0),
        case(THREE, CLASSES, ignore_index=-100),
        case(randn(50, 5), CLASSES, topk=2),
        case(randint(1, (5,)), randint(1, (5,))),
    ],
    "precision_recall_f1": [
        *(case(rand(50), randint(2, (50,)), threshold=threshold) for threshold in (0.0, 0.1, 0.9, 1.0)),
        case(rand(5, 10, 1), randint(2, (5, 10, 1))),
        case(rand(50), randint(1, (50,))),
    ],
    "confusion_matrix": [
        case(CLASSES, THREE, num_classes=number, normalize=by, name=f"{number},{by}")
        for number in (None, 4, 6)
        for by in (None, "true", "pred", "all")
    ],
    "mae": [case(randn(3, 4, 5), randn(3, 4, 5)), case(randn(1), randn(1))],
    "mse": [case(randn(3, 4, 5), randn(3, 4, 5)), case(randn(1), randn(1))],
}
COMPONENTS = {name: nnbench.component(f"metrics.{name}") for name in MORE}
ROWS = [
    (name, row)
    for name, rows in MORE.items()
    for row in (*COMPONENTS[name].cases, *rows)
    if row.inputs[0].shape[0] != SAMPLES  # that one is driven: `nnbench check` does so
]


def metric(name: str, **arguments: Any) -> Any:
    return COMPONENTS[name].variant("torchmetrics").build(**arguments)


def by_name(outcome: Any) -> dict[str, Any]:
    return dict(outcome) if isinstance(outcome, Mapping) else {"": outcome}


@needs_torchmetrics
@pytest.mark.filterwarnings("ignore:.*NaN values found in confusion matrix")  # of classes that never occur: zeros
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize(("name", "row"), ROWS, ids=lambda value: getattr(value, "label", value))
def test_torchmetrics_equals_the_oracle(name: str, row: Case, dtype: torch.dtype) -> None:
    """scikit-learn and torchmetrics, two judges that know nothing of each other or of the reference."""
    oracle, inputs = COMPONENTS[name].oracle, [in_dtype(tensor.detach(), dtype) for tensor in inputs_of(row)]
    assert oracle is not None
    want = by_name(oracle(*(tensor.numpy() for tensor in inputs), **arguments_of(row)))
    got = by_name(metric(name, **arguments_of(row))(*inputs))
    reference = by_name(COMPONENTS[name].reference.build(**arguments_of(row))(*inputs))
    assert got.keys() == want.keys()
    for key, value in want.items():
        right = torch.as_tensor(np.asarray(value))
        assert got[key].shape == right.shape
        assert got[key].is_floating_point() == right.is_floating_point()
        assert got[key].dtype == reference[key].dtype
        rounding = 100 * torch.finfo(got[key].dtype).eps if got[key].is_floating_point() else 0
        torch.testing.assert_close(got[key].double(), right.double(), rtol=rounding, atol=0)


def in_dtype(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


@needs_torchmetrics
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_of_nothing_said_and_nothing_there_all_shares_are_zero(dtype: torch.dtype) -> None:
    found = metric("precision_recall_f1")(torch.zeros(3, dtype=dtype), torch.zeros(3, dtype=torch.int64))
    assert [value.item() for value in found.values()] == [0, 0, 0]
    scores, target = torch.zeros(2, 3, dtype=dtype), torch.ones(2, dtype=torch.int64)
    assert metric("accuracy", ignore_index=1)(scores, target).item() == 0


@needs_torchmetrics
def test_targets_may_be_floats() -> None:
    predictions, target = torch.tensor([0.9, 0.2]), torch.tensor([1.0, 1.0])
    assert metric("precision_recall_f1")(predictions, target)["recall"].item() == 0.5


@needs_torchmetrics
@pytest.mark.parametrize("wrong", [[1.5, 0.5], [-0.1, 0.5], [float("nan"), 0.5]], ids=str)
def test_what_torchmetrics_takes_for_logits_is_refused(wrong: list[float]) -> None:
    with pytest.raises(NotMeasurable, match="for logits"):
        metric("precision_recall_f1")(torch.tensor(wrong), torch.tensor([0, 1]))


@needs_torchmetrics
def test_a_single_class_is_refused() -> None:
    one = torch.zeros(3, dtype=torch.int64)
    with pytest.raises(NotMeasurable, match="two classes or more"):
        metric("confusion_matrix")(one, one)
    with pytest.raises(NotMeasurable, match="two classes or more"):
        metric("accuracy")(torch.zeros(3, 1), one)


@needs_torchmetrics
def test_without_samples_all_counts_are_zero_and_accuracy_is_refused() -> None:
    none = torch.zeros(0, dtype=torch.int64)
    assert metric("confusion_matrix", num_classes=3)(none, none).tolist() == [[0, 0, 0]] * 3
    with pytest.raises(NotMeasurable, match="no samples"):
        metric("accuracy")(none, none)


@pytest.mark.parametrize("name", MORE)
def test_the_adapter_is_named_as_text(name: str) -> None:
    """So that torchmetrics is imported only when such a variant is built."""
    assert COMPONENTS[name].variant("torchmetrics").target == f"nnbench.suites._torchmetrics.metrics:{name}"


@pytest.fixture
def without_adapters() -> Iterator[None]:
    """As if nothing of torchmetrics' were imported yet."""
    names = [name for name in sys.modules if name.partition(".")[0] == "torchmetrics" or "._torchmetrics" in name]
    kept = {name: sys.modules.pop(name) for name in names}
    yield
    for name in [name for name in sys.modules if name.startswith("nnbench.suites._torchmetrics")]:
        del sys.modules[name]
    sys.modules.pop("torchmetrics", None)
    sys.modules.update(kept)


def test_without_torchmetrics_the_reason_names_the_extra(
    without_adapters: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchmetrics", None)  # importing it then says that there is no such module
    told = r"torchmetrics is not installed: pip install 'nnbench-harness\[torchmetrics\]'"
    with pytest.raises(MissingPackage, match=told):
        metric("accuracy")

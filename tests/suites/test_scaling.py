"""Features and bytes brought into range: scikit-learn's numbers, columns that do not vary, shapes, and refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from nnbench.suites.data.standard_scaler import StandardScaler, nearly_constant
from nnbench.suites.data.to_unit_range import to_unit_range
from sklearn.preprocessing import StandardScaler as OfScikitLearn
from torch import Tensor

import nnbench

SCALER = nnbench.component("data.standard_scaler")
CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def table(*shape: int, seed: int = 0) -> Tensor:
    numbers = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return 3 * numbers + 5


OPTIONS: list[dict[str, bool]] = [
    {},
    {"with_mean": False},
    {"with_std": False},
    {"with_mean": False, "with_std": False},
    {"copy": True},
]
TABLES = {
    "usual": table(30, 4),
    "one sample": table(1, 4),
    "one feature": table(30, 1),
    "large numbers": table(30, 4) * 1e12,
    "small numbers": table(30, 4) * 1e-12,
    "small spread": 1e6 + 1e-3 * table(30, 4),
    "constant": torch.full((30, 2), 0.1, dtype=torch.float64),
    "constant and large": torch.full((1000, 2), 1e9 / 3, dtype=torch.float64),
    "zeros": torch.zeros(30, 2, dtype=torch.float64),
    "half of it constant": torch.cat([table(30, 2), torch.full((30, 1), -0.7, dtype=torch.float64)], 1),
}


@pytest.mark.parametrize("arguments", OPTIONS, ids=str)
@pytest.mark.parametrize("name", TABLES)
def test_what_is_learned_and_made_of_it_equals_scikit_learns(name: str, arguments: dict[str, bool]) -> None:
    training = TABLES[name]
    others, largest = 1.5 * training[:7].flip(0), float(training.abs().max())
    ours, theirs = StandardScaler(**arguments).fit(training), OfScikitLearn(**arguments).fit(training.numpy())
    for attribute in ("mean_", "var_", "scale_"):
        found, expected = getattr(ours, attribute), getattr(theirs, attribute)
        assert (found is None) == (expected is None), attribute
        if found is not None:
            # A variance is off by the square of the mean's rounding.
            slack = {"rtol": 1e-10, "atol": 1e-25 * largest**2 + 1e-40}
            torch.testing.assert_close(found, torch.from_numpy(expected), **slack, msg=lambda said: f"{name}: {said}")
    assert ours.n_samples_seen_ == theirs.n_samples_seen_
    assert ours.n_features_in_ == theirs.n_features_in_
    scaled = ours.transform(others)
    smallest = float(theirs.scale_.min()) if theirs.scale_ is not None else 1.0
    # The mean is as precise as the numbers that it is taken of, and is taken away from them.
    slack = {"rtol": 1e-10, "atol": 1e-14 * largest / smallest}
    torch.testing.assert_close(scaled, torch.from_numpy(theirs.transform(others.numpy())), **slack)
    restored = torch.from_numpy(theirs.inverse_transform(scaled.numpy()))
    torch.testing.assert_close(ours.inverse_transform(scaled), restored, rtol=1e-10, atol=1e-14 * largest)


@pytest.mark.parametrize("name", ["constant", "constant and large", "zeros"])
def test_a_constant_column_is_only_shifted(name: str) -> None:
    scaler = StandardScaler().fit(TABLES[name])
    assert scaler.scale_ is not None
    assert scaler.scale_.tolist() == [1.0, 1.0]
    assert scaler.transform(TABLES[name]).abs().max() < 1e-6


def test_a_column_is_constant_up_to_what_rounding_leaves() -> None:
    scale = StandardScaler().fit(nearly_constant()).scale_
    assert scale is not None
    assert scale[:2].tolist() == [1.0, 1.0]
    assert 0 < scale[2] < 1e-13
    torch.testing.assert_close(scale, torch.from_numpy(OfScikitLearn().fit(nearly_constant().numpy()).scale_), **CLOSE)


def test_fitted_data_has_mean_0_and_standard_deviation_1() -> None:
    scaled = StandardScaler().fit_transform(table(50, 3))
    torch.testing.assert_close(scaled.mean(0), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(scaled.std(0, correction=0), torch.ones(3, dtype=torch.float64), **CLOSE)


def test_other_data_is_scaled_by_what_was_learned_from_the_training_data() -> None:
    training = torch.tensor([[0.0, 10.0], [2.0, 30.0]])
    scaler = StandardScaler().fit(training)
    assert scaler.transform(torch.tensor([[3.0, 40.0]])).tolist() == [[2.0, 2.0]]
    assert scaler.inverse_transform(torch.tensor([[-1.0, 0.0]])).tolist() == [[0.0, 20.0]]


def test_fitting_again_forgets_what_was_learned() -> None:
    scaler = StandardScaler().fit(table(9, 2))
    assert scaler.fit(table(5, 3, seed=2)).transform(table(4, 3)).shape == (4, 3)
    assert scaler.n_samples_seen_ == 5


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_features_are_worked_on_in_float64(dtype: torch.dtype) -> None:
    features = (table(40, 3) + 300).to(dtype)
    scaler = StandardScaler().fit(features)
    exact = StandardScaler().fit_transform(features.double())
    got = scaler.transform(features)
    assert got.dtype == dtype
    assert scaler.mean_ is not None
    assert scaler.mean_.dtype == torch.float64
    torch.testing.assert_close(got, exact.to(dtype), rtol=0, atol=0)


def test_no_samples_are_transformed_into_none() -> None:
    assert StandardScaler().fit(table(9, 2)).transform(torch.zeros(0, 2)).shape == (0, 2)


@pytest.mark.parametrize(
    ("features", "error", "says"),
    [
        (table(9), ValueError, r"\(samples, features\), not \(9,\)"),
        (table(9, 0), ValueError, r"not \(9, 0\)"),
        (table(0, 3), ValueError, "one sample"),
        (table(9, 3).numpy(), TypeError, "ndarray"),
        (torch.ones(9, 3, dtype=torch.int64), TypeError, "int64"),
        (torch.tensor([[1.0], [math.nan]]), NotImplementedError, "NaN"),
        (torch.tensor([[1.0], [math.inf]]), ValueError, "finite"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(features: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        StandardScaler().fit(features)


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_a_scaler_is_fitted_first_and_to_as_many_features(method: str) -> None:
    with pytest.raises(ValueError, match="not fitted"):
        getattr(StandardScaler(), method)(table(9, 3))
    with pytest.raises(ValueError, match="on 2 features, not 3"):
        getattr(StandardScaler().fit(table(9, 2)), method)(table(9, 3))


def test_working_in_place_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="copy=False"):
        SCALER.reference.build(copy=False)


EVERY_BYTE = torch.arange(256, dtype=torch.uint8).reshape(2, 8, 16)


@pytest.mark.parametrize(("flat", "shape"), [(False, (2, 8, 16, 1)), (True, (2, 128))])
def test_every_byte_is_its_share_of_255(flat: bool, shape: tuple[int, ...]) -> None:
    got = to_unit_range(EVERY_BYTE, flat=flat)
    assert got.dtype == torch.float32
    assert got.shape == shape
    assert got.flatten().tolist() == (np.arange(256, dtype=np.float32) / np.float32(255)).tolist()
    assert (got.min(), got.max()) == (0, 1)


@pytest.mark.parametrize("flat", [False, True])
def test_no_images_give_none(flat: bool) -> None:
    assert to_unit_range(EVERY_BYTE[:0], flat=flat).shape == ((0, 128) if flat else (0, 8, 16, 1))


@pytest.mark.parametrize(
    ("images", "error", "says"),
    [
        (EVERY_BYTE / 255, TypeError, "uint8.*not torch.float32"),
        (EVERY_BYTE.long(), TypeError, "int64"),
        (EVERY_BYTE.numpy(), TypeError, "ndarray"),
        (EVERY_BYTE[0], ValueError, r"not \(8, 16\)"),
        (EVERY_BYTE[..., None], ValueError, r"not \(2, 8, 16, 1\)"),
        (EVERY_BYTE[:, :0], ValueError, "pixel"),
    ],
)
def test_what_are_no_bytes_of_images_is_refused(images: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        to_unit_range(images)


def test_what_is_changed_in_place_is_told() -> None:
    assert SCALER.drive is not None
    told = [SCALER.drive(made, table(32, 3))["unchanged"] for made in (StandardScaler, InPlace)]
    assert told == [True, False]


class InPlace(StandardScaler):
    def transform(self, features: Tensor) -> Tensor:
        return features.sub_(self.mean_)

"""Features brought to mean 0 and standard deviation 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import case, randint, randn

suite = Suite("data")

EPS = torch.finfo(torch.float64).eps


class StandardScaler:
    """Each column less its mean, divided by its standard deviation, both of the data that it was fitted on.

    ``z = (x - mean_) / scale_``; ``scale_ = sqrt(var_)`` with the variance counted with n, and 1 where a column is
    constant but for rounding. x and z (samples, features), in x's dtype; ``mean_``, ``var_`` and ``scale_``
    (features,), in float64, None where ``with_mean`` and ``with_std`` leave them out; ``n_samples_seen_``.
    ``ValueError`` for other shapes, for data without samples, infinite values, and use before ``fit``; ``TypeError``
    for what is no floating-point tensor; ``NotImplementedError`` for ``copy=False`` and for missing values (NaN).
    Source: sklearn.preprocessing.StandardScaler.
    """

    def __init__(self, *, copy: bool = True, with_mean: bool = True, with_std: bool = True) -> None:
        if not copy:
            raise NotImplementedError(f"copy={copy!r} is not supported: the data is never changed in place")
        self.with_mean, self.with_std = with_mean, with_std
        self.mean_: Tensor | None = None
        self.var_: Tensor | None = None
        self.scale_: Tensor | None = None
        self.n_features_in_: int | None = None

    def fit(self, features: Tensor) -> StandardScaler:
        refuse_no_table(features)
        if not len(features):
            raise ValueError("a mean needs one sample at least, and there is none")
        x = features.to(torch.float64)
        count, mean = len(x), x.mean(0)
        variance = torch.square(x - mean).mean(0)
        # What is left of the variance of equal numbers when their mean is rounded.
        by_rounding = (count * mean * EPS) ** 2
        scale = torch.where(variance <= by_rounding, 1, torch.sqrt(variance))
        self.n_samples_seen_, self.n_features_in_ = count, x.shape[1]
        self.mean_ = mean if self.with_mean or self.with_std else None
        self.var_, self.scale_ = (variance, scale) if self.with_std else (None, None)
        return self

    def transform(self, features: Tensor) -> Tensor:
        self._refuse_misfit(features)
        x = features.to(torch.float64)
        if self.with_mean and self.mean_ is not None:
            x = x - self.mean_
        return (x if self.scale_ is None else x / self.scale_).to(features.dtype)

    def inverse_transform(self, features: Tensor) -> Tensor:
        self._refuse_misfit(features)
        z = features.to(torch.float64)
        if self.scale_ is not None:
            z = z * self.scale_
        return (z + self.mean_ if self.with_mean and self.mean_ is not None else z).to(features.dtype)

    def fit_transform(self, features: Tensor) -> Tensor:
        return self.fit(features).transform(features)

    def _refuse_misfit(self, features: Tensor) -> None:
        if self.n_features_in_ is None:
            raise ValueError("the scaler is not fitted yet: call fit with the training data first")
        refuse_no_table(features)
        if features.shape[1] != self.n_features_in_:
            raise ValueError(f"it was fitted on {self.n_features_in_} features, not {features.shape[1]}")


def refuse_no_table(features: Tensor) -> None:
    if not isinstance(features, Tensor):
        raise TypeError(f"features are a floating-point tensor, not {type(features).__name__}")
    if not features.is_floating_point():
        raise TypeError(f"features are floating-point numbers, not {features.dtype}")
    if features.dim() != 2 or not features.shape[1]:
        raise ValueError(f"features are (samples, features), not {tuple(features.shape)}")
    if features.isnan().any():
        raise NotImplementedError("missing values (NaN) are not supported")
    if features.isinf().any():
        raise ValueError("features are finite, and some of these are not")


def uneven(numbers: Tensor) -> Tensor:
    """A case's normal numbers with another mean and spread in each column; the last column is constant."""
    spread = 2.0 ** (torch.arange(numbers.shape[1]) % 5)
    features = (numbers + 1) * spread.to(numbers.dtype)
    features[:, -1] = 0.0125  # a mean of equal numbers that rounds
    return features


def far(numbers: Tensor) -> Tensor:
    """Fifteen samples at most, around a million: eighths, which are exact there in every precision."""
    return torch.round(numbers[:15] * 8) / 8 + 1e6


def nearly_constant() -> Tensor:
    """Zeros, and numbers apart by half and by twice what rounding the mean of so many may leave of them."""
    units = torch.tensor([[0.0, 8.0, 32.0]], dtype=torch.float64) * EPS
    signs = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(8)
    return torch.tensor([0.0, 4.0, 4.0]) * (1 + signs[:, None] * units)


def learned(scaler: Any) -> dict[str, Any]:
    found = {"mean": scaler.mean_, "variance": scaler.var_, "scale": scaler.scale_}
    found = {name: torch.as_tensor(value) for name, value in found.items() if value is not None}
    return found | {"samples": int(scaler.n_samples_seen_)}


def fitted_on_the_first_half(make: Callable[..., Any], numbers: Tensor, *more: Tensor) -> dict[str, Any]:
    """What is learned from the first half of the samples, and what it makes of the second; then from others.

    With a further input also the scale of columns that are nearly constant.
    """
    features = uneven(numbers)
    kept = features.clone()
    training, others = features.chunk(2)
    scaler = make().fit(training)
    answer = scaler.transform(others)
    scaled = torch.as_tensor(answer)
    found = {"scaled": scaled, "restored": torch.as_tensor(scaler.inverse_transform(scaled))} | learned(scaler)
    found |= {
        "again": learned(scaler.fit(far(numbers))),  # what it makes of these is as coarse as their mean
        "at once": torch.as_tensor(scaler.fit_transform(others[:9])),
        "in its dtype": scaled.dtype == features.dtype or isinstance(answer, np.ndarray),  # scikit-learn's own
        "unchanged": torch.equal(features, kept),
    }
    return found | ({"nearly constant": learned(scaler.fit(nearly_constant()))["scale"]} if more else {})


def standard_scaler_oracle(numbers: np.ndarray, *more: np.ndarray, **arguments: bool) -> dict[str, Any]:
    from sklearn.preprocessing import StandardScaler as OfScikitLearn  # slow to import

    drawn = torch.from_numpy(numbers)
    training, others = np.array_split(uneven(drawn).numpy(), 2)
    first, second, third = (
        OfScikitLearn(**arguments).fit(samples) for samples in (training, far(drawn).numpy(), others[:9])
    )
    scaled = first.transform(others)
    found = {"scaled": scaled, "restored": first.inverse_transform(scaled)} | learned(first)
    at_once = third.transform(others[:9])
    found |= {"again": learned(second), "at once": at_once, "in its dtype": True, "unchanged": True}
    fourth = OfScikitLearn(**arguments).fit(nearly_constant().numpy())
    return found | ({"nearly constant": fourth.scale_} if more else {})


suite.component(
    "standard_scaler",
    kind="transform",
    reference=StandardScaler,
    variants={"scikit_learn": "sklearn.preprocessing:StandardScaler"},
    oracle=standard_scaler_oracle,
    drive=fitted_on_the_first_half,
    cases=[
        case(randn(32, 20, requires_grad=False)),
        case(randn(32, 20, requires_grad=False), with_mean=False),
        case(randn(32, 20, requires_grad=False), with_std=False),
        case(randn(10000, 20, requires_grad=False)),
        case(randn(32, 3, requires_grad=False), randint(1, (1,)), timed=False),
    ],
    documented=["guide", "fundamentals"],
)

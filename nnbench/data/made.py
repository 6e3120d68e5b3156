"""Tables of scikit-learn's: those that it ships, and those that it makes. Records only, no action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Table:
    """A table: ``classes`` is their number, 0 where the target is a number.

    One that is made has the ``arguments`` of its generator, where a recipe says nothing of such data.
    """

    name: str
    title: str
    samples: int
    features: int
    classes: int
    licence: str = ""  # none of numbers that are made
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_made(self) -> bool:
        return bool(self.arguments)


SIZES: Mapping[str, Any] = {"n_samples": 1000, "n_features": 20, "n_informative": 10}
# Made or read in no time, and split as each recipe says.
TABLES: Mapping[str, Table] = MappingProxyType(
    {
        table.name: table
        for table in (
            Table("make_classification", "Clouds of points", 1000, 20, 3, arguments={**SIZES, "n_classes": 3}),
            Table("make_regression", "A linear function with noise", 1000, 20, 0, arguments={**SIZES, "noise": 10.0}),
            Table("breast_cancer", "Tumours, benign or malignant", 569, 30, 2, "CC BY 4.0"),
            Table("iris", "Flowers of three kinds of iris", 150, 4, 3, "CC BY 4.0"),
        )
    }
)

"""Reading a variant's documentation and source text from the objects themselves."""

from __future__ import annotations

import inspect

from nnbench.catalog import Variant
from nnbench.failures import MissingPackage


def describe_source(variant: Variant) -> dict[str, str]:
    """Where a variant is defined, its docstring and its source; what cannot be had says why."""
    try:
        target = variant.resolve()
    except MissingPackage as reason:
        return {"name": str(variant.target), "doc": str(reason), "source": ""}
    name = f"{target.__module__}.{target.__qualname__}" if hasattr(target, "__qualname__") else repr(target)
    try:
        source = inspect.getsource(target)
    except (OSError, TypeError):
        source = ""  # built-in functions and compiled kernels have none
    return {"name": name, "doc": inspect.getdoc(target) or "", "source": source}

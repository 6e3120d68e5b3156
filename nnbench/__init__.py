"""nnbench: is a neural-network component right, fast, small, trainable; and has that changed?

Importing it does not import torch: that waits until a component is built. It imports nothing at all until a name is
asked for, so that the command line hears Ctrl-C from its first moment on.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnbench.catalog import Component, Evidence, Suite, Variant
    from nnbench.discovery import component, components
    from nnbench.errors import NnbenchError, RegistrationError, UnknownComponent
    from nnbench.specs import Recipe, case, rand, randint, randn

__version__ = "0.1.0"

__all__ = [
    "Component",
    "Evidence",
    "NnbenchError",
    "Recipe",
    "RegistrationError",
    "Suite",
    "UnknownComponent",
    "Variant",
    "case",
    "component",
    "components",
    "rand",
    "randint",
    "randn",
]

PLACES = {
    "catalog": ("Component", "Evidence", "Suite", "Variant"),
    "discovery": ("component", "components"),
    "errors": ("NnbenchError", "RegistrationError", "UnknownComponent"),
    "specs": ("Recipe", "case", "rand", "randint", "randn"),
}


def __getattr__(name: str) -> Any:
    """A public name, from the module that has it."""
    place = next((module for module, names in PLACES.items() if name in names), None)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(f"{__name__}.{place}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

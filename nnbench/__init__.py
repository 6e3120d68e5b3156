"""nnbench: is a neural-network component right, fast, small, trainable; and has that changed?

Importing it does not import torch: that waits until a component is built.
"""

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

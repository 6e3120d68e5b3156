"""How a layer's settings are printed: as torch prints those of its own."""

from __future__ import annotations

from typing import Any

from torch import nn


def named(module: nn.Module, *names: str) -> str:
    """``name=value`` of each attribute."""
    return ", ".join(f"{name}={getattr(module, name)}" for name in names)


def changed(module: nn.Module, **defaults: Any) -> str:
    """The same of those that are not at their default, with a comma before each."""
    values = {name: getattr(module, name) for name in defaults}
    return "".join(f", {name}={value}" for name, value in values.items() if value != defaults[name])

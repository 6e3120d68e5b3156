"""Registered components with a place of their source rewritten, in the reference's module or in one that it imports."""

from __future__ import annotations

import importlib
import inspect
import sys
from types import ModuleType
from typing import Any

import nnbench

PACKAGE = "nnbench.suites."


def rewritten(identifier: str, module: str, old: str, new: str) -> Any:
    """The reference of a component, ``old`` replaced by ``new`` where it stands once in the source of ``module``."""
    reference = nnbench.component(identifier).reference.resolve()
    changed = _executed(importlib.import_module(PACKAGE + module), old, new)
    own = sys.modules[reference.__module__]
    if changed.__name__ == own.__name__:
        return getattr(changed, reference.__qualname__)
    kept = sys.modules[changed.__name__]
    sys.modules[changed.__name__] = changed
    try:
        return getattr(_executed(own, "", ""), reference.__qualname__)
    finally:
        sys.modules[changed.__name__] = kept


def _executed(module: ModuleType, old: str, new: str) -> ModuleType:
    source = inspect.getsource(module)
    if old:
        assert source.count(old) == 1, f"{old!r} stands {source.count(old)} times in {module.__name__}"
        source = source.replace(old, new)
    made = ModuleType(module.__name__)
    made.__file__ = module.__file__
    # Dataclasses look their module up where it is registered.
    kept = sys.modules[module.__name__]
    sys.modules[module.__name__] = made
    try:
        exec(compile(source, f"<{module.__name__} rewritten>", "exec"), made.__dict__)
    finally:
        sys.modules[module.__name__] = kept
    return made

"""The one place that imports torchvision."""

from __future__ import annotations

import functools
import importlib
import sys
from types import ModuleType
from typing import Any

# What torchvision's Python files describe further while they are imported; both take (boxes, scores, threshold).
MISSING = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
OPERATORS = ("nms", "qnms")

_declared: list[Any] = []  # torch.library.Library objects: a declaration lives as long as its object


@functools.cache
def import_torchvision() -> ModuleType:
    """The module torchvision, also where its compiled operators cannot be loaded.

    The wheels on the package index are built for CUDA. Next to a CPU-only torch their shared library does not load,
    and then torchvision's import stops at ``operator torchvision::nms does not exist``, although data sets,
    transforms and models need no such operator. Two declarations without an implementation are enough for those;
    calling one of the operators still fails, with torchvision's own message. Where the plain import works, nothing
    is declared.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    # The submodules imported before the failure believe that they are done: a second import must run them again.
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    _declare_operators()
    return importlib.import_module("torchvision")


def _declare_operators() -> None:
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in OPERATORS:
        library.define(name + MISSING)
    _declared.append(library)

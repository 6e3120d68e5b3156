"""Metrics out of torchmetrics, with the references' arguments: what the variants "torchmetrics" are made of.

Importing this package imports torchmetrics, which takes seconds. The suites name its contents in texts
("nnbench.suites._torchmetrics.metrics:accuracy"), so that happens only when such a variant is built.
"""

from __future__ import annotations

from nnbench.vision import import_torchvision

EXTRA = "pip install 'nnbench-harness[torchmetrics]'"

import_torchvision()  # torchmetrics imports it, and cannot where its operators do not load
try:
    import torchmetrics  # noqa: F401  every module of this folder needs it
except ModuleNotFoundError as error:
    if error.name != "torchmetrics":
        raise
    raise ImportError(f"torchmetrics is not installed: {EXTRA}") from None

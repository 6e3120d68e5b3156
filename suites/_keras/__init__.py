"""Keras' counterparts of the components, behind torch's names: what the variants "keras" are made of.

Importing this package imports Keras on its torch backend, which takes seconds. The suites name its contents in texts
("nnbench.suites._keras.layers:Dense"), so that happens only when such a variant is built.
"""

from __future__ import annotations

import os
import sys

EXTRA = "pip install 'nnbench-harness[keras]'"

if "keras" not in sys.modules:
    os.environ["KERAS_BACKEND"] = "torch"  # read once, when Keras is first imported
try:
    import keras
except ModuleNotFoundError as error:
    if error.name != "keras":
        raise
    raise ImportError(f"Keras is not installed: {EXTRA}") from None

if keras.config.backend() != "torch":
    raise ImportError(
        f"Keras is already loaded with the backend {keras.config.backend()}, and it cannot change it: "
        "set KERAS_BACKEND=torch before it is first imported"
    )
keras.config.dtype_policy()  # settles the default dtype of other people's layers before an adapter works in float64

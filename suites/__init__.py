"""The built-in suites."""

import os

# Keras asks once, when it is first imported, and TensorBoard may import it (through TensorFlow) before we do.
os.environ.setdefault("KERAS_BACKEND", "torch")

"""Regularizers: one module a family, each with a suite of this name; they are merged."""

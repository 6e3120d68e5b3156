"""Activation functions, each from its formula in exponentials, comparisons and arithmetic."""

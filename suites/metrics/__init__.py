"""Metrics: one module a family, each with a suite of this name; they are merged.

Each is a function of predictions and targets that gives a tensor or a dictionary of tensors: shares and means in the
dtype of its floating-point inputs (torch's default dtype where there are none), counts as integers.
"""

"""Experiments: the same training over seeds with one thing changed, and what may be said of the difference."""

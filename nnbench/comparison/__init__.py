"""Comparison: numbers of seeds in, what may be said of them out. No training, no files, no torch."""

"""Pages of experiments: which of several is better, and how sure that is."""

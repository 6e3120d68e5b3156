"""Data: what happens to samples before a network sees them. One module an idea, each with a suite of this name."""

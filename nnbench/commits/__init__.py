"""Commits: their files, and what of them changed for a component."""

"""Duels: two sides that take turns until one can be told from the other."""

"""Trends: stored numbers as series over time, and what of their moves is news."""

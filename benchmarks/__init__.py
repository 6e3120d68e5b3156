"""The suite that asv runs: see components.py."""

"""Variants out of torchvision: imported when they are first built, for it may be missing and is slow to import."""

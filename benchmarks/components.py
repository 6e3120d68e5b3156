"""Every built-in case under asv: time, memory, exact counters and short convergence.

The keys are frozen in cases.json, which ``python -m nnbench.doors.registry benchmarks/cases.json`` writes and a test
keeps fresh. The classes, and why they are as they are: nnbench/doors/asv_components.py.
"""

from pathlib import Path

from nnbench.doors import asv_components

globals().update(asv_components.classes(Path(__file__).with_name("cases.json")))
globals().update(asv_components.training_classes())

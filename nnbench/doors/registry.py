"""What the doors (asv, pytest-benchmark) are given: keys of cases, and a function to call for each."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path

from nnbench.discovery import component, components
from nnbench.failures import NotMeasurable
from nnbench.metrics import modes
from nnbench.plan import parse

FROZEN_SEED = 0  # the doors time fixed inputs: their tools compare runs with each other


def keys() -> dict[str, list[str]]:
    """Mode -> the keys ``component@variant[case]`` of every timed case that has it, in order of registration.

    What shows an erratum of the documents is wrong, and given no time.
    """
    found: dict[str, list[str]] = {}
    for one in components():
        right = [name for name, variant in one.variants.items() if not variant.errata]
        for mode in modes(one.kind, one.drive is not None):
            found.setdefault(mode, []).extend(
                f"{one.id}@{variant}[{case.label}]" for case in one.cases if case.timed for variant in right
            )
    return found


@functools.lru_cache(maxsize=2)  # a case may hold much memory, and both tools take one after the other
def ready(key: str, mode: str) -> Callable[[], object]:
    """The call behind a key, built and warmed up by calling it once, with torch on one thread.

    Raises ``LookupError`` for a component, variant, case or mode that this checkout does not have, and for a variant
    whose package is not installed here.
    """
    import torch

    from nnbench.workload import prepare

    torch.set_num_threads(1)
    wanted = parse(key)
    one = component(wanted.component)
    cases = {case.label: case for case in one.cases}
    if wanted.variant not in one.variants or wanted.case not in cases:
        raise LookupError(f"{key} is not registered here")
    try:
        calls = prepare(one, wanted.variant, cases[wanted.case], FROZEN_SEED).calls
        if mode not in calls:
            raise LookupError(f"{key} has no {mode}")
        calls[mode].run()
    except NotMeasurable as reason:
        raise LookupError(f"{key}: {reason}") from None
    return calls[mode].run


def flops(key: str) -> float:
    """FLOPs of one forward call of a key's case; raises ``LookupError`` like ``ready``."""
    from nnbench.measure import counters

    return float(counters.flops(ready(key, "forward")))


def main() -> None:
    """``python -m nnbench.doors.registry FILE``: freeze the keys, for asv, which looks parameters up by position."""
    import json

    Path(sys.argv[1]).write_text(json.dumps(keys(), indent=1) + "\n")


if __name__ == "__main__":
    main()

"""What is used when an argument is left out: the reference's defaults are torch's."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from nnbench.candidate import CANDIDATE
from nnbench.checks.evidence import Finding, Skip, Wrong, passed
from nnbench.checks.trial import Trial


def defaults(trial: Trial) -> Finding:
    """Arguments of one name that have a default here and in torch's have the same.

    For ``--like``: what stands in, and the reference. Of an argument that every case gives nothing is said.
    """
    judge = "reference" if trial.variant == CANDIDATE else "torch"
    if not (trial.is_reference or trial.variant == CANDIDATE) or judge not in trial.component.variants:
        raise Skip("only a reference promises torch's own defaults, and only where there is torch's")
    ours, theirs = (_defaults(trial, name) for name in (trial.variant, judge))
    left_out = [name for name in theirs if any(name not in case.arguments for case in trial.component.cases)]
    shared = [name for name in left_out if name in ours]
    if not shared:
        raise Skip("it shares no argument with torch's that has a default and is left out in a case")
    owner = "torch's" if judge == "torch" else "the reference's"
    for name in shared:
        if type(ours[name]) is not type(theirs[name]) or ours[name] != theirs[name]:
            raise Wrong(f"{name} is {ours[name]!r} where it is not given, and {owner} is {theirs[name]!r}")
    return passed(f"of {', '.join(shared)}")


def _defaults(trial: Trial, variant: str) -> Mapping[str, Any]:
    try:
        signature = inspect.signature(trial.component.variant(variant).resolve())
    except (TypeError, ValueError):
        raise Skip(f"{variant} is built in and has no signature to read") from None
    known = signature.parameters.values()
    return {one.name: one.default for one in known if one.default is not inspect.Parameter.empty}

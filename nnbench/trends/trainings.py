"""Series of trainings, which have a row an epoch: those of the epochs that trainings ended with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from nnbench.trends.series import Key, Series

EPOCH = re.compile(r"(?:^|,)epoch=(\d+)$")


def epoch_of(case: str) -> int | None:
    """The epoch that a case's label tells; None where it is of no training.

    >>> epoch_of("mnist,epoch=20"), epoch_of("64x1024")
    (20, None)
    """
    found = EPOCH.search(case)
    return int(found.group(1)) if found else None


def last_epochs(series: Sequence[Series]) -> list[Series]:
    """Without the epochs after which every training that had them went on; what is of no training stays."""
    last: dict[tuple[Key, str], int] = {}
    for one in series:
        epoch = epoch_of(one.key.case)
        for run in one.runs if epoch is not None else ():
            of = _training(one.key), str(run)
            last[of] = max(last.get(of, 0), epoch or 0)
    return [one for one in series if _is_last(one, last)]


def _is_last(series: Series, last: dict[tuple[Key, str], int]) -> bool:
    epoch = epoch_of(series.key.case)
    return epoch is None or any(last[_training(series.key), str(run)] == epoch for run in series.runs)


def _training(key: Key) -> Key:
    """What all epochs of a training have in common."""
    return replace(key, case=EPOCH.sub("", key.case), metric="")

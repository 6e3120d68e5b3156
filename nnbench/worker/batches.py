"""How far an epoch is, told now and then while it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

SECONDS_BETWEEN = 0.5


class Batches:
    """Called after each batch; tells the first, the last, and one every half second."""

    def __init__(self, say: Callable[[dict[str, Any]], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock, self._said = say, clock, 0.0

    def __call__(self, done: int, of: int, before: str = "") -> None:
        """So many batches of the epoch are done; ``before`` names what is trained before the training itself."""
        now = self._clock()
        if done in (1, of) or now - self._said >= SECONDS_BETWEEN:
            self._said = now
            self._say({"doing": f"{before}, batch {done} of {of}"} if before else {"batches": [done, of]})

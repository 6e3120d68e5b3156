"""What a user can put right: each error says what is wrong, which values are valid, and what to type next."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class NnbenchError(Exception):
    """Something the user can put right; the command line prints it without a traceback and exits with 2."""


class UnknownComponent(NnbenchError, LookupError):
    """No registered component has this id, ``identifier``."""

    def __init__(self, message: str, identifier: str = "") -> None:
        super().__init__(message)
        self.identifier = identifier


class RegistrationError(NnbenchError):
    """A suite registers something that cannot be measured; the suite's author can put it right."""


class ResultsError(NnbenchError):
    """A run that was asked for is not in the results folder, or cannot be read."""


class DataUnavailable(NnbenchError):
    """A data set is not in the cache and none of its sources could be reached."""


def did_you_mean(wrong: str, valid: Iterable[str], prefix: str = "") -> str:
    """A hint such as ``Did you mean relu?``, or an empty string when nothing comes close.

    ``prefix`` is put before each name that is suggested.

    >>> did_you_mean("linar", ["linear", "conv2d"])
    'Did you mean linear?'
    >>> did_you_mean("xyz", ["linear"])
    ''
    """
    close = get_close_matches(wrong, list(valid), n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(prefix + name for name in close)}?" if close else ""


def listing(values: Iterable[str]) -> str:
    """Valid values for a message: ``a, b and c``.

    >>> listing(["a", "b", "c"])
    'a, b and c'
    """
    *head, last = list(values) or ["nothing"]
    return f"{', '.join(head)} and {last}" if head else last

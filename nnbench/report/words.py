"""Numbers and names as the report writes them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, datetime
from itertools import pairwise
from typing import TypeVar

from nnbench.stats import Interval

Thing = TypeVar("Thing")
Name = TypeVar("Name", bound=Hashable)

# Control characters, direction overrides, lone surrogates and non-characters: XML refuses some, a terminal or a reader
# can be fooled by others, and UTF-8 cannot write the surrogates.
UNWELCOME = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def clean(text: str) -> str:
    """The text with every character that could disturb a page replaced by a visible sign.

    >>> clean("a\\x1b[31mb")
    'a�[31mb'
    """
    return UNWELCOME.sub("\ufffd", text)


def elide(text: str, limit: int) -> str:
    """At most ``limit`` characters: the middle goes first, as names differ at their ends.

    >>> elide("abcdefghij", 5)
    'ab…ij'
    """
    if len(text) <= limit:
        return text
    tail = (limit - 1) // 2
    return f"{text[: limit - 1 - tail]}…{text[len(text) - tail :]}"


def plural(number: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(2, "case")
    '2 cases'
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def sentence(text: str) -> str:
    """With a capital where it begins with an article; a name stays as it is.

    >>> sentence("the other 4 are worse"), sentence("mlp is best")
    ('The other 4 are worse', 'mlp is best')
    """
    return f"The{text[3:]}" if text.startswith("the ") else text


def ratio(value: float) -> str:
    """A ratio with as many digits as it deserves.

    >>> [ratio(value) for value in (1.254, 0.0123, 1234.5)]
    ['1.25', '0.012', '1234']
    """
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def factor(interval: Interval) -> str:
    """A ratio with the ends of its interval.

    >>> factor(Interval(1.25, 1.22, 1.28))
    '1.25x (1.22 to 1.28)'
    """
    return f"{ratio(interval.estimate)}x ({span(interval, ratio)})"


def span(interval: Interval, write: Callable[[float], str]) -> str:
    """Both ends of an interval; a unit that they share is said once.

    >>> from nnbench.units import seconds
    >>> span(Interval(2e-4, 1.5e-4, 2.5e-4), seconds), span(Interval(1e-3, 9e-4, 1.1e-3), seconds)
    ('150 to 250 µs', '900 µs to 1.10 ms')
    """
    low, high = write(interval.low), write(interval.high)
    number, _, unit = low.partition(" ")
    return f"{number if unit and high.endswith(f' {unit}') else low} to {high}"


def moment(started: str) -> str:
    """An ISO 8601 time in UTC to the minute; what is none comes back as it is.

    >>> moment("2026-03-01T12:30:45+00:00")
    '2026-03-01, 12:30 UTC'
    """
    try:
        when = datetime.fromisoformat(started)
    except ValueError:
        return started
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return f"{aware.astimezone(UTC):%Y-%m-%d, %H:%M} UTC"


def options(command: str, name: str) -> list[str]:
    """An option of a command line with its values, each time that it is given.

    >>> options("nnbench run --suite 'my suite.py' mine --suite=b.py", "--suite")
    ['--suite', 'my suite.py', '--suite=b.py']
    """
    try:
        words = shlex.split(command)
    except ValueError:  # a quote that nobody closed
        return []
    pairs = [part for word, value in pairwise(words) if word == name for part in (word, value)]
    return pairs + [word for word in words if word.startswith(f"{name}=")]


def grouped(things: Iterable[Thing], name: Callable[[Thing], Name]) -> list[tuple[Name, list[Thing]]]:
    """Things of one name together, names and things in the order in which they came.

    >>> grouped(["ab", "c", "ad"], lambda word: word[0])
    [('a', ['ab', 'ad']), ('c', ['c'])]
    """
    groups: dict[Name, list[Thing]] = {}
    for thing in things:
        groups.setdefault(name(thing), []).append(thing)
    return list(groups.items())

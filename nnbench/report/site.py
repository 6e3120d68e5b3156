"""The site: an index, a page for each component, and one of history, which link to each other and to other pages.

Pure: what is stored comes in as records, pages go out as HTML. Every page is one file that needs nothing else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nnbench.model import Measurement, Run
from nnbench.trends.findings import Finding
from nnbench.trends.series import Series

INDEX, HISTORY = "index.html", "history.html"
RUNS, COMPONENTS, COMPARISONS = "runs", "components", "comparisons"
UP = "../index.html"  # from a page in one of these folders
PLAIN = re.compile(r"[a-z0-9][a-z0-9_.-]{0,79}")
LONGEST_STEM = 60


@dataclass(frozen=True)
class Component:
    """What is stored of a component: ``run`` is the newest that measured it, with the rows of this component alone.

    ``trained`` and ``curves`` are rows of the newest runs that have some, ``homes`` says which by what they hold.
    """

    id: str
    run: Run | None = None
    trained: tuple[Measurement, ...] = ()
    curves: tuple[Measurement, ...] = ()
    homes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """What a component did in a comparison: ``contender`` is its name there, ``value`` what it reached, a share of 1.

    ``reached`` says that in words, empty where no trial of it came to its end; ``failed`` are checks, in sentences.
    """

    component: str
    variant: str
    contender: str
    reached: str
    value: float | None = None
    data: str = ""
    passed: int = 0
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """An experiment's page: what it says first, and the components that it is about. ``when`` it began, for people."""

    title: str
    headline: str
    file: str
    components: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    when: str = ""

    def of(self, component: str) -> tuple[Part, ...]:
        """What the component did in it."""
        return tuple(one for one in self.parts if one.component == component)


@dataclass(frozen=True)
class Site:
    """Everything that the pages are made of. ``runs`` are without their measurements, oldest first.

    ``rows`` tells how many measurements each has, ``paged`` which of them have a page.
    """

    runs: tuple[Run, ...]
    rows: tuple[int, ...]
    paged: frozenset[str]
    components: tuple[Component, ...]
    comparisons: tuple[Comparison, ...] = ()
    series: tuple[Series, ...] = ()
    findings: tuple[Finding, ...] = ()
    command: str = "nnbench report --site site"


def file_name(name: str) -> str:
    """A file's name for anything that may be called anything: what is not plain gets the name's own hash.

    >>> file_name("layers.linear"), file_name("../<b>")
    ('layers.linear.html', 'b-9f46aef2a2.html')
    """
    if PLAIN.fullmatch(name):
        return f"{name}.html"
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:10]
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST_STEM]
    return f"{stem or 'page'}-{digest}.html"


def component_link(name: str) -> str:
    return f"{COMPONENTS}/{file_name(name)}"


def with_compared(components: Sequence[Component], comparisons: Sequence[Comparison]) -> tuple[Component, ...]:
    """The components with those that took part in comparisons alone, by name."""
    there = {one.id: one for one in components}
    named = [name for one in comparisons for name in one.components]
    return tuple(there.get(name, Component(name)) for name in sorted({*there, *named}))


def parts_of(site: Site, component: str) -> list[Part]:
    """What a component did in comparisons, the newest last."""
    return [part for one in site.comparisons for part in one.of(component)]


def run_link(site: Site, run: str) -> str:
    """The run's page as the index links it; empty where it has none."""
    return f"{RUNS}/{run}.html" if run in site.paged else ""


def standing(site: Site) -> Sequence[Finding]:
    """What got worse and has stayed so, the newest first; of each number the last time that it did."""
    worse = sorted((one for one in site.findings if one.fails), key=lambda one: (one.started, one.key))
    return sorted({one.key: one for one in worse}.values(), key=lambda one: (one.started, one.key), reverse=True)

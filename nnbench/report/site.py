"""The site: an index, a page for each component, and one of history, which link to each other and to other pages.

Pure: what is stored comes in as records, pages go out as HTML. Every page is one file that needs nothing else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nnbench.model import Measurement, Run
from nnbench.report.templating import environment, own, script_hash
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
class Comparison:
    """An experiment's page: what it says first, and the components that it is about."""

    title: str
    headline: str
    file: str
    components: tuple[str, ...]


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


def run_link(site: Site, run: str) -> str:
    """The run's page as the index links it; empty where it has none."""
    return f"{RUNS}/{run}.html" if run in site.paged else ""


def rendered(template: str, content: Mapping[str, Any]) -> str:
    """A page of the site from its template, with the style and the script that all pages share."""
    script = own("page.js")
    shared = {"style": own("page.css"), "script": script, "script_hash": script_hash(script)}
    return environment().get_template(template).render(shared | dict(content))


def standing(site: Site) -> Sequence[Finding]:
    """What got worse and has stayed so, the newest first; of each number the last time that it did."""
    worse = sorted((one for one in site.findings if one.fails), key=lambda one: (one.started, one.key))
    return sorted({one.key: one for one in worse}.values(), key=lambda one: (one.started, one.key), reverse=True)

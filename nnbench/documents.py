"""What the documents behind the built-in suites describe, and get wrong; and how much of it is registered."""

from __future__ import annotations

import functools
import importlib.util
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nnbench.model import ComponentInfo

FILE = "documented.toml"


@dataclass(frozen=True)
class Erratum:
    """An error of the documents: what it says, and the components whose "documented" variants show it."""

    id: str
    components: tuple[str, ...]
    says: str


@dataclass(frozen=True)
class Documents:
    """``titles`` by short name, ``components`` with the documents that describe each, ``errata`` by id."""

    titles: Mapping[str, str]
    components: Mapping[str, tuple[str, ...]]
    errata: Mapping[str, Erratum]


@dataclass(frozen=True)
class Coverage:
    """One documented component, or one that is registered as documented: where it is described and what is there."""

    id: str
    documented: tuple[str, ...]
    registered: bool
    errata: tuple[str, ...]  # that its documents hold
    missing: tuple[str, ...]  # what of it is not there, in words


@functools.cache
def read() -> Documents:
    """The documents' table, which lies beside the built-in suites."""
    package = importlib.util.find_spec("nnbench.suites")
    assert package is not None
    assert package.origin is not None
    content = tomllib.loads((Path(package.origin).parent / FILE).read_text(encoding="utf-8"))
    return Documents(
        titles=content["documents"],
        components={name: tuple(places) for name, places in content["components"].items()},
        errata={
            name: Erratum(name, tuple(entry["components"]), entry["says"]) for name, entry in content["errata"].items()
        },
    )


def coverage(documents: Documents, registered: Iterable[ComponentInfo]) -> tuple[Coverage, ...]:
    """Every documented component against what is registered, in the documents' order."""
    known = {one.id: one for one in registered}
    return tuple(_covered(documents, name, known.get(name)) for name in documents.components)


def _covered(documents: Documents, name: str, one: ComponentInfo | None) -> Coverage:
    errata = tuple(erratum.id for erratum in documents.errata.values() if name in erratum.components)
    return Coverage(
        id=name,
        documented=documents.components[name],
        registered=one is not None,
        errata=errata,
        missing=("the component",) if one is None else tuple(_lacks(documents, one, errata)),
    )


def _lacks(documents: Documents, one: ComponentInfo, errata: Iterable[str]) -> Iterable[str]:
    places = documents.components[one.id]
    shown = {erratum for variant in one.errata.values() for erratum in variant}
    yield from (f"erratum {erratum}" for erratum in errata if erratum not in shown)
    yield from (f"its place in {place}" for place in places if place not in one.documented)
    if not one.cases:
        yield "a case"

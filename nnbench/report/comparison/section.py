"""What a page of an experiment is made of: sections of paragraphs, figures and tables, plain values all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from nnbench.experiments.records import Experiment
from nnbench.report.grids import Grid


@dataclass(frozen=True)
class Figure:
    """A drawing with its title; ``svg`` is an ``svg`` element, at most ``drawing.WIDTH`` wide in its own units.

    ``note`` is a sentence below it.
    """

    title: str
    svg: Markup
    note: str = ""


@dataclass(frozen=True)
class Figures:
    """Drawings side by side, one below the other on a phone."""

    members: tuple[Figure, ...]


@dataclass(frozen=True)
class Alert:
    """A sentence that nobody should miss."""

    text: str


@dataclass(frozen=True)
class Folded:
    """Parts that unfold below a summary."""

    summary: str
    parts: tuple[Part, ...]


Part = str | Alert | Figures | Grid | Folded  # a text is a paragraph


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading. ``name`` is its id, ``link`` what the navigation calls it."""

    name: str
    title: str
    link: str
    parts: tuple[Part, ...]


Builder = Callable[[Experiment], Section | None]  # None where there is nothing to say

"""What every page is made with: the templates beside this file, everything escaped, styles and scripts of our own."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from nnbench.report.words import clean


@cache
def environment() -> Environment:
    """The templates. Text is cleaned and escaped unless it is ``Markup``; an unknown name is an error."""
    made = Environment(
        loader=PackageLoader("nnbench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) or not isinstance(value, str) else clean(value),
    )
    made.filters["breakable"] = _breakable
    return made


def _breakable(text: str) -> Markup:
    """Text that breaks after its commas before it breaks elsewhere."""
    return escape(clean(text)).replace(",", Markup(",<wbr>"))


def own(name: str) -> Markup:
    """A file of ours that goes into the page as it is."""
    made = environment()
    assert made.loader is not None
    return Markup(made.loader.get_source(made, name)[0])


def script_hash(script: str) -> str:
    """What lets this script run under the page's content security policy, and no other."""
    return b64encode(hashlib.sha256(script.encode()).digest()).decode()

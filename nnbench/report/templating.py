"""What every page is made with: the templates beside this file, everything escaped, styles and scripts of our own."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from nnbench.report.words import clean, sentence

COMMAS, JOINTS = re.compile(r","), re.compile(r"[,/_]|\.(?=\D)|(?=@)")  # a number is not parted at its point


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
    made.filters |= {"breakable": _breakable, "sentence": sentence}
    return made


def rendered(template: str, content: Mapping[str, Any], files: Sequence[str] = ("page.css", "page.js")) -> str:
    """A page from its template, which extends ``base.html``; ``files`` are the styles and scripts of it."""
    style, script = (Markup("").join(own(name) for name in files if name.endswith(end)) for end in (".css", ".js"))
    shared = {"style": style, "script": script, "script_hash": script_hash(script), "home": ""}
    return environment().get_template(template).render(shared | dict(content))


def _breakable(text: str) -> Markup:
    """Text that breaks after commas, and a name at its dots, slashes, underscores and @, sooner than elsewhere.

    >>> _breakable("layers.leaky_relu@torch")
    Markup('layers.<wbr>leaky_<wbr>relu<wbr>@torch')
    """
    joints = COMMAS if " " in text else JOINTS
    return escape(joints.sub(lambda found: f"{found[0]}\0", clean(text))).replace("\0", Markup("<wbr>"))


def own(name: str) -> Markup:
    """A file of ours that goes into the page as it is."""
    made = environment()
    assert made.loader is not None
    return Markup(made.loader.get_source(made, name)[0])


def script_hash(script: str) -> str:
    """What lets this script run under the page's content security policy, and no other."""
    return b64encode(hashlib.sha256(script.encode()).digest()).decode()

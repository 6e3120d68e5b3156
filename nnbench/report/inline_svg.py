"""Making a drawing of matplotlib part of a page: its colours become the page's, its ids its own, its fonts none."""

from __future__ import annotations

from xml.etree import ElementTree

from markupsafe import Markup

# Colours that no drawing would choose; the style sheet says what stands for them in light, dark and print.
SENTINELS = {
    "ink": "#0a0b01",
    "muted": "#0a0b02",
    "grid": "#0a0b03",
    "paper": "#0a0b04",
    "faster": "#0a0b05",
    "slower": "#0a0b06",
    **{f"series-{number}": f"#0a0b{16 + number:02x}" for number in range(1, 7)},
}
VARIABLES = {colour: f"var(--{name})" for name, colour in SENTINELS.items()}


def inline(drawing: str, name: str, label: str, description: str) -> Markup:
    """The drawing as an ``svg`` element for HTML; ``name`` keeps its ids apart from those of the page's others.

    ``label`` is what a screen reader calls it and ``description`` what it reads out.
    """
    root = ElementTree.fromstring(drawing)
    for element in list(root.iter()):
        _tidy(element, name)
    _leave_out_empty_parts(root)
    width, height = root.attrib["viewBox"].split()[2:]
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "width": width,
        "height": height,
        "role": "img",
        "aria-label": label,
        "aria-describedby": f"{name}-description",
    }
    told = ElementTree.Element("desc", {"id": f"{name}-description"})
    told.text = description
    root.insert(0, told)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _tidy(element: ElementTree.Element, name: str) -> None:
    """Bare tag and attribute names, renamed ids, the page's colours, no fonts and no blanks between elements."""
    element.tag = _bare(element.tag)
    element.tail = None
    element.text = element.text if element.tag == "text" else None
    attributes = {_bare(key): value for key, value in element.attrib.items()}
    element.attrib = {key: _renamed(key, value, name) for key, value in attributes.items() if _is_kept(key, value)}


def _bare(qualified: str) -> str:
    return qualified.rpartition("}")[2]


def _is_kept(key: str, value: str) -> bool:
    """Only ids that something refers to, and no rotation by nothing."""
    if key == "id":
        return not value.rstrip("0123456789").endswith("_")
    return not value.startswith("rotate(-0 ")


def _renamed(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        return f"#{name}-{value.removeprefix('#')}"
    if key == "d":
        return " ".join(value.split())
    if key == "style":
        return _style(value)
    return value.replace("url(#", f"url(#{name}-")


def _style(declarations: str) -> str:
    pairs = [tuple(part.strip() for part in one.split(":", 1)) for one in declarations.split(";") if ":" in one]
    return ";".join(f"{key}:{VARIABLES.get(value, value)}" for key, value in pairs if key != "font-family")


def _leave_out_empty_parts(root: ElementTree.Element) -> None:
    """Metadata, matplotlib's style sheet (it would style the whole page), and what is left empty."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("metadata", "style"):
                parent.remove(child)
    for parent in reversed(list(root.iter())):
        for child in list(parent):
            if child.tag in ("g", "defs") and not len(child):
                parent.remove(child)

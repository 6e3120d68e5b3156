"""The components' page of the documentation: written from what is registered, so that it cannot fall behind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from nnbench.documents import Documents
from nnbench.model import CaseInfo, ComponentInfo
from nnbench.report.words import grouped

HEAD = """# Components

Generated from the registry by `nnbench list --markdown`; a test keeps it fresh. What a component must bring to be
admitted stands in [suites/README.md](../suites/README.md), how it is checked and measured in
[methodology.md](methodology.md). The documents are {documents}.

How cases are written: `32x784` is a tensor of that shape with standard-normal numbers, `32x10(0-1)` one with uniform
numbers between 0 and 1, `32(0..9)` one with integers from 0 to 9. Optimizers get the shapes of the parameters that they
step, schedulers that take a metric one number for each step, procedures their data and their initial weights. The
variant `compiled`, torch.compile of the reference, is there on request: `nnbench check activations.gelu@compiled`.
"""
MOST_CASES = 12


def components_page(components: Sequence[ComponentInfo], documents: Documents) -> str:
    """The page in Markdown, without a newline at its end: an index, then a section for each component."""
    titles = ", ".join(f"*{name}* ({title})" for name, title in documents.titles.items())
    place = {name: number for number, name in enumerate(documents.components)}
    components = sorted(components, key=lambda one: place.get(one.id, len(place)))
    suites = dict(grouped(components, lambda one: one.id.partition(".")[0]))
    index = [f"- [{suite}](#{suite}): {', '.join(map(_link, members))}" for suite, members in suites.items()]
    sections = [_suite(suite, members, documents) for suite, members in suites.items()]
    return "\n".join([HEAD.format(documents=titles), *index, "", *sections]).rstrip()


def _link(one: ComponentInfo) -> str:
    anchor = one.id.replace(".", "")
    return f"[{one.id.partition('.')[2]}](#{anchor})"


def _suite(name: str, members: Iterable[ComponentInfo], documents: Documents) -> str:
    return "\n".join([f"## {name}", "", *(_component(one, documents) for one in members)])


def _component(one: ComponentInfo, documents: Documents) -> str:
    parts = [f"### {one.id}", _prose(one.doc), _facts(one)]
    parts += [_errata(one, documents)] if one.errata else []
    parts += [_differences(one.differences)] if one.differences else []
    parts += [_recipe(one.recipe)] if one.recipe else []
    return "\n\n".join([*parts, _cases(one.cases)]) + "\n"


def _prose(doc: str) -> str:
    """A docstring as Markdown: double backquotes are code there, too; no heading, table or tag begins in it."""
    parts = doc.replace("``", "`").strip().split("`")
    parts[::2] = [part.replace("<", "&lt;") for part in parts[::2]]
    return re.sub(r"(?m)^(\s*)([#|>])", r"\1\\\2", "`".join(parts))


def _facts(one: ComponentInfo) -> str:
    facts = {
        "Documented in": ", ".join(one.documented),
        "Kind": f"{one.kind}, timed: {' and '.join(one.modes)}",
        "Variants": ", ".join(f"`{name}`" for name in (*one.variants, *one.on_request)),
        "Declares": ", ".join(one.properties),
    }
    return "\n".join(f"- {name}: {value}" for name, value in facts.items() if value)


def _errata(one: ComponentInfo, documents: Documents) -> str:
    lines = []
    for variant, errata in one.errata.items():
        for erratum in errata:
            known = documents.errata.get(erratum)
            lines.append(f"- **{erratum}** (variant `{variant}`): {known.says if known else 'no text'}")
    return "\n".join(["Errata of the documents:", "", *lines])


def _differences(differences: Mapping[str, str]) -> str:
    lines = [f"- `{variant}`: {text}" for variant, text in differences.items()]
    return "\n".join(["Known differences, right by the other library's own documentation:", "", *lines])


def _recipe(recipe: Mapping[str, object]) -> str:
    facts = [(name.replace("_", " "), value) for name, value in recipe.items() if value and name not in HIDDEN]
    lines = [f"- {name}: {_settings(value)}" for name, value in facts]
    note = [f"- {part.strip()}" for part in str(recipe.get("note", "")).split(";") if part.strip()]
    return "\n".join(["Training recipe:", "", *lines, *note])


def _settings(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"`{name}={setting}`" for name, setting in value.items())
    return f"`{value}`"


HIDDEN = ("note", "features_argument", "classes_argument", "every_run")


def _cases(cases: Sequence[CaseInfo]) -> str:
    if not cases:
        return "No cases."
    timed = [case for case in cases if case.timed]
    rows = [f"| `{case.label}` | {', '.join(case.inputs) or 'none'} | {_arguments(case)} |" for case in timed]
    left, checked = len(rows) - MOST_CASES, len(cases) - len(timed)
    more = [f"\n{left} more cases: `nnbench show` lists them."] if left > 0 else []
    more += [f"\n{checked} more, for the checks alone: `nnbench show` lists them."] if checked else []
    return "\n".join(["| case | inputs | arguments |", "|---|---|---|", *rows[:MOST_CASES], *more])


def _arguments(case: CaseInfo) -> str:
    told = (f"{name}={_drawn(value)}" for name, value in case.arguments.items())
    return ", ".join(f"`{text}`" for text in told).replace("|", "\\|") or "defaults"


def _drawn(value: object) -> object:
    """A tensor that is drawn for an argument, by its shape."""
    if isinstance(value, Mapping) and "distribution" in value and "shape" in value:
        return f"{value['distribution']}({', '.join(str(size) for size in value['shape'])})"
    return value

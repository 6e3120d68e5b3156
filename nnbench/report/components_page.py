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
"""
MOST_CASES = 12


def components_page(components: Sequence[ComponentInfo], documents: Documents) -> str:
    """The page in Markdown, without a newline at its end: an index, then a section for each component."""
    titles = ", ".join(f"*{name}* ({title})" for name, title in documents.titles.items())
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
    """A docstring as Markdown: double backquotes are code there, too; nothing in it begins a heading or a table."""
    return re.sub(r"(?m)^(\s*)([#|>])", r"\1\\\2", doc.replace("``", "`").strip())


def _facts(one: ComponentInfo) -> str:
    facts = {
        "Documented in": ", ".join(one.documented),
        "Kind": f"{one.kind}, timed: {' and '.join(one.modes)}",
        "Variants": ", ".join(f"`{name}`" for name in one.variants),
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
    told = [f"{name.replace('_', ' ')} {value}" for name, value in recipe.items() if value and name not in HIDDEN]
    note = f" {recipe['note']}" if recipe.get("note") else ""
    return f"Training recipe: {', '.join(told)}.{note}"


HIDDEN = ("note", "features_argument", "classes_argument", "every_run")


def _cases(cases: Sequence[CaseInfo]) -> str:
    if not cases:
        return "No cases."
    rows = [f"| `{case.label}` | {', '.join(case.inputs) or 'none'} | {_arguments(case)} |" for case in cases]
    left = len(rows) - MOST_CASES
    more = [f"\n{left} more cases: `nnbench show` lists them."] if left > 0 else []
    return "\n".join(["| case | inputs | arguments |", "|---|---|---|", *rows[:MOST_CASES], *more])


def _arguments(case: CaseInfo) -> str:
    told = (f"{name}={value}" for name, value in case.arguments.items())
    return ", ".join(f"`{text}`" for text in told).replace("|", "\\|") or "defaults"

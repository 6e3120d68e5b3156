"""The table of ``nnbench check``: component against check, or the checks of one component against its variants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from nnbench.model import CheckStatus
from nnbench.report.correctness import (
    MEANINGS,
    NAMES,
    NOT_ASKED,
    SHOWN,
    SIGNS,
    Correctness,
    Gap,
    Verdict,
    Who,
    gaps,
)
from nnbench.report.words import elide

STYLES = {
    CheckStatus.PASSED: "green",
    CheckStatus.FAILED: "bold red",
    CheckStatus.MISTRUSTED: "bold yellow",
    CheckStatus.EXPECTED: "cyan",
    CheckStatus.SKIPPED: "dim",
}
NARROWEST_NAME = 24
GAP = "  "
WHOLE = "skipped whole"
MOST_NAMED = 3  # variants that a reason is given for by name; more are counted


def print_table(table: Correctness, console: Console) -> None:
    """One component's checks in detail where its variants fit side by side; else one sign a variant and check."""
    in_detail = len({component for component, _ in table.people}) == 1
    lines = detail(table) if in_detail else []
    if not lines or max(map(len, lines)) > console.width:
        lines, in_detail = matrix(table, console.width), False
    for line in lines:
        line.rstrip()
        console.print(line, no_wrap=True, crop=False, overflow="ignore", soft_wrap=True)
    for told in detailed_gaps(table) if in_detail else counted_gaps(table):
        console.print(f"\n{told}", markup=False, soft_wrap=True)


def matrix(table: Correctness, width: int) -> list[Text]:
    """One line a variant, one sign a check; the columns are numbered, and named below.

    Where it is narrow the signs stand closer together, then the counts go, then the middles of the names.
    """
    used = [status for status in SHOWN if table.totals[status]]
    numbers = {status: max(len(str(table.totals[status])), 2) for status in used}
    name = max((len(_name(who)) for who in table.people), default=0)
    right = sum(len(GAP) + size for size in numbers.values())
    is_loose = name + len(GAP) + len(_spread(table.columns, True)) + right <= width
    room = width - len(GAP) - len(_spread(table.columns, is_loose))
    if name + right > room:
        numbers = {}
    name = min(name, max(room, NARROWEST_NAME))
    heads = [Text(f"{'':{name}}{GAP}{digits}", "bold") for digits in _digits(len(table.columns), is_loose)]
    for status, size in numbers.items():
        heads[-1].append(f"{GAP}{SIGNS[status]:>{size}}", STYLES[status])
    rows = [_matrix_row(table, who, name, is_loose, numbers) for who in table.people]
    return [*heads, *rows, Text(), *_signs(used, width), *_names(table.columns, width)]


def _name(who: Who) -> str:
    return "@".join(who)


def _digits(columns: int, is_loose: bool) -> list[str]:
    """The columns' numbers, from top to bottom."""
    size = len(str(columns))
    written = [f"{number:{size}}" for number in range(1, columns + 1)]
    return [_spread([number[place] for number in written], is_loose) for place in range(size)]


def _spread(signs: Sequence[str], is_loose: bool) -> str:
    """Signs in columns: with a space before each, or in fives."""
    return "".join(_lead(place, is_loose) + sign[:1] for place, sign in enumerate(signs))


def _lead(place: int, is_loose: bool) -> str:
    return " " if place and (is_loose or place % 5 == 0) else ""


def _matrix_row(table: Correctness, who: Who, name: int, is_loose: bool, numbers: dict[CheckStatus, int]) -> Text:
    line = Text(f"{elide(_name(who), name):{name}}{GAP}")
    found = table.verdicts.get(who, {})
    for place, column in enumerate(table.columns):
        line.append(_lead(place, is_loose))
        line.append(*_sign(found.get(column)))
    if not found:
        line.plain = line.plain[: name + len(GAP)] + WHOLE.ljust(len(line) - name - len(GAP))
    for status, size in numbers.items():
        line.append(f"{GAP}{table.counts[who][status] or '':>{size}}")
    return line


def _sign(verdict: Verdict | None) -> tuple[str, str]:
    return (SIGNS[verdict.status], STYLES[verdict.status]) if verdict else (" ", "")


def _signs(used: Sequence[CheckStatus], width: int) -> list[Text]:
    """What the signs mean, in as many lines as it takes."""
    told = [Text(f"{SIGNS[status]} {MEANINGS[status]}") for status in used]
    for text, status in zip(told, used, strict=True):
        text.stylize(STYLES[status], 0, 1)
    lines = [Text()]
    for text in [*told, Text(NOT_ASKED)]:
        if lines[-1] and len(lines[-1]) + len(text) > width:
            lines.append(Text())
        lines[-1].append_text(text).append(GAP * 2)
    return lines


def _names(columns: Sequence[str], width: int) -> Iterator[Text]:
    """What the numbers stand for, in as many columns as fit, read downwards."""
    if not columns:
        return
    size = len(str(len(columns)))
    told = [f"{number:{size}} {name}" for number, name in enumerate(columns, 1)]
    longest = max(map(len, told)) + len(GAP)
    lines = -(-len(told) // max(1, (width + len(GAP)) // longest))
    for place in range(lines):
        yield Text("".join(text.ljust(longest) for text in told[place::lines]).rstrip())


def detail(table: Correctness) -> list[Text]:
    """One line a check, one column a variant: the sign and the worst error beside its allowance."""
    variants = [(who, [_size(table.verdicts.get(who, {}).get(name)) for name in table.columns]) for who in table.people]
    if not table.columns:
        return [Text(f"{_name(who)}{GAP}{WHOLE}") for who in table.people]
    component = table.people[0][0]
    name = max(map(len, [component, *table.columns]))
    widths = [max(len(who[1]), len(WHOLE), *(len(cell) for cell, _ in cells)) for who, cells in variants]
    head = "".join(GAP + who[1].ljust(width) for (who, _), width in zip(variants, widths, strict=True))
    lines = [Text(component.ljust(name) + head, "bold")]
    for place, column in enumerate(table.columns):
        line = Text(column.ljust(name))
        for (who, cells), width in zip(variants, widths, strict=True):
            text, style = cells[place] if who in table.verdicts else (WHOLE if not place else "", "dim")
            line.append(GAP).append(text.ljust(width), style)
        lines.append(line)
    return lines


def _size(verdict: Verdict | None) -> tuple[str, str]:
    """A cell in words, and its style."""
    if verdict is None:
        return "", ""
    row, status = verdict.worst, verdict.status
    size = NAMES[status] if row.error is None else f"{row.error:.2g} of {row.allowance:.2g}"
    return f"{SIGNS[status]} {size}", STYLES[status]


def detailed_gaps(table: Correctness) -> list[str]:
    """What does not apply to which variants of the one component, and why."""
    told = [_gap(gap, [variant for _, variant in gap.to], reason) for reason, some in gaps(table) for gap in some]
    return ["\n".join(told)] if told else []


def counted_gaps(table: Correctness) -> list[str]:
    """What does not apply to how many, and why: one line a reason."""
    told = []
    for reason, some in gaps(table):
        checks = tuple(dict.fromkeys(name for gap in some for name in gap.checks))
        to = tuple(dict.fromkeys(who for gap in some for who in gap.to))
        names = list(map(_name, to)) if len(to) <= MOST_NAMED else [f"{len(to)} variants"]
        told.append(_gap(Gap(checks, to, all(gap.is_partial for gap in some)), names, reason))
    return ["\n".join(told)] if told else []


def _gap(gap: Gap, names: Sequence[str], reason: str) -> str:
    some = " in some cases" if gap.is_partial else ""
    verb = "does" if len(gap.checks) == 1 else "do"
    return f"{', '.join(gap.checks)} {verb} not apply to {', '.join(names)}{some}: {reason}"

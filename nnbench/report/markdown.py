"""A run as a GitHub Markdown table, and putting it between the markers of a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from nnbench.errors import NnbenchError
from nnbench.model import Run, Status
from nnbench.report.grids import modes_of
from nnbench.report.races import Speed, speeds
from nnbench.report.verdicts import judged
from nnbench.report.words import clean, elide, factor
from nnbench.stats import Interval
from nnbench.tables import Line, without_skipped
from nnbench.units import seconds, size

LONGEST_NOTE = 120
PLAIN = re.compile(r"[^\\`|\n\r]+")
SPECIAL = re.compile(r"[^\w\s.,;:'=+%()/-]|_|:(?=//)|(?<=www)\.")  # GitHub makes links of bare addresses, too


def markdown_table(run: Run, keep: Callable[[Line], bool]) -> str:
    """The lines that ``keep`` takes, one row each, without a newline at the end; modes that none has are left out.

    What was skipped whole is counted below the table, by its reason.
    """
    found = judged(run)
    kept, skipped = without_skipped(line for line in found if keep(line))
    modes = modes_of(kept)
    relative = speeds(found)
    head = ["component", "case", "variant", *modes, "memory", "speed relative to torch"]
    rule = ["---"] * 3 + ["---:"] * (len(head) - 3)
    rows = [_cells(line, modes, relative.get(line.key)) for line in kept]
    table = [f"| {' | '.join(cells)} |" for cells in [head, rule, *rows]]
    left_out = [f"\nSkipped, {number}: {_text(elide(note, LONGEST_NOTE))}" for note, number in skipped.items()]
    return "\n".join([*table, *left_out])


def _cells(line: Line, modes: Sequence[str], speed: Speed | None) -> list[str]:
    memory = "" if line.memory is None else size(line.memory)
    times = [_time(line.times.get(mode)) for mode in modes]
    return [_code(line.component), _code(line.case), _code(line.variant), *times, memory, _last(line, speed)]


def _time(interval: Interval | None) -> str:
    return "" if interval is None else seconds(interval.estimate)


def _last(line: Line, speed: Speed | None) -> str:
    if line.status != Status.OK:
        return f"**{_text(line.status)}**: {_text(elide(line.note, LONGEST_NOTE))}"
    if speed is None:
        return ""
    if speed.word == "torch":
        return "1"
    return factor(speed.interval) + (", tie" if speed.word == "tie" else "")


def _code(text: str) -> str:
    """Text in code font. Backticks where they do; what they cannot hold inside a table goes as entities."""
    flat = " ".join(clean(text).split())
    return f"`{flat}`" if PLAIN.fullmatch(flat) else f"<code>{_text(flat)}</code>"


def _text(text: str) -> str:
    """Text that means nothing to Markdown or HTML: every special character as an entity."""
    flat = " ".join(clean(str(text)).split())
    return SPECIAL.sub(lambda found: f"&#{ord(found[0])};", flat)


def splice(text: str, name: str, table: str) -> str:
    """The text with ``table`` between ``<!-- nnbench:NAME -->`` and ``<!-- /nnbench:NAME -->``, and nowhere else.

    Raises ``NnbenchError`` where the markers are missing.

    >>> splice("<!-- nnbench:a -->old<!-- /nnbench:a -->", "a", "new").splitlines()
    ['<!-- nnbench:a -->', 'new', '<!-- /nnbench:a -->']
    """
    begin, end = f"<!-- nnbench:{name} -->", f"<!-- /nnbench:{name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    replaced, found = pattern.subn(lambda _: f"{begin}\n{table}\n{end}", text)
    if not found:
        raise NnbenchError(
            f"the text has no place for the table {name!r}: put the two lines {begin} and {end} where it shall stand"
        )
    return replaced

"""What other benchmark tools' results become in our store: legal names, clean labels, a machine record, one run."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nnbench.errors import ResultsError
from nnbench.machine import SOFTWARE, machine_id
from nnbench.model import Run

LONGEST = 160  # characters of a name or label; a longer one is cut, and told apart by its hash
UNKNOWN = "unknown"
WHOLE_LABEL = "default"  # the case of a benchmark without parameters, as suites' cases without arguments have it
SECONDS = ("seconds", "second", "sec", "s")
BYTES = ("bytes", "byte", "b")


class Unreadable(ResultsError):
    """A file that holds no results of the kind that is asked for; the message does not name the file."""


@dataclass(frozen=True)
class Foreign:
    """One result file as a run whose id is not given yet; ``origin`` names what the file is of.

    Files with the same origin hold results of the same commit, environment and machine (asv), or of the same session
    (pytest-benchmark). ``left_out`` has a sentence for each benchmark in it that cannot be read.
    """

    run: Run
    origin: str
    left_out: tuple[str, ...] = ()
    exported_from: tuple[str, ...] = ()  # the runs of ours that the file was made of


def digest(*content: Any, digits: int = 16) -> str:
    """Hexadecimal digits that are equal where the content is."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:digits]


def identifier(suite: str, name: str, parts: list[str]) -> str:
    """A component's id: the suite, then the parts in letters, digits and underscores, joined by dots.

    Where that loses something of the name, its hash follows: two benchmarks never share an id.

    >>> identifier("asv", "core.Time.time_sum", ["core", "Time", "time_sum"])
    'asv.core.Time.time_sum'
    >>> identifier("asv", "a-b", ["a-b"])
    'asv.a_b_ff096a'
    """
    legal = [re.sub(r"\W+", "_", part, flags=re.ASCII) for part in parts if part]
    joined = ".".join(legal)[:LONGEST]
    mark = [] if joined.split(".") == parts else [digest(name, digits=6)]
    return f"{suite}.{'_'.join([joined, *mark])}"


def label(text: str) -> str:
    """A case's or variant's name as it may be printed and selected: one line, valid Unicode, not too long.

    >>> label("dtype='float64',n=1000")
    "dtype='float64',n=1000"
    >>> label("red" + chr(27) + "[31m")
    'red [31m#21859c'
    """
    clean = plain_text(text)
    return clean if clean == text else f"{clean}#{digest(repr(text), digits=6)}"


def variant(text: str) -> str:
    """A variant's name: a label without what patterns are made of.

    >>> variant("py3.11-extra[all]")
    'py3.11-extra(all)'
    """
    return label(text.translate(str.maketrans("[]@", "()_")))


def plain_text(text: str) -> str:
    """A text without control characters and lone surrogates, cut to what a line of a table bears."""
    printable = "".join(char if char.isprintable() else " " for char in text[: 2 * LONGEST])
    return printable[:LONGEST].encode("utf-8", "replace").decode().strip()


def number(value: Any) -> float | None:
    """A JSON number as a float, infinities and NaN included; None for all else (true is no number here)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def numbers(values: Any) -> tuple[float, ...]:
    """A list of finite JSON numbers; empty where it is anything else."""
    if not isinstance(values, list):
        return ()
    found = [number(value) for value in values]
    kept = tuple(value for value in found if value is not None and math.isfinite(value))
    return kept if len(kept) == len(found) else ()


def metric_of(unit: str) -> tuple[str, str]:
    """The metric and unit under which a value in this unit is stored: a time, memory, or a plain value.

    >>> metric_of("seconds"), metric_of("bytes"), metric_of("unit"), metric_of("iterations")
    (('time', 's'), ('memory', 'B'), ('value', '1'), ('value', 'iterations'))
    """
    if unit.lower() in SECONDS:
        return "time", "s"
    if unit.lower() in BYTES:
        return "memory", "B"
    return "value", "1" if unit in ("", "unit") else plain_text(unit)


def moment(milliseconds: Any) -> datetime | None:
    """A time from milliseconds since 1970, as JavaScript counts it; None for what is no such time."""
    value = number(milliseconds)
    if value is None or not math.isfinite(value):
        return None
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def written_moment(text: Any) -> datetime | None:
    """A time as ISO 8601 writes it, UTC where it names no zone; None for what is no such time."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def run_id(started: datetime, content: str) -> str:
    """The id of a run with this content (at least six hexadecimal digits): the same each time it is imported."""
    return f"{started.year:04d}{started:%m%dT%H%M%SZ}-{content[:6]}"


@dataclass(frozen=True)
class Computer:
    """What a result file says of the machine it comes from; empty or 0 where it does not."""

    name: str = ""
    cpu: str = ""
    cores: int = 0
    memory_gib: float = 0.0
    architecture: str = ""
    system: str = ""
    python: str = ""


def machine_record(computer: Computer, imported: Mapping[str, Any]) -> dict[str, Any]:
    """The facts in the form of ``machine.fingerprint``; ``imported`` tells where they come from.

    The class of machine is a hash of the hardware, so that a CI service's thousand names for one kind of runner are
    one class; where a file says nothing of the hardware, it is a hash of the machine's name.
    """
    hardware = {
        "cpu": computer.cpu,
        "cores": computer.cores,
        "memory_gib": round(computer.memory_gib),
        "architecture": computer.architecture,
    }
    told = computer.cpu or computer.cores
    return {
        "id": machine_id({"imported": hardware if told else computer.name}),
        "name": computer.name or UNKNOWN,
        "cpu": computer.cpu or UNKNOWN,
        "cores": computer.cores,
        "logical_cores": computer.cores,
        "memory_gib": round(computer.memory_gib, 1),
        "architecture": computer.architecture or UNKNOWN,
        "gpus": [],
        "system": computer.system or UNKNOWN,
        "python": computer.python or UNKNOWN,
        **dict.fromkeys(SOFTWARE, UNKNOWN),
        "threads": UNKNOWN,
        "imported": dict(imported),
    }


def gibibytes(text: Any) -> float:
    """Memory as asv's machine files have it: bytes or kibibytes as a number, or a text such as 16GB; 0 where unclear.

    >>> gibibytes("16379564"), gibibytes(8804682956.8), gibibytes("8.2G"), gibibytes("much")
    (15.620769500732422, 8.2, 8.2, 0.0)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKmMgGtT]?)i?[bB]?", str(text).strip()[:40])
    if match is None:
        return 0.0
    value, unit = float(match[1]), match[2].upper()
    if not unit:  # asv reads /proc/meminfo, in kibibytes; other tools give bytes
        unit = "K" if value < 2**32 else ""
    return value * {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}[unit] / 2**30


def count(value: Any) -> int:
    """How many processors a file says there are; 0 where it says nothing readable."""
    text = str(value).strip()
    return int(text) if re.fullmatch(r"\d{1,6}", text, flags=re.ASCII) else 0


def text(value: Any) -> str:
    """A JSON text, cleaned; empty where it is none."""
    return plain_text(value) if isinstance(value, str) else ""

"""Reading the scalars of event files back: TensorBoard itself is not needed for it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from nnbench.suites.training.event_files import (
    FILE_VERSION,
    FIXED32,
    FIXED64,
    SIMPLE_VALUE,
    STEP,
    SUMMARY,
    TAG,
    VALUE,
    VARINT,
    WALL_TIME,
    checksum,
)

TENSOR = 8  # of a summary's value: what TensorFlow 2 has in place of SIMPLE_VALUE
CONTENT, FLOATS = 4, 5  # of a tensor


VERSION = b"brain.Event:2"


class Scalar(NamedTuple):
    tag: str
    step: int
    value: float


def read_scalars(folder: Path) -> list[Scalar]:
    """Every scalar in the event files of a folder and those in it, in the order written.

    Raises ``ValueError`` where a checksum is wrong, where a number takes more bytes than it needs, and for a file that
    does not begin with its version.
    """
    found = []
    for fields in _events(folder):
        step = _signed(fields.get(STEP, [0])[0])
        for summary in fields.get(SUMMARY, []):
            found += [_scalar(value, step) for value in _fields(summary).get(VALUE, [])]
    return found


def read_wall_times(folder: Path) -> list[float]:
    """When each event with scalars says that it was, in the order written."""
    return [struct.unpack("<d", fields[WALL_TIME][0])[0] for fields in _events(folder) if SUMMARY in fields]


def read_starts(folder: Path) -> list[float]:
    """When each file says that it was begun; one that is still empty does not."""
    return [struct.unpack("<d", first[WALL_TIME][0])[0] for first, *_ in _files(folder)]


def _events(folder: Path) -> Iterator[dict[int, list[Any]]]:
    """The events of each file after the one that says the version."""
    for _, *others in _files(folder):
        yield from others


def _files(folder: Path) -> Iterator[list[dict[int, list[Any]]]]:
    """All events of each file but those that are still empty."""
    for path in sorted(folder.rglob("*tfevents*")):
        events = [_fields(event) for event in _records(path.read_bytes())]
        if events and events[0].get(FILE_VERSION) != [VERSION]:
            raise ValueError(f"{path.name} does not begin with its version, {VERSION.decode()}")
        if events:
            yield events


def _records(data: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(data):
        length = data[place : place + 8]
        end = place + 12 + struct.unpack("<Q", length)[0]
        event = data[place + 12 : end]
        if (data[place + 8 : place + 12], data[end : end + 4]) != (checksum(length), checksum(event)):
            raise ValueError(f"the record at byte {place} does not have the checksums that it says")
        yield event
        place = end + 4


def _fields(message: bytes) -> dict[int, list[Any]]:
    """Field number to what it holds, in order: numbers, or bytes that the reader knows how to read."""
    found: dict[int, list[Any]] = {}
    value: int | bytes
    place = 0
    while place < len(message):
        key, place = _read_number(message, place)
        if key & 7 == VARINT:
            value, place = _read_number(message, place)
        else:
            size, place = {FIXED64: (8, place), FIXED32: (4, place)}.get(key & 7) or _read_number(message, place)
            value, place = message[place : place + size], place + size
        found.setdefault(key >> 3, []).append(value)
    return found


def _read_number(message: bytes, place: int) -> tuple[int, int]:
    end = next(i for i in range(place, len(message)) if message[i] < 128) + 1
    if message[end - 1] == 0 and end - place > 1:
        raise ValueError(f"the number at byte {place} of a message takes {end - place} bytes, more than it needs")
    return sum((byte & 127) << 7 * i for i, byte in enumerate(message[place:end])), end


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def _scalar(value: bytes, step: int) -> Scalar:
    fields = _fields(value)
    number = fields[SIMPLE_VALUE][0] if SIMPLE_VALUE in fields else _of_tensor(_fields(fields[TENSOR][0]))
    return Scalar(fields[TAG][0].decode(), step, struct.unpack("<f", number)[0])


def _of_tensor(fields: dict[int, list[Any]]) -> bytes:
    """TensorFlow's second form of a scalar: a tensor of one float32."""
    number: bytes = (fields.get(FLOATS) or fields[CONTENT])[0]
    return number

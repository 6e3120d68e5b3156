"""Writing the files that TensorBoard reads: framed records, each an event in protocol-buffer form."""

from __future__ import annotations

import functools
import itertools
import os
import socket
import struct
import time
from pathlib import Path
from types import TracebackType

POLYNOMIAL = 0x82F63B78  # Castagnoli's, its bits reversed
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # the wire types that an event is made of
WALL_TIME, STEP, FILE_VERSION, SUMMARY = 1, 2, 3, 5  # fields of an Event
VALUE, TAG, SIMPLE_VALUE = 1, 1, 2  # of a Summary, and of its values

_writers = itertools.count()


class EventWriter:
    """Scalars by step in a folder that ``tensorboard --logdir`` shows; a stand-in for SummaryWriter's scalars.

    ``add_scalar(tag, scalar_value, global_step, walltime)`` writes at once (so ``max_queue`` and ``flush_secs``, which
    bound how long a value may wait, hold whatever they are); values are stored as float32, steps as int64.
    ``log_dir`` is runs/TIME_HOST + ``comment`` where none is given. ``NotImplementedError`` for ``purge_step``,
    ``new_style`` and ``double_precision``; ``ValueError`` once it is closed. Source: torch.utils.tensorboard;
    TensorFlow's record_writer.h (each record between its length and checksums), event.proto and summary.proto.
    """

    def __init__(
        self,
        log_dir: str | Path | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,  # equivalent: nothing waits
        flush_secs: int = 120,  # equivalent: nothing waits
        filename_suffix: str = "",
    ) -> None:
        if purge_step is not None:
            raise NotImplementedError(f"purge_step={purge_step!r} is not supported: earlier events stay as they are")
        host, now = socket.gethostname(), time.time()
        self.log_dir = Path(log_dir or Path("runs") / f"{time.strftime('%b%d_%H-%M-%S')}_{host}{comment}")
        self.log_dir.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(now):010}.{host}.{os.getpid()}.{next(_writers)}{filename_suffix}"
        self._file = (self.log_dir / name).open("xb", buffering=0)
        self._write(_fixed64(WALL_TIME, now) + _bytes(FILE_VERSION, b"brain.Event:2"))

    def add_scalar(
        self,
        tag: str,
        scalar_value: float,
        global_step: int | None = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        for name, chosen in {"new_style": new_style, "double_precision": double_precision}.items():
            if chosen:
                raise NotImplementedError(f"{name}=True is not supported: scalars are written in one way only")
        value = _bytes(TAG, tag.encode()) + _fixed32(SIMPLE_VALUE, float(scalar_value))
        moment = _fixed64(WALL_TIME, time.time() if walltime is None else walltime)
        self._write(moment + _varint(STEP, global_step or 0) + _bytes(SUMMARY, _bytes(VALUE, value)))

    def _write(self, event: bytes) -> None:
        length = struct.pack("<Q", len(event))
        self._file.write(length + checksum(length) + event + checksum(event))

    def flush(self) -> None:
        """Nothing waits to be written."""

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


@functools.cache
def _reduced(byte: int) -> int:
    """What a byte adds to the remainder."""
    for _ in range(8):
        byte = byte >> 1 ^ (POLYNOMIAL if byte & 1 else 0)
    return byte


def crc32c(data: bytes) -> int:
    """Cyclic redundancy check with Castagnoli's polynomial (RFC 3720, appendix B.4).

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder = remainder >> 8 ^ _reduced((remainder ^ byte) & 0xFF)
    return remainder ^ 0xFFFFFFFF


def checksum(data: bytes) -> bytes:
    """Rotated and shifted, because a checksum of data that holds checksums would tell little."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first; a negative number as the 64-bit one that has its bits."""
    value &= 0xFFFFFFFFFFFFFFFF
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def _field(number: int, content: bytes, wire_type: int) -> bytes:
    return _number(number << 3 | wire_type) + content


def _varint(field: int, value: int) -> bytes:
    return _field(field, _number(value), VARINT)


def _fixed64(field: int, value: float) -> bytes:
    return _field(field, struct.pack("<d", value), FIXED64)


def _fixed32(field: int, value: float) -> bytes:
    return _field(field, struct.pack("<f", value), FIXED32)


def _bytes(field: int, value: bytes) -> bytes:
    return _field(field, _number(len(value)) + value, BYTES)

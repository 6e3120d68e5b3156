"""Files that would fill the memory are refused by what their last bytes say, before anything of them is read.

Runs of the same value take next to nothing in Parquet, so that a file of some kilobytes can hold thousands of millions.
What nnbench writes grows ten to twenty times in memory.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nnbench.errors import ResultsError

HARMLESS = 256 * 2**20  # bytes that any file may grow to
GROWTH = 1000  # times its own size that a larger one may
WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "DOUBLE": 8, "BYTE_ARRAY": 16}


def refuse_bomb(path: Path, metadata: pq.FileMetaData) -> None:
    """Raise ``ResultsError`` where a file's columns need far more memory than its size explains."""
    size = _in_memory(metadata)
    if size > max(HARMLESS, GROWTH * path.stat().st_size):
        raise ResultsError(
            f"{path} is skipped: its {path.stat().st_size:,} bytes would take {size / 2**30:,.1f} GiB of memory"
        )


def _in_memory(metadata: pq.FileMetaData) -> int:
    """Bytes that a file's columns take in memory at least; a list's values are counted one by one."""
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    columns = (group.column(number) for group in groups for number in range(group.num_columns))
    return sum(
        max(column.total_uncompressed_size, column.num_values * WIDTHS.get(column.physical_type, 16))
        for column in columns
    )


def refuse_text_bomb(path: Path, rows: pa.Table) -> None:
    """The same for one long text that many rows share: ``rows`` holds its texts as dictionaries, not yet spelt out."""
    texts = [chunk for column in rows.columns if pa.types.is_dictionary(column.type) for chunk in column.chunks]
    size = sum(_spelt_out(chunk) for chunk in texts)
    if size > max(HARMLESS, GROWTH * path.stat().st_size):
        raise ResultsError(f"{path} is skipped: its texts would take {size / 2**30:,.1f} GiB of memory")


def _spelt_out(texts: pa.DictionaryArray) -> int:
    lengths = pc.binary_length(texts.dictionary).cast(pa.int64())
    return pc.sum(pc.take(lengths, texts.indices)).as_py() or 0

"""Files of many runs, one after another, with all their descriptions: written, read back and compared bit by bit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from nnbench.errors import ResultsError
from nnbench.model import Run
from nnbench.store.run_files import Stored, read_headers, read_rows, write_whole
from nnbench.store.schema import HEADERS, SCHEMA, first_line, plain_header

PREFIX = "compacted-"  # their names' start
ROWS_A_GROUP = 65_536  # what a reader of one run reads, and a reader of some columns takes at a time


def write_compacted(folder: Path, name: str, runs: Mapping[str, tuple[Run, pa.Table]]) -> Path:
    """One file of these runs and their rows. It gets its name once what it holds was read back and is the same.

    Raises ``ResultsError`` where it is not, and ``OSError`` where it cannot be written.
    """
    return write_whole(folder, name, lambda file: _write(file, runs.values()), lambda path: _compare(path, runs))


def _write(file: IO[bytes], runs: Iterable[tuple[Run, pa.Table]]) -> None:
    runs = list(runs)
    described = [{"run": plain_header(run), "rows": rows.num_rows} for run, rows in runs]
    with pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        writer.write_table(pa.concat_tables([rows for _, rows in runs]), row_group_size=ROWS_A_GROUP)
        writer.add_key_value_metadata({HEADERS.decode(): json.dumps(described)})


def _compare(path: Path, runs: Mapping[str, tuple[Run, pa.Table]]) -> None:
    written = read_all(path)
    same = written.keys() == runs.keys() and all(
        _description(written[name][0].run) == _description(run) and same_rows(written[name][1], rows)
        for name, (run, rows) in runs.items()
    )
    if not same:
        raise ResultsError(f"{path} does not read back as what was written to it; nothing was removed")


def _description(run: Run) -> str:
    return json.dumps(plain_header(run), sort_keys=True)


def read_all(path: Path) -> dict[str, tuple[Stored, pa.Table]]:
    """Every run of a file with its rows, by its id. Raises ``ResultsError`` where the rows are not those described."""
    stored = read_headers(path)
    try:
        rows = read_rows(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ResultsError(f"{path} is damaged: {first_line(error)}") from None
    found, start = dict[str, tuple[Stored, pa.Table]](), 0
    for one in stored:
        part = rows.slice(start, one.rows)
        if part["run"].unique().to_pylist() not in ([one.run.id], []):
            raise ResultsError(f"{path} is damaged: its rows are not in the order that it says")
        found[one.run.id] = one, part
        start += one.rows
    return found


def same_rows(one: pa.Table, other: pa.Table) -> bool:
    """Whether two tables hold the same bit by bit: no rounding, and a value that is no number equals itself."""
    return all(mine.equals(yours) for mine, yours in zip(_bits(one), _bits(other), strict=True))


def _bits(rows: pa.Table) -> list[pa.Array]:
    """The columns, numbers as their bits and lists as their lengths and contents."""
    columns = {field.name: rows[field.name].combine_chunks() for field in SCHEMA}
    values = columns.pop("values")
    allowance = columns.pop("allowance")
    return [*columns.values(), values.value_lengths(), values.flatten().view(pa.int64()), allowance.view(pa.int64())]

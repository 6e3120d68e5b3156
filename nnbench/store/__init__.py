"""The only writer of results: a journal while a run goes on, one sealed Parquet file when it has ended."""

from nnbench.store.compacted import PREFIX, read_all, same_rows, write_compacted
from nnbench.store.journal import Journal, new_run_id, read_journal, seal_abandoned
from nnbench.store.run_files import (
    Stored,
    read_header,
    read_headers,
    read_rows,
    read_run,
    remove_partials,
    runs_folder,
    sync_folder,
    write_run,
)
from nnbench.store.schema import HEADER, MEASUREMENT_COLUMNS, RUN_ID, SCHEMA, first_line, from_row

__all__ = [
    "HEADER",
    "MEASUREMENT_COLUMNS",
    "PREFIX",
    "RUN_ID",
    "SCHEMA",
    "Journal",
    "Stored",
    "first_line",
    "from_row",
    "new_run_id",
    "read_all",
    "read_header",
    "read_headers",
    "read_journal",
    "read_rows",
    "read_run",
    "remove_partials",
    "runs_folder",
    "same_rows",
    "seal_abandoned",
    "sync_folder",
    "write_compacted",
    "write_run",
]

"""What a machine may do to a store: kill its writer, fill its disk, set its clock back, bring strange files into it."""

import functools
import io
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nnbench.compact import compact
from nnbench.errors import ResultsError
from nnbench.history import clock_was_set_back, find_run, last_results, not_before, open_history, table
from nnbench.model import Measurement, Run, plain
from nnbench.store import SCHEMA, Journal, read_run, runs_folder, seal_abandoned, write_run
from nnbench.store.schema import HEADER, HEADERS, plain_header, to_table

# Before each moment one child is forked from a process that has imported everything. It measures, seals and compacts,
# and says what is stored; just before one of its calls, Python's or C's, it kills itself.
DYING = """
import os, signal, sys
from pathlib import Path
from nnbench.compact import compact
from nnbench.model import Measurement, Run
from nnbench.store import Journal

def live(results, moment):
    calls = 0
    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")
        if calls == moment:
            os.kill(os.getpid(), signal.SIGKILL)
    sys.setprofile(count)
    for number in range(3):
        name = f"20260101T00000{number}Z-{number:06x}"
        started = f"2026-01-01T00:00:0{number}+00:00"
        with Journal(results, Run(name, started, "", "", False, {"id": "m"})) as journal:
            for value in range(4):
                journal.add(Measurement("a.b", "torch", "c", "forward_time", "s", (float(value),)))
                os.write(1, f"{name} {value}\\n".encode())
    compact(results)
    sys.setprofile(None)
    os.write(1, f"calls {calls}\\n".encode())

for line in sys.stdin:
    folder, moment = line.split()
    child = os.fork()
    if not child:
        live(Path(folder), int(moment))
        os._exit(0)
    os.write(1, f"ended {os.waitpid(child, 0)[1]}\\n".encode())
"""


class Dying:
    """Lives a store's life up to a moment, and tells what it was said to hold by then."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", DYING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def up_to(self, results, moment):
        self.process.stdin.write(f"{results} {moment}\n")
        told, calls = [], 0
        while (line := self.process.stdout.readline().split())[0] != "ended":
            if line[0] == "calls":
                calls = int(line[1])
            else:
                told.append((line[0], float(line[1])))
        return told, calls, int(line[1])


@pytest.fixture(scope="module")
def dying():
    made = Dying()
    yield made
    made.process.stdin.close()
    assert made.process.wait() == 0
    made.process.stdout.close()


def stored(results):
    rows = table(results, 'SELECT run, "values"[1] AS value FROM runs ORDER BY ALL').to_pylist()
    return [(row["run"], row["value"]) for row in rows]


@pytest.mark.parametrize("share", range(8))
def test_kill_9_at_any_moment_loses_nothing_and_counts_nothing_twice(tmp_path, dying, share):
    _, calls, _ = dying.up_to(tmp_path / "whole", 0)
    moment = random.Random(share).randrange(calls * share // 8, calls * (share + 1) // 8) + 1
    told, _, ended = dying.up_to(tmp_path / "killed", moment)
    assert ended == signal.SIGKILL
    for repair in (lambda results: None, compact):  # sealing what is left comes first, as in every command
        seal_abandoned(tmp_path / "killed")
        repair(tmp_path / "killed")
        found = stored(tmp_path / "killed")
        assert len(set(found)) == len(found)
        assert set(told) <= set(found)
        assert len(found) <= len(told) + 1  # one may have been written and not yet reported
        assert not list((tmp_path / "killed/journals").glob("*.jsonl"))
    left = [path.name for path in runs_folder(tmp_path / "killed").glob(".*.partial")]
    assert left == []


# files of others

MANY = 6_000_000


@functools.cache
def the_bomb():
    """As many equal measurements as fill gigabytes of memory, in some kilobytes."""
    nothing = pa.table({field.name: pa.nulls(MANY, field.type) for field in SCHEMA}, schema=SCHEMA)
    header = json.dumps(plain_header(new_run(99)))
    with io.BytesIO() as file:
        pq.write_table(nothing.replace_schema_metadata({HEADER: header}), file, row_group_size=MANY, compression="zstd")
        return file.getvalue()


def new_run(number=0, rows=(), **content):
    made = Run(f"20260101T000000Z-{number:06x}", "2026-01-01T00:00:00+00:00", "", "abc", False, {"id": "m"})
    return Run(**(vars(made) | {"measurements": tuple(rows)} | content))


def row(number=0.0, **content):
    made = {"component": "a.b", "variant": "torch", "case": "c", "metric": "forward_time", "unit": "s"}
    return Measurement(**(made | {"values": (float(number),)} | content))


def with_header(path, header, rows=(), key=HEADER):
    """A file whose columns are ours and whose header is not."""
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    pq.write_table(to_table(new_run(0, rows)).replace_schema_metadata({key: content}), path)


def changed(**content):
    return plain_header(new_run(7)) | content


def many(*runs):
    return [{"run": header, "rows": rows} for header, rows in runs]


HOSTILE = {
    "empty": lambda path: path.write_bytes(b""),
    "noise": lambda path: path.write_bytes(random.Random(0).randbytes(5000)),
    "only magic": lambda path: path.write_bytes(b"PAR1PAR1"),
    "huge footer": lambda path: path.write_bytes(b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1"),
    "text": lambda path: path.write_text("<script>alert(1)</script>"),
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "foreign": lambda path: pq.write_table(pa.table({"x": [1]}), path),
    "other columns": lambda path: pq.write_table(
        pa.table({"run": ["x"]}).replace_schema_metadata({HEADER: json.dumps(changed()).encode()}), path
    ),
    "no JSON": lambda path: with_header(path, b"{"),
    "no text": lambda path: with_header(path, b"\xff\xfe"),
    "deep JSON": lambda path: with_header(path, b"[" * 100_000),
    "number": lambda path: with_header(path, 3),
    "no format": lambda path: with_header(path, {"id": "x"}),
    "newer": lambda path: with_header(path, changed(format=99)),
    "path for an id": lambda path: with_header(path, changed(id="../../../etc/passwd")),
    "markup for an id": lambda path: with_header(path, changed(id="<img src=x onerror=alert(1)>")),
    "lines for an id": lambda path: with_header(path, changed(id="20260101T000000Z-00000a\nnnbench: all is well")),
    "digits of another script": lambda path: with_header(path, changed(id="２０２６0101T000000Z-00000a")),
    "no time": lambda path: with_header(path, changed(started="yesterday")),
    "time without a zone": lambda path: with_header(path, changed(started="2026-01-01T00:00:00")),
    "number for a time": lambda path: with_header(path, changed(started=5)),
    "list for a machine": lambda path: with_header(path, changed(machine=[1])),
    "fields of nobody": lambda path: with_header(path, changed(evil="yes")),
    "many, none": lambda path: with_header(path, {"a": 1}, key=HEADERS),
    "many, miscounted": lambda path: with_header(path, many((changed(), 5)), key=HEADERS),
    "many, twice the same": lambda path: with_header(
        path, many((changed(), 1), (changed(), -1)), rows=(), key=HEADERS
    ),
    "bomb": lambda path: path.write_bytes(the_bomb()),
}  # fmt: skip


def test_a_hundred_strange_files_are_told_one_line_each_and_the_rest_is_unharmed(tmp_path):
    good = [write_run(runs_folder(tmp_path), new_run(number, [row(number)])) for number in (1, 2)]
    named = ["{} {}", "<b>{}</b> {}", "'; DROP TABLE runs; -- {} {}", "{}\n{}\x1b[31m"]
    paths = []
    for number, pattern in enumerate(named):
        for name, make in HOSTILE.items():
            paths.append(runs_folder(tmp_path) / f"{pattern.format(name, number)}.parquet".replace("/", "_"))
            make(paths[-1])
    assert len(paths) > 100
    found = open_history(tmp_path)
    assert found.paths == tuple(good)
    assert len(found.problems) == len(paths)
    assert all(sentence.isprintable() and "is skipped: " in sentence for sentence in found.problems)
    assert stored(tmp_path) == [(new_run(number).id, float(number)) for number in (1, 2)]
    assert find_run(tmp_path, "latest").measurements == (row(2),)
    assert last_results(tmp_path, "a.b") == (new_run(2).id, (row(2),))
    assert compact(tmp_path).kept == ()
    assert stored(tmp_path) == [(new_run(number).id, float(number)) for number in (1, 2)]
    assert all(path.exists() or path.is_symlink() for path in paths)


def test_a_bomb_is_refused_by_its_last_bytes(tmp_path):
    path = tmp_path / "bomb.parquet"
    path.write_bytes(the_bomb())
    assert path.stat().st_size < 300_000
    with pytest.raises(ResultsError, match=r"its \d\d\d,\d\d\d bytes would take 1\.\d GiB of memory"):
        read_run(path)


def test_a_long_text_that_many_rows_share_is_not_spelt_out(tmp_path):
    path = runs_folder(tmp_path) / "x.parquet"
    path.parent.mkdir()
    rows = 20_000
    content = {field.name: pa.nulls(rows, field.type) for field in SCHEMA}
    content["run"] = pa.array([new_run(5).id] * rows)
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * 100_000]))
    content["note"] = shared
    columns = pa.table(content)
    with pq.ParquetWriter(path, columns.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(columns)
        writer.add_key_value_metadata({HEADER.decode(): json.dumps(plain_header(new_run(5)))})
    assert path.stat().st_size < 100_000
    with pytest.raises(ResultsError, match=r"its texts would take 1\.9 GiB of memory"):
        read_run(path)


def test_rows_of_another_run_do_not_count_for_it(tmp_path):
    """A file that gives itself out for one run and holds rows of another one."""
    write_run(runs_folder(tmp_path), new_run(1, [row(1)]))
    with_header(runs_folder(tmp_path) / "x.parquet", plain_header(new_run(7)), [row(66)])
    write_run(runs_folder(tmp_path), new_run(0, [row(0)]))
    assert stored(tmp_path) == [(new_run(0).id, 0.0), (new_run(1).id, 1.0)]
    with pytest.raises(ResultsError, match="is damaged: it holds 0 of the 1 measurements of its run"):
        find_run(tmp_path, new_run(7).id)
    (told,) = compact(tmp_path).kept
    assert "its rows are not in the order that it says" in told
    assert stored(tmp_path) == [(new_run(0).id, 0.0), (new_run(1).id, 1.0)]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "'; DROP VIEW runs; --", "../../etc", "\x1b[2J", "%s{}"])
def test_names_are_only_names(tmp_path, name):
    hostile = row(3, component=name, variant=name, case=name, note=name)
    write_run(runs_folder(tmp_path), new_run(1, [hostile], commit=name, command=name, machine={"id": name}))
    write_run(runs_folder(tmp_path), new_run(2, [row(1)]))
    assert last_results(tmp_path, name) == (new_run(1).id, (hostile,))
    compact(tmp_path)
    assert last_results(tmp_path, name) == (new_run(1).id, (hostile,))
    assert find_run(tmp_path, new_run(1).id).machine == {"id": name}
    assert {path.parent for path in tmp_path.rglob("*.parquet")} == {runs_folder(tmp_path)}


@pytest.mark.parametrize("context", ["no JSON", "[]", "[" * 50_000])
def test_a_context_that_nnbench_did_not_write_is_told(tmp_path, context):
    rows = to_table(new_run(1, [row(1)]))
    rows = rows.set_column(rows.schema.get_field_index("context"), SCHEMA.field("context"), pa.array([context]))
    runs_folder(tmp_path).mkdir()
    path = runs_folder(tmp_path) / "x.parquet"
    pq.write_table(rows.replace_schema_metadata({HEADER: json.dumps(plain_header(new_run(1))).encode()}), path)
    for ask in (lambda: last_results(tmp_path, "a.b"), lambda: find_run(tmp_path, "latest")):
        with pytest.raises(ResultsError, match=r"x\.parquet is damaged: "):
            ask()


JOURNALS = {
    "path for an id": [{"run": changed(id="../../outside")}],
    "other values": [{"run": changed()}, {"measurement": plain(row()) | {"values": ["many"]}}],
    "no values": [{"run": changed()}, {"measurement": plain(row()) | {"values": 5}}],
    "other context": [{"run": changed()}, {"measurement": plain(row()) | {"context": ["x"]}}],
    "list": [{"run": changed()}, {"measurement": [1]}],
    "deep": ["[" * 100_000],
}


@pytest.mark.parametrize("lines", JOURNALS.values(), ids=JOURNALS.keys())
def test_a_journal_that_nnbench_did_not_write_is_told_and_left(tmp_path, lines):
    path = tmp_path / "journals/x.jsonl"
    path.parent.mkdir()
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    (sentence,) = seal_abandoned(tmp_path)
    assert str(path) in sentence
    assert sentence.isprintable()
    assert path.exists()
    assert open_history(tmp_path).runs == ()
    assert not [one for one in tmp_path.rglob("*") if one.is_file() and one != path]


def test_half_a_letter_in_a_message_does_not_cost_the_run(tmp_path):
    with Journal(tmp_path, new_run(1)) as journal:
        journal.add(row(1, note="it said \udcff"))
    assert read_run(journal.sealed).measurements == (row(1, note="it said ?"),)


# the disk and the clock

FULL = """
import resource, sys
from pathlib import Path
from nnbench.errors import ResultsError
from nnbench.model import Measurement, Run
from nnbench.store import Journal

resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
run = Run("20260101T000000Z-000000", "2026-01-01T00:00:00+00:00", "", "", False, {"id": "m"})
added = 0
try:
    with Journal(Path(sys.argv[1]), run) as journal:
        for number in range(1000):
            journal.add(Measurement("a.b", "torch", "c", "forward_time", "s", (float(number),)))
            added += 1
except ResultsError as error:
    print(added, error, sep="\\n")
"""


def test_a_full_disk_is_told_and_keeps_what_was_stored_before(tmp_path):
    said = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    added, sentence = said.stdout.splitlines()
    assert 20 < int(added) < 1000
    assert sentence.startswith(f"cannot write results to {tmp_path}: ")
    assert "File too large" in sentence
    assert sentence.endswith(f"any nnbench command that reads {tmp_path} seals it once there is room.")
    seal_abandoned(tmp_path)
    assert stored(tmp_path) == [(new_run(0).id, float(number)) for number in range(int(added))]


def test_a_disk_that_is_full_when_a_run_is_sealed_keeps_its_journal(tmp_path, monkeypatch):
    def die(*arguments, **settings):
        raise OSError(28, "No space left on device")

    journal = Journal(tmp_path, new_run(1))
    journal.add(row(1))
    with monkeypatch.context() as patched:
        patched.setattr(pq, "write_table", die)
        with pytest.raises(ResultsError, match=r"No space left.*is kept in .*jsonl"):
            journal.__exit__(None, None, None)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [f"{new_run(1).id}.jsonl"]
    seal_abandoned(tmp_path)
    assert find_run(tmp_path, "latest").measurements == (row(1),)
    assert find_run(tmp_path, "latest").ended == "complete"


def test_a_folder_that_cannot_be_written_is_told_by_who_would_write(tmp_path, monkeypatch):
    write_run(runs_folder(tmp_path), new_run(1, [row(1)]))
    write_run(runs_folder(tmp_path), new_run(2, [row(2)]))
    opened = Path.open

    def refuse(path, mode="r", *more, **settings):
        if set(mode) & set("wxa"):
            raise OSError(30, "Read-only file system", str(path))
        return opened(path, mode, *more, **settings)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ResultsError, match=r"Read-only file system.*Name another folder with --results"):
        Journal(tmp_path, new_run(3))
    with pytest.raises(ResultsError, match=r"cannot compact .*Read-only file system"):
        compact(tmp_path)
    assert len(stored(tmp_path)) == 2


def test_a_clock_that_was_set_back_is_told_and_loses_nothing(tmp_path):
    late = new_run(1, [row(1)], started="2026-03-01T00:00:00+00:00")
    write_run(runs_folder(tmp_path), late)
    early = new_run(2, [row(2)], started="2026-02-01T00:00:00+01:00")
    told = clock_was_set_back(open_history(tmp_path), early)
    assert told.startswith(f"this machine's clock says {early.started}, yet {late.id} started at {late.started}")
    assert clock_was_set_back(open_history(tmp_path), new_run(3, started="2026-03-01T00:00:00+00:00")) == ""
    write_run(runs_folder(tmp_path), early)
    assert [run.id for run in open_history(tmp_path).runs] == [early.id, late.id]
    assert len(stored(tmp_path)) == 2


def begun(day, number):
    started = f"{day[:4]}-{day[4:6]}-{day[6:]}T00:00:00+00:00"
    return new_run(number, [row(number)], id=f"{day}T000000Z-{number:06x}", started=started)


def test_a_run_that_begins_looks_at_files_alone_that_may_be_later(tmp_path):
    """Of a history of thousands of files, those whose names tell of an earlier time are not opened."""
    for place, month in enumerate(("01", "02", "03"), 1):
        write_run(runs_folder(tmp_path), begun(f"2026{month}01", place))
    write_run(runs_folder(tmp_path), begun("20260302", 4))
    compact(tmp_path)
    write_run(runs_folder(tmp_path), begun("20260305", 5))
    found = not_before(tmp_path, "2026-03-03T00:00:00+00:00")
    days = ["2026-03-01", "2026-03-02", "2026-03-05"]  # the first two are in one file
    assert [one.started[:10] for one in found.runs] == days
    early = begun("20260303", 6)
    assert clock_was_set_back(found, early) == clock_was_set_back(open_history(tmp_path), early) != ""


def test_an_id_that_is_taken_is_refused(tmp_path):
    """A clock set back may lead to the id of an earlier run, whose file would be written over."""
    write_run(runs_folder(tmp_path), new_run(1, [row(1)]))
    with pytest.raises(ResultsError, match="holds a run of this id already"):
        Journal(tmp_path, new_run(1))
    assert stored(tmp_path) == [(new_run(1).id, 1.0)]

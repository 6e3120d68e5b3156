"""Callgrind: where it is, how it is started, and what is read of what it writes."""

import os
import shutil
import subprocess

import pytest

from nnbench.failures import NotMeasurable
from nnbench.processes import callgrind

WRITTEN = """# callgrind format
version: 1
pid: 7
part: 1
desc: Trigger: Client Request
positions: line
events: Ir
summary: {0}

fn=(1) totals
5 {0}

totals: {0}
"""


def test_the_total_is_read():
    assert callgrind.total(WRITTEN.format(41318781)) == 41318781


@pytest.mark.parametrize(
    "text", ["", "events: Ir\nsummary: 12\n", "totals: 12\n", WRITTEN.format(12).replace("events: Ir", "events: Dr Ir")]
)
def test_a_text_without_a_count_is_refused(text):
    with pytest.raises(NotMeasurable, match="without a count"):
        callgrind.total(text)


def test_each_process_has_its_own_counts_and_they_are_taken_once(tmp_path):
    (tmp_path / "instructions.7.1").write_text(WRITTEN.format(30))
    (tmp_path / "instructions.7.10").write_text(WRITTEN.format(4))
    (tmp_path / "instructions.77.1").write_text(WRITTEN.format(500))
    (tmp_path / "instructions.7").write_text(WRITTEN.format(6000))  # written at its end: all of it, counted or not
    assert callgrind.take(tmp_path, 7) == [30, 4]
    with pytest.raises(NotMeasurable, match="wrote no count"):
        callgrind.take(tmp_path, 7)
    assert callgrind.take(tmp_path, 77) == [500]
    assert not list(tmp_path.iterdir())


def test_where_valgrind_is_missing_it_is_said_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotMeasurable, match=r"not installed.*apt install valgrind"):
        callgrind.find()


def test_nothing_differs_from_one_start_to_the_next(tmp_path):
    made = callgrind.launcher("valgrind", tmp_path)
    assert made.prefix[:3] == ("valgrind", "--tool=callgrind", "--collect-atstart=no")
    assert made.environment["PYTHONHASHSEED"] == "0"
    assert made.slowdown > 1


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed: apt install valgrind")
def test_valgrind_takes_the_options_and_writes_what_is_read(tmp_path):
    made = callgrind.launcher(callgrind.find(), tmp_path)
    command = [option for option in made.prefix if option != "--collect-atstart=no"]
    running = subprocess.Popen(
        [*command, shutil.which("true")],
        env=os.environ | dict(made.environment),
        stderr=subprocess.PIPE,
    )
    told = running.communicate()[1]
    assert running.returncode == 0, told
    whole = tmp_path / f"instructions.{running.pid}"
    assert callgrind.total(whole.read_text()) > 10_000

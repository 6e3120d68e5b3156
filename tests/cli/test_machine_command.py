"""``nnbench machine``: facts at once, ceilings measured once and kept, whatever interrupts."""

import json

import click
import pytest
from click.testing import CliRunner

from nnbench import ceilings
from nnbench.ceilings import ARITHMETIC, MOVING, Point, Rate
from nnbench.cli.machine import command
from nnbench.processes import probe

POINTS = tuple(Point(kind, threads) for threads in (1, 2) for kind in ARITHMETIC) + tuple(
    Point(kind, threads, size=8192) for threads in (1, 2) for kind in MOVING
)


class Prober:
    """Stands for the worker: gives the rates it is told, and keeps what it was asked for."""

    def __init__(self):
        self.asked = []
        self.rates = dict.fromkeys(POINTS, 1e9)
        self.ends_after = len(POINTS)
        self.seconds = None

    def measured(self, session, points, seconds):
        self.seconds = seconds
        for number, point in enumerate(points):
            yield point, None
            if number == self.ends_after:
                raise KeyboardInterrupt
            self.asked.append(point)
            rate = self.rates[point]
            yield point, Rate(point, rate, rate, "" if rate else "not implemented")


@pytest.fixture
def prober(monkeypatch, tmp_path):
    monkeypatch.setenv("NNBENCH_CEILINGS", str(tmp_path / "ceilings"))
    monkeypatch.setattr(ceilings, "plan_here", lambda: POINTS)
    one = Prober()
    monkeypatch.setattr(probe, "measured", one.measured)
    return one


def call(*arguments):
    return CliRunner().invoke(command, arguments, standalone_mode=False)


def rows(answer):
    return json.loads(answer.stdout)


def test_ceilings_are_measured_once(prober):
    first = call("--json")
    assert first.return_value == 0
    assert prober.asked == list(POINTS)
    assert "ceilings kept in " in first.stderr
    assert rows(call("--json"))["ceilings"] == rows(first)["ceilings"]
    assert len(prober.asked) == len(POINTS)


def test_json_holds_the_summary_that_runs_carry_and_every_rate(prober):
    found = rows(call("--json"))
    assert found["ceilings"]["1"] == {"arithmetic": {"float32": 1e9}, "moving": [[8192, 1e9]]}
    assert found["rates"][0] == {
        "kind": "product", "threads": 1, "dtype": "float32", "size": 0, "cpu": 1e9, "wall": 1e9, "note": ""
    }  # fmt: skip


def test_without_measuring_there_are_facts_and_the_way_to_ceilings(prober):
    answer = call("--no-measure")
    assert prober.asked == []
    assert "logical cores" in answer.stdout
    assert "not measured yet; `nnbench machine --measure`" in answer.stdout
    assert rows(call("--no-measure", "--json"))["ceilings"] == {}


def test_measuring_again_keeps_what_is_better(prober):
    call("--seconds", "3")
    assert prober.seconds == 3
    prober.rates |= {POINTS[0]: 5e9, POINTS[4]: 1e8}
    found = {row["kind"]: row["cpu"] for row in rows(call("--measure", "--json"))["rates"] if row["threads"] == 1}
    assert len(prober.asked) == 2 * len(POINTS)
    assert found == {"product": 5e9, "convolution": 1e9, "copy": 1e9, "update": 1e9}


def test_after_ctrl_c_the_rest_is_measured(prober):
    prober.ends_after = 3
    assert isinstance(call().exception, click.Abort)
    assert "not measured yet" in call("--no-measure").stdout
    prober.ends_after = 2
    assert isinstance(call().exception, click.Abort)
    prober.ends_after = len(POINTS)
    call()
    assert prober.asked == list(POINTS)


def test_what_is_still_to_be_measured_is_counted(prober):
    one_thread_only = [point for point in POINTS if point.threads == 1]
    identifier, torch = (rows(call("--no-measure", "--json"))[name] for name in ("id", "torch"))
    ceilings.keep(identifier, torch, [Rate(point, 1e9, 1e9) for point in one_thread_only])
    answer = call("--no-measure").stdout
    assert "1.00 GFLOP" in answer
    assert "not measured yet: 4 more; `nnbench machine` does" in answer


def test_the_table_has_a_line_a_dtype_and_a_size(prober):
    answer = call().stdout
    assert "1 thread" in answer
    assert "2 threads" in answer
    lines = {line.rsplit("  ", 2)[0].strip(): line for line in answer.splitlines()}
    assert "1.00 GFLOP" in next(line for name, line in lines.items() if name.startswith("arithmetic, float32"))
    assert "1.00 GB" in next(line for name, line in lines.items() if name.startswith("bytes, 8.00 KiB"))
    assert "other programs" not in answer


def test_what_could_not_be_measured_and_a_busy_machine_are_said(prober):
    prober.rates |= {POINTS[1]: None, POINTS[2]: 2e8, POINTS[3]: 2e8}
    answer = call().stdout
    assert "not measured: convolution, float32, 1 thread: not implemented" in answer
    assert "2 threads: left out, far slower than fewer: other programs had the cores." in answer


def test_a_folder_that_cannot_be_written_to_is_an_error_of_one_line(prober, tmp_path):
    (tmp_path / "ceilings").write_text("in the way")
    assert "cannot be kept in" in str(call().exception)

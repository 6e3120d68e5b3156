"""What is counted of a workload: the right calls, from the same state each time."""

import os

import pytest
import torch
from torch import nn

from nnbench import Suite, case, randn
from nnbench.measure.instructions import COUNTED, LONG, WARM_UP, Counting, count, counted
from nnbench.workload import Call, Workload

REQUEST = {"seed": 3, "seconds": 20, "memory": 2**30}


def counting(log, seconds_a_call):
    """A switch that writes into the log, and a clock by which each call in the log has taken so long."""
    return Counting(lambda: log.append("on"), lambda: log.append("off"), lambda: log.count("call") * seconds_a_call)


def workload(log):
    def run():
        log.append("call")

    return Workload({"step": Call(run, reset=lambda: log.append("reset"))}, run)


def test_some_calls_are_counted_after_warming_up_and_from_the_start():
    log = []
    assert count(workload(log), 0, counting(log, LONG / 2)) == COUNTED
    assert log == ["call"] * WARM_UP + ["reset"] + ["on", "call", "off"] * COUNTED


def test_of_what_takes_long_one_call_is_counted():
    log = []
    assert count(workload(log), 0, counting(log, LONG * 2)) == 1
    assert log == ["call", "call", "reset", "on", "call", "off"]


def test_the_same_random_numbers_are_drawn_each_time():
    drawn = [[], []]
    for numbers in drawn:
        torch.rand(len(drawn[0]))
        count(Workload({}, lambda: numbers.append(float(torch.rand(())))), 5, counting([], 0.0))  # noqa: B023
    assert drawn[0][-COUNTED:] == drawn[1][-COUNTED:]
    assert len(set(drawn[0])) > COUNTED


class Leaves(nn.Module):
    def forward(self, x):
        os._exit(3)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_each_target_has_a_process_of_its_own():
    made = Suite("mine").component(
        "relu", reference=nn.ReLU, variants={"leaves": Leaves}, cases=[case(randn(4, requires_grad=True))]
    )
    answer = counted(made, "reference", made.cases[0], REQUEST)
    assert answer["calls"] == COUNTED
    assert answer["process"] != os.getpid()
    assert "exited with 3" in counted(made, "leaves", made.cases[0], REQUEST)["stopped"]["note"]

"""What is measured of each kind: which rows come, not how large their values are."""

import pytest
import torch
from torch import nn

from nnbench import Suite, case, rand, randint, randn
from nnbench.measure import all as everything
from nnbench.measure.time import Block
from nnbench.tables import lines

REQUEST = {"seed": 0, "round": 0, "budget": 0.001, "threads": 1}
ONE_BLOCK = [Block(cpu=0.5, wall=2.0)]


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Each mode is called once, and takes half a second of CPU time and two of wall time."""

    def sample(call, plan):
        call.reset()
        call.run()
        return ONE_BLOCK

    monkeypatch.setattr(everything, "sample", sample)


def rows(kind, reference, *inputs, **more):
    arguments = more.pop("arguments", {})
    made = Suite("mine").component("thing", kind=kind, reference=reference, cases=[case(*inputs, **arguments)], **more)
    return {row.metric: row.values for row in measured(made)}


def measured(made):
    return list(everything.measure(made, "reference", made.cases[0], REQUEST))


class Steps(torch.optim.lr_scheduler.StepLR):
    pass


def network():
    return nn.Linear(3, 2)


def fill(module):
    nn.init.ones_(module.weight)


KINDS = {
    "module": (nn.ReLU, (randn(4),), {}, {"forward", "backward"}),
    "regularizer": (nn.ReLU, (randn(4),), {}, {"forward", "backward"}),
    "optimizer": (torch.optim.SGD, (randn(4),), {"arguments": {"lr": 0.1}}, {"step"}),
    "scheduler": (Steps, (), {"arguments": {"step_size": 3}}, {"step"}),
    "initializer": (fill, (), {"arguments": {"module": network}}, {"call"}),
    "metric": (torch.sum, (randn(4),), {}, {"call"}),
    "transform": (torch.neg, (randint(256, (5, 3)),), {}, {"call"}),
    "procedure": (nn.ReLU, (randn(4),), {"drive": lambda make, x: make()(x).sum()}, {"call"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_timed_in_its_modes(kind):
    reference, inputs, more, modes = KINDS[kind]
    found = rows(kind, reference, *inputs, **more)
    assert {metric.removesuffix("_wall_time") for metric in found if metric.endswith("_wall_time")} == modes
    assert all(found[f"{mode}_time"] == (0.5,) for mode in modes)


def test_a_scheduler_that_takes_a_metric_is_stepped_with_one():
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau
    assert "step_time" in rows("scheduler", plateau, rand(240), arguments={"patience": 2})


def test_a_transform_goes_through_the_rows_of_its_first_input():
    made = Suite("mine").component("thing", kind="transform", reference=torch.neg, cases=[case(randint(256, (5, 3)))])
    (line,) = lines(measured(made))
    assert line.throughput.estimate == pytest.approx(2.5)


def test_what_goes_through_no_samples_has_no_throughput_unless_it_declares_them():
    suite = Suite("mine")
    silent = suite.component("silent", kind="metric", reference=torch.sum, cases=[case(randn(4))])
    told = suite.component("told", kind="metric", reference=torch.sum, cases=[case(randn(4), items=8)])
    assert lines(measured(silent))[0].throughput is None
    assert lines(measured(told))[0].throughput.estimate == pytest.approx(4)


def test_wall_time_is_the_time_of_what_works_in_parallel():
    assert rows("transform", torch.neg, randn(5), properties=["parallel"])["call_time"] == (2.0,)


def test_a_schedule_starts_again_at_each_block(monkeypatch):
    rates = []

    def sample(call, plan):
        for _ in range(2):
            call.reset()
            call.run()
        return ONE_BLOCK

    class Told(Steps):
        def step(self, epoch=None):
            super().step(epoch)
            rates.append(self.optimizer.param_groups[0]["lr"])

    monkeypatch.setattr(everything, "sample", sample)
    rows("scheduler", Told, arguments={"step_size": 1})
    assert rates[1:3] == pytest.approx([0.01, 0.01])

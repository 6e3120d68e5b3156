"""Exact counters of work whose counts are known."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nnbench import Suite, case, randint, randn
from nnbench.measure.counters import Counter, count, graph_breaks
from nnbench.workload import Workload, prepare


def workload(reference, *inputs, kind="module", seed=0, **arguments):
    made = Suite("mine").component("thing", kind=kind, reference=reference, cases=[case(*inputs, **arguments)])
    return prepare(made, "reference", made.cases[0], seed)


def counts(*args, **more):
    return {one.metric: one for one in count(workload(*args, **more))}


def values(*args, **more):
    return {metric: one.value for metric, one in counts(*args, **more).items()}


def called(call):
    """Counts of a function without gradients."""
    return {one.metric: one.value for one in count(Workload({}, call))}


def linear():
    return workload(nn.Linear, randn(64, 32), in_features=32, out_features=16)


def test_a_linear_layer_has_the_counts_that_its_shapes_give():
    found = {one.metric: one.value for one in count(linear())}
    inputs, weights, outputs = 64 * 32 * 4, (32 * 16 + 16) * 4, 64 * 16 * 4
    assert found == {
        "flops": 3 * 2 * 64 * 32 * 16,  # one product forward, two backward
        "operators": 10,
        "saved_bytes": 0,  # input and weight live anyway
        "peak_live_bytes": outputs + inputs + weights,  # the output and the gradients
        "moved_bytes": 2 * (inputs + weights + outputs),  # in and out, with their gradients
        "parameters": 32 * 16 + 16,
        "buffers": 0,
    }


def test_flops_and_operators_tell_what_they_are_made_of():
    found = {one.metric: one for one in count(linear())}
    assert found["flops"].by_operator == {"aten.addmm": 65536, "aten.mm": 131072}
    assert found["flops"].by_mode == {"forward": 65536, "backward": 131072}
    assert found["operators"].by_operator == {
        "aten.addmm": 1,
        "aten.mm": 2,
        "aten.sum": 1,
        "aten.t": 5,
        "aten.view": 1,
    }


def test_backward_alone_reads_what_forward_left_for_it():
    found = counts(nn.Sigmoid, randn(256))["moved_bytes"]
    assert found.value == 4 * 256 * 4  # input, output, and their gradients
    assert found.by_mode == {"forward": 2 * 256 * 4, "backward": 3 * 256 * 4}


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (nn.functional.conv2d, [(2, 3, 8, 8), (4, 3, 3, 3), (4,)]),
        (nn.functional.conv_transpose1d, [(2, 3, 8), (3, 4, 3)]),
        (torch.baddbmm, [(2, 4, 5), (2, 4, 3), (2, 3, 5)]),
        (torch.matmul, [(2, 4, 3), (2, 3, 5)]),
    ],
)
def test_flops_are_those_of_torchs_own_counter(function, shapes):
    given = [torch.ones(shape, requires_grad=True) for shape in shapes]

    def call():
        return torch.autograd.grad(function(*given).sum(), given)

    with FlopCounterMode(display=False) as torchs:
        call()
    assert called(call)["flops"] == torchs.get_total_flops() > 0


@pytest.mark.parametrize("wanted", [(0,), (1,), (0, 1)], ids=["inputs", "weights", "both"])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("transposed", [False, True])
def test_backward_of_a_convolution_in_groups_has_its_forwards_flops_for_each_gradient(transposed, groups, wanted):
    function = nn.functional.conv_transpose1d if transposed else nn.functional.conv1d
    given = [torch.ones(2, 4, 9, requires_grad=True), torch.ones(4, 4 // groups, 3, requires_grad=True)]
    forward = called(lambda: function(*given, groups=groups))["flops"]
    assert forward == 2 * 2 * (9 if transposed else 7) * 4 * (4 // groups) * 3

    def call():
        return torch.autograd.grad(function(*given, groups=groups).sum(), [given[place] for place in wanted])

    assert called(call)["flops"] == forward * (1 + len(wanted))


def test_torchs_kernel_for_a_whole_recurrent_layer_has_flops_too():
    found = counts(nn.LSTM, randn(5, 3, 16), input_size=16, hidden_size=32)["flops"]
    forward = 2 * 5 * 3 * 4 * 32 * (16 + 32)
    assert found.by_mode == {"forward": forward, "backward": 2 * forward}


def test_attention_on_the_cpu_has_flops_too():
    query = torch.randn(2, 4, 8, 16)

    def call():
        return nn.functional.scaled_dot_product_attention(query, query, query)

    assert called(call)["flops"] == 2 * (2 * 2 * 4 * 8 * 8 * 16)


class Kept(nn.Module):
    """Its product keeps the exponential, and so does the exponential itself; what it adds keeps nothing."""

    def forward(self, x):
        return (x.exp() + 1).exp() * x


def test_what_is_saved_counts_once_and_inputs_do_not_count():
    found = counts(Kept, randn(256))["saved_bytes"]
    assert found.value == 2 * 256 * 4
    assert sum(found.by_operator.values()) == found.value
    assert found.by_operator == {"MulBackward0": 1024, "ExpBackward0": 1024}


class OwnGradient(nn.Module):
    def forward(self, x):
        return x * torch.func.grad(lambda one: one.exp().sum())(x)


def test_where_torch_cannot_follow_what_is_saved_the_rest_is_counted():
    found = values(OwnGradient, randn(4))
    assert "saved_bytes" not in found
    assert found["operators"] > 0


def test_without_a_backward_nothing_is_said_of_what_is_saved():
    assert "saved_bytes" not in values(torch.sum, randn(4), kind="metric")


def test_the_peak_is_of_what_lives_at_once():
    def one_by_one():
        for _ in range(3):
            torch.ones(100)

    def together():
        kept = [torch.ones(100) for _ in range(3)]
        kept.clear()
        torch.ones(100)

    assert called(one_by_one)["peak_live_bytes"] == 400
    assert called(together)["peak_live_bytes"] == 1200


def test_views_take_no_memory_and_what_grows_takes_its_new_size():
    def views():
        return torch.ones(100).view(10, 10)[2:].t()

    def grown():
        torch.ones(100).resize_(300)

    assert called(views)["peak_live_bytes"] == 400
    assert called(grown)["peak_live_bytes"] == 1200


def test_a_table_that_only_the_first_call_makes_is_not_counted():
    tables = {}

    def call():
        if "one" not in tables:
            tables["one"] = torch.ones(1000)
        return tables["one"][:10].sum()

    assert called(call)["peak_live_bytes"] == 4
    assert "one" in tables


def test_an_embedding_reads_the_rows_that_it_looks_up():
    found = counts(nn.Embedding, randint(100, (8,)), num_embeddings=100, embedding_dim=16)["moved_bytes"]
    rows, indices, gradient = 8 * 16 * 4, 8 * 8, 100 * 16 * 4
    assert found.by_mode["forward"] == rows + indices + rows
    assert found.value == rows + indices + rows + rows + gradient


@pytest.mark.parametrize(
    ("call", "moved"),
    [
        (lambda x: x[:, :4].sum(), 8 * 4 * 4 + 4),
        (lambda x: x[:4].sum() + x[2:].sum(), 8 * 8 * 4 + 4),
        (lambda x: x[0, 0].expand(50).sum(), 4 + 4),
        (lambda x: torch.zeros_like(x).sum(), 4),
        (lambda x: x.zero_(), 8 * 8 * 4),
        (lambda x: x.add_(1), 2 * 8 * 8 * 4),
        (lambda x: x.t(), 0),
    ],
    ids=["columns", "overlapping rows", "one number", "its shape alone", "overwritten", "changed", "a view"],
)
def test_what_must_be_moved_of_a_tensor(call, moved):
    x = torch.ones(8, 8)
    assert called(lambda: call(x))["moved_bytes"] == moved


@pytest.mark.parametrize("reference", [nn.Identity, nn.Flatten])
def test_what_only_passes_its_input_on_moves_nothing(reference):
    assert values(reference, randn(4, 5, 6))["moved_bytes"] == 0


@pytest.mark.parametrize(
    ("optimizer", "settings", "state"),
    [
        (torch.optim.Adam, {}, {"exp_avg": 8192, "exp_avg_sq": 8192}),
        (torch.optim.SGD, {"momentum": 0.9}, {"momentum_buffer": 8192}),
        (torch.optim.SGD, {}, {}),
    ],
)
def test_an_optimizers_state_is_counted_for_each_element(optimizer, settings, state):
    found = counts(optimizer, randn(60, 32), randn(128), kind="optimizer", lr=0.1, **settings)["state_bytes"]
    assert (found.value, found.by_operator) == (4 * len(state), state)


def test_a_step_reads_and_writes_parameters_and_state():
    found = values(torch.optim.SGD, randn(64, 32), kind="optimizer", lr=0.1, momentum=0.9)
    assert found["moved_bytes"] == (2 + 2 + 1) * 64 * 32 * 4  # parameters and momentum twice, gradients once


def test_a_schedule_dispatches_nothing():
    assert values(torch.optim.lr_scheduler.StepLR, kind="scheduler", step_size=3)["operators"] == 0


class Chancy(nn.Module):
    """Draws how much it does, from each of three generators."""

    def forward(self, x):
        for _ in range(int(torch.randint(1, 50, ())) + random.randrange(50) + np.random.randint(50)):
            x = x + 1
        return x


def test_what_is_random_counts_the_same_again_and_with_another_seed():
    first = counts(Chancy, randn(4))
    assert counts(Chancy, randn(4)) == first
    assert counts(Chancy, randn(4), seed=7) == first


def test_counting_draws_no_random_numbers():
    def call():
        if torch._C._len_torch_dispatch_stack():
            Chancy()(torch.ones(4))

    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    list(count(Workload({}, call)))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states[1:]


def several():
    """Counts of a few components, in plain values, for another process to find the same."""
    made = [
        linear(),
        workload(nn.LSTM, randn(5, 3, 16), input_size=16, hidden_size=32),
        workload(torch.optim.Adam, randn(9), kind="optimizer", lr=0.1),
    ]
    return [[one.metric, one.value, dict(one.by_operator)] for each in made for one in count(each)]


def test_another_process_counts_the_same():
    told = "import json, test_counters; print(json.dumps(test_counters.several()))"
    environment = os.environ | {"PYTHONHASHSEED": "17", "PYTHONPATH": str(Path(__file__).parent)}
    answer = subprocess.run([sys.executable, "-c", told], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout) == several()


def test_an_optimizer_counts_the_same_after_many_steps():
    made = workload(torch.optim.RAdam, randn(9), kind="optimizer", lr=0.1)
    first = list(count(made))
    for _ in range(20):
        made.whole()
    assert list(count(made)) == first


def test_in_inference_mode_the_same_kernels_are_counted():
    x, weight = torch.ones(4, 3), torch.ones(2, 3)

    def call():
        with torch.inference_mode():
            return nn.functional.linear(x, weight)

    assert called(call)["flops"] == 2 * 4 * 3 * 2


def test_a_gradient_with_a_kernel_of_its_own_is_one_operator():
    found = counts(nn.SiLU, randn(256))
    assert found["operators"].by_operator == {"aten.silu": 1, "aten.silu_backward": 1}
    assert found["peak_live_bytes"].value == 2 * 256 * 4


def test_what_torch_compiled_tells_its_parameters_alone():
    made = nn.Linear(3, 2)
    made.compile()

    def never():
        raise AssertionError("called")

    assert list(count(Workload({}, never, made))) == [Counter("parameters", 8), Counter("buffers", 0)]


def test_what_works_in_other_processes_has_no_peak():
    made = Workload({}, lambda: torch.ones(9))
    assert {one.metric for one in count(made)} - {one.metric for one in count(made, is_parallel=True)} == {
        "peak_live_bytes"
    }


def test_buffers_are_counted_in_elements():
    assert values(nn.BatchNorm1d, randn(8, 5), num_features=5)["buffers"] == 5 + 5 + 1


def test_a_component_that_fails_leaves_no_mode_behind():
    def call():
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        list(count(Workload({}, call)))
    assert torch.utils._python_dispatch._get_current_dispatch_mode() is None


class Broken(nn.Module):
    """Compiling cannot go on where Python has to know a number."""

    def forward(self, x):
        return x * 2 if (x + 1).sum() > 0 else x


def test_graph_breaks_are_counted_with_their_reasons():
    assert graph_breaks(workload(nn.ReLU, randn(4))).value == 0
    broken = graph_breaks(workload(Broken, randn(4)))
    assert broken.value == 1
    assert list(broken.by_operator.values()) == [1]

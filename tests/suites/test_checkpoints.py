"""Checkpoints and files of weights: going on to the bit, keeping the best, written whole, read safely, refused."""

import copy
import math
import os
import pickle

import pytest
import torch
from nnbench.suites.training.loop import one_epoch, start
from nnbench.suites.training.resuming import Checkpoint
from nnbench.suites.training.samples import split
from suite_support import inputs_of
from torch import nn
from torch.nn import functional
from torch.optim import lr_scheduler

import nnbench

CHECKPOINT = nnbench.component("training.checkpoint")
WEIGHTS = nnbench.component("training.save_weights")

RUNS = {
    "sgd": (torch.optim.SGD, {"lr": 0.1}, None, {}),
    "momentum": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}, lr_scheduler.StepLR, {"step_size": 2}),
    "adam": (torch.optim.Adam, {"lr": 0.01, "amsgrad": True}, lr_scheduler.ReduceLROnPlateau, {"patience": 0}),
    "adamw": (torch.optim.AdamW, {"lr": 0.01}, lr_scheduler.CosineAnnealingLR, {"T_max": 6}),
    "rmsprop": (torch.optim.RMSprop, {"lr": 0.01, "centered": True}, lr_scheduler.ExponentialLR, {"gamma": 0.9}),
    "adagrad": (torch.optim.Adagrad, {"lr": 0.01}, lr_scheduler.LinearLR, {"total_iters": 5}),
    "one cycle": (
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.9},
        lr_scheduler.OneCycleLR,
        {"max_lr": 0.1, "total_steps": 9},
    ),
    "nadam": (torch.optim.NAdam, {"lr": 0.01}, lr_scheduler.LambdaLR, {"lr_lambda": lambda epoch: 0.9**epoch}),
}


def samples():
    generator = torch.Generator().manual_seed(1)
    return split(torch.randn(60, 6, generator=generator), torch.randint(3, (60,), generator=generator))


def network(width=8):
    """With random numbers and a state that is no parameter."""
    return nn.Sequential(nn.Linear(6, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.3), nn.Linear(width, 3))


def started(run="momentum", seed=0, model=None):
    torch.manual_seed(seed)
    return start(model or network(), *RUNS[run], seed=seed)


def train(state, epochs):
    for _ in range(epochs):
        one_epoch(state, *samples(), functional.cross_entropy, batch_size=16)
    return state


def checkpoint(path, **arguments):
    return CHECKPOINT.reference.build(path=path / "run.pt", **arguments)


def same(first, second):
    """Equal to the bit, whatever is nested in what."""
    if isinstance(first, torch.Tensor):
        return first.dtype == second.dtype and torch.equal(first, second)
    if isinstance(first, dict):
        return list(first) == list(second) and all(same(first[name], second[name]) for name in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


def content_of(state):
    plan = None if state.scheduler is None else state.scheduler.state_dict()
    return copy.deepcopy([state.history, state.model.state_dict(), state.optimizer.state_dict(), plan])


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("stopped", [1, 4])
def test_going_on_from_it_is_the_run_that_never_stopped(tmp_path, run, stopped):
    whole, file = train(started(run), 6), checkpoint(tmp_path)
    assert file.save(train(started(run), stopped))
    resumed = started(run, seed=7)
    file.load(resumed)
    assert resumed.epoch == stopped
    assert same(content_of(train(resumed, 6 - stopped)), content_of(whole))


def test_without_the_random_numbers_it_would_be_another_run(tmp_path):
    whole, file = train(started(), 4), checkpoint(tmp_path)
    file.save(train(started(), 2))
    resumed = started(seed=7)
    file.load(resumed)
    torch.manual_seed(7)
    assert not same(content_of(train(resumed, 2)), content_of(whole))


def test_saving_and_going_on_in_place_changes_nothing(tmp_path):
    whole, state, file = train(started(), 4), started(), checkpoint(tmp_path)
    for _ in range(4):
        file.save(train(state, 1))
    assert same(content_of(state), content_of(whole))


def test_an_earlier_epoch_comes_back_into_a_state_that_went_on(tmp_path):
    state, file = train(started(), 2), checkpoint(tmp_path)
    file.save(state)
    before = content_of(state)
    train(state, 3)
    file.load(state)
    assert same(content_of(state), before)


def test_the_file_names_epoch_and_loss_for_whoever_reads_it(tmp_path):
    state, file = train(started(), 3), checkpoint(tmp_path)
    file.save(state)
    content = torch.load(file.path, weights_only=True)
    assert content["epoch"] == 3
    assert content["loss"] == state.history["validation_loss"][-1]


BEST = [
    ("min", [3.0, 2.0, 2.5, 2.0, 1.0], [True, True, False, False, True]),
    ("min", [math.nan, 2.0, math.nan, 3.0, 1.0], [False, True, False, False, True]),
    ("min", [math.inf, 2.0, -math.inf, -math.inf, math.nan], [False, True, True, False, False]),
    ("max", [0.5, 0.4, 0.6, 0.6, 0.7], [True, False, True, False, True]),
    ("max", [-1.0, math.nan, -0.5, -2.0, 0.0], [True, False, True, False, True]),
]


@pytest.mark.parametrize(("mode", "values", "written"), BEST)
def test_best_only_writes_where_the_value_is_the_best_so_far(tmp_path, mode, values, written):
    state, file = started(), checkpoint(tmp_path, best_only=True, monitor="score", mode=mode)
    found = []
    for value in values:
        state.history.setdefault("score", []).append(value)
        found.append(file.save(state))
        best = max((place for place, is_best in enumerate(found) if is_best), default=None)
        if best is not None:
            assert torch.load(file.path, weights_only=True)["loss"] == values[best]
    assert found == written


def test_the_best_is_remembered_in_the_file(tmp_path):
    state, file = started(), checkpoint(tmp_path, best_only=True, monitor="score")
    state.history["score"] = [1.0]
    file.save(state)
    resumed = started(seed=3)
    file.load(resumed)
    resumed.history["score"].append(1.5)
    assert not checkpoint(tmp_path, best_only=True, monitor="score").save(resumed)


WRONG_BEST = {
    "lower than the one before": lambda values: len(values) < 2 or not values[-1] >= values[-2],
    "as low as the lowest": lambda values: values[-1] <= min(v for v in values if not math.isnan(v)),
    "below the lowest, NaN or not": lambda values: values[-1] < min(values[:-1], default=math.inf),
}


@pytest.mark.parametrize("wrong", WRONG_BEST)
def test_the_drive_sees_a_wrong_best(wrong):
    class Wrong(Checkpoint):
        def _is_best(self, values):
            sign = 1 if self.mode == "min" else -1
            return not math.isnan(values[-1]) and WRONG_BEST[wrong]([sign * value for value in values])

    case = CHECKPOINT.case("96x10")
    inputs = inputs_of(case)
    right = CHECKPOINT.oracle(*[tensor.numpy() for tensor in inputs])["scripts"]
    assert CHECKPOINT.drive(Checkpoint, *inputs)["scripts"] == right
    assert CHECKPOINT.drive(Wrong, *inputs)["scripts"] != right


def test_what_cannot_be_monitored_is_refused(tmp_path):
    with pytest.raises(ValueError, match="mode is 'min' or 'max', not 'lowest'"):
        checkpoint(tmp_path, mode="lowest")
    with pytest.raises(ValueError, match="there is no 'f1' to monitor; the history has train_loss"):
        checkpoint(tmp_path, monitor="f1").save(train(started(), 1))


@pytest.mark.parametrize("broken", [os.fsync, torch.save])
def test_a_write_that_fails_leaves_the_earlier_file(tmp_path, monkeypatch, broken):
    file = checkpoint(tmp_path)
    file.save(train(started(), 1))
    before = file.path.read_bytes()

    def fails(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(os if broken is os.fsync else torch, broken.__name__, fails)
    with pytest.raises(KeyboardInterrupt):
        file.save(train(started(), 2))
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]
    assert file.path.read_bytes() == before


MISFITS = [
    (network(width=9), r"0.weight is \(8, 6\) of float32 in it and \(9, 6\) of float32 in the network"),
    (network().double(), r"0.weight is \(8, 6\) of float32 in it and \(8, 6\) of float64 in the network"),
    (network()[:3], "it has 4.weight, which the network lacks; it has 4.bias"),
    (nn.Sequential(*network(), nn.Linear(3, 3)), "it lacks 5.weight; it lacks 5.bias"),
]


@pytest.mark.parametrize(("model", "said"), MISFITS)
@pytest.mark.parametrize("kind", ["checkpoint", "weights"])
def test_a_file_of_another_network_says_what_does_not_fit_and_changes_nothing(tmp_path, model, said, kind):
    state = started(model=copy.deepcopy(model))
    before = content_of(state)
    if kind == "checkpoint":
        file = checkpoint(tmp_path)
        file.save(train(started(), 1))
        with pytest.raises(ValueError, match=said):
            file.load(state)
    else:
        file = WEIGHTS.reference.build(path=tmp_path / "weights.pt")
        file.save(network())
        with pytest.raises(ValueError, match=said):
            file.load(state.model)
    assert same(content_of(state), before)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("adam", "is of SGD and StepLR, not of Adam and ReduceLROnPlateau"),
        ("sgd", "is of SGD and StepLR, not of SGD$"),
    ],
)
def test_a_checkpoint_of_another_optimizer_or_scheduler_says_so_and_changes_nothing(tmp_path, run, said):
    file, state = checkpoint(tmp_path), started(run)
    file.save(train(started("momentum"), 1))
    before = content_of(state)
    with pytest.raises(ValueError, match=said):
        file.load(state)
    assert same(content_of(state), before)


def test_parameters_that_are_grouped_otherwise_are_refused_and_nothing_changes(tmp_path):
    file, state = checkpoint(tmp_path), started("momentum")
    file.save(train(started("momentum"), 1))
    state.optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))]})
    before = content_of(state)
    with pytest.raises(ValueError, match="parameter group"):
        file.load(state)
    assert same(content_of(state), before)


class Malicious:
    """Runs a command where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


FILES = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no weights at all\n"),
    "truncated": lambda path: (torch.save(network().state_dict(), path), path.write_bytes(path.read_bytes()[:300])),
    "a whole model": lambda path: torch.save(network(), path),
    "a list": lambda path: torch.save([1, 2], path),
    "other things": lambda path: torch.save({"weights": 1}, path),
    "code": lambda path: torch.save(Malicious(path.with_name("hacked")), path),
    "pickled code": lambda path: path.write_bytes(pickle.dumps(Malicious(path.with_name("hacked")), protocol=2)),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("component", [CHECKPOINT, WEIGHTS], ids=lambda component: component.id)
def test_files_of_something_else_are_refused_and_nothing_in_them_runs(tmp_path, name, component):
    state, path = started(), tmp_path / "file.pt"
    FILES[name](path)
    before = content_of(state)
    with pytest.raises(ValueError, match=r"file\.pt"):
        component.reference.build(path=path).load(state if component is CHECKPOINT else state.model)
    assert not (tmp_path / "hacked").exists()
    assert same(content_of(state), before)


def test_weights_alone_are_no_checkpoint(tmp_path):
    file = WEIGHTS.reference.build(path=tmp_path / "run.pt")
    file.save(network())
    with pytest.raises(ValueError, match="is no checkpoint: it lacks epoch, loss, history"):
        checkpoint(tmp_path).load(started())


@pytest.mark.parametrize("component", [CHECKPOINT, WEIGHTS], ids=lambda component: component.id)
def test_a_file_that_is_not_there_is_not_found(tmp_path, component):
    with pytest.raises(FileNotFoundError):
        component.reference.build(path=tmp_path / "none.pt").load(started())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("writer", "reader"), [("reference", "torch"), ("torch", "reference")])
def test_weights_come_through_a_file_to_the_bit_and_load_either_way(tmp_path, dtype, writer, reader):
    saved, loaded, path = network().to(dtype), network().to(dtype), tmp_path / "weights.pt"
    WEIGHTS.variant(writer).build(path=path).save(saved)
    WEIGHTS.variant(reader).build(path=path).load(loaded)
    assert same(dict(saved.state_dict()), dict(loaded.state_dict()))
    x = torch.ones(4, 6, dtype=dtype)
    assert torch.equal(saved.eval()(x), loaded.eval()(x))


def test_e11_is_shown_and_would_not_be_by_a_checkpoint_that_loads():
    documented = CHECKPOINT.variant("documented")
    evidence = documented.evidence["E11"]
    found = evidence(documented, CHECKPOINT.reference)
    assert found.shown
    assert "raises UnpicklingError (WeightsUnpickler error: Unsupported global" in found.says
    assert not evidence(CHECKPOINT.reference, CHECKPOINT.reference).shown

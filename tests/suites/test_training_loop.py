"""The training loop: every procedure against its oracle, and ``fit`` with more options than are documented."""

import functools
import math

import numpy as np
import pytest
import torch
from nnbench.suites.training.fit import fit
from nnbench.suites.training.judge import Perceptron, judged_fit
from nnbench.suites.training.resuming import Checkpoint
from nnbench.suites.training.samples import parameters, perceptron, split
from suite_support import assert_close, inputs_of
from torch import nn
from torch.nn import functional
from torch.optim import lr_scheduler

import nnbench
from nnbench.checks.leaves import leaves
from nnbench.failures import MissingPackage

PROCEDURES = [component for component in nnbench.components() if component.id.startswith("training.")]
CASES = [
    (component, variant.name, case)
    for component in PROCEDURES
    for variant in component.variants.values()
    if not variant.expected_to_fail
    for case in component.cases
]


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def samples(classes=3):
    targets = torch.randint(classes, (96,), generator=torch.Generator().manual_seed(1))
    return split(numbers(96, 10), targets)


def network(dropout=0.0):
    return perceptron([numbers(16, 10, seed=2), numbers(3, 16, seed=3)], dropout)


def trained(**settings):
    """A history and the parameters that it ends with."""
    model = settings.pop("model", None) or network()
    arguments = {"epochs": 4, "batch_size": 20, "optimizer_arguments": {"lr": 0.1}} | settings
    return fit(model, *samples(), **arguments), parameters(model)


def assert_outcome(got, want):
    mine, right = dict(leaves(got)), dict(leaves(want))
    assert list(mine) == list(right)
    for path, value in right.items():
        if isinstance(value, float | torch.Tensor):
            both = (torch.as_tensor(one, dtype=torch.float64) for one in (mine[path], value))
            torch.testing.assert_close(*both, rtol=1e-11, atol=1e-13, equal_nan=True, msg=f"{path} is another")
        else:
            assert mine[path] == value, path


@pytest.mark.parametrize(("component", "variant", "case"), CASES, ids=lambda value: getattr(value, "label", value))
def test_every_case_equals_its_oracle(component, variant, case):
    try:
        component.variant(variant).resolve()
    except MissingPackage as missing:
        pytest.skip(str(missing))
    inputs = inputs_of(case)

    def make(**more):
        return component.variant(variant).build(**{**case.arguments, **more})

    got = component.drive(make, *inputs)
    assert_outcome(got, component.oracle(*[tensor.numpy() for tensor in inputs], **case.arguments))


@pytest.mark.parametrize("ignored", ["loss", "checkpoint", "patience", "report", "seed", "optimizer_arguments"])
def test_the_drive_sees_a_loop_that_ignores_an_argument(ignored):
    component = nnbench.component("training.fit")
    case = component.case("regression")
    inputs, arguments = inputs_of(case), {**case.arguments, "seed": 3}

    def make(**more):
        given = {**arguments, **more}
        return functools.partial(fit, **{name: value for name, value in given.items() if name != ignored})

    right = component.oracle(*[tensor.numpy() for tensor in inputs], **arguments)
    with pytest.raises(AssertionError):
        assert_outcome(component.drive(make, *inputs), right)


def plain_loop(model, optimizer, plan, epochs, batch_size, max_norm=None):
    """The loop as one would write it down, epoch by epoch."""
    (x, t), (held_out, wanted) = samples()
    generator, rows_of_history = torch.Generator().manual_seed(0), []
    for _ in range(epochs):
        rate, order, losses = optimizer.param_groups[0]["lr"], torch.randperm(64, generator=generator), []
        for first in range(0, 64, batch_size):
            rows = order[first : first + batch_size]
            terms = functional.cross_entropy(model(x[rows]), t[rows], reduction="none")
            optimizer.zero_grad()
            terms.mean().backward()
            if max_norm is not None:
                nn.utils.clip_grad_norm_(model.parameters(), max_norm)
            optimizer.step()
            losses += terms.tolist()
        with torch.no_grad():
            scores = model(held_out)
        loss = functional.cross_entropy(scores, wanted).item()
        if isinstance(plan, lr_scheduler.ReduceLROnPlateau):
            plan.step(loss)
        elif plan is not None:
            plan.step()
        accuracy = float((scores.argmax(1) == wanted).double().mean())
        rows_of_history.append((math.fsum(losses) / 64, loss, accuracy, rate))
    names = ("train_loss", "validation_loss", "validation_accuracy", "learning_rate")
    return {name: list(column) for name, column in zip(names, zip(*rows_of_history, strict=True), strict=True)}


SGD, ADAM = torch.optim.SGD, torch.optim.Adam
OPTIONS = [
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}, None, {}, {}),
    (SGD, {"lr": 0.1}, lr_scheduler.ExponentialLR, {"gamma": 0.5}, {}),
    (SGD, {"lr": 0.5}, lr_scheduler.CosineAnnealingLR, {"T_max": 5}, {"max_norm": 0.3}),
    (ADAM, {"lr": 0.01, "amsgrad": True}, lr_scheduler.MultiStepLR, {"milestones": [1, 3]}, {"batch_size": 64}),
    (ADAM, {"lr": 0.3}, lr_scheduler.ReduceLROnPlateau, {"patience": 0, "factor": 0.2}, {"batch_size": 1}),
    (torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1}, None, {}, {"batch_size": 1000}),
    (torch.optim.RMSprop, {"lr": 0.01, "momentum": 0.5}, lr_scheduler.LinearLR, {"total_iters": 3}, {"batch_size": 7}),
]


@pytest.mark.parametrize(("optimizer", "settings", "scheduler", "plan", "more"), OPTIONS)
def test_options_do_what_a_loop_written_down_does(optimizer, settings, scheduler, plan, more):
    model, options = network(), {"epochs": 5, "batch_size": 20} | more
    stepper = optimizer(model.parameters(), **settings)
    history = plain_loop(model, stepper, scheduler and scheduler(stepper, **plan), **options)
    given = {"optimizer": optimizer, "optimizer_arguments": settings, "scheduler": scheduler}
    got, weights = trained(**given, scheduler_arguments=plan, **options)
    assert_outcome(got, history)
    assert_close(weights, parameters(model))


def documented_run(name):
    component = nnbench.component("training.fit")
    case = component.case(name)
    features, classes, *weights = inputs_of(case)
    return case.arguments, perceptron(weights), split(features, classes)


def test_the_documented_options_make_a_difference_in_their_cases():
    arguments, model, data = documented_run("momentum,plateau,early_stopping")
    history = fit(model, *data, **arguments)
    assert len(set(history["learning_rate"])) > 1
    assert len(history["train_loss"]) < arguments["epochs"]
    arguments, clipped, data = documented_run("adam,step_lr,clipping")
    history = fit(clipped, *data, **arguments)
    assert history["learning_rate"] == [0.01, 0.01, 0.005, 0.005, 0.0025, 0.0025]
    _, free, _ = documented_run("adam,step_lr,clipping")
    fit(free, *data, **{**arguments, "max_norm": None})
    assert not torch.allclose(parameters(free), parameters(clipped))


@pytest.mark.parametrize("batch_size", [1, 20, 63, 64, 100])
def test_an_epochs_loss_is_the_mean_over_samples_however_large_the_last_batch(batch_size):
    history, _ = trained(optimizer_arguments={"lr": 0.0}, epochs=1, batch_size=batch_size)
    (x, t), _ = samples()
    assert history["train_loss"] == pytest.approx([functional.cross_entropy(network()(x), t).item()], rel=1e-13)


def test_the_judge_drops_units_as_torch_does_and_shows_a_wrong_rate():
    torch.manual_seed(0)
    history, weights = trained(model=network(dropout=0.5))
    data = [tuple(part.numpy() for part in pair) for pair in samples()]
    for rate, is_right in ((0.5, True), (0.4, False), (0.0, False)):
        judge = Perceptron([numbers(16, 10, seed=2).numpy(), numbers(3, 16, seed=3).numpy()], rate)
        torch.manual_seed(0)
        said = judged_fit(judge, *data, optimizer=SGD, optimizer_arguments={"lr": 0.1}, epochs=4, batch_size=20)
        assert np.allclose(said["train_loss"], history["train_loss"], rtol=1e-12) == is_right
        assert np.allclose(judge.parameters, weights.numpy(), rtol=1e-10) == is_right


def test_the_seed_orders_the_samples_and_nothing_else_does():
    torch.manual_seed(1)
    first, _ = trained(seed=5)
    torch.manual_seed(2)
    assert trained(seed=5)[0] == first
    assert trained(seed=6)[0] != first


def falling_then(*losses):
    """A loss for each epoch's evaluation; what is trained with is not looked at."""
    script = iter(losses)

    def loss(scores, targets):
        return scores.sum() * 0 + (next(script) if not scores.requires_grad else 1.0)

    return loss


@pytest.mark.parametrize(
    ("losses", "patience", "epochs"),
    [
        ([3, 2, 1, 1, 1, 1], 2, 5),
        ([3, 2, 2.5, 1, 1.5, 1.2, 0.5], 2, 6),
        ([3, 2, 2.5, 1, 1.5, 1.2, 0.5], 3, 7),
        ([math.nan] * 7, 3, 3),
        ([2, math.nan, math.nan, 1, math.nan, 3, 0], 3, 7),
        ([2, math.nan, 2, 1], 2, 3),
        ([math.inf, math.inf, 1], 2, 2),
        ([5, 4, 5, 3], 1, 3),
        ([1, 2, 3, 4, 5], None, 5),
    ],
)
def test_it_stops_after_so_many_epochs_without_a_lower_loss(losses, patience, epochs):
    history, _ = trained(loss=falling_then(*losses), patience=patience, epochs=len(losses))
    np.testing.assert_equal(history["validation_loss"], losses[:epochs])


def test_plateau_gets_the_validation_loss():
    losses = [3.0, 2.0, 2.0, 1.0, 1.0, 1.0, 0.5]
    plan = {"scheduler": lr_scheduler.ReduceLROnPlateau, "scheduler_arguments": {"factor": 0.5, "patience": 0}}
    history, _ = trained(loss=falling_then(*losses), **plan, optimizer_arguments={"lr": 1.0}, epochs=7)
    assert history["learning_rate"] == [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.125]


RESUMED = [
    {"optimizer_arguments": {"lr": 0.1, "momentum": 0.9}},
    {"optimizer": ADAM, "scheduler": lr_scheduler.StepLR, "scheduler_arguments": {"step_size": 2}},
    {"scheduler": lr_scheduler.ReduceLROnPlateau, "scheduler_arguments": {"patience": 0}, "max_norm": 0.1},
    {"loss": nn.CrossEntropyLoss(label_smoothing=0.1), "patience": 2},
]


class Interrupted(Exception):
    pass


def interrupt_after(last):
    def report(epoch, values):
        if epoch == last:
            raise Interrupted

    return report


@pytest.mark.parametrize("settings", RESUMED)
@pytest.mark.parametrize("last", [1, 3])
def test_a_run_interrupted_between_epochs_ends_as_if_it_had_not_been(tmp_path, settings, last):
    torch.manual_seed(0)
    whole = trained(model=network(dropout=0.3), epochs=5, **settings)
    checkpoint = Checkpoint(tmp_path / "run.pt")
    torch.manual_seed(0)
    with pytest.raises(Interrupted):
        trained(model=network(dropout=0.3), epochs=5, checkpoint=checkpoint, report=interrupt_after(last), **settings)
    torch.manual_seed(99)
    history, weights = trained(model=network(dropout=0.3), epochs=5, checkpoint=checkpoint, **settings)
    assert history == whole[0]
    assert torch.equal(weights, whole[1])


def test_a_finished_run_is_not_trained_again_and_a_longer_one_goes_on(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt")
    first = trained(epochs=3, checkpoint=checkpoint)
    again = trained(epochs=3, checkpoint=checkpoint)
    assert again[0] == first[0]
    assert torch.equal(again[1], first[1])
    longer, once = trained(epochs=5, checkpoint=checkpoint), trained(epochs=5)
    assert longer[0] == once[0]
    assert torch.equal(longer[1], once[1])


def test_a_run_that_stopped_early_stays_stopped(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.pt")
    settings = {"patience": 2, "epochs": 9, "checkpoint": checkpoint}
    first, _ = trained(loss=falling_then(1, 2, 3, 0, 0, 0), **settings)
    again, _ = trained(loss=falling_then(0, 0, 0), **settings)
    assert again == first
    assert again["validation_loss"] == [1, 2, 3]


def test_it_reports_each_epoch_once_also_after_going_on(tmp_path):
    seen, checkpoint = [], Checkpoint(tmp_path / "run.pt")
    for epochs in (2, 4):
        history, _ = trained(epochs=epochs, checkpoint=checkpoint, report=lambda *said: seen.append(said))
    assert [epoch for epoch, _ in seen] == [1, 2, 3, 4]
    assert [values["train_loss"] for _, values in seen] == history["train_loss"]


def test_targets_that_are_no_classes_have_no_accuracy():
    model, line = nn.Linear(10, 1, dtype=torch.float64), numbers(10, 1, seed=5)
    (x, _), (held_out, _) = samples()
    data = ((x, x @ line), (held_out, held_out @ line))
    history = fit(model, *data, loss=functional.mse_loss, optimizer_arguments={"lr": 0.1}, epochs=60)
    assert list(history) == ["train_loss", "validation_loss", "learning_rate"]
    assert history["validation_loss"][-1] < 1e-6 * history["validation_loss"][0]


def test_no_epochs_are_no_history_and_leave_the_weights():
    history, weights = trained(epochs=0)
    assert history == {}
    assert torch.equal(weights, parameters(network()))


def test_evaluation_is_in_evaluation_mode():
    history, _ = trained(model=network(dropout=0.9), epochs=2, optimizer_arguments={"lr": 0.0})
    assert history["validation_loss"][0] == history["validation_loss"][1]
    assert history["train_loss"][0] != history["train_loss"][1]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epochs": -1}, "epochs is 0 or more, not -1"),
        ({"batch_size": 0}, "batch_size is 1 or more, not 0"),
        ({"patience": 0}, "patience is 1 or more, or None, not 0"),
    ],
)
def test_impossible_settings_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        trained(**settings)


def test_samples_that_do_not_fit_their_targets_are_refused():
    train, (x, t) = samples()
    with pytest.raises(ValueError, match="validation has 32 samples and 31 targets"):
        fit(network(), train, (x, t[1:]), epochs=1)
    with pytest.raises(ValueError, match="train has 0 samples"):
        fit(network(), (x[:0], t[:0]), (x, t), epochs=1)

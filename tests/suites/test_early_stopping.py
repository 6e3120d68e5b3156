"""Early stopping over whole runs of losses, beside its oracle, and the documents' form that takes NaN for the best."""

from __future__ import annotations

import copy
import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nnbench

COMPONENT = nnbench.component("regularizers.early_stopping")
NAN = math.nan
SCRIPTS = [
    "falling",
    "rising",
    "plateau",
    "noisy",
    "creeping",
    "infinite first",
    "nan once",
    "noisy with nan",
    "nan first",
    "nan for good",
    "only nan",
]
FORMS: list[dict[str, Any]] = [
    *(dict(case.arguments) for case in COMPONENT.cases),
    {"patience": 0},
    {"patience": 1},
    {"patience": 1, "restore_best_weights": True},
    {"patience": 3, "min_delta": 0.3},
    {"patience": 3, "min_delta": 0.3, "restore_best_weights": True, "mode": "max"},
    {"patience": 2, "min_delta": 5.0, "restore_best_weights": True},
    {"patience": 1000, "restore_best_weights": True},
    {},
]


def stopper(variant: str = "reference", **arguments: Any) -> Any:
    return COMPONENT.variant(variant).build(**arguments)


def stops_at(made: Any, losses: list[float], model: nn.Module | None = None) -> int:
    """The first epoch at which it says stop; 0 for none."""
    return next((epoch for epoch, loss in enumerate(losses, start=1) if made(loss, model)), 0)


def outcome(draws: Tensor, arguments: dict[str, Any]) -> Any:
    assert COMPONENT.drive is not None
    return COMPONENT.drive(lambda **more: stopper(**(arguments | more)), draws)


@pytest.mark.parametrize("arguments", FORMS, ids=str)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_script_ends_as_the_oracle_finds_from_the_whole_of_it(arguments: dict[str, Any], seed: int) -> None:
    draws = torch.rand(40, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    assert COMPONENT.oracle is not None
    got, want = outcome(draws, arguments), COMPONENT.oracle(draws.numpy(), **arguments)
    assert list(got) == list(want) == SCRIPTS
    for name, run in itertools.product(SCRIPTS, ("whole", "resumed")):
        mine, right = got[name][run], want[name][run]
        for value in ("stopped", "best_epoch"):
            assert mine[value] == right[value], f"{value} of {name}, {run}"
        np.testing.assert_allclose(mine["weights"].numpy(), right["weights"], rtol=1e-14)
        assert mine["best_losses"].tolist() == right["best_losses"].tolist()
        assert mine["seen"].tolist() == right["seen"].tolist()


def test_the_scripts_end_in_every_way() -> None:
    draws = torch.rand(40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ends = {name: found["whole"]["stopped"] for name, found in outcome(draws, {"patience": 5}).items()}
    assert ends["falling"] == ends["creeping"] == ends["nan once"] == ends["nan first"] == 0
    assert (ends["rising"], ends["plateau"], ends["nan for good"], ends["only nan"]) == (6, 19, 18, 5)
    by_more = outcome(draws, {"patience": 2, "min_delta": 0.002})
    assert by_more["creeping"]["whole"]["stopped"] > 0


@pytest.mark.parametrize(
    ("arguments", "losses", "epoch"),
    [
        ({"patience": 2}, [3, 2, 2.5, 2.5, 2.5], 4),
        ({"patience": 2}, [3, 2, 2.5, 1.9, 2.5, 1.8], 0),
        ({"patience": 2}, [3, 2, 2, 2], 4),  # as good as the best is no improvement
        ({"patience": 1}, [3, 3], 2),
        ({"patience": 0}, [3, 3], 2),
        ({"patience": 2, "min_delta": 0.5}, [3, 2.6, 2.4, 2.3, 2.2], 5),
        ({"patience": 2, "min_delta": 0.5}, [3, 2.5, 2.5], 3),  # better by min_delta is not by more than it
        ({"patience": 2, "mode": "max"}, [0.5, 0.6, 0.6, 0.5], 4),
        ({"patience": 2, "mode": "max", "min_delta": 0.2}, [0.5, 0.6, 0.8, 0.9, 0.95], 5),
        ({"patience": 2}, [3, NAN, 2, NAN, NAN, 1], 5),
        ({"patience": 2}, [3, NAN, 3.5, 1], 3),
        ({"patience": 2}, [NAN, NAN, 1], 2),
        ({"patience": 2, "mode": "max"}, [NAN, 1, NAN, NAN], 4),
        ({"patience": 2}, [math.inf, 1, math.inf, math.inf], 4),
    ],
    ids=str,
)
def test_runs_by_hand(arguments: dict[str, Any], losses: list[float], epoch: int) -> None:
    assert stops_at(stopper(**arguments), losses) == epoch


def test_nan_is_never_the_best() -> None:
    made = stopper(patience=3)
    answers = [made(loss) for loss in (0.9, 0.6, NAN, 0.8, NAN)]
    assert answers == [False, False, False, False, True]
    assert (made.best, made.best_epoch, made.epoch, made.counter) == (0.6, 2, 5, 3)


def test_an_improvement_starts_the_patience_anew() -> None:
    assert stops_at(stopper(patience=2), [5, 6, 4, 6, 3, 6, 2, 6, 6]) == 9


def test_a_loss_may_be_a_tensor_and_is_not_kept_as_one() -> None:
    made = stopper(patience=2)
    made(torch.tensor(1.5, requires_grad=True))
    assert made.best == 1.5
    assert not isinstance(made.best, Tensor)


def model_at(value: float) -> nn.Module:
    model = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
    fill(model, value)
    return model


def fill(model: nn.Module, value: float) -> None:
    """Every parameter and every floating-point buffer, in place."""
    for tensor in model.state_dict().values():
        tensor.fill_(value)


def trained(made: Any, losses: list[float]) -> tuple[nn.Module, int]:
    model = model_at(0)
    for epoch, loss in enumerate(losses, start=1):
        fill(model, epoch)
        if made(loss, model):
            return model, epoch
    return model, 0


def test_the_best_epochs_weights_and_buffers_come_back() -> None:
    model, epoch = trained(stopper(patience=2, restore_best_weights=True), [3, 2, 4, 5, 1])
    assert epoch == 4
    assert {float(tensor.max()) for tensor in model.state_dict().values()} == {2.0}


@pytest.mark.parametrize("variant", ["reference", "documented"])
def test_without_restoring_the_weights_are_the_last_ones(variant: str) -> None:
    model, epoch = trained(stopper(variant, patience=2), [3, 2, 4, 5, 1])
    assert epoch == 4
    assert {float(tensor.max()) for tensor in model.state_dict().values()} == {4.0}


def test_a_run_that_is_not_stopped_keeps_its_weights() -> None:
    model, epoch = trained(stopper(patience=5, restore_best_weights=True), [3, 2, 4, 5])
    assert epoch == 0
    assert {float(tensor.max()) for tensor in model.state_dict().values()} == {4.0}


def test_without_an_improvement_there_is_nothing_to_restore() -> None:
    model, epoch = trained(stopper(patience=2, restore_best_weights=True), [NAN, NAN])
    assert epoch == 2
    assert {float(tensor.max()) for tensor in model.state_dict().values()} == {2.0}


def test_the_best_weights_are_a_copy() -> None:
    made, model = stopper(patience=1, restore_best_weights=True), model_at(1)
    made(1.0, model)
    fill(model, 7)
    assert {float(tensor.max()) for tensor in made.best_state.values()} == {1.0}


@pytest.mark.parametrize("arguments", FORMS, ids=str)
@pytest.mark.parametrize("cut", [0, 1, 5, 8])
def test_a_run_resumed_from_its_state_goes_on_as_the_whole_one(arguments: dict[str, Any], cut: int) -> None:
    losses = [5, 4, NAN, 4.1, 3.5, 3.6, 3.55, NAN, 3.5, 3.4, 3.45, 3.5, 3.6, 3.7, 3.3]
    whole, first, second = (stopper(**arguments) for _ in range(3))
    models = [model_at(0), model_at(0)]
    resumed = first
    for epoch, loss in enumerate(losses):
        if epoch == cut:
            second.load_state_dict(copy.deepcopy(first.state_dict()))
            resumed = second
        for model in models:
            fill(model, epoch)
        assert whole(loss, models[0]) == resumed(loss, models[1])
        assert (whole.best, whole.best_epoch, whole.counter) == (resumed.best, resumed.best_epoch, resumed.counter)
        for mine, theirs in zip(*(model.state_dict().values() for model in models), strict=True):
            assert torch.equal(mine, theirs)


def test_a_state_that_lacks_something_is_refused() -> None:
    state = stopper().state_dict()
    del state["counter"]
    with pytest.raises(KeyError, match="counter"):
        stopper().load_state_dict(state)


@pytest.mark.parametrize(
    "arguments", [{"patience": -1}, {"min_delta": -0.1}, {"min_delta": NAN}, {"mode": "auto"}], ids=str
)
def test_settings_that_mean_nothing_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        stopper(**arguments)


def test_there_must_be_a_model_to_restore() -> None:
    with pytest.raises(ValueError, match="model"):
        stopper(restore_best_weights=True)(1.0)


def test_the_documented_form_agrees_where_nothing_is_nan() -> None:
    losses = [5, 4, 4.1, 3.5, 3.6, 3.7, 3.8]
    made = [stopper(variant, patience=3, min_delta=0.1) for variant in ("reference", "documented")]
    assert [stops_at(one, losses) for one in made] == [7, 7]
    assert [one.best for one in made] == [3.5, 3.5]


def test_the_documented_form_forgets_its_best_at_nan() -> None:
    made = stopper("documented", patience=5)
    assert stops_at(made, [0.9, 0.6, NAN, 0.8]) == 0
    assert made.best == 0.8
    assert stops_at(stopper("documented", patience=5, mode="max"), [0.9, *[NAN] * 30]) == 0


def test_e18_shows_in_the_documented_form_and_not_in_the_reference() -> None:
    documented = COMPONENT.variant("documented")
    assert documented.errata == ("E18",)
    evidence = documented.evidence["E18"]
    found = evidence(documented, COMPONENT.reference)
    assert found.shown
    assert "the documents' best is 0.8, the reference's 0.6" in found.says
    assert "the documents' run is not stopped in 102 epochs, the reference's stopped after epoch 7" in found.says
    assert not evidence(COMPONENT.reference, COMPONENT.reference).shown

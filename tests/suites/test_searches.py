"""Searches: every combination once, the best among what can be compared, times by a clock that is handed in."""

import inspect
import math
import time

import pytest
import torch
from nnbench.suites.training.batch_size_search import Work, batch_size_search
from nnbench.suites.training.fit import fit
from nnbench.suites.training.grid_search import DOCUMENTED, grid_search
from nnbench.suites.training.samples import perceptron, split
from sklearn.model_selection import ParameterGrid
from torch import nn

import nnbench


def test_the_documented_grid_has_18_combinations_and_each_is_tried_once():
    tried = []
    found = grid_search(lambda **settings: tried.append(settings) or len(tried), grid=DOCUMENTED)
    assert len(tried) == len(found["results"]) == 18
    assert [result["settings"] for result in found["results"]] == tried
    assert sorted(map(str, tried)) == sorted(
        str({name: combination[name] for name in DOCUMENTED}) for combination in ParameterGrid(DOCUMENTED)
    )


@pytest.mark.parametrize(
    ("scores", "lower_is_better", "best"),
    [
        ([3.0, 1.0, 2.0], True, 1),
        ([3.0, 1.0, 2.0], False, 0),
        ([math.nan, 1.0, math.nan], True, 1),
        ([2.0, math.nan, 3.0], False, 2),
        ([2.0, 1.0, 1.0], True, 1),
        ([2.0, 3.0, 3.0], False, 1),
        ([math.inf, math.nan, math.inf], True, 0),
        ([-math.inf, 0.0, math.inf], True, 0),
        ([-math.inf, 0.0, math.inf], False, 2),
    ],
)
def test_the_best_is_the_first_of_the_best_and_never_nan(scores, lower_is_better, best):
    found = grid_search(lambda place: scores[place], grid={"place": [0, 1, 2]}, lower_is_better=lower_is_better)
    assert found["best"] == found["results"][best]


def sometimes(place):
    if place == 0:
        raise ValueError("it does not converge")
    if place == 1:
        raise MemoryError
    return 10.0 + place


def test_combinations_that_fail_stay_with_their_error_and_cost_no_other():
    found = grid_search(sometimes, grid={"place": [0, 1, 2]})
    assert [result["error"] for result in found["results"]] == ["ValueError: it does not converge", "MemoryError: ", ""]
    assert [math.isnan(result["score"]) for result in found["results"]] == [True, True, False]
    assert found["best"] == {"settings": {"place": 2}, "score": 12.0, "error": ""}


def test_where_everything_fails_there_is_no_best():
    found = grid_search(sometimes, grid={"place": [0, 1]})
    assert found["best"] is None
    assert len(found["results"]) == 2


def test_whoever_interrupts_it_is_heard():
    def interrupted(place):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grid_search(interrupted, grid={"place": [0]})


def test_every_combination_draws_the_same_random_numbers_and_the_callers_go_on():
    def draw(place):
        return float(torch.rand((), dtype=torch.float64))

    torch.manual_seed(0)
    undisturbed = torch.rand(3)
    torch.manual_seed(0)
    scores = {
        result["score"] for seed in (1, 2) for result in grid_search(draw, grid={"place": [0, 1]}, seed=seed)["results"]
    }
    assert len(scores) == 2
    assert torch.equal(torch.rand(3), undisturbed)


def test_scores_may_be_tensors_and_a_grid_of_nothing_is_one_combination():
    assert grid_search(lambda: torch.tensor(2.5), grid={})["best"] == {"settings": {}, "score": 2.5, "error": ""}


def test_a_name_without_values_is_refused():
    with pytest.raises(ValueError, match="no values for lr, width"):
        grid_search(lambda **settings: 0.0, grid={"lr": [], "depth": [1], "width": []})


def numbers(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def samples():
    return split(numbers(96, 5, seed=0), torch.randint(3, (96,), generator=torch.Generator().manual_seed(1)))


def searched(work, search=batch_size_search, **settings):
    def network():
        model = perceptron([numbers(8, 5, seed=2), numbers(3, 8, seed=3)])
        model.register_forward_pre_hook(work.watch)
        return model

    arguments = {"epochs": 2, "optimizer_arguments": {"lr": 0.1}, "clock": work} | settings
    return search(network, *samples(), **arguments)


def test_it_times_the_training_and_neither_evaluation_nor_building():
    found = searched(Work(seconds_per_batch=2.0, seconds_per_sample=0.25))
    assert [result["batch_size"] for result in found] == [16, 32, 64, 128]
    assert [result["seconds_per_epoch"] for result in found] == [24.0, 20.0, 18.0, 18.0]
    assert [result["training_time"] for result in found] == [48.0, 40.0, 36.0, 36.0]


def test_seconds_per_epoch_are_a_median_that_one_slow_epoch_does_not_move():
    ticks = iter([0, 9, 10, 11, 20, 22])  # epochs of 9, 1 and 2 seconds
    (found,) = searched(Work(0, 0), batch_sizes=[64], epochs=3, clock=lambda: float(next(ticks)))
    assert found["seconds_per_epoch"] == 2.0
    assert found["training_time"] == 12.0


def test_by_default_the_clock_is_the_one_for_durations():
    assert inspect.signature(batch_size_search).parameters["clock"].default is time.perf_counter


@pytest.mark.parametrize("batch_size", [16, 48, 100])
def test_each_size_gives_what_training_with_it_alone_gives(batch_size):
    settings = {"optimizer": torch.optim.Adam, "epochs": 3, "seed": 4}
    found = searched(Work(1, 1), batch_sizes=[16, 48, 100], **settings)
    model = perceptron([numbers(8, 5, seed=2), numbers(3, 8, seed=3)])
    history = fit(model, *samples(), batch_size=batch_size, optimizer_arguments={"lr": 0.1}, **settings)
    losses = {result["batch_size"]: result["validation_loss"] for result in found}
    assert losses[batch_size] == history["validation_loss"][-1]


def test_networks_that_draw_their_weights_all_draw_the_same():
    losses = set()
    for order in ([16, 64], [64, 16]):
        found = batch_size_search(lambda: nn.Linear(5, 3).double(), *samples(), epochs=1, batch_sizes=order)
        losses |= {(result["batch_size"], result["validation_loss"]) for result in found}
    assert len(losses) == 2


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"epochs": 0}, "epochs is 1 or more, not 0"), ({"batch_sizes": [16, 0]}, "batch_size is 1 or more, not 0")],
)
def test_impossible_settings_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        searched(Work(1, 1), **settings)


def test_e16_is_shown_and_would_not_be_by_a_search_that_looks_at_the_clock():
    component = nnbench.component("training.batch_size_search")
    documented = component.variant("documented")
    evidence = documented.evidence["E16"]
    found = evidence(documented, component.reference)
    assert found.shown
    assert "At 1 s a batch it reports 3 s and 3 s" in found.says
    assert "they take 12 s and 6 s" in found.says
    assert not evidence(component.reference, component.reference).shown


def test_the_documented_search_counts_epochs_whatever_they_take():
    found = searched(Work(5.0, 0.0), nnbench.component("training.batch_size_search").variant("documented").resolve())
    assert [result["training_time"] for result in found] == [2.0] * 4

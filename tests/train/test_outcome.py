"""What is measured at a trial's end, against figures worked out by hand."""

from dataclasses import replace

import pytest
import torch
from changed_things import begin, wanted
from torch import nn
from trained_things import part, parts

from nnbench.train import outcome as module
from nnbench.train import train
from nnbench.train.outcome import (
    LEAST_SAMPLES,
    calibration_error,
    confusion,
    cost,
    fitted,
    judged,
    outcome,
    state_bytes,
)
from nnbench.train.parts import Part, Parts
from nnbench.train.train import Request

FIGURES = {"train_accuracy", "evaluated_train_loss", "calibration_error", "confusion", "state_bytes", "step_time"}


def test_confusion_counts_true_classes_by_rows():
    found = confusion(torch.tensor([0, 2, 2, 1]), torch.tensor([0, 0, 0, 1]), 3)
    assert found.tolist() == [[1, 0, 2], [0, 1, 0], [0, 0, 0]]


def test_calibration_error_is_the_gap_of_each_bin_weighted_by_its_samples():
    confidences = torch.tensor([0.9, 0.9, 0.9, 0.6])  # three said at 0.9, of which two are right, and one at 0.6, wrong
    probabilities = torch.stack([confidences, 1 - confidences], 1)
    actual = torch.tensor([0, 0, 1, 1])
    assert calibration_error(probabilities, actual) == pytest.approx((3 * abs(0.9 - 2 / 3) + 0.6) / 4)


def test_confidence_on_an_edge_and_certainty_have_a_bin():
    probabilities = torch.tensor([[1.0, 0.0], [0.8, 0.2]], dtype=torch.float64)
    assert calibration_error(probabilities, torch.tensor([0, 0]), bins=5) == pytest.approx(0.1)


def test_training_accuracy_is_without_dropout():
    training = begin({})
    model = training.model.eval()
    data = training.parts.train
    right = (model(*data.inputs).argmax(1) == data.targets).float().mean()
    model.train()
    assert fitted(training)["train_accuracy"] == (pytest.approx(float(right)),)


@pytest.mark.parametrize(("tested", "evaluated"), [(10, LEAST_SAMPLES), (2_100, 2_100)])
def test_training_samples_are_as_many_as_those_of_the_test(monkeypatch, tested, evaluated):
    seen = []
    monkeypatch.setattr(module, "evaluate", lambda model, some, loss, at_once: (seen.append(len(some)), (0.5, 0.9))[1])
    training = begin({})
    train, test = (Part((torch.zeros(size, 4),), torch.zeros(size, dtype=torch.int64)) for size in (3_000, tested))
    training.parts = replace(training.parts, train=train, test=test)
    assert fitted(training) == {"evaluated_train_loss": (0.5,), "train_accuracy": (0.9,)}
    assert seen == [evaluated]


def test_a_classifier_is_judged_by_confusion_and_calibration():
    training = begin({})
    found = judged(training)
    counts = torch.tensor(found["confusion"]).reshape(2, 2)
    assert counts.sum() == 30
    assert counts.sum(1).tolist() == [float((training.parts.test.targets == one).sum()) for one in (0, 1)]
    probabilities = training.model.eval()(*training.parts.test.inputs).softmax(1)
    assert found["calibration_error"][0] == pytest.approx(
        calibration_error(probabilities.detach(), training.parts.test.targets), abs=1e-6
    )


def test_a_regression_gives_predicted_beside_actual_values():
    training = begin({"loss": "MSELoss"})
    targets = training.parts.test.inputs[0][:, :2].contiguous()
    training.parts = Parts("p", "c", "s", part(4, 1), None, Part(training.parts.test.inputs, targets), 3, 0)
    found = judged(training)
    assert found.keys() == {"predicted", "actual"}
    assert found["actual"] == tuple(targets.flatten().tolist())
    assert len(found["predicted"]) == 60


def test_probabilities_of_one_class_are_judged_as_two():
    class Probability(nn.Sequential):
        def __init__(self, in_features=3):
            super().__init__(nn.Linear(in_features, 1), nn.Sigmoid())

    training = begin({"loss": "BCELoss"}, net=Probability, classes_argument="")
    test = training.parts.test
    test = Part(test.inputs, test.targets.float().unsqueeze(1))
    training.parts = Parts("p", "c", "s", part(4, 1), None, test, 3, 0)
    counts = judged(training)["confusion"]
    chosen = (training.model(*test.inputs) > 0.5).long()
    wanted = [float(((test.targets == true) & (chosen == told)).sum()) for true in (0, 1) for told in (0, 1)]
    assert list(counts) == wanted


@pytest.mark.parametrize(("name", "each"), [("SGD", 0), ("RMSprop", 4), ("Adam", 8)])
def test_state_is_in_bytes_a_parameter(name, each):
    training = begin({"optimizer": name})
    list(training.run(1))
    assert state_bytes(training.optimizer) == each


def test_what_it_costs_is_measured_on_a_training_begun_anew():
    training = begin({})
    list(training.run(1))
    weights = training.model[0].weight.clone()
    found = cost(training, lambda: begin({}))
    assert torch.equal(training.model[0].weight, weights)
    assert found["step_time"][0] >= 0


def test_the_whole_outcome_has_every_figure_of_a_classifier():
    training = begin({})
    list(training.run(1))
    assert outcome(training, lambda: begin({})).keys() >= FIGURES


@pytest.fixture
def task(monkeypatch):
    monkeypatch.setattr("nnbench.train.changed.prepare", lambda recipe, name: parts(validation=False))
    return wanted({}).component


def rows(task, **request):
    found = {}
    for row in train.train(task, "reference", Request(epochs=2, **request)):
        found.setdefault(row.metric, []).append(row)
    return found


def test_a_final_trial_is_measured_at_its_end_and_named_in_its_case(task):
    found = rows(task, role="final", contender="other", changes={"lr": 0.01})
    assert found.keys() >= FIGURES | {"test_accuracy"}
    assert found["test_accuracy"][1].case == "points,other,epoch=2"
    assert found["confusion"][0].case == "points,other,epoch=2"
    assert found["learning_rate"][0].values == (0.01,)
    assert "validation_loss" not in found


def test_a_tuning_trial_is_validated_on_held_out_samples_and_not_tested(task):
    found = rows(task, role="tuning")
    assert found.keys() >= {"validation_loss", "validation_accuracy"}
    assert not [metric for metric in found if metric in FIGURES or metric.startswith("test_")]
    assert "3 training samples for the validation, by seed 0" in found["train_loss"][0].context["split"]


def test_a_final_trial_can_hold_out_the_same_samples(task):
    final, tuning = rows(task, role="final", holds_out=True), rows(task, role="tuning")
    assert [one.values for one in final["validation_loss"]] == [one.values for one in tuning["validation_loss"]]
    assert "test_accuracy" in final


def test_what_diverged_is_not_measured_once_more(task):
    found = rows(task, role="final", changes={"optimizer": "SGD", "lr": 1e30})
    assert not found.keys() & FIGURES
    assert found["train_loss"][-1].status == "failed"

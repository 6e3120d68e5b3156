"""How far training and test lie apart: what a network has learned of its samples and of nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from nnbench.experiments.findings import is_struck
from nnbench.experiments.rates import is_about_dropout
from nnbench.experiments.records import Contender, Experiment, Outcome
from nnbench.experiments.words import number
from nnbench.report.comparison import drawing
from nnbench.report.comparison.order import placed
from nnbench.report.comparison.others_table import Quantity, Read, after, final, means_of, table
from nnbench.report.comparison.scales import BY_ERROR, ERROR, Scale, of_metric, short
from nnbench.report.comparison.section import Figure, Figures, Section
from nnbench.report.comparison.written import difference, signed

# By the metric on the test part: the one that says the same of the training samples, in evaluation mode.
ON_TRAINING = {"test_accuracy": "train_accuracy", "test_loss": "evaluated_train_loss"}
LABELS = {
    "test_accuracy": "Accuracy on training and on test samples",
    "test_loss": "Loss on training and on test samples",
}
ROW, TOP, BELOW = 40, 6, 40
MARGIN = 8


def gap_section(experiment: Experiment) -> Section | None:
    """None where nothing was measured on the training samples, and for dropout, whose page has a section of its own."""
    test = experiment.metric if experiment.metric in ON_TRAINING else "test_accuracy"
    train = ON_TRAINING[test]
    rows = [(place, one) for place, one in placed(experiment) if means_of(experiment, one, final(train)) is not None]
    if is_about_dropout(experiment) or not rows:
        return None
    grid = table(experiment, "gap", "Training and test: means over the seeds that came to their end", _quantities(test))
    assert grid is not None, "there is a training figure"
    told = (
        "Both in evaluation mode, after the last epoch, training on a part of its samples where there are many. A wide "
        "gap says that the network has learned its samples by heart; with no gap and both poor, it has "
        "learned too little."
    )
    return Section("gap", "Training against test", "Gap", (told, Figures((_figure(experiment, rows, test),)), grid))


def _quantities(test: str) -> tuple[Quantity, ...]:
    train = ON_TRAINING[test]
    return (
        Quantity("Training", final(train), lambda value: number(train, value)),
        Quantity("Test", after(-1, test), lambda value: number(test, value)),
        Quantity("Gap", _gap(test), lambda value: difference(test, value)),
        Quantity("Calibration error", final("calibration_error"), lambda value: number("calibration_error", value)),
        Quantity("Test loss", after(-1, "test_loss"), lambda value: number("test_loss", value)),
    )[: 4 if test == "test_loss" else 5]


def _gap(test: str) -> Read:
    """How much better it is in training than in the test; above 0 is better."""
    train, in_test = final(ON_TRAINING[test]), after(-1, test)
    sign = 1 if test == "test_accuracy" else -1

    def read(outcome: Outcome) -> float | None:
        ends = train(outcome), in_test(outcome)
        return None if ends[0] is None or ends[1] is None else sign * (ends[0] - ends[1])

    return read


def _figure(experiment: Experiment, rows: list[tuple[int, Contender]], test: str) -> Figure:
    ends = {one.name: _ends(experiment, one, test) for _, one in rows}
    shown = [value for pair in ends.values() for value in pair]
    scale = of_metric(test, shown, MARGIN + 20, drawing.WIDTH - MARGIN - 20)
    height = TOP + ROW * len(rows) + BELOW
    parts = [*_axis(scale, test, height - BELOW)]
    for row, (place, one) in enumerate(rows):
        parts.append(drawing.of_contender(place, _row(experiment, one, ends[one.name], test, scale, TOP + ROW * row)))
    label = LABELS[test]
    told = "; ".join(f"{name}: training {number(test, a)}, test {number(test, b)}" for name, (a, b) in ends.items())
    note = "Means over the seeds: the open dot is training, the filled one test; beside the name their gap."
    return Figure(
        label,
        drawing.svg("gap", height, label, told, parts),
        f"{note} {BY_ERROR if scale.kind == ERROR else ''}".strip(),
    )


def _ends(experiment: Experiment, one: Contender, test: str) -> tuple[float, float]:
    train = means_of(experiment, one, final(ON_TRAINING[test]))
    found = means_of(experiment, one, after(-1, test))
    return (train or 0.0, found if found is not None else train or 0.0)


def _axis(scale: Scale, test: str, bottom: float) -> Iterator[Markup]:
    for tick in scale.labelled(test, 52, lambda label: drawing.pixels(label) + 4):
        x = scale.at(tick)
        yield drawing.line(x, TOP, x, bottom + 3, "grid")
        yield drawing.text(x, bottom + 15, short(test, tick), "middle", "muted")
    yield drawing.text(drawing.WIDTH - MARGIN, bottom + 31, test.removeprefix("test_"), "end", "muted")


def _row(
    experiment: Experiment, one: Contender, ends: tuple[float, float], test: str, scale: Scale, top: float
) -> Iterator[Markup]:
    (train, found), middle = ends, top + 27
    sign = 1 if test == "test_accuracy" else -1
    gap = sign * (train - found)
    told = signed(100 * gap) + " points" if test == "test_accuracy" else difference(test, gap)
    struck = " struck" if is_struck(experiment, one.name) else ""
    yield drawing.text(0, top + 13, one.name, kind=f"name{struck}", room=drawing.WIDTH - drawing.pixels(told) - MARGIN)
    yield drawing.text(drawing.WIDTH, top + 13, told, "end", f"muted{struck}", 150)
    yield drawing.line(scale.at(train), middle, scale.at(found), middle, "median")
    yield drawing.dot(scale.at(train), middle, "open", f"{one.name}, training: {number(test, train)}", 4.5)
    yield drawing.dot(scale.at(found), middle, "seed", f"{one.name}, test: {number(test, found)}", 4.5)

"""The networks themselves: how they began, how large their weights have become, and which units say nothing."""

from __future__ import annotations

from nnbench.experiments.records import Experiment
from nnbench.experiments.words import number, title
from nnbench.report.comparison.others_table import OWN_SECTIONS, Quantity, after, final, table
from nnbench.report.comparison.section import Section
from nnbench.report.comparison.written import capital, plain


def start_section(experiment: Experiment) -> Section | None:
    """What the first epoch gave; None where there are no epochs but the last."""
    if experiment.factor in OWN_SECTIONS or max((len(one.epochs) for one in experiment.outcomes), default=0) < 2:
        return None
    metric = experiment.metric
    quantities = (
        Quantity(f"{capital(title(metric))}, epoch 1", after(0, metric), lambda value: number(metric, value)),
        Quantity("Training loss, epoch 1", after(0, "train_loss"), plain),
        Quantity("Gradient norm, epoch 1", after(0, "gradient_norm"), plain),
        Quantity("Gradient norm, last epoch", after(-1, "gradient_norm"), plain),
        Quantity("Training loss, last epoch", after(-1, "train_loss"), plain),
    )
    grid = table(experiment, "start", "The start: means over the seeds that came to their end", quantities)
    if grid is None:
        return None
    told = (
        "A start that is slow shows after the first epoch, and may be made good by the last. The norm is that of the "
        "gradient of an epoch's last batch: near 0 in an early epoch, nothing is learned; growing, it is close to "
        "diverging."
    )
    return Section("start", "How it begins", "Start", (told, grid))


def inside_section(experiment: Experiment) -> Section | None:
    """None where no trial was looked into."""
    if experiment.factor in OWN_SECTIONS:
        return None
    quantities = (
        Quantity("Parameters", final("parameters"), "{:,.0f}".format),
        Quantity("Norm of the weights", final("weight_norm"), plain),
        Quantity("Weights below 0.001", final("small_weights"), _share),
        Quantity("Dead units", final("dead_units"), _share),
    )
    grid = table(experiment, "inside", "Inside: means over the seeds that came to their end", quantities)
    if grid is None:
        return None
    told = (
        "Weights are those of layers, without biases. A unit is dead if it gives one and the same number for each of "
        "the test samples that were looked at: what it has learned is of no use."
    )
    return Section("inside", "Inside the trained networks", "Inside", (told, grid))


def _share(value: float) -> str:
    """
    >>> _share(0.0123), _share(0.0), _share(0.00001)
    ('1.2 %', '0 %', '< 0.1 %')
    """
    if value == 0:
        return "0 %"
    return "< 0.1 %" if value < 0.001 else f"{100 * value:.1f} %"

"""What the site tells of an experiment: where its page is, what it says, and what each component did in it."""

from __future__ import annotations

from collections.abc import Iterator

from nnbench.experiments.findings import Findings, findings
from nnbench.experiments.records import Contender, Experiment
from nnbench.experiments.verdicts import verdict
from nnbench.experiments.words import is_share, number, title
from nnbench.report.site import COMPARISONS, Comparison, Part, file_name
from nnbench.report.words import moment, plural


def comparison(experiment: Experiment, place: int) -> Comparison:
    """``place`` among all comparisons tells its file from those of others that asked nearly the same."""
    task = _component(experiment.task)
    parts = tuple(_parts(experiment))
    return Comparison(
        title=f"{experiment.factor}, {task} on {experiment.data}: {_size(experiment)}",
        headline=verdict(experiment).headline,
        file=f"{COMPARISONS}/{file_name(f'{experiment.factor}-{task}-{experiment.data}-{place}')}",
        components=tuple(dict.fromkeys((task, *(part.component for part in parts)))),
        parts=parts,
        when=moment(str(experiment.protocol.get("started", ""))),
    )


def _size(experiment: Experiment) -> str:
    """What tells an experiment from others that asked nearly the same."""
    seeds = {one.trial.seed for one in experiment.outcomes}
    epochs = max((one.trial.epochs for one in experiment.outcomes), default=0)
    counted = (len(experiment.contenders), "contender"), (len(seeds), "seed"), (epochs, "epoch")
    return ", ".join([*(plural(number, noun) for number, noun in counted), *(["tuned"] if experiment.tuning else [])])


def _parts(experiment: Experiment) -> Iterator[Part]:
    """Of the task as its best contender trains it, unless it is a contender itself; then of every contender."""
    found, task = findings(experiment), _component(experiment.task)
    named = [_component(one.component) for one in experiment.contenders]
    if found.order and task not in named:
        best = next(one for one in experiment.contenders if one.name == found.order[0])
        yield _part(experiment, found, best, task)
    for one in experiment.contenders:
        if one.component:
            yield _part(experiment, found, one, _component(one.component))


def _part(experiment: Experiment, found: Findings, one: Contender, component: str) -> Part:
    """What a contender reached; its checks where the component is what they are of."""
    mean = found.means.get(one.name)
    is_own = component == _component(one.component)
    checked = experiment.checks.get(one.name) if is_own else None
    return Part(
        component=component,
        variant=one.component.partition("@")[2] if is_own else "",
        contender=one.name,
        reached=f"{number(experiment.metric, mean.estimate)} {title(experiment.metric)}" if mean else "",
        value=mean.estimate if mean and is_share(experiment.metric) else None,
        data=experiment.data,
        passed=checked.passed if checked else 0,
        failed=checked.failed if checked else (),
    )


def _component(name: str) -> str:
    """
    >>> _component("optimizers.adam@torch")
    'optimizers.adam'
    """
    return name.partition("@")[0]

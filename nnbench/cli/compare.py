"""``nnbench compare``: the same training over seeds with one thing changed, and what may be said of the difference."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from nnbench import store
from nnbench.cli import compare_asked, compare_plan, compare_told, options, output
from nnbench.cli.compare_asked import Asked
from nnbench.cli.compare_progress import Trainings
from nnbench.cli.started import new_run
from nnbench.discovery import Source, sources
from nnbench.errors import DataUnavailable, ResultsError
from nnbench.experiments import experiment as experiments
from nnbench.experiments import written as settings
from nnbench.experiments.executors import Crew, Dask, Local
from nnbench.experiments.factors import FACTORS
from nnbench.experiments.records import Experiment
from nnbench.experiments.schedule import Plan
from nnbench.model import Run, Status
from nnbench.processes.session import Session, processes
from nnbench.report.comparison.page import experiment_page

EXAMPLE = f"""\b
Factors:
{chr(10).join(f"  {one.name:14} {one.summary}" for one in FACTORS.values())}

\b
Example:
  nnbench compare optimizers
  nnbench compare dropout --task mnist_mlp --seeds 5 --epochs 5
  nnbench compare optimizers --tune 5 --budget 1h
  nnbench compare --factor lr=1e-4:1e-1:7 --task cnn --data cifar10_subset
  nnbench compare activations --task cnn --set lr=0.01
  nnbench compare batch-size --dask tcp://10.0.0.5:8786
"""
TRIAL_SECONDS = 7 * 24 * 3600.0  # a training is given as long as it takes, unless --timeout says otherwise

LONGEST_NAME = 100  # characters of a file's, which may have 255 bytes on most systems


@click.command("compare", epilog=EXAMPLE)
@click.argument("name", default="", metavar="[FACTOR]")
@click.option(
    "--factor", "written", default="", metavar="NAME=VALUES", help="In place of FACTOR: a setting and its values."
)
@click.option(
    "--set", "fixed", multiple=True, metavar="NAME=VALUE", help="For all of them: another setting than the recipe's."
)
@click.option("--task", default="", metavar="NAME", help="The architecture to train  [default: mnist_mlp]")
@click.option(
    "--variant", default="", metavar="NAME", help="Which implementation of it  [default: torch's, where there is one]"
)
@click.option("--data", "data_name", default="", metavar="NAME", help="Train on this  [default: the recipe's]")
@click.option(
    "--seeds", metavar="N", type=click.IntRange(min=1), help="So many trainings of each, from --seed on  [default: 5]"
)
@click.option(
    "--seed", metavar="N", type=click.IntRange(min=0), default=0, show_default=True, help="The first of the seeds."
)
@click.option(
    "--epochs", metavar="N", type=click.IntRange(min=1), help="Of each training  [default: 3, or the recipe's if fewer]"
)
@click.option(
    "--budget",
    type=options.Duration(),
    help="Begin nothing that would end later: 90s, 3min, 1h; 0 for no end  [default: 3min unless --seeds, --epochs or "
    "--tune is given]",
)
@click.option(
    "--tune",
    metavar="N",
    type=click.IntRange(min=2),
    help="Try each with so many learning rates first, chosen on validation data.",
)
@click.option(
    "--margin",
    metavar="VALUE",
    type=click.FloatRange(min=0, min_open=True),
    help="What surely differs by less is equal: 0.002 for 0.2 points  [default: what the test samples leave open]",
)
@click.option(
    "--train-shares",
    "shares",
    type=options.Shares(),
    help="Once more on so much of the training samples: 0.1,0.3; 0 for no more  [default: 0.1 for dropout, else 0]",
)
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(min=1),
    envvar="NNBENCH_JOBS",
    help="Trainings side by side (or NNBENCH_JOBS)  [default: one a core, at most 8]",
)
@click.option("--dask", default="", metavar="ADDRESS", help="Train on the workers of this Dask scheduler instead.")
@click.option("--timeout", metavar="SECONDS", type=click.FloatRange(min=1), help="For one training  [default: no end]")
@click.option(
    "--memory-limit",
    type=options.Size(),
    default="0",
    help="For one training, such as 4GiB  [default: 3/4 of what is free]",
)
@click.option("--output", "page", type=click.Path(path_type=Path, dir_okay=False), help="Where to write the page.")
@click.option("--suite", "suites", multiple=True, metavar="FILE", help="A suite file (or module) beside the others.")
@options.as_json
@options.results
@options.device_alone
def command(
    name: str,
    written: str,
    fixed: tuple[str, ...],
    task: str,
    variant: str,
    data_name: str,
    seeds: int | None,
    seed: int,
    epochs: int | None,
    budget: float | None,
    tune: int | None,
    margin: float | None,
    shares: tuple[float, ...] | None,
    jobs: int | None,
    dask: str,
    timeout: float | None,
    memory_limit: int,
    page: Path | None,
    suites: tuple[str, ...],
    as_json: bool,
    results: Path,
    device: str,
) -> int:
    """Train a task with each value of FACTOR under the same seeds, say which is better and how sure that is.

    Every training is stored when it is finished. The same command, after Ctrl-C or on another day, takes from the store
    what is there and trains the rest. A page with everything is written to results/reports/compare-FACTOR-TASK.html;
    other data than the recipe's, --tune and --set are named behind TASK.

    Exits with 1 when an implementation that was compared fails its checks, 3 when one could not be trained.
    """
    asked = Asked(
        name, written, task, variant, data_name, seeds, seed, epochs, budget, tune, device, bool(dask), shares,
        settings.fixed(fixed),
    )  # fmt: skip
    compare_asked.refuse(asked)
    found = sources(suites)
    if page:
        _refuse_unwritable(page)
    output.seal_abandoned(results)
    with (
        Session(found, options.limits(60.0, memory_limit), device=device) as session,
        Dask(dask) if dask else Local(session, jobs or processes()) as crew,
    ):
        components = session.components()
        output.warn_of(session.problems)
        try:
            plan = compare_plan.plan(asked, components)
        except DataUnavailable as error:
            output.warn(error)
            return output.NOT_MEASURED
        output.warn(compare_plan.in_words(plan, crew.width))
        made, run = _follow(plan, crew, session, found, results, timeout or TRIAL_SECONDS, memory_limit, margin)
    compare_told.tell(made, as_json)
    target = page or results / "reports" / _page_name(plan, fixed)
    _write(target, experiment_page(made))
    output.warn(f"stored as {run.id}{compare_told.reused(made)}; the page is {target}")
    return _exit_code(made)


def _follow(
    plan: Plan,
    crew: Crew,
    session: Session,
    found: Sequence[Source],
    results: Path,
    seconds: float,
    memory: int,
    margin: float | None,
) -> tuple[Experiment, Run]:
    """Make the experiment, each of its trials stored as it comes, with a bar while it goes on."""
    journal = store.Journal(results, new_run(results))
    place = experiments.Place(
        sources=found,
        components=session.components(),
        results=results,
        run=journal.run.id,
        add=journal.add,
        seconds=seconds,
        memory=memory,
        told=_told(journal.run) | ({} if margin is None else {"margin": margin}),
    )
    try:
        with journal, Trainings() as progress:
            return experiments.run(plan, crew, place, progress), journal.run
    except KeyboardInterrupt:
        output.warn("what is finished is stored; the same command goes on from there")
        raise


def _told(run: Run) -> dict[str, Any]:
    """The beginning of the protocol: by which command, on what, with what."""
    machine = run.machine
    return {
        "command": run.command,
        "started": run.started,
        "commit": f"{run.commit[:10]}{' with changes' if run.dirty else ''}",
        "machine": {name: machine[name] for name in ("id", "cpu", "cores", "memory_gib", "threads")},
        "versions": {name: machine[name] for name in ("nnbench-harness", "torch", "numpy", "python")},
    }


def _page_name(plan: Plan, fixed: Sequence[str]) -> str:
    """What the page is called: after all that makes it another answer than the plain command's, so none replaces it."""
    own = (plan.task.recipe or {})["data"]
    data = [plan.data] if plan.data != own else []
    tuned = ["tuned"] if plan.tune else []
    return f"compare-{_in_a_file_name(plan.factor, plan.task.id, *data, *tuned, *sorted(fixed))}.html"


def _in_a_file_name(*texts: str) -> str:
    """The texts with a dash between them, and in place of everything that a file name had better not have.

    >>> _in_a_file_name("lr=1e-4:1e-1:7", "architectures.cnn")
    'lr-1e-4-1e-1-7-cnn'
    >>> len(_in_a_file_name(f"lr={list(range(1000))}", "architectures.cnn"))
    100
    """
    last = [text.rpartition(".")[2] if text.startswith("architectures.") else text for text in texts]
    name = "-".join(re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-") for text in last)
    if len(name) <= LONGEST_NAME:
        return name
    told_apart = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: LONGEST_NAME - 9]}-{told_apart}"


def _refuse_unwritable(target: Path) -> None:
    """Raises ``ResultsError`` where no page could be written, before anything is trained for it."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(target, error) from None
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise _unwritable(target, "it is not ours to write")


def _write(target: Path, page: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page, encoding="utf-8")
    except OSError as error:
        raise _unwritable(target, error) from None


def _unwritable(target: Path, why: object) -> ResultsError:
    return ResultsError(f"cannot write the page to {target}: {why}. Name another file with --output.")


def _exit_code(made: Experiment) -> int:
    """A contender that diverges is an answer; one that could not be trained, or whose checks fail, is not, and neither
    is it where no training of any contender came to its end.
    """
    if any(one.failed for one in made.checks.values()):
        return output.SOMETHING_WRONG
    answers = (Status.OK, Status.FAILED)
    trained = {one.trial.contender for one in made.outcomes if one.status in answers}
    finished = any(one.status == Status.OK for one in made.outcomes)
    return 0 if finished and trained >= {one.name for one in made.contenders} else output.NOT_MEASURED

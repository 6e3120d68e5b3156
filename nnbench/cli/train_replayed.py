"""``nnbench train --record`` and ``--replay``: the first steps of a training, kept, and held against those of today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from nnbench import machine, trainer
from nnbench.cli import output
from nnbench.errors import NnbenchError
from nnbench.processes.session import Session
from nnbench.trajectories import Trajectory, first_difference, read, write

# What may rightly change the last bit: it is told beside a difference.
WHERE = ("torch", "cpu", "threads")


def record(session: Session, training: trainer.Training, steps: int, device: str, file: Path) -> int:
    """Keep the first steps of a training."""
    write(file, _now(session, training, steps, device))
    output.warn(
        f"{steps} steps of {training.label} are kept in {file}; `--replay {file}` holds another day's against it"
    )
    return 0


def replay(session: Session, training: trainer.Training, device: str, file: Path) -> int:
    """Whether today's steps are the kept ones, to the last bit; 1 where they are not."""
    kept = read(file)
    now = _now(session, training, len(kept.steps), device)
    if kept.of != now.of:
        raise NnbenchError(f"{file} is of {_named(kept.of)}, and this is {_named(now.of)}; name the same task and seed")
    found = first_difference(kept.steps, now.steps)
    if found is None:
        click.echo(f"{training.label}: the same for {len(kept.steps)} steps, to the last bit")
        return 0
    click.echo(f"{training.label}: differs from step {found.step + 1} of {len(kept.steps)} on, in {found.what}")
    for said in _elsewhere(kept.where, now.where):
        click.echo(f"  {said}")
    return output.SOMETHING_WRONG


def _now(session: Session, training: trainer.Training, steps: int, device: str) -> Trajectory:
    made = trainer.trajectory(session, training, steps, device)
    facts = machine.fingerprint() | {"threads": session.threads}
    return replace(made, where={name: facts.get(name, "") for name in WHERE})


def _named(of: Mapping[str, Any]) -> str:
    return f"{of['component']}@{of['variant']} on {of['data']}, seed {of['seed']}"


def _elsewhere(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What differs of software and machine; without any, the code did it."""
    differing = [
        f"{name}: {before.get(name)} then, {after[name]} now" for name in after if before.get(name) != after[name]
    ]
    return differing or [f"with the same {', '.join(WHERE)}: the code or the data's order did it"]

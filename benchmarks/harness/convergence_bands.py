"""The reference bands of `nnbench check --convergence`: what small trainings reach over twenty seeds.

python benchmarks/harness/convergence_bands.py                       # all of them, some ten minutes
python benchmarks/harness/convergence_bands.py basic_network         # these
"""

from __future__ import annotations

import argparse
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

from nnbench import bands, machine, trainer
from nnbench.cli.check_convergence import trained
from nnbench.discovery import sources
from nnbench.processes.session import Session

# So few epochs that a processor has them in seconds; early stopping, which looks ten epochs back, ends none of them.
EPOCHS = {
    "simple_nn": 10,
    "layer_types": 10,
    "binary_classifier": 10,
    "regressor": 10,
    "basic_network": 10,
    "advanced_network": 10,
    "halving_network": 10,
    "time_series_lstm": 10,
    "mnist_mlp": 2,
}
SEEDS = range(20)
FOLDER = Path(bands.__file__).parent / "reference_bands"


def band(session: Session, name: str) -> bands.Band:
    """Train one task under every seed."""
    task = trainer.find_task(session.components(), name)
    rows = trained(session, [trainer.Training(task, "reference", seed=seed, epochs=EPOCHS[name]) for seed in SEEDS])
    found = [bands.summary(of_seed) for of_seed in rows.values()]
    context = next(iter(rows.values()))[0].context
    facts = machine.fingerprint()
    return bands.Band(
        task=task.id,
        variant="reference",
        data=context["data"],
        checksum=context["checksum"],
        epochs=EPOCHS[name],
        values={metric: tuple(one[metric] for one in found) for metric in found[0]},
        of={
            "split": context["split"],
            "seeds": list(SEEDS),
            "made": datetime.now(UTC).date().isoformat(),
            "command": shlex.join(["python", "benchmarks/harness/convergence_bands.py", *sys.argv[1:]]),
            **{name: facts[name] for name in ("torch", "cpu", "threads")},
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", choices=[*EPOCHS, []])
    given = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    with Session(sources()) as session:
        for name in given.tasks or EPOCHS:
            print(bands.write(FOLDER, band(session, name)).name, flush=True)


if __name__ == "__main__":
    main()

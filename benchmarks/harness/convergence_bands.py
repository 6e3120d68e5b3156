"""The reference bands of `nnbench check --convergence`: what small trainings reach over twenty seeds.

python benchmarks/harness/convergence_bands.py                       # all of them, an hour
python benchmarks/harness/convergence_bands.py basic_network cnn     # these
python benchmarks/harness/convergence_bands.py --first               # only their first seed, for bits of another torch
"""

from __future__ import annotations

import argparse
import dataclasses
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nnbench import bands, machine, trainer
from nnbench.bands import Band, First
from nnbench.cli.progress import Progress
from nnbench.convergence import band_of, where
from nnbench.discovery import sources
from nnbench.errors import NnbenchError
from nnbench.model import Measurement
from nnbench.processes.session import Session, processes
from nnbench.trainings import Group, steps, trained


@dataclasses.dataclass(frozen=True)
class Wanted:
    """So few epochs that a processor has them in seconds; but for those of thirty, early stopping ends none.

    ``by_name``: eight seeds take a minute or more, so that `check --convergence` trains it only where it is named.
    """

    task: str
    epochs: int
    data: str = ""
    variant: str = "reference"
    by_name: bool = False


WANTED = {
    "simple_nn": Wanted("simple_nn", 10),
    "layer_types": Wanted("layer_types", 10),
    "binary_classifier": Wanted("binary_classifier", 10),
    "regressor": Wanted("regressor", 10),
    "basic_network": Wanted("basic_network", 10),
    "basic_network-30_epochs": Wanted("basic_network", 30),  # long enough for a lower rate and an early stop
    "basic_network-iris": Wanted("basic_network", 10, "iris"),
    "advanced_network": Wanted("advanced_network", 10),
    "halving_network": Wanted("halving_network", 10),
    "time_series_lstm": Wanted("time_series_lstm", 10),
    "time_series_lstm-mauna_loa_co2": Wanted("time_series_lstm", 5, "mauna_loa_co2"),
    "mnist_mlp": Wanted("mnist_mlp", 2),
    # What is known from elsewhere (bands.KNOWN) is known after twenty epochs.
    "mnist_mlp-20_epochs": Wanted("mnist_mlp", 20, by_name=True),
    "mnist_mlp-fashion_mnist-20_epochs": Wanted("mnist_mlp", 20, "fashion_mnist", by_name=True),
    "softmax_regression-20_epochs": Wanted("softmax_regression", 20, by_name=True),
    "softmax_regression-fashion_mnist-20_epochs": Wanted("softmax_regression", 20, "fashion_mnist", by_name=True),
    "neural_net-digits": Wanted("neural_net", 10, "digits"),
    "softmax_regression": Wanted("softmax_regression", 1),
    "neural_net": Wanted("neural_net", 1, by_name=True),
    "sequential_mlp": Wanted("sequential_mlp", 1, by_name=True),
    "mlp_batch_norm": Wanted("mlp_batch_norm", 1, by_name=True),
    "cnn": Wanted("cnn", 1, "cifar10_subset", variant="torch", by_name=True),
    "lstm_classifier": Wanted("lstm_classifier", 1, variant="torch", by_name=True),
    "attention_classifier": Wanted("attention_classifier", 2, variant="torch", by_name=True),
}
SEEDS = range(20)
LONG = 60.0  # seconds that a training is taken to take: worth a process of its own
STEPS = 10  # of the first seed, that are kept to the last bit
FOLDER = Path(bands.__file__).parent / "reference_bands"


def trainings(session: Session, wanted: Wanted) -> list[trainer.Training]:
    task = trainer.find_task(session.components(), wanted.task)
    made = trainer.Training(task, wanted.variant, data=wanted.data, epochs=wanted.epochs)
    return [dataclasses.replace(made, seed=seed) for seed in SEEDS]


def made_with() -> dict[str, Any]:
    """The rest of the software and the hardware that the first seed was last trained with."""
    facts = machine.fingerprint()
    here = {name: facts[name] for name in ("cores", "memory_gib", "python", "numpy")}
    return {"with": here | {"scikit-learn": version("scikit-learn")}}


def rows_of(session: Session, asked: list[trainer.Training]) -> dict[int, list[Measurement]]:
    """The rows of each seed, with a bar while they come."""
    groups = [Group(asked, LONG)]
    with Progress(steps(groups)) as progress:
        return trained(session, groups, progress, processes())[0]


def band(session: Session, wanted: Wanted) -> Band:
    """Train one task under every seed."""
    asked = trainings(session, wanted)
    rows = rows_of(session, asked)
    of = {
        "made": datetime.now(UTC).date().isoformat(),
        "command": shlex.join(["python", "benchmarks/harness/convergence_bands.py", *sys.argv[1:]]),
    }
    made = band_of(rows, wanted.epochs, of | where(session) | made_with())
    steps = trainer.trajectory(session, asked[0], STEPS).steps
    weights = bands.weights_of(rows[asked[0].seed])
    return dataclasses.replace(made, first=First(asked[0].seed, weights, steps), by_name=wanted.by_name)


def with_first(session: Session, name: str) -> Band:
    """A band that is there, with the bits of its first seed; refused where its numbers are no longer those."""
    old = bands.read(file(session, name))
    training = trainings(session, WANTED[name])[0]
    by_seed = rows_of(session, [training])
    rows = by_seed[training.seed]
    if any(bands.summary(rows)[metric] != values[0] for metric, values in old.values.items()):
        raise NnbenchError(f"{name}: seed {training.seed} no longer gives the band's numbers; make the whole band anew")
    steps = trainer.trajectory(session, training, STEPS).steps
    first = First(training.seed, bands.weights_of(rows), steps)
    of = dict(old.of) | where(session) | made_with() | {"seconds": band_of(by_seed, old.epochs, {}).of["seconds"]}
    return dataclasses.replace(old, of=of, first=first, by_name=WANTED[name].by_name)


def file(session: Session, name: str) -> Path:
    """Where a band is kept: under its task's id, and its data's name where that is not the recipe's."""
    task = trainer.find_task(session.components(), WANTED[name].task).id
    return FOLDER / f"{task}{name.removeprefix(WANTED[name].task)}.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", choices=[*WANTED, []], metavar="TASK")
    parser.add_argument("--first", action="store_true")
    given = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    with Session(sources()) as session:
        for name in given.tasks or WANTED:
            made = with_first(session, name) if given.first else band(session, WANTED[name])
            print(bands.write(FOLDER, made, file(session, name).stem).name, flush=True)


if __name__ == "__main__":
    main()

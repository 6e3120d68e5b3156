"""Experiments that nobody ran: ties, a loser, a diverged trial, tuning; the same arguments, the same records."""

import random
from dataclasses import replace

from nnbench.experiments.records import FINAL, TUNING, Checked, Contender, EpochNumbers, Experiment, Outcome, Trial

TASK, DATA = "architectures.mnist_mlp", "mnist"
CLASSES = 10
TEST_SAMPLES = 10_000
SECONDS = 2.0  # of an epoch

# What each reaches: test accuracy, its deviation between seeds, and how fast it gets there (epochs to halve the rest).
OPTIMIZERS = {
    "adam": (0.978, 0.0015, 0.9, 8.0),
    "rmsprop": (0.9778, 0.0015, 0.9, 4.0),
    "momentum": (0.976, 0.002, 1.2, 4.0),
    "sgd": (0.958, 0.0015, 2.0, 0.0),
}
RATES = {0.0: 0.9770, 0.1: 0.9782, 0.2: 0.9784, 0.3: 0.9781, 0.5: 0.9765, 0.8: 0.9580}
LEARNING_RATES = {1e-4: 0.93, 1e-3: 0.978, 1e-2: 0.965, 1e-1: 0.4}


def experiment(seeds=5, epochs=5, *, diverged="momentum", tuned=True, wrong="", optimizers=OPTIMIZERS, **changes):
    """Optimizers on MNIST: Adam and RMSprop tie, SGD loses, one trial of ``diverged`` does, ``wrong`` fails a check."""
    contenders = tuple(optimizer(name) for name in optimizers)
    outcomes = [
        trained(one, seed, epochs, *optimizers[one.name][:3], state=optimizers[one.name][3])
        for one in contenders
        for seed in range(seeds)
    ]
    found = [fails(one, 2) if one.trial.contender == diverged and one.trial.seed == 1 else one for one in outcomes]
    made = Experiment(
        factor="optimizers",
        task=TASK,
        data=DATA,
        metric="test_accuracy",
        better="more",
        contenders=contenders,
        outcomes=tuple(found),
        tuning=tuning(contenders, epochs) if tuned else (),
        checks={one.name: checked(one, one.name == wrong) for one in contenders},
        protocol=protocol("optimizers", seeds, epochs),
    )
    return replace(made, **changes)


def dropout(seeds=5, epochs=5, rates=RATES, deviation=0.0008, **changes):
    """Dropout rates on MNIST: 0.1 to 0.3 tie, 0.8 loses; the gap to training shrinks as the rate grows."""
    contenders = tuple(Contender(f"dropout={rate:g}", {"arguments": {"dropout": rate}}, level=rate) for rate in rates)
    outcomes = tuple(
        trained(one, seed, epochs, rates[one.level], deviation, 1.0, "dropout", gap=0.02 * (1 - one.level))
        for one in contenders
        for seed in range(seeds)
    )
    made = Experiment(
        "dropout",
        TASK,
        DATA,
        "test_accuracy",
        "more",
        contenders,
        outcomes,
        protocol=protocol("dropout", seeds, epochs),
    )
    return replace(made, **changes)


def plain(values, metric="test_accuracy", better="more", factor="lr", **changes):
    """An experiment of one epoch from its final values alone: by contender, one a seed, None where a trial diverged."""
    contenders = tuple(Contender(name, {}) for name in values)
    outcomes = [
        outcome(trial(one, seed, 1, factor), [{metric: number}])
        if number is not None
        else fails(outcome(trial(one, seed, 1, factor), [{metric: 0.1}]), 0)
        for one in contenders
        for seed, number in enumerate(values[one.name])
    ]
    seeds = max(map(len, values.values()))
    made = Experiment(
        factor, TASK, DATA, metric, better, contenders, tuple(outcomes), protocol=protocol(factor, seeds, 1)
    )
    return replace(made, **changes)


def optimizer(name):
    return Contender(name, {"optimizer": f"optimizers.{name}@torch", "lr": 0.001}, component=f"optimizers.{name}@torch")


def trial(contender, seed, epochs, factor="optimizers", role=FINAL, **changes):
    named = {"role": role, "definition": "d" * 16, "factor": factor, "contender": contender.name}
    return Trial(TASK, "reference", DATA, seed, epochs, dict(contender.changes) | changes, **named)


def trained(
    contender, seed, epochs, accuracy, deviation, halving, factor="optimizers", *, gap=0.01, state=8.0, role=FINAL
):
    """A training that ended well; its numbers follow from its contender's name and its seed."""
    draw = random.Random(f"{contender.name} {seed}")
    reached = accuracy + draw.gauss(0, deviation)
    rows = [numbers(epoch, epochs, reached, halving, gap, draw, role) for epoch in range(1, epochs + 1)]
    final = {
        "train_accuracy": (min(rows[-1]["test_accuracy" if role == FINAL else "validation_accuracy"] + gap, 1.0),),
        "step_time": (0.004 + 0.0002 * state,),
        "state_bytes": (state,),
        "peak_memory": (40 * 2.0**20 * (1 + state / 16),),
    }
    if role == FINAL:
        final["calibration_error"] = (0.004 + gap / 2,)
        final["confusion"] = confusion(rows[-1]["test_accuracy"])
    return outcome(trial(contender, seed, epochs, factor, role), rows, final)


def numbers(epoch, epochs, reached, halving, gap, draw, role):
    far = 0.5 ** ((epoch - 1) / halving) - 0.5 ** ((epochs - 1) / halving)
    accuracy = reached - 0.15 * far - (abs(draw.gauss(0, 0.001)) if epoch < epochs else 0)
    found = {
        "train_loss": 2.5 * (1 - min(accuracy + gap, 0.9999)) + 0.01,
        "learning_rate": 0.001,
        "validation_loss": 3.2 * (1 - accuracy) + 0.005,
        "validation_accuracy": accuracy + 0.001,
    }
    return found if role == TUNING else found | {"test_loss": 3.2 * (1 - accuracy), "test_accuracy": accuracy}


def outcome(one, rows, final=()):
    epochs = tuple(EpochNumbers(number, SECONDS * number, values) for number, values in enumerate(rows, 1))
    return Outcome(one, "ok", "", epochs, dict(final), run="20260101T000000Z-000001")


def fails(one, after, status="failed", note="diverged: training loss is nan"):
    """The same trial, ended badly with ``after`` epochs done."""
    return replace(one, status=status, note=note, epochs=one.epochs[:after], final={})


def tuning(contenders, epochs):
    """A grid of learning rates, the same for each contender; the largest diverges for the first."""
    rows = []
    for number, one in enumerate(contenders):
        for rate, accuracy in LEARNING_RATES.items():
            tried = Contender(one.name, dict(one.changes) | {"lr": rate}, one.component)
            found = trained(tried, 0, epochs, accuracy, 0.001, 1.0, role=TUNING)
            rows.append(fails(found, 1) if number == 0 and rate == 1e-1 else found)
    return tuple(rows)


def confusion(accuracy):
    """Counts of ten classes, row-major: what is right on the diagonal, the rest spread evenly."""
    each = TEST_SAMPLES // CLASSES
    wrong = round((1 - accuracy) * each / (CLASSES - 1))
    return tuple(
        float(each - wrong * (CLASSES - 1) if true == predicted else wrong)
        for true in range(CLASSES)
        for predicted in range(CLASSES)
    )


def checked(contender, is_wrong):
    failed = (f"{contender.component} [float64] formula: wrong by 0.01 (allowed 1e-12)",) if is_wrong else ()
    return Checked(contender.component, 41 - len(failed), failed)


def protocol(factor, seeds, epochs):
    return {
        "command": f"nnbench compare {factor} --task mnist_mlp --seeds {seeds} --epochs {epochs}",
        "seeds": list(range(seeds)),
        "epochs": epochs,
        "checksum": "0123abcd",
        "split": "55000 for training, 5000 for validation, 10000 for test",
        "test_samples": TEST_SAMPLES,
        "machine": {"id": "made-up", "processor": "none", "threads": 1},
        "versions": {"nnbench": "0.0", "torch": "2.0"},
    }

"""``nnbench show`` on an architecture: its recipe in lines, and nothing of what it does not use."""

import dataclasses

from nnbench.cli.recipe_told import print_recipe
from nnbench.specs import Recipe

PLAIN = Recipe("mnist", "CrossEntropyLoss", "Adam", {"lr": 0.001}, batch_size=128, epochs=20)


def told(capsys, **changes):
    print_recipe("architectures.net", dataclasses.asdict(dataclasses.replace(PLAIN, **changes)))
    return [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line.strip()]


def test_a_plain_recipe_has_a_line_for_each_thing_that_it_sets(capsys):
    head, *lines = told(capsys)
    assert " ".join(head) == "Trained by `nnbench train net`:"
    assert [(name, what.strip()) for name, what in lines] == [
        ("data", "mnist"),
        ("loss", "CrossEntropyLoss"),
        ("optimizer", "Adam (lr 0.001)"),
        ("batches", "of 128"),
        ("epochs", "20"),
    ]


def test_what_a_recipe_adds_is_told(capsys):
    lines = told(
        capsys,
        data_arguments={"window": 20},
        standardize=True,
        augment="crop_and_flip",
        arguments={"sizes": (64, 32)},
        scheduler="StepLR",
        scheduler_arguments={"step_size": 3},
        patience=5,
        clip_norm=1.0,
        note="chosen: all of it",
    )[1:]
    assert [(name, what.strip()) for name, what in lines] == [
        ("data", "mnist (window 20, standardized)"),
        ("augmentation", "crop_and_flip"),
        ("network", "sizes 64 32"),
        ("loss", "CrossEntropyLoss"),
        ("optimizer", "Adam (lr 0.001)"),
        ("schedule", "StepLR (step_size 3)"),
        ("batches", "of 128"),
        ("epochs", "20, or fewer: stopped after 5 without a better loss"),
        ("gradients", "clipped to a norm of 1"),
        ("note", "chosen: all of it"),
    ]

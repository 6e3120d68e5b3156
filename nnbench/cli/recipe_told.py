"""How ``nnbench show`` tells the recipe of an architecture: a line for each thing that decides about its training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click
from rich.padding import Padding

from nnbench.cli import output

Recipe = Mapping[str, Any]


def print_recipe(task: str, recipe: Recipe) -> None:
    """The recipe, and the command that trains by it."""
    click.echo(f"\nTrained by `nnbench train {task.partition('.')[2]}`:")
    table = output.table("", "")
    table.show_header = False
    for name, told in _lines(recipe):
        output.add_row(table, name, told)
    output.console().print(Padding(table, (0, 0, 0, 2)))


def _lines(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Whatever is set, in the order in which a training comes by it."""
    data = {key: value for key, value in recipe["data_arguments"].items() if value}
    yield "data", _with(recipe["data"], data | ({"standardized": ""} if recipe["standardize"] else {}))
    if recipe["augment"]:
        yield "augmentation", _with(recipe["augment"], recipe["augment_arguments"])
    if recipe["backbone"]:
        yield "backbone", _settings(recipe["backbone"])
    if recipe["arguments"]:
        yield "network", _settings(recipe["arguments"])
    yield "loss", recipe["loss"]
    yield "optimizer", _with(recipe["optimizer"], recipe["optimizer_arguments"])
    if recipe["scheduler"]:
        yield "schedule", _with(recipe["scheduler"], recipe["scheduler_arguments"])
    yield "batches", f"of {recipe['batch_size']}"
    yield "epochs", _epochs(recipe)
    if recipe["clip_norm"]:
        yield "gradients", f"clipped to a norm of {recipe['clip_norm']:g}"
    if recipe["note"]:
        yield "note", recipe["note"]


def _epochs(recipe: Recipe) -> str:
    stop = f", or fewer: stopped after {recipe['patience']} without a better loss" if recipe["patience"] else ""
    return f"{recipe['epochs']}{stop}"


def _with(name: str, arguments: Mapping[str, Any]) -> str:
    return f"{name} ({_settings(arguments)})" if arguments else name


def _settings(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {_value(value)}".rstrip() for key, value in arguments.items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"({_settings(value)})"
    if isinstance(value, list | tuple):
        return " ".join(map(_value, value))
    return str(value)

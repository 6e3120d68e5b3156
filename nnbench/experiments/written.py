"""Settings of a recipe as a user writes them out: "lr=1e-4:1e-1:7" to vary one, "optimizer=SGD" to change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnbench.errors import NnbenchError
from nnbench.experiments.levels import Level, level, levels
from nnbench.experiments.records import Contender
from nnbench.model import ComponentInfo
from nnbench.recipe_changes import CHANGES, NAMED, NO_SCHEDULER, none_such, refuse_wrong

UNSET = ("", NO_SCHEDULER)
WHOLE = ("batch_size", "patience")  # settings whose ranges are of whole numbers
OF_ITS_OWN = ("scheduler", "regularizer")  # what a recipe may be without, and has no arguments then


def varied(text: str) -> list[tuple[str, Level]]:
    """The setting of a factor that is written out and each of its values: "lr=1e-4:1e-1:7", "batch_size=32,64",
    "optimizer_arguments.momentum=0,0.9". Raises ``NnbenchError`` for a setting that there is none of.
    """
    setting, _, values = (part.strip() for part in text.partition("="))
    _refuse_no_setting("--factor", setting, values, "vary")
    return [(setting, one) for one in levels(values, setting in WHOLE)]


def _refuse_no_setting(option: str, setting: str, values: str, use: str) -> None:
    whole, _, part = setting.partition(".")
    if whole not in CHANGES:
        raise NnbenchError(none_such(whole, use))
    of_parts = whole.endswith("arguments")
    if of_parts != bool(part):
        wanted = f"{whole}.NAME={values}, NAME one of its arguments" if of_parts else f"{whole}={values}"
        raise NnbenchError(f"{option} {setting}={values}: write {wanted}")


def written(text: str, task: ComponentInfo, fixed: Mapping[str, Any]) -> tuple[Contender, ...]:
    """The contenders of a factor that is written out, where all of them have the ``fixed`` changes."""
    pairs, recipe = varied(text), _recipe(task, fixed)
    (whole,) = {setting.partition(".")[0] for setting, _ in pairs}
    needed = whole.removesuffix("_arguments")
    if needed in OF_ITS_OWN and whole != needed and recipe.get(needed, NO_SCHEDULER) in UNSET:
        raise NnbenchError(f"{task.id} has no {needed} whose settings could be varied; --set {needed}=... gives it one")
    short = _without_suites([one.name for _, one in pairs])
    return tuple(_of_level(setting, one, short, recipe) for setting, one in pairs)


def _recipe(task: ComponentInfo, fixed: Mapping[str, Any]) -> Mapping[str, Any]:
    """The task's recipe with what all contenders change; arguments of what is replaced go with it."""
    gone: dict[str, Any] = {f"{name}_arguments": {} for name in ("optimizer", "scheduler") if name in fixed}
    return {**(task.recipe or {}), **gone, **fixed}


def _of_level(setting: str, one: Level, short: Mapping[str, str], recipe: Mapping[str, Any]) -> Contender:
    """A contender, by the name of its component where it is one, else by its setting and value."""
    changes = change(setting, one.value, recipe)
    if setting in NAMED:
        return Contender(short[one.name], changes, one.name if "." in one.name else "", one.number)
    return Contender(f"{setting.rpartition('.')[2]} {one.name}", changes, "", one.number)


def change(setting: str, value: Any, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """One setting changed; one argument among others, which stay as the recipe has them."""
    whole, _, part = setting.partition(".")
    return {whole: {**recipe.get(whole, {}), part: value} if part else value}


def _without_suites(names: Sequence[str]) -> dict[str, str]:
    """The names of components without their suites, where that leaves them different.

    >>> _without_suites(["optimizers.adam", "SGD"]), _without_suites(["a.relu", "b.relu"])
    ({'optimizers.adam': 'adam', 'SGD': 'SGD'}, {'a.relu': 'a.relu', 'b.relu': 'b.relu'})
    """
    short = {name: name.partition(".")[2] or name for name in names}
    return short if len({name.lower() for name in short.values()}) == len(short) else {name: name for name in names}


def merged(fixed: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Both changes; of what is in both the second, but arguments of both.

    >>> merged({"lr": 1, "arguments": {"a": 1}}, {"lr": 2, "arguments": {"b": 2}})
    {'lr': 2, 'arguments': {'a': 1, 'b': 2}}
    """
    both = {name: fixed[name] for name in fixed if isinstance(fixed[name], Mapping) and name in changes}
    return {**fixed, **changes, **{name: {**of_all, **changes[name]} for name, of_all in both.items()}}


def fixed(texts: Sequence[str]) -> dict[str, Any]:
    """Changes that are written out: "optimizer=SGD", "optimizer_arguments.momentum=0.9". Raises ``NnbenchError``."""
    found: dict[str, Any] = {}
    for text in texts:
        setting, is_one, value = (part.strip() for part in text.partition("="))
        if not is_one or not value:
            raise NnbenchError(f"--set {text}: write NAME=VALUE, such as optimizer=SGD or arguments.dropout=0.2")
        _refuse_no_setting("--set", setting, value, "set")
        found = merged(found, change(setting, level(value).value, {}))
    refuse_wrong(found)
    return found

"""What makes two trials the same training: their identity, and the code that they run."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nnbench.commits.definitions import Text, digest_of
from nnbench.experiments.records import Trial
from nnbench.model import ComponentInfo

PACKAGE = Path(__file__).parents[1]
TRAINS = ("train/*.py", "data/*.py", "recipe_changes.py")  # code of the harness that decides what a training gives
LIBRARIES = ("torch", "numpy", "scikit-learn")
NAMES = ("factor", "contender")  # what an experiment calls a trial is not what it does


def identity(trial: Trial) -> str:
    """The hash of all that decides what a trial gives: equal ones are trained once, whoever asks.

    >>> from dataclasses import replace
    >>> one = Trial("t", "reference", "d", 0, 1, {"lr": 1, "loss": "MSELoss"}, factor="lr", contender="1")
    >>> identity(one) == identity(replace(one, changes={"loss": "MSELoss", "lr": 1.0}, factor="loss"))
    True
    >>> identity(one) == identity(replace(one, seed=1))
    False
    """
    content = {name: _settled(value) for name, value in asdict(trial).items() if name not in NAMES}
    return _hash(json.dumps(content, sort_keys=True))


def definition(task: ComponentInfo, components: Iterable[ComponentInfo], changes: Mapping[str, Any]) -> str:
    """The hash of the code that a task's training with these changes runs, and of the libraries below it.

    It is of whole files without their layout, comments and docstrings: a change beside the task trains it anew.
    """
    known = {one.id: one for one in components}
    named = {text.partition("@")[0] for text in _texts(changes)}
    files = {_file(task), *(_file(known[name]) for name in named & known.keys())}
    parts = [_code(str(path)) for path in sorted(files) if path]
    return _hash(json.dumps([_harness(), *parts, _settled(task.recipe), software()]))


@functools.cache
def software() -> dict[str, str]:
    """What must be the same wherever trials of one experiment are trained: library versions, and the harness."""
    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return versions | {"nnbench training code": _harness()}


def unlike(theirs: Mapping[str, str]) -> list[str]:
    """What another machine has otherwise, in words; nothing where trials from there may stand beside ours."""
    own = software()
    names = sorted({*own, *theirs})
    told = [(name, theirs.get(name, "none"), own.get(name, "none")) for name in names]
    return [f"{name} {there} there and {here} here" for name, there, here in told if there != here]


@functools.cache
def _harness() -> str:
    files = [path for pattern in TRAINS for path in sorted(PACKAGE.glob(pattern))]
    return _hash("".join(_code(str(path)) for path in files))


@functools.cache
def _code(path: str) -> str:
    """A hash of what a file does; of its bytes where it is no Python that can be parsed."""
    if not Path(path).is_file():
        return ""
    text = Text(Path(path))
    return _hash("".join(map(digest_of, filter(_acts, text.statements)))) if text.is_readable else text.digest


def _acts(statement: ast.stmt) -> bool:
    """Whether it is more than a text that stands by itself."""
    return not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))


def _file(component: ComponentInfo) -> str:
    return component.location.rpartition(":")[0]


def _texts(value: Any) -> Iterator[str]:
    """Every text in nested mappings and sequences."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, Sequence):
        for one in value:
            yield from _texts(one)


def _settled(value: Any) -> Any:
    """A value in the form in which it is hashed: 1 and 1.0 are one number."""
    if isinstance(value, Mapping):
        return {str(name): _settled(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_settled(one) for one in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]

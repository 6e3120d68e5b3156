"""Somebody's class or function held against a registered component, without registering anything."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nnbench.catalog import Component
from nnbench.errors import RegistrationError, did_you_mean
from nnbench.suite_files import run_file
from nnbench.variants import Variant

CANDIDATE = "candidate"  # the name of the variant that it becomes


def with_candidate(components: Mapping[str, Component], like: str, target: str) -> Component:
    """The component ``like`` with one more variant: what ``package.module:Name`` or ``file.py:Name`` names.

    Raises ``RegistrationError`` where there is no such thing, and whatever importing it raises.
    """
    if like not in components:
        raise RegistrationError(f"no component named {like!r} to hold {target} against")
    place, _, name = target.rpartition(":")
    if not place or not name:
        raise RegistrationError(f"{target!r} names no class or function; write package.module:Name or file.py:Name")
    module: Any = run_file(Path(place).resolve()) if place.endswith(".py") else importlib.import_module(place)
    component = components[like]
    variant = Variant(CANDIDATE, _found(module, place, name))
    return replace(component, variants=MappingProxyType({**component.variants, CANDIDATE: variant}))


def _found(module: Any, place: str, name: str) -> Any:
    try:
        found = functools.reduce(getattr, name.split("."), module)
    except AttributeError:
        hint = did_you_mean(name, vars(module))
        raise RegistrationError(f"{place} has no {name}. {hint}".strip()) from None
    if not callable(found):
        raise RegistrationError(f"{place}:{name} is {type(found).__name__}, where a class or a function is wanted")
    return found

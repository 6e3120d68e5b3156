"""Registration: a ``Suite`` turns classes and functions into ``Component`` records, or says why it cannot."""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from nnbench.errors import NnbenchError, RegistrationError, did_you_mean, listing
from nnbench.model import KINDS, PROPERTIES
from nnbench.specs import Case, InputSpec, Recipe
from nnbench.variants import CompiledVariant, Evidence, Target, Variant, is_constructor

__all__ = ["Component", "Evidence", "Suite", "Target", "Variant", "is_constructor"]

NAME = re.compile(r"[a-z][a-z0-9_]*")
COMPILED = ("module", "loss", "architecture", "regularizer")  # kinds whose references torch.compile can take


@dataclass(frozen=True)
class Component:
    """What a suite registered under one id. ``variants`` starts with "reference"."""

    id: str
    kind: str
    variants: Mapping[str, Variant]
    cases: tuple[Case, ...] = ()
    documented: tuple[str, ...] = ()
    properties: frozenset[str] = frozenset()
    oracle: Callable[..., Any] | None = None
    drive: Callable[..., Any] | None = None
    recipe: Recipe | None = None
    not_compiled: str = ""
    location: str = ""

    @property
    def reference(self) -> Variant:
        return self.variants["reference"]

    @property
    def doc(self) -> str:
        """The reference's docstring; empty for one that is imported only when it is built."""
        target = self.reference.target
        while isinstance(target, functools.partial):
            target = target.func
        doc = "" if isinstance(target, str) else getattr(target, "__doc__", "")
        return inspect.cleandoc(doc) if isinstance(doc, str) else ""

    @property
    def on_request(self) -> dict[str, Variant]:
        """Variants that are there when they are named, and in no other selection: compiling takes seconds each."""
        can_be_compiled = self.kind in COMPILED and self.drive is None and "compiled" not in self.variants
        if not can_be_compiled:
            return {}
        return {"compiled": CompiledVariant("compiled", self.reference.target, refusal=self.not_compiled)}

    def variant(self, name: str) -> Variant:
        """The variant of this name; an unknown name raises ``NnbenchError`` with the valid ones."""
        known = {**self.variants, **self.on_request}
        if name not in known:
            raise NnbenchError(
                f"{self.id} has no variant named {name!r}. {did_you_mean(name, known)} It has {listing(known)}."
            )
        return known[name]

    def case(self, label: str) -> Case:
        """The case of this label; an unknown label raises ``NnbenchError`` with the valid ones."""
        for candidate in self.cases:
            if candidate.label == label:
                return candidate
        raise NnbenchError(f"{self.id} has no case {label!r}. Its cases are {listing(c.label for c in self.cases)}.")


@dataclass(frozen=True)
class Suite:
    """A named collection of components; a Python file makes one and registers its components in it."""

    name: str
    components: dict[str, Component] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_name(self.name, "suite")

    def component(
        self,
        name: str,
        *,
        reference: Target,
        variants: Mapping[str, Target | Variant] | None = None,
        kind: str = "module",
        cases: Sequence[Case] = (),
        properties: Iterable[str] = (),
        documented: Iterable[str] = (),
        oracle: Callable[..., Any] | None = None,
        drive: Callable[..., Any] | None = None,
        recipe: Recipe | None = None,
        not_compiled: str = "",
    ) -> Component:
        """Register one component under the id ``SUITE.NAME``.

        ``reference`` and ``variants`` are classes (constructed with a case's arguments, then called with its inputs)
        or functions (called with the inputs and the arguments). ``oracle`` is an independent judge: a function of
        NumPy float64 arrays; for an optimizer, of the starting parameters and each step's gradients, giving the
        parameters after each step. ``drive`` puts through its paces what is not simply called with its inputs: given a
        function that builds the variant anew and the case's inputs, it returns the outcome. ``recipe`` says how an
        architecture is trained. ``not_compiled`` says why torch.compile of the reference is not worth while.

        Raises ``RegistrationError`` for a name taken twice, an unknown kind or property, two cases with one label, or
        a case whose arguments the reference does not take.
        """
        _check_name(name, "component")
        identifier = f"{self.name}.{name}"
        declared = _names(identifier, "properties", properties)
        if identifier in self.components:
            raise RegistrationError(f"{identifier} is registered twice; give one of them another name")
        _check_kind(identifier, kind)
        _check_properties(identifier, declared)
        made = Component(
            id=identifier,
            kind=kind,
            variants=MappingProxyType(_variants(identifier, reference, variants or {})),
            cases=tuple(cases),
            documented=_names(identifier, "documented", documented),
            properties=frozenset(declared),
            oracle=oracle,
            drive=drive,
            recipe=recipe,
            not_compiled=not_compiled,
            location=_caller(),
        )
        _check_cases(made)
        self.components[identifier] = made
        return made


def _caller() -> str:
    frame = sys._getframe(2)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _check_name(name: str, what: str) -> None:
    if not NAME.fullmatch(name):
        raise RegistrationError(
            f"{name!r} cannot name a {what}: use lower-case letters, digits and underscores, a letter first"
        )


def _names(identifier: str, what: str, values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise RegistrationError(f"{identifier}: {what} is a list of names, such as [{values!r}], not one text")
    names = tuple(values)
    if not all(isinstance(name, str) for name in names):
        raise RegistrationError(f"{identifier}: {what} is a list of names, not {names!r}")
    return names


def _check_kind(identifier: str, kind: str) -> None:
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS)
        raise RegistrationError(f"{identifier} has unknown kind {kind!r}. {hint} Kinds are {listing(KINDS)}.")


def _check_properties(identifier: str, properties: Iterable[str]) -> None:
    for name in properties:
        if name not in PROPERTIES:
            hint = did_you_mean(name, PROPERTIES)
            raise RegistrationError(
                f"{identifier} declares unknown property {name!r}. {hint} Properties are {listing(PROPERTIES)}."
            )


def _variants(identifier: str, reference: Target, others: Mapping[str, Target | Variant]) -> dict[str, Variant]:
    if "reference" in others:
        raise RegistrationError(f"{identifier}: 'reference' is given as reference=..., not among the variants")
    made = {}
    for name, target in {"reference": reference, **others}.items():
        _check_name(name, f"variant of {identifier}")
        made[name] = replace(target, name=name) if isinstance(target, Variant) else Variant(name, target)
        if not (callable(made[name].target) or ":" in str(made[name].target)):
            raise RegistrationError(
                f"{identifier}@{name} is {made[name].target!r}: a variant is a class, a function, "
                "or the text 'package.module:attribute'"
            )
    return made


def _check_cases(made: Component) -> None:
    labels: set[str] = set()
    for case in made.cases:
        if case.label in labels:
            raise RegistrationError(f"{made.id} has two cases labelled {case.label!r}; tell them apart with name='...'")
        labels.add(case.label)
        if not isinstance(made.reference.target, str):
            _check_arguments(made, case)


# What the harness itself hands to a component of these kinds, beside the case's arguments.
HANDED_OVER = {"optimizer": "params", "scheduler": "optimizer"}
# Kinds that are called with a case's inputs, unless the component says how it is driven.
CALLED_WITH_INPUTS = set(KINDS) - set(HANDED_OVER)


def _check_arguments(made: Component, case: Case) -> None:
    """Refuse a case whose arguments or inputs the reference's signature does not take."""
    target = made.reference.resolve()
    handed = {HANDED_OVER[made.kind]: None} if made.kind in HANDED_OVER else {}
    called_with_inputs = made.kind in CALLED_WITH_INPUTS and made.drive is None
    inputs: tuple[InputSpec, ...] = case.inputs if called_with_inputs else ()
    if is_constructor(target):
        _bind(made, case, target, (), dict(case.arguments) | handed)
        forward = getattr(target, "forward", None)
        if forward is not None and called_with_inputs:
            _bind(made, case, forward, (None, *inputs), {})
    elif called_with_inputs:
        _bind(made, case, target, inputs, case.arguments)


def _bind(
    made: Component,
    case: Case,
    target: Callable[..., Any],
    inputs: tuple[Any, ...],
    arguments: Mapping[str, Any],
) -> None:
    try:
        signature = inspect.signature(target)
    except (TypeError, ValueError):
        return  # some built-in functions have no signature to hold the case against
    try:
        signature.bind(*inputs, **arguments)
    except TypeError as error:
        raise RegistrationError(
            f"{made.id}: the reference does not take case {case.label!r}: {error}. "
            f"It takes {getattr(target, '__name__', target)}{signature}."
        ) from None

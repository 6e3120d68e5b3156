"""One implementation of a component: what it is made of, how it is built, and what it is known to get wrong."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from nnbench.failures import MissingPackage, NotMeasurable

Target = Callable[..., Any] | str


@dataclass(frozen=True)
class Evidence:
    """Whether an erratum shows, and the sentence with the figures that a reader can follow."""

    shown: bool
    says: str


@dataclass(frozen=True)
class Variant:
    """One implementation of a component.

    ``target`` is a class, a function, or the text ``package.module:attribute``, imported when it is first built (for
    what is slow to import or may be missing).

    ``erratum`` names the documents' errors that this variant shows ("E01", or "E02, E14"): it is expected to fail its
    checks. ``evidence`` proves them, one function an erratum: given this variant and the reference, it gives
    ``Evidence``. ``difference`` says in a sentence how a variant that is right by its own documentation rightly differs
    from the reference: it is expected to fail too, and is timed all the same.
    """

    name: str
    target: Target
    erratum: str = ""
    evidence: Mapping[str, Callable[[Variant, Variant], Evidence]] = field(default_factory=lambda: MappingProxyType({}))
    difference: str = ""

    @property
    def errata(self) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.erratum.split(",") if part.strip())

    @property
    def expected_to_fail(self) -> str:
        """Why, in the words that stand before what the check found; empty for one that shall pass."""
        return self.erratum or (f"known difference, {self.difference}" if self.difference else "")

    def resolve(self) -> Callable[..., Any]:
        """The class or function itself; raises ``MissingPackage`` where the package that has it is missing."""
        if not isinstance(self.target, str):
            return self.target
        module, _, attribute = self.target.partition(":")
        try:
            found: Any = importlib.import_module(module)
        except ImportError as error:
            raise MissingPackage(f"cannot be imported: {error}") from None
        return functools.reduce(getattr, attribute.split("."), found)

    def build(self, **arguments: Any) -> Any:
        """The object to call: a class is constructed with the arguments, a function is bound to them.

        Optimizers take ``params=`` beside their settings, schedulers ``optimizer=``.
        """
        target = self.resolve()
        return target(**arguments) if is_constructor(target) else functools.partial(target, **arguments)


@dataclass(frozen=True)
class CompiledVariant(Variant):
    """``torch.compile`` of another variant, with the weights under their names; it compiles when it is first called.

    ``refusal`` says why it is not worth while, if it is not.
    """

    refusal: str = ""

    def build(self, **arguments: Any) -> Any:
        import torch

        if self.refusal:
            raise NotMeasurable(self.refusal)
        made = super().build(**arguments)
        if not isinstance(made, torch.nn.Module):
            return torch.compile(made)
        made.compile()
        return made


def is_constructor(target: Any) -> bool:
    """Whether a target makes the object to call (a class), rather than being called itself (a function)."""
    return isinstance(target, type) or (isinstance(target, functools.partial) and is_constructor(target.func))

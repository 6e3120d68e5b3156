"""Which variants in which cases: patterns and ``-k`` expressions against what is registered."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from nnbench.discovery import unknown
from nnbench.errors import NnbenchError, UnknownComponent, did_you_mean, listing
from nnbench.model import CaseInfo, ComponentInfo

PATTERN = re.compile(r"(?P<component>[^@\[\]]+)(@(?P<variant>[^\[\]]+))?(\[(?P<case>.*)\])?")


@dataclass(frozen=True)
class Target:
    """One variant of one component in one case."""

    component: ComponentInfo
    variant: str
    case: CaseInfo

    @property
    def key(self) -> str:
        """How to select exactly this: ``layers.linear@torch[32x784,...]``."""
        return f"{self.component.id}@{self.variant}[{self.case.label}]"

    def is_taken_by(self, pattern: Pattern) -> bool:
        """What is there on request only is taken by a pattern that names it, not by a wildcard."""
        is_named = self.variant not in self.component.on_request or pattern.variant == self.variant
        return is_named and pattern.takes(self.component.id, self.variant, self.case.label)


@dataclass(frozen=True)
class Pattern:
    """A parsed selection such as ``layers.*``, ``layers.conv2d@torch`` or a target's whole key."""

    component: str
    variant: str
    case: str

    def takes(self, component: str, variant: str, case: str) -> bool:
        return (
            _matches_component(component, self.component)
            and fnmatchcase(variant, self.variant)
            and (self.case in ("*", case) or _wildcard(case, self.case))
        )


def _wildcard(label: str, pattern: str) -> bool:
    """Like fnmatch, but only ``*`` is special: labels hold brackets and dots of their own."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), label) is not None


def _matches_component(identifier: str, pattern: str) -> bool:
    return fnmatchcase(identifier, pattern) or identifier.startswith(f"{pattern}.")


def parse(text: str) -> Pattern:
    """Raises ``NnbenchError`` for a text that is no pattern.

    >>> parse("layers.conv2d@torch")
    Pattern(component='layers.conv2d', variant='torch', case='*')
    """
    match = PATTERN.fullmatch(text)
    if match is None:
        raise NnbenchError(f"{text!r} is no pattern. Patterns look like layers.*, layers.conv2d@torch or losses.")
    return Pattern(match["component"], match["variant"] or "*", match["case"] or "*")


def select(
    components: Sequence[ComponentInfo], patterns: Sequence[str] = (), expression: str = ""
) -> tuple[Target, ...]:
    """The targets that any pattern takes (all, without patterns) and the expression keeps, in order of registration.

    Raises ``UnknownComponent``, or ``NnbenchError`` for an unknown variant, case or an empty selection: a pattern that
    takes nothing is a mistake, never a silent pass.
    """
    everything = [
        Target(one, variant, case)
        for one in components
        for case in one.cases
        for variant in (*one.variants, *one.on_request)
    ]
    parsed = [parse(text) for text in patterns]
    for text, pattern in zip(patterns, parsed, strict=True):
        if not any(target.is_taken_by(pattern) for target in everything):
            raise _nothing(text, pattern, components)
    wanted = parsed or [parse("*")]
    kept = [target for target in everything if any(target.is_taken_by(pattern) for pattern in wanted)]
    if expression:
        keep = compile_expression(expression)
        kept = [target for target in kept if keep(target.key)]
        if not kept:
            raise NnbenchError(f"-k {expression!r} keeps none of the selected cases; `nnbench list` shows the names")
    return tuple(kept)


def timed(targets: Sequence[Target]) -> tuple[Target, ...]:
    """The targets that are there to be timed; raises ``NnbenchError`` where none is."""
    kept = tuple(target for target in targets if target.case.timed)
    if not kept:
        raise NnbenchError(f"{targets[0].key} is there for the checks alone: `nnbench check '{targets[0].key}'`")
    return kept


def _nothing(text: str, pattern: Pattern, components: Sequence[ComponentInfo]) -> NnbenchError:
    """Why a pattern takes nothing: the component, then the variant, then the case is unknown."""
    named = [one for one in components if _matches_component(one.id, pattern.component)]
    if not named:
        return UnknownComponent(unknown(pattern.component, [one.id for one in components]), pattern.component)
    variants = sorted({variant for one in named for variant in (*one.variants, *one.on_request)})
    if not any(fnmatchcase(variant, pattern.variant) for variant in variants):
        hint = did_you_mean(pattern.variant, variants)
        return NnbenchError(f"{text!r}: no variant named {pattern.variant!r}. {hint} There are {listing(variants)}.")
    cases = [case.label for one in named for case in one.cases]
    if not cases:
        return NnbenchError(f"{text!r}: {pattern.component} has no cases, so there is nothing to measure")
    return NnbenchError(f"{text!r}: no case {pattern.case!r}. There are {listing(cases)}.")


TOKEN = re.compile(r"\s*(\(|\)|[^\s()]+)")


def compile_expression(text: str) -> Callable[[str], bool]:
    """A ``-k`` expression as pytest has it: parts of names joined by and, or, not and parentheses.

    >>> compile_expression("conv and not torch")("layers.conv2d@reference[32]")
    True
    """
    tokens = TOKEN.findall(text)
    try:
        keep, rest = _disjunction(tokens)
    except IndexError:
        rest = tokens
    if rest or not tokens:
        raise NnbenchError(f"-k {text!r} cannot be read; it looks like -k 'conv and not (torch or large)'")
    return keep


def _disjunction(tokens: list[str]) -> tuple[Callable[[str], bool], list[str]]:
    left, rest = _conjunction(tokens)
    if rest and rest[0] == "or":
        right, rest = _disjunction(rest[1:])
        return (lambda name: left(name) or right(name)), rest
    return left, rest


def _conjunction(tokens: list[str]) -> tuple[Callable[[str], bool], list[str]]:
    left, rest = _negation(tokens)
    if rest and rest[0] == "and":
        right, rest = _conjunction(rest[1:])
        return (lambda name: left(name) and right(name)), rest
    return left, rest


def _negation(tokens: list[str]) -> tuple[Callable[[str], bool], list[str]]:
    first, rest = tokens[0], tokens[1:]
    if first == "not":
        inner, rest = _negation(rest)
        return (lambda name: not inner(name)), rest
    if first == "(":
        inner, rest = _disjunction(rest)
        if rest[0] != ")":
            raise IndexError
        return inner, rest[1:]
    if first in ("and", "or", ")"):
        raise IndexError
    return (lambda name: first.lower() in name.lower()), rest

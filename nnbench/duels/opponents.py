"""Who meets whom in a duel of two variants: patterns in, pairs of targets and contests out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from nnbench.discovery import Source
from nnbench.duels.contest import Contest
from nnbench.errors import NnbenchError, did_you_mean, listing
from nnbench.machine import THREADS
from nnbench.metrics import MODES_ON_REQUEST
from nnbench.model import ComponentInfo
from nnbench.plan import Target, compile_expression, parse, select, timed

Opponents = tuple[Target, Target]  # A, the one to beat, and B


def against(
    components: Sequence[ComponentInfo], patterns: Sequence[str], variant: str, expression: str = ""
) -> list[Opponents]:
    """Each selected target as B, and the variant of that name of the same component and case as A.

    A variant meets itself only where a pattern names it. Raises ``NnbenchError`` where nobody has such a variant.
    """
    selected = timed(select(components, patterns, expression))
    having = [one for one in selected if variant in (*one.component.variants, *one.component.on_request)]
    if not having:
        raise _no_such_variant(variant, selected)
    named = [pattern for pattern in map(parse, patterns) if pattern.variant == variant]
    found = [
        (Target(b.component, variant, b.case), b)
        for b in having
        if b.variant != variant or any(b.is_taken_by(pattern) for pattern in named)
    ]
    if not found:
        raise NnbenchError(
            f"--against {variant}: nothing but {variant} itself is selected. "
            f"`nnbench duel '{having[0].component.id}@{variant}' --against {variant}` holds it against itself"
        )
    return found


def _no_such_variant(variant: str, selected: Sequence[Target]) -> NnbenchError:
    variants = sorted({name for one in selected for name in (*one.component.variants, *one.component.on_request)})
    hint = did_you_mean(variant, variants)
    return NnbenchError(
        " ".join(filter(None, [f"--against {variant}: no selected component has it.", hint, _there_are(variants)]))
    )


def _there_are(variants: Sequence[str]) -> str:
    return f"There are {listing(variants)}."


def between(components: Sequence[ComponentInfo], a: str, b: str, expression: str = "") -> list[Opponents]:
    """What pattern ``a`` takes against what pattern ``b`` takes, in each component and case that both take.

    A variant meets itself only where ``b`` names it. Raises ``NnbenchError`` where they have no case in common.
    """
    first, second = (timed(select(components, [pattern])) for pattern in (a, b))
    keep = compile_expression(expression) if expression else lambda name: True
    is_named = "*" not in parse(b).variant
    found = [
        (one, other)
        for one in first
        for other in second
        if (one.component.id, one.case.label) == (other.component.id, other.case.label)
        and (one.variant != other.variant or is_named)
        and keep(other.key)
    ]
    if not found:
        raise _nothing_in_common(a, b, first, expression)
    return found


def _nothing_in_common(a: str, b: str, first: Sequence[Target], expression: str) -> NnbenchError:
    kept = f" that -k {expression!r} keeps" if expression else ""
    variants = first[0].component.variants
    return NnbenchError(
        f"{a} and {b} have no case in common{kept}. A duel is between variants of one component, for instance "
        f"`nnbench duel {first[0].component.id}@{variants[-1]} {first[0].component.id}@{variants[0]}`"
    )


def contests(opponents: Iterable[Opponents], modes: Sequence[str] = (), threads: int = THREADS) -> list[Contest]:
    """The contests of these opponents in the modes asked for, or in all that their components are timed in.

    With more than one of torch's threads wall time decides.

    Raises ``NnbenchError`` where none of them has such a mode.
    """
    opponents = list(opponents)
    found = [
        Contest(
            b.component.id,
            b.case.label,
            mode,
            a.variant,
            b.variant,
            b.case.spec,
            threads > 1 or _is_parallel(b.component),
        )
        for a, b in opponents
        for mode in _modes(b.component)
        if (mode in modes if modes else mode not in MODES_ON_REQUEST)
    ]
    if not found:
        there = dict.fromkeys(mode for _, b in opponents for mode in _modes(b.component))
        raise NnbenchError(f"--mode {' --mode '.join(modes)}: what is selected is timed in {listing(there)}")
    return found


def _is_parallel(component: ComponentInfo) -> bool:
    return "parallel" in component.properties


def _modes(component: ComponentInfo) -> tuple[str, ...]:
    return (*component.modes, *(MODES_ON_REQUEST if "backward" in component.modes else ()))


def needed(sources: Sequence[Source], components: Iterable[ComponentInfo]) -> tuple[Source, ...]:
    """The sources without the built-in suites that register none of these components: importing them takes time."""
    files = {Path(one.location.rpartition(":")[0]) for one in components}
    return tuple(one for one in sources if one.kind != "built-in" or any(_is_file_of(one, file) for file in files))


def _is_file_of(source: Source, file: Path) -> bool:
    """Whether a built-in suite lies in this file: its module's last names are the file's."""
    names = source.locator.split(".")[2:]  # below nnbench.suites
    return file.with_suffix("").parts[-len(names) :] == tuple(names)

"""What an experiment was asked for and does not hold, in sentences."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from nnbench.errors import listing
from nnbench.experiments.records import Trial
from nnbench.experiments.schedule import Plan, Round
from nnbench.experiments.trials import identity
from nnbench.units import duration


def left_out(
    plan: Plan, tried: Sequence[Round], wanted: Sequence[Round], kept: Collection[str], given_up: Mapping[str, str]
) -> tuple[str, ...]:
    """A sentence for each contender that could not be trained, and for what the budget did not reach."""
    told = _not_trained(given_up)
    missing = _missing(tried, kept, given_up)
    if missing:
        rounds = sum(any(one in missing for one in trials) for trials in tried)
        told.append(
            f"{_spent(plan)} before every contender had been tried with {rounds} of the {plan.tune} learning rates; "
            "the best of the others are compared."
        )
    missing = _missing(wanted, kept, given_up)
    if missing:
        total = sum(len(trials) for trials in wanted)
        told.append(f"{_spent(plan)}: {len(missing)} of {total} trainings are left out, {_where(missing, wanted)}.")
    return tuple(told)


def _not_trained(given_up: Mapping[str, str]) -> list[str]:
    """A sentence a reason.

    >>> _not_trained({"a": "torch has none", "b": "it takes no x", "c": "torch has none."})
    ['a and c were not trained: torch has none.', 'b was not trained: it takes no x.']
    """
    names: dict[str, list[str]] = {}
    for name, why in given_up.items():
        names.setdefault(why.removesuffix("."), []).append(name)
    return [f"{listing(who)} {'was' if len(who) == 1 else 'were'} not trained: {why}." for why, who in names.items()]


def left_out_beside(
    plan: Plan, rounds: Sequence[Round], kept: Collection[str], given_up: Mapping[str, str]
) -> tuple[str, ...]:
    """A sentence for what the budget did not reach of the trainings on a share of the samples."""
    missing, total = _missing(rounds, kept, given_up), sum(len(trials) for trials in rounds)
    if not missing:
        return ()
    return (f"{_spent(plan)}: {len(missing)} of {total} trainings on a part of the samples are left out.",)


def _missing(rounds: Sequence[Round], kept: Collection[str], given_up: Collection[str]) -> list[Trial]:
    return [one for each in rounds for one in each if identity(one) not in kept and one.contender not in given_up]


def _spent(plan: Plan) -> str:
    return f"The budget of {duration(plan.budget).removesuffix(' 00 s')} was spent"


def _where(missing: Sequence[Trial], wanted: Sequence[Round]) -> str:
    """The seeds that are missing, whole ones together."""
    sizes = {trials[0].seed: len(trials) for trials in wanted if trials}
    by_seed: dict[int, list[str]] = {}
    for one in missing:
        by_seed.setdefault(one.seed, []).append(one.contender)
    whole = [str(seed) for seed, names in by_seed.items() if len(names) == sizes[seed]]
    told = [f"{'seed' if len(whole) == 1 else 'seeds'} {listing(whole)} with all contenders"] if whole else []
    told += [f"seed {seed} with {listing(names)}" for seed, names in by_seed.items() if str(seed) not in whole]
    return ", ".join(told)

"""Trigger and confirm, replayed: a suspicion at the newest commit asks for a duel, and only its verdict is an alarm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from real import Pairs

from nnbench.duels.verdicts import Rule, decide
from nnbench.trends.detect import suspicion

Array = NDArray[np.float64]

COMMITS = 3  # within which a change shall be confirmed
LEAST_HISTORY = 15  # points before the first commit that is looked at


@dataclass
class Replay:
    """What happened: at unchanged commits, and to changes that were put in."""

    commits: int = 0
    triggered: int = 0
    false: int = 0
    pairs: int = 0
    steps: int = 0
    suspected: int = 0
    confirmed: int = 0


def duel(noise: Pairs, step: float, rng: Generator) -> tuple[str, int]:
    """A duel replayed from recorded pairs of identical code, in their order from some pair on, and how many it took."""
    start = int(rng.integers(len(noise.values)))
    order = np.roll(np.arange(len(noise.values)), -start)
    values, rule = noise.values[order] + step, Rule()
    for count in range(rule.least_pairs, rule.most_pairs + 1):
        error = median(noise.errors[order[:count]])
        said = decide([float(value) for value in values[:count]], rule, count == rule.most_pairs, error).verdict
        if said != "undecided":
            return said, count
    return "undecided", rule.most_pairs


def replay(logs: Array, noise: Pairs, steps: Sequence[float], seed: int) -> dict[float, Replay]:
    """Every commit of an unchanged history, then every place with each step put in from there on."""
    rng = np.random.default_rng(seed)
    told = {step: Replay() for step in (0.0, *steps)}
    for place in range(LEAST_HISTORY, len(logs)):
        _unchanged(np.exp(logs[: place + 1]), noise, told[0.0], rng)
    for step in steps:
        for place in range(LEAST_HISTORY, len(logs) - COMMITS + 1):
            _changed(logs, place, step, noise, told[step], rng)
    return told


def _unchanged(values: Array, noise: Pairs, told: Replay, rng: Generator) -> None:
    told.commits += 1
    if suspicion(values) is not None:
        said, pairs = duel(noise, 0.0, rng)
        told.triggered += 1
        told.pairs += pairs
        told.false += said in ("slower", "faster")


def _changed(logs: Array, place: int, step: float, noise: Pairs, told: Replay, rng: Generator) -> None:
    """A slowdown from ``place`` on: whether it was suspected, and confirmed, within so many commits."""
    told.steps += 1
    moved = logs.copy()
    moved[place:] += math.log1p(step)
    suspected = False
    for newest in range(place, place + COMMITS):
        if suspicion(np.exp(moved[: newest + 1])) is not None:
            told.suspected += not suspected
            suspected = True
            if duel(noise, math.log1p(step), rng)[0] == "slower":
                told.confirmed += 1
                return


def together(replays: Sequence[Replay]) -> Replay:
    """All of them added up."""
    total = Replay()
    for one in replays:
        for name in vars(total):
            setattr(total, name, getattr(total, name) + getattr(one, name))
    return total

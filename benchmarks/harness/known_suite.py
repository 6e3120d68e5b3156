"""The known work as a suite: a variant for each amount, and cases in which the first meets itself."""

from __future__ import annotations

from functools import partial

from known_work import OPERATIONS, TIMES, Repeated

from nnbench import Suite, case, randn

suite = Suite("known")
for name, (_, shape) in OPERATIONS.items():
    suite.component(
        name,
        reference=partial(Repeated, name, TIMES),
        variants={f"times{times}": partial(Repeated, name, times) for times in (100, 102, 103, 105, 110)},
        cases=[case(randn(*shape), name=f"copy{number}") for number in range(4)],
    )

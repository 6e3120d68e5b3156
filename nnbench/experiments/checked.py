"""The checks of the implementations that are compared, made by the same crew as the trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from statistics import fmean

from nnbench.discovery import Source
from nnbench.experiments.executors import Crew, Died, answer
from nnbench.experiments.records import Checked
from nnbench.experiments.schedule import Plan
from nnbench.experiments.work import Answer, checking_job
from nnbench.model import ComponentInfo

SECONDS = 4.0  # that the checks of one implementation take, as long as none are finished


@dataclass
class Checking:
    """Each implementation behind a plan's contenders is checked once, unless that is known already."""

    plan: Plan
    components: Sequence[ComponentInfo]
    sources: Sequence[Source]
    crew: Crew
    is_begun: bool = False
    _of: dict[str, Checked | Future[Answer]] = field(default_factory=dict)  # by implementation

    def begin(self, known: Mapping[tuple[str, str], Checked]) -> bool:
        """Hand them out, but those in ``known``, by component and the code that was checked; whether there were any."""
        self.is_begun = True
        for one in self.plan.contenders:
            name = one.component
            if name and name not in self._of:
                self._of[name] = known.get((name, self.plan.definitions.get(one.name, ""))) or self._handed_out(name)
        return any(isinstance(one, Future) for one in self._of.values())

    def _handed_out(self, name: str) -> Checked | Future[Answer]:
        identifier, _, variant = name.partition("@")
        component = next((one for one in self.components if one.id == identifier), None)
        if component is None:
            return Checked(name, 0, unknown=f"no component is called {identifier}")
        return self.crew.submit(checking_job(component, variant or "reference", self.sources))

    def seconds_left(self) -> float:
        """How much work is still in them, as far as can be told."""
        handed = [one for one in self._of.values() if isinstance(one, Future)]
        done = [one.result()["seconds"] for one in handed if one.done() and not one.exception()]
        return (fmean(done) if done else SECONDS) * sum(not one.done() for one in handed)

    def found(self) -> dict[str, Checked]:
        """By contender, when they are all made."""
        made = {name: one if isinstance(one, Checked) else _checked(name, one) for name, one in self._of.items()}
        return {one.name: made[one.component] for one in self.plan.contenders if one.component}


def _checked(component: str, future: Future[Answer]) -> Checked:
    try:
        found = answer(future)
    except Died as died:
        return Checked(component, 0, unknown=str(died))
    return Checked(component, found["passed"], tuple(found["failed"]), found["unknown"])

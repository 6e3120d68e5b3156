"""What `nnbench run --quick` checks: outputs, gradients and steps, and nothing of what gets no time anyway."""

from dataclasses import replace

from nnbench.checking import CORE_CHECKS, Settings
from nnbench.checks.battery import CHECKS, names
from nnbench.discovery import components
from nnbench.model import CaseInfo, ComponentInfo, Measurement
from nnbench.plan import Target
from nnbench.processes.process import WorkerEnded
from nnbench.runner import measure

CASE = CaseInfo("8", "abc", {}, ("8",), "float32", "cpu")
TWO = ComponentInfo(
    "mine.norm",
    "module",
    "",
    (),
    (),
    ("reference", "documented"),
    (CASE,),
    None,
    "mine.py:1",
    errata={"documented": ("E99",)},
)


class Asked:
    """A session that notes what it is asked, and answers that everything passes."""

    threads = 1

    def __init__(self):
        self.log = []

    def renew(self):
        pass

    def ask(self, request, seconds=None):
        self.log.append(request)
        if request["do"] == "check":
            wanted = request["only"] or ["sizes"]
            key = {name: request[name] for name in ("component", "variant", "case")}
            yield from ({"row": key | {"check": name, "status": "passed"}} for name in wanted[:1])


def looked_at(only):
    session = Asked()
    targets = [Target(TWO, variant, CASE) for variant in TWO.variants]
    rows = [event.row for event in measure(session, targets, Settings(rounds=1, only=only)) if event.row is not None]
    return session.log, [row for row in rows if isinstance(row, Measurement) and row.component == "mine.norm"]


def test_a_first_look_asks_for_the_core_and_leaves_errata_alone():
    log, rows = looked_at(CORE_CHECKS)
    assert [(one["do"], one.get("variant")) for one in log[:2]] == [("check", "reference"), ("count", "reference")]
    assert log[0]["only"] == CORE_CHECKS
    assert [(row.variant, row.status, row.note) for row in rows] == [
        ("documented", "skipped", "E99 shows; `nnbench check` shows where")
    ]


def test_a_first_look_checks_the_smallest_case_of_an_architecture_for_all():
    cases = tuple(CaseInfo(str(size), str(size), {}, (), "float32", "cpu", elements=size) for size in (8, 2, 4))
    network = replace(TWO, kind="architecture", cases=cases, errata={}, variants=("reference",))
    targets = [Target(network, "reference", case) for case in cases if case.elements != 2]
    for only, checked in ((CORE_CHECKS, ["2"]), ((), ["8", "4"])):
        session = Asked()
        assert sum(event.steps for event in measure(session, targets, Settings(rounds=1, only=only))) == 4
        assert [one["case"] for one in session.log if one["do"] == "check"] == checked
        assert [one["case"] for one in session.log if one["do"] == "count"] == ["8", "4"]
        assert [one["case"] for one in session.log if one["do"] == "measure"] == ["8", "4"]


def test_what_counting_takes_down_is_not_timed():
    class Ended(Asked):
        def ask(self, request, seconds=None):
            yield from super().ask(request, seconds)
            if request["do"] == "count":
                raise WorkerEnded("crashed", "it is gone")

    session = Ended()
    target = Target(replace(TWO, errata={}), "reference", CASE)
    rows = [event.row for event in measure(session, [target], Settings(rounds=1)) if event.row is not None]
    assert [row.status for row in rows if isinstance(row, Measurement) and row.component == "mine.norm"] == ["crashed"]
    assert "measure" not in [one["do"] for one in session.log]


def test_a_whole_run_checks_everything():
    log, rows = looked_at(())
    assert [one["variant"] for one in log if one["do"] == "check"] == ["reference", "documented"]
    assert {one["only"] for one in log if one["do"] == "check"} == {()}
    assert rows[0].note == "E99 shows in other cases"


def test_every_component_has_a_core_check():
    without = [
        one.id
        for one in components()
        if not {name for case in one.cases for name in names(one, "reference", case)} & set(CORE_CHECKS)
    ]
    assert without == []
    assert CHECKS.keys() == {one.kind for one in components()}

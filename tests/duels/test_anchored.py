"""A commit against its anchor, with workers that say what a test wants; and what is known of it afterwards."""

import math
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from nnbench import checking, store
from nnbench.commits.log import Commit
from nnbench.commits.trees import Tree
from nnbench.duels import anchored, kept
from nnbench.duels.contest import Settings
from nnbench.duels.revisions import State
from nnbench.duels.verdicts import Rule
from nnbench.errors import NnbenchError
from nnbench.model import CaseInfo, ComponentInfo, Measurement, Problem, Run, plain
from nnbench.processes.process import WorkerEnded

PAIRS = 3
DUELLING = Settings(Rule(least_pairs=PAIRS, most_pairs=PAIRS), order=1)
CHECKING = checking.Settings(rounds=1, seed=0)


@dataclass
class Scripted:
    """A session whose answers a test sets; ``kernel`` is the time of the harness's own code, in seconds."""

    seconds: float = 0.001
    kernel: float = 0.001
    modes: tuple = ("forward",)
    check: str = "passed"
    crashes: bool = False
    strangers: tuple = ()
    sources: tuple = ()
    problems: tuple = ()
    threads: int = 1
    asked: list = field(default_factory=list)

    def twin(self):
        return self

    def renew(self):
        pass

    def ask(self, request, seconds=None):
        self.asked.append(request["do"])
        yield from getattr(self, f"_{request['do']}")(request)

    def _code(self, request):
        yield {"code": {}, "strangers": list(self.strangers), "installed": {}}

    def _check(self, request):
        case = {name: request[name] for name in ("component", "variant", "case")}
        yield {"row": {**case, "check": "forward_float32", "status": self.check, "note": "off by one"}}

    def _measure(self, request):
        if self.crashes:
            raise WorkerEnded("crashed", "its process was ended by SIGSEGV in /tree/work.py")
        yield self._row(request, "forward_time", 0.5)
        yield {"inside": 0.1}

    def _count(self, request):
        yield self._row(request, "operators", 7.0)
        yield self._row(request, "peak_memory", 64.0)

    def _row(self, request, metric, value):
        return {"row": plain(Measurement(*self._names(request), metric, "1", (value,), spec="1"))}

    def _names(self, request):
        return request["component"], request["variant"], request["case"]

    def _calibrate(self, request):
        yield {"row": plain(Measurement("calibration.copy", "reference", "default", "calibration_time", "s", (0.1,)))}

    def _release(self, request):
        yield from ()

    def _make_ready(self, request):
        modes = ("call",) if "kernel" in request else self.modes
        yield {"paces": {mode: {"number": 1, "seconds": 0.001} for mode in modes}}

    def _block(self, request):
        taken = self.kernel if request["mode"] == "call" else self.seconds
        yield {"cpu": [taken] * request["samples"], "wall": [taken] * request["samples"]}


def component(name="work", specs=("1",), modes=("forward",)):
    cases = tuple(CaseInfo(f"case{number}", spec, {}, (), "float32", "cpu") for number, spec in enumerate(specs))
    return ComponentInfo(f"mine.{name}", "module", "", (), (), ("reference",), cases, None, "suite.py:1", modes)


def commit(name, components=None, **session):
    known = (component(),) if components is None else tuple(components)
    return State(Tree(name, "/tree", "/root"), f"{name}5678", Scripted(**session), known)


def outcome(anchor, newer, asked=None):
    """All rows of a commit measured against an anchor, by metric, the last where there are several."""
    asked = asked or anchored.task(anchor, newer, (), "", ())
    events = list(anchored.measure(anchor, newer, asked, DUELLING, CHECKING))
    assert sum(event.steps for event in events) == anchored.steps(asked, DUELLING)
    return [row for event in events for row in event.rows]


def only(rows, metric):
    (row,) = [row for row in rows if row.metric == metric]
    return row


def test_ratio_of_each_pair_is_the_commits_time_over_the_anchors():
    row = only(outcome(commit("old"), commit("new", seconds=0.0011)), "anchored_forward")
    assert row.values == pytest.approx([1.1] * PAIRS), "so many pairs, though the first four would decide it"
    assert (row.component, row.variant, row.case, row.unit, row.status) == (
        "mine.work", "reference", "case0", "1", "ok"
    )  # fmt: skip
    assert (row.spec, row.context["anchor"], row.context["floor"]) == ("1", "old5678", 0.0)


def test_samples_of_both_sides_stand_beside_it_under_different_names():
    rows = outcome(commit("old"), commit("new", seconds=0.002))
    of = {
        row.metric: (row.values[0], row.context["commit"])
        for row in rows
        if row.component == "mine.work" and "duel" in row.context
    }
    assert of["forward_time"] == (0.002, "new5678")
    assert of["before_forward_time"] == (0.001, "old5678")
    assert Counter(row.metric for row in rows)["forward_time"] == PAIRS, (
        "and no time that was taken without taking turns"
    )


def test_checks_counters_and_calibration_are_stored_with_it():
    rows = outcome(commit("old"), commit("new"))
    assert only(rows, "operators").values == (7.0,)
    assert only(rows, "check.forward_float32").status == "passed"
    assert only(rows, "calibration_time").values == (0.1,)
    assert only(rows, "noise_floor").values == (0.0,)


def test_component_that_is_not_there_gives_a_row_that_says_so():
    row = only(outcome(commit("old"), commit("new", ())), "anchored_forward")
    assert (row.status, row.note, row.values) == ("skipped", "not in this commit", ())


def test_import_that_fails_is_told_without_the_folder_that_is_gone():
    broken = Problem("mine", "/tree/work.py", 3, "ImportError: no torhc")
    newer = commit("new", (), problems=(broken,))
    row = only(outcome(commit("old"), newer), "anchored_forward")
    assert row.status == "failed"
    assert row.note.endswith("suite mine: work.py:3: ImportError: no torhc")
    assert "measure" not in newer.session.asked


def test_what_is_wrong_is_given_no_time():
    rows = outcome(commit("old"), commit("new", check="failed"))
    row = only(rows, "anchored_forward")
    assert (row.status, row.note) == ("wrong", "forward_float32: off by one")
    assert not [row for row in rows if row.metric == "forward_time"]


def test_crash_gives_its_row():
    row = only(outcome(commit("old"), commit("new", crashes=True)), "anchored_forward")
    assert (row.status, row.note) == ("crashed", "its process was ended by SIGSEGV in work.py")


def test_other_work_than_the_anchors_is_timed_by_itself():
    rows = outcome(commit("old"), commit("new", [component(specs=("2",))]))
    assert "other work than in old" in only(rows, "anchored_forward").note
    assert only(rows, "forward_time").values == (0.5,)
    assert only(rows, "operators").values == (7.0,)


def test_what_the_anchor_does_not_have_is_timed_by_itself():
    rows = outcome(commit("old", [component("else")]), commit("new", [component("else"), component()]))
    by_component = {row.component: row for row in rows if row.metric == "anchored_forward"}
    assert by_component["mine.else"].status == "ok"
    assert by_component["mine.work"].note == "old, the anchor, does not have it"


def test_code_of_the_working_tree_is_not_measured_as_a_commits():
    newer = commit("new", strangers=("/root/work.py",))
    row = only(outcome(commit("old"), newer), "anchored_forward")
    assert row.status == "failed"
    assert "was imported in place of the file of new" in row.note
    assert set(newer.session.asked) == {"code"}


def test_mode_that_the_case_does_not_have_is_skipped_for_good():
    both = [component(modes=("forward", "backward"))]
    rows = outcome(commit("old", both), commit("new", both))
    assert only(rows, "anchored_forward").status == "ok"
    assert only(rows, "anchored_backward").note == "this case has no backward"


def test_no_ratio_is_given_while_the_machine_disagrees_with_itself():
    rows = outcome(commit("old"), commit("new", kernel=0.0012))
    assert not [row for row in rows if row.metric.startswith("anchored_")]
    assert only(rows, "noise_floor").values[0] > 0.05
    assert [row for row in rows if row.metric == "forward_time"]


def test_task_is_what_the_anchor_or_the_newest_commit_has():
    older, newer = commit("old", [component(specs=("1",)), component("gone")]), commit("new", [component("born")])
    asked = anchored.task(older, newer, (), "", ())
    assert {target.component.id for target in asked.targets} == {"mine.work", "mine.gone", "mine.born"}
    done = [anchored.series_of(contest) for contest in asked.contests if contest.component != "mine.work"]
    left = asked.without(done)
    assert [target.component.id for target in left.targets] == [contest.component for contest in left.contests]
    assert [contest.component for contest in left.contests] == ["mine.work"]


def test_components_that_the_anchor_lacks_are_known():
    older, newer = commit("old"), commit("new", [component(), component("born")])
    assert anchored.only_later(anchored.task(older, newer, (), "", ()), older) == ["mine.born"]


def test_nothing_to_measure_says_what_to_type():
    with pytest.raises(NnbenchError, match="--suite FILE"):
        anchored.task(commit("old", ()), commit("new", ()), (), "", ())


COMMITS = tuple(Commit(f"{number}" * 40, f"2026-11-0{number}", f"step {number}") for number in range(1, 6))
ASKED = anchored.task(commit("old"), commit("new"), (), "", ())
RATIO = Measurement("mine.work", "reference", "case0", "anchored_forward", "1", (1.0, 1.0), context={"anchor": "a0"})


def stored(folder, number, row, machine="m1", **run):
    begun = f"2026-11-20T10:0{number}:00+00:00"
    made = Run(
        f"20261120T10000{number}Z-00000{number}", begun, "nnbench history", COMMITS[number].id, False, {"id": machine}
    )
    store.write_run(store.runs_folder(folder), replace(made, measurements=(row,), **run))


@pytest.fixture
def results(tmp_path):
    """The first commit has a ratio, the second failed; the others' rows are of other anchors, machines and trees."""
    stored(tmp_path, 0, RATIO)
    stored(tmp_path, 1, replace(RATIO, values=(), status="failed", note="it raised"))
    stored(tmp_path, 2, replace(RATIO, context={"anchor": "a1"}))
    stored(tmp_path, 3, RATIO, machine="m2")
    stored(tmp_path, 4, RATIO, dirty=True)
    return tmp_path


def missing(results, **options):
    book = kept.Book(COMMITS, kept.kept(results, "m1", "a0", COMMITS), **options)
    return [one.subject[-1] for one in book.missing(ASKED)]


def test_what_is_stored_is_not_measured_again(results):
    assert missing(results) == ["3", "4", "5"]


def test_what_failed_is_measured_again_when_asked(results):
    assert missing(results, retry=True) == ["2", "3", "4", "5"]


def test_ratio_that_was_measured_outranks_a_failure():
    failure = replace(RATIO, values=(), status="failed", note="it raised")
    book = kept.Book(COMMITS, {COMMITS[0].id: [kept.Kept("r1", RATIO), kept.Kept("r2", failure)]}, retry=True)
    assert [one.run for one in book.ratios(COMMITS[0]).values()] == ["r1"]
    assert COMMITS[0] not in book.missing(ASKED)


def test_commit_is_missing_while_one_of_its_ratios_is(results):
    both = [component(modes=("forward", "backward"))]
    asked = anchored.task(commit("old", both), commit("new", both), (), "", ())
    book = kept.Book(COMMITS, kept.kept(results, "m1", "a0", COMMITS))
    assert len(book.missing(asked)) == len(COMMITS)
    assert [contest.mode for contest in book.left(asked, COMMITS[0]).contests] == ["backward"]


def test_rows_of_other_commits_are_left_alone(results):
    assert list(kept.kept(results, "m1", "a0", COMMITS)) == [COMMITS[0].id, COMMITS[1].id]
    assert list(kept.kept(results, "m1", "a0", COMMITS[1:])) == [COMMITS[1].id]


def test_anchors_are_remembered_the_last_used_first(results):
    assert list(kept.anchors(results)) == ["a0", "a1"]
    assert list(kept.anchors(results / "empty")) == []


def test_commits_are_taken_in_order_and_each_once_though_it_gave_nothing(tmp_path):
    book, order = kept.Book(COMMITS, {}), []
    while (one := book.next(ASKED)) is not None:
        order.append(one.subject[-1])
        book.note(one, "run", [replace(RATIO, values=(1.2, 1.2))] if one == COMMITS[-1] else [])
    assert order == ["5", "1", "3", "4", "2"]
    assert book.missing(ASKED) == []


def test_level_is_the_median_and_surer_with_more_pairs_that_agree():
    few, many = kept.level([1.1] * 2), kept.level([1.1] * 20)
    assert few.value == many.value == pytest.approx(math.log(1.1))
    assert many.error < few.error < kept.level([1.0, 1.2]).error


def test_levels_are_of_ratios_and_exact_counters():
    rows = [RATIO, replace(RATIO, metric="operators", values=(7.0,)), replace(RATIO, metric="forward_time")]
    failed = replace(RATIO, component="mine.other", values=(), status="failed")
    found = kept.levels([*rows, failed])
    assert {series[-1]: level.error > 0 for series, level in found.items()} == {
        "anchored_forward": True,
        "operators": False,
    }

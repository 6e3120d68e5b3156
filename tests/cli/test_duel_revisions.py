"""``nnbench duel --rev``: the commit's code is what runs, what did not change is left out, and the exit codes."""

import contextlib
import json
import re
import shlex
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from nnbench.cli.duel import command
from nnbench.commits.trees import Tree
from nnbench.duels.contest import Contest, Event, Outcome, Settings, Side
from nnbench.duels.pair import play
from nnbench.duels.revisions import State, plan, reasons, states
from nnbench.errors import NnbenchError
from nnbench.history import find_run, open_history
from nnbench.model import CaseInfo, ComponentInfo, Measurement, Verdict
from nnbench.processes.process import Limits
from nnbench.tables import lines

SUITE = """
from nnbench import Suite, case, randn
from mine.work import double, triple, {imported}

suite = Suite("mine")
two = [case(randn(4, 3))]
suite.component("double", reference=double, cases=two)
suite.component("triple", reference=triple, cases=two)
suite.component("{name}", reference={imported}, cases=[case(randn({size}), name="small")])
"""

WORK = """
import torch

TURNS = {turns}


def double(x):
    for turn in range(TURNS):
        out = x + x
    return out


def triple(x):
    return x + x + x  # {comment}


def {imported}(x):
    return torch.neg(x){twice}
"""


@dataclass(frozen=True)
class Repository:
    """A user's project with a src folder: double does a hundred times the work in "slow", triple the same."""

    root: Path

    def git(self, *arguments):
        identity = ["-c", "user.name=n", "-c", "user.email=n@example.org"]
        subprocess.run(["git", "-C", str(self.root), *identity, *arguments], check=True, capture_output=True)

    def commit(self, tag, **values):
        values = {"turns": 1, "comment": "", "name": "same", "imported": "negative", "size": 2, "twice": ""} | values
        (self.root / "src/mine/work.py").write_text(WORK.format(**values))
        (self.root / "bench/suite.py").write_text(SUITE.format(**values))
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", tag)
        self.git("tag", tag)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    (folder / "src/mine").mkdir(parents=True)
    (folder / "bench").mkdir()
    (folder / "src/mine/__init__.py").write_text("")
    (folder / "pyproject.toml").write_text('[tool.nnbench]\nsuites = ["bench/suite.py"]\n')
    made = Repository(folder.resolve())
    made.git("init", "--quiet", "--initial-branch", "main")
    made.commit("old")
    made.commit("slow", turns=100, comment="the same")
    made.git("checkout", "--quiet", "-b", "elsewhere")
    (made.root / "src/mine/work.py").write_text("raise RuntimeError('the working tree was imported')")
    return made


@pytest.fixture
def folder(project, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(project.root)
    return project.root


def source_of(state, component):
    (answer,) = state.session.ask({"do": "source", "component": component})
    return answer["variants"]["reference"]["source"]


def test_each_side_runs_its_commits_code_and_only_what_changed_is_measured(folder):
    """The working tree holds a file that raises when it is imported, so that nobody can take it by mistake."""
    with states(("old", "slow"), folder / "src", (), Limits()) as pair:
        todo = plan(pair, (), "", everything=False)
        assert [target.key for target in todo.targets] == ["mine.double@reference[4x3]"]
        assert list(reasons(todo.changes)) == ["mine.double@reference changed: src/mine/work.py: TURNS"]
        assert "2 selected variants are the same code on both sides" in todo.told[-1]
        assert len(plan(pair, (), "", everything=True).targets) == 3
        assert len(plan(pair, ("mine.triple",), "", everything=False).targets) == 0
        files = [{component.location for component in state.components} for state in pair]
        assert not files[0] & files[1]
        assert not [problem for state in pair for problem in state.session.problems]
        assert "the same" not in source_of(pair[0], "mine.triple")
        assert "the same" in source_of(pair[1], "mine.triple")
        built_in = [source for state in pair for source in state.session.sources if source.kind == "built-in"]
        assert built_in == []
        contests = [Contest("mine.double", "4x3", "forward", "reference", "reference")]
        sides = [Side(state.tree.name, state.session) for state in pair]
        met = list(play((sides[0], sides[1]), contests, Settings(rounds=1, samples=1), Random(0)))
    (value,) = [meeting.value for meeting in met if meeting.contest in contests]
    assert value > 1, "a hundred times the work is not seen as e times slower"


@dataclass
class Told:
    """A session that answers from memory what variants are made of."""

    code: dict
    sources: tuple = ()
    problems: tuple = ()
    strangers: tuple = ()
    installed: tuple = ()

    def twin(self):
        return self

    def renew(self):
        pass

    def ask(self, request, seconds=None):
        wanted = {key: pieces for key, pieces in self.code.items() if key.partition("@")[0] in request["components"]}
        yield {"code": wanted, "strangers": list(self.strangers), "installed": dict(self.installed)}


def component(name, specs=("1",), modes=("forward",)):
    cases = tuple(CaseInfo(f"case{number}", spec, {}, (), "float32", "cpu") for number, spec in enumerate(specs))
    return ComponentInfo(f"mine.{name}", "module", "", (), (), ("reference",), cases, None, "suite.py:1", modes)


def state(name, code, known=None, **more):
    code = {f"mine.{one}@reference": pieces for one, pieces in code.items()}
    known = known or [component(key[5:].partition("@")[0]) for key in code]
    return State(Tree(name, "/tree", "/root"), f"{name}5678", Told(code, **more), tuple(known))


OLD = {"quick": {"work.py: quick": "1"}, "same": {"work.py: same": "1"}}
NEW = {"quick": {"work.py: quick": "2"}, "same": {"work.py: same": "1"}}


def keys(todo):
    return [target.key for target in todo.targets]


def test_what_is_on_one_side_only_is_told_and_not_measured():
    pair = state("old", {**OLD, "gone": {}}), state("new", {**NEW, "born": {}})
    todo = plan(pair, (), "", everything=True)
    assert keys(todo) == ["mine.quick@reference[case0]", "mine.same@reference[case0]"]
    assert todo.told == (
        "only in old, so there is nothing to compare: mine.gone@reference",
        "only in new, so there is nothing to compare: mine.born@reference",
    )


def test_case_that_changed_is_other_work():
    pair = state("old", OLD, [component("quick", ("1", "2", "3"))]), state("new", NEW, [component("quick", ("1", "9"))])
    todo = plan(pair, (), "", everything=False)
    assert keys(todo) == ["mine.quick@reference[case0]"]
    assert "mine.quick@reference[case1] is other work" in todo.told[0]
    assert "only in old" in todo.told[1]


def test_component_that_is_timed_in_another_way_is_other_work():
    pair = state("old", OLD), state("new", NEW, [component("quick", modes=("call",))])
    assert keys(plan(pair, (), "", everything=False)) == []


def test_code_from_elsewhere_is_an_error_and_no_verdict():
    pair = state("old", OLD, strangers=["/root/src/mine/work.py"]), state("new", NEW)
    with pytest.raises(NnbenchError, match=r"work\.py was imported in place of the file of old"):
        plan(pair, (), "", everything=False)


def test_package_that_is_installed_beside_the_repositorys_own_is_told():
    pair = state("old", OLD, installed=[("mine", "python")]), state("new", NEW)
    assert "PYTHONPATH=python" in plan(pair, (), "", everything=False).told[0]


def test_repository_without_components_says_what_to_type():
    with pytest.raises(NnbenchError, match="--suite FILE"):
        plan((state("old", {}), state("new", {})), (), "", everything=False)


def verdict_of(said, ratio):
    def run(a, b, contests, settings):
        for contest in contests:
            row = Measurement(contest.component, "reference", "case0", "forward_time", "s", (1.0,))
            for side, other in ((a, "a"), (b, "b")):
                yield Event(rows=(replace(row, context={"duel": other, **side.context}),))
            yield Event(outcome=Outcome(contest, Verdict(said, ratio, ratio - 0.01, ratio + 0.01), (0.1,) * 4, 0.01))

    return run


@pytest.fixture
def called(monkeypatch, tmp_path):
    """The command on two states that are given, with a verdict that is given: exit code, rows and what was stored."""
    monkeypatch.chdir(tmp_path)

    def call(*options, said="same", ratio=1.0, pair=None):
        @contextlib.contextmanager
        def given(*_):
            yield pair or (state("old", OLD), state("new", NEW))

        monkeypatch.setattr("nnbench.cli.revisions.states", given)
        monkeypatch.setattr("nnbench.duels.duel.run", verdict_of(said, ratio))
        return command.main(["--rev", "old", "--rev", "new", "--no-check", *options], standalone_mode=False)

    return call


@pytest.mark.parametrize(
    ("said", "options", "code"),
    [
        ("slower", [], 1),
        ("faster", [], 0),
        ("same", ["--strict"], 0),
        ("undecided", [], 0),
        ("undecided", ["--strict"], 4),
    ],
)
def test_exit_code_is_the_gate(called, said, options, code):
    assert called(*options, said=said, ratio=1.5) == code


def test_rows_name_the_two_revisions(called, capsys):
    called("--json", said="slower", ratio=1.5)
    (row,) = json.loads(capsys.readouterr().out)
    assert {"component", "case", "mode", "a", "b", "verdict", "ratio", "low", "high"} <= row.keys()
    assert (row["component"], row["variant"], row["a"], row["b"]) == ("mine.quick", "reference", "old", "new")
    assert (row["verdict"], row["ratio"]) == ("slower", 1.5)


def test_table_names_the_two_revisions(called, capsys):
    called(said="slower", ratio=1.5)
    told = capsys.readouterr()
    assert "mine.quick@reference [case0]" in told.out
    assert "old" in told.out
    assert "slower" in told.out
    assert "mine.quick@reference changed: work.py: quick" in told.err


def test_times_of_the_other_commit_do_not_pass_for_those_of_the_run(called):
    called(said="same")
    (path,) = open_history(Path("results")).paths
    run = find_run(Path("results"), path.stem)
    assert run.commit == "new5678"
    (line,) = lines(run.measurements)
    assert line.times["forward"].estimate == 1.0
    taken = {row.metric: row.context.get("commit") for row in run.measurements}
    assert taken["before_forward_time"] == "old5678"
    assert taken["forward_time"] == "new5678"


def test_nothing_changed_is_said_and_is_fine(called, capsys):
    assert called("--json", pair=(state("old", OLD), state("new", OLD))) == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == []
    assert "nothing to measure between old and new" in told.err
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--all", "a", "b"], "--all goes with --rev"),
        (["--rev", "HEAD", "--against", "torch"], "one duel does one of them"),
        (["--rev", "a", "--rev", "b", "--rev", "c"], "a duel has two sides"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NnbenchError, match=message):
        command.main(arguments, standalone_mode=False)


def test_suite_that_neither_side_has_is_refused(folder):
    with (
        pytest.raises(NnbenchError, match=r"neither old .* nor slow .* has"),
        states(("old", "slow"), folder, ("bench/gone.py",), Limits()),
    ):
        pass


def test_commands_of_the_page_on_ci_are_understood():
    text = (Path(__file__).parent.parent.parent / "docs/ci.md").read_text()
    found = re.findall(r"nnbench (duel --rev [^|`>#\n]*)", text)
    assert len(found) >= 6
    for one in found:
        words = shlex.split(one)[1:]
        assert command.make_context("duel", words).params["commits"][0] in ("main", "$BASE", "old", "HEAD")

"""``nnbench history``: what is measured and stored of which commit, in which order, and what is said and given back."""

import contextlib
import json
import re
import shlex
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import click
import pytest

from nnbench.cli.history import command
from nnbench.commits.trees import Tree
from nnbench.duels.contest import Event
from nnbench.duels.revisions import State
from nnbench.errors import NnbenchError
from nnbench.history import find_run, open_history
from nnbench.model import CaseInfo, ComponentInfo, Measurement

SLOW = 5  # the first commit that is slow, of 0 to 8


def git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("history").resolve()
    git(root, "init", "--quiet")
    for step in range(9):
        git(root, "commit", "--quiet", "--allow-empty", "--message", f"step {step}")
    git(root, "tag", "v1", "HEAD~7")
    return root


@dataclass
class Told:
    sources: tuple = ()
    problems: tuple = ()

    def twin(self):
        return self

    def renew(self):
        pass

    def ask(self, request, seconds=None):
        yield {"code": {}, "strangers": [], "installed": {}}


CASE = CaseInfo("case0", "1", {}, (), "float32", "cpu")
WORK = ComponentInfo("mine.work", "module", "", (), (), ("reference",), (CASE,), None, "suite.py:1", ("forward",))


@pytest.fixture
def called(project, tmp_path, monkeypatch):
    """The command where workers are made up: ``status`` by step, ``floor`` of all, interrupted at the step ``until``.

    The revision ``absent`` has another component.
    """
    monkeypatch.chdir(project)
    measured = []

    def subject(commit):
        return git(project, "log", "--max-count=1", "--format=%s", commit)

    def call(*arguments, status={}, floor=0.01, until=None, absent=""):  # noqa: B006  it is only read
        @contextlib.contextmanager
        def opened(root, revision, folder, suites, limits):
            known = (replace(WORK, id="mine.other"),) if revision.text == absent else (WORK,)
            yield State(Tree(revision.name, "/tree", str(root)), revision.commit, Told(), known)

        def measure(anchor, state, asked, duelling, checking):
            step = int(subject(state.commit)[-1])
            yield Event("pair 1", (Measurement("mine.work", "reference", "case0", "operators", "1", (7.0,)),), steps=1)
            if step == until:
                raise KeyboardInterrupt
            measured.append(step)
            ratio = 1.2 if step >= SLOW else 1.0
            ended = status.get(step, "ok")
            values = tuple(ratio + 0.002 * pair for pair in range(duelling.rule.most_pairs)) if ended == "ok" else ()
            context = {"anchor": anchor.commit}
            names = ("mine.work", "reference", "case0")
            rows = [Measurement("calibration.run", "reference", "default", "noise_floor", "1", (floor,))]
            if floor < 0.05:
                row = Measurement(*names, "anchored_forward", "1", values, ended, ended[2:], context=context)
                rows.append(row)
            yield Event("pair 2", tuple(rows))

        monkeypatch.setattr("nnbench.cli.history.state", opened)
        monkeypatch.setattr("nnbench.duels.anchored.measure", measure)
        measured.clear()
        code = command.main([*arguments, "--results", str(tmp_path / "results")], standalone_mode=False)
        return code, list(measured)

    call.measured = measured
    call.results = tmp_path / "results"
    return call


def test_ends_first_then_towards_the_change(called):
    code, order = called("v1..HEAD")
    assert code == 0
    assert order[:5] == [8, 1, 4, 6, 5]
    assert sorted(order) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_each_commit_is_one_run_of_its_own(called, project):
    called("HEAD~2..", "--pairs", "2")
    runs = [find_run(called.results, run.id) for run in open_history(called.results).runs]
    assert sorted(run.commit for run in runs) == sorted(git(project, "rev-list", "--max-count=3", "HEAD").split())
    assert {(run.dirty, run.ended) for run in runs} == {(False, "complete")}
    for run in runs:
        (row,) = [row for row in run.measurements if row.metric == "anchored_forward"]
        assert len(row.values) == 2
        assert row.context["anchor"] == git(project, "rev-parse", "v1")
        assert row.context["committed"] == git(project, "log", "--max-count=1", "--format=%cI", run.commit)


def test_next_call_goes_on_where_one_stopped(called, capsys):
    assert called("v1..HEAD", "--limit", "3")[1] == [8, 1, 4]
    assert "8 commits, 8 without results, 3 of them now" in capsys.readouterr().err
    assert called("v1..HEAD", "--limit", "2")[1] == [6, 5]
    assert called("v1..HEAD~1")[1] == [7, 2, 3]
    assert called("v1..HEAD") == (0, [])
    assert "8 commits, all with results" in capsys.readouterr().err


def test_ctrl_c_keeps_what_is_done_and_nothing_else(called, capsys):
    with pytest.raises(click.Abort):
        called("v1..HEAD", until=4)
    assert called.measured == [8, 1]
    told = capsys.readouterr()
    assert "step 8" in told.out
    assert "2 commits measured, 6 of the range not yet" in told.out
    assert len(open_history(called.results).runs) == 2
    assert called("v1..HEAD", "--limit", "1")[1] == [4]


def test_table_says_where_it_changed_and_what_to_type(called, capsys, project):
    called("v1..HEAD")
    told = capsys.readouterr()
    slow, before = (git(project, "rev-parse", f"HEAD~{back}")[:8] for back in (8 - SLOW, 9 - SLOW))
    assert f"1.003 to 1.203 by {slow}" in told.out
    assert f"nnbench duel --rev {before} --rev {slow} 'mine.work@reference[case0]'" in told.out
    assert "nnbench trend mine.work" in told.out
    assert "nnbench regressions" in told.out
    assert "the anchor is v1 " in told.err
    assert "exact counters: operators" in told.err
    assert told.out.count("step ") == 8


def test_step_with_commits_between_says_how_many(called, capsys):
    called("v1..HEAD", "--limit", "3")
    assert "3 commits between them not measured" in capsys.readouterr().out


def test_json_has_a_row_a_commit_and_ratio(called, capsys, project):
    called("HEAD~4..", "--json", status={8: "skipped"})
    rows = json.loads(capsys.readouterr().out)
    assert [row["subject"] for row in rows] == ["step 8", "step 7", "step 6", "step 5", "step 4"]
    assert (rows[-1]["component"], rows[-1]["mode"]) == ("mine.work", "forward")
    assert rows[-1]["ratio"] == pytest.approx(1.003)
    assert rows[-1]["low"] < 1.003 < rows[-1]["high"]
    assert (rows[0]["status"], rows[0]["ratio"]) == ("skipped", None)
    assert rows[0]["commit"] == git(project, "rev-parse", "HEAD")


def test_failure_is_told_gives_3_and_is_tried_again_when_asked(called, capsys):
    assert called("HEAD~2..", status={7: "failed"}) == (3, [8, 6, 7])
    assert "failed: iled" in capsys.readouterr().out
    assert called("HEAD~2..") == (0, [])
    assert called("HEAD~2..", "--retry") == (0, [7])
    assert called("HEAD~2..", "--retry") == (0, [])


def test_machine_too_noisy_gives_4_and_is_measured_again(called, capsys):
    assert called("HEAD~1..", floor=0.06) == (4, [8, 7])
    assert "unusable" in capsys.readouterr().err
    assert called("HEAD~1..") == (0, [8, 7])


def test_each_nth_commit(called):
    assert sorted(called("v1..HEAD", "--every", "3")[1]) == [1, 2, 5, 8]


def test_anchor_is_what_was_asked_for_then_as_before_then_a_tag_then_the_older_end(called, capsys):
    called("HEAD~1..")
    assert "the anchor is v1 " in capsys.readouterr().err
    called("HEAD~1..", "--anchor", "HEAD~2")
    assert "the anchor is HEAD~2 " in capsys.readouterr().err
    called("v1~1..HEAD~6")
    assert "in results before" not in capsys.readouterr().err.replace(str(called.results), "")


def test_anchor_that_has_nothing_of_it_is_refused(called):
    with pytest.raises(NnbenchError, match="has nothing of what is selected; --anchor COMMIT"):
        called("HEAD~3..", "mine.work", absent="v1")
    assert not called.measured


def test_without_a_tag_the_older_end_is_the_anchor(called, capsys):
    called("v1~1..v1")
    assert "as no tag comes before v1~1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["HEAD"], r"A range is A\.\.B"), (["v1..", "--anchor", "v2"], "--anchor v2: there is no such commit")],
)
def test_what_cannot_be_done_is_said(called, arguments, message):
    with pytest.raises(NnbenchError, match=message):
        called(*arguments)


def test_outside_a_repository_it_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(NnbenchError, match="history measures commits of a git repository"):
        command.main(["a..b"], standalone_mode=False)


def test_commands_of_the_page_on_commits_are_understood():
    text = (Path(__file__).parent.parent.parent / "docs/commits.md").read_text()
    found = re.findall(r"^nnbench (history [^|`>#\n]*)", text, re.MULTILINE)
    assert len(found) >= 4
    for one in found:
        assert ".." in command.make_context("history", shlex.split(one)[1:]).params["span"]


SUITE = """
from nnbench import Suite, case, randn

suite = Suite("mine")
suite.component("work", reference=lambda x: [x + x for turn in range({turns})][-1], cases=[case(randn(64, 64))])
"""


def test_real_workers_see_the_commits_code(tmp_path, monkeypatch, capsys):
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "--quiet")
    for turns in (1, 5):
        (root / "bench.py").write_text(SUITE.format(turns=turns))
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message", f"{turns} turns")
    (root / "bench.py").write_text("raise RuntimeError('the working tree was imported')")
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    options = ["--suite", "bench.py", "--limit", "1", "--pairs", "1", "--mode", "forward", "--jobs", "1", "--json"]
    code = command.main(["HEAD~1..", *options, "--results", "results"], standalone_mode=False)
    (row,) = json.loads(capsys.readouterr().out)
    assert code in (0, 4), "4 where the machine is noisy"
    assert row["subject"] == "5 turns"
    assert row["ratio"] > 2
    (run,) = [find_run(Path("results"), one.id) for one in open_history(Path("results")).runs]
    assert {"operators", "forward_time", "before_forward_time"} <= {one.metric for one in run.measurements}

"""``nnbench regressions``: exit codes, rows, --since and --confirm, which lets a duel decide."""

import importlib
import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from histories import Past, duel_rows, kernels, row

from nnbench.cli import output, revisions
from nnbench.cli import regressions as told
from nnbench.errors import NnbenchError
from nnbench.model import Measurement

MACHINE = "here"


@pytest.fixture
def here(monkeypatch):
    monkeypatch.setattr(output, "PIPE_WIDTH", 300)
    monkeypatch.setattr(told, "fingerprint", lambda: {"id": MACHINE})


def ask(past, *arguments):
    """Exit code and stdout."""
    answer = CliRunner().invoke(told.command, [*arguments, "--results", str(past.results)], standalone_mode=False)
    if answer.exception:
        raise answer.exception
    return answer.return_value, answer.stdout


def rows(past, *arguments):
    code, out = ask(past, "--json", *arguments)
    return code, [(one["metric"], one["verdict"], one["commit"]) for one in json.loads(out)]


def flops(value):
    return row("flops", value, unit="1", context={"by_operator": {"mm": value}})


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """Three commits, the second of which needs more FLOPs."""
    past = Past(tmp_path_factory.mktemp("counted"))
    past.commit(3)
    for commit, value in zip(past.commits, (100, 108, 108), strict=True):
        past.run(flops(value), row("parameters", 7, unit="1"), commit=commit)
    return past


def test_what_is_worse_fails_and_is_named_with_its_commits(counted, here, monkeypatch):
    monkeypatch.chdir(counted.root)
    code, out = ask(counted, "--json")
    (one,) = json.loads(out)
    assert code == 1
    assert {"component": "layers.linear", "variant": "torch", "case": "8", "metric": "flops"}.items() <= one.items()
    assert (one["verdict"], one["before"], one["after"], one["ratio"]) == ("worse", 100.0, 108.0, 1.08)
    assert (one["previous"], one["commit"], one["run"]) == (*counted.commits[:2], counted.runs[1])
    code, out = ask(counted)
    assert code == 1
    assert f"worse 100 108 +8.0 % {counted.commits[0][:8]}..{counted.commits[1][:8]}" in " ".join(out.split())
    assert "1 worse, in 2 series of 3 runs." in out


def test_other_software_is_named(tmp_path, here):
    past = Past(tmp_path)
    for number, (version, value) in enumerate([("2.1", 100), ("2.2", 108)]):
        past.run(flops(value), commit=f"c{number}", torch=version, python="3.11")
    (one,) = json.loads(ask(past, "--json")[1])
    assert one["note"] == "torch 2.1 to 2.2"


def training(metric, epoch, *values, status="ok", **more):
    about = {"epoch": epoch, "epochs": 20, "seed": 0, "data": "points"} | more
    case = f"points,epoch={epoch}" if values else "points"
    return Measurement("mine.net", "reference", case, metric, "1", values, status=status, note="gone", context=about)


def test_trainings_are_held_against_each_other_wherever_they_stopped_and_a_lost_one_is_told(tmp_path, here):
    past = Past(tmp_path)
    for end, accuracy in ((17, 0.9), (28, 0.9), (12, 0.9), (20, 0.5)):
        past.run(training("test_accuracy", 1, 0.1), training("test_accuracy", end, accuracy, stopped="early"))
    assert rows(past) == (0, [("test_accuracy", "suspicion", "")])
    past.run(training("test_accuracy", 3, 0.3), training("train_loss", 3, status="crashed"))
    out = ask(past)[1]
    assert "The newest training of mine.net@reference on points, seed 0, 20 epochs, crashed (epoch 3, 2026" in out
    assert rows(past) == (0, [("test_accuracy", "suspicion", "")])


def test_since_a_commit_after_it_nothing_is_worse(counted, here, monkeypatch):
    monkeypatch.chdir(counted.root)
    assert rows(counted, "--since", counted.commits[0]) == (1, [("flops", "worse", counted.commits[1])])
    assert rows(counted, "--since", counted.commits[1]) == (0, [])
    assert rows(counted, "--since", "HEAD~2")[0] == 1
    assert rows(counted, "--since", "2026-01-01T01:00")[0] == 1
    assert rows(counted, "--since", "2026-01-01T01:01")[0] == 0
    assert "Nothing changed, in 2 series" in ask(counted, "--since", "HEAD")[1]


def test_patterns_and_metrics_choose(counted, here):
    assert rows(counted, "layers.linear@torch")[0] == 1
    assert rows(counted, "--metric", "parameters") == (0, [])
    with pytest.raises(NnbenchError, match="no stored run measured 'losses'"):
        ask(counted, "losses")


def test_an_empty_folder_is_told_how_to_fill_it(tmp_path):
    with pytest.raises(NnbenchError, match="holds no measurements"):
        ask(Past(tmp_path))


@pytest.fixture
def suspicious(tmp_path, here, monkeypatch):
    """Eight commits, the newest of which seems slower, and a counter that is steady."""
    past = Past(tmp_path, MACHINE)
    past.commit(8)
    for number, commit in enumerate(past.commits):
        seconds = 1e-3 * (1.1 if number == 7 else 1 + 0.001 * (number % 3))
        past.run(row("forward_time", seconds), *kernels(), commit=commit)
    monkeypatch.chdir(past.root)
    return past


def fights(past, monkeypatch, verdict, ratio, code=0):
    """What would fight stores its duel, prints its table on stdout as the real one does, and notes what was asked."""
    asked = []

    def run(request, settings, checking, limits, results):
        asked.append(request)
        print("a table")
        if code == 0:
            past.run(
                *duel_rows(*request.revisions, ratio, verdict), commit=request.revisions[1], command="nnbench duel"
            )
        return code

    monkeypatch.setattr(revisions, "run", run)
    return asked


def test_a_suspicion_does_not_fail(suspicious):
    assert rows(suspicious) == (0, [("forward_time", "suspicion", suspicious.commits[-1])])
    assert "--confirm duels it" in ask(suspicious)[1]


@pytest.mark.parametrize(
    ("verdict", "ratio", "code", "left"),
    [("slower", 1.1, 1, ["worse"]), ("same", 1.0, 0, []), ("undecided", 1.05, 0, ["suspicion"])],
)
def test_a_duel_of_the_two_commits_decides(suspicious, monkeypatch, verdict, ratio, code, left):
    asked = fights(suspicious, monkeypatch, verdict, ratio)
    answered, found = rows(suspicious, "--confirm", "--suite", "mine.py")
    (request,) = asked
    assert request.revisions == tuple(suspicious.commits[-2:])
    assert (request.patterns, request.modes, request.suites) == (
        ("layers.linear@torch[8]",),
        ("forward",),
        ("mine.py",),
    )
    assert (answered, [verdict for _, verdict, _ in found]) == (code, left)
    assert rows(suspicious) == (code, found)  # what was confirmed stays so


def test_pairs_beside_an_anchor_decide_without_a_duel(tmp_path, here):
    past = Past(tmp_path)
    past.commit(4)
    for commit, ratio in zip(past.commits, (1.0, 1.01, 1.2, 1.21), strict=True):
        pairs = [ratio * (1 + wobble / 1000) for wobble in (-2, 1, 0, 2)]
        context = {"anchor": past.commits[0], "floor": 0.01}
        past.run(row("anchored_forward", *pairs, unit="1", context=context), commit=commit)
    assert rows(past) == (1, [("forward_time", "worse", past.commits[2])])
    assert "times, beside the anchor" in ask(past)[1]


@pytest.mark.parametrize(("floor", "said"), [(0.09, "Nothing changed"), (0.01, "1 suspicion")])
def test_a_noisy_run_is_told_and_decides_nothing(tmp_path, here, floor, said):
    past = Past(tmp_path)
    past.commit(3)
    own = Measurement("calibration.run", "reference", "default", "noise_floor", "1", (floor,))
    for commit, seconds in zip(past.commits, (1e-3, 1e-3, 2e-3), strict=True):
        past.run(row("forward_time", seconds), *([own] if seconds > 1e-3 else []), *kernels(), commit=commit)
    code, out = ask(past)
    assert (code, said in out) == (0, True)
    assert ("1 run was too noisy for times to decide anything: `nnbench history`" in out) == (floor > 0.05)


def test_without_a_suspicion_nobody_duels(counted, here, monkeypatch):
    asked = fights(counted, monkeypatch, "slower", 2.0)
    assert rows(counted, "--confirm")[0] == 1
    assert asked == []


def test_a_duel_that_could_not_take_place_is_told(suspicious, monkeypatch):
    fights(suspicious, monkeypatch, "slower", 1.1, code=3)
    assert rows(suspicious, "--confirm") == (3, [("forward_time", "suspicion", suspicious.commits[-1])])

    def refuses(*_):
        raise NnbenchError("no suite")

    monkeypatch.setattr(revisions, "run", refuses)
    answer = CliRunner().invoke(
        told.command, ["--confirm", "--results", str(suspicious.results)], standalone_mode=False
    )
    assert answer.return_value == 3
    assert "cannot meet: no suite" in answer.stderr


@pytest.mark.parametrize("how", ["dirty", "no commit", "another machine"])
def test_what_no_duel_can_decide_stays_a_suspicion(suspicious, monkeypatch, how):
    asked = fights(suspicious, monkeypatch, "slower", 1.1)
    if how == "another machine":
        monkeypatch.setattr(told, "fingerprint", lambda: {"id": "another"})
    else:
        commit = "" if how == "no commit" else suspicious.commits[-1]
        suspicious.run(row("forward_time", 1.5e-3), *kernels(), commit=commit, dirty=how == "dirty")
    answer = CliRunner().invoke(
        told.command, ["--confirm", "--results", str(suspicious.results)], standalone_mode=False
    )
    assert (answer.return_value, asked) == (0, [])
    assert "cannot be decided by a duel of commits here" in answer.stderr


def test_commands_of_the_page_on_history_are_understood():
    text = (Path(__file__).parent.parent.parent / "docs/history.md").read_text()
    found = re.findall(r"^nnbench ([^|`>#\n]*)", text, re.MULTILINE)
    assert {one.split()[0] for one in found} == {"trend", "regressions", "diff", "show"}
    for one in found:
        name, *words = shlex.split(one)
        importlib.import_module(f"nnbench.cli.{name}").command.make_context(name, words)

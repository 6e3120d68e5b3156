"""Instructions of many targets, with a program in valgrind's place that writes what callgrind would."""

import sys

import pytest

from nnbench.model import CaseInfo, ComponentInfo, Status
from nnbench.plan import Target
from nnbench.processes.instructions import STARTING, Settings, instructions
from nnbench.processes.process import Limits
from nnbench.processes.session import Session

# A worker that answers as ours does, without torch: the variant says what becomes of it.
VALGRIND = """#!{python}
import json, os, sys

out = next(option for option in sys.argv if option.startswith("--callgrind-out-file=")).partition("=")[2]
assert "--tool=callgrind" in sys.argv and "nnbench.worker.main" in sys.argv[-1], sys.argv
assert os.environ["PYTHONHASHSEED"] == "0"


def say(message):
    print(json.dumps(message), flush=True)


for number, line in enumerate(sys.stdin):
    request = json.loads(line)
    if request["do"] == "load":
        say(dict(components=[]))
        say(dict(problems=[]))
    elif request["variant"] == "crashes":
        os._exit(3)
    elif request["variant"] == "slow":
        say(dict(counted=dict(stopped=dict(status="timed out", note="it takes more than 20 s of CPU time"))))
    elif request["variant"] == "missing":
        say(dict(counted=dict(stopped=dict(status="skipped", note="it is not installed"))))
    else:
        if request["variant"] != "silent":
            for call, count in enumerate((100, 100, 9000)):
                with open(f"{{out.replace('%p', str(os.getpid()))}}.{{3 * number + call}}", "w") as file:
                    file.write(f"events: Ir\\n\\ntotals: {{count}}\\n")
        say(dict(counted=dict(process=os.getpid(), calls=3)))
    say(dict(done=True))
"""


def target(variant, properties=()):
    case = CaseInfo("4", "abc", {}, ("4",), "float32", "cpu")
    return Target(ComponentInfo("mine.one", "module", "", (), properties, (variant,), (case,), None, ""), variant, case)


@pytest.fixture
def session():
    with Session((), Limits(seconds=20, memory=2**30)) as made:
        yield made


@pytest.fixture
def fake_valgrind(monkeypatch, tmp_path):
    program = tmp_path / "valgrind"
    program.write_text(VALGRIND.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))


def rows(session, variants, processes=1):
    found = instructions(session, [target(variant) for variant in variants], Settings(processes=processes))
    return [step.row for step in found if step.row is not None]


@pytest.mark.usefixtures("fake_valgrind")
def test_a_row_is_the_instructions_of_one_call(session):
    (row,) = rows(session, ["good"])
    assert (row.metric, row.unit, row.values, row.status) == ("instructions", "1", (100.0,), Status.OK)
    assert (row.component, row.variant, row.case, row.spec) == ("mine.one", "good", "4", "abc")
    assert row.context == {"seed": 0, "threads": 1, "calls": 3}


@pytest.mark.usefixtures("fake_valgrind")
def test_what_cannot_be_counted_costs_only_its_own_row(session):
    variants = ["good", "crashes", "again", "slow", "missing", "silent", "last"]
    found = rows(session, variants, processes=2)
    assert [row.variant for row in found] == variants
    assert [row.values for row in found] == [(100.0,), (), (100.0,), (), (), (), (100.0,)]
    told = {row.variant: (row.status, row.note) for row in found if not row.values}
    assert told["crashes"] == (Status.CRASHED, "under valgrind: its process exited with 3")
    assert told["slow"] == (Status.SKIPPED, "under valgrind: it takes more than 20 s of CPU time")
    assert told["missing"] == (Status.SKIPPED, "it is not installed")
    assert told["silent"][0] == Status.FAILED
    assert "wrote no count" in told["silent"][1]


@pytest.mark.usefixtures("fake_valgrind")
def test_starting_is_told_as_such(session):
    steps = list(instructions(session, [target("first"), target("second")], Settings(processes=1)))
    said = [step.doing for step in steps if step.doing]
    assert said[0] == STARTING
    assert said[1].startswith(STARTING)
    assert said[2] == "counting instructions of mine.one@second[4]"


@pytest.mark.usefixtures("fake_valgrind")
def test_what_works_in_other_processes_is_skipped(session):
    steps = instructions(session, [target("good", properties=("parallel",))])
    (row,) = [step.row for step in steps if step.row is not None]
    assert row.status == Status.SKIPPED
    assert "other processes" in row.note


def test_without_valgrind_each_row_says_how_to_get_it(session, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = rows(session, ["one", "two"])
    assert [row.status for row in found] == [Status.SKIPPED] * 2
    assert all("apt install valgrind" in row.note for row in found)

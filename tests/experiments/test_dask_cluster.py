"""A real Dask scheduler with two workers on the loopback interface, one of them killed in the middle."""

import collections
import signal
import subprocess
import sys

import pytest
from plans import Shown

from nnbench.discovery import Source
from nnbench.errors import NnbenchError
from nnbench.experiments import executors, experiment
from nnbench.experiments.records import Contender
from nnbench.experiments.schedule import Plan
from nnbench.experiments.trials import definition
from nnbench.model import CaseInfo, ComponentInfo

pytest.importorskip("distributed", reason="needs the extra dask")

TOY = '''
from torch import nn
from nnbench import Suite, case, randn
from nnbench.specs import Recipe


class Net(nn.Sequential):
    """One layer."""

    def __init__(self, input_size=4, num_classes=3):
        super().__init__(nn.Linear(input_size, num_classes))


suite = Suite("toy")
suite.component(
    "net",
    kind="architecture",
    reference=Net,
    cases=[case(randn(8, 4))],
    recipe=Recipe("iris", "CrossEntropyLoss", "SGD", {"lr": 0.1}, batch_size=8, epochs=2),
)
'''
START = "import sys; from distributed.cli.dask_%s import main; sys.argv[0] = 'dask'; main()"


def started(what, *arguments):
    command = [sys.executable, "-c", START % what, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def cluster(tmp_path):
    """The address of a scheduler, and its workers' processes by name."""
    file = tmp_path / "scheduler.json"
    scheduler = started(
        "scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--no-show", "--scheduler-file", file
    )
    address = next(line for line in scheduler.stderr if "Scheduler at:" in line).split()[-1]
    options = ("--nthreads", 1, "--no-nanny", "--no-dashboard", "--host", "127.0.0.1", "--local-directory", tmp_path)
    workers = {name: started("worker", address, "--name", name, *options) for name in ("first", "second")}
    yield address, workers
    for process in (*workers.values(), scheduler):
        process.kill()
        process.communicate()


def plan(suite):
    case = CaseInfo("8x4", "abc", {}, ("8x4",), "float32", "cpu")
    recipe = {"data": "iris", "epochs": 2, "optimizer_arguments": {"lr": 0.1}}
    where = f"{suite}:13"
    task = ComponentInfo("toy.net", "architecture", "", (), (), ("reference",), (case,), recipe, where)
    contenders = tuple(Contender(f"lr {rate}", {"lr": rate}, level=rate) for rate in (0.01, 0.1, 1.0))
    code = {one.name: definition(task, (), one.changes) for one in contenders}
    return Plan("lr=0.01,0.1,1", task, contenders, "test_accuracy", "more", "iris", (0, 1, 2, 3), 2, definitions=code)


def working(crew):
    """The name of a worker that has a trial in hands, if there is one at this moment."""
    busy = {address for address, tasks in crew._client.processing().items() if tasks}
    there = crew._client.scheduler_info()["workers"]
    return [one["name"] for address, one in there.items() if address in busy][:1]


def test_a_worker_that_is_killed_costs_nothing_and_doubles_nothing(cluster, tmp_path):
    address, workers = cluster
    suite = tmp_path / "toy.py"
    suite.write_text(TOY)
    rows, killed = [], []
    with executors.Dask(address) as crew:
        crew._client.wait_for_workers(2)

        def add(row):
            rows.append(row)
            if row.metric == "trial" and not killed:
                killed.extend(working(crew))
                for name in killed:
                    workers[name].send_signal(signal.SIGKILL)

        place = experiment.Place((Source("file", str(suite), "toy.py"),), (), tmp_path, "run", add, 600.0)
        made = experiment.run(plan(suite), crew, place, Shown())
        assert crew.width == 1
    assert len(killed) == 1
    assert workers[killed[0]].wait() == -signal.SIGKILL
    names = [(contender.name, seed) for seed in range(4) for contender in made.contenders]
    assert [(one.trial.contender, one.trial.seed) for one in made.outcomes] == names
    assert [(one.status, one.note, len(one.epochs)) for one in made.outcomes] == [("ok", "", 2)] * 12
    closed = collections.Counter(row.spec for row in rows if row.metric == "trial")
    assert len(closed) == 12
    assert set(closed.values()) == {1}
    numbers = collections.Counter((row.spec, row.case, row.metric) for row in rows if row.metric != "experiment")
    assert set(numbers.values()) == {1}
    assert made.left_out == ()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "http://127.0.0.1:1"])
def test_an_address_where_nobody_answers_is_told(address, monkeypatch):
    monkeypatch.setattr(executors, "SECONDS_TO_CONNECT", 0.2)
    with pytest.raises(NnbenchError, match=r"no Dask scheduler answers there .*`dask scheduler` starts one"):
        executors.Dask(address)

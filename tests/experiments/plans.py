"""Plans of experiments, and those who work on them without training anything."""

from concurrent.futures import Future

from nnbench.experiments.records import Contender
from nnbench.experiments.schedule import Plan
from nnbench.experiments.trials import software
from nnbench.model import CaseInfo, ComponentInfo, Measurement, plain

CASE = CaseInfo("8", "abc", {}, ("8",), "float32", "cpu")
RECIPE = {
    "data": "digits",
    "epochs": 20,
    "batch_size": 32,
    "loss": "CrossEntropyLoss",
    "optimizer": "Adam",
    "optimizer_arguments": {"lr": 0.001},
}
CONTENDERS = (
    Contender("adam", {"optimizer": "optimizers.adam@torch", "lr": 0.001}, "optimizers.adam@torch"),
    Contender("sgd", {"optimizer": "optimizers.sgd@torch", "lr": 0.01}, "optimizers.sgd@torch"),
)


def component(name, kind="architecture", recipe=None, variants=("reference", "torch")):
    return ComponentInfo(name, kind, "", (), (), variants, (CASE,), recipe, "nowhere.py:1")


TASK = component("architectures.mnist_mlp", recipe=RECIPE)
COMPONENTS = (TASK, component("optimizers.adam", "optimizer"), component("optimizers.sgd", "optimizer"))


def plan(**changes):
    settings = {"metric": "test_accuracy", "better": "more", "data": "digits", "seeds": (0, 1), "epochs": 2}
    return Plan("optimizers", TASK, CONTENDERS, **(settings | changes))


def trained(job, accuracy=0.9):
    """What a worker answers of a training that ends well: an accuracy that its name and its seed decide."""
    request = job["request"]
    found = accuracy + 0.001 * request["seed"] + (0.01 if request["contender"] == "adam" else 0.0)
    kind = "validation" if request["role"] == "tuning" else "test"
    rows = [
        row(request, epoch, metric, value)
        for epoch in range(1, request["epochs"] + 1)
        for metric, value in ((f"{kind}_accuracy", found), ("training_time", 2.0))
    ]
    return answer(job, [*rows, row(request, request["epochs"], "train_accuracy", 0.99)])


def row(request, epoch, metric, value, **changes):
    context = {"epoch": epoch, "seed": request["seed"], "data": request["data"], "checksum": "c0ffee", "split": "its"}
    names = {"component": request["component"], "variant": request["variant"], "case": f"digits,epoch={epoch}"}
    return plain(Measurement(**names, metric=metric, unit="1", values=(value,), context=context, **changes))


def answer(job, rows):
    return {"name": job["name"], "rows": rows, "host": "here", "software": software(), "seconds": 5.0}


class Crew:
    """Works on each job at once, with ``work``; what that raises is the job's exception. ``done`` keeps the jobs."""

    width, tells = 1, True

    def __init__(self, work=trained):
        self.work, self.done = work, []

    def submit(self, job):
        future = Future()
        if job["work"] == "check":
            future.set_result(answer(job, []) | {"passed": 3, "failed": [], "unknown": ""})
            return future
        self.done.append(job)
        try:
            future.set_result(self.work(job))
        except Exception as error:  # noqa: BLE001  the executor's answer
            future.set_exception(error)
        return future

    def told(self):
        return iter([(one["name"], 1.0) for one in self.done])

    @property
    def asked(self):
        return [(job["request"]["contender"], job["request"]["seed"]) for job in self.done]


class Shown:
    """A progress bar that adds up what it is told."""

    def __init__(self):
        self.steps, self.trials, self.totals, self.expected = 0, 0, [], []

    def update(self, doing, steps, trials=0):
        self.steps += steps
        self.trials += trials

    def expect(self, all_told):
        self.totals.append(all_told.steps)
        self.expected.append(all_told)

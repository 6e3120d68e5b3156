"""What an executor is given to do: one training, or the checks of one implementation, plain dictionaries in and out.

Each thread that works keeps one session, whose worker imports torch once and is replaced when it has ended: a training
that crashes or is killed costs itself alone.
"""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nnbench import checking
from nnbench.discovery import Source
from nnbench.experiments.records import Trial
from nnbench.experiments.trials import identity, software
from nnbench.metrics import METRICS
from nnbench.model import CheckStatus, ComponentInfo, Measurement, Status, plain
from nnbench.plan import Target
from nnbench.processes.process import Limits, WorkerEnded
from nnbench.processes.session import Session

Job = dict[str, Any]
Answer = dict[str, Any]
Told = Callable[[str, float], None]  # a job's name, and how many epochs of it are done, parts of one among them

TRAIN, CHECK = "train", "check"


@dataclass
class _Here(threading.local):
    """What a thread keeps between jobs."""

    session: Session | None = None
    tell: Told | None = None


_here = _Here()


def training_job(trial: Trial, sources: Sequence[Source], seconds: float, memory: int = 0) -> Job:
    """The job that gives a trial's rows; ``seconds`` and ``memory`` (bytes, 0 for what is free) are its limits."""
    request = {
        "do": "train",
        "component": trial.task,
        "variant": trial.variant,
        "data": trial.data,
        "seed": trial.seed,
        "epochs": trial.epochs,
        "device": trial.device,
        "changes": dict(trial.changes),
        "role": trial.role,
        "holds_out": trial.holds_out,
        "contender": trial.contender,
    }
    named = {"work": TRAIN, "name": identity(trial), "request": request, "seconds": seconds, "memory": memory}
    return named | {"sources": [asdict(source) for source in sources]}


def checking_job(component: ComponentInfo, variant: str, sources: Sequence[Source]) -> Job:
    """The job that checks one variant of a component in all its cases."""
    named = {"work": CHECK, "name": f"{component.id}@{variant}", "component": component.id, "variant": variant}
    return named | {"sources": [asdict(source) for source in sources], "seconds": 0.0, "memory": 0}


def keep(session: Session | None, tell: Told | None) -> None:
    """Let this thread work with a session that is there already, and tell how far it is."""
    _here.session, _here.tell = session, tell


def work(job: Job) -> Answer:
    """Do a job. Whatever becomes of the training is in the answer; what is raised is not the training's fault."""
    session = _session(job)
    session.components()  # starting a worker is not what a trial takes
    start = time.monotonic()
    found = {"rows": list(_trained(session, job))} if job["work"] == TRAIN else _checked(session, job)
    told = {"name": job["name"], "host": platform.node(), "software": software()}
    return found | told | {"seconds": time.monotonic() - start}


def _session(job: Job) -> Session:
    """This thread's session, loaded with the suites that the job needs."""
    wanted = tuple(Source(**one) for one in job["sources"])
    if _here.session is None or tuple(_here.session.sources) != wanted:
        if _here.session is not None:
            _here.session.renew()
        _here.session = Session(wanted, Limits(memory=job["memory"]))
    return _here.session


def _trained(session: Session, job: Job) -> Iterator[dict[str, Any]]:
    """The rows of a training, and where it ended badly without a row that says so, that row."""
    request, epoch = job["request"], 0
    _tell(job["name"], 0.0)  # it is begun
    try:
        for message in session.ask(request, job["seconds"]):
            if "row" in message:
                epoch = max(epoch, int(message["row"]["context"].get("epoch", 0)))
                yield message["row"]
            elif "batches" in message:
                done, of = message["batches"]
                _tell(job["name"], epoch + done / of)
            elif "failed" in message:
                yield plain(_failed(request, epoch, message["failed"]["status"], message["failed"]["note"]))
    except WorkerEnded as ended:
        # A worker that was left unfit may not be so the next time: unlike divergence it settles nothing.
        status = Status.CRASHED if ended.status == Status.FAILED else ended.status
        yield plain(_failed(request, epoch, status, ended.reason))


def _tell(name: str, epochs: float) -> None:
    if _here.tell is not None:
        _here.tell(name, epochs)


def _failed(request: Mapping[str, Any], epoch: int, status: str, note: str) -> Measurement:
    """The row of a training that ended without one more epoch."""
    return Measurement(
        component=request["component"],
        variant=request["variant"],
        case=f"{request['data']},{request['contender']},epoch={epoch + 1}",
        metric="train_loss",
        unit=METRICS["train_loss"].unit,
        status=status if status != Status.OK else Status.FAILED,
        note=note,
        context={"data": request["data"], "seed": request["seed"], "epoch": epoch + 1},
    )


def _checked(session: Session, job: Job) -> Answer:
    """How many checks of the variant passed, and a sentence for each that did not."""
    component = next((one for one in session.components() if one.id == job["component"]), None)
    if component is None or job["variant"] not in component.variants:
        return {"passed": 0, "failed": [], "unknown": f"{job['name']} could not be loaded"}
    passed, failed, seed = 0, [], checking.Settings().check_seed
    for case in component.cases:
        for row in checking.check_one(session, Target(component, job["variant"], case), seed, ()):
            if not row.is_right:
                failed.append(f"{row.component}@{row.variant}[{row.case}] {row.check}: {row.note}")
            passed += row.status in (CheckStatus.PASSED, CheckStatus.EXPECTED)
    return {"passed": passed, "failed": failed, "unknown": ""}

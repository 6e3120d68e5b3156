"""The child process: loads the suites, takes one job a line on stdin, answers line by line on its own channel.

Started as ``python -m nnbench.worker``. What a component prints goes to stderr, so that it cannot disturb the answers.
A job ends with ``{"done": true}`` or ``{"failed": {...}}``; when the process dies instead, the parent knows which job
it was at.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from nnbench.failures import explain

if TYPE_CHECKING:
    from nnbench.measure.calibration import Looks

Message = dict[str, Any]


def main() -> None:
    """Serve jobs until stdin ends."""
    _die_with_parent()
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    channel = _private_channel()
    import torch  # noqa: F401  before the limit: mapping its libraries is not the component's doing

    server = Server(channel)
    for line in sys.stdin:
        server.serve(json.loads(line))


def _die_with_parent() -> None:
    """A parent killed outright cannot stop a worker that hangs; Linux can."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _private_channel() -> IO[str]:
    """Keep stdout for answers under another number, and point number 1 at stderr for whatever the component prints."""
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return channel


class Server:
    """Holds the catalog between jobs."""

    def __init__(self, channel: IO[str]) -> None:
        from nnbench.discovery import Catalog

        self.channel = channel
        self.threads = 1
        self.catalog = Catalog({})
        self.made_mutants: dict[str, list[Any]] = {}  # by component
        self.bench: Any = None  # what is held ready for duels
        self.looks: Looks | None = None
        self.jobs: dict[str, Callable[[Message], Iterator[Message]]] = {
            "load": self.load,
            "checks": self.checks,
            "check": self.check,
            "measure": self.measure,
            "calibrate": self.calibrate,
            "train": self.train,
            "mutants": self.mutants,
            "mutant": self.mutant,
            "source": self.source,
            "make_ready": self.make_ready,
            "block": self.block,
            "release": self.release,
        }

    def serve(self, request: Message) -> None:
        """Do one job; what it raises is its answer."""
        try:
            self.reset()
            for message in self.jobs[request["do"]](request):
                self.say(message)
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001  a component is anybody's code
            status, note = explain(error)
            self.say({"failed": {"status": status, "note": note}})
        else:
            self.say({"done": True})

    def reset(self) -> None:
        """Put back what an earlier job, or a suite at its import, may have changed for all of torch."""
        import torch

        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
        torch.set_grad_enabled(True)
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(self.threads)

    def say(self, message: Message) -> None:
        self.channel.write(json.dumps(message) + "\n")
        self.channel.flush()

    def load(self, request: Message) -> Iterator[Message]:
        """Import the suites, naming each before it is imported, and describe what they registered."""
        import torch

        from nnbench.discovery import Source, describe, load

        torch.set_num_threads(request["threads"])
        wanted = [Source(**source) for source in request["sources"]]
        self.catalog = load(wanted, before=lambda source: self.say({"loading": asdict(source)}))
        torch.set_num_threads(request["threads"])  # once more: a suite may have changed it
        gc.collect()
        gc.freeze()  # torch's half a million objects are here to stay; later collections need not look at them
        _limit_memory(request["memory_limit"])
        yield {"components": [asdict(describe(component)) for component in self.catalog.components.values()]}
        yield {"problems": [asdict(problem) for problem in self.catalog.problems]}
        self.threads = request["threads"]

    def checks(self, request: Message) -> Iterator[Message]:
        """The names of the checks that several targets have, each once."""
        from nnbench.checks.battery import names

        found: dict[str, None] = {}
        for one in request["of"]:
            component = self.catalog.components[one["component"]]
            found |= dict.fromkeys(names(component, one["variant"], component.case(one["case"])))
        yield {"checks": list(found)}

    def check(self, request: Message) -> Iterator[Message]:
        from nnbench.checks.battery import check

        component = self.catalog.components[request["component"]]
        case = component.case(request["case"])
        rows = check(component, request["variant"], case, request["seed"], request.get("only", ()))
        yield from ({"row": asdict(row)} for row in rows)

    def measure(self, request: Message) -> Iterator[Message]:
        from nnbench.measure.all import measure
        from nnbench.measure.clock import Stopwatch

        component, stopwatch = self.catalog.components[request["component"]], Stopwatch()
        case = component.case(request["case"])
        rows = measure(component, request["variant"], case, request, self.calibration(), stopwatch)
        yield from ({"row": asdict(row)} for row in rows)
        yield {"inside": stopwatch.seconds}

    def calibrate(self, request: Message) -> Iterator[Message]:
        from nnbench.measure.all import calibrate

        yield from ({"row": asdict(row)} for row in calibrate(request, self.calibration()))

    def calibration(self) -> Looks:
        """This process's looks at the calibration kernels, made when they are first needed."""
        from nnbench.measure.calibration import Looks

        if self.looks is None:
            self.looks = Looks()
        return self.looks

    def train(self, request: Message) -> Iterator[Message]:
        from nnbench.train.fit import train

        component = self.catalog.components[request["component"]]
        rows = train(component, request["variant"], request["data"], request["seed"], request["epochs"])
        yield from ({"row": asdict(row)} for row in rows)

    def mutants(self, request: Message) -> Iterator[Message]:
        """The mutants of a component's reference, in plain values."""
        yield {
            "mutants": [
                {"file": one.file, "line": one.line, "change": one.change, "equivalent": one.equivalent}
                for one in self._mutants_of(request["component"])
            ]
        }

    def mutant(self, request: Message) -> Iterator[Message]:
        from nnbench.checks.mutants import tried

        component = self.catalog.components[request["component"]]
        mutant = self._mutants_of(component.id)[request["place"]]
        yield {"verdict": asdict(tried(component, mutant, request["seed"]))}

    def _mutants_of(self, identifier: str) -> list[Any]:
        from nnbench.checks.mutants import wrong_versions

        if identifier not in self.made_mutants:
            self.made_mutants[identifier] = wrong_versions(self.catalog.components[identifier])
        return self.made_mutants[identifier]

    def source(self, request: Message) -> Iterator[Message]:
        """Documentation and source text of each variant of a component, for `nnbench show`."""
        from nnbench.source import describe_source

        component = self.catalog.components[request["component"]]
        yield {"variants": {name: describe_source(variant) for name, variant in component.variants.items()}}

    def make_ready(self, request: Message) -> Iterator[Message]:
        """Hold a workload ready for a duel, and tell the pace of each of its modes."""
        from nnbench.measure.blocks import Bench

        self.bench = self.bench or Bench()
        name, sample = request["name"], request["sample"]
        if "kernel" in request:
            paces = self.bench.make_kernel_ready(name, request["kernel"], sample)
        else:
            component = self.catalog.components[request["component"]]
            case = component.case(request["case"])
            paces = self.bench.make_ready(name, component, request["variant"], case, request["seed"], sample)
        yield {"paces": {mode: asdict(pace) for mode, pace in paces.items()}}

    def block(self, request: Message) -> Iterator[Message]:
        """One block of samples of what is held ready, in seconds a call."""
        blocks = self.bench.block(request["name"], request["mode"], request["number"], request["samples"])
        yield {"cpu": [block.cpu for block in blocks], "wall": [block.wall for block in blocks]}

    def release(self, request: Message) -> Iterator[Message]:
        """Let go of what is held ready."""
        if self.bench is not None:
            self.bench.release()
        yield from ()


def _limit_memory(limit: int) -> None:
    """Let no allocation take the process ``limit`` bytes beyond what torch and the suites took already."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    present = sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))
    resource.setrlimit(resource.RLIMIT_DATA, (present + limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()

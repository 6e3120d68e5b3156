"""The child process: loads the suites, takes one job a line on stdin, answers line by line on its own channel.

Started by ``nnbench.processes.process``. What a component prints goes to stderr, so that it cannot disturb the answers.
A job ends with ``{"done": true}`` or ``{"failed": {...}}``, or with ``{"spoilt": reason}`` when it left something
changed for all of the process; when the process dies instead, the parent knows which job it was at.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from nnbench.confinement import die_with_parent, limit_memory
from nnbench.errors import NnbenchError
from nnbench.failures import Spoilt, explain
from nnbench.worker.channel import Channel, Message

if TYPE_CHECKING:
    from nnbench.commits.trees import Tree
    from nnbench.measure.calibration import Looks
    from nnbench.worker.leftovers import Watch

KEEPING = {"make_ready", "calibrate", "ceiling"}  # jobs that rightly keep memory for later ones


def main() -> None:
    """Serve jobs until stdin ends."""
    die_with_parent()
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # its helpers would go on beside what is measured
    channel = Channel()
    import torch  # noqa: F401  before the limit: mapping its libraries is not the component's doing

    from nnbench.measure.allocator import keep_freed_memory

    keep_freed_memory()  # or what an earlier case freed would decide how often a later one asks the system for pages
    server = Server(channel)
    for request in channel.jobs():
        server.serve(request)


class Server:
    """Holds the catalog between jobs."""

    def __init__(self, channel: Channel) -> None:
        from nnbench.discovery import Catalog

        self.channel = channel
        self.say = channel.say
        self.watch: Watch | None = None  # once the suites are loaded
        self.threads = 1
        self.catalog = Catalog({})
        self.made_mutants: dict[str, list[Any]] = {}  # by component
        self.bench: Any = None  # what is held ready for duels
        self.looks: Looks | None = None
        self.tree: Tree | None = None  # that it has entered
        self.is_exercised = False  # for counting instructions
        self.jobs: dict[str, Callable[[Message], Iterator[Message]]] = {
            "load": self.load,
            "checks": self.checks,
            "check": self.check,
            "measure": self.measure,
            "count": self.count,
            "calibrate": self.calibrate,
            "ceiling": self.ceiling,
            "instructions": self.instructions,
            "train": self.train,
            "trajectory": self.trajectory,
            "mutants": self.mutants,
            "mutant": self.mutant,
            "source": self.source,
            "code": self.code,
            "make_ready": self.make_ready,
            "block": self.block,
            "release": self.release,
        }

    def serve(self, request: Message) -> None:
        """Do one job; what it raises is its answer, and so is what it leaves changed for others."""
        last: Message = {"done": True}
        left: list[str] = []
        try:
            self.reset(request.get("seed") or 0)
            for message in self.jobs[request["do"]](request):
                left = self._left(request, ended=False)
                if left:
                    break
                self.say(message)
        except Spoilt as error:
            left = [str(error)]
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001  a component is anybody's code
            status, note = explain(error)
            last = {"failed": {"status": status, "note": note, "refused": isinstance(error, NnbenchError)}}
        left = left or self._left(request, ended=True)
        if left and "failed" in last:
            left = [*left, f"and it {last['failed']['note']}"]
        self.say({"spoilt": "; ".join(left)} if left else last)

    def _left(self, request: Message, ended: bool) -> list[str]:
        """What the job has left changed for others, in words."""
        if self.watch is None:
            return []
        look = self.watch.left if ended else self.watch.so_far
        found = look(keeps=request["do"] in KEEPING)
        return ["it forked its process, and the copy came back from the call"] if self.channel.copied else found

    def reset(self, seed: int) -> None:
        """Put back what a suite may have changed for all of torch at its import; begin with the same random numbers."""
        import torch

        from nnbench.worker.leftovers import start_random_numbers

        start_random_numbers(seed % 2**32)
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
        torch.set_grad_enabled(True)
        if torch.are_deterministic_algorithms_enabled():  # to set it imports torch's compiler, which takes a second
            torch.use_deterministic_algorithms(False)
        torch.set_num_threads(self.threads)

    def load(self, request: Message) -> Iterator[Message]:
        """Import the suites, naming each before it is imported, and describe what they registered."""
        import torch

        from nnbench.commits.trees import Tree, enter
        from nnbench.discovery import Source, describe, load
        from nnbench.worker.leftovers import Watch

        self.watch = None
        torch.set_num_threads(request["threads"])
        if request.get("tree"):
            self.tree = Tree(**request["tree"])
            enter(self.tree)
        wanted = [Source(**source) for source in request["sources"]]
        self.catalog = load(wanted, before=lambda source: self.say({"loading": asdict(source)}))
        device, dtype = request.get("device") or "cpu", request.get("dtype") or ""
        if device != "cpu" or dtype:
            from nnbench.measure.device import all_moved

            there = all_moved(self.catalog.components, device, dtype)
            self.catalog = replace(self.catalog, components=there)
        torch.set_num_threads(request["threads"])  # once more: a suite may have changed it
        gc.collect()
        gc.freeze()  # torch's half a million objects are here to stay; later collections need not look at them
        limit_memory(request["memory_limit"])
        yield {"components": [asdict(describe(component)) for component in self.catalog.components.values()]}
        yield {"problems": [asdict(problem) for problem in self.catalog.problems]}
        self.threads = request["threads"]
        self.reset(0)  # what a suite changed at its import is no job's doing
        self.watch = Watch(request["memory_limit"], self.channel.descriptors)

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

    def count(self, request: Message) -> Iterator[Message]:
        from nnbench.measure.all import once

        component = self.catalog.components[request["component"]]
        rows = once(component, request["variant"], component.case(request["case"]), request)
        yield from ({"row": asdict(row)} for row in rows)

    def calibrate(self, request: Message) -> Iterator[Message]:
        from nnbench.measure.all import calibrate

        yield from ({"row": asdict(row)} for row in calibrate(request, self.calibration()))

    def calibration(self) -> Looks:
        """This process's looks at the calibration kernels, made when they are first needed."""
        from nnbench.measure.calibration import Looks

        if self.looks is None:
            self.looks = Looks()
        return self.looks

    def ceiling(self, request: Message) -> Iterator[Message]:
        from nnbench.ceilings import Point
        from nnbench.measure.ceilings import measure

        yield {"rate": asdict(measure(Point(**request["point"]), request["seconds"]))}

    def instructions(self, request: Message) -> Iterator[Message]:
        """How many calls callgrind has counted, and in which process: the count itself is in the file that it wrote."""
        from nnbench.measure.exercise import exercise
        from nnbench.measure.instructions import counted

        if not self.is_exercised:
            exercise()
            self.is_exercised = True
        component = self.catalog.components[request["component"]]
        yield {"counted": counted(component, request["variant"], component.case(request["case"]), request)}

    def train(self, request: Message) -> Iterator[Message]:
        from nnbench.train.train import Request, train
        from nnbench.worker.batches import Batches

        component = self.catalog.components[request["component"]]
        wanted = {name: request[name] for name in Request.__dataclass_fields__ if name in request}
        rows = train(
            component,
            request["variant"],
            Request(**wanted),
            Batches(self.say),
            self.catalog.components,
            lambda epochs: self.say({"resumed": epochs}),
        )
        yield from ({"row": asdict(row)} for row in rows)

    def trajectory(self, request: Message) -> Iterator[Message]:
        """The first steps of a training, each with a checksum of every tensor."""
        from nnbench.train.train import Request, trajectory
        from nnbench.worker.batches import Batches

        component = self.catalog.components[request["component"]]
        wanted = Request(**{name: request[name] for name in ("data", "seed", "epochs", "device")})
        steps = trajectory(component, request["variant"], wanted, request["steps"], Batches(self.say))
        yield from ({"step": asdict(step)} for step in steps)

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
        from nnbench.worker.source import describe_source

        component = self.catalog.components[request["component"]]
        yield {"variants": {name: describe_source(variant) for name, variant in component.variants.items()}}

    def code(self, request: Message) -> Iterator[Message]:
        """What each variant is made of in the tree, and files that were wrongly imported from elsewhere."""
        from nnbench.commits.changed_code import code_of
        from nnbench.commits.trees import installed_copies, strangers

        assert self.tree is not None, "only a worker of a tree is asked for its code"
        wanted = [self.catalog.components[identifier] for identifier in request["components"]]
        yield {
            "code": code_of(wanted, self.tree),
            "strangers": strangers(self.tree),
            "installed": installed_copies(self.tree),
        }

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


if __name__ == "__main__":
    main()

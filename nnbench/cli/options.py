"""Options that several commands share, so that they are the same everywhere."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from nnbench.errors import NnbenchError
from nnbench.processes.process import Limits
from nnbench.specs import DEVICES, DTYPES

Command = Callable[..., Any]

SIZES = {"": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "KB": 10**3, "MB": 10**6, "GB": 10**9}


class Size(click.ParamType):
    """A number of bytes such as 512MiB or 4GiB."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", str(value))
        if match is None or match[2].upper() not in SIZES:
            self.fail(f"{value!r} is no size; write 512MiB or 4GiB", param, ctx)
        return int(float(match[1]) * SIZES[match[2].upper()])


class Duration(click.ParamType):
    """A waiting time in seconds, such as 90s, 3min or 1.5h."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|h|)", str(value))
        if match is None:
            self.fail(f"{value!r} is no time; write 90s, 3min or 1h", param, ctx)
        return float(match[1]) * {"": 1, "s": 1, "min": 60, "h": 3600}[match[2]]


class Shares(click.ParamType):
    """Shares of a whole, such as 0.1,0.3; a 0 alone for none."""

    name = "SHARES"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        try:
            shares = tuple(dict.fromkeys(float(part) for part in str(value).split(",")))
        except ValueError:
            shares = ()
        if shares == (0.0,):
            return ()
        if not shares or not all(0 < one < 1 for one in shares):
            self.fail(f"{value!r} are no shares; write numbers between 0 and 1, such as 0.1,0.3", param, ctx)
        return shares


def selection(command: Command) -> Command:
    """PATTERNS, -k and --suite."""
    command = click.option(
        "--suite", "suites", multiple=True, metavar="FILE", help="A suite file (or module) beside the built-in ones."
    )(command)
    command = click.option(
        "-k", "expression", default="", metavar="EXPRESSION", help="Keep names as pytest does: 'conv and not torch'."
    )(command)
    return click.argument("patterns", nargs=-1, metavar="[PATTERN]...")(command)


def as_json(command: Command) -> Command:
    return click.option("--json", "as_json", is_flag=True, help="Machine-readable output on stdout.")(command)


def results(command: Command) -> Command:
    return click.option(
        "--results",
        "results",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("results"),
        envvar="NNBENCH_RESULTS",
        show_default=True,
        help="The folder that keeps the runs (or NNBENCH_RESULTS).",
    )(command)


def worker(command: Command) -> Command:
    """--timeout, --memory-limit, --jobs and --seed."""
    command = click.option(
        "--jobs",
        type=click.IntRange(min=1),
        envvar="NNBENCH_JOBS",
        help="Processes that check side by side (or NNBENCH_JOBS)  [default: one a core, at most 8]",
    )(command)
    command = click.option(
        "--seed", type=click.IntRange(min=0), help="Seed of inputs and weights; drawn anew for checks unless given."
    )(command)
    command = click.option(
        "--memory-limit",
        type=Size(),
        default="0",
        help="Memory for a case, such as 4GiB  [default: 3/4 of what is free]",
    )(command)
    return click.option(
        "--timeout", type=click.FloatRange(min=0.1), default=60.0, show_default=True, help="Seconds for a case."
    )(command)


def device(command: Command) -> Command:
    """--device and --dtype."""
    dtype = click.option(
        "--dtype", type=click.Choice(DTYPES), help="Take the cases that are in float32 in this dtype instead."
    )
    return device_alone(dtype(command))


def device_alone(command: Command) -> Command:
    """--device; without a GPU, or a torch that can use it, --device cuda is refused in one line."""
    return click.option(
        "--device",
        type=click.Choice(DEVICES),
        default="cpu",
        show_default=True,
        callback=_answering,
        help="Where to run; cuda is the first GPU that CUDA_VISIBLE_DEVICES leaves.",
    )(command)


def _answering(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if value != "cuda":
        return value
    from nnbench.machine import gpus  # NVML takes its time to import: commands that read do without

    if not gpus():
        raise NnbenchError("--device cuda: no NVIDIA GPU answers here; --device cpu is the default")
    torch = importlib.metadata.version("torch")
    if torch.endswith("+cpu"):
        raise NnbenchError(f"--device cuda: torch {torch} is built without CUDA; --device cpu is the default")
    return value


def placed(device: str, dtype: str | None) -> list[str]:
    """The options that ask for this device and dtype; none for what holds unless given.

    >>> placed("cuda", None), placed("cpu", "bfloat16")
    (['--device', 'cuda'], ['--dtype', 'bfloat16'])
    """
    return (["--device", device] if device != "cpu" else []) + (["--dtype", dtype] if dtype else [])


def limits(timeout: float, memory_limit: int) -> Limits:
    return Limits(seconds=timeout, memory=memory_limit)


def given(limits: Limits) -> list[str]:
    """The options that ask for these limits; none for those that hold unless given.

    >>> given(Limits(seconds=2.5, memory=4 * 2**30)), given(Limits())
    (['--timeout', '2.5', '--memory-limit', '4GiB'], [])
    """
    seconds = ["--timeout", f"{limits.seconds:.12g}"] if limits.seconds != Limits().seconds else []
    return seconds + (["--memory-limit", _written(limits.memory)] if limits.memory else [])


def _written(size: int) -> str:
    """A size as it may be typed, in the largest unit that it is a multiple of."""
    units = {"GiB": 2**30, "MiB": 2**20, "KiB": 2**10}
    return next((f"{size // bytes_}{unit}" for unit, bytes_ in units.items() if size % bytes_ == 0), str(size))

"""The best rates of arithmetic and of moving bytes, from many short repetitions: what the machine does undisturbed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch

from nnbench.ceilings import Point, Rate
from nnbench.measure.clock import NANOSECONDS, REAL, Clock

SAMPLE = 0.0005  # seconds: long against reading the clock, short against a neighbour's time slice
LEAST_SAMPLES = 3
MATRIX_SIZES = (256, 512, 1024, 2048)
CHANNELS = (32, 64, 128)
ENOUGH_MOVED = 2**24  # bytes a call and thread: the call's own overhead is then some 3 % in the first-level cache
LINE = 16  # float32 numbers in a cache line


@dataclass(frozen=True)
class Kernel:
    """A function and the FLOPs or bytes that one call of it stands for."""

    run: Callable[[], object]
    work: int


def measure(point: Point, seconds: float, clock: Clock = REAL) -> Rate:
    """The best rate at a point within so many seconds, or a little more.

    Of arithmetic, sizes are tried from small to large for as long as a few calls fit. What torch cannot do on this
    machine is a rate with a note.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(point.threads)
    try:
        with torch.inference_mode():
            return _best_of(point, KERNELS[point.kind](point), seconds, clock)
    except (RuntimeError, NotImplementedError) as error:
        return Rate(point, note=str(error).partition("\n")[0])
    finally:
        torch.set_num_threads(threads)


def _best_of(point: Point, kernels: Iterator[Kernel], seconds: float, clock: Clock) -> Rate:
    """The best of all kernels; the next one, which is larger, only when it fits into the time that is left."""
    cpu = wall = 0.0
    end = clock.wall() + seconds * NANOSECONDS
    for kernel, is_last in _marked(kernels):
        until = end if is_last else min(end, clock.wall() + seconds / 3 * NANOSECONDS)
        fastest = _fastest(kernel.run, until, clock)
        cpu, wall = max(cpu, kernel.work / fastest[0]), max(wall, kernel.work / fastest[1])
        if clock.wall() + LEAST_SAMPLES * GROWTH * fastest[1] * NANOSECONDS > end:
            break
    return Rate(point, cpu, wall)


GROWTH = 8  # from one size of arithmetic to the next its work grows so many times, or fewer


def _marked(kernels: Iterator[Kernel]) -> Iterator[tuple[Kernel, bool]]:
    """Each kernel and whether it is the last."""
    for kernel, following in itertools.pairwise(itertools.chain(kernels, [None])):
        assert kernel is not None
        yield kernel, following is None


def _fastest(run: Callable[[], object], until: float, clock: Clock) -> tuple[float, float]:
    """The smallest CPU and wall seconds of one call; the first call of all warms up."""
    run()
    number = 1 + int(SAMPLE / max(_sample(run, 1, clock)[1], 1e-9))
    best = _sample(run, number, clock)
    for taken in itertools.count(1):
        if taken >= LEAST_SAMPLES and clock.wall() >= until:
            return best
        cpu, wall = _sample(run, number, clock)
        best = min(best[0], cpu), min(best[1], wall)
    raise AssertionError("unreachable")


def _sample(run: Callable[[], object], number: int, clock: Clock) -> tuple[float, float]:
    wall, cpu = clock.wall(), clock.cpu()
    for _ in range(number):
        run()
    cpu, wall = clock.cpu() - cpu, clock.wall() - wall
    # A counter that stood still says nothing; the other one then stands for it.
    cpu, wall = cpu or wall, wall or cpu
    return max(cpu, 1) / NANOSECONDS / number, max(wall, 1) / NANOSECONDS / number


def _products(point: Point) -> Iterator[Kernel]:
    """Square matrix products: 2 n^3 FLOPs."""
    dtype = getattr(torch, point.dtype)
    for size in MATRIX_SIZES:
        left, right = torch.ones(size, size, dtype=dtype), torch.ones(size, size, dtype=dtype)
        target = torch.empty(size, size, dtype=dtype)
        yield Kernel(partial(torch.mm, left, right, out=target), 2 * size**3)


def _convolutions(point: Point) -> Iterator[Kernel]:
    """Convolutions of four images of 32 x 32, three by three, as many channels out as in, channels last."""
    dtype = getattr(torch, point.dtype)
    for channels in CHANNELS:
        images = torch.ones(4, channels, 32, 32, dtype=dtype).to(memory_format=torch.channels_last)
        weights = torch.ones(channels, channels, 3, 3, dtype=dtype).to(memory_format=torch.channels_last)
        outputs = 4 * channels * 30 * 30
        yield Kernel(partial(torch.conv2d, images, weights), 2 * outputs * 9 * channels)


def _copies(point: Point) -> Iterator[Kernel]:
    """From one half of the bytes to the other: each is read or written once."""
    target, passes = _passes(point)
    source = torch.ones(point.threads, 1, target.shape[-1]).expand(target.shape)
    yield Kernel(partial(target.copy_, source), passes)


def _updates(point: Point) -> Iterator[Kernel]:
    """In place, as an optimizer's step: each number is read and written."""
    target, passes = _passes(point)
    yield Kernel(target.neg_, passes)


def _passes(point: Point) -> tuple[torch.Tensor, int]:
    """Many passes as one tensor, so that a call's overhead does not count, and the bytes that they move.

    Of shape (threads, passes, numbers): each thread works on memory of its own, and each pass on that of the pass
    before, moved on by one cache line.
    """
    numbers = max(point.size // 8 // point.threads, LINE)
    passes = max(1, ENOUGH_MOVED // (8 * numbers))
    room = torch.ones(point.threads, numbers + LINE * passes)
    target = room.as_strided((point.threads, passes, numbers), (room.stride(0), LINE, 1))
    return target, 8 * numbers * passes * point.threads


KERNELS: dict[str, Callable[[Point], Iterator[Kernel]]] = {
    "product": _products,
    "convolution": _convolutions,
    "copy": _copies,
    "update": _updates,
}

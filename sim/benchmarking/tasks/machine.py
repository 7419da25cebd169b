"""The references as tasks of their own: the curves behind the ratios."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sim.benchmarking import _kernels
from sim.benchmarking.objects import Entrant, Task, Work, WrongAnswer
from sim.benchmarking.references import JUMP_STEPS, TRIAD_BYTES, cycle_through, random_visits, streams

_HERE = "sim.benchmarking.tasks.machine"


def _triad(elements: int, kernel: Callable[..., None]) -> Work:
    b, c, out = streams(elements)

    def run() -> Any:
        kernel(b, c, 3.0, out)
        return out

    def check(answer: Any) -> None:
        if not np.all(answer == 7.0):
            raise WrongAnswer("b + 3 c is not 7")

    return Work(elements, run, check)


def triad(size: int, folder: Path) -> Work:
    """Three streams of `size` elements, one thread."""
    return _triad(size, _kernels.triad)


def triad_threads(size: int, folder: Path) -> Work:
    """Three streams of `size` elements, all threads."""
    return _triad(size, _kernels.triad_threads)


def jump(size: int, folder: Path) -> Work:
    """`JUMP_STEPS` dependent loads from `size` MiB, going on where the last execution ended."""
    visits, last = random_visits(size * 2**20), np.zeros(1, dtype=np.int64)
    after, lines = cycle_through(visits), visits.size
    turn = np.empty(lines, dtype=np.int64)
    turn[visits] = np.arange(lines)

    def run() -> tuple[int, int]:
        start = int(last[0])
        _kernels.chase(after, start, JUMP_STEPS, last)
        return start, int(last[0])

    def check(answer: tuple[int, int]) -> None:
        start, end = (int(turn[place // _kernels.LINE]) for place in answer)
        if (end - start - JUMP_STEPS) % lines:
            raise WrongAnswer(f"the walk went {(end - start) % lines} of {lines} lines further")

    return Work(JUMP_STEPS, run, check)


def _same(size: int) -> int:
    return size


def _steps(size: int) -> int:
    return JUMP_STEPS


_THREE = "two elements read, one written, 8 bytes each"
TASKS = (
    Task(
        "machine triad",
        "triad a = b + q c on one thread",
        "element",
        TRIAD_BYTES,
        _THREE,
        1000,
        _same,
        (Entrant("leachsim", f"{_HERE}:triad"),),
    ),
    Task(
        "machine triad threads",
        "triad a = b + q c on all threads",
        "element",
        TRIAD_BYTES,
        _THREE,
        1000,
        _same,
        (Entrant("leachsim", f"{_HERE}:triad_threads"),),
    ),
    Task(
        "machine jump",
        "dependent loads, each from a random cache line of so many MiB",
        "load",
        0.0,
        "",
        1,
        _steps,
        (Entrant("leachsim", f"{_HERE}:jump"),),
    ),
)

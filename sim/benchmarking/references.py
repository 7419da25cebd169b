"""References timed in the same process as the work, so that its time can be told in the machine's own terms."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.arrays import FloatArray, IntArray
from sim.benchmarking import _kernels

#: bytes per element of the triad: two reads and a write of float64
TRIAD_BYTES = 24.0
JUMP_BYTES = 64 * 2**20
JUMP_STEPS = 20_000
_SEED = 20
_LEAST_BYTES, _MOST_BYTES = 96 * 2**20, 768 * 2**20
_TIMES = 4


def largest_cache(folder: Path = Path("/sys/devices/system/cpu/cpu0/cache")) -> int:
    """Bytes of the largest cache of the first processor; 0 where the system does not tell."""
    found = [0]
    for file in folder.glob("index*/size"):
        text = file.read_text(encoding="ascii").strip()
        factor = {"K": 2**10, "M": 2**20, "G": 2**30}.get(text[-1:], 1)
        digits = text.rstrip("KMG")
        if digits.isdigit():
            found.append(int(digits) * factor)
    return max(found)


def triad_elements() -> int:
    """Elements that make the three streams of the triad four times as large as the largest cache."""
    return int(min(max(4 * largest_cache(), _LEAST_BYTES), _MOST_BYTES) // TRIAD_BYTES)


def streams(elements: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """b, c and a of the triad; b + 3 c is 7 everywhere."""
    return np.full(elements, 1.0), np.full(elements, 2.0), np.zeros(elements)


def random_visits(bytes_: int) -> IntArray:
    """All cache lines of so many bytes in random order."""
    lines = max(bytes_ // (8 * _kernels.LINE), 2)
    return np.random.Generator(np.random.PCG64(_SEED)).permutation(lines)


def cycle_through(visits: IntArray) -> IntArray:
    """Lines that point each to the next of `visits` and the last to the first, for `_kernels.chase`.

    Examples
    --------
    >>> cycle_through(np.array([1, 0, 2]))[:: _kernels.LINE].tolist()
    [16, 0, 8]
    """
    first = visits * _kernels.LINE
    after = np.zeros(visits.size * _kernels.LINE, dtype=np.int64)
    after[first] = np.roll(first, -1)
    return after


@dataclass(frozen=True)
class Reading:
    """Seconds per element of the triad on one and on all threads, and per jump."""

    stream: float
    stream_threads: float
    jump: float


NO_READING = Reading(math.nan, math.nan, math.nan)


class References:
    """The references, made once per process.

    Parameters
    ----------
    elements : int, of each of the three streams
    jump_bytes : int, memory the jumps go through
    """

    def __init__(self, elements: int | None = None, jump_bytes: int = JUMP_BYTES) -> None:
        self._b, self._c, self._out = streams(elements or triad_elements())
        self._after = cycle_through(random_visits(jump_bytes))
        self._last = np.zeros(1, dtype=np.int64)
        self.read()

    def read(self) -> Reading:
        """Time each reference a few times and keep the best of each, as is done with the work.

        All threads come first: those that wait for more work keep a processor busy for a moment.
        """
        elements = self._out.size
        all_ = _best(lambda: _kernels.triad_threads(self._b, self._c, 3.0, self._out)) / elements
        one = _best(lambda: _kernels.triad(self._b, self._c, 3.0, self._out)) / elements
        # goes on where it stood: lines visited a moment ago would still be in a cache
        jump = _best(lambda: _kernels.chase(self._after, int(self._last[0]), JUMP_STEPS, self._last)) / JUMP_STEPS
        if not self._out[0] == self._out[-1] == 7.0:
            raise ArithmeticError("the triad gave a wrong sum")
        return Reading(one, all_, jump)


def _best(work: Callable[[], object]) -> float:
    return min(_seconds(work) for _ in range(_TIMES))


def _seconds(work: Callable[[], object]) -> float:
    since = time.perf_counter()
    work()
    return time.perf_counter() - since

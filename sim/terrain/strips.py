"""Rows cut into strips that run on several threads, and the integer type that can number the cells."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np

from sim.arrays import IntArray

#: called with the name of a stage and the share of it that is done, in [0, 1]
Progress = Callable[[str, float], None]

#: few enough to keep the rows a strip touches in the cache, enough to keep 16 threads busy
MOST_STRIPS = 32
#: a strip smaller than this costs more to start than to compute
FEWEST_CELLS = 1 << 17


def index_type(cells: int) -> tuple[type[np.unsignedinteger] | type[np.signedinteger], int]:
    """Integer type that numbers `cells` cells, and the flag that tells a label from an index in the same type.

    Half the words mean half the memory traffic, which is what terrain work waits for; the highest bit of the type is
    the flag, so uint32 serves below 2**31 cells.

    Examples
    --------
    >>> index_type(1_000_000)[0].__name__, index_type(2**31)[0].__name__
    ('uint32', 'int64')
    """
    if cells < 1 << 31:
        return np.uint32, 1 << 31
    return np.int64, 1 << 62


def cut_rows(rows: int, columns: int, strip_rows: int | None = None) -> IntArray:
    """First rows of the strips and the number of rows; depends on the shape alone, never on the threads.

    Examples
    --------
    >>> cut_rows(10, 4, strip_rows=4).tolist()
    [0, 4, 8, 10]
    """
    if strip_rows is not None and strip_rows < 1:
        raise ValueError(f"strip_rows must be at least 1, got {strip_rows}")
    if strip_rows is None:
        fewest = -(-FEWEST_CELLS // max(columns, 1))
        strip_rows = max(-(-rows // MOST_STRIPS), fewest, 1)
    cuts = list(range(0, rows, strip_rows))
    return np.array([*cuts, rows], dtype=np.int64)


def usable_threads(threads: int | None) -> int:
    """Number of threads to use: as given, else what numba was given."""
    if threads is not None:
        if threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        return threads
    import numba

    return int(numba.get_num_threads())


@dataclass(frozen=True)
class Pool:
    """Runs a function for each of a number of parts, on threads (the kernels release the lock of the interpreter).

    A pool is made per call and not kept: nothing outlives the call, and an interrupt ends it after the running parts.
    """

    threads: int
    progress: Progress | None = None

    def run(self, stage: str, parts: int, work: Callable[[int], None]) -> None:
        """Call ``work(0) ... work(parts - 1)``; the first error ends the stage and is raised."""
        say = self.progress or (lambda _stage, _share: None)
        say(stage, 0.0)
        if parts == 0:
            say(stage, 1.0)
        if self.threads == 1 or parts <= 1:
            for part in range(parts):
                work(part)
                say(stage, (part + 1) / parts)
            return
        with ThreadPoolExecutor(min(self.threads, parts)) as executor:
            futures = [executor.submit(work, part) for part in range(parts)]
            try:
                if self.progress is None:
                    wait(futures, return_when=FIRST_EXCEPTION)
                for done, future in enumerate(futures, start=1):
                    future.result()
                    say(stage, done / parts)
            finally:
                for future in futures:
                    future.cancel()

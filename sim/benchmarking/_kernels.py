"""What the machine itself can do: streaming through memory, and jumping through it."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

#: int64 in a cache line of 64 bytes; a jump to another line is a jump to other memory
LINE = 8


@njit(cache=True, nogil=True, error_model="numpy")
def triad(b: np.ndarray, c: np.ndarray, q: float, out: np.ndarray) -> None:
    """a = b + q c on one thread; reads two streams and writes one (McCalpin 1995, STREAM).

    Parameters
    ----------
    b, c : (n,) float64
    q : float64
    out : (n,) float64
    """
    for i in range(out.size):
        out[i] = b[i] + q * c[i]


@njit(cache=True, nogil=True, error_model="numpy", parallel=True)
def triad_threads(b: np.ndarray, c: np.ndarray, q: float, out: np.ndarray) -> None:
    """As `triad`, on all threads; every element by itself, so the bits do not depend on their number."""
    for i in prange(out.size):
        out[i] = b[i] + q * c[i]


@njit(cache=True, nogil=True, error_model="numpy")
def chase(after: np.ndarray, start: int, steps: int, out_last: np.ndarray) -> None:
    """Follow i = after[i]; no jump can begin before the one before it has arrived.

    Parameters
    ----------
    after : (LINE * lines,) int64; the first element of every line holds the first element of the next
    start : int, first element of a line
    steps : int
    out_last : (1,) int64, where the walk stands in the end
    """
    i = start
    for _ in range(steps):
        i = after[i]
    out_last[0] = i

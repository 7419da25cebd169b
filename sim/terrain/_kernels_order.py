"""Compiled kernels that put cells in topological order and count what drains through each.

A byte per cell holds its direction in the low four bits and, while the order is built, the number of neighbours that
still have to deliver to it in the high four.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from sim.terrain._kernels_codes import INVALID

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
#: uint32 below 2**31 cells, int64 above (see `sim.terrain.strips`)
Indices = npt.NDArray[np.uint32] | npt.NDArray[np.int64]

#: emitted after the strips were joined, while INVALID marks what a strip emitted
_LATE = 14


@njit(cache=True, nogil=True, error_model="numpy")
def donors(code: Bytes, first_row: int, last_row: int, out_work: Bytes) -> int:
    """Copy directions of a strip and count the neighbours that drain into each cell; return the valid cells.

    Parameters
    ----------
    code : (ny, nx) uint8, codes
    out_work : (ny, nx) uint8
    """
    height, width = code.shape
    empty = np.full(width + 2, INVALID, dtype=np.uint8)
    above = empty.copy()
    here = empty.copy()
    below = empty.copy()
    if first_row > 0:
        above[1 : width + 1] = code[first_row - 1]
    here[1 : width + 1] = code[first_row]
    valid = 0
    for row in range(first_row, last_row):
        below[1 : width + 1] = code[row + 1] if row + 1 < height else empty[1 : width + 1]
        work = out_work[row]
        for x in range(width):
            count = (
                np.uint8(here[x + 2] == 4)
                + np.uint8(below[x + 2] == 5)
                + np.uint8(below[x + 1] == 6)
                + np.uint8(below[x] == 7)
                + np.uint8(here[x] == 0)
                + np.uint8(above[x] == 1)
                + np.uint8(above[x + 1] == 2)
                + np.uint8(above[x + 2] == 3)
            )
            work[x] = np.uint8(here[x + 1] | np.uint8(count << 4))
            valid += here[x + 1] != INVALID
        above, here, below = here, below, above
    return valid


@njit(cache=True, nogil=True, error_model="numpy")
def accumulate_strip(
    offset: Integers,
    first: int,
    last: int,
    place: int,
    work: Bytes,
    out_order: Indices,
    out_cells: Indices,
) -> int:
    """Emit the cells of a strip whose donors all lie in it, each before its receiver; return where the order ends.

    Every chain is followed from its head down to a cell that still waits for another donor.

    Parameters
    ----------
    first, last : int, cells [first, last)
    place : int, where the order of this strip starts
    work : (ncell,) uint8, from `donors`, changed in place
    out_order : (nvalid,) indices
    out_cells : (ncell,) indices, preset to 1; delivered within the strip only
    """
    n = place
    span = np.uint64(last - first)
    for head in range(first, last):
        w = np.int64(work[head])
        if w >= INVALID:
            continue
        cell = head
        total = np.int64(out_cells[cell])
        while True:
            work[cell] = INVALID
            out_order[n] = cell
            n += 1
            if w >= 8:
                break
            to = cell + offset[w]
            if np.uint64(to - first) >= span:
                break
            total += np.int64(out_cells[to])
            out_cells[to] = total
            w = np.int64(work[to]) - 16
            work[to] = w
            if w >= 16:
                break
            cell = to
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def accumulate_rest(
    code: Bytes,
    offset: Integers,
    cuts: Integers,
    place: int,
    work: Bytes,
    out_order: Indices,
    out_cells: Indices,
) -> int:
    """Deliver across the cuts between strips and emit the cells that waited for it; return where the order ends.

    Parameters
    ----------
    code : (ny, nx) uint8
    cuts : (nstrip - 1,) int64, first rows of the strips but the first
    place : int, where the order goes on
    work, out_order, out_cells : as in `accumulate_strip`
    """
    width = code.shape[1]
    flat = code.ravel()
    n = place
    for i in range(cuts.size):
        border = cuts[i] * width
        for start in range(border - width, border + width):
            k = np.int64(flat[start])
            if k >= 8 or work[start] != INVALID:
                continue
            to = start + offset[k]
            if (start < border) == (to < border):
                continue
            total = np.int64(out_cells[start])
            # delivered now: it must not be met again at the next cut of a strip one row high
            work[start] = _LATE
            while True:
                total += np.int64(out_cells[to])
                out_cells[to] = total
                w = np.int64(work[to]) - 16
                work[to] = w
                if w >= 16:
                    break
                work[to] = _LATE
                out_order[n] = to
                n += 1
                if w >= 8:
                    break
                to += offset[w]
    return n

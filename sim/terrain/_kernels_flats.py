"""Compiled kernels that drain level ground: every flat cell takes the shortest way, in cells, to the way out.

The direction depends on distances alone (the first neighbour in the tie order that is one step nearer), so it does not
depend on the order in which cells are met.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from sim.terrain._kernels_codes import FLAT, INVALID, MEETING, PIT, QUEUED

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
#: uint32 below 2**31 cells, int64 above (see `sim.terrain.strips`)
Indices = npt.NDArray[np.uint32] | npt.NDArray[np.int64]
#: float32, float64 or an integer of at most 32 bits
Surface = npt.NDArray[np.float32] | npt.NDArray[np.float64]


@njit(cache=True, nogil=True, error_model="numpy")
def _neighbour(cell: int, k: int, height: int, width: int) -> int:
    """Flat index of the neighbour in direction k; -1 outside the grid."""
    row = cell // width + (1 if 1 <= k <= 3 else (-1 if k >= 5 else 0))
    column = cell % width + (1 if k <= 1 or k == 7 else (-1 if 3 <= k <= 5 else 0))
    if row < 0 or column < 0 or row >= height or column >= width:
        return -1
    return row * width + column


@njit(cache=True, nogil=True, error_model="numpy")
def _way(elevation: Surface, code: Bytes, cell: int, height: int, width: int) -> int:
    """First direction to a level neighbour that drains already; 8 if there is none."""
    for k in range(8):
        to = _neighbour(cell, k, height, width)
        if to >= 0 and elevation[to] == elevation[cell]:
            c = code[to] & 15
            if c != FLAT and c != QUEUED and c != INVALID:
                return k
    return 8


@njit(cache=True, nogil=True, error_model="numpy")
def _spread(
    elevation: Surface,
    height: int,
    width: int,
    first: int,
    last: int,
    queue: Indices,
    out_code: Bytes,
) -> int:
    """Drain flats layer by layer from the queued cells ``queue[first:last]``; return where the queue ends."""
    end = last
    while first < last:
        # directions of a whole layer are chosen before any of its cells counts as drained
        for i in range(first, last):
            cell = np.int64(queue[i])
            k = _way(elevation, out_code, cell, height, width)
            out_code[cell] = (out_code[cell] & MEETING) | QUEUED | (k << 4)
        for i in range(first, last):
            cell = np.int64(queue[i])
            out_code[cell] = (out_code[cell] & MEETING) | ((out_code[cell] >> 4) & 7)
        for i in range(first, last):
            cell = np.int64(queue[i])
            for k in range(8):
                to = _neighbour(cell, k, height, width)
                if to >= 0 and elevation[to] == elevation[cell] and out_code[to] & 15 == FLAT:
                    out_code[to] = (out_code[to] & MEETING) | QUEUED
                    queue[end] = to
                    end += 1
        first = last
        last = end
    return end


@njit(cache=True, nogil=True, error_model="numpy")
def drain_flats(
    elevation: Surface,
    flats: Integers,
    width: int,
    queue: Indices,
    out_code: Bytes,
    out_pits: Integers,
    out_closed: Indices,
) -> int:
    """Give every FLAT cell a direction; return the number of closed flats, which have no way out of their own.

    A flat with a cell that drains, or an outlet, drains there. In a closed one the cell first in index order becomes
    its pit, for the time being; `reroute_flat` turns the rest towards the spill once it is known.

    Parameters
    ----------
    elevation : (ncell,) real, m
    flats : (ny,) int64, FLAT cells per row
    width : int, columns
    queue : (nflat,) indices, working space
    out_code : (ncell,) uint8, changed in place
    out_pits : (ny,) int64, pits per row, raised where a flat gets one
    out_closed : (nflat,) indices, pits of closed flats

    References
    ----------
    Barnes, Lehman, Mulla 2014, doi 10.1016/j.cageo.2013.01.009 (distance to the way out; no gradient from higher
    ground is added here).
    """
    height = flats.size
    end = 0
    for row in range(height):
        if flats[row] == 0:
            continue
        for cell in range(row * width, (row + 1) * width):
            if out_code[cell] & 15 == FLAT and _way(elevation, out_code, cell, height, width) < 8:
                queue[end] = cell
                end += 1
    for i in range(end):
        cell = np.int64(queue[i])
        out_code[cell] = (out_code[cell] & MEETING) | QUEUED
    end = _spread(elevation, height, width, 0, end, queue, out_code)
    closed = 0
    for row in range(height):
        if flats[row] == 0:
            continue
        for cell in range(row * width, (row + 1) * width):
            if out_code[cell] & 15 != FLAT:
                continue
            out_code[cell] = (out_code[cell] & MEETING) | PIT
            out_pits[row] += 1
            out_closed[closed] = cell
            closed += 1
            _from_cell(elevation, height, width, cell, queue, out_code)
    return closed


@njit(cache=True, nogil=True, error_model="numpy")
def _from_cell(elevation: Surface, height: int, width: int, cell: int, queue: Indices, out_code: Bytes) -> None:
    """Drain the FLAT cells level with `cell` towards it; the queue is used from its start."""
    end = 0
    for k in range(8):
        to = _neighbour(cell, k, height, width)
        if to >= 0 and elevation[to] == elevation[cell] and out_code[to] & 15 == FLAT:
            out_code[to] = (out_code[to] & MEETING) | QUEUED
            queue[end] = to
            end += 1
    _spread(elevation, height, width, 0, end, queue, out_code)


@njit(cache=True, nogil=True, error_model="numpy")
def reroute_flats(
    elevation: Surface,
    closed: Indices,
    height: int,
    width: int,
    offset: Integers,
    queue: Indices,
    out_code: Bytes,
) -> None:
    """Turn the cells of closed flats towards the cell over which the flat spills, once paths have been reversed.

    Parameters
    ----------
    elevation : (ncell,) real, m
    closed : (nclosed,) indices, from `drain_flats`
    offset : (8,) int64, index steps of the directions
    queue : (nflat,) indices, working space
    out_code : (ncell,) uint8, changed in place
    """
    for i in range(closed.size):
        cell = np.int64(closed[i])
        # the path of the pit leaves the flat over the cell nearest to the spill
        k = np.int64(out_code[cell] & 15)
        while k < 8 and elevation[cell + offset[k]] == elevation[cell]:
            cell += offset[k]
            k = np.int64(out_code[cell] & 15)
        end = 0
        queue[end] = cell
        kept = out_code[cell]
        out_code[cell] = (kept & MEETING) | FLAT
        end = 1
        first = 0
        while first < end:
            at = np.int64(queue[first])
            first += 1
            for k in range(8):
                to = _neighbour(at, k, height, width)
                if to < 0 or elevation[to] != elevation[at]:
                    continue
                c = out_code[to] & 15
                if c != FLAT and c != INVALID:
                    out_code[to] = (out_code[to] & MEETING) | FLAT
                    queue[end] = to
                    end += 1
        out_code[cell] = kept
        _from_cell(elevation, height, width, cell, queue, out_code)

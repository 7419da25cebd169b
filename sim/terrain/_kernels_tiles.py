"""Compiled kernels for terrain in tiles: paths that cross tiles, pruning of a tile's forest, accumulation.

A tile is worked on with a rim one cell wide around it, where there is one; cells are numbered in that window. `box`
holds the first row, last row, first column and last column (the last ones excluded) of the tile itself in the window.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from sim.terrain._kernels_codes import INVALID, PIT

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
#: uint32 below 2**31 cells, int64 above (see `sim.terrain.strips`)
Indices = npt.NDArray[np.uint32] | npt.NDArray[np.int64]
#: float32, float64 or an integer of at most 32 bits
Surface = npt.NDArray[np.float32] | npt.NDArray[np.float64]

#: code of flat cells whose flat crosses tiles, until its way out is known
HIDDEN = 14
#: bit of a code byte: the cell belongs to a flat without a way out of its own that crosses tiles
CLOSED = 64
#: distance of cells not reached
FAR = 2**31 - 1


@njit(cache=True, nogil=True, error_model="numpy")
def in_core(cell: int | np.int64, width: int, box: Integers) -> bool:
    """Whether a cell of the window lies in the tile itself, not in its rim."""
    row = cell // width
    column = cell - row * width
    return bool(box[0] <= row < box[1] and box[2] <= column < box[3])


@njit(cache=True, nogil=True, error_model="numpy")
def prune(
    one: Indices,
    other: Indices,
    terminal: Flags,
    degree: Integers,
    incident: Integers,
    out_edge: Integers,
    out_order: Integers,
) -> int:
    """Take away leaves that are no terminals again and again; return how many nodes were taken away.

    Such a node has no other way out than over its one edge, so where it spills is known without the other tiles.

    Parameters
    ----------
    one, other : (nedge,) indices, a forest
    terminal : (nnode,) bool
    degree, incident : (nnode,) int64, working space preset to 0
    out_edge : (nnode,) int64, edge over which a node that was taken away spills, nedge for the rest
    out_order : (nnode,) int64, nodes taken away, each before the one it spills into
    """
    for e in range(one.size):
        degree[one[e]] += 1
        degree[other[e]] += 1
        # the exclusive or of its edges is the edge itself once one is left
        incident[one[e]] ^= e
        incident[other[e]] ^= e
    for v in range(terminal.size):
        out_edge[v] = one.size
    count = 0
    for start in range(terminal.size):
        leaf = np.int64(start)
        while degree[leaf] == 1 and not terminal[leaf]:
            e = incident[leaf]
            out_edge[leaf] = e
            out_order[count] = leaf
            count += 1
            degree[leaf] = 0
            leaf = np.int64(other[e]) if one[e] == leaf else np.int64(one[e])
            degree[leaf] -= 1
            incident[leaf] ^= e
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def pruned_levels(
    one: Indices,
    other: Indices,
    pass_level: Reals,
    order: Integers,
    edge: Integers,
    out_level: Reals,
    out_lake: Integers,
) -> None:
    """Level at which each node that was taken away spills, and the node that names its lake.

    Parameters
    ----------
    one, other, pass_level : (nedge,) of the forest; m
    order, edge : from `prune`
    out_level : (nnode,) float64, m; given for the nodes that stayed
    out_lake : (nnode,) int64; preset to the node itself
    """
    for i in range(order.size - 1, -1, -1):
        v = order[i]
        e = edge[v]
        parent = np.int64(other[e]) if one[e] == v else np.int64(one[e])
        if pass_level[e] < out_level[parent]:
            out_level[v] = out_level[parent]
            out_lake[v] = out_lake[parent]
        else:
            out_level[v] = pass_level[e]
            out_lake[v] = v


@njit(cache=True, nogil=True, error_model="numpy")
def lake_lowest(
    order: Integers, lake: Integers, pit_level: Reals, pit: Integers, out_low: Reals, out_lowest: Integers
) -> None:
    """Lowest pit of each lake among the nodes that were taken away, the first in index order among equals.

    Parameters
    ----------
    order, lake : from `prune` and `pruned_levels`
    pit_level : (nnode,) float64, m; pit : (nnode,) int64, cell of each pit
    out_low : (nnode,) float64, m, preset to infinity; out_lowest : (nnode,) int64
    """
    for i in range(order.size):
        v = order[i]
        k = lake[v]
        if pit_level[v] < out_low[k] or (pit_level[v] == out_low[k] and pit[v] < out_lowest[k]):
            out_low[k] = pit_level[v]
            out_lowest[k] = pit[v]


@njit(cache=True, nogil=True, error_model="numpy")
def pruned_floors(
    one: Indices,
    other: Indices,
    order: Integers,
    edge: Integers,
    level: Reals,
    lake: Integers,
    filled: Flags,
    out_floor: Reals,
) -> None:
    """Height to which each node that was taken away is filled; -inf where nothing is.

    Parameters
    ----------
    filled : (nnode,) bool, by the node that names the lake
    out_floor : (nnode,) float64, m; given for the nodes that stayed
    """
    for i in range(order.size - 1, -1, -1):
        v = order[i]
        e = edge[v]
        parent = np.int64(other[e]) if one[e] == v else np.int64(one[e])
        out_floor[v] = level[v] if filled[lake[v]] else out_floor[parent]


@njit(cache=True, nogil=True, error_model="numpy")
def reverse_segments(start: Integers, way: Bytes, width: int, box: Integers, offset: Integers, out_code: Bytes) -> None:
    """Turn the parts of paths that lie in this tile round, from where they come in to a pit, a closed flat or the rim.

    Parameters
    ----------
    start : (m,) int64, first cell of each part
    way : (m,) uint8, new direction of that cell
    out_code : (ncell,) uint8, changed in place
    """
    for i in range(start.size):
        cell = start[i]
        k = np.int64(way[i])
        while True:
            old = np.int64(out_code[cell])
            out_code[cell] = k
            if old == PIT or old & CLOSED:
                break
            cell += offset[old & 7]
            if not in_core(cell, width, box):
                break
            k = (old + 4) & 7


@njit(cache=True, nogil=True, error_model="numpy")
def accumulate(offset: Integers, work: Bytes, out_cells: Indices, out_lowest: Surface) -> None:
    """Add up cells down the paths of a tile and pass on the lowest surface met.

    Parameters
    ----------
    offset : (8,) int64, index steps of the directions
    work : (ncell,) uint8, from `sim.terrain._kernels_order.donors`, changed in place; paths end at codes from 8 on
    out_cells : (ncell,) indices, preset to 1 and what comes in from outside
    out_lowest : (ncell,) real, m, preset to the surface, or what comes in if lower
    """
    for head in range(work.size):
        w = np.int64(work[head])
        if w >= INVALID:
            continue
        cell = head
        while True:
            work[cell] = INVALID
            if w >= 8:
                break
            to = cell + offset[w]
            out_cells[to] = np.int64(out_cells[to]) + np.int64(out_cells[cell])
            out_lowest[to] = min(out_lowest[to], out_lowest[cell])
            w = np.int64(work[to]) - 16
            work[to] = w
            if w >= 16:
                break
            cell = to


@njit(cache=True, nogil=True, error_model="numpy")
def ends_of_paths(code: Bytes, offset: Integers, start: Integers, out_end: Indices, out_found: Integers) -> None:
    """Last cell of the path from each start; cells met are remembered, so that shared ways are walked once.

    Parameters
    ----------
    code : (ncell,) uint8; paths end at codes from 8 on
    start : (m,) int64
    out_end : (ncell,) indices, 1 + the last cell, preset to 0
    out_found : (m,) int64
    """
    for i in range(start.size):
        cell = start[i]
        while out_end[cell] == 0 and code[cell] < 8:
            cell += offset[code[cell]]
        end = np.int64(out_end[cell]) if out_end[cell] != 0 else cell + 1
        cell = start[i]
        while out_end[cell] == 0:
            out_end[cell] = end
            if code[cell] >= 8:
                break
            cell += offset[code[cell]]
        out_found[i] = end - 1


@njit(cache=True, nogil=True, error_model="numpy")
def accumulate_exits(down: Integers, waiting: Integers, stack: Integers, out_cells: Integers, out_lowest: Reals) -> int:
    """Add up flow from exit to exit of tiles; return how many exits were reached, all of them unless there is a loop.

    Parameters
    ----------
    down : (m,) int64, the exit that the flow of each exit leaves over next, -1 for none
    waiting, stack : (m,) int64, working space, the former preset to 0
    out_cells : (m,) int64, preset to what the tile itself brings
    out_lowest : (m,) float64, m, likewise
    """
    for i in range(down.size):
        if down[i] >= 0:
            waiting[down[i]] += 1
    size = 0
    for i in range(down.size):
        if waiting[i] == 0:
            stack[size] = i
            size += 1
    done = 0
    while size > 0:
        size -= 1
        i = stack[size]
        done += 1
        to = down[i]
        if to < 0:
            continue
        out_cells[to] += out_cells[i]
        out_lowest[to] = min(out_lowest[to], out_lowest[i])
        waiting[to] -= 1
        if waiting[to] == 0:
            stack[size] = to
            size += 1
    return done

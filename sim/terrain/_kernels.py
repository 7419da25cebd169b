"""Compiled terrain kernels: priority flood, carving, D8, topological order, accumulation.

Cells are flat indices ``row * width + column``. A `mask` byte per cell says whether it is valid and whether it is a
seed of the flood. Neighbours are visited in one stated order everywhere: E, SE, S, SW, W, NW, N, NE.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Flags = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Singles = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: row and column steps of the eight neighbours in the stated tie order E, SE, S, SW, W, NW, N, NE
DROW = np.array([0, 1, 1, 1, 0, -1, -1, -1], dtype=np.int64)
DCOL = np.array([1, 1, 0, -1, -1, -1, 0, 1], dtype=np.int64)

#: `flood` counts the cells it meets in 32 bits
COUNTER_LIMIT = 2**32

OK = 0
CYCLE = 1
BAD_RECEIVER = 2
DANGLING = 3


@njit(cache=True, nogil=True, error_model="numpy")
def seeds(
    valid: Flags,
    out_kind: Bytes,
) -> None:
    """Mark where water may leave: 1 on the frame, 2 beside an invalid cell, 0 elsewhere.

    Parameters
    ----------
    valid : (ny, nx) bool
    out_kind : (ny * nx,) uint8, numbered as `sim.terrain.objects` numbers outlets; 0 where not valid
    """
    height, width = valid.shape
    for row in range(height):
        for column in range(width):
            cell = row * width + column
            out_kind[cell] = 0
            if not valid[row, column]:
                continue
            if row == 0 or column == 0 or row == height - 1 or column == width - 1:
                out_kind[cell] = 1
                continue
            for k in range(8):
                if not valid[row + DROW[k], column + DCOL[k]]:
                    out_kind[cell] = 2
                    break


@njit(cache=True, nogil=True, error_model="numpy")
def _push(heap: Integers, size: int, entry: np.int64) -> None:
    """Insert `entry` into a binary heap of `size` entries, least first."""
    i = size
    while i > 0:
        parent = (i - 1) >> 1
        if heap[parent] < entry:
            break
        heap[i] = heap[parent]
        i = parent
    heap[i] = entry


@njit(cache=True, nogil=True, error_model="numpy")
def _drop_root(heap: Integers, size: int) -> None:
    """Remove the root of a heap of `size` entries: the hole sinks to a leaf, then the last entry rises from there."""
    last = size - 1
    entry = heap[last]
    i = 0
    child = 1
    while child < last:
        # without a branch: which child is less is a coin toss no processor predicts
        child += int(child + 1 < last and heap[child + 1] < heap[child])
        heap[i] = heap[child]
        i = child
        child = 2 * i + 1
    _push(heap, i, entry)


@njit(cache=True, nogil=True, error_model="numpy")
def _entry(bits: np.int32, counter: int) -> np.int64:
    """Pack a float32, given by its bits, and a counter below 2**32 into one int64 that sorts by both in turn.

    Positive floats sort like their bits; for negative ones all bits but the sign are turned round.
    """
    value = np.int64(bits)
    return ((value ^ ((value >> 31) & 0x7FFFFFFF)) << 32) | np.int64(counter)


@njit(cache=True, nogil=True, error_model="numpy")
def flood(
    elevation: Singles,
    bits: npt.NDArray[np.int32],
    valid: Flags,
    seed: Bytes,
    raise_to_level: bool,
    heap: Integers,
    level_queue: Integers,
    pushed: Integers,
    out_level: Singles,
    out_parent: Integers,
    out_rank: Integers,
) -> int:
    r"""Priority flood from all seeds: :math:`L_i = \min_{paths} \max_{j \in path} z_j`.

    A cell is popped when it is the lowest cell touching the flooded region, the first pushed among equals; the
    running maximum of popped elevations is its level. The cell from which it was reached is its parent. With
    `raise_to_level` the queue is keyed on the level, so filled flats are crossed breadth first from their outlet (and
    raised cells need no heap: they come in the order of their counters); without it the queue is keyed on the
    elevation itself, so the parent path of a pit is the valley line a breach must follow. The level is the same: when
    the running maximum last rose, every cell then touching the flooded region was at least that high.

    Parameters
    ----------
    elevation : (ncell,) float32, m, no negative zeros
    bits : (ncell,) int32, the same memory read as integers
    valid : (ny, nx) bool, fewer than 2**32 cells
    seed : (ncell,) uint8, not 0 where the flood starts
    raise_to_level : bool
    heap, level_queue, pushed : (nvalid,) int64, working space
    out_level : (ncell,) float32, m, level of the flood, the filled surface; elevation where not valid
    out_parent : (ncell,) int64, -1 for seeds and invalid cells
    out_rank : (nvalid,) int64, cells in the order in which they were popped

    Returns
    -------
    int, number of cells popped (all valid cells if each is connected to a seed)

    References
    ----------
    Barnes, Lehman, Mulla 2014, doi 10.1016/j.cageo.2013.04.024.
    """
    height, width = valid.shape
    size = 0
    counter = 0
    for row in range(height):
        for column in range(width):
            cell = row * width + column
            out_parent[cell] = -1
            # NaN marks "not reached yet"; elevations are finite by the contract of Grid
            out_level[cell] = np.float32(np.nan)
            if not valid[row, column]:
                out_level[cell] = elevation[cell]
            elif seed[cell] != 0:
                out_level[cell] = elevation[cell]
                pushed[counter] = cell
                _push(heap, size, _entry(bits[cell], counter))
                size += 1
                counter += 1
    popped = 0
    level = np.float32(-np.inf)
    level_bits = np.int32(0)
    first = 0
    last = 0
    while size > 0 or first < last:
        if first < last and (size == 0 or level_queue[first] < heap[0]):
            entry = level_queue[first]
            first += 1
        else:
            entry = heap[0]
            _drop_root(heap, size)
            size -= 1
        cell = pushed[entry & 0xFFFFFFFF]
        if elevation[cell] > level:
            level = elevation[cell]
            level_bits = bits[cell]
        out_level[cell] = level
        out_rank[popped] = cell
        popped += 1
        row = cell // width
        column = cell - row * width
        for k in range(8):
            r = row + DROW[k]
            c = column + DCOL[k]
            if r < 0 or c < 0 or r >= height or c >= width:
                continue
            neighbour = r * width + c
            if not math.isnan(out_level[neighbour]):
                continue
            out_level[neighbour] = elevation[neighbour]
            out_parent[neighbour] = cell
            pushed[counter] = neighbour
            if raise_to_level and elevation[neighbour] <= level:
                level_queue[last] = _entry(level_bits, counter)
                last += 1
            else:
                _push(heap, size, _entry(bits[neighbour], counter))
                size += 1
            counter += 1
    return popped


@njit(cache=True, nogil=True, error_model="numpy")
def carve(
    parent: Integers,
    rank: Integers,
    out_elevation: Singles,
) -> None:
    """Lower every cell to the lowest cell whose flood path crosses it: complete breaching.

    A cell stands lower than its parent only inside a depression that was entered over that parent, and the lowest
    pit of that depression is then also reached over that parent. So lowering every parent to its children equals
    lowering the path from every pit to its outlet, no more.

    Parameters
    ----------
    parent : (ncell,) int64, from `flood` keyed on elevation
    rank : (nvalid,) int64, cells in popped order; traversed backwards, children before parents
    out_elevation : (ncell,) float32, m, changed in place

    References
    ----------
    Lindsay 2016, doi 10.1002/hyp.10648.
    """
    for i in range(rank.size - 1, -1, -1):
        cell = rank[i]
        above = parent[cell]
        if above >= 0 and out_elevation[above] > out_elevation[cell]:
            out_elevation[above] = out_elevation[cell]


@njit(cache=True, nogil=True, error_model="numpy")
def receivers(
    elevation: Singles,
    valid: Flags,
    parent: Integers,
    kept: Flags,
    dx: float,
    dy: float,
    out_receiver: Integers,
) -> None:
    r"""D8 receiver of every cell: steepest :math:`(z_i - z_j) / d_{ij}` over the strictly lower neighbours.

    A cell without a strictly lower neighbour drains to its flood parent; a seed has none and is an outlet. A kept
    sink is always an outlet. There is no loop: the parent is never higher (`carve` and fill both see to it), so it
    is exactly as high and was popped earlier, and along a flow path the pair (elevation, popped order) falls
    strictly in lexicographic order at each step.

    Parameters
    ----------
    elevation : (ny, nx) float32, m, conditioned
    valid : (ny, nx) bool
    parent : (ncell,) int64
    kept : (ncell,) bool, kept sinks
    dx, dy : float64, m, cell size
    out_receiver : (ncell,) int64, -1 for outlets and invalid cells

    References
    ----------
    O'Callaghan and Mark 1984, doi 10.1016/S0734-189X(84)80011-0.
    """
    height, width = valid.shape
    distance = np.empty(8, dtype=np.float64)
    for k in range(8):
        distance[k] = math.sqrt((DROW[k] * dy) ** 2 + (DCOL[k] * dx) ** 2)
    for row in range(height):
        for column in range(width):
            cell = row * width + column
            out_receiver[cell] = -1
            if not valid[row, column] or kept[cell]:
                continue
            z = np.float64(elevation[row, column])
            best = 0.0
            to = parent[cell]
            for k in range(8):
                r = row + DROW[k]
                c = column + DCOL[k]
                if r < 0 or c < 0 or r >= height or c >= width or not valid[r, c]:
                    continue
                slope = (z - np.float64(elevation[r, c])) / distance[k]
                if slope > best:
                    best = slope
                    to = r * width + c
            out_receiver[cell] = to


@njit(cache=True, nogil=True, error_model="numpy")
def order_and_accumulate(
    valid: Flags,
    receiver: Integers,
    width: int,
    donors: Integers,
    out_order: Integers,
    out_cells: Integers,
) -> tuple[int, int]:
    """Order cells so that each stands before its receiver, and count the cells draining through each.

    Every chain is followed from its head until a cell with donors still missing, so the order is fixed by the
    numbering of the cells alone.

    Parameters
    ----------
    valid : (ncell,) bool
    receiver : (ncell,) int64
    width : int, columns
    donors : (ncell,) int64, working space
    out_order : (nvalid,) int64
    out_cells : (ncell,) int64, itself included; 0 if invalid

    Returns
    -------
    (status, cell at fault)
    """
    n = valid.size
    for cell in range(n):
        donors[cell] = 0
        out_cells[cell] = 1 if valid[cell] else 0
    for cell in range(n):
        to = receiver[cell]
        if to == -1:
            continue
        if to < 0 or to >= n or not valid[cell] or not valid[to]:
            return BAD_RECEIVER, cell
        rows = to // width - cell // width
        columns = to % width - cell % width
        if abs(rows) > 1 or abs(columns) > 1 or to == cell:
            return BAD_RECEIVER, cell
        donors[to] += 1
    done = 0
    for head in range(n):
        if not valid[head] or donors[head] != 0:
            continue
        cell = head
        while True:
            donors[cell] = -1
            out_order[done] = cell
            done += 1
            to = receiver[cell]
            if to < 0:
                break
            out_cells[to] += out_cells[cell]
            donors[to] -= 1
            if donors[to] != 0:
                break
            cell = to
    if done != out_order.size:
        for cell in range(n):
            if valid[cell] and donors[cell] > 0:
                return CYCLE, cell
    return OK, -1

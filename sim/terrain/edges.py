"""Valleys that the edge of the terrain cuts, through which water may enter undeclared."""

from __future__ import annotations

import math

import numpy as np

from sim.arrays import BoolArray, ByteArray, FloatArray, IntArray
from sim.terrain import _kernels_edges
from sim.terrain.objects import EDGE_CODE, STEPS, EdgeEntry, Grid

PROMINENCE = 150.0
REACH_ALONG_EDGE = 10_000.0
PATH_INWARD = 5_000.0

# clockwise from west, as (row, column) steps
_AROUND = ((0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1))


def edge_entries(
    grid: Grid,
    direction: ByteArray,
    *,
    prominence: float = PROMINENCE,
    reach: float = REACH_ALONG_EDGE,
    path: float = PATH_INWARD,
) -> tuple[EdgeEntry, ...]:
    """Find where a valley crosses the edge of the valid area.

    A cell counts if the ground rises by `prominence` within `reach` along the edge on both sides before falling
    below it; it leads inward if its flow path runs at least `path` before it ends.

    Parameters
    ----------
    grid : Grid
    direction : (ncell,) uint8, codes as in `Terrain`
    prominence, reach, path : float, m

    Returns
    -------
    tuple of EdgeEntry, in the order along the edge, clockwise from the top left
    """
    entries = []
    elevation = grid.elevation.ravel()
    # a flow path of that length needs a patch of at least that many cells
    fewest = max(3, math.ceil(path / math.hypot(grid.cell_width, grid.cell_height)))
    for ring in outer_edges(grid.valid, fewest):
        height = elevation[ring].astype(np.float64)
        rises = np.empty(ring.size)
        _kernels_edges.rise_on_both_sides(height, _ring_steps(grid, ring), reach, rises)
        for at in np.flatnonzero(rises >= prominence).tolist():
            rise = float(rises[at])
            cell = int(ring[at])
            x, y = grid.centre(np.array([cell]))
            inward = _path_length(grid, direction, cell, path) >= path
            entries.append(EdgeEntry(cell, float(x[0]), float(y[0]), float(height[at]), rise, inward))
    unique = {entry.cell: entry for entry in entries}
    return tuple(unique.values())


def outer_edges(valid: BoolArray, fewest: int = 1) -> list[IntArray]:
    """Outer edge of every connected patch of valid cells, as flat cells in clockwise order.

    Edges of holes are left out: a hole is a lake or a gap in the data, nothing flows in over it.

    Parameters
    ----------
    valid : (ny, nx) bool
    fewest : int, smaller patches are left out
    """
    width = valid.shape[1]
    if valid.all() and min(valid.shape) > 1:
        return [_frame(*valid.shape)] if valid.size >= fewest else []
    from scipy import ndimage  # a tenth of a second that terrain without gaps need not wait for

    label, count = ndimage.label(valid, structure=np.ones((3, 3), dtype=np.int64))
    size = np.zeros(count + 1, dtype=np.int64)
    for rows in label:  # row by row: a count over all of them would first copy the labels into wider integers
        size += np.bincount(rows, minlength=count + 1)
    large = size >= fewest
    return [
        _trace(label[box] == k, box, width) for k, box in enumerate(ndimage.find_objects(label), start=1) if large[k]
    ]


def _frame(rows: int, columns: int) -> IntArray:
    """Cells of the frame of a grid, clockwise from the top left, as `_trace` would find them."""
    top = np.arange(columns)
    right = np.arange(1, rows) * columns + columns - 1
    bottom = (rows - 1) * columns + np.arange(columns - 2, -1, -1)
    left = np.arange(rows - 2, 0, -1) * columns
    return np.concatenate([top, right, bottom, left]).astype(np.int64)


def _trace(patch: BoolArray, box: tuple[slice, slice], width: int) -> IntArray:
    """Moore-neighbour trace of one patch, clockwise from its first cell in row order.

    Parameters
    ----------
    patch : cells of the patch within `box` of a grid of `width` columns
    """
    top, left = box[0].start, box[1].start
    inside = np.pad(patch, 1)
    start = divmod(int(np.argmax(inside)), inside.shape[1])
    cells = [start]
    row, column = start
    came_from = 0  # the first cell was reached from the west, which is empty
    first_move = None
    while True:
        for turn in range(1, 9):
            k = (came_from + turn) % 8
            step_row, step_column = _AROUND[k]
            if inside[row + step_row, column + step_column]:
                break
        else:
            break  # a single cell
        move = (row, column, k)
        if first_move is None:
            first_move = move
        elif move == first_move:
            cells.pop()  # the start, reached a second time
            break
        before_row, before_column = _AROUND[(k - 1) % 8]
        empty = (row + before_row, column + before_column)
        row, column = row + step_row, column + step_column
        came_from = _AROUND.index((empty[0] - row, empty[1] - column))
        cells.append((row, column))
    flat = [(r - 1 + top) * width + (c - 1 + left) for r, c in cells]
    return np.array(flat, dtype=np.int64)


def _ring_steps(grid: Grid, ring: IntArray) -> FloatArray:
    """Distance from every cell of the ring to the next one, m."""
    row, column = np.divmod(ring, grid.shape[1])
    rows = np.roll(row, -1) - row
    columns = np.roll(column, -1) - column
    return np.hypot(rows * grid.cell_height, columns * grid.cell_width)


def _path_length(grid: Grid, direction: ByteArray, cell: int, enough: float) -> float:
    """Length of the flow path, m, followed until it is `enough`."""
    length = 0.0
    while length < enough and direction[cell] < EDGE_CODE:
        down, across = STEPS[direction[cell]]
        length += math.hypot(down * grid.cell_height, across * grid.cell_width)
        cell += down * grid.shape[1] + across
    return length

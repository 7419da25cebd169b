"""Valleys that the edge of the terrain cuts, through which water may enter undeclared."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from sim.arrays import BoolArray, FloatArray, IntArray
from sim.terrain.objects import EdgeEntry, Grid

PROMINENCE = 150.0
REACH_ALONG_EDGE = 10_000.0
PATH_INWARD = 5_000.0

# clockwise from west, as (row, column) steps
_AROUND = ((0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1))


def edge_entries(
    grid: Grid,
    receiver: IntArray,
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
    receiver : (ncell,) int64, -1 for outlets and invalid cells
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
        step = _ring_steps(grid, ring)
        height = elevation[ring].astype(np.float64)
        for at in range(ring.size):
            rise = _rise_on_both_sides(height, step, at, reach)
            if rise < prominence:
                continue
            cell = int(ring[at])
            x, y = grid.centre(np.array([cell]))
            inward = _path_length(grid, receiver, cell, path) >= path
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
    label, _ = ndimage.label(valid, structure=np.ones((3, 3), dtype=np.int64))
    width = valid.shape[1]
    large = np.bincount(label.ravel()) >= fewest
    return [
        _trace(label[box] == k, box, width) for k, box in enumerate(ndimage.find_objects(label), start=1) if large[k]
    ]


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


def _rise_on_both_sides(height: FloatArray, step: FloatArray, at: int, reach: float) -> float:
    """Least of the two greatest rises seen along the ring before it falls below the cell or `reach` is used up."""
    n = height.size
    rises = []
    for direction in (-1, 1):
        best, run, i = height[at], 0.0, at
        for _ in range(n - 1):
            j = (i + direction) % n
            run += step[i] if direction == 1 else step[j]
            # of cells that are level with one another only the first along the ring counts
            if run > reach or height[j] < height[at] or (direction == -1 and height[j] == height[at]):
                break
            best = max(best, height[j])
            i = j
        rises.append(best - height[at])
    return float(min(rises))


def _path_length(grid: Grid, receiver: IntArray, cell: int, enough: float) -> float:
    """Length of the flow path, m, followed until it is `enough`."""
    width = grid.shape[1]
    length = 0.0
    while length < enough and receiver[cell] >= 0:
        to = int(receiver[cell])
        length += math.hypot(
            (to // width - cell // width) * grid.cell_height, (to % width - cell % width) * grid.cell_width
        )
        cell = to
    return length

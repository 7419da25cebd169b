"""Small repairs to flow paths that come from another engine."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from sim.arrays import Float32Array, IntArray
from sim.terrain.objects import STEPS, Grid


def join_sinks(grid: Grid, conditioned: Float32Array, sinks: IntArray, receiver: IntArray) -> None:
    """Let the cells around kept sinks, which were holes to the engine, fall into them where that is steepest.

    Parameters
    ----------
    grid : Grid
    conditioned : (ny, nx) float32, m; a sink is lowered to the cells that join it, in place
    sinks : (s,) int64 flat cells
    receiver : (ncell,) int64, changed in place
    """
    rows, columns = grid.shape
    level = conditioned.ravel()

    def fall(cell: int, to: int) -> float:
        rise_rows, rise_columns = to // columns - cell // columns, to % columns - cell % columns
        distance = float(np.hypot(rise_rows * grid.cell_height, rise_columns * grid.cell_width))
        return (float(level[cell]) - float(level[to])) / distance

    kept = set(sinks.tolist())
    for sink in sinks.tolist():
        for row_step, column_step in STEPS:
            r, c = sink // columns + row_step, sink % columns + column_step
            cell = r * columns + c
            if not (0 <= r < rows and 0 <= c < columns) or not grid.valid[r, c] or cell in kept:
                continue
            current = int(receiver[cell])
            if current == -1 or fall(cell, sink) > fall(cell, current):
                receiver[cell] = sink
                level[sink] = min(level[sink], level[cell])


def breach(level: Float32Array, receiver: IntArray) -> None:
    """Lower cells that lie above a cell draining to them, so that every flow path falls or stays level.

    Parameters
    ----------
    level : (ncell,) float32, m, changed in place
    receiver : (ncell,) int64, -1 for outlets and invalid cells
    """
    cells = np.flatnonzero(receiver >= 0)
    while cells.size:
        cells = cells[level[receiver[cells]] > level[cells]]
        below = receiver[cells]
        np.minimum.at(level, below, level[cells])
        cells = np.unique(below)
        cells = cells[receiver[cells] >= 0]


def has_gaps(grid: Grid) -> bool:
    """True when invalid cells lie inside the terrain, not connected to its frame."""
    label, count = ndimage.label(~grid.valid)
    frame = np.concatenate([label[0], label[-1], label[:, 0], label[:, -1]])
    return bool(count > len(np.unique(frame[frame > 0])))

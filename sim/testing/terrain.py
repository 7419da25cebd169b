"""Synthetic terrain with known answers."""

from __future__ import annotations

import numpy as np

from sim.arrays import BoolArray
from sim.terrain.objects import Grid

#: stands for any projected metric system where none is needed
LOCAL_CRS = 'LOCAL_CS["synthetic terrain",UNIT["metre",1]]'


def grid_of(
    elevation: np.ndarray,
    valid: BoolArray | None = None,
    *,
    cell_width: float = 1.0,
    cell_height: float = 1.0,
    label: str = "synthetic terrain",
) -> Grid:
    """Grid with its upper left corner at (0, 0) from (ny, nx) elevations in m; valid where finite if not told.

    Examples
    --------
    >>> grid_of(np.zeros((2, 3))).shape
    (2, 3)
    """
    z = np.array(elevation, dtype=np.float32)
    known = np.isfinite(z) if valid is None else np.array(valid, dtype=np.bool_)
    z[~known] = 0.0
    return Grid(z, known, (cell_width, 0.0, 0.0, 0.0, -cell_height, 0.0), LOCAL_CRS, label, illustrative=True)


def plane(
    shape: tuple[int, int],
    *,
    fall_east: float = 0.0,
    fall_south: float = 0.0,
    cell_width: float = 1.0,
    cell_height: float = 1.0,
) -> Grid:
    """Plane that falls by the given slopes (rise over run) to the east and to the south; 100 m at the top left.

    Examples
    --------
    >>> plane((2, 2), fall_south=1.0).elevation.tolist()
    [[100.0, 100.0], [99.0, 99.0]]
    """
    row, column = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float64)
    z = 100.0 - fall_east * column * cell_width - fall_south * row * cell_height
    return grid_of(z, cell_width=cell_width, cell_height=cell_height)


def cone(size: int, *, height: float = 100.0, slope: float = 1.0) -> Grid:
    """Cone with its summit in the middle of a square grid of odd `size`; every cell drains outward."""
    row, column = np.mgrid[0:size, 0:size].astype(np.float64)
    middle = (size - 1) / 2
    return grid_of(height - slope * np.hypot(row - middle, column - middle))


def bowl(size: int, *, depth: float = 10.0) -> Grid:
    """One round depression whose lowest cell is the middle one; the frame lies `depth` above it."""
    row, column = np.mgrid[0:size, 0:size].astype(np.float64)
    middle = (size - 1) / 2
    return grid_of(depth * np.maximum(abs(row - middle), abs(column - middle)) / middle)


def valley(
    rows: int,
    half_width: int,
    *,
    bed_slope: float = 0.01,
    side_slope: float = 0.1,
    cell: float = 1.0,
    top: float = 100.0,
) -> Grid:
    """Straight valley that falls to the south, its bed in the middle column, sides rising evenly both ways.

    The bed drains the whole grid: the outlet is the bottom cell of column `half_width`.
    """
    row, column = np.mgrid[0:rows, 0 : 2 * half_width + 1].astype(np.float64)
    z = top - bed_slope * row * cell + side_slope * abs(column - half_width) * cell
    return grid_of(z, cell_width=cell, cell_height=cell)


def rough(
    rng: np.random.Generator, shape: tuple[int, int], *, levels: int | None = None, hole_share: float = 0.0
) -> Grid:
    """Random elevations full of pits, drawn from `rng`.

    Parameters
    ----------
    rng : numpy Generator
    shape : rows, columns
    levels : int, optional; elevations are then whole numbers below it, so that flats abound
    hole_share : float, expected share of invalid cells; at least one cell stays valid
    """
    z = rng.uniform(0.0, 100.0, shape) if levels is None else rng.integers(0, levels, shape).astype(np.float64)
    valid = rng.uniform(0.0, 1.0, shape) >= hole_share
    if not valid.any():
        valid.flat[0] = True
    return grid_of(z, valid)

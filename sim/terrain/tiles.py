"""A raster cut into tiles, and the cells of one of them.

Flow paths can be found tile by tile because all that is not local can be said about borders: where paths leave a tile,
over which passes the basins that touch the border meet, how far level ground at the border is from its way out. The
steps, each a pure function of one tile or of the small summaries of all:

1. `tile_flats.find_directions`: D8; flats that cross tiles are told apart
2. `tile_flats.join_flats` and, again and again until nothing changes, `tile_flats.border_distances`
3. `tile_basins.find_basins`: basins, passes, and what of the spanning forest touches the border
4. `tile_graph.solve`: one spanning forest over all tiles
5. `tile_lakes.partial_lakes`, `tile_lakes.decide`: how deep each depression is that more than one tile knows of
6. `tile_flow.final_directions`: paths turned round, depressions filled, cells added up within the tile
7. `tile_flow.join_flow`: what flows from tile to tile
8. `tile_flow.finish`: cells added up again with what comes in; carving is the lowest surface met on the way

The answer is that of `sim.terrain.basins.drain`, cell for cell; a topological order of the cells is not made.

References
----------
Barnes 2016, doi 10.1016/j.cageo.2016.07.001 and 10.1016/j.envsoft.2016.11.022 (tiles joined over their borders).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.arrays import IntArray

Array = npt.NDArray[Any]

#: row and column steps of the directions E, SE, S, SW, W, NW, N, NE
_DOWN = np.array([0, 1, 1, 1, 0, -1, -1, -1])
_ACROSS = np.array([1, 1, 0, -1, -1, -1, 0, 1])


@dataclass(frozen=True)
class Layout:
    """A raster cut into square tiles, numbered row by row.

    Parameters
    ----------
    rows, columns : int, of the raster
    size : int, rows and columns of a tile; those at the south and east ends may be smaller

    Examples
    --------
    >>> layout = Layout(5, 7, 3)
    >>> layout.count, layout.tile(2).box
    (6, (0, 3, 6, 7))
    """

    rows: int
    columns: int
    size: int

    def __post_init__(self) -> None:
        if min(self.rows, self.columns, self.size) < 1:
            raise ValueError(f"Layout of {self.rows} x {self.columns} cells in tiles of {self.size} must be positive")

    @property
    def across(self) -> int:
        """Tiles side by side."""
        return -(-self.columns // self.size)

    @property
    def count(self) -> int:
        """Number of tiles."""
        return self.across * -(-self.rows // self.size)

    def tile(self, number: int) -> Tile:
        """Tile of that number."""
        down, across = divmod(number, self.across)
        return Tile(self, number, down * self.size, across * self.size)

    def tile_of(self, cell: IntArray) -> IntArray:
        """Number of the tile that holds each cell of the raster."""
        row, column = np.divmod(cell, self.columns)
        return np.asarray(row // self.size * self.across + column // self.size, dtype=np.int64)

    def step(self, cell: IntArray, k: Array) -> IntArray:
        """Neighbour in direction k of each cell of the raster."""
        return np.asarray(cell + _DOWN[k] * self.columns + _ACROSS[k], dtype=np.int64)

    def on_frame(self, cell: IntArray) -> npt.NDArray[np.bool_]:
        """Whether each cell lies in the first or last row or column."""
        row, column = np.divmod(cell, self.columns)
        return np.asarray((row == 0) | (row == self.rows - 1) | (column == 0) | (column == self.columns - 1))


@dataclass(frozen=True)
class Tile:
    """One tile and its window: the tile with a rim of one cell where the raster goes on.

    Parameters
    ----------
    layout : Layout
    number : int
    row, column : int, first of the tile
    """

    layout: Layout
    number: int
    row: int
    column: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """First row, last row, first column, last column of the tile in the raster, the last ones excluded."""
        end = (
            min(self.row + self.layout.size, self.layout.rows),
            min(self.column + self.layout.size, self.layout.columns),
        )
        return self.row, end[0], self.column, end[1]

    def window(self, rim: int = 1) -> tuple[int, int, int, int]:
        """The box with a rim of that many cells, as far as the raster goes."""
        top, bottom, left, right = self.box
        return (
            max(top - rim, 0), min(bottom + rim, self.layout.rows),
            max(left - rim, 0), min(right + rim, self.layout.columns),
        )  # fmt: skip

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the window."""
        top, bottom, left, right = self.window()
        return bottom - top, right - left

    @cached_property
    def core(self) -> IntArray:
        """(4,) int64, the box in rows and columns of the window."""
        top, bottom, left, right = self.box
        first = self.window()
        return np.array([top - first[0], bottom - first[0], left - first[2], right - first[2]], dtype=np.int64)

    @property
    def inner(self) -> tuple[slice, slice]:
        """Slices that take the tile from arrays on the window."""
        a, b, c, d = self.core.tolist()
        return slice(a, b), slice(c, d)

    @property
    def offset(self) -> IntArray:
        """(8,) int64, index steps of the directions in the window."""
        return np.asarray(_DOWN * self.shape[1] + _ACROSS, dtype=np.int64)

    def to_raster(self, cell: Array) -> IntArray:
        """Cells of the raster from cells of the window."""
        row, column = np.divmod(np.asarray(cell, dtype=np.int64), self.shape[1])
        first = self.window()
        return np.asarray((row + first[0]) * self.layout.columns + column + first[2], dtype=np.int64)

    def to_window(self, cell: Array) -> IntArray:
        """Cells of the window from cells of the raster."""
        row, column = np.divmod(np.asarray(cell, dtype=np.int64), self.layout.columns)
        first = self.window()
        return np.asarray((row - first[0]) * self.shape[1] + column - first[2], dtype=np.int64)

    @cached_property
    def border(self) -> IntArray:
        """Cells of the tile beside the rim, in the window, ascending."""
        a, b, c, d = self.core.tolist()
        rows, columns = self.shape
        marked = np.zeros(self.shape, dtype=np.bool_)
        for edge, beside in ((a, a > 0), (b - 1, b < rows)):
            marked[edge, c:d] |= beside
        for edge, beside in ((c, c > 0), (d - 1, d < columns)):
            marked[a:b, edge] |= beside
        return np.flatnonzero(marked)

    @cached_property
    def rim(self) -> IntArray:
        """Cells of the window that are not of the tile, ascending."""
        outside = np.ones(self.shape, dtype=np.bool_)
        outside[self.inner] = False
        return np.flatnonzero(outside)


def grouped(number: IntArray, count: int) -> list[IntArray]:
    """Places in `number` of each value 0 .. count - 1, in order."""
    order = np.argsort(number, kind="stable")
    return np.split(order, np.searchsorted(number[order], np.arange(1, count)))


def place_of(sorted_cells: IntArray, cell: IntArray) -> IntArray:
    """Places of cells in an ascending list that holds them all."""
    found = np.searchsorted(sorted_cells, cell)
    assert found.size == 0 or (found.max() < sorted_cells.size and (sorted_cells[found] == cell).all()), "unknown cell"
    return np.asarray(found, dtype=np.int64)

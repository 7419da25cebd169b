"""Grid and Terrain: what the terrain room takes and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.arrays import BoolArray, ByteArray, Float32Array, FloatArray, IntArray, canonicalise
from sim.terrain.rules import Depressions
from sim.terrain.strips import index_type

#: kinds of outlet in `Terrain.outlet_kind`
NOT_OUTLET, EDGE_OUTLET, NODATA_OUTLET, KEPT_SINK = 0, 1, 2, 3

#: codes in `Terrain.direction` beyond the eight neighbours
EDGE_CODE, NODATA_CODE, KEPT_CODE, INVALID_CODE = 8, 9, 10, 15

_KIND_OF_CODE = np.array([0] * 8 + [EDGE_OUTLET, NODATA_OUTLET, KEPT_SINK] + [0] * 5, dtype=np.uint8)

#: row and column steps of the directions
STEPS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))


def receivers_of(direction: ByteArray, columns: int) -> IntArray:
    """(ncell,) int64 flat receiving cells of direction codes, -1 for outlets and invalid cells.

    Examples
    --------
    >>> receivers_of(np.array([0, 0, 8], dtype=np.uint8), 3).tolist()
    [1, 2, -1]
    """
    step = np.array([rows * columns + across for rows, across in STEPS] + [0] * 8, dtype=np.int64)
    receiver = step[direction]
    receiver += np.arange(direction.size, dtype=np.int64)
    receiver[direction >= EDGE_CODE] = -1
    return receiver


def directions_of(receiver: IntArray, shape: tuple[int, int], outlet: ByteArray) -> tuple[ByteArray, int]:
    """Direction codes of flat receiving cells, and the first cell whose receiver is no neighbour (-1 if none).

    Parameters
    ----------
    receiver : (ncell,) int64, -1 for outlets and invalid cells
    shape : rows and columns
    outlet : (ncell,) uint8, code to take where there is no receiver

    Examples
    --------
    >>> codes, fault = directions_of(np.array([1, 2, -1]), (1, 3), np.full(3, 8, dtype=np.uint8))
    >>> codes.tolist(), fault
    ([0, 0, 8], -1)
    """
    rows, columns = shape
    cell = np.arange(receiver.size, dtype=np.int64)
    drains = receiver != -1
    to = np.where(drains, receiver, cell)
    down, across = to // columns - cell // columns, to % columns - cell % columns
    table = np.full((3, 3), INVALID_CODE, dtype=np.uint8)
    for code, (a, b) in enumerate(STEPS):
        table[a + 1, b + 1] = code
    near = (np.abs(down) <= 1) & (np.abs(across) <= 1) & (to >= 0) & (to < rows * columns)
    direction = np.where(drains, table[np.where(near, down, 0) + 1, np.where(near, across, 0) + 1], outlet)
    bad = np.flatnonzero(drains & (~near | (to == cell)))
    return direction.astype(np.uint8), int(bad[0]) if bad.size else -1


@dataclass(frozen=True, slots=True)
class Grid:
    """Elevations on a metric, north-up grid.

    Parameters
    ----------
    elevation : (ny, nx) float32, m; 0 where not valid
    valid : (ny, nx) bool
    transform : six floats ``(a, b, c, d, e, f)``; x = a*col + b*row + c, y = d*col + e*row + f,
        for the upper left corner of a cell. North-up: b = d = 0, a > 0, e < 0.
    crs_wkt : str, WKT of a projected CRS in metres
    label : str, where the elevations come from, as shown on figures
    illustrative : bool, True when the terrain was built from few points rather than measured
    notes : what was chosen on the way (crop, reprojection, resolution, nodata)
    """

    elevation: Float32Array
    valid: BoolArray
    transform: tuple[float, float, float, float, float, float]
    crs_wkt: str
    label: str
    illustrative: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        canonicalise(self, elevation=(np.float32, (-1, -1)), valid=(np.bool_, self.elevation.shape))
        a, b, _, d, e, _ = self.transform
        if b != 0.0 or d != 0.0 or a <= 0.0 or e >= 0.0:
            raise ValueError(f"Grid.transform must be north-up, got {self.transform}")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.elevation.shape

    @property
    def cell_width(self) -> float:
        """Cell size from west to east, m."""
        return self.transform[0]

    @property
    def cell_height(self) -> float:
        """Cell size from south to north, m."""
        return -self.transform[4]

    @property
    def cell_area(self) -> float:
        """Area of a cell, m2."""
        return self.cell_width * self.cell_height

    def centre(self, cell: IntArray) -> tuple[FloatArray, FloatArray]:
        """x, y (m) of the centres of flat cell indices."""
        row, column = np.divmod(np.asarray(cell, dtype=np.int64), self.shape[1])
        a, _, c, _, e, f = self.transform
        return a * (column + 0.5) + c, e * (row + 0.5) + f

    def cell_at(self, x: FloatArray, y: FloatArray) -> IntArray:
        """Flat index of the cell that holds each point; -1 outside the grid."""
        a, _, c, _, e, f = self.transform
        column = np.floor((np.asarray(x, dtype=np.float64) - c) / a).astype(np.int64)
        row = np.floor((np.asarray(y, dtype=np.float64) - f) / e).astype(np.int64)
        inside = (row >= 0) & (row < self.shape[0]) & (column >= 0) & (column < self.shape[1])
        return np.where(inside, row * self.shape[1] + column, -1)


@dataclass(frozen=True, slots=True)
class EdgeEntry:
    """A valley cut by the edge of the terrain through which water may enter undeclared.

    inward : whether its flow path leads into the terrain; on a coarse raster the first kilometres of a valley through
        which a river enters often drain out over the edge, because the edge is an outlet
    """

    cell: int
    x: float
    y: float
    elevation: float
    prominence: float
    inward: bool = True


@dataclass(frozen=True, slots=True)
class Terrain:
    """Conditioned surface and the flow paths on it; the same contract for every engine.

    Cells are numbered in 32 bits where that is enough (see `sim.terrain.strips.index_type`): terrain work waits for
    memory, and half the words are half the waiting.

    Parameters
    ----------
    grid : Grid, as given
    conditioned : (ny, nx) float32, m, surface after filling and carving (burned lines included)
    direction : (ncell,) uint8, 0 to 7 for a neighbour (E, SE, S, SW, W, NW, N, NE), 8 for an outlet at the frame, 9 for
        one beside an invalid cell, 10 for a kept sink, 15 where not valid
    order : (nvalid,) uint32 or int64, valid cells so that every cell stands before its receiver
    upstream_cells : (ncell,) uint32 or int64, number of valid cells draining through each cell, itself included; 0 if
        invalid
    engine : str, "native" or "whitebox ..." with its version
    method : str, one sentence on conditioning, D8 rule and tie order
    entries : valleys cut by the edge
    depressions : Depressions, what was decided for each; empty for engines that do not tell
    """

    grid: Grid
    conditioned: Float32Array
    direction: ByteArray
    order: npt.NDArray[Any]
    upstream_cells: npt.NDArray[Any]
    engine: str
    method: str
    entries: tuple[EdgeEntry, ...] = ()
    depressions: Depressions = field(default_factory=Depressions.none)
    _receiver: IntArray | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ncell = self.grid.elevation.size
        index, _ = index_type(ncell)
        canonicalise(
            self,
            conditioned=(np.float32, self.grid.shape),
            direction=(np.uint8, (ncell,)),
            order=(index, (int(np.count_nonzero(self.grid.valid)),)),
            upstream_cells=(index, (ncell,)),
        )

    @property
    def receiver(self) -> IntArray:
        """(ncell,) int64, flat index of the cell each cell drains to; -1 for outlets and invalid cells.

        Worked out from the directions on first use and kept: eight bytes a cell.
        """
        if self._receiver is None:
            receiver = receivers_of(self.direction, self.grid.shape[1])
            receiver.flags.writeable = False
            object.__setattr__(self, "_receiver", receiver)
            return receiver
        return self._receiver

    @property
    def outlet_kind(self) -> ByteArray:
        """(ncell,) uint8, NOT_OUTLET, EDGE_OUTLET, NODATA_OUTLET or KEPT_SINK."""
        return _KIND_OF_CODE[self.direction]

    @property
    def area(self) -> FloatArray:
        """(ncell,) drainage area of every cell, m2, itself included."""
        return np.asarray(self.upstream_cells * self.grid.cell_area, dtype=np.float64)

    @property
    def raised_cells(self) -> int:
        """Number of cells that conditioning raised."""
        return int(np.count_nonzero((self.conditioned > self.grid.elevation) & self.grid.valid))

    @property
    def lowered_cells(self) -> int:
        """Number of cells that conditioning (or burning) lowered."""
        return int(np.count_nonzero((self.conditioned < self.grid.elevation) & self.grid.valid))

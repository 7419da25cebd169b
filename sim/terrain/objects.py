"""Grid and Terrain: what the terrain room takes and what it gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.arrays import BoolArray, ByteArray, Float32Array, FloatArray, IntArray, canonicalise

#: kinds of outlet in `Terrain.outlet_kind`
NOT_OUTLET, EDGE_OUTLET, NODATA_OUTLET, KEPT_SINK = 0, 1, 2, 3


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

    Parameters
    ----------
    grid : Grid, as given
    conditioned : (ny, nx) float32, m, surface after filling and carving (burned lines included)
    receiver : (ncell,) int64, flat index of the cell each cell drains to; -1 for outlets and invalid cells
    order : (nvalid,) int64, valid cells so that every cell stands before its receiver
    upstream_cells : (ncell,) int64, number of valid cells draining through each cell, itself included; 0 if invalid
    outlet_kind : (ncell,) uint8, NOT_OUTLET, EDGE_OUTLET, NODATA_OUTLET or KEPT_SINK
    engine : str, "native" or "whitebox ..." with its version
    method : str, one sentence on conditioning, D8 rule and tie order
    entries : valleys cut by the edge
    """

    grid: Grid
    conditioned: Float32Array
    receiver: IntArray
    order: IntArray
    upstream_cells: IntArray
    outlet_kind: ByteArray
    engine: str
    method: str
    entries: tuple[EdgeEntry, ...] = ()

    def __post_init__(self) -> None:
        ncell = self.grid.elevation.size
        canonicalise(
            self,
            conditioned=(np.float32, self.grid.shape),
            receiver=(np.int64, (ncell,)),
            order=(np.int64, (int(self.grid.valid.sum()),)),
            upstream_cells=(np.int64, (ncell,)),
            outlet_kind=(np.uint8, (ncell,)),
        )

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

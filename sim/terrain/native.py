"""The native terrain engine: conditioning, D8 flow paths and what follows from them."""

from __future__ import annotations

import numpy as np

from sim.arrays import BoolArray, ByteArray, Float32Array, FloatArray, IntArray
from sim.errors import DataError
from sim.terrain import _kernels, _kernels_surface
from sim.terrain.edges import edge_entries
from sim.terrain.objects import KEPT_SINK, NOT_OUTLET, Grid, Terrain

TIE_ORDER = "E, SE, S, SW, W, NW, N, NE"

_SENTENCE = {
    "carve": "complete breaching along the priority flood",
    "fill": "priority-flood fill, flats drained in flood order",
}


def condition_native(
    grid: Grid,
    *,
    conditioning: str = "carve",
    kept_sinks: IntArray | None = None,
    burned: BoolArray | None = None,
    burn_depth: float = 0.0,
) -> Terrain:
    """Remove depressions and give every cell the one cell it drains to.

    Every valid cell reaches an outlet: a cell of the frame or beside an invalid cell that has no lower neighbour, or
    a kept sink. Among strictly lower neighbours the steepest slope with true cell distances wins; ties go to the
    first of E, SE, S, SW, W, NW, N, NE. Level cells follow the flood.

    Parameters
    ----------
    grid : Grid
    conditioning : "carve" lowers the path from each pit to its outlet; "fill" raises each depression to its outlet
    kept_sinks : (s,) int64, flat cells that stay outlets
    burned : (ncell,) bool, cells lowered by `burn_depth` beforehand, river lines as a rule
    burn_depth : float, m, at least 0

    Raises
    ------
    DataError
        LS-304 if no cell is valid, LS-305 if one is not finite, LS-311 if there are 2**32 or more.
    ValueError
        If an argument contradicts the grid.

    References
    ----------
    Barnes, Lehman, Mulla 2014, doi 10.1016/j.cageo.2013.04.024; Lindsay 2016, doi 10.1002/hyp.10648.

    Examples
    --------
    >>> from sim.testing.terrain import cone
    >>> terrain = condition_native(cone(9))
    >>> int(terrain.upstream_cells[terrain.receiver == -1].sum())
    81
    """
    if conditioning not in _SENTENCE:
        raise ValueError(f"conditioning must be one of {sorted(_SENTENCE)}, got {conditioning!r}")
    require_valid_cells(grid)
    kept = _kept_mask(grid, kept_sinks)
    surface = burn(grid, burned, burn_depth)
    kind = natural_outlets(grid)
    kind[kept] = KEPT_SINK
    fill = conditioning == "fill"
    level, parent, rank = _flood(grid, surface, kind, raise_to_level=fill)
    if fill:
        conditioned = level
    else:
        conditioned = surface.ravel()
        _kernels.carve(parent, rank, conditioned)
    conditioned = conditioned.reshape(grid.shape)
    receiver = np.empty(grid.elevation.size, dtype=np.int64)
    _kernels.receivers(conditioned, grid.valid, parent, kept, grid.cell_width, grid.cell_height, receiver)
    method = _SENTENCE[conditioning]
    if burned is not None and burn_depth > 0.0:
        method += f", river lines lowered by {burn_depth:g} m first"
    method += f"; D8 by steepest slope with true distances, ties in the order {TIE_ORDER}"
    return terrain_from_receivers(grid, conditioned, receiver, np.flatnonzero(kept), "native", method)


def terrain_from_receivers(
    grid: Grid,
    conditioned: Float32Array,
    receiver: IntArray,
    kept_sinks: IntArray,
    engine: str,
    method: str,
) -> Terrain:
    """Complete a `Terrain` from a conditioned surface and receivers, whichever engine they come from.

    Parameters
    ----------
    grid : Grid
    conditioned : (ny, nx) float32, m
    receiver : (ncell,) int64, -1 for outlets and invalid cells
    kept_sinks : (s,) int64, flat cells; flow ends there even if the engine passed it on
    engine, method : str, as in `Terrain`

    Raises
    ------
    DataError
        LS-304 if no cell is valid; LS-312 if the receivers form a loop, leave the grid or end inside it.
    """
    require_valid_cells(grid)
    kept = _kept_mask(grid, kept_sinks)
    receiver = np.array(receiver, dtype=np.int64)
    if receiver.shape != (grid.elevation.size,):
        raise ValueError(f"receiver has shape {receiver.shape}, expected {(grid.elevation.size,)}")
    receiver[kept] = -1
    valid = grid.valid.ravel()
    order = np.empty(int(valid.sum()), dtype=np.int64)
    cells = np.empty(valid.size, dtype=np.int64)
    status, at = _kernels.order_and_accumulate(
        valid, receiver, grid.shape[1], np.empty(valid.size, dtype=np.int64), order, cells
    )
    if status != _kernels.OK:
        what = "flow path runs in a loop" if status == _kernels.CYCLE else "cell drains to no neighbour of its own"
        raise _engine_failed(grid, engine, at, what)
    kind = natural_outlets(grid)
    kind[receiver >= 0] = NOT_OUTLET
    kind[kept] = KEPT_SINK
    dangling = np.flatnonzero(valid & (receiver == -1) & (kind == NOT_OUTLET))
    if dangling.size:
        raise _engine_failed(grid, engine, int(dangling[0]), f"{dangling.size} flow paths end inside the terrain")
    return Terrain(
        grid=grid,
        conditioned=conditioned,
        receiver=receiver,
        order=order,
        upstream_cells=cells,
        outlet_kind=kind,
        engine=engine,
        method=method,
        entries=edge_entries(grid, receiver),
    )


def height_above_drainage(terrain: Terrain, channel: BoolArray) -> tuple[Float32Array, IntArray, FloatArray]:
    """Height of every cell above the channel cell its flow path reaches first.

    Parameters
    ----------
    terrain : Terrain
    channel : (ncell,) bool

    Returns
    -------
    height : (ncell,) float32, m, on the conditioned surface; nan where no channel lies downhill
    drains_to : (ncell,) int64, that channel cell; -1 where there is none
    distance : (ncell,) float64, m along the flow path; nan where there is none

    References
    ----------
    Nobre et al. 2011, doi 10.1016/j.jhydrol.2011.03.051.
    """
    channel = np.ascontiguousarray(channel, dtype=np.bool_)
    ncell = terrain.grid.elevation.size
    if channel.shape != (ncell,):
        raise ValueError(f"channel has shape {channel.shape}, expected {(ncell,)}")
    height = np.full(ncell, np.nan, dtype=np.float32)
    drains_to = np.full(ncell, -1, dtype=np.int64)
    distance = np.full(ncell, np.nan, dtype=np.float64)
    _kernels_surface.height_above_drainage(
        terrain.order, terrain.receiver, terrain.conditioned.ravel(), channel, terrain.grid.shape[1],
        terrain.grid.cell_width, terrain.grid.cell_height, height, drains_to, distance,
    )  # fmt: skip
    return height, drains_to, distance


def slope(grid: Grid) -> Float32Array:
    """Gradient of the ground, rise over run, (ny, nx) float32; nan where not valid.

    References
    ----------
    Horn 1981, doi 10.1109/PROC.1981.11918.

    Examples
    --------
    >>> from sim.testing.terrain import plane
    >>> float(slope(plane((3, 3), fall_east=0.25)).max())
    0.25
    """
    out = np.empty(grid.shape, dtype=np.float32)
    _kernels_surface.slope(grid.elevation, grid.valid, grid.cell_width, grid.cell_height, out)
    return out


def filled_surface(grid: Grid) -> Float32Array:
    """Lowest surface without depressions that lies nowhere below the ground, (ny, nx) float32, m."""
    require_valid_cells(grid)
    level, _, _ = _flood(grid, grid.elevation.copy(), natural_outlets(grid), raise_to_level=True)
    return level.reshape(grid.shape)


def depression_sinks(grid: Grid, min_depth: float, min_area: float) -> IntArray:
    """Lowest cell of every depression at least this deep and large, to keep real sinks by rule.

    Parameters
    ----------
    grid : Grid
    min_depth : float, m, greatest depth below the outlet
    min_area : float, m2, area that a fill would raise

    Returns
    -------
    (s,) int64, flat cells in ascending order
    """
    level = filled_surface(grid).ravel()
    n = level.size
    lowest = np.empty(n, dtype=np.int64)
    depth = np.empty(n, dtype=np.float64)
    cells = np.empty(n, dtype=np.int64)
    count = _kernels_surface.depressions(
        grid.elevation.ravel(), level, grid.valid.ravel(), grid.shape[1], np.zeros(n, dtype=np.bool_),
        np.empty(n, dtype=np.int64), lowest, depth, cells,
    )  # fmt: skip
    real = (depth[:count] >= min_depth) & (cells[:count] * grid.cell_area >= min_area)
    return np.sort(lowest[:count][real])


def natural_outlets(grid: Grid) -> ByteArray:
    """(ncell,) uint8: EDGE_OUTLET on the frame, NODATA_OUTLET beside invalid cells, NOT_OUTLET elsewhere."""
    kind = np.empty(grid.elevation.size, dtype=np.uint8)
    _kernels.seeds(grid.valid, kind)
    return kind


def burn(grid: Grid, burned: BoolArray | None, burn_depth: float) -> Float32Array:
    """Copy of the elevation with the burned cells lowered by `burn_depth`, (ny, nx) float32, m."""
    if not (np.isfinite(burn_depth) and burn_depth >= 0.0):
        raise ValueError(f"burn_depth must be finite and not negative, got {burn_depth}")
    surface = grid.elevation.copy()
    if burned is not None and burn_depth > 0.0:
        surface[np.asarray(burned, dtype=np.bool_).reshape(grid.shape) & grid.valid] -= np.float32(burn_depth)
    return surface


def require_valid_cells(grid: Grid) -> None:
    """Raise LS-304 if no cell of `grid` is valid and LS-305 if a valid one is not finite."""
    if not grid.valid.any():
        raise DataError(
            304,
            grid.label,
            got=f"{grid.shape[0]} x {grid.shape[1]} cells, none valid",
            expected="At least one cell must hold an elevation",
            remedy="Check bounds and nodata of the raster",
        )
    bad = grid.valid & ~np.isfinite(grid.elevation)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise DataError(
            305,
            f"{grid.label}: row {row}, column {column}",
            got=str(grid.elevation[row, column]),
            expected="Elevations must be finite numbers",
            remedy="Declare such cells as nodata",
        )


def _flood(
    grid: Grid, surface: Float32Array, kind: ByteArray, *, raise_to_level: bool
) -> tuple[Float32Array, IntArray, IntArray]:
    ncell, nvalid = grid.elevation.size, int(grid.valid.sum())
    if nvalid >= _kernels.COUNTER_LIMIT:
        raise DataError(
            311,
            grid.label,
            got=f"{nvalid} valid cells",
            expected=f"The native engine takes fewer than {_kernels.COUNTER_LIMIT} cells",
            remedy="Choose a coarser terrain.resolution or smaller terrain.bounds",
        )
    level = np.empty(ncell, dtype=np.float32)
    parent = np.empty(ncell, dtype=np.int64)
    rank = np.empty(nvalid, dtype=np.int64)
    z = surface.ravel() + np.float32(0.0)  # a negative zero would sort before zero
    # every connected patch of valid cells has an edge, so the flood reaches them all
    _kernels.flood(
        z, z.view(np.int32), grid.valid, kind, raise_to_level,
        np.empty(nvalid, dtype=np.int64), np.empty(nvalid, dtype=np.int64), np.empty(nvalid, dtype=np.int64),
        level, parent, rank,
    )  # fmt: skip
    return level, parent, rank


def _kept_mask(grid: Grid, kept_sinks: IntArray | None) -> BoolArray:
    kept = np.zeros(grid.elevation.size, dtype=np.bool_)
    if kept_sinks is None:
        return kept
    cells = np.asarray(kept_sinks, dtype=np.int64).ravel()
    if cells.size and (cells.min() < 0 or cells.max() >= kept.size or not grid.valid.ravel()[cells].all()):
        raise ValueError("kept_sinks must be flat indices of valid cells")
    kept[cells] = True
    return kept


def _engine_failed(grid: Grid, engine: str, cell: int, what: str) -> DataError:
    row, column = divmod(int(cell), grid.shape[1])
    return DataError(
        312,
        f"terrain engine {engine}: row {row}, column {column}",
        got=what,
        expected="Every cell must drain to a neighbour or leave at the edge, at nodata or in a kept sink",
        remedy='Set terrain.engine = "native"',
    )

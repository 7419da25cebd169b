"""The native terrain engine: conditioning, D8 flow paths and what follows from them."""

from __future__ import annotations

import numpy as np

from sim.arrays import BoolArray, ByteArray, Float32Array, IntArray
from sim.errors import DataError
from sim.terrain import _kernels
from sim.terrain.basins import drain
from sim.terrain.edges import edge_entries
from sim.terrain.objects import (
    EDGE_CODE,
    INVALID_CODE,
    KEPT_CODE,
    NODATA_CODE,
    Grid,
    Terrain,
    directions_of,
)
from sim.terrain.ordering import topological_order
from sim.terrain.rules import SHALLOW, Rule, Rules
from sim.terrain.strips import Pool, Progress, usable_threads

#: code of an outlet by `natural_outlets`
_CODE_OF_KIND = np.array([INVALID_CODE, EDGE_CODE, NODATA_CODE, KEPT_CODE], dtype=np.uint8)

TIE_ORDER = "E, SE, S, SW, W, NW, N, NE"

_SENTENCE = {
    "auto": "depressions at most {depth:g} m deep carved, deeper ones filled",
    "carve": "depressions carved open over their lowest passes",
    "fill": "depressions filled to their lowest passes",
}


def condition_native(
    grid: Grid,
    *,
    conditioning: str = "auto",
    carve_depth: float = SHALLOW,
    rules: tuple[Rule, ...] = (),
    kept_sinks: IntArray | None = None,
    burned: BoolArray | None = None,
    burn_depth: float = 0.0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Terrain:
    """Give every cell the one cell it drains to, and decide for each depression whether it is kept, filled or carved.

    Every valid cell reaches an outlet (a cell of the frame or beside an invalid cell) or a kept sink. On the surface as
    given, after burning, the steepest slope with true cell distances wins among strictly lower neighbours; ties go to
    the first of E, SE, S, SW, W, NW, N, NE; level ground drains the shortest way. From the lowest cell of a depression
    the way over its lowest pass is opened. See `sim.terrain.basins`.

    Parameters
    ----------
    grid : Grid
    conditioning : "auto" carves what is at most `carve_depth` deep and fills the rest; "carve" lowers the path from
        each pit to its outlet; "fill" raises each depression to its outlet. Flow paths are the same.
    carve_depth : float, m
    rules : tuple of Rule, looked at first; the first that fits a depression decides
    kept_sinks : (s,) int64, flat cells that stay outlets
    burned : (ncell,) bool, cells lowered by `burn_depth` beforehand, river lines as a rule
    burn_depth : float, m, at least 0
    threads : int; None for as many as numba was given. The answer does not depend on it.
    progress : called with stage and share done

    Raises
    ------
    DataError
        LS-304 if no cell is valid, LS-305 if one is not finite.
    ValueError
        If an argument contradicts the grid.

    References
    ----------
    Cordonnier, Bovy, Braun 2019, doi 10.5194/esurf-7-549-2019; Lindsay 2016, doi 10.1002/hyp.10648.

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
    _check_depth(burn_depth)
    if not carve_depth >= 0.0:
        raise ValueError(f"carve_depth must not be negative, got {carve_depth}")
    kept = _kept_cells(grid, kept_sinks)
    surface = burn(grid, burned, burn_depth) if burned is not None and burn_depth > 0.0 else grid.elevation
    found = drain(
        surface,
        None if grid.valid.all() else grid.valid,
        cell_width=grid.cell_width,
        cell_height=grid.cell_height,
        rules=Rules.of(conditioning, *rules, carve_depth=carve_depth),
        kept_sinks=kept,
        threads=threads,
        progress=progress,
    )
    conditioned, depressions = found.conditioned, found.depressions
    assert conditioned is not None
    assert depressions is not None
    method = "basins joined over their lowest passes, " + _SENTENCE[conditioning].format(depth=carve_depth)
    if rules:
        method += f", unless one of {len(rules)} rules decides"
    if surface is not grid.elevation:
        method += f", river lines lowered by {burn_depth:g} m first"
    method += f"; D8 by steepest slope with true distances, ties in the order {TIE_ORDER}"
    for array in (conditioned, found.direction, found.order, found.upstream_cells):
        array.flags.writeable = False
    return Terrain(
        grid=grid,
        conditioned=conditioned,
        direction=found.direction,
        order=found.order,
        upstream_cells=found.upstream_cells,
        engine="native",
        method=method,
        entries=edge_entries(grid, found.direction),
        depressions=depressions,
    )


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
    receiver = np.array(receiver, dtype=np.int64)
    if receiver.shape != (grid.elevation.size,):
        raise ValueError(f"receiver has shape {receiver.shape}, expected {(grid.elevation.size,)}")
    kept = _kept_cells(grid, kept_sinks)
    receiver[kept] = -1
    outlet = _CODE_OF_KIND[natural_outlets(grid)]
    outlet[kept] = KEPT_CODE
    direction, fault = directions_of(receiver, grid.shape, outlet)
    valid = grid.valid.ravel()
    drains = receiver != -1
    if fault < 0:
        astray = np.flatnonzero(drains & ~(valid & valid[np.where(drains, receiver, 0)]))
        fault = int(astray[0]) if astray.size else -1
    if fault >= 0:
        raise _engine_failed(grid, engine, fault, "cell drains to no neighbour of its own")
    dangling = np.flatnonzero(valid & (direction == INVALID_CODE))
    if dangling.size:
        raise _engine_failed(grid, engine, int(dangling[0]), f"{dangling.size} flow paths end inside the terrain")
    order, cells = topological_order(direction.reshape(grid.shape), grid.valid, Pool(usable_threads(None)))
    if order.size != np.count_nonzero(valid):
        left = valid.copy()
        left[order] = False
        raise _engine_failed(grid, engine, int(np.argmax(left)), "flow path runs in a loop")
    return Terrain(
        grid=grid,
        conditioned=conditioned,
        direction=direction,
        order=order,
        upstream_cells=cells,
        engine=engine,
        method=method,
        entries=edge_entries(grid, direction),
    )


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
    _kernels.slope(grid.elevation, grid.valid, grid.cell_width, grid.cell_height, out)
    return out


def filled_surface(grid: Grid) -> Float32Array:
    """Lowest surface without depressions that lies nowhere below the ground, (ny, nx) float32, m.

    Examples
    --------
    >>> from sim.testing.terrain import bowl
    >>> float((filled_surface(bowl(5)) - bowl(5).elevation).min())
    0.0
    """
    require_valid_cells(grid)
    found = drain(grid.elevation, grid.valid, rules=Rules.of("fill"), measure=False).conditioned
    assert found is not None
    return np.asarray(found, dtype=np.float32)


def depression_sinks(grid: Grid, min_depth: float, min_area: float) -> IntArray:
    """Lowest cell of every depression at least this deep and large.

    Parameters
    ----------
    grid : Grid
    min_depth : float, m, greatest depth below the outlet
    min_area : float, m2, area that a fill would raise

    Returns
    -------
    (s,) int64, flat cells in ascending order
    """
    require_valid_cells(grid)
    found = drain(
        grid.elevation, grid.valid, cell_width=grid.cell_width, cell_height=grid.cell_height, conditioned=False
    ).depressions
    assert found is not None
    real = (found.depth >= min_depth) & (found.cells * grid.cell_area >= min_area)
    return np.asarray(found.lowest[real])


def natural_outlets(grid: Grid) -> ByteArray:
    """(ncell,) uint8: EDGE_OUTLET on the frame, NODATA_OUTLET beside invalid cells, NOT_OUTLET elsewhere."""
    kind = np.empty(grid.elevation.size, dtype=np.uint8)
    _kernels.seeds(grid.valid, kind)
    return kind


def burn(grid: Grid, burned: BoolArray | None, burn_depth: float) -> Float32Array:
    """Copy of the elevation with the burned cells lowered by `burn_depth`, (ny, nx) float32, m."""
    _check_depth(burn_depth)
    surface = grid.elevation.copy()
    if burned is not None and burn_depth > 0.0:
        surface[np.asarray(burned, dtype=np.bool_).reshape(grid.shape) & grid.valid] -= np.float32(burn_depth)
    return surface


def _check_depth(burn_depth: float) -> None:
    if not (np.isfinite(burn_depth) and burn_depth >= 0.0):
        raise ValueError(f"burn_depth must be finite and not negative, got {burn_depth}")


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


def _kept_cells(grid: Grid, kept_sinks: IntArray | None) -> IntArray:
    cells = np.unique(np.asarray([] if kept_sinks is None else kept_sinks, dtype=np.int64).ravel())
    if cells.size and (cells[0] < 0 or cells[-1] >= grid.valid.size or not grid.valid.ravel()[cells].all()):
        raise ValueError("kept_sinks must be flat indices of valid cells")
    return cells


def _engine_failed(grid: Grid, engine: str, cell: int, what: str) -> DataError:
    row, column = divmod(int(cell), grid.shape[1])
    return DataError(
        312,
        f"terrain engine {engine}: row {row}, column {column}",
        got=what,
        expected="Every cell must drain to a neighbour or leave at the edge, at nodata or in a kept sink",
        remedy='Set terrain.engine = "native"',
    )

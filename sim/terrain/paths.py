"""What follows from flow paths in one pass over their order: heights, distances, sums, stream orders, catchments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.arrays import BoolArray, ByteArray, Float32Array, FloatArray, IntArray
from sim.terrain import _kernels_paths
from sim.terrain.objects import STEPS, Terrain


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

    Examples
    --------
    >>> from sim.terrain import condition_native
    >>> from sim.testing.terrain import plane
    >>> terrain = condition_native(plane((3, 3), fall_east=2.0))
    >>> height, to, distance = height_above_drainage(terrain, np.arange(9) % 3 == 2)
    >>> height.reshape(3, 3)[1].tolist(), to.reshape(3, 3)[1].tolist()
    ([4.0, 2.0, 0.0], [5, 5, 5])
    """
    channel = _cells(terrain, channel, np.bool_, "channel")
    height, drains_to = _empty(terrain, np.float32, np.nan), _empty(terrain, np.int64, -1)
    distance = _empty(terrain, np.float64, np.nan)
    _kernels_paths.height_above_drainage(
        terrain.order, terrain.direction, terrain.conditioned.ravel(), channel, _offset(terrain), _step(terrain),
        height, drains_to, distance,
    )  # fmt: skip
    return height, drains_to, distance


def accumulate(terrain: Terrain, weight: FloatArray) -> FloatArray:
    """Sum of the weights of all cells that drain through each cell, itself included.

    Parameters
    ----------
    terrain : Terrain
    weight : (ncell,) float64, any unit; what stands in invalid cells is left out

    Returns
    -------
    (ncell,) float64, unit of the weight; 0 where not valid

    Examples
    --------
    >>> from sim.terrain import condition_native
    >>> from sim.testing.terrain import cone
    >>> terrain = condition_native(cone(9))
    >>> total = accumulate(terrain, np.full(81, 0.5))
    >>> float(total[terrain.receiver == -1].sum())
    40.5
    """
    total = np.where(terrain.grid.valid.ravel(), _cells(terrain, weight, np.float64, "weight"), 0.0)
    _kernels_paths.accumulate(terrain.order, terrain.direction, _offset(terrain), total)
    return total


def strahler_order(terrain: Terrain, channel: BoolArray) -> ByteArray:
    """Strahler order of every channel cell: 1 at springs, one more where two of the same order meet.

    Parameters
    ----------
    terrain : Terrain
    channel : (ncell,) bool

    Returns
    -------
    (ncell,) uint8, 0 outside channels

    References
    ----------
    Strahler 1957, doi 10.1029/TR038i006p00913.

    Examples
    --------
    >>> from sim.terrain import condition_native
    >>> from sim.testing.terrain import plane
    >>> terrain = condition_native(plane((3, 3), fall_east=2.0))
    >>> strahler_order(terrain, np.ones(9, dtype=bool)).tolist()
    [1, 1, 1, 1, 1, 1, 1, 1, 1]
    """
    order = np.zeros(terrain.direction.size, dtype=np.uint8)
    channel = _cells(terrain, channel, np.bool_, "channel")
    _kernels_paths.strahler(terrain.order, terrain.direction, _offset(terrain), channel, order)
    return order


def downstream_distance(terrain: Terrain, end: BoolArray | None = None) -> FloatArray:
    """Length of the flow path from every cell to the first cell of `end`, or to its outlet.

    Parameters
    ----------
    terrain : Terrain
    end : (ncell,) bool, channel cells as a rule; None for the outlets alone

    Returns
    -------
    (ncell,) float64, m; nan where not valid

    Examples
    --------
    >>> from sim.terrain import condition_native
    >>> from sim.testing.terrain import plane
    >>> downstream_distance(condition_native(plane((1, 3), fall_east=2.0))).tolist()
    [2.0, 1.0, 0.0]
    """
    return _down(terrain, np.ones(1), end)


def travel_time(terrain: Terrain, velocity: FloatArray, end: BoolArray | None = None) -> FloatArray:
    """Time water takes from every cell to the first cell of `end`, or to its outlet.

    Parameters
    ----------
    terrain : Terrain
    velocity : (ncell,) float64, m/s, positive where valid
    end : (ncell,) bool

    Returns
    -------
    (ncell,) float64, s; nan where not valid

    Raises
    ------
    ValueError
        If a velocity is not positive.

    Examples
    --------
    >>> from sim.terrain import condition_native
    >>> from sim.testing.terrain import plane
    >>> travel_time(condition_native(plane((1, 3), fall_east=2.0)), np.full(3, 0.5)).tolist()
    [4.0, 2.0, 0.0]
    """
    velocity = _cells(terrain, velocity, np.float64, "velocity")
    good = velocity > 0.0
    bad = np.flatnonzero(~good & terrain.grid.valid.ravel())
    if bad.size:
        value = velocity[bad[0]]
        raise ValueError(f"velocity must be positive in every valid cell, and is {value} m/s in cell {int(bad[0])}")
    slowness = np.divide(1.0, velocity, out=np.zeros_like(velocity), where=good)
    return _down(terrain, slowness, end)


def upstream_distance(terrain: Terrain) -> FloatArray:
    """Length of the longest flow path that ends in each cell.

    Returns
    -------
    (ncell,) float64, m; nan where not valid

    Examples
    --------
    >>> from sim.terrain import condition_native
    >>> from sim.testing.terrain import plane
    >>> upstream_distance(condition_native(plane((1, 3), fall_east=2.0))).tolist()
    [0.0, 1.0, 2.0]
    """
    distance = np.where(terrain.grid.valid.ravel(), 0.0, np.nan)
    _kernels_paths.distance_up(terrain.order, terrain.direction, _offset(terrain), _step(terrain), distance)
    return distance


def catchment_labels(terrain: Terrain, cells: IntArray) -> IntArray:
    """Number of the first of the given cells on each cell's flow path.

    Parameters
    ----------
    terrain : Terrain
    cells : (k,) int64 flat cells, valid, each at most once

    Returns
    -------
    (ncell,) int64, position in `cells`; -1 where the path passes none and where not valid

    Examples
    --------
    >>> from sim.terrain import condition_native
    >>> from sim.testing.terrain import plane
    >>> catchment_labels(condition_native(plane((1, 4), fall_east=2.0)), np.array([1, 2])).tolist()
    [0, 0, 1, -1]
    """
    label = np.full(terrain.direction.size, -1, dtype=np.int64)
    chosen = _chosen(terrain, cells)
    if np.unique(chosen).size < chosen.size:
        raise ValueError("cells must differ from one another")
    label[chosen] = np.arange(chosen.size)
    _kernels_paths.catchments(terrain.order, terrain.direction, _offset(terrain), label)
    return label


def upstream_mask(terrain: Terrain, cells: IntArray) -> BoolArray:
    """Whether the flow path of each cell passes one of the given cells; these included.

    Parameters
    ----------
    terrain : Terrain
    cells : (k,) int64 flat cells, valid

    Returns
    -------
    (ncell,) bool

    Raises
    ------
    ValueError
        If one is no valid cell; `Grid.cell_at` gives -1 for a point outside.

    Examples
    --------
    >>> from sim.terrain import condition_native
    >>> from sim.testing.terrain import plane
    >>> upstream_mask(condition_native(plane((1, 4), fall_east=2.0)), np.array([2])).tolist()
    [True, True, True, False]
    """
    mask = np.zeros(terrain.direction.size, dtype=np.bool_)
    mask[_chosen(terrain, cells)] = True
    _kernels_paths.upstream_mask(terrain.order, terrain.direction, _offset(terrain), mask)
    return mask


def _down(terrain: Terrain, factor: FloatArray, end: BoolArray | None) -> FloatArray:
    stop = np.zeros(0, dtype=np.bool_) if end is None else _cells(terrain, end, np.bool_, "end")
    distance: FloatArray = _empty(terrain, np.float64, np.nan)
    _kernels_paths.distance_down(
        terrain.order, terrain.direction, _offset(terrain), _step(terrain), factor, stop, distance
    )
    return distance


def _offset(terrain: Terrain) -> IntArray:
    columns = terrain.grid.shape[1]
    return np.array([rows * columns + across for rows, across in STEPS], dtype=np.int64)


def _step(terrain: Terrain) -> FloatArray:
    grid = terrain.grid
    return np.array([math.hypot(rows * grid.cell_height, across * grid.cell_width) for rows, across in STEPS])


def _chosen(terrain: Terrain, cells: IntArray) -> IntArray:
    """Return the given cells; refuses what is no valid cell."""
    chosen = np.asarray(cells)
    if chosen.size and chosen.dtype.kind not in "iu":
        raise ValueError(f"cells must be flat indices, got {chosen.dtype}")
    chosen = chosen.astype(np.int64).ravel()
    inside = (chosen >= 0) & (chosen < terrain.direction.size)
    inside[inside] = terrain.grid.valid.ravel()[chosen[inside]]
    if not inside.all():
        raise ValueError(f"cells must be valid cells of the terrain, and {int(chosen[~inside][0])} is not")
    return chosen


def _cells(terrain: Terrain, values: npt.ArrayLike, dtype: npt.DTypeLike, name: str) -> Any:
    array = np.ascontiguousarray(values, dtype=dtype)
    if array.shape != (terrain.direction.size,):
        raise ValueError(f"{name} has shape {array.shape}, expected {(terrain.direction.size,)}")
    return array


def _empty(terrain: Terrain, dtype: npt.DTypeLike, missing: float) -> Any:
    """Return an array a pass over the order fills, with `missing` where it does not come."""
    array = np.empty(terrain.direction.size, dtype=dtype)
    if not terrain.grid.valid.all():
        array[~terrain.grid.valid.ravel()] = missing
    return array

"""How far the flow paths of several engines or settings on one grid agree.

Conditioning decides where water goes on ground that the elevations do not decide. What changes between two defensible
ways of doing it is uncertain; what stays the same is not thereby right.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.arrays import BoolArray, ByteArray, FloatArray, IntArray
from sim.terrain import _kernels_compare
from sim.terrain.comparison import OUTLET_STEPS, BasinMatch, Comparison, FlowPaths, StreamOverlap, SurfaceChange
from sim.terrain.objects import EDGE_CODE, STEPS, Grid, Terrain
from sim.terrain.paths import catchment_labels

#: Steps within which streams of two settings are compared.
TOLERANCES = (1, 2, 5)
#: Largest basins that are matched one by one.
LARGEST_BASINS = 10


def flow_paths(name: str, terrain: Terrain, area: FloatArray, stream_area: float) -> FlowPaths:
    """Keep of a terrain what comparisons need.

    Parameters
    ----------
    name : str, the setting
    terrain : Terrain
    area : (ncell,) m2, drainage area that decides what a stream is; `terrain.area`, or with declared inflows
    stream_area : float, m2, least drainage area of a stream

    Raises
    ------
    ValueError
        If `area` does not fit the terrain or `stream_area` is not positive.

    Examples
    --------
    >>> from sim.terrain import condition_native
    >>> from sim.testing.terrain import valley
    >>> terrain = condition_native(valley(5, 2))
    >>> flow_paths("carve", terrain, terrain.area, 5.0).stream_cell.tolist()
    [2, 7, 12, 17, 22]
    """
    if area.shape != (terrain.grid.elevation.size,):
        raise ValueError(f"area has shape {area.shape}, expected {(terrain.grid.elevation.size,)}")
    if not stream_area > 0.0:
        raise ValueError(f"stream_area must be positive, got {stream_area}")
    grid = terrain.grid
    valid = grid.valid.ravel()
    stream = np.flatnonzero(valid & (area >= stream_area))
    ends = np.flatnonzero(valid & (terrain.direction >= EDGE_CODE))
    basin_area = terrain.upstream_cells[ends].astype(np.float64) * grid.cell_area
    largest_first = np.argsort(-basin_area, kind="stable")
    return FlowPaths(
        name=name,
        engine=terrain.engine,
        method=terrain.method,
        stream_cell=stream,
        stream_receiver=_receivers(terrain, stream),
        stream_area=area[stream],
        basin_outlet=ends[largest_first],
        basin_area=basin_area[largest_first],
        direction=terrain.direction,
        basin=catchment_labels(terrain, ends[largest_first]).astype(np.int32),
        change=surface_change(terrain),
    )


def _receivers(terrain: Terrain, cells: IntArray) -> IntArray:
    """Cells that the given ones drain to, -1 at outlets; without the eight bytes a cell of `Terrain.receiver`."""
    step = np.array([rows * terrain.grid.shape[1] + columns for rows, columns in STEPS] + [0] * 8, dtype=np.int64)
    code = terrain.direction[cells]
    return np.where(code < EDGE_CODE, cells + step[code], -1)


def surface_change(terrain: Terrain) -> SurfaceChange:
    """Return cells and volumes that conditioning (and burning) raised and lowered.

    Row blocks keep the memory small beside the raster; sums run in one order whatever the number of threads.
    """
    grid = terrain.grid
    counts, volumes, extremes = np.zeros(2, dtype=np.int64), np.zeros(2), np.zeros(2)
    for start in range(0, grid.shape[0], 256):
        rows = slice(start, start + 256)
        moved = terrain.conditioned[rows].astype(np.float64) - grid.elevation[rows]
        moved[~grid.valid[rows]] = 0.0
        for side, part in enumerate((moved, -moved)):
            up = np.maximum(part, 0.0)
            counts[side] += np.count_nonzero(up)
            volumes[side] += up.sum()
            extremes[side] = max(extremes[side], up.max(initial=0.0))
    volumes *= grid.cell_area
    return SurfaceChange(
        raised_cells=int(counts[0]),
        lowered_cells=int(counts[1]),
        raised_volume=float(volumes[0]),
        lowered_volume=float(volumes[1]),
        highest_raise=float(extremes[0]),
        deepest_cut=float(extremes[1]),
    )


def steps_to(cells: IntArray, shape: tuple[int, int], limit: int) -> ByteArray:
    """Steps to one of eight neighbours from each cell to the nearest of `cells`.

    Parameters
    ----------
    cells : (k,) int64, flat cells
    shape : rows, columns
    limit : int, 1 to 255; stands for that many steps or more

    Returns
    -------
    (ny, nx) uint8

    References
    ----------
    Rosenfeld and Pfaltz 1966, doi 10.1145/321356.321357.

    Examples
    --------
    >>> steps_to(np.array([0]), (2, 4), 3).tolist()
    [[0, 1, 2, 3], [1, 1, 2, 3]]
    """
    if not 1 <= limit <= 255:
        raise ValueError(f"limit must lie in 1..255, got {limit}")
    out = np.empty(shape, dtype=np.uint8)
    _kernels_compare.steps_to(cell_mask(cells, shape), limit, out)
    return out


def cell_mask(cells: IntArray, shape: tuple[int, int]) -> BoolArray:
    """(ny, nx) True at the given flat cells."""
    mask = np.zeros(shape[0] * shape[1], dtype=np.bool_)
    mask[cells] = True
    return mask.reshape(shape)


def stream_overlap(
    first: IntArray, second: IntArray, shape: tuple[int, int], steps: Sequence[int] = TOLERANCES
) -> StreamOverlap:
    """Compare two sets of stream cells.

    With the cells A and B, J = |A and B| / |A or B|. With tolerance a cell of A counts as matched when a cell of B
    lies at most one step away, and the other way round; with m the mean of the two matched counts and u_A, u_B the
    unmatched cells, J_1 = m / (m + u_A + u_B), which is J for a tolerance of zero (quality of Heipke et al. 1997).

    Parameters
    ----------
    first, second : int64, flat cells
    shape : rows, columns
    steps : distances, in steps to eight neighbours, for the shares

    References
    ----------
    Jaccard 1912, doi 10.1111/j.1469-8137.1912.tb05611.x; Heipke et al. 1997, ISPRS Archives 32 (3-4W2).

    Examples
    --------
    >>> overlap = stream_overlap(np.array([0, 1]), np.array([0, 5]), (2, 4))
    >>> round(overlap.jaccard, 3), overlap.tolerant_jaccard
    (0.333, 1.0)
    """
    limit = max(1, *steps) + 1
    shared = int(np.count_nonzero(cell_mask(first, shape).ravel()[second]))
    union = first.size + second.size - shared
    to_second = steps_to(second, shape, limit).ravel()[first]
    to_first = steps_to(first, shape, limit).ravel()[second]
    near = (int(np.count_nonzero(to_second <= 1)), int(np.count_nonzero(to_first <= 1)))
    matched = 0.5 * sum(near)
    either = matched + (first.size - near[0]) + (second.size - near[1])
    return StreamOverlap(
        first_cells=first.size,
        second_cells=second.size,
        shared_cells=shared,
        jaccard=shared / union if union else float("nan"),
        tolerant_jaccard=matched / either if either else float("nan"),
        steps=tuple(steps),
        first_within=_shares_within(to_second, steps),
        second_within=_shares_within(to_first, steps),
    )


def _shares_within(distance: ByteArray, steps: Sequence[int]) -> FloatArray:
    if not distance.size:
        return np.full(len(steps), np.nan)
    return np.array([np.count_nonzero(distance <= step) / distance.size for step in steps])


def compare(first: FlowPaths, second: FlowPaths, grid: Grid, *, largest: int = LARGEST_BASINS) -> Comparison:
    """Compare the flow paths of two settings on the same grid.

    Parameters
    ----------
    first, second : FlowPaths
    grid : Grid of both
    largest : int, basins of the first that are matched one by one

    Raises
    ------
    ValueError
        If the flow paths do not belong to the grid.
    """
    size = grid.elevation.size
    if first.basin.size != size or second.basin.size != size:
        raise ValueError(f"flow paths of {first.basin.size} and {second.basin.size} cells on a grid of {size}")
    joint = joint_basins(first, second)
    moved = _steps_apart(first.basin_outlet[joint[0]], second.basin_outlet[joint[1]], grid.shape[1])
    both = int(joint[2].sum())
    return Comparison(
        first=first.name,
        second=second.name,
        streams=stream_overlap(first.stream_cell, second.stream_cell, grid.shape),
        cells=both,
        other_outlet=int(joint[2][moved > 0].sum()),
        far_outlet=int(joint[2][moved > OUTLET_STEPS].sum()),
        other_basin=both - _in_matching_basins(*joint),
        basins=tuple(_match(first, second, grid, joint, i) for i in range(min(largest, first.basin_outlet.size))),
        same_paths=bool(np.array_equal(first.direction, second.direction)),
    )


def joint_basins(first: FlowPaths, second: FlowPaths) -> tuple[IntArray, IntArray, IntArray]:
    """Count the cells that every basin of the one shares with every basin of the other.

    Returns
    -------
    first_index, second_index, cells : (p,) int64, positions in `basin_outlet` of each and the cells they share, for
        pairs that share at least one; sorted by the first, then by the second
    """
    both = (first.basin >= 0) & (second.basin >= 0)
    columns = max(second.basin_outlet.size, 1)
    pairs, cells = np.unique(first.basin[both].astype(np.int64) * columns + second.basin[both], return_counts=True)
    return pairs // columns, pairs % columns, cells


def _steps_apart(first: IntArray, second: IntArray, columns: int) -> IntArray:
    """Steps to one of eight neighbours between pairs of flat cells."""
    rows = np.abs(first // columns - second // columns)
    return np.asarray(np.maximum(rows, np.abs(first % columns - second % columns)))


def _in_matching_basins(first: IntArray, second: IntArray, cells: IntArray) -> int:
    """Cells shared by basins each of which is the other's largest part; the larger basin (lower index) wins a tie."""
    if not cells.size:
        return 0
    best = []
    for own, other in ((first, second), (second, first)):
        ranked = np.lexsort((other, -cells, own))
        leads = np.append(True, np.diff(own[ranked]) > 0)
        largest = np.zeros(cells.size, dtype=np.bool_)
        largest[ranked[leads]] = True
        best.append(largest)
    return int(cells[best[0] & best[1]].sum())


def _match(
    first: FlowPaths, second: FlowPaths, grid: Grid, joint: tuple[IntArray, IntArray, IntArray], index: int
) -> BasinMatch:
    """Find the basin of the second that holds most of a basin of the first; the larger wins a tie."""
    outlet, area = int(first.basin_outlet[index]), float(first.basin_area[index])
    here = np.flatnonzero(joint[0] == index)
    if not here.size:
        return BasinMatch(outlet, -1, area, 0.0, 0.0, float("nan"))
    best = here[int(np.argmax(joint[2][here]))]
    rank = int(joint[1][best])
    other = int(second.basin_outlet[rank])
    x, y = grid.centre(np.array([outlet, other]))
    return BasinMatch(
        first_outlet=outlet,
        second_outlet=other,
        first_area=area,
        second_area=float(second.basin_area[rank]),
        shared_area=float(joint[2][best]) * grid.cell_area,
        outlet_distance=float(np.hypot(x[1] - x[0], y[1] - y[0])),
    )

"""Compiled kernels that measure depressions and change the surface: water bodies, filling, carving."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
#: uint32 below 2**31 cells, int64 above (see `sim.terrain.strips`)
Indices = npt.NDArray[np.uint32] | npt.NDArray[np.int64]
#: float32, float64 or an integer of at most 32 bits
Surface = npt.NDArray[np.float32] | npt.NDArray[np.float64]


@njit(cache=True, nogil=True, error_model="numpy")
def depressions(
    elevation: Surface,
    pit: Indices,
    visit: Indices,
    edge: Indices,
    lake: Indices,
    none: int,
    out_number: Integers,
    out_basin: Integers,
    out_lowest: Integers,
) -> int:
    """Number the depressions and find the lowest cell of each; return how many there are.

    Parameters
    ----------
    elevation : (ncell,) real, m
    pit : (nbasin + 1,) indices
    visit, edge, lake : from `_kernels_forest.orient` and `spill_levels`
    none : int, the edge of basins that end flow
    out_number : (nbasin + 1,) int64, number of the depression each basin belongs to, -1 for none
    out_basin : (nbasin + 1,) int64, the basin through which each depression spills
    out_lowest : (nbasin + 1,) int64, lowest cell of each, the first in index order among equals
    """
    count = 0
    for i in range(visit.size):
        v = np.int64(visit[i])
        if edge[v] == none:
            out_number[v] = -1
            continue
        cell = np.int64(pit[v])
        if lake[v] == v:
            out_number[v] = count
            out_basin[count] = v
            out_lowest[count] = cell
            count += 1
            continue
        # the basin through which it spills stands before it
        k = out_number[lake[v]]
        out_number[v] = k
        other = out_lowest[k]
        if elevation[cell] < elevation[other] or (elevation[cell] == elevation[other] and cell < other):
            out_lowest[k] = cell
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def measure(
    elevation: Surface,
    label: Indices,
    flag: int,
    level: Reals,
    lake: Integers,
    out_cells: Integers,
    out_depth_sum: Reals,
) -> None:
    """Count the cells under water in each depression and add up their depths.

    Parameters
    ----------
    elevation : (ncell,) real, m
    label : (ncell,) indices, `flag` plus the number of the basin
    level : (nbasin + 1,) float64, m, height at which each basin spills
    lake : (nbasin + 1,) int64, number of the depression each basin belongs to
    out_cells : (ndepression,) int64, preset to 0
    out_depth_sum : (ndepression,) float64, m, preset to 0
    """
    for cell in range(label.size):
        basin = np.int64(label[cell]) - flag
        depth = level[basin] - elevation[cell]
        if depth > 0.0:
            out_cells[lake[basin]] += 1
            out_depth_sum[lake[basin]] += depth


@njit(cache=True, nogil=True, error_model="numpy")
def raise_to(
    elevation: Surface,
    label: Indices,
    flag: int,
    floor: Reals,
    first: int,
    last: int,
    out: Surface,
) -> None:
    """Raise cells [first, last) to the floor of their basin.

    Parameters
    ----------
    elevation : (ncell,) real, m
    floor : (nbasin + 1,) float64, m; -inf where nothing is filled
    out : (ncell,) real, m
    """
    for cell in range(first, last):
        z = elevation[cell]
        bottom = floor[np.int64(label[cell]) - flag]
        out[cell] = bottom if bottom > z else z


@njit(cache=True, nogil=True, error_model="numpy")
def carve_paths(
    one: Indices,
    cell: Indices,
    side: Bytes,
    code: Bytes,
    offset: Integers,
    pit: Indices,
    edge: Indices,
    visit: Indices,
    out: Surface,
) -> None:
    """Lower the path below each pit to no more than what flows into it, so that no flow path rises.

    Basins are taken in an order in which each comes before the one it spills into. Of each the whole way from the pit
    to its spill is walked with a running minimum. Beyond the spill the walk ends at the first cell that is low enough:
    below it the path falls by itself down to the way out of a basin that is still to come.

    Parameters
    ----------
    one, cell, side : (nedge,), from `_kernels_forest.edges`
    code : (ncell,) uint8, final directions
    pit : (nbasin + 1,) indices
    edge : (nbasin + 1,) indices, from `_kernels_forest.orient`
    visit : (nbasin + 1,) indices, each basin after the one it spills into; traversed backwards
    out : (ncell,) real, m, changed in place

    References
    ----------
    Lindsay 2016, doi 10.1002/hyp.10648.
    """
    for i in range(visit.size - 1, -1, -1):
        v = visit[i]
        e = edge[v]
        if e == one.size:
            continue
        last = np.int64(cell[e])
        if one[e] != v:
            last += offset[side[e]]
        at = np.int64(pit[v])
        z = out[at]
        while at != last:
            at += offset[code[at]]
            if out[at] > z:
                out[at] = z
            else:
                z = out[at]
        while code[at] < 8:
            at += offset[code[at]]
            if out[at] <= z:
                break
            out[at] = z

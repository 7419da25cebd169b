"""Compiled kernels on the graph of basins: edges over passes, minimum spanning forest, tree to the outlets, levels.

Basins are numbered from 1; 0 is the outside, into which outlets and kept sinks drain. An edge lies at a cell i: it
joins two basins over i and a lower neighbour, so the elevation of its pass is that of i. Edges are sorted by cell, so
the strict total order (elevation, cell, neighbour) is the order (elevation, number of the edge).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from sim.terrain._kernels_codes import COMPONENTS, EDGE, FIRSTS, MEETING, MEMBER, NODATA

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
#: uint32 below 2**31 cells, int64 above (see `sim.terrain.strips`)
Indices = npt.NDArray[np.uint32] | npt.NDArray[np.int64]
#: float32, float64 or an integer of at most 32 bits
Surface = npt.NDArray[np.float32] | npt.NDArray[np.float64]

#: in `out_side`: the edge leads outside from its cell
OUTSIDE = 8


@njit(cache=True, nogil=True, error_model="numpy")
def _lower_mask(elevation: Surface, valid: Flags, row: int, column: int) -> int:
    """Mask of the neighbours that are lower in the strict order; missing ones are not. Also whether one is missing."""
    height, width = elevation.shape
    z = elevation[row, column]
    mask = 0
    for k in range(8):
        r = row + (1 if 1 <= k <= 3 else (-1 if k >= 5 else 0))
        c = column + (1 if k <= 1 or k == 7 else (-1 if 3 <= k <= 5 else 0))
        if r < 0 or c < 0 or r >= height or c >= width or (valid.size > 0 and not valid[r, c]):
            mask |= 256
            continue
        other = elevation[r, c]
        if other < z or (k >= 4 and other == z):
            mask |= 1 << k
    return mask


@njit(cache=True, nogil=True, error_model="numpy")
def edges(
    elevation: Surface,
    valid: Flags,
    code: Bytes,
    label: Indices,
    flag: int,
    offset: Integers,
    first_row: int,
    last_row: int,
    start: int,
    out_one: Indices,
    out_other: Indices,
    out_level: Reals,
    out_cell: Indices,
    out_side: Bytes,
) -> int:
    """List the edges at the MEETING cells of a strip; return the number of the next free edge.

    One edge per piece of the lower neighbours that the cell does not drain into is enough for a minimum spanning
    forest: within a piece neighbours touch, so their basins meet over one of them, which is lower than this cell. A
    flat, an outlet or a kept sink drains into none of them, so it gets one edge for each. A cell beside a missing
    neighbour also leads outside.

    Parameters
    ----------
    elevation : (ny, nx) real, m
    valid : (ny, nx) bool, or (0, 0) when all are
    code : (ny, nx) uint8; the bit MEETING is cleared, it has served
    label : (ncell,) indices, `flag` plus the number of the basin
    start : int, number of the first edge of this strip
    out_one, out_other : (nedge,) indices, basins on the side of the cell and on the side of the neighbour
    out_level : (nedge,) elevation of the pass, m
    out_cell : (nedge,) indices
    out_side : (nedge,) uint8, direction from the cell to the neighbour, or OUTSIDE

    References
    ----------
    Cordonnier, Bovy, Braun 2019, doi 10.5194/esurf-7-549-2019; saddles of a discrete surface: Banchoff 1970,
    doi 10.1080/00029890.1970.11992523.
    """
    width = elevation.shape[1]
    n = start
    for row in range(first_row, last_row):
        for column in range(width):
            if code[row, column] < MEETING:
                continue
            cell = row * width + column
            own = label[cell] - flag
            to = code[row, column] & 15
            code[row, column] = to
            mask = _lower_mask(elevation, valid, row, column)
            if mask >= 256 and own != 0:
                out_one[n] = own
                out_other[n] = 0
                out_level[n] = elevation[row, column]
                out_cell[n] = cell
                out_side[n] = OUTSIDE
                n += 1
            mask &= 255
            drained = MEMBER[mask, to] if to < 8 else 8
            for piece in range(COMPONENTS[mask]):
                k = FIRSTS[mask, piece]
                if k == drained:
                    continue
                other = label[cell + offset[k]] - flag
                if other == own:
                    continue
                out_one[n] = own
                out_other[n] = other
                out_level[n] = elevation[row, column]
                out_cell[n] = cell
                out_side[n] = k
                n += 1
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def forest(
    one: Indices,
    other: Indices,
    level: Reals,
    joined: Flags,
    left: Indices,
    right: Indices,
    live: Indices,
    height: Reals,
    best: Indices,
    group: Indices,
    roots: Indices,
    out_chosen: Indices,
) -> int:
    """Minimum spanning forest by Boruvka's method under the strict order (level, number); return its size.

    Parameters
    ----------
    one, other : (nedge,) indices, basins
    level : (nedge,) float64, m
    joined : (nbasin + 1,) bool, basins that belong to the outside from the start
    left, right, live : (nedge,) indices, working space
    height : (nedge,) float64, working space
    best, group, roots : (nbasin + 1,) indices, working space
    out_chosen : (nbasin + 1,) indices, numbers of the edges

    References
    ----------
    Nesetril, Milkova, Nesetrilova 2001, doi 10.1016/S0012-365X(00)00224-7.
    """
    none = one.size
    groups = 0
    for v in range(group.size):
        group[v] = 0 if joined[v] else v
        if not joined[v] or v == 0:
            roots[groups] = v
            groups += 1
    alive = 0
    for e in range(one.size):
        a = group[one[e]]
        b = group[other[e]]
        left[alive] = a
        right[alive] = b
        live[alive] = e
        height[alive] = level[e]
        alive += a != b
    count = 0
    while alive > 0:
        for i in range(groups):
            best[roots[i]] = none
        # edges stand in ascending order, so the first one seen among equal levels is the first in the strict order
        for t in range(alive):
            z = height[t]
            a = left[t]
            b = right[t]
            f = best[a]
            if f == none or z < height[f]:
                best[a] = t
            f = best[b]
            if f == none or z < height[f]:
                best[b] = t
        # each group hooks itself onto the one over its lowest pass; of two that chose the same pass the first stays
        for i in range(groups):
            a = roots[i]
            t = best[a]
            if t == none:
                continue
            b = right[t] if left[t] == a else left[t]
            if best[b] == t and a < b:
                continue
            group[a] = b
            out_chosen[count] = live[t]
            count += 1
        kept = 0
        for i in range(groups):
            a = roots[i]
            r = group[a]
            while group[r] != r:
                r = group[r]
            # shorten the way for those that come after
            while group[a] != r:
                after = group[a]
                group[a] = r
                a = after
        for i in range(groups):
            a = roots[i]
            if group[a] == a:
                roots[kept] = a
                kept += 1
        groups = kept
        kept = 0
        for t in range(alive):
            a = group[left[t]]
            b = group[right[t]]
            e = live[t]
            z = height[t]
            left[kept] = a
            right[kept] = b
            live[kept] = e
            height[kept] = z
            kept += a != b
        alive = kept
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def orient(
    one: Indices,
    other: Indices,
    chosen: Indices,
    joined: Flags,
    start: Indices,
    incident: Indices,
    out_edge: Indices,
    out_visit: Indices,
) -> int:
    """Turn the forest into a tree towards the outside, breadth first; return the number of basins reached.

    Parameters
    ----------
    one, other : (nedge,) indices
    chosen : (nchosen,) indices
    joined : (nbasin + 1,) bool
    start : (nbasin + 2,) indices, working space
    incident : (2 * nchosen,) indices, working space
    out_edge : (nbasin + 1,) indices, the edge over which each basin spills; the number of edges where there is none
    out_visit : (nbasin + 1,) indices, basins in an order in which each stands after the one it spills into
    """
    basins = joined.size
    none = one.size
    for v in range(basins + 1):
        start[v] = 0
    for i in range(chosen.size):
        start[one[chosen[i]] + 1] += 1
        start[other[chosen[i]] + 1] += 1
    for v in range(basins):
        start[v + 1] += start[v]
    for i in range(chosen.size):
        e = chosen[i]
        incident[start[one[e]]] = e
        start[one[e]] += 1
        incident[start[other[e]]] = e
        start[other[e]] += 1
    # every start has moved to the start of the next basin
    head = 0
    tail = 0
    for v in range(basins):
        out_edge[v] = none
    for v in range(basins):
        if v == 0 or joined[v]:
            out_visit[tail] = v
            tail += 1
    while head < tail:
        v = out_visit[head]
        head += 1
        first = start[v - 1] if v > 0 else 0
        for i in range(first, start[v]):
            e = incident[i]
            u = other[e] if one[e] == v else one[e]
            if u == 0 or joined[u] or out_edge[u] != none or e == out_edge[v]:
                continue
            out_edge[u] = e
            out_visit[tail] = u
            tail += 1
    return tail


@njit(cache=True, nogil=True, error_model="numpy")
def spill_levels(
    one: Indices,
    other: Indices,
    level: Reals,
    visit: Indices,
    edge: Indices,
    out_level: Reals,
    out_lake: Indices,
) -> None:
    r"""Level to which water rises over each pit before it spills: :math:`L_v = \max(e_v, L_{p(v)})`.

    Basins whose pass lies under water of the same level belong to one lake, named after the basin through which it
    spills.

    Parameters
    ----------
    level : (nedge,) float64, m
    visit, edge : from `orient`
    out_level : (nbasin + 1,) float64, m; -inf for the outside and kept basins
    out_lake : (nbasin + 1,) indices
    """
    for i in range(visit.size):
        v = visit[i]
        e = edge[v]
        if e == one.size:
            out_level[v] = -np.inf
            out_lake[v] = v
            continue
        parent = other[e] if one[e] == v else one[e]
        if level[e] < out_level[parent]:
            out_level[v] = out_level[parent]
            out_lake[v] = out_lake[parent]
        else:
            out_level[v] = level[e]
            out_lake[v] = v


@njit(cache=True, nogil=True, error_model="numpy")
def reverse_paths(
    one: Indices,
    cell: Indices,
    side: Bytes,
    edge: Indices,
    pit: Indices,
    offset: Integers,
    height: int,
    width: int,
    first: int,
    last: int,
    out_code: Bytes,
) -> None:
    """Turn the path from the spill of each basin to its pit round, so that the pit drains over the spill.

    Paths lie within their basins, so ranges of basins can be treated at the same time.

    Parameters
    ----------
    one, cell, side : (nedge,), from `edges`
    edge : (nbasin + 1,) indices, from `orient`
    pit : (nbasin + 1,) indices, lowest cell of each basin
    first, last : int, basins [first, last)
    out_code : (ncell,) uint8, changed in place
    """
    for v in range(first, last):
        e = edge[v]
        if e == one.size:
            continue
        k = np.int64(side[e])
        at = np.int64(cell[e])
        if one[e] != v:
            at += offset[k]
            k = (k + 4) & 7
        elif k == OUTSIDE:
            row = at // width
            column = at - row * width
            frame = row == 0 or column == 0 or row == height - 1 or column == width - 1
            k = EDGE if frame else NODATA
        end = np.int64(pit[v])
        while True:
            old = np.int64(out_code[at])
            out_code[at] = k
            if at == end:
                break
            at += offset[old]
            k = (old + 4) & 7


@njit(cache=True, nogil=True, error_model="numpy")
def floors(
    one: Indices,
    other: Indices,
    visit: Indices,
    edge: Indices,
    level: Reals,
    lake: Integers,
    decision: Bytes,
    out_floor: Reals,
) -> None:
    """Height to which each basin is filled.

    A filled depression stands at its level; in a carved one the water of the basin it drains into may still stand, so
    it takes the floor of that one. Floors never rise downstream.

    Parameters
    ----------
    lake : (nbasin + 1,) int64, number of the depression of each basin, -1 for none
    decision : (ndepression,) uint8, 1 where filled
    out_floor : (nbasin + 1,) float64, m; -inf where nothing is filled
    """
    for i in range(visit.size):
        v = visit[i]
        e = edge[v]
        if e == one.size:
            out_floor[v] = -np.inf
            continue
        parent = other[e] if one[e] == v else one[e]
        out_floor[v] = level[v] if decision[lake[v]] == 1 else out_floor[parent]

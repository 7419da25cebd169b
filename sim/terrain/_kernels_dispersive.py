"""Compiled kernels of dispersive routing: shares to lower neighbours, accumulation, delivery from one cell.

A cell that ends flow passes nothing on. A channel cell, and one without a lower neighbour, passes all to its D8
receiver. Every other cell shares among lower neighbours. Along every link the pair (conditioned elevation, minus the
number of cells upstream) falls strictly in lexicographic order: a share goes to a strictly lower cell, and a D8 step,
which never rises, to a cell with more cells upstream. So there is no loop, and this order is an order of traversal.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from sim.terrain._kernels import DCOL, DROW

Flags = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Singles = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

D8, DINF, DINF_BY_ANGLE, MFD = 0, 1, 2, 3
OK, RISES = 0, 1

#: the eight facets of a cell: neighbour across a side and neighbour across the corner, as numbers in the tie order
SIDE = np.array([0, 2, 2, 4, 4, 6, 6, 0], dtype=np.int64)
CORNER = np.array([1, 1, 3, 3, 5, 5, 7, 7], dtype=np.int64)
#: mark of a neighbour that no link leads to
NONE = -1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _falls(z: Singles, valid: Flags, row: int, column: int, out_fall: Reals) -> bool:
    """Write the fall to each of the eight neighbours, m, nan where there is none; tell whether one is lower."""
    height, width = valid.shape
    lower = False
    here = np.float64(z[row, column])
    for k in range(8):
        r = row + DROW[k]
        c = column + DCOL[k]
        if r < 0 or c < 0 or r >= height or c >= width or not valid[r, c]:
            out_fall[k] = np.nan
            continue
        out_fall[k] = here - np.float64(z[r, c])
        lower |= out_fall[k] > 0.0
    return lower


@njit(cache=True, nogil=True, error_model="numpy")
def _many(fall: Reals, exponent: float, distance: Reals, contour: Reals, out_share: Reals) -> None:
    r"""Multiple flow directions: :math:`f_k = L_k (s_k / s_{max})^p / \sum` over lower neighbours, s = fall / distance.

    Dividing by the steepest slope keeps large exponents from underflow; it cancels in the sum.
    """
    steepest = 0.0
    for k in range(8):
        if fall[k] > 0.0:
            steepest = max(steepest, fall[k] / distance[k])
    total = 0.0
    for k in range(8):
        if fall[k] > 0.0:
            part = fall[k] / distance[k] / steepest
            if exponent != 1.0:
                part = part**exponent
            out_share[k] = contour[k] * part
            total += out_share[k]
    for k in range(8):
        if fall[k] > 0.0:
            out_share[k] /= total


@njit(cache=True, nogil=True, error_model="numpy")
def _two(fall: Reals, by_angle: bool, distance: Reals, out_share: Reals) -> None:
    r"""D-infinity: the steepest of eight triangular facets, what it carries split between the two cells beside it.

    With :math:`s_1` the slope over the distance :math:`d_1` to the side neighbour and :math:`s_2` the slope over
    :math:`d_2` from there to the corner neighbour, water runs in the direction :math:`(s_1, s_2)`, held within the
    facet. The corner's share is :math:`s_2 d_1 / (s_1 d_2)`, which keeps the mean step in that direction, or the ratio
    of the angles :math:`atan(s_2 / s_1) / atan(d_2 / d_1)`. Inside the facet both slopes are positive, so both cells
    are lower. A facet with one neighbour missing is the line to the other one. The first facet wins a tie.
    """
    best, chosen, side_slope, cross_slope = 0.0, -1, 0.0, 0.0
    for f in range(8):
        side, corner = SIDE[f], CORNER[f]
        along, across = distance[side], distance[2 - side % 4]
        first = fall[side] / along
        second = (fall[corner] - fall[side]) / across
        if second > 0.0 and first > 0.0 and second * along < first * across:
            slope = math.hypot(first, second)
        elif second <= 0.0 or math.isnan(fall[corner]):
            slope, second = first, 0.0
        else:
            slope, first = fall[corner] / distance[corner], 0.0
        if slope > best:
            best, chosen, side_slope, cross_slope = slope, f, first, second
    if chosen < 0:
        return
    side, corner = SIDE[chosen], CORNER[chosen]
    along, across = distance[side], distance[2 - side % 4]
    if cross_slope == 0.0:
        out_share[side] = 1.0
    elif side_slope == 0.0:
        out_share[corner] = 1.0
    else:
        if by_angle:
            part = math.atan2(cross_slope, side_slope) / math.atan2(across, along)
        else:
            part = cross_slope * along / (side_slope * across)
        out_share[corner] = min(part, 1.0)
        out_share[side] = 1.0 - out_share[corner]


@njit(cache=True, nogil=True, error_model="numpy")
def _share(
    z: Singles,
    valid: Flags,
    toward: int,
    row: int,
    column: int,
    method: int,
    exponent: float,
    distance: Reals,
    contour: Reals,
    fall: Reals,
    out_share: Reals,
) -> bool:
    """Write the share of a cell that does not end flow to each neighbour, `NONE` without a link; False if D8 rises."""
    for k in range(8):
        out_share[k] = NONE
    lower = _falls(z, valid, row, column, fall)
    if method == D8 or not lower:
        out_share[toward] = 1.0
        return bool(fall[toward] >= 0.0)
    if method == MFD:
        _many(fall, exponent, distance, contour, out_share)
    else:
        _two(fall, method == DINF_BY_ANGLE, distance, out_share)
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def proportions(
    z: Singles,
    valid: Flags,
    toward: Bytes,
    channel: Flags,
    cells: Integers,
    method: int,
    exponent: float,
    distance: Reals,
    contour: Reals,
    out_share: Reals,
) -> tuple[int, int]:
    """Shares that some cells pass to their eight neighbours.

    Parameters
    ----------
    z : (ny, nx) float32, m, conditioned
    valid : (ny, nx) bool
    toward : (ncell,) uint8, D8 direction as in `Terrain`; 8 and above where flow ends
    channel : (ncell,) bool
    cells : (m,) int64, flat
    method : D8, DINF, DINF_BY_ANGLE or MFD
    exponent : of the slope, MFD alone
    distance : (8,) m, to the neighbours
    contour : (8,) contour length of each neighbour over any common length, MFD alone
    out_share : (m, 8), 0 without a link

    Returns
    -------
    (status, cell at fault)
    """
    width = valid.shape[1]
    fall = np.empty(8, dtype=np.float64)
    for i in range(cells.size):
        cell = cells[i]
        if toward[cell] > 7:
            out_share[i, :] = 0.0
            continue
        way = D8 if channel[cell] else method
        if not _share(
            z, valid, toward[cell], cell // width, cell % width, way, exponent, distance, contour, fall, out_share[i]
        ):
            return RISES, cell
        for k in range(8):
            out_share[i, k] = max(out_share[i, k], 0.0)
    return OK, -1


@njit(cache=True, nogil=True, error_model="numpy")
def accumulate(
    z: Singles,
    valid: Flags,
    toward: Bytes,
    channel: Flags,
    method: int,
    exponent: float,
    distance: Reals,
    contour: Reals,
    donors: Bytes,
    stack: Integers,
    out_sum: Reals,
) -> tuple[int, int]:
    r"""Sum what every cell receives: :math:`A_j = w_j + \sum_i f_{ij} A_i`, in linear time.

    Donors of every cell are counted first; a cell is passed on once its last donor has been. The stack is last in,
    first out, so it stays short and close to the cells just touched.

    Parameters
    ----------
    z, valid, toward, channel, method, exponent, distance, contour : as in `proportions`
    donors : (ncell,) uint8 of zeros, working space
    stack : (nvalid,) int64, working space
    out_sum : (ncell,) float64, holds the weights w on entry

    Returns
    -------
    (status, cell at fault)
    """
    height, width = valid.shape
    share = np.empty(8, dtype=np.float64)
    fall = np.empty(8, dtype=np.float64)
    for row in range(height):
        for column in range(width):
            cell = row * width + column
            if toward[cell] > 7:
                continue
            way = D8 if channel[cell] else method
            if not _share(z, valid, toward[cell], row, column, way, exponent, distance, contour, fall, share):
                return RISES, cell
            for k in range(8):
                if share[k] >= 0.0:
                    donors[cell + DROW[k] * width + DCOL[k]] += 1
    for head in range(valid.size):
        if toward[head] > 7 or donors[head] != 0:
            continue
        stack[0] = head
        top = 1
        while top > 0:
            top -= 1
            cell = stack[top]
            # passed on; the scan must not take it for a head again
            donors[cell] = 255
            if toward[cell] > 7:
                continue
            way = D8 if channel[cell] else method
            _share(
                z, valid, toward[cell], cell // width, cell % width, way, exponent, distance, contour, fall, share
            )  # fmt: skip
            for k in range(8):
                if share[k] < 0.0:
                    continue
                to = cell + DROW[k] * width + DCOL[k]
                out_sum[to] += share[k] * out_sum[cell]
                donors[to] -= 1
                if donors[to] == 0:
                    stack[top] = to
                    top += 1
    return OK, -1


@njit(cache=True, nogil=True, error_model="numpy")
def _earlier(level: Singles, upstream: Integers, a: int, b: int) -> bool:
    """Tell whether cell `a` comes before `b`: higher, or as high with fewer cells upstream, or lower in number."""
    if level[a] != level[b]:
        return bool(level[a] > level[b])
    if upstream[a] != upstream[b]:
        return bool(upstream[a] < upstream[b])
    return a < b


@njit(cache=True, nogil=True, error_model="numpy")
def _put(level: Singles, upstream: Integers, size: int, cell: int, heap: Integers) -> None:
    """Insert a cell into a heap of `size` cells, the earliest first."""
    i = size
    while i > 0:
        parent = (i - 1) >> 1
        if _earlier(level, upstream, heap[parent], cell):
            break
        heap[i] = heap[parent]
        i = parent
    heap[i] = cell


@njit(cache=True, nogil=True, error_model="numpy")
def _take(level: Singles, upstream: Integers, size: int, heap: Integers) -> int:
    """Remove and return the first of a heap of `size` cells."""
    first = heap[0]
    last = size - 1
    i = 0
    child = 1
    while child < last:
        if child + 1 < last and _earlier(level, upstream, heap[child + 1], heap[child]):
            child += 1
        heap[i] = heap[child]
        i = child
        child = 2 * i + 1
    _put(level, upstream, i, heap[last], heap)
    return int(first)


@njit(cache=True, nogil=True, error_model="numpy")
def deliver(
    z: Singles,
    valid: Flags,
    toward: Bytes,
    upstream: Integers,
    channel: Flags,
    source: int,
    method: int,
    exponent: float,
    cut_off: float,
    distance: Reals,
    contour: Reals,
    heap: Integers,
    mass: Reals,
    moment: Reals,
    out_cell: Integers,
    out_share: Reals,
    out_length: Reals,
) -> tuple[int, int]:
    r"""Follow one unit from a cell until all of it has met a channel or ended.

    Only cells the unit reaches are visited, in the order of the module's first lines from a heap, so that a cell is
    passed on after all its donors. The mean path length comes from its first moment,
    :math:`M_j = \sum_i f_{ij} (M_i + m_i d_{ij})`, as M / m.

    Parameters
    ----------
    z, valid, toward, channel, method, exponent, distance, contour : as in `proportions`
    upstream : (ncell,) cells upstream, itself included
    source : flat valid cell
    cut_off : a cell that holds less than this share passes it whole to its D8 receiver
    heap : (nvalid,) int64, working space
    mass, moment : (ncell,) float64 of zeros, working space, zeros again afterwards
    out_cell : (nvalid,) int64, channel cells and ends reached
    out_share : (nvalid,) share of the unit
    out_length : (nvalid,) m, mean length of the paths of that share

    Returns
    -------
    (number of cells reached, -1) or (-1, cell at fault)
    """
    width = valid.shape[1]
    level = z.reshape(z.size)
    share = np.empty(8, dtype=np.float64)
    fall = np.empty(8, dtype=np.float64)
    heap[0] = source
    mass[source] = 1.0
    size, reached, fault = 1, 0, -1
    while size > 0:
        cell = _take(level, upstream, size, heap)
        size -= 1
        m, moment_here = mass[cell], moment[cell]
        mass[cell] = 0.0
        moment[cell] = 0.0
        if fault >= 0:
            continue
        if channel[cell] or toward[cell] > 7:
            out_cell[reached] = cell
            out_share[reached] = m
            out_length[reached] = moment_here / m
            reached += 1
            continue
        way = D8 if m < cut_off else method
        if not _share(
            z, valid, toward[cell], cell // width, cell % width, way, exponent, distance, contour, fall, share
        ):
            fault = cell
            continue
        for k in range(8):
            part = share[k] * m
            # a share too small for a number above zero would leave a cell without a mass in the heap
            if not part > 0.0:
                continue
            to = cell + DROW[k] * width + DCOL[k]
            if mass[to] == 0.0:
                _put(level, upstream, size, to, heap)
                size += 1
            mass[to] += part
            moment[to] += share[k] * (moment_here + m * distance[k])
    return (reached, -1) if fault < 0 else (-1, fault)

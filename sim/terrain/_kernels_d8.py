"""Compiled kernels on the raw surface: D8 directions, the cells where basins meet, basin labels.

Every kernel works on a strip of rows, so that strips can run on several threads; what a strip computes does not depend
on how the rows were cut.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from sim.terrain._kernels_codes import COMPONENTS, EDGE, FLAT, INVALID, MEETING, NODATA, PIT

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float64]
#: uint32 below 2**31 cells, int64 above (see `sim.terrain.strips`)
Indices = npt.NDArray[np.uint32] | npt.NDArray[np.int64]
#: float32, float64 or an integer of at most 32 bits
Surface = npt.NDArray[np.float32] | npt.NDArray[np.float64]


@njit(cache=True, nogil=True, error_model="numpy")
def _load_row(elevation: Surface, valid: Flags, row: int, out: Reals) -> None:
    """Copy a row as float64 with infinity around it and where not valid, so that such cells are never lower."""
    height, width = elevation.shape
    out[0] = np.inf
    out[width + 1] = np.inf
    if row < 0 or row >= height:
        out[1 : width + 1] = np.inf
        return
    if valid.size == 0:
        for column in range(width):
            out[column + 1] = np.float64(elevation[row, column])
    else:
        for column in range(width):
            out[column + 1] = np.float64(elevation[row, column]) if valid[row, column] else np.inf


@njit(cache=True, nogil=True, error_model="numpy")
def _row_directions(
    above: Reals,
    here: Reals,
    below: Reals,
    per_dx: float,
    per_dy: float,
    per_diagonal: float,
    out_code: Bytes,
    out_lower: Bytes,
    out_open: Bytes,
) -> None:
    """Steepest strictly lower neighbour, mask of lower neighbours and whether one is missing, for one row.

    Written without branches and without early ends, so that the compiler turns it into vector instructions.
    """
    for x in range(out_code.size):
        z = here[x + 1]
        e = here[x + 2]
        se = below[x + 2]
        s = below[x + 1]
        sw = below[x]
        w = here[x]
        nw = above[x]
        n = above[x + 1]
        ne = above[x + 2]
        # equal neighbours: the one with the smaller index counts as lower, which makes the order of cells strict
        lower = (
            np.int64(e < z)
            | (np.int64(se < z) << 1)
            | (np.int64(s < z) << 2)
            | (np.int64(sw < z) << 3)
            | (np.int64(w <= z) << 4)
            | (np.int64(nw <= z) << 5)
            | (np.int64(n <= z) << 6)
            | (np.int64(ne <= z) << 7)
        )
        best = 0.0
        code = np.int64(PIT)
        slope = (z - e) * per_dx
        code = 0 if slope > best else code
        best = slope if slope > best else best
        slope = (z - se) * per_diagonal
        code = 1 if slope > best else code
        best = slope if slope > best else best
        slope = (z - s) * per_dy
        code = 2 if slope > best else code
        best = slope if slope > best else best
        slope = (z - sw) * per_diagonal
        code = 3 if slope > best else code
        best = slope if slope > best else best
        slope = (z - w) * per_dx
        code = 4 if slope > best else code
        best = slope if slope > best else best
        slope = (z - nw) * per_diagonal
        code = 5 if slope > best else code
        best = slope if slope > best else best
        slope = (z - n) * per_dy
        code = 6 if slope > best else code
        best = slope if slope > best else best
        slope = (z - ne) * per_diagonal
        code = 7 if slope > best else code
        level = (e == z) | (se == z) | (s == z) | (sw == z) | (w == z) | (nw == z) | (n == z) | (ne == z)
        code = FLAT if (code == PIT) & level else code
        highest = max(e, se, s, sw, w, nw, n, ne)
        out_open[x] = np.uint8(highest == np.inf)
        out_code[x] = np.uint8(INVALID if z == np.inf else code)
        out_lower[x] = np.uint8(lower)


@njit(cache=True, nogil=True, error_model="numpy")
def directions(
    elevation: Surface,
    valid: Flags,
    first_row: int,
    last_row: int,
    dx: float,
    dy: float,
    out_code: Bytes,
    out_pits: npt.NDArray[np.int64],
    out_meeting: npt.NDArray[np.int64],
    out_flats: npt.NDArray[np.int64],
) -> None:
    r"""D8 of the raw surface: steepest :math:`(z_i - z_j) / d_{ij}` over the strictly lower neighbours.

    A cell without one is an outlet where a neighbour is missing (frame or invalid cell), else FLAT beside a level
    neighbour, else PIT. The bit MEETING marks cells over which basins may be joined: where the lower neighbours fall
    apart into pieces, where a flat, pit or outlet has a lower neighbour in the strict order, and beside missing ones.

    Parameters
    ----------
    elevation : (ny, nx) any real type, m
    valid : (ny, nx) bool, or (0, 0) when all are
    first_row, last_row : int, rows [first_row, last_row) are computed
    dx, dy : float64, m
    out_code : (ny, nx) uint8
    out_pits, out_flats : (ny,) int64, cells of those kinds in each row
    out_meeting : (ny,) int64, greatest number of edges `sim.terrain._kernels_forest.edges` can find in each row

    References
    ----------
    O'Callaghan and Mark 1984, doi 10.1016/S0734-189X(84)80011-0.
    """
    height, width = elevation.shape
    above = np.empty(width + 2)
    here = np.empty(width + 2)
    below = np.empty(width + 2)
    lower = np.empty(width, dtype=np.uint8)
    missing = np.empty(width, dtype=np.uint8)
    per_dx = 1.0 / dx
    per_dy = 1.0 / dy
    per_diagonal = 1.0 / math.sqrt(dx * dx + dy * dy)
    _load_row(elevation, valid, first_row - 1, above)
    _load_row(elevation, valid, first_row, here)
    for row in range(first_row, last_row):
        _load_row(elevation, valid, row + 1, below)
        code_row = out_code[row]
        _row_directions(above, here, below, per_dx, per_dy, per_diagonal, code_row, lower, missing)
        pits = 0
        meeting = 0
        flats = 0
        for x in range(width):
            code = code_row[x]
            if code == INVALID:
                continue
            pieces = COMPONENTS[lower[x]]
            if code >= 8:
                if missing[x]:
                    frame = row == 0 or x == 0 or row == height - 1 or x == width - 1
                    code = EDGE if frame else NODATA
                elif code == PIT:
                    pits += 1
                else:
                    flats += 1
                most = int(pieces)
            else:
                most = int(pieces) - 1 + int(missing[x])
            meeting += most
            code_row[x] = code | (MEETING if most > 0 else 0)
        out_pits[row] = pits
        out_meeting[row] = meeting
        out_flats[row] = flats
        above, here, below = here, below, above


@njit(cache=True, nogil=True, error_model="numpy")
def start_labels(
    code: Bytes,
    offset: npt.NDArray[np.int64],
    first: int,
    last: int,
    first_pit: int,
    flag: int,
    out_label: Indices,
    out_pit: Indices,
) -> None:
    """Point every cell of a strip at a cell downhill, or at the label of its pit: `flag` plus a number.

    Pits are numbered from `first_pit` on in index order; outlets and invalid cells have number 0. A pointer to an
    earlier cell of the strip is followed at once.

    Parameters
    ----------
    code : (ncell,) uint8
    offset : (8,) int64, index steps of the directions
    first, last : int, cells [first, last)
    first_pit : int
    flag : int, larger than any index
    out_label : (ncell,) indices
    out_pit : (nbasin + 1,) indices, cell of each pit
    """
    pit = first_pit
    for cell in range(first, last):
        k = code[cell] & 15
        if k < 8:
            to = cell + offset[k]
            out_label[cell] = out_label[to] if (k >= 4 and to >= first) else to
        elif k == PIT:
            out_label[cell] = flag + pit
            out_pit[pit] = cell
            pit += 1
        else:
            out_label[cell] = flag


@njit(cache=True, nogil=True, error_model="numpy")
def follow_labels(first: int, last: int, backwards: bool, out_label: Indices) -> int:
    """Replace every pointer within a strip by what it points at; return how many still point into the strip.

    Sweeps against and with the index order in turn: each follows all chains that run its way to their end and halves
    the others.
    """
    span = np.uint64(last - first)
    left = 0
    if backwards:
        for cell in range(last - 1, first - 1, -1):
            r = np.int64(out_label[cell])
            inside = np.uint64(r - first) < span
            r = np.int64(out_label[r if inside else cell])
            out_label[cell] = r
            left += np.uint64(r - first) < span
    else:
        for cell in range(first, last):
            r = np.int64(out_label[cell])
            inside = np.uint64(r - first) < span
            r = np.int64(out_label[r if inside else cell])
            out_label[cell] = r
            left += np.uint64(r - first) < span
    return left


@njit(cache=True, nogil=True, error_model="numpy")
def resolve_row(first: int, last: int, flag: int, out_label: Indices) -> None:
    """Follow the pointers of a few cells across strips to their pit, once all strips are done in themselves."""
    for cell in range(first, last):
        r = np.int64(out_label[cell])
        while r < flag:
            r = np.int64(out_label[r])
        out_label[cell] = r


@njit(cache=True, nogil=True, error_model="numpy")
def finish_labels(first: int, last: int, flag: int, out_label: Indices) -> None:
    """Replace pointers into neighbouring strips by the labels found there."""
    for cell in range(first, last):
        r = np.int64(out_label[cell])
        if r < flag:
            out_label[cell] = out_label[r]

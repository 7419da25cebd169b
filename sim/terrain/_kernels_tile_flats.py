"""Compiled kernels for level ground that crosses tiles; windows and boxes as in `_kernels_tiles`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from sim.terrain._kernels_codes import FLAT, INVALID, MEETING
from sim.terrain._kernels_tiles import CLOSED, FAR, in_core

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
#: uint32 below 2**31 cells, int64 above (see `sim.terrain.strips`)
Indices = npt.NDArray[np.uint32] | npt.NDArray[np.int64]
#: float32, float64 or an integer of at most 32 bits
Surface = npt.NDArray[np.float32] | npt.NDArray[np.float64]


@njit(cache=True, nogil=True, error_model="numpy")
def _step(cell: int | np.int64, k: int, height: int, width: int) -> int | np.int64:
    """Flat index of the neighbour in direction k; -1 outside the window."""
    row = cell // width + (1 if 1 <= k <= 3 else (-1 if k >= 5 else 0))
    column = cell % width + (1 if k <= 1 or k == 7 else (-1 if 3 <= k <= 5 else 0))
    if row < 0 or column < 0 or row >= height or column >= width:
        return -1
    return row * width + column


@njit(cache=True, nogil=True, error_model="numpy")
def crossing_flats(
    elevation: Surface,
    code: Bytes,
    box: Integers,
    queue: Indices,
    out_link: Bytes,
    out_part: Indices,
    out_first: Integers,
    out_sourced: Flags,
    out_source: Integers,
    out_way: Bytes,
) -> tuple[int, int]:
    """Find the parts of flats that reach into the rim; return how many there are and how many cells have a way out.

    Parameters
    ----------
    elevation : (ny, nx) real, m
    code : (ny, nx) uint8, D8 of the raw surface
    queue : (ncell,) indices, working space
    out_link : (ncell,) uint8, bit k set where neighbour k belongs to the same flat; preset to 0
    out_part : (ncell,) indices, number of the part from 1 on, 0 elsewhere; preset to 0
    out_first : (npart,) int64, first cell of each part in index order
    out_sourced : (npart,) bool, whether a cell of the part has a level neighbour that drains
    out_source : (nflat,) int64, cells with such a neighbour
    out_way : (nflat,) uint8, direction to the first of them
    """
    height, width = elevation.shape
    z = elevation.ravel()
    codes = code.ravel()
    parts = 0
    sources = 0
    for row in range(box[0], box[1]):
        # only cells beside the rim can start a part
        step = 1 if row == box[0] or row == box[1] - 1 else max(box[3] - box[2] - 1, 1)
        for column in range(box[2], box[3], step):
            start = row * width + column
            if codes[start] & 15 != FLAT or out_part[start] != 0 or not _beside_rim_flat(z, codes, start, width, box):
                continue
            parts += 1
            out_first[parts - 1] = start
            out_sourced[parts - 1] = False
            out_part[start] = parts
            queue[0] = start
            head = 0
            tail = 1
            while head < tail:
                cell = np.int64(queue[head])
                head += 1
                out_first[parts - 1] = min(out_first[parts - 1], cell)
                way = 8
                for k in range(8):
                    to = _step(cell, k, height, width)
                    if to < 0 or codes[to] & 15 == INVALID or z[to] != z[cell]:
                        continue
                    if codes[to] & 15 != FLAT:
                        way = min(way, k)
                        continue
                    out_link[cell] |= np.uint8(1 << k)
                    if out_part[to] == 0 and in_core(to, width, box):
                        out_part[to] = parts
                        queue[tail] = to
                        tail += 1
                if way < 8:
                    out_source[sources] = cell
                    out_way[sources] = way
                    out_sourced[parts - 1] = True
                    sources += 1
    return parts, sources


@njit(cache=True, nogil=True, error_model="numpy")
def _beside_rim_flat(z: Surface, codes: Bytes, cell: int, width: int, box: Integers) -> bool:
    """Whether a flat cell has a level flat neighbour in the rim."""
    height = z.size // width
    for k in range(8):
        to = _step(cell, k, height, width)
        if to >= 0 and z[to] == z[cell] and codes[to] & 15 == FLAT and not in_core(to, width, box):
            return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def flat_distances(
    link: Bytes, width: int, seeds: Integers, values: Integers, queue: Indices, out_distance: npt.NDArray[np.int32]
) -> None:
    """Steps from each cell of the crossing flats to the way out, given those of some cells.

    Parameters
    ----------
    link : (ncell,) uint8, from `crossing_flats`
    width : int, columns of the window
    seeds : (m,) int64, cells whose distance is known, rim cells among them
    values : (m,) int64, their distances, ascending
    queue : (ncell,) indices, working space
    out_distance : (ncell,) int32, preset to FAR
    """
    height = link.size // width
    for i in range(seeds.size):
        out_distance[seeds[i]] = min(values[i], np.int64(out_distance[seeds[i]]))
    head = 0
    tail = 0
    i = 0
    while i < seeds.size or head < tail:
        # both lists ascend, so cells leave in the order of their distance
        if head < tail and (i == seeds.size or out_distance[queue[head]] <= values[i]):
            cell = np.int64(queue[head])
            head += 1
        else:
            cell = seeds[i]
            i += 1
            if np.int64(out_distance[cell]) < values[i - 1]:
                continue
        d = out_distance[cell] + 1
        for k in range(8):
            to = _step(cell, k, height, width)
            if to >= 0 and link[to] >> ((k + 4) & 7) & 1 and out_distance[to] > d:
                out_distance[to] = d
                queue[tail] = to
                tail += 1


@njit(cache=True, nogil=True, error_model="numpy")
def flat_directions(
    link: Bytes, width: int, distance: npt.NDArray[np.int32], source: Integers, way: Bytes, out_code: Bytes
) -> int:
    """Turn distances into directions; return the number of cells of crossing flats that were not reached.

    Each cell drains to the first neighbour of its flat that is one step nearer, a cell beside the way out into it;
    where the distance is 0 the code stays. Cells not reached get the code FLAT.

    Parameters
    ----------
    link, distance : (ncell,), from `crossing_flats` and `flat_distances`
    source, way : (m,), cells beside a way out and the direction to it
    out_code : (ncell,) uint8, changed in place
    """
    height = link.size // width
    left = 0
    for cell in range(link.size):
        if link[cell] == 0 or distance[cell] == 0:
            continue
        meeting = out_code[cell] & MEETING
        if distance[cell] == FAR:
            out_code[cell] = FLAT
            left += 1
            continue
        for k in range(8):
            to = _step(cell, k, height, width)
            if to >= 0 and link[cell] >> k & 1 and distance[to] == distance[cell] - 1:
                out_code[cell] = meeting | k
                break
    for i in range(source.size):
        out_code[source[i]] = (out_code[source[i]] & MEETING) | way[i]
    return left


@njit(cache=True, nogil=True, error_model="numpy")
def closed_flat_entries(
    code: Bytes, width: int, box: Integers, offset: Integers, start: Integers, out_cell: Integers
) -> None:
    """Follow paths downhill to the first cell of a closed flat that crosses tiles; -1 where they end or leave before.

    Parameters
    ----------
    code : (ncell,) uint8, raw directions with the bit CLOSED
    start : (m,) int64; out_cell : (m,) int64
    """
    for i in range(start.size):
        cell = start[i]
        while True:
            k = np.int64(code[cell])
            if k & CLOSED:
                out_cell[i] = cell
                break
            cell += offset[k & 7]
            if k >= 8 or not in_core(cell, width, box):
                out_cell[i] = -1
                break

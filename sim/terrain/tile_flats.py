"""D8 of one tile, and level ground that crosses tiles.

A flat within a tile is drained there. One that reaches into the rim needs the distance to its way out from its
neighbours: every tile tells the distances along its border, and is asked again while those around it become shorter.
A flat without a way out drains to where it spills, which is known once the forest is; the same rounds serve it then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.arrays import BoolArray, ByteArray, IntArray
from sim.terrain import _kernels_d8, _kernels_flats, _kernels_tile_flats, _kernels_tiles
from sim.terrain._kernels_codes import FLAT, INVALID, KEPT, MEETING
from sim.terrain.given import read_only
from sim.terrain.tiles import Array, Tile, place_of

FAR = _kernels_tiles.FAR
HIDDEN = _kernels_tiles.HIDDEN

_NO_FLAGS = np.zeros((0, 0), dtype=np.bool_)


@dataclass(frozen=True)
class Flats:
    """Where the flats of a tile meet those of its neighbours; all cells are of the raster.

    Parameters
    ----------
    cell, part : (b,) int64, border cells of crossing flats, ascending, and their part
    first : (p,) int64, first cell of each part
    sourced : (p,) bool, whether the part has a way out of its own
    rim : (r,) int64, rim cells of crossing flats, ascending
    pair_part, pair_rim : (q,) int64, parts and the rim cells they reach
    """

    cell: IntArray
    part: IntArray
    first: IntArray
    sourced: BoolArray
    rim: IntArray
    pair_part: IntArray
    pair_rim: IntArray


@dataclass(frozen=True)
class Directions:
    """Raw directions of one window and what its crossing flats need.

    Parameters
    ----------
    code : (ny, nx) uint8, HIDDEN where a flat crosses
    closed : (c,) int64, pits of closed flats within the tile
    link : (ny, nx) uint8, see `_kernels_tile_flats.crossing_flats`; (0, 0) when no flat crosses
    source, way : (s,) int64 and uint8, cells of crossing flats beside a way out, and the direction to it
    flats : Flats
    """

    code: ByteArray
    closed: IntArray
    link: ByteArray
    source: IntArray
    way: ByteArray
    flats: Flats


def find_directions(
    tile: Tile, elevation: Array, valid: BoolArray | None, cell_width: float, cell_height: float, kept: IntArray
) -> Directions:
    """D8 of a tile, with flats drained that lie within it.

    Parameters
    ----------
    tile : Tile
    elevation : (ny, nx) real, m, with a rim of two cells: ``tile.window(2)``
    valid : (ny, nx) bool; None when all are
    cell_width, cell_height : float, m
    kept : (s,) int64, cells of the raster in which flow ends
    """
    code, z = _raw(tile, elevation, valid, cell_width, cell_height, kept)
    size, width = code.size, code.shape[1]
    if not np.any(code[tile.inner] & 15 == FLAT):
        _hide_rim(tile, code)
        nothing = np.zeros(0, dtype=np.int64)
        empty = Flats(nothing, nothing, nothing, np.zeros(0, dtype=np.bool_), nothing, nothing, nothing)
        no_bytes = np.zeros(0, dtype=np.uint8)
        return Directions(code, nothing, no_bytes.reshape(0, 0), nothing, no_bytes, empty)
    link, part = np.zeros(size, dtype=np.uint8), np.zeros(size, dtype=np.uint32)
    first, sourced = np.empty(tile.border.size + 1, dtype=np.int64), np.empty(tile.border.size + 1, dtype=np.bool_)
    flats = int(np.count_nonzero(code & 15 == FLAT))
    queue = np.empty(flats + 1, dtype=np.uint32)
    source, way = np.empty(flats, dtype=np.int64), np.empty(flats, dtype=np.uint8)
    parts, sources = _kernels_tile_flats.crossing_flats(
        z, code, tile.core, queue, link, part, first, sourced, source, way
    )  # fmt: skip
    summary = _summary(tile, code.ravel(), link, part, first[:parts], sourced[:parts])
    crossing = part.reshape(code.shape) > 0
    code[crossing] = (code[crossing] & MEETING) | HIDDEN
    _hide_rim(tile, code)
    per_row = np.count_nonzero(code & 15 == FLAT, axis=1).astype(np.int64)
    closed = np.empty(flats, dtype=np.uint32)
    count = _kernels_flats.drain_flats(
        z.ravel(), per_row, width, queue, code.ravel(), np.zeros(code.shape[0], dtype=np.int64), closed
    )
    shape = code.shape if parts else (0, 0)
    return Directions(
        code,
        closed[:count].astype(np.int64),
        link.reshape(code.shape) if parts else np.zeros(shape, dtype=np.uint8),
        source[:sources].copy(),
        way[:sources].copy(),
        summary,
    )


def _raw(
    tile: Tile, elevation: Array, valid: BoolArray | None, dx: float, dy: float, kept: IntArray
) -> tuple[ByteArray, Array]:
    """Codes on the window with a rim of one cell, right in the rim too, and the elevations there."""
    z = read_only(elevation)
    rows = z.shape[0]
    code = np.empty(z.shape, dtype=np.uint8)
    counts = [np.zeros(rows, dtype=np.int64) for _ in range(3)]
    flags = read_only(_NO_FLAGS if valid is None else valid)
    _kernels_d8.directions(z, flags, 0, rows, dx, dy, code, *counts)
    wide, near = tile.window(2), tile.window(1)
    row, column = np.divmod(kept, tile.layout.columns)
    here = (row >= wide[0]) & (row < wide[1]) & (column >= wide[2]) & (column < wide[3])
    row, column = row[here] - wide[0], column[here] - wide[2]
    if (code[row, column] == INVALID).any():
        raise ValueError("kept_sinks must be flat indices of valid cells")
    code[row, column] = KEPT | MEETING
    cut = slice(near[0] - wide[0], near[1] - wide[0]), slice(near[2] - wide[2], near[3] - wide[2])
    return np.ascontiguousarray(code[cut]), read_only(z[cut])


def _hide_rim(tile: Tile, code: ByteArray) -> None:
    """Level ground in the rim is the neighbour's to drain."""
    flat = code.ravel()
    rim = tile.rim
    hidden = rim[flat[rim] & 15 == FLAT]
    flat[hidden] = HIDDEN


def _summary(tile: Tile, code: ByteArray, link: ByteArray, part: Array, first: IntArray, sourced: BoolArray) -> Flats:
    border = tile.border[part[tile.border] > 0]
    shape = tile.shape
    reached, by = [], []
    in_rim = np.ones(code.size, dtype=np.bool_)
    in_rim.reshape(shape)[tile.inner] = False
    for k in range(8):
        cells = border[(link[border] >> k & 1) == 1]
        to = cells + tile.offset[k]
        outside = in_rim[to]
        reached.append(to[outside])
        by.append(part[cells[outside]])
    pairs = np.unique(np.stack([np.concatenate(by).astype(np.int64) - 1, np.concatenate(reached)]), axis=1)
    return Flats(
        tile.to_raster(border),
        part[border].astype(np.int64) - 1,
        tile.to_raster(first),
        sourced.copy(),
        tile.to_raster(np.unique(pairs[1])),
        pairs[0],
        tile.to_raster(pairs[1]),
    )


def distances(tile: Tile, link: ByteArray, seeds: IntArray, values: IntArray) -> npt.NDArray[np.int32]:
    """(ncell,) int32 steps to the way out, FAR where not reached, from cells of the window whose steps are known."""
    order = np.argsort(values, kind="stable")
    found = np.full(link.size, FAR, dtype=np.int32)
    queue = np.empty(link.size, dtype=np.uint32)
    _kernels_tile_flats.flat_distances(link.ravel(), tile.shape[1], seeds[order], values[order], queue, found)
    return found


def with_rim(
    tile: Tile, cells: IntArray, values: IntArray, rim: IntArray, rim_distance: IntArray
) -> tuple[IntArray, IntArray]:
    """Cells of the window with known distances, those of the rim (cells of the raster) among them."""
    known = rim_distance < FAR
    return (
        np.concatenate([cells, tile.to_window(rim[known])]),
        np.concatenate([values, rim_distance[known]]).astype(np.int64),
    )


def border_distances(
    tile: Tile, link: ByteArray, seeds: IntArray, values: IntArray, flats: Flats, rim_distance: IntArray
) -> IntArray:
    """Distances of the border cells of crossing flats, given those of the cells of the rim.

    Parameters
    ----------
    link : (ny, nx) uint8
    seeds, values : (s,) int64, cells of the window where the way out is, and their distances
    rim_distance : (r,) int64, of ``flats.rim``, FAR where not known
    """
    found = distances(tile, link, *with_rim(tile, seeds, values, flats.rim, rim_distance))
    return found[tile.to_window(flats.cell)].astype(np.int64)


@dataclass(frozen=True)
class JoinedFlats:
    """Crossing flats of all tiles.

    Parameters
    ----------
    cell : (b,) int64, border cells of all tiles, ascending
    first : (p,) int64, first cell of each part, ascending
    flat : (p,) int64, first cell of the whole flat
    """

    cell: IntArray
    first: IntArray
    flat: IntArray


def join_flats(tiles: list[Flats]) -> JoinedFlats:
    """Tell which parts of crossing flats belong together."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    start = np.cumsum([0, *(t.first.size for t in tiles)])
    cell = np.concatenate([t.cell for t in tiles])
    part = np.concatenate([t.part + s for t, s in zip(tiles, start, strict=False)])
    order = np.argsort(cell, kind="stable")
    cell, part = cell[order], part[order]
    one = np.concatenate([t.pair_part + s for t, s in zip(tiles, start, strict=False)])
    other = part[place_of(cell, np.concatenate([t.pair_rim for t in tiles]))]
    first = np.concatenate([t.first for t in tiles])
    graph = coo_array((np.ones(one.size, dtype=np.int8), (one, other)), shape=(first.size, first.size))
    count, group = connected_components(graph, directed=False) if first.size else (0, np.zeros(0, dtype=np.int64))
    whole = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(whole, group, first)
    order = np.argsort(first, kind="stable")
    return JoinedFlats(cell, first[order], whole[group][order])


def drained_codes(
    tile: Tile, found: Directions, elevation: Array, rim_distance: IntArray
) -> tuple[ByteArray, BoolArray]:
    """Codes once the distances in the rim are known, and which rim cells are valid.

    Cells of crossing flats without a way out carry the bit CLOSED; one cell of each part is a PIT, the rest drain to
    it, for the time being. Cells of the rim have the code INVALID.

    Parameters
    ----------
    elevation : (ny, nx) real, m, on the window
    rim_distance : (r,) int64, of ``found.flats.rim``
    """
    code = found.code.copy()
    flat = code.ravel()
    valid_rim = flat[tile.rim] & 15 != INVALID
    flat[tile.rim] = INVALID
    if found.link.size == 0:
        return code, valid_rim
    link = found.link.ravel()
    ones = np.ones(found.source.size, dtype=np.int64)
    distance = distances(tile, link, *with_rim(tile, found.source, ones, found.flats.rim, rim_distance))
    left = _kernels_tile_flats.flat_directions(link, tile.shape[1], distance, found.source, found.way, flat)
    if left:
        closed = flat & 15 == FLAT
        per_row = np.count_nonzero(closed.reshape(code.shape), axis=1).astype(np.int64)
        queue, pits = np.empty(left + 1, dtype=np.uint32), np.empty(left, dtype=np.uint32)
        _kernels_flats.drain_flats(
            read_only(elevation).ravel(), per_row, tile.shape[1], queue, flat, np.zeros_like(per_row), pits
        )
        flat[closed] |= _kernels_tiles.CLOSED
    return code, valid_rim

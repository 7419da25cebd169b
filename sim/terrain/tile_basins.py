"""Basins of one tile, the passes between them, and the part of their spanning forest that touches the border.

Paths that leave the tile end, for the tile, in the cell they leave from; cells of the rim stand for the basins of the
neighbours. Such stand-ins are basins until `sim.terrain.tile_graph` tells which of them are the same. An edge that is
the highest of a cycle stays so when nodes are merged, so what a tile's own forest leaves out is in no forest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.arrays import BoolArray, ByteArray, FloatArray, IntArray
from sim.terrain import _kernels_d8, _kernels_forest, _kernels_tiles
from sim.terrain._kernels_codes import INVALID, MEETING, PIT
from sim.terrain.given import read_only
from sim.terrain.tiles import Array, Tile

#: kinds of nodes in `Border.kind`: a pit, a part of a closed flat, a cell over which paths leave, a cell of the rim
IS_PIT, IS_FLAT, IS_EXIT, IS_RIM = 0, 1, 2, 3

_FLAG = 1 << 31
_NO_FLAGS = np.zeros((0, 0), dtype=np.bool_)


@dataclass(frozen=True)
class Border:
    """What other tiles must know of the basins of a tile; cells are of the raster, node 0 is the outside.

    Parameters
    ----------
    cell : (n,) int64, pit of each node, or the cell it stands for; -1 for the outside
    kind : (n,) uint8, IS_PIT, IS_FLAT, IS_EXIT or IS_RIM
    pit_level : (n,) float64, m, elevation of pits, infinity for stand-ins
    way : (n,) uint8, raw direction of exits
    one, other : (e,) int64, nodes on the side of the cell and of its neighbour
    level : (e,) float64, m; pass_cell : (e,) int64; side : (e,) uint8, as in `_kernels_forest.edges`
    border_cell, border_node : (b,) int64, valid border cells, ascending, and the node of each
    """

    cell: IntArray
    kind: ByteArray
    pit_level: FloatArray
    way: ByteArray
    one: IntArray
    other: IntArray
    level: FloatArray
    pass_cell: IntArray
    side: ByteArray
    border_cell: IntArray
    border_node: IntArray


@dataclass(frozen=True)
class Basins:
    """Basins of a tile; cells are of the window.

    Parameters
    ----------
    code : (ny, nx) uint8, raw directions; INVALID in the rim
    label : (ncell,) uint32, basin of each cell
    pit : (nbasin + 1,) uint32
    pit_level : (nbasin + 1,) float64, m, infinity for stand-ins
    one, other, cell : (nedge,) uint32, level : (nedge,) float64, side : (nedge,) uint8, the tile's own forest
    edge, order : int64, from `_kernels_tiles.prune`
    kept : (n,) int64, basin of each node of the border
    """

    code: ByteArray
    label: Array
    pit: Array
    pit_level: FloatArray
    one: Array
    other: Array
    cell: Array
    level: FloatArray
    side: ByteArray
    edge: IntArray
    order: IntArray
    kept: IntArray


def find_basins(
    tile: Tile, elevation: Array, valid: BoolArray | None, code: ByteArray, valid_rim: BoolArray
) -> tuple[Basins, Border]:
    """Basins of a tile and what other tiles must know of them.

    Parameters
    ----------
    elevation : (ny, nx) real, m, on the window
    valid : (ny, nx) bool; None when all are
    code, valid_rim : from `sim.terrain.tile_flats.drained_codes`; the bit MEETING is cleared
    """
    z = read_only(elevation)
    label, pit, leaves = _labels(tile, code, valid_rim)
    parts = _forest(tile, z, valid, code, label, pit.size)
    kind = _kinds(tile, code, pit, leaves)
    inside = tile.border[code.ravel()[tile.border] & 15 != INVALID]
    terminal = np.zeros(pit.size, dtype=np.bool_)
    terminal[0] = True
    terminal[kind >= IS_FLAT] = True
    terminal[label[inside] - _FLAG] = True
    edge, order = _prune(parts[0], parts[1], terminal)
    pit_level = np.where(kind <= IS_FLAT, z.ravel()[pit].astype(np.float64), np.inf)
    pit_level[0] = np.inf
    gone = np.zeros(pit.size, dtype=np.bool_)
    gone[order] = True
    stays = np.ones(parts[0].size, dtype=np.bool_)
    stays[edge[order]] = False
    used = ~gone
    # stand-ins of the rim that no edge leads to say nothing
    touched = np.zeros(pit.size, dtype=np.bool_)
    touched[parts[0][stays]] = touched[parts[1][stays]] = True
    used &= (kind != IS_RIM) | touched
    kept = np.flatnonzero(used)
    number = np.full(pit.size, -1, dtype=np.int64)
    number[kept] = np.arange(kept.size)
    cell = tile.to_raster(pit[kept])
    cell[0] = -1
    one, other, level, pass_cell, side = parts
    border = Border(
        cell, kind[kept], pit_level[kept], code.ravel()[pit[kept]] & np.uint8(7),
        number[one[stays]], number[other[stays]], level[stays], tile.to_raster(pass_cell[stays]), side[stays],
        tile.to_raster(inside), number[label[inside] - _FLAG],
    )  # fmt: skip
    basins = Basins(
        code, label, pit, pit_level, one, other, pass_cell, level, side, edge, order, kept
    )  # fmt: skip
    return basins, border


def _labels(tile: Tile, code: ByteArray, valid_rim: BoolArray) -> tuple[Array, Array, BoolArray]:
    """Label of every cell, pit of every basin, and whether paths leave the tile at a cell of its border."""
    work = code.ravel() & np.uint8(15)
    border = tile.border
    leaves = leaving(tile, work)
    work[border[leaves]] = PIT
    work[tile.rim[valid_rim]] = PIT
    label = np.empty(work.size, dtype=np.uint32)
    pit = np.zeros(int(np.count_nonzero(work == PIT)) + 1, dtype=np.uint32)
    _kernels_d8.start_labels(work, tile.offset, 0, work.size, 1, _FLAG, label, pit)
    backwards = True
    while _kernels_d8.follow_labels(0, work.size, backwards, label):
        backwards = not backwards
    return label, pit, leaves


def leaving(tile: Tile, code: ByteArray) -> BoolArray:
    """(b,) whether the direction of each border cell leads into the rim; `code` (ncell,) without extra bits."""
    border = tile.border
    k = code[border]
    to = border + tile.offset[k & 7]
    row, column = np.divmod(to, tile.shape[1])
    a, b, c, d = tile.core.tolist()
    inside = (row >= a) & (row < b) & (column >= c) & (column < d)
    return np.asarray((k < 8) & ~inside)


def _kinds(tile: Tile, code: ByteArray, pit: Array, leaves: BoolArray) -> ByteArray:
    flat = code.ravel()
    kind_of = np.full(flat.size, IS_PIT, dtype=np.uint8)
    kind_of[flat >= _kernels_tiles.CLOSED] = IS_FLAT
    kind_of[tile.border[leaves]] = IS_EXIT
    kind_of[tile.rim] = IS_RIM
    kind = kind_of[pit]
    kind[0] = IS_PIT
    return np.asarray(kind)


def _forest(
    tile: Tile, z: Array, valid: BoolArray | None, code: ByteArray, label: Array, nodes: int
) -> tuple[Array, Array, FloatArray, Array, ByteArray]:
    """Edges of the tile's own spanning forest: basins, level, cell, side; in ascending order of their cells."""
    # at most one way outside and four pieces of lower neighbours at a cell
    most = 5 * int(np.count_nonzero(code >= MEETING))
    one, other, cell = (np.empty(most, dtype=np.uint32) for _ in range(3))
    level, side = np.empty(most), np.empty(most, dtype=np.uint8)
    flags = read_only(_NO_FLAGS if valid is None else valid)
    count = _kernels_forest.edges(
        z, flags, code, label, _FLAG, tile.offset, 0, z.shape[0], 0, one, other, level, cell, side
    )  # fmt: skip
    one, other, level, cell, side = one[:count], other[:count], level[:count], cell[:count], side[:count]
    left, right, live = (np.empty(count, dtype=np.uint32) for _ in range(3))
    best, group, roots, chosen = (np.empty(nodes, dtype=np.uint32) for _ in range(4))
    joined, height = np.zeros(nodes, dtype=np.bool_), np.empty(count)
    size = _kernels_forest.forest(
        one, other, level, joined, left, right, live, height, best, group, roots, chosen
    )  # fmt: skip
    tree = np.sort(chosen[:size])
    return one[tree], other[tree], level[tree], cell[tree], side[tree]


def _prune(one: Array, other: Array, terminal: BoolArray) -> tuple[IntArray, IntArray]:
    nodes = terminal.size
    edge, order = np.empty(nodes, dtype=np.int64), np.empty(nodes, dtype=np.int64)
    degree, incident = np.zeros(nodes, dtype=np.int64), np.zeros(nodes, dtype=np.int64)
    count = _kernels_tiles.prune(one, other, terminal, degree, incident, edge, order)
    return edge, order[:count].copy()

"""One spanning forest over all tiles, from what each says about its border."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.arrays import BoolArray, ByteArray, FloatArray, IntArray
from sim.terrain import _kernels_forest
from sim.terrain._kernels_codes import EDGE, NODATA
from sim.terrain._kernels_forest import OUTSIDE
from sim.terrain.rules import Depressions
from sim.terrain.tile_basins import IS_EXIT, IS_FLAT, IS_RIM, Border
from sim.terrain.tile_flats import JoinedFlats
from sim.terrain.tiles import Array, Layout, grouped, place_of


@dataclass(frozen=True)
class Segments:
    """Parts of paths to be turned round in one tile; cells are of the raster.

    Parameters
    ----------
    start : (m,) int64, where each part starts
    way : (m,) uint8, the new direction there
    flat : (m,) int64, first cell of the closed flat it ends in, -1 if in none
    """

    start: IntArray
    way: ByteArray
    flat: IntArray


@dataclass(frozen=True)
class Solution:
    """The forest over all tiles; basins are numbered from 1, 0 is the outside.

    Parameters
    ----------
    basin : per tile (n,) int64, basin of each node of its border
    one, other, edge, visit : as in `_kernels_forest`
    level : (nbasin + 1,) float64, m, at which each basin spills
    lake : (nbasin + 1,) int64, the basin through which its lake spills
    spill : (nedge,) int64, cell of each pass
    pit_level, pit : (nbasin + 1,) float64, m, and int64, the cell
    segments : per tile
    """

    basin: list[IntArray]
    one: IntArray
    other: IntArray
    edge: IntArray
    visit: IntArray
    level: FloatArray
    lake: IntArray
    spill: IntArray
    pit_level: FloatArray
    pit: IntArray
    segments: list[Segments]


def solve(layout: Layout, borders: list[Border], flats: JoinedFlats) -> Solution:
    """Find over which pass each basin that touches a border spills, and the paths to be turned round.

    Parameters
    ----------
    layout : Layout
    borders : Border of each tile, in order
    flats : JoinedFlats
    """
    nodes = _Nodes(layout, borders, flats)
    one, other, level, cell, side = nodes.edges(borders)
    basins = nodes.count
    edges = one.size
    chosen, edge, visit, best, group, roots = (np.empty(basins, dtype=np.int64) for _ in range(6))
    left, right, live = (np.empty(edges, dtype=np.int64) for _ in range(3))
    joined, height = np.zeros(basins, dtype=np.bool_), np.empty(edges)
    count = _kernels_forest.forest(
        one, other, level, joined, left, right, live, height, best, group, roots, chosen
    )  # fmt: skip
    reached = _kernels_forest.orient(
        one, other, chosen[:count], joined, np.empty(basins + 1, dtype=np.int64), np.empty(2 * count, dtype=np.int64),
        edge, visit,
    )  # fmt: skip
    # every connected patch of valid cells has an edge, over which it drains
    assert reached == basins, "a basin has no way out"
    spill, lake = np.empty(basins), np.empty(basins, dtype=np.int64)
    _kernels_forest.spill_levels(one, other, level, visit, edge, spill, lake)
    start, way, node = nodes.starts(one, other, cell, side, edge)
    return Solution(
        nodes.basin_by_tile(), one, other, edge, visit, spill, lake, cell, nodes.pit_level, nodes.pit,
        nodes.segments(start, way, node),
    )  # fmt: skip


class _Nodes:
    """Nodes of all borders, and which of them are the same basin."""

    def __init__(self, layout: Layout, borders: list[Border], flats: JoinedFlats) -> None:
        self.layout = layout
        self.first = np.cumsum([0, *(b.cell.size for b in borders)])
        self.cell = np.concatenate([b.cell for b in borders])
        self.kind = np.concatenate([b.kind for b in borders])
        self.way = np.concatenate([b.way for b in borders])
        border_cell = np.concatenate([b.border_cell for b in borders])
        border_node = np.concatenate([b.border_node + s for b, s in zip(borders, self.first, strict=False)])
        order = np.argsort(border_cell, kind="stable")
        self.border_cell, self.border_node = border_cell[order], border_node[order]
        same = self._same(flats)
        basin = np.unique(same)
        # node 0 is the outside, the smallest of all
        self.number = np.asarray(np.searchsorted(basin, same), dtype=np.int64)
        self.count = basin.size
        level = np.concatenate([b.pit_level for b in borders])
        self.pit_level, self.pit = level[basin], self.cell[basin]

    def node_at(self, cell: IntArray) -> IntArray:
        """Node, in its own tile, of each cell beside a border."""
        return np.asarray(self.border_node[place_of(self.border_cell, cell)], dtype=np.int64)

    def _same(self, flats: JoinedFlats) -> IntArray:
        """Node that stands for the basin of each."""
        same = np.arange(self.cell.size)
        same[self.first[:-1]] = 0
        rim = np.flatnonzero(self.kind == IS_RIM)
        same[rim] = self.node_at(self.cell[rim])
        exits = np.flatnonzero(self.kind == IS_EXIT)
        same[exits] = self.node_at(self.layout.step(self.cell[exits], self.way[exits]))
        flat = np.flatnonzero(self.kind == IS_FLAT)
        by_cell = flat[np.argsort(self.cell[flat], kind="stable")]
        whole = flats.flat[place_of(flats.first, self.cell[flat])]
        same[flat] = by_cell[place_of(self.cell[by_cell], whole)]
        while True:
            # exits lead downhill, so that chains have an end; each round halves them
            shorter = same[same]
            if np.array_equal(shorter, same):
                return same
            same = shorter

    def basin_by_tile(self) -> list[IntArray]:
        """Basin of each node, tile by tile."""
        return np.split(self.number, self.first[1:-1])

    def edges(self, borders: list[Border]) -> tuple[IntArray, IntArray, FloatArray, IntArray, ByteArray]:
        """Edges between different basins, by cell; those at one cell come from one tile, in order."""
        shifted = list(zip(borders, self.first, strict=False))
        one = self.number[np.concatenate([b.one + s for b, s in shifted])]
        other_node = np.concatenate([b.other + s for b, s in shifted])
        other = self.number[other_node]
        cell = np.concatenate([b.pass_cell for b in borders])
        order = np.argsort(cell, kind="stable")
        order = order[(one != other)[order]]
        level = np.concatenate([b.level for b in borders])
        side = np.concatenate([b.side for b in borders])
        self.one_node = np.concatenate([b.one + s for b, s in shifted])[order]
        self.other_node = other_node[order]
        return one[order], other[order], level[order], cell[order], side[order]

    def starts(
        self, one: IntArray, other: IntArray, cell: IntArray, side: ByteArray, edge: IntArray
    ) -> tuple[IntArray, ByteArray, IntArray]:
        """Where the path from the spill of each basin starts, its new direction there, and the node of that cell."""
        basin = np.flatnonzero(edge < one.size)
        e = edge[basin]
        at, k = cell[e], side[e].astype(np.uint8)
        here = one[e] == basin
        outlet = np.where(self.layout.on_frame(at), EDGE, NODATA).astype(np.uint8)
        beside = self.layout.step(at, np.where(here, 0, k))
        start = np.where(here, at, beside)
        way = np.where(here, np.where(k == OUTSIDE, outlet, k), (k + 4) & 7).astype(np.uint8)
        node = np.where(here, self.one_node[e], self.other_node[e])
        in_rim = self.kind[node] == IS_RIM
        node[in_rim] = self.node_at(start[in_rim])
        return np.asarray(start, dtype=np.int64), way, node

    def segments(self, start: IntArray, way: ByteArray, node: IntArray) -> list[Segments]:
        """Follow each path from tile to tile down to its pit."""
        starts, ways, flats = [], [], []
        while True:
            kind = self.kind[node]
            starts.append(start)
            ways.append(way)
            flats.append(np.where(kind == IS_FLAT, self.pit[self.number[node]], -1))
            on = kind == IS_EXIT
            if not on.any():
                break
            k = self.way[node[on]]
            start = self.layout.step(self.cell[node[on]], k)
            way = ((k + 4) & 7).astype(np.uint8)
            node = self.node_at(start)
        at, new, flat = np.concatenate(starts), np.concatenate(ways), np.concatenate(flats)
        tiles = grouped(self.layout.tile_of(at), self.layout.count)
        return [Segments(at[i], new[i], flat[i]) for i in tiles]


def depressions(solution: Solution, lowest: Array, low: FloatArray) -> tuple[Depressions, IntArray]:
    """Table of the depressions that more than one tile knows of, and the basin through which each spills.

    Parameters
    ----------
    lowest, low : (nbasin + 1,), lowest cell and its elevation in m, by the basin through which the depression spills
    """
    spilling = solution.edge < solution.one.size
    basin = np.flatnonzero(spilling & (solution.lake == np.arange(solution.lake.size)))
    level = solution.level[basin]
    unknown = np.zeros(basin.size, dtype=np.int64)
    undecided = np.zeros(basin.size, dtype=np.uint8)
    spill = solution.spill[solution.edge[basin]]
    table = Depressions(
        lowest[basin], level, level - low[basin], unknown, np.zeros(basin.size), spill, undecided
    )  # fmt: skip
    return table, basin


def floors(solution: Solution, basin: IntArray, decision: ByteArray) -> tuple[FloatArray, BoolArray]:
    """(nbasin + 1,) height to which each basin is filled, and whether its depression is.

    Parameters
    ----------
    basin, decision : (d,), basins through which depressions spill, and what was decided for each
    """
    number = np.full(solution.lake.size, -1, dtype=np.int64)
    number[basin] = np.arange(basin.size)
    by_basin = number[solution.lake]
    floor = np.empty(solution.lake.size)
    _kernels_forest.floors(
        solution.one, solution.other, solution.visit, solution.edge, solution.level, by_basin, decision, floor
    )
    filled = np.zeros(solution.lake.size, dtype=np.bool_)
    known = by_basin >= 0
    filled[known] = decision[by_basin[known]] == 1
    return floor, filled

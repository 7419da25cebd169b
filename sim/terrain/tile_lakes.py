"""Depressions of one tile: those it knows alone, and its share in those that reach beyond it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.arrays import FloatArray, IntArray
from sim.terrain import _kernels_tile_flats, _kernels_tiles
from sim.terrain.rules import KEEP, Depressions, Rules
from sim.terrain.tile_basins import Basins
from sim.terrain.tile_graph import Segments
from sim.terrain.tiles import Tile


@dataclass(frozen=True)
class Share:
    """What a tile adds to the depressions that more than one tile knows of.

    Parameters
    ----------
    basin : (m,) int64, basin of the solution through which the depression spills
    low, lowest : (m,) float64, m, and int64, cell of the raster, of the lowest pit of this tile in it
    flat, entry : (f,) int64, first cell of a closed flat that crosses tiles, and the cell over which it spills
    """

    basin: IntArray
    low: FloatArray
    lowest: IntArray
    flat: IntArray
    entry: IntArray


def supported(rules: Rules) -> str:
    """Why rules cannot be followed tile by tile; empty if they can."""
    for rule in rules.rules:
        if rule.decision == KEEP:
            return "a rule that keeps depressions"
        if rule.needs_size:
            return "a rule with areas or volumes"
        if rule.within is not None or rule.holding is not None:
            return "a rule for depressions in some place"
    return ""


def _levels(basins: Basins, level: FloatArray) -> tuple[FloatArray, IntArray]:
    """Level of every basin and the basin that names its lake, from the levels of those known to other tiles."""
    nodes = basins.pit.size
    found, lake = np.full(nodes, -np.inf), np.arange(nodes)
    found[basins.kept] = level
    _kernels_tiles.pruned_levels(
        basins.one, basins.other, basins.level, basins.order, basins.edge, found, lake
    )  # fmt: skip
    return found, lake


def _lowest(tile: Tile, basins: Basins, lake: IntArray) -> tuple[FloatArray, IntArray]:
    """Lowest pit of each lake among the basins that only this tile knows, as elevation and cell of the raster."""
    low, lowest = np.full(lake.size, np.inf), np.full(lake.size, -1, dtype=np.int64)
    pit = tile.to_raster(basins.pit)
    _kernels_tiles.lake_lowest(basins.order, lake, basins.pit_level, pit, low, lowest)
    return low, lowest


def partial_lakes(tile: Tile, basins: Basins, level: FloatArray, lake_of: IntArray, segments: Segments) -> Share:
    """Lowest pits of this tile in depressions that reach beyond it, and where closed flats spill.

    Parameters
    ----------
    level, lake_of : (n,), of the nodes of the border: level, m, and basin of the solution through which the lake spills
    segments : Segments of this tile
    """
    _, lake = _levels(basins, level)
    low, lowest = _lowest(tile, basins, lake)
    mine = low[basins.kept] < np.inf
    ends = segments.flat >= 0
    start = tile.to_window(segments.start[ends])
    entry = np.empty(start.size, dtype=np.int64)
    _kernels_tile_flats.closed_flat_entries(
        basins.code.ravel(), tile.shape[1], tile.core, tile.offset, start, entry
    )  # fmt: skip
    assert (entry >= 0).all(), "a path misses its flat"
    return Share(
        lake_of[mine], low[basins.kept][mine], lowest[basins.kept][mine], segments.flat[ends], tile.to_raster(entry)
    )


def merge_shares(
    shares: list[Share], lake: IntArray, pit_level: FloatArray, pit: IntArray
) -> tuple[FloatArray, IntArray]:
    """(nbasin + 1,) lowest elevation, m, and its cell, of the lake that spills through each basin.

    Parameters
    ----------
    lake, pit_level, pit : of the solution
    """
    basin = np.concatenate([lake, *(s.basin for s in shares)])
    low = np.concatenate([pit_level, *(s.low for s in shares)])
    cell = np.concatenate([pit, *(s.lowest for s in shares)])
    order = np.lexsort((cell, low, basin))
    named, first = np.unique(basin[order], return_index=True)
    out_low, out_cell = np.full(lake.size, np.inf), np.full(lake.size, -1, dtype=np.int64)
    out_low[named], out_cell[named] = low[order][first], cell[order][first]
    return out_low, out_cell


@dataclass(frozen=True)
class Floors:
    """Height to which each basin of a tile is filled, m, and how many depressions got each decision."""

    floor: FloatArray
    decided: tuple[int, int, int]


def floors(
    tile: Tile,
    basins: Basins,
    level: FloatArray,
    filled: npt.NDArray[np.bool_],
    floor: FloatArray,
    rules: Rules,
) -> Floors:
    """Decide on the depressions that only this tile knows and tell how high each basin is filled.

    Parameters
    ----------
    level, filled, floor : (n,), of the nodes of the border: level, m; whether its depression is filled; height, m
    """
    levels, lake = _levels(basins, level)
    low, lowest = _lowest(tile, basins, lake)
    nodes = basins.pit.size
    own = basins.order[lake[basins.order] == basins.order]
    unknown, undecided = np.zeros(own.size, dtype=np.int64), np.zeros(own.size, dtype=np.uint8)
    table = Depressions(
        lowest[own], levels[own], levels[own] - low[own], unknown, np.zeros(own.size), np.full(own.size, -1), undecided
    )
    decision, _ = rules.decide(table, keep=True, cell_area=0.0, lake_of=np.zeros(0, dtype=np.int64))
    fill = np.zeros(nodes, dtype=np.bool_)
    fill[own] = decision == 1
    fill[basins.kept] = filled
    out = np.full(nodes, -np.inf)
    out[basins.kept] = floor
    _kernels_tiles.pruned_floors(
        basins.one, basins.other, basins.order, basins.edge, levels, lake, fill, out
    )  # fmt: skip
    count = np.bincount(decision, minlength=3)
    return Floors(out, (int(count[0]), int(count[1]), int(count[2])))

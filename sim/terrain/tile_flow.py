"""Final directions of one tile, what flows from tile to tile, and what each cell drains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.arrays import ByteArray, FloatArray, IntArray
from sim.terrain import (
    _kernels_flats,
    _kernels_forest,
    _kernels_order,
    _kernels_surface_change,
    _kernels_tile_flats,
    _kernels_tiles,
)
from sim.terrain._kernels_codes import EDGE, INVALID
from sim.terrain.given import read_only
from sim.terrain.strips import index_type
from sim.terrain.tile_basins import Basins, leaving
from sim.terrain.tile_flats import Directions, distances, with_rim
from sim.terrain.tile_graph import Segments
from sim.terrain.tiles import Array, Layout, Tile, grouped, place_of

_FLAG = 1 << 31


@dataclass(frozen=True)
class Flow:
    """What leaves a tile and where what comes in goes; cells are of the raster.

    Parameters
    ----------
    exit, target : (m,) int64, cells over which paths leave, and the cells they lead to
    cells : (m,) int64, cells of this tile that drain over each
    lowest : (m,) float64, m, lowest surface on the way
    entry : (b,) int64, border cells, ascending
    leaves : (b,) int64, the exit over which the path from each leaves again, -1 if it ends in the tile
    """

    exit: IntArray
    target: IntArray
    cells: IntArray
    lowest: FloatArray
    entry: IntArray
    leaves: IntArray


def final_directions(
    tile: Tile,
    elevation: Array,
    found: Directions,
    basins: Basins,
    segments: Segments,
    flat_start: IntArray,
    rim_distance: IntArray,
) -> ByteArray:
    """(ny, nx) uint8 final directions on the window; INVALID in the rim.

    Parameters
    ----------
    elevation : (ny, nx) real, m, on the window
    segments : paths to be turned round that pass through this tile
    flat_start : (f,) int64, cells of the raster over which closed flats that cross tiles spill, in this tile
    rim_distance : (r,) int64, steps of ``found.flats.rim`` to them
    """
    code = basins.code.copy()
    flat = code.ravel()
    rows, columns = tile.shape
    closed = (flat & _kernels_tiles.CLOSED) > 0
    _kernels_forest.reverse_paths(
        basins.one, basins.cell, basins.side, basins.edge, basins.pit, tile.offset, rows, columns, 1, basins.pit.size,
        flat,
    )  # fmt: skip
    _kernels_tiles.reverse_segments(
        tile.to_window(segments.start), segments.way, columns, tile.core, tile.offset, flat
    )  # fmt: skip
    if found.closed.size:
        queue = np.empty(flat.size, dtype=np.uint32)
        z = read_only(elevation).ravel()
        pits = found.closed.astype(np.uint32)
        _kernels_flats.reroute_flats(z, pits, rows, columns, tile.offset, queue, flat)
    if closed.any():
        link = np.where(closed, found.link.ravel(), np.uint8(0))
        seeds = tile.to_window(flat_start)
        distance = distances(
            tile, link, *with_rim(tile, seeds, np.zeros_like(seeds), found.flats.rim, rim_distance)
        )  # fmt: skip
        nowhere = np.zeros(0, dtype=np.int64)
        left = _kernels_tile_flats.flat_directions(
            link, columns, distance, nowhere, np.zeros(0, dtype=np.uint8), flat
        )  # fmt: skip
        assert left == 0, "a flat has no way out"
    return code


def closed_links(found: Directions, basins: Basins) -> ByteArray:
    """(ny, nx) uint8, links of those crossing flats that have no way out of their own."""
    return np.where(basins.code & _kernels_tiles.CLOSED, found.link, np.uint8(0))


def raised(elevation: Array, basins: Basins, floor: FloatArray) -> Array:
    """(ny, nx) surface with depressions filled, m, of the type of the elevation.

    Parameters
    ----------
    floor : (nbasin + 1,) float64, m
    """
    z = read_only(elevation)
    surface = np.empty(z.size, dtype=z.dtype)
    _kernels_surface_change.raise_to(z.ravel(), basins.label, _FLAG, floor, 0, z.size, surface)
    return surface.reshape(z.shape)


def _accumulate(
    tile: Tile, code: ByteArray, surface: Array, entry: IntArray, cells: IntArray, lowest: FloatArray
) -> tuple[Array, Array, ByteArray, Array]:
    """Cells that drain through each and the lowest surface on the way, with the codes used and the cells of exits."""
    ends = code.ravel().copy()
    leaves = tile.border[leaving(tile, ends)]
    ends[leaves] = EDGE
    index, _ = index_type(tile.layout.rows * tile.layout.columns)
    count, low = np.ones(code.size, dtype=index), surface.ravel().copy()
    np.add.at(count, entry, cells.astype(index))
    np.minimum.at(low, entry, lowest.astype(low.dtype))
    work = np.empty(code.shape, dtype=np.uint8)
    _kernels_order.donors(ends.reshape(code.shape), 0, code.shape[0], work)
    _kernels_tiles.accumulate(tile.offset, work.ravel(), count, low)
    return count, low, ends, leaves


def flow(tile: Tile, code: ByteArray, surface: Array) -> Flow:
    """What leaves the tile if nothing comes in, and where what comes in would leave.

    Parameters
    ----------
    code, surface : (ny, nx), final directions and filled surface, m, on the window
    """
    nothing = np.zeros(0, dtype=np.int64)
    count, low, ends, leaves = _accumulate(tile, code, surface, nothing, nothing, np.zeros(0))
    entry = tile.border[ends[tile.border] != INVALID]
    last, seen = np.empty(entry.size, dtype=np.int64), np.zeros(code.size, dtype=np.uint32)
    _kernels_tiles.ends_of_paths(ends, tile.offset, entry, seen, last)
    is_exit = np.zeros(code.size, dtype=np.bool_)
    is_exit[leaves] = True
    target = leaves + tile.offset[code.ravel()[leaves]]
    return Flow(
        tile.to_raster(leaves),
        tile.to_raster(target),
        count[leaves].astype(np.int64),
        low[leaves].astype(np.float64),
        tile.to_raster(entry),
        np.where(is_exit[last], tile.to_raster(last), -1),
    )


@dataclass(frozen=True)
class Inflow:
    """What comes into a tile: cells of the raster, number of cells, lowest surface on the way (m)."""

    entry: IntArray
    cells: IntArray
    lowest: FloatArray


def join_flow(layout: Layout, tiles: list[Flow]) -> list[Inflow]:
    """What comes into each tile, with all that flows through other tiles before."""
    exits = np.concatenate([t.exit for t in tiles])
    target = np.concatenate([t.target for t in tiles])
    cells = np.concatenate([t.cells for t in tiles])
    lowest = np.concatenate([t.lowest for t in tiles])
    entry = np.concatenate([t.entry for t in tiles])
    leaves = np.concatenate([t.leaves for t in tiles])
    by_entry, by_exit = np.argsort(entry, kind="stable"), np.argsort(exits, kind="stable")
    after = leaves[by_entry][place_of(entry[by_entry], target)]
    down = np.full(exits.size, -1, dtype=np.int64)
    on = after >= 0
    down[on] = by_exit[place_of(exits[by_exit], after[on])]
    waiting, stack = np.zeros(exits.size, dtype=np.int64), np.empty(exits.size, dtype=np.int64)
    reached = _kernels_tiles.accumulate_exits(down, waiting, stack, cells, lowest)
    assert reached == exits.size, "flow runs in a loop"
    return [Inflow(target[i], cells[i], lowest[i]) for i in grouped(layout.tile_of(target), layout.count)]


@dataclass(frozen=True)
class Finished:
    """Results of one tile, without rim.

    Parameters
    ----------
    direction : (ny, nx) uint8
    upstream_cells : (ny, nx) uint32 or int64, 0 where not valid
    conditioned : (ny, nx) as the elevation, m
    """

    direction: ByteArray
    upstream_cells: Array
    conditioned: Array


def finish(tile: Tile, code: ByteArray, surface: Array, inflow: Inflow) -> Finished:
    """Results of one tile, with what comes in from others."""
    entry = tile.to_window(inflow.entry)
    cells, low, _, _ = _accumulate(tile, code, surface, entry, inflow.cells, inflow.lowest)
    shape: Any = code.shape
    direction = np.ascontiguousarray(code[tile.inner])
    upstream = np.ascontiguousarray(cells.reshape(shape)[tile.inner])
    upstream[direction == INVALID] = 0
    return Finished(direction, upstream, np.ascontiguousarray(low.reshape(shape)[tile.inner]))

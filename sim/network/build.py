"""From flow paths on a raster to a RiverNetwork."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from sim.arrays import BoolArray, FloatArray, IntArray
from sim.errors import ScenarioError
from sim.network import _kernels
from sim.network.drainage import channel_cells, check_inflows, routed_inflow
from sim.network.numbering import canonical_positions, reaches
from sim.network.objects import RiverNetwork
from sim.network.tracing import first_on_path
from sim.terrain.objects import Terrain

#: least bed slope of a node; flats of a raster are flat only to its vertical step
SLOPE_FLOOR = 1e-5
#: a node's slope is taken over a stretch that falls by at least this, m ...
SLOPE_FALL = 40.0
#: ... and is at most about this long, m
SLOPE_STRETCH = 200_000.0


class _Segments(NamedTuple):
    """Nodes as they lie on the raster, numbered as in the finished network."""

    first: IntArray  # (n,) cell of the upstream end
    last: IntArray  # (n,) cell of the downstream end
    down: IntArray  # (n,)
    node: IntArray  # (ncell,) node of each channel cell, -1 elsewhere
    run: FloatArray  # (ncell,) m from the node's upstream end
    order: IntArray  # (m,) channel cells, upstream first


def build_network(
    terrain: Terrain,
    total_area: FloatArray,
    stream_area: float,
    *,
    break_cells: IntArray,
    inflow_cells: IntArray,
    inflow_areas: FloatArray,
    max_length: float,
    sinuosity: float,
    station_names: Mapping[int, str] | None = None,
    slope_fall: float = SLOPE_FALL,
    slope_stretch: float = SLOPE_STRETCH,
) -> RiverNetwork:
    """Cut the channels of a terrain into nodes.

    A node starts at channel heads, confluences, break cells, inflows and wherever it would grow longer than
    `max_length`. It owns the channel cells from its start to the one before the next start. Its length is the sum of
    the D8 steps from each of its cells to the next, times the sinuosity; the last cell of an outlet counts as half a
    cell. Areas, with the cells' own areas a_c and declared inflows B::

        head:    area_in = A(start cell)                    else   area_in = sum of area over the donors + B
        area   = area_in + sum of a_c over the cells that enter along the segment = A(last cell)

    so nothing but donors and declared inflows meets at a confluence, and hillslopes enter along the segments.
    The bed slope of a node is taken over the shortest stretch about it, up its main stem and down, that falls by at
    least `slope_fall` or is `slope_stretch` long (Wobus et al. 2006, doi 10.1130/2006.2398(04): fixed vertical
    interval), because a raster with a vertical step of metres has no local slope on a river; least 1e-5, counted by
    `floored_slopes`.

    Parameters
    ----------
    terrain : Terrain
    total_area : (ncell,) m2, from `drainage_area` with the same inflows
    stream_area : m2, drainage area at which a channel starts
    break_cells : (k,) flat cells at which a node must start; those that are no channel are left out
    inflow_cells, inflow_areas : (j,) flat cells and m2 of declared inflows
    max_length : m, a node of a single cell may be longer
    sinuosity : length of the river over its D8 length, >= 1
    station_names : label of the node that starts at a channel cell
    slope_fall : m, 0 for the slope of each node by itself
    slope_stretch : m

    Returns
    -------
    RiverNetwork

    Raises
    ------
    ScenarioError
        LS-209 when no cell reaches `stream_area` or an inflow never meets a channel.
    ValueError
        If an argument is impossible, `total_area` belongs to other inflows, or a named cell is no channel.
    """
    if not (max_length > 0.0 and sinuosity >= 1.0 and math.isfinite(sinuosity)):
        raise ValueError(f"max_length = {max_length}, sinuosity = {sinuosity}")
    names = dict(station_names or {})
    inflow_cells, inflow_areas = check_inflows(terrain, inflow_cells, inflow_areas)
    inflow = routed_inflow(terrain, inflow_cells, inflow_areas)
    if not np.allclose(total_area, terrain.area + inflow, rtol=1e-9, atol=0.0):
        raise ValueError("total_area does not belong to these inflows")
    channel = channel_cells(terrain, total_area, stream_area)
    absent = [cell for cell in names if not (0 <= cell < channel.size and channel[cell])]
    if absent:
        raise ValueError(f"station cells {absent} are no channel cells")
    entry = _inflow_entries(terrain, channel, inflow_cells)
    breaks = np.concatenate([np.asarray(break_cells, dtype=np.int64), np.fromiter(names, np.int64), entry])
    cut = _segments(terrain, channel, breaks, max_length, sinuosity)

    boundary = np.zeros(cut.first.size)
    np.add.at(boundary, cut.node[entry], inflow_areas)
    area = terrain.area[cut.last] + inflow[cut.last]
    is_head = np.bincount(cut.down[cut.down >= 0], minlength=area.size) == 0
    area_in = np.where(is_head, terrain.area[cut.first], 0.0) + boundary
    np.add.at(area_in, cut.down[cut.down >= 0], area[cut.down >= 0])
    area = np.maximum(area, area_in)  # a sum of areas may round above their product by one part in 1e16

    length = cut.run[cut.last] + _last_step(terrain, cut.last) * sinuosity
    height = terrain.conditioned.ravel().astype(np.float64)
    x, y = terrain.grid.centre(cut.first)
    start, cell, distance = _channel_lists(cut)
    return RiverNetwork(
        down=cut.down,
        length=length,
        slope=_slopes(terrain, cut, height, length, area, slope_fall, slope_stretch),
        area_in=area_in,
        area=area,
        boundary_area=boundary,
        x=x,
        y=y,
        elevation=height[cut.first],
        reach=reaches(cut.down),
        cell=cut.first,
        channel_cell=cell,
        channel_start=start,
        channel_distance=distance,
        link_from=np.empty(0, dtype=np.int64),
        link_to=np.empty(0, dtype=np.int64),
        name=tuple(names.get(c, "") for c in cut.first.tolist()),
        crs_wkt=terrain.grid.crs_wkt,
    )


def floored_slopes(network: RiverNetwork) -> int:
    """Number of nodes whose slope is the floor of 1e-5."""
    return int(np.count_nonzero(network.slope <= SLOPE_FLOOR))


def _inflow_entries(terrain: Terrain, channel: BoolArray, inflow_cells: IntArray) -> IntArray:
    """First channel cell below each inflow; LS-209 when there is none."""
    entry, _, _ = first_on_path(terrain, channel, inflow_cells)
    if np.any(entry < 0):
        k = int(np.flatnonzero(entry < 0)[0])
        raise ScenarioError(
            209,
            f"network.inflow number {k + 1}",
            got="leaves the terrain before it meets a channel",
            expected="A declared inflow must join a channel",
            remedy="Move the inflow, or lower network.stream_area",
        )
    return entry


def _segments(terrain: Terrain, channel: BoolArray, breaks: IntArray, max_length: float, sinuosity: float) -> _Segments:
    """Cut channels into numbered segments."""
    grid, receiver = terrain.grid, terrain.receiver
    order = np.ascontiguousarray(terrain.order[channel[terrain.order]])
    donors = np.zeros(channel.size, dtype=np.int8)
    status, fault = _kernels.channel_donors(order, receiver, channel, donors)
    if status:
        raise ValueError(f"the channel ends on a hillslope at cell {fault}: drainage area falls downstream")
    start = channel & (donors != 1)
    inside = breaks[(breaks >= 0) & (breaks < channel.size)]
    start[inside[channel[inside]]] = True
    run = np.zeros(channel.size)
    _kernels.cut_channels(
        order, receiver, grid.shape[1], grid.cell_width, grid.cell_height, sinuosity, max_length, start, run
    )
    first = np.flatnonzero(start)
    _, last, down = _number(order, receiver, start, first)
    # Upstream area grows strictly downstream, so sorting by it is topological whatever engine made `order`;
    # at the downstream end it ranks the rivers that meet, and leaves that rank alone however they are cut.
    rank = np.lexsort((last, terrain.upstream_cells[last]))
    number = np.empty_like(rank)
    number[rank] = np.arange(rank.size)
    position = canonical_positions(np.where(down >= 0, number[down], -1)[rank])
    first[position[number]] = first.copy()
    node, last, down = _number(order, receiver, start, first)
    return _Segments(first, last, down, node, run, order)


def _number(
    order: IntArray, receiver: IntArray, start: BoolArray, first: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Node of every channel cell, last cell and receiver of every node, for nodes numbered as in `first`."""
    node = np.full(receiver.size, -1, dtype=np.int64)
    node[first] = np.arange(first.size)
    last = np.empty(first.size, dtype=np.int64)
    _kernels.assign_nodes(order, receiver, start, node, last)
    after = receiver[last]
    return node, last, np.where(after >= 0, node[after], -1)


def _last_step(terrain: Terrain, last: IntArray) -> FloatArray:
    """Distance from each last cell to the start of the next node, half a cell at outlets, m."""
    grid = terrain.grid
    after = terrain.receiver[last]
    row, column = np.divmod(last, grid.shape[1])
    row_after, column_after = np.divmod(after, grid.shape[1])
    full = np.hypot((column - column_after) * grid.cell_width, (row - row_after) * grid.cell_height)
    return np.where(after >= 0, full, 0.5 * math.sqrt(grid.cell_area))


def _channel_lists(cut: _Segments) -> tuple[IntArray, IntArray, FloatArray]:
    """channel_start, channel_cell and channel_distance of the network."""
    n, m = cut.first.size, cut.order.size
    start = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(cut.node[cut.order], minlength=n), out=start[1:])
    cell, distance = np.empty(m, dtype=np.int64), np.empty(m)
    _kernels.list_channel_cells(cut.order, cut.node, cut.run, start, start[:-1].copy(), cell, distance)
    return start, cell, distance


def _slopes(
    terrain: Terrain,
    cut: _Segments,
    height: FloatArray,
    length: FloatArray,
    area: FloatArray,
    least_fall: float,
    longest: float,
) -> FloatArray:
    """Bed slope of every node with its floor."""
    after = terrain.receiver[cut.last]
    bottom = height[np.where(after >= 0, after, cut.last)]
    main = np.empty(area.size, dtype=np.int64)
    _kernels.main_donors(cut.down, area, main)
    slope = np.empty(area.size)
    _kernels.interval_slopes(cut.down, main, length, height[cut.first], bottom, least_fall, longest, slope)
    return np.maximum(slope, SLOPE_FLOOR)

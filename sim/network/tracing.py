"""Questions asked of flow paths and networks: where points meet channels, which cells feed which node."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.arrays import BoolArray, FloatArray, IntArray
from sim.errors import ScenarioError
from sim.network import _kernels
from sim.network.drainage import outlets_below, over_sill
from sim.network.objects import RiverNetwork, Snapped
from sim.network.places import FlowPathEnd, UndeclaredInflow
from sim.terrain.objects import EdgeEntry, Terrain

#: an entry nearer than this to a declared inflow is taken as declared, m
DECLARED_WITHIN = 5000.0
#: a valley at the edge may drain out on a coarse grid though a river enters there. On the Kachin elevation model the
#: sills behind such valleys are at most a quarter as high as the valley is deep, real divides at least half as high
SILL_SHARE, SILL_WITHIN = 0.25, 15_000.0
#: an entry that drains out and lies nearer than this to a declared inflow belongs to it, m
OUTWARD_DECLARED_WITHIN = 30_000.0


def first_on_path(terrain: Terrain, goal: BoolArray, cells: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Follow the flow path from each cell to the first goal cell.

    Parameters
    ----------
    terrain : Terrain
    goal : (ncell,) bool
    cells : (p,) flat valid cells

    Returns
    -------
    (p,) goal cell or -1, (p,) last cell on the path, (p,) m length of the path
    """
    grid = terrain.grid
    cells = np.ascontiguousarray(cells, dtype=np.int64)
    met, last, length = np.empty_like(cells), np.empty_like(cells), np.empty(cells.size)
    _kernels.trace(
        terrain.receiver,
        np.ascontiguousarray(goal, dtype=np.bool_),
        cells,
        grid.shape[1],
        grid.cell_width,
        grid.cell_height,
        met,
        last,
        length,
    )
    return met, last, length


def first_channel_cell(
    terrain: Terrain, channel: BoolArray, x: FloatArray, y: FloatArray, names: Sequence[str] = ()
) -> FlowPathEnd:
    """Follow the flow path from each point to the first channel cell.

    Parameters
    ----------
    terrain : Terrain
    channel : (ncell,) bool
    x, y : (p,) m, in the terrain's CRS
    names : p labels used in the error

    Returns
    -------
    FlowPathEnd
        Fall is taken on the conditioned surface, where it is never negative.

    Raises
    ------
    ScenarioError
        LS-214 when a point lies outside the terrain or on a cell without elevation.
    """
    x, y = np.atleast_1d(np.asarray(x, dtype=np.float64)), np.atleast_1d(np.asarray(y, dtype=np.float64))
    outside = ~(np.isfinite(x) & np.isfinite(y))
    start = terrain.grid.cell_at(np.where(outside, 0.0, x), np.where(outside, 0.0, y))
    outside |= start < 0
    outside |= ~terrain.grid.valid.ravel()[np.where(outside, 0, start)]
    if outside.any():
        k = int(np.flatnonzero(outside)[0])
        raise ScenarioError(
            214,
            names[k] if names else f"point {k + 1}",
            got=f"x = {x[k]:.0f} m, y = {y[k]:.0f} m",
            expected="Points must lie on cells of the terrain that have an elevation",
            remedy="Check the coordinates, or enlarge terrain.bounds",
        )
    met, last, length = first_on_path(terrain, channel, start)
    height = terrain.conditioned.ravel().astype(np.float64)
    return FlowPathEnd(cell=met, path_length=length, fall=height[start] - height[last], start_cell=start)


def snap(terrain: Terrain, network: RiverNetwork, x: FloatArray, y: FloatArray, names: Sequence[str] = ()) -> Snapped:
    """Find the node each point drains into.

    The flow path is followed from the point's cell to the first channel cell; the node that owns this cell takes the
    point at its upstream end. Give that cell to `build_network` as a break cell and the two coincide.

    Parameters
    ----------
    terrain, network : the network built on that terrain
    x, y : (p,) m, in the terrain's CRS
    names : p labels used in the error

    Returns
    -------
    Snapped

    Raises
    ------
    ScenarioError
        LS-214 when a point lies outside the terrain.
    """
    node = node_of_cell(network, terrain.receiver.size)
    end = first_channel_cell(terrain, node >= 0, x, y, names)
    entered = np.where(end.cell >= 0, node[end.cell], -1)
    return Snapped(node=entered, path_length=end.path_length, fall=end.fall, cell=end.cell, start_cell=end.start_cell)


def node_of_cell(network: RiverNetwork, ncell: int) -> IntArray:
    """Node of every channel cell, -1 elsewhere, (ncell,)."""
    node = np.full(ncell, -1, dtype=np.int64)
    node[network.channel_cell] = np.repeat(np.arange(network.size), np.diff(network.channel_start))
    return node


def channel_mask(network: RiverNetwork, ncell: int) -> BoolArray:
    """(ncell,) True for channel cells of the network."""
    mask = np.zeros(ncell, dtype=np.bool_)
    mask[network.channel_cell] = True
    return mask


def basin_mask(terrain: Terrain, cell: int) -> BoolArray:
    """(ncell,) True for `cell` and every cell that drains through it.

    Raises
    ------
    ValueError
        If `cell` is not a valid cell.
    """
    mask = np.zeros(terrain.receiver.size, dtype=np.bool_)
    if not (0 <= cell < mask.size and terrain.grid.valid.ravel()[cell]):
        raise ValueError(f"cell {cell} is not a valid cell")
    mask[cell] = True
    _kernels.upstream_mask(terrain.order, terrain.receiver, mask)
    return mask


def own_catchments(terrain: Terrain, network: RiverNetwork) -> tuple[IntArray, FloatArray, FloatArray]:
    """Find the node every cell first drains into, and the centroid of each node's own catchment.

    Parameters
    ----------
    terrain, network : the network built on that terrain

    Returns
    -------
    (ncell,) int64, node a cell drains into without passing another node, -1 where its flow path meets no channel;
    (n,) m, (n,) m, x and y of the mean of these cells' centres, channel cells included
    """
    grid = terrain.grid
    node = node_of_cell(network, terrain.receiver.size)
    _kernels.spread_upstream(terrain.order, terrain.receiver, node)
    n, (rows, columns) = network.size, grid.shape
    x, _ = grid.centre(np.arange(columns))
    _, y = grid.centre(np.arange(rows) * columns)
    count, mean_x, mean_y = np.zeros(n, dtype=np.int64), np.zeros(n), np.zeros(n)
    _kernels.mean_positions(terrain.order, node, x, y, columns, count, mean_x, mean_y)
    return node, mean_x, mean_y


def own_area(network: RiverNetwork) -> tuple[FloatArray, FloatArray]:
    """Area that enters each node from its own hillslopes: at the upstream end, and along it.

    ``head = area_in - sum of area over the donors - boundary_area`` and ``along = area - area_in``; their sum is the
    node's own catchment.

    Returns
    -------
    (n,) m2, (n,) m2, never negative
    """
    arriving = network.boundary_area.copy()
    inner = network.down >= 0
    np.add.at(arriving, network.down[inner], network.area[inner])
    head = network.area_in - arriving
    along = network.area - network.area_in
    # Differences of sums of the same areas: below one part in 1e12 they are rounding, not land.
    return (
        np.where(np.abs(head) <= 1e-12 * network.area_in, 0.0, head),
        np.where(np.abs(along) <= 1e-12 * network.area, 0.0, along),
    )


def undeclared_inflows(terrain: Terrain, network: RiverNetwork, inflow_cells: IntArray) -> tuple[UndeclaredInflow, ...]:
    """List the valleys cut by the terrain's edge that join the network and are not declared as inflows.

    Parameters
    ----------
    terrain, network : the network built on that terrain
    inflow_cells : (k,) cells of the declared inflows; an entry within 5 km of one, or whose flow path passes one,
        counts as declared; within 30 km where the entry drains out over the edge on this grid

    Returns
    -------
    tuple of UndeclaredInflow, deepest cut first
    """
    if not terrain.entries:
        return ()
    cells = np.array(_inward_cells(terrain), dtype=np.int64)
    node = node_of_cell(network, terrain.receiver.size)
    met, _, length = first_on_path(terrain, node >= 0, np.maximum(cells, 0))
    inflow_cells = np.asarray(inflow_cells, dtype=np.int64)
    inflow_x, inflow_y = terrain.grid.centre(inflow_cells)
    above = np.zeros(terrain.receiver.size, dtype=np.bool_)
    above[inflow_cells] = True
    _kernels.upstream_mask(terrain.order, terrain.receiver, above)
    below = channel_length_below(network)
    found = []
    for k, entry in enumerate(terrain.entries):
        reach = DECLARED_WITHIN if entry.inward else OUTWARD_DECLARED_WITHIN
        near = np.any(np.hypot(inflow_x - entry.x, inflow_y - entry.y) <= reach)
        if near or cells[k] < 0 or above[cells[k]] or met[k] < 0:
            continue
        i = int(node[met[k]])
        own = network.channel_cell[network.channel_start[i] : network.channel_start[i + 1]]
        done = network.channel_distance[network.channel_start[i] + int(np.flatnonzero(own == met[k])[0])]
        found.append(
            UndeclaredInflow(
                x=entry.x,
                y=entry.y,
                elevation=entry.elevation,
                prominence=entry.prominence,
                inward=entry.inward,
                path_length=float(length[k]),
                channel_length=float(below[i] - done),
                area=float(terrain.area[met[k]]),
                node=i,
            )
        )
    return tuple(sorted(found, key=lambda entry: (-entry.prominence, entry.x, entry.y)))


def _inward_cells(terrain: Terrain) -> list[int]:
    """Cell of each entry from which water runs into the terrain, over a low sill where its own drains out; else -1."""
    outlet, length = outlets_below(terrain)

    def inward(entry: EdgeEntry) -> int:
        rise = SILL_SHARE * entry.prominence
        return over_sill(terrain, entry.cell, outlet, length, within=SILL_WITHIN, rise=rise)

    return [entry.cell if entry.inward else inward(entry) for entry in terrain.entries]


def channel_length_below(network: RiverNetwork) -> FloatArray:
    """(n,) m, length of channel from each node's upstream end to its outlet."""
    below = network.length.copy()
    for i in range(network.size - 1, -1, -1):
        if network.down[i] >= 0:
            below[i] += below[network.down[i]]
    return below

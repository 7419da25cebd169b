"""Synthetic flow paths and river networks for tests, drawn from a generator that the caller passes.

Small and slow on purpose (pure Python), so that they share no code with the kernels they test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sim.arrays import FloatArray, IntArray
from sim.network.objects import RiverNetwork
from sim.terrain.objects import EDGE_CODE, INVALID_CODE, NODATA_CODE, EdgeEntry, Grid, Terrain, directions_of

#: a metric CRS for synthetic terrain; UTM zone 47 north, without the parts nobody reads
METRIC_CRS = (
    'PROJCS["WGS 84 / UTM zone 47N",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
    'PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",99],PARAMETER["scale_factor",0.9996],'
    'PARAMETER["false_easting",500000],PARAMETER["false_northing",0],UNIT["metre",1]]'
)


def plain_grid(
    elevation: npt.ArrayLike,
    *,
    cell_width: float = 100.0,
    cell_height: float = 100.0,
    valid: npt.ArrayLike | None = None,
) -> Grid:
    """A north-up grid with its lower left corner at (0, 0).

    Parameters
    ----------
    elevation : (ny, nx) m
    cell_width, cell_height : m
    valid : (ny, nx) bool, all by default
    """
    heights = np.array(elevation, dtype=np.float32)
    mask = np.ones(heights.shape, dtype=np.bool_) if valid is None else np.asarray(valid, dtype=np.bool_)
    heights[~mask] = 0.0
    transform = (cell_width, 0.0, 0.0, 0.0, -cell_height, cell_height * heights.shape[0])
    return Grid(elevation=heights, valid=mask, transform=transform, crs_wkt=METRIC_CRS, label="synthetic")


def terrain_from_tree(grid: Grid, receiver: npt.ArrayLike, entries: Sequence[EdgeEntry] = ()) -> Terrain:
    """Wrap receivers of a grid as a Terrain whose conditioned surface is the grid itself.

    Parameters
    ----------
    grid : Grid
    receiver : (ncell,) or (ny, nx) flat receiving cell, -1 at outlets and invalid cells
    entries : valleys cut by the edge

    Raises
    ------
    ValueError
        If the receivers run in a circle or a valid cell drains to an invalid one.
    """
    target = np.asarray(receiver, dtype=np.int64).ravel().tolist()
    valid = grid.valid.ravel().tolist()
    cells = [c for c in range(len(target)) if valid[c]]
    waiting = [0] * len(target)
    for c in cells:
        if target[c] >= 0:
            if not valid[target[c]]:
                raise ValueError(f"cell {c} drains to the invalid cell {target[c]}")
            waiting[target[c]] += 1
    order = [c for c in cells if waiting[c] == 0]
    upstream = [1 if v else 0 for v in valid]
    for c in order:
        r = target[c]
        if r >= 0:
            upstream[r] += upstream[c]
            waiting[r] -= 1
            if waiting[r] == 0:
                order.append(r)
    if len(order) != len(cells):
        raise ValueError("the receivers run in a circle")
    outlet = np.full(len(target), INVALID_CODE, dtype=np.uint8)
    ny, nx = grid.shape
    for c in cells:
        if target[c] < 0:
            row, column = divmod(c, nx)
            on_edge = row in (0, ny - 1) or column in (0, nx - 1)
            outlet[c] = EDGE_CODE if on_edge else NODATA_CODE
    direction, fault = directions_of(np.array(target, dtype=np.int64), grid.shape, outlet)
    if fault >= 0:
        raise ValueError(f"cell {fault} drains to no neighbour of its own")
    return Terrain(
        grid=grid,
        conditioned=grid.elevation,
        direction=direction,
        order=np.array(order, dtype=np.int64),
        upstream_cells=np.array(upstream, dtype=np.int64),
        engine="synthetic",
        method="receivers given",
        entries=tuple(entries),
    )


def random_terrain(
    rng: np.random.Generator,
    ny: int,
    nx: int,
    *,
    outlets: int = 1,
    cell_width: float = 100.0,
    cell_height: float = 100.0,
    invalid_share: float = 0.0,
    steepest: float = 20.0,
) -> Terrain:
    """Grow a random tree of D8 flow paths from random border cells; every cell lies above its receiver.

    Parameters
    ----------
    rng : Generator
    ny, nx : rows and columns
    outlets : number of border cells to start from
    cell_width, cell_height : m
    invalid_share : share of cells taken out before the tree grows (cells it cannot reach are taken out too)
    steepest : m, greatest fall from a cell to its receiver
    """
    border = [c for c in range(ny * nx) if c // nx in (0, ny - 1) or c % nx in (0, nx - 1)]
    usable = rng.random(ny * nx) >= invalid_share
    roots = rng.permutation(border)[:outlets].tolist()
    receiver = np.full(ny * nx, -1, dtype=np.int64)
    height = np.zeros(ny * nx)
    reached = np.zeros(ny * nx, dtype=np.bool_)
    reached[roots] = True
    frontier = list(roots)
    while frontier:
        k = int(rng.integers(len(frontier)))
        c = frontier[k]
        free = [b for b in _neighbours(c, ny, nx) if usable[b] and not reached[b]]
        if not free:
            frontier[k] = frontier[-1]
            frontier.pop()
            continue
        b = free[int(rng.integers(len(free)))]
        reached[b] = True
        receiver[b] = c
        height[b] = height[c] + 0.25 + float(rng.integers(1, 64)) / 64.0 * steepest
        frontier.append(b)
    grid = plain_grid(
        height.reshape(ny, nx), cell_width=cell_width, cell_height=cell_height, valid=reached.reshape(ny, nx)
    )
    return terrain_from_tree(grid, receiver)


def random_network(
    rng: np.random.Generator, n: int, *, outlets: int = 1, branching: float = 0.3, boundary_share: float = 0.0
) -> RiverNetwork:
    """Draw a random tree of n nodes with lengths, slopes and areas that add up.

    Parameters
    ----------
    rng : Generator
    n : number of nodes
    outlets : number of outlets, at most n
    branching : share of nodes that join anywhere rather than at the youngest head; 0 gives one long river
    boundary_share : share of heads that carry a declared inflow
    """
    if not 1 <= outlets <= n:
        raise ValueError(f"{outlets} outlets for {n} nodes")
    # Grow upstream from the outlets, then count backwards: receivers get higher numbers.
    parent = [-1] * outlets
    for i in range(outlets, n):
        parent.append(int(rng.integers(i)) if rng.random() < branching else i - 1)
    down = np.array([-1 if p < 0 else n - 1 - p for p in reversed(parent)], dtype=np.int64)
    own = rng.uniform(0.1e6, 5e6, n)
    head, boundary, arriving = np.zeros(n), np.zeros(n), np.zeros(n)
    is_head = np.bincount(down[down >= 0], minlength=n) == 0
    head[is_head] = rng.uniform(1e6, 5e6, int(is_head.sum()))
    boundary[is_head & (rng.random(n) < boundary_share)] = 1e9
    area_in, area = np.zeros(n), np.zeros(n)
    for i in range(n):
        area_in[i] = arriving[i] + head[i] + boundary[i]
        area[i] = area_in[i] + own[i]
        if down[i] >= 0:
            arriving[down[i]] += area[i]
    nothing = np.full(n, np.nan)
    return RiverNetwork(
        down=down,
        length=rng.uniform(200.0, 4000.0, n),
        slope=10.0 ** rng.uniform(-4.0, -1.0, n),
        area_in=area_in,
        area=area,
        boundary_area=boundary,
        x=nothing,
        y=nothing,
        elevation=nothing,
        reach=_reaches(down),
        cell=np.full(n, -1, dtype=np.int64),
        channel_cell=np.empty(0, dtype=np.int64),
        channel_start=np.zeros(n + 1, dtype=np.int64),
        channel_distance=np.empty(0),
        link_from=np.empty(0, dtype=np.int64),
        link_to=np.empty(0, dtype=np.int64),
        name=("",) * n,
        crs_wkt="",
    )


def path_length(terrain: Terrain, cell: int, stop: int = -1) -> float:
    """Length (m) of the flow path from a cell to `stop`, or to where it leaves the terrain."""
    grid = terrain.grid
    total = 0.0
    while cell != stop and terrain.receiver[cell] >= 0:
        after = int(terrain.receiver[cell])
        rows = cell // grid.shape[1] - after // grid.shape[1]
        columns = cell % grid.shape[1] - after % grid.shape[1]
        total += math.hypot(rows * grid.cell_height, columns * grid.cell_width)
        cell = after
    return total


def routed(down: IntArray, own: FloatArray) -> FloatArray:
    """Sum of `own` over each node and all nodes above it."""
    total = np.array(own, dtype=np.float64)
    for i, receiver in enumerate(down.tolist()):
        if receiver >= 0:
            total[receiver] += total[i]
    return total


def _reaches(down: IntArray) -> IntArray:
    """Number of the run of nodes between heads and confluences."""
    donors = np.bincount(down[down >= 0], minlength=down.size)
    reach = np.full(down.size, -1, dtype=np.int64)
    count = 0
    for i, receiver in enumerate(down.tolist()):
        if reach[i] < 0:
            reach[i] = count
            count += 1
        if receiver >= 0 and donors[receiver] == 1:
            reach[receiver] = reach[i]
    return reach


def _neighbours(cell: int, ny: int, nx: int) -> list[int]:
    """The up to eight neighbours of a cell."""
    row, column = divmod(cell, nx)
    return [
        (row + i) * nx + column + j
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
        if (i or j) and 0 <= row + i < ny and 0 <= column + j < nx
    ]

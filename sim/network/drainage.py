"""Drainage area with declared inflows, the channels it makes, and stations found on them."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from sim.arrays import BoolArray, FloatArray, IntArray, frozen
from sim.errors import Problems, ScenarioError
from sim.network import _kernels
from sim.network.places import Inflow, Station
from sim.terrain.objects import Terrain

#: an inflow is looked for this many cells from the edge of the valid area
EDGE_CELLS = 2
#: and must follow a flow path of at least this length, m, that ends at least as far from where it entered
LEAST_PATH = 5000.0
#: a cell that drains more than this share of the declared area out over the edge belongs to a river that leaves
LEAVING_SHARE = 0.1
#: logarithm of the ratio of areas that weighs as much as a station's whole search radius
DISTANCE_WEIGHT = 0.4
#: a channel whose drainage area is off by more than this factor is another river
AREA_FACTOR = 3.0


def place_inflows(terrain: Terrain, inflows: Sequence[Inflow]) -> IntArray:
    """Find the cell where each declared inflow enters the flow paths of the terrain.

    The mouth is the lowest cell on the conditioned surface among the valid cells within two cells of the valid area's
    edge and within the search radius; cells that drain out over the edge are left out when they drain more than a
    tenth of the declared area, for those are rivers that leave. Where the mouth itself drains into the terrain the
    inflow enters there. On a coarse raster the first kilometres of a valley cut by the edge often drain out instead;
    then water is let rise from the mouth, and the inflow enters at the first cell it reaches, over the lowest sill
    within the search radius, that drains into the terrain. Into the terrain means: the flow path is at least 5 km
    long and leaves no nearer than 5 km to the mouth. The lower flat index wins a tie.

    Parameters
    ----------
    terrain : Terrain
    inflows : sequence of Inflow

    Returns
    -------
    (k,) int64, flat cells

    Raises
    ------
    ScenarioError, or Problems when there are several
        LS-214 when no cell fits, LS-209 when two inflows enter at the same cell.
    """
    grid = terrain.grid
    inner = ndimage.binary_erosion(grid.valid, np.ones((3, 3), dtype=bool), iterations=EDGE_CELLS, border_value=0)
    rim = np.flatnonzero(grid.valid.ravel() & ~inner.ravel())
    outlet, length = outlets_below(terrain)
    cells: list[int] = []
    problems: list[ScenarioError] = []
    for inflow in inflows:
        cell = _entry(terrain, inflow, rim, outlet, length)
        where = inflow.where or f"network.inflow {inflow.name!r}"
        if cell < 0:
            problems.append(
                ScenarioError(
                    214,
                    where,
                    got=_searched(inflow),
                    expected="A valley at the terrain's edge that leads into the terrain must lie within the search "
                    "radius",
                    remedy="Move the point to where the river crosses the edge, or widen search_radius",
                )
            )
        elif cell in cells:
            problems.append(
                ScenarioError(
                    209,
                    where,
                    got=f"the same cell as {inflows[cells.index(cell)].name!r}",
                    expected="Every inflow must enter at its own place",
                    remedy="Move one of the points, or narrow search_radius",
                )
            )
        cells.append(cell)
    _raise_all(problems)
    return np.array(cells, dtype=np.int64)


def _searched(place: Inflow | Station) -> str:
    """Where a place was looked for, in the user's words where they are known."""
    if place.label_position:
        return f"{place.label_position}, search_radius = {place.search_radius / 1e3:g} km"
    return f"x = {place.x:.0f} m, y = {place.y:.0f} m, radius = {place.search_radius:.0f} m"


def _raise_all(problems: Sequence[ScenarioError]) -> None:
    """Raise a single problem as it is, several together, none not at all."""
    if len(problems) > 1:
        raise Problems(problems)
    if problems:
        raise problems[0]


def _entry(terrain: Terrain, inflow: Inflow, rim: IntArray, outlet: IntArray, length: FloatArray) -> int:
    """Cell at which one inflow enters the flow paths, -1 where there is none; see `place_inflows`."""
    height = terrain.conditioned.ravel()
    x, y = terrain.grid.centre(rim)
    mouths = rim[np.hypot(x - inflow.x, y - inflow.y) <= inflow.search_radius]
    leaving = terrain.upstream_cells[outlet[mouths]] * terrain.grid.cell_area > LEAVING_SHARE * inflow.area
    mouths = mouths[~leaving | (length[mouths] >= LEAST_PATH)]
    if mouths.size == 0:
        return -1
    mouth = int(mouths[np.argmin(height[mouths])])
    return over_sill(
        terrain, mouth, outlet, length, within=inflow.search_radius, about=(inflow.x, inflow.y), rise=math.inf
    )


def outlets_below(terrain: Terrain) -> tuple[IntArray, FloatArray]:
    """Cell at which the flow path of every cell ends, (ncell,), and its length, (ncell,) m."""
    grid = terrain.grid
    outlet, length = np.full(terrain.receiver.size, -1, dtype=np.int64), np.zeros(terrain.receiver.size)
    _kernels.outlets_below(
        terrain.order, terrain.receiver, grid.shape[1], grid.cell_width, grid.cell_height, outlet, length
    )
    return outlet, length


def over_sill(
    terrain: Terrain,
    mouth: int,
    outlet: IntArray,
    length: FloatArray,
    *,
    within: float,
    rise: float,
    about: tuple[float, float] | None = None,
) -> int:
    """Let water rise from a cell at the edge until it reaches one that drains into the terrain.

    Into the terrain means: the flow path is at least 5 km long and ends no nearer than 5 km to the mouth.

    Parameters
    ----------
    terrain : Terrain
    mouth : flat cell
    outlet, length : from `outlets_below`
    within : m, greatest distance from `about` (by default from the mouth) of a cell that is looked at
    rise : m, greatest height the water may reach above the mouth
    about : x, y (m)

    Returns
    -------
    flat cell, -1 when there is none
    """
    height = terrain.conditioned.ravel()
    mouth_x, mouth_y = _centre(terrain, mouth)
    centre_x, centre_y = (mouth_x, mouth_y) if about is None else about

    def enters(cell: int) -> bool:
        out_x, out_y = _centre(terrain, int(outlet[cell]))
        return bool(length[cell] >= LEAST_PATH and math.hypot(out_x - mouth_x, out_y - mouth_y) >= LEAST_PATH)

    rows, columns = terrain.grid.shape
    valid = terrain.grid.valid.ravel()
    rising = [(float(height[mouth]), mouth)]
    seen = {mouth}
    while rising:
        level, cell = heapq.heappop(rising)
        if level - height[mouth] > rise:
            return -1
        if enters(cell):
            return cell
        row, column = divmod(cell, columns)
        for i in range(max(row - 1, 0), min(row + 2, rows)):
            for j in range(max(column - 1, 0), min(column + 2, columns)):
                near = i * columns + j
                if near in seen or not valid[near]:
                    continue
                seen.add(near)
                near_x, near_y = _centre(terrain, near)
                if math.hypot(near_x - centre_x, near_y - centre_y) <= within:
                    heapq.heappush(rising, (float(height[near]), near))
    return -1


def _centre(terrain: Terrain, cell: int) -> tuple[float, float]:
    """x and y (m) of one cell's centre."""
    x, y = terrain.grid.centre(np.array([cell]))
    return float(x[0]), float(y[0])


def routed_inflow(terrain: Terrain, inflow_cells: IntArray, inflow_areas: FloatArray) -> FloatArray:
    """Area of declared inflows above each cell, (ncell,) m2."""
    cells, areas = check_inflows(terrain, inflow_cells, inflow_areas)
    total: FloatArray = np.zeros(terrain.receiver.size)
    _kernels.add_downstream(terrain.receiver, cells, areas, total)
    return total


def drainage_area(terrain: Terrain, inflow_cells: IntArray, inflow_areas: FloatArray) -> FloatArray:
    """Drainage area of every cell with the declared inflows above it.

    Parameters
    ----------
    terrain : Terrain
    inflow_cells : (k,) flat cells where inflows enter
    inflow_areas : (k,) m2, drainage area outside the terrain

    Returns
    -------
    (ncell,) m2, ``upstream_cells * cell area + inflows above``; 0 where not valid

    Raises
    ------
    ValueError
        If an inflow cell is not valid or an area is not positive.
    """
    return np.asarray(terrain.area + routed_inflow(terrain, inflow_cells, inflow_areas))


def check_inflows(terrain: Terrain, cells: IntArray, areas: FloatArray) -> tuple[IntArray, FloatArray]:
    """Inflow cells and areas as canonical arrays; ValueError when one is impossible."""
    cells = frozen(cells, np.int64, (-1,), "inflow_cells")
    areas = frozen(areas, np.float64, (cells.size,), "inflow_areas")
    if np.any((cells < 0) | (cells >= terrain.receiver.size)) or not terrain.grid.valid.ravel()[cells].all():
        raise ValueError(f"inflow cells {cells} must be valid cells of the terrain")
    if np.any(~(areas > 0.0) | ~np.isfinite(areas)):
        raise ValueError(f"inflow areas {areas} must be positive")
    return cells, areas


def channel_cells(terrain: Terrain, total_area: FloatArray, stream_area: float) -> BoolArray:
    """Cells whose drainage area reaches the stream threshold.

    Parameters
    ----------
    terrain : Terrain
    total_area : (ncell,) m2, from `drainage_area`
    stream_area : m2, > 0

    Returns
    -------
    (ncell,) bool

    Raises
    ------
    ScenarioError
        LS-209 when no cell reaches the threshold.
    """
    if not stream_area > 0.0:
        raise ValueError(f"stream_area must be positive, got {stream_area}")
    channel = terrain.grid.valid.ravel() & (total_area >= stream_area)
    if not channel.any():
        raise ScenarioError(
            209,
            "network.stream_area",
            got=f"{stream_area / 1e6:g} km2",
            expected=f"It must not exceed the largest drainage area of the terrain, {total_area.max() / 1e6:.4g} km2",
            remedy="Lower stream_area or take a larger terrain",
        )
    return np.asarray(channel)


def find_stations(
    terrain: Terrain, total_area: FloatArray, channel: BoolArray, stations: Sequence[Station]
) -> IntArray:
    """Find the channel cell of each station.

    Among the channel cells within the search radius R, the one that minimises
    ``|ln(A / A_expected)| + 0.4 d / R`` with its drainage area A and its distance d; the nearest where no area is
    given; the lower flat index wins a tie. Area and distance must both count: on a coarse raster the position alone
    picks the wrong river at a confluence, the area alone the wrong side of it.

    Parameters
    ----------
    terrain : Terrain
    total_area : (ncell,) m2
    channel : (ncell,) bool
    stations : sequence of Station

    Returns
    -------
    (k,) int64, flat cells

    Raises
    ------
    ScenarioError, or Problems when several stations are not found
        LS-214 when no channel cell lies within the search radius, or none with a drainage area within a factor of
        three of the given one.
    """
    cells = np.flatnonzero(channel)
    x, y = terrain.grid.centre(cells)
    found = np.full(len(stations), -1, dtype=np.int64)
    problems: list[ScenarioError] = []
    for k, station in enumerate(stations):
        distance = np.hypot(x - station.x, y - station.y)
        near = np.flatnonzero(distance <= station.search_radius)
        if near.size == 0:
            problems.append(_no_channel(station))
            continue
        score = DISTANCE_WEIGHT * distance[near] / station.search_radius
        if not math.isnan(station.drainage_area):
            mismatch = np.abs(np.log(total_area[cells[near]] / station.drainage_area))
            score = np.where(mismatch <= math.log(AREA_FACTOR), score + mismatch, np.inf)
            if not np.isfinite(score).any():
                problems.append(_other_river(station, float(total_area[cells[near[np.argmin(mismatch)]]])))
                continue
        found[k] = cells[near[np.argmin(score)]]
    _raise_all(problems)
    return found


def _no_channel(station: Station) -> ScenarioError:
    return ScenarioError(
        214,
        station.where or f"station {station.name!r}",
        got=_searched(station),
        expected="A channel must lie within the search radius",
        remedy="Check the position, widen search_radius or lower network.stream_area",
    )


def _other_river(station: Station, closest: float) -> ScenarioError:
    """`closest`: the drainage area within the search radius that is nearest to the expected one, m2."""
    of = f" of {station.label_position}" if station.label_position else ""
    return ScenarioError(
        214,
        station.where or f"station {station.name!r}",
        got=f"{station.drainage_area / 1e6:.6g} km2 within {station.search_radius / 1e3:g} km{of}; "
        f"the nearest in size drains {closest / 1e6:.6g} km2",
        expected=f"A channel of that drainage area, within a factor of {AREA_FACTOR:g}, must lie there",
        remedy="Check position and drainage_area, or widen search_radius",
    )


def station_fit(
    terrain: Terrain, total_area: FloatArray, stations: Sequence[Station], cells: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """How well stations were found: what to show beside what was expected.

    Parameters
    ----------
    terrain : Terrain
    total_area : (ncell,) m2
    stations : sequence of k stations
    cells : (k,) int64, from `find_stations`

    Returns
    -------
    area_found : (k,) m2, drainage area of the channel cell, declared inflows included
    area_ratio : (k,) area found over area expected; nan where none was given
    distance : (k,) m, from the given position to the channel cell

    Raises
    ------
    ValueError
        If there is not one cell of the terrain for each station.
    """
    cells = frozen(cells, np.int64, (len(stations),), "cells")
    if np.any((cells < 0) | (cells >= total_area.size)):
        raise ValueError(f"station cells {cells} must be cells of the terrain")
    area: FloatArray = total_area[cells].astype(np.float64)
    expected: FloatArray = np.array([station.drainage_area for station in stations], dtype=np.float64)
    x, y = terrain.grid.centre(cells)
    own_x = np.array([station.x for station in stations], dtype=np.float64)
    own_y = np.array([station.y for station in stations], dtype=np.float64)
    return area, area / expected, np.hypot(x - own_x, y - own_y)

"""Terrain -> sites, stations, receptors and the river network that meets them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import BoolArray, FloatArray, IntArray
from sim.errors import ScenarioError
from sim.pipeline.delivery_stage import break_cells, deliver, enter
from sim.pipeline.projection import to_degrees, to_metres

if TYPE_CHECKING:
    from sim.network import Station
    from sim.network.objects import RiverNetwork, Snapped
    from sim.scenario.models import TerrainScenario
    from sim.sources.objects import Entries, Pits
    from sim.terrain.objects import Terrain

#: radius in which a station or receptor with a known drainage area is looked for when the scenario gives none, m
DEFAULT_SEARCH_RADIUS = 5000.0


#: status of a receptor for which no river of the drainage area it gives lies nearby
NO_RIVER = "no river of that size "


@dataclass(frozen=True, slots=True)
class Drainage:
    """Total drainage areas, declared inflows included, and the channels they make."""

    total_area: FloatArray
    channel: BoolArray
    inflow_cells: IntArray
    inflow_areas: FloatArray
    station_cells: dict[str, int]


@dataclass(frozen=True, slots=True)
class Placed:
    """Receptors as found on the terrain, before the network exists."""

    x: FloatArray
    y: FloatArray
    cell: IntArray
    distance: FloatArray
    distance_is: tuple[str, ...]
    fall: tuple[float, ...]
    status: tuple[str, ...]


def drainage(scenario: TerrainScenario, terrain: Terrain) -> Drainage:
    """Place declared inflows, add up areas, and find stations on the channels."""
    from sim.network import drainage_area, find_stations

    section = scenario.network
    inflow_cells = _inflow_cells(scenario, terrain)
    inflow_areas = np.array([item.area.value for item in section.inflow], dtype=np.float64)
    total_area = drainage_area(terrain, inflow_cells, inflow_areas)
    channel = (total_area >= section.stream_area.value) & terrain.grid.valid.ravel()
    stations = stations_of(scenario, terrain)
    cells = find_stations(terrain, total_area, channel, stations)
    names = {station.name: int(cell) for station, cell in zip(stations, cells, strict=True)}
    return Drainage(total_area, channel, inflow_cells, inflow_areas, names)


def stations_of(scenario: TerrainScenario, terrain: Terrain) -> list[Station]:
    """Return the scenario's stations in metres, each with the words its messages use."""
    from sim.network import Station

    items = scenario.network.station
    x, y = to_metres([item.lon for item in items], [item.lat for item in items], terrain.grid.crs_wkt)
    return [
        Station(
            item.name,
            float(x[i]),
            float(y[i]),
            _value(item.drainage_area),
            _radius(item.search_radius),
            _degrees(item.lon, item.lat),
            f"{scenario.path.name}: network.station.{i} ({item.name})",
        )
        for i, item in enumerate(items)
    ]


def _degrees(longitude: float, latitude: float) -> str:
    return f"{longitude:g} E, {latitude:g} N"


def _inflow_cells(scenario: TerrainScenario, terrain: Terrain) -> IntArray:
    """Cells where declared inflows enter: at the terrain's edge, or on the largest river nearby."""
    from sim.network import Inflow, place_inflows

    items = scenario.network.inflow
    x, y = to_metres([item.lon for item in items], [item.lat for item in items], terrain.grid.crs_wkt)
    at_edge = [i for i, item in enumerate(items) if item.at == "edge"]
    inflows = [
        Inflow(
            items[i].name,
            float(x[i]),
            float(y[i]),
            items[i].search_radius.value,
            items[i].area.value,
            _degrees(items[i].lon, items[i].lat),
            f"{scenario.path.name}: network.inflow.{i} ({items[i].name})",
        )
        for i in at_edge
    ]
    cells = np.full(len(items), -1, dtype=np.int64)
    cells[at_edge] = place_inflows(terrain, inflows)
    for index, item in enumerate(items):
        if item.at == "channel":
            cells[index] = _largest_river(terrain, float(x[index]), float(y[index]), item.search_radius.value)
        if cells[index] < 0:
            raise ScenarioError(
                214,
                f"{scenario.path.name}: network.inflow.{index} ({item.name})",
                got=f"({item.lon}, {item.lat})",
                expected=f"No valid cell of the terrain lies within {item.search_radius.value / 1e3:g} km",
                remedy="Correct lon and lat, raise search_radius, or widen terrain.bounds",
            )
        first = int(np.flatnonzero(cells == cells[index])[0])
        if first < index:
            raise ScenarioError(
                209,
                f"{scenario.path.name}: network.inflow.{index} ({item.name})",
                got=f"({item.lon}, {item.lat})",
                expected=f"Enters where network.inflow.{first} ({items[first].name}) does, which doubles the river",
                remedy="Remove one, or join them into one inflow",
            )
    return cells


def _largest_river(terrain: Terrain, x: float, y: float, radius: float) -> int:
    """Cell with the largest drainage area within `radius` m of a point; -1 if there is none."""
    cells = np.flatnonzero(terrain.grid.valid.ravel())
    cx, cy = terrain.grid.centre(cells)
    near = cells[np.hypot(cx - x, cy - y) <= radius]
    return int(near[np.argmax(terrain.upstream_cells[near])]) if near.size else -1


def _outward(inward: bool) -> str:
    return "" if inward else " (its mouth drains out over the edge on this grid, behind a low sill)"


def _value(sourced: object | None) -> float:
    return float("nan") if sourced is None else float(sourced.value)  # type: ignore[attr-defined]


def _radius(sourced: object | None) -> float:
    return DEFAULT_SEARCH_RADIUS if sourced is None else float(sourced.value)  # type: ignore[attr-defined]


def place_receptors(scenario: TerrainScenario, terrain: Terrain, found: Drainage) -> Placed:
    """Find each receptor's place on the river: by drainage area where one is given, else down the flow path."""
    from sim.network import Station, find_stations, first_channel_cell

    items = scenario.receptor
    lon = np.array([np.nan if r.lon is None else r.lon for r in items], dtype=np.float64)
    lat = np.array([np.nan if r.lat is None else r.lat for r in items], dtype=np.float64)
    x, y = to_metres(lon, lat, terrain.grid.crs_wkt)
    cell = np.full(len(items), -1, dtype=np.int64)
    distance = np.full(len(items), np.nan)
    status: list[str] = []
    kinds = [""] * len(items)
    falls = [float("nan")] * len(items)
    valid = terrain.grid.valid.ravel()
    for i, item in enumerate(items):
        if not np.isfinite(x[i]):
            status.append("position not found")
            continue
        start = int(terrain.grid.cell_at(x[i : i + 1], y[i : i + 1])[0])
        if start < 0 or not valid[start]:
            status.append("outside the terrain")
            continue
        if item.drainage_area is not None:
            radius = _radius(item.search_radius)
            station = Station(item.name, float(x[i]), float(y[i]), item.drainage_area.value, radius)
            try:
                cell[i] = find_stations(terrain, found.total_area, found.channel, [station])[0]
            except ScenarioError:
                # a receptor without its river stays in the list and says so; a station would make the run meaningless
                status.append(f"{NO_RIVER}within {radius / 1e3:g} km")
                continue
            cx, cy = terrain.grid.centre(cell[i : i + 1])
            distance[i] = np.hypot(cx[0] - x[i], cy[0] - y[i])
            kinds[i] = "straight line"
        else:
            snapped = first_channel_cell(terrain, found.channel, x[i : i + 1], y[i : i + 1])
            cell[i], distance[i] = snapped.cell[0], snapped.path_length[0]
            if cell[i] >= 0:
                kinds[i], falls[i] = "flow path", float(snapped.fall[0])
        status.append("located" if cell[i] >= 0 else "drains off the terrain")
    return Placed(x, y, cell, distance, tuple(kinds), tuple(falls), tuple(status))


@dataclass(frozen=True, slots=True)
class Built:
    """The network and where everything meets it.

    sites : sites snapped to it, at their main entry where hillslopes spread loads
    stations : station name -> node
    receptors : (r,) node of each receptor, -1 where none
    inflows : node each declared inflow enters
    entries : where loads enter when hillslopes spread them, else None
    """

    network: RiverNetwork
    sites: Snapped
    stations: dict[str, int]
    receptors: IntArray
    inflows: IntArray
    entries: Entries | None = None


def build(scenario: TerrainScenario, terrain: Terrain, found: Drainage, pits: Pits, receptors: Placed) -> Built:
    """Build the network broken at sites, stations, receptors and declared inflows."""
    from sim.network import build_network, first_channel_cell, node_of_cell, snap

    section = scenario.network
    entry = first_channel_cell(terrain, found.channel, pits.x, pits.y)
    delivered = deliver(scenario, terrain, found.channel, entry.start_cell)
    site_cells = entry.cell if delivered is None else break_cells(delivered)
    stations = np.array(list(found.station_cells.values()), dtype=np.int64)
    breaks = np.unique(np.concatenate([site_cells, receptors.cell, stations, found.inflow_cells]))
    network = build_network(
        terrain,
        found.total_area,
        section.stream_area.value,
        break_cells=breaks[breaks >= 0],
        inflow_cells=found.inflow_cells,
        inflow_areas=found.inflow_areas,
        max_length=section.max_length.value,
        sinuosity=section.sinuosity.value,
        station_names={cell: name for name, cell in found.station_cells.items()},
    )
    node_of = node_of_cell(network, terrain.grid.elevation.size)
    station_nodes = {name: int(node_of[cell]) for name, cell in found.station_cells.items()}
    receptor_nodes = np.where(receptors.cell >= 0, node_of[np.maximum(receptors.cell, 0)], -1)
    entries = None
    if delivered is None:
        sites = snap(terrain, network, pits.x, pits.y)
    else:
        entries, sites = enter(terrain, network, node_of, delivered, entry.start_cell)
    return Built(network, sites, station_nodes, receptor_nodes, node_of[found.inflow_cells], entries)


def undeclared_inflow_warnings(
    terrain: Terrain, network: RiverNetwork, inflow_cells: IntArray, site_nodes: IntArray
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return warnings for rivers below sites that lack water from beyond the edge, and one note on the others."""
    from sim.network import undeclared_inflows

    downstream = network.downstream_of(site_nodes[site_nodes >= 0])
    warnings, others = [], 0
    for entry in undeclared_inflows(terrain, network, inflow_cells):
        below = network.path_from(entry.node)
        if not downstream[below].any():
            others += 1
            continue
        lon, lat = to_degrees([entry.x], [entry.y], terrain.grid.crs_wkt)
        length = network.length[below][downstream[below]].sum() / 1e3
        warnings.append(
            f"Undeclared inflow: the edge of the terrain cuts a valley at {lat[0]:.3f} N {lon[0]:.3f} E, "
            f"{entry.prominence:.0f} m below the ridges beside it{_outward(entry.inward)}. Water from beyond, of "
            f"unknown amount, is missing on {length:.0f} km of river below sites, where concentrations come out too "
            f"high by that; the terrain holds {entry.area / 1e6:,.0f} km2 of the basin of the channel it joins. "
            "Declare it under [[network.inflow]] or widen terrain.bounds."
        )
    note = (f"{others} more valleys are cut by the edge; their rivers do not carry leachate here.",) if others else ()
    return tuple(warnings), note

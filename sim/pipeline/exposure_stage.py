"""Concentration -> Exposure on the terrain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from sim.arrays import BoolArray, Float32Array, IntArray
from sim.exposure.assess import downstream_of_sites, exceedance, nearest_affected
from sim.exposure.objects import Exposure, Receptors
from sim.exposure.zones import circle_zone, geodesic_area, overlap, points_inside, valley_corridor
from sim.pipeline.projection import to_degrees

if TYPE_CHECKING:
    from sim.hydrology.objects import Flow
    from sim.network.objects import RiverNetwork
    from sim.pipeline.network_stage import Placed
    from sim.scenario.models import TerrainScenario
    from sim.sources.objects import Load, Pits
    from sim.terrain.objects import Terrain
    from sim.transport.objects import Concentration


def receptors_of(scenario: TerrainScenario, placed: Placed, nodes: IntArray) -> Receptors:
    """Join the scenario's receptors with the place each was given on the river."""
    items = scenario.receptor
    return Receptors(
        name=tuple(r.name for r in items),
        kind=tuple(r.kind for r in items),
        longitude=np.array([np.nan if r.lon is None else r.lon for r in items], dtype=np.float64),
        latitude=np.array([np.nan if r.lat is None else r.lat for r in items], dtype=np.float64),
        x=placed.x,
        y=placed.y,
        node=nodes,
        distance=placed.distance,
        status=placed.status,
        evidence=tuple(evidence_mark(r.source) for r in items),
        source=tuple(r.source for r in items),
        distance_is=placed.distance_is,
        fall=placed.fall,
    )


def evidence_mark(source: str) -> str:
    """Return the leading mark of a source text: F found, D derived, M memory, C judged, "" none.

    Examples
    --------
    >>> evidence_mark("D: within 6 km"), evidence_mark("F"), evidence_mark("a letter")
    ('D', 'F', '')
    """
    head = source.split(":", 1)[0].strip()
    parts = head.replace("/", " ").split()
    return (
        head
        if parts and all(part in {"F", "D", "M", "C"} for part in parts)
        else (parts[0] if parts and parts[0] in {"F", "D", "M", "C"} else "")
    )


def assess(
    scenario: TerrainScenario,
    terrain: Terrain,
    network: RiverNetwork,
    flow: Flow,
    load: Load,
    concentration: Concentration,
    pits: Pits,
    receptors: Receptors,
) -> tuple[Exposure, Float32Array]:
    """Return Exposure and the height of every cell above its channel.

    Raises
    ------
    ScenarioError
        If a threshold asked for is not one the first form can compare.
    """
    from sim.scenario.thresholds import thresholds_of
    from sim.terrain import height_above_drainage
    from sim.transport import travel_time

    section = scenario.exposure
    thresholds = thresholds_of(section.thresholds)
    exceeded = exceedance(network, concentration, thresholds)
    downstream = downstream_of_sites(network, load.node)
    circle, zone = circle_of(scenario, terrain, pits)
    ncell = terrain.grid.elevation.size
    channel = np.zeros(ncell, dtype=np.bool_)
    channel[network.channel_cell] = True
    height, drains_to, distance = height_above_drainage(terrain, channel)
    exposed = np.zeros(ncell, dtype=np.bool_)
    exposed[network.channel_cell[np.repeat(downstream, np.diff(network.channel_start))]] = True
    corridor = valley_corridor(
        exposed,
        height,
        drains_to,
        distance,
        max_height=section.corridor_height.value,
        max_distance=section.corridor_distance.value,
    )
    owner = np.repeat(np.arange(network.size), np.diff(network.channel_start))
    carries = downstream[owner]
    near_node, near_distance = nearest_affected(
        receptors.x, receptors.y, *terrain.grid.centre(network.channel_cell[carries]), owner[carries]
    )
    sources = np.unique(load.node[load.node >= 0])
    exposure = Exposure(
        thresholds=tuple(thresholds),
        quotient=exceeded.quotient,
        background_quotient=exceeded.background_quotient,
        months_above=exceeded.months_above,
        exceeded_length=exceeded.exceeded_length,
        exceeded_length_background=exceeded.exceeded_length_background,
        exceeded_length_pits=exceeded.exceeded_length_pits,
        downstream=downstream,
        travel_time=travel_time(network, flow, sources),
        receptors=receptors,
        zone_wkb=shapely.to_wkb(zone, byte_order=1),
        zone_area=geodesic_area(zone),
        zone_radius=section.circle_radius.value,
        corridor=corridor,
        circle=circle,
        overlap=overlap(terrain.grid.valid.ravel(), terrain.grid.cell_area, circle, corridor, network, downstream),
        near_node=near_node,
        near_distance=near_distance,
    )
    return exposure, height


def circle_of(scenario: TerrainScenario, terrain: Terrain, pits: Pits) -> tuple[BoolArray, shapely.Geometry]:
    """Return the cells inside the circle zone and the zone itself (WGS84)."""
    section = scenario.exposure
    zone = circle_zone(pits.longitude, pits.latitude, section.circle_radius.value, section.circle_vertices)
    lon, lat = to_degrees(*terrain.grid.centre(np.arange(terrain.grid.elevation.size)), terrain.grid.crs_wkt)
    return points_inside(zone, lon, lat) & terrain.grid.valid.ravel(), zone

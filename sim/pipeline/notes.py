"""Sentences a reader needs to judge a run: where things were placed, what was kept, where a limit acts everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.pipeline.network_stage import NO_RIVER, stations_of
from sim.pipeline.projection import to_degrees, to_metres
from sim.terrain.objects import KEPT_SINK

if TYPE_CHECKING:
    from sim.pipeline.network_stage import Built, Drainage, Placed
    from sim.scenario.models import TerrainScenario
    from sim.sources.objects import Pits
    from sim.terrain.objects import Terrain

#: a station whose drainage area differs by more from the expected one is a warning, not a note
AREA_TOLERANCE = 0.15


def inflow_notes(scenario: TerrainScenario, terrain: Terrain, found: Drainage) -> tuple[str, ...]:
    """Return where each declared inflow enters, how far from the place given, and how large it is there."""
    notes = []
    for item, cell in zip(scenario.network.inflow, found.inflow_cells.tolist(), strict=True):
        x, y = terrain.grid.centre(np.array([cell]))
        lon, lat = to_degrees(x, y, terrain.grid.crs_wkt)
        given_x, given_y = to_metres([item.lon], [item.lat], terrain.grid.crs_wkt)
        away = float(np.hypot(x[0] - given_x[0], y[0] - given_y[0])) / 1e3
        notes.append(
            f"Declared inflow '{item.name}' enters at {lat[0]:.3f} N {lon[0]:.3f} E, {away:.1f} km from the place "
            f"given, with {item.area.value / 1e6:,.0f} km2; below it the river drains "
            f"{found.total_area[cell] / 1e6:,.0f} km2."
        )
    return tuple(notes)


def station_notes(
    scenario: TerrainScenario, terrain: Terrain, found: Drainage
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return warnings for stations whose drainage area is far from the expected one, and notes on the others."""
    from sim.network import station_fit

    stations = stations_of(scenario, terrain)
    cells = np.array([found.station_cells[station.name] for station in stations], dtype=np.int64)
    areas, ratios, distances = station_fit(terrain, found.total_area, stations, cells)
    warnings: list[str] = []
    notes: list[str] = []
    for station, area, ratio, distance in zip(stations, areas, ratios, distances, strict=True):
        if not np.isfinite(ratio):
            continue
        off = float(ratio) - 1.0
        sentence = (
            f"Station '{station.name}' drains {area / 1e6:,.0f} km2 here, {distance / 1e3:.1f} km from the place "
            f"given; expected {station.drainage_area / 1e6:,.0f} km2 ({100.0 * off:+.1f} %)."
        )
        (warnings if abs(off) > AREA_TOLERANCE else notes).append(sentence)
    return tuple(warnings), tuple(notes)


def sink_notes(terrain: Terrain) -> tuple[str, ...]:
    """Return what each kept sink takes from the rivers below it."""
    sinks = np.flatnonzero(terrain.outlet_kind == KEPT_SINK)
    notes = []
    for cell in sinks[np.argsort(-terrain.upstream_cells[sinks].astype(np.int64), kind="stable")].tolist():
        lon, lat = to_degrees(*terrain.grid.centre(np.array([cell])), terrain.grid.crs_wkt)
        notes.append(
            f"Kept sink at {lat[0]:.3f} N {lon[0]:.3f} E ends the flow of {terrain.area[cell] / 1e6:,.1f} km2; "
            "known mean discharges below it are not corrected for that."
        )
    return tuple(notes)


def receptor_warnings(placed: Placed, scenario: TerrainScenario) -> tuple[str, ...]:
    """Return a warning naming places whose river is not where they say, a sign that flow paths left its bed."""
    lost = [
        f"{item.name} ({status[len(NO_RIVER) :]})"
        for item, status in zip(scenario.receptor, placed.status, strict=True)
        if status.startswith(NO_RIVER)
    ]
    if not lost:
        return ()
    return (
        f"No river of the given drainage area was found near {', '.join(lost)}: on this terrain its flow path runs "
        "elsewhere, and maps show it there. On plains a coarse terrain does not hold the bed; burn known river lines "
        "(terrain.burn_rivers) as deep as the terrain needs, and look at the map.",
    )


def site_notes(scenario: TerrainScenario, built: Built) -> tuple[str, ...]:
    """Return a note when the overland length limits every site alike, so that distance does not tell sites apart."""
    limit = scenario.sources.overland_length.value
    lengths = built.sites.path_length[built.sites.node >= 0]
    if lengths.size == 0 or lengths.min() < limit:
        return ()
    return (
        f"Every site lies at least {lengths.min():.0f} m of flow path from a channel, farther than "
        f"sources.overland_length ({limit:.0f} m), so overland infiltration is the same for all of them on this grid.",
    )


def site_warnings(terrain: Terrain, pits: Pits, built: Built) -> tuple[str, ...]:
    """Return sentences naming sites whose water meets no river: it leaves the terrain, or ends in a kept sink."""
    lost = np.flatnonzero(built.sites.node < 0)
    in_sink = _ends_in_sink(terrain, built.sites.start_cell[lost])
    cases = (
        (lost[~in_sink], "drain off the terrain before they meet a channel", "Widen terrain.bounds to follow them."),
        (
            lost[in_sink],
            "drain into a kept sink before they meet a channel",
            "Their load is in the ledger, in no river.",
        ),
    )
    return tuple(
        f"{sites.size} of {pits.size} sites {what} and load no river here: {_listed(pits, sites)}. {advice}"
        for sites, what, advice in cases
        if sites.size
    )


def _ends_in_sink(terrain: Terrain, cells: np.ndarray) -> np.ndarray:
    ends = []
    for start in cells.tolist():
        cell = start
        while terrain.receiver[cell] >= 0:
            cell = int(terrain.receiver[cell])
        ends.append(terrain.outlet_kind[cell] == KEPT_SINK)
    return np.array(ends, dtype=np.bool_)


def _listed(pits: Pits, sites: np.ndarray, most: int = 5) -> str:
    named = ", ".join(pits.name[i] for i in sites[:most])
    return named + (f" and {sites.size - most} more" if sites.size > most else "")

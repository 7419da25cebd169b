"""Sites: read from a file, or placed illustratively where the scenario allows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import BoolArray
from sim.errors import DataError
from sim.pipeline.projection import to_degrees, to_metres

if TYPE_CHECKING:
    from sim.io.vectors import PointTable
    from sim.pipeline.network_stage import Drainage
    from sim.scenario.models import TerrainScenario
    from sim.scenario.pits import PitTable
    from sim.scenario.site_sections import Generate
    from sim.sources.objects import Pits
    from sim.terrain.objects import Terrain

MILE = 1609.344


def build_pits(scenario: TerrainScenario, terrain: Terrain, found: Drainage, rng: np.random.Generator) -> Pits:
    """Return the scenario's sites, in the terrain's CRS."""
    if scenario.pits.file is not None:
        return read_pits(scenario, terrain, scenario.pits.file)
    if scenario.pits.generate is not None:
        return generate_pits(scenario.pits.generate, terrain, found, rng)
    raise ValueError("a scenario has either pits.file or pits.generate")


def read_table(scenario: TerrainScenario, file: str) -> tuple[Path, PitTable | PointTable]:
    """Return the path and the rows of the file of sites, CSV or any vector format."""
    path = scenario.resolve_path("pits.file", file)
    if path.suffix.lower() == ".csv":
        from sim.scenario.pits import read_pits_csv

        return path, read_pits_csv(path)
    from sim.io.vectors import read_points

    return path, read_points(path, "pits.file")


def refuse_outside(path: Path, table: PitTable | PointTable, outside: BoolArray) -> None:
    """Raise LS-316 naming the sites that lie outside the terrain, all at once."""
    if not outside.any():
        return
    first = np.flatnonzero(outside)[:5]
    listed = ", ".join(f"{table.name[i]} ({table.longitude[i]:g}, {table.latitude[i]:g})" for i in first)
    more = "" if outside.sum() <= 5 else f" and {int(outside.sum()) - 5} more"
    raise DataError(
        316,
        f"{path.name}: {int(outside.sum())} of {len(table.name)} sites",
        got=listed + more,
        expected="Every site must lie on a valid cell of the terrain",
        remedy="Widen terrain.bounds, correct the positions (are lon and lat swapped?) or remove the sites",
    )


def read_pits(scenario: TerrainScenario, terrain: Terrain, file: str) -> Pits:
    """Read sites from a file and refuse those outside the terrain."""
    from sim.sources.objects import Pits

    path, table = read_table(scenario, file)
    lon, lat = np.asarray(table.longitude, dtype=np.float64), np.asarray(table.latitude, dtype=np.float64)
    x, y = to_metres(lon, lat, terrain.grid.crs_wkt)
    cell = terrain.grid.cell_at(x, y)
    refuse_outside(path, table, (cell < 0) | ~terrain.grid.valid.ravel()[np.maximum(cell, 0)])
    return Pits(
        name=tuple(table.name),
        x=x,
        y=y,
        longitude=lon,
        latitude=lat,
        pits=np.asarray(table.pits, dtype=np.float64),
        year=np.asarray(table.year, dtype=np.int64),
        group=tuple(table.group),
        illustrative=scenario.pits.illustrative,
    )


def generate_pits(recipe: Generate, terrain: Terrain, found: Drainage, rng: np.random.Generator) -> Pits:
    """Place illustrative sites zone by zone; counts per year and per zone are met exactly."""
    from sim.sources import SiteZone, basin_mask, place_sites, zone_cells
    from sim.terrain import slope

    steepness = slope(terrain.grid).ravel()
    basins: dict[str, BoolArray] = {}
    zones = []
    for zone in recipe.zone:
        for name in (*zone.drains_to, *zone.drains_not_to):
            if name not in basins:
                basins[name] = basin_mask(terrain, found.station_cells[name])
        x, y = to_metres([zone.lon], [zone.lat], terrain.grid.crs_wkt)
        allowed = zone_cells(
            terrain,
            steepness,
            found.channel,
            inside=[basins[name] for name in zone.drains_to],
            outside=[basins[name] for name in zone.drains_not_to],
            x=float(x[0]),
            y=float(y[0]),
            min_distance=zone.min_distance.value,
            max_distance=zone.max_distance.value,
            max_slope=recipe.max_slope.value,
        )
        if zone.toward is not None:
            allowed &= _sector(
                terrain, float(x[0]), float(y[0]), found.station_cells[zone.toward], zone.half_angle.value
            )
        zones.append(
            SiteZone(zone.name, zone.sites, allowed, zone.clusters, zone.cluster_radius.value, zone.pits_weight.value)
        )
    return place_sites(
        rng,
        terrain.grid,
        zones,
        np.array(recipe.years.values, dtype=np.int64),
        np.array(recipe.sites.values, dtype=np.int64),
        np.array(recipe.pits.values, dtype=np.int64),
        lambda px, py: to_degrees(px, py, terrain.grid.crs_wkt),
    )


def _sector(terrain: Terrain, x: float, y: float, station: int, half_angle: float) -> BoolArray:
    """Cells whose bearing from (x, y) differs from the station's by at most `half_angle` degrees, (ncell,) bool."""
    to_x, to_y = terrain.grid.centre(np.array([station]))
    towards = complex(to_x[0] - x, to_y[0] - y)
    cell_x, cell_y = terrain.grid.centre(np.arange(terrain.grid.elevation.size))
    bearing = np.angle(((cell_x - x) + 1j * (cell_y - y)) / towards, deg=True)
    return np.asarray(np.abs(bearing) <= half_angle)


def distance_notes(scenario: TerrainScenario, terrain: Terrain, found: Drainage, pits: Pits) -> tuple[str, ...]:
    """Return the distance of placed sites to the large river beside what the report says."""
    from sim.sources import basin_mask, distance_to_large_river

    if scenario.pits.generate is None:
        return ()
    notes = []
    for zone in scenario.pits.generate.zone:
        if zone.report_min_area is None:
            continue
        within = None
        if zone.report_distance_to is not None:
            within = basin_mask(terrain, found.station_cells[zone.report_distance_to])
        chosen = np.array([group == zone.name for group in pits.group])
        cells = terrain.grid.cell_at(pits.x[chosen], pits.y[chosen])
        straight, path = distance_to_large_river(terrain, found.total_area, cells, zone.report_min_area.value, within)
        if not np.isfinite(straight).any():
            notes.append(
                f"Illustrative sites of '{zone.name}': no river in reach drains "
                f"{zone.report_min_area.value / 1e6:,.0f} km2."
            )
            continue
        said = "" if zone.reported_distance is None else (
            f"; reported: {zone.reported_distance.value / MILE:.0f} miles ({zone.reported_distance.source})"
        )  # fmt: skip
        notes.append(
            f"Illustrative sites of '{zone.name}' lie {np.min(straight) / MILE:.1f}-{np.max(straight) / MILE:.1f} "
            f"miles (median {np.median(straight) / MILE:.1f}) in a straight line and {np.median(path) / MILE:.1f} "
            f"miles (median) along the flow path from the river that drains at least "
            f"{zone.report_min_area.value / 1e6:,.0f} km2{said}."
        )
    return tuple(notes)

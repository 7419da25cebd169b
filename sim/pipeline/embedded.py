"""Terrains the package builds itself, offline, from small tables of control points."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from sim.errors import DataError, LeachSimError, Problems, ScenarioError
from sim.pipeline.projection import to_metres

if TYPE_CHECKING:
    from sim.io.grids import GridSpec
    from sim.scenario.models import TerrainScenario
    from sim.terrain.objects import Grid


@dataclass(frozen=True, slots=True)
class Embedded:
    """A table of control points and the grids it is meant for.

    bounds : west, south, east, north, degrees
    resolution : m
    finest, coarsest : m, limits of the resolution a scenario may ask for
    """

    file: str
    label: str
    bounds: tuple[float, float, float, float]
    resolution: float
    finest: float
    coarsest: float


EMBEDDED = {
    "kachin": Embedded(
        "kachin_control_points.csv",
        "Illustrative terrain built from about 2,150 spot heights (D: read off a 15 arc-second DEM and river lines)",
        (96.8, 23.8, 99.2, 27.2),
        450.0,
        # finer cells add nothing to spot heights kilometres apart; coarser ones join valleys that are apart: rivers
        # meet two cells off, and at 1,980 m Pangwa drains to the Shweli instead of the N'Mai
        finest=150.0,
        coarsest=1500.0,
    ),
}

#: least share of the area asked for that an embedded terrain must cover
LEAST_COVER = 0.25


def embedded_spec(scenario: TerrainScenario) -> GridSpec:
    """Return the metric grid of an embedded terrain: the scenario's bounds and resolution, else the terrain's own.

    Raises
    ------
    ScenarioError, DataError or Problems
        LS-204 for a resolution the terrain is not made for, LS-306 for bounds of which it covers less than a quarter;
        what `sim.io.grids.grid_for` raises.
    """
    from sim.io.grids import check_bounds, grid_for

    section = scenario.terrain
    known = EMBEDDED[section.dem.removeprefix("embedded:")]
    bounds = known.bounds if section.bounds is None else check_bounds(_four(section.bounds.values))
    resolution = known.resolution if section.resolution is None else section.resolution.value
    problems = [*_uncovered(scenario, known, bounds), *_too_fine_or_coarse(scenario, known, resolution)]
    if problems:
        raise problems[0] if len(problems) == 1 else Problems(problems)
    return grid_for(bounds, section.crs, resolution)


def _four(values: tuple[float, ...]) -> tuple[float, float, float, float]:
    west, south, east, north = values
    return west, south, east, north


def _uncovered(
    scenario: TerrainScenario, known: Embedded, bounds: tuple[float, float, float, float]
) -> Iterator[LeachSimError]:
    """LS-306 when less than `LEAST_COVER` of the area asked for is on the terrain."""
    west, south, east, north = bounds
    own_west, own_south, own_east, own_north = known.bounds
    width = max(min(east, own_east) - max(west, own_west), 0.0)
    height = max(min(north, own_north) - max(south, own_south), 0.0)
    cover = width * height / ((east - west) * (north - south))
    if cover < LEAST_COVER:
        own = ", ".join(f"{degrees:g}" for degrees in known.bounds)
        yield DataError(
            306,
            f"{scenario.path.name}: terrain.bounds",
            got=f"[{west:g}, {south:g}, {east:g}, {north:g}]",
            expected=f"{scenario.terrain.dem} covers {100 * cover:.0f} % of this area, "
            f"at least {100 * LEAST_COVER:.0f} % is needed",
            remedy=f"Its own bounds are [{own}] (west, south, east, north). Stay within them, leave terrain.bounds out "
            "or name a raster of your area as terrain.dem",
        )


def _too_fine_or_coarse(scenario: TerrainScenario, known: Embedded, resolution: float) -> Iterator[LeachSimError]:
    """LS-204 when the terrain is not made for cells of this size."""
    if not known.finest <= resolution <= known.coarsest:
        finer = resolution < known.finest
        yield ScenarioError(
            204,
            f"{scenario.path.name}: terrain.resolution",
            got=f"{resolution:g} m",
            expected=f"Must lie in [{known.finest:g}, {known.coarsest:g}] m for {scenario.terrain.dem}, "
            + ("whose points are kilometres apart" if finer else "whose valleys coarser cells would join"),
            remedy=f"Its own resolution is {known.resolution:g} m. For other cells name a raster as terrain.dem",
        )


def embedded_grid(scenario: TerrainScenario) -> Grid:
    """Build the embedded terrain a scenario names, offline, on its metric grid."""
    from sim.terrain.embedded import build_from_control_points

    known = EMBEDDED[scenario.terrain.dem.removeprefix("embedded:")]
    text = resources.files("sim.data").joinpath(known.file).read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    spec = embedded_spec(scenario)
    return build_from_control_points(
        kind=[row["kind"] for row in rows],
        course=[row["course"] for row in rows],
        order=np.array([int(row["order"] or 0) for row in rows]),
        longitude=np.array([float(row["lon"]) for row in rows]),
        latitude=np.array([float(row["lat"]) for row in rows]),
        elevation=np.array([float(row["z_m"]) for row in rows]),
        project=lambda lon, lat: to_metres(lon, lat, spec.crs_wkt),
        transform=spec.transform,
        shape=spec.shape,
        crs_wkt=spec.crs_wkt,
        label=known.label,
    )

"""Terrains the package builds itself, offline, from small tables of control points."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from sim.pipeline.projection import to_metres

if TYPE_CHECKING:
    from sim.io.grids import GridSpec
    from sim.scenario.models import TerrainScenario
    from sim.terrain.objects import Grid


@dataclass(frozen=True, slots=True)
class Embedded:
    """A table of control points and the grid it is meant for.

    bounds : west, south, east, north, degrees
    resolution : m
    """

    file: str
    label: str
    bounds: tuple[float, float, float, float]
    resolution: float


EMBEDDED = {
    "kachin": Embedded(
        "kachin_control_points.csv",
        "Illustrative terrain built from about 2,150 spot heights (D: read off a 15 arc-second DEM and river lines)",
        (96.8, 23.8, 99.2, 27.2),
        450.0,
    ),
}


def embedded_spec(scenario: TerrainScenario) -> GridSpec:
    """Return the metric grid of an embedded terrain: the scenario's bounds and resolution, else the terrain's own."""
    from sim.io.grids import grid_for

    section = scenario.terrain
    known = EMBEDDED[section.dem.removeprefix("embedded:")]
    bounds = known.bounds
    if section.bounds is not None:
        west, south, east, north = section.bounds.values
        bounds = (west, south, east, north)
    resolution = known.resolution if section.resolution is None else section.resolution.value
    return grid_for(bounds, section.crs, resolution)


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

"""Scenario -> Grid -> Terrain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arrays import BoolArray, IntArray
from sim.errors import ScenarioError
from sim.pipeline.embedded import embedded_grid
from sim.pipeline.projection import to_metres

if TYPE_CHECKING:
    from sim.scenario.models import TerrainScenario
    from sim.terrain.objects import Grid, Terrain


def build_grid(scenario: TerrainScenario) -> Grid:
    """Return the grid the scenario asks for: an embedded terrain or a raster, cropped and in metres."""
    from sim.io.rasters import read_dem

    section = scenario.terrain
    if section.dem.startswith("embedded:"):
        return embedded_grid(scenario)
    return read_dem(scenario.resolve_path("terrain.dem", section.dem), **grid_options(scenario))


def grid_options(scenario: TerrainScenario) -> dict[str, Any]:
    """Return bounds, crs and resolution as the raster reader takes them; None where the scenario leaves the choice."""
    section = scenario.terrain
    west_south_east_north = None if section.bounds is None else tuple(section.bounds.values)
    return {
        "bounds": west_south_east_north,
        "crs": section.crs,
        "resolution": None if section.resolution is None else section.resolution.value,
    }


def build_terrain(scenario: TerrainScenario, grid: Grid) -> Terrain:
    """Condition the grid with the engine of the scenario."""
    section = scenario.terrain
    burned = _burned(scenario, grid)
    depth = section.burn_depth.value if burned is not None else 0.0
    sinks = _kept_sinks(scenario, grid)
    if section.engine == "native":
        from sim.terrain import condition_native

        return condition_native(
            grid, conditioning=section.conditioning, kept_sinks=sinks, burned=burned, burn_depth=depth
        )
    from sim.io.rasters import read_raster, write_raster
    from sim.terrain.whitebox import condition_whitebox

    program = (
        scenario.resolve_path("terrain.whitebox_program", section.whitebox_program)
        if section.whitebox_program
        else None
    )
    return condition_whitebox(
        grid,
        conditioning=section.conditioning,
        kept_sinks=sinks,
        burned=burned,
        burn_depth=depth,
        write_grid=write_raster,
        read_grid=read_raster,
        program=program,
    )


def _burned(scenario: TerrainScenario, grid: Grid) -> BoolArray | None:
    from sim.io.vectors import rasterize_lines, read_lines

    path = scenario.terrain.burn_rivers
    if not path:
        return None
    lines = read_lines(scenario.resolve_path("terrain.burn_rivers", path), grid.crs_wkt, "terrain.burn_rivers")
    return rasterize_lines(lines, grid)


def _kept_sinks(scenario: TerrainScenario, grid: Grid) -> IntArray:
    section = scenario.terrain
    cells: list[IntArray] = [np.zeros(0, dtype=np.int64)]
    for index, sink in enumerate(section.keep_sink):
        x, y = to_metres([sink.lon], [sink.lat], grid.crs_wkt)
        cell = grid.cell_at(x, y)
        if cell[0] < 0 or not grid.valid.ravel()[cell[0]]:
            raise ScenarioError(
                214,
                f"{scenario.path.name}: terrain.keep_sink[{index}]",
                got=f"({sink.lon}, {sink.lat})",
                expected="A kept sink must lie on a valid cell of the terrain",
                remedy="Correct lon and lat or remove the sink",
            )
        cells.append(cell)
    rule = section.keep_depressions
    if rule is not None:
        from sim.terrain import depression_sinks

        cells.append(depression_sinks(grid, rule.min_depth.value, rule.min_area.value))
    return np.unique(np.concatenate(cells))

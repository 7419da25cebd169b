"""Scenario -> Grid -> Terrain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arrays import BoolArray, IntArray
from sim.errors import ScenarioError
from sim.pipeline.embedded import embedded_grid
from sim.pipeline.projection import to_metres

if TYPE_CHECKING:
    from sim.io.grids import GridSpec
    from sim.scenario.models import TerrainScenario
    from sim.terrain.objects import Grid, Terrain
    from sim.terrain.rules import Rule


def build_grid(scenario: TerrainScenario) -> Grid:
    """Return the grid the scenario asks for; a run that does not fit into memory is refused before anything is read.

    Raises
    ------
    DataError
        LS-311, and what `plan_terrain` and `read_grid` raise.
    """
    from sim.pipeline.size import require_memory, run_cost

    rows, columns = plan_terrain(scenario).shape
    require_memory(run_cost(rows * columns, scenario.terrain.engine), resolution_key(scenario))
    return read_grid(scenario)


def resolution_key(scenario: TerrainScenario) -> str:
    """Return the setting that decides the size of the grid, for messages."""
    return f"{scenario.path.name}: terrain.resolution"


def plan_terrain(scenario: TerrainScenario) -> GridSpec:
    """Return the grid that will be filled, without elevations."""
    from sim.io.rasters import plan_grid
    from sim.pipeline.embedded import embedded_spec

    section = scenario.terrain
    if section.dem.startswith("embedded:"):
        return embedded_spec(scenario)
    return plan_grid(scenario.resolve_path("terrain.dem", section.dem), **grid_options(scenario))


def read_grid(scenario: TerrainScenario) -> Grid:
    """Return the filled grid: an embedded terrain or a raster, cropped and in metres."""
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
    rules = depression_rules(scenario, grid)
    if section.engine == "native":
        from sim.terrain import condition_native

        return condition_native(
            grid,
            conditioning=section.conditioning,
            carve_depth=section.carve_depth.value,
            rules=rules,
            kept_sinks=sinks,
            burned=burned,
            burn_depth=depth,
        )
    sinks = np.union1d(sinks, _kept_by_rule(scenario, grid, rules, burned, depth))
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
    return np.unique(np.concatenate(cells))


def depression_rules(scenario: TerrainScenario, grid: Grid) -> tuple[Rule, ...]:
    """Return the rules of `[[terrain.depression]]` on this grid."""
    from sim.terrain.rules import DECISIONS, Rule

    rules = []
    for index, row in enumerate(scenario.terrain.depression):
        limits = {
            f"{end}_{what}": value.value
            for end in ("min", "max")
            for what in ("depth", "area", "volume")
            if (value := getattr(row, f"{end}_{what}")) is not None
        }
        rules.append(
            Rule(
                DECISIONS.index(row.decision),
                **limits,
                within=_areas(scenario, grid, row.within, f"terrain.depression.{index}.within"),
                holding=_site_cells(scenario, grid) if row.holds_site else None,
            )
        )
    return tuple(rules)


def _areas(scenario: TerrainScenario, grid: Grid, path: str | None, key: str) -> BoolArray | None:
    if path is None:
        return None
    from sim.io.areas import rasterize_areas, read_areas

    return rasterize_areas(read_areas(scenario.resolve_path(key, path), grid.crs_wkt, key), grid)


def _site_cells(scenario: TerrainScenario, grid: Grid) -> IntArray:
    """Cells of the sites of pits.file; sites outside are refused later, with their names."""
    from sim.pipeline.site_stage import read_table

    assert scenario.pits.file is not None
    _, table = read_table(scenario, scenario.pits.file)
    cell = grid.cell_at(*to_metres(table.longitude, table.latitude, grid.crs_wkt))
    cell = np.unique(cell[cell >= 0])
    return np.asarray(cell[grid.valid.ravel()[cell]], dtype=np.int64)


def _kept_by_rule(
    scenario: TerrainScenario, grid: Grid, rules: tuple[Rule, ...], burned: BoolArray | None, burn_depth: float
) -> IntArray:
    """Lowest cells of the depressions that rules keep, for an engine that takes kept cells only."""
    from sim.terrain.basins import drain
    from sim.terrain.native import burn
    from sim.terrain.rules import DECISIONS, KEEP, Rules

    for index, rule in enumerate(rules):
        if rule.decision != KEEP:
            raise ScenarioError(
                209,
                f"{scenario.path.name}: terrain.depression.{index}.decision",
                got=DECISIONS[rule.decision],
                expected="The whitebox engine does not decide depression by depression",
                remedy='Write engine = "native", or keep only rules that keep depressions',
            )
    if not rules:
        return np.zeros(0, dtype=np.int64)
    found = drain(
        burn(grid, burned, burn_depth),
        grid.valid,
        cell_width=grid.cell_width,
        cell_height=grid.cell_height,
        rules=Rules(rules),
        conditioned=False,
    ).depressions
    assert found is not None
    return np.asarray(found.lowest[found.decision == KEEP])

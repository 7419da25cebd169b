"""Named ways of conditioning a terrain, for a raster alone or as part of a scenario."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import DataError, LeachSimError, ScenarioError

if TYPE_CHECKING:
    from sim.io.grids import GridSpec
    from sim.scenario.models import TerrainScenario
    from sim.terrain.objects import Grid, Terrain

#: name for --with -> engine, conditioning
SETTINGS = {
    "auto": ("native", "auto"),
    "carve": ("native", "carve"),
    "fill": ("native", "fill"),
    "whitebox-breach": ("whitebox", "carve"),
    "whitebox-fill": ("whitebox", "fill"),
}
#: name of a setting -> what it does, one sentence
SENTENCES = {
    "auto": "LeachSim decides for each depression: carved where shallow, filled else",
    "carve": "LeachSim carves a way out of every depression",
    "fill": "LeachSim fills every depression to its lowest way out",
    "whitebox-breach": "Whitebox breaches depressions along least-cost paths",
    "whitebox-fill": "Whitebox fills depressions",
}
DEFAULT_SETTINGS = ("carve", "fill", "whitebox-breach")

#: names in messages of the raster reader -> those of the command line
_OPTION_NAMES = {
    "terrain.dem": "DEM",
    "terrain.bounds": "--bounds",
    "terrain.resolution": "--resolution",
    "terrain.crs": "--crs",
    "terrain.engine = whitebox": "whitebox",
    "Set engine = native, which needs no other program": "Use an engine of LeachSim, which needs no other program",
    "Paths are relative to the folder of the scenario file": "Paths are relative to the current folder",
    ", or set engine = native": ", or use an engine of LeachSim",
}


@dataclass(frozen=True, slots=True)
class DemOptions:
    """How a raster is brought to a metric grid, as `sim.io.rasters.read_dem` takes it."""

    bounds: tuple[float, float, float, float] | None = None
    crs: str = "auto"
    resolution: float | None = None


def setting_names(text: str) -> tuple[str, ...]:
    """Split the names of --with.

    Raises
    ------
    ScenarioError
        LS-207 for a name that is not known, LS-208 for one given twice, LS-209 for fewer than two.
    """
    names = tuple(part.strip() for part in text.split(","))
    known = ", ".join(SETTINGS)
    for name in names:
        if name not in SETTINGS:
            close = difflib.get_close_matches(name, SETTINGS, n=1)
            hint = f"Did you mean {close[0]}? " if close else ""
            raise ScenarioError(
                207, "--with", got=repr(name), expected="Must name settings to compare", remedy=f"{hint}Known: {known}"
            )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ScenarioError(208, "--with", got=text, expected=f"Names {twice} twice", remedy="Name each setting once")
    if len(names) < 2:
        raise ScenarioError(
            209,
            "--with",
            got=text,
            expected="At least two settings are needed for a comparison",
            remedy=f"Known: {known}",
        )
    return names


def choose_engine(engine: str, conditioning: str | None) -> tuple[str, str]:
    """Check engine and conditioning of the command line; the conditioning is the engine's own when not given.

    Raises
    ------
    ScenarioError
        LS-207 for a name that is not known, LS-209 for a pair that does not go together.
    """
    for where, got, known in (
        ("--engine", engine, ("native", "whitebox")),
        ("--conditioning", conditioning, ("auto", "carve", "fill", None)),
    ):
        if got not in known:
            listed = ", ".join(name for name in known if name)
            raise ScenarioError(207, where, got=repr(got), expected=f"Must be one of {listed}")
    chosen = conditioning or ("auto" if engine == "native" else "carve")
    if (engine, chosen) == ("whitebox", "auto"):
        raise ScenarioError(
            209,
            "--conditioning",
            got="auto",
            expected="The whitebox engine does not decide depression by depression",
            remedy="Use carve or fill, or --engine native",
        )
    return engine, chosen


def condition(
    grid: Grid,
    engine: str,
    conditioning: str,
    *,
    scenario: TerrainScenario | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Terrain:
    """Condition a grid; with a scenario its kept sinks and burned rivers count too.

    `progress` is told each step of the native engine on a grid without scenario.

    Raises
    ------
    DataError
        LS-304, LS-305, LS-311, LS-312, LS-313 from the engines.
    """
    if scenario is not None:
        from sim.pipeline.terrain_stage import build_terrain

        section = scenario.terrain.model_copy(update={"engine": engine, "conditioning": conditioning})
        return build_terrain(scenario.model_copy(update={"terrain": section}), grid)
    if engine == "native":
        from sim.terrain import condition_native

        return condition_native(grid, conditioning=conditioning, progress=progress)
    from sim.io.rasters import read_raster, write_raster
    from sim.terrain import condition_whitebox

    return condition_whitebox(grid, conditioning=conditioning, write_grid=write_raster, read_grid=read_raster)


def plan(path: Path, options: DemOptions) -> GridSpec:
    """Grid that a raster will fill, without reading it; messages name the options of the command line."""
    from sim.io.rasters import plan_grid

    with option_names():
        return plan_grid(path, bounds=options.bounds, crs=options.crs, resolution=options.resolution)


def read(path: Path, options: DemOptions) -> Grid:
    """Elevations of a raster on that grid; messages name the options of the command line."""
    from sim.io.rasters import read_dem

    with option_names():
        return read_dem(path, bounds=options.bounds, crs=options.crs, resolution=options.resolution)


@contextmanager
def option_names() -> Iterator[None]:
    """Let errors of rooms that know only scenario keys name the options of the command line instead."""
    try:
        yield
    except (DataError, ScenarioError) as error:
        raise _renamed(error) from error


def _renamed(error: LeachSimError) -> LeachSimError:
    parts = [error.where, error.got, error.expected, error.remedy]
    for key, option in _OPTION_NAMES.items():
        parts = [part.replace(key, option) for part in parts]
    where, got, expected, remedy = parts
    return type(error)(error.number, where, got=got, expected=expected, remedy=remedy)

"""Condition one grid in several ways and write how far the flow paths agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import DataError, LeachSimError, ScenarioError
from sim.pipeline.pace import Pace, Report, silent
from sim.pipeline.terrain_folder import READ, READING_SECONDS_PER_CELL, check_stream_area, native_steps
from sim.pipeline.terrain_settings import DEFAULT_SETTINGS, SENTENCES, SETTINGS, DemOptions, condition, plan, read

if TYPE_CHECKING:
    from sim.io.grids import GridSpec
    from sim.io.runfolder import RunFolder
    from sim.pipeline.network_stage import Drainage
    from sim.scenario.models import Scenario, TerrainScenario
    from sim.scenario.sections import Receptor, Station
    from sim.terrain.comparison import ComparedPlace, ComparedTerrain, FlowPaths
    from sim.terrain.cost import Cost
    from sim.terrain.objects import Grid, Terrain

#: Beyond conditioning: bytes per cell kept for every setting, and needed while two are compared.
KEPT_BYTES_PER_CELL = 7.0
COMPARING_BYTES_PER_CELL = 18.0
COMPARING_SECONDS_PER_CELL = 60e-9
WRITING_SECONDS_PER_CELL = 500e-9
DISK_BYTES = 20_000_000
DEFAULT_STREAM_AREA = 5e6

COMPARE, WRITE = "comparing", "writing tables, maps and page"
STATEMENT = "Conditioning is uncertainty, not truth"


@dataclass(frozen=True, slots=True)
class Source:
    """What is compared: a raster with options, or the terrain of a scenario."""

    title: str
    dem: Path | None
    options: DemOptions
    scenario: TerrainScenario | None

    @property
    def where(self) -> str:
        """Name for messages about size."""
        return "DEM" if self.scenario is None else f"{self.scenario.path.name}: terrain.resolution"


@dataclass(frozen=True, slots=True)
class ComparisonSummary:
    """What was compared and what came out: `document` is compare.json without the list of files."""

    folder: Path
    page: Path
    document: dict[str, Any]
    seconds: dict[str, float]
    rates: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Plain types for JSON."""
        paths = {"folder": self.folder, "page": self.page}
        return {**paths, **self.document, "seconds": self.seconds, "rates": self.rates}


def of_scenario(scenario: Scenario) -> Source:
    """Take the terrain of a scenario, with its stations, places, inflows, kept sinks and burned rivers.

    Raises
    ------
    ScenarioError
        LS-209 for a scenario without terrain.
    """
    from sim.scenario.models import ChannelScenario

    if isinstance(scenario, ChannelScenario):
        raise ScenarioError(
            209,
            f"{scenario.path.name}: channel",
            expected="A scenario on a table of reaches has no terrain to compare",
            remedy="Name a scenario with [terrain], or a raster of elevations",
        )
    return Source(scenario.scenario.title, None, DemOptions(), scenario)


def of_dem(dem: Path, options: DemOptions | None = None) -> Source:
    """Take a raster of elevations."""
    return Source(dem.name, dem, options or DemOptions(), None)


def compare_terrain(
    source: Source,
    out: Path,
    *,
    names: tuple[str, ...] = DEFAULT_SETTINGS,
    stream_area: float | None = None,
    report: Report = silent,
) -> ComparisonSummary:
    """Condition a grid by every named setting and write overlap, basins, places, a map and a page into a new folder.

    A setting whose engine fails is reported as failed, with the message of the engine.

    Parameters
    ----------
    source : Source, from `of_dem` or `of_scenario`
    out : Path, folder to make; must not exist
    names : keys of `SETTINGS`, at least two
    stream_area : float, m2, least drainage area of a stream; the scenario's, or 5 km2 for a raster, when None
    report : told each stage as it starts

    Raises
    ------
    LeachSimError
        As `sim.pipeline.terrain_folder.condition_dem`; LS-312 when fewer than two settings gave flow paths.
    """
    from sim.io.runfolder import RunFolder
    from sim.report.terrain_comparison import write_comparison_page

    area = _stream_area(source, stream_area)
    with RunFolder(out) as folder:
        spec = _spec(source)
        cells = spec.shape[0] * spec.shape[1]
        cost = _cost(names, cells)
        unknown = _require(source, cost)
        folder.require_space(DISK_BYTES)
        pace = Pace(report, _weights(names), cells)
        with pace(READ):
            report(READ, 0.0, cells, cost.told())
            grid = _read(source)
        compared = _compared(source, grid, names, area, pace)
        with pace(WRITE):
            document = _document(source, compared, unknown)
            write_comparison_page(compared, folder.path, document["about"])
            _write_tables(folder, compared, document)
    return ComparisonSummary(out, out / "compare.html", document, pace.seconds, pace.rates())


def _stream_area(source: Source, given: float | None) -> float:
    if given is not None:
        check_stream_area(given)
        return given
    if source.scenario is not None:
        return float(source.scenario.network.stream_area.value)
    return DEFAULT_STREAM_AREA


def _spec(source: Source) -> GridSpec:
    if source.scenario is None:
        assert source.dem is not None
        return plan(source.dem, source.options)
    from sim.pipeline.terrain_stage import plan_terrain

    return plan_terrain(source.scenario)


def _read(source: Source) -> Grid:
    if source.scenario is None:
        assert source.dem is not None
        return read(source.dem, source.options)
    from sim.pipeline.terrain_stage import read_grid

    return read_grid(source.scenario)


def _cost(names: tuple[str, ...], cells: int) -> Cost:
    """Memory of the hungriest setting, time of all."""
    from sim.terrain.cost import estimate

    extra = KEPT_BYTES_PER_CELL * len(names) + COMPARING_BYTES_PER_CELL
    engines = {SETTINGS[name][0] for name in names}
    costs = [estimate(cells, engine=engine, extra_bytes_per_cell=extra) for engine in engines]
    seconds = sum(estimate(cells, engine=SETTINGS[name][0]).seconds for name in names)
    return replace(max(costs, key=lambda cost: cost.memory_bytes), seconds=seconds)


def _require(source: Source, cost: Cost) -> str:
    from sim.terrain.cost import available_memory, require

    return require(cost, available_memory(), where=source.where)


def _stage(name: str) -> str:
    return f"conditioning: {name}"


def _weights(names: tuple[str, ...]) -> dict[str, float]:
    from sim.terrain.cost import SECONDS_PER_CELL

    conditioning = {_stage(name): SECONDS_PER_CELL[SETTINGS[name][0]] for name in names}
    pairs = len(names) * (len(names) - 1) / 2
    after = {COMPARE: pairs * COMPARING_SECONDS_PER_CELL, WRITE: WRITING_SECONDS_PER_CELL}
    return {READ: READING_SECONDS_PER_CELL, **conditioning, **after}


def _compared(source: Source, grid: Grid, names: tuple[str, ...], stream_area: float, pace: Pace) -> ComparedTerrain:
    """Condition by every setting in turn, keeping of each terrain only what is compared."""
    from sim.terrain.compare import compare
    from sim.terrain.comparison import ComparedTerrain, FailedSetting

    paths: list[FlowPaths] = []
    failed: list[FailedSetting] = []
    found: list[list[tuple[float, int, str]]] = []
    for name in names:
        with pace(_stage(name)):
            try:
                progress = pace.within(_stage(name), native_steps())
                kept, areas = _one(source, grid, name, stream_area, progress)
            except LeachSimError as error:
                failed.append(FailedSetting(name, error.text()))
                continue
        paths.append(kept)
        found.append(areas)
    if len(paths) < 2:
        raise DataError(
            312,
            "leachsim terrain compare",
            expected=f"Only {len(paths)} of {len(names)} settings gave flow paths, so there is nothing to compare",
            remedy="; ".join(f"{item.name}: {item.message}" for item in failed),
        )
    with pace(COMPARE):
        comparisons = tuple(compare(first, second, grid) for first, second in combinations(paths, 2))
    sentences = {name: SENTENCES[name] for name in names}
    places = _places(source, found)
    return ComparedTerrain(source.title, grid, stream_area, sentences, tuple(paths), tuple(failed), comparisons, places)


def _one(
    source: Source, grid: Grid, name: str, stream_area: float, progress: Callable[[str, float], None]
) -> tuple[FlowPaths, list[tuple[float, int, str]]]:
    """Flow paths of one setting and, for every place, the drainage area found, its cell, and why there is none."""
    from sim.scenario.quantity import Sourced
    from sim.terrain.compare import flow_paths

    engine, conditioning = SETTINGS[name]
    terrain = condition(grid, engine, conditioning, scenario=source.scenario, progress=progress)
    if source.scenario is None:
        return flow_paths(name, terrain, terrain.area, stream_area), []
    section = source.scenario.network
    area = Sourced(stream_area, unit="m2")
    # Stations are looked for one by one below: one that is not found must not hide the rest of the comparison.
    without = section.model_copy(update={"station": (), "stream_area": area})
    drained = _drainage(source.scenario.model_copy(update={"network": without}), terrain)
    kept = flow_paths(name, terrain, drained.total_area, stream_area)
    return kept, [*_stations(source.scenario, terrain, drained), *_receptors(source.scenario, terrain, drained)]


def _drainage(scenario: TerrainScenario, terrain: Terrain) -> Drainage:
    from sim.pipeline.network_stage import drainage

    return drainage(scenario, terrain)


def _stations(scenario: TerrainScenario, terrain: Terrain, drained: Drainage) -> list[tuple[float, int, str]]:
    from sim.network import find_stations
    from sim.pipeline.network_stage import stations_of

    found: list[tuple[float, int, str]] = []
    for station in stations_of(scenario, terrain):
        try:
            cell = int(find_stations(terrain, drained.total_area, drained.channel, [station])[0])
        except ScenarioError as error:
            found.append((float("nan"), -1, error.expected))
        else:
            found.append((float(drained.total_area[cell]), cell, ""))
    return found


def _receptors(scenario: TerrainScenario, terrain: Terrain, drained: Drainage) -> list[tuple[float, int, str]]:
    from sim.pipeline.network_stage import place_receptors

    placed = place_receptors(scenario, terrain, drained)
    return [
        (float(drained.total_area[cell]), int(cell), "") if cell >= 0 else (float("nan"), -1, status)
        for cell, status in zip(placed.cell, placed.status, strict=True)
    ]


def _places(source: Source, found: list[list[tuple[float, int, str]]]) -> tuple[ComparedPlace, ...]:
    """Stations and located receptors of the scenario with what every setting found there."""
    from sim.terrain.comparison import ComparedPlace

    if source.scenario is None:
        return ()
    items: list[tuple[str, Station | Receptor]] = [("station", item) for item in source.scenario.network.station]
    items += [(item.kind, item) for item in source.scenario.receptor]
    places = []
    for index, (kind, item) in enumerate(items):
        if item.lon is None or item.lat is None:
            continue  # nobody knows where it is, under any setting
        area, cell, said = zip(*(row[index] for row in found), strict=True)
        expected = float("nan") if item.drainage_area is None else float(item.drainage_area.value)
        places.append(ComparedPlace(item.name, kind, item.lon, item.lat, expected, area, cell, said))
    return tuple(places)


def _document(source: Source, compared: ComparedTerrain, unknown: str) -> dict[str, Any]:
    from sim.io.terrain_comparison import comparison_document

    about: dict[str, Any] = {
        "statement": STATEMENT,
        "labels": ["Modelled, not measured", *(["Illustrative terrain"] if compared.grid.illustrative else [])],
        "inputs": _inputs(source),
        "notes": list(compared.grid.notes),
        "warnings": [unknown] if unknown else [],
    }
    return {"about": about, **comparison_document(compared)}


def _inputs(source: Source) -> dict[str, str]:
    """What was read and its fingerprint."""
    from sim.io.runfolder import sha256

    if source.scenario is not None:
        return {"scenario": source.scenario.path.name, "fingerprint": source.scenario.digest()}
    assert source.dem is not None
    return {"raster": source.dem.name, "fingerprint": sha256(source.dem)}


def _write_tables(folder: RunFolder, compared: ComparedTerrain, document: dict[str, Any]) -> None:
    from sim import __version__
    from sim.io.provenance import package_versions
    from sim.io.terrain_comparison import write_comparison_table

    write_comparison_table(folder.inside("compare.csv"), compared)
    versions = {"leachsim": __version__, "packages": package_versions()}
    whole = {**versions, **document, "files": folder.files()}
    folder.write_text("compare.json", json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n")

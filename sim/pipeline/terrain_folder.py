"""Condition a raster and write everything that follows from it into a new folder, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import ScenarioError
from sim.pipeline.pace import Pace, Report, silent
from sim.pipeline.terrain_settings import DemOptions, choose_engine, condition, plan, read

if TYPE_CHECKING:
    from sim.arrays import BoolArray, ByteArray, Float32Array
    from sim.io.runfolder import RunFolder
    from sim.terrain.objects import Terrain

#: Beyond conditioning: peak bytes and seconds per cell of streams, heights and writing.
WRITING_BYTES_PER_CELL = 24.0
#: Compressing and writing five rasters on one thread, s per cell.
WRITING_SECONDS_PER_CELL = 1e-6
WRITING_SECONDS_PER_CELL = 1100e-9
READING_SECONDS_PER_CELL = 70e-9
#: Rasters before they are packed, bytes per cell, and what small files take.
DISK_BYTES_PER_CELL = 14
DISK_BYTES_FIXED = 2_000_000

READ, CONDITION, STREAMS, WRITE = (
    "reading elevations", "conditioning and flow paths", "streams and heights above them", "writing rasters and tables",
)  # fmt: skip
#: Filled land worth a warning.
NOTABLE_SHARE = 0.01
LABEL = "Modelled, not measured"
_FILES = {
    "conditioned.tif": "elevation after conditioning, m",
    "flow_direction.tif": "code of the neighbour each cell drains to; the codes stand in its band description",
    "upstream_area.tif": "area that drains through each cell, km2",
    "height_above_drainage.tif": "height above the stream each cell drains to, m",
    "stream_order.tif": "Strahler order of streams",
    "depressions.csv": "every depression: place, size, and whether it was kept, filled or carved",
    "terrain.json": "how this was made, with which versions, and its numbers",
}


@dataclass(frozen=True, slots=True)
class TerrainSummary:
    """What conditioning gave.

    numbers : plain numbers by name, as in terrain.json
    warnings, notes : sentences
    seconds, rates : s and cells/s by stage
    """

    folder: Path
    label: str
    method: str
    numbers: dict[str, Any]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: dict[str, float]
    rates: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Plain types for JSON."""
        return asdict(self)


def condition_dem(
    dem: Path,
    out: Path,
    *,
    options: DemOptions | None = None,
    engine: str = "native",
    conditioning: str | None = None,
    stream_area: float = 5e6,
    report: Report = silent,
) -> TerrainSummary:
    """Read elevations, condition them, and write rasters, depressions and a record into a new folder.

    Parameters
    ----------
    dem : Path, any raster of elevations
    out : Path, folder to make; must not exist
    options : DemOptions, bounds, CRS and resolution
    engine : "native" or "whitebox"
    conditioning : "auto", "carve" or "fill"; auto for the native engine and carve for whitebox when None
    stream_area : float, m2, least drainage area of a stream
    report : told each stage as it starts

    Raises
    ------
    LeachSimError
        LS-204, LS-207, LS-209 for options, LS-212 if `out` exists, LS-301 to LS-306 for the raster, LS-310 if the
        disk is full, LS-311 if the memory does not suffice, LS-312, LS-313 from Whitebox. Nothing is left then.
    """
    from sim.io.runfolder import RunFolder
    from sim.terrain.cost import available_memory, estimate, require

    options = options or DemOptions()
    engine, conditioning = choose_engine(engine, conditioning)
    check_stream_area(stream_area)
    with RunFolder(out) as folder:
        spec = plan(dem, options)
        cells = spec.shape[0] * spec.shape[1]
        cost = estimate(
            cells,
            engine=engine,
            extra_bytes_per_cell=WRITING_BYTES_PER_CELL,
            extra_seconds_per_cell=WRITING_SECONDS_PER_CELL,
        )
        unknown = require(cost, available_memory(), where="DEM", remedy="or work in tiles with --tiled")
        folder.require_space(DISK_BYTES_FIXED + DISK_BYTES_PER_CELL * cells)
        pace = Pace(report, stage_weights(engine), cells)
        with pace(READ):
            report(READ, 0.0, cells, cost.told())
            grid = read(dem, options)
        with pace(CONDITION):
            terrain = condition(grid, engine, conditioning, progress=pace.within(CONDITION, native_steps()))
        with pace(STREAMS):
            channel, order, height = _streams(terrain, stream_area)
        numbers = _numbers(terrain, channel, order, stream_area)
        warnings = tuple(word for word in (unknown, *_warnings(terrain, channel, stream_area)) if word)
        with pace(WRITE):
            _write(folder, terrain, order, height, stream_area, pace.within(WRITE, tuple(_FILES)))
            _write_record(folder, dem, terrain, conditioning, numbers, warnings)
    label = ", ".join((LABEL, "illustrative terrain")) if terrain.grid.illustrative else LABEL
    return TerrainSummary(out, label, terrain.method, numbers, warnings, grid.notes, pace.seconds, pace.rates())


def check_stream_area(stream_area: float) -> None:
    """Refuse a threshold that is not a positive area, LS-204."""
    if not (np.isfinite(stream_area) and stream_area > 0.0):
        raise ScenarioError(
            204,
            "--stream-area",
            got=f"{stream_area / 1e6:g} km2",
            expected="Must be greater than 0 km2",
            remedy="It is the least area that a stream drains, 5 km2 for example",
        )


def stage_weights(engine: str) -> dict[str, float]:
    """Expected seconds per cell of every stage."""
    from sim.terrain.cost import SECONDS_PER_CELL

    return {
        READ: READING_SECONDS_PER_CELL,
        CONDITION: SECONDS_PER_CELL[engine],
        STREAMS: 0.06 * WRITING_SECONDS_PER_CELL,
        WRITE: 0.94 * WRITING_SECONDS_PER_CELL,
    }


def native_steps() -> tuple[str, ...]:
    """Steps that the native engine tells."""
    from sim.terrain.basins import STAGES

    return STAGES


def _streams(terrain: Terrain, stream_area: float) -> tuple[BoolArray, ByteArray, Float32Array]:
    """Stream cells, their Strahler order, and the height of every cell above its stream."""
    from sim.terrain import height_above_drainage, strahler_order

    least = stream_area / terrain.grid.cell_area
    channel = terrain.grid.valid.ravel() & (terrain.upstream_cells >= least)
    height, _, _ = height_above_drainage(terrain, channel)
    return channel, strahler_order(terrain, channel), height


def _numbers(terrain: Terrain, channel: BoolArray, order: ByteArray, stream_area: float) -> dict[str, Any]:
    from sim.terrain.compare import surface_change
    from sim.terrain.rules import DECISIONS

    grid, found = terrain.grid, terrain.depressions
    change = surface_change(terrain)
    kinds = np.bincount(terrain.direction, minlength=16)
    decided = {
        name: {
            "depressions": int(np.count_nonzero(found.decision == code)),
            "volume_m3": float(found.volume[found.decision == code].sum()),
        }
        for code, name in enumerate(DECISIONS)
        if terrain.engine == "native"  # others do not tell what they did to each
    }
    return {
        "rows": grid.shape[0],
        "columns": grid.shape[1],
        "cells": grid.elevation.size,
        "valid_cells": int(grid.valid.sum()),
        "cell_width_m": grid.cell_width,
        "cell_height_m": grid.cell_height,
        "raised_cells": change.raised_cells,
        "raised_volume_m3": change.raised_volume,
        "highest_raise_m": change.highest_raise,
        "lowered_cells": change.lowered_cells,
        "lowered_volume_m3": change.lowered_volume,
        "deepest_cut_m": change.deepest_cut,
        "depressions": decided or None,
        "outlets_edge": int(kinds[8]),
        "outlets_gap": int(kinds[9]),
        "kept_sinks": int(kinds[10]),
        "largest_upstream_area_km2": float(terrain.upstream_cells.max(initial=0)) * grid.cell_area / 1e6,
        "stream_area_km2": stream_area / 1e6,
        "stream_cells": int(np.count_nonzero(channel)),
        "largest_stream_order": int(order.max(initial=0)),
        "valleys_cut_by_edge": len(terrain.entries),
    }


def _warnings(terrain: Terrain, channel: BoolArray, stream_area: float) -> tuple[str, ...]:
    said = []
    if not channel.any():
        said.append(f"No cell drains {stream_area / 1e6:g} km2, so there are no streams and no heights above them")
    elif stream_area < 4.0 * terrain.grid.cell_area:
        said.append(
            f"A stream area of {stream_area / 1e6:g} km2 is less than four cells: most of what is drawn as streams is "
            "hillslope"
        )
    raised = terrain.raised_cells / max(int(terrain.grid.valid.sum()), 1)
    if raised > NOTABLE_SHARE:
        said.append(
            f"Filled depressions cover {100.0 * raised:.0f} % of the land; heights above streams there are those of "
            "the filled surface, near 0 whatever the ground is like. Carving keeps the ground"
        )
    if terrain.engine != "native":
        said.append("This engine does not tell what it did to each depression, so depressions.csv is empty")
    if terrain.entries:
        said.append(
            f"The edge cuts {len(terrain.entries)} valleys through which water from beyond may enter; it is not counted"
        )
    return tuple(said)


def _write(
    folder: RunFolder,
    terrain: Terrain,
    order: ByteArray,
    height: Float32Array,
    stream_area: float,
    tell: Callable[[str, float], None],
) -> None:
    from sim.io import terrain_rasters as files
    from sim.pipeline.projection import to_degrees

    said = f"{LABEL}. Elevations: {terrain.grid.label}"
    streams = f"cells that drain at least {stream_area / 1e6:g} km2"
    grid, found = terrain.grid, terrain.depressions

    def inside(name: str) -> Path:
        tell(name, 0.0)
        return folder.inside(name)

    files.write_conditioned(inside("conditioned.tif"), terrain, said)
    files.write_directions(inside("flow_direction.tif"), terrain, said)
    files.write_upstream_area(inside("upstream_area.tif"), terrain, said)
    files.write_height_above_drainage(inside("height_above_drainage.tif"), terrain, height, streams, said)
    files.write_stream_order(inside("stream_order.tif"), terrain, order, streams, said)
    longitude, latitude = to_degrees(*grid.centre(found.lowest), grid.crs_wkt)
    table = inside("depressions.csv")
    files.write_depressions(table, found, grid.cell_area, longitude, latitude, grid.shape[1])


def _write_record(
    folder: RunFolder,
    dem: Path,
    terrain: Terrain,
    conditioning: str,
    numbers: dict[str, Any],
    warnings: tuple[str, ...],
) -> None:
    """Write README.txt and terrain.json; no clock times, so that the folder repeats byte for byte."""
    from sim import __version__
    from sim.io.provenance import package_versions
    from sim.io.runfolder import sha256
    from sim.io.terrain_rasters import DIRECTION_CODES
    from sim.terrain.objects import INVALID_CODE

    folder.write_text("README.txt", _readme(terrain))
    document = {
        "leachsim": __version__,
        "packages": package_versions(),
        "label": LABEL,
        "input": {"file": dem.name, "bytes": dem.stat().st_size, "sha256": sha256(dem)},
        "elevations": terrain.grid.label,
        "crs": terrain.grid.crs_wkt,
        "engine": terrain.engine,
        "conditioning": conditioning,
        "method": terrain.method,
        "flow_direction_codes": {**DIRECTION_CODES, INVALID_CODE: "no elevation"},
        "numbers": numbers,
        "warnings": list(warnings),
        "notes": list(terrain.grid.notes),
        "files": folder.files(),
    }
    folder.write_text("terrain.json", json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _readme(terrain: Terrain) -> str:
    from sim.io.terrain_rasters import DIRECTION_CODES
    from sim.terrain.objects import INVALID_CODE

    lines = [
        f"Flow paths on {terrain.grid.label}: modelled, not measured.",
        "Conditioning is uncertainty, not truth: compare engines with `leachsim terrain compare`.",
        "",
        *(f"{name}: {words}" for name, words in _FILES.items()),
        "",
        "Codes of flow_direction.tif:",
        *(f"{code:3d}  {meaning}" for code, meaning in DIRECTION_CODES.items()),
        f"{INVALID_CODE:3d}  no elevation",
        "",
        f"Method: {terrain.method}",
    ]
    return "\n".join(lines) + "\n"

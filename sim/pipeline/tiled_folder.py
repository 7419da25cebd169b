"""Condition a raster tile by tile and write the results into a new folder, whole or not at all."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import ScenarioError
from sim.pipeline.pace import Report, silent

if TYPE_CHECKING:
    from sim.io.runfolder import RunFolder
    from sim.io.tile_store import Band, RasterElevations, Writer
    from sim.pipeline.tiled import Executor, TiledNumbers
    from sim.terrain.rules import Rules
    from sim.terrain.tiles import Layout

#: rows and columns of a tile: about 40 bytes a cell are in use at once, so 170 MB beside the program itself
TILE = 2048
SMALLEST_TILE = 64
LARGEST_TILE = 20_000
LABEL = "Modelled, not measured"
#: bytes per cell of the arrays between steps and of the results
SCRATCH_BYTES_PER_CELL = 24
RESULT_BYTES_PER_CELL = 13
_SCRATCH = ".tiles"
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a raster is cut and who works on it.

    tile : rows and columns of a tile; workers : processes, 0 for this process alone
    scheduler : address of a dask scheduler; empty for processes of this machine
    memory_limit : bytes for each worker; None for an equal share
    store : "cog" or "zarr"
    """

    tile: int = TILE
    workers: int = 2
    scheduler: str = ""
    memory_limit: int | None = None
    store: str = "cog"

    def check(self) -> None:
        """Refuse values that make no sense.

        Raises
        ------
        ScenarioError
            LS-204, LS-207, LS-209.
        """
        from sim.io.tile_store import STORES

        if not SMALLEST_TILE <= self.tile <= LARGEST_TILE:
            expected = f"Must lie between {SMALLEST_TILE} and {LARGEST_TILE} cells"
            raise ScenarioError(204, "--tile", got=str(self.tile), expected=expected, remedy=f"{TILE} suits most")
        if self.workers < 0:
            raise ScenarioError(204, "--workers", got=str(self.workers), expected="Must be 0 or more")
        if self.memory_limit is not None and self.memory_limit < 300_000_000:
            raise ScenarioError(
                204, "--memory-limit", got=str(self.memory_limit), expected="A worker needs 300 MB for itself at least"
            )
        if self.store not in STORES:
            raise ScenarioError(207, "--store", got=repr(self.store), expected=f"Must be one of {', '.join(STORES)}")
        if self.scheduler and self.memory_limit is not None:
            raise ScenarioError(
                209,
                "--memory-limit",
                got=str(self.memory_limit),
                expected="Workers of a scheduler given by --scheduler have their own limit",
                remedy="Give the limit to dask worker",
            )


def parse_size(text: str) -> int:
    """Bytes of a size as ``800MB`` or ``1.5 GB``.

    Raises
    ------
    ScenarioError
        LS-205.

    Examples
    --------
    >>> parse_size("1.5 GB")
    1500000000
    """
    bare = text.strip().upper().removesuffix("B").strip()
    unit = bare[-1:] if bare[-1:] in _UNITS else ""
    try:
        size = float(bare.removesuffix(unit)) * _UNITS[unit]
        if not 0.0 < size < 1e18:
            raise ValueError
    except ValueError as error:
        raise ScenarioError(
            205, "--memory-limit", got=repr(text), expected="Must be a size", remedy="For example 1GB or 800MB"
        ) from error
    return int(size)


@dataclass(frozen=True, slots=True)
class TiledSummary:
    """What a tiled run gave; see `sim.pipeline.tiled.TiledNumbers`."""

    folder: Path
    label: str
    method: str
    numbers: dict[str, Any]
    notes: tuple[str, ...]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Plain types for JSON."""
        return asdict(self)


def condition_tiled(
    dem: Path,
    out: Path,
    *,
    tiling: Tiling,
    conditioning: str = "auto",
    report: Report = silent,
) -> TiledSummary:
    """Condition a raster that need not fit into memory, into a new folder.

    Parameters
    ----------
    dem : Path, raster in a metric CRS; its cells are taken as they are
    out : Path, folder to make; must not exist
    tiling : Tiling
    conditioning : "auto", "carve" or "fill"
    report : told each step

    Raises
    ------
    LeachSimError
        LS-204, LS-205, LS-207, LS-209 for options, LS-212 if `out` exists, LS-301 to LS-305 for the raster, LS-310 if
        the disk is full, LS-317 if workers are lost or no scheduler answers. Nothing is left then.
    """
    from sim.io.runfolder import RunFolder
    from sim.io.tile_store import Scratch, TileFiles, make_zarr, raster_elevations
    from sim.pipeline.tiled import STEPS, drain_tiles
    from sim.pipeline.tiled_cluster import require_package
    from sim.terrain.rules import Rules
    from sim.terrain.strips import index_type
    from sim.terrain.tiles import Layout

    tiling.check()
    if tiling.store == "zarr":
        require_package("zarr", "--store")
    began = time.perf_counter()
    with RunFolder(out) as folder:
        source = raster_elevations(dem)
        layout = Layout(source.shape[0], source.shape[1], tiling.tile)
        cells = layout.rows * layout.columns
        folder.require_space((SCRATCH_BYTES_PER_CELL + RESULT_BYTES_PER_CELL) * cells)
        place = folder.path / _SCRATCH
        place.mkdir()
        scratch = Scratch(str(place.resolve()))
        rules = Rules.of(conditioning)
        bands = _bands(source, rules, conditioning)
        files = TileFiles(scratch)
        writer: Writer = files
        if tiling.store == "zarr":
            said = {band.result.replace("direction", "flow_direction"): band.description for band in bands.values()}
            writer = make_zarr(folder.path / "terrain.zarr", layout, source, index_type(cells)[0], said)

        def tell(step: str, share: float) -> None:
            report("conditioning in tiles", 0.9 * (STEPS.index(step) + share) / len(STEPS), cells, step)

        with _executor(tiling) as executor:
            numbers = drain_tiles(source, layout, scratch, writer, executor=executor, rules=rules, progress=tell)
        if tiling.store == "cog":
            _write_cogs(folder, place, layout, source, bands, files, report)
        scratch.remove()
        method = _method(conditioning, rules)
        table = _numbers(numbers, source, layout)
        _write_record(folder, dem, source, tiling, method, table, bands)
    return TiledSummary(out, LABEL, method, table, source.notes, time.perf_counter() - began)


@contextmanager
def _executor(tiling: Tiling) -> Iterator[Executor]:
    """Whoever runs the jobs; kernels are compiled before workers start, for they share the cache."""
    from sim.pipeline.tiled import Serial
    from sim.pipeline.tiled_cluster import cluster_at, local_cluster

    if tiling.workers == 0 and not tiling.scheduler:
        yield Serial()
        return
    warm()
    opened = cluster_at(tiling.scheduler) if tiling.scheduler else local_cluster(tiling.workers, tiling.memory_limit)
    with opened as cluster:
        yield cluster


def warm() -> None:
    """Compile and cache every kernel of a tiled run on a tiny surface."""
    import tempfile

    from sim.io.tile_store import ArrayElevations, Scratch, TileFiles
    from sim.pipeline.tiled import Serial, drain_tiles
    from sim.terrain.rules import Rules
    from sim.terrain.tiles import Layout

    # level ground with and without a way out across tiles, hollows within and across them
    surface = np.array(
        [
            [9, 9, 9, 9, 9, 9, 9],
            [9, 2, 2, 2, 2, 2, 9],
            [9, 9, 9, 9, 9, 9, 9],
            [9, 3, 8, 5, 5, 5, 5],
            [9, 9, 9, 9, 9, 9, 9],
        ]
    ).astype(np.float32)
    surface = np.tile(surface, (2, 2))
    layout = Layout(surface.shape[0], surface.shape[1], 3)
    valid = np.ones(surface.shape, dtype=np.bool_)
    valid[-1, -1] = False
    with tempfile.TemporaryDirectory(prefix="leachsim-") as folder:
        scratch = Scratch(folder)
        for flags in (valid, None):
            drain_tiles(
                ArrayElevations(surface, flags), layout, scratch, TileFiles(scratch),
                executor=Serial(), rules=Rules.of("auto"),
            )  # fmt: skip


def _bands(source: RasterElevations, rules: Rules, conditioning: str) -> dict[str, Band]:
    from sim.io.cog import NODATA
    from sim.io.terrain_rasters import DIRECTION_CODES
    from sim.io.tile_store import Band
    from sim.terrain.objects import INVALID_CODE

    said = f"{LABEL}. Elevations: {Path(source.path).name}"
    listed = ", ".join(f"{code} = {meaning}" for code, meaning in DIRECTION_CODES.items())
    width, height = source.cell_size
    return {
        "conditioned.tif": Band(
            "conditioned elevation (m)", "m",
            f"Elevation after conditioning: {_method(conditioning, rules)}. {said}", NODATA, "float32", "conditioned",
        ),
        "flow_direction.tif": Band(
            "flow direction (code)", "1",
            f"One of eight neighbours: {listed}, {INVALID_CODE} = no elevation (nodata). {said}",
            float(INVALID_CODE), "uint8", "direction",
        ),
        "upstream_area.tif": Band(
            "upstream area (km2)", "km2",
            "Area that drains through each cell, the cell included, of this terrain alone. Rounded to seven digits. "
            f"Overviews take single cells. {said}",
            NODATA, "float32", "upstream_cells", width * height / 1e6,
        ),
    }  # fmt: skip


def _method(conditioning: str, rules: Rules) -> str:
    words = {
        "auto": f"depressions at most {rules.carve_depth:g} m deep carved, deeper ones filled",
        "carve": "depressions carved open over their lowest passes",
        "fill": "depressions filled to their lowest passes",
    }
    return (
        f"basins joined over their lowest passes, {words[conditioning]}; D8 by steepest slope with true distances, "
        "ties in the order E, SE, S, SW, W, NW, N, NE; worked on in tiles, with the same result as in memory"
    )


def _write_cogs(
    folder: RunFolder,
    scratch: Path,
    layout: Layout,
    source: RasterElevations,
    bands: dict[str, Band],
    files: Any,
    report: Report,
) -> None:
    from sim.io.tile_store import write_tiled_cog

    for i, (name, band) in enumerate(bands.items()):
        report("writing rasters", 0.9 + 0.1 * i / len(bands), layout.rows * layout.columns, name)
        write_tiled_cog(folder.inside(name), scratch, layout, source, band, files)


def _numbers(numbers: TiledNumbers, source: RasterElevations, layout: Layout) -> dict[str, Any]:
    width, height = source.cell_size
    edge, gap, kept = numbers.outlets
    _, filled, carved = numbers.decided
    return {
        "rows": layout.rows,
        "columns": layout.columns,
        "valid_cells": numbers.valid_cells,
        "cell_width_m": width,
        "cell_height_m": height,
        "tile": layout.size,
        "tiles": layout.count,
        "raised_cells": numbers.raised_cells,
        "highest_raise_m": numbers.highest_raise,
        "lowered_cells": numbers.lowered_cells,
        "deepest_cut_m": numbers.deepest_cut,
        "depressions_filled": filled,
        "depressions_carved": carved,
        "outlets_edge": edge,
        "outlets_gap": gap,
        "kept_sinks": kept,
        "largest_upstream_area_km2": numbers.largest_upstream * width * height / 1e6,
        "border_basins": numbers.border_basins,
        "rounds_of_level_ground": numbers.rounds,
    }


def _write_record(
    folder: RunFolder,
    dem: Path,
    source: RasterElevations,
    tiling: Tiling,
    method: str,
    numbers: dict[str, Any],
    bands: dict[str, Band],
) -> None:
    """Write terrain.json; no clock times, so that the folder repeats byte for byte for any workers."""
    from sim import __version__
    from sim.io.provenance import package_versions
    from sim.io.runfolder import sha256

    document = {
        "leachsim": __version__,
        "packages": package_versions(),
        "label": LABEL,
        "input": {"file": dem.name, "bytes": dem.stat().st_size, "sha256": sha256(dem)},
        "crs": source.crs_wkt,
        "engine": "native, in tiles",
        "method": method,
        "numbers": numbers,
        "notes": list(source.notes),
        "store": tiling.store,
        "about": {band.name: band.description for band in bands.values()},
        "files": folder.files(),
    }
    folder.write_text("terrain.json", json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")

"""Terrain in tiles beside the same terrain in memory: seconds, peak memory of the workers, equality cell for cell.

python benchmarks/tiled_terrain.py --cells 10000 --tile 2048 --workers 2 1 --memory-limit 1GB
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio

from sim.io.tile_store import RasterElevations, Scratch, TileFiles, raster_elevations
from sim.pipeline.tiled import drain_tiles
from sim.pipeline.tiled_cluster import local_cluster
from sim.pipeline.tiled_folder import parse_size, warm
from sim.terrain.basins import drain
from sim.terrain.rules import Rules
from sim.terrain.tiles import Layout

#: cells between the knots of each layer of hills, and their height in m
LAYERS = ((2000, 400.0), (700, 150.0), (200, 50.0), (60, 15.0), (20, 5.0), (6, 1.5))
SEA = 900.0


def peak_memory() -> float:
    """Most memory this process has held, MB (Linux counts in kB, macOS in bytes)."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def write_ground(path: Path, cells: int) -> None:
    """Write hills of many sizes with a sea, a gap, and heights rounded to decimetres."""
    rng = np.random.Generator(np.random.PCG64(3))
    knots = [rng.normal(0.0, height, (cells // step + 2,) * 2).astype(np.float32) for step, height in LAYERS]
    where = rasterio.Affine(30.0, 0.0, 300_000.0, 0.0, -30.0, 2_800_000.0)
    profile = {"driver": "GTiff", "height": cells, "width": cells, "count": 1, "dtype": "float32", "tiled": True}
    with rasterio.open(path, "w", **profile, crs="EPSG:32647", transform=where, nodata=-9999.0) as dataset:
        for top in range(0, cells, 512):
            rows = np.arange(top, min(top + 512, cells))
            z = rng.normal(1500.0, 0.5, (rows.size, cells)).astype(np.float32)
            for (step, _), heights in zip(LAYERS, knots, strict=True):
                across = np.arange(cells) / step
                left = across.astype(int)
                share = (across - left).astype(np.float32)
                lines = heights[:, left] * (1 - share) + heights[:, left + 1] * share
                upper = rows // step
                part = (rows / step - upper).astype(np.float32)[:, None]
                z += lines[upper] * (1 - part) + lines[upper + 1] * part
            z = np.maximum(z.round(1), np.float32(SEA))
            z[rows < cells // 10, : cells // 8] = -9999.0
            dataset.write(z, 1, window=rasterio.windows.Window(0, top, cells, rows.size))


def in_tiles(
    source: RasterElevations, layout: Layout, folder: Path, workers: int, memory_limit: int
) -> tuple[dict[str, object], TileFiles]:
    """Seconds, by step too, and peak memory; and the results."""
    files = TileFiles(Scratch(str(folder)))
    steps: dict[str, list[float]] = {}

    def tell(step: str, _: float) -> None:
        now = time.perf_counter()
        steps.setdefault(step, [now, now])[1] = now

    with local_cluster(workers, memory_limit) as cluster:
        start = time.perf_counter()
        drain_tiles(source, layout, files.scratch, files, executor=cluster, rules=Rules.of("auto"), progress=tell)
        seconds = time.perf_counter() - start
        peaks = cluster.client.run(peak_memory)
    spent = {step: round(last - first, 2) for step, (first, last) in steps.items()}
    found = {
        "workers": workers,
        "seconds": round(seconds, 1),
        "steps": spent,
        "worker_peak_MB": round(max(peaks.values())),
    }
    return {**found, "driver_peak_MB": round(peak_memory())}, files


def differs(source: RasterElevations, layout: Layout, files: TileFiles) -> dict[str, object]:
    """Seconds and memory of the run in memory, and the number of cells in which the results differ."""
    elevation, valid = source.read((0, layout.rows, 0, layout.columns))
    width, height = source.cell_size
    start = time.perf_counter()
    memory = drain(elevation, valid, cell_width=width, cell_height=height, measure=False)
    seconds = time.perf_counter() - start
    shape = elevation.shape
    assert memory.conditioned is not None
    unequal = 0
    for number in range(layout.count):
        tile = layout.tile(number)
        top, bottom, left, right = tile.box
        cut = slice(top, bottom), slice(left, right)
        found = files.read(tile)
        good = True if valid is None else valid[cut]
        unequal += np.count_nonzero(
            (found["direction"] != memory.direction.reshape(shape)[cut])
            | (found["upstream_cells"] != memory.upstream_cells.reshape(shape)[cut])
            | (good & (found["conditioned"] != memory.conditioned[cut]))
        )
    return {"in_memory_seconds": round(seconds, 1), "peak_MB": round(peak_memory()), "cells_that_differ": int(unequal)}


def main() -> None:
    """Measure and print one JSON document per run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=10_000, help="rows and columns")
    parser.add_argument("--tile", type=int, default=2048)
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 1])
    parser.add_argument("--memory-limit", default="1GB")
    parser.add_argument("--folder", type=Path, default=None, help="where about 40 bytes per cell are free")
    given = parser.parse_args()
    warm()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        dem = Path(folder) / "dem.tif"
        write_ground(dem, given.cells)
        source = raster_elevations(dem)
        layout = Layout(given.cells, given.cells, given.tile)
        files: TileFiles | None = None
        for workers in given.workers:
            place = Path(folder) / f"workers-{workers}"
            place.mkdir()
            found, files = in_tiles(source, layout, place, workers, parse_size(given.memory_limit))
            print(json.dumps({"cells": given.cells**2, "tile": given.tile, **found}), flush=True)
        if files is not None:
            print(json.dumps(differs(source, layout, files)))


if __name__ == "__main__":
    main()

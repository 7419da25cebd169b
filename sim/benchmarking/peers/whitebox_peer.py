"""whitebox-workflows 2 (Rust): fill or least-cost breach, D8 pointer, accumulation; elevation above stream.

Timed: the tools' calls, all in memory. Not timed: writing and reading the raster they start from, the copy back. It can
take the interpreter down with it, which is one reason why every entrant runs in a process of its own.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import whitebox_workflows

from sim.benchmarking.landscapes import grid_of, stored
from sim.benchmarking.objects import Work
from sim.benchmarking.tasks.terrain import CHANNEL_CELLS, require_all_cells, require_heights
from sim.io.plain import write_raster

_NODATA = -9999.0
_BREACH_CELLS = 100


class _Engine:
    """One environment and one raster read into it."""

    def __init__(self, side: int, kind: str, folder: Path) -> None:
        self.environment = whitebox_workflows.WbEnvironment()
        path = folder / f"whitebox-{kind}-{side}-{os.getpid()}.tif"  # read lazily, so it must stay
        z = stored(side, kind, folder)
        write_raster(path, z, grid_of(z), _NODATA)
        self.dem = self.environment.read_raster(str(path))
        self.size = z.size

    def fill(self) -> Any:
        return self.environment.hydrology.depressions_storage.fill_depressions(dem=self.dem)

    def breach(self) -> Any:
        tools = self.environment.hydrology.depressions_storage
        return tools.breach_depressions_least_cost(dem=self.dem, max_dist=_BREACH_CELLS, fill_deps=True)

    def route(self, surface: Any) -> tuple[Any, Any]:
        tools = self.environment.hydrology.flow_routing
        pointer = tools.d8_pointer(dem=surface)
        return pointer, tools.d8_flow_accum(input=pointer, out_type="cells", input_is_pointer=True)

    def check(self, answer: Any) -> None:
        pointer, cells = (raster.to_numpy(dtype="float64") for raster in answer)
        require_all_cells(float(cells[pointer == 0.0].sum()), self.size)


def _fill(side: int, kind: str, folder: Path) -> Work:
    engine = _Engine(side, kind, folder)
    return Work(engine.size, lambda: engine.route(engine.fill()), engine.check)


def _breach(side: int, kind: str, folder: Path) -> Work:
    engine = _Engine(side, kind, folder)
    return Work(engine.size, lambda: engine.route(engine.breach()), engine.check)


def fill_rough(size: int, folder: Path) -> Work:
    """Fill, rough ground."""
    return _fill(size, "rough", folder)


def fill_smooth(size: int, folder: Path) -> Work:
    """Fill, smooth ground."""
    return _fill(size, "smooth", folder)


def breach_rough(size: int, folder: Path) -> Work:
    """Least-cost breach, then fill, rough ground."""
    return _breach(size, "rough", folder)


def breach_smooth(size: int, folder: Path) -> Work:
    """Least-cost breach, then fill, smooth ground."""
    return _breach(size, "smooth", folder)


def height(size: int, folder: Path) -> Work:
    """Elevation above stream; surface and streams made before."""
    engine = _Engine(size, "smooth", folder)
    surface = engine.fill()
    _, cells = engine.route(surface)
    threshold = float(CHANNEL_CELLS)
    streams = engine.environment.streams.extract_streams(flow_accumulation=cells, threshold=threshold)
    channel = streams.to_numpy(dtype="float64") > 0.0

    def run() -> Any:
        return engine.environment.hydrology.hydrologic_indices.elevation_above_stream(dem=surface, streams=streams)

    def check(answer: Any) -> None:
        above = answer.to_numpy(dtype="float64")
        require_heights(np.where(above < _NODATA + 1.0, np.nan, above), channel)

    return Work(engine.size, run, check)

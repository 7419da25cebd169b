"""py-richdem (imports as ``richdem``, a C++ engine): epsilon fill or complete breach, then D8 accumulation.

Timed: filling or breaching, flats, accumulation, in which its directions are made. Not timed: the copy to float64,
which its epsilon needs. Its D8 goes to the lowest neighbour without regard to distance; its frame is all outlet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import richdem

from sim.benchmarking.landscapes import stored
from sim.benchmarking.objects import Work
from sim.benchmarking.peers._checks import frame_sum
from sim.benchmarking.tasks.terrain import require_all_cells

_NODATA = -9999.0


def _array(side: int, kind: str, folder: Path) -> Any:
    raster = richdem.rdarray(stored(side, kind, folder).astype(np.float64), no_data=_NODATA)
    raster.geotransform = (0.0, 10.0, 0.0, 0.0, 0.0, -10.0)
    return raster


def _check(answer: Any) -> None:
    cells = np.asarray(answer)
    require_all_cells(frame_sum(cells), cells.size)


def _fill(side: int, kind: str, folder: Path) -> Work:
    raster = _array(side, kind, folder)

    def run() -> Any:
        filled = richdem.FillDepressions(raster, epsilon=True, in_place=False)
        return richdem.FlowAccumulation(filled, method="D8")

    return Work(raster.size, run, _check)


def _breach(side: int, kind: str, folder: Path) -> Work:
    raster = _array(side, kind, folder)

    def run() -> Any:
        breached = richdem.BreachDepressions(raster, in_place=False)
        richdem.ResolveFlats(breached, in_place=True)
        return richdem.FlowAccumulation(breached, method="D8")

    return Work(raster.size, run, _check)


def fill_rough(size: int, folder: Path) -> Work:
    """Epsilon fill, rough ground."""
    return _fill(size, "rough", folder)


def fill_smooth(size: int, folder: Path) -> Work:
    """Epsilon fill, smooth ground."""
    return _fill(size, "smooth", folder)


def breach_rough(size: int, folder: Path) -> Work:
    """Complete breach, rough ground."""
    return _breach(size, "rough", folder)


def breach_smooth(size: int, folder: Path) -> Work:
    """Complete breach, smooth ground."""
    return _breach(size, "smooth", folder)

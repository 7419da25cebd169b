"""topotoolbox (C engine): flow object (fill, flats, carve, D8, topological order) and accumulation, which is float32.

Timed: ``FlowObject`` and ``flow_accumulation``. Sums of single precision may miss a thousandth.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import topotoolbox

from sim.benchmarking.landscapes import CELL, stored
from sim.benchmarking.objects import Work
from sim.benchmarking.tasks.terrain import require_all_cells

_SINGLE_PRECISION = 1e-3


def _route(side: int, kind: str, folder: Path) -> Work:
    z = stored(side, kind, folder)
    ground = topotoolbox.GridObject()
    ground.z = z
    ground.cellsize = CELL

    def run() -> Any:
        flow = topotoolbox.FlowObject(ground)
        return flow, flow.flow_accumulation()

    def check(answer: Any) -> None:
        flow, cells = answer
        leaving = np.ones(z.shape, dtype=np.bool_)
        leaving[flow.source_indices] = False
        drained = np.asarray(cells.z)[leaving].sum(dtype=np.float64)
        require_all_cells(float(drained), z.size, _SINGLE_PRECISION)

    return Work(z.size, run, check)


def route_rough(size: int, folder: Path) -> Work:
    """Rough ground."""
    return _route(size, "rough", folder)


def route_smooth(size: int, folder: Path) -> Work:
    """Smooth ground."""
    return _route(size, "smooth", folder)

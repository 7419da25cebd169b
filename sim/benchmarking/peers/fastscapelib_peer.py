"""fastscapelib (C++): single-direction flow with sinks resolved by priority flood or by a spanning forest of basins.

Timed: ``update_routes`` (directions, sinks, order) and ``accumulate``. Not timed: copy to float64, making the graph.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fastscapelib
import numpy as np

from sim.benchmarking.landscapes import CELL, stored
from sim.benchmarking.memory import status_bytes
from sim.benchmarking.objects import Work
from sim.benchmarking.tasks.terrain import require_all_cells


def _route(side: int, kind: str, folder: Path, operators: list[Any]) -> Work:
    z = stored(side, kind, folder).astype(np.float64)
    before = status_bytes("VmRSS")
    grid = fastscapelib.RasterGrid(z.shape, [CELL, CELL], fastscapelib.NodeStatus.FIXED_VALUE)
    graph = fastscapelib.FlowGraph(grid, operators)
    held = max(status_bytes("VmRSS") - before, 0)

    def run() -> Any:
        graph.update_routes(z)
        return graph.accumulate(1.0)

    def check(answer: Any) -> None:
        receivers = graph.impl().receivers[:, 0]
        leaving = receivers == np.arange(receivers.size)
        cells = np.ravel(answer)[leaving].sum(dtype=np.float64) / CELL**2
        # the graph does not keep its grid alive; naming it here does, else the next call crashes
        require_all_cells(float(cells), grid.size, 1e-9)

    return Work(z.size, run, check, held=held)


def _flood(side: int, kind: str, folder: Path) -> Work:
    return _route(side, kind, folder, [fastscapelib.PFloodSinkResolver(), fastscapelib.SingleFlowRouter()])


def _forest(side: int, kind: str, folder: Path) -> Work:
    return _route(side, kind, folder, [fastscapelib.SingleFlowRouter(), fastscapelib.MSTSinkResolver()])


def flood_rough(size: int, folder: Path) -> Work:
    """Priority flood, rough ground."""
    return _flood(size, "rough", folder)


def flood_smooth(size: int, folder: Path) -> Work:
    """Priority flood, smooth ground."""
    return _flood(size, "smooth", folder)


def forest_rough(size: int, folder: Path) -> Work:
    """Spanning forest with carving, rough ground."""
    return _forest(size, "rough", folder)


def forest_smooth(size: int, folder: Path) -> Work:
    """Spanning forest with carving, smooth ground."""
    return _forest(size, "smooth", folder)

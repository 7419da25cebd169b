"""pyflwdir (numba): fill with D8 from the flood order, then upstream cells; height above drainage.

Timed: ``dem.fill_depressions`` (gives directions too), ``from_array``, ``upstream_area``; or ``hand`` alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyflwdir

from sim.benchmarking.landscapes import stored
from sim.benchmarking.objects import Work
from sim.benchmarking.tasks.terrain import CHANNEL_CELLS, require_all_cells, require_heights

_NODATA = -9999.0


def _flow(z: Any) -> tuple[Any, Any, Any]:
    filled, direction = pyflwdir.dem.fill_depressions(z, nodata=_NODATA)
    flow = pyflwdir.from_array(direction, ftype="d8", check_ftype=False)
    return filled, flow, flow.upstream_area("cell")


def _route(side: int, kind: str, folder: Path) -> Work:
    z = stored(side, kind, folder)

    def check(answer: Any) -> None:
        _, flow, cells = answer
        require_all_cells(float(np.ravel(cells)[flow.idxs_pit].sum(dtype=np.float64)), z.size)

    return Work(z.size, lambda: _flow(z), check)


def route_rough(size: int, folder: Path) -> Work:
    """Rough ground."""
    return _route(size, "rough", folder)


def route_smooth(size: int, folder: Path) -> Work:
    """Smooth ground."""
    return _route(size, "smooth", folder)


def height(size: int, folder: Path) -> Work:
    """Height above drainage; flow paths made before."""
    z = stored(size, "smooth", folder)
    filled, flow, cells = _flow(z)
    channel = cells > CHANNEL_CELLS

    def check(answer: Any) -> None:
        above = np.where(np.asarray(answer) == _NODATA, np.nan, answer)
        require_heights(above, channel)

    return Work(z.size, lambda: flow.hand(channel, filled), check)

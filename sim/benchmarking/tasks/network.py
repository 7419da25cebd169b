"""River network: channels of a conditioned terrain cut into nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sim.benchmarking.landscapes import grid_of, stored
from sim.benchmarking.objects import OURS, Entrant, Task, Work, WrongAnswer
from sim.network import build_network, drainage_area
from sim.terrain import condition_native

_CHANNEL_CELLS = 200.0
_LONGEST = 500.0
_NOTHING = np.empty(0, dtype=np.int64)


def build(size: int, folder: Path) -> Work:
    """Channels of size x size cells of smooth ground."""
    terrain = condition_native(grid_of(stored(size, "smooth", folder)))
    total = drainage_area(terrain, _NOTHING, np.empty(0))
    threshold = _CHANNEL_CELLS * terrain.grid.cell_area
    channel = total >= threshold
    leaving = channel & (terrain.receiver == -1)

    def run() -> Any:
        return build_network(
            terrain,
            total,
            threshold,
            break_cells=_NOTHING,
            inflow_cells=_NOTHING,
            inflow_areas=np.empty(0),
            max_length=_LONGEST,
            sinuosity=1.2,
        )

    def check(network: Any) -> None:
        if network.channel_cell.size != int(channel.sum()):
            raise WrongAnswer(f"{network.channel_cell.size} channel cells, not {int(channel.sum())}")
        if not np.isclose(network.area[network.outlets].sum(), total[leaving].sum(), rtol=1e-12):
            raise WrongAnswer("the outlets do not drain the area of the channels that leave")

    return Work(total.size, run, check)


def _square(size: int) -> int:
    return size * size


TASKS = (
    Task(
        "network build",
        "channels of a conditioned terrain to a topologically numbered network, smooth ground",
        "cell",
        9.0,
        "drainage area 8 and direction 1 read",
        100,
        _square,
        (Entrant(OURS, "sim.benchmarking.tasks.network:build", OURS, 120.0),),
    ),
)

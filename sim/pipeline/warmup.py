"""Compile and cache every kernel ahead of the first run."""

from __future__ import annotations

import time
from collections.abc import Callable

#: smallest scenario that passes through every kernel of a terrain run: the embedded terrain on a coarse grid
_OVERRIDES = ("terrain.resolution=1500", "network.stream_area=50e6", "terrain.hillslope_routing=dinf")


def warmup(progress: Callable[[str], None] | None = None) -> float:
    """Run two shipped scenarios, Kachin on a coarse grid, so that every kernel is compiled and cached.

    Parameters
    ----------
    progress : called with the name of each stage

    Returns
    -------
    seconds it took
    """
    from sim.pipeline.run import simulate
    from sim.scenario.load import load_scenario
    from sim.scenario.shipped import library

    start = time.perf_counter()
    shipped = library()
    say = progress or (lambda _: None)
    simulate(load_scenario(shipped["kachin"], _OVERRIDES), say)
    simulate(load_scenario(shipped["channel-decay"]), say)
    return time.perf_counter() - start

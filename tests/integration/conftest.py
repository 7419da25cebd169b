"""Results computed once for all integration tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from sim.pipeline.result import Result
from sim.pipeline.run import simulate
from sim.scenario.load import load_scenario

KACHIN = Path(__file__).resolve().parents[2] / "scenarios" / "kachin" / "scenario.toml"


@cache
def _computed(*overrides: str) -> Result:
    return simulate(load_scenario(KACHIN, overrides))


@pytest.fixture(scope="session")
def kachin() -> Callable[..., Result]:
    """Compute the shipped Kachin scenario with overrides; equal calls share one result."""
    return _computed


@pytest.fixture(scope="session")
def real_dem(shared_reference: Path) -> str:
    """Override that takes the real elevation model instead of the embedded terrain."""
    return f"terrain.dem={shared_reference / 'kachin' / 'dem_kachin_15s.tif'}"


def node_at(result: Result, longitude: float, latitude: float) -> int:
    """Node that the flow path from a place enters."""
    from sim.network import snap
    from sim.pipeline.projection import to_metres

    assert result.terrain is not None
    x, y = to_metres([longitude], [latitude], result.terrain.grid.crs_wkt)
    return int(snap(result.terrain, result.network, x, y).node[0])


def first_confluence(result: Result, start: int, factor: float) -> tuple[int, int, int]:
    """Walk down from `start` to where the drainage area first grows more than `factor` fold.

    Returns
    -------
    last node before, largest other donor, node at the confluence
    """
    network = result.network
    path = network.path_from(start)
    for here, there in pairwise(path):
        if network.area_in[there] > factor * network.area[here]:
            donors = np.flatnonzero(network.down == there)
            others = donors[donors != here]
            return int(here), int(others[np.argmax(network.area[others])]), int(there)
    raise AssertionError("no such confluence on the way down")

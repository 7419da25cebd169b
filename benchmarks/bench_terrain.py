"""Terrain conditioning and network building at sizes that show growth. Run: pytest benchmarks/bench_terrain.py"""

from __future__ import annotations

from typing import Any

import pytest
from cases import network_case, terrain_case


@pytest.mark.parametrize("rough", [False, True], ids=["smooth", "rough"])
@pytest.mark.parametrize("size", [300, 1000, 2000])
def test_condition(benchmark: Any, size: int, rough: bool) -> None:
    """Carve, D8, order and accumulation of size x size cells."""
    case = terrain_case(size, rough=rough)
    case.check(case.work())
    benchmark.extra_info["items"] = case.items
    case.check(benchmark(case.work))


@pytest.mark.parametrize("size", [300, 1000, 2000])
def test_network(benchmark: Any, size: int) -> None:
    """Channels of size x size cells cut into nodes."""
    case = network_case(size)
    case.check(case.work())
    benchmark.extra_info["items"] = case.items
    case.check(benchmark(case.work))

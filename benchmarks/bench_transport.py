"""Steady transport at sizes that show growth, beside the triad. Run: pytest benchmarks/bench_transport.py"""

from __future__ import annotations

from typing import Any

import pytest
from cases import transport_case, triad_case


def test_triad(benchmark: Any) -> None:
    """Streaming reference."""
    case = triad_case()
    case.check(case.work())
    benchmark.extra_info["items"] = case.items
    case.check(benchmark(case.work))


@pytest.mark.parametrize("nodes", [1_000, 10_000, 50_000])
def test_steady(benchmark: Any, nodes: int) -> None:
    """Twelve months, four substances."""
    case = transport_case(nodes)
    case.check(case.work())
    benchmark.extra_info["items"] = case.items
    case.check(benchmark(case.work))

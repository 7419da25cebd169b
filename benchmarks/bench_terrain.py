"""Elevations to flow paths and height above drainage, with whatever peers are installed.

Run: `pytest benchmarks/bench_terrain.py`; sizes grow with `--preset standard`.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.benchmarking.objects import Entrant, Job

AREA = "terrain"


def test_terrain(timed: Callable[[Job, Entrant], None], job: Job, entrant: Entrant) -> None:
    """One task at one size by one entrant, warmed up, its answer checked."""
    timed(job, entrant)

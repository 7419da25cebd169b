"""Channels of a conditioned terrain cut into a network.

Run: `pytest benchmarks/bench_network.py`; sizes grow with `--preset standard`.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.benchmarking.objects import Entrant, Job

AREA = "network"


def test_network(timed: Callable[[Job, Entrant], None], job: Job, entrant: Entrant) -> None:
    """One task at one size by one entrant, warmed up, its answer checked."""
    timed(job, entrant)

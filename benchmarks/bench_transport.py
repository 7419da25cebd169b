"""Substances through a river network, with scipy beside it; a pulse through a channel.

Run: `pytest benchmarks/bench_transport.py`; sizes grow with `--preset standard`.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.benchmarking.objects import Entrant, Job

AREA = "transport"


def test_transport(timed: Callable[[Job, Entrant], None], job: Job, entrant: Entrant) -> None:
    """One task at one size by one entrant, warmed up, its answer checked."""
    timed(job, entrant)

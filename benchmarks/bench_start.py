"""Starting up: import, help, first call with and without compiled kernels.

Run: `pytest benchmarks/bench_start.py`; sizes grow with `--preset standard`.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.benchmarking.objects import Entrant, Job

AREA = "start"


def test_start(timed: Callable[[Job, Entrant], None], job: Job, entrant: Entrant) -> None:
    """One task at one size by one entrant, warmed up, its answer checked."""
    timed(job, entrant)

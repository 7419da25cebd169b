"""What the machine can do: streams and dependent loads, against which the others are to be seen.

Run: `pytest benchmarks/bench_machine.py`; sizes grow with `--preset standard`.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.benchmarking.objects import Entrant, Job

AREA = "machine"


def test_machine(timed: Callable[[Job, Entrant], None], job: Job, entrant: Entrant) -> None:
    """One task at one size by one entrant, warmed up, its answer checked."""
    timed(job, entrant)

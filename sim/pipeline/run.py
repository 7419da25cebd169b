"""Run a scenario: compute every stage in order, then write the run folder whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sim.pipeline.summary import RunSummary, summarise

if TYPE_CHECKING:
    from sim.pipeline.result import Result
    from sim.scenario.models import Scenario

Progress = Callable[[str], None]


def _silent(_: str) -> None:
    """Progress callback for callers that want none."""


class Stages:
    """Names each stage to the caller and keeps its duration."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.timings: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time one stage."""
        self.progress(name)
        start = time.perf_counter()
        yield
        self.timings[name] = self.timings.get(name, 0.0) + time.perf_counter() - start


def simulate(scenario: Scenario, progress: Progress = _silent) -> Result:
    """Compute every stage of a scenario and return the Result; nothing is written.

    Raises
    ------
    LeachSimError
        Scenario, data or balance error, with place, value and remedy.
    """
    stages = Stages(progress)
    if scenario.kind == "channel":
        from sim.pipeline.channel import simulate_channel

        result = simulate_channel(scenario, stages)
    else:
        from sim.pipeline.landscape import simulate_landscape

        result = simulate_landscape(scenario, stages)
    return replace(result, timings=stages.timings)


def run(scenario: Scenario, out: Path, *, progress: Progress | None = None, threads: int | None = None) -> RunSummary:
    """Run a scenario and write its run folder.

    Parameters
    ----------
    scenario : Scenario
    out : Path, folder to make; must not exist
    progress : called with the name of each stage as it starts
    threads : int, number of threads of parallel kernels; the answer does not depend on it

    Returns
    -------
    RunSummary with the paths of folder, map and report

    Raises
    ------
    LeachSimError
        As for `simulate`; LS-212 if `out` exists, LS-310 if the disk is full. Nothing is left behind then.
    """
    from sim.io.provenance import clock
    from sim.io.runfolder import RunFolder
    from sim.pipeline.check import estimate
    from sim.pipeline.outputs import write_outputs

    if threads is not None:
        import numba

        numba.set_num_threads(max(1, min(threads, int(numba.config.NUMBA_NUM_THREADS))))  # type: ignore[attr-defined]
    started = clock()
    with RunFolder(out) as folder:
        folder.require_space(estimate(scenario).disk_bytes)
        result = simulate(scenario, progress or _silent)
        stages = Stages(progress or _silent)
        stages.timings.update(result.timings)
        summary = summarise(result)
        files = write_outputs(result, summary, folder, stages, started)
    final = Path(out)
    return replace(
        summary,
        timings=stages.timings,
        folder=final,
        map=final / "map.html" if "map.html" in files else None,
        report=final / "report.html" if "report.html" in files else None,
    )

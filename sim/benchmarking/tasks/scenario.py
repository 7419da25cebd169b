"""Whole scenarios, from the file to the written run folder."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from sim.benchmarking.objects import OURS, Entrant, Task, Work, WrongAnswer

_COARSE = ("terrain.resolution=1500", "network.stream_area=50e6")


def _kachin(folder: Path, overrides: tuple[str, ...]) -> Work:
    from sim.pipeline.run import run as run_pipeline
    from sim.scenario.load import load_scenario
    from sim.scenario.shipped import library

    scenario = load_scenario(library()["kachin"], overrides)
    # made here and kept: temporary folders go when the process ends
    place = Path(tempfile.mkdtemp(prefix="kachin-", dir=folder))

    def run() -> Any:
        out = place / "run"
        shutil.rmtree(out, ignore_errors=True)
        return run_pipeline(scenario, out)

    def check(summary: Any) -> None:
        if not (summary.folder / "report.html").is_file():
            raise WrongAnswer("the run wrote no report")
        shutil.rmtree(summary.folder)

    return Work(1, run, check, _timings)


def kachin(size: int, folder: Path) -> Work:
    """The shipped scenario as it stands; at size 0 on a coarse grid, to warm up."""
    return _kachin(folder, () if size else _COARSE)


def kachin_coarse(size: int, folder: Path) -> Work:
    """The shipped scenario on a grid of 1.5 km: every stage computed, nothing written."""
    from sim.pipeline.run import simulate
    from sim.scenario.load import load_scenario
    from sim.scenario.shipped import library

    scenario = load_scenario(library()["kachin"], _COARSE)

    def check(result: Any) -> None:
        worst = float(result.budget.relative_error.max())
        if not worst < 1e-9:
            raise WrongAnswer(f"budget error {worst:g}")

    return Work(1, lambda: simulate(scenario), check, _timings)


def _timings(answer: Any) -> dict[str, float]:
    return {str(name): float(seconds) for name, seconds in answer.timings.items()}


def _one(size: int) -> int:
    return 1


def _task(name: str, sentence: str, function: str, tiny: int) -> Task:
    entrant = Entrant(OURS, f"sim.benchmarking.tasks.scenario:{function}")
    return Task(name, sentence, "run", 0.0, "", tiny, _one, (entrant,))


TASKS = (
    _task("scenario kachin coarse", "every stage of kachin on a grid of 1.5 km, nothing written", "kachin_coarse", 1),
    _task("scenario kachin", "leachsim run kachin, files written", "kachin", 0),
)

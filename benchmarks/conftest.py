"""Which sizes the benchmark files run: `pytest benchmarks/bench_*.py --preset smoke` (default), standard or full."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sim.benchmarking.objects import OURS, Entrant, Job
from sim.benchmarking.presets import PRESETS, plan
from sim.benchmarking.session import NoTimes, version_of
from sim.benchmarking.tasks import make_work


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --preset."""
    default = os.environ.get("LEACHSIM_BENCH_PRESET", "smoke")
    parser.addoption("--preset", choices=sorted(PRESETS), default=default, help="tasks and sizes to run")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give every benchmark the jobs of its file's area, and every entrant that takes part in them."""
    area = getattr(metafunc.module, "AREA", None)
    if area is None:  # a file with cases of its own
        return
    jobs = [job for job in plan(metafunc.config.getoption("--preset")) if job.task.area == area]
    pairs = [(job, entrant) for job in jobs for entrant in job.task.entrants if _takes_part(job, entrant)]
    metafunc.parametrize(
        ("job", "entrant"), pairs, ids=[f"{job.name}-{entrant.name}".replace(" ", "-") for job, entrant in pairs]
    )


def _takes_part(job: Job, entrant: Entrant) -> bool:
    return entrant.name == OURS or (job.peers and job.task.items(job.size) <= entrant.most_items)


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder in which inputs are kept while the benchmarks run."""
    folder = tmp_path_factory.mktemp("inputs")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def timed(benchmark: Any, inputs: Path) -> Callable[[Job, Entrant], None]:
    """Warm up, check, time, and check again."""

    def run(job: Job, entrant: Entrant) -> None:
        try:
            version_of(entrant.package)
            warm = make_work(job.task, entrant, job.task.tiny, inputs)
            warm.check(warm.run())
            work = make_work(job.task, entrant, job.size, inputs)
        except (NoTimes, ImportError) as missing:
            pytest.skip(f"{entrant.name}: {missing}")
        benchmark.extra_info.update(items=work.items, unit=job.task.unit, entrant=entrant.name)
        work.check(benchmark(work.run))

    return run

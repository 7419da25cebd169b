"""Jobs on the workers of a dask scheduler: processes of this machine, or any cluster by its address."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.errors import DataError, ScenarioError
from sim.pipeline.tiled_tasks import Job, run_job

if TYPE_CHECKING:
    from distributed import Client

#: how often a job is begun anew after its worker was lost before the run gives up
LOST_WORKERS = 3
#: seconds in which a scheduler given by address must answer
ANSWER_WITHIN = 30.0


@dataclass(frozen=True)
class Cluster:
    """Runs jobs on the workers of a client; a job whose worker is lost is begun anew on another."""

    client: Client

    def run(self, jobs: Sequence[Job], done: Callable[[int], None]) -> list[Any]:
        """Results in the order of the jobs; `done` is told how many are ready.

        Raises
        ------
        DataError
            LS-317 when a job lost its worker again and again, or the scheduler is gone.
        """
        from distributed import as_completed
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        futures = [self.client.submit(run_job, job, pure=False) for job in jobs]
        try:
            for count, _ in enumerate(as_completed(futures), start=1):
                done(count)
            return [future.result() for future in futures]
        except KilledWorker as error:
            raise DataError(
                317,
                "--memory-limit",
                expected=f"A worker was lost {LOST_WORKERS + 1} times over one tile, most likely for lack of memory",
                remedy="Use smaller tiles (--tile) or a higher --memory-limit",
            ) from error
        except FutureCancelledError as error:
            raise DataError(
                317,
                "--scheduler",
                expected="The scheduler or its workers went away",
                remedy="Start them again and run anew",
            ) from error
        finally:
            for future in futures:
                if not future.done():
                    future.cancel()


@contextmanager
def local_cluster(workers: int, memory_limit: int | None) -> Iterator[Cluster]:
    """Processes of this machine, each with one thread, ended with the block.

    Parameters
    ----------
    workers : int
    memory_limit : bytes for each worker; None for an equal share of the machine's memory
    """
    require_package("distributed", "--tiled")
    import dask
    from distributed import Client, LocalCluster

    settings = {
        "distributed.scheduler.allowed-failures": LOST_WORKERS,
        # memory that malloc has not given back is not held against a worker before the limit itself
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.target": False,
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            memory_limit="auto" if memory_limit is None else memory_limit,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        client.run(leave_interrupts)
        yield Cluster(client)


def leave_interrupts() -> None:
    """Leave Ctrl-C, which a terminal sends to all processes, to the one that gives out the jobs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def cluster_at(address: str) -> Iterator[Cluster]:
    """A scheduler that runs already; its workers need LeachSim and must see the same files under the same names.

    Raises
    ------
    DataError
        LS-317 when nothing answers there.
    """
    require_package("distributed", "--tiled")
    from distributed import Client

    try:
        client = Client(address, timeout=ANSWER_WITHIN)
    except (OSError, TimeoutError, ValueError) as error:
        raise DataError(
            317,
            "--scheduler",
            got=repr(address),
            expected="No dask scheduler answers there",
            remedy="Start one with dask scheduler, and workers with dask worker, or leave --scheduler out",
        ) from error
    with client:
        yield Cluster(client)


def require_package(name: str, where: str) -> None:
    """Refuse an option whose package is not installed.

    Raises
    ------
    ScenarioError
        LS-209.
    """
    from importlib.util import find_spec

    if find_spec(name) is None:
        raise ScenarioError(
            209,
            where,
            expected=f"Needs the package {name}, which is not installed",
            remedy='Install it with pip install "leachsim[tiled]"',
        )

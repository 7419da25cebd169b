"""One entrant in one process: warmed up, checked, then timed when it is its turn."""

from __future__ import annotations

import gc
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from sim.benchmarking.memory import peak_while
from sim.benchmarking.objects import (
    CRASHED,
    FAILED,
    MISSING,
    OURS,
    WRONG,
    Entrant,
    Memory,
    Sample,
    Task,
    Work,
    WrongAnswer,
)
from sim.benchmarking.references import NO_READING, Reading, References
from sim.benchmarking.tasks import make_work

#: a turn ends when another execution would take it beyond this, s; short work is so repeated, long work done once
TURN_SECONDS = 0.2
MOST_EXECUTIONS = 10


class NoTimes(Exception):  # noqa: N818 - an outcome, told in the table
    """An entrant gave no times: why, as one of the statuses, and in words."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class Session(Protocol):
    """An entrant that has been warmed up and waits for its turn."""

    def run(self, most: int = MOST_EXECUTIONS) -> Sample:
        """Take a turn of at most so many executions; raises `NoTimes`."""
        ...

    def peak(self) -> Memory | None:
        """Peak memory of one execution; raises `NoTimes`."""
        ...

    def close(self) -> None:
        """End it."""
        ...


def version_of(package: str) -> str:
    """Version of an installed distribution; of LeachSim the one of its source.

    Raises
    ------
    NoTimes
        If it is not installed.
    """
    if package == OURS:
        from sim import __version__

        return __version__
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        raise NoTimes(MISSING, f"{package} is not installed") from None


class LocalSession:
    """An entrant in this process.

    Parameters
    ----------
    task, entrant, size : what is done
    folder : Path where inputs are kept
    references : read before and after every turn; None leaves them out
    warm : size to warm up with; None uses the task's own
    make : gives the work; to put something else in its place in tests

    Raises
    ------
    NoTimes
        If the entrant is missing, fails or answers wrongly while warming up.
    """

    def __init__(
        self,
        task: Task,
        entrant: Entrant,
        size: int,
        folder: Path,
        *,
        references: References | None,
        warm: int | None = None,
        make: Callable[[Task, Entrant, int, Path], Work] = make_work,
    ) -> None:
        self._references = references
        self.version = version_of(entrant.package)
        tiny = task.tiny if warm is None else warm
        try:
            # compiles or loads every kernel for the types in use; the full size may be too large to do twice
            work = make(task, entrant, tiny, folder)
            work.check(work.run())
            self.work = work if size == tiny else make(task, entrant, size, folder)
        except ImportError as error:
            raise NoTimes(MISSING, f"cannot be imported: {error}") from error
        except Exception as error:
            raise _no_times(error) from error

    @property
    def items(self) -> int:
        """Items of one execution."""
        return self.work.items

    def run(self, most: int = MOST_EXECUTIONS) -> Sample:
        """Take a turn: the best of a few executions, every answer checked; a time with compilation in it is refused.

        Parameters
        ----------
        most : executions, if they fit into `TURN_SECONDS`; 1 where others compete, so that nobody has more tries
        """
        gc.collect(1)  # what the last turn left; a whole collection takes longer than much of what is timed
        before = self._read()
        best, stages, spent, count = math.inf, {}, 0.0, 0
        while count == 0 or (spent + best < TURN_SECONDS and count < most):
            seconds, answer = self._execute()
            spent, count = spent + seconds, count + 1
            if seconds < best:
                best, stages = seconds, dict(self.work.stages(answer))
            self._check(answer)
            del answer
        after = self._read()
        return Sample(
            best,
            stream=min(before.stream, after.stream),
            stream_threads=min(before.stream_threads, after.stream_threads),
            jump=min(before.jump, after.jump),
            stages=stages,
        )

    def _execute(self) -> tuple[float, Any]:
        try:
            gc.disable()
            with _compilations() as compiled:
                since = time.perf_counter()
                answer = self.work.run()
                seconds = time.perf_counter() - since
        except Exception as error:
            raise _no_times(error) from error
        finally:
            gc.enable()
        if compiled:
            kernels = sum(event.is_start for _, event in compiled)
            raise NoTimes(FAILED, f"{kernels} kernels were compiled while the time was taken")
        return seconds, answer

    def peak(self) -> Memory | None:
        """Peak memory of one execution; only a fresh process without references tells something."""
        try:
            answer, memory = peak_while(self.work.run)
        except Exception as error:
            raise _no_times(error) from error
        self._check(answer)
        return memory and replace(memory, extra=memory.extra + self.work.held)

    def close(self) -> None:
        """Nothing is held."""

    def _read(self) -> Reading:
        return self._references.read() if self._references is not None else NO_READING

    def _check(self, answer: Any) -> None:
        try:
            self.work.check(answer)
        except Exception as error:
            raise _no_times(error) from error


def _no_times(error: Exception) -> NoTimes:
    if isinstance(error, WrongAnswer):
        return NoTimes(WRONG, str(error))
    if isinstance(error, MemoryError):
        return NoTimes(CRASHED, "ran out of memory")
    return NoTimes(FAILED, f"{type(error).__name__}: {error}"[:300])


@contextmanager
def _compilations() -> Iterator[list[Any]]:
    """What numba's compiler does inside the ``with``: a start and an end for every kernel."""
    if "numba" not in sys.modules:  # an entrant that never loaded it compiles nothing with it
        yield []
        return
    from numba.core import event

    with event.install_recorder("numba:compile") as recorder:
        yield recorder.buffer

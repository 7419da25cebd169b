"""Starting up: each execution is a new process, interpreter included."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.benchmarking.objects import OURS, Entrant, Task, Work, WrongAnswer

_FIRST_CALL = """
from sim.terrain import condition_native
from sim.testing.terrain import cone
terrain = condition_native(cone(33))
print(int(terrain.upstream_cells[terrain.receiver == -1].sum()) == 33 * 33)
"""


def _start(words: list[str], expected: str, environment: Mapping[str, str] | None = None) -> Work:
    def run() -> Any:
        return subprocess.run(
            [sys.executable, *words],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def check(done: Any) -> None:
        if done.returncode != 0 or expected not in done.stdout:
            raise WrongAnswer(f"ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-200:]}")

    return Work(1, run, check)


def interpreter(size: int, folder: Path) -> Work:
    """Python alone: what every other start includes."""
    return _start(["-c", "print('started')"], "started")


def import_(size: int, folder: Path) -> Work:
    """``import sim``."""
    return _start(["-c", "import sim; print(sim.__version__)"], ".")


def help_(size: int, folder: Path) -> Work:
    """``leachsim --help``."""
    return _start(["-m", "sim", "--help"], "warmup")


def first_call(size: int, folder: Path) -> Work:
    """Imports, kernels from numba's cache, a cone of 33 x 33 cells conditioned."""
    work = _start(["-c", _FIRST_CALL], "True")
    work.check(work.run())  # fills the cache
    return work


def first_call_cold(size: int, folder: Path) -> Work:
    """The same with an empty cache: the compiler's time, which users meet once."""
    caches = Path(tempfile.mkdtemp(prefix="numba-", dir=folder))
    turn = iter(range(10**9))

    def run() -> Any:
        empty = caches / str(next(turn))
        return _start(["-c", _FIRST_CALL], "True", {"NUMBA_CACHE_DIR": str(empty)}).run()

    return Work(1, run, _start([], "True").check)


def _one(size: int) -> int:
    return 1


def _task(name: str, sentence: str, function: str) -> Task:
    entrant = Entrant(OURS, f"sim.benchmarking.tasks.start:{function}")
    return Task(f"start {name}", sentence, "start", 0.0, "", 1, _one, (entrant,))


TASKS = (
    _task("python", "a Python process that does nothing, for comparison", "interpreter"),
    _task("import", "import sim in a new process", "import_"),
    _task("help", "leachsim --help in a new process", "help_"),
    _task("first call warm", "import, kernels from numba's cache, first terrain, in a new process", "first_call"),
    _task("first call cold", "the same with an empty cache: the compiler's time", "first_call_cold"),
)

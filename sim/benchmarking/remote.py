"""A session in a process of its own, so that a crash is an outcome and memory is the entrant's alone."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sim.benchmarking.objects import CRASHED, OK, SLOW, Memory, Sample
from sim.benchmarking.session import MOST_EXECUTIONS, NoTimes

_WORKER = ("-m", "sim.benchmarking._worker")
#: how the libraries in use are told their number of threads
THREAD_VARIABLES = (
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
_LAST_WORDS = 300
#: where this process found the package; a worker must time the same one
_SOURCES = str(Path(__file__).resolve().parents[2])


class RemoteSession:
    """An entrant in a worker process.

    Parameters
    ----------
    task, entrant : str, names
    size : int
    folder : Path where inputs are kept
    threads : int, given to every library alike
    references : bool, read the references around every turn
    timeout : s, longest wait for one answer; what takes longer is ended
    python : str, interpreter of the installation to use; this one's by default
    worker : its arguments; to put another program in the worker's place in tests

    Raises
    ------
    NoTimes
        If the entrant is missing, fails, crashes or does not answer in time.
    """

    def __init__(
        self,
        task: str,
        entrant: str,
        size: int,
        folder: Path,
        *,
        threads: int,
        references: bool = True,
        timeout: float = 600.0,
        python: str = sys.executable,
        worker: Sequence[str] = _WORKER,
    ) -> None:
        self._timeout = timeout
        environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads)), "PYTHONPATH": _SOURCES}
        if python != sys.executable:  # it has sources of its own
            del environment["PYTHONPATH"]
        self._errors = (folder / f"worker-{os.getpid()}-{id(self)}.txt").open("w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            [python, *worker],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            cwd=folder,
            text=True,
            encoding="utf-8",
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        order = {"do": "open", "task": task, "entrant": entrant, "size": size, "folder": str(folder)}
        try:
            opened = self._ask({**order, "references": references})
        except BaseException:
            self.close()
            raise
        self.items = int(opened["items"])
        self.version = str(opened["version"])

    @property
    def pid(self) -> int:
        """Process id of the worker."""
        return self._process.pid

    def run(self, most: int = MOST_EXECUTIONS) -> Sample:
        """Take a turn of at most so many executions."""
        return Sample(**self._ask({"do": "run", "most": most})["sample"])

    def peak(self) -> Memory | None:
        """Peak memory of one execution."""
        found = self._ask({"do": "peak"})["memory"]
        return Memory(**found) if found else None

    def close(self) -> None:
        """End the process and wait for it."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # an order the dead process never took
                    stream.close()
        self._errors.close()

    def _listen(self) -> None:
        stdout = self._process.stdout
        if stdout is not None:
            with contextlib.suppress(ValueError):  # closed while reading: the session is over
                for line in stdout:
                    self._lines.put(line)
        self._lines.put("")

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        stdin = self._process.stdin
        try:
            if stdin is not None:
                stdin.write(json.dumps(order) + "\n")
                stdin.flush()
            line = self._lines.get(timeout=self._timeout)
        except OSError:
            line = ""
        except queue.Empty:
            raise NoTimes(SLOW, f"none within {self._timeout:g} s") from None
        if not line:
            raise NoTimes(CRASHED, self._how_it_ended())
        answer: dict[str, Any] = json.loads(line)
        if answer["status"] != OK:
            raise NoTimes(answer["status"], answer["message"])
        return answer

    def _how_it_ended(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        words = " ".join(self._errors.read().split())[-_LAST_WORDS:]
        how = f"ended with {code}" if code >= 0 else f"killed by {_signal_name(-code)}"
        return f"{how}; {words}" if words else how


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

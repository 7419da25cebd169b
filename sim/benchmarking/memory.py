"""Resident memory of this process, and its peak while something runs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sim.benchmarking.objects import Memory

_STATUS = Path("/proc/self/status")
_FORGET_PEAK = Path("/proc/self/clear_refs")


def status_bytes(key: str) -> int:
    """A size from the kernel's own account of this process, ``VmRSS`` or ``VmHWM``; 0 where there is none."""
    if not _STATUS.is_file():
        return 0
    for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    return 0


def _highest_ever() -> int:
    """Peak of the whole life of this process, bytes."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_while(work: Callable[[], Any]) -> tuple[Any, Memory | None]:
    """Run `work` once; its answer and the peak memory meanwhile.

    On Linux the kernel's high-water mark is reset first. Elsewhere on POSIX the peak of the process's life is taken,
    which is right in a fresh process whose input was small to make; on Windows there is none.

    Examples
    --------
    >>> answer, memory = peak_while(lambda: bytearray(2**25))
    >>> memory is None or memory.process > 2**25
    True
    """
    gc.collect()
    if sys.platform == "win32":
        return work(), None
    before = status_bytes("VmRSS")
    if before:
        try:
            _FORGET_PEAK.write_text("5", encoding="ascii")
        except OSError:  # a sandbox without it: the mark of the whole life is at least not too low
            before = 0
    if before:
        answer = work()
        peak = status_bytes("VmHWM")
        return answer, Memory(peak, max(peak - before, 0))
    before = _highest_ever()
    answer = work()
    peak = _highest_ever()
    return answer, Memory(peak, max(peak - before, 0))

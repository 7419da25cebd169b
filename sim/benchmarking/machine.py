"""What a measurement was made on: machine, versions, commit, and what else the machine was doing."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from sim.benchmarking.references import largest_cache

_CPUINFO, _MEMINFO, _STAT = Path("/proc/cpuinfo"), Path("/proc/meminfo"), Path("/proc/stat")
_PACKAGES = ("numpy", "numba", "llvmlite", "scipy")
_BUSY_FIELDS = (0, 1, 2, 5, 6)  # user, nice, system, irq, softirq
_STEAL_FIELD = 7


def processors() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_memory() -> int:
    """Bytes of memory that can be had without swapping; 0 where the system does not tell."""
    return _meminfo("MemAvailable")


def _meminfo(key: str) -> int:
    if _MEMINFO.is_file():
        for line in _MEMINFO.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) * 1024
    return 0


def _model() -> str:
    if _CPUINFO.is_file():
        for line in _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.lower().startswith(("model name", "hardware")):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """Processor, memory and system; nothing that names the machine or its user."""
    return {
        "processor": _model(),
        "processors": processors(),
        "largest_cache_bytes": largest_cache(),
        "memory_bytes": _meminfo("MemTotal"),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of what the times depend on, LeachSim first; packages that are not installed are left out."""
    from sim import __version__

    found = {"leachsim": __version__}
    for name in (*_PACKAGES, *packages):
        if name not in found:
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
    return found


def commit(folder: Path | None = None) -> str:
    """Commit of the sources, with "+ changes" if they were changed since; empty outside a checkout."""
    root = folder or Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""
    head = _git(root, "rev-parse", "HEAD")
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return f"{head} + changes" if head and changed else head


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


class LoadWatch:
    """Watches what else the machine does while a measurement runs, from /proc/stat; tells less elsewhere."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._start = _jiffies()
        self._own = _own_seconds()
        self._load_start = _load_average()

    def seen(self) -> dict[str, Any]:
        """Load averages, and the mean number of processors that other programs and other guests of the host took.

        Ask when the workers have ended: a child's time counts once it has been waited for.
        """
        end = _jiffies()
        seconds = max(time.monotonic() - self._since, 1e-9)
        others = stolen = None
        if self._start and end:
            tick = os.sysconf("SC_CLK_TCK")
            busy = sum(end[i] - self._start[i] for i in _BUSY_FIELDS) / tick
            others = round(max(busy - (_own_seconds() - self._own), 0.0) / seconds, 2)
            stolen = round((end[_STEAL_FIELD] - self._start[_STEAL_FIELD]) / tick / seconds, 2)
        return {
            "load_average_before": self._load_start,
            "load_average_after": _load_average(),
            "seconds": round(seconds, 1),
            "processors_taken_by_others": others,
            "processors_stolen_by_host": stolen,
        }


def _own_seconds() -> float:
    """Processor time of this process and of its ended children, s."""
    return sum(os.times()[:4])


def _jiffies() -> list[int]:
    if not _STAT.is_file():
        return []
    with _STAT.open(encoding="ascii") as lines:
        fields = [int(field) for field in next(lines).split()[1:]]
    return fields if len(fields) > _STEAL_FIELD else []


def _load_average() -> list[float] | None:
    return [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None

"""Memory and time of conditioning, told before anything large is allocated."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sim.errors import DataError

#: Peak bytes per cell beyond the elevations and their mask, and seconds per cell, of condition_native and
#: condition_whitebox; read off rough synthetic ground, native 17 to 18 bytes at 9 and 100 million cells on two idle
#: cores, Whitebox at 9 million on cores shared with other work, its own process included.
BYTES_PER_CELL = {"native": 20.0, "whitebox": 110.0}
SECONDS_PER_CELL = {"native": 60e-9, "whitebox": 900e-9}
#: Interpreter with numpy, numba, scipy and rasterio loaded, bytes; starting it and loading compiled kernels, s.
BYTES_FIXED = 320_000_000
SECONDS_FIXED = 2.0
#: A byte per cell says whether it is valid.
MASK_BYTES = 1
#: Share of the available memory that may be planned for; the rest is for what an estimate misses.
USABLE = 0.9
#: Larger than any machine: how control groups of the first version write "no limit".
_NO_LIMIT = 1 << 60


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work on a grid will need, within about a third.

    Parameters
    ----------
    cells : int, cells of the grid
    memory_bytes : int, peak of the process, interpreter included
    seconds : float, s, kernels compiled beforehand
    """

    cells: int
    memory_bytes: int
    seconds: float

    def told(self) -> str:
        """Words for a line of progress.

        Examples
        --------
        >>> Cost(1000, 1_230_000_000, 12.3).told()
        'about 1.2 GB and 12 s in all'
        """
        return f"about {self.memory_bytes / 1e9:.1f} GB and {self.seconds:.0f} s in all"


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory this process may still take.

    Parameters
    ----------
    available : int, bytes; -1 where it cannot be told
    source : str, what said so
    """

    available: int
    source: str


def estimate(
    cells: int,
    *,
    valid: int | None = None,
    itemsize: int = 4,
    engine: str = "native",
    extra_bytes_per_cell: float = 0.0,
    extra_seconds_per_cell: float = 0.0,
) -> Cost:
    """Return memory and time of reading a grid and conditioning it.

    With n cells, v of them valid::

        memory = fixed + n (itemsize + 1 + bytes + extra)
        time   = fixed + v (seconds + extra)

    Parameters
    ----------
    cells : int, cells of the grid, n
    valid : int, cells that hold an elevation, v; all when not known
    itemsize : int, bytes of an elevation
    engine : "native" or "whitebox"
    extra_bytes_per_cell, extra_seconds_per_cell : what the caller does on top, at the same time (bytes) or after (s)

    Raises
    ------
    ValueError
        If a number is negative or the engine is not known.

    Examples
    --------
    >>> cost = estimate(100_000_000)
    >>> round(cost.memory_bytes / 1e9, 1)
    2.8
    """
    if engine not in BYTES_PER_CELL:
        raise ValueError(f"engine must be one of {sorted(BYTES_PER_CELL)}, got {engine!r}")
    worked = cells if valid is None else valid
    if min(cells, worked, itemsize) < 0 or min(extra_bytes_per_cell, extra_seconds_per_cell) < 0.0:
        raise ValueError(f"cells, valid, itemsize and extras must not be negative, got {cells}, {valid}, {itemsize}")
    per_cell = itemsize + MASK_BYTES + BYTES_PER_CELL[engine] + extra_bytes_per_cell
    seconds = SECONDS_FIXED + worked * (SECONDS_PER_CELL[engine] + extra_seconds_per_cell)
    return Cost(cells, BYTES_FIXED + math.ceil(cells * per_cell), seconds)


def require(cost: Cost, memory: Memory, *, where: str, remedy: str = "") -> str:
    """Refuse work that does not fit into memory; say so where the memory is not known.

    Parameters
    ----------
    cost : Cost
    memory : Memory, from `available_memory`
    where : str, the setting or command that asks for the grid
    remedy : str, what else the user can do, beyond a coarser grid and a smaller area

    Returns
    -------
    str
        A sentence when the memory of this machine is not known, else "".

    Raises
    ------
    DataError
        LS-311 with cells, gigabytes needed and available.

    Examples
    --------
    >>> require(estimate(1000), Memory(10**10, "example"), where="terrain.resolution")
    ''
    """
    if memory.available < 0:
        return (
            f"The memory of this machine cannot be told ({memory.source}); about {cost.memory_bytes / 1e9:.1f} GB will "
            "be needed"
        )
    limit = USABLE * memory.available
    if cost.memory_bytes <= limit:
        return ""
    words = "Use a coarser resolution or smaller bounds"
    raise DataError(
        311,
        where,
        got=f"{cost.cells:,} cells",
        expected=(
            f"About {cost.memory_bytes / 1e9:.1f} GB are needed, {limit / 1e9:.1f} GB can be given "
            f"({100 * USABLE:.0f} % of what is free: {memory.source})"
        ),
        remedy=f"{words}, {remedy}" if remedy else words,
    )


def available_memory(root: Path = Path("/")) -> Memory:
    """Return the memory this process may still take: the system's, or less where a control group limits it.

    Linux says it in /proc/meminfo and, in containers and batch jobs, in the control groups of the process; elsewhere
    the physical memory counts where Python can tell it.

    Parameters
    ----------
    root : Path, folder in which proc and sys are looked for
    """
    free = _free_of_system(root)
    limits = [limit for limit in (_version_two(root), _version_one(root)) if limit is not None]
    group = min(limits, default=None)
    if group is not None and (free is None or group < free):
        return Memory(group, "the limit of this control group")
    if free is not None:
        return Memory(free, "MemAvailable of /proc/meminfo")
    return _physical()


def _free_of_system(root: Path) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in (root / "proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _version_two(root: Path) -> int | None:
    """Least room below the limits of the process's group and those it lies in, control groups of version 2."""
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            if line.startswith("0::"):
                top = root / "sys/fs/cgroup"
                group = top / line[3:].strip().lstrip("/")
                places = [group, *(above for above in group.parents if above.is_relative_to(top))]
                # Inside a container the path named may be that of the host; the limit then stands at the top.
                rooms = [_room(place, "memory.max", "memory.current", "inactive_file") for place in {*places, top}]
                return min((room for room in rooms if room is not None), default=None)
    return None


def _version_one(root: Path) -> int | None:
    return _room(root / "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def _room(group: Path, limit_file: str, usage_file: str, cache_key: str) -> int | None:
    """Limit less use; file cache that the kernel gives back on demand does not count as used."""
    with suppress(OSError, ValueError):
        limit = int((group / limit_file).read_text(encoding="ascii"))
        if limit >= _NO_LIMIT:
            return None
        used = int((group / usage_file).read_text(encoding="ascii"))
        with suppress(OSError, ValueError):
            rows = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
            used -= int(rows.get(cache_key, 0))
        return max(limit - max(used, 0), 0)
    return None


def _physical() -> Memory:
    with suppress(AttributeError, ValueError, OSError):
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if size > 0:
            return Memory(int(size), "the physical memory, since what is free cannot be told")
    return Memory(-1, "this system does not say")

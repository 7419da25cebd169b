"""Estimates grow with the grid, and what cannot fit is refused with the numbers a user needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sim.errors import DataError
from sim.terrain.cost import (
    BYTES_FIXED,
    BYTES_PER_CELL,
    SECONDS_FIXED,
    SECONDS_PER_CELL,
    USABLE,
    Cost,
    Memory,
    available_memory,
    estimate,
    require,
)

GB = 10**9


def plant(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return root


MEMINFO = {"proc/meminfo": "MemTotal:       16000000 kB\nMemFree: 1 kB\nMemAvailable:    8000000 kB\n"}
FREE = 8_000_000 * 1024


@pytest.mark.parametrize("engine", sorted(BYTES_PER_CELL))
def test_cost_is_linear_in_cells(engine: str) -> None:
    nothing, one, two = (estimate(n, engine=engine) for n in (0, 1_000_000, 2_000_000))
    assert (nothing.memory_bytes, nothing.seconds) == (BYTES_FIXED, SECONDS_FIXED)
    assert two.memory_bytes - one.memory_bytes == one.memory_bytes - nothing.memory_bytes
    assert one.memory_bytes - nothing.memory_bytes == 1_000_000 * (4 + 1 + BYTES_PER_CELL[engine])
    assert two.seconds - SECONDS_FIXED == pytest.approx(2e6 * SECONDS_PER_CELL[engine])


def test_invalid_cells_cost_memory_but_no_time() -> None:
    whole, half = estimate(1000), estimate(1000, valid=500)
    assert half.memory_bytes == whole.memory_bytes
    assert half.seconds - SECONDS_FIXED == pytest.approx((whole.seconds - SECONDS_FIXED) / 2)


def test_what_the_caller_adds_is_counted() -> None:
    plain, more = estimate(1000, itemsize=4), estimate(1000, itemsize=8, extra_bytes_per_cell=6.0)
    assert more.memory_bytes - plain.memory_bytes == 10_000
    assert estimate(1000, extra_seconds_per_cell=1.0).seconds == pytest.approx(plain.seconds + 1000.0)


@pytest.mark.parametrize("wrong", [{"cells": -1}, {"cells": 1, "valid": -1}, {"cells": 1, "engine": "other"}])
def test_nonsense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must"):
        estimate(**wrong)  # type: ignore[arg-type]


def test_what_fits_is_let_through() -> None:
    assert require(Cost(1, int(USABLE * 1000), 0.0), Memory(1000, "x"), where="here") == ""


def test_what_does_not_fit_is_refused_with_numbers() -> None:
    with pytest.raises(DataError) as caught:
        require(estimate(400_000_000), Memory(4 * GB, "a test"), where="--resolution", remedy="or run it in tiles")
    error = caught.value
    assert (error.number, error.where, error.got) == (311, "--resolution", "400,000,000 cells")
    needed = estimate(400_000_000).memory_bytes / GB
    assert f"About {needed:.1f} GB are needed, 3.6 GB can be given" in error.expected
    assert "a test" in error.expected
    assert error.remedy == "Use a coarser resolution or smaller bounds, or run it in tiles"


def test_unknown_memory_is_said_and_not_refused() -> None:
    said = require(estimate(10**12), Memory(-1, "this system does not say"), where="here")
    assert "cannot be told (this system does not say)" in said
    assert "GB" in said


def test_free_memory_of_the_system(tmp_path: Path) -> None:
    assert available_memory(plant(tmp_path, MEMINFO)) == Memory(FREE, "MemAvailable of /proc/meminfo")


@pytest.mark.parametrize(("group", "holder"), [("batch/job", "batch"), ("batch/job", ""), ("", "")])
def test_limit_of_the_group_or_one_above(tmp_path: Path, group: str, holder: str) -> None:
    """The group the process is in may be unlimited while one above it, or the container's own top, is not."""
    limited = f"sys/fs/cgroup/{holder}".rstrip("/")
    files = {"proc/self/cgroup": f"0::/{group}\n"}
    if group:
        files[f"sys/fs/cgroup/{group}/memory.max"] = "max\n"
    files |= {
        f"{limited}/memory.max": "3000000000\n",
        f"{limited}/memory.current": "1500000000\n",
        f"{limited}/memory.stat": "anon 900000000\ninactive_file 500000000\n",
    }
    found = available_memory(plant(tmp_path, {**MEMINFO, **files}))
    assert found == Memory(2_000_000_000, "the limit of this control group")


def test_first_version_of_control_groups(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "5:memory:/job\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "2000000000\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "500000000\n",
        "sys/fs/cgroup/memory/memory.stat": "total_inactive_file 100000000\n",
    }
    assert available_memory(plant(tmp_path, {**MEMINFO, **files})).available == 1_600_000_000
    unlimited = plant(tmp_path, {"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"})
    assert available_memory(unlimited).available == FREE


def test_a_limit_above_what_is_free_does_not_count(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": "900000000000\n",
        "sys/fs/cgroup/memory.current": "0\n",
    }
    assert available_memory(plant(tmp_path, {**MEMINFO, **files})).available == FREE


def test_a_group_in_use_beyond_its_limit_leaves_nothing(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "100\n", "sys/fs/cgroup/memory.current": "200\n"}
    assert available_memory(plant(tmp_path, {**MEMINFO, **files})).available == 0


def test_other_systems_give_their_physical_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}.__getitem__, raising=False)
    found = available_memory(tmp_path)
    assert found.available == 4_096_000
    assert "physical" in found.source
    monkeypatch.delattr(os, "sysconf")
    assert available_memory(tmp_path) == Memory(-1, "this system does not say")


def test_this_machine_has_some_memory() -> None:
    assert available_memory().available > 50_000_000

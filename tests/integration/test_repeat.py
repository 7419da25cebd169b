"""The same scenario and seed give the same bytes, whatever the number of threads or the hash seed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: clock times live in these two alone
WITH_CLOCK = {"run.json", "log.txt"}

#: the shipped grid, because sums over fewer than ten thousand nodes are too short for a library to split them up
CASES = {"channel-decay": (), "kachin": ("--set", "output.figure_dpi=60")}


def run_once(scenario: str, out: Path, threads: int, options: tuple[str, ...]) -> dict[str, str]:
    """Fingerprint of every file of a run made in a process of its own."""
    command = [sys.executable, "-m", "sim", "run", str(ROOT / "scenarios" / scenario / "scenario.toml")]
    libraries = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    environment = {**os.environ, "PYTHONHASHSEED": str(threads), **dict.fromkeys(libraries, str(threads))}
    subprocess.run(
        [*command, "--out", str(out), "--quiet", "--threads", str(threads), *options],
        check=True,
        capture_output=True,
        env=environment,
        cwd=ROOT,
    )
    files = [path for path in sorted(out.rglob("*")) if path.is_file() and path.name not in WITH_CLOCK]
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("scenario", sorted(CASES))
def test_two_runs_give_the_same_bytes(scenario: str, tmp_path: Path) -> None:
    first = run_once(scenario, tmp_path / "first", 1, CASES[scenario])
    second = run_once(scenario, tmp_path / "second", 2, CASES[scenario])
    assert first == second
    assert {"result.nc", "budget.csv", "report.html", "figures/profile.png"} <= set(first)
    if scenario == "kachin":
        assert {"reaches.gpkg", "zones.gpkg", "map.html", "receptors.csv", "figures/exposure_map.png"} <= set(first)
        assert any(name.startswith("exposure_") and name.endswith(".tif") for name in first)


def test_another_seed_gives_other_sites(tmp_path: Path) -> None:
    options = CASES["kachin"]
    first = run_once("kachin", tmp_path / "first", 1, options)
    second = run_once("kachin", tmp_path / "second", 1, (*options, "--set", "scenario.seed=1"))
    assert first["zones.gpkg"] != second["zones.gpkg"]

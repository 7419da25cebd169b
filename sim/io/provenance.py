"""What a run was made of: versions, inputs, machine, clock times. Only run.json and log.txt carry clock times."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from sim.io.runfolder import sha256

PACKAGES = (
    "numpy",
    "scipy",
    "numba",
    "xarray",
    "netCDF4",
    "rasterio",
    "pyproj",
    "shapely",
    "geopandas",
    "pyogrio",
    "matplotlib",
    "pydantic",
    "whitebox",
    "whitebox-workflows",
)


def package_versions() -> dict[str, str]:
    """Versions of the packages results depend on."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def clock() -> str:
    """The time now, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def input_files(files: Mapping[str, Path]) -> list[dict[str, Any]]:
    """Setting, name, size and SHA-256 of every file the scenario names."""
    return [
        {
            "setting": setting,
            "file": path.name,
            "path": str(path.resolve()),
            "bytes": path.stat().st_size,
            "sha256": sha256(path),
        }
        for setting, path in files.items()
    ]


def provenance(
    *,
    scenario: str,
    title: str,
    scenario_digest: str,
    inputs: Mapping[str, Path],
    threads: int,
    started: str,
    timings: Mapping[str, float],
    warnings: Sequence[str],
    labels: Sequence[str],
    notes: Sequence[str] = (),
    seed: int | None = None,
    prior_only: bool = False,
    summary: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Content of run.json (without the list of files, which `RunFolder.write_run` adds).

    Parameters
    ----------
    scenario_digest : SHA-256 of the resolved scenario text
    inputs : setting -> file read by it
    started : from `clock` when the run began
    timings : stage -> s
    summary : plain numbers a reader needs first

    Examples
    --------
    >>> provenance(scenario="a", title="", scenario_digest="0", inputs={}, threads=1, started=clock(), timings={},
    ...            warnings=(), labels=("modelled",))["labels"]
    ['modelled']
    """
    from sim import __version__

    return {
        "scenario": scenario,
        "title": title,
        "leachsim": __version__,
        "started": started,
        "finished": clock(),
        "scenario_digest": scenario_digest,
        "seed": seed,
        "prior_only": prior_only,
        "labels": list(labels),
        "warnings": list(warnings),
        "notes": list(notes),
        "inputs": input_files(inputs),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count() or 1,
        "threads": threads,
        "packages": package_versions(),
        "timings_seconds": {stage: round(seconds, 3) for stage, seconds in timings.items()},
        "summary": dict(summary or {}),
    }

"""Every data file repeats byte for byte in another process, at another time, with other hash seeds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

WRITE = """
import sys
from pathlib import Path
from sim.io.cog import write_exposure_rasters
from sim.io.dataset import write_dataset
from sim.io.layers import write_reaches, write_zones
from sim.io.tables import write_budget, write_receptors
from sim.testing.results import synthetic_channel_result, synthetic_result

for name, result in (("landscape", synthetic_result()), ("channel", synthetic_channel_result())):
    out = Path(sys.argv[1]) / name
    out.mkdir(parents=True)
    write_dataset(out / "result.nc", result)
    write_reaches(out / "reaches.gpkg", result, digest="ab" * 32)
    write_zones(out / "zones.gpkg", result, digest="ab" * 32)
    write_exposure_rasters(out, result)
    write_budget(out / "budget.csv", result)
    write_receptors(out / "receptors.csv", result)
"""


def test_bytes_repeat(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    for number in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": number, "TZ": f"UTC+{number}"}
        subprocess.run(
            [sys.executable, "-c", WRITE, str(tmp_path / number)], cwd=root, env=environment, check=True, timeout=300
        )
        time.sleep(1.1)  # so that a clock time with whole seconds would differ
    first = sorted(path.relative_to(tmp_path / "1") for path in (tmp_path / "1").rglob("*") if path.is_file())
    assert {path.suffix for path in first} == {".nc", ".gpkg", ".tif", ".qml", ".csv"}
    assert first == sorted(path.relative_to(tmp_path / "2") for path in (tmp_path / "2").rglob("*") if path.is_file())
    different = [
        str(path) for path in first if (tmp_path / "1" / path).read_bytes() != (tmp_path / "2" / path).read_bytes()
    ]
    assert different == []

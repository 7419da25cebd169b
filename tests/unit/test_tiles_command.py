"""``leachsim terrain condition --tiled``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

import sim.cli.main as entry


@pytest.fixture
def dem(tmp_path: Path) -> Path:
    rng = np.random.Generator(np.random.PCG64(2))
    z = rng.normal(300.0, 5.0, (400, 420)).round().astype(np.float32)
    profile = {"driver": "GTiff", "height": 400, "width": 420, "count": 1, "dtype": "float32"}
    where = rasterio.Affine(30.0, 0.0, 300_000.0, 0.0, -30.0, 2_800_000.0)
    with rasterio.open(tmp_path / "dem.tif", "w", **profile, crs="EPSG:32647", transform=where) as dataset:
        dataset.write(z, 1)
    return tmp_path / "dem.tif"


def test_summary_as_text_and_as_json(dem: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["terrain", "condition", str(dem), "--tiled", "--tile", "200", "--workers", "0", "--conditioning", "carve"]
    assert entry.main([*words, "--out", str(dem.parent / "a")]) == 0
    said = capfd.readouterr().out
    assert "Modelled, not measured" in said
    assert "400 x 420 cells, 168,000 with an elevation, in 6 tiles" in said
    assert entry.main([*words, "--out", str(dem.parent / "b"), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["status"] == "done"
    assert document["numbers"]["depressions_filled"] == 0
    assert document["numbers"]["tiles"] == 6
    assert (dem.parent / "b" / "flow_direction.tif").is_file()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--tile", "100"], "LS-209 --tile"),
        (["--memory-limit", "1GB"], "LS-209 --memory-limit"),
        (["--tiled", "--engine", "whitebox"], "LS-209 --engine"),
        (["--tiled", "--bounds=97,24,98,25"], "LS-209 --bounds"),
        (["--tiled", "--resolution", "90"], "LS-209 --resolution"),
        (["--tiled", "--crs", "EPSG:32648"], "LS-209 --crs"),
        (["--tiled", "--stream-area", "2"], "LS-209 --stream-area"),
        (["--tiled", "--conditioning", "both"], "LS-207 --conditioning"),
        (["--tiled", "--tile", "3"], "LS-204 --tile"),
        (["--tiled", "--memory-limit", "much"], "LS-205 --memory-limit"),
        (["--tiled", "--scheduler", "tcp://127.0.0.1:9", "--workers", "2"], "LS-209 --workers"),
    ],
)
def test_options_that_do_not_go_together(
    dem: Path, capfd: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    assert entry.main(["terrain", "condition", str(dem), "--out", str(dem.parent / "out"), *words]) == 2
    assert expected in capfd.readouterr().err
    assert not (dem.parent / "out").exists()


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no process groups to interrupt")
def test_ctrl_c_leaves_nothing_and_says_so_in_one_line(dem: Path) -> None:
    """A terminal sends Ctrl-C to every process of the group, the workers among them."""
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from sim.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    out = dem.parent / "out"
    words = ["terrain", "condition", str(dem), "--tiled", "--tile", "64", "--workers", "2", "--out", str(out)]
    with subprocess.Popen(
        [sys.executable, "-c", program, *words],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    ) as process:
        while not list(dem.parent.glob(".out.partial-*/.tiles/directions-0.npz")):
            assert process.poll() is None, "it ended before it was interrupted"
        os.killpg(process.pid, signal.SIGINT)
        said, problems = process.communicate()
    assert process.returncode == 130, problems
    assert said == ""
    assert problems.startswith("LS-501"), problems
    assert len(problems.splitlines()) == 1
    assert sorted(path.name for path in dem.parent.iterdir()) == ["dem.tif"]

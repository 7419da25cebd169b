"""Pictures and pages repeat byte for byte, in another process too, and carry neither date nor program name."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sim.report import write_report
from sim.testing.results import synthetic_result

WRITE = """
import hashlib, sys
from pathlib import Path
import matplotlib
matplotlib.rcParams["font.size"] = 20.0
matplotlib.rcParams["savefig.facecolor"] = "red"
from sim.report import write_report
from sim.testing.results import synthetic_result
folder = Path(sys.argv[1])
for path in write_report(synthetic_result(), folder):
    print(path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    write_report(synthetic_result(), out)
    return out


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_another_process_with_other_settings_writes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "12345",
        "TZ": "Asia/Yangon",
        "LC_ALL": "C",
        "SOURCE_DATE_EPOCH": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", WRITE, str(tmp_path)], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    other = dict(line.split() for line in done.stdout.splitlines())
    here = {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in _files(folder)}
    assert other == here


def test_everything_promised_is_there(folder: Path) -> None:
    names = {path.relative_to(folder).as_posix() for path in _files(folder)}
    figures = {
        f"figures/{stem}.{kind}"
        for stem in ("exposure_map", "profile", "dilution", "five_mile")
        for kind in ("png", "svg")
    }
    assert names == figures | {"map.html", "report.html"}


def _chunks(data: bytes) -> list[str]:
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    kinds, at = [], 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kinds.append(data[at + 4 : at + 8].decode("ascii"))
        at += 12 + length
    return kinds


@pytest.mark.parametrize("stem", ["exposure_map", "profile", "dilution", "five_mile"])
def test_picture_has_content_and_no_metadata(folder: Path, stem: str) -> None:
    from matplotlib.image import imread

    path = folder / "figures" / f"{stem}.png"
    assert not {"tEXt", "iTXt", "zTXt", "tIME"} & set(_chunks(path.read_bytes()))
    picture = imread(path)[..., :3]
    assert min(picture.shape[:2]) > 400
    inked = np.any(picture < 0.9, axis=-1)
    assert 0.02 < inked.mean() < 0.95
    assert not inked[:2].any()  # nothing is cut off at the upper and the left edge
    assert not inked[:, :2].any()
    assert not inked[-2:].any()
    assert not inked[:, -2:].any()


@pytest.mark.parametrize("stem", ["exposure_map", "profile", "dilution", "five_mile"])
def test_vector_picture_has_no_date_and_no_address_to_load(folder: Path, stem: str) -> None:
    text = (folder / "figures" / f"{stem}.svg").read_text(encoding="utf-8")
    assert "<dc:date>" not in text
    assert "<dc:creator>" not in text
    assert "matplotlib.org" not in text
    assert "<script" not in text
    assert 'href="http' not in text


def test_pages_stay_small(folder: Path) -> None:
    assert (folder / "map.html").stat().st_size < 1_500_000
    assert (folder / "report.html").stat().st_size < 6_000_000


def test_other_inputs_give_other_bytes(folder: Path, tmp_path: Path) -> None:
    write_report(synthetic_result(seed=2), tmp_path)
    for name in ("figures/exposure_map.png", "figures/profile.png", "map.html", "report.html"):
        assert (tmp_path / name).read_bytes() != (folder / name).read_bytes()


def test_maps_of_large_networks_are_png_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sim.report import write

    monkeypatch.setattr(write, "LARGEST_VECTOR_MAP", 10)
    names = {path.name for path in write_report(synthetic_result(), tmp_path)}
    assert {"exposure_map.png", "five_mile.png", "profile.svg", "dilution.svg"} <= names
    assert not names & {"exposure_map.svg", "five_mile.svg"}

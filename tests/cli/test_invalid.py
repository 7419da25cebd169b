"""Every mistake in scenarios/invalid, through the command: its message word for word, its exit code, nothing left."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from sim.errors import CATALOGUE

INVALID = Path(__file__).resolve().parents[2] / "scenarios" / "invalid"
CASES: dict[str, dict[str, Any]] = tomllib.loads((INVALID / "cases.toml").read_text(encoding="utf-8"))
SEEN_BY_CHECK = [name for name, case in CASES.items() if not case.get("only_run")]
KEYS = {"file", "set", "given", "about", "only_run", "process", "exit_code", "message"}

#: the mistakes that must be among the cases, whatever else is
ASKED = {
    "syntax": "syntax",
    "unknown key": "unknown-key",
    "wrong unit": "unit-dimension",
    "CRS missing": "terrain-no-crs",
    "pits outside the DEM": "pits-outside",
    "NaN": "not-a-number",
    "DEM all nodata": "terrain-all-nodata",
    "unreadable raster": "terrain-text",
    "truncated raster": "terrain-truncated",
    "pit file without columns": "pits-columns",
    "output folder exists": "folder-exists",
    "disk full": "disk-full",
}

Patch = pytest.MonkeyPatch
#: cells of about 130 m; a plane that falls to the south-west, 98.26-98.36 E, 25.55-25.65 N
AT = Affine(0.00125, 0.0, 98.26, 0.0, -0.00125, 25.65)
SHAPE = (80, 80)


def plane() -> Any:
    row, column = np.indices(SHAPE)
    return (1500.0 - 5.0 * row + 4.0 * column).astype("float32")


def write_raster(folder: Path, values: Any, **options: Any) -> None:
    profile = {"driver": "GTiff", "count": 1, "dtype": values.dtype.name, "crs": "EPSG:4326", "transform": AT} | options
    with rasterio.open(folder / "in" / "dem.tif", "w", height=SHAPE[0], width=SHAPE[1], **profile) as dataset:
        dataset.write(values if values.ndim == 3 else values[None])


def truncated(folder: Path) -> None:
    write_raster(folder, plane())
    path = folder / "in" / "dem.tif"
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])


def terrain_and_little_memory(folder: Path, patch: Patch) -> None:
    write_raster(folder, plane())
    patch.setattr("sim.io.grids.available_memory", lambda: 1_000_000)


def folder_exists(folder: Path, patch: Patch) -> None:
    (folder / "out" / "run").mkdir(parents=True)
    (folder / "out" / "run" / "precious.txt").write_text("data", encoding="utf-8")


def full_disk(patch: Patch, last: str = "") -> None:
    """No byte goes into a run folder any more, or none into its file `last`."""
    real = Path.open

    def refuse(path: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
        if "w" in mode and ".partial-" in str(path) and path.name in (last or path.name):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return real(path, mode, *args, **options)

    patch.setattr(Path, "open", refuse)


#: what `given` names -> how it is made
GIVEN: dict[str, Callable[[Path, Patch], object]] = {
    "terrain": lambda folder, _: write_raster(folder, plane()),
    "terrain_without_crs": lambda folder, _: write_raster(folder, plane(), crs=None),
    "terrain_without_position": lambda folder, _: write_raster(folder, plane(), transform=Affine.identity()),
    "terrain_of_nodata": lambda folder, _: write_raster(folder, np.full(SHAPE, -9999.0, "float32"), nodata=-9999.0),
    "terrain_of_text": lambda folder, _: (folder / "in" / "dem.tif").write_text("hello", encoding="utf-8"),
    "terrain_truncated": lambda folder, _: truncated(folder),
    "terrain_picture": lambda folder, _: write_raster(
        folder, np.ones((3, *SHAPE), "uint8"), count=3, photometric="RGB"
    ),
    "terrain_in_millimetres": lambda folder, _: write_raster(folder, plane() * np.float32(1000.0)),
    "terrain_and_little_memory": terrain_and_little_memory,
    "folder_exists": folder_exists,
    "parent_is_a_file": lambda folder, _: (folder / "out").write_text("data", encoding="utf-8"),
    "small_disk": lambda _, patch: patch.setattr("sim.io.runfolder.free_bytes", lambda path: 1000),
    "full_disk": lambda _, patch: full_disk(patch),
    "disk_full_at_the_end": lambda _, patch: full_disk(patch, "run.json"),
    "file_size_limit": lambda folder, patch: None,
}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file and folder below `folder`, with what files hold."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")
    }


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: Patch) -> Callable[[dict[str, Any]], list[str]]:
    """Lay out a case below the empty current folder and give the words that name it."""

    def lay_out(case: dict[str, Any]) -> list[str]:
        shutil.copytree(INVALID, tmp_path / "in")
        if "given" in case:
            GIVEN[case["given"]](tmp_path, monkeypatch)
        options = [word for each in case.get("set", ()) for word in ("--set", each)]
        file = Path("in") / case["file"]
        return [str(file), *options]

    return lay_out


def told(text: str, here: Path) -> str:
    """What was said, without what differs from machine to machine."""
    text = re.sub(r"\b\d+ bytes are (needed|free)", r"<n> bytes are \1", text)
    return text.replace(str(here), "<here>").rstrip("\n")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("name", CASES)
def test_run(name: str, prepared: Any, leachsim: Any, process: Any, tmp_path: Path) -> None:
    case = CASES[name]
    words = ["run", *prepared(case), "--out", "out/run", "--quiet"]
    before = contents(tmp_path)
    if case.get("given") == "file_size_limit":
        if sys.platform == "win32":
            pytest.skip("needs limits on the size of files, which Windows lacks")
        # kernels are compiled, and cached in files larger than the limit, beforehand
        assert process("run", "channel-decay", "--out", "warm", "--quiet").code == 0
        shutil.rmtree(tmp_path / "warm")
        done = process(*words, largest=4096)
    else:
        done = (process if case.get("process") else leachsim)(*words)
    assert told(done.err, tmp_path) == case["message"]
    assert done.code == case["exit_code"]
    assert done.out == ""
    assert "Traceback" not in done.err
    assert contents(tmp_path) == before, "nothing is left behind, nothing is touched"


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("name", SEEN_BY_CHECK)
def test_check_says_the_same(name: str, prepared: Any, leachsim: Any, tmp_path: Path) -> None:
    case = CASES[name]
    done = leachsim("check", *prepared(case))
    assert (told(done.err, tmp_path), done.code, done.out) == (case["message"], case["exit_code"], "")


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.get("only_run")])
def test_what_check_cannot_see(name: str, prepared: Any, leachsim: Any) -> None:
    """`only_run` is no excuse for what `check` does report."""
    assert leachsim("check", *prepared(CASES[name])).code == 0


@pytest.mark.parametrize(("file", "given"), [("with-sites.toml", "terrain"), ("with-reaches.toml", "folder_exists")])
def test_what_the_cases_spoil_is_in_order(file: str, given: str, prepared: Any, leachsim: Any) -> None:
    done = leachsim("check", *prepared({"file": file, "given": given}))
    assert (done.code, done.err) == (0, "")


def test_every_case_is_another_mistake() -> None:
    messages = [case["message"] for case in CASES.values()]
    assert len(set(messages)) == len(messages)
    assert len(CASES) >= 25
    assert set(ASKED.values()) <= set(CASES)
    assert {case["exit_code"] for case in CASES.values()} == {2, 3}


def test_cases_use_what_there_is() -> None:
    for name, case in CASES.items():
        assert set(case) <= KEYS, name
        assert case.get("given", "terrain") in GIVEN, name
    used = {case.get("given") for case in CASES.values()}
    assert used >= set(GIVEN)
    named = {case["file"] for case in CASES.values()}
    named |= {Path(each.partition("=")[2]).name for case in CASES.values() for each in case.get("set", ())}
    helpers = {"cases.toml", "reaches.csv", "sites.csv"}
    assert {path.name for path in INVALID.iterdir()} - helpers <= named


def test_messages_say_what_to_do() -> None:
    for name, case in CASES.items():
        for line in case["message"].splitlines():
            number = int(line[3:6])
            assert number in CATALOGUE, name
            assert line.endswith(f"See docs/errors.md#ls-{number}."), name
            assert ".." not in line.replace("...", "").replace("../", ""), name

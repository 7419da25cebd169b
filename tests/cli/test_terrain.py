"""`leachsim terrain`: rasters that say what they are, comparisons that say what is uncertain, nothing half-written."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from sim.cli.rate import RateProgress
from sim.errors import DataError
from sim.terrain.cost import Memory

SIZE = 30.0
SHAPE = (60, 80)
RASTERS = (
    "conditioned.tif", "flow_direction.tif", "upstream_area.tif", "height_above_drainage.tif", "stream_order.tif",
)  # fmt: skip
ROW_STEP, COLUMN_STEP = (0, 1, 1, 1, 0, -1, -1, -1), (1, 1, 0, -1, -1, -1, 0, 1)


def ground(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """A valley that falls to the south with two closed hollows, one of 8 m and one of 60 m, a gap, and noise."""
    row, column = np.indices(shape).astype(np.float64)
    middle = shape[1] / 2
    z = 500.0 - 1.0 * row + 3.0 * np.abs(column - middle)
    z += np.random.default_rng(4).uniform(0.0, 1.5, shape)
    z[20:26, 40:46] -= 8.0
    z[34:42, 12:20] -= 60.0
    z[50:53, 60:63] = -9999.0
    return z.astype(np.float32)


@pytest.fixture
def dem(tmp_path: Path) -> Path:
    return write_dem(tmp_path / "dem.tif", ground())


def write_dem(path: Path, values: np.ndarray) -> Path:
    transform = Affine(SIZE, 0.0, 400_000.0, 0.0, -SIZE, 2_700_000.0)
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": "EPSG:32647", "nodata": -9999.0}
    with rasterio.open(
        path, "w", height=values.shape[0], width=values.shape[1], transform=transform, **profile
    ) as file:
        file.write(values, 1)
    return path


def band(path: Path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        values: np.ndarray = dataset.read(1)
    return values


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names(folder)}


def refused(done: Any, folder: Path, code: int, number: str, where: str) -> str:
    """The one message of a command that left nothing but the DEM behind."""
    assert done.code == code, done.err
    assert done.err.startswith(f"{number} {where}"), done.err
    assert "Traceback" not in done.err
    assert [path.name for path in folder.iterdir()] == ["dem.tif"]
    return str(done.err)


def test_condition_writes_what_follows_from_the_elevations(leachsim: Any, tmp_path: Path, dem: Path) -> None:
    done = leachsim("terrain", "condition", "dem.tif", "--out", "t", "--stream-area", "0.2")
    assert (done.code, done.err) == (0, "")
    assert "Modelled, not measured" in done.out
    folder = tmp_path / "t"
    assert {*RASTERS, "depressions.csv", "terrain.json", "README.txt"} <= set(names(folder))
    z = ground()
    valid = z > -9999.0
    code, area = band(folder / "flow_direction.tif"), band(folder / "upstream_area.tif")
    assert np.array_equal(code != 15, valid)
    cell = SIZE**2 / 1e6
    outlet = valid & (code >= 8)
    assert area[outlet].sum() == pytest.approx(valid.sum() * cell, rel=1e-6)
    conditioned = band(folder / "conditioned.tif")
    for r, c in np.argwhere(valid & (code < 8)):
        to = r + ROW_STEP[code[r, c]], c + COLUMN_STEP[code[r, c]]
        assert valid[to]
        assert conditioned[to] <= conditioned[r, c]
        assert area[to] > area[r, c]
    streams = valid & (area >= 0.2)
    order, height = band(folder / "stream_order.tif"), band(folder / "height_above_drainage.tif")
    assert np.array_equal(order > 0, streams)
    assert np.all(height[streams] == 0.0)
    assert np.all(height[valid & ~streams & (height != -9999.0)] >= 0.0)


def test_rasters_say_what_they_hold(leachsim: Any, tmp_path: Path, dem: Path) -> None:
    assert leachsim("terrain", "condition", "dem.tif", "--out", "t").code == 0
    units = {"conditioned": "m", "flow_direction": "1", "upstream_area": "km2", "height_above_drainage": "m",
             "stream_order": "1"}  # fmt: skip
    for name, unit in units.items():
        with rasterio.open(tmp_path / "t" / f"{name}.tif") as dataset:
            assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert dataset.crs.to_epsg() == 32647
            assert dataset.units == (unit,)
            assert "Modelled, not measured. Elevations: dem.tif" in dataset.tags()["DESCRIPTION"]
            assert dataset.nodata is not None
    with rasterio.open(tmp_path / "t" / "flow_direction.tif") as dataset:
        said = dataset.tags()["DESCRIPTION"]
    for words in (
        "0 = drains to the east",
        "7 = drains to the north-east",
        "8 = outlet at the edge",
        "15 = no elevation",
    ):
        assert words in said
    readme = (tmp_path / "t" / "README.txt").read_text(encoding="utf-8")
    assert "uncertainty, not truth" in readme
    assert all(name in readme for name in RASTERS)


@pytest.mark.parametrize(
    ("conditioning", "decisions"), [("auto", {"carve", "fill"}), ("carve", {"carve"}), ("fill", {"fill"})]
)
def test_every_depression_is_told(
    leachsim: Any, tmp_path: Path, dem: Path, conditioning: str, decisions: set[str]
) -> None:
    done = leachsim("terrain", "condition", "dem.tif", "--out", "t", "--conditioning", conditioning, "--json")
    assert done.code == 0, done.err
    with (tmp_path / "t" / "depressions.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["decision"] for row in rows} == decisions
    volumes = [float(row["volume (m3)"]) for row in rows]
    assert volumes == sorted(volumes, reverse=True)
    deepest = rows[0]
    assert 34 <= int(deepest["row"]) < 42
    assert 12 <= int(deepest["column"]) < 20
    assert float(deepest["depth (m)"]) > 20.0
    assert float(deepest["longitude (degrees_east)"]) == pytest.approx(98.0, abs=0.05)
    numbers = done.document["numbers"]
    told = {name: row["depressions"] for name, row in numbers["depressions"].items()}
    assert told == {name: sum(row["decision"] == name for row in rows) for name in ("keep", "fill", "carve")}
    filled = sum(float(row["volume (m3)"]) for row in rows if row["decision"] == "fill")
    assert numbers["raised_volume_m3"] == pytest.approx(filled, rel=1e-3, abs=1.0)


def test_the_record_repeats_and_lists_its_files(leachsim: Any, tmp_path: Path, dem: Path) -> None:
    for out in ("a", "b"):
        assert leachsim("terrain", "condition", "dem.tif", "--out", out, "--quiet").code == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    record = json.loads((tmp_path / "a" / "terrain.json").read_text(encoding="utf-8"))
    assert set(record["files"]) == set(names(tmp_path / "a")) - {"terrain.json"}
    assert record["input"]["file"] == "dem.tif"
    assert record["engine"] == "native"
    assert record["label"] == "Modelled, not measured"
    assert record["numbers"]["valid_cells"] == int((ground() > -9999.0).sum())


def test_the_default_folder_is_free(leachsim: Any, tmp_path: Path, dem: Path) -> None:
    for _ in range(2):
        assert leachsim("terrain", "condition", "dem.tif", "--quiet").code == 0
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["dem-terrain", "dem-terrain-2"]


def test_bounds_and_resolution_reach_the_reader(leachsim: Any, tmp_path: Path, dem: Path) -> None:
    done = leachsim(
        "terrain", "condition", "dem.tif", "--out", "t", "--json", "--resolution", "60", "--crs", "EPSG:32647",
        "--bounds", "98.003,24.395,98.018,24.41",
    )  # fmt: skip
    assert done.code == 0, done.err
    numbers = done.document["numbers"]
    assert numbers["cell_width_m"] == 60.0
    assert numbers["cells"] < SHAPE[0] * SHAPE[1] / 4


def test_whitebox_conditions_too(leachsim: Any, tmp_path: Path, dem: Path) -> None:
    done = leachsim("terrain", "condition", "dem.tif", "--out", "t", "--engine", "whitebox", "--json")
    assert done.code == 0, done.err
    assert done.document["numbers"]["depressions"] is None
    assert any("depressions.csv is empty" in words for words in done.document["warnings"])
    assert json.loads((tmp_path / "t" / "terrain.json").read_text(encoding="utf-8"))["engine"].startswith("whitebox")


def test_no_streams_is_said(leachsim: Any, dem: Path) -> None:
    done = leachsim("terrain", "condition", "dem.tif", "--out", "t", "--stream-area", "1000", "--json")
    assert done.code == 0, done.err
    assert done.document["numbers"]["stream_cells"] == 0
    assert any("No cell drains 1000 km2" in words for words in done.document["warnings"])


@pytest.mark.parametrize(("conditioning", "warned"), [("fill", True), ("carve", False)])
def test_heights_over_filled_ground_are_warned_of(leachsim: Any, dem: Path, conditioning: str, warned: bool) -> None:
    document = leachsim(
        "terrain", "condition", "dem.tif", "--out", "t", "--conditioning", conditioning, "--json"
    ).document
    assert any("Filled depressions cover" in words for words in document["warnings"]) is warned


@pytest.mark.parametrize(
    ("words", "code", "number", "where"),
    [
        (("--conditioning", "best"), 2, "LS-207", "--conditioning = 'best'. Must be one of auto, carve, fill"),
        (("--engine", "taudem"), 2, "LS-207", "--engine = 'taudem'. Must be one of native, whitebox"),
        (("--engine", "whitebox", "--conditioning", "auto"), 2, "LS-209", "--conditioning = auto"),
        (("--bounds", "1,2,3"), 2, "LS-205", "--bounds = '1,2,3'"),
        (("--bounds", "98,24,97,25"), 2, "LS-209", "--bounds"),
        (("--bounds", "10,10,11,11"), 3, "LS-306", "DEM"),
        (("--resolution", "0"), 2, "LS-204", "--resolution = 0 m"),
        (("--resolution", "nan"), 2, "LS-204", "--resolution = nan m"),
        (("--crs", "EPSG:4326"), 2, "LS-204", "--crs"),
        (("--crs", "nonsense"), 2, "LS-207", "--crs"),
        (("--stream-area", "-1"), 2, "LS-204", "--stream-area = -1 km2"),
        (("--stream-area", "inf"), 2, "LS-204", "--stream-area = inf km2"),
    ],
)
def test_mistakes_name_the_option(
    leachsim: Any, tmp_path: Path, dem: Path, words: tuple[str, ...], code: int, number: str, where: str
) -> None:
    done = leachsim("terrain", "condition", "dem.tif", "--out", "t", *words)
    assert "terrain." not in refused(done, tmp_path, code, number, where).split("See docs")[0]


def test_a_dem_that_is_not_there(leachsim: Any, tmp_path: Path, dem: Path) -> None:
    for verb in ("condition", "compare"):
        done = leachsim("terrain", verb, "nowhere.tif", "--out", "t")
        where = "DEM" if verb == "condition" else "SCENARIO_OR_DEM"
        refused(done, tmp_path, 3, "LS-301", where)


def test_an_existing_folder_is_not_touched(leachsim: Any, tmp_path: Path, dem: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "precious.txt").write_text("data", encoding="utf-8")
    for verb in ("condition", "compare"):
        done = leachsim("terrain", verb, "dem.tif", "--out", "t")
        assert (done.code, done.err[:6]) == (2, "LS-212")
    assert names(tmp_path) == ["dem.tif", "t/precious.txt"]


@pytest.mark.parametrize("verb", ["condition", "compare"])
def test_what_does_not_fit_is_refused_before_it_is_read(
    leachsim: Any, tmp_path: Path, dem: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("elevations were read")

    monkeypatch.setattr("sim.terrain.cost.available_memory", lambda: Memory(100_000_000, "a test"))
    monkeypatch.setattr("sim.io.rasters.read_dem", never)
    said = refused(leachsim("terrain", verb, "dem.tif", "--out", "t"), tmp_path, 3, "LS-311", "DEM = 4,800 cells")
    assert "GB are needed, 0.1 GB can be given" in said
    assert "coarser resolution or smaller bounds" in said


def test_check_states_memory_and_refuses_what_does_not_fit(
    leachsim: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.pipeline.size.available_memory", lambda: Memory(64_000_000_000, "a test"))
    done = leachsim("check", "kachin", "--json")
    assert done.document["available_bytes"] == 64_000_000_000
    assert any(line == "Memory: 64 GB are free (a test)" for line in done.document["lines"])
    assert any("GB and" in line and "compiled kernels" in line for line in done.document["lines"])
    monkeypatch.setattr("sim.pipeline.size.available_memory", lambda: Memory(200_000_000, "a test"))
    for verb in ("check", "run"):
        done = leachsim(verb, "kachin")
        assert done.code == 3
        assert done.err.splitlines()[-1].startswith("LS-311 scenario.toml: terrain.resolution = 458,048 cells")
    assert list(tmp_path.rglob("*.nc")) == []
    monkeypatch.setattr("sim.pipeline.size.available_memory", lambda: Memory(-1, "a test"))
    assert "The memory of this machine cannot be told (a test)" in leachsim("check", "kachin").out


def test_a_run_that_does_not_fit_builds_no_terrain(monkeypatch: pytest.MonkeyPatch, scenarios: Path) -> None:
    from sim.pipeline.run import simulate
    from sim.scenario.load import load_scenario

    monkeypatch.setattr("sim.pipeline.size.available_memory", lambda: Memory(200_000_000, "a test"))
    with pytest.raises(DataError) as caught:
        simulate(load_scenario(scenarios / "kachin" / "scenario.toml"))
    assert caught.value.number == 311


def test_unknown_memory_is_a_warning(leachsim: Any, dem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.terrain.cost.available_memory", lambda: Memory(-1, "a test"))
    done = leachsim("terrain", "condition", "dem.tif", "--out", "t", "--json")
    assert done.code == 0
    assert "cannot be told (a test)" in done.document["warnings"][0]


@pytest.mark.parametrize(
    ("verb", "place"),
    [
        ("condition", "sim.io.terrain_rasters.write_stream_order"),
        ("condition", "sim.terrain.condition_native"),
        ("compare", "sim.io.terrain_comparison.write_comparison_table"),
        ("compare", "sim.terrain.compare.compare"),
    ],
)
def test_an_interrupt_leaves_nothing(
    leachsim: Any, tmp_path: Path, dem: Path, monkeypatch: pytest.MonkeyPatch, verb: str, place: str
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(place, stop)
    options = ("--with", "carve,fill") if verb == "compare" else ()
    done = leachsim("terrain", verb, "dem.tif", "--out", "new/t", *options)
    refused(done, tmp_path, 130, "LS-501", f"leachsim terrain {verb}")


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_process_leaves_nothing(tmp_path: Path, number: int) -> None:
    write_dem(tmp_path / "dem.tif", np.tile(ground(), (25, 20)))
    run = subprocess.Popen(
        [sys.executable, "-m", "sim", "terrain", "condition", "dem.tif", "--out", "t"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 120.0
    while not list(tmp_path.glob(".t.partial-*/*.tif")):
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < until
        time.sleep(0.005)
    run.send_signal(number)
    _, said = run.communicate(timeout=120)
    assert run.returncode == 130, said
    assert "LS-501 leachsim terrain condition" in said
    assert [path.name for path in tmp_path.iterdir()] == ["dem.tif"]


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
def test_a_full_disk_leaves_nothing(process: Any, tmp_path: Path, dem: Path) -> None:
    done = process("terrain", "condition", "dem.tif", "--out", "t", largest=6000)
    refused(done, tmp_path, 3, "LS-310", "t")


class _Page(HTMLParser):
    """Text of a page; fails on scripts and on anything loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "iframe", "link", "object")
        for name, value in attrs:
            assert not name.startswith("on")
            if name in ("src", "href"):
                assert (value or "").startswith(("data:", "#"))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def page_text(path: Path) -> str:
    reader = _Page()
    reader.feed(path.read_text(encoding="utf-8"))
    return " ".join(" ".join(reader.words).split())


def test_compare_says_where_settings_differ(leachsim: Any, tmp_path: Path, dem: Path) -> None:
    done = leachsim("terrain", "compare", "dem.tif", "--out", "c", "--stream-area", "0.1", "--json")
    assert (done.code, done.err) == (0, "")
    document = done.document
    assert document["failed"] == []
    pairs = {(pair["first"], pair["second"]): pair for pair in document["comparisons"]}
    assert set(pairs) == {("carve", "fill"), ("carve", "whitebox-breach"), ("fill", "whitebox-breach")}
    assert pairs["carve", "fill"]["same_flow_paths"]
    assert pairs["carve", "fill"]["streams"]["jaccard"] == 1.0
    breached = pairs["carve", "whitebox-breach"]
    assert 0.0 < breached["streams"]["jaccard"] <= breached["streams"]["jaccard_within_one_cell"] <= 1.0
    assert breached["cells"] == int((ground() > -9999.0).sum())
    assert 1 <= len(breached["largest_basins_of_first"]) <= 10
    assert breached["largest_basins_of_first"][0]["first_area_km2"] <= breached["cells"] * SIZE**2 / 1e6
    settings = {row["name"]: row for row in document["settings"]}
    assert settings["fill"]["lowered_cells"] == settings["carve"]["raised_cells"] == 0
    assert settings["fill"]["raised_volume_m3"] > 0.0 < settings["carve"]["lowered_volume_m3"]
    folder = tmp_path / "c"
    assert names(folder) == [
        "compare.csv", "compare.html", "compare.json", "figures/streams_carve_whitebox-breach.png",
    ]  # fmt: skip
    kept = json.loads((folder / "compare.json").read_text(encoding="utf-8"))
    assert kept["comparisons"] == document["comparisons"]
    assert set(kept["files"]) == set(names(folder)) - {"compare.json"}
    text = page_text(folder / "compare.html")
    assert "Conditioning is uncertainty, not truth" in text
    assert "Modelled, not measured" in text
    assert "carve and fill give the same flow paths in every cell" in text


def test_the_table_holds_what_the_document_holds(leachsim: Any, tmp_path: Path, dem: Path) -> None:
    words = ("--out", "c", "--with", "fill,whitebox-fill", "--stream-area", "0.1", "--json")
    document = leachsim("terrain", "compare", "dem.tif", *words).document
    with (tmp_path / "c" / "compare.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    found = {(row["about"], row["setting"], row["place"], row["measure"]): row["value"] for row in rows}
    pair = document["comparisons"][0]
    assert float(found["streams", "fill", "", "Jaccard"]) == pair["streams"]["jaccard"]
    assert int(found["outlets", "fill", "", "cells in another basin"]) == pair["cells_in_another_basin"]
    basin = pair["largest_basins_of_first"][0]
    assert float(found["basin", "fill", "basin 1", "shared area"]) == basin["shared_area_km2"]
    assert float(found["basin", "fill", "basin 1", "first outlet longitude"]) == basin["first_outlet"]["longitude"]
    for row in document["settings"]:
        assert float(found["setting", row["name"], "", "raised volume"]) == row["raised_volume_m3"]
    assert {row["unit"] for row in rows} == {"1", "m", "m3", "km2", "degrees"}


def test_a_comparison_repeats_byte_for_byte(leachsim: Any, tmp_path: Path, dem: Path) -> None:
    for out in ("a", "b"):
        done = leachsim("terrain", "compare", "dem.tif", "--out", out, "--with", "auto,whitebox-fill", "--quiet")
        assert done.code == 0, done.err
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


HOSTILE = "<script>alert(1)</script> {{ 7*7 }} \x1b[31m"


def fail(monkeypatch: pytest.MonkeyPatch, engines: tuple[str, ...]) -> None:
    """Let engines fail with a message that tries to be markup."""
    from sim.terrain import condition_native

    def broken(*_: Any, **__: Any) -> None:
        raise DataError(312, "whitebox", expected=f"The engine crashed: {HOSTILE}")

    monkeypatch.setattr("sim.terrain.condition_whitebox", broken)
    monkeypatch.setattr("sim.terrain.condition_native", broken if "native" in engines else condition_native)


def test_an_engine_that_fails_is_reported(
    leachsim: Any, tmp_path: Path, dem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(monkeypatch, ("whitebox",))
    done = leachsim("terrain", "compare", "dem.tif", "--out", "c", "--with", "carve,whitebox-breach,fill")
    assert done.code == 0, done.err
    assert "Failed: whitebox-breach: LS-312 whitebox. The engine crashed" in done.out
    assert "\x1b" not in done.out
    text = page_text(tmp_path / "c" / "compare.html")
    assert "Settings that failed" in text
    assert "<script>alert(1)</script> {{ 7*7 }}" in text, "shown as text"
    document = json.loads((tmp_path / "c" / "compare.json").read_text(encoding="utf-8"))
    assert [row["name"] for row in document["failed"]] == ["whitebox-breach"]
    assert [row["name"] for row in document["settings"]] == ["carve", "fill"]
    assert "failed,whitebox-breach" in (tmp_path / "c" / "compare.csv").read_text(encoding="utf-8")


def test_nothing_left_to_compare(leachsim: Any, tmp_path: Path, dem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(monkeypatch, ("whitebox", "native"))
    said = refused(leachsim("terrain", "compare", "dem.tif", "--out", "c"), tmp_path, 3, "LS-312", "leachsim terrain")
    assert "0 of 3 settings gave flow paths" in said
    assert "whitebox-breach: LS-312" in said


@pytest.mark.parametrize(
    ("names_given", "number", "hint"),
    [
        ("carve,whitbox-fill", "LS-207", "Did you mean whitebox-fill"),
        ("carve,", "LS-207", "Known: auto, carve"),
        ("carve,fill,carve", "LS-208", "carve twice"),
        ("carve", "LS-209", "At least two"),
    ],
)
def test_names_that_cannot_be_compared(
    leachsim: Any, tmp_path: Path, dem: Path, names_given: str, number: str, hint: str
) -> None:
    done = leachsim("terrain", "compare", "dem.tif", "--out", "c", "--with", names_given)
    assert hint in refused(done, tmp_path, 2, number, "--with")


def test_options_of_rasters_and_scenarios_do_not_mix(leachsim: Any, tmp_path: Path, dem: Path) -> None:
    done = leachsim("terrain", "compare", "dem.tif", "--out", "c", "--set", "terrain.resolution=60.0")
    refused(done, tmp_path, 2, "LS-209", "--set")
    done = leachsim("terrain", "compare", "kachin", "--out", "c", "--resolution", "900")
    refused(done, tmp_path, 2, "LS-209", "SCENARIO_OR_DEM")
    done = leachsim("terrain", "compare", "channel-decay", "--out", "c")
    refused(done, tmp_path, 2, "LS-209", "scenario.toml: channel")


def test_a_scenario_brings_its_places(leachsim: Any, tmp_path: Path) -> None:
    """The shipped scenario on coarse illustrative ground: stations as a run finds them, and what it says of itself."""
    words = ("--set", "terrain.resolution=1500.0", "--with", "fill,whitebox-fill", "--out", "c", "--json")
    done = leachsim("terrain", "compare", "kachin", *words)
    assert done.code == 0, done.err
    document = done.document
    assert document["about"]["labels"] == ["Modelled, not measured", "Illustrative terrain"]
    places = {place["name"]: place for place in document["places"]}
    assert {"Chipwi Creek mouth", "Pangwa", "Bhamo"} <= set(places)
    creek = places["Chipwi Creek mouth"]
    assert creek["kind"] == "station"
    for area in creek["area_km2"].values():
        assert 712 / 3 < area < 712 * 3
    for place in places.values():
        unknown = [name for name, area in place["area_km2"].items() if area is None]
        assert sorted(place["not_found"]) == sorted(unknown)
    text = page_text(tmp_path / "c" / "compare.html")
    assert "Drainage area at named places" in text
    assert "Illustrative terrain" in text


def test_progress_shows_stage_rate_and_share_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown: dict[str, str] = {}
    for name, stream, quiet in (
        ("terminal", Terminal(), False),
        ("quiet", Terminal(), True),
        ("file", io.StringIO(), False),
    ):
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        with RateProgress(quiet=quiet) as progress:
            progress("reading", 0.0, 36_000_000, "")
            progress("conditioning \x1b[31m", 0.25, 36_000_000, "forest")
        shown[name] = stream.getvalue()
    assert shown["quiet"] == shown["file"] == ""
    assert "reading," in shown["terminal"]
    assert "cells/s" in shown["terminal"]
    assert "36 M cells" in shown["terminal"]
    assert "25%" in shown["terminal"]
    assert "forest" in shown["terminal"]
    assert "\\x1b[31m" in shown["terminal"], "text is made harmless"

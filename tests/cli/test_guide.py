"""The guide to one's own data, followed to the letter, leads to a run of one's own data."""

from __future__ import annotations

import csv
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio import Affine

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guide" / "your-own-data.md").read_text(encoding="utf-8")
STEP = re.compile(r"^<!-- step: ([\w.]+) -->\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
STEPS = dict(STEP.findall(GUIDE))


def valley(path: Path) -> None:
    """A valley that falls to the west along 25.7 N, with side valleys; it reaches beyond the guide's bounds."""
    west, north, size, shape = 98.1, 25.95, 0.002, (250, 200)
    row, column = np.indices(shape)
    longitude, latitude = west + (column + 0.5) * size, north - (row + 0.5) * size
    height = 300.0 + 2500.0 * (longitude - west) + 5000.0 * np.abs(latitude - 25.7)
    height += 80.0 * np.cos(2.0 * np.pi * longitude / 0.06) * np.minimum(1.0, np.abs(latitude - 25.7) / 0.05)
    with rasterio.open(
        path, "w", driver="GTiff", count=1, dtype="float32", crs="EPSG:4326", height=shape[0], width=shape[1],
        transform=Affine(size, 0.0, west, 0.0, -size, north),
    ) as dataset:  # fmt: skip
        dataset.write(height.astype("float32"), 1)


def replaced(text: str, table: str, new: str) -> str:
    """`text` with every table of that name, up to the next head, replaced by `new` as a reader would."""
    old = re.compile(rf"^\[\[?{re.escape(table)}\]\]?\n(?:(?!^\[|^# ?\[|^# [A-Z]).*\n?)*", re.MULTILINE)
    assert len(old.findall(text)) == 1, f"the new scenario holds [{table}] once"
    return old.sub(lambda _: new + "\n", text)


def test_the_guide_has_the_steps() -> None:
    assert list(STEPS) == ["terrain", "pits.csv", "pits", "hydrology.rain", "receptor"]


@pytest.mark.slow
def test_following_the_guide(leachsim: Any, tmp_path: Path) -> None:
    assert leachsim("new", "my-area").code == 0
    assert leachsim("check", "my-area").code == 0
    folder = tmp_path / "my-area"
    text = (folder / "scenario.toml").read_text(encoding="utf-8")
    for name, block in STEPS.items():
        if name == "pits.csv":
            (folder / name).write_text(block, encoding="utf-8")
            continue
        if name == "terrain":
            valley(folder / "my-dem.tif")
        text = replaced(text, name, block)
        (folder / "scenario.toml").write_text(text, encoding="utf-8")
        done = leachsim("check", "my-area")
        assert (done.code, done.err) == (0, ""), name
    written = tomllib.loads(text)
    assert [place["name"] for place in written["receptor"]] == ["My village", "My intake"]
    assert written["terrain"]["dem"] == "my-dem.tif"

    done = leachsim("run", "my-area", "--quiet")
    assert (done.code, done.err) == (0, "")
    run = tmp_path / "runs" / "my-area"
    document = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert {row["file"] for row in document["inputs"]} == {"scenario.toml", "my-dem.tif", "pits.csv"}
    assert document["labels"] == ["Modelled, not measured", "Prior only: no local measurements"]
    assert "Kachin" not in (run / "report.html").read_text(encoding="utf-8").replace("in Kachin", "")
    with (run / "receptors.csv").open(encoding="utf-8", newline="") as stream:
        places = {row["name"]: row for row in csv.DictReader(stream)}
    assert [place["status"] for place in places.values()] == ["located", "located"]

    resolved = str(Path("runs") / "my-area" / "scenario.resolved.toml")
    missing = leachsim("check", resolved)
    assert missing.code == 3
    assert [line[:6] for line in missing.err.splitlines()] == ["LS-301", "LS-301"]
    files = ("--set", "terrain.dem=my-area/my-dem.tif", "--set", "pits.file=my-area/pits.csv")
    assert leachsim("check", resolved, *files).code == 0
    (folder / "again.toml").write_bytes((run / "scenario.resolved.toml").read_bytes())
    assert leachsim("check", "my-area/again.toml").code == 0


@pytest.mark.slow
def test_a_new_scenario_runs_as_it_stands(leachsim: Any, tmp_path: Path) -> None:
    assert leachsim("new", "mine").code == 0
    done = leachsim("run", "mine", "--json", "--quiet")
    assert (done.code, done.err) == (0, "")
    assert done.document["warnings"] == []
    assert "Illustrative pit positions" in done.document["labels"]
    assert "Illustrative terrain" in done.document["labels"]
    report = (tmp_path / "runs" / "mine" / "report.html").read_text(encoding="utf-8")
    assert "Example village" in report

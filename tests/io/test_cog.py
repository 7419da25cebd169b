"""Cloud-Optimised GeoTIFFs: valid, in the right place, with their meaning in them."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from sim.io.cog import write_cog, write_exposure_rasters
from sim.terrain.objects import Grid
from sim.testing.results import synthetic_channel_result, synthetic_result


def grid(rows: int, columns: int) -> Grid:
    return Grid(
        np.zeros((rows, columns), dtype=np.float32),
        np.ones((rows, columns), dtype=bool),
        (450.0, 0.0, 275_850.0, 0.0, -450.0, 3_010_950.0),
        rasterio.crs.CRS.from_epsg(32647).to_wkt(),
        "flat",
    )


def check_layout(path: Path, overviews: list[int]) -> None:
    """The layout GDAL's validator asks for: ghost header, main image first, overviews after, tiled, data behind."""
    raw = path.read_bytes()
    assert b"LAYOUT=IFDS_BEFORE_DATA" in raw[:400]
    assert struct.unpack("<H", raw[2:4])[0] in (42, 43)
    with rasterio.open(path) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.block_shapes == [(256, 256)]
        assert dataset.overviews(1) == overviews


@pytest.mark.parametrize(
    ("dtype", "nodata"), [("float32", -9999.0), ("float64", float("nan")), ("uint8", 255), ("int16", -1)]
)
def test_round_trip(tmp_path: Path, dtype: str, nodata: float) -> None:
    target = grid(842, 544)
    values = np.random.default_rng(1).integers(0, 200, target.shape).astype(dtype)
    write_cog(tmp_path / "a.tif", values, target, nodata=nodata, name="depth", unit="m", description="Mean depth.")
    check_layout(tmp_path / "a.tif", [2, 4])
    with rasterio.open(tmp_path / "a.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), values)
        assert dataset.crs.to_epsg() == 32647
        assert tuple(dataset.transform)[:6] == target.transform
        assert dataset.descriptions == ("depth",)
        assert dataset.units == ("m",)
        assert dataset.tags()["DESCRIPTION"] == "Mean depth."
        assert not [key for key in dataset.tags() if "DATETIME" in key]
        assert dataset.nodata == nodata or np.isnan(dataset.nodata)


def test_small_raster_needs_no_overview(tmp_path: Path) -> None:
    target = grid(30, 20)
    write_cog(
        tmp_path / "a.tif", np.zeros(target.shape, np.float32), target, nodata=None, name="a", unit="1", description=""
    )
    check_layout(tmp_path / "a.tif", [])


def test_wrong_shape(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="array has shape"):
        write_cog(tmp_path / "a.tif", np.zeros((3, 3)), grid(4, 4), nodata=None, name="a", unit="1", description="")
    assert not list(tmp_path.iterdir())


def test_exposure_rasters(tmp_path: Path) -> None:
    result = synthetic_result()
    exposure, network = result.exposure, result.network
    assert exposure is not None
    paths = write_exposure_rasters(tmp_path, result)
    assert len(paths) == len(exposure.thresholds) + 1
    for path in paths:
        style = ET.fromstring(path.with_suffix(".qml").read_text())
        assert style.find(".//rasterrenderer") is not None
    owner = np.repeat(np.arange(network.size), np.diff(network.channel_start))
    affected = exposure.downstream[owner]
    assert not affected.all()
    for h, path in enumerate(paths[:-1]):
        assert "times this threshold" in path.with_suffix(".qml").read_text()
        with rasterio.open(path) as dataset:
            band = dataset.read(1)
            said = dataset.tags()["DESCRIPTION"]
            assert "; ".join(result.labels) in said
            assert "below at least one site; all other cells are nodata" in said
        seen = np.flatnonzero(band.ravel() != -9999.0)
        np.testing.assert_array_equal(seen, np.unique(network.channel_cell[affected]))
        # The node's quotient is the worst of its two ends; between them ammonium can rise a little before it decays.
        worst = exposure.quotient[h].max(axis=0)[owner]
        assert np.all(band.ravel()[network.channel_cell[affected]] <= worst[affected] * 1.01)


@pytest.mark.parametrize(("dtype", "nodata"), [("float32", -9999.0), ("float64", float("nan")), ("int16", 99)])
def test_overviews_keep_the_largest_value(tmp_path: Path, dtype: str, nodata: float) -> None:
    """A single hot cell in a thin river is seen at every zoom, and nodata never counts as large or small."""
    target = grid(843, 545)
    values = np.full(target.shape, nodata, dtype=dtype)
    values[400, :] = 1
    values[400, 333] = 50
    options: dict[str, Any] = {"nodata": nodata, "name": "q", "unit": "1", "description": "Worst."}
    write_cog(tmp_path / "a.tif", values, target, largest=True, **options)
    check_layout(tmp_path / "a.tif", [2, 4])
    with rasterio.open(tmp_path / "a.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), values)
        assert (dataset.descriptions, dataset.units, dataset.tags()["UNITS"]) == (("q",), ("1",), "1")
        assert dataset.crs.to_epsg() == 32647
        assert dataset.nodata == nodata or np.isnan(dataset.nodata)
    for level, factor in ((0, 2), (1, 4)):
        with rasterio.open(tmp_path / "a.tif", overview_level=level) as dataset:
            seen = dataset.read(1, masked=True)
        expected = np.ones(-(-545 // factor))
        expected[333 // factor] = 50
        np.testing.assert_array_equal(seen[400 // factor].compressed(), expected)
        assert seen.count() == expected.size


def test_zone_raster_adds_up(tmp_path: Path) -> None:
    result = synthetic_result()
    assert result.exposure is not None
    assert result.terrain is not None
    path = write_exposure_rasters(tmp_path, result)[-1]
    with rasterio.open(path) as dataset:
        band = dataset.read(1)
    area = result.terrain.grid.cell_area
    assert np.count_nonzero(band == 1) * area == pytest.approx(result.exposure.overlap.land_circle_only)
    assert np.count_nonzero(band == 2) * area == pytest.approx(result.exposure.overlap.land_modelled_only)
    assert np.count_nonzero(band == 3) * area == pytest.approx(result.exposure.overlap.land_both)


def test_channel_scenario_has_no_rasters(tmp_path: Path) -> None:
    assert write_exposure_rasters(tmp_path, synthetic_channel_result()) == []
    assert not list(tmp_path.iterdir())

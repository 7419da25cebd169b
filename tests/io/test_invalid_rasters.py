"""Rasters that cannot be used: exact messages, exit code 3, nothing read online."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from sim.errors import DataError
from sim.io.rasters import read_dem

BOUNDS = (98.0, 25.0, 98.2, 25.2)
AT = Affine(0.005, 0.0, 97.9, 0.0, -0.005, 25.3)


def write(path: Path, values: Any, **options: Any) -> Path:
    profile = {"driver": "GTiff", "count": 1, "dtype": values.dtype.name, "crs": "EPSG:4326", "transform": AT} | options
    with rasterio.open(path, "w", height=values.shape[-2], width=values.shape[-1], **profile) as dataset:
        dataset.write(values if values.ndim == 3 else values[None])
    return path


def message(path: Path | str, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read_dem(path, **({"bounds": BOUNDS, "resolution": 500.0} | options))
    assert caught.value.exit_code == 3
    return str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "no.tif"
    assert message(path) == (
        f"LS-301 terrain.dem = '{path}'. No such file. Paths are relative to the folder of the scenario file. "
        "See docs/errors.md#ls-301."
    )


def test_folder(tmp_path: Path) -> None:
    assert message(tmp_path) == (
        f"LS-302 terrain.dem = '{tmp_path}'. Is a folder, a file is needed. See docs/errors.md#ls-302."
    )


@pytest.mark.parametrize(
    "address",
    ["https://example.org/dem.tif", "/vsicurl/https://example.org/dem.tif", "/vsis3/bucket/dem.tif", "s3://b/d.tif"],
)
def test_addresses_are_refused(address: str) -> None:
    assert message(address) == (
        f"LS-302 terrain.dem = '{address}'. Must be a file on this machine, a run never goes online. "
        "Download it first (leachsim fetch). See docs/errors.md#ls-302."
    )


@pytest.mark.parametrize(
    "source", ["/vsicurl/https://example.org/a.tif", "https://example.org/a.tif", "/vsis3/b/a.tif"]
)
def test_vrt_that_points_to_the_internet(tmp_path: Path, source: str) -> None:
    path = tmp_path / "a.vrt"
    path.write_text(
        '<VRTDataset rasterXSize="10" rasterYSize="10"><SRS>EPSG:4326</SRS>'
        "<GeoTransform>98, 0.01, 0, 25.2, 0, -0.01</GeoTransform>"
        '<VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
        f"<SourceFilename>{source}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    assert message(path) == (
        f"LS-302 terrain.dem = '{path}'. Points to data on the internet, a run never goes online. "
        "Download the parts first (leachsim fetch). See docs/errors.md#ls-302."
    )


CHECK = "Check with gdalinfo -checksum whether the file is whole. See docs/errors.md#ls-302."


@pytest.mark.parametrize("content", [b"", b"hello", b"II*\0", b"<VRTDataset>"])
def test_not_a_raster(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    assert message(path) == f"LS-302 terrain.dem = '{path}'. Is no raster file that GDAL can open. {CHECK}"


def test_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    path = write(tmp_path / "a.tif", np.ones((80, 80), dtype="float32"))
    monkeypatch.setattr(Path, "open", refuse)  # root, who runs many test machines, may read everything
    assert message(path) == f"LS-302 terrain.dem = '{path}'. Cannot be read: Permission denied. {CHECK}"


@pytest.mark.parametrize("options", [{}, {"compress": "deflate"}, {"tiled": True, "blockxsize": 32, "blockysize": 32}])
def test_truncated(tmp_path: Path, options: dict[str, Any]) -> None:
    rng = np.random.default_rng(1)
    path = write(tmp_path / "a.tif", rng.uniform(0, 100, (80, 80)).astype("float32"), **options)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    assert message(path) == (
        f"LS-302 terrain.dem = '{path}'. Its elevations cannot be read to the end, it breaks off or is damaged. {CHECK}"
    )


def test_truncated_hgt(tmp_path: Path) -> None:
    path = tmp_path / "N25E098.hgt"
    path.write_bytes(np.zeros((1201, 1201), dtype=">i2").tobytes()[:100_000])
    assert message(path) == f"LS-302 terrain.dem = '{path}'. Is no raster file that GDAL can open. {CHECK}"


def test_vrt_whose_tile_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "a.vrt"
    path.write_text(
        '<VRTDataset rasterXSize="80" rasterYSize="80"><SRS>EPSG:4326</SRS>'
        "<GeoTransform>97.9, 0.005, 0, 25.3, 0, -0.005</GeoTransform>"
        '<VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
        '<SourceFilename relativeToVRT="1">gone.tif</SourceFilename><SourceBand>1</SourceBand>'
        '<SrcRect xOff="0" yOff="0" xSize="80" ySize="80"/><DstRect xOff="0" yOff="0" xSize="80" ySize="80"/>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    assert message(path) == (
        f"LS-302 terrain.dem = '{path}'. Its elevations cannot be read to the end, it breaks off or is damaged. {CHECK}"
    )


def test_no_crs(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.ones((80, 80), dtype="float32"), crs=None)
    assert message(path) == (
        f"LS-303 terrain.dem = '{path}'. The raster has no coordinate reference system. Add it, for example with "
        "gdal_edit.py -a_srs EPSG:4326. See docs/errors.md#ls-303."
    )


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_no_position(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.ones((80, 80), dtype="float32"), transform=Affine.identity())
    assert message(path) == (
        f"LS-303 terrain.dem = '{path}'. The raster has no position (geotransform). Georeference it, for example with "
        "gdal_translate -a_ullr. See docs/errors.md#ls-303."
    )


@pytest.mark.parametrize(("fill", "nodata"), [(-9999.0, -9999.0), (np.nan, None), (-32768.0, None)])
def test_all_missing(tmp_path: Path, fill: float, nodata: float | None) -> None:
    path = write(tmp_path / "a.tif", np.full((80, 80), fill, dtype="float32"), nodata=nodata)
    assert message(path) == (
        f"LS-304 terrain.dem = '{path}'. The raster holds no valid cell inside terrain.bounds. Check its nodata value, "
        "or give other bounds. See docs/errors.md#ls-304."
    )
    assert "holds no valid cell at all" in message(path, bounds=None)


@pytest.mark.parametrize(("value", "shown"), [(12_345.0, "12345"), (-700.0, "-700")])
def test_values_that_cannot_be_elevations(tmp_path: Path, value: float, shown: str) -> None:
    values = np.full((80, 80), 300.0, dtype="float32")
    values[40, 33] = value
    path = write(tmp_path / "a.tif", values)
    assert message(path) == (
        f"LS-305 terrain.dem = a.tif, row 40, column 33: {shown} m. Elevations must lie between -500 and 9000 m. "
        "Declare this value as nodata (gdal_translate -a_nodata) or give the unit of the raster. "
        "See docs/errors.md#ls-305."
    )


def test_picture(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.ones((3, 80, 80), dtype="uint8"), count=3, photometric="RGB")
    assert message(path) == (
        f"LS-305 terrain.dem = '{path}'. Holds a picture, not elevations. Give a raster whose first band holds metres. "
        "See docs/errors.md#ls-305."
    )


def test_elsewhere(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.ones((80, 80), dtype="float32"))
    assert message(path, bounds=(10.0, 45.0, 11.0, 46.0)) == (
        f"LS-306 terrain.dem = '{path}'. The raster does not touch terrain.bounds = [10.0, 45.0, 11.0, 46.0]. Check "
        "the bounds (west, south, east, north in degrees) or give a raster of that area. See docs/errors.md#ls-306."
    )


def test_metric_raster_elsewhere(tmp_path: Path) -> None:
    values = np.ones((80, 80), dtype="float32")
    path = write(tmp_path / "a.tif", values, crs="EPSG:32633", transform=Affine(100.0, 0.0, 5e5, 0.0, -100.0, 5e6))
    assert message(path).startswith("LS-306 ")


def test_too_fine_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.io.grids.available_memory", lambda: 1_000_000)
    path = write(tmp_path / "a.tif", np.ones((80, 80), dtype="float32"))
    assert message(path, resolution=50.0) == (
        "LS-311 terrain.resolution = 50 m. A grid of 447 x 408 cells needs about 0.0 GB, this machine has 0.0 GB to "
        "give. Use a resolution of 121 m or more, or smaller terrain.bounds. See docs/errors.md#ls-311."
    )

"""Elevation rasters of every make come out as the same metric grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from pyproj import CRS, Transformer
from rasterio import Affine

from sim.io import _resample, rasters
from sim.io.rasters import plan_dem, plan_grid, read_dem, read_raster, write_raster

BOUNDS = (98.0, 25.0, 98.5, 25.4)
#: Beside missing cells the plane is extended by half a cell of 0.005 degrees at most: 0.0025 * (800 + 400) m.
BESIDE_GAPS = 3.01


def height(longitude: Any, latitude: Any) -> Any:
    """A tilted plane in degrees, which bilinear resampling reproduces."""
    return 500.0 + 800.0 * (np.asarray(longitude) - 98.0) + 400.0 * (np.asarray(latitude) - 25.0)


def write(path: Path, values: Any, transform: Affine, crs: Any = "EPSG:4326", **options: Any) -> Path:
    profile = {"driver": "GTiff", "count": 1, "dtype": values.dtype.name, "crs": crs, "transform": transform}
    scale, offset, unit = options.pop("scale", 1.0), options.pop("offset", 0.0), options.pop("unit", None)
    with rasterio.open(path, "w", height=values.shape[0], width=values.shape[1], **(profile | options)) as dataset:
        dataset.write(values, 1)
        dataset.scales, dataset.offsets = (scale,), (offset,)
        if unit:
            dataset.units = (unit,)
    return path


def plane(west: float = 97.9, north: float = 25.5, step: float = 0.005, rows: int = 120, columns: int = 140) -> Any:
    longitude = west + step * (np.arange(columns) + 0.5)
    latitude = north - step * (np.arange(rows) + 0.5)
    return height(*np.meshgrid(longitude, latitude)), Affine(step, 0.0, west, 0.0, -step, north)


def lonlat(grid: Any) -> tuple[Any, Any]:
    cells = np.flatnonzero(grid.valid.ravel())
    x, y = grid.centre(cells)
    return Transformer.from_crs(grid.crs_wkt, "EPSG:4326", always_xy=True).transform(x, y)


def check_plane(grid: Any, tolerance: float) -> None:
    longitude, latitude = lonlat(grid)
    np.testing.assert_allclose(grid.elevation.ravel()[grid.valid.ravel()], height(longitude, latitude), atol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-3), ("float64", 1e-3), ("int16", 0.6), ("int32", 0.6)])
def test_number_types(tmp_path: Path, dtype: str, tolerance: float) -> None:
    values, transform = plane()
    grid = read_dem(
        write(tmp_path / "a.tif", np.round(values, 3).astype(dtype), transform), bounds=BOUNDS, resolution=500.0
    )
    assert CRS.from_wkt(grid.crs_wkt).to_epsg() == 32647
    assert grid.cell_width == grid.cell_height == 500.0
    check_plane(grid, tolerance)
    assert "Resampled bilinearly" in grid.notes


def test_bytes_with_scale_and_offset(tmp_path: Path) -> None:
    values, transform = plane()
    raw = np.round((values - 400.0) / 4.0).astype("uint8")
    grid = read_dem(write(tmp_path / "a.tif", raw, transform, scale=4.0, offset=400.0), bounds=BOUNDS, resolution=500.0)
    check_plane(grid, 2.1)
    assert "Scale 4 and offset 400 applied" in grid.notes


def test_feet_become_metres(tmp_path: Path) -> None:
    values, transform = plane()
    path = write(tmp_path / "a.tif", (values / 0.3048).astype("float32"), transform, unit="ft")
    grid = read_dem(path, bounds=BOUNDS, resolution=500.0)
    check_plane(grid, 1e-3)
    assert "Elevations converted from ft to metres" in grid.notes


def test_south_up_raster(tmp_path: Path) -> None:
    values, transform = plane()
    flipped = Affine(transform.a, 0.0, transform.c, 0.0, -transform.e, transform.f + transform.e * values.shape[0])
    path = write(tmp_path / "a.tif", values[::-1].astype("float32"), flipped)
    check_plane(read_dem(path, bounds=BOUNDS, resolution=500.0), 1e-3)


def test_longitudes_from_0_to_360(tmp_path: Path) -> None:
    longitude, latitude = -70.0 + 0.01 * (np.arange(100) + 0.5), -30.0 - 0.01 * (np.arange(100) + 0.5)
    values = (1000.0 + 500.0 * (longitude[None, :] + 70.0) + 0.0 * latitude[:, None]).astype("float32")
    path = write(tmp_path / "a.tif", values, Affine(0.01, 0.0, 290.0, 0.0, -0.01, -30.0))
    for bounds in ((-69.9, -30.9, -69.1, -30.1), None):
        grid = read_dem(path, bounds=bounds, resolution=1000.0)
        assert grid.valid.mean() > 0.9
        found, _ = lonlat(grid)
        np.testing.assert_allclose(grid.elevation[grid.valid], 1000.0 + 500.0 * (found + 70.0), atol=2.6)


def test_hgt(tmp_path: Path) -> None:
    step = 1.0 / 1200.0
    longitude, latitude = 98.0 + step * np.arange(1201), 26.0 - step * np.arange(1201)
    values = np.round(height(*np.meshgrid(longitude, latitude))).astype(">i2")
    values[100:110, 100:110] = -32768
    (tmp_path / "N25E098.hgt").write_bytes(values.tobytes())
    grid = read_dem(tmp_path / "N25E098.hgt", bounds=(98.1, 25.1, 98.4, 25.4), resolution=90.0)
    check_plane(grid, 1.1)
    assert grid.notes[0].startswith("Read from N25E098.hgt (SRTMHGT, int16, 1201 x 1201 cells, EPSG:4326)")


def test_vrt_over_two_tiles(tmp_path: Path) -> None:
    values, transform = plane()
    left, right = values[:, :70].astype("float32"), values[:, 70:].astype("float32")
    write(tmp_path / "left.tif", left, transform)
    write(tmp_path / "right.tif", right, transform @ Affine.translation(70, 0))
    sources = "".join(
        f'<SimpleSource><SourceFilename relativeToVRT="1">{name}.tif</SourceFilename><SourceBand>1</SourceBand>'
        f'<SrcRect xOff="0" yOff="0" xSize="70" ySize="120"/>'
        f'<DstRect xOff="{at}" yOff="0" xSize="70" ySize="120"/></SimpleSource>'
        for name, at in (("left", 0), ("right", 70))
    )
    (tmp_path / "both.vrt").write_text(
        f'<VRTDataset rasterXSize="140" rasterYSize="120"><SRS>EPSG:4326</SRS>'
        f"<GeoTransform>{transform.c}, {transform.a}, 0, {transform.f}, 0, {transform.e}</GeoTransform>"
        f'<VRTRasterBand dataType="Float32" band="1">{sources}</VRTRasterBand></VRTDataset>'
    )
    grid = read_dem(tmp_path / "both.vrt", bounds=BOUNDS, resolution=500.0)
    check_plane(grid, 1e-3)


def test_cells_outside_the_bounds_are_invalid(tmp_path: Path) -> None:
    values, transform = plane()
    grid = read_dem(write(tmp_path / "a.tif", values.astype("float32"), transform), bounds=BOUNDS, resolution=500.0)
    longitude, latitude = lonlat(grid)
    assert longitude.min() >= BOUNDS[0]
    assert longitude.max() <= BOUNDS[2]
    assert latitude.min() >= BOUNDS[1]
    assert latitude.max() <= BOUNDS[3]
    # Nothing inside is lost either: a place a tenth of a cell from the corner is valid.
    to_grid = Transformer.from_crs("EPSG:4326", grid.crs_wkt, always_xy=True)
    x, y = to_grid.transform([98.003, 98.497], [25.003, 25.397])
    assert grid.valid.ravel()[grid.cell_at(np.asarray(x), np.asarray(y))].all()


def test_known_place_lies_in_its_cell(tmp_path: Path) -> None:
    """A single peak at a known longitude and latitude is found there."""
    values, transform = plane()
    values = np.full_like(values, 100.0)
    row, column = 60, 75
    values[row - 1 : row + 2, column - 1 : column + 2] = 2000.0
    longitude, latitude = transform.c + 0.005 * (column + 0.5), transform.f - 0.005 * (row + 0.5)
    grid = read_dem(write(tmp_path / "a.tif", values.astype("float32"), transform), bounds=BOUNDS, resolution=250.0)
    x, y = Transformer.from_crs("EPSG:4326", grid.crs_wkt, always_xy=True).transform(longitude, latitude)
    assert grid.elevation.ravel()[grid.cell_at(np.array([x]), np.array([y]))[0]] == 2000.0
    assert (grid.elevation > 1000.0).sum() * 250.0**2 == pytest.approx(9 * 555.0 * 503.0, rel=0.15)


@pytest.mark.parametrize(
    ("nodata", "mark", "note"),
    [
        (-9999.0, -9999.0, None),
        (
            None,
            -9999.0,
            "a.tif does not declare these values as missing, they were taken for missing: -9999 (100 cells read)",
        ),
        (
            None,
            -32768.0,
            "a.tif does not declare these values as missing, they were taken for missing: -32768 (100 cells read)",
        ),
        (
            None,
            -3.4e38,
            "a.tif does not declare these values as missing, they were taken for missing: below -1e30 (100 cells read)",
        ),
        (None, float("nan"), None),
        (0.0, 0.0, None),
    ],
)
def test_missing_values(tmp_path: Path, nodata: float | None, mark: float, note: str | None) -> None:
    values, transform = plane()
    values = values.astype("float32")
    values[50:60, 60:70] = mark
    path = write(tmp_path / "a.tif", values, transform, nodata=nodata)
    grid = read_dem(path, bounds=BOUNDS, resolution=500.0)
    check_plane(grid, BESIDE_GAPS)
    x, y = Transformer.from_crs("EPSG:4326", grid.crs_wkt, always_xy=True).transform(
        97.9 + 0.005 * 65, 25.5 - 0.005 * 55
    )
    assert not grid.valid.ravel()[grid.cell_at(np.array([x]), np.array([y]))[0]]
    if note:
        assert note in grid.notes
    assert ("The raster declares no value for missing cells" in grid.notes) == (nodata is None)
    # 10 x 10 cells of 0.005 degrees are 5.0 km by 5.5 km; no more is lost, no less.
    inside = rasters.inside_bounds(plan_grid(path, bounds=BOUNDS, resolution=500.0), BOUNDS)
    assert (inside & ~grid.valid).sum() * 0.25 == pytest.approx(5.03 * 5.54, rel=0.05)


def test_average_of_finer_cells(tmp_path: Path) -> None:
    """Checkerboard cells average to their mean; a plane keeps its height."""
    values, transform = plane(step=0.0005, rows=1200, columns=1400)
    board = values + 50.0 * (-1.0) ** (np.add.outer(np.arange(1200), np.arange(1400)))
    grid = read_dem(write(tmp_path / "a.tif", board.astype("float32"), transform), bounds=BOUNDS, resolution=1000.0)
    assert "Resampled by the average of the finer cells" in grid.notes
    check_plane(grid, 5.0)


# The warper that averages places fine cells to an eighth of their width: 0.125 * 100 m of noise at most.
@pytest.mark.parametrize(("resolution", "tolerance"), [(300.0, 0.0), (2000.0, 2.0)])
def test_tiles_and_windows_do_not_change_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resolution: float, tolerance: float
) -> None:
    values, transform = plane()
    rng = np.random.default_rng(1)
    values = (values + rng.uniform(-50, 50, values.shape)).astype("float32")
    values[40:45, 30:50] = np.nan
    path = write(tmp_path / "a.tif", values, transform)
    whole = read_dem(path, bounds=BOUNDS, resolution=resolution)
    monkeypatch.setattr(_resample, "TILE", 17)
    monkeypatch.setattr(_resample, "WINDOW_CELLS", 400)
    small = read_dem(path, bounds=BOUNDS, resolution=resolution)
    np.testing.assert_array_equal(small.valid, whole.valid)
    np.testing.assert_allclose(small.elevation, whole.elevation, rtol=0, atol=tolerance)


def test_metric_raster_is_copied(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    values = rng.uniform(100.0, 900.0, (80, 60)).astype("float32")
    values[10, 10] = -1.0
    transform = Affine(100.0, 0.0, 400_013.0, 0.0, -50.0, 2_800_007.0)
    path = write(tmp_path / "a.tif", values, transform, crs="EPSG:32647", nodata=-1.0)
    grid = read_dem(path)
    assert grid.transform == (100.0, 0.0, 400_013.0, 0.0, -50.0, 2_800_007.0)
    assert "Cells copied as they are, no resampling" in grid.notes
    np.testing.assert_array_equal(grid.elevation[grid.valid], values[values != -1.0])
    assert not grid.valid[10, 10]


def test_metric_south_up_raster_is_copied_upright(tmp_path: Path) -> None:
    values = np.arange(1200, dtype="float32").reshape(40, 30)
    path = write(
        tmp_path / "a.tif", values[::-1], Affine(100.0, 0.0, 4e5, 0.0, 100.0, 2.8e6 - 4000.0), crs="EPSG:32647"
    )
    grid = read_dem(path)
    np.testing.assert_array_equal(grid.elevation, values)
    assert grid.transform == (100.0, 0.0, 4e5, 0.0, -100.0, 2.8e6)


def test_metric_raster_is_cropped_to_whole_cells(tmp_path: Path) -> None:
    values = np.arange(40_000, dtype="float32").reshape(200, 200) / 10.0
    transform = Affine(100.0, 0.0, 400_000.0, 0.0, -100.0, 2_800_000.0)
    path = write(tmp_path / "a.tif", values, transform, crs="EPSG:32647")
    to_degrees = Transformer.from_crs("EPSG:32647", "EPSG:4326", always_xy=True)
    west, south = to_degrees.transform(405_050.0, 2_785_050.0)
    east, north = to_degrees.transform(412_050.0, 2_795_050.0)
    grid = read_dem(path, bounds=(west, south, east, north))
    column, row = int((grid.transform[2] - 400_000.0) / 100.0), int((2_800_000.0 - grid.transform[5]) / 100.0)
    part = values[row : row + grid.shape[0], column : column + grid.shape[1]]
    np.testing.assert_array_equal(grid.elevation[grid.valid], part[grid.valid])
    assert grid.valid.mean() > 0.95
    assert plan_dem(path, bounds=(west, south, east, north)) == grid.shape


def test_given_resolution_resamples_a_metric_raster(tmp_path: Path) -> None:
    values = np.full((100, 100), 250.0, dtype="float32")
    path = write(tmp_path / "a.tif", values, Affine(100.0, 0.0, 4e5, 0.0, -100.0, 2.8e6), crs="EPSG:32647")
    grid = read_dem(path, resolution=150.0)
    assert grid.cell_width == 150.0
    assert set(np.unique(grid.elevation[grid.valid])) == {250.0}


def test_partial_cover_is_noted(tmp_path: Path) -> None:
    values, transform = plane()
    path = write(tmp_path / "a.tif", values.astype("float32"), transform)
    grid = read_dem(path, bounds=(98.0, 25.0, 98.5, 25.9), resolution=500.0)
    assert [note for note in grid.notes if note.endswith("% of the area asked for, the rest is not valid")]
    check_plane(grid, BESIDE_GAPS)


def test_native_resolution_is_noted(tmp_path: Path) -> None:
    values, transform = plane()
    grid = read_dem(write(tmp_path / "a.tif", values.astype("float32"), transform), bounds=BOUNDS)
    # 0.005 degrees at 25.2 N: 503.7 m by 553.9 m, root of the product 528 m.
    assert grid.cell_width == 528.0


def test_label_names_file_and_source(tmp_path: Path) -> None:
    values, transform = plane()
    path = write(tmp_path / "a.tif", values.astype("float32"), transform)
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(SOURCE="a survey")
    assert read_dem(path, bounds=BOUNDS, resolution=1000.0).label == "a.tif (a survey)"


def test_plain_raster_round_trip(tmp_path: Path) -> None:
    values, transform = plane()
    grid = read_dem(write(tmp_path / "a.tif", values.astype("float32"), transform), bounds=BOUNDS, resolution=1000.0)
    for array in (grid.elevation, grid.valid.astype("uint8"), np.arange(grid.elevation.size).reshape(grid.shape) * 0.1):
        write_raster(tmp_path / "b.tif", array, grid, -1.0 if array.dtype.kind == "f" else 255)
        np.testing.assert_array_equal(read_raster(tmp_path / "b.tif"), array)
        with rasterio.open(tmp_path / "b.tif") as dataset:
            assert tuple(dataset.transform)[:6] == grid.transform
            assert dataset.crs.to_epsg() == 32647


def test_kachin(shared_reference: Path) -> None:
    grid = read_dem(
        shared_reference / "kachin" / "dem_kachin_15s.tif", bounds=(96.8, 23.8, 99.2, 27.2), resolution=450.0
    )
    assert grid.shape == (842, 544)
    to_grid = Transformer.from_crs("EPSG:4326", grid.crs_wkt, always_xy=True)
    # Myitkyina lies at about 145 m, Pangwa at about 2000 m.
    x, y = to_grid.transform([97.396, 98.3783], [25.383, 25.5983])
    low, high = grid.elevation.ravel()[grid.cell_at(np.asarray(x), np.asarray(y))]
    assert 100.0 < low < 200.0
    assert 1500.0 < high < 2600.0

"""Grids chosen for an area: projection, cover, size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer

from sim.errors import DataError, ScenarioError
from sim.io import grids
from sim.io.grids import grid_for, inside_bounds, to_cells, to_xy

KACHIN = (96.8, 23.8, 99.2, 27.2)


def test_utm_zone_of_the_centre() -> None:
    spec = grid_for(KACHIN, "auto", 450.0)
    assert CRS.from_wkt(spec.crs_wkt).to_epsg() == 32647
    assert spec.note == (
        "Grid of 842 x 544 cells of 450 m in EPSG:32647 (UTM zone 47N, chosen from the centre of the area)"
    )


def test_southern_hemisphere_has_its_own_zone() -> None:
    assert CRS.from_wkt(grid_for((28.0, -26.0, 29.0, -25.0), "auto", 1000.0).crs_wkt).to_epsg() == 32735


def test_wide_area_is_equal_area() -> None:
    spec = grid_for((90.0, 20.0, 100.0, 28.0), "auto", 5000.0)
    crs = CRS.from_wkt(spec.crs_wkt)
    assert "Lambert azimuthal equal-area about 95.0000 E, 24.0000 N" in spec.note
    assert grids.area_error(crs, (90.0, 20.0, 100.0, 28.0)) < 1e-6


@settings(max_examples=40, deadline=None)
@given(
    west=st.floats(-179.0, 170.0),
    south=st.floats(-80.0, 75.0),
    width=st.floats(0.2, 9.0),
    height=st.floats(0.2, 5.0),
    resolution=st.floats(300.0, 5000.0),
)
def test_covers_the_whole_box_with_little_to_spare(
    west: float, south: float, width: float, height: float, resolution: float
) -> None:
    bounds = (west, south, west + width, south + height)
    spec = grid_for(bounds, "auto", resolution)
    rng = np.random.default_rng(3)
    longitude, latitude = rng.uniform(bounds[0], bounds[2], 200), rng.uniform(bounds[1], bounds[3], 200)
    x, y = Transformer.from_crs("EPSG:4326", spec.crs_wkt, always_xy=True).transform(longitude, latitude)
    column, row = to_cells(spec.transform, np.asarray(x), np.asarray(y))
    rows, columns = spec.shape
    # The edge between two densified points may bulge by a small part of a cell.
    assert column.min() >= -0.1
    assert column.max() <= columns + 0.1
    assert row.min() >= -0.1
    assert row.max() <= rows + 0.1
    back = to_xy(spec.transform, column, row)
    np.testing.assert_allclose(back, (x, y), rtol=0, atol=1e-6)


def test_cells_of_the_box_add_up_to_its_geodesic_area() -> None:
    bounds = (97.0, 24.0, 98.0, 25.0)
    spec = grid_for(bounds, "auto", 500.0)
    inside = inside_bounds(spec, bounds)
    longitude = np.concatenate([np.linspace(97, 98, 50), np.full(2, 98.0), np.linspace(98, 97, 50)])
    latitude = np.concatenate([np.full(50, 24.0), [24.0, 25.0], np.full(50, 25.0)])
    area, _ = Geod(ellps="WGS84").polygon_area_perimeter(longitude, latitude)
    assert inside.sum() * 500.0**2 == pytest.approx(abs(area), rel=2e-3)


@pytest.mark.parametrize("crs", ["32647", 32647, "EPSG:32647", "+proj=utm +zone=47 +datum=WGS84"])
def test_crs_as_given(crs: str | int) -> None:
    assert "(as given)" in grid_for((98.0, 25.0, 98.5, 25.5), crs, 1000.0).note


@pytest.mark.parametrize(
    ("crs", "message"),
    [
        (
            "4326",
            "LS-204 terrain.crs = '4326'. Must be projected in metres, since lengths and areas are computed on "
            "the grid. Use auto, or a metric CRS such as a UTM zone. See docs/errors.md#ls-204.",
        ),
        (
            "EPSG:2263",
            "LS-204 terrain.crs = 'EPSG:2263'. Must be projected in metres, since lengths and areas are computed on "
            "the grid. Use auto, or a metric CRS such as a UTM zone. See docs/errors.md#ls-204.",
        ),
        (
            "EPSG:3857",
            "LS-209 terrain.crs = 'EPSG:3857'. Areas of this projection are off by 22 % in the area asked for, at "
            "most 5 % is allowed. Use auto, or a projection made for this region. See docs/errors.md#ls-209.",
        ),
        (
            "moon",
            "LS-207 terrain.crs = 'moon'. Must be auto, an EPSG code or a PROJ text. For example EPSG:32647. "
            "See docs/errors.md#ls-207.",
        ),
    ],
)
def test_crs_that_cannot_be_used(crs: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        grid_for((98.0, 25.0, 98.5, 25.2), crs, 1000.0)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("bounds", "number"),
    [
        ((98.0, 25.0, 97.0, 26.0), 209),
        ((98.0, 26.0, 99.0, 25.0), 209),
        ((98.0, -95.0, 99.0, 25.0), 204),
        ((98.0, float("nan"), 99.0, 25.0), 204),
    ],
)
def test_bounds_that_cannot_be_used(bounds: tuple[float, float, float, float], number: int) -> None:
    with pytest.raises(ScenarioError) as caught:
        grid_for(bounds, "auto", 1000.0)
    assert caught.value.number == number


def test_too_large_says_what_would_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grids, "available_memory", lambda: 10_000_000_000)
    with pytest.raises(DataError) as caught:
        grid_for(KACHIN, "auto", 10.0)
    assert caught.value.number == 311
    fitting = int(caught.value.remedy.split("resolution of ")[1].split(" m")[0])
    grid_for(KACHIN, "auto", float(fitting))


def test_too_coarse() -> None:
    with pytest.raises(ScenarioError) as caught:
        grid_for((98.0, 25.0, 98.1, 25.1), "auto", 20_000.0)
    assert caught.value.number == 209

"""Points and lines from vector files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from sim.errors import DataError, Problems
from sim.io.vectors import rasterize_lines, read_lines, read_points
from sim.terrain.objects import Grid

UTM = "EPSG:32647"


def frame(shapes: list[Any], crs: Any = "EPSG:4326", **columns: Any) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=crs)


def grid(rows: int = 40, columns: int = 60, size: float = 100.0) -> Grid:
    flat = np.zeros((rows, columns), dtype=np.float32)
    valid = np.ones((rows, columns), dtype=bool)
    return Grid(flat, valid, (size, 0.0, 400_000.0, 0.0, -size, 2_800_000.0), UTM, "flat")


@pytest.mark.parametrize(
    ("name", "driver"), [("a.geojson", "GeoJSON"), ("a.gpkg", "GPKG"), ("a.shp", "ESRI Shapefile")]
)
def test_formats(tmp_path: Path, name: str, driver: str) -> None:
    points = [shapely.Point(98.25, 25.5), shapely.Point(98.5, 25.25)]
    frame(points, name=["upper", "=lower"], pits=[3, 1], year=[2015, 0], group=["a", ""]).to_file(
        tmp_path / name, driver=driver
    )
    table = read_points(tmp_path / name)
    assert table.name == ("upper", "=lower")
    assert table.group == ("a", "")
    np.testing.assert_allclose(table.longitude, [98.25, 98.5])
    np.testing.assert_allclose(table.latitude, [25.5, 25.25])
    assert table.pits.tolist() == [3.0, 1.0]
    assert table.year.tolist() == [2015, 0]
    assert table.year.dtype == np.int64


def test_metric_points_become_degrees(tmp_path: Path) -> None:
    points = frame([shapely.Point(98.25, 25.5)]).to_crs(UTM)
    points.to_file(tmp_path / "a.gpkg")
    table = read_points(tmp_path / "a.gpkg")
    np.testing.assert_allclose([table.longitude[0], table.latitude[0]], [98.25, 25.5], atol=1e-9)
    assert table.name == ("site 1",)
    assert table.pits.tolist() == [1.0]


def test_multipoints_share_their_pits_and_polygons_become_points(tmp_path: Path) -> None:
    shapes = [
        shapely.MultiPoint([(98.0, 25.0), (98.1, 25.0)]),
        shapely.box(98.2, 25.0, 98.3, 25.1),
        shapely.Point(98.4, 25.0),
    ]
    frame(shapes, NAME=["twin", "field", "twin"], Pits=[6, 2, 1]).to_file(tmp_path / "a.geojson")
    table = read_points(tmp_path / "a.geojson")
    assert table.name == ("twin", "twin (2)", "field", "twin (3)")
    assert table.pits.tolist() == [3.0, 3.0, 2.0, 1.0]
    assert shapely.box(98.2, 25.0, 98.3, 25.1).contains(shapely.Point(table.longitude[2], table.latitude[2]))
    assert table.notes == (
        "1 polygons became one point inside each",
        "1 multipoints became 2 sites, pits shared evenly",
        "2 repeated names were numbered",
    )


def test_years_from_dates_and_text(tmp_path: Path) -> None:
    text = json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {"year": year},
                    "geometry": {"type": "Point", "coordinates": [98.0, 25.0]},
                }
                for year in ("2019-05-01", "2021-01-31")
            ],
        }
    )
    (tmp_path / "a.geojson").write_text(text)
    assert read_points(tmp_path / "a.geojson").year.tolist() == [2019, 2021]


def test_first_layer_with_points_is_taken(tmp_path: Path) -> None:
    frame([shapely.LineString([(98, 25), (98.1, 25)])]).to_file(tmp_path / "a.gpkg", layer="rivers")
    frame([shapely.Point(98.0, 25.0)], name=["p"]).to_file(tmp_path / "a.gpkg", layer="pits")
    assert read_points(tmp_path / "a.gpkg").name == ("p",)
    assert len(read_lines(tmp_path / "a.gpkg", UTM)) == 1


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"pits": ["3", "many"]},
            "LS-308 a.geojson: feature 2, pits = 'many'. Must be a number. Correct the value in the file. "
            "See docs/errors.md#ls-308.",
        ),
        (
            {"pits": [0, 1]},
            "LS-308 a.geojson: feature 1, pits = 0. Must be at least 1 for every point. Correct the value in the file. "
            "See docs/errors.md#ls-308.",
        ),
        (
            {"year": [2015, 20155]},
            "LS-308 a.geojson: feature 2, year = 20155. Must be a whole year between 1800 and 2200. Correct the value "
            "in the file. See docs/errors.md#ls-308.",
        ),
    ],
)
def test_bad_values(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    frame([shapely.Point(98, 25), shapely.Point(98.1, 25)], **columns).to_file(tmp_path / "a.geojson")
    with pytest.raises(Problems) as caught:
        read_points(tmp_path / "a.geojson")
    assert str(caught.value) == message
    assert caught.value.exit_code == 3


def test_all_problems_at_once(tmp_path: Path) -> None:
    frame([shapely.Point(98, 125), shapely.Point(98.1, 25)], pits=[0, -1]).to_file(tmp_path / "a.geojson")
    with pytest.raises(Problems) as caught:
        read_points(tmp_path / "a.geojson")
    assert len(caught.value.problems) == 3


def test_no_points(tmp_path: Path) -> None:
    frame([shapely.LineString([(98, 25), (98.1, 25)])]).to_file(tmp_path / "a.geojson")
    with pytest.raises(DataError) as caught:
        read_points(tmp_path / "a.geojson")
    assert str(caught.value) == (
        f"LS-309 pits.file = '{tmp_path / 'a.geojson'}'. The file has no usable points. Give a file whose layer "
        "holds points. See docs/errors.md#ls-309."
    )


def test_no_lines(tmp_path: Path) -> None:
    frame([shapely.Point(98, 25)]).to_file(tmp_path / "a.geojson")
    with pytest.raises(DataError) as caught:
        read_lines(tmp_path / "a.geojson", UTM)
    assert caught.value.number == 309


@pytest.mark.filterwarnings("ignore:.*crs.*:UserWarning")
def test_no_crs(tmp_path: Path) -> None:
    frame([shapely.Point(98, 25)], crs=None).to_file(tmp_path / "a.gpkg")
    with pytest.raises(DataError) as caught:
        read_points(tmp_path / "a.gpkg")
    assert str(caught.value) == (
        f"LS-303 pits.file = '{tmp_path / 'a.gpkg'}'. The vector file has no coordinate reference system. Add it, for "
        "example with ogr2ogr -a_srs EPSG:4326. See docs/errors.md#ls-303."
    )


@pytest.mark.parametrize(("name", "content"), [("a.geojson", "{"), ("a.gpkg", "nothing"), ("a.shp", "")])
def test_unreadable(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError) as caught:
        read_points(tmp_path / name)
    assert caught.value.number in (302, 309)
    assert "Traceback" not in str(caught.value)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_points(tmp_path / "no.geojson")
    assert caught.value.number == 301


def test_lines_are_projected(tmp_path: Path) -> None:
    shapes = [
        shapely.LineString([(98, 25, 7.0), (98.1, 25, 3.0)]),
        shapely.MultiLineString([[(98, 26), (98, 27)], [(99, 26), (99, 27)]]),
    ]
    frame(shapes).to_file(tmp_path / "a.geojson")
    lines = read_lines(tmp_path / "a.geojson", UTM)
    assert [line.shape for line in lines] == [(2, 2), (2, 2), (2, 2)]
    expected = gpd.GeoSeries([shapely.Point(99.0, 26.0)], crs=4326).to_crs(UTM)[0]
    np.testing.assert_allclose(lines[2][0], [expected.x, expected.y])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-2000, 8000), st.floats(-2000, 6000)), min_size=2, max_size=6))
def test_rasterized_lines_hold_every_point_and_nothing_else(points: list[tuple[float, float]]) -> None:
    """Every point of the line lies in a marked cell, and every marked cell is touched by the line."""
    target = grid()
    line = shapely.LineString(np.array(points) + np.array([400_000.0, 2_796_000.0]))
    cells = rasterize_lines([np.array(line.coords)], target).reshape(target.shape)
    for at in np.arange(0.0, line.length, 37.0):
        point = line.interpolate(at)
        column, row = (point.x - 400_000.0) / 100.0, (2_800_000.0 - point.y) / 100.0
        # Points on a border belong to either side.
        clear = min(column % 1.0, 1.0 - column % 1.0, row % 1.0, 1.0 - row % 1.0) > 1e-6
        if clear and 0 <= row < 40 and 0 <= column < 60:
            assert cells[int(row), int(column)]
    for row, column in np.argwhere(cells):
        west, north = 400_000.0 + 100.0 * column, 2_800_000.0 - 100.0 * row
        assert line.distance(shapely.box(west, north - 100.0, west + 100.0, north)) < 1e-6


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(1, 5999), st.floats(1, 3999)), min_size=2, max_size=6))
def test_rasterized_lines_are_connected(points: list[tuple[float, float]]) -> None:
    target = grid()
    cells = rasterize_lines([np.array(points) + np.array([400_000.0, 2_796_000.0])], target).reshape(target.shape)
    assert ndimage.label(cells, structure=np.ones((3, 3)))[1] <= 1


def test_rasterized_line_skips_invalid_cells() -> None:
    valid = np.ones((40, 60), dtype=bool)
    valid[:, 30] = False
    target = Grid(np.zeros((40, 60), dtype=np.float32), valid, grid().transform, UTM, "flat")
    cells = rasterize_lines([np.array([[400_050.0, 2_799_950.0], [405_950.0, 2_799_950.0]])], target).reshape(40, 60)
    assert cells.sum() == 59
    assert cells[0].sum() == 59
    assert not cells[:, 30].any()


def test_line_outside_marks_nothing() -> None:
    assert not rasterize_lines([np.array([[0.0, 0.0], [1000.0, 0.0]])], grid()).any()

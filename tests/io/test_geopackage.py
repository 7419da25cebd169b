"""GeoPackages: geometry in the right place, attributes as computed, styled."""

from __future__ import annotations

import sqlite3
import xml.etree.ElementTree as ET
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import Geod

from sim.classes import NO_SITE, QUOTIENT_BOUNDS, QUOTIENT_COLOURS, QUOTIENT_TEXTS
from sim.io.geopackage import Layer, date_of, write_geopackage
from sim.io.layers import reach_lines, write_reaches, write_zones, zone_shapes
from sim.io.tables import read_table, write_receptors
from sim.pipeline.result import Result
from sim.testing.results import synthetic_channel_result, synthetic_result

DIGEST = "5f" * 32


@pytest.fixture(scope="module")
def result() -> Result:
    return synthetic_result(names=("Pangwa", "<b>Lower</b>", "Mill"))


@pytest.fixture(scope="module")
def folder(result: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("gpkg")
    assert write_reaches(place / "reaches.gpkg", result, digest=DIGEST)
    assert write_zones(place / "zones.gpkg", result, digest=DIGEST)
    return place


def test_reaches_run_to_the_start_of_the_next(result: Result, folder: Path) -> None:
    frame = gpd.read_file(folder / "reaches.gpkg", layer="reaches")
    assert len(frame) == result.network.size
    assert frame.crs.to_epsg() == 32647
    assert frame.geometry.is_valid.all()
    for i, down in enumerate(result.network.down):
        first, last = frame.geometry[i].coords[0], frame.geometry[i].coords[-1]
        assert first == (result.network.x[i], result.network.y[i])
        if down >= 0:
            assert last == (result.network.x[down], result.network.y[down])


def test_reach_attributes(result: Result, folder: Path) -> None:
    frame = gpd.read_file(folder / "reaches.gpkg", layer="reaches")
    flow, concentration, exposure = result.flow, result.concentration, result.exposure
    assert exposure is not None
    np.testing.assert_array_equal(frame["length_m"], result.network.length)
    np.testing.assert_allclose(frame["area_km2"], result.network.area / 1e6, rtol=1e-12)
    for t, period in enumerate(result.period_names):
        np.testing.assert_array_equal(frame[f"discharge_{period}_m3s"], flow.discharge_in[t])
    assert (frame["discharge_min_m3s"] <= frame["discharge_mean_m3s"]).all()
    assert (frame["discharge_mean_m3s"] <= frame["discharge_max_m3s"]).all()
    s = concentration.index("sulfate")
    worst = np.maximum(concentration.inlet[:, s], concentration.outlet[:, s]).max(axis=0) * 1e3
    np.testing.assert_allclose(frame["sulfate_max_mgL"], worst, rtol=1e-12)
    for h, threshold in enumerate(exposure.thresholds):
        np.testing.assert_array_equal(frame[f"quotient_{threshold.identifier}"], exposure.quotient[h].max(axis=0))
        np.testing.assert_array_equal(frame[f"months_above_{threshold.identifier}"], exposure.months_above[h])
    np.testing.assert_array_equal(frame["class"] == NO_SITE, ~exposure.downstream)


def test_class_is_that_of_the_first_threshold(result: Result, folder: Path) -> None:
    frame = gpd.read_file(folder / "reaches.gpkg", layer="reaches")
    exposure = result.exposure
    assert exposure is not None
    assert len(exposure.thresholds) > 1
    below = frame[frame["class"] != NO_SITE]
    assert len(below)
    limits = (0.0, *QUOTIENT_BOUNDS, np.inf)
    headline = below[f"quotient_{exposure.thresholds[0].identifier}"]
    for value, text in zip(headline, below["class"], strict=True):
        k = QUOTIENT_TEXTS.index(text)
        assert limits[k] < value <= limits[k + 1] or (k == 0 and value == 0.0)
    with closing(sqlite3.connect(folder / "reaches.gpkg")) as connection:
        ((text, said),) = connection.execute("SELECT styleQML, description FROM layer_styles").fetchall()
    assert exposure.thresholds[0].identifier in said
    labels = {c.get("value"): c.get("label") for c in ET.fromstring(text).iter("category")}
    assert all(labels[name].startswith(f"{name} times {exposure.thresholds[0].shown}") for name in QUOTIENT_TEXTS)  # type: ignore[union-attr]
    for colour in QUOTIENT_COLOURS:
        assert ",".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5)) in text


def test_worst_threshold_is_told_with_its_background(result: Result, folder: Path) -> None:
    exposure = result.exposure
    assert exposure is not None
    frame = gpd.read_file(folder / "reaches.gpkg", layer="reaches")
    names = [threshold.identifier for threshold in exposure.thresholds]
    np.testing.assert_array_equal(frame["worst_quotient"], exposure.quotient.max(axis=(0, 1)))
    for i, name in enumerate(frame["worst_threshold"]):
        if frame["worst_quotient"][i] == 0.0:
            assert name in ("", None)
            continue
        h = names.index(name)
        assert frame["worst_quotient"][i] == exposure.quotient[h, :, i].max()
        assert frame["worst_quotient_without_pits"][i] == exposure.background_quotient[h, :, i].max()
    assert (frame["worst_quotient_without_pits"] <= frame["worst_quotient"]).all()


def test_styles_are_there_and_name_every_class(folder: Path) -> None:
    for name in ("reaches", "zones"):
        path = folder / f"{name}.gpkg"
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute(
                "SELECT f_table_name, f_geometry_column, f_table_schema, styleQML, useAsDefault FROM layer_styles"
            ).fetchall()
            named = {
                row[0]: row[1]
                for row in connection.execute("SELECT table_name, column_name FROM gpkg_geometry_columns")
            }
        assert {row[0] for row in rows} == set(named)
        for table, column, schema, text, default in rows:
            assert column == named[table]
            assert schema == ""
            assert default == 1
            style = ET.fromstring(text)
            renderer = style.find("renderer-v2")
            assert renderer is not None
            if renderer.get("attr"):
                values = set(gpd.read_file(path, layer=table)[renderer.get("attr")])
                assert values <= {category.get("value") for category in renderer.iter("category")}
                assert {c.get("symbol") for c in renderer.iter("category")} == {
                    s.get("name") for s in renderer.iter("symbol")
                }


def test_zone_layers(result: Result, folder: Path) -> None:
    exposure, terrain = result.exposure, result.terrain
    assert exposure is not None
    assert terrain is not None
    path = folder / "zones.gpkg"
    layers = {name for name, kind in pyogrio.list_layers(path) if kind is not None}
    assert layers == {"circle_zone", "downstream_zone", "overlap", "sites", "receptors"}
    circle = gpd.read_file(path, layer="circle_zone")
    assert circle.crs.to_epsg() == 4326
    area = abs(Geod(ellps="WGS84").geometry_area_perimeter(circle.geometry[0])[0])
    assert area == pytest.approx(exposure.zone_area, rel=1e-3)
    corridor = gpd.read_file(path, layer="downstream_zone").geometry[0]
    assert corridor.is_valid
    assert corridor.area == pytest.approx(exposure.corridor.sum() * terrain.grid.cell_area, rel=1e-12)
    overlap = gpd.read_file(path, layer="overlap").set_index("class")
    assert overlap.loc["circle and downstream", "area_km2"] == pytest.approx(exposure.overlap.land_both / 1e6)
    assert overlap.geometry["circle only"].area == pytest.approx(exposure.overlap.land_circle_only)
    x, y = terrain.grid.centre(np.flatnonzero(exposure.corridor)[:50])
    assert shapely.contains_xy(corridor, x, y).all()


def test_sites_and_receptors(result: Result, folder: Path, tmp_path: Path) -> None:
    sites = gpd.read_file(folder / "zones.gpkg", layer="sites")
    assert result.pits is not None
    np.testing.assert_array_equal(sites.geometry.x, result.pits.longitude)
    assert sites["illustrative"].all()
    receptors = gpd.read_file(folder / "zones.gpkg", layer="receptors")
    assert list(receptors["name"]) == ["Pangwa", "<b>Lower</b>", "Mill"]
    assert receptors.geometry.isna().tolist() == [False, False, True]
    assert receptors["status"][2] == "position not found"
    # As in receptors.csv: at the receptor itself, and nothing invented for those nobody located.
    write_receptors(tmp_path / "receptors.csv", result)
    rows = read_table(tmp_path / "receptors.csv")
    for i, row in enumerate(rows[:2]):
        assert receptors["worst_threshold"][i] == row["worst threshold"] != ""
        assert receptors["worst_quotient"][i] == float(row["worst quotient (1)"])
        assert receptors["worst_quotient"][i] == float(row[f"{row['worst threshold']} worst quotient (1)"])
        assert receptors["worst_quotient_without_pits"][i] == float(row["worst quotient without pits (1)"])
        assert (receptors["distance_is"][i] or "") == row["distance is"]
    assert np.isnan(receptors["worst_quotient"][2])
    assert rows[2]["worst threshold"] == rows[2]["worst quotient (1)"] == ""


def test_contents_carry_the_date_of_the_digest(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "reaches.gpkg")) as connection:
        dates = {row[0] for row in connection.execute("SELECT last_change FROM gpkg_contents")}
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert dates == {date_of(DIGEST)}
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


def test_nothing_is_left_beside_the_files(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["reaches.gpkg", "zones.gpkg"]


def test_single_cell_outlet_has_a_line(result: Result) -> None:
    terrain = result.terrain
    assert terrain is not None
    lines = reach_lines(result.network, terrain.grid)
    assert all(line.length > 0.0 for line in lines)


def test_zone_shapes_of_nothing(result: Result) -> None:
    assert result.terrain is not None
    assert zone_shapes(np.zeros(result.terrain.grid.elevation.size, dtype=bool), result.terrain.grid) is None


def test_channel_scenario_is_skipped(tmp_path: Path) -> None:
    result = synthetic_channel_result()
    assert not write_reaches(tmp_path / "reaches.gpkg", result, digest=DIGEST)
    assert not write_zones(tmp_path / "zones.gpkg", result, digest=DIGEST)
    assert not list(tmp_path.iterdir())


def test_empty_layers_are_left_out(tmp_path: Path) -> None:
    full = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(0, 0)], crs=4326)
    write_geopackage(tmp_path / "a.gpkg", [Layer("full", full, "Point"), Layer("none", full[:0], "Point")], digest="00")
    assert [row[0] for row in pyogrio.list_layers(tmp_path / "a.gpkg")] == ["full"]
    with pytest.raises(ValueError, match="at least one layer"):
        write_geopackage(tmp_path / "b.gpkg", [Layer("none", full[:0], "Point")], digest="00")

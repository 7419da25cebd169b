"""Kachin on the real elevation model and on the embedded terrain, against traced rivers and places."""

from __future__ import annotations

import csv
import json
from importlib import resources
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from pyproj import Transformer
from scipy.spatial import cKDTree

from sim.terrain import Grid, Terrain, build_from_control_points, condition_native
from sim.terrain.objects import NOT_OUTLET

BOUNDS = (96.8, 23.8, 99.2, 27.2)
TO_METRES = Transformer.from_crs(4326, 32647, always_xy=True)
PANGWA, MYITSONE, CREEK_MOUTH, BHAMO = (98.3783, 25.5983), (97.5028, 25.7103), (98.135, 25.894), (97.204, 24.254)
FIVE_MILES = 8046.72
KM2 = 1e6


def control_points() -> dict[str, list[str]]:
    """Columns of the committed table."""
    text = resources.files("sim.data").joinpath("kachin_control_points.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    return {key: [row[key] for row in rows] for key in rows[0]}


def build_embedded(resolution: float) -> Grid:
    """Embedded Kachin terrain on the metric grid of the area."""
    from sim.io.grids import grid_for

    spec = grid_for(BOUNDS, "EPSG:32647", resolution)
    points = control_points()
    return build_from_control_points(
        points["kind"],
        points["course"],
        np.array(points["order"], dtype=np.int64),
        np.array(points["lon"], dtype=np.float64),
        np.array(points["lat"], dtype=np.float64),
        np.array(points["z_m"], dtype=np.float64),
        project=TO_METRES.transform,
        transform=spec.transform,
        shape=spec.shape,
        crs_wkt=spec.crs_wkt,
        label="embedded",
    )


@pytest.fixture(scope="module")
def embedded() -> Terrain:
    return condition_native(build_embedded(450.0))


@pytest.fixture(scope="module")
def measured(shared_reference: Path) -> Grid:
    from sim.io.rasters import read_dem

    path = shared_reference / "kachin" / "dem_kachin_15s.tif"
    return read_dem(path, bounds=BOUNDS, crs="EPSG:32647", resolution=450.0)


def places(reference: Path) -> dict[str, dict[str, str]]:
    lines = (reference / "kachin" / "places.csv").read_text(encoding="utf-8").splitlines()
    return {row["name"]: row for row in csv.DictReader(line for line in lines if not line.startswith("#"))}


def cell_at(grid: Grid, lon: float, lat: float) -> int:
    x, y = TO_METRES.transform(lon, lat)
    return int(grid.cell_at(np.array([x]), np.array([y]))[0])


def path_from(terrain: Terrain, cell: int) -> np.ndarray:
    path = [cell]
    while terrain.receiver[path[-1]] >= 0:
        path.append(int(terrain.receiver[path[-1]]))
    return np.array(path)


def distance_to(grid: Grid, cells: np.ndarray, lon: float, lat: float) -> np.ndarray:
    x, y = TO_METRES.transform(lon, lat)
    return np.hypot(grid.centre(cells)[0] - x, grid.centre(cells)[1] - y)


def creek(terrain: Terrain) -> tuple[np.ndarray, int]:
    """Flow path from Pangwa and the place on it of the creek's last cell before it joins the N'Mai."""
    path = path_from(terrain, cell_at(terrain.grid, *PANGWA))
    jump = np.flatnonzero(terrain.area[path] > 2500.0 * KM2)
    assert jump.size, "Pangwa's water reaches no large river"
    return path, int(jump[0]) - 1


def basin(terrain: Terrain, cell: int) -> np.ndarray:
    inside = np.zeros(terrain.receiver.size, dtype=bool)
    inside[cell] = True
    for upper in terrain.order[::-1].tolist():
        to = terrain.receiver[upper]
        if to >= 0 and inside[to]:
            inside[upper] = True
    return inside


def line_points(coordinates: list[list[float]], step: float = 200.0) -> np.ndarray:
    """(n, 2) m, points on a line of longitudes and latitudes, no more than `step` apart."""
    lonlat = np.array([point[:2] for point in coordinates])
    xy = np.column_stack(TO_METRES.transform(lonlat[:, 0], lonlat[:, 1]))
    pieces = [xy[:1]]
    for a, b in pairwise(xy):
        count = int(np.hypot(*(b - a)) / step) + 1
        pieces.append(a + (b - a) * np.linspace(0.0, 1.0, count + 1)[1:, None])
    return np.vstack(pieces)


def traced(reference: Path, name: str) -> list[list[float]]:
    features = json.loads((reference / "kachin" / "rivers_dem_traced.geojson").read_text())["features"]
    (line,) = [f["geometry"]["coordinates"] for f in features if f["properties"]["name"].startswith(name)]
    return line


def check_pangwa(terrain: Terrain, area_tolerance: float) -> None:
    """Pangwa -> Chipwi Creek -> N'Mai -> Myitsone; areas and the share of the circle over the divide."""
    path, mouth = creek(terrain)
    grid = terrain.grid
    assert distance_to(grid, path[mouth : mouth + 1], *CREEK_MOUTH)[0] < 3000.0
    assert terrain.area[path[mouth]] == pytest.approx(712.0 * KM2, rel=area_tolerance)
    above = terrain.area[path[mouth + 1]] - terrain.area[path[mouth]]
    assert above + 12_770.0 * KM2 == pytest.approx(21_230.0 * KM2, rel=0.05)
    assert distance_to(grid, path[mouth:], *MYITSONE).min() < 2000.0
    circle = np.flatnonzero(distance_to(grid, np.arange(grid.elevation.size), *PANGWA) <= FIVE_MILES)
    outside = 1.0 - basin(terrain, int(path[mouth]))[circle].mean()
    assert 0.45 <= outside <= 0.58


# ------------------------------------------------------------------------------------------ the elevation model


@pytest.mark.parametrize("conditioning", ["auto", "carve", "fill"])
def test_real_terrain_drains_pangwa_as_the_report_says(measured: Grid, conditioning: str) -> None:
    terrain = condition_native(measured, conditioning=conditioning)
    check_pangwa(terrain, 0.05)
    assert terrain.upstream_cells[terrain.receiver == -1].sum() == measured.valid.sum()
    assert conditioning != "carve" or terrain.raised_cells == 0
    assert conditioning != "fill" or terrain.lowered_cells == 0


def test_real_terrain_conditioning_changes_little(measured: Grid) -> None:
    terrain = condition_native(measured)
    change = measured.elevation - terrain.conditioned
    assert terrain.lowered_cells < 0.03 * measured.valid.sum()
    assert np.median(change[change > 0]) < 40.0


# ------------------------------------------------------------------------------------------- the embedded terrain


def test_embedded_drains_pangwa_as_the_report_says(embedded: Terrain) -> None:
    check_pangwa(embedded, 0.15)
    assert embedded.upstream_cells[embedded.receiver == -1].sum() == embedded.grid.valid.sum()
    assert embedded.grid.illustrative


@pytest.mark.parametrize("resolution", [300.0, 900.0])
def test_embedded_holds_at_other_resolutions(resolution: float) -> None:
    terrain = condition_native(build_embedded(resolution))
    path, mouth = creek(terrain)
    assert terrain.area[path[mouth]] == pytest.approx(712.0 * KM2, rel=0.15)
    assert distance_to(terrain.grid, path, *MYITSONE).min() < 2000.0


def test_embedded_needs_little_conditioning(embedded: Terrain) -> None:
    assert embedded.lowered_cells < 0.01 * embedded.grid.valid.sum()


@pytest.mark.parametrize(
    "name",
    [
        "Chipwi Creek",
        "N'Mai Hka upstream",
        "Taping",
        "Namwan",
        "stream from Phimaw",
        "stream from Kan Paik Ti",
        "sample Momauk hill stream",
    ],
)
def test_embedded_rivers_run_within_three_kilometres_of_their_traces(
    embedded: Terrain, shared_reference: Path, name: str
) -> None:
    line = traced(shared_reference, name)
    path = path_from(embedded, cell_at(embedded.grid, *line[0][:2]))
    path = path[: int(distance_to(embedded.grid, path, *line[-1][:2]).argmin()) + 1]
    xy, points = np.column_stack(embedded.grid.centre(path)), line_points(line)
    assert np.percentile(cKDTree(points).query(xy)[0], 95) < 3000.0
    assert np.percentile(cKDTree(xy).query(points)[0], 95) < 3000.0


def test_embedded_nmai_and_irrawaddy_follow_their_beds(embedded: Terrain, shared_reference: Path) -> None:
    grid = embedded.grid
    line = traced(shared_reference, "N'Mai Hka, Chipwi to Myitsone")
    path = path_from(embedded, cell_at(grid, *CREEK_MOUTH))
    xy = np.column_stack(grid.centre(path))
    latitude = TO_METRES.transform(xy[:, 0], xy[:, 1], direction="INVERSE")[1]
    # south of 25.55 N the trace leaves the real bed (straight segments on the plain): there the mapped river counts
    split = int(np.flatnonzero(latitude < 25.55)[0])
    assert np.percentile(cKDTree(line_points(line)).query(xy[:split])[0], 95) < 3000.0
    features = json.loads((shared_reference / "kachin" / "rivers_gshhg_wdbii.geojson").read_text())["features"]
    rivers = [f["geometry"]["coordinates"] for f in features if f["properties"]["level"] == 1]
    mapped = cKDTree(np.vstack([line_points(river) for river in rivers]))
    bhamo = int(distance_to(grid, path, *BHAMO).argmin())
    assert np.percentile(mapped.query(xy[split:bhamo])[0], 95) < 3000.0
    for name, reach in (("Myitkyina", 3000.0), ("Waingmaw", 5000.0), ("Sinbo", 3000.0), ("Bhamo", 4000.0)):
        place = places(shared_reference)[name]
        assert distance_to(grid, path, float(place["lon"]), float(place["lat"])).min() < reach


def test_embedded_irrawaddy_leaves_in_the_south_west(embedded: Terrain) -> None:
    path, _ = creek(embedded)
    x, y = embedded.grid.centre(path[-1:])
    lon, lat = TO_METRES.transform(x[0], y[0], direction="INVERSE")
    assert lon < 96.9
    assert lat < 24.5
    assert embedded.outlet_kind[path[-1]] != NOT_OUTLET


def test_embedded_heights_of_places(embedded: Terrain, shared_reference: Path) -> None:
    checked = 0
    for name, place in places(shared_reference).items():
        if not (place["z_dem_m"] and place["lat"]):
            continue
        cell = cell_at(embedded.grid, float(place["lon"]), float(place["lat"]))
        if cell < 0 or not embedded.grid.valid.flat[cell]:
            continue
        assert abs(embedded.grid.elevation.flat[cell] - float(place["z_dem_m"])) < 150.0, name
        checked += 1
    assert checked >= 20


def test_embedded_areas_of_the_large_rivers(embedded: Terrain) -> None:
    grid = embedded.grid
    path, _ = creek(embedded)
    mouth = int(np.flatnonzero(embedded.area[path] > 20_000.0 * KM2)[0]) - 1
    assert distance_to(grid, path[mouth : mouth + 1], *MYITSONE)[0] < 3000.0
    # inside the frame, creek and all tributaries down to Myitsone: 24,337 km2 less what comes over the north edge
    assert embedded.area[path[mouth]] == pytest.approx((24_337.0 - 12_770.0) * KM2, rel=0.05)
    taping = path_from(embedded, cell_at(grid, 97.9187, 24.7063))
    at = int(distance_to(grid, taping, 97.33, 24.3688).argmin())
    assert embedded.area[taping[at]] == pytest.approx(6400.0 * KM2, rel=0.08)
    irrawaddy = embedded.area[path[mouth + 1]] + (12_770.0 + 10_800.0) * KM2
    assert irrawaddy == pytest.approx(46_000.0 * KM2, rel=0.10)


def test_embedded_momauk_hills_drain_three_ways(embedded: Terrain) -> None:
    grid = embedded.grid

    def passes(start: tuple[float, float], by: tuple[float, float], within: float = 3000.0) -> bool:
        path = path_from(embedded, cell_at(grid, *start))
        return bool(distance_to(grid, path, *by).min() < within)

    taping_mouth, namwan, shweli_exit = (97.25, 24.3688), (97.5771, 23.9854), (97.6437, 23.8021)
    assert passes((97.62, 24.38), taping_mouth)
    assert passes((97.62, 24.38), BHAMO)
    assert passes((97.50, 24.19), BHAMO)
    assert not passes((97.50, 24.19), taping_mouth, 1000.0)
    for start in ((97.62, 24.12), (97.7233, 24.2001), (97.727, 24.202)):
        assert passes(start, namwan)
        assert passes(start, shweli_exit)
        assert not passes(start, BHAMO)


def test_embedded_rivers_enter_over_the_north_edge(embedded: Terrain) -> None:
    grid = embedded.grid
    for lon, to in ((98.243, MYITSONE), (97.675, MYITSONE)):
        column = [cell_at(grid, lon, lat) for lat in np.arange(27.18, 27.21, 0.002)]
        top = next(cell for cell in column[::-1] if cell >= 0 and grid.valid.flat[cell])
        around = top + np.array([dr * grid.shape[1] + dc for dr in (-2, -1, 0, 1, 2) for dc in range(-3, 4)])
        around = around[(around >= 0) & grid.valid.ravel()[np.clip(around, 0, None)]]
        lowest = int(around[grid.elevation.flat[around].argmin()])
        path = path_from(embedded, lowest)
        assert distance_to(grid, path, *to).min() < 2000.0
    found = {
        round(float(TO_METRES.transform(e.x, e.y, direction="INVERSE")[0]), 1)
        for e in embedded.entries
        if TO_METRES.transform(e.x, e.y, direction="INVERSE")[1] > 27.1
    }
    assert {98.2, 98.9} <= found


def test_table_of_control_points_says_where_it_comes_from() -> None:
    text = resources.files("sim.data").joinpath("kachin_control_points.csv").read_text(encoding="utf-8")
    head = [line for line in text.splitlines() if line.startswith("#")]
    assert any("Viewfinder Panoramas" in line for line in head)
    assert any("derived" in line for line in head)
    assert any("illustrative" in line for line in head)
    points = control_points()
    assert set(points["kind"]) == {"course", "divide", "edge", "place"}
    assert len(points["kind"]) > 2000
    lon, lat = np.array(points["lon"], dtype=float), np.array(points["lat"], dtype=float)
    assert ((lon >= BOUNDS[0]) & (lon <= BOUNDS[2]) & (lat >= BOUNDS[1]) & (lat <= BOUNDS[3])).all()


def test_building_twice_gives_the_same_bytes() -> None:
    first, second = build_embedded(900.0), build_embedded(900.0)
    assert first.elevation.tobytes() == second.elevation.tobytes()
    assert first.valid.tobytes() == second.valid.tobytes()

"""Stations and inflows on rasters made for the purpose."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import Problems, ScenarioError
from sim.network import Inflow, Station, channel_cells, drainage_area, find_stations, place_inflows
from sim.network.drainage import station_fit
from sim.terrain.objects import Terrain
from sim.testing.networks import plain_grid, terrain_from_tree

NONE = np.empty(0, dtype=np.int64)
KM2 = 1e6


def ladder(rows: int = 30, columns: int = 12, river: int = 6) -> Terrain:
    """A river runs from north to south in one column of cells of 1 km; every row drains into it."""
    receiver = np.empty((rows, columns), dtype=np.int64)
    height = np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            toward = j + int(np.sign(river - j))
            receiver[i, j] = i * columns + toward if j != river else (i + 1) * columns + river
            height[i, j] = 1000.0 - 10.0 * i + 50.0 * abs(j - river)
    receiver[rows - 1, river] = -1
    return terrain_from_tree(plain_grid(height, cell_width=1000.0, cell_height=1000.0), receiver)


def cell_centre(terrain: Terrain, row: int, column: int) -> tuple[float, float]:
    x, y = terrain.grid.centre(np.array([row * terrain.grid.shape[1] + column]))
    return float(x[0]), float(y[0])


def test_drainage_area_carries_inflows_down_only() -> None:
    terrain = ladder()
    total = drainage_area(terrain, np.array([10 * 12 + 6, 20 * 12]), np.array([500 * KM2, 40 * KM2]))
    extra = (total - terrain.area).reshape(30, 12) / KM2
    assert extra[:10].max() == 0
    assert extra[10:20, 6].tolist() == [500] * 10
    assert extra[20:, 6].tolist() == [540] * 10
    assert extra[20, :6].tolist() == [40] * 6
    assert extra[:, 7:].max() == 0


def test_station_by_area_beats_the_nearest_channel() -> None:
    terrain = ladder()
    total = drainage_area(terrain, NONE, np.empty(0))
    channel = channel_cells(terrain, total, 8 * KM2)
    x, y = cell_centre(terrain, 15, 7)
    found = find_stations(
        terrain,
        total,
        channel,
        [Station("by area", x, y, 20 * 12 * KM2, 8000.0), Station("nearest", x, y, float("nan"), 8000.0)],
    )
    rows, columns = np.divmod(found, 12)
    assert columns.tolist() == [6, 6]
    assert rows[1] == 15
    # the rule weighs ln(20 / row) against 0.4 * distance / radius; check it by hand over the column
    candidate = np.arange(8, 23)
    score = np.abs(np.log((candidate + 1) * 12 / 240.0)) + 0.4 * np.hypot(candidate - 15, 1.0) / 8.0
    score[np.hypot(candidate - 15, 1.0) > 8.0] = np.inf
    assert rows[0] == candidate[np.argmin(score)] > 15


def test_station_without_a_channel_nearby() -> None:
    terrain = ladder()
    total = drainage_area(terrain, NONE, np.empty(0))
    channel = channel_cells(terrain, total, 100 * KM2)
    x, y = cell_centre(terrain, 0, 0)
    with pytest.raises(ScenarioError, match="A channel must lie within the search radius") as error:
        find_stations(terrain, total, channel, [Station("mouth", x, y, 5 * KM2, 2000.0)])
    assert error.value.number == 214
    assert error.value.where == "station 'mouth'"


def test_station_of_another_river_is_refused() -> None:
    terrain = ladder()
    total = drainage_area(terrain, NONE, np.empty(0))
    channel = channel_cells(terrain, total, 5 * KM2)
    x, y = cell_centre(terrain, 29, 6)
    with pytest.raises(ScenarioError, match="factor of 3") as error:
        find_stations(terrain, total, channel, [Station("mouth", x, y, 5000 * KM2, 3000.0)])
    assert error.value.number == 214
    assert "drains 360 km2" in error.value.got


def stations_to_miss(label: bool) -> tuple[Terrain, np.ndarray, np.ndarray, list[Station]]:
    """One station that can be found between two that cannot, with or without the user's own words."""
    terrain = ladder()
    total = drainage_area(terrain, NONE, np.empty(0))
    (dry_x, dry_y), (x, y) = cell_centre(terrain, 0, 0), cell_centre(terrain, 29, 6)

    def words(number: int, name: str) -> tuple[str, str]:
        return ("98.14 E, 25.93 N", f"scenario.toml: network.station.{number} ({name})") if label else ("", "")

    stations = [
        Station("N'Mai", dry_x, dry_y, 5 * KM2, 2000.0, *words(1, "N'Mai")),
        Station("here", x, y, 360 * KM2, 3000.0, *words(2, "here")),
        Station("large", x, y, 5000 * KM2, 3000.0, *words(3, "large")),
    ]
    return terrain, total, channel_cells(terrain, total, 100 * KM2), stations


def test_all_stations_that_are_not_found_are_told_at_once_in_the_users_words() -> None:
    terrain, total, channel, stations = stations_to_miss(label=True)
    with pytest.raises(Problems) as error:
        find_stations(terrain, total, channel, stations)
    assert error.value.exit_code == 2
    assert str(error.value).splitlines() == [
        "LS-214 scenario.toml: network.station.1 (N'Mai) = 98.14 E, 25.93 N, search_radius = 2 km. A channel must lie "
        "within the search radius. Check the position, widen search_radius or lower network.stream_area. "
        "See docs/errors.md#ls-214.",
        "LS-214 scenario.toml: network.station.3 (large) = 5000 km2 within 3 km of 98.14 E, 25.93 N; the nearest in "
        "size drains 360 km2. A channel of that drainage area, within a factor of 3, must lie there. Check position "
        "and drainage_area, or widen search_radius. See docs/errors.md#ls-214.",
    ]


def test_stations_without_the_users_words_are_told_in_metres() -> None:
    terrain, total, channel, stations = stations_to_miss(label=False)
    with pytest.raises(Problems) as error:
        find_stations(terrain, total, channel, stations)
    first, second = error.value.problems
    assert (first.where, second.where) == ('station "N\'Mai"', "station 'large'")
    assert first.got == f"x = {stations[0].x:.0f} m, y = {stations[0].y:.0f} m, radius = 2000 m"
    assert second.got == "5000 km2 within 3 km; the nearest in size drains 360 km2"


def test_fit_of_stations_sets_found_beside_expected() -> None:
    terrain = ladder()
    total = drainage_area(terrain, np.array([6]), np.array([40 * KM2]))
    channel = channel_cells(terrain, total, 8 * KM2)
    x, y = cell_centre(terrain, 15, 7)
    stations = [Station("area", x, y, 250 * KM2, 1500.0), Station("place", x, y, float("nan"), 8000.0)]
    cells = find_stations(terrain, total, channel, stations)
    rows = cells // 12
    assert (cells % 12).tolist() == [6, 6]
    area, ratio, distance = station_fit(terrain, total, stations, cells)
    np.testing.assert_allclose(area, ((rows + 1) * 12 + 40) * KM2)
    assert ratio[0] == pytest.approx(((rows[0] + 1) * 12 + 40) / 250)
    assert np.isnan(ratio[1])
    np.testing.assert_allclose(distance, 1000.0 * np.hypot(rows - 15, 1.0))
    assert all(part.shape == (0,) for part in station_fit(terrain, total, [], NONE))


@pytest.mark.parametrize("cells", [[-1], [360], [1, 2]])
def test_fit_needs_a_cell_for_each_station(cells: list[int]) -> None:
    terrain = ladder()
    with pytest.raises(ValueError, match="cells"):
        station_fit(terrain, np.ones(360), [Station("a", 0.0, 0.0, 1.0, 1.0)], np.array(cells))


@pytest.mark.parametrize("change", [{"search_radius": 0.0}, {"drainage_area": -1.0}])
def test_impossible_station(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        Station(**({"name": "a", "x": 0.0, "y": 0.0, "drainage_area": 1.0, "search_radius": 1.0} | change))  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"search_radius": float("nan")}, {"area": 0.0}])
def test_impossible_inflow(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        Inflow(**({"name": "a", "x": 0.0, "y": 0.0, "area": 1.0, "search_radius": 1.0} | change))  # type: ignore[arg-type]


def test_inflow_enters_at_the_valley_floor_of_the_edge() -> None:
    terrain = ladder()
    x, y = cell_centre(terrain, 0, 4)
    # two cells from the edge count as edge, and the river falls: row 1 is the lowest of rows 0 and 1
    assert place_inflows(terrain, [Inflow("north", x, y, 5000.0, 100 * KM2)]).tolist() == [1 * 12 + 6]


def test_river_that_leaves_is_no_inflow() -> None:
    terrain = ladder()
    x, y = cell_centre(terrain, 29, 6)
    with pytest.raises(ScenarioError, match="leads into the terrain") as error:
        place_inflows(terrain, [Inflow("south", x, y, 3000.0, 100 * KM2)])
    assert error.value.number == 214
    assert "south" in error.value.where


def test_inflow_where_the_valley_mouth_drains_out_rises_over_the_sill() -> None:
    # rows 0 to 2 of the river drain out over the north edge; the divide lies between rows 2 and 3
    terrain = ladder()
    receiver = np.array(terrain.receiver).reshape(30, 12)
    height = np.array(terrain.grid.elevation, dtype=np.float64)
    receiver[0, 6] = -1
    receiver[1, 6] = 0 * 12 + 6
    receiver[2, 6] = 1 * 12 + 6
    height[:3, 6] = [900.0, 930.0, 960.0]
    grid = plain_grid(height, cell_width=1000.0, cell_height=1000.0)
    leaking = terrain_from_tree(grid, receiver.ravel())
    x, y = cell_centre(leaking, 0, 6)
    assert place_inflows(leaking, [Inflow("north", x, y, 6000.0, 5000 * KM2)]).tolist() == [3 * 12 + 6]
    # out of reach of the radius there is no way over the sill
    with pytest.raises(ScenarioError):
        place_inflows(leaking, [Inflow("north", x, y, 2500.0, 5000 * KM2)])


def test_two_inflows_at_one_place_contradict() -> None:
    terrain = ladder()
    x, y = cell_centre(terrain, 0, 6)
    with pytest.raises(ScenarioError, match="same cell as 'one'") as error:
        place_inflows(terrain, [Inflow("one", x, y, 5000.0, 100 * KM2), Inflow("two", x, y, 4000.0, 100 * KM2)])
    assert error.value.number == 209


def test_inflows_that_do_not_fit_are_told_at_once_in_the_users_words() -> None:
    terrain = ladder()
    (x, y), (out_x, out_y) = cell_centre(terrain, 0, 6), cell_centre(terrain, 29, 6)
    inflows = [
        Inflow("south", out_x, out_y, 3000.0, 100 * KM2, "98.35 E, 27.18 N", "scenario.toml: network.inflow.1 (south)"),
        Inflow("one", x, y, 5000.0, 100 * KM2),
        Inflow("two", x, y, 4000.0, 100 * KM2, where="scenario.toml: network.inflow.3 (two)"),
        Inflow("far", out_x, out_y, 2500.0, 100 * KM2),
    ]
    with pytest.raises(Problems) as error:
        place_inflows(terrain, inflows)
    south, two, far = error.value.problems
    assert (south.number, two.number, far.number) == (214, 209, 214)
    assert str(south).startswith(
        "LS-214 scenario.toml: network.inflow.1 (south) = 98.35 E, 27.18 N, search_radius = 3 km. A valley at the "
        "terrain's edge that leads into the terrain must lie within the search radius. Move"
    )
    assert two.where == "scenario.toml: network.inflow.3 (two)"
    assert two.got == "the same cell as 'one'"
    assert far.where == "network.inflow 'far'"
    assert far.got == f"x = {out_x:.0f} m, y = {out_y:.0f} m, radius = 2500 m"


def test_river_behind_a_low_sill_at_the_edge_counts_as_undeclared_inflow() -> None:
    """A gorge enters over the top edge; noise on its floor makes the first cells drain out over the edge."""
    from sim.network import build_network, undeclared_inflows
    from sim.terrain import condition_native
    from sim.testing.terrain import grid_of, valley

    def found(sill: float) -> list[tuple[bool, float]]:
        grid = valley(60, 20, bed_slope=0.005, side_slope=0.1, cell=450.0)
        z = grid.elevation.copy()
        z[0:2, 20] -= 10.0
        z[2] = np.maximum(z[2], z[2, 20] + sill)
        terrain = condition_native(grid_of(z, cell_width=450.0, cell_height=450.0), conditioning="fill")
        none = np.empty(0, dtype=np.int64)
        network = build_network(
            terrain, terrain.area, 5e6, break_cells=none, inflow_cells=none, inflow_areas=np.empty(0),
            max_length=5000.0, sinuosity=1.0,
        )  # fmt: skip
        return [(f.inward, f.y) for f in undeclared_inflows(terrain, network, np.empty(0, dtype=np.int64))]

    # the valley is 900 m deep where it is cut: a sill of 40 m is noise, one of 400 m a divide
    assert found(40.0) == [(False, -225.0)]
    assert found(400.0) == []

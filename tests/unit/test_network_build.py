"""Networks built on rasters small enough to check by hand."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from sim.errors import ScenarioError
from sim.network import (
    SLOPE_FLOOR,
    FlowPathEnd,
    RiverNetwork,
    basin_mask,
    build_network,
    channel_cells,
    channel_mask,
    drainage_area,
    first_channel_cell,
    floored_slopes,
    node_of_cell,
    own_area,
    own_catchments,
    snap,
    undeclared_inflows,
)
from sim.terrain.objects import EdgeEntry, Terrain
from sim.testing.networks import path_length, plain_grid, terrain_from_tree

NONE = np.empty(0, dtype=np.int64)
CELL = 100.0 * 100.0


def y_terrain(entries: tuple[EdgeEntry, ...] = ()) -> Terrain:
    """Two branches of three cells join in the middle column and leave over the south edge.

    Flat indices of a 5 x 5 grid::

         0  1  2  3  4        0 and 4 run diagonally to 6 and 8, both to 12, then 17, 22 and out.
         5  6  7  8  9        1 drains to 6, 9 to 8, 11 to 12, 16 to 17, 21 to 22; the rest is not valid.
        10 11 12 13 14
        15 16 17 18 19
        20 21 22 23 24
    """
    receiver = np.full(25, -1)
    for c, r in {0: 6, 1: 6, 6: 12, 4: 8, 9: 8, 8: 12, 11: 12, 12: 17, 16: 17, 17: 22, 21: 22}.items():
        receiver[c] = r
    valid = receiver >= 0
    valid[22] = True
    height = np.zeros(25)
    for c, z in {0: 50, 1: 55, 6: 40, 4: 52, 9: 60, 8: 41, 11: 45, 12: 30, 16: 35, 17: 20, 21: 30, 22: 10}.items():
        height[c] = z
    grid = plain_grid(height.reshape(5, 5), valid=valid.reshape(5, 5))
    return terrain_from_tree(grid, receiver, entries)


def built(
    terrain: Terrain,
    threshold_cells: float = 3.0,
    *,
    breaks: tuple[int, ...] = (),
    inflow: dict[int, float] | None = None,
    max_length: float = 1e9,
    sinuosity: float = 1.0,
    names: dict[int, str] | None = None,
    slope_fall: float = 0.0,
) -> RiverNetwork:
    cells = np.array(list(inflow or {}), dtype=np.int64)
    areas = np.array(list((inflow or {}).values()))
    return build_network(
        terrain,
        drainage_area(terrain, cells, areas),
        threshold_cells * terrain.grid.cell_area,
        break_cells=np.array(breaks, dtype=np.int64),
        inflow_cells=cells,
        inflow_areas=areas,
        max_length=max_length,
        sinuosity=sinuosity,
        station_names=names,
        slope_fall=slope_fall,
    )


def test_y_by_hand() -> None:
    network = built(y_terrain())
    # heads 6 and 8 (three cells each) and the stem from the confluence 12 to the outlet 22
    assert network.cell.tolist() == [6, 8, 12]
    assert network.down.tolist() == [2, 2, -1]
    diagonal = 100.0 * np.sqrt(2.0)
    np.testing.assert_allclose(network.length, [diagonal, diagonal, 100.0 + 100.0 + 50.0])
    np.testing.assert_allclose(network.area_in / CELL, [3, 3, 6])
    np.testing.assert_allclose(network.area / CELL, [3, 3, 12])
    np.testing.assert_allclose(network.slope, [10 / diagonal, 11 / diagonal, 20 / 250])
    assert network.channel_cell.tolist() == [6, 8, 12, 17, 22]
    assert network.channel_start.tolist() == [0, 1, 2, 5]
    assert network.channel_distance.tolist() == [0, 0, 0, 100, 200]
    assert network.reach.tolist() == [0, 1, 2]
    assert network.elevation.tolist() == [40, 41, 30]
    np.testing.assert_array_equal(network.x, [150, 350, 250])
    np.testing.assert_array_equal(network.y, [350, 350, 250])
    head, along = own_area(network)
    np.testing.assert_array_equal(head / CELL, [3, 3, 0])
    np.testing.assert_array_equal(along / CELL, [0, 0, 6])


def test_break_cells_split_a_reach_and_keep_its_number() -> None:
    network = built(y_terrain(), breaks=(17, 0, 3), names={22: "gauge"})  # 0 and 3 are no channel
    assert network.cell.tolist() == [6, 8, 12, 17, 22]
    assert network.reach.tolist() == [0, 1, 2, 2, 2]
    assert network.name == ("", "", "", "", "gauge")
    np.testing.assert_allclose(network.area / CELL, [3, 3, 8, 10, 12])
    np.testing.assert_allclose(network.area_in / CELL, [3, 3, 6, 8, 10])


def test_declared_inflow_at_a_head_and_in_the_middle() -> None:
    network = built(y_terrain(), inflow={6: 7 * CELL, 17: 100 * CELL})
    assert network.cell.tolist() == [6, 8, 12, 17]
    np.testing.assert_allclose(network.boundary_area / CELL, [7, 0, 0, 100])
    np.testing.assert_allclose(network.area_in / CELL, [10, 3, 13, 115])
    np.testing.assert_allclose(network.area / CELL, [10, 3, 15, 119])
    head, along = own_area(network)
    np.testing.assert_allclose((head + along) / CELL, [3, 3, 2, 4])


def test_inflow_on_a_hillslope_enters_at_the_first_channel_cell() -> None:
    network = built(y_terrain(), 3.0, inflow={0: 0.5 * CELL})
    i = network.cell.tolist().index(6)
    assert network.boundary_area[i] == 0.5 * CELL
    assert network.area_in[i] == 3.5 * CELL


def test_inflow_that_meets_no_channel_is_refused() -> None:
    receiver = np.full(9, -1)
    receiver[[0, 3]] = [3, 6]
    terrain = terrain_from_tree(plain_grid(np.zeros((3, 3))), receiver)
    with pytest.raises(ScenarioError) as error:
        built(terrain, 3.0, inflow={8: 0.5 * CELL})
    assert error.value.number == 209
    assert "leaves the terrain" in error.value.got


def test_threshold_above_the_terrain_is_refused() -> None:
    with pytest.raises(ScenarioError) as error:
        built(y_terrain(), 13.0)
    assert error.value.number == 209
    assert error.value.where == "network.stream_area"


def test_impossible_arguments_are_programming_errors() -> None:
    terrain = y_terrain()
    with pytest.raises(ValueError, match="max_length"):
        built(terrain, max_length=0.0)
    with pytest.raises(ValueError, match="sinuosity"):
        built(terrain, sinuosity=0.9)
    with pytest.raises(ValueError, match="no channel"):
        built(terrain, names={0: "on the slope"})
    with pytest.raises(ValueError, match="positive"):
        built(terrain, inflow={6: -1.0})
    with pytest.raises(ValueError, match="valid cells"):
        built(terrain, inflow={2: 1.0})
    with pytest.raises(ValueError, match="does not belong"):
        build_network(
            terrain,
            terrain.area,
            3 * CELL,
            break_cells=NONE,
            inflow_cells=np.array([6]),
            inflow_areas=np.array([CELL]),
            max_length=1e9,
            sinuosity=1.0,
        )


def test_max_length_and_sinuosity_on_a_straight_river() -> None:
    n = 21
    receiver = np.append(np.arange(1, n), -1)
    terrain = terrain_from_tree(plain_grid(np.linspace(20.0, 0.0, n)[None, :]), receiver)
    network = built(terrain, 1.0, max_length=360.0, sinuosity=1.2)
    # steps of 120 m: three cells a node; the last cell counts 60 m
    np.testing.assert_allclose(network.length, [360.0] * 6 + [360.0 - 60.0])
    assert network.channel_distance[:4].tolist() == [0.0, 120.0, 240.0, 0.0]
    short = built(terrain, 1.0, max_length=1.0)
    assert short.size == n  # nothing shorter than a cell exists
    np.testing.assert_allclose(short.length, [100.0] * (n - 1) + [50.0])


def test_slopes_over_a_fixed_fall() -> None:
    # a raster in steps of 30 m: locally flat or a cliff, 30 m per 1000 m on the whole
    n = 101
    height = 3000.0 - np.floor(np.arange(n) / 10.0) * 30.0
    terrain = terrain_from_tree(plain_grid(height[None, :]), np.append(np.arange(1, n), -1))
    local = built(terrain, 1.0, max_length=100.0)
    assert floored_slopes(local) == int(np.count_nonzero(local.slope == SLOPE_FLOOR)) > 80
    wide = built(terrain, 1.0, max_length=100.0, slope_fall=150.0)
    assert floored_slopes(wide) == 0
    np.testing.assert_allclose(wide.slope[20:80], 0.03, rtol=0.25)
    # a plane has the same slope everywhere whatever the fall
    plane = terrain_from_tree(plain_grid((2.0 * np.arange(n)[::-1])[None, :]), np.append(np.arange(1, n), -1))
    inner = built(plane, 1.0, max_length=300.0, slope_fall=40.0).slope[:-8]
    np.testing.assert_allclose(inner, 0.02, rtol=1e-12)


def test_points_follow_the_flow_path() -> None:
    terrain = y_terrain()
    network = built(terrain, breaks=(17,))
    x, y = terrain.grid.centre(np.array([0, 11, 16, 17]))
    found = snap(terrain, network, x + 10.0, y - 20.0)
    assert found.cell.tolist() == [6, 12, 17, 17]
    assert network.cell[found.node].tolist() == [6, 12, 17, 17]
    np.testing.assert_allclose(found.path_length, [100.0 * np.sqrt(2.0), 100.0, 100.0, 0.0])
    np.testing.assert_allclose(found.fall, [10.0, 15.0, 15.0, 0.0])
    assert found.start_cell.tolist() == [0, 11, 16, 17]
    assert found.path_length[0] == path_length(terrain, 0, 6)
    # inside a node, the node that holds the cell
    assert snap(terrain, built(terrain), x[2:3], y[2:3]).node.tolist() == [2]


def test_point_that_drains_off_the_terrain() -> None:
    receiver = np.array([1, 2, -1, -1, -1, -1])
    terrain = terrain_from_tree(plain_grid([[3.0, 2.0, 1.0], [9.0, 9.0, 9.0]]), receiver)
    network = built(terrain, 2.0)
    found = snap(terrain, network, np.array([50.0]), np.array([50.0]))
    assert found.node.tolist() == [-1]
    assert found.cell.tolist() == [-1]
    assert found.path_length.tolist() == [0.0]
    end = first_channel_cell(terrain, channel_mask(network, 6), np.array([50.0]), np.array([150.0]))
    assert isinstance(end, FlowPathEnd)
    assert end.cell.tolist() == [1]


@pytest.mark.parametrize(("x", "y"), [(-1.0, 50.0), (50.0, 1e9), (250.0, 450.0), (float("nan"), 50.0)])
def test_point_outside_the_terrain_is_named(x: float, y: float) -> None:
    terrain = y_terrain()
    network = built(terrain)
    with pytest.raises(ScenarioError) as error:
        snap(terrain, network, np.array([150.0, x]), np.array([450.0, y]), names=("here", "far <b>"))
    assert error.value.number == 214
    assert error.value.where == "far <b>"


def test_catchments_and_masks() -> None:
    terrain = y_terrain()
    network = built(terrain)
    node, x, y = own_catchments(terrain, network)
    assert [np.flatnonzero(node == i).tolist() for i in range(3)] == [[0, 1, 6], [4, 8, 9], [11, 12, 16, 17, 21, 22]]
    np.testing.assert_allclose(x, [(50 + 150 + 150) / 3, (450 + 350 + 450) / 3, 200.0])
    np.testing.assert_allclose(y, [(450 + 450 + 350) / 3, (450 + 350 + 350) / 3, 150.0])
    assert np.flatnonzero(node_of_cell(network, 25) >= 0).tolist() == [6, 8, 12, 17, 22]
    np.testing.assert_array_equal(channel_mask(network, 25), channel_cells(terrain, terrain.area, 3 * CELL))
    assert np.flatnonzero(basin_mask(terrain, 8)).tolist() == [4, 8, 9]
    assert np.flatnonzero(basin_mask(terrain, 22)).size == 12
    with pytest.raises(ValueError, match="not a valid cell"):
        basin_mask(terrain, 2)


def test_undeclared_inflows_are_listed() -> None:
    entries = tuple(
        EdgeEntry(cell=c, x=50.0 + 100.0 * c, y=450.0, elevation=50.0, prominence=p)
        for c, p in ((0, 200.0), (4, 300.0))
    )
    terrain = y_terrain(entries)
    network = built(terrain, sinuosity=1.2)
    found = undeclared_inflows(terrain, network, NONE)
    assert [f.prominence for f in found] == [300.0, 200.0]
    assert found[0].node == 1
    np.testing.assert_allclose(found[0].path_length, 100.0 * np.sqrt(2.0))
    np.testing.assert_allclose(found[0].channel_length, 1.2 * (100.0 * np.sqrt(2.0) + 250.0))
    assert found[0].area == 3 * CELL
    # everything of this small terrain is within 5 km of a declared inflow
    assert undeclared_inflows(terrain, network, np.array([22])) == ()
    assert undeclared_inflows(y_terrain(), network, NONE) == ()


def test_importing_the_objects_loads_no_numba() -> None:
    code = "import sys, sim.network, sim.sources; print('numba' in sys.modules, 'scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_unknown_name_of_the_room() -> None:
    import sim.network
    import sim.sources

    for room in (sim.network, sim.sources):
        assert set(room.__all__) == set(dir(room))
        for name in room.__all__:
            assert getattr(room, name) is not None
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            room.nothing  # noqa: B018

"""The native terrain engine: D8 rule, kept sinks, burned lines, errors, and kernels with and without the compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sim.errors import DataError
from sim.terrain import (
    Grid,
    Terrain,
    condition_native,
    depression_sinks,
    filled_surface,
    height_above_drainage,
    slope,
    terrain_from_receivers,
)
from sim.terrain.objects import EDGE_OUTLET, KEPT_SINK, NODATA_OUTLET, NOT_OUTLET
from sim.testing.terrain import bowl, cone, grid_of, plane, valley

ROOT = Path(__file__).resolve().parents[2]
NONE = np.zeros(0, dtype=np.int64)


def centre_receiver(z: list[list[float]], **cell: float) -> tuple[int, int]:
    """Row and column step from the middle of a 3 x 3 grid to its receiver."""
    terrain = condition_native(grid_of(np.array(z), **cell))
    row, column = divmod(int(terrain.receiver[4]), 3)
    return row - 1, column - 1


def test_steepest_slope_is_not_lowest_neighbour() -> None:
    # drop S 2.0 (slope 2.0), drop SW 2.5 (slope 1.77): libraries without the square root of two go SW
    grid = plane((60, 60), fall_south=2.0, fall_east=-0.5)
    terrain = condition_native(grid)
    row, column = np.divmod(np.arange(3600), 60)
    inner = row < 59
    assert (terrain.receiver[inner] == (np.arange(3600) + 60)[inner]).all()
    np.testing.assert_array_equal(terrain.upstream_cells, np.where(inner, row + 1, terrain.upstream_cells))
    assert column.size == 3600


@pytest.mark.parametrize(("width", "height", "expected"), [(1.0, 1.0, (0, 1)), (3.0, 1.0, (1, 0)), (1.0, 3.0, (0, 1))])
def test_cells_that_are_not_square(width: float, height: float, expected: tuple[int, int]) -> None:
    z = [[9.0, 9.0, 9.0], [9.0, 5.0, 4.0], [9.0, 4.5, 9.0]]
    assert centre_receiver(z, cell_width=width, cell_height=height) == expected


def test_diagonal_distance_follows_both_cell_sizes() -> None:
    # SE falls 1.2 over hypot(3, 4) = 5: slope 0.24; E falls 0.75 over 3: 0.25
    z = [[9.0, 9.0, 9.0], [9.0, 5.0, 4.25], [9.0, 9.0, 3.8]]
    assert centre_receiver(z, cell_width=3.0, cell_height=4.0) == (0, 1)
    z[2][2] = 3.7  # slope 0.26
    assert centre_receiver(z, cell_width=3.0, cell_height=4.0) == (1, 1)


STEPS = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]


@pytest.mark.parametrize("first", range(8))
def test_ties_go_to_the_first_in_the_stated_order(first: int) -> None:
    # heights chosen so that straight and diagonal neighbours tie exactly: cells of 3 x 4 m, diagonal 5 m
    z = np.full((3, 3), 99.0)
    distance = {(0, 1): 3.0, (1, 0): 4.0, (1, 1): 5.0}
    for step in STEPS[first:]:
        z[1 + step[0], 1 + step[1]] = 60.0 - distance[(abs(step[0]), abs(step[1]))]
    z[1, 1] = 60.0
    assert centre_receiver(z.tolist(), cell_width=3.0, cell_height=4.0) == STEPS[first]


def test_edge_cell_with_lower_interior_drains_inward_and_out_elsewhere() -> None:
    grid = valley(20, 4, bed_slope=0.1, side_slope=1.0)
    terrain = condition_native(grid)
    outlet = 19 * 9 + 4
    assert np.flatnonzero(terrain.receiver == -1).tolist() == [outlet]
    assert terrain.receiver[4] == 9 + 4  # the river enters over the top edge
    assert terrain.outlet_kind[outlet] == EDGE_OUTLET
    assert terrain.upstream_cells[outlet] == 180


def test_cells_beside_nodata_are_outlets_of_their_own_kind() -> None:
    z = np.full((5, 5), 10.0)
    z[2, 2] = np.nan
    z[1, 1] = 1.0
    terrain = condition_native(grid_of(z))
    assert terrain.outlet_kind[6] == NODATA_OUTLET
    assert terrain.outlet_kind[12] == NOT_OUTLET
    assert terrain.receiver[12] == -1
    assert terrain.upstream_cells[12] == 0
    assert terrain.upstream_cells[terrain.receiver == -1].sum() == 24


@pytest.mark.parametrize("conditioning", ["carve", "fill"])
def test_single_cell(conditioning: str) -> None:
    terrain = condition_native(grid_of(np.array([[7.0]])), conditioning=conditioning)
    assert terrain.receiver.tolist() == [-1]
    assert terrain.order.tolist() == [0]
    assert terrain.upstream_cells.tolist() == [1]
    assert terrain.outlet_kind.tolist() == [EDGE_OUTLET]
    assert terrain.conditioned.tolist() == [[7.0]]


def test_bowl_is_carved_or_filled_and_drains_either_way() -> None:
    grid = bowl(9, depth=8.0)
    carved = condition_native(grid, conditioning="carve")
    assert carved.conditioned.min() == 0.0
    assert carved.lowered_cells == 4  # the straight way from the bottom to the frame
    assert carved.raised_cells == 0
    filled = condition_native(grid, conditioning="fill")
    assert (filled.conditioned == 8.0).all()
    assert filled.raised_cells == 49
    for terrain in (carved, filled):
        assert terrain.upstream_cells[terrain.receiver == -1].sum() == 81
        assert (terrain.outlet_kind[terrain.receiver == -1] == EDGE_OUTLET).all()


def test_kept_sink_stays_and_collects_its_depression() -> None:
    grid = bowl(9)
    terrain = condition_native(grid, kept_sinks=np.array([40]))
    assert terrain.outlet_kind[40] == KEPT_SINK
    assert terrain.receiver[40] == -1
    assert terrain.upstream_cells[40] == 81
    np.testing.assert_array_equal(terrain.conditioned, grid.elevation)


def test_kept_sink_on_a_slope_takes_only_what_flows_there() -> None:
    grid = plane((5, 3), fall_south=1.0)
    terrain = condition_native(grid, kept_sinks=np.array([7]))
    assert terrain.upstream_cells[7] == 3
    assert terrain.receiver[7] == -1
    assert terrain.upstream_cells[13] == 2


def test_kept_sinks_must_be_valid_cells() -> None:
    for cell in (-1, 81):
        with pytest.raises(ValueError, match="kept_sinks"):
            condition_native(cone(9), kept_sinks=np.array([cell]))
    z = np.ones((3, 3))
    z[1, 1] = np.nan
    with pytest.raises(ValueError, match="kept_sinks"):
        condition_native(grid_of(z), kept_sinks=np.array([4]))


def test_burned_line_leads_the_water() -> None:
    grid = plane((9, 9), fall_south=1.0)
    line = np.zeros((9, 9), dtype=bool)
    line[4, :] = True
    terrain = condition_native(grid, burned=line.ravel(), burn_depth=40.0)
    assert terrain.receiver.reshape(9, 9)[3].tolist() == list(range(36, 45))
    assert (terrain.conditioned.reshape(9, 9)[4] == grid.elevation[4] - 40.0).all()
    assert "river lines lowered by 40 m" in terrain.method
    untouched = condition_native(grid, burned=line.ravel(), burn_depth=0.0)
    np.testing.assert_array_equal(untouched.conditioned, grid.elevation)


@pytest.mark.parametrize("depth", [-1.0, np.nan, np.inf])
def test_burn_depth_must_make_sense(depth: float) -> None:
    with pytest.raises(ValueError, match="burn_depth"):
        condition_native(cone(9), burned=np.ones(81, dtype=bool), burn_depth=depth)


def test_conditioning_must_be_known() -> None:
    with pytest.raises(ValueError, match="conditioning"):
        condition_native(cone(9), conditioning="sink")


def test_nothing_valid_is_an_error_with_a_remedy() -> None:
    grid = grid_of(np.full((4, 6), np.nan))
    for action in (condition_native, filled_surface):
        with pytest.raises(DataError) as caught:
            action(grid)
        assert caught.value.number == 304
        assert "4 x 6" in str(caught.value)


def test_valid_cells_must_be_finite() -> None:
    grid = Grid(np.array([[1.0, np.inf]]), np.ones((1, 2), bool), (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), "", "raster.tif")
    with pytest.raises(DataError, match=r"LS-305 raster\.tif: row 0, column 1 = inf"):
        condition_native(grid)


def test_negative_heights_and_negative_zero_sort_right() -> None:
    z = np.array([[5.0, 5.0, 5.0, 5.0, 5.0], [5.0, -0.0, -7.5, 0.0, 5.0], [5.0, 5.0, -3.0, 5.0, -8.0]])
    terrain = condition_native(grid_of(z))
    assert terrain.outlet_kind[14] == EDGE_OUTLET
    assert terrain.upstream_cells[14] >= 1
    # the pit at -7.5 lies lowest beside the edge cell at -3.0 and is carved out over it
    assert terrain.conditioned[2, 2] == -7.5
    assert terrain.receiver[7] == 12
    signed = condition_native(grid_of(np.where(z == 0.0, 0.0, z)))
    np.testing.assert_array_equal(signed.receiver, terrain.receiver)


def test_given_arrays_stay_as_they_are() -> None:
    grid = bowl(7)
    before = grid.elevation.copy()
    receiver = condition_native(grid).receiver.copy()
    terrain_from_receivers(grid, grid.elevation, receiver, np.array([24]), "engine", "method")
    np.testing.assert_array_equal(grid.elevation, before)
    assert receiver[24] >= 0


@pytest.mark.parametrize(
    ("receiver", "message"),
    [
        ([1, 0, -1], "loop"),
        ([2, -1, -1], "no neighbour"),
        ([7, -1, -1], "no neighbour"),
        ([-2, -1, -1], "no neighbour"),
        ([0, -1, -1], "no neighbour"),
    ],
)
def test_receivers_of_an_engine_are_checked(receiver: list[int], message: str) -> None:
    grid = grid_of(np.zeros((1, 3)))
    with pytest.raises(DataError, match=message) as caught:
        terrain_from_receivers(grid, grid.elevation, np.array(receiver), NONE, "other", "method")
    assert caught.value.number == 312


def test_receivers_must_not_end_inside_or_cross_nodata() -> None:
    grid = grid_of(np.zeros((3, 3)))
    receiver = condition_native(grid).receiver.copy()
    receiver[4] = -1
    with pytest.raises(DataError, match="end inside the terrain"):
        terrain_from_receivers(grid, grid.elevation, receiver, NONE, "other", "method")
    hole = grid_of(np.array([[0.0, np.nan, 0.0]]))
    with pytest.raises(DataError, match="no neighbour"):
        terrain_from_receivers(hole, hole.elevation, np.array([1, -1, -1]), NONE, "other", "method")
    with pytest.raises(ValueError, match="shape"):
        terrain_from_receivers(hole, hole.elevation, np.array([-1]), NONE, "other", "method")


def test_receivers_may_not_wrap_round_the_side() -> None:
    grid = grid_of(np.zeros((3, 3)))
    receiver = np.full(9, -1)
    receiver[4], receiver[2] = 1, 3  # from the end of row 0 to the start of row 1
    with pytest.raises(DataError, match="no neighbour"):
        terrain_from_receivers(grid, grid.elevation, receiver, NONE, "other", "method")


def test_depression_sinks_by_depth_and_area() -> None:
    z = np.full((20, 30), 50.0)
    z[3:7, 3:7] = 40.0  # 16 cells, 10 m deep
    z[4, 5] = 35.0
    z[12, 12] = 10.0  # one cell, 40 m deep
    z[15:19, 20:28] = 48.0  # 32 cells, 2 m deep
    z[0, 29] = 1.0  # on the edge: no depression
    grid = grid_of(z, cell_width=10.0, cell_height=10.0)
    assert depression_sinks(grid, 5.0, 1000.0).tolist() == [4 * 30 + 5]
    assert depression_sinks(grid, 5.0, 0.0).tolist() == [4 * 30 + 5, 12 * 30 + 12]
    assert depression_sinks(grid, 0.0, 3200.0).tolist() == [15 * 30 + 20]
    assert depression_sinks(grid, 100.0, 0.0).size == 0
    assert depression_sinks(grid, 15.0, 1600.0).tolist() == [4 * 30 + 5]  # depth counts to the lowest cell
    terrain = condition_native(grid, kept_sinks=depression_sinks(grid, 5.0, 1000.0))
    assert terrain.upstream_cells[4 * 30 + 5] >= 16


def test_slope_of_a_plane_is_exact_up_to_edges_and_holes() -> None:
    grid = plane((6, 7), fall_east=0.3, fall_south=0.4, cell_width=30.0, cell_height=75.0)
    z = grid.elevation.copy()
    z[2, 3] = np.nan
    holed = grid_of(z, cell_width=30.0, cell_height=75.0)
    for case in (grid, holed):
        result = slope(case)
        np.testing.assert_allclose(result[case.valid], 0.5, rtol=1e-5)
        assert np.isnan(result[~case.valid]).all()
    assert slope(grid_of(np.array([[5.0]])))[0, 0] == 0.0


def test_height_above_drainage_checks_its_channel() -> None:
    with pytest.raises(ValueError, match="channel"):
        height_above_drainage(condition_native(cone(5)), np.zeros(3, dtype=bool))


def test_method_says_what_was_done() -> None:
    terrain = condition_native(cone(5), conditioning="fill")
    assert terrain.engine == "native"
    assert "fill" in terrain.method
    assert "E, SE, S, SW, W, NW, N, NE" in terrain.method


SCRIPT = """
import hashlib, sys
import numpy as np
from sim.terrain import (
    Rule, accumulate, catchment_labels, condition_native, depression_sinks, downstream_distance, height_above_drainage,
    slope, strahler_order, travel_time, upstream_distance, upstream_mask,
)
from sim.terrain.basins import drain
from sim.terrain.rules import KEEP
from sim.testing.terrain import rough
grid = rough(np.random.default_rng(3), (7, 8), levels=4, hole_share=0.1)
rule = Rule(KEEP, min_depth=1.0, min_volume=1.0, holding=np.flatnonzero(grid.valid.ravel())[::3])
terrain = condition_native(grid, conditioning="{conditioning}", rules=(rule,))
assert terrain.upstream_cells[terrain.receiver == -1].sum() == grid.valid.sum()
channel = terrain.upstream_cells > 4
weight = np.linspace(1.0, 2.0, terrain.direction.size)
cells = np.flatnonzero(channel)[:3]
strips = drain(grid.elevation, grid.valid, strip_rows=2, wide_indices=True)
parts = (
    terrain.conditioned, terrain.receiver, terrain.order, terrain.upstream_cells, terrain.outlet_kind, slope(grid),
    terrain.depressions.level, terrain.depressions.volume, depression_sinks(grid, 1.0, 1.0),
    *height_above_drainage(terrain, channel), accumulate(terrain, weight), strahler_order(terrain, channel),
    downstream_distance(terrain, channel), travel_time(terrain, weight), upstream_distance(terrain),
    catchment_labels(terrain, cells), upstream_mask(terrain, cells),
    strips.direction, strips.order, strips.upstream_cells, strips.conditioned,
)
sys.stdout.write(hashlib.sha256(b"".join(np.ascontiguousarray(p).tobytes() for p in parts)).hexdigest())
"""


def in_subprocess(conditioning: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(conditioning=conditioning)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("conditioning", ["carve", "fill"])
def test_same_bytes_without_the_compiler_and_for_any_number_of_threads(conditioning: str) -> None:
    plain = in_subprocess(conditioning, NUMBA_DISABLE_JIT="1")
    one = in_subprocess(conditioning, NUMBA_NUM_THREADS="1")
    two = in_subprocess(conditioning, NUMBA_NUM_THREADS="2")
    assert plain == one == two
    assert len(plain) == 64


def test_objects_load_without_numba_and_scipy() -> None:
    code = (
        "import sys, sim.terrain, sim.terrain.objects; sim.terrain.Grid;"
        "raise SystemExit(any(m in sys.modules for m in ('numba', 'scipy')))"
    )
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 0


def test_public_names_of_the_room() -> None:
    import sim.terrain as room

    for name in dir(room):
        if name != "condition_whitebox":
            assert getattr(room, name) is not None
    assert room.Terrain is Terrain
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = room.nothing

"""What holds on every terrain: fill levels against an oracle, no loops, all water leaves, areas add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.terrain import Grid, Terrain, condition_native, filled_surface, height_above_drainage, terrain_from_receivers
from sim.terrain.objects import EDGE_OUTLET, KEPT_SINK, NODATA_OUTLET, NOT_OUTLET
from sim.testing.strategies import grids, grids_with_sinks

TIE_ORDER = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
CONDITIONING = ("carve", "fill")


def neighbours(grid: Grid, cell: int) -> list[int]:
    """Valid neighbours in the stated order."""
    row, column = divmod(cell, grid.shape[1])
    found = []
    for down, right in TIE_ORDER:
        r, c = row + down, column + right
        if 0 <= r < grid.shape[0] and 0 <= c < grid.shape[1] and grid.valid[r, c]:
            found.append(r * grid.shape[1] + c)
    return found


def touches_outside(grid: Grid, cell: int) -> bool:
    """On the frame or beside an invalid cell."""
    return len(neighbours(grid, cell)) < 8


def minimax(grid: Grid) -> np.ndarray:
    """Lowest possible highest point of a path to the outside, by relaxation until nothing changes (no queue at all)."""
    z = grid.elevation.ravel().astype(np.float64)
    cells = np.flatnonzero(grid.valid.ravel()).tolist()
    level = np.full(z.size, np.inf)
    for cell in cells:
        if touches_outside(grid, cell):
            level[cell] = z[cell]
    changed = True
    while changed:
        changed = False
        for cell in cells:
            best = min((level[n] for n in neighbours(grid, cell)), default=np.inf)
            new = min(level[cell], max(z[cell], best))
            if new < level[cell]:
                level[cell] = new
                changed = True
    return level


def end_of_path(terrain: Terrain, cell: int) -> int:
    """Outlet reached from `cell`; fails on a loop."""
    for _ in range(terrain.receiver.size):
        if terrain.receiver[cell] < 0:
            return cell
        cell = int(terrain.receiver[cell])
    raise AssertionError("flow path runs in a loop")


@given(grids())
@settings(deadline=None, max_examples=150)
def test_fill_is_the_minimax_path_level_in_every_cell(grid: Grid) -> None:
    level = filled_surface(grid).ravel()
    inside = grid.valid.ravel()
    np.testing.assert_array_equal(level[inside], minimax(grid)[inside].astype(np.float32))


@given(grids_with_sinks(), st.sampled_from(CONDITIONING))
@settings(deadline=None, max_examples=200)
def test_all_water_leaves_and_areas_add_up(given_grid: tuple[Grid, np.ndarray], conditioning: str) -> None:
    grid, sinks = given_grid
    terrain = condition_native(grid, conditioning=conditioning, kept_sinks=sinks)
    inside = grid.valid.ravel()
    outlets = inside & (terrain.receiver == -1)
    assert terrain.upstream_cells[outlets].sum() == inside.sum()
    assert (terrain.receiver[~inside] == -1).all()
    assert (terrain.upstream_cells[~inside] == 0).all()
    assert ((terrain.outlet_kind != NOT_OUTLET) == outlets).all()
    assert set(np.flatnonzero(terrain.outlet_kind == KEPT_SINK)) == set(sinks.tolist())
    counted = np.zeros(inside.size, dtype=np.int64)
    for start in np.flatnonzero(inside).tolist():
        kind = terrain.outlet_kind[end_of_path(terrain, start)]
        assert kind in (EDGE_OUTLET, NODATA_OUTLET, KEPT_SINK)
        cell = start
        while cell >= 0:
            counted[cell] += 1
            cell = int(terrain.receiver[cell])
    np.testing.assert_array_equal(counted, terrain.upstream_cells)


@given(grids_with_sinks(), st.sampled_from(CONDITIONING))
@settings(deadline=None, max_examples=100)
def test_order_puts_every_cell_before_its_receiver(given_grid: tuple[Grid, np.ndarray], conditioning: str) -> None:
    grid, sinks = given_grid
    terrain = condition_native(grid, conditioning=conditioning, kept_sinks=sinks)
    place = np.full(terrain.receiver.size, -1)
    place[terrain.order] = np.arange(terrain.order.size)
    assert sorted(terrain.order.tolist()) == np.flatnonzero(grid.valid.ravel()).tolist()
    drained = np.flatnonzero(terrain.receiver >= 0)
    assert (place[drained] < place[terrain.receiver[drained]]).all()


@given(grids())
@settings(deadline=None, max_examples=60)
def test_carving_only_lowers_and_filling_only_raises(grid: Grid) -> None:
    assert condition_native(grid, conditioning="carve").raised_cells == 0
    assert condition_native(grid, conditioning="fill").lowered_cells == 0


@given(grids(), st.data())
@settings(deadline=None, max_examples=60)
def test_height_above_drainage_against_tracing(grid: Grid, data: st.DataObject) -> None:
    terrain = condition_native(grid)
    size = grid.elevation.size
    channel = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size))) & grid.valid.ravel()
    height, drains_to, distance = height_above_drainage(terrain, channel)
    z = terrain.conditioned.ravel()
    for start in range(size):
        cell, length = start, 0.0
        while cell >= 0 and not channel[cell]:
            to = int(terrain.receiver[cell])
            if to >= 0:
                rows, columns = to // grid.shape[1] - cell // grid.shape[1], to % grid.shape[1] - cell % grid.shape[1]
                length += np.hypot(rows * grid.cell_height, columns * grid.cell_width)
            cell = to
        assert drains_to[start] == cell
        if cell < 0:
            assert np.isnan(height[start])
            assert np.isnan(distance[start])
        else:
            assert height[start] == z[start] - z[cell]
            assert distance[start] == pytest.approx(length, rel=1e-12)


@given(grids())
@settings(deadline=None, max_examples=40)
def test_completing_a_terrain_from_its_own_receivers_gives_it_back(grid: Grid) -> None:
    terrain = condition_native(grid)
    again = terrain_from_receivers(
        grid, terrain.conditioned, terrain.receiver, np.zeros(0, dtype=np.int64), terrain.engine, terrain.method
    )
    np.testing.assert_array_equal(again.order, terrain.order)
    np.testing.assert_array_equal(again.upstream_cells, terrain.upstream_cells)
    np.testing.assert_array_equal(again.outlet_kind, terrain.outlet_kind)


@given(grids(), st.floats(-1000.0, 1000.0, width=16))
@settings(deadline=None, max_examples=40)
def test_raising_the_whole_ground_changes_no_flow_path(grid: Grid, lift: float) -> None:
    steps = np.round(grid.elevation)
    low = Grid(steps, grid.valid, grid.transform, grid.crs_wkt, grid.label)
    high = Grid(steps + np.float32(round(lift)), grid.valid, grid.transform, grid.crs_wkt, grid.label)
    np.testing.assert_array_equal(condition_native(low).receiver, condition_native(high).receiver)


@given(grids_with_sinks(), st.sampled_from(CONDITIONING))
@settings(deadline=None, max_examples=100)
def test_carving_lowers_a_path_to_what_flows_into_it_and_nothing_else(
    given_grid: tuple[Grid, np.ndarray], conditioning: str
) -> None:
    grid, sinks = given_grid
    terrain = condition_native(grid, conditioning=conditioning, kept_sinks=sinks)
    carried = (grid.elevation if conditioning == "carve" else terrain.conditioned).ravel().copy()
    for cell in terrain.order.tolist():
        to = terrain.receiver[cell]
        if to >= 0:
            carried[to] = min(carried[to], carried[cell])
    inside = grid.valid.ravel()
    np.testing.assert_array_equal(terrain.conditioned.ravel()[inside], carried[inside])

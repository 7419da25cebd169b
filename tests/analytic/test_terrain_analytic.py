"""Terrain with known answers: cones, planes and valleys."""

from __future__ import annotations

import numpy as np
import pytest

from sim.terrain import condition_native, height_above_drainage, slope
from sim.terrain.objects import EDGE_OUTLET
from sim.testing.terrain import cone, plane, valley


@pytest.mark.parametrize("conditioning", ["carve", "fill"])
def test_cone_sheds_water_on_all_sides_alike(conditioning: str) -> None:
    terrain = condition_native(cone(31), conditioning=conditioning)
    assert terrain.raised_cells == terrain.lowered_cells == 0
    row, column = np.divmod(np.arange(961), 31)
    inner = (row % 30 != 0) & (column % 30 != 0) & (np.hypot(row - 15, column - 15) > 3)
    down, right = np.divmod(terrain.receiver[inner], 31) - np.array([row[inner], column[inner]])
    radial = np.arctan2(row[inner] - 15, column[inner] - 15)
    turn = np.angle(np.exp(1j * (np.arctan2(down, right) - radial)))
    # the nearest of eight directions is at most 22.5 degrees off; the cone's curvature adds a little near the summit
    assert np.abs(np.degrees(turn)).max() < 26.0
    outlets = terrain.receiver == -1
    assert (terrain.outlet_kind[outlets] == EDGE_OUTLET).all()
    assert terrain.upstream_cells[outlets].sum() == 961


@pytest.mark.parametrize(
    ("east", "south", "step"), [(1.0, 0.0, 1), (0.0, 1.0, 40), (1.0, 1.0, 41), (1.0, 0.4, 1), (1.0, 0.5, 41)]
)
def test_plane_drains_along_the_nearest_of_eight_directions(east: float, south: float, step: int) -> None:
    # diagonal slope (e + s) / sqrt 2 beats e where s > (sqrt 2 - 1) e = 0.414 e
    terrain = condition_native(plane((40, 40), fall_east=east, fall_south=south))
    inner = np.arange(1600).reshape(40, 40)[1:-1, 1:-1].ravel()
    assert (terrain.receiver[inner] == inner + step).all()


def test_valley_area_height_and_distance_in_closed_form() -> None:
    rows, half, cell, bed, side = 50, 6, 30.0, 0.01, 0.2
    grid = valley(rows, half, bed_slope=bed, side_slope=side, cell=cell, top=500.0)
    terrain = condition_native(grid)
    column = np.arange(rows) * (2 * half + 1) + half
    np.testing.assert_array_equal(terrain.upstream_cells[column], (np.arange(rows) + 1) * (2 * half + 1))
    np.testing.assert_allclose(terrain.area[column[-1]], rows * (2 * half + 1) * cell**2)
    channel = np.zeros(grid.elevation.size, dtype=bool)
    channel[column] = True
    height, drains_to, distance = height_above_drainage(terrain, channel)
    away = np.abs(np.arange(2 * half + 1) - half)
    np.testing.assert_allclose(height.reshape(grid.shape), np.tile(side * away * cell, (rows, 1)), atol=1e-3)
    np.testing.assert_allclose(distance.reshape(grid.shape), np.tile(away * cell, (rows, 1)))
    np.testing.assert_array_equal(drains_to.reshape(grid.shape), np.repeat(column[:, None], 2 * half + 1, axis=1))


def test_slope_of_a_cone_is_its_own_everywhere_but_at_the_summit() -> None:
    result = slope(cone(41, slope=0.7))
    row, column = np.mgrid[0:41, 0:41]
    radius = np.hypot(row - 20, column - 20)
    away = (radius > 6) & (radius < 18)
    np.testing.assert_allclose(result[away], 0.7, rtol=0.01)
    assert result[20, 20] == pytest.approx(0.0, abs=1e-5)

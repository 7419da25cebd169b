"""Relief: the shade of a plane is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.report.hillshade import coarsened, hillshade, relief


@given(
    east=st.floats(-2.0, 2.0), north=st.floats(-2.0, 2.0), dx=st.floats(1.0, 500.0), dy=st.floats(1.0, 500.0),
    azimuth=st.floats(0.0, 360.0), altitude=st.floats(0.0, 90.0),
)  # fmt: skip
def test_plane(east: float, north: float, dx: float, dy: float, azimuth: float, altitude: float) -> None:
    row, column = np.mgrid[0:4, 0:6].astype(np.float64)
    z = 100.0 + east * column * dx - north * row * dy
    normal = np.array([-east, -north, 1.0]) / np.sqrt(1.0 + east**2 + north**2)
    a, h = np.radians(azimuth), np.radians(altitude)
    light = np.array([np.cos(h) * np.sin(a), np.cos(h) * np.cos(a), np.sin(h)])
    np.testing.assert_allclose(hillshade(z, dx, dy, azimuth, altitude), max(0.0, float(normal @ light)), atol=1e-9)


def test_slope_facing_the_light_is_brightest() -> None:
    column = np.tile(np.arange(5.0), (5, 1))
    assert hillshade(column, 1.0, 1.0, azimuth=270.0, altitude=45.0)[2, 2] == pytest.approx(1.0)
    assert hillshade(-column, 1.0, 1.0, azimuth=270.0, altitude=45.0)[2, 2] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("shape", "dx"), [((1, 5), 1.0), ((5, 1), 1.0), ((5, 5), 0.0)])
def test_impossible_grids(shape: tuple[int, int], dx: float) -> None:
    with pytest.raises(ValueError, match="hillshade needs"):
        hillshade(np.zeros(shape), dx, 1.0)


def test_coarsening_keeps_the_mean_and_drops_empty_blocks() -> None:
    z = np.arange(36, dtype=np.float32).reshape(6, 6)
    valid = np.ones((6, 6), dtype=bool)
    valid[:2, :2] = False
    mean, present, step = coarsened(z, valid, 3)
    assert step == 2
    assert not present[0, 0]
    assert present.sum() == 8
    assert mean[2, 2] == pytest.approx(z[4:, 4:].mean())
    untouched, _, one = coarsened(z, valid, 6)
    assert one == 1
    np.testing.assert_array_equal(untouched, np.where(valid, z, 0.0))


def test_relief_is_a_picture_transparent_outside() -> None:
    rng = np.random.default_rng(1)
    valid = np.ones((20, 30), dtype=bool)
    valid[0] = False
    picture = relief(rng.uniform(0, 1000, (20, 30)), valid, 100.0, 100.0)
    assert picture.shape == (20, 30, 4)
    assert picture.min() >= 0.0
    assert picture.max() <= 1.0
    assert np.all(picture[0, :, 3] == 0.0)
    assert np.all(picture[1:, :, 3] == 1.0)


def test_flat_ground_has_one_colour() -> None:
    picture = relief(np.full((5, 5), 300.0), np.ones((5, 5), dtype=bool), 30.0, 30.0)
    assert np.ptp(picture.reshape(-1, 4), axis=0).max() == 0.0

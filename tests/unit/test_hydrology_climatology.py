"""Rain in space and the shape of the year."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from sim.errors import ScenarioError
from sim.hydrology import catchment_centroids, mean_runoff, month_edges, monthly_shape, rain_field
from sim.registry import MONTH_DAYS, SECONDS_PER_YEAR

KATHA = [0.080, 0.067, 0.168, 0.421, 0.696, 1.563, 2.384, 2.435, 1.982, 1.351, 0.616, 0.174]


def mean_of_year(shape: np.ndarray) -> float:
    return float(shape @ MONTH_DAYS / 365.25)


def test_twelve_months_are_one_julian_year() -> None:
    edges = month_edges()
    assert edges[0] == 0.0
    assert edges[-1] == SECONDS_PER_YEAR
    np.testing.assert_array_equal(np.diff(edges), np.array(MONTH_DAYS) * 86400.0)


# mean_m max(f, s r_m) = 1, the root found by bisection
@pytest.mark.parametrize("floor", [0.0, 0.15, 0.2, 0.25, 0.7, 0.99])
def test_shape_against_root_finding(floor: float) -> None:
    s = brentq(lambda s: mean_of_year(np.maximum(floor, s * np.array(KATHA))) - 1.0, 1e-6, 1e6, xtol=1e-15, rtol=1e-15)
    shape = monthly_shape(KATHA, floor)
    np.testing.assert_allclose(shape, np.maximum(floor, s * np.array(KATHA)), rtol=1e-12)
    assert mean_of_year(shape) == pytest.approx(1.0, rel=1e-14)
    assert shape.min() >= floor


# months above the floor keep their ratios to one another
def test_shape_of_the_kachin_scenario() -> None:
    shape = monthly_shape(KATHA, 0.2)
    assert np.flatnonzero(shape == 0.2).tolist() == [0, 1, 2, 11]
    above = shape > 0.2
    ratio = shape[above] / np.array(KATHA)[above]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-14)
    assert shape.max() == pytest.approx(2.37, abs=0.01)


def test_shape_limits() -> None:
    np.testing.assert_allclose(monthly_shape(KATHA, 1.0), np.ones(12), rtol=1e-14)
    np.testing.assert_allclose(monthly_shape([0.0] * 11 + [5.0], 0.0), [0.0] * 11 + [365.25 / 31.0], rtol=1e-14)
    np.testing.assert_allclose(monthly_shape(np.full(12, 7.0), 0.2), np.ones(12), rtol=1e-14)


@pytest.mark.parametrize(
    ("ratios", "floor", "message"),
    [
        (KATHA, -0.1, r"LS-204 hydrology\.dry_season_floor = -0\.1\. Must lie in \[0, 1\]"),
        (KATHA, 1.2, r"LS-204 hydrology\.dry_season_floor = 1\.2"),
        (KATHA, float("nan"), r"LS-204 hydrology\.dry_season_floor = nan"),
        ([0.0] * 12, 0.2, r"LS-204 hydrology\.monthly_shape = "),
        ([-1.0] + [1.0] * 11, 0.2, r"LS-204 hydrology\.monthly_shape = \[-1\.0, "),
        ([np.nan] + [1.0] * 11, 0.2, r"LS-204 hydrology\.monthly_shape = \[nan, "),
    ],
)
def test_shape_mistakes(ratios: list[float], floor: float, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        monthly_shape(ratios, floor)
    with pytest.raises(ValueError, match="expected"):
        monthly_shape(ratios[:11], floor)


# P(x) = sum P_p d_p^-2 / sum d_p^-2
def test_rain_between_stations() -> None:
    x, y = np.array([1.0, 0.0, 4.0, 2.0]), np.zeros(4)
    rain = rain_field(x, y, np.array([0.0, 4.0]), np.array([0.0, 0.0]), np.array([1.0, 2.0]))
    np.testing.assert_allclose(rain, [(1.0 / 1 + 2.0 / 9) / (1 + 1 / 9), 1.0, 2.0, 1.5], rtol=1e-15)


def test_rain_by_month_adds_up() -> None:
    rng = np.random.default_rng(4)
    x, y, sx, sy = rng.normal(size=20), rng.normal(size=20), rng.normal(size=3), rng.normal(size=3)
    monthly = rng.uniform(0.0, 0.5, (3, 12))
    field = rain_field(x, y, sx, sy, monthly)
    assert field.shape == (20, 12)
    np.testing.assert_allclose(field.sum(axis=1), rain_field(x, y, sx, sy, monthly.sum(axis=1)), rtol=1e-13)
    assert np.all(field <= monthly.max(axis=0) * (1 + 1e-14))
    assert np.all(field >= monthly.min(axis=0) * (1 - 1e-14))


def test_one_station_is_everywhere_and_far_away_is_no_overflow() -> None:
    x = np.array([0.0, 1e-160, 1e150])
    np.testing.assert_array_equal(rain_field(x, x, np.array([5.0]), np.array([5.0]), np.array([2.1])), 2.1)


def test_rain_needs_numbers() -> None:
    one = np.array([1.0])
    for arguments in ((one, one, one[:0], one[:0], one[:0]), (one, one, one, one, one * np.nan), (one * np.nan,) * 5):
        with pytest.raises(ValueError, match="rain_field needs"):
            rain_field(*arguments)


# yield = coefficient x rain / year: 2 m a year and 0.75 give 47.5 L/s/km2
def test_runoff() -> None:
    assert mean_runoff(np.array([2.0]), 0.75)[0] == pytest.approx(1.5 / 31_557_600.0, rel=1e-15)
    assert mean_runoff(np.array([2.0]), 0.75)[0] * 1e6 * 1e3 == pytest.approx(47.53, abs=0.01)
    for coefficient in (0.0, 1.1, float("nan")):
        with pytest.raises(ScenarioError, match=r"LS-204 hydrology\.runoff_coefficient"):
            mean_runoff(np.array([2.0]), coefficient)


def test_centroids() -> None:
    drains_to = np.array([0, 0, 2, -1])
    x, y = catchment_centroids(drains_to, np.array([1.0, 3.0, 7.0, 9.0]), np.array([0.0, 1.0, 5.0, 9.0]), 4)
    np.testing.assert_array_equal(x, [2.0, np.nan, 7.0, np.nan])
    np.testing.assert_array_equal(y, [0.5, np.nan, 5.0, np.nan])

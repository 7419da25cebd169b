"""Rain in space and the shape of the year."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.arrays import FloatArray, IntArray
from sim.errors import ScenarioError
from sim.registry import MONTH_DAYS, SECONDS_PER_DAY, SECONDS_PER_YEAR


def month_edges() -> FloatArray:
    """(13,) s since 1 January, edges of the months of a Julian year of 365.25 days.

    Examples
    --------
    >>> float(month_edges()[-1] / 86400.0)
    365.25
    """
    return np.concatenate(([0.0], np.cumsum(MONTH_DAYS))) * SECONDS_PER_DAY


def monthly_shape(ratios: npt.ArrayLike, floor: float) -> FloatArray:
    """Monthly discharge over its annual mean, with a dry-season floor.

    q_m = max(floor, s r_m) with s such that the mean weighted by the days of each month is 1. The mean is piecewise
    linear and rising in s, so s follows exactly from the months that stay above the floor.

    Parameters
    ----------
    ratios : (12,) 1, January to December, any scale
    floor : 1, smallest ratio to the annual mean, in [0, 1]

    Returns
    -------
    (12,) 1

    Raises
    ------
    ScenarioError
        LS-204 if the floor is outside [0, 1], a ratio is negative or none is positive.

    Examples
    --------
    >>> float(monthly_shape([0.0] * 6 + [1.0] * 6, 0.2).min())
    0.2
    """
    r = np.asarray(ratios, dtype=np.float64)
    if r.shape != (12,):
        raise ValueError(f"ratios has shape {r.shape}, expected (12,)")
    if not (np.isfinite(r).all() and (r >= 0.0).all() and (r > 0.0).any()):
        raise ScenarioError(
            204, "hydrology.monthly_shape", got=str(r.tolist()), expected="Twelve ratios, none negative, not all zero"
        )
    if not 0.0 <= floor <= 1.0:
        raise ScenarioError(
            204, "hydrology.dry_season_floor", got=f"{floor:g}", expected="Must lie in [0, 1]",
            remedy="It is the smallest monthly discharge over the annual mean",
        )  # fmt: skip
    w = np.asarray(MONTH_DAYS) / sum(MONTH_DAYS)
    order = np.argsort(-r, kind="stable")
    for above in range(1, 13):
        wet, dry = order[:above], order[above:]
        s = (1.0 - floor * w[dry].sum()) / (w[wet] * r[wet]).sum()
        if len(dry) == 0 or s * r[dry[0]] <= floor:
            break
    shape: FloatArray = np.maximum(floor, s * r)
    return shape


def rain_field(
    x: FloatArray, y: FloatArray, station_x: FloatArray, station_y: FloatArray, rain: FloatArray
) -> FloatArray:
    """Rain at places from stations, by inverse distance squared.

    P(x) = sum_p P_p d_p^-2 / sum_p d_p^-2; at a station its own value.

    Parameters
    ----------
    x, y : (n,) m
    station_x, station_y : (p,) m
    rain : (p,) or (p, 12) m, annual or monthly totals

    Returns
    -------
    (n,) or (n, 12) m

    Raises
    ------
    ValueError
        If there is no station or a position or total is not finite.

    References
    ----------
    Shepard 1968, doi 10.1145/800186.810616.
    """
    positions = (x, y, station_x, station_y, rain)
    if len(station_x) == 0 or not all(np.isfinite(values).all() for values in positions):
        raise ValueError("rain_field needs at least one station, and finite positions and totals")
    square = (np.subtract.outer(x, station_x)) ** 2 + (np.subtract.outer(y, station_y)) ** 2
    nearest = square.min(axis=1, keepdims=True)
    # weights relative to the nearest station cannot overflow; on a station (0/0) it alone counts
    weight = np.divide(nearest, square, out=np.ones_like(square), where=square > 0.0)
    weight /= weight.sum(axis=1, keepdims=True)
    totals = np.asarray(rain, dtype=np.float64)
    # not a matrix product: BLAS sums in an order that depends on the number of threads
    field = np.zeros((len(x), *totals.shape[1:]))
    for station, total in enumerate(totals):
        field += np.multiply.outer(weight[:, station], total)
    return field


def catchment_centroids(
    drains_to: IntArray, cell_x: FloatArray, cell_y: FloatArray, size: int
) -> tuple[FloatArray, FloatArray]:
    """Centre of the ground that drains straight to each node.

    Parameters
    ----------
    drains_to : (ncell,) int64, node each cell reaches first, -1 for none
    cell_x, cell_y : (ncell,) m, cell centres
    size : number of nodes n

    Returns
    -------
    x, y : (n,) m, nan for a node without ground of its own
    """
    inside = drains_to >= 0
    node = drains_to[inside]
    count = np.bincount(node, minlength=size).astype(np.float64)
    count[count == 0.0] = np.nan
    x = np.bincount(node, weights=cell_x[inside], minlength=size) / count
    y = np.bincount(node, weights=cell_y[inside], minlength=size) / count
    return x, y


def mean_runoff(annual_rain: FloatArray, runoff_coefficient: float) -> FloatArray:
    """Annual mean runoff per area: yield = coefficient x rain / year.

    Parameters
    ----------
    annual_rain : (n,) m per year
    runoff_coefficient : 1, share of the rain that runs off, in (0, 1]

    Returns
    -------
    (n,) m/s

    Raises
    ------
    ScenarioError
        LS-204 if the coefficient is outside (0, 1].
    """
    if not 0.0 < runoff_coefficient <= 1.0:
        raise ScenarioError(
            204, "hydrology.runoff_coefficient", got=f"{runoff_coefficient:g}", expected="Must lie in (0, 1]",
            remedy="It is the share of the rain that runs off",
        )  # fmt: skip
    return runoff_coefficient * np.asarray(annual_rain, dtype=np.float64) / SECONDS_PER_YEAR

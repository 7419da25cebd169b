"""Closed-form solutions of transport in one dimension, to compare solvers with.

SI units; C is relative to the inlet's concentration unless said otherwise. Only numpy and scipy.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import erfc, erfcx, gammainc

from sim.arrays import FloatArray


def _edge(a: FloatArray, b: FloatArray) -> FloatArray:
    """exp(a) erfc(b) without overflow."""
    positive = np.maximum(b, 0.0)
    return np.asarray(
        np.where(b > 0.0, np.exp(a - positive**2) * erfcx(positive), np.exp(np.minimum(a, 700.0)) * erfc(b))
    )


def step_inlet(x: npt.ArrayLike, t: npt.ArrayLike, u: float, D: float, *, k: float = 0.0, R: float = 1.0) -> FloatArray:
    """Response to a step of the inlet's concentration, with retardation and decay of the dissolved.

    R C_t = D C_xx - u C_x - k C, C(0, t) = 1, C(x, 0) = 0:
    C = 1/2 exp((u - v) x / 2D) erfc((R x - v t)/s) + 1/2 exp((u + v) x / 2D) erfc((R x + v t)/s),
    s = 2 sqrt(D R t), v = sqrt(u^2 + 4 k D). With k = 0, R = 1 this is Ogata and Banks.

    Parameters
    ----------
    x, t : broadcastable, m and s, t > 0
    u, D : m/s, m2/s
    k : 1/s
    R : 1

    References
    ----------
    Ogata & Banks 1961, USGS Professional Paper 411-A; van Genuchten & Alves 1982, USDA Technical Bulletin 1661.

    Examples
    --------
    >>> float(step_inlet(10.0, 20.0, 0.5, 5.0).round(6))
    0.713792
    """
    x, t = np.asarray(x, dtype=np.float64), np.asarray(t, dtype=np.float64)
    v = np.sqrt(u * u + 4.0 * k * D)
    spread = 2.0 * np.sqrt(D * R * t)
    slow = _edge((u - v) * x / (2.0 * D), (R * x - v * t) / spread)
    fast = _edge((u + v) * x / (2.0 * D), (R * x + v * t) / spread)
    return 0.5 * (slow + fast)


def step_flux(x: npt.ArrayLike, t: npt.ArrayLike, u: float, D: float) -> FloatArray:
    """Response to a step of the mass that flows in (third-type inlet), u C - D C_x = u at x = 0.

    C = 1/2 erfc((x - ut)/s) + sqrt(u^2 t/(pi D)) exp(-(x - ut)^2/s^2)
        - 1/2 (1 + ux/D + u^2 t/D) exp(ux/D) erfc((x + ut)/s),
    s = 2 sqrt(D t).

    Parameters
    ----------
    x, t : broadcastable, m and s, t > 0
    u, D : m/s, m2/s

    References
    ----------
    Lindstrom, Haque, Freed & Boersma 1967, Environmental Science and Technology 1(7), doi 10.1021/es60007a001.

    Examples
    --------
    >>> float(step_flux(0.5, 10.0, 0.5, 0.5).round(9))
    0.941642278
    """
    x, t = np.asarray(x, dtype=np.float64), np.asarray(t, dtype=np.float64)
    spread = 2.0 * np.sqrt(D * t)
    behind, ahead = (x - u * t) / spread, (x + u * t) / spread
    middle = np.sqrt(u * u * t / (np.pi * D)) * np.exp(-(behind**2))
    return np.asarray(0.5 * erfc(behind) + middle - 0.5 * (1.0 + u * x / D + u * u * t / D) * _edge(u * x / D, ahead))


def spill(
    x: npt.ArrayLike, t: npt.ArrayLike, u: float, D: float, mass: float, area: float, *, k: float = 0.0
) -> FloatArray:
    """Concentration after an instantaneous release at x = 0, t = 0 into an endless channel.

    C = M/(A sqrt(4 pi D t)) exp(-(x - u t)^2/(4 D t) - k t)

    Parameters
    ----------
    x, t : broadcastable, m and s, t > 0
    u, D : m/s, m2/s
    mass, area : kg, m2
    k : 1/s

    References
    ----------
    Taylor 1954, doi 10.1098/rspa.1954.0130; Hunt 2006, Journal of Hydraulic Engineering 132(2).

    Examples
    --------
    >>> float(spill(2000.0, 2500.0, 0.8, 30.0, 2.0, 40.0, k=5e-5).round(9))
    4.5451e-05
    """
    x, t = np.asarray(x, dtype=np.float64), np.asarray(t, dtype=np.float64)
    return np.asarray(
        mass / (area * np.sqrt(4.0 * np.pi * D * t)) * np.exp(-((x - u * t) ** 2) / (4.0 * D * t) - k * t)
    )


def steady_decay(x: npt.ArrayLike, u: float, D: float, k: float) -> FloatArray:
    """Steady profile with first-order loss: exp(x u/(2D) (1 - sqrt(1 + 4 k D/u^2))).

    Parameters
    ----------
    x : m
    u, D, k : m/s, m2/s, 1/s; see `storage_loss` for k with a storage zone

    References
    ----------
    Runkel 2007, Limnology and Oceanography: Methods 5.

    Examples
    --------
    >>> float(steady_decay(100.0, 0.3, 2.0, 1e-4).round(9))
    0.967287432
    """
    # 1 - sqrt(1 + q) = -q/(1 + sqrt(1 + q)) keeps its digits where q is small
    q = 4.0 * k * D / (u * u)
    return np.asarray(np.exp(-np.asarray(x, dtype=np.float64) * u / (2.0 * D) * q / (1.0 + np.sqrt(1.0 + q))))


def storage_loss(loss: float, storage_loss: float, exchange: float, area_ratio: float) -> float:
    """Loss rate of channel and storage zone together in the steady state.

    k = lambda + alpha lambda_2/(alpha A/A2 + lambda_2)

    Parameters
    ----------
    loss, storage_loss, exchange : 1/s, lambda, lambda_2, alpha
    area_ratio : 1, A/A2

    References
    ----------
    Runkel 2007, Limnology and Oceanography: Methods 5.

    Examples
    --------
    >>> storage_loss(1e-5, 5e-5, 4e-5, 2.0)
    2.5384615384615383e-05
    """
    return loss + exchange * storage_loss / (exchange * area_ratio + storage_loss)


def tanks_in_series(n: int, t: npt.ArrayLike) -> FloatArray:
    """Outflow of n mixed tanks with total residence time 1 after a step at the inlet: P(n, n t), incomplete gamma.

    This is what implicit upwind routing through n cells tends to for short steps.

    Parameters
    ----------
    n : number of tanks
    t : time over residence time

    Examples
    --------
    >>> float(tanks_in_series(1, 0.05).round(12))
    0.048770575499
    """
    return np.asarray(gammainc(n, n * np.asarray(t, dtype=np.float64)))


def mixed_tank(t: npt.ArrayLike, residence: float, k: float = 0.0) -> FloatArray:
    """Concentration in one mixed volume after a step at its inlet.

    C = (1 - exp(-(1/tau + k) t))/(1 + k tau)

    Parameters
    ----------
    t, residence : s
    k : 1/s

    Examples
    --------
    >>> float(mixed_tank(0.05, 1.0).round(12))
    0.048770575499
    """
    rate = 1.0 / residence + k
    return np.asarray(-np.expm1(-rate * np.asarray(t, dtype=np.float64)) / (rate * residence))

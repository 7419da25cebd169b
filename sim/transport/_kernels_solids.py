"""Kernels of the exchange between the water and the bed: solids and the lead on them, cell by cell.

Within a call the water, its pH and the shear of a cell stay as they are. Either solids settle or the bed erodes. Each
has an exact solution, and so has diffusion between water and pores; they follow one another as half, whole, half.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from sim.transport._kernels import add_compensated, mean_loss

# first axis of the bed's state
BED_SOLIDS, BED_LEAD, BURIED_SOLIDS, BURIED_LEAD = 0, 1, 2, 3
BED_ROWS = 4
# rows of the sums, kg
SETTLED_SOLIDS, ERODED_SOLIDS, SUNK_SOLIDS = 0, 1, 2
SETTLED_LEAD, ERODED_LEAD, DIFFUSED_LEAD, SUNK_LEAD = 3, 4, 5, 6
EXCHANGE_LINES = 7


class SolidsRates(NamedTuple):
    """Parameters of the exchange, (k,) for k members.

    settling : w_s, m/s
    deposition_shear, erosion_shear : tau_cd <= tau_ce, Pa
    erosion : M_e, kg/m2/s
    full : solids of a full active layer, kg/m2
    pores : pore water per solids of the layer, m3/kg
    kd_bed : Kd_b, m3/kg
    exchange : v, m/s
    """

    settling: np.ndarray
    deposition_shear: np.ndarray
    erosion_shear: np.ndarray
    erosion: np.ndarray
    full: np.ndarray
    pores: np.ndarray
    kd_bed: np.ndarray
    exchange: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
def settle(
    W: float, P: float, M: float, L: float, stays: float, share: float, volume: float, kd: float, full: float
) -> tuple[float, float, float, float, float, float]:
    """Settle a share of the suspended solids and bury what the active layer cannot hold.

    Settled lead = Kd P / (V + Kd W) per kg of solids, the same all the time. Once the layer is full every kg that comes
    pushes one out at the bottom: dL/db = q - L / M_full, so buried lead = L (1 - exp(-x)) + q b (1 - phi(x)),
    x = b / M_full.

    Parameters
    ----------
    W, P : kg, solids and lead in the water
    M, L : kg, solids and lead in the active layer
    stays, share : 1, of the solids that stay and that settle; two numbers, for either may be tiny
    volume : V, m3, > 0
    kd : m3/kg
    full : M_full, kg

    Returns
    -------
    kg : solids and lead left in the water, settled solids, settled lead, buried solids, buried lead
    """
    settled, rest = W * share, W * stays
    holds = volume + kd * W
    lead, dissolved = P * (kd * settled / holds), P * ((volume + kd * rest) / holds)
    surplus = settled - max(full - M, 0.0)
    if surplus <= 0.0:
        return rest, dissolved, settled, lead, 0.0, 0.0
    last = lead * (surplus / settled)
    held = L + (lead - last)
    x = surplus / full
    buried = held * -math.expm1(-x) + last * mean_loss(x)
    return rest, dissolved, settled, lead, surplus, min(buried, held + last)


@njit(cache=True, nogil=True, error_model="numpy")
def diffuse(P: float, L: float, water: float, bed: float, reach: float) -> float:
    """Lead that diffuses from the water into the pores; towards equal dissolved concentrations, exact.

    F = (P K_b - L K_w) / (K_w + K_b) (1 - exp(-v A dt (1 / K_w + 1 / K_b)))

    Parameters
    ----------
    P, L : kg, lead in the water and in the active layer
    water, bed : K_w > 0 and K_b, m3, lead over dissolved concentration
    reach : v A dt, m3

    Returns
    -------
    kg, negative out of the bed
    """
    if not (bed > 0.0 and reach > 0.0):
        return 0.0
    both = water + bed
    moved = (P * (bed / both) - L * (water / both)) * -math.expm1(-reach * (1.0 / water + 1.0 / bed))
    # rounding alone can pass these
    return min(max(moved, -L), P)


@njit(cache=True, nogil=True, error_model="numpy")
def exchange_with_bed(
    rates: SolidsRates,
    volume: np.ndarray,
    area: np.ndarray,
    shear: np.ndarray,
    unit: np.ndarray,
    kd: np.ndarray,
    solids: np.ndarray,
    lead: np.ndarray,
    duration: float,
    out_water: np.ndarray,
    out_bed: np.ndarray,
    out_sums: np.ndarray,
) -> None:
    """Advance water and bed of every cell by `duration`: settling or erosion, burial, diffusion.

    Cells are independent of one another, and so are members. Cells without volume are left alone. Any step is stable,
    nothing becomes negative, and what leaves one store enters another.

    Parameters
    ----------
    rates : SolidsRates of k members
    volume : (n,) m3 of water
    area : (n,) m2 of bed; the same in all calls, for the layer's thickness follows from it
    shear : (n,) Pa
    unit : (n,) kg that one unit of `out_water` stands for: 1 where it holds kg, the volume where it holds kg/m3
    kd : (n, k) m3/kg of suspended solids
    solids, lead : (k,) int64, columns of `out_water` of every member
    duration : s
    out_water : (n or more, columns), replaced
    out_bed : (4, n, k) kg, rows `BED_SOLIDS` and so on, replaced
    out_sums : (`EXCHANGE_LINES`, 2, k) kg and what rounding lost, added to

    References
    ----------
    Krone 1962, University of California (settling); Partheniades 1965, doi 10.1061/JYCEAJ.0001165 (erosion).
    """
    for i in range(volume.size):
        V, A, tau = volume[i], area[i], shear[i]
        if not (V > 0.0 and A > 0.0):
            continue
        for j in range(solids.size):
            stays, share, most = _half_step(rates, j, V, A, tau, duration)
            reach = rates.exchange[j] * A * duration
            if share > 0.0 or most > 0.0 or reach > 0.0:
                _exchange_cell(
                    rates, i, j, V, A, unit[i], kd[i, j], solids[j], lead[j], stays, share, most, reach,
                    out_water, out_bed, out_sums,
                )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _half_step(
    rates: SolidsRates, j: int, V: float, A: float, tau: float, duration: float
) -> tuple[float, float, float]:
    """Shares of the solids that stay and that settle, and solids (kg) that can erode, in half the duration."""
    half = 0.5 * duration
    if tau < rates.deposition_shear[j]:
        x = half * rates.settling[j] * (1.0 - tau / rates.deposition_shear[j]) * A / V
        # each from the function that keeps its digits, with one exponential
        if x < 0.5:
            share = -math.expm1(-x)
            return 1.0 - share, share, 0.0
        stays = math.exp(-x)
        return stays, 1.0 - stays, 0.0
    if tau > rates.erosion_shear[j]:
        return 1.0, 0.0, half * rates.erosion[j] * (tau / rates.erosion_shear[j] - 1.0) * A
    return 1.0, 0.0, 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _exchange_cell(
    rates: SolidsRates,
    i: int,
    j: int,
    V: float,
    A: float,
    unit: float,
    kd: float,
    solids: int,
    lead: int,
    stays: float,
    share: float,
    most: float,
    reach: float,
    out_water: np.ndarray,
    out_bed: np.ndarray,
    out_sums: np.ndarray,
) -> None:
    """Half of the solids' exchange, diffusion, the other half, in one cell for one member."""
    before, P = out_water[i, solids] * unit, out_water[i, lead] * unit
    W = before
    M, L = out_bed[BED_SOLIDS, i, j], out_bed[BED_LEAD, i, j]
    for half in range(2):
        if share > 0.0 and W > 0.0:
            W, P, settled, taken, sunk, lost = settle(W, P, M, L, stays, share, V, kd, rates.full[j] * A)
            M += settled - sunk
            L = max(L + taken - lost, 0.0)
            out_bed[BURIED_SOLIDS, i, j] += sunk
            out_bed[BURIED_LEAD, i, j] += lost
            add_compensated(settled, SETTLED_SOLIDS, j, out_sums)
            add_compensated(taken, SETTLED_LEAD, j, out_sums)
            add_compensated(sunk, SUNK_SOLIDS, j, out_sums)
            add_compensated(lost, SUNK_LEAD, j, out_sums)
        elif most > 0.0 and M > 0.0:
            eroded = min(most, M)
            given = L * (eroded / M)
            W += eroded
            P += given
            M -= eroded
            L -= given
            add_compensated(eroded, ERODED_SOLIDS, j, out_sums)
            add_compensated(given, ERODED_LEAD, j, out_sums)
        if half == 0:
            moved = diffuse(P, L, V + kd * W, (rates.pores[j] + rates.kd_bed[j]) * M, reach)
            P -= moved
            L += moved
            add_compensated(moved, DIFFUSED_LEAD, j, out_sums)
    out_water[i, lead] = P / unit
    # W / unit is not quite what W came from
    if before != W:
        out_water[i, solids] = W / unit
    out_bed[BED_SOLIDS, i, j], out_bed[BED_LEAD, i, j] = M, L

"""Kernels of the exchange between the water and the bed: solids and the lead on them, cell by cell.

Within a call the water, its pH and the shear of a cell stay as they are. Either solids settle or the bed erodes. Each
has an exact solution, and so has diffusion between water and pores; they follow one another as half, whole, half.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sim.transport._kernels import add_compensated, mean_loss, mean_survival

# rows of the parameters: w_s m/s, tau_cd <= tau_ce Pa, M_e kg/m2/s, solids of a full layer kg/m2, its pore water per
# solids m3/kg, Kd_b m3/kg, v m/s
SETTLING, DEPOSITION_SHEAR, EROSION_SHEAR, EROSION, FULL, PORES, KD_BED, EXCHANGE = 0, 1, 2, 3, 4, 5, 6, 7
# first axis of the bed's state
BED_SOLIDS, BED_LEAD, BURIED_SOLIDS, BURIED_LEAD = 0, 1, 2, 3
# rows of the sums, kg
SETTLED_SOLIDS, ERODED_SOLIDS, SUNK_SOLIDS = 0, 1, 2
SETTLED_LEAD, ERODED_LEAD, DIFFUSED_LEAD, SUNK_LEAD = 3, 4, 5, 6
EXCHANGE_LINES = 7
# cells summed plainly before their sum is added with compensation
_BLOCK = 64


@njit(cache=True, nogil=True, error_model="numpy")
def settle(
    W: float, P: float, M: float, L: float, stays: float, share: float, volume: float, kd: float, full: float
) -> tuple[float, float, float, float, float, float, float, float]:
    """Settle a share of the suspended solids and bury what the active layer cannot hold.

    Settled lead = Kd P / (V + Kd W) per kg of solids, the same all the time. Once the layer is full every kg that comes
    pushes one out at the bottom: dL/db = q - L / M_full, so L = L_0 exp(-x) + q b phi(x), x = b / M_full,
    phi(x) = (1 - exp(-x)) / x.

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
    kg : solids and lead left in the water, in the layer, that settled, and that were buried
    """
    settled, rest = W * share, W * stays
    holds = volume + kd * W
    lead, dissolved = P * (kd * settled / holds), P * ((volume + kd * rest) / holds)
    surplus = settled - max(full - M, 0.0)
    if surplus <= 0.0:
        return rest, dissolved, M + settled, L + lead, settled, lead, 0.0, 0.0
    last = lead * (surplus / settled)
    held = L + (lead - last)
    x = surplus / full
    # what stays in a thin layer would drown in the rounding of what passes through it
    layer = held * math.exp(-x) + last * mean_survival(x)
    buried = held * -math.expm1(-x) + last * mean_loss(x)
    return rest, dissolved, max(M, full), layer, settled, lead, surplus, buried


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
    return (P * (bed / both) - L * (water / both)) * -math.expm1(-reach * (1.0 / water + 1.0 / bed))


@njit(cache=True, nogil=True, error_model="numpy")
def exchange_with_bed(
    rates: np.ndarray,
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
    rates : (8, k) parameters of k members, rows `SETTLING` and so on
    volume : (n,) m3 of water
    area : (n,) m2 of bed; the same in all calls, for the layer's thickness follows from it
    shear : (n,) Pa
    unit : (n,) kg that one unit of `out_water` stands for: 1 where it holds kg, the volume where it holds kg/m3
    kd : (n, k) m3/kg of suspended solids
    solids, lead : (k,) int64, columns of `out_water` of every member
    duration : s
    out_water : (n or more, columns), replaced
    out_bed : (4, n, k) kg, rows `BED_SOLIDS` and so on, replaced; the layer at most full
    out_sums : (`EXCHANGE_LINES`, 2, k) kg and what rounding lost, added to

    References
    ----------
    Krone 1962, University of California (settling); Partheniades 1965, doi 10.1061/JYCEAJ.0001165 (erosion).
    """
    part = np.zeros((EXCHANGE_LINES, solids.size))
    for start in range(0, volume.size, _BLOCK):
        for i in range(start, min(start + _BLOCK, volume.size)):
            V, A = volume[i], area[i]
            if not V > 0.0:
                continue
            for j in range(solids.size):
                stays, share, most = _half_step(
                    rates[SETTLING, j], rates[DEPOSITION_SHEAR, j], rates[EROSION_SHEAR, j], rates[EROSION, j], V, A,
                    shear[i], 0.5 * duration,
                )  # fmt: skip
                u = unit[i]
                W0, P0 = out_water[i, solids[j]] * u, out_water[i, lead[j]] * u
                W, P, M, L, settled, settled_lead, sunk, sunk_lead, eroded, eroded_lead, moved = _exchange_cell(
                    W0, P0, out_bed[BED_SOLIDS, i, j], out_bed[BED_LEAD, i, j], V,
                    kd[i, j], rates[FULL, j] * A, rates[PORES, j] + rates[KD_BED, j], stays, share, most,
                    rates[EXCHANGE, j] * A * duration,
                )  # fmt: skip
                # W0 / u is not quite what W0 came from
                if W != W0:
                    out_water[i, solids[j]] = W / u
                if P != P0:
                    out_water[i, lead[j]] = P / u
                out_bed[BED_SOLIDS, i, j], out_bed[BED_LEAD, i, j] = M, L
                out_bed[BURIED_SOLIDS, i, j] += sunk
                out_bed[BURIED_LEAD, i, j] += sunk_lead
                part[SETTLED_SOLIDS, j] += settled
                part[ERODED_SOLIDS, j] += eroded
                part[SUNK_SOLIDS, j] += sunk
                part[SETTLED_LEAD, j] += settled_lead
                part[ERODED_LEAD, j] += eroded_lead
                part[DIFFUSED_LEAD, j] += moved
                part[SUNK_LEAD, j] += sunk_lead
        for line in range(EXCHANGE_LINES):
            for j in range(solids.size):
                add_compensated(part[line, j], line, j, out_sums)
                part[line, j] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _half_step(
    w: float, tau_cd: float, tau_ce: float, M_e: float, V: float, A: float, tau: float, half: float
) -> tuple[float, float, float]:
    """Shares of the solids that stay and that settle, and solids (kg) that can erode, in half a step."""
    if tau < tau_cd:
        x = half * w * (1.0 - tau / tau_cd) * A / V
        # each from the function that keeps its digits, with one exponential
        if x < 0.5:
            share = -math.expm1(-x)
            return 1.0 - share, share, 0.0
        stays = math.exp(-x)
        return stays, 1.0 - stays, 0.0
    if tau > tau_ce:
        return 1.0, 0.0, half * M_e * (tau / tau_ce - 1.0) * A
    return 1.0, 0.0, 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _exchange_cell(
    W: float,
    P: float,
    M: float,
    L: float,
    V: float,
    kd: float,
    full: float,
    capacity: float,
    stays: float,
    share: float,
    most: float,
    reach: float,
) -> tuple[float, float, float, float, float, float, float, float, float, float, float]:
    """Half of the solids' exchange, diffusion, the other half; the four stores (kg) and what moved."""
    settled, settled_lead, sunk, sunk_lead, eroded, eroded_lead, moved = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for half in range(2):
        if share > 0.0 and W > 0.0:
            W, P, M, L, down, down_lead, below, below_lead = settle(W, P, M, L, stays, share, V, kd, full)
            settled += down
            settled_lead += down_lead
            sunk += below
            sunk_lead += below_lead
        elif most > 0.0 and M > 0.0:
            up = min(most, M)
            up_lead = L * (up / M)
            W += up
            P += up_lead
            M -= up
            L -= up_lead
            eroded += up
            eroded_lead += up_lead
        if half == 0:
            moved = diffuse(P, L, V + kd * W, capacity * M, reach)
            P -= moved
            L += moved
    return W, P, M, L, settled, settled_lead, sunk, sunk_lead, eroded, eroded_lead, moved

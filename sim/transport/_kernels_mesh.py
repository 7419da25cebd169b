"""Kernels of the mesh: numbering of the rows, and the coefficients of the flux through every face.

Row i gives to ``down[i] > i``; an outlet gives to row n, one past the last, where arrays hold zeros.
The flux from row i to row j = down[i] is F = Q X_i + beta (X_i - X_j) = alpha X_i - beta X_j with alpha = beta + Q.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# kinds of rows
CELL, RESERVOIR, JUNCTION = 0, 1, 2


@njit(cache=True, nogil=True, error_model="numpy")
def breadth_first(down: np.ndarray, out_order: np.ndarray) -> None:
    """Order rows by distance from the outlet, the furthest first, neighbours in the order of their receivers.

    Rows at one distance do not depend on each other and read their receivers one after another, which a processor
    can overlap; along a river every row would wait for the one before.

    Parameters
    ----------
    down : (n,) receiver or -1, ``down[i] > i``
    out_order : (n,) rows in their new order
    """
    n = down.size
    start = np.zeros(n + 2, dtype=np.int64)
    for i in range(n):
        if down[i] >= 0:
            start[down[i] + 2] += 1
    for i in range(n):
        start[i + 2] += start[i + 1]
    donor = np.empty(n, dtype=np.int64)
    for i in range(n):
        j = down[i]
        if j >= 0:
            donor[start[j + 1]] = i
            start[j + 1] += 1
    filled = 0
    for i in range(n):
        if down[i] < 0:
            out_order[n - 1 - filled] = i
            filled += 1
    done = 0
    while done < filled:
        row = out_order[n - 1 - done]
        done += 1
        for k in range(start[row], start[row + 1]):
            out_order[n - 1 - filled] = donor[k]
            filled += 1


@njit(cache=True, nogil=True, error_model="numpy")
def faces(
    down: np.ndarray,
    kind: np.ndarray,
    length: np.ndarray,
    discharge: np.ndarray,
    conductance: np.ndarray,
    out_upwind: np.ndarray,
    out_central: np.ndarray,
) -> None:
    """Coefficient beta of every downstream face, for the upwind and for the second-order flux.

    Between cells C_face = (g_i C_i + g_j C_j)/(g_i + g_j), g = 2 A D / dx, keeps C and A D C_x continuous where
    A D jumps, and G = g_i g_j / (g_i + g_j) disperses: beta = G - Q g_j / (g_i + g_j). It is kept at or above -Q/2, the
    plain average, below which a face feeds wiggles more than dispersion damps them. Upwind: beta = G.
    At a junction (a row without volume, its value is C at the junction) a donor has beta = max(g_i, Q) - Q and the
    junction itself g_j. Reservoirs and outlets pass on what they hold: beta = 0.

    Parameters
    ----------
    down, kind : (n,)
    length : (n,) m
    discharge : (n,) m3/s through the downstream face, >= 0
    conductance : (n,) m3/s, g of the row's half length
    out_upwind, out_central : (n,) m3/s
    """
    n = down.size
    for i in range(n):
        j = down[i]
        out_upwind[i] = 0.0
        out_central[i] = 0.0
        if j == n or kind[i] == RESERVOIR or kind[j] == RESERVOIR:
            continue
        q, g = discharge[i], conductance[i]
        if kind[i] == JUNCTION:
            out_upwind[i] = conductance[j]
            out_central[i] = conductance[j]
        elif kind[j] == JUNCTION:
            out_upwind[i] = max(g - q, 0.0)
            out_central[i] = out_upwind[i]
        else:
            both = g + conductance[j]
            if both > 0.0:
                weight = conductance[j] / both
                dispersive = g * weight
            else:
                weight = length[i] / (length[i] + length[j])
                dispersive = 0.0
            out_upwind[i] = dispersive
            out_central[i] = max(dispersive - q * weight, -0.5 * q)

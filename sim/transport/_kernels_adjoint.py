"""Kernels of the adjoint: the linear steps transposed, run from the last to the first."""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.transport._kernels_linear import sweep_tree
from sim.transport._kernels_records import Factors, March


@njit(cache=True, nogil=True, error_model="numpy")
def solve_back(f: Factors, link_from: np.ndarray, gain: np.ndarray, out_x: np.ndarray) -> None:
    """Solve the transposed matrix in place, links included: (I + gain W)^T first, then the tree's transpose.

    Parameters
    ----------
    f : Factors
    link_from, gain : (k,), (k, n + 1, m or 1)
    out_x : (n + 1, m) right-hand side, replaced by the solution
    """
    n, m, links = f.down.size, out_x.shape[1], link_from.size
    wide = f.inverse.shape[1] > 1
    returned = np.zeros((links, m))
    for b in range(links):
        for i in range(n):
            for c in range(m):
                returned[b, c] += gain[b, i, c if wide else 0] * out_x[i, c]
    for b in range(links):
        for c in range(m):
            out_x[link_from[b], c] += returned[b, c]
    sweep_tree(f.down, f.upper, f.lower, out_x)
    for i in range(n):
        for c in range(m):
            out_x[i, c] *= f.inverse[i, c if wide else 0]


@njit(cache=True, nogil=True, error_model="numpy")
def march_back(
    f: Factors,
    a: March,
    before: np.ndarray,
    after: np.ndarray,
    watched: np.ndarray,
    out_mass: np.ndarray,
    out_store: np.ndarray,
    out_watched: np.ndarray,
    out_total: np.ndarray,
) -> None:
    """Run the transposed steps: sensitivity of a receptor to what enters every row, and when.

    With the step (M1, S1) = B (M0, S0) + G b, the transposed state goes back by B^T, and G^T of it is the sensitivity
    to b in that step. Here M1 = V1 (X/theta) + (1 - 1/theta) (V1/V0) M0 and
    S1 = S0 + dt (give X - back S0) - dt f (keep S0 + take X).

    Parameters
    ----------
    f, a : Factors, March as for `march`; ``a.entry_rate`` (steps, e, m) is added to the sensitivity to the mass in rows
        ``a.entry_row`` AFTER each step, which is how receptors enter
    before, after : (n, m or 1) m3 that hold the mass of a row before and after a step; 0 for junctions
    watched : (r,) rows whose sensitivity is wanted step by step
    out_mass, out_store : (n + 1, m), (k, n, m) 1/m3, sensitivity to the state after the last step, replaced by that
        before the first
    out_watched : (steps, r, m) s/m3, sensitivity to kg/s into the watched rows during each step
    out_total : (n, m) s/m3, sum over the steps for every row is added
    """
    n, stores, m = f.down.size, out_store.shape[0], out_mass.shape[1]
    wide, wide_volume = f.carry.shape[1] > 1, before.shape[1] > 1
    lossy, wide_loss = a.store_loss.shape[0] > 0, a.store_loss.shape[2] > 1
    x = np.zeros((n + 1, m))
    for step in range(a.weight.size - 1, -1, -1):
        w, dt = a.weight[step], a.duration[step]
        for e in range(a.entry_row.size):
            for c in range(m):
                out_mass[a.entry_row[e], c] += a.entry_rate[step, e, c]
        for i in range(n):
            for c in range(m):
                x[i, c] = w * after[i, c if wide_volume else 0] * out_mass[i, c]
                for k in range(stores):
                    cc = c if wide else 0
                    loss = a.store_loss[k, i, c if wide_loss else 0] if lossy else 0.0
                    x[i, c] += dt * (f.give[k, i, cc] - loss * f.take[k, i, cc]) * out_store[k, i, c]
        for c in range(m):
            x[n, c] = 0.0
        solve_back(f, a.link_from, a.gain, x)
        for r in range(watched.size):
            for c in range(m):
                out_watched[step, r, c] = x[watched[r], c]
        for i in range(n):
            for c in range(m):
                cc, cv = c if wide else 0, c if wide_volume else 0
                out_total[i, c] += x[i, c]
                # carry and store_carry hold the pivot's inverse, by which x has been multiplied already
                right = x[i, c] / f.inverse[i, cc]
                growth = after[i, cv] / before[i, cv] if before[i, cv] > 0.0 else 0.0
                out_mass[i, c] = (1.0 - w) * growth * out_mass[i, c] + f.carry[i, cc] * right
                for k in range(stores):
                    loss = a.store_loss[k, i, c if wide_loss else 0] if lossy else 0.0
                    kept = 1.0 - dt * (f.back[k, i, cc] + loss * f.keep[k, i, cc])
                    out_store[k, i, c] = kept * out_store[k, i, c] + f.store_carry[k, i, cc] * right

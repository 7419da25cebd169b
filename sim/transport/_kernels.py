"""Kernels of steady transport: one sweep from the springs to the outlets, columns innermost."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_SERIES_BELOW = 0.5
_SERIES_TERMS = 16

# rows of the sums a sweep returns
BACKGROUND, PITS, OUT, REACTED = 0, 1, 2, 3


@njit(cache=True, nogil=True, error_model="numpy")
def mean_survival(a: float) -> float:
    """phi(a) = (1 - exp(-a)) / a, the share of evenly entering mass that leaves; phi(0) = 1."""
    if a > 0.0:
        return -math.expm1(-a) / a
    return 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def mean_loss(a: float) -> float:
    """1 - phi(a), by its series sum_j (-1)^(j+1) a^j / (j+1)! where the difference would cancel."""
    if a >= _SERIES_BELOW:
        return 1.0 + math.expm1(-a) / a
    term = 0.5 * a
    total = term
    for j in range(2, _SERIES_TERMS):
        term *= -a / (j + 1.0)
        total += term
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def add_compensated(value: float, row: int, column: int, out_sums: np.ndarray) -> None:
    """Add `value` to ``out_sums[row, 0, column]``; what rounding loses goes to ``out_sums[row, 1, column]``.

    Branch-free two-sum (Knuth), which keeps the same error term as Neumaier's sum and vectorises over columns.
    """
    old = out_sums[row, 0, column]
    new = old + value
    rounded = new - old
    out_sums[row, 1, column] += (old - (new - rounded)) + (value - rounded)
    out_sums[row, 0, column] = new


@njit(cache=True, nogil=True, error_model="numpy")
def sweep(
    down: np.ndarray,
    a: np.ndarray,
    source: np.ndarray,
    lateral: np.ndarray,
    pit: np.ndarray,
    out_background_in: np.ndarray,
    out_background_out: np.ndarray,
    out_pit_in: np.ndarray,
    out_pit_out: np.ndarray,
    out_sums: np.ndarray,
) -> None:
    """Route loads W (kg/s) down the tree, every load decaying by the factor of the segment it LEAVES.

    W_out = W_in exp(-a) + (q L c_L) phi(a), a = k L / u; reacted = W_in (1 - exp(-a)) + (q L c_L)(1 - phi(a)).

    Parameters
    ----------
    down : (n,) receiver or -1, ``down[i] > i``
    a : (n, m) 1, first-order loss times travel time
    source, lateral, pit : (n, m) kg/s, background at the upstream end, background along the segment, pits
    out_background_in, out_background_out, out_pit_in, out_pit_out : (n, m) kg/s
    out_sums : (4, 2, m) kg/s, sums over the network and their rounding: background, pits, out, reacted

    Traversal: nodes in rising order, so every node is complete before it is left.
    """
    n, m = a.shape
    survival = np.empty(m)
    loss = np.empty(m)
    survival_along = np.empty(m)
    loss_along = np.empty(m)
    out_sums[:] = 0.0
    for i in range(n):
        for c in range(m):
            out_background_in[i, c] = source[i, c]
            out_pit_in[i, c] = pit[i, c]
    for i in range(n):
        for c in range(m):
            x = a[i, c]
            if x > 0.0:
                survival[c] = math.exp(-x)
                loss[c] = -math.expm1(-x)
                survival_along[c] = loss[c] / x
                loss_along[c] = mean_loss(x)
            else:
                survival[c] = 1.0
                loss[c] = 0.0
                survival_along[c] = 1.0
                loss_along[c] = 0.0
        for c in range(m):
            b = out_background_in[i, c]
            p = out_pit_in[i, c]
            out_background_out[i, c] = b * survival[c] + lateral[i, c] * survival_along[c]
            out_pit_out[i, c] = p * survival[c]
            add_compensated((b + p) * loss[c] + lateral[i, c] * loss_along[c], REACTED, c, out_sums)
            add_compensated(source[i, c], BACKGROUND, c, out_sums)
            add_compensated(lateral[i, c], BACKGROUND, c, out_sums)
            add_compensated(pit[i, c], PITS, c, out_sums)
        j = down[i]
        if j >= 0:
            for c in range(m):
                out_background_in[j, c] += out_background_out[i, c]
                out_pit_in[j, c] += out_pit_out[i, c]
        else:
            for c in range(m):
                add_compensated(out_background_out[i, c], OUT, c, out_sums)
                add_compensated(out_pit_out[i, c], OUT, c, out_sums)


@njit(cache=True, nogil=True, error_model="numpy")
def along(
    start: np.ndarray,
    distance: np.ndarray,
    length: np.ndarray,
    a: np.ndarray,
    lateral: np.ndarray,
    background_in: np.ndarray,
    pit_in: np.ndarray,
    discharge_in: np.ndarray,
    discharge_lateral: np.ndarray,
    out_total: np.ndarray,
    out_pit: np.ndarray,
) -> None:
    """Concentrations at points along the segments: C(x) = W(x) / Q(x), with r = x / L and W as in `sweep` for a r.

    Where no water has entered yet (Q(x) = 0) the limit x -> 0 is the concentration of the lateral water.

    Parameters
    ----------
    start : (n + 1,) segment i owns the points ``start[i]:start[i + 1]``
    distance : (p,) m from the upstream end
    length : (n,) m
    a, lateral, background_in, pit_in : (n, m) as in `sweep`
    discharge_in, discharge_lateral : (n, m) m3/s
    out_total, out_pit : (p, m) kg/m3
    """
    n, m = a.shape
    for i in range(n):
        for j in range(start[i], start[i + 1]):
            r = distance[j] / length[i]
            for c in range(m):
                x = a[i, c] * r
                survival = math.exp(-x) if x > 0.0 else 1.0
                b = background_in[i, c] * survival + lateral[i, c] * r * mean_survival(x)
                p = pit_in[i, c] * survival
                q = discharge_in[i, c] + discharge_lateral[i, c] * r
                if q > 0.0:
                    out_total[j, c] = (b + p) / q
                    out_pit[j, c] = p / q
                else:
                    out_total[j, c] = lateral[i, c] / discharge_lateral[i, c]
                    out_pit[j, c] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def earliest_arrival(down: np.ndarray, tau: np.ndarray, is_source: np.ndarray, out_time: np.ndarray) -> None:
    """Shortest time from any source's upstream end to every upstream end; inf where no source lies above.

    Parameters
    ----------
    down : (n,) receiver or -1
    tau : (n, t) s, water travel time of each segment
    is_source : (n,) bool
    out_time : (n, t) s
    """
    n, t = tau.shape
    out_time[:] = np.inf
    for i in range(n):
        if is_source[i]:
            for c in range(t):
                out_time[i, c] = 0.0
        j = down[i]
        if j >= 0:
            for c in range(t):
                out_time[j, c] = min(out_time[j, c], out_time[i, c] + tau[i, c])

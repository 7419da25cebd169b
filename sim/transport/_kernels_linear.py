"""Kernels of the linear scheme: elimination on the tree, stores eliminated per row, forward and transposed.

The mean X over a step solves (V1/(theta dt) + L) X = (V0 + (1/theta - 1) V1)/dt C0 + b and C1 = C0 + (X - C0)/theta:
theta = 1/2 is the trapezoidal rule, theta = 1 implicit Euler. A store of volume Vs that exchanges e with the channel
and loses f is eliminated by its own equation, Xs = (Vs/(theta dt) S0 + e X) / (Vs/(theta dt) + e + f).
Row i gives to ``down[i] > i``, outlets to row n; so leaf to root and back solves the matrix without fill-in
(Hines 1984, doi 10.1016/0020-7101(84)90008-4).
"""

from __future__ import annotations

import numpy as np
from numba import njit

# lines of the sums over the network that a step returns
OUT, ABSTRACTED, BACKFLOW, DIVERTED, DECAYED, VOLATILISED, STORE_DECAYED = 0, 1, 2, 3, 4, 5, 6
# what is held: in the water, sorbed at equilibrium, and in up to two stores
STORED = 7
LINES = 11
#: added and taken away again it turns what lies far below any meaning into 0, before it becomes a subnormal number,
#: with which a processor is a hundred times slower; everything above 1e-184 is not changed by a bit
FLUSH = 1e-200


@njit(cache=True, nogil=True, error_model="numpy")
def prepare(
    down: np.ndarray,
    beta: np.ndarray,
    discharge: np.ndarray,
    fixed: np.ndarray,
    volume_before: np.ndarray,
    volume_after: np.ndarray,
    sorbed: np.ndarray,
    loss: np.ndarray,
    store_volume: np.ndarray,
    store_exchange: np.ndarray,
    store_loss: np.ndarray,
    per_step: float,
    theta: float,
    out_inverse: np.ndarray,
    out_carry: np.ndarray,
    out_lower: np.ndarray,
    out_upper: np.ndarray,
    out_store_carry: np.ndarray,
    out_keep: np.ndarray,
    out_take: np.ndarray,
    out_give: np.ndarray,
    out_back: np.ndarray,
) -> None:
    """Factor the matrix of a step once. What a step starts from is mass: M0 = (V0 + sorbed) C0, Vs S0 for stores.

    Parameters
    ----------
    down : (n,)
    beta, discharge, fixed : (n,) m3/s, face coefficient, discharge through the face, what else leaves the row
    volume_before, volume_after : (n,) m3
    sorbed, loss : (n, m) m3 of water that would hold what is sorbed at equilibrium; m3/s of water that is cleared
    store_volume, store_exchange, store_loss : (k, n, m) m3, m3/s, m3/s
    per_step : 1/s, 1/dt; 0 gives the steady state
    theta : 1/2 or 1
    out_inverse : (n, m) s/m3, one over the pivot
    out_carry : (n, m) 1/m3, part of the old mass in the right-hand side, over the pivot
    out_lower, out_upper : (n, m) elimination towards the outlet, substitution back
    out_store_carry : (k, n, m) 1/m3, part of the store's old mass in the right-hand side, over the pivot
    out_keep, out_take : (k, n, m) 1/m3, 1; mean in the store Xs = keep (Vs S0) + take X
    out_give, out_back : (k, n, m) m3/s, 1/s; the store takes give X - back (Vs S0)

    Traversal: rows in rising order, every donor is eliminated before its receiver.
    """
    n, m = out_inverse.shape
    k = store_volume.shape[0]
    gathered = np.zeros((n + 1, m))
    for i in range(n):
        alpha = beta[i] + discharge[i]
        for c in range(m):
            before, after = volume_before[i] + sorbed[i, c], volume_after[i] + sorbed[i, c]
            pivot = after * per_step / theta + alpha + fixed[i] + loss[i, c] + gathered[i, c]
            for s in range(k):
                held = store_volume[s, i, c] * per_step / theta
                e, f = store_exchange[s, i, c], store_loss[s, i, c]
                total = held + e + f
                # a store that neither holds nor exchanges keeps what it has (nothing)
                per_total = 1.0 / total if total > 0.0 else 0.0
                out_keep[s, i, c] = per_step / theta * per_total
                out_take[s, i, c] = e * per_total
                out_give[s, i, c] = e * (held + f) * per_total
                out_back[s, i, c] = e * out_keep[s, i, c]
                pivot += out_give[s, i, c]
            inverse = 1.0 / pivot
            out_inverse[i, c] = inverse
            growth = after / before if before > 0.0 else 1.0
            out_carry[i, c] = per_step * (1.0 + growth * (1.0 / theta - 1.0)) * inverse
            for s in range(k):
                out_store_carry[s, i, c] = out_back[s, i, c] * inverse
            out_upper[i, c] = beta[i] * inverse
            gathered[down[i], c] += beta[i] * (1.0 - alpha * inverse)
    for i in range(n):
        j = down[i]
        for c in range(m):
            out_lower[i, c] = (beta[i] + discharge[i]) * out_inverse[j, c] if j < n else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def sweep_tree(down: np.ndarray, first: np.ndarray, second: np.ndarray, out_x: np.ndarray) -> None:
    """Solve in place: pass ``first`` x to the receivers from leaf to root, then add ``second`` x of the receiver back.

    With (lower, upper) it solves the matrix, with (upper, lower) its transpose.

    Parameters
    ----------
    down : (n,)
    first, second : (n, 1 or m)
    out_x : (n + 1, m), last row 0
    """
    n = down.size
    m = out_x.shape[1]
    wide = first.shape[1] > 1
    for i in range(n):
        j = down[i]
        for c in range(m):
            out_x[j, c] += first[i, c if wide else 0] * out_x[i, c]
    for c in range(m):
        out_x[n, c] = 0.0
    for i in range(n - 1, -1, -1):
        j = down[i]
        for c in range(m):
            out_x[i, c] += second[i, c if wide else 0] * out_x[j, c]


@njit(cache=True, nogil=True, error_model="numpy")
def link_gain(
    down: np.ndarray,
    inverse: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    link_from: np.ndarray,
    link_to: np.ndarray,
    link_discharge: np.ndarray,
    out_gain: np.ndarray,
) -> int:
    """Correction for k links outside the tree (Woodbury): x = y + sum_b gain_b y[from_b], y the tree's solution.

    gain = Z (I - W Z)^-1 with Z_b = T^-1 e_to q_b and W picks the rows `link_from`.

    Parameters
    ----------
    down, inverse, lower, upper : as `prepare` gives them, (n, m)
    link_from, link_to : (k,) rows
    link_discharge : (k,) m3/s
    out_gain : (k, n + 1, m)

    Returns
    -------
    int
        0, or 1 + the column whose small matrix is singular.
    """
    k, m = link_from.size, inverse.shape[1]
    out_gain[:] = 0.0
    for b in range(k):
        for c in range(m):
            out_gain[b, link_to[b], c] = link_discharge[b] * inverse[link_to[b], c]
        sweep_tree(down, lower, upper, out_gain[b])
    small = np.empty((k, 2 * k))
    for c in range(m):
        for a in range(k):
            for b in range(k):
                small[a, b] = (1.0 if a == b else 0.0) - out_gain[b, link_from[a], c]
                small[a, k + b] = 1.0 if a == b else 0.0
        if not _invert(small):
            return 1 + c
        row = np.empty(k)
        for i in range(down.size):
            for b in range(k):
                total = 0.0
                for a in range(k):
                    total += out_gain[a, i, c] * small[a, k + b]
                row[b] = total
            for b in range(k):
                out_gain[b, i, c] = row[b]
    return 0


@njit(cache=True, nogil=True, error_model="numpy")
def _invert(out_small: np.ndarray) -> bool:
    """Turn (A, I) into (I, A^-1) by Gauss and Jordan with row exchange; False when A is singular."""
    k = out_small.shape[0]
    for p in range(k):
        best = p
        for r in range(p + 1, k):
            if abs(out_small[r, p]) > abs(out_small[best, p]):
                best = r
        if not abs(out_small[best, p]) > 0.0:
            return False
        for q in range(2 * k):
            out_small[p, q], out_small[best, q] = out_small[best, q], out_small[p, q]
        pivot = out_small[p, p]
        for q in range(2 * k):
            out_small[p, q] /= pivot
        for r in range(k):
            if r != p:
                factor = out_small[r, p]
                for q in range(2 * k):
                    out_small[r, q] -= factor * out_small[p, q]
    return True

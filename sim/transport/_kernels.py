"""Kernels of steady transport: one sweep from the springs to the outlets, columns innermost."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

_SERIES_BELOW = 0.5
_SERIES_TERMS = 16

# rows of the sums a sweep returns
BACKGROUND, PITS, OUT, REACTED, DIVERTED, RETURNED = 0, 1, 2, 3, 4, 5
LINES = 6


class Links(NamedTuple):
    """Diversions in rising order of the node they leave; m columns.

    A link runs forward in the numbering (``after > node``), so what it returns meets a node that the sweep has not
    reached yet: the matrix stays triangular and needs no correction.

    node, after : (k,) node whose downstream end a link leaves, node whose upstream end it joins
    share, left : (k, m) 1, share of the load at that end which the link takes; which stays in the river after all links
    survival, loss : (k, m) 1, exp(-a) and 1 - exp(-a) of the way, a = loss rate times travel time
    """

    node: np.ndarray
    after: np.ndarray
    share: np.ndarray
    left: np.ndarray
    survival: np.ndarray
    loss: np.ndarray


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
def shapes(a: float) -> tuple[float, float, float, float]:
    """exp(-a), 1 - exp(-a), phi(a), 1 - phi(a): what survives and what is lost of a load from above and from beside."""
    if a > 0.0:
        loss = -math.expm1(-a)
        return math.exp(-a), loss, loss / a, mean_loss(a)
    return 1.0, 0.0, 1.0, 0.0


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
def divert(
    links: Links,
    b: int,
    i: int,
    background: np.ndarray,
    pit: np.ndarray,
    out_left: np.ndarray,
    out_background_in: np.ndarray,
    out_pit_in: np.ndarray,
    out_sums: np.ndarray,
) -> int:
    """Take what the links at the end of node i carry, count it, and bring it to the nodes they join.

    Parameters
    ----------
    links, b : Links and the number of the first that has not been passed
    i : node
    background, pit : (m,) kg/s at its downstream end
    out_left : (m,) 1, share that stays in the river
    out_background_in, out_pit_in : (n, m) kg/s
    out_sums : (LINES, 2, m)

    Returns
    -------
    int : number of the first link of a later node
    """
    m = pit.size
    while b < links.node.size and links.node[b] == i:
        j = links.after[b]
        for c in range(m):
            taken_background = background[c] * links.share[b, c]
            taken_pit = pit[c] * links.share[b, c]
            out_left[c] = links.left[b, c]
            out_background_in[j, c] += taken_background * links.survival[b, c]
            out_pit_in[j, c] += taken_pit * links.survival[b, c]
            add_compensated(taken_background + taken_pit, DIVERTED, c, out_sums)
            add_compensated((taken_background + taken_pit) * links.survival[b, c], RETURNED, c, out_sums)
            add_compensated((taken_background + taken_pit) * links.loss[b, c], REACTED, c, out_sums)
        b += 1
    return b


@njit(cache=True, nogil=True, error_model="numpy")
def sweep(
    down: np.ndarray,
    a: np.ndarray,
    source: np.ndarray,
    lateral: np.ndarray,
    pit: np.ndarray,
    links: Links,
    out_background_in: np.ndarray,
    out_background_out: np.ndarray,
    out_pit_in: np.ndarray,
    out_pit_out: np.ndarray,
    out_sums: np.ndarray,
) -> None:
    """Route loads W (kg/s) down the tree and its links, every load decaying by the factor of the segment it LEAVES.

    W_out = W_in exp(-a) + (q L c_L) phi(a), a = k L / u; reacted = W_in (1 - exp(-a)) + (q L c_L)(1 - phi(a)).

    Parameters
    ----------
    down : (n,) receiver or -1, ``down[i] > i``
    a : (n, m) 1, first-order loss times travel time
    source, lateral, pit : (n, m) kg/s, background at the upstream end, background along the segment, pits
    links : Links
    out_background_in, out_background_out, out_pit_in, out_pit_out : (n, m) kg/s, at the ends of the segments; links
        take from what is out
    out_sums : (LINES, 2, m) kg/s, sums over the network and their rounding: background, pits, out, reacted (links
        included), diverted, returned

    Traversal: nodes in rising order, so every node is complete before it is left.
    """
    n, m = a.shape
    survival = np.empty(m)
    loss = np.empty(m)
    survival_along = np.empty(m)
    loss_along = np.empty(m)
    left = np.ones(m)
    b = 0
    next_intake = links.node[0] if links.node.size > 0 else -1
    out_sums[:] = 0.0
    for i in range(n):
        for c in range(m):
            out_background_in[i, c] = source[i, c]
            out_pit_in[i, c] = pit[i, c]
    for i in range(n):
        for c in range(m):
            survival[c], loss[c], survival_along[c], loss_along[c] = shapes(a[i, c])
        for c in range(m):
            above = out_background_in[i, c]
            p = out_pit_in[i, c]
            out_background_out[i, c] = above * survival[c] + lateral[i, c] * survival_along[c]
            out_pit_out[i, c] = p * survival[c]
            add_compensated((above + p) * loss[c] + lateral[i, c] * loss_along[c], REACTED, c, out_sums)
            add_compensated(source[i, c], BACKGROUND, c, out_sums)
            add_compensated(lateral[i, c], BACKGROUND, c, out_sums)
            add_compensated(pit[i, c], PITS, c, out_sums)
        # left stays 1 at nodes without an intake
        if i == next_intake:
            b = divert(
                links, b, i, out_background_out[i], out_pit_out[i], left, out_background_in, out_pit_in, out_sums
            )
            next_intake = links.node[b] if b < links.node.size else -1
        j = down[i]
        if j >= 0:
            for c in range(m):
                out_background_in[j, c] += out_background_out[i, c] * left[c]
                out_pit_in[j, c] += out_pit_out[i, c] * left[c]
        else:
            for c in range(m):
                add_compensated(out_background_out[i, c] * left[c], OUT, c, out_sums)
                add_compensated(out_pit_out[i, c] * left[c], OUT, c, out_sums)
        if b > 0 and links.node[b - 1] == i:
            left[:] = 1.0


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

    Where no water has entered yet (Q(x) = 0) the limit x -> 0 is the concentration of the lateral water, and 0 where
    none enters at all.

    Parameters
    ----------
    start : (n + 1,) segment i owns the points ``start[i]:start[i + 1]``
    distance : (p,) m from the upstream end
    length : (n,) m
    a, lateral, background_in, pit_in : (n,) one column of those of `sweep`
    discharge_in, discharge_lateral : (n,) m3/s
    out_total, out_pit : (p,) kg/m3
    """
    for i in range(length.size):
        for j in range(start[i], start[i + 1]):
            r = distance[j] / length[i]
            x = a[i] * r
            survival = math.exp(-x) if x > 0.0 else 1.0
            b = background_in[i] * survival + lateral[i] * r * mean_survival(x)
            p = pit_in[i] * survival
            q = discharge_in[i] + discharge_lateral[i] * r
            if q > 0.0:
                out_total[j] = (b + p) / q
                out_pit[j] = p / q
            else:
                out_total[j] = lateral[i] / discharge_lateral[i] if discharge_lateral[i] > 0.0 else 0.0
                out_pit[j] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def earliest_arrival(
    down: np.ndarray,
    tau: np.ndarray,
    is_source: np.ndarray,
    link_node: np.ndarray,
    link_after: np.ndarray,
    link_tau: np.ndarray,
    out_time: np.ndarray,
) -> None:
    """Shortest time from any source's upstream end to every upstream end; inf where no water of a source arrives.

    Parameters
    ----------
    down : (n,) receiver or -1
    tau : (n, t) s, water travel time of each segment; inf where no water leaves it down the river
    is_source : (n,) bool
    link_node, link_after : (k,) as in `Links`
    link_tau : (k, t) s, from the upstream end of ``link_node`` to that of ``link_after``; inf where nothing is carried
    out_time : (n, t) s
    """
    n, t = tau.shape
    b = 0
    out_time[:] = np.inf
    for i in range(n):
        if is_source[i]:
            for c in range(t):
                out_time[i, c] = 0.0
        while b < link_node.size and link_node[b] == i:
            for c in range(t):
                out_time[link_after[b], c] = min(out_time[link_after[b], c], out_time[i, c] + link_tau[b, c])
            b += 1
        j = down[i]
        if j >= 0:
            for c in range(t):
                out_time[j, c] = min(out_time[j, c], out_time[i, c] + tau[i, c])

"""Kernels of steady transport for members and for the adjoint.

A block is WIDTH columns wide, always: the compiler then keeps a row in registers, and a column gives the same bytes
whatever block it lies in and whichever thread has the block.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.transport._kernels import DIVERTED, OUT, REACTED, RETURNED, Links, add_compensated, shapes

#: columns of a block: 64 bytes, one line of the cache
WIDTH = 8


@njit(cache=True, nogil=True, error_model="numpy")
def factor(
    a: np.ndarray,
    out_survival: np.ndarray,
    out_loss: np.ndarray,
    out_survival_along: np.ndarray,
    out_loss_along: np.ndarray,
) -> None:
    """`shapes` of every attenuation.

    Parameters
    ----------
    a : (n, m) 1, first-order loss times travel time
    out_survival, out_loss, out_survival_along, out_loss_along : (n, m) 1
    """
    for i in range(a.shape[0]):
        for c in range(a.shape[1]):
            out_survival[i, c], out_loss[i, c], out_survival_along[i, c], out_loss_along[i, c] = shapes(a[i, c])


@njit(cache=True, nogil=True, error_model="numpy")
def sweep_block(down: np.ndarray, survival: np.ndarray, along: np.ndarray, links: Links, out_load: np.ndarray) -> None:
    """Route the loads of one block down the tree and its links: W_in of j = what enters + sum over donors of W_out.

    W_out = W_in s + l, the same operations in the same order as `sweep`.

    Parameters
    ----------
    down : (n,) receiver or -1, ``down[i] > i``
    survival : (n, WIDTH) 1, s
    along : (n, WIDTH) kg/s, l, what of the lateral background reaches the downstream end
    links : Links of WIDTH columns
    out_load : (n, WIDTH) kg/s, what enters at the upstream ends, replaced by W_in

    Traversal: nodes in rising order, so every node is complete before it is left.
    """
    b = 0
    next_intake = links.node[0] if links.node.size > 0 else -1
    for i in range(down.size):
        j = down[i]
        if i == next_intake:
            b = divert_block(survival, along, links, b, i, j, out_load)
            next_intake = links.node[b] if b < links.node.size else -1
        elif j >= 0:
            for c in range(WIDTH):
                out_load[j, c] += out_load[i, c] * survival[i, c] + along[i, c]


@njit(cache=True, nogil=True, error_model="numpy")
def divert_block(
    survival: np.ndarray, along: np.ndarray, links: Links, b: int, i: int, j: int, out_load: np.ndarray
) -> int:
    """Route from a node with intakes: what the links carry to where they end, the rest to the receiver.

    Parameters
    ----------
    survival, along, links, out_load : as in `sweep_block`
    b : first link of node i
    i, j : node and its receiver or -1

    Returns
    -------
    int : first link of a later node
    """
    first = b
    while b < links.node.size and links.node[b] == i:
        for c in range(WIDTH):
            taken = (out_load[i, c] * survival[i, c] + along[i, c]) * links.share[b, c]
            out_load[links.after[b], c] += taken * links.survival[b, c]
        b += 1
    if j >= 0:
        for c in range(WIDTH):
            out_load[j, c] += (out_load[i, c] * survival[i, c] + along[i, c]) * links.left[first, c]
    return b


@njit(cache=True, nogil=True, error_model="numpy")
def add_rows(values: np.ndarray, row: int, out_sums: np.ndarray) -> None:
    """Add up a field over its rows.

    Parameters
    ----------
    values : (n, WIDTH) kg/s
    row : row of the sums
    out_sums : (LINES, 2, WIDTH)
    """
    for i in range(values.shape[0]):
        for c in range(WIDTH):
            add_compensated(values[i, c], row, c, out_sums)


@njit(cache=True, nogil=True, error_model="numpy")
def count_block(
    down: np.ndarray,
    survival: np.ndarray,
    along: np.ndarray,
    loss: np.ndarray,
    lost_along: np.ndarray,
    links: Links,
    load: np.ndarray,
    out_sums: np.ndarray,
) -> None:
    """Add what leaves at outlets, reacts, and passes through links.

    Parameters
    ----------
    down, survival, along, links : as in `sweep_block`
    loss : (n, WIDTH) 1, share of W_in that reacts in the segment
    lost_along : (n, WIDTH) kg/s, what of the lateral background reacts in it
    load : (n, WIDTH) kg/s, W_in
    out_sums : (LINES, 2, WIDTH) kg/s, sums and their rounding
    """
    b = 0
    left = np.ones(WIDTH)
    end = np.empty(WIDTH)
    for i in range(down.size):
        for c in range(WIDTH):
            end[c] = load[i, c] * survival[i, c] + along[i, c]
            add_compensated(load[i, c] * loss[i, c] + lost_along[i, c], REACTED, c, out_sums)
            left[c] = 1.0
        while b < links.node.size and links.node[b] == i:
            for c in range(WIDTH):
                taken = end[c] * links.share[b, c]
                left[c] = links.left[b, c]
                add_compensated(taken, DIVERTED, c, out_sums)
                add_compensated(taken * links.survival[b, c], RETURNED, c, out_sums)
                add_compensated(taken * links.loss[b, c], REACTED, c, out_sums)
            b += 1
        if down[i] < 0:
            for c in range(WIDTH):
                add_compensated(end[c] * left[c], OUT, c, out_sums)


@njit(cache=True, nogil=True, error_model="numpy")
def sweep_back(
    down: np.ndarray,
    survival: np.ndarray,
    survival_along: np.ndarray,
    links: Links,
    receptor: int,
    weight_in: np.ndarray,
    weight_end: np.ndarray,
    out_entering: np.ndarray,
    out_along: np.ndarray,
) -> None:
    """The transposed sweep: sensitivity of one receptor to what enters every segment.

    With C = w_in W_in + w_end W_end at the receptor, g the sensitivity to the load at the downstream end of a node,

        g_i = left_i e_down(i) + sum over links of share exp(-a) e_after,   e_i = s_i g_i,   l_i = phi_i g_i.

    Parameters
    ----------
    down : (n,) receiver or -1
    survival, survival_along : (n, m) 1, s and phi
    links : Links of m columns
    receptor : node
    weight_in, weight_end : (m,) s/m3
    out_entering : (n, m) s/m3, e, to a load at the upstream end
    out_along : (n, m) s/m3, l, to a load that enters evenly along the segment

    Traversal: nodes in falling order from the receptor, so everything below a node is known.
    """
    m = survival.shape[1]
    g = np.empty(m)
    left = np.empty(m)
    out_entering[:] = 0.0
    out_along[:] = 0.0
    for c in range(m):
        out_entering[receptor, c] = weight_in[c] + survival[receptor, c] * weight_end[c]
        out_along[receptor, c] = survival_along[receptor, c] * weight_end[c]
    b = links.node.size - 1
    while b >= 0 and links.node[b] >= receptor:
        b -= 1
    for i in range(receptor - 1, -1, -1):
        for c in range(m):
            g[c] = 0.0
            left[c] = 1.0
        while b >= 0 and links.node[b] == i:
            for c in range(m):
                g[c] += links.share[b, c] * links.survival[b, c] * out_entering[links.after[b], c]
                left[c] = links.left[b, c]
            b -= 1
        if down[i] >= 0:
            for c in range(m):
                g[c] += left[c] * out_entering[down[i], c]
        for c in range(m):
            out_entering[i, c] = survival[i, c] * g[c]
            out_along[i, c] = survival_along[i, c] * g[c]

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
#: rows summed plainly before their sum is added with compensation
GROUP = 64


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
def interleave(rows: np.ndarray, out: np.ndarray) -> None:
    """Members one after the other -> side by side.

    Parameters
    ----------
    rows : (WIDTH, n)
    out : (n, WIDTH)
    """
    for i in range(rows.shape[1]):
        for c in range(WIDTH):
            out[i, c] = rows[c, i]


@njit(cache=True, nogil=True, error_model="numpy")
def sweep_block(down: np.ndarray, survival: np.ndarray, along: np.ndarray, links: Links, out_load: np.ndarray) -> None:
    """Route the loads of one block down the tree and its links: W_in of j = what enters + sum over donors of W_out.

    W_out = W_in s + l, the same operations in the same order as `sweep`.

    Parameters
    ----------
    down : (n,) receiver or -1, ``down[i] > i``
    survival : (n, WIDTH) 1, s, or (n, 1) where all columns share it
    along : (n, WIDTH) kg/s, l, what of the lateral background reaches the downstream end; no rows for none
    links : Links of WIDTH columns
    out_load : (n, WIDTH) kg/s, what enters at the upstream ends, replaced by W_in

    Traversal: nodes in rising order, so every node is complete before it is left.
    """
    wide, beside = survival.shape[1] > 1, along.shape[0] > 0
    b = 0
    next_intake = links.node[0] if links.node.size > 0 else -1
    for i in range(down.size):
        j = down[i]
        if i == next_intake:
            b = divert_block(survival, along, links, b, i, j, out_load)
            next_intake = links.node[b] if b < links.node.size else -1
        elif j >= 0:
            # written out four times: a choice inside the loop over columns costs half the speed
            if wide and beside:
                for c in range(WIDTH):
                    out_load[j, c] += out_load[i, c] * survival[i, c] + along[i, c]
            elif wide:
                for c in range(WIDTH):
                    out_load[j, c] += out_load[i, c] * survival[i, c]
            elif beside:
                s = survival[i, 0]
                for c in range(WIDTH):
                    out_load[j, c] += out_load[i, c] * s + along[i, c]
            else:
                s = survival[i, 0]
                for c in range(WIDTH):
                    out_load[j, c] += out_load[i, c] * s


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
    wide, beside = survival.shape[1] > 1, along.shape[0] > 0
    end = np.empty(WIDTH)
    for c in range(WIDTH):
        end[c] = out_load[i, c] * survival[i, c if wide else 0] + (along[i, c] if beside else 0.0)
    first = b
    while b < links.node.size and links.node[b] == i:
        for c in range(WIDTH):
            out_load[links.after[b], c] += end[c] * links.share[b, c] * links.survival[b, c]
        b += 1
    if j >= 0:
        for c in range(WIDTH):
            out_load[j, c] += end[c] * links.left[first, c]
    return b


@njit(cache=True, nogil=True, error_model="numpy")
def add_rows(values: np.ndarray, row: int, out_sums: np.ndarray) -> None:
    """Add up a field over its rows: plain sums over groups of rows, compensated over the groups.

    Parameters
    ----------
    values : (n, WIDTH) kg/s
    row : row of the sums
    out_sums : (LINES, 2, WIDTH)
    """
    part = np.zeros(WIDTH)
    for start in range(0, values.shape[0], GROUP):
        part[:] = 0.0
        for i in range(start, min(start + GROUP, values.shape[0])):
            for c in range(WIDTH):
                part[c] += values[i, c]
        for c in range(WIDTH):
            add_compensated(part[c], row, c, out_sums)


@njit(cache=True, nogil=True, error_model="numpy")
def add_reacted(
    loss: np.ndarray, lost: np.ndarray, load: np.ndarray, lateral: np.ndarray, out_sums: np.ndarray
) -> None:
    """Add what reacts in the segments: W_in (1 - s) + (q L c_L) (1 - phi).

    Parameters
    ----------
    loss, lost : (n, WIDTH) 1, 1 - s and 1 - phi, or (n, 1)
    load : (n, WIDTH) kg/s, W_in
    lateral : (n, WIDTH) kg/s, lateral background; no rows for none
    out_sums : (LINES, 2, WIDTH) kg/s, sums and their rounding
    """
    wide, beside = loss.shape[1] > 1, lateral.shape[0] > 0
    n = load.shape[0]
    part = np.zeros(WIDTH)
    for start in range(0, n, GROUP):
        part[:] = 0.0
        for i in range(start, min(start + GROUP, n)):
            for c in range(WIDTH):
                part[c] += load[i, c] * loss[i, c if wide else 0]
            if beside:
                for c in range(WIDTH):
                    part[c] += lateral[i, c] * lost[i, c if wide else 0]
        for c in range(WIDTH):
            add_compensated(part[c], REACTED, c, out_sums)


@njit(cache=True, nogil=True, error_model="numpy")
def add_leaving(
    outlets: np.ndarray,
    survival: np.ndarray,
    along: np.ndarray,
    links: Links,
    load: np.ndarray,
    out_sums: np.ndarray,
) -> None:
    """Add what leaves at outlets and what passes through links.

    Parameters
    ----------
    outlets : (o,) nodes without receiver
    survival, along, links : as in `sweep_block`
    load : (n, WIDTH) kg/s, W_in
    out_sums : (LINES, 2, WIDTH) kg/s, sums and their rounding
    """
    wide, beside = survival.shape[1] > 1, along.shape[0] > 0
    for c in range(WIDTH):
        for i in outlets:
            left = 1.0
            for b in range(links.node.size):
                if links.node[b] == i:
                    left = links.left[b, c]
            end = load[i, c] * survival[i, c if wide else 0] + (along[i, c] if beside else 0.0)
            add_compensated(end * left, OUT, c, out_sums)
        for b in range(links.node.size):
            i = links.node[b]
            end = load[i, c] * survival[i, c if wide else 0] + (along[i, c] if beside else 0.0)
            taken = end * links.share[b, c]
            add_compensated(taken, DIVERTED, c, out_sums)
            add_compensated(taken * links.survival[b, c], RETURNED, c, out_sums)
            add_compensated(taken * links.loss[b, c], REACTED, c, out_sums)


@njit(cache=True, nogil=True, error_model="numpy")
def dilute_block(
    nodes: np.ndarray,
    survival: np.ndarray,
    along: np.ndarray,
    background: np.ndarray,
    pit: np.ndarray,
    discharge_in: np.ndarray,
    discharge_end: np.ndarray,
    start: int,
    stop: int,
    out_inlet: np.ndarray,
    out_outlet: np.ndarray,
    out_pit_inlet: np.ndarray,
    out_pit_outlet: np.ndarray,
) -> None:
    """C = W / Q at both ends of the chosen nodes; 0 without water.

    Parameters
    ----------
    nodes : (p,) nodes
    survival, along : as in `sweep_block`
    background, pit : (n, WIDTH) kg/s, W_in
    discharge_in, discharge_end : (n, WIDTH) m3/s, or (n, 1)
    start, stop : columns of the outputs that the block's first columns fill
    out_inlet, out_outlet, out_pit_inlet, out_pit_outlet : (p, M) kg/m3
    """
    wide, wide_flow = survival.shape[1] > 1, discharge_in.shape[1] > 1
    q_in, q_end, s = np.empty(WIDTH), np.empty(WIDTH), np.empty(WIDTH)
    for r in range(nodes.size):
        i = nodes[r]
        for c in range(WIDTH):
            q_in[c] = discharge_in[i, c if wide_flow else 0]
            q_end[c] = discharge_end[i, c if wide_flow else 0]
            s[c] = survival[i, c if wide else 0]
            # a load of nothing over infinity is the 0 wanted, without a branch
            q_in[c] = q_in[c] if q_in[c] > 0.0 else np.inf
            q_end[c] = q_end[c] if q_end[c] > 0.0 else np.inf
        for c in range(stop - start):
            out_inlet[r, start + c] = (background[i, c] + pit[i, c]) / q_in[c]
        for c in range(stop - start):
            out_outlet[r, start + c] = ((background[i, c] * s[c] + along[i, c]) + pit[i, c] * s[c]) / q_end[c]
        for c in range(stop - start):
            out_pit_inlet[r, start + c] = pit[i, c] / q_in[c]
        for c in range(stop - start):
            out_pit_outlet[r, start + c] = pit[i, c] * s[c] / q_end[c]


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

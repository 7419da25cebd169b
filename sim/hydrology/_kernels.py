"""Kernels of hydrology: water gathered from the springs to the outlets, and who belongs to which known mean."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def gather(
    down: np.ndarray, entering: np.ndarray, lateral: np.ndarray, out_in: np.ndarray, out_out: np.ndarray
) -> None:
    """Q_in = sum of Q_out above + entering; Q_out = Q_in + lateral.

    Parameters
    ----------
    down : (n,) receiver or -1, ``down[i] > i``
    entering : (n,) m3/s at the upstream end
    lateral : (n,) m3/s along the segment
    out_in, out_out : (n,) m3/s

    Traversal: rising order, every node complete before it is left.
    """
    out_in[:] = 0.0
    for i in range(len(down)):
        out_in[i] += entering[i]
        out_out[i] = out_in[i] + lateral[i]
        if down[i] >= 0:
            out_in[down[i]] += out_out[i]


@njit(cache=True, nogil=True, error_model="numpy")
def nearest_below(down: np.ndarray, mean_at: np.ndarray, out_head: np.ndarray, out_along: np.ndarray) -> None:
    """Number of the nearest known mean at or below the upstream end, and below the segment, of every node.

    A known mean holds at the upstream end of its node, so the water that enters along that very segment lies below it.

    Parameters
    ----------
    down : (n,) receiver or -1
    mean_at : (n,) int64, number of the known mean at the node or -1
    out_head, out_along : (n,) int64, number or -1

    Traversal: falling order, every receiver is known before its donors.
    """
    for i in range(len(down) - 1, -1, -1):
        out_along[i] = out_head[down[i]] if down[i] >= 0 else -1
        out_head[i] = mean_at[i] if mean_at[i] >= 0 else out_along[i]

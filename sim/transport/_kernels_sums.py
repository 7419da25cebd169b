"""Kernels that add up what left and what is held, read points, and correct for links."""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.transport._kernels import add_compensated
from sim.transport._kernels_linear import DECAYED, STORED, VOLATILISED
from sim.transport._kernels_records import March

#: rows summed plainly before their sum is added with compensation
BLOCK = 64


@njit(cache=True, nogil=True, error_model="numpy")
def count(a: March, step: int, x: np.ndarray, out_sums: np.ndarray) -> None:
    """Add what left at the taps and what was lost along the rows during the step, kg.

    Parameters
    ----------
    a, step : March and the number of the step
    x : (n + 1, m) kg/m3, mean over the step
    out_sums : (steps, LINES, 2, m)
    """
    dt = a.duration[step]
    for p in range(a.tap_row.size):
        for c in range(x.shape[1]):
            add_compensated(dt * (a.tap_flow[p] * x[a.tap_row[p], c]), a.tap_line[p], c, out_sums[step])
    if a.decay.shape[0] > 0:
        sum_flow(a.decay, x, dt, DECAYED, out_sums[step])
    if a.gas.shape[0] > 0:
        sum_flow(a.gas, x, dt, VOLATILISED, out_sums[step])


@njit(cache=True, nogil=True, error_model="numpy")
def sum_flow(flow: np.ndarray, x: np.ndarray, dt: float, line: int, out_sums: np.ndarray) -> None:
    """Add dt * sum_i flow_i x_i to a line: plain sums over blocks of rows, compensated over the blocks.

    Parameters
    ----------
    flow : (n, m or 1) m3/s or m3
    x : (n or n + 1, m) kg/m3
    dt : s or 1
    line : line of the sums
    out_sums : (LINES, 2, m)
    """
    n, m = flow.shape[0], x.shape[1]
    wide = flow.shape[1] > 1
    part = np.zeros(m)
    for start in range(0, n, BLOCK):
        part[:] = 0.0
        for i in range(start, min(start + BLOCK, n)):
            for c in range(m):
                part[c] += flow[i, c if wide else 0] * x[i, c]
        for c in range(m):
            add_compensated(dt * part[c], line, c, out_sums)


@njit(cache=True, nogil=True, error_model="numpy")
def sum_rows(values: np.ndarray, line: int, out_sums: np.ndarray) -> None:
    """Add up a field over its rows: plain sums over blocks of rows, compensated over the blocks.

    Parameters
    ----------
    values : (n, m) kg
    line : line of the sums
    out_sums : (LINES, 2, m)
    """
    n, m = values.shape
    part = np.zeros(m)
    for start in range(0, n, BLOCK):
        part[:] = 0.0
        for i in range(start, min(start + BLOCK, n)):
            for c in range(m):
                part[c] += values[i, c]
        for c in range(m):
            add_compensated(part[c], line, c, out_sums)


@njit(cache=True, nogil=True, error_model="numpy")
def sum_stored(
    volume: np.ndarray,
    sorbed: np.ndarray,
    store_volume: np.ndarray,
    c_now: np.ndarray,
    s_now: np.ndarray,
    out_sums: np.ndarray,
) -> None:
    """Add the mass in the water, sorbed at equilibrium and in the stores, kg.

    Parameters
    ----------
    volume, sorbed, store_volume : (n, 1), (n, m or 1), (k, n, m or 1) m3
    c_now, s_now : (n + 1, m), (k, n, m) kg/m3
    out_sums : (LINES, 2, m)
    """
    sum_flow(volume, c_now, 1.0, STORED, out_sums)
    sum_flow(sorbed, c_now, 1.0, STORED + 1, out_sums)
    for k in range(s_now.shape[0]):
        sum_flow(store_volume[k], s_now[k], 1.0, STORED + 2 + k, out_sums)


@njit(cache=True, nogil=True, error_model="numpy")
def add_links(link_from: np.ndarray, gain: np.ndarray, out_x: np.ndarray) -> None:
    """Correct the tree's solution for the links outside it: x += sum_b gain_b x[from_b].

    Parameters
    ----------
    link_from, gain : (k,), (k, n + 1, m or 1)
    out_x : (n + 1, m)
    """
    n, m, links = out_x.shape[0] - 1, out_x.shape[1], link_from.size
    wide = gain.shape[2] > 1
    taken = np.empty((links, m))
    for b in range(links):
        for c in range(m):
            taken[b, c] = out_x[link_from[b], c]
    for b in range(links):
        for i in range(n):
            for c in range(m):
                out_x[i, c] += gain[b, i, c if wide else 0] * taken[b, c]


@njit(cache=True, nogil=True, error_model="numpy")
def read_points(a: March, step: int, c_now: np.ndarray, out_points: np.ndarray) -> None:
    """Concentrations at the points: weighted sums of rows.

    Parameters
    ----------
    a, step : March and the number of the step
    c_now : (n + 1, m) kg/m3
    out_points : (steps, p, m)
    """
    for p in range(out_points.shape[1]):
        for c in range(out_points.shape[2]):
            total = 0.0
            for q in range(a.point_start[p], a.point_start[p + 1]):
                total += a.point_share[q] * c_now[a.point_row[q], c]
            out_points[step, p, c] = total

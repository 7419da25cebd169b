"""Kernels that march the linear scheme over many steps with one factorisation: one column, or columns innermost."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from sim.transport._kernels import add_compensated
from sim.transport._kernels_linear import DECAYED, DIVERTED, STORE_DECAYED, STORED, VOLATILISED

#: rows summed plainly before their sum is added with compensation
_BLOCK = 64


class Factors(NamedTuple):
    """What `prepare` gives; (n, m) or (n, 1) where all columns share it, stores (k, n, m or 1)."""

    down: np.ndarray
    inverse: np.ndarray
    carry: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    store_carry: np.ndarray
    keep: np.ndarray
    take: np.ndarray


class March(NamedTuple):
    """What happens over the steps of one call.

    weight, duration : (steps,) 1/theta and s
    source : (n, m) kg/s into every row at all times; (0, m) for none
    entry_row, entry_rate : (e,), (steps, e, m) kg/s into single rows
    tap_row, tap_flow, tap_line : (p,) rows whose X leaves with tap_flow m3/s, and the line it is counted on
    point_start, point_row, point_share : points as weighted sums of rows, for output
    link_from, link_discharge, gain : (k,), (k,) m3/s, (k, n + 1, m) as `link_gain` gives
    decay, gas : (n, m) m3/s; (0, m) for none
    store_decay : (k, n, m) m3/s; (0, n, m) for none
    """

    weight: np.ndarray
    duration: np.ndarray
    source: np.ndarray
    entry_row: np.ndarray
    entry_rate: np.ndarray
    tap_row: np.ndarray
    tap_flow: np.ndarray
    tap_line: np.ndarray
    point_start: np.ndarray
    point_row: np.ndarray
    point_share: np.ndarray
    link_from: np.ndarray
    link_discharge: np.ndarray
    gain: np.ndarray
    decay: np.ndarray
    gas: np.ndarray
    store_decay: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
def march_one(
    f: Factors, a: March, out_c: np.ndarray, out_s: np.ndarray, out_points: np.ndarray, out_sums: np.ndarray
) -> None:
    """Advance one column with one store at most, no links and no loss in the store: the fast path, two loops a step.

    Parameters
    ----------
    f, a : Factors, March with m = 1
    out_c : (n + 1, 1) kg/m3, concentrations before, replaced by those after
    out_s : (0 or 1, n, 1) kg/m3
    out_points : (steps, p, 1) kg/m3 after each step
    out_sums : (steps, LINES, 2, 1) kg over each step, with what rounding lost
    """
    n, stores = f.down.size, out_s.shape[0]
    down, inverse, carry = f.down, f.inverse.reshape(n), f.carry.reshape(n)
    lower, upper = f.lower.reshape(n), f.upper.reshape(n)
    c = out_c.reshape(n + 1)
    store_carry, keep, take = f.store_carry.reshape(stores * n), f.keep.reshape(stores * n), f.take.reshape(stores * n)
    s = out_s.reshape(stores * n)
    wide_x, wide_t = np.zeros((n + 1, 1)), np.zeros((n + 1, 1))
    x, t = wide_x.reshape(n + 1), wide_t.reshape(n + 1)
    out_sums[:] = 0.0
    for step in range(a.weight.size):
        w = a.weight[step]
        old = 1.0 - w
        _enter(f, a, step, wide_t)
        if stores == 1:
            for i in range(n):
                v = t[i] + carry[i] * c[i] + store_carry[i] * s[i]
                t[i] = v
                t[np.uintp(down[i])] += lower[i] * v
            for i in range(n - 1, -1, -1):
                v = t[i] + upper[i] * x[np.uintp(down[i])]
                x[i] = v
                t[i] = 0.0
                c[i] = w * v + old * c[i]
                s[i] = (w * keep[i] + old) * s[i] + w * (take[i] * v)
        else:
            for i in range(n):
                v = t[i] + carry[i] * c[i]
                t[i] = v
                t[np.uintp(down[i])] += lower[i] * v
            for i in range(n - 1, -1, -1):
                v = t[i] + upper[i] * x[np.uintp(down[i])]
                x[i] = v
                t[i] = 0.0
                c[i] = w * v + old * c[i]
        t[n] = 0.0
        count(a, step, wide_x, out_sums)
        read_points(a, step, out_c, out_points)


@njit(cache=True, nogil=True, error_model="numpy")
def march(
    f: Factors, a: March, out_c: np.ndarray, out_s: np.ndarray, out_points: np.ndarray, out_sums: np.ndarray
) -> None:
    """Advance m columns side by side, with any number of stores and links.

    Parameters
    ----------
    f, a : Factors, March
    out_c : (n + 1, m) kg/m3, concentrations before, replaced by those after
    out_s : (k, n, m) kg/m3
    out_points : (steps, p, m) kg/m3 after each step
    out_sums : (steps, LINES, 2, m) kg over each step, with what rounding lost
    """
    n = f.down.size
    m = out_c.shape[1]
    t, x = np.zeros((n + 1, m)), np.zeros((n + 1, m))
    out_sums[:] = 0.0
    for step in range(a.weight.size):
        _enter(f, a, step, t)
        if f.carry.shape[1] == m:
            _solve(f, out_c, out_s, t, x)
        else:
            _solve_shared(f, out_c, out_s, t, x)
        if a.link_from.size > 0:
            add_links(a.link_from, a.gain, x)
            _count_links(a, step, x, out_sums[step])
        count(a, step, x, out_sums)
        if a.store_decay.shape[0] > 0:
            _count_stores(f, a, step, x, out_s, out_sums)
        _update(f, a.weight[step], x, out_c, out_s)
        read_points(a, step, out_c, out_points)


@njit(cache=True, nogil=True, error_model="numpy")
def _enter(f: Factors, a: March, step: int, out_t: np.ndarray) -> None:
    """Add what enters during the step, divided by the pivots; leaves `out_t` otherwise as it is (zeros)."""
    n, m = out_t.shape[0] - 1, out_t.shape[1]
    wide = f.inverse.shape[1] > 1
    for e in range(a.entry_row.size):
        row = a.entry_row[e]
        for c in range(m):
            out_t[row, c] += a.entry_rate[step, e, c] * f.inverse[row, c if wide else 0]
    if a.source.shape[0] > 0:
        for i in range(n):
            for c in range(m):
                out_t[i, c] += a.source[i, c] * f.inverse[i, c if wide else 0]


@njit(cache=True, nogil=True, error_model="numpy")
def _solve(f: Factors, c_old: np.ndarray, s_old: np.ndarray, out_t: np.ndarray, out_x: np.ndarray) -> None:
    """X of one step where every column has its own factors; `out_t` is zero again afterwards."""
    n, stores, m = f.down.size, s_old.shape[0], out_x.shape[1]
    for i in range(n):
        j = np.uintp(f.down[i])
        for k in range(stores):
            for c in range(m):
                out_t[i, c] += f.store_carry[k, i, c] * s_old[k, i, c]
        for c in range(m):
            v = out_t[i, c] + f.carry[i, c] * c_old[i, c]
            out_t[i, c] = v
            out_t[j, c] += f.lower[i, c] * v
    for i in range(n - 1, -1, -1):
        j = np.uintp(f.down[i])
        for c in range(m):
            out_x[i, c] = out_t[i, c] + f.upper[i, c] * out_x[j, c]
            out_t[i, c] = 0.0
    for c in range(m):
        out_t[n, c] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_shared(f: Factors, c_old: np.ndarray, s_old: np.ndarray, out_t: np.ndarray, out_x: np.ndarray) -> None:
    """X of one step where all columns share the factors; `out_t` is zero again afterwards."""
    n, stores, m = f.down.size, s_old.shape[0], out_x.shape[1]
    for i in range(n):
        j = np.uintp(f.down[i])
        carry, lower = f.carry[i, 0], f.lower[i, 0]
        for k in range(stores):
            store_carry = f.store_carry[k, i, 0]
            for c in range(m):
                out_t[i, c] += store_carry * s_old[k, i, c]
        for c in range(m):
            v = out_t[i, c] + carry * c_old[i, c]
            out_t[i, c] = v
            out_t[j, c] += lower * v
    for i in range(n - 1, -1, -1):
        j = np.uintp(f.down[i])
        upper = f.upper[i, 0]
        for c in range(m):
            out_x[i, c] = out_t[i, c] + upper * out_x[j, c]
            out_t[i, c] = 0.0
    for c in range(m):
        out_t[n, c] = 0.0


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
def _count_links(a: March, step: int, x: np.ndarray, out_sums: np.ndarray) -> None:
    """Add what the links carried during the step, kg."""
    for b in range(a.link_from.size):
        for c in range(x.shape[1]):
            add_compensated(a.duration[step] * (a.link_discharge[b] * x[a.link_from[b], c]), DIVERTED, c, out_sums)


@njit(cache=True, nogil=True, error_model="numpy")
def _update(f: Factors, w: float, x: np.ndarray, out_c: np.ndarray, out_s: np.ndarray) -> None:
    """C1 = w X + (1 - w) C0, the same for every store."""
    n, stores, m = f.down.size, out_s.shape[0], x.shape[1]
    old = 1.0 - w
    for i in range(n):
        for c in range(m):
            out_c[i, c] = w * x[i, c] + old * out_c[i, c]
    if f.keep.shape[2] == m:
        for k in range(stores):
            for i in range(n):
                for c in range(m):
                    v = w * (f.take[k, i, c] * x[i, c])
                    out_s[k, i, c] = (w * f.keep[k, i, c] + old) * out_s[k, i, c] + v
    else:
        for k in range(stores):
            for i in range(n):
                keep, take = w * f.keep[k, i, 0] + old, f.take[k, i, 0]
                for c in range(m):
                    out_s[k, i, c] = keep * out_s[k, i, c] + w * (take * x[i, c])


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
    for start in range(0, n, _BLOCK):
        part[:] = 0.0
        for i in range(start, min(start + _BLOCK, n)):
            for c in range(m):
                part[c] += flow[i, c if wide else 0] * x[i, c]
        for c in range(m):
            add_compensated(dt * part[c], line, c, out_sums)


@njit(cache=True, nogil=True, error_model="numpy")
def _count_stores(f: Factors, a: March, step: int, x: np.ndarray, s_old: np.ndarray, out_sums: np.ndarray) -> None:
    """Add what was lost in the stores, kg; the mean over the step is keep S0 + take X."""
    n, m = f.down.size, x.shape[1]
    wide, wide_flow = f.keep.shape[2] > 1, a.store_decay.shape[2] > 1
    part = np.zeros(m)
    for k in range(s_old.shape[0]):
        for start in range(0, n, _BLOCK):
            part[:] = 0.0
            for i in range(start, min(start + _BLOCK, n)):
                for c in range(m):
                    cc = c if wide else 0
                    mean = f.keep[k, i, cc] * s_old[k, i, c] + f.take[k, i, cc] * x[i, c]
                    part[c] += a.store_decay[k, i, c if wide_flow else 0] * mean
            for c in range(m):
                add_compensated(a.duration[step] * part[c], STORE_DECAYED, c, out_sums[step])


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

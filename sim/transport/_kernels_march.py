"""Kernels that march the linear scheme over many steps with one factorisation: one column, or columns innermost.

A step solves for the mean X of the step and then moves mass by the fluxes of X, each of which leaves one row and enters
another: so mass is kept to rounding however large the pivots are. The change of a row's mass is complete only when its
donors have been visited, so it is added when the next step first comes to the row.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.transport._kernels import add_compensated
from sim.transport._kernels_linear import DIVERTED, FLUSH, OUT, STORE_DECAYED
from sim.transport._kernels_records import Factors, March
from sim.transport._kernels_sums import BLOCK, add_links, count


@njit(cache=True, nogil=True, error_model="numpy")
def march_one(
    f: Factors,
    a: March,
    volume: np.ndarray,
    out_mass: np.ndarray,
    out_store: np.ndarray,
    out_points: np.ndarray,
    out_sums: np.ndarray,
) -> None:
    """Advance one column with one store at most, no links and no loss in the store: the fast path, two loops a step.

    Parameters
    ----------
    f, a : Factors, March
    volume : (n, m or 1) m3 that hold the mass of a row after a step; 1 for junctions
    out_mass : (n + 1, m) kg, mass in the rows before, replaced by that after
    out_store : (k, n, m) kg
    out_points : (steps, p, m) kg/m3 after each step
    out_sums : (steps, LINES, 2, m) kg over each step, with what rounding lost
    """
    n, stores = f.down.size, out_store.shape[0]
    down, carry, lower, upper = f.down, f.carry.reshape(n), f.lower.reshape(n), f.upper.reshape(n)
    discharge, beta = f.discharge, f.beta
    store_carry, give, back = f.store_carry.reshape(stores * n), f.give.reshape(stores * n), f.back.reshape(stores * n)
    mass, s = out_mass.reshape(n + 1), out_store.reshape(stores * n)
    wide_x, wide_t, wide_d = np.zeros((n + 1, 1)), np.zeros((n + 1, 1)), np.zeros((n + 1, 1))
    x, t, d = wide_x.reshape(n + 1), wide_t.reshape(n + 1), wide_d.reshape(n + 1)
    out_sums[:] = 0.0
    for step in range(a.weight.size):
        dt = a.duration[step]
        _enter(f, a, step, wide_t)
        if stores == 1:
            for i in range(n):
                held = mass[i] + d[i]
                mass[i] = held
                v = (t[i] + carry[i] * held + store_carry[i] * s[i] + FLUSH) - FLUSH
                t[i] = v
                t[np.uintp(down[i])] += lower[i] * v
            for i in range(n - 1, -1, -1):
                j = np.uintp(down[i])
                v = (t[i] + upper[i] * x[j] + FLUSH) - FLUSH
                x[i] = v
                t[i] = 0.0
                flux = dt * (discharge[i] * v + beta[i] * (v - x[j]))
                taken = dt * (give[i] * v - back[i] * s[i])
                s[i] += taken
                d[i] = -flux - taken
                d[j] += flux
        else:
            for i in range(n):
                held = mass[i] + d[i]
                mass[i] = held
                v = (t[i] + carry[i] * held + FLUSH) - FLUSH
                t[i] = v
                t[np.uintp(down[i])] += lower[i] * v
            for i in range(n - 1, -1, -1):
                j = np.uintp(down[i])
                v = (t[i] + upper[i] * x[j] + FLUSH) - FLUSH
                x[i] = v
                t[i] = 0.0
                flux = dt * (discharge[i] * v + beta[i] * (v - x[j]))
                d[i] = -flux
                d[j] += flux
        t[n] = 0.0
        d[n] = 0.0
        _change(f, a, step, wide_x, wide_d, out_sums)
        _read_points(a, step, volume, out_mass, wide_d, out_points)
    for i in range(n):
        mass[i] += d[i]


@njit(cache=True, nogil=True, error_model="numpy")
def march(
    f: Factors,
    a: March,
    volume: np.ndarray,
    out_mass: np.ndarray,
    out_store: np.ndarray,
    out_points: np.ndarray,
    out_sums: np.ndarray,
) -> None:
    """Advance m columns side by side, with any number of stores and links.

    Parameters
    ----------
    f, a : Factors, March
    volume : (n, m or 1) m3 that hold the mass of a row after a step; 1 for junctions
    out_mass : (n + 1, m) kg, mass in the rows before, replaced by that after
    out_store : (k, n, m) kg
    out_points : (steps, p, m) kg/m3 after each step
    out_sums : (steps, LINES, 2, m) kg over each step, with what rounding lost
    """
    n = f.down.size
    m = out_mass.shape[1]
    t, x, d = np.zeros((n + 1, m)), np.zeros((n + 1, m)), np.zeros((n + 1, m))
    lossy = a.store_loss.shape[0] > 0
    lost = np.zeros((a.store_loss.shape[0], a.store_loss.shape[1], m))
    out_sums[:] = 0.0
    for step in range(a.weight.size):
        dt = a.duration[step]
        _enter(f, a, step, t)
        if f.carry.shape[1] == m:
            _solve(f, d, out_mass, out_store, t, x)
        else:
            _solve_shared(f, d, out_mass, out_store, t, x)
        if a.link_from.size > 0:
            add_links(a.link_from, a.gain, x)
        if lossy:
            _lose_in_stores(f, a, step, x, out_store, lost, out_sums)
        if f.give.shape[2] == m:
            _move(f, dt, x, out_store, d)
        else:
            _move_shared(f, dt, x, out_store, d)
        if lossy:
            for k in range(out_store.shape[0]):
                for i in range(n):
                    for c in range(m):
                        out_store[k, i, c] -= lost[k, i, c]
        _change(f, a, step, x, d, out_sums)
        _read_points(a, step, volume, out_mass, d, out_points)
    for i in range(n):
        for c in range(m):
            out_mass[i, c] += d[i, c]


@njit(cache=True, nogil=True, error_model="numpy")
def _enter(f: Factors, a: March, step: int, out_t: np.ndarray) -> None:
    """Add what enters during the step, divided by the pivots; leaves `out_t` otherwise as it is (zeros)."""
    m = out_t.shape[1]
    wide = f.inverse.shape[1] > 1
    for e in range(a.entry_row.size):
        row = a.entry_row[e]
        for c in range(m):
            out_t[row, c] += a.entry_rate[step, e, c] * f.inverse[row, c if wide else 0]
    for q in range(a.source_row.size):
        row = a.source_row[q]
        for c in range(m):
            out_t[row, c] += a.source[q, c] * f.inverse[row, c if wide else 0]


@njit(cache=True, nogil=True, error_model="numpy")
def _solve(
    f: Factors, d: np.ndarray, out_mass: np.ndarray, store: np.ndarray, out_t: np.ndarray, out_x: np.ndarray
) -> None:
    """X of one step, own factors for every column; adds the last change `d`; leaves `out_t` zero."""
    n, stores, m = f.down.size, store.shape[0], out_x.shape[1]
    for i in range(n):
        j = np.uintp(f.down[i])
        for k in range(stores):
            for c in range(m):
                out_t[i, c] += f.store_carry[k, i, c] * store[k, i, c]
        for c in range(m):
            held = out_mass[i, c] + d[i, c]
            out_mass[i, c] = held
            v = (out_t[i, c] + f.carry[i, c] * held + FLUSH) - FLUSH
            out_t[i, c] = v
            out_t[j, c] += f.lower[i, c] * v
    for i in range(n - 1, -1, -1):
        j = np.uintp(f.down[i])
        for c in range(m):
            out_x[i, c] = (out_t[i, c] + f.upper[i, c] * out_x[j, c] + FLUSH) - FLUSH
            out_t[i, c] = 0.0
    for c in range(m):
        out_t[n, c] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_shared(
    f: Factors, d: np.ndarray, out_mass: np.ndarray, store: np.ndarray, out_t: np.ndarray, out_x: np.ndarray
) -> None:
    """X of one step, factors shared by all columns; adds the last change `d`; leaves `out_t` zero."""
    n, stores, m = f.down.size, store.shape[0], out_x.shape[1]
    for i in range(n):
        j = np.uintp(f.down[i])
        carry, lower = f.carry[i, 0], f.lower[i, 0]
        for k in range(stores):
            store_carry = f.store_carry[k, i, 0]
            for c in range(m):
                out_t[i, c] += store_carry * store[k, i, c]
        for c in range(m):
            held = out_mass[i, c] + d[i, c]
            out_mass[i, c] = held
            v = (out_t[i, c] + carry * held + FLUSH) - FLUSH
            out_t[i, c] = v
            out_t[j, c] += lower * v
    for i in range(n - 1, -1, -1):
        j = np.uintp(f.down[i])
        upper = f.upper[i, 0]
        for c in range(m):
            out_x[i, c] = (out_t[i, c] + upper * out_x[j, c] + FLUSH) - FLUSH
            out_t[i, c] = 0.0
    for c in range(m):
        out_t[n, c] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _move(f: Factors, dt: float, x: np.ndarray, out_store: np.ndarray, out_d: np.ndarray) -> None:
    """Change of mass by fluxes through faces and with stores, kg."""
    n, stores, m = f.down.size, out_store.shape[0], x.shape[1]
    for i in range(n - 1, -1, -1):
        j = np.uintp(f.down[i])
        q, beta = dt * f.discharge[i], dt * f.beta[i]
        for c in range(m):
            flux = q * x[i, c] + beta * (x[i, c] - x[j, c])
            out_d[i, c] = -flux
            out_d[j, c] += flux
        for k in range(stores):
            for c in range(m):
                taken = dt * (f.give[k, i, c] * x[i, c] - f.back[k, i, c] * out_store[k, i, c])
                out_store[k, i, c] += taken
                out_d[i, c] -= taken
    for c in range(m):
        out_d[n, c] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _move_shared(f: Factors, dt: float, x: np.ndarray, out_store: np.ndarray, out_d: np.ndarray) -> None:
    """Change of mass by fluxes through faces and with stores, kg."""
    n, stores, m = f.down.size, out_store.shape[0], x.shape[1]
    for i in range(n - 1, -1, -1):
        j = np.uintp(f.down[i])
        q, beta = dt * f.discharge[i], dt * f.beta[i]
        for c in range(m):
            flux = q * x[i, c] + beta * (x[i, c] - x[j, c])
            out_d[i, c] = -flux
            out_d[j, c] += flux
        for k in range(stores):
            give, back = dt * f.give[k, i, 0], dt * f.back[k, i, 0]
            for c in range(m):
                taken = give * x[i, c] - back * out_store[k, i, c]
                out_store[k, i, c] += taken
                out_d[i, c] -= taken
    for c in range(m):
        out_d[n, c] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _lose_in_stores(
    f: Factors, a: March, step: int, x: np.ndarray, store: np.ndarray, out_lost: np.ndarray, out_sums: np.ndarray
) -> None:
    """What the stores lose in the step, kg, from the mean over it, keep (Vs S0) + take X."""
    n, m, dt = f.down.size, x.shape[1], a.duration[step]
    wide, wide_loss = f.keep.shape[2] > 1, a.store_loss.shape[2] > 1
    part = np.zeros(m)
    for k in range(store.shape[0]):
        for start in range(0, n, BLOCK):
            part[:] = 0.0
            for i in range(start, min(start + BLOCK, n)):
                for c in range(m):
                    cc = c if wide else 0
                    mean = f.keep[k, i, cc] * store[k, i, c] + f.take[k, i, cc] * x[i, c]
                    lost = dt * a.store_loss[k, i, c if wide_loss else 0] * mean
                    part[c] += lost
                    out_lost[k, i, c] = lost
            for c in range(m):
                add_compensated(part[c], STORE_DECAYED, c, out_sums[step])


@njit(cache=True, nogil=True, error_model="numpy")
def _change(f: Factors, a: March, step: int, x: np.ndarray, out_d: np.ndarray, out_sums: np.ndarray) -> None:
    """Change of mass by what enters, leaves and is lost during the step, and its sums, kg.

    What arrives at junctions and is not passed on there by rounding goes to the row below.
    """
    m, dt = x.shape[1], a.duration[step]
    for e in range(a.entry_row.size):
        for c in range(m):
            out_d[a.entry_row[e], c] += dt * a.entry_rate[step, e, c]
    for q in range(a.source_row.size):
        for c in range(m):
            out_d[a.source_row[q], c] += dt * a.source[q, c]
    for p in range(a.tap_row.size):
        # outlets have given through their face
        if a.tap_line[p] != OUT:
            for c in range(m):
                out_d[a.tap_row[p], c] -= dt * (a.tap_flow[p] * x[a.tap_row[p], c])
    for b in range(a.link_from.size):
        for c in range(m):
            carried = dt * (a.link_discharge[b] * x[a.link_from[b], c])
            out_d[a.link_from[b], c] -= carried
            out_d[a.link_to[b], c] += carried
            add_compensated(carried, DIVERTED, c, out_sums[step])
    for flow in (a.decay, a.gas):
        wide = flow.shape[1] > 1
        for i in range(flow.shape[0]):
            for c in range(m):
                out_d[i, c] -= dt * (flow[i, c if wide else 0] * x[i, c])
    for q in range(f.junction.size):
        i = f.junction[q]
        for c in range(m):
            out_d[f.down[i], c] += out_d[i, c]
            out_d[i, c] = 0.0
    count(a, step, x, out_sums)


@njit(cache=True, nogil=True, error_model="numpy")
def _read_points(
    a: March, step: int, volume: np.ndarray, mass: np.ndarray, d: np.ndarray, out_points: np.ndarray
) -> None:
    """Concentrations at the points after a step whose change `d` has not been added yet."""
    wide = volume.shape[1] > 1
    for p in range(out_points.shape[1]):
        for c in range(out_points.shape[2]):
            total = 0.0
            for q in range(a.point_start[p], a.point_start[p + 1]):
                i = a.point_row[q]
                total += a.point_share[q] * ((mass[i, c] + d[i, c]) / volume[i, c if wide else 0])
            out_points[step, p, c] = total

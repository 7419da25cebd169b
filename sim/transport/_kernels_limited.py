"""Kernel of the monotone scheme: two implicit solutions a step, upwind and second order, and their blend."""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.transport._kernels import add_compensated
from sim.transport._kernels_limits import (
    bound,
    differences,
    find_shares,
    include_inflow,
    link_change,
    store_change,
    store_window,
    window,
)
from sim.transport._kernels_linear import DIVERTED, FLUSH, STORE_DECAYED, link_gain
from sim.transport._kernels_records import March, Pair, Rows
from sim.transport._kernels_sums import add_links, count, read_points, sum_stored


@njit(cache=True, nogil=True, error_model="numpy")
def march_limited(
    r: Rows,
    a: March,
    part: np.ndarray,
    out_c: np.ndarray,
    out_s: np.ndarray,
    out_points: np.ndarray,
    out_sums: np.ndarray,
) -> int:
    """Advance m columns with the monotone scheme; volumes vary linearly over the period.

    Parameters
    ----------
    r, a : Rows, March (decay, gas, store_decay and gain of `a` with as many columns as the state)
    part : (steps + 1,) share of the period that has passed at the ends of the steps
    out_c, out_s : (n + 1, m), (k, n, m) kg/m3, state before, replaced by that after
    out_points : (steps, p, m) kg/m3 after each step
    out_sums : (steps, LINES, 2, m) kg over each step, with what rounding lost

    Returns
    -------
    int
        0, or 1 + the step whose links cannot be solved.
    """
    n, m, stores, links = r.down.size, out_c.shape[1], out_s.shape[0], r.link_from.size
    low, high = _pair(n, m, stores), _pair(n, m, stores)
    gain = np.zeros((links, n + 1, m))
    source, change, leaving = np.zeros((n + 1, m)), np.zeros((n + 1, m)), np.zeros((n + 1, m))
    bounds = np.zeros((6, n + 1, m))
    face, exchange = np.zeros((n, m)), np.zeros((stores, n, m))
    fresh = np.zeros(m, dtype=np.int64)
    out_sums[:] = 0.0
    for step in range(a.weight.size):
        dt = a.duration[step]
        source[:] = 0.0
        for q in range(a.source_row.size):
            for c in range(m):
                source[a.source_row[q], c] = a.source[q, c]
        for e in range(a.entry_row.size):
            for c in range(m):
                source[a.entry_row[e], c] += a.entry_rate[step, e, c]
        for which in range(2):
            pair = low if which == 0 else high
            theta = 1.0 if which == 0 else 1.0 / a.weight[step]
            beta = r.upwind if which == 0 else r.central
            _factor_and_solve(r, beta, part[step], part[step + 1], dt, theta, source, out_c, out_s, pair)
            if links > 0:
                _scale_lower(r, beta, pair)
                if link_gain(
                    r.down, pair.inverse, pair.lower, pair.upper, r.link_from, r.link_to, r.link_discharge, gain
                ):
                    return 1 + step
                add_links(r.link_from, gain, pair.x)
            _solve_stores(out_s, pair)
        window(r, dt, low, out_c, out_s, bounds)
        include_inflow(r, a, step, bounds)
        differences(r, dt, low, high, face, exchange)
        bound(r, dt, part[step + 1], low, high, face, exchange, bounds)
        find_shares(
            r, dt, part[step + 1], a.weight[step], low, high, face, exchange, out_c, out_s, bounds, fresh, change
        )
        _enter_and_link(r, dt, source, low, high, bounds, change, out_sums[step])
        _apply(r, a, step, part, low, high, face, exchange, bounds, change, leaving, out_c, out_s, out_sums[step])
        count(a, step, leaving, out_sums)
        volume = r.volume_before + part[step + 1] * (r.volume_after - r.volume_before)
        sum_stored(volume.reshape((n, 1)), r.sorbed, r.store_volume, out_c, out_s, out_sums[step])
        read_points(a, step, out_c, out_points)
    return 0


@njit(cache=True, nogil=True, error_model="numpy")
def _pair(n: int, m: int, stores: int) -> Pair:
    """Work arrays for one solution."""
    return Pair(
        np.zeros((n + 1, m)), np.zeros((n + 1, m)), np.zeros((n, m)), np.zeros((n, m)), np.zeros((n, m)),
        np.zeros((n + 1, m)), np.zeros((stores, n, m)), np.zeros((stores, n, m)),
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _factor_and_solve(
    r: Rows,
    beta: np.ndarray,
    begin: float,
    end: float,
    dt: float,
    theta: float,
    source: np.ndarray,
    c_old: np.ndarray,
    s_old: np.ndarray,
    out_pair: Pair,
) -> None:
    """Mean concentrations over the step on the tree: one elimination and one substitution, nothing kept from before."""
    n, m, stores = r.down.size, c_old.shape[1], s_old.shape[0]
    p = out_pair
    per_step, explicit = 1.0 / dt, 1.0 / theta - 1.0
    for i in range(n):
        j = np.uintp(r.down[i])
        widening = r.volume_after[i] - r.volume_before[i]
        before, after = r.volume_before[i] + begin * widening, r.volume_before[i] + end * widening
        b = beta[i]
        alpha = b + r.discharge[i]
        for c in range(m):
            held_before, held_after = (before + r.sorbed[i, c]) * per_step, (after + r.sorbed[i, c]) * per_step
            pivot = held_after / theta + alpha + r.fixed[i] + r.loss[i, c] + p.pivots[i, c]
            right = source[i, c] + p.rights[i, c] + (held_before + explicit * held_after) * c_old[i, c]
            for k in range(stores):
                e, f = r.store_exchange[k, i, c], r.store_loss[k, i, c]
                held = r.store_volume[k, i, c] * per_step / theta
                total = held + e + f
                inverse = 1.0 / total if total > 0.0 else 0.0
                keep, take = held * inverse, e * inverse
                p.keep[k, i, c] = keep
                p.take[k, i, c] = take
                pivot += take * (held + f)
                right += e * keep * s_old[k, i, c]
            inverse = 1.0 / pivot
            p.inverse[i, c] = inverse
            p.upper[i, c] = b * inverse
            x = (right * inverse + FLUSH) - FLUSH
            p.x[i, c] = x
            p.pivots[j, c] += b * (1.0 - alpha * inverse)
            p.rights[j, c] += alpha * x
            p.pivots[i, c] = 0.0
            p.rights[i, c] = 0.0
    p.pivots[n, :] = 0.0
    p.rights[n, :] = 0.0
    for i in range(n - 1, -1, -1):
        j = np.uintp(r.down[i])
        for c in range(m):
            p.x[i, c] = (p.x[i, c] + p.upper[i, c] * p.x[j, c] + FLUSH) - FLUSH


@njit(cache=True, nogil=True, error_model="numpy")
def _scale_lower(r: Rows, beta: np.ndarray, out_pair: Pair) -> None:
    """Elimination factors in the form `sweep_tree` wants them."""
    n, m = r.down.size, out_pair.inverse.shape[1]
    for i in range(n):
        for c in range(m):
            out_pair.lower[i, c] = 0.0
            if r.down[i] < n:
                out_pair.lower[i, c] = (beta[i] + r.discharge[i]) * out_pair.inverse[r.down[i], c]


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_stores(s_old: np.ndarray, out_pair: Pair) -> None:
    """Mean over the step in every store, written over `keep`."""
    p = out_pair
    for k in range(s_old.shape[0]):
        for i in range(s_old.shape[1]):
            for c in range(s_old.shape[2]):
                p.keep[k, i, c] = p.keep[k, i, c] * s_old[k, i, c] + p.take[k, i, c] * p.x[i, c]


@njit(cache=True, nogil=True, error_model="numpy")
def _enter_and_link(
    r: Rows,
    dt: float,
    source: np.ndarray,
    low: Pair,
    high: Pair,
    bounds: np.ndarray,
    out_change: np.ndarray,
    out_sums: np.ndarray,
) -> None:
    """Change of mass by what enters and by links, kg; what enters at a junction goes to the row below."""
    n, m = r.down.size, source.shape[1]
    out_change[:] = 0.0
    for i in range(n):
        j = i if r.target[i] >= 0 else r.down[i]
        for c in range(m):
            out_change[j, c] += dt * source[i, c]
    for b in range(r.link_from.size):
        i, j = r.link_from[b], r.link_target[b]
        for c in range(m):
            carried = dt * (r.link_discharge[b] * low.x[i, c] + link_change(r, b, c, low, high, bounds))
            out_change[i, c] -= carried
            out_change[j, c] += carried
            add_compensated(carried, DIVERTED, c, out_sums)


@njit(cache=True, nogil=True, error_model="numpy")
def _apply(
    r: Rows,
    a: March,
    step: int,
    part: np.ndarray,
    low: Pair,
    high: Pair,
    face: np.ndarray,
    exchange: np.ndarray,
    bounds: np.ndarray,
    out_change: np.ndarray,
    out_leaving: np.ndarray,
    out_c: np.ndarray,
    out_s: np.ndarray,
    out_sums: np.ndarray,
) -> None:
    """New state by the fluxes with their shares; `out_leaving` is the mean with which mass left each row.

    Every flux leaves one row and enters another, so mass is kept to rounding however large the pivots are.
    """
    n, m, stores = r.down.size, out_c.shape[1], out_s.shape[0]
    dt = a.duration[step]
    lossy = a.store_loss.shape[0] > 0
    enter, leave = bounds[4], bounds[5]
    for i in range(n):
        j = r.target[i]
        widening = r.volume_after[i] - r.volume_before[i]
        grown = (part[step + 1] - part[step]) * widening
        volume = r.volume_before[i] + part[step + 1] * widening
        for c in range(m):
            x = low.x[i, c]
            out_leaving[i, c] = x
            if j < 0:
                out_c[i, c] = x
                continue
            change = out_change[i, c]
            if j < n:
                flux = face[i, c]
                flux *= min(leave[i, c], enter[j, c]) if flux > 0.0 else min(enter[i, c], leave[j, c])
                flux += dt * (r.discharge[i] * x + r.upwind[i] * (x - low.x[r.down[i], c]))
                change -= flux
                out_change[j, c] += flux
            difference = high.x[i, c] - x
            mean = x + (leave[i, c] if difference > 0.0 else enter[i, c]) * difference
            out_leaving[i, c] = mean
            change -= dt * (r.leaving[i] + r.loss[i, c]) * mean
            before = out_c[i, c]
            for k in range(stores):
                volume_k = r.store_volume[k, i, c]
                if volume_k <= 0.0:
                    continue
                stored, old = low.keep[k, i, c], out_s[k, i, c]
                upper, lower = store_window(r.store_exchange[k, i, c] > 0.0, old, stored, before, x)
                more = dt * r.store_loss[k, i, c] * (high.keep[k, i, c] - stored)
                taken, share = store_change(
                    volume_k, exchange[k, i, c], more, upper, lower, stored, enter[i, c], leave[i, c]
                )
                taken += dt * r.store_exchange[k, i, c] * (x - stored)
                change -= taken
                lost = dt * r.store_loss[k, i, c] * stored + share * more
                out_s[k, i, c] = old + (taken - lost) / volume_k
                if lossy:
                    add_compensated(lost, STORE_DECAYED, c, out_sums)
            out_c[i, c] = before + (change - grown * before) / (volume + r.sorbed[i, c])

"""Kernels of the monotone scheme: second-order fluxes blended with implicit upwind ones (flux-corrected transport).

Every exchange of mass in a step (through a face, with a store, along a link, out of the network) is the implicit upwind
one plus a share in [0, 1] of its difference to the second-order one (Zalesak 1979, doi 10.1016/0021-9991(79)90051-2). The
shares are the largest for which no row passes the extremes of itself and its neighbours, before the step and in the
upwind solution. What leaves one row enters another whatever the share, so mass is kept; nothing is clipped.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from sim.transport._kernels import add_compensated
from sim.transport._kernels_linear import DIVERTED, STORE_DECAYED, link_gain
from sim.transport._kernels_march import March, add_links, count, read_points, sum_stored

#: a share is kept this much below the one that would just reach the bound, so that rounding cannot pass it
_SAFETY = 1.0 - 1e-12


class Rows(NamedTuple):
    """One period of constant discharge.

    down, target : (n,) receiver in the matrix; receiving cell, junctions skipped, n at outlets, -1 for junctions
    discharge, upwind, central : (n,) m3/s, of the downstream face, and beta of the two schemes
    fixed, leaving : (n,) m3/s, what else leaves a row; the part of it that leaves the network, outlets included
    volume_before, volume_after : (n,) m3 at the ends of the period
    sorbed, loss : (n, m) m3, m3/s
    store_volume, store_exchange, store_loss : (k, n, m) m3, m3/s, m3/s
    link_from, link_to, link_target : (k,) rows; link_discharge : (k,) m3/s
    """

    down: np.ndarray
    target: np.ndarray
    discharge: np.ndarray
    upwind: np.ndarray
    central: np.ndarray
    fixed: np.ndarray
    leaving: np.ndarray
    volume_before: np.ndarray
    volume_after: np.ndarray
    sorbed: np.ndarray
    loss: np.ndarray
    store_volume: np.ndarray
    store_exchange: np.ndarray
    store_loss: np.ndarray
    link_from: np.ndarray
    link_to: np.ndarray
    link_target: np.ndarray
    link_discharge: np.ndarray


class Pair(NamedTuple):
    """Work arrays of one of the two solutions (upwind or second order)."""

    pivots: np.ndarray
    rights: np.ndarray
    inverse: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    x: np.ndarray
    keep: np.ndarray
    take: np.ndarray


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
    bounds = np.zeros((4, n + 1, m))
    out_sums[:] = 0.0
    for step in range(a.weight.size):
        dt = a.duration[step]
        source[:] = 0.0
        for i in range(a.source.shape[0]):
            for c in range(m):
                source[i, c] = a.source[i, c]
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
        _bound(r, dt, part[step + 1], low, high, out_c, out_s, bounds)
        _blend_links(r, dt, low, high, bounds, change, out_sums[step])
        _blend(r, a, step, part[step + 1], low, high, bounds, change, leaving, out_c, out_s, out_sums[step])
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
            x = right * inverse
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
            p.x[i, c] += p.upper[i, c] * p.x[j, c]


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
def _face(r: Rows, i: int, c: int, low: Pair, high: Pair) -> float:
    """Second-order minus upwind flux through the downstream face, kg/s."""
    j, q, bl, bh = r.down[i], r.discharge[i], r.upwind[i], r.central[i]
    upwind = q * low.x[i, c] + bl * (low.x[i, c] - low.x[j, c])
    return q * high.x[i, c] + bh * (high.x[i, c] - high.x[j, c]) - upwind


@njit(cache=True, nogil=True, error_model="numpy")
def _exchange(r: Rows, k: int, i: int, c: int, low: Pair, high: Pair) -> float:
    """Second-order minus upwind flux from the row into its store, kg/s; `keep` holds the store's means."""
    difference = (high.x[i, c] - high.keep[k, i, c]) - (low.x[i, c] - low.keep[k, i, c])
    return r.store_exchange[k, i, c] * difference


@njit(cache=True, nogil=True, error_model="numpy")
def _share(room: float, wanted: float) -> float:
    """Largest share of `wanted` that fits into `room`."""
    if wanted <= 0.0 or room >= wanted:
        return 1.0
    return max(_SAFETY * room / wanted, 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _bound(
    r: Rows, dt: float, end: float, low: Pair, high: Pair, c_old: np.ndarray, s_old: np.ndarray, out_bounds: np.ndarray
) -> None:
    """Shares of what may enter and leave every row so that it stays between the extremes around it.

    out_bounds : (4, n + 1, m) share that may enter, share that may leave; then the extremes, largest and smallest
    """
    n, m, stores = r.down.size, c_old.shape[1], s_old.shape[0]
    most, least = out_bounds[2], out_bounds[3]
    enter, leave = out_bounds[0], out_bounds[1]
    for i in range(n):
        for c in range(m):
            enter[i, c] = 0.0
            leave[i, c] = 0.0
            most[i, c] = max(c_old[i, c], low.x[i, c])
            least[i, c] = min(c_old[i, c], low.x[i, c])
    for b in range(r.link_from.size):
        i, j = r.link_from[b], r.link_target[b]
        for c in range(m):
            flux = dt * r.link_discharge[b] * (high.x[i, c] - low.x[i, c])
            enter[j, c] += max(flux, 0.0)
            leave[j, c] += max(-flux, 0.0)
            enter[i, c] += max(-flux, 0.0)
            leave[i, c] += max(flux, 0.0)
            _meet(i, j, c, c_old, low.x, most, least)
    for i in range(n):
        j = r.target[i]
        if j < 0:
            continue
        widening = r.volume_after[i] - r.volume_before[i]
        volume = r.volume_before[i] + end * widening
        for c in range(m):
            inward, outward = enter[i, c], leave[i, c]
            if j < n:
                flux = dt * _face(r, i, c, low, high)
                enter[j, c] += max(flux, 0.0)
                leave[j, c] += max(-flux, 0.0)
                inward += max(-flux, 0.0)
                outward += max(flux, 0.0)
                _meet(i, j, c, c_old, low.x, most, least)
            flux = dt * (r.leaving[i] + r.loss[i, c]) * (high.x[i, c] - low.x[i, c])
            inward += max(-flux, 0.0)
            outward += max(flux, 0.0)
            upper, lower = most[i, c], least[i, c]
            for k in range(stores):
                flux = dt * _exchange(r, k, i, c, low, high)
                inward += max(-flux, 0.0)
                outward += max(flux, 0.0)
                if r.store_exchange[k, i, c] > 0.0:
                    upper = max(upper, max(s_old[k, i, c], low.keep[k, i, c]))
                    lower = min(lower, min(s_old[k, i, c], low.keep[k, i, c]))
            mass = volume + r.sorbed[i, c]
            enter[i, c] = _share(mass * (upper - low.x[i, c]), inward)
            leave[i, c] = _share(mass * (low.x[i, c] - lower), outward)


@njit(cache=True, nogil=True, error_model="numpy")
def _meet(
    i: int, j: int, c: int, c_old: np.ndarray, x: np.ndarray, out_most: np.ndarray, out_least: np.ndarray
) -> None:
    """Let two rows that exchange mass know each other's values."""
    out_most[i, c] = max(out_most[i, c], max(c_old[j, c], x[j, c]))
    out_least[i, c] = min(out_least[i, c], min(c_old[j, c], x[j, c]))
    out_most[j, c] = max(out_most[j, c], max(c_old[i, c], x[i, c]))
    out_least[j, c] = min(out_least[j, c], min(c_old[i, c], x[i, c]))


@njit(cache=True, nogil=True, error_model="numpy")
def _blend_links(
    r: Rows, dt: float, low: Pair, high: Pair, bounds: np.ndarray, out_change: np.ndarray, out_sums: np.ndarray
) -> None:
    """Add the allowed share of every link's flux difference to `out_change` (kg), and what the link carried."""
    for b in range(r.link_from.size):
        i, j, q = r.link_from[b], r.link_target[b], r.link_discharge[b]
        for c in range(out_change.shape[1]):
            flux = dt * q * (high.x[i, c] - low.x[i, c])
            if flux > 0.0:
                flux *= min(bounds[1, i, c], bounds[0, j, c])
            else:
                flux *= min(bounds[0, i, c], bounds[1, j, c])
            out_change[i, c] -= flux
            out_change[j, c] += flux
            add_compensated(dt * q * low.x[i, c] + flux, DIVERTED, c, out_sums)


@njit(cache=True, nogil=True, error_model="numpy")
def _blend(
    r: Rows,
    a: March,
    step: int,
    end: float,
    low: Pair,
    high: Pair,
    bounds: np.ndarray,
    out_change: np.ndarray,
    out_leaving: np.ndarray,
    out_c: np.ndarray,
    out_s: np.ndarray,
    out_sums: np.ndarray,
) -> None:
    """New state: the upwind one plus the allowed shares. `out_leaving` is the mean with which mass left each row."""
    n, m, stores = r.down.size, out_c.shape[1], out_s.shape[0]
    dt = a.duration[step]
    enter, leave = bounds[0], bounds[1]
    for i in range(n):
        j = r.target[i]
        widening = r.volume_after[i] - r.volume_before[i]
        volume = r.volume_before[i] + end * widening
        for c in range(m):
            x = low.x[i, c]
            out_leaving[i, c] = x
            if j < 0:
                out_c[i, c] = x
                continue
            change = out_change[i, c]
            out_change[i, c] = 0.0
            if j < n:
                flux = dt * _face(r, i, c, low, high)
                flux *= min(leave[i, c], enter[j, c]) if flux > 0.0 else min(enter[i, c], leave[j, c])
                change -= flux
                out_change[j, c] += flux
            difference = high.x[i, c] - x
            share = leave[i, c] if difference > 0.0 else enter[i, c]
            out_leaving[i, c] = x + share * difference
            change -= dt * (r.leaving[i] + r.loss[i, c]) * share * difference
            for k in range(stores):
                before = out_c[i, c]
                change -= _blend_store(r, a, step, k, i, c, before, low, high, bounds, out_s, out_sums)
            out_c[i, c] = x + change / (volume + r.sorbed[i, c])


@njit(cache=True, nogil=True, error_model="numpy")
def _blend_store(
    r: Rows,
    a: March,
    step: int,
    k: int,
    i: int,
    c: int,
    before: float,
    low: Pair,
    high: Pair,
    bounds: np.ndarray,
    out_s: np.ndarray,
    out_sums: np.ndarray,
) -> float:
    """New state of one store; returns what it took from its row beyond the upwind exchange, kg."""
    volume = r.store_volume[k, i, c]
    if volume <= 0.0:
        return 0.0
    dt, x, old = a.duration[step], low.keep[k, i, c], out_s[k, i, c]
    flux = dt * _exchange(r, k, i, c, low, high)
    difference = high.keep[k, i, c] - x
    lost = dt * r.store_loss[k, i, c] * difference
    upper, lower = max(old, x), min(old, x)
    if r.store_exchange[k, i, c] > 0.0:
        upper, lower = max(upper, max(before, low.x[i, c])), min(lower, min(before, low.x[i, c]))
    enter = _share(volume * (upper - x), max(flux, 0.0) + max(-lost, 0.0))
    leave = _share(volume * (x - lower), max(-flux, 0.0) + max(lost, 0.0))
    flux *= min(bounds[1, i, c], enter) if flux > 0.0 else min(bounds[0, i, c], leave)
    share = leave if lost > 0.0 else enter
    out_s[k, i, c] = x + (flux - share * lost) / volume
    if a.store_decay.shape[0] > 0:
        left = dt * a.store_decay[k, i, c] * (x + share * difference)
        add_compensated(left, STORE_DECAYED, c, out_sums)
    return flux

"""Kernels of the limiter: how much of the second-order exchange every row may take.

Every exchange of mass in a step (through a face, with a store, along a link, out of the network) is the implicit upwind
one plus a share in [0, 1] of its difference to the second-order one. No row may pass the extremes of itself and its
neighbours, before the step and in the upwind solution. Rows that the second-order exchanges alone would keep there
take them whole; where a row would pass, Zalesak's shares hold on all its exchanges (Zalesak 1979,
doi 10.1016/0021-9991(79)90051-2), and its neighbours are looked at again. What leaves one row enters another whatever
the share, so mass is kept; nothing is clipped.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.transport._kernels_records import March, Pair, Rows

#: a share is kept this much below the one that would just reach the bound, so that rounding cannot pass it
_SAFETY = 1.0 - 1e-12
#: turns of holding more rows before all of a column are held
_TURNS = 20
#: rows that a row looks up at most
_HOPS = 8
#: nearness to an extreme, in parts of the range of a substance over the network, that counts as a plateau
_NEAR = 1e-6
#: part of an extreme by which rounding alone may pass it
_ROUNDING = 1e-13


@njit(cache=True, nogil=True, error_model="numpy")
def differences(r: Rows, dt: float, low: Pair, high: Pair, out_face: np.ndarray, out_exchange: np.ndarray) -> None:
    """Second-order minus upwind exchange in the step, kg: through faces (n, m), into stores (k, n, m).

    `keep` of the two solutions holds the means in the stores.
    """
    n, m = out_face.shape
    for i in range(n):
        j, q, bl, bh = r.down[i], r.discharge[i], r.upwind[i], r.central[i]
        for c in range(m):
            upwind = q * low.x[i, c] + bl * (low.x[i, c] - low.x[j, c])
            out_face[i, c] = dt * (q * high.x[i, c] + bh * (high.x[i, c] - high.x[j, c]) - upwind)
    for k in range(out_exchange.shape[0]):
        for i in range(n):
            for c in range(m):
                difference = (high.x[i, c] - high.keep[k, i, c]) - (low.x[i, c] - low.keep[k, i, c])
                out_exchange[k, i, c] = dt * r.store_exchange[k, i, c] * difference


@njit(cache=True, nogil=True, error_model="numpy")
def _share(room: float, wanted: float) -> float:
    """Largest share of `wanted` that fits into `room`."""
    if wanted <= 0.0 or room >= wanted:
        return 1.0
    return max(_SAFETY * room / wanted, 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _passes(value: float, upper: float, lower: float) -> bool:
    """Whether a value passes its extremes by more than rounding; below zero nothing is rounding."""
    return bool(value > upper + _ROUNDING * abs(upper) or value < lower - _ROUNDING * abs(lower))


@njit(cache=True, nogil=True, error_model="numpy")
def window(r: Rows, dt: float, low: Pair, c_old: np.ndarray, s_old: np.ndarray, out_bounds: np.ndarray) -> None:
    """Extremes around every row, before the step and in the upwind solution; planes 2 (largest) and 3 (smallest).

    out_bounds : (6, n + 1, m) shares that may enter and leave a row that is held, the extremes, shares in force
    """
    n, m, stores = r.down.size, c_old.shape[1], s_old.shape[0]
    most, least = out_bounds[2], out_bounds[3]
    for i in range(n):
        for c in range(m):
            most[i, c] = max(c_old[i, c], low.x[i, c], r.inflow_most[i, c])
            least[i, c] = min(c_old[i, c], low.x[i, c], r.inflow_least[i, c])
            if r.target[i] < 0:
                most[i, c] = low.x[i, c]
                least[i, c] = low.x[i, c]
    for b in range(r.link_from.size):
        for c in range(m):
            _meet(r.link_from[b], r.link_target[b], c, c_old, low.x, most, least)
    for i in range(n):
        j = r.down[i]
        if j == n:
            continue
        for c in range(m):
            if r.target[i] < 0 or r.target[j] < 0:
                _meet(i, j, c, low.x, low.x, most, least)
            else:
                _meet(i, j, c, c_old, low.x, most, least)
    _widen(r, dt, most, least)
    for k in range(stores):
        for i in range(n):
            for c in range(m):
                if r.store_exchange[k, i, c] > 0.0:
                    most[i, c] = max(most[i, c], s_old[k, i, c], low.keep[k, i, c])
                    least[i, c] = min(least[i, c], s_old[k, i, c], low.keep[k, i, c])


@njit(cache=True, nogil=True, error_model="numpy")
def _widen(r: Rows, dt: float, out_most: np.ndarray, out_least: np.ndarray) -> None:
    """Let rows through which more than one volume passes in the step look as many rows further up.

    Falling order, so that in one turn every row takes from its donors what they knew before the turn.
    """
    n, m = r.down.size, out_most.shape[1]
    for hop in range(1, _HOPS):
        any_left = False
        for i in range(n - 1, -1, -1):
            j = r.down[i]
            if j < n and dt * r.discharge[j] > hop * r.volume_before[j]:
                any_left = any_left or r.target[j] >= 0
                for c in range(m):
                    out_most[j, c] = max(out_most[j, c], out_most[i, c])
                    out_least[j, c] = min(out_least[j, c], out_least[i, c])
        if not any_left:
            return


@njit(cache=True, nogil=True, error_model="numpy")
def include_inflow(r: Rows, a: March, step: int, out_bounds: np.ndarray) -> None:
    """Widen the extremes by the concentrations of series that enter during the step."""
    for e in range(a.entry_row.size):
        i = a.entry_row[e]
        if r.entry_flow[e] > 0.0:
            for c in range(out_bounds.shape[2]):
                value = a.entry_rate[step, e, c] / r.entry_flow[e]
                out_bounds[2, i, c] = max(out_bounds[2, i, c], value)
                out_bounds[3, i, c] = min(out_bounds[3, i, c], value)


@njit(cache=True, nogil=True, error_model="numpy")
def bound(
    r: Rows,
    dt: float,
    end: float,
    low: Pair,
    high: Pair,
    face: np.ndarray,
    exchange: np.ndarray,
    out_bounds: np.ndarray,
) -> None:
    """Shares of what may enter and leave every row so that it stays between the extremes whatever its neighbours do."""
    n, m, stores = r.down.size, out_bounds.shape[2], exchange.shape[0]
    enter, leave, most, least = out_bounds[0], out_bounds[1], out_bounds[2], out_bounds[3]
    for i in range(n):
        for c in range(m):
            enter[i, c] = 0.0
            leave[i, c] = 0.0
            out_bounds[4, i, c] = 1.0
            out_bounds[5, i, c] = 1.0
    for b in range(r.link_from.size):
        i, j = r.link_from[b], r.link_target[b]
        for c in range(m):
            flux = dt * r.link_discharge[b] * (high.x[i, c] - low.x[i, c])
            enter[j, c] += max(flux, 0.0)
            leave[j, c] += max(-flux, 0.0)
            enter[i, c] += max(-flux, 0.0)
            leave[i, c] += max(flux, 0.0)
    for i in range(n):
        j = r.target[i]
        if j < 0:
            continue
        volume = r.volume_before[i] + end * (r.volume_after[i] - r.volume_before[i])
        for c in range(m):
            inward, outward = enter[i, c], leave[i, c]
            if j < n:
                flux = face[i, c]
                enter[j, c] += max(flux, 0.0)
                leave[j, c] += max(-flux, 0.0)
                inward += max(-flux, 0.0)
                outward += max(flux, 0.0)
            flux = dt * (r.leaving[i] + r.loss[i, c]) * (high.x[i, c] - low.x[i, c])
            inward += max(-flux, 0.0)
            outward += max(flux, 0.0)
            for k in range(stores):
                flux = exchange[k, i, c]
                inward += max(-flux, 0.0)
                outward += max(flux, 0.0)
            mass = volume + r.sorbed[i, c]
            enter[i, c] = _share(mass * (most[i, c] - low.x[i, c]), inward)
            leave[i, c] = _share(mass * (low.x[i, c] - least[i, c]), outward)


@njit(cache=True, nogil=True, error_model="numpy")
def _meet(
    i: int, j: int, c: int, c_old: np.ndarray, x: np.ndarray, out_most: np.ndarray, out_least: np.ndarray
) -> None:
    """Let two rows that exchange mass know each other's values."""
    out_most[i, c] = max(out_most[i, c], c_old[j, c], x[j, c])
    out_least[i, c] = min(out_least[i, c], c_old[j, c], x[j, c])
    out_most[j, c] = max(out_most[j, c], c_old[i, c], x[i, c])
    out_least[j, c] = min(out_least[j, c], c_old[i, c], x[i, c])


@njit(cache=True, nogil=True, error_model="numpy")
def find_shares(
    r: Rows,
    dt: float,
    end: float,
    w: float,
    low: Pair,
    high: Pair,
    face: np.ndarray,
    exchange: np.ndarray,
    c_old: np.ndarray,
    s_old: np.ndarray,
    out_bounds: np.ndarray,
    out_fresh: np.ndarray,
    out_change: np.ndarray,
) -> None:
    """Hold rows that pass their extremes until none does; planes 4 and 5 of the bounds are then the shares in force.

    Parameters
    ----------
    r, dt, end, w, low, high, face, exchange, c_old, s_old : the step, its two solutions and their differences
    out_bounds : (6, n + 1, m)
    out_fresh : (m,) work, rows newly held
    out_change : (n + 1, m) kg beyond the upwind solution
    """
    n, m = r.down.size, c_old.shape[1]
    near = _margin(out_bounds)
    for i in range(n):
        if r.target[i] < 0:
            continue
        for c in range(m):
            value = w * high.x[i, c] + (1.0 - w) * c_old[i, c]
            outside = not out_bounds[3, i, c] + near[c] < value < out_bounds[2, i, c] - near[c]
            for k in range(s_old.shape[0]):
                if r.store_volume[k, i, c] > 0.0:
                    value = w * high.keep[k, i, c] + (1.0 - w) * s_old[k, i, c]
                    upper, lower = store_window(
                        r.store_exchange[k, i, c] > 0.0, s_old[k, i, c], low.keep[k, i, c], c_old[i, c], low.x[i, c]
                    )
                    outside = outside or _passes(value, upper, lower)
            if outside:
                out_bounds[4, i, c] = out_bounds[0, i, c]
                out_bounds[5, i, c] = out_bounds[1, i, c]
    for turn in range(_TURNS + 1):
        _try(r, dt, end, low, high, face, exchange, c_old, s_old, out_bounds, out_fresh, out_change)
        if not np.any(out_fresh > 0):
            return
        if turn == _TURNS - 1:
            for c in range(m):
                if out_fresh[c] > 0:
                    out_bounds[4, :, c] = out_bounds[0, :, c]
                    out_bounds[5, :, c] = out_bounds[1, :, c]


@njit(cache=True, nogil=True, error_model="numpy")
def _margin(bounds: np.ndarray) -> np.ndarray:
    """(m,) kg/m3, nearness to an extreme at which a row is held from the start.

    On plateaus wiggles far below any accuracy pass the extremes here and there; row after row would be held, turn by
    turn. What they exchange beyond the upwind fluxes is as small as the wiggles.
    """
    n, m = bounds.shape[1] - 1, bounds.shape[2]
    margin = np.empty(m)
    for c in range(m):
        most, least = bounds[2, 0, c], bounds[3, 0, c]
        for i in range(n):
            most = max(most, bounds[2, i, c])
            least = min(least, bounds[3, i, c])
        margin[c] = _NEAR * (most - least)
    return margin


@njit(cache=True, nogil=True, error_model="numpy")
def store_window(exchanges: bool, s_old: float, s_low: float, c_old: float, c_low: float) -> tuple[float, float]:
    """Largest and smallest value a store may take: its own and its row's, before the step and upwind."""
    if exchanges:
        return max(s_old, s_low, c_old, c_low), min(s_old, s_low, c_old, c_low)
    return max(s_old, s_low), min(s_old, s_low)


@njit(cache=True, nogil=True, error_model="numpy")
def store_change(
    volume: float,
    flux: float,
    lost: float,
    upper: float,
    lower: float,
    s_low: float,
    enter: float,
    leave: float,
) -> tuple[float, float]:
    """What a store takes beyond the upwind exchange, kg, and the share of its second-order loss.

    Parameters
    ----------
    volume : m3
    flux, lost : kg, difference of the exchange into the store and of its loss
    upper, lower, s_low : kg/m3, extremes, upwind mean in the store
    enter, leave : 1, shares in force in the row; the store is held when the row is
    """
    into, out = 1.0, 1.0
    if enter < 1.0 or leave < 1.0:
        into = _share(volume * (upper - s_low), max(flux, 0.0) + max(-lost, 0.0))
        out = _share(volume * (s_low - lower), max(-flux, 0.0) + max(lost, 0.0))
    share = out if lost > 0.0 else into
    if flux > 0.0:
        return flux * min(leave, into), share
    return flux * min(enter, out), share


@njit(cache=True, nogil=True, error_model="numpy")
def _try(
    r: Rows,
    dt: float,
    end: float,
    low: Pair,
    high: Pair,
    face: np.ndarray,
    exchange: np.ndarray,
    c_old: np.ndarray,
    s_old: np.ndarray,
    out_bounds: np.ndarray,
    out_fresh: np.ndarray,
    out_change: np.ndarray,
) -> None:
    """Add up all exchanges with the shares in force, and hold the free rows that pass their extremes."""
    n, m, stores = r.down.size, c_old.shape[1], s_old.shape[0]
    enter, leave = out_bounds[4], out_bounds[5]
    out_change[:] = 0.0
    out_fresh[:] = 0
    for b in range(r.link_from.size):
        i, j = r.link_from[b], r.link_target[b]
        for c in range(m):
            flux = dt * link_change(r, b, c, low, high, out_bounds)
            out_change[i, c] -= flux
            out_change[j, c] += flux
    for i in range(n):
        j = r.target[i]
        if j < 0:
            continue
        volume = r.volume_before[i] + end * (r.volume_after[i] - r.volume_before[i])
        for c in range(m):
            x = low.x[i, c]
            change = out_change[i, c]
            if j < n:
                flux = face[i, c]
                flux *= min(leave[i, c], enter[j, c]) if flux > 0.0 else min(enter[i, c], leave[j, c])
                change -= flux
                out_change[j, c] += flux
            difference = high.x[i, c] - x
            share = leave[i, c] if difference > 0.0 else enter[i, c]
            change -= dt * (r.leaving[i] + r.loss[i, c]) * share * difference
            passes = False
            for k in range(stores):
                volume_k = r.store_volume[k, i, c]
                if volume_k <= 0.0:
                    continue
                stored = low.keep[k, i, c]
                upper, lower = store_window(r.store_exchange[k, i, c] > 0.0, s_old[k, i, c], stored, c_old[i, c], x)
                lost = dt * r.store_loss[k, i, c] * (high.keep[k, i, c] - stored)
                flux, share = store_change(
                    volume_k, exchange[k, i, c], lost, upper, lower, stored, enter[i, c], leave[i, c]
                )
                change -= flux
                passes = passes or _passes(stored + (flux - share * lost) / volume_k, upper, lower)
            out_change[i, c] = change
            value = x + change / (volume + r.sorbed[i, c])
            passes = passes or _passes(value, out_bounds[2, i, c], out_bounds[3, i, c])
            if passes and (enter[i, c] > out_bounds[0, i, c] or leave[i, c] > out_bounds[1, i, c]):
                enter[i, c] = out_bounds[0, i, c]
                leave[i, c] = out_bounds[1, i, c]
                out_fresh[c] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def link_change(r: Rows, b: int, c: int, low: Pair, high: Pair, bounds: np.ndarray) -> float:
    """Allowed part of the difference in what a link carries, kg/s."""
    i, j = r.link_from[b], r.link_target[b]
    flux = r.link_discharge[b] * (high.x[i, c] - low.x[i, c])
    if flux > 0.0:
        return float(flux * min(bounds[5, i, c], bounds[4, j, c]))
    return float(flux * min(bounds[4, i, c], bounds[5, j, c]))

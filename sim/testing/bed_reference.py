"""Water over a bed of two layers as ordinary differential equations, solved to tight tolerances, to compare with.

One mixed cell with flow through it. Slow and general: what shear, volume and inflow do in time are functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from sim.arrays import FloatArray
from sim.transport.solids import BedParameters

InTime = Callable[[float], float]
#: order of the state's entries, kg
STATE = ("solids", "lead", "bed solids", "bed lead", "buried solids", "buried lead")
_SAMPLES = 4000
_THIN = 1e-3  # of the full layer
_LEAST = 1e-12  # kg


@dataclass(frozen=True)
class BedCell:
    """One mixed cell of water over its bed.

    Parameters
    ----------
    area : A, m2
    volume, shear : V, tau, functions of time, m3 and Pa
    discharge_in, discharge_out : functions of time, m3/s, with dV/dt their difference
    solids_in, lead_in : functions of time, kg/m3 of the inflow
    kd : m3/kg, of the suspended solids
    parameters : BedParameters with one value each
    """

    area: float
    volume: InTime
    shear: InTime
    discharge_in: InTime
    discharge_out: InTime
    solids_in: InTime
    lead_in: InTime
    kd: float
    parameters: BedParameters


def bed_history(cell: BedCell, start: FloatArray, times: FloatArray) -> FloatArray:
    """Solids and lead of a cell at given times.

    Piecewise between the instants at which the shear passes a threshold, the layer is exhausted or the layer is full;
    the equations are those of `sim.transport.bed.exchange`, with in- and outflow.

    Parameters
    ----------
    cell : BedCell
    start : (6,) kg at ``times[0]``, entries as in `STATE`
    times : (p,) s, increasing

    Returns
    -------
    (p, 6) kg

    Examples
    --------
    >>> still = BedParameters(settling_velocity=1e-3, pore_mixing=0.0, molecular_diffusion=0.0)
    >>> nothing = lambda t: 0.0
    >>> cell = BedCell(1.0, lambda t: 2.0, nothing, nothing, nothing, nothing, nothing, 0.0, still)
    >>> found = bed_history(cell, np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]), np.array([0.0, 2000.0]))
    >>> round(float(found[-1, 0]), 9)
    0.367879441
    """
    found = np.empty((len(times), len(STATE)))
    found[0] = start
    edges = np.unique(np.concatenate((times, _crossings(cell, float(times[0]), float(times[-1])))))
    state = np.array(start, dtype=np.float64)
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        state = _advance(cell, state, begin, end)
        found[times == end] = state
    return found


def _crossings(cell: BedCell, begin: float, end: float) -> FloatArray:
    """Instants at which the shear passes a threshold."""
    at = np.linspace(begin, end, _SAMPLES)
    found = []
    for threshold in {float(cell.parameters.deposition_shear), float(cell.parameters.erosion_shear)}:
        above = np.array([cell.shear(t) - threshold for t in at])
        for i in np.flatnonzero(above[:-1] * above[1:] < 0.0):
            found.append(brentq(lambda t, limit=threshold: cell.shear(t) - limit, at[i], at[i + 1], xtol=1e-11))
    return np.array(found)


def _advance(cell: BedCell, state: FloatArray, begin: float, end: float) -> FloatArray:
    """State at `end`, without a passing of thresholds on the way."""
    full = float(cell.parameters.full_layer) * cell.area
    deposits = cell.shear(0.5 * (begin + end)) < float(cell.parameters.deposition_shear)
    limit = full if deposits else 0.0

    def reaches_limit(_: float, y: FloatArray) -> float:
        return float(y[2] - limit)

    def free(t: float, y: FloatArray) -> FloatArray:
        return _change(cell, t, y, limited=False)

    def held(t: float, y: FloatArray) -> FloatArray:
        return _change(cell, t, y, limited=True)

    reaches_limit.terminal = True  # type: ignore[attr-defined]
    at_limit = abs(state[2] - limit) <= 1e-12 * max(full, 1.0)
    if not at_limit:
        state, begin = _solve(free, begin, end, state, stiff=deposits and state[2] < _THIN * full, event=reaches_limit)
        if begin >= end:
            return state
        state[2] = limit
        if not deposits:
            # nothing can be left on no solids
            state[1] += state[3]
            state[3] = 0.0
    return _solve(held, begin, end, state, stiff=False)[0]


def _solve(
    change: Callable[[float, FloatArray], FloatArray],
    begin: float,
    end: float,
    state: FloatArray,
    *,
    stiff: bool,
    event: Callable[[float, FloatArray], float] | None = None,
) -> tuple[FloatArray, float]:
    """State and time at the event or the end; pores of a thin layer follow the water at once, which is stiff."""
    found = solve_ivp(
        change,
        (begin, end),
        state,
        method="Radau" if stiff else "DOP853",
        events=event,
        rtol=1e-10 if stiff else 1e-12,
        # solids and lead take turns in the state and differ by orders of magnitude
        atol=1e-13 * np.tile([max(state[::2].max(), _LEAST), max(state[1::2].max(), _LEAST)], 3),
    )
    if found.status < 0:
        raise RuntimeError(f"no reference solution from {begin} s on: {found.message}")
    return np.array(found.y[:, -1]), float(found.t[-1])


def _change(cell: BedCell, t: float, y: FloatArray, *, limited: bool) -> FloatArray:
    """Time derivative of the state; `limited` where the layer is full, or has nothing left to erode."""
    W, P, M, L = y[:4]
    p, A, V, tau = cell.parameters, cell.area, cell.volume(t), cell.shear(t)
    dissolved = P / (V + cell.kd * W)
    fall = max(1.0 - tau / float(p.deposition_shear), 0.0)
    lift = max(tau / float(p.erosion_shear) - 1.0, 0.0)
    deposition = float(p.settling_velocity) * fall * A / V * W
    erosion = 0.0 if limited else float(p.erosion_rate) * lift * A
    burial = deposition if limited else 0.0
    content = L / M if M > 0.0 else 0.0
    pores = content / (float(p.pore_water) + float(p.kd))
    diffusion = float(p.exchange_velocity) * A * (dissolved - pores) if M > 0.0 else 0.0
    taken = deposition * cell.kd * dissolved + diffusion - erosion * content
    flow_in, flow_out = cell.discharge_in(t), cell.discharge_out(t)
    return np.array([
        flow_in * cell.solids_in(t) - flow_out * W / V - deposition + erosion,
        flow_in * cell.lead_in(t) - flow_out * P / V - taken,
        deposition - erosion - burial,
        taken - burial * content,
        burial,
        burial * content,
    ])  # fmt: skip

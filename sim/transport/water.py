"""Water: discharge and volume of every reach in time, in which water is neither made nor lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.arrays import FloatArray, canonicalise, frozen
from sim.errors import BalanceError, ScenarioError
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork

#: largest relative error of continuity
CONTINUITY_TOLERANCE = 1e-11


@dataclass(frozen=True, slots=True)
class Water:
    """Discharge in t periods and volumes at their t + 1 ends; n reaches, k diversions of the network.

    Within a period every discharge is constant and every volume changes linearly:
    V_after - V_before = dt (Q_in + lateral - abstraction - diverted - Q_out).

    Parameters
    ----------
    time_edges : (t + 1,) s
    head : (t, n) m3/s, enters at the upstream end, from springs, hillslopes or over the model's edge
    lateral, abstraction : (t, n) m3/s, enter and leave evenly along the reach
    diverted : (t, k) m3/s, taken at the downstream end of ``link_from``, returned at the upstream end of ``link_to``
    discharge_in, discharge_out : (t, n) m3/s, at the ends of the reach, all inflow at the upstream end included
    volume : (t + 1, n) m3

    Raises
    ------
    ValueError
        If shapes differ.
    """

    time_edges: FloatArray
    head: FloatArray
    lateral: FloatArray
    abstraction: FloatArray
    diverted: FloatArray
    discharge_in: FloatArray
    discharge_out: FloatArray
    volume: FloatArray

    def __post_init__(self) -> None:
        t, n = self.discharge_in.shape
        field = (np.float64, (t, n))
        canonicalise(
            self, time_edges=(np.float64, (t + 1,)), head=field, lateral=field, abstraction=field,
            diverted=(np.float64, (t, -1)), discharge_in=field, discharge_out=field,
            volume=(np.float64, (t + 1, n)),
        )  # fmt: skip

    def imbalance(self, network: RiverNetwork) -> float:
        """Largest error of continuity over all reaches and periods, relative to what passes and changes."""
        widening = np.diff(self.volume, axis=0) / np.diff(self.time_edges)[:, None]
        arriving = _arriving(network, self.discharge_out, self.diverted)
        taken = _taken(network, self.diverted)
        along = self.discharge_in + self.lateral - self.abstraction - taken - self.discharge_out - widening
        at_head = arriving + self.head - self.discharge_in
        scale = self.discharge_in + self.lateral + np.abs(widening)
        safe = np.maximum(scale, np.finfo(np.float64).tiny)
        return float(max(np.max(np.abs(along) / safe), np.max(np.abs(at_head) / safe)))


def _arriving(network: RiverNetwork, discharge_out: FloatArray, diverted: FloatArray) -> FloatArray:
    """(t, n) m3/s from the reaches above and from diversions."""
    arriving = np.zeros_like(discharge_out)
    inner = network.down >= 0
    np.add.at(arriving.T, network.down[inner], discharge_out[:, inner].T)
    np.add.at(arriving.T, network.link_to, diverted.T)
    return arriving


def _taken(network: RiverNetwork, diverted: FloatArray) -> FloatArray:
    """(t, n) m3/s that diversions take."""
    taken = np.zeros((diverted.shape[0], network.size))
    np.add.at(taken.T, network.link_from, diverted.T)
    return taken


def route_water(
    network: RiverNetwork,
    *,
    head: npt.ArrayLike,
    volume: npt.ArrayLike,
    time_edges: npt.ArrayLike = (0.0, 1.0),
    lateral: npt.ArrayLike = 0.0,
    abstraction: npt.ArrayLike = 0.0,
    diverted: npt.ArrayLike = 0.0,
) -> Water:
    """Discharge that follows from inflows and volumes by continuity.

    Q_out = Q_in + lateral - abstraction - diverted - (V_after - V_before)/dt, from the springs to the outlets.

    Parameters
    ----------
    network : RiverNetwork of n reaches with k diversions
    head, lateral, abstraction : (t, n) or broadcastable, m3/s, >= 0
    volume : (t + 1, n) or broadcastable, m3, > 0
    time_edges : (t + 1,) s, increasing
    diverted : (t, k) or broadcastable, m3/s, >= 0

    Returns
    -------
    Water

    Raises
    ------
    ScenarioError
        LS-204 for a negative or non-finite inflow or a volume that is not positive; LS-209 where no water would leave
        a reach.
    ValueError
        If `time_edges` do not increase.

    Examples
    --------
    >>> from sim.network import network_from_table
    >>> river, _ = network_from_table(["a"], [""], [100.0], [0.01])
    >>> route_water(river, head=2.0, volume=[[50.0], [60.0]], time_edges=[0.0, 10.0]).discharge_out.tolist()
    [[1.0]]
    """
    edges = frozen(time_edges, np.float64, (-1,), "time_edges")
    t, n, k = len(edges) - 1, network.size, len(network.link_from)
    if t < 1 or not np.all(np.diff(edges) > 0.0):
        raise ValueError("time_edges must increase and hold one period at least")
    heads, laterals, taken_along = (
        np.array(np.broadcast_to(np.asarray(q, dtype=np.float64), (t, n))) for q in (head, lateral, abstraction)
    )
    volumes = np.array(np.broadcast_to(np.asarray(volume, dtype=np.float64), (t + 1, n)))
    through = np.array(np.broadcast_to(np.asarray(diverted, dtype=np.float64), (t, k)))
    for name, values, good in (
        ("head", heads, heads >= 0.0),
        ("lateral", laterals, laterals >= 0.0),
        ("abstraction", taken_along, taken_along >= 0.0),
        ("volume", volumes, volumes > 0.0),
    ):
        _require(network, name, values, good)
    if not np.all((through >= 0.0) & np.isfinite(through)):
        raise ValueError("diverted discharge must be finite and not negative")
    widening = np.diff(volumes, axis=0) / np.diff(edges)[:, None]
    change = laterals - taken_along - _taken(network, through) - widening
    discharge_in, discharge_out = heads.copy(), np.empty((t, n))
    np.add.at(discharge_in.T, network.link_to, through.T)
    for i, receiver in enumerate(network.down.tolist()):
        discharge_out[:, i] = discharge_in[:, i] + change[:, i]
        if receiver >= 0:
            discharge_in[:, receiver] += discharge_out[:, i]
    water = Water(edges, heads, laterals, taken_along, through, discharge_in, discharge_out, volumes)
    check_water(network, water)
    return water


def water_of(network: RiverNetwork, flow: Flow) -> Water:
    """Water of a `Flow` of steady periods; between periods of different flow the volumes change continuously.

    V = L Q_mean / u in a period; at an edge between two periods the mean of both. One period: nothing changes.

    Parameters
    ----------
    network : RiverNetwork without diversions
    flow : Flow, (t, n)

    Returns
    -------
    Water

    Raises
    ------
    ScenarioError
        LS-209 where filling reaches would need more water than there is.
    """
    held = network.length * 0.5 * (flow.discharge_in + flow.discharge_out) / flow.velocity
    volume = np.concatenate((held[:1], 0.5 * (held[1:] + held[:-1]), held[-1:]))
    return route_water(
        network, head=flow.head + flow.boundary, lateral=flow.lateral, volume=volume, time_edges=flow.time_edges
    )


def _require(network: RiverNetwork, name: str, values: FloatArray, good: npt.NDArray[np.bool_]) -> None:
    wrong = ~(good & np.isfinite(values))
    if wrong.any():
        period, node = (int(i) for i in np.argwhere(wrong)[0])
        raise ScenarioError(
            204,
            f"{label(network, node)}: {name}, period {period + 1}",
            got=f"{values[period, node]:g}",
            expected="Must be finite and positive" if name == "volume" else "Must be finite and not negative",
            remedy="Correct the reach; where water is taken, give an abstraction",
        )


def label(network: RiverNetwork, node: int) -> str:
    """The name of a reach for messages, else its number."""
    return f"reach {network.name[node]!r}" if network.name[node] else f"reach of node {node}"


def check_water(network: RiverNetwork, water: Water) -> None:
    """Refuse water that does not move everywhere or does not add up.

    Parameters
    ----------
    network : RiverNetwork of n reaches
    water : Water

    Raises
    ------
    ScenarioError
        LS-209 where no water leaves a reach, or it flows backwards at its upstream end.
    BalanceError
        LS-402 where continuity does not hold.
    """
    inner = np.bincount(network.down[network.down >= 0], minlength=network.size) > 0
    wrong = ~((water.discharge_out > 0.0) & np.isfinite(water.discharge_out)) | (inner & ~(water.discharge_in > 0.0))
    if wrong.any():
        period, node = (int(i) for i in np.argwhere(wrong)[0])
        raise ScenarioError(
            209,
            f"{label(network, node)}, period {period + 1}",
            got=f"{water.discharge_out[period, node]:g} m3/s leaving it",
            expected="Every reach must carry water downstream",
            remedy="Give the reach an inflow, take less out of it, or let its volume grow more slowly",
        )
    error = water.imbalance(network)
    # written so that a nan fails too
    if not error <= CONTINUITY_TOLERANCE:
        raise BalanceError(
            402,
            "water of unsteady transport",
            got=f"{error:.3g} relative error of continuity",
            expected=f"Must not exceed {CONTINUITY_TOLERANCE:g}",
            remedy="Make it with route_water, which derives discharge from inflows and volumes",
        )

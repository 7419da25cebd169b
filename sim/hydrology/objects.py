"""Flow: water on every node in every period, with continuity checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.arrays import BoolArray, FloatArray, canonicalise
from sim.network.objects import RiverNetwork


@dataclass(frozen=True, slots=True)
class Diversions:
    """What the network's k links carry, in the order of ``RiverNetwork.link_from``; t periods.

    Link b takes its water at the downstream end of node ``link_from[b]`` and returns it at the upstream end of node
    ``link_to[b]``. An intake elsewhere needs a node that ends there. The way takes volume / discharge; what is in the
    water is lost by exp(-loss_rate volume / discharge), the water itself is not.

    Parameters
    ----------
    discharge : (t, k) m3/s, >= 0
    volume : (k,) m3, >= 0, water in the tunnel, pipe or canal
    loss_rate : (t, s, k) 1/s, >= 0, first-order loss on the way; s substances as in the load, or 1 for all alike

    Raises
    ------
    ValueError
        If shapes do not fit or a value is negative or not finite.

    Examples
    --------
    >>> Diversions(discharge=[[4.0, 0.0]], volume=[800.0, 100.0], loss_rate=[[[0.0, 0.0]]]).travel_time.tolist()
    [[200.0, inf]]
    """

    discharge: FloatArray
    volume: FloatArray
    loss_rate: FloatArray

    def __post_init__(self) -> None:
        t, k = np.shape(self.discharge)
        s = np.shape(self.loss_rate)[1] if np.ndim(self.loss_rate) == 3 else -1
        canonicalise(
            self, discharge=(np.float64, (t, k)), volume=(np.float64, (k,)), loss_rate=(np.float64, (t, s, k))
        )  # fmt: skip
        for name in ("discharge", "volume", "loss_rate"):
            values = getattr(self, name)
            if not np.all((values >= 0.0) & np.isfinite(values)):
                raise ValueError(f"diversions: {name} must be finite and not negative")

    @property
    def travel_time(self) -> FloatArray:
        """(t, k) s, inf where nothing is carried."""
        still = np.full(self.discharge.shape, np.inf)
        return np.asarray(np.divide(self.volume, self.discharge, out=still, where=self.discharge > 0.0))


@dataclass(frozen=True, slots=True)
class Flow:
    """Discharge and hydraulics; t periods (t = 12 for twelve steady months, 1 for one steady state), n nodes.

    Parameters
    ----------
    time_edges : (t + 1,) s since 1 January
    discharge_in : (t, n) m3/s, at the upstream end, all inflow there included
    discharge_out : (t, n) m3/s, at the downstream end, what diversions take there already gone
    lateral : (t, n) m3/s, enters evenly along the segment (>= 0)
    head : (t, n) m3/s, enters at the upstream end from the hillslope around it (>= 0)
    boundary : (t, n) m3/s, declared inflow over the terrain's edge, at the upstream end (>= 0)
    width, depth, velocity, shear : (t, n) m, m, m/s, Pa
    temperature : (t, n) degree Celsius
    notes : sentences for the report: which known means scaled what, where steep-channel roughness counts
    diversions : Diversions of the network's links, None where it has none
    """

    time_edges: FloatArray
    discharge_in: FloatArray
    discharge_out: FloatArray
    lateral: FloatArray
    head: FloatArray
    boundary: FloatArray
    width: FloatArray
    depth: FloatArray
    velocity: FloatArray
    shear: FloatArray
    temperature: FloatArray
    notes: tuple[str, ...] = ()
    diversions: Diversions | None = None

    def __post_init__(self) -> None:
        t, n = self.discharge_in.shape
        field = (np.float64, (t, n))
        canonicalise(
            self, time_edges=(np.float64, (t + 1,)), discharge_in=field, discharge_out=field, lateral=field, head=field,
            boundary=field, width=field, depth=field, velocity=field, shear=field, temperature=field,
        )  # fmt: skip

    @property
    def duration(self) -> FloatArray:
        """(t,) length of each period, s."""
        return np.diff(self.time_edges)

    def taken(self, network: RiverNetwork) -> FloatArray:
        """(t, n) m3/s that diversions take at the downstream end of every node."""
        taken = np.zeros(self.discharge_out.shape)
        if self.diversions is not None:
            np.add.at(taken.T, network.link_from, self.diversions.discharge.T)
        return taken

    def discharge_end(self, network: RiverNetwork) -> FloatArray:
        """(t, n) m3/s at the downstream end of every node, above the intakes of diversions."""
        return self.discharge_out + self.taken(network)

    def imbalance(self, network: RiverNetwork) -> float:
        """Largest relative error of continuity over all nodes and periods (steady periods: dV/dt = 0)."""
        arriving = np.zeros_like(self.discharge_in)
        inner = network.down >= 0
        np.add.at(arriving.T, network.down[inner], self.discharge_out[:, inner].T)
        if self.diversions is not None:
            np.add.at(arriving.T, network.link_to, self.diversions.discharge.T)
        end = self.discharge_end(network)
        at_head = arriving + self.head + self.boundary - self.discharge_in
        along = self.discharge_in + self.lateral - end
        scale = np.maximum(end, np.finfo(np.float64).tiny)
        return float(max(np.max(np.abs(at_head) / scale), np.max(np.abs(along) / scale)))

    def dry(self, network: RiverNetwork) -> BoolArray:
        """(t, n) True where no water is because a diversion has taken it above, or brings none."""
        nothing = self.discharge_end(network) == 0.0
        # tracing is slow and hardly ever needed
        if not nothing.any():
            return np.asarray(nothing)
        fed = np.concatenate((network.down[network.link_from], network.link_to))
        return np.asarray(nothing & network.downstream_of(fed[fed >= 0]))

"""Flow: water on every node in every period, with continuity checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.arrays import FloatArray, canonicalise
from sim.network.objects import RiverNetwork


@dataclass(frozen=True, slots=True)
class Flow:
    """Discharge and hydraulics; t periods (t = 12 for twelve steady months, 1 for one steady state), n nodes.

    Parameters
    ----------
    time_edges : (t + 1,) s since 1 January
    discharge_in : (t, n) m3/s, at the upstream end, all inflow there included
    discharge_out : (t, n) m3/s, at the downstream end
    lateral : (t, n) m3/s, enters evenly along the segment (>= 0)
    head : (t, n) m3/s, enters at the upstream end from the hillslope around it (>= 0)
    boundary : (t, n) m3/s, declared inflow over the terrain's edge, at the upstream end (>= 0)
    width, depth, velocity, shear : (t, n) m, m, m/s, Pa
    temperature : (t, n) degree Celsius
    notes : sentences for the report: which known means scaled what, where steep-channel roughness counts
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

    def imbalance(self, network: RiverNetwork) -> float:
        """Largest relative error of continuity over all nodes and periods (steady periods: dV/dt = 0)."""
        arriving = np.zeros_like(self.discharge_in)
        inner = network.down >= 0
        np.add.at(arriving.T, network.down[inner], self.discharge_out[:, inner].T)
        at_head = arriving + self.head + self.boundary - self.discharge_in
        along = self.discharge_in + self.lateral - self.discharge_out
        scale = np.maximum(self.discharge_out, np.finfo(np.float64).tiny)
        return float(max(np.max(np.abs(at_head) / scale), np.max(np.abs(along) / scale)))

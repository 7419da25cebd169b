"""Who contributes what to one place: the steady sweep transposed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim.arrays import FloatArray, canonicalise
from sim.chemistry.objects import Reactions
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.sources.objects import Load
from sim.transport import _kernels_steady
from sim.transport import steady_columns as inputs


@dataclass(frozen=True, slots=True)
class SteadyContributions:
    """What every pit and all water adds to the concentration of one substance at one place; t periods, n nodes.

    Parameters
    ----------
    receptor : node
    end : "inlet" or "outlet", which end of it
    substance : name
    pits : (t, k) kg/m3, of each site of the load
    head, boundary, lateral : (t, n) kg/m3, of the background that enters there
    per_load : (t, n) s/m3, kg/m3 at the receptor per kg/s that enters the upstream end of a node
    per_lateral_load : (t, n) s/m3, the same per kg/s that enters evenly along it
    """

    receptor: int
    end: Literal["inlet", "outlet"]
    substance: str
    pits: FloatArray
    head: FloatArray
    boundary: FloatArray
    lateral: FloatArray
    per_load: FloatArray
    per_lateral_load: FloatArray

    def __post_init__(self) -> None:
        field = (np.float64, self.per_load.shape)
        canonicalise(
            self, pits=(np.float64, (len(self.per_load), -1)), head=field, boundary=field, lateral=field,
            per_load=field, per_lateral_load=field,
        )  # fmt: skip

    @property
    def total(self) -> FloatArray:
        """(t,) kg/m3, the concentration at the receptor."""
        background = self.head + self.boundary + self.lateral
        return np.asarray(self.pits.sum(axis=1) + background.sum(axis=1))


def steady_contributions(
    network: RiverNetwork,
    flow: Flow,
    load: Load,
    reactions: Reactions,
    *,
    receptor: int,
    substance: str,
    end: Literal["inlet", "outlet"] = "inlet",
) -> SteadyContributions:
    """Contribution of every pit and of all background water to one substance at one place, by one transposed sweep.

    `steady` is linear in what enters: C_r = sum_i e_i (pits_i + Q_head c_head + Q_boundary c_boundary) + l_i q L c_L.
    From the receptor upwards, with g_i the sensitivity to the load at the downstream end of node i,

        g_i = (Q_out/Q_end) e_down(i) + sum over diversions of (q/Q_end) exp(-k V/q) e_to,
        e_i = exp(-a) g_i,  l_i = phi(a) g_i,

    a = k L/u, phi(a) = (1 - exp(-a))/a, starting with e_r = 1/Q_in, or g_r = 1/Q_end for the downstream end.

    Parameters
    ----------
    network, flow, load, reactions : as given to `steady`
    receptor : node
    substance : name in the load
    end : "inlet", the upstream end after mixing, or "outlet", the downstream end above intakes

    Returns
    -------
    SteadyContributions : their sum is what `steady` gives there. Where no water enters the receptor from above, that of
        its own lateral water

    Raises
    ------
    ScenarioError, ValueError
        As for `steady`; ValueError also when the receptor is not a node or the substance not in the load.

    References
    ----------
    Neupauer and Wilson 1999, Water Resources Research 35(11), doi:10.1029/1999WR900190 (adjoint for sources of a known
    contamination).

    Examples
    --------
    >>> from sim.hydrology import flow_from_table
    >>> from sim.network import network_from_table
    >>> river, _ = network_from_table(["a", "b"], ["b", ""], [1000.0, 500.0], [0.01, 0.01])
    >>> flow = flow_from_table(
    ...     river, head_inflow=np.full(2, 2.0), lateral_inflow=np.zeros(2), cross_section=np.ones(2), temperature=20.0
    ... )
    >>> field = np.ones((1, 1, 2))
    >>> load = Load(("salt",), np.array([0, 1]), np.array([[[8.0, 4.0]]]), 0.5 * field, field, field, {})
    >>> reactions = Reactions(0.0 * field, field, field[0])
    >>> found = steady_contributions(river, flow, load, reactions, receptor=1, substance="salt")
    >>> found.pits.tolist(), found.head.tolist(), found.total.tolist()
    ([[2.0, 1.0]], [[0.25, 0.25]], [3.5])
    """
    inputs.check(network, flow, load, reactions)
    if not 0 <= receptor < network.size:
        raise ValueError(f"receptor must be a node in [0, {network.size})")
    if substance not in load.substances:
        raise ValueError(f"{substance!r} is not in the load, which has {', '.join(load.substances)}")
    if end not in ("inlet", "outlet"):
        raise ValueError("end must be inlet or outlet")
    s = load.substances.index(substance)
    entering, along = _sensitivities(network, flow, reactions, s, receptor, end)
    rate = np.where(load.node >= 0, load.rate[:, s], 0.0)
    lateral = along * flow.lateral * load.background_lateral[:, s]
    if end == "inlet":
        still = ~(flow.discharge_in[:, receptor] > 0.0)
        lateral[still, receptor] = inputs.still_water(flow, load)[still, s, receptor]
    return SteadyContributions(
        receptor,
        end,
        substance,
        pits=entering[:, load.node] * rate,
        head=entering * flow.head * load.background_head[:, s],
        boundary=entering * flow.boundary * load.background_boundary[:, s],
        lateral=lateral,
        per_load=entering,
        per_lateral_load=along,
    )


def _sensitivities(
    network: RiverNetwork, flow: Flow, reactions: Reactions, s: int, receptor: int, end: str
) -> tuple[FloatArray, FloatArray]:
    """(t, n) s/m3 each: of the receptor to loads at upstream ends and along the segments."""
    t, n = flow.discharge_in.shape
    a = np.ascontiguousarray((reactions.loss_rate[:, s] * inputs.residence(network, flow)).T)
    survival, loss, survival_along, lost_along = (np.empty((n, t)) for _ in range(4))
    _kernels_steady.factor(a, survival, loss, survival_along, lost_along)
    discharge = (flow.discharge_in if end == "inlet" else flow.discharge_end(network))[:, receptor]
    weight = np.divide(1.0, discharge, out=np.zeros(t), where=discharge > 0.0)
    weight_in, weight_end = (weight, np.zeros(t)) if end == "inlet" else (np.zeros(t), weight)
    entering, along = np.empty((n, t)), np.empty((n, t))
    links = inputs.links(network, flow, reactions.loss_rate.shape[1], only=s)
    _kernels_steady.sweep_back(
        network.down, survival, survival_along, links, receptor, weight_in, weight_end, entering, along
    )
    return np.ascontiguousarray(entering.T), np.ascontiguousarray(along.T)

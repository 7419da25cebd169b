"""Transfer functions: the response to every source once, convolved with any release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.arrays import FloatArray, canonicalise
from sim.chemistry.objects import Reactions
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.transport.blocks import Scheme
from sim.transport.inputs import Channel, Inputs, Rates, Series
from sim.transport.mesh import Mesh
from sim.transport.unsteady_state import unsteady
from sim.transport.water import Water


@dataclass(frozen=True, slots=True)
class Responses:
    """Concentrations at points after a release of 1 kg/s during one step; k sources, p points.

    Parameters
    ----------
    step : s
    nodes : (k,) sources
    response : (steps + 1, p, k) (kg/m3) / (kg/s), at the start and after every step
    """

    step: float
    nodes: tuple[int, ...]
    response: FloatArray

    def __post_init__(self) -> None:
        canonicalise(self, response=(np.float64, (-1, -1, len(self.nodes))))

    def convolve(self, rates: FloatArray) -> FloatArray:
        """Concentrations at the points for any release: C(t_i) = sum over j of h(t_(i-j)) rate_j.

        Parameters
        ----------
        rates : (steps, k) kg/s, mean of every source over every step

        Returns
        -------
        (steps + 1, p) kg/m3
        """
        steps, points, sources = self.response.shape[0] - 1, self.response.shape[1], len(self.nodes)
        if rates.shape != (steps, sources):
            raise ValueError(f"rates have shape {rates.shape}, expected {(steps, sources)}")
        found = np.zeros((steps + 1, points))
        for j in range(steps):
            # one row of releases at a time: plain sums, whose order does not depend on threads
            if np.any(rates[j] != 0.0):
                found[j + 1 :] += (self.response[1 : steps + 1 - j] * rates[j]).sum(axis=2)
        return found


def responses(
    network: RiverNetwork,
    flow: Flow | Water,
    nodes: Sequence[int],
    reactions: Reactions | Rates | None = None,
    *,
    points: Sequence[int | tuple[int, float]],
    step: float,
    channel: Channel | None = None,
    scheme: Scheme = "second-order",
    mesh: Mesh | None = None,
    threads: int = 1,
) -> Responses:
    """Response of points to a release at each node, for constant flow.

    While discharge is constant the steps are all alike and linear, so the response h to 1 kg/s during the first step
    gives the answer to any release by convolution.

    Parameters
    ----------
    network, reactions, points, step, channel, mesh, threads : as for `unsteady`; reactions of one substance
    flow : Flow or Water of one period whose volumes do not change; its length, a whole number of steps, is that of the
        responses
    nodes : k sources, at whose upstream ends the releases enter
    scheme : "second-order" or "upwind"

    Returns
    -------
    Responses

    Raises
    ------
    ValueError
        If the flow varies, the scheme is not linear, or the step does not divide the period.

    References
    ----------
    Jury & Roth 1990, Transfer Functions and Solute Movement through Soil, Birkhaeuser (responses and convolution).

    Examples
    --------
    >>> import numpy as np
    >>> from sim.network import network_from_table
    >>> from sim.transport import responses, route_water
    >>> river, _ = network_from_table(["a"], [""], [100.0], [0.01])
    >>> water = route_water(river, head=1.0, volume=100.0, time_edges=[0.0, 600.0])
    >>> found = responses(river, water, [0], points=[0], step=10.0, scheme="upwind")
    >>> float(found.convolve(np.full((60, 1), 3.0))[-1, 0].round(2))
    2.99
    """
    if scheme not in ("second-order", "upwind"):
        raise ValueError('responses need a linear scheme, "second-order" or "upwind"')
    edges = flow.time_edges
    steps = round(float(edges[-1] - edges[0]) / step)
    if len(edges) != 2 or abs(steps * step - (edges[-1] - edges[0])) > 1e-9 * step * max(steps, 1):
        raise ValueError("responses need one period of constant flow, a whole number of steps long")
    if isinstance(flow, Water) and not np.array_equal(flow.volume[0], flow.volume[1]):
        raise ValueError("responses need volumes that do not change")
    names = tuple(f"source {k + 1}" for k in range(len(nodes)))
    begin = float(edges[0])
    times = np.array([begin, begin + step])
    series = tuple(
        Series(int(node), "load", times, np.stack((np.eye(len(nodes))[k], np.zeros(len(nodes)))))
        for k, node in enumerate(nodes)
    )
    found = unsteady(
        network, flow, Inputs(names, series=series), reactions, step=step, channel=channel, points=points,
        scheme=scheme, mesh=mesh, threads=threads, damped=False,
    )  # fmt: skip
    return Responses(step, tuple(int(node) for node in nodes), found.points)

"""Networks with diversions and water that fits them, for tests; slow on purpose, sharing no code with the kernels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sim.arrays import FloatArray
from sim.hydrology.objects import Diversions, Flow
from sim.network.objects import RiverNetwork


def random_links(rng: np.random.Generator, network: RiverNetwork, count: int) -> RiverNetwork:
    """The network with up to `count` links between random nodes, several from one node among them.

    Parameters
    ----------
    rng : Generator
    network : RiverNetwork
    count : links wanted; a network of one node has room for none

    Examples
    --------
    >>> from sim.testing.networks import random_network
    >>> rng = np.random.default_rng(1)
    >>> linked = random_links(rng, random_network(rng, 9), 3)
    >>> bool(np.all(linked.link_to > linked.link_from)), len(linked.link_to)
    (True, 3)
    """
    n = network.size
    if n == 1:
        return network
    taken = rng.integers(0, n - 1, count)
    return replace(network, link_from=taken, link_to=np.array([rng.integers(i + 1, n) for i in taken.tolist()]))


def flow_with_links(
    network: RiverNetwork,
    *,
    head: FloatArray,
    lateral: FloatArray,
    velocity: npt.ArrayLike,
    share: FloatArray,
    volume: npt.ArrayLike = 0.0,
    loss_rate: npt.ArrayLike = 0.0,
    time_edges: npt.ArrayLike | None = None,
) -> Flow:
    """Discharge that follows from inflows and from the shares that diversions take, node after node.

    Parameters
    ----------
    network : RiverNetwork of n nodes with k links
    head, lateral : (t, n) m3/s
    velocity : m/s, broadcastable to (t, n); 0 is put where no water is
    share : (t, k) 1, part of the water at the downstream end of the node that a link takes
    volume : m3, broadcastable to (k,)
    loss_rate : 1/s, broadcastable to (t, s, k); (t, 1, k) if it has no axis for substances
    time_edges : (t + 1,) s; periods of one second if not given

    Raises
    ------
    ValueError
        If the links of a node take more than there is.
    """
    t, n = head.shape
    k = len(network.link_from)
    entering, discharge_out, end = head.copy(), np.empty((t, n)), np.empty((t, n))
    carried = np.empty((t, k))
    for i in range(n):
        links = np.flatnonzero(network.link_from == i)
        left = 1.0 - share[:, links].sum(axis=1)
        if np.any(left < -1e-12):
            raise ValueError(f"links take more than all of the water of node {i}")
        end[:, i] = entering[:, i] + lateral[:, i]
        for b in links.tolist():
            carried[:, b] = share[:, b] * end[:, i]
            entering[:, network.link_to[b]] += carried[:, b]
        discharge_out[:, i] = np.maximum(left, 0.0) * end[:, i]
        if network.down[i] >= 0:
            entering[:, network.down[i]] += discharge_out[:, i]
    one = np.ones((t, n))
    rates = np.asarray(loss_rate, dtype=np.float64)
    shape = np.broadcast_shapes(rates.shape, (t, 1, k))
    diversions = Diversions(carried, np.broadcast_to(volume, (k,)), np.broadcast_to(rates, shape))
    return Flow(
        time_edges=np.arange(t + 1.0) if time_edges is None else np.asarray(time_edges, dtype=np.float64),
        discharge_in=entering, discharge_out=discharge_out, lateral=lateral, head=head, boundary=np.zeros((t, n)),
        width=one, depth=one, velocity=np.where(end > 0.0, velocity, 0.0), shear=one, temperature=20.0 * one,
        diversions=diversions if k else None,
    )  # fmt: skip

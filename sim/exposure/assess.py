"""From concentrations to exposure: quotients, months above, exceeded length, receptors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import BoolArray, ByteArray, FloatArray, IntArray, masked_sum
from sim.exposure.objects import Threshold

if TYPE_CHECKING:
    from sim.network.objects import RiverNetwork
    from sim.transport.objects import Concentration


@dataclass(frozen=True, slots=True)
class Exceedance:
    """Thresholds compared with concentrations on the nodes; fields as in `sim.exposure.objects.Exposure`."""

    quotient: FloatArray
    background_quotient: FloatArray
    months_above: ByteArray
    exceeded_length: FloatArray
    exceeded_length_background: FloatArray
    exceeded_length_pits: FloatArray


def exceedance(network: RiverNetwork, concentration: Concentration, thresholds: Sequence[Threshold]) -> Exceedance:
    """Compare concentrations with thresholds on every node and period.

    Parameters
    ----------
    network : RiverNetwork, n nodes
    concentration : Concentration (t, s, n)
    thresholds : h criteria

    Notes
    -----
    Quotient = C / C_threshold with the larger C of the node's two ends, total or dissolved as the criterion asks. The
    background quotient uses the part of C that does not come from pits. A node counts with its whole length when
    its quotient is above one in at least one period, so lengths are resolved to the network's ``max_length``.
    """
    shape = (len(thresholds), *concentration.inlet[:, 0].shape)
    quotient, background, pits = np.empty(shape), np.empty(shape), np.empty(shape)
    for h, threshold in enumerate(thresholds):
        s = concentration.index(threshold.substance)
        share = concentration.dissolved_fraction[:, s] if threshold.fraction == "dissolved" else 1.0
        total = np.maximum(concentration.inlet[:, s], concentration.outlet[:, s])
        without = np.maximum(
            concentration.inlet[:, s] - concentration.pit_inlet[:, s],
            concentration.outlet[:, s] - concentration.pit_outlet[:, s],
        )
        quotient[h] = share * total / threshold.value
        pits[h] = share * np.maximum(concentration.pit_inlet[:, s], concentration.pit_outlet[:, s]) / threshold.value
        background[h] = share * np.maximum(without, 0.0) / threshold.value
    above = quotient > 1.0
    return Exceedance(
        quotient=quotient,
        background_quotient=background,
        months_above=above.sum(axis=1).astype(np.uint8),
        exceeded_length=masked_sum(above.any(axis=1), network.length),
        exceeded_length_background=masked_sum((background > 1.0).any(axis=1), network.length),
        exceeded_length_pits=masked_sum((pits > 1.0).any(axis=1), network.length),
    )


def downstream_of_sites(network: RiverNetwork, site_nodes: IntArray) -> BoolArray:
    """Return the nodes that receive water from at least one site, (n,) bool."""
    return network.downstream_of(site_nodes[site_nodes >= 0])


def nearest_affected(
    x: FloatArray, y: FloatArray, channel_x: FloatArray, channel_y: FloatArray, node: IntArray
) -> tuple[IntArray, FloatArray]:
    """Return the nearest node with water from sites for every place, and the straight distance to it.

    A place may lie on a clean stream and yet beside a river that carries leachate; people fetch water from either.

    Parameters
    ----------
    x, y : (r,) m, nan where a place is not located
    channel_x, channel_y : (c,) m, centres of the channel cells with water from sites
    node : (c,) int64, node each of them belongs to

    Returns
    -------
    (r,) int64, -1 where there is none; (r,) m, nan where there is none
    """
    found, distance = np.full(x.size, -1, dtype=np.int64), np.full(x.size, np.nan)
    if channel_x.size == 0:
        return found, distance
    for i in np.flatnonzero(np.isfinite(x) & np.isfinite(y)).tolist():
        away = np.hypot(channel_x - x[i], channel_y - y[i])
        k = int(np.argmin(away))
        found[i], distance[i] = node[k], away[k]
    return found, distance

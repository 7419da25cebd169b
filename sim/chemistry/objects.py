"""Reactions: what happens to each substance on each node, as plain arrays the transport kernels read."""

from __future__ import annotations

from typing import NamedTuple

from sim.arrays import FloatArray


class Reactions(NamedTuple):
    """First-order reactions in the steady first form.

    loss_rate : (t, s, n) 1/s, total first-order loss of the whole (dissolved and suspended) substance
    dissolved_fraction : (t, s, n) 1, share that is dissolved; 1 for ammonium, sulfate and oxalate
    suspended_solids : (t, n) kg/m3
    """

    loss_rate: FloatArray
    dissolved_fraction: FloatArray
    suspended_solids: FloatArray

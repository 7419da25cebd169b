"""Pits and Load: where leachate starts, and what of it reaches the river."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.arrays import FloatArray, IntArray, canonicalise


@dataclass(frozen=True, slots=True)
class Pits:
    """Mining sites; one row per site, a site has at least one pit.

    Parameters
    ----------
    name : k labels, unique, text from users (escape where shown)
    x, y : (k,) m, in the terrain's CRS (nan in a channel scenario)
    longitude, latitude : (k,) degrees, WGS84 (nan in a channel scenario)
    pits : (k,) number of pits of the site, >= 1
    year : (k,) year first seen; 0 where unknown
    group : k labels, e.g. the zone a site was placed for
    illustrative : bool, True when positions were generated
    """

    name: tuple[str, ...]
    x: FloatArray
    y: FloatArray
    longitude: FloatArray
    latitude: FloatArray
    pits: FloatArray
    year: IntArray
    group: tuple[str, ...]
    illustrative: bool

    def __post_init__(self) -> None:
        k = len(self.name)
        real = (np.float64, (k,))
        canonicalise(self, x=real, y=real, longitude=real, latitude=real, pits=real, year=(np.int64, (k,)))

    @property
    def size(self) -> int:
        """Number of sites."""
        return len(self.name)


@dataclass(frozen=True, slots=True)
class Load:
    """Mass reaching the network, and the ledger of what did not.

    Parameters
    ----------
    substances : s names (keys of the registry)
    node : (k,) int64, node whose upstream end each site's load enters; -1 when its flow path leaves the terrain
    rate : (t, s, k) kg/s reaching the channel
    background_head, background_lateral, background_boundary : (t, s, n) kg/m3, concentration of the water that
        enters at the upstream end, along the segment, and over the edge
    ledger : per ledger line (name, unit kg/a) the yearly mass (s,), lines as in `LEDGER_LINES`
    """

    substances: tuple[str, ...]
    node: IntArray
    rate: FloatArray
    background_head: FloatArray
    background_lateral: FloatArray
    background_boundary: FloatArray
    ledger: dict[str, FloatArray]

    def __post_init__(self) -> None:
        s, k = len(self.substances), len(self.node)
        t = self.rate.shape[0]
        field = (np.float64, (t, s, -1))
        canonicalise(
            self,
            node=(np.int64, (k,)),
            rate=(np.float64, (t, s, k)),
            background_head=field,
            background_lateral=field,
            background_boundary=field,
        )


#: applied = recovered + consumed + held + delivered + off_terrain, kg/a per substance;
#: "mobilised" stands beside applied for what comes out of rock (lead).
LEDGER_LINES = ("applied", "mobilised", "recovered", "consumed", "held", "delivered", "off_terrain")

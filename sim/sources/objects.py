"""Pits, Entries and Load: where leachate starts, where it enters the river, and what of it does."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
class Entries:
    """Where the load of k sites enters the network when hillslopes spread it: one row for each site and node.

    Parameters
    ----------
    site : (e,) int64, ascending; every site has a row
    node : (e,) int64, node whose upstream end the share enters; -1 for what meets no channel
    share : (e,) share of what the site sends down the hillslope; the shares of a site add up to 1
    path_length : (e,) m, mean length of the paths from the site to the channel, or to where they end

    Raises
    ------
    ValueError
        If a site has no row, rows are out of order, or the shares of a site do not add up to 1 within 1e-9.
    """

    site: IntArray
    node: IntArray
    share: FloatArray
    path_length: FloatArray

    def __post_init__(self) -> None:
        e = len(self.site)
        whole, real = (np.int64, (e,)), (np.float64, (e,))
        canonicalise(self, site=whole, node=whole, share=real, path_length=real)
        if e and (self.site[0] != 0 or np.any((np.diff(self.site) < 0) | (np.diff(self.site) > 1))):
            raise ValueError("Entries.site must number the sites from 0 on in ascending order, each with a row")
        if np.any(~(self.share >= 0.0)) or np.any(np.abs(np.bincount(self.site, self.share) - 1.0) > 1e-9):
            raise ValueError("Entries.share must not be negative and add up to 1 for every site")

    @property
    def sites(self) -> int:
        """Number of sites."""
        return int(self.site[-1]) + 1 if self.site.size else 0


@dataclass(frozen=True, slots=True)
class Load:
    """Mass reaching the network, and the ledger of what did not.

    Parameters
    ----------
    substances : s names (keys of the registry)
    node : (k,) int64, node whose upstream end each site's load enters, the one with the largest share where `entries`
        names several; -1 when its flow path leaves the terrain
    rate : (t, s, k) kg/s of each site reaching channels
    background_head, background_lateral, background_boundary : (t, s, n) kg/m3, concentration of the water that
        enters at the upstream end, along the segment, and over the edge
    ledger : per ledger line (name, unit kg/a) the yearly mass (s,), lines as in `LEDGER_LINES`
    entries : where the loads enter when hillslopes spread them; None when each enters at its `node` alone
    entry_rate : (t, s, e) kg/s at each of the entries; None with `entries`

    Raises
    ------
    ValueError
        If shapes differ, or the rates at a site's entries do not add up to its rate within 1e-9.
    """

    substances: tuple[str, ...]
    node: IntArray
    rate: FloatArray
    background_head: FloatArray
    background_lateral: FloatArray
    background_boundary: FloatArray
    ledger: dict[str, FloatArray]
    entries: Entries | None = None
    entry_rate: FloatArray | None = None

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
        if (self.entries is None) != (self.entry_rate is None):
            raise ValueError("Load.entries and Load.entry_rate go together")
        if self.entries is not None and self.entry_rate is not None:
            canonicalise(self, entry_rate=(np.float64, (t, s, self.entries.site.size)))
            if self.entries.sites != k:
                raise ValueError(f"Load.entries has {self.entries.sites} sites, Load.node {k}")
            if not np.allclose(per_site(self.entries, self.entry_rate), self.rate, rtol=1e-9, atol=0.0):
                raise ValueError("Load.entry_rate does not add up to Load.rate")

    def by_entry(self) -> Load:
        """The same load with a row for each entry instead of each site, as solvers take it.

        Examples
        --------
        >>> nothing = np.zeros((1, 1, 3))
        >>> entries = Entries([0, 0], [1, 2], [0.25, 0.75], [100.0, 80.0])
        >>> each = np.array([[[1.0, 3.0]]])
        >>> load = Load(("lead",), [2], each.sum(2, keepdims=True), nothing, nothing, nothing, {}, entries, each)
        >>> load.by_entry().node.tolist(), load.by_entry().rate.tolist()
        ([1, 2], [[[1.0, 3.0]]])
        """
        if self.entries is None or self.entry_rate is None:
            return self
        return replace(self, node=self.entries.node, rate=self.entry_rate, entries=None, entry_rate=None)


def per_site(entries: Entries, values: FloatArray) -> FloatArray:
    """Sums over the entries of each site, (..., k) of (..., e)."""
    if not entries.site.size:
        return np.zeros((*np.shape(values)[:-1], 0))
    first = np.flatnonzero(np.diff(entries.site, prepend=-1))
    return np.asarray(np.add.reduceat(values, first, axis=-1))


#: applied = recovered + consumed + held + delivered + off_terrain, kg/a per substance;
#: "mobilised" stands beside applied for what comes out of rock (lead).
LEDGER_LINES = ("applied", "mobilised", "recovered", "consumed", "held", "delivered", "off_terrain")

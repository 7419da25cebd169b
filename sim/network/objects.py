"""RiverNetwork: an immutable set of flat arrays in which every receiver has a higher number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.arrays import BoolArray, FloatArray, IntArray, canonicalise


@dataclass(frozen=True, slots=True)
class RiverNetwork:
    """River segments on a tree. Node i is the segment from its upstream end to the upstream end of ``down[i]``.

    ``down[i] == -1 or down[i] > i`` always holds, so one forward loop routes and one backward loop traces.

    Parameters
    ----------
    down : (n,) int64, receiving node or -1 at an outlet
    length : (n,) m, along the channel (D8 steps times the sinuosity factor)
    slope : (n,) 1, bed slope, > 0
    area_in : (n,) m2, drainage area at the upstream end (upstream nodes, declared inflow and head catchment included)
    area : (n,) m2, drainage area at the downstream end; ``area - area_in`` enters evenly along the segment
    boundary_area : (n,) m2, part of ``area_in`` that enters over the terrain's edge as declared inflow AT this node
    x, y : (n,) m, upstream end (in `crs_wkt`; nan where unknown)
    elevation : (n,) m, bed at the upstream end (nan where unknown)
    reach : (n,) int64, number of the reach (between confluences) the segment belongs to
    cell : (n,) int64, flat cell of the upstream end; -1 for networks built from a table
    channel_cell : (m,) int64, channel cells of all nodes, node after node, downstream order inside a node
    channel_start : (n + 1,) int64, node i owns ``channel_cell[channel_start[i]:channel_start[i + 1]]``
    channel_distance : (m,) m, distance along the channel from the node's upstream end to the cell's centre
    link_from, link_to : (k,) int64, diversions, ``link_to > link_from``
    name : n labels, "" where there is none; unique where not empty
    crs_wkt : str, "" for networks without positions

    Raises
    ------
    ValueError
        If the numbering is not topological or a length, slope or area is impossible.
    """

    down: IntArray
    length: FloatArray
    slope: FloatArray
    area_in: FloatArray
    area: FloatArray
    boundary_area: FloatArray
    x: FloatArray
    y: FloatArray
    elevation: FloatArray
    reach: IntArray
    cell: IntArray
    channel_cell: IntArray
    channel_start: IntArray
    channel_distance: FloatArray
    link_from: IntArray
    link_to: IntArray
    name: tuple[str, ...]
    crs_wkt: str

    def __post_init__(self) -> None:
        n = len(self.down)
        real = (np.float64, (n,))
        whole = (np.int64, (n,))
        canonicalise(
            self, down=whole, length=real, slope=real, area_in=real, area=real, boundary_area=real, x=real, y=real,
            elevation=real, reach=whole, cell=whole, channel_cell=(np.int64, (-1,)), channel_start=(np.int64, (n + 1,)),
            channel_distance=(np.float64, (len(self.channel_cell),)), link_from=(np.int64, (-1,)),
            link_to=(np.int64, (len(self.link_from),)),
        )  # fmt: skip
        index = np.arange(n)
        bad = (self.down != -1) & ((self.down <= index) | (self.down >= n))
        if bad.any():
            raise ValueError(f"node {int(np.flatnonzero(bad)[0])} drains to a node that is not further down")
        for label, values, least in (
            ("length", self.length, 0.0),
            ("slope", self.slope, 0.0),
            ("area", self.area, -1.0),
        ):
            wrong = ~(values > least) | ~np.isfinite(values)
            if wrong.any():
                i = int(np.flatnonzero(wrong)[0])
                raise ValueError(f"node {i} ({self.name[i]!r}): {label} = {values[i]}")
        if np.any(self.link_to <= self.link_from):
            raise ValueError("a diversion must return further down (link_to > link_from)")
        if len(self.name) != n:
            raise ValueError(f"{len(self.name)} names for {n} nodes")

    @property
    def size(self) -> int:
        """Number of nodes."""
        return len(self.down)

    @property
    def outlets(self) -> IntArray:
        """Nodes that drain out of the network."""
        return np.flatnonzero(self.down == -1)

    def downstream_of(self, nodes: IntArray) -> BoolArray:
        """(n,) True for `nodes` and every node below them."""
        reached = np.zeros(self.size, dtype=np.bool_)
        reached[np.asarray(nodes, dtype=np.int64)] = True
        for i, receiver in enumerate(self.down.tolist()):
            if reached[i] and receiver >= 0:
                reached[receiver] = True
        return reached

    def upstream_of(self, node: int) -> BoolArray:
        """(n,) True for `node` and every node that drains through it."""
        reached = np.zeros(self.size, dtype=np.bool_)
        reached[node] = True
        down = self.down.tolist()
        for i in range(node - 1, -1, -1):
            if down[i] >= 0 and reached[down[i]]:
                reached[i] = True
        return reached

    def path_from(self, node: int) -> IntArray:
        """Nodes from `node` to its outlet, both included."""
        path = []
        while node >= 0:
            path.append(node)
            node = int(self.down[node])
        return np.array(path, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Snapped:
    """Where given points meet the network, following the flow path downhill.

    Parameters
    ----------
    node : (p,) int64, node entered (its UPSTREAM end is the point of entry); -1 when the flow path meets no channel
    path_length : (p,) m, length of the flow path from the point to the channel
    fall : (p,) m, height lost on that path
    cell : (p,) int64, channel cell reached; -1 as above
    start_cell : (p,) int64, cell of the point itself
    """

    node: IntArray
    path_length: FloatArray
    fall: FloatArray
    cell: IntArray
    start_cell: IntArray

    def __post_init__(self) -> None:
        p = len(self.node)
        canonicalise(
            self,
            node=(np.int64, (p,)),
            path_length=(np.float64, (p,)),
            fall=(np.float64, (p,)),
            cell=(np.int64, (p,)),
            start_cell=(np.int64, (p,)),
        )

"""What figures, maps and tables derive from a Result: one place, so that they cannot disagree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import BoolArray, FloatArray, IntArray, weighted_mean
from sim.registry import SUBSTANCES, VARIABLES

if TYPE_CHECKING:
    from sim.exposure.objects import Exposure, Receptors, Threshold
    from sim.pipeline.result import Result
    from sim.terrain.objects import Grid

MG_PER_L = VARIABLES["concentration"].display_factor


@dataclass(frozen=True, slots=True)
class Place:
    """A station or receptor on the network: its name, kind and node."""

    name: str
    kind: str
    node: int


class View:
    """Derived numbers of one Result; nothing here draws.

    Parameters
    ----------
    result : Result
    """

    def __init__(self, result: Result) -> None:
        self.result = result

    @property
    def grid(self) -> Grid:
        """Grid of the terrain; only figures of terrain scenarios ask for it."""
        if self.result.terrain is None:
            raise ValueError("a channel scenario has no terrain")
        return self.result.terrain.grid

    @property
    def exposure(self) -> Exposure:
        """Exposure of a terrain scenario."""
        if self.result.exposure is None:
            raise ValueError("this result has no exposure")
        return self.result.exposure

    @property
    def title(self) -> str:
        """Title of the scenario, its name where it has none."""
        scenario = self.result.scenario.scenario
        return str(getattr(scenario, "title", "") or scenario.name)

    @property
    def prior_only(self) -> bool:
        """True when nothing in the scenario was measured where it is applied."""
        return bool(getattr(self.result.scenario.scenario, "prior_only", False))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Short sentences every figure carries: those of the result, in their order and spelling, each once."""
        seen: dict[str, str] = {}
        for label in self.result.labels:
            seen.setdefault(label.strip().casefold(), label.strip())
        return tuple(seen.values())

    @property
    def dpi(self) -> float:
        """Resolution of the figures."""
        output = getattr(self.result.scenario, "output", None)
        return float(getattr(output, "figure_dpi", 150.0))

    @cached_property
    def thresholds(self) -> tuple[Threshold, ...]:
        """Criteria compared; empty in a channel scenario."""
        return self.exposure.thresholds if self.result.exposure is not None else ()

    @cached_property
    def has_loads(self) -> bool:
        """True when a site (in a channel scenario a point load) enters a river; else all is background."""
        return bool(np.any(self.result.load.node >= 0))

    @property
    def loads_word(self) -> str:
        """What enters rivers beside the background: pits of a landscape, point loads of a channel."""
        return "pits" if self.result.terrain is not None else "point loads"

    @cached_property
    def in_rivers(self) -> tuple[str, ...]:
        """Substances that some river holds in some period: those worth a panel."""
        c = self.result.concentration
        return tuple(
            name for s, name in enumerate(c.substances) if np.any(c.inlet[:, s] > 0.0) or np.any(c.outlet[:, s] > 0.0)
        )

    @cached_property
    def absent(self) -> tuple[str, ...]:
        """Substances that no river holds and no site handles: not in this run at all."""
        lines = self.result.load.ledger.values()
        return tuple(
            name
            for s, name in enumerate(self.result.concentration.substances)
            if name not in self.in_rivers and not any(float(line[s]) > 0.0 for line in lines)
        )

    @cached_property
    def kept(self) -> tuple[int, ...]:
        """Positions of the substances that the run has to do with: all but the absent ones."""
        return tuple(s for s, name in enumerate(self.result.concentration.substances) if name not in self.absent)

    @cached_property
    def left_out(self) -> str:
        """One line that names the substances without a panel, empty where all have one."""
        clean = [n for n in self.result.concentration.substances if n not in self.in_rivers and n not in self.absent]
        parts = (("Not in this run: ", self.absent), ("Reaches no river: ", clean))
        return " ".join(head + ", ".join(map(self.substance_label, names)) + "." for head, names in parts if names)

    @cached_property
    def headline(self) -> int:
        """Threshold that colours the exposure map: the first one the scenario lists."""
        return 0

    @cached_property
    def duration(self) -> FloatArray:
        """(t,) share of the year of each period, sums to 1."""
        duration = self.result.flow.duration
        share: FloatArray = duration / duration.sum()
        return share

    def mean(self, values: FloatArray) -> FloatArray:
        """Mean over periods (first axis), each weighted by its length."""
        return weighted_mean(values, self.duration)

    @cached_property
    def mean_discharge(self) -> FloatArray:
        """(n,) m3/s, at the downstream end."""
        return self.mean(self.result.flow.discharge_out)

    @cached_property
    def affected(self) -> BoolArray:
        """(n,) True downstream of at least one site (of a load, in a channel scenario)."""
        if self.result.exposure is not None:
            return self.result.exposure.downstream
        nodes = self.result.load.node
        return self.result.network.downstream_of(nodes[nodes >= 0])

    @cached_property
    def worst_quotient(self) -> FloatArray:
        """(h, n) largest quotient over the periods."""
        worst: FloatArray = self.exposure.quotient.max(axis=1)
        return worst

    def substance_label(self, name: str) -> str:
        """Name with the form it is counted in, e.g. "ammonium (as N)"."""
        return SUBSTANCES[name].label if name in SUBSTANCES else name

    def season(self, node: int) -> tuple[int, int]:
        """Periods of least and most discharge at a node: dry and wet."""
        discharge = self.result.flow.discharge_out[:, node]
        return int(np.argmin(discharge)), int(np.argmax(discharge))

    @cached_property
    def stations(self) -> tuple[Place, ...]:
        """Stations found on the network, in the scenario's order."""
        return tuple(Place(name, "station", int(node)) for name, node in self.result.stations.items() if node >= 0)

    @property
    def receptors(self) -> Receptors | None:
        """All receptors, those without a position included; None in a channel scenario."""
        return self.result.exposure.receptors if self.result.exposure is not None else None

    @cached_property
    def located(self) -> tuple[Place, ...]:
        """Receptors that meet the network."""
        places = self.receptors
        if places is None:
            return ()
        return tuple(
            Place(places.name[r], places.kind[r], int(places.node[r]))
            for r in range(places.size)
            if places.node[r] >= 0
        )

    @cached_property
    def start(self) -> int:
        """Node where the profile starts: the receptor named Pangwa, else the site with the longest way down.

        In a channel scenario the segment with the longest way down, so that what joins the river is on the figure.
        """
        for place in self.located:
            if place.name.casefold() == "pangwa":
                return place.node
        nodes = self.result.load.node
        nodes = np.unique(nodes[nodes >= 0])
        if nodes.size == 0 or self.result.terrain is None:
            nodes = np.arange(self.result.network.size)
        return int(nodes[np.argmax(self.way_down[nodes])])

    @cached_property
    def way_down(self) -> FloatArray:
        """(n,) m along the channel from each node's upstream end to the outlet."""
        network = self.result.network
        way = network.length.copy()
        for i in range(network.size - 1, -1, -1):
            if network.down[i] >= 0:
                way[i] += way[network.down[i]]
        return way

    @cached_property
    def path(self) -> IntArray:
        """Nodes from `start` to the outlet."""
        return self.result.network.path_from(self.start)

    @cached_property
    def path_distance(self) -> FloatArray:
        """(p + 1,) m from the start to every node's upstream end on the path, and to the outlet."""
        return np.concatenate(([0.0], np.cumsum(self.result.network.length[self.path])))

    def on_path(self, places: tuple[Place, ...]) -> list[tuple[float, Place]]:
        """Places on the path with their distance from the start (m), downstream order, one per node and name."""
        position = {int(node): k for k, node in enumerate(self.path)}
        found = [(float(self.path_distance[position[p.node]]), p) for p in places if p.node in position]
        return sorted(found, key=lambda item: (item[0], item[1].name))

    @cached_property
    def lines(self) -> list[FloatArray]:
        """(k, 2) m, course of every node from its upstream end to that of its receiver, stair steps smoothed.

        Three rounds of ``(main donor + 2 own + receiver) / 4`` over all channel cells move a cell by less than one cell
        and keep confluences together. For drawing only.
        """
        network, terrain = self.result.network, self.result.terrain
        assert terrain is not None
        cells = network.channel_cell
        x, y = terrain.grid.centre(cells)
        points = np.column_stack((x, y))
        where = np.full(terrain.grid.elevation.size, -1, dtype=np.int64)
        where[cells] = np.arange(cells.size)
        receiver = terrain.receiver[cells]
        below = np.where(receiver >= 0, where[receiver], -1)
        inner = np.flatnonzero(below >= 0)
        by_size = inner[np.argsort(terrain.upstream_cells[cells[inner]], kind="stable")]
        donor = np.full(cells.size, -1, dtype=np.int64)
        donor[below[by_size]] = by_size
        free = (below >= 0) & (donor >= 0)
        for _ in range(3):
            points[free] = 0.25 * points[donor[free]] + 0.5 * points[free] + 0.25 * points[below[free]]
        return [self._course(node, points, below) for node in range(network.size)]

    def _course(self, node: int, points: FloatArray, below: IntArray) -> FloatArray:
        """Points of one node's cells and of the cell below the last one, at least two.

        A river that ends goes on for half a cell the way it came, so that a node of a single cell has a line too.
        """
        start, stop = self.result.network.channel_start[node : node + 2]
        last = below[stop - 1]
        course = points[start:stop]
        if last >= 0:
            return np.vstack((course, points[last : last + 1]))
        before = points[stop - 2] if stop - start > 1 else self._upstream_of(int(stop) - 1, points, below)
        ahead = points[stop - 1] - before
        size = float(np.hypot(*ahead))
        half = 0.5 * min(self.grid.cell_width, self.grid.cell_height)
        return np.vstack((course, points[stop - 1 : stop] + (half / size if size > 0.0 else 0.0) * ahead))

    def _upstream_of(self, k: int, points: FloatArray, below: IntArray) -> FloatArray:
        """Point of the main cell that drains to channel cell `k`: of a channel, else of the slope above it."""
        terrain = self.result.terrain
        assert terrain is not None
        donors = np.flatnonzero(below == k)
        cells = self.result.network.channel_cell
        if donors.size:
            main: FloatArray = points[donors[np.argmax(terrain.upstream_cells[cells[donors]])]]
            return main
        above = np.flatnonzero(terrain.receiver == cells[k])
        if above.size == 0:
            south: FloatArray = points[k] + np.array([0.0, terrain.grid.cell_height])
            return south
        x, y = terrain.grid.centre(above[[np.argmax(terrain.upstream_cells[above])]])
        return np.array([float(x[0]), float(y[0])])

    def at(self, node: int, substance: int) -> FloatArray:
        """(t,) kg/m3 at the upstream end of a node, mixed."""
        values: FloatArray = self.result.concentration.inlet[:, substance, node]
        return values

    def quotient_at(self, node: int, threshold: Threshold) -> FloatArray:
        """(t,) concentration at the upstream end of a node over a threshold, total or dissolved as it asks."""
        concentration = self.result.concentration
        s = concentration.index(threshold.substance)
        share = concentration.dissolved_fraction[:, s, node] if threshold.fraction == "dissolved" else 1.0
        return share * concentration.inlet[:, s, node] / threshold.value

    @cached_property
    def monitored(self) -> tuple[Place, ...]:
        """Up to eight places for monthly figures: those on the profile's path, then others downstream of a site."""
        by_node: dict[int, Place] = {}
        for place in (*self.stations, *self.located):
            by_node.setdefault(place.node, place)
        on_path = [place for _, place in self.on_path(tuple(by_node.values()))]
        taken = {place.node for place in on_path}
        others = [p for p in by_node.values() if p.node not in taken and self.affected[p.node]]
        others.sort(key=lambda p: (p.kind != "station", -self.mean_discharge[p.node]))
        room = 8 - min(len(others), 2)
        order = sorted(on_path, key=lambda p: (p.node != self.start, p is not on_path[-1], p.kind != "station"))
        kept = {place.node for place in order[:room]}
        on_path = [place for place in on_path if place.node in kept]
        if not (on_path or others):
            # a scenario without places on its rivers still shows its months, where its sites are and where they end
            ends = (
                Place("uppermost site", "other", self.start),
                Place("end of the river", "other", int(self.path[-1])),
            )
            return ends if ends[0].node != ends[1].node else ends[:1]
        return tuple((on_path + others)[:8])

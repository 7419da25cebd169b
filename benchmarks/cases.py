"""What is timed: inputs made once, the work, and a check of the answer it gives.

Every number is also given as a ratio to a streaming triad (a = b + q c) timed in the same process, so that it means the
same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from sim.chemistry.objects import Reactions
from sim.hydrology.objects import Flow
from sim.network import build_network, drainage_area
from sim.network.objects import RiverNetwork
from sim.sources.objects import Load
from sim.terrain import condition_native
from sim.terrain.objects import Grid, Terrain
from sim.testing.networks import plain_grid, random_network
from sim.transport import steady

TRIAD_ELEMENTS = 8_000_000
_SEED = 7
_NOTHING = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Case:
    """One piece of work: `items` of `unit` are treated by `work`, whose answer `check` must accept."""

    name: str
    items: int
    unit: str
    work: Callable[[], Any]
    check: Callable[[Any], None]


@njit(cache=True, nogil=True, error_model="numpy")
def triad(b: np.ndarray, c: np.ndarray, q: float, out: np.ndarray) -> None:
    """out = b + q c; reads two streams and writes one."""
    for i in range(out.size):
        out[i] = b[i] + q * c[i]


def triad_case(elements: int = TRIAD_ELEMENTS) -> Case:
    """The reference every other case is divided by."""
    b, c, out = np.full(elements, 1.0), np.full(elements, 2.0), np.zeros(elements)

    def work() -> np.ndarray:
        triad(b, c, 3.0, out)
        return out

    def check(answer: np.ndarray) -> None:
        assert answer[0] == answer[-1] == 7.0

    return Case("triad", elements, "element", work, check)


def landscape(size: int, *, rough: bool) -> Grid:
    """Square terrain: long waves and a tilt; `rough` adds noise, so that pits abound."""
    row, column = np.mgrid[0:size, 0:size] / size
    z = 800.0 - 500.0 * row + 150.0 * np.sin(9.0 * column + 3.0 * row) + 60.0 * np.cos(31.0 * column - 17.0 * row)
    if rough:
        z += np.random.Generator(np.random.PCG64(_SEED)).normal(0.0, 8.0, z.shape)
    return plain_grid(z, cell_width=90.0, cell_height=90.0)


def terrain_case(size: int, *, rough: bool) -> Case:
    """Condition a terrain: carve, D8, order, accumulation."""
    grid = landscape(size, rough=rough)

    def check(terrain: Terrain) -> None:
        leaving = terrain.receiver == -1
        assert int(terrain.upstream_cells[leaving].sum()) == grid.elevation.size

    name = f"terrain, {'rough' if rough else 'smooth'}"
    return Case(name, grid.elevation.size, "cell", lambda: condition_native(grid), check)


def network_case(size: int) -> Case:
    """Cut the channels of a conditioned terrain into a river network."""
    terrain = condition_native(landscape(size, rough=True))
    total = drainage_area(terrain, _NOTHING, np.empty(0))
    threshold = 200.0 * terrain.grid.cell_area

    def work() -> RiverNetwork:
        return build_network(
            terrain,
            total,
            threshold,
            break_cells=_NOTHING,
            inflow_cells=_NOTHING,
            inflow_areas=np.empty(0),
            max_length=2000.0,
            sinuosity=1.2,
        )

    def check(network: RiverNetwork) -> None:
        leaving = (terrain.receiver == -1) & (total >= threshold)
        assert np.isclose(network.area[network.outlets].sum(), total[leaving].sum(), rtol=1e-12)
        assert network.channel_cell.size == int((total >= threshold).sum())

    return Case("network", terrain.grid.elevation.size, "cell", work, check)


def transport_case(nodes: int, *, periods: int = 12) -> Case:
    """Sweep four substances in twelve steady months through a random network."""
    network = random_network(np.random.Generator(np.random.PCG64(_SEED)), nodes, branching=0.2)
    flow = _flow(network, periods)
    load, reactions = _load(network, periods)

    def check(answer: Any) -> None:
        concentration, budget = answer
        assert float(budget.relative_error.max()) < 1e-12
        # substance 0 decays nowhere: what enters from pits leaves at the outlets
        leaving = (concentration.pit_outlet[:, 0, :] * flow.discharge_out)[:, network.outlets].sum(axis=1)
        assert np.allclose(leaving, load.rate[:, 0, :].sum(axis=1), rtol=1e-9, atol=0.0)

    items = nodes * periods * len(load.substances)
    return Case("steady sweep", items, "node-month-substance", lambda: steady(network, flow, load, reactions), check)


def _flow(network: RiverNetwork, periods: int) -> Flow:
    """Uniform yield of 30 L/s per km2, times a seasonal factor."""
    season = (1.0 + 0.8 * np.sin(2.0 * np.pi * np.arange(periods) / periods))[:, None] * 3e-8
    arriving = np.zeros(network.size)
    inner = network.down >= 0
    np.add.at(arriving, network.down[inner], network.area[inner])
    ones = np.ones((periods, network.size))
    return Flow(
        time_edges=np.linspace(0.0, 31_557_600.0, periods + 1),
        discharge_in=season * network.area_in,
        discharge_out=season * network.area,
        lateral=season * (network.area - network.area_in),
        head=season * np.maximum(network.area_in - arriving - network.boundary_area, 0.0),
        boundary=season * network.boundary_area,
        width=20.0 * ones,
        depth=ones,
        velocity=0.8 * ones,
        shear=5.0 * ones,
        temperature=20.0 * ones,
    )


def _load(network: RiverNetwork, periods: int) -> tuple[Load, Reactions]:
    """A site on every hundredth node and background water everywhere; substance 0 is conservative."""
    node = np.arange(0, network.size, 100, dtype=np.int64)
    names = ("ammonium", "sulfate", "oxalate", "lead")
    field = (periods, len(names), network.size)
    loss = np.zeros(field)
    loss[:] = np.array([0.0, 1e-6, 3e-6, 1e-5])[None, :, None]
    background = np.full(field, 1e-3)
    load = Load(names, node, np.full((periods, len(names), node.size), 0.01), background, background, background, {})
    return load, Reactions(loss, np.ones(field), np.zeros((periods, network.size)))

"""Estimate size, memory and time of a scenario without computing it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.registry import SUBSTANCES

if TYPE_CHECKING:
    from sim.io.grids import GridSpec
    from sim.scenario.models import ChannelScenario, Scenario, TerrainScenario

_BYTES_INTERPRETER = 450_000_000
#: network nodes per stream threshold area of terrain, read off the same runs
_NODES_PER_THRESHOLD_AREA = 1.25


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will need; estimates are within about a factor of two.

    available_bytes : memory this machine can give, -1 where it cannot be told
    lines : what will be done, one sentence each
    """

    scenario: str
    kind: str
    cells: int
    nodes: int
    sites: int
    substances: int
    periods: int
    memory_bytes: int
    disk_bytes: int
    seconds: float
    available_bytes: int
    lines: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain types for JSON."""
        return asdict(self)


def estimate(scenario: Scenario) -> Estimate:
    """Return size, memory, disk and time a run of the scenario will need; computes nothing and writes nothing.

    Raises
    ------
    DataError
        If a file the scenario names is missing or cannot be opened; LS-311 if the run does not fit into memory.
    """
    from sim.scenario.models import ChannelScenario

    if isinstance(scenario, ChannelScenario):
        return _channel(scenario)
    return _landscape(scenario)


def _landscape(scenario: TerrainScenario) -> Estimate:
    from sim.pipeline.size import conditioning_cost, require_memory, run_cost
    from sim.pipeline.terrain_stage import plan_terrain, resolution_key

    section = scenario.terrain
    spec = plan_terrain(scenario)
    if section.dem.startswith("embedded:"):
        lines = [f"Terrain: built from the control points of {section.dem} (illustrative)"]
    else:
        lines = [f"Terrain: {scenario.resolve_path('terrain.dem', section.dem).name}"]
    rows, columns = spec.shape
    cells = rows * columns
    sites = _sites(scenario, spec)
    resolution = spec.transform[0]
    area = cells * resolution**2
    by_area = _NODES_PER_THRESHOLD_AREA * area / max(scenario.network.stream_area.value, spec.transform[0] ** 2)
    nodes = min(int(by_area) + 3 * sites, cells)
    periods, substances = 12, len(SUBSTANCES)
    fields = 8 * 40 * nodes * periods * substances
    conditioning = conditioning_cost(cells, section.engine)
    cost = run_cost(cells, section.engine, nodes=nodes, field_bytes=fields)
    memory, unknown = require_memory(cost, resolution_key(scenario))
    lines += [
        f"Grid: {rows:,} x {columns:,} cells of {resolution:g} m",
        f"Flow paths: {section.engine} engine ({section.conditioning}), about {conditioning.memory_bytes / 1e9:.2g} GB "
        f"and {conditioning.seconds:.2g} s with compiled kernels",
        f"Network: about {nodes:,} nodes, {sites:,} sites, {len(scenario.receptor)} receptors",
        f"Transport: {periods} steady months, {substances} substances",
        unknown or f"Memory: {memory.available / 1e9:.3g} GB are free ({memory.source})",
    ]
    return Estimate(
        scenario=scenario.scenario.name,
        kind="landscape",
        cells=cells,
        nodes=nodes,
        sites=sites,
        substances=substances,
        periods=periods,
        memory_bytes=cost.memory_bytes,
        disk_bytes=40_000_000 + 30 * cells + fields // 8,
        seconds=cost.seconds,
        available_bytes=memory.available,
        lines=tuple(lines),
    )


def _sites(scenario: TerrainScenario, spec: GridSpec) -> int:
    """Number of sites; those of a file must lie on the grid. Whether a cell there is valid only the run knows."""
    from sim.pipeline.projection import to_metres
    from sim.pipeline.site_stage import read_table, refuse_outside

    if scenario.pits.generate is not None:
        return int(sum(zone.sites for zone in scenario.pits.generate.zone))
    if scenario.pits.file is None:
        raise ValueError("a scenario has either pits.file or pits.generate")
    path, table = read_table(scenario, scenario.pits.file)
    lon, lat = np.asarray(table.longitude, dtype=np.float64), np.asarray(table.latitude, dtype=np.float64)
    x, y = to_metres(lon, lat, spec.crs_wkt)
    a, _, c, _, e, f = spec.transform
    column, row = (x - c) / a, (y - f) / e
    outside = (row < 0) | (row >= spec.shape[0]) | (column < 0) | (column >= spec.shape[1])
    if scenario.terrain.bounds is not None:
        west, south, east, north = scenario.terrain.bounds.values
        outside |= (lon < west) | (lon > east) | (lat < south) | (lat > north)
    refuse_outside(path, table, outside)
    return len(table.name)


def _channel(scenario: ChannelScenario) -> Estimate:
    from sim.pipeline.channel import read_table
    from sim.terrain.cost import available_memory

    table = read_table(scenario)
    nodes = len(table.id)
    memory = available_memory()
    return Estimate(
        scenario=scenario.scenario.name,
        kind="channel",
        cells=0,
        nodes=nodes,
        sites=0,
        substances=len(SUBSTANCES),
        periods=1,
        memory_bytes=_BYTES_INTERPRETER + 4000 * nodes,
        disk_bytes=5_000_000 + 2000 * nodes,
        seconds=5.0 + 1e-4 * nodes,
        available_bytes=memory.available,
        lines=(
            f"Channel: {nodes:,} reaches of {scenario.channel.reaches}, steady state",
            f"Transport: {len(SUBSTANCES)} substances",
        ),
    )

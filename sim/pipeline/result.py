"""Result: every object of one finished computation, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.arrays import Float32Array, FloatArray

if TYPE_CHECKING:
    from sim.chemistry.objects import Reactions
    from sim.exposure.objects import Exposure
    from sim.hydrology.objects import Flow
    from sim.network.objects import RiverNetwork, Snapped
    from sim.scenario.models import Scenario
    from sim.sources.objects import Load, Pits
    from sim.terrain.objects import Terrain
    from sim.transport.objects import Budget, Concentration


@dataclass(frozen=True, slots=True)
class Result:
    """What one run computed. In a channel scenario `terrain`, `pits`, `snapped` and `exposure` are None.

    stations : name -> node whose upstream end is the station
    longitude, latitude : (n,) of every node's upstream end, degrees; nan where unknown
    height_above_drainage : (ncell,) float32 m, empty in a channel scenario
    channel_concentration : (t, s, m) kg/m3 on every channel cell (`network.channel_cell`)
    channel_pit_concentration : (t, s, m) the part that comes from pits
    warnings : sentences the user must see (also in run.json, log and report)
    labels : short sentences every figure must carry ("modelled", "illustrative pit positions", ...)
    period_names : t names ("Jan", ... or "steady")
    notes : sentences on choices made on the way (grid, scaling of flows, distances of sites to the river)
    timings : stage -> seconds (written to run.json and log only)
    """

    scenario: Scenario
    network: RiverNetwork
    flow: Flow
    load: Load
    reactions: Reactions
    concentration: Concentration
    budget: Budget
    period_names: tuple[str, ...]
    stations: Mapping[str, int]
    longitude: FloatArray
    latitude: FloatArray
    channel_concentration: FloatArray
    channel_pit_concentration: FloatArray
    warnings: tuple[str, ...]
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    terrain: Terrain | None = None
    pits: Pits | None = None
    snapped: Snapped | None = None
    exposure: Exposure | None = None
    height_above_drainage: Float32Array | None = None
    timings: Mapping[str, float] = field(default_factory=dict)

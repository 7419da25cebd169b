"""A terrain scenario from DEM to exposure, stage by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.pipeline import (
    delivery_stage,
    exposure_stage,
    network_stage,
    notes,
    site_stage,
    source_stage,
    terrain_stage,
    water_stage,
)
from sim.pipeline.projection import to_degrees
from sim.pipeline.result import Result
from sim.registry import MONTHS, SUBSTANCES

if TYPE_CHECKING:
    from sim.pipeline.run import Stages
    from sim.scenario.models import TerrainScenario
    from sim.sources.objects import Pits
    from sim.terrain.objects import Terrain


def simulate_landscape(scenario: TerrainScenario, stages: Stages) -> Result:
    """Compute a terrain scenario; see `sim.pipeline.run.simulate`."""
    from sim.transport import along_channel, steady

    substances = tuple(SUBSTANCES)
    with stages("terrain"):
        grid = terrain_stage.build_grid(scenario)
        terrain = terrain_stage.build_terrain(scenario, grid)
    with stages("sites and network"):
        found = network_stage.drainage(scenario, terrain)
        rng = np.random.default_rng(scenario.scenario.seed)
        pits = site_stage.build_pits(scenario, terrain, found, rng)
        placed = network_stage.place_receptors(scenario, terrain, found)
        built = network_stage.build(scenario, terrain, found, pits, placed)
        network = built.network
    with stages("water"):
        flow, shape = water_stage.flow_of(scenario, terrain, built)
        reactions = water_stage.reactions_of(scenario, flow, substances)
    with stages("sources"):
        load = source_stage.load_of(scenario, built, flow, reactions, pits, shape, substances)
        entering = load.by_entry()
    with stages("transport"):
        concentration, budget = steady(network, flow, entering, reactions)
        on_channel, pits_on_channel = along_channel(network, flow, entering, reactions, concentration)
    with stages("exposure"):
        receptors = exposure_stage.receptors_of(scenario, placed, built.receptors)
        exposure, height = exposure_stage.assess(
            scenario, terrain, network, flow, entering, concentration, pits, receptors
        )
    longitude, latitude = to_degrees(network.x, network.y, grid.crs_wkt)
    off_size, sized = notes.station_notes(scenario, terrain, found)
    cut, cut_note = network_stage.undeclared_inflow_warnings(terrain, network, found.inflow_cells, entering.node)
    return Result(
        scenario=scenario,
        network=network,
        flow=flow,
        load=load,
        reactions=reactions,
        concentration=concentration,
        budget=budget,
        period_names=MONTHS,
        stations=built.stations,
        longitude=longitude,
        latitude=latitude,
        channel_concentration=on_channel,
        channel_pit_concentration=pits_on_channel,
        warnings=(
            *cut,
            *off_size,
            *notes.site_warnings(terrain, pits, built),
            *notes.receptor_warnings(placed, scenario),
        ),
        labels=labels(scenario, terrain, pits),
        notes=(
            *grid.notes,
            f"Flow paths: {terrain.method}",
            *notes.sink_notes(terrain),
            *notes.inflow_notes(scenario, terrain, found),
            *cut_note,
            *sized,
            *flow.notes,
            *notes.site_notes(scenario, built),
            *delivery_stage.entry_notes(scenario, built),
            *site_stage.distance_notes(scenario, terrain, found, pits),
        ),
        terrain=terrain,
        pits=pits,
        snapped=built.sites,
        exposure=exposure,
        height_above_drainage=height,
    )


def labels(scenario: TerrainScenario, terrain: Terrain, pits: Pits) -> tuple[str, ...]:
    """Return the short sentences every figure of this run must carry."""
    said = ["Modelled, not measured"]
    if terrain.grid.illustrative:
        said.append("Illustrative terrain")
    if pits.illustrative:
        said.append("Illustrative pit positions")
    if scenario.scenario.prior_only:
        said.append("Prior only: no local measurements")
    return tuple(said)

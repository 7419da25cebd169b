"""Scenario and network -> Flow and Reactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import FloatArray, IntArray
from sim.errors import ScenarioError
from sim.pipeline.projection import to_metres

if TYPE_CHECKING:
    from sim.chemistry import Kinetics, Reactions
    from sim.hydrology.objects import Flow
    from sim.network.objects import RiverNetwork
    from sim.pipeline.network_stage import Built
    from sim.scenario.models import ChannelScenario, TerrainScenario
    from sim.terrain.objects import Terrain


def flow_of(scenario: TerrainScenario, terrain: Terrain, built: Built) -> tuple[Flow, FloatArray]:
    """Return the flow of twelve steady months and the monthly shape it follows.

    Runoff follows rain in space (inverse distance between stations), is gathered downstream and scaled to known means.
    """
    from sim.hydrology import KnownMean, month_edges, monthly_shape, steady_monthly_flow

    section, network = scenario.hydrology, built.network
    shape = monthly_shape(section.monthly_shape.values, section.dry_season_floor.value)
    own_yield, boundary_yield = _yields(scenario, terrain, network)
    means = [KnownMean(mean.station, built.stations[mean.station], mean.discharge.value) for mean in section.known_mean]
    flow = steady_monthly_flow(
        network,
        yield_=own_yield,
        boundary_yield=boundary_yield,
        boundary_discharge=declared_discharge(scenario, network, built.inflows),
        known_means=means,
        shape=shape,
        manning=section.manning.value,
        width_coefficient=section.width_coefficient.value,
        width_exponent=section.width_exponent.value,
        temperature=section.temperature.value,
        time_edges=month_edges(),
    )
    return flow, shape


def declared_discharge(scenario: TerrainScenario, network: RiverNetwork, inflow_nodes: IntArray) -> FloatArray:
    """Return the mean discharge of declared inflows at the nodes they enter, (n,) m3/s; nan where none is given.

    Raises
    ------
    ScenarioError
        LS-209 when two inflows enter the same node and only one gives its discharge.
    """
    given = np.full(network.size, np.nan)
    for node in np.unique(inflow_nodes).tolist():
        here = [item for item, at in zip(scenario.network.inflow, inflow_nodes, strict=True) if at == node]
        known = [item.discharge.value for item in here if item.discharge is not None]
        if known and len(known) < len(here):
            raise ScenarioError(
                209,
                f"{scenario.path.name}: network.inflow {', '.join(item.name for item in here)}",
                expected="Inflows that enter the same reach must all give a discharge, or none of them",
                remedy="Add discharge to the others, or join them into one inflow",
            )
        if known:
            given[node] = sum(known)
    return given


def _yields(scenario: TerrainScenario, terrain: Terrain, network: RiverNetwork) -> tuple[FloatArray, FloatArray]:
    """Runoff (m/s) of each node's own ground and of the area behind a declared inflow at it, before scaling."""
    from sim.hydrology import mean_runoff, rain_field
    from sim.network import own_catchments

    section = scenario.hydrology
    crs = terrain.grid.crs_wkt
    station_x, station_y = to_metres([rain.lon for rain in section.rain], [rain.lat for rain in section.rain], crs)
    annual = np.array([sum(rain.monthly.values) for rain in section.rain], dtype=np.float64)
    _, x, y = own_catchments(terrain, network)
    no_ground = ~np.isfinite(x)
    x, y = np.where(no_ground, network.x, x), np.where(no_ground, network.y, y)
    if section.spread == "uniform":
        rain = np.full(network.size, annual.mean())
    else:
        rain = rain_field(x, y, station_x, station_y, annual)
    own = mean_runoff(rain, section.runoff_coefficient.value)
    return own, own


def local_runoff(network: RiverNetwork, flow: Flow, site_nodes: IntArray) -> FloatArray:
    """Return the runoff depth at each site in each month, (t, k) m/s: that of the ground of the node it drains to.

    A site that drains off the terrain, or to a node without ground of its own, takes the mean over all nodes.
    """
    from sim.network import own_area

    head, along = own_area(network)
    water, ground = flow.head + flow.lateral, head + along
    mean = water.sum(axis=1, keepdims=True) / ground.sum()
    depth: FloatArray = np.divide(water, ground, out=np.broadcast_to(mean, water.shape).copy(), where=ground > 0.0)
    at_sites: FloatArray = np.where(site_nodes >= 0, depth[:, np.maximum(site_nodes, 0)], mean)
    return at_sites


def reactions_of(scenario: TerrainScenario, flow: Flow, names: tuple[str, ...]) -> Reactions:
    """Return loss rates, dissolved shares and suspended solids for all substances."""
    from sim.chemistry import Water, reactions

    water = scenario.water
    return reactions(
        flow,
        [kinetics_of(scenario, name) for name in names],
        Water(water.ph.value, water.suspended_solids_dry.value, water.suspended_solids_wet.value),
    )


def kinetics_of(scenario: TerrainScenario | ChannelScenario, name: str) -> Kinetics:
    """Return the kinetics record of one substance; lead alone partitions to solids."""
    from sim.chemistry import Kinetics, Partition

    record = scenario.substances[name]
    partition = None
    if name == "lead":
        lead = scenario.substances.lead
        partition = Partition(
            log_kd=lead.partition_log_kd.value,
            ph_slope=lead.partition_ph_slope.value,
            settling_velocity=lead.settling_velocity.value,
            critical_shear=lead.critical_shear.value,
        )
    return Kinetics(name, record.loss_rate.value, record.temperature_factor.value, partition)

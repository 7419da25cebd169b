"""A channel scenario: a table of reaches instead of a terrain, one steady state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from sim.arrays import FloatArray, IntArray, masked_sum
from sim.exposure.assess import downstream_of_sites, exceedance
from sim.exposure.objects import Exposure, Overlap, Receptors
from sim.pipeline.result import Result
from sim.registry import SECONDS_PER_YEAR, SUBSTANCES
from sim.sources.objects import LEDGER_LINES, Load

if TYPE_CHECKING:
    from sim.chemistry.objects import Reactions
    from sim.hydrology.objects import Flow
    from sim.network.objects import RiverNetwork
    from sim.pipeline.run import Stages
    from sim.scenario.models import ChannelScenario
    from sim.scenario.reaches import ReachTable
    from sim.transport.objects import Concentration

#: slope of reaches whose table gives none; then nothing settles and the slope is not used
_UNUSED_SLOPE = 1e-3


def simulate_channel(scenario: ChannelScenario, stages: Stages) -> Result:
    """Compute a channel scenario; see `sim.pipeline.run.simulate`."""
    from sim.hydrology import flow_from_table
    from sim.transport import along_channel, steady

    substances = tuple(SUBSTANCES)
    with stages("network"):
        table = read_table(scenario)
        network, row = network_of(table)
    with stages("water"):
        flow = flow_from_table(
            network,
            head_inflow=np.array(table.head_inflow)[row],
            lateral_inflow=np.array(table.lateral_inflow)[row],
            cross_section=np.array(table.cross_section)[row],
            temperature=scenario.channel.temperature.value,
            width=None if table.width is None else np.array(table.width)[row],
        )
        reactions = reactions_of(scenario, flow, substances)
    with stages("transport"):
        load = load_of(table, row, flow, substances)
        concentration, budget = steady(network, flow, load, reactions)
        on_channel, loads_on_channel = along_channel(network, flow, load, reactions, concentration)
    with stages("exposure"):
        exposure = assess(scenario, network, flow, load, concentration)
    unknown = np.full(network.size, np.nan)
    return Result(
        scenario=scenario,
        network=network,
        flow=flow,
        load=load,
        reactions=reactions,
        concentration=concentration,
        budget=budget,
        period_names=("steady",),
        stations={},
        longitude=unknown,
        latitude=unknown,
        channel_concentration=on_channel,
        channel_pit_concentration=loads_on_channel,
        warnings=(),
        labels=labels(scenario),
        notes=flow.notes,
        exposure=exposure,
    )


def labels(scenario: ChannelScenario) -> tuple[str, ...]:
    """Return the short sentences every figure of this run must carry."""
    prior = ("Prior only: no local measurements",) if scenario.scenario.prior_only else ()
    return ("Modelled, not measured", *prior)


def read_table(scenario: ChannelScenario) -> ReachTable:
    """Read the table of reaches; slope and width are required where lead settles."""
    from sim.scenario.reaches import read_reaches

    settles = scenario.substances.lead.settling_velocity.value > 0.0
    path = scenario.resolve_path("channel.reaches", scenario.channel.reaches)
    return read_reaches(path, with_hydraulics=settles)


def network_of(table: ReachTable) -> tuple[RiverNetwork, IntArray]:
    """Return the network and the row of the table behind each node."""
    from sim.network import network_from_table

    slope = np.full(table.size, _UNUSED_SLOPE) if table.slope is None else np.array(table.slope)
    return network_from_table(table.id, table.downstream, np.array(table.length), slope)


def reactions_of(scenario: ChannelScenario, flow: Flow, substances: tuple[str, ...]) -> Reactions:
    """Return loss rates and dissolved shares; lead partitions where the scenario gives suspended solids."""
    from sim.chemistry import Water, reactions
    from sim.pipeline.water_stage import kinetics_of

    solids = scenario.water.suspended_solids.value
    records = [kinetics_of(scenario, name) for name in substances]
    return reactions(flow, records, Water(scenario.water.ph.value, solids, solids))


def load_of(table: ReachTable, row: IntArray, flow: Flow, substances: tuple[str, ...]) -> Load:
    """Return the table's point loads (one site per reach that has one) and concentrations of inflows."""
    n = table.size

    def column(values: dict[str, tuple[float, ...]], name: str) -> FloatArray:
        return np.array(values[name])[row] if name in values else np.zeros(n)

    head = np.stack([column(table.head, name) for name in substances])[None]
    lateral = np.stack([column(table.lateral, name) for name in substances])[None]
    loads = np.stack([column(table.load, name) for name in substances])
    node = np.flatnonzero((loads > 0.0).any(axis=0))
    rate = loads[:, node][None]
    yearly = rate[0].sum(axis=1) * SECONDS_PER_YEAR
    nothing = np.zeros(len(substances))
    ledger = {line: yearly if line in ("applied", "delivered") else nothing for line in LEDGER_LINES}
    return Load(substances, node, rate, head, lateral, np.zeros_like(head), ledger)


def assess(
    scenario: ChannelScenario, network: RiverNetwork, flow: Flow, load: Load, concentration: Concentration
) -> Exposure | None:
    """Compare with the scenario's thresholds; None where it names none. There is no land, so zones are empty."""
    from sim.scenario.thresholds import thresholds_of
    from sim.transport import travel_time

    thresholds = thresholds_of(scenario.exposure.thresholds)
    if not thresholds:
        return None
    found = exceedance(network, concentration, thresholds)
    downstream = downstream_of_sites(network, load.node)
    none = np.zeros(0, dtype=np.bool_)
    below, total = float(masked_sum(downstream, network.length)), float(network.length.sum())
    return Exposure(
        thresholds=thresholds,
        quotient=found.quotient,
        background_quotient=found.background_quotient,
        months_above=found.months_above,
        exceeded_length=found.exceeded_length,
        exceeded_length_background=found.exceeded_length_background,
        exceeded_length_pits=found.exceeded_length_pits,
        downstream=downstream,
        travel_time=travel_time(network, flow, load.node),
        receptors=no_receptors(),
        zone_wkb=shapely.to_wkb(shapely.Polygon()),
        zone_area=0.0,
        zone_radius=0.0,
        corridor=none,
        circle=none,
        overlap=Overlap(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, below, total - below),
    )


def no_receptors() -> Receptors:
    """Return an empty list of receptors."""
    empty = np.zeros(0)
    return Receptors((), (), empty, empty, empty, empty, np.zeros(0, dtype=np.int64), empty, (), (), ())

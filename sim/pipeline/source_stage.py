"""Scenario, sites and flow -> Load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import FloatArray
from sim.errors import ScenarioError
from sim.pipeline.water_stage import local_runoff
from sim.scenario.site_sections import Lead

if TYPE_CHECKING:
    from sim.chemistry.objects import Reactions
    from sim.hydrology.objects import Flow
    from sim.pipeline.network_stage import Built
    from sim.scenario.models import TerrainScenario
    from sim.sources.objects import Load, Pits


def load_of(
    scenario: TerrainScenario,
    built: Built,
    flow: Flow,
    reactions: Reactions,
    pits: Pits,
    shape: FloatArray,
    substances: tuple[str, ...],
) -> Load:
    """Return what reaches the channels from every site, and the background of all other water."""
    from sim.sources import DeliveryParameters, ReleaseParameters, steady_load

    section = scenario.sources
    release = ReleaseParameters(
        oxide_per_pit=section.oxide_per_pit.value,
        ammonium_sulfate_per_oxide=section.ammonium_sulfate_per_oxide.value,
        oxalic_acid_per_oxide=section.oxalic_acid_per_oxide.value,
        oxalic_acid_excess=section.oxalic_acid_excess.value,
        loss_fraction=section.loss_fraction.value,
        drained_area=section.drained_area.value,
        lead_in_drainage=section.lead_in_drainage.value,
    )
    records = [scenario.substances[name] for name in substances]
    delivery = DeliveryParameters(
        fast_share=section.fast_share.value,
        overland_length=section.overland_length.value,
        overland_attenuation=np.array([record.overland_attenuation.value for record in records]),
        slow_share=np.array([record.slow_share.value for record in records]),
    )
    inland = background_of(scenario, reactions, substances)
    return steady_load(
        pits,
        built.sites,
        substances=substances,
        release=release,
        delivery=delivery,
        local_runoff=local_runoff(built.network, flow, built.sites.node),
        shape=shape,
        duration=flow.duration,
        background=inland,
        background_boundary=boundary_background(scenario, built, inland, substances),
        entries=built.entries,
    )


def boundary_background(
    scenario: TerrainScenario, built: Built, inland: FloatArray, substances: tuple[str, ...]
) -> FloatArray:
    """Return the concentration of water that enters over the edge, (t, s, n) kg/m3: as declared, else the background.

    Raises
    ------
    ScenarioError
        LS-209 when an inflow with concentrations of its own shares its node with another inflow.
    """
    entering = inland.copy()
    nodes = built.inflows.tolist()
    for item, node in zip(scenario.network.inflow, nodes, strict=True):
        if item.concentration is None:
            continue
        if nodes.count(node) > 1:
            raise ScenarioError(
                209,
                f"{scenario.path.name}: network.inflow {item.name}",
                expected="Enters the same reach as another inflow, so its concentration would be that of both",
                remedy="Join the two into one inflow with the mixed concentration",
            )
        for s, name in enumerate(substances):
            given = getattr(item.concentration, name)
            if given is not None:
                entering[:, s, node] = given.value
    return entering


def _constant_background(scenario: TerrainScenario, name: str, dissolved_lead: float) -> float:
    record = scenario.substances[name]
    return dissolved_lead if isinstance(record, Lead) else float(record.background.value)


def background_of(scenario: TerrainScenario, reactions: Reactions, substances: tuple[str, ...]) -> FloatArray:
    """Return the concentration of water no pit has touched, (t, s, n) kg/m3.

    Lead stands on suspended solids, with the water in equilibrium with them.
    """
    from sim.chemistry import partition_coefficient
    from sim.sources import background

    lead = scenario.substances.lead
    kd = partition_coefficient(scenario.water.ph.value, lead.partition_log_kd.value, lead.partition_ph_slope.value)
    content = lead.background_on_solids.value
    constant = [_constant_background(scenario, name, content / float(kd)) for name in substances]
    on_solids = [content if name == "lead" else 0.0 for name in substances]
    return background(np.array(constant), np.array(on_solids), reactions.suspended_solids)

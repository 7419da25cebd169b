"""Terrain: conditioned elevations, D8 flow paths, accumulation, height above drainage."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.terrain.basins import Drainage, drain
    from sim.terrain.dispersive import Delivery, Dispersion, delivery, dispersive_accumulation, flow_proportions
    from sim.terrain.edges import edge_entries
    from sim.terrain.embedded import build_from_control_points
    from sim.terrain.native import (
        condition_native,
        depression_sinks,
        filled_surface,
        slope,
        terrain_from_receivers,
    )
    from sim.terrain.objects import EdgeEntry, Grid, Terrain
    from sim.terrain.paths import (
        accumulate,
        catchment_labels,
        downstream_distance,
        height_above_drainage,
        strahler_order,
        travel_time,
        upstream_distance,
        upstream_mask,
    )
    from sim.terrain.rules import Depressions, Rule, Rules
    from sim.terrain.whitebox import condition_whitebox

__all__ = [
    "Delivery",
    "Depressions",
    "Dispersion",
    "Drainage",
    "EdgeEntry",
    "Grid",
    "Rule",
    "Rules",
    "Terrain",
    "accumulate",
    "build_from_control_points",
    "catchment_labels",
    "condition_native",
    "condition_whitebox",
    "delivery",
    "depression_sinks",
    "dispersive_accumulation",
    "downstream_distance",
    "drain",
    "edge_entries",
    "filled_surface",
    "flow_proportions",
    "height_above_drainage",
    "slope",
    "strahler_order",
    "terrain_from_receivers",
    "travel_time",
    "upstream_distance",
    "upstream_mask",
]

# Loaded on first use (PEP 562): importing sim.terrain.objects must load neither numba nor scipy.
_HOME = {
    "Delivery": "dispersive",
    "Dispersion": "dispersive",
    "delivery": "dispersive",
    "dispersive_accumulation": "dispersive",
    "flow_proportions": "dispersive",
    "EdgeEntry": "objects",
    "Grid": "objects",
    "Terrain": "objects",
    "build_from_control_points": "embedded",
    "condition_native": "native",
    "condition_whitebox": "whitebox",
    "depression_sinks": "native",
    "edge_entries": "edges",
    "filled_surface": "native",
    "height_above_drainage": "paths",
    "accumulate": "paths",
    "catchment_labels": "paths",
    "downstream_distance": "paths",
    "strahler_order": "paths",
    "travel_time": "paths",
    "upstream_distance": "paths",
    "upstream_mask": "paths",
    "Depressions": "rules",
    "Rule": "rules",
    "Rules": "rules",
    "Drainage": "basins",
    "drain": "basins",
    "slope": "native",
    "terrain_from_receivers": "native",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)

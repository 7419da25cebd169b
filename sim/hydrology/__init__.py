"""Rain, runoff and discharge on the river network; width, depth and velocity.

Names are imported on first use, so that reading the objects does not load the compiler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.hydrology.channel import hydraulics
    from sim.hydrology.climatology import catchment_centroids, mean_runoff, month_edges, monthly_shape, rain_field
    from sim.hydrology.discharge import KnownMean, steady_monthly_flow
    from sim.hydrology.objects import Diversions, Flow
    from sim.hydrology.table import flow_from_table

__all__ = [
    "Diversions",
    "Flow",
    "KnownMean",
    "catchment_centroids",
    "flow_from_table",
    "hydraulics",
    "mean_runoff",
    "month_edges",
    "monthly_shape",
    "rain_field",
    "steady_monthly_flow",
]

_HOME = {
    "Diversions": "objects",
    "Flow": "objects",
    "KnownMean": "discharge",
    "catchment_centroids": "climatology",
    "flow_from_table": "table",
    "hydraulics": "channel",
    "mean_runoff": "climatology",
    "month_edges": "climatology",
    "monthly_shape": "climatology",
    "rain_field": "climatology",
    "steady_monthly_flow": "discharge",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"sim.hydrology.{_HOME[name]}"), name)

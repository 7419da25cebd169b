"""Network room: from flow paths on a raster, or from a table of reaches, to a `RiverNetwork`.

Everything that needs numba loads when it is first used, so that importing the objects stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sim.network.objects import RiverNetwork, Snapped
from sim.network.places import FlowPathEnd, Inflow, Station, UndeclaredInflow

if TYPE_CHECKING:
    from sim.network.build import SLOPE_FLOOR, build_network, floored_slopes
    from sim.network.drainage import channel_cells, drainage_area, find_stations, place_inflows, station_fit
    from sim.network.table import network_from_table
    from sim.network.tracing import (
        basin_mask,
        channel_mask,
        first_channel_cell,
        node_of_cell,
        own_area,
        own_catchments,
        snap,
        undeclared_inflows,
    )

_LAZY = {
    "SLOPE_FLOOR": "build",
    "basin_mask": "tracing",
    "build_network": "build",
    "channel_cells": "drainage",
    "channel_mask": "tracing",
    "drainage_area": "drainage",
    "find_stations": "drainage",
    "station_fit": "drainage",
    "first_channel_cell": "tracing",
    "floored_slopes": "build",
    "network_from_table": "table",
    "node_of_cell": "tracing",
    "own_area": "tracing",
    "own_catchments": "tracing",
    "place_inflows": "drainage",
    "snap": "tracing",
    "undeclared_inflows": "tracing",
}

__all__ = [
    "SLOPE_FLOOR",
    "FlowPathEnd",
    "Inflow",
    "RiverNetwork",
    "Snapped",
    "Station",
    "UndeclaredInflow",
    "basin_mask",
    "build_network",
    "channel_cells",
    "channel_mask",
    "drainage_area",
    "find_stations",
    "first_channel_cell",
    "floored_slopes",
    "network_from_table",
    "node_of_cell",
    "own_area",
    "own_catchments",
    "place_inflows",
    "snap",
    "station_fit",
    "undeclared_inflows",
]


def __getattr__(name: str) -> Any:
    """Import the module that holds `name` on first use."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)

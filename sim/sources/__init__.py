"""Sources room: mining sites, the mass they release, and what of it reaches the river.

What needs numba or scipy loads when it is first used, so that importing the objects stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sim.sources.objects import LEDGER_LINES, Entries, Load, Pits

if TYPE_CHECKING:
    from sim.network.tracing import basin_mask
    from sim.sources.load import DeliveryParameters, ReleaseParameters, background, steady_load
    from sim.sources.sites import SiteZone, distance_to_large_river, place_sites, zone_cells

_LAZY = {
    "DeliveryParameters": "sim.sources.load",
    "ReleaseParameters": "sim.sources.load",
    "SiteZone": "sim.sources.sites",
    "background": "sim.sources.load",
    "basin_mask": "sim.network.tracing",
    "distance_to_large_river": "sim.sources.sites",
    "place_sites": "sim.sources.sites",
    "steady_load": "sim.sources.load",
    "zone_cells": "sim.sources.sites",
}

__all__ = [
    "LEDGER_LINES",
    "DeliveryParameters",
    "Entries",
    "Load",
    "Pits",
    "ReleaseParameters",
    "SiteZone",
    "background",
    "basin_mask",
    "distance_to_large_river",
    "place_sites",
    "steady_load",
    "zone_cells",
]


def __getattr__(name: str) -> Any:
    """Import the module that holds `name` on first use."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

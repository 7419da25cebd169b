"""Terrain: conditioned elevations, D8 flow paths, accumulation, height above drainage."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.terrain.edges import edge_entries
    from sim.terrain.embedded import build_from_control_points
    from sim.terrain.native import (
        condition_native,
        depression_sinks,
        filled_surface,
        height_above_drainage,
        slope,
        terrain_from_receivers,
    )
    from sim.terrain.objects import EdgeEntry, Grid, Terrain
    from sim.terrain.whitebox import condition_whitebox

__all__ = [
    "EdgeEntry",
    "Grid",
    "Terrain",
    "build_from_control_points",
    "condition_native",
    "condition_whitebox",
    "depression_sinks",
    "edge_entries",
    "filled_surface",
    "height_above_drainage",
    "slope",
    "terrain_from_receivers",
]

# Loaded on first use (PEP 562): importing sim.terrain.objects must load neither numba nor scipy.
_HOME = {
    "EdgeEntry": "objects",
    "Grid": "objects",
    "Terrain": "objects",
    "build_from_control_points": "embedded",
    "condition_native": "native",
    "condition_whitebox": "whitebox",
    "depression_sinks": "native",
    "edge_entries": "edges",
    "filled_surface": "native",
    "height_above_drainage": "native",
    "slope": "native",
    "terrain_from_receivers": "native",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)

"""Transport of dissolved and suspended substances on the river network.

Names are imported on first use, so that reading the objects does not load the compiler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.transport.objects import Budget, Concentration
    from sim.transport.steady_state import BUDGET_TOLERANCE, along_channel, steady, travel_time

__all__ = ["BUDGET_TOLERANCE", "Budget", "Concentration", "along_channel", "steady", "travel_time"]


def __getattr__(name: str) -> Any:
    if name in ("Budget", "Concentration"):
        return getattr(import_module("sim.transport.objects"), name)
    if name in __all__:
        return getattr(import_module("sim.transport.steady_state"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

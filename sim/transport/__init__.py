"""Transport of dissolved and suspended substances on the river network.

Names are imported on first use, so that reading the objects does not load the compiler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.transport.adjoint import Contributions, contributions
    from sim.transport.arrival import Passage, passage
    from sim.transport.inputs import Channel, Initial, Inputs, Rates, Series
    from sim.transport.mesh import Mesh, build_mesh, cells_per_reach
    from sim.transport.objects import Budget, Concentration
    from sim.transport.solution import Checkpoint, Ledger, Solution
    from sim.transport.steady_adjoint import SteadyContributions, steady_contributions
    from sim.transport.steady_ensemble import MemberConcentration, steady_members
    from sim.transport.steady_state import BUDGET_TOLERANCE, along_channel, per_cell, steady, travel_time
    from sim.transport.transfer import Responses, responses
    from sim.transport.unsteady_state import unsteady
    from sim.transport.water import Water, route_water, water_of

_HOME = {
    "Checkpoint": "solution",
    "Passage": "arrival",
    "passage": "arrival",
    "BUDGET_TOLERANCE": "steady_state",
    "Budget": "objects",
    "Channel": "inputs",
    "Concentration": "objects",
    "Contributions": "adjoint",
    "Initial": "inputs",
    "Inputs": "inputs",
    "Ledger": "solution",
    "MemberConcentration": "steady_ensemble",
    "Mesh": "mesh",
    "Rates": "inputs",
    "Responses": "transfer",
    "Series": "inputs",
    "Solution": "solution",
    "SteadyContributions": "steady_adjoint",
    "Water": "water",
    "along_channel": "steady_state",
    "build_mesh": "mesh",
    "cells_per_reach": "mesh",
    "contributions": "adjoint",
    "per_cell": "steady_state",
    "responses": "transfer",
    "route_water": "water",
    "steady": "steady_state",
    "steady_contributions": "steady_adjoint",
    "steady_members": "steady_ensemble",
    "travel_time": "steady_state",
    "unsteady": "unsteady_state",
    "water_of": "water",
}

__all__ = [
    "BUDGET_TOLERANCE",
    "Budget",
    "Channel",
    "Checkpoint",
    "Concentration",
    "Contributions",
    "Initial",
    "Inputs",
    "Ledger",
    "MemberConcentration",
    "Mesh",
    "Passage",
    "Rates",
    "Responses",
    "Series",
    "Solution",
    "SteadyContributions",
    "Water",
    "along_channel",
    "build_mesh",
    "cells_per_reach",
    "contributions",
    "passage",
    "per_cell",
    "responses",
    "route_water",
    "steady",
    "steady_contributions",
    "steady_members",
    "travel_time",
    "unsteady",
    "water_of",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"sim.transport.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

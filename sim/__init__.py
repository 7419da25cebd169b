"""LeachSim: where leachate from in-situ leaching pits goes, and who is exposed to it.

The public names are imported when they are first used, so ``import sim`` stays quick.

Examples
--------
>>> import sim
>>> "run" in dir(sim)
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.errors import BalanceError as BalanceError
    from sim.errors import DataError as DataError
    from sim.errors import Interrupted as Interrupted
    from sim.errors import LeachSimError as LeachSimError
    from sim.errors import Problems as Problems
    from sim.errors import ScenarioError as ScenarioError
    from sim.io.runfolder import open_run as open_run
    from sim.network.objects import RiverNetwork as RiverNetwork
    from sim.pipeline.check import estimate as estimate
    from sim.pipeline.run import run as run
    from sim.pipeline.summary import RunSummary as RunSummary
    from sim.pipeline.warmup import warmup as warmup
    from sim.scenario.load import load_scenario as load_scenario
    from sim.scenario.models import Scenario as Scenario

__version__ = "0.1.0"

_HOME_OF = {
    "BalanceError": "sim.errors",
    "DataError": "sim.errors",
    "Interrupted": "sim.errors",
    "LeachSimError": "sim.errors",
    "Problems": "sim.errors",
    "RiverNetwork": "sim.network.objects",
    "RunSummary": "sim.pipeline.summary",
    "Scenario": "sim.scenario.models",
    "ScenarioError": "sim.errors",
    "estimate": "sim.pipeline.check",
    "load_scenario": "sim.scenario.load",
    "open_run": "sim.io.runfolder",
    "run": "sim.pipeline.run",
    "warmup": "sim.pipeline.warmup",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'sim' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(["__version__", *_HOME_OF])

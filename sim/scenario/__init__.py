"""Scenario files: reading, checking, describing."""

from sim.scenario.load import load_scenario
from sim.scenario.models import ChannelScenario, Scenario, TerrainScenario

__all__ = ["ChannelScenario", "Scenario", "TerrainScenario", "load_scenario"]

"""JSON Schema of a scenario file, for editors that complete and check TOML."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from sim.scenario.models import ChannelScenario, TerrainScenario


class _Draft(GenerateJsonSchema):
    """Pydantic's generator (JSON Schema 2020-12) without the titles it makes from names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of a scenario: a terrain scenario or a channel scenario.

    Bounds hold for bare numbers, which are in SI; a table with a unit is checked when the scenario is loaded.
    """
    places, document = models_json_schema(
        [(TerrainScenario, "validation"), (ChannelScenario, "validation")], schema_generator=_Draft
    )
    kinds = [places[(model, "validation")] for model in (TerrainScenario, ChannelScenario)]
    # pits.illustrative is filled in when left out
    pits = document["$defs"]["PitsSection"]
    pits["required"] = [key for key in pits.get("required", ()) if key != "illustrative"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "LeachSim scenario",
        "oneOf": kinds,
        "$defs": document["$defs"],
    }

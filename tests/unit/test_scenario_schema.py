"""JSON Schema and reference page agree with the models."""

from __future__ import annotations

import copy
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sim.scenario.fields import walk
from sim.scenario.load import json_schema
from sim.scenario.models import ChannelScenario, TerrainScenario
from sim.scenario.reference import reference_markdown
from sim.scenario.shipped import library

INVALID = Path(__file__).resolve().parents[2] / "scenarios" / "invalid"


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", library())
def test_shipped_scenarios_fit_the_schema(validator: Draft202012Validator, name: str) -> None:
    validator.validate(toml(library()[name]))


@pytest.mark.parametrize(
    "name",
    [
        "unknown-key", "unknown-table", "key-missing", "both-kinds", "neither-kind", "out-of-range", "number-in-quotes",
        "boolean-for-number", "number-table-key", "not-whole", "text-expected", "table-expected", "list-expected",
        "engine-unknown", "wrong-table", "unit-forgotten", "months-missing", "months-negative", "circle-coarse",
    ],
)  # fmt: skip
def test_editors_see_these_mistakes(validator: Draft202012Validator, name: str) -> None:
    assert not validator.is_valid(toml(INVALID / f"{name}.toml"))


def test_every_number_may_be_bare_or_a_table(validator: Draft202012Validator) -> None:
    data = toml(library()["kachin"])
    for changed in (7.0, 7, {"value": 7.0}, {"value": 7, "unit": "1", "source": "F"}):
        twin = copy.deepcopy(data)
        twin["water"]["ph"] = changed
        twin["receptor"][0]["lon"] = changed
        assert validator.is_valid(twin)
    for wrong in ({"unit": "1"}, {"value": "7"}, {"value": 7, "note": ""}, "7", True, 15):
        twin = copy.deepcopy(data)
        twin["water"]["ph"] = wrong
        assert not validator.is_valid(twin)


def test_schema_is_json_and_describes_every_key() -> None:
    text = json.dumps(json_schema())
    assert "2020-12" in text
    for root in (TerrainScenario, ChannelScenario):
        for path, place in walk(root):
            assert json.dumps(place.field.description)[1:-1] in text, path


def test_every_key_has_a_sentence() -> None:
    for root in (TerrainScenario, ChannelScenario):
        for path, place in walk(root):
            description = place.field.description or ""
            assert description.endswith("."), path
            assert description[0].isupper() or description[:2] in ("a ", "b ", "pH"), path
            assert "\n" not in description


def test_reference_lists_every_key_once_per_table() -> None:
    page = reference_markdown()
    for root in (TerrainScenario, ChannelScenario):
        for path, place in walk(root):
            row = f"| `{path[-1]}` | {place.field.description}"
            if place.model is None:
                assert row in page, path
            else:
                dotted = ".".join(path)
                assert f"### `[{dotted}]`" in page or f"### `[[{dotted}]]`" in page, path
    table_rows = [line for line in page.splitlines() if line.startswith("| `") and line.count(" | ") == 4]
    leaves = [path for path, place in walk(TerrainScenario) if place.model is None]
    shared = {path for path in leaves if path[0] in ("scenario", "output")}
    channel = [path for path, place in walk(ChannelScenario) if place.model is None and path not in shared]
    assert len(table_rows) == len(leaves) + len(channel)


def test_reference_is_deterministic_and_names_ranges() -> None:
    page = reference_markdown()
    assert page == reference_markdown()
    assert "| `loss_fraction` | Share of the leach solution not recovered. |  | required | [0, 1] |" in page
    assert "| `circle_radius` | Radius of the zone about every site. | `m` | 5.0 mi" in page

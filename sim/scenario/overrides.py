"""Overrides from the command line: ``--set a.b=c`` changes one value of the raw scenario."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from sim.errors import ScenarioError
from sim.scenario.base import Table
from sim.scenario.faults import DEEPEST, Keys, deeper_than, did_you_mean, is_address, listed
from sim.scenario.fields import Place, place_of
from sim.scenario.models import FILE_KEYS, PROGRAM_KEY
from sim.scenario.quantity import Quantities

#: What `source` says of a number set on the command line.
OVERRIDE_SOURCE = "--set"
_NUMBER_KEYS = ("value", "unit", "source")


def apply_override(raw: dict[str, Any], override: str, root: type[Table]) -> Keys:
    """Change `raw` as `override` says and return the place changed.

    Parameters
    ----------
    raw : dict
        Tables of the scenario, changed in place.
    override : str
        ``key=value``: a dotted key with positions in lists from 0, a TOML value or a bare word. A path starts
        in the working folder, as every other path on the command line, and is kept absolute.
    root : type
        Model of the scenario's kind.

    Raises
    ------
    ScenarioError
        LS-210 if the key does not exist or the value is no TOML value.
    """
    dotted, equals, text = override.partition("=")
    where = f"--set {override}" if len(override) <= 120 else f"--set {override[:117]}..."
    if not equals or not dotted.strip():
        raise ScenarioError(
            210, where, expected="Must be written key=value", remedy="For example --set sources.loss_fraction=0.4"
        )
    try:
        parts = [part.strip() for part in dotted.strip().split(".")]
        return _assign(raw, root, parts, _from_here(".".join(parts), _value(text.strip())))
    except _RefusedError as refusal:
        raise ScenarioError(210, where, expected=refusal.expected, remedy=refusal.remedy) from refusal


class _RefusedError(Exception):
    """An override that cannot be applied."""

    def __init__(self, expected: str, remedy: str) -> None:
        super().__init__(expected)
        self.expected = expected
        self.remedy = remedy


def _value(text: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {text}")
        if list(parsed) == ["value"] and not deeper_than(parsed, DEEPEST):
            return parsed["value"]
    except (ValueError, RecursionError):
        pass
    if not text or text[0] in "[{\"'":
        raise _RefusedError(
            "Its value is not a TOML value", 'Write a number, a word, "text", [1, 2] or { value = 1, unit = "km" }'
        )
    return text


def _from_here(key: str, value: Any) -> Any:
    """The value of a key that names a file as an absolute path; every other value as it is."""
    if key not in (*FILE_KEYS, PROGRAM_KEY) or not isinstance(value, str) or not value:
        return value
    if value.startswith("embedded:") or is_address(value):
        return value
    return str(Path.cwd() / value)


def _assign(raw: dict[str, Any], root: type[Table], parts: list[str], value: Any) -> Keys:
    """Walk to the place and set it; tables that are left out in the file are made on the way."""
    holder: Any = raw
    model = root
    keys: Keys = ()
    place: Place | None = None
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        if isinstance(holder, list):
            index = _index(part, len(holder), keys)
            keys = (*keys, index)
            if last:
                raise _RefusedError(
                    "Its key names a whole table", f"Name a key in it: {listed(model.model_fields, 'and')}"
                )
            holder = holder[index]
            continue
        place = place_of(model, part)
        if place is None or not isinstance(holder, dict):
            prefix = "".join(f"{key}." for key in keys)
            known = [f"{prefix}{name}" for name in model.model_fields]
            raise _RefusedError(
                f'No key "{prefix}{part}" exists',
                did_you_mean(f"{prefix}{part}", known, f"Keys are {listed(known, 'and')}"),
            )
        keys = (*keys, part)
        if last:
            if place.listing and value == []:
                holder[part] = []  # an empty list of tables is the one that can be said in a line
                return keys
            if place.model is not None:
                raise _RefusedError(
                    "Its key names a whole table", f"Name a key in it: {listed(place.model.model_fields, 'and')}"
                )
            holder[part] = _marked(value, place)
            return keys
        if place.model is None:
            return _assign_inside(holder, place, keys, parts[depth + 1 :], value)
        model = place.model
        holder = holder.setdefault(part, [] if place.listing else {})
    raise AssertionError("an override has at least one part")


def _marked(value: Any, place: Place) -> Any:
    """A bare number set on the command line says so in its source."""
    if place.number is None or isinstance(value, (dict, str, bool)):
        return value
    return {"value": value, "source": OVERRIDE_SOURCE}


def _assign_inside(holder: dict[str, Any], place: Place, keys: Keys, parts: list[str], value: Any) -> Keys:
    """Set value, unit or source of a number, or one entry of a list."""
    name = place.name
    current = holder.get(name)
    if place.number is not None and parts[0] in _NUMBER_KEYS:
        table = dict(current) if isinstance(current, dict) else {} if current is None else {"value": current}
        if len(parts) == 1:
            table[parts[0]] = value
            if parts[0] == "value":
                table["source"] = OVERRIDE_SOURCE
            holder[name] = table
            return (*keys, parts[0])
        if parts[0] == "value" and isinstance(table.get("value"), list):
            parts, current = parts[1:], table
    if len(parts) != 1 or (place.number is not None and not isinstance(place.number, Quantities)):
        dotted = ".".join(str(key) for key in keys)
        remedy = f"Set {dotted}" if place.number is None else f"Set {dotted} or its value, unit or source"
        raise _RefusedError(f'No key "{dotted}.{".".join(parts)}" exists', remedy)
    return _assign_entry(holder, place, keys, parts[0], value)


def _assign_entry(holder: dict[str, Any], place: Place, keys: Keys, part: str, value: Any) -> Keys:
    """Set one entry of a list of numbers or texts; the file's own list stays untouched."""
    current = holder.get(place.name)
    entries = current.get("value") if isinstance(current, dict) else current
    if not isinstance(entries, list):
        dotted = ".".join(str(key) for key in keys)
        raise _RefusedError(f'No key "{dotted}.{part}" exists', f"Set {dotted}")
    index = _index(part, len(entries), keys)
    changed = [*entries[:index], value, *entries[index + 1 :]]
    if place.number is None:
        holder[place.name] = changed
        return (*keys, index)
    table = current if isinstance(current, dict) else {}
    holder[place.name] = {**table, "value": changed, "source": OVERRIDE_SOURCE}
    return (*keys, "value", index)


def _index(part: str, length: int, keys: Keys) -> int:
    if part.isascii() and part.isdigit() and int(part) < length:
        return int(part)
    dotted = ".".join(str(key) for key in keys)
    last = f"Entries are numbered from 0 to {length - 1}" if length else "The list is empty in the file"
    raise _RefusedError(f'No entry "{part}" exists in {dotted}', last)

"""Numbers as they stand in TOML: taking apart {value, unit, source}, and what can be wrong with them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from sim.scenario.faults import Fault, did_you_mean, reject, shown
from sim.scenario.units import DIMENSIONS, UnitError, convert

_TABLE_KEYS = ("value", "unit", "source")


def open_number(raw: Any, si: str, *, listing: bool) -> tuple[Any, str, str]:
    """Value, unit and source of a bare value or a table; raise for anything else wrong with the table."""
    if not isinstance(raw, dict):
        return raw, "", ""
    faults = list(_table_faults(raw, si))
    if "value" not in raw:
        example = "[1.0, 2.0]" if listing else "1.0"
        remedy = f'Write {{ value = {example}, unit = "{si}" }}'
        faults.append(Fault(203, ("value",), "", "Is missing", remedy, explain=False))
    if faults:
        raise reject(faults)
    return raw["value"], raw.get("unit", ""), raw.get("source", "")


def _table_faults(raw: dict[str, Any], si: str) -> Iterator[Fault]:
    for key, entry in raw.items():
        if key not in _TABLE_KEYS:
            remedy = did_you_mean(key, _TABLE_KEYS, "A number's table holds value, unit and source")
            yield Fault(202, (key,), shown(entry), "Is not a known key", remedy, explain=False)
        elif key != "value" and not isinstance(entry, str):
            example = DIMENSIONS.get(si, ("", (si,)))[1][0] if key == "unit" else "where the number comes from"
            yield Fault(205, (key,), shown(entry), "Must be text", f'Write {key} = "{example}"', explain=False)


def not_a_number(value: Any, keys: tuple[str | int, ...], unit: str) -> list[Fault]:
    """Faults of one entry that should be a finite number."""
    if isinstance(value, str):
        return [Fault(205, keys, shown(value), "Must be a number", _unquoted(value, unit))]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return [Fault(205, keys, shown(value), "Must be a number", "Write a number such as 1.0")]
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    return [] if finite else [Fault(211, keys, shown(value), "Must be a finite number", "Write a number such as 1.0")]


def _unquoted(text: str, unit: str) -> str:
    """Remedy for a number in quotes, with or without a unit in it."""
    number, _, tail = text.strip().partition(" ")
    try:
        float(number)
    except ValueError:
        return "Write a number such as 1.0"
    return (
        f'Write {{ value = {number}, unit = "{tail.strip()}" }}' if tail.strip() else f"Write {number} without quotes"
    )


def to_si(values: tuple[float, ...], unit: str, si: str) -> tuple[float, ...]:
    """Numbers in SI; an unusable unit is a fault of the table's unit."""
    if unit in ("", si):
        return values
    try:
        return convert(values, unit, si)
    except UnitError as fault:
        raise reject([Fault(206, ("unit",), shown(unit), fault.expected, fault.remedy)]) from fault

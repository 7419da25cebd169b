"""Numbers as they stand in TOML: taking apart {value, unit, source}, and what can be wrong with them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from sim.scenario.faults import Fault, did_you_mean, listed, reject, shown
from sim.scenario.units import DIMENSIONS, UnitError, accepted_unit, convert

_TABLE_KEYS = ("value", "unit", "source")
#: a number and its unit, "500 ft", "5 1/d" or "20%"; a comma or a second number leaves open what is meant
_QUOTED_NUMBER = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?:\s+(?P<apart>.+)|(?P<joined>[^\s0-9.,_].*))?",
    re.DOTALL,
)
_TOML_NUMBER = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


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


def not_a_number(
    value: Any, keys: tuple[str | int, ...], si: str, *, whole: bool = False, listing: bool = False
) -> list[Fault]:
    """Faults of one entry that should be a finite number, in a field whose SI unit is `si`."""
    example = f"Write a number such as {'1' if whole else '1.0'}"
    if isinstance(value, str):
        remedy = _unquoted(value, si, whole=whole, listing=listing) or example
        return [Fault(205, keys, shown(value), "Must be a number", remedy)]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return [Fault(205, keys, shown(value), "Must be a number", example)]
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    return [] if finite else [Fault(211, keys, shown(value), "Must be a finite number", example)]


def _unquoted(text: str, si: str, *, whole: bool, listing: bool) -> str:
    """Remedy for a number in quotes, with or without a unit in it; empty when it is neither.

    What is proposed is accepted when it is written: a number as TOML has it, a unit that converts to `si`.
    """
    match = _QUOTED_NUMBER.fullmatch(text.strip())
    if match is None or not math.isfinite(float(match["number"])):
        return ""
    number = match["number"] if _TOML_NUMBER.fullmatch(match["number"]) else repr(float(match["number"]))
    tail = " ".join((match["apart"] or match["joined"] or "").split())
    if whole and (tail or not number.lstrip("+-").isdecimal()):
        return ""
    if not tail:
        return f"Write {number} without quotes"
    unit = accepted_unit(tail, si)
    examples = DIMENSIONS.get(si, ("", (si,)))[1]
    if not unit and len(examples) == 1:
        return ""
    value = number if unit else "1.0"
    written = f'Write {{ value = {f"[{value}, ...]" if listing else value}, unit = "{unit or examples[0]}" }}'
    if not unit:
        return f"{written}, where the unit is {listed(examples)}"
    return written if unit == tail else f'Did you mean "{unit}"? {written}'


def to_si(values: tuple[float, ...], unit: str, si: str) -> tuple[float, ...]:
    """Numbers in SI; an unusable unit is a fault of the table's unit."""
    if unit in ("", si):
        return values
    try:
        return convert(values, unit, si)
    except UnitError as fault:
        raise reject([Fault(206, ("unit",), shown(unit), fault.expected, fault.remedy)]) from fault

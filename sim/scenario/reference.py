"""Reference page of the scenario file, made from the models so that it cannot disagree with them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, get_args

from pydantic_core import PydanticUndefined

from sim.scenario.base import Flag, Table
from sim.scenario.faults import listed, shown
from sim.scenario.fields import Place, choices_in, place_of
from sim.scenario.models import ChannelScenario, TerrainScenario
from sim.scenario.quantity import Quantities, Quantity, Whole
from sim.scenario.units import DIMENSIONS

_HEAD = """# The scenario file

A scenario is a TOML file. It stands on an elevation model (`[terrain]`) or on a table of reaches (`[channel]`),
never on both. Keys that are not listed here are refused.

A number is written bare, in the SI unit given below, or as a table:

    stream_area = 5e6
    stream_area = { value = 5.0, unit = "km2", source = "C: scale of perennial headwaters" }

`source` says where the number comes from and begins with its evidence mark: F found in a source, D derived,
M from memory, C computed or judged. Longitudes and latitudes are in degrees (WGS84), temperatures in degrees
Celsius. `unit` takes products and quotients such as `m3/s`, `t/a` or `s/m^(1/3)`; a year is 365.25 days.
`--set network.inflow.0.area=1e9` overrides one value; entries of lists are numbered from 0.

Paths in the file are relative to the folder of the scenario file. A path given with `--set` is relative to the
current folder, as every path on the command line; the resolved scenario holds it as an absolute path.

This page is made by `sim.scenario.reference`; do not edit it.
"""
_COLUMNS = "| Key | Meaning | Unit | Default | Range |\n|---|---|---|---|---|"


def reference_markdown() -> str:
    """Markdown that lists every key of a scenario with meaning, unit, default and range."""
    parts = [_HEAD, "## Terrain scenarios\n", *_sections(TerrainScenario)]
    parts += ["## Channel scenarios\n\n`[scenario]` and `[output]` are as above.\n"]
    parts += _sections(ChannelScenario, leave_out=("scenario", "output"))
    return "\n".join([*parts, _units()]).rstrip("\n") + "\n"


def _sections(root: type[Table], leave_out: tuple[str, ...] = ()) -> Iterator[str]:
    for name in root.model_fields:
        place = place_of(root, name)
        if place is not None and name not in leave_out:
            yield from _section(place, (name,))


def _section(place: Place, path: tuple[str, ...]) -> Iterator[str]:
    model = place.model
    if model is None:
        return
    places = [found for found in (place_of(model, name) for name in model.model_fields) if found is not None]
    own = [found for found in places if found.model is None]
    dotted = ".".join(path)
    head = f"[[{dotted}]]" if place.listing else f"[{dotted}]"
    need = "Required." if place.field.is_required() else "Optional."
    if place.listing:
        need = "One or more." if place.field.is_required() else "Any number, also none."
    sentence = inspect.getdoc(model) or place.sentence
    yield f"### `{head}`\n\n{sentence.splitlines()[0]} {need}\n"
    if own:
        yield "\n".join([_COLUMNS, *(_line(found) for found in own)]) + "\n"
    for found in places:
        if found.model is not None:
            yield from _section(found, (*path, found.name))


def _line(place: Place) -> str:
    cells = (f"`{place.name}`", place.field.description or "", _unit(place), _default(place), _range(place))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _unit(place: Place) -> str:
    number = place.number
    return "" if number is None or number.unit == "1" else f"`{number.unit}`"


def _default(place: Place) -> str:
    if place.name == "illustrative":
        return "see meaning"
    if place.field.is_required():
        return "required"
    value: Any = place.field.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined or value == () or value == "":
        return "none"
    if isinstance(value, dict):
        source = str(value.get("source", "")).removesuffix(" (default)")
        return f"{shown(value)} ({source})" if source != "C: default" else shown(value)
    return shown(value)


def _range(place: Place) -> str:
    number = place.number
    if isinstance(number, Quantities):
        what = "whole numbers" if number.whole else "numbers"
        amount = f"{number.length} {what}" if number.length else f"list of {what}"
        return f"{amount}, each in {number.range.interval()}"
    if isinstance(number, Quantity | Whole):
        kind = "whole, " if isinstance(number, Whole) else ""
        return kind + number.range.interval()
    words = choices_in(place.field)
    if words:
        return listed(f"`{word}`" for word in words)
    annotation = place.field.annotation
    if annotation is bool or annotation in get_args(Flag):
        return "`true` or `false`"
    return "list of texts" if "tuple" in str(annotation) else "text"


def _units() -> str:
    lines = ["## Units\n", "| SI unit | Measures | For example |", "|---|---|---|"]
    lines += [
        f"| `{si}` | {what} | {', '.join(f'`{e}`' for e in examples)} |" for si, (what, examples) in DIMENSIONS.items()
    ]
    return "\n".join(lines)

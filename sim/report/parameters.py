"""Rows that say where a run comes from: every sourced number of the scenario, and what the run was made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from sim.report.texts import EVIDENCE, evidence, number, typeset
from sim.report.view import View

_DEFAULT = "(default)"


def parameter_rows(scenario: Any) -> list[dict[str, str]]:
    """Every number of the resolved scenario that carries a unit or a source, with its mark.

    ``group`` is where the number stands (tables and names of list entries), ``name`` the number itself.
    """
    rows = []
    for path, value, unit in _walk(scenario, ("",), ""):
        where = ".".join(path[1:-1])
        if where.startswith(("receptor", "network.station", "output", "scenario")):
            continue
        mark, text = evidence(str(value.source))
        rows.append(
            {
                "path": ".".join(path[1:]),
                "group": where,
                "name": path[-1],
                "value": written(value, unit),
                "mark": mark,
                "source": _source(mark, text),
            }
        )
    return rows


def _source(mark: str, text: str) -> str:
    """What stands in the column of sources; the scenario's ``(default)`` in words."""
    bare = text.removesuffix(_DEFAULT).strip()
    if bare in {"", "default"} and bare != text:
        return "package default"
    if bare != text:
        return f"{typeset(bare)} (package default)"
    if text == "default":
        return "package default"
    return typeset(text) or EVIDENCE.get(mark, "no source given")


def written(value: Any, unit: str = "") -> str:
    """Write a sourced number as its scenario does, with the unit a bare number is in.

    Examples
    --------
    >>> from sim.scenario.quantity import Sourced
    >>> written(Sourced(5e6, "km2", "", 5.0)), written(Sourced(2000.0), "m"), written(Sourced(0.35), "1")
    ('5 km²', '2,000 m', '0.35')
    """
    own = str(getattr(value, "unit", "") or unit)
    size = getattr(value, "magnitude", value)
    years = own == "1" and isinstance(size, (list, tuple))  # plain counts and years carry no comma in a list
    digits = [_plain(v, comma=not years) for v in size] if isinstance(size, (list, tuple)) else [_plain(size)]
    tail = {"": "", "1": "", "deg": "°"}.get(own, f" {own}")
    return typeset(", ".join(digits) + tail)


def _plain(value: Any, *, comma: bool = True) -> str:
    """Write a number with all its digits and without a useless ``.0``."""
    size = float(value)
    if size == int(size) and abs(size) < 1e15:
        return f"{int(size):,}" if comma else str(int(size))
    return f"{size:,}" if comma else repr(size)


def _walk(value: Any, path: tuple[str, ...], unit: str) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """Depth-first over models, mappings and lists; yields numbers that know their source, and their field's unit."""
    if hasattr(value, "written") and hasattr(value, "source"):
        if path[-1] not in {"lon", "lat"}:
            yield path, value, unit
        return
    units: dict[str, str] = {}
    fields = getattr(type(value), "model_fields", None)
    entries: Mapping[str, Any]
    if fields is not None:
        entries = {name: getattr(value, name) for name in fields}
        units = {name: _unit(field) for name, field in fields.items()}
    elif isinstance(value, Mapping):
        entries = value
    elif isinstance(value, (list, tuple)):
        entries = {_item_name(item, k): item for k, item in enumerate(value)}
    elif hasattr(value, "__dict__") and type(value).__name__ == "SimpleNamespace":
        entries = vars(value)
    else:
        return
    for name, entry in entries.items():
        yield from _walk(entry, (*path, str(name)), units.get(name, ""))


def _unit(field: Any) -> str:
    """SI unit in which a model's field takes a bare number, empty where it has none; optional fields hide it deeper."""
    marks = [*getattr(field, "metadata", ()), *getattr(field, "__metadata__", ())]
    found = next((str(mark.unit) for mark in marks if hasattr(mark, "unit")), "")
    inner = get_args(getattr(field, "annotation", field))
    return found or next((unit for unit in map(_unit, inner) if unit), "")


def _item_name(item: Any, k: int) -> str:
    """Label of a list's entry: its own name in quotes, or its number."""
    name = getattr(item, "name", None) or getattr(item, "station", None)
    return f"\u201c{name}\u201d" if name else str(k + 1)


def provenance_rows(view: View, given: Mapping[str, Any]) -> list[dict[str, str]]:
    """What the run was made of: what the caller gives (versions, fingerprints), then what the result knows.

    No clock times and no paths, so that the report repeats byte for byte.
    """
    from importlib import metadata

    from sim import __version__

    result = view.result
    network = result.network
    rows: list[tuple[str, str]] = [(str(name), str(text)) for name, text in given.items()]
    if not any("version" in name.casefold() for name, _ in rows):
        rows.insert(0, ("LeachSim version", __version__))
    rows.append(("Scenario", result.scenario.scenario.name))
    terrain = result.terrain
    if terrain is not None:
        grid = terrain.grid
        known = not grid.illustrative or "illustrative" in grid.label.casefold()
        rows.append(("Terrain", grid.label + ("" if known else " (illustrative)")))
        rows.append(
            ("Grid", f"{grid.shape[1]} by {grid.shape[0]} cells of {grid.cell_width:g} by {grid.cell_height:g} m")
        )
        rows.append(("Flow paths", f"{terrain.engine}: {terrain.method}"))
        rows.append(("Conditioning", f"{terrain.raised_cells:,} cells raised, {terrain.lowered_cells:,} lowered"))
    rows.append(("Network", f"{network.size:,} segments, {number(float(network.length.sum()) / 1e3, 4)} km"))
    rows.append(("Largest relative error of the water balance", number(result.flow.imbalance(network), 2)))
    versions = ", ".join(
        f"{name} {metadata.version(name)}" for name in ("numpy", "scipy", "numba", "pyproj", "shapely", "matplotlib")
    )
    rows.append(("Packages", versions))
    return [{"name": name, "text": text} for name, text in rows]

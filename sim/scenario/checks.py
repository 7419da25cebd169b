"""Checks across keys: names that must exist or differ, lists that must fit, values that contradict one another.

They read the raw tables and pass over whatever is malformed there, so that one mistake hides no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic_core import PydanticCustomError

from sim.scenario.base import Table
from sim.scenario.faults import Fault, Keys, did_you_mean, listed, shown
from sim.scenario.fields import find_place
from sim.scenario.thresholds import comparable_thresholds, threshold_rows

Raw = dict[str, Any]

#: list of tables -> key whose values must differ
_UNIQUE = (
    (("network", "inflow"), "name"),
    (("network", "station"), "name"),
    (("hydrology", "rain"), "name"),
    (("hydrology", "known_mean"), "station"),
    (("pits", "generate", "zone"), "name"),
    (("receptor",), "name"),
)


def cross_faults(raw: Raw, root: type[Table]) -> list[Fault]:
    """Every contradiction in a scenario's raw tables."""
    checks = (
        _thresholds, _repeated_names, _stations, _bounds, _conditioning, _depressions, _pits, _counts, _zones,
        _receptors, _shape, _solids,
    )  # fmt: skip
    return [fault for check in checks for fault in check(raw, root)]


def _table(raw: Any, keys: Keys) -> Raw:
    for key in keys:
        raw = raw.get(key) if isinstance(raw, dict) else None
    return raw if isinstance(raw, dict) else {}


def _rows(raw: Raw, keys: Keys) -> list[tuple[Keys, Raw]]:
    """Places and tables of a list of tables."""
    rows = _table(raw, keys[:-1]).get(str(keys[-1]))
    found = enumerate(rows) if isinstance(rows, list) else ()
    return [((*keys, i), row) for i, row in found if isinstance(row, dict)]


def _number(raw: Raw, root: type[Table], keys: Keys) -> Any:
    """The value at a place in SI, its default when it is left out, None when it cannot be read."""
    place = find_place(root, keys)
    if place is None or place.number is None:
        return None
    holder: Any = raw
    for key in keys[:-1]:
        holder = holder[key]
    value = holder.get(keys[-1], place.field.default)
    try:
        return place.number.read(value)
    except PydanticCustomError:
        return None


def _texts(row: Raw, key: str) -> list[tuple[int, str]]:
    entries = row.get(key)
    return (
        [(i, entry) for i, entry in enumerate(entries) if isinstance(entry, str)] if isinstance(entries, list) else []
    )


def _thresholds(raw: Raw, root: type[Table]) -> Iterator[Fault]:
    rows = threshold_rows()
    seen: set[str] = set()
    for i, name in _texts(_table(raw, ("exposure",)), "thresholds"):
        keys: Keys = ("exposure", "thresholds", i)
        if name not in rows:
            remedy = did_you_mean(name, comparable_thresholds(), "Identifiers stand in sim/data/thresholds.csv")
            yield Fault(207, keys, shown(name), "Must be the identifier of a threshold", remedy, explain=False)
        elif rows[name].si is None:
            expected = f"Is not supported in this version. {rows[name].reason}"
            remedy = f"Choose another, such as {_alternatives(rows[name].substance)}"
            yield Fault(207, keys, shown(name), expected, remedy, explain=False)
        elif name in seen:
            yield Fault(208, keys, shown(name), "Must stand once", "Remove the repetition", explain=False)
        seen.add(name)


def _alternatives(substance: str) -> str:
    rows = threshold_rows()
    same = [name for name in comparable_thresholds() if rows[name].substance == substance]
    return listed((same or list(comparable_thresholds()))[:3])


def _repeated_names(raw: Raw, root: type[Table]) -> Iterator[Fault]:
    for keys, name in _UNIQUE:
        first: dict[str, Keys] = {}
        for place, row in _rows(raw, keys):
            value = row.get(name)
            if not isinstance(value, str):
                continue
            if value in first:
                head = ".".join(str(key) for key in first[value])
                expected = f"Must differ from the others, and {head} has it too"
                yield Fault(208, (*place, name), shown(value), expected, "Give each its own", explain=False)
            first.setdefault(value, place)


def _stations(raw: Raw, root: type[Table]) -> Iterator[Fault]:
    names = [row["name"] for _, row in _rows(raw, ("network", "station")) if isinstance(row.get("name"), str)]
    for keys, name in _station_references(raw):
        if name not in names:
            known = f"Stations are {listed(dict.fromkeys(names), 'and')}" if names else "Add it as [[network.station]]"
            yield Fault(207, keys, shown(name), "Must be the name of a station", did_you_mean(name, names, known))


def _station_references(raw: Raw) -> Iterator[tuple[Keys, str]]:
    for keys, row in _rows(raw, ("hydrology", "known_mean")):
        if isinstance(row.get("station"), str):
            yield (*keys, "station"), row["station"]
    for keys, row in _rows(raw, ("pits", "generate", "zone")):
        for key in ("drains_to", "drains_not_to"):
            for i, name in _texts(row, key):
                yield (*keys, key, i), name
        for key in ("report_distance_to", "toward"):
            if isinstance(row.get(key), str):
                yield (*keys, key), row[key]


def _bounds(raw: Raw, root: type[Table]) -> Iterator[Fault]:
    terrain = _table(raw, ("terrain",))
    bounds = _number(raw, root, ("terrain", "bounds")) if "bounds" in terrain else None
    if bounds is None:
        return
    west, south, east, north = bounds
    keys: Keys = ("terrain", "bounds")
    inside = "value" if isinstance(terrain["bounds"], dict) else None
    for i in (1, 3):
        if abs(bounds[i]) > 90.0:
            place = (*keys, inside, i) if inside else (*keys, i)
            order = "The order is west, south, east, north"
            yield Fault(
                204, place, f"{bounds[i]:g}", "Must lie in [-90, 90] deg, as every latitude", order, explain=False
            )
    order = "The order is west, south, east, north"
    if west >= east:
        yield Fault(
            209, keys, shown(list(bounds)), f"West {west:g} must be less than east {east:g}", order, explain=False
        )
    if south >= north:
        yield Fault(
            209, keys, shown(list(bounds)), f"South {south:g} must be less than north {north:g}", order, explain=False
        )


def _conditioning(raw: Raw, root: type[Table]) -> Iterator[Fault]:
    terrain = _table(raw, ("terrain",))
    if terrain.get("engine") == "whitebox" and terrain.get("conditioning", "auto") == "auto":
        keys: Keys = ("terrain", "conditioning")
        expected = "The whitebox engine does not decide depression by depression"
        remedy = 'Write conditioning = "carve" or "fill", or engine = "native"'
        yield Fault(209, keys, "'auto'", expected, remedy, explain=False)


def _depressions(raw: Raw, root: type[Table]) -> Iterator[Fault]:
    whitebox = _table(raw, ("terrain",)).get("engine") == "whitebox"
    for keys, row in _rows(raw, ("terrain", "depression")):
        if whitebox and row.get("decision") in ("fill", "carve"):
            remedy = 'Write engine = "native", or keep only rules that keep depressions'
            expected = "The whitebox engine does not decide depression by depression"
            yield Fault(209, (*keys, "decision"), shown(row["decision"]), expected, remedy, explain=False)
        if row.get("holds_site") is True and "file" not in _table(raw, ("pits",)):
            expected = "Needs sites whose positions are known before the terrain is drained"
            yield Fault(209, (*keys, "holds_site"), "true", expected, "Name a pits.file", explain=False)
        for what in ("depth", "area", "volume"):
            low, high = (_number(raw, root, (*keys, f"{end}_{what}")) for end in ("min", "max"))
            if low is not None and high is not None and low > high:
                expected = f"Must not be less than min_{what}"
                remedy = "Swap or change the two"
                yield Fault(209, (*keys, f"max_{what}"), f"{high:g}", expected, remedy, explain=False)


def _pits(raw: Raw, root: type[Table]) -> Iterator[Fault]:
    pits = raw.get("pits")
    if not isinstance(pits, dict):
        return
    if "file" in pits and "generate" in pits:
        yield Fault(
            209, ("pits", "file"), shown(pits["file"]), "Must not stand beside [pits.generate]", "Remove one of the two"
        )
    if "file" not in pits and "generate" not in pits:
        yield Fault(
            203, ("pits", "file"), "", "Is missing, and there is no [pits.generate] either", "Add one of the two"
        )
    if "generate" in pits and "file" not in pits and pits.get("illustrative") is False:
        expected = "Must be true, because generated positions are made up"
        yield Fault(
            209,
            ("pits", "illustrative"),
            "false",
            expected,
            "Write true, or name a file of real positions",
            explain=False,
        )


def _counts(raw: Raw, root: type[Table]) -> Iterator[Fault]:
    generate: Keys = ("pits", "generate")
    table = _table(raw, generate)
    lists = {key: _number(raw, root, (*generate, key)) for key in ("years", "sites", "pits") if key in table}
    years, sites, pits = lists.get("years"), lists.get("sites"), lists.get("pits")
    for key, values in (("sites", sites), ("pits", pits)):
        if years is not None and values is not None and len(values) != len(years):
            expected = f"Must hold one number for each of the {len(years)} years"
            yield Fault(209, (*generate, key), f"a list of {len(values)}", expected, "Add or remove numbers")
    if years is not None and len(set(years)) != len(years):
        yield Fault(208, (*generate, "years"), shown(list(years)), "Must name each year once", "Remove the repetition")
    if sites is not None and pits is not None and len(sites) == len(pits):
        short = [i for i in range(len(sites)) if pits[i] < sites[i] or (pits[i] > 0 and sites[i] == 0)]
        for i in short:
            inside: Keys = ("value", i) if isinstance(table["pits"], dict) else (i,)
            expected = f"Must fit the {sites[i]:g} sites of that year, each with at least one pit"
            yield Fault(
                209,
                (*generate, "pits", *inside),
                f"{pits[i]:g}",
                expected,
                "Correct one of the two lists",
                explain=False,
            )
    if sites is not None and isinstance(table.get("zone"), list) and table["zone"]:
        yield from _sum_of_sites(raw, root, sum(sites), len(table["zone"]))


def _sum_of_sites(raw: Raw, root: type[Table], total: float, zones: int) -> Iterator[Fault]:
    counts = [
        _number(raw, root, (*keys, "sites")) for keys, row in _rows(raw, ("pits", "generate", "zone")) if "sites" in row
    ]
    if len(counts) == zones and all(count is not None for count in counts) and sum(counts) != total:
        expected = f"Must add up to the {sum(counts):g} sites of all zones"
        remedy = "Change the counts of years or of zones"
        yield Fault(
            209, ("pits", "generate", "sites"), f"{total:g} sites in all years", expected, remedy, explain=False
        )


def _zones(raw: Raw, root: type[Table]) -> Iterator[Fault]:
    for keys, row in _rows(raw, ("pits", "generate", "zone")):
        least, most = _number(raw, root, (*keys, "min_distance")), None
        if "max_distance" in row:
            most = _number(raw, root, (*keys, "max_distance"))
        if least is not None and most is not None and least >= most:
            expected = f"Must be less than max_distance, {most:g} m"
            yield Fault(209, (*keys, "min_distance"), f"{least:g} m", expected, "Swap or change the two")
        both = {name for _, name in _texts(row, "drains_to")}
        for i, name in _texts(row, "drains_not_to"):
            if name in both:
                remedy = "Remove it from one of the two lists"
                yield Fault(209, (*keys, "drains_not_to", i), shown(name), "Must not stand in drains_to too", remedy)
        for key in ("report_min_area", "reported_distance"):
            if key in row and "report_distance_to" not in row:
                remedy = "Add report_distance_to or remove this key"
                yield Fault(209, (*keys, key), shown(row[key]), "Says nothing without report_distance_to", remedy)
        if "report_distance_to" in row and "report_min_area" not in row:
            remedy = "Add report_min_area or remove report_distance_to"
            yield Fault(203, (*keys, "report_min_area"), "", "Is missing, and report_distance_to is given", remedy)


def _receptors(raw: Raw, root: type[Table]) -> Iterator[Fault]:
    for keys, row in _rows(raw, ("receptor",)):
        for here, other in (("lat", "lon"), ("lon", "lat")):
            if here not in row and other in row:
                remedy = f"Add {here}, or remove {other} for a place nobody has located"
                yield Fault(203, (*keys, here), "", f"Is missing, and {other} is given", remedy, explain=False)


def _shape(raw: Raw, root: type[Table]) -> Iterator[Fault]:
    keys: Keys = ("hydrology", "monthly_shape")
    if "monthly_shape" in _table(raw, keys[:-1]):
        shape = _number(raw, root, keys)
        if shape is not None and not any(shape):
            yield Fault(209, keys, "only zeros", "Must hold a month with discharge", "Write ratios to the yearly mean")


def _solids(raw: Raw, root: type[Table]) -> Iterator[Fault]:
    names = ("suspended_solids_dry", "suspended_solids_wet")
    if not set(names) <= set(_table(raw, ("water",))):
        return
    dry, wet = (_number(raw, root, ("water", name)) for name in names)
    if dry is not None and wet is not None and wet < dry:
        expected = f"Must not be below suspended_solids_dry, {dry.written}"
        yield Fault(209, ("water", names[1]), wet.written, expected, "Swap or change the two")

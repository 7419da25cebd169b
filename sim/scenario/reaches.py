"""The table of reaches of a channel scenario."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sim.errors import DataError
from sim.scenario.faults import did_you_mean, shown
from sim.scenario.site_sections import SUBSTANCE_NAMES
from sim.scenario.tables import Reader, Row

Column = tuple[float, ...]

_REQUIRED = ("id", "downstream", "length_m", "cross_section_m2", "head_inflow_m3_s", "lateral_inflow_m3_s")
_HYDRAULIC = ("slope", "width_m")
#: greatest value of each column; beyond it a unit was mistaken
_MOST = {
    "length_m": 1e7,
    "cross_section_m2": 1e6,
    "head_inflow_m3_s": 1e6,
    "lateral_inflow_m3_s": 1e6,
    "slope": 10.0,
    "width_m": 1e5,
}
_MOST_OF_SUBSTANCE = 1e6  # mg/L, kg/s
_PER_SUBSTANCE = ("head_mg_L", "lateral_mg_L", "load_kg_s")
_NOTE = (
    f"Columns are {', '.join((*_REQUIRED, *_HYDRAULIC))} and, for each substance, "
    "<substance>_head_mg_L, <substance>_lateral_mg_L and <substance>_load_kg_s"
)
_ALIASES = {
    "length": "length_m",
    "cross_section": "cross_section_m2",
    "area": "cross_section_m2",
    "area_m2": "cross_section_m2",
    "head_inflow": "head_inflow_m3_s",
    "lateral_inflow": "lateral_inflow_m3_s",
    "width": "width_m",
    "name": "id",
    "to": "downstream",
}


@dataclass(frozen=True, slots=True)
class ReachTable:
    """Reaches in the order of the table, in SI; n rows.

    id : n labels, unique
    downstream : n labels of the receiving reach, "" at an outlet
    length : (n,) m; cross_section : (n,) m2
    slope : (n,) 1, and width : (n,) m; None when the table has no such column
    head_inflow : (n,) m3/s, water that enters at the upstream end, besides what comes from above
    lateral_inflow : (n,) m3/s, water that enters evenly along the whole reach
    head, lateral : substance -> (n,) kg/m3 in that water
    load : substance -> (n,) kg/s, point load at the upstream end
    line : (n,) line of each row in the file
    """

    id: tuple[str, ...]
    downstream: tuple[str, ...]
    length: Column
    cross_section: Column
    slope: Column | None
    width: Column | None
    head_inflow: Column
    lateral_inflow: Column
    head: dict[str, Column]
    lateral: dict[str, Column]
    load: dict[str, Column]
    line: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of reaches."""
        return len(self.id)


def read_reaches(path: str | Path, *, with_hydraulics: bool = False) -> ReachTable:
    """Read a table of reaches.

    Columns are id, downstream (empty at an outlet), length_m, cross_section_m2, head_inflow_m3_s and
    lateral_inflow_m3_s; slope and width_m where settling needs depth and shear; and for every substance,
    where not zero, <substance>_head_mg_L, <substance>_lateral_mg_L and <substance>_load_kg_s.

    Parameters
    ----------
    path : str or Path
        CSV, UTF-8, one line of column names; lines that begin with # are comments.
    with_hydraulics : bool
        Whether slope and width_m are required.

    Raises
    ------
    Problems
        Everything wrong at once: LS-301, LS-302, LS-307 columns, LS-308 cells, LS-208 repeated identifiers, LS-315
        reaches that run in a circle.
    """
    reader = Reader(Path(path))
    substance_columns = [f"{name}_{suffix}" for name in SUBSTANCE_NAMES for suffix in _PER_SUBSTANCE]
    known = (*_REQUIRED, *_HYDRAULIC, *substance_columns)
    rows = reader.rows(known)
    required = (*_REQUIRED, *_HYDRAULIC) if with_hydraulics else _REQUIRED
    reader.require(required, known, _ALIASES, strict=True, note=_NOTE)
    if not rows and not reader.problems:
        reader.add(
            DataError(308, reader.path.name, got="no rows", expected="Must hold at least one reach", remedy="Add a row")
        )
    ids = reader.identifiers(rows, "id")
    _check_receivers(reader, rows, ids)
    columns = {
        "length_m": _column(reader, rows, "length_m", above=0.0),
        "cross_section_m2": _column(reader, rows, "cross_section_m2", above=0.0),
        "head_inflow_m3_s": _column(reader, rows, "head_inflow_m3_s"),
        "lateral_inflow_m3_s": _column(reader, rows, "lateral_inflow_m3_s"),
    }
    hydraulic = {name: _column(reader, rows, name, above=0.0) if name in reader.header else None for name in _HYDRAULIC}
    by_substance = {name: _column(reader, rows, name, blank=0.0) for name in substance_columns}
    reader.in_file_order()
    reader.finish()
    return ReachTable(
        id=ids,
        downstream=tuple(row.cells["downstream"] for row in rows),
        length=columns["length_m"],
        cross_section=columns["cross_section_m2"],
        slope=hydraulic["slope"],
        width=hydraulic["width_m"],
        head_inflow=columns["head_inflow_m3_s"],
        lateral_inflow=columns["lateral_inflow_m3_s"],
        head={name: _si(by_substance[f"{name}_head_mg_L"]) for name in SUBSTANCE_NAMES},
        lateral={name: _si(by_substance[f"{name}_lateral_mg_L"]) for name in SUBSTANCE_NAMES},
        load={name: by_substance[f"{name}_load_kg_s"] for name in SUBSTANCE_NAMES},
        line=tuple(row.line for row in rows),
    )


def _column(
    reader: Reader, rows: list[Row], name: str, *, above: float | None = None, blank: float | None = None
) -> Column:
    least = None if above is not None else 0.0
    most = _MOST.get(name, _MOST_OF_SUBSTANCE)
    return tuple(reader.number(row, name, above=above, least=least, most=most, blank=blank) for row in rows)


def _si(column: Column) -> Column:
    """kg/m3 from mg/L; divided, so that 250 mg/L is exactly 0.25."""
    return tuple(value / 1000.0 for value in column)


def _check_receivers(reader: Reader, rows: list[Row], ids: tuple[str, ...]) -> None:
    for row in rows:
        receiver = row.cells["downstream"]
        if receiver and receiver not in ids:
            remedy = did_you_mean(receiver, ids, "Leave the cell empty at an outlet")
            where = f"{reader.path.name}:{row.line}: downstream"
            expected = "Must be the id of another reach"
            reader.add(DataError(308, where, got=shown(receiver), expected=expected, remedy=remedy))
    _check_circles(reader, rows)


def _check_circles(reader: Reader, rows: list[Row]) -> None:
    """Report every circle once, at its first line; a reach is followed down to one that is known to be done."""
    by_id = {row.cells["id"]: row for row in reversed(rows)}
    done: set[str] = set()
    for start in rows:
        name, path = start.cells["id"], []
        while name in by_id and name not in done:
            done.add(name)
            path.append(name)
            name = by_id[name].cells["downstream"]
        if name not in path:
            continue
        circle = path[path.index(name) :]
        first = min(circle, key=lambda each: by_id[each].line)
        at = circle.index(first)
        round_trip = [*circle[at:], *circle[:at], first]
        shortened = round_trip if len(round_trip) <= 6 else [*round_trip[:4], "...", first]
        where = f"{reader.path.name}:{by_id[first].line}: downstream"
        expected = "Every reach must lead to an outlet, and these run in a circle"
        remedy = "Correct the receiver of one of them, or leave it empty at an outlet"
        got = " -> ".join(each if each == "..." else shown(each) for each in shortened)
        reader.add(DataError(315, where, got=got, expected=expected, remedy=remedy))

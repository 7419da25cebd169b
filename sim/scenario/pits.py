"""A table of mining sites."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sim.errors import DataError
from sim.scenario.tables import Reader

_REQUIRED = ("name", "lon", "lat")
_KNOWN = (*_REQUIRED, "pits", "year", "group")
_ALIASES = {
    "longitude": "lon", "long": "lon", "lng": "lon", "x": "lon", "latitude": "lat", "y": "lat", "site": "name",
    "id": "name", "count": "pits", "number": "pits", "zone": "group",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PitTable:
    """Sites in the order of the table; k rows.

    name : k labels, unique
    longitude, latitude : (k,) degrees, WGS84
    pits : (k,) number of pits of the site, at least 1
    year : (k,) year first seen, 0 where unknown
    group : k labels, empty where none is given
    """

    name: tuple[str, ...]
    longitude: tuple[float, ...]
    latitude: tuple[float, ...]
    pits: tuple[int, ...]
    year: tuple[int, ...]
    group: tuple[str, ...]

    @property
    def size(self) -> int:
        """Number of sites."""
        return len(self.name)


def read_pits_csv(path: str | Path) -> PitTable:
    """Read sites from CSV with the columns name, lon, lat and, where known, pits, year and group.

    Other columns are passed over unless they look like a misspelt one of these.

    Parameters
    ----------
    path : str or Path
        CSV, UTF-8, one line of column names; lines that begin with # are comments.

    Raises
    ------
    Problems
        Everything wrong at once: LS-301, LS-302, LS-307 columns, LS-308 cells, LS-208 repeated names.
    """
    reader = Reader(Path(path))
    rows = reader.rows(_KNOWN)
    reader.require(_REQUIRED, _KNOWN, _ALIASES, strict=False)
    if not rows and not reader.problems:
        reader.add(
            DataError(308, reader.path.name, got="no rows", expected="Must hold at least one site", remedy="Add a row")
        )
    names = reader.identifiers(rows, "name")
    swapped = "Check that lon and lat are not swapped"
    lon = [reader.number(row, "lon", least=-180.0, most=180.0) for row in rows]
    lat = [reader.number(row, "lat", least=-90.0, most=90.0, hint=swapped) for row in rows]
    pits = [reader.number(row, "pits", least=1.0, most=1e7, blank=1.0, whole=True) for row in rows]
    year = [reader.number(row, "year", least=0.0, most=2200.0, blank=0.0, whole=True) for row in rows]
    reader.in_file_order()
    reader.finish()
    return PitTable(
        name=names,
        longitude=tuple(lon),
        latitude=tuple(lat),
        pits=tuple(int(value) for value in pits),
        year=tuple(int(value) for value in year),
        group=tuple(row.cells.get("group", "") for row in rows),
    )

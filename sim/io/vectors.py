"""Points and lines from GeoJSON, GeoPackage, shapefile or any vector file GDAL can read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arrays import BoolArray, FloatArray, IntArray
from sim.errors import DataError, LeachSimError, Problems
from sim.io._elevations import check_path

if TYPE_CHECKING:
    import geopandas as gpd

    from sim.terrain.objects import Grid

_POINT, _LINE, AREAS = ("Point", "MultiPoint"), ("LineString", "MultiLineString"), ("Polygon", "MultiPolygon")
_MANY = 20


@dataclass(frozen=True, slots=True)
class PointTable:
    """Sites as read from a file, WGS84.

    name, group : k texts from the user, names unique; longitude, latitude : (k,) degrees;
    pits : (k,) >= 1; year : (k,) 0 where unknown; notes : what was chosen on the way
    """

    name: tuple[str, ...]
    longitude: FloatArray
    latitude: FloatArray
    pits: FloatArray
    year: IntArray
    group: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of sites."""
        return len(self.name)


def read_frame(path: str | Path, key: str, kinds: tuple[str, ...], wanted: str) -> gpd.GeoDataFrame:
    """The first layer that holds geometries of `kinds`; rows without geometry dropped."""
    import pyogrio
    from pyogrio.errors import DataSourceError

    found = check_path(path, key)
    try:
        layers = [str(name) for name, kind in pyogrio.list_layers(found) if kind is not None]
        for layer in layers:
            frame = pyogrio.read_dataframe(found, layer=layer)
            if not hasattr(frame, "geom_type"):
                continue
            usable = frame[frame.geom_type.isin(kinds) & ~frame.geometry.is_empty]
            if len(usable):
                _check_crs(usable, found, key)
                return usable
    except (DataSourceError, UnicodeDecodeError, RuntimeError, ValueError) as error:
        if isinstance(error, LeachSimError):
            raise
        reason = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
        raise DataError(
            302,
            key,
            got=repr(str(found)),
            expected=f"Cannot be read as a vector file: {reason.replace(str(found), found.name)}",
            remedy="Check the file with ogrinfo, or export it again as GeoPackage or GeoJSON",
        ) from error
    raise DataError(
        309,
        key,
        got=repr(str(found)),
        expected=f"The file has no usable {wanted}",
        remedy=f"Give a file whose layer holds {wanted}",
    )


def _check_crs(frame: gpd.GeoDataFrame, path: Path, key: str) -> None:
    if frame.crs is None:
        raise DataError(
            303,
            key,
            got=repr(str(path)),
            expected="The vector file has no coordinate reference system",
            remedy="Add it, for example with ogr2ogr -a_srs EPSG:4326",
        )


def read_points(path: str | Path, key: str = "pits.file") -> PointTable:
    """Read sites from a vector file.

    Attributes ``name``, ``pits``, ``year`` and ``group`` are taken when present (any case). The points of a
    multipoint become sites of their own and share its pits evenly; a polygon gives a point inside it.

    Parameters
    ----------
    path : vector file, any CRS
    key : name of the setting, for messages

    Raises
    ------
    DataError
        LS-301, 302, 303, LS-308 for bad values (all at once as `Problems`), LS-309 without points.
    """
    frame = read_frame(path, key, _POINT + AREAS, "points")
    notes: list[str] = []
    areas = frame.geom_type.isin(AREAS)
    if areas.any():
        frame = frame.copy()
        frame.loc[areas, frame.geometry.name] = frame.geometry[areas].representative_point()
        notes.append(f"{int(areas.sum())} polygons became one point inside each")
    frame = frame.reset_index(drop=True)
    parts = frame.geometry.count_geometries().to_numpy()
    points = frame.explode(index_parts=False)
    row = points.index.to_numpy()
    if (parts > 1).any():
        notes.append(
            f"{int((parts > 1).sum())} multipoints became {int(parts[parts > 1].sum())} sites, pits shared evenly"
        )
    points = points.to_crs("EPSG:4326")
    longitude, latitude = points.geometry.x.to_numpy(), points.geometry.y.to_numpy()
    name, group, pits, year = _attributes(frame, str(Path(path).name), row, parts, longitude, latitude)
    unique, repeated = _unique(name)
    if repeated:
        notes.append(f"{repeated} repeated names were numbered")
    return PointTable(unique, longitude, latitude, pits, year, group, tuple(notes))


def _attributes(
    frame: gpd.GeoDataFrame, file: str, row: IntArray, parts: IntArray, longitude: FloatArray, latitude: FloatArray
) -> tuple[list[str], tuple[str, ...], FloatArray, IntArray]:
    column = {str(label).lower(): str(label) for label in frame.columns}
    problems: list[LeachSimError] = []
    outside = ~(
        np.isfinite(longitude) & np.isfinite(latitude) & (np.abs(latitude) <= 90.0) & (np.abs(longitude) <= 180.0)
    )
    for at in np.flatnonzero(outside):
        problems.append(
            _bad(file, int(row[at]), "position", f"({longitude[at]:g}, {latitude[at]:g})", "Must be a place on earth")
        )
    pits = (
        np.ones(len(frame)) * parts if "pits" not in column else _numbers(frame[column["pits"]], file, "pits", problems)
    )
    pits = np.where(np.isnan(pits), parts, pits)
    for at in np.flatnonzero(pits < parts):
        problems.append(_bad(file, int(at), "pits", f"{pits[at]:g}", "Must be at least 1 for every point"))
    year = np.zeros(len(frame)) if "year" not in column else _years(frame[column["year"]], file, problems)
    if problems:
        raise Problems(problems[:_MANY])
    label = _texts(frame[column["name"]]) if "name" in column else [""] * len(frame)
    group = _texts(frame[column["group"]]) if "group" in column else [""] * len(frame)
    name = [label[i] or f"site {int(i) + 1}" for i in row]
    return name, tuple(group[i] for i in row), (pits / parts)[row], year.astype(np.int64)[row]


def _bad(file: str, row: int, column: str, got: str, expected: str) -> DataError:
    return DataError(
        308, f"{file}: feature {row + 1}, {column}", got=got, expected=expected, remedy="Correct the value in the file"
    )


def _numbers(values: Any, file: str, column: str, problems: list[LeachSimError]) -> FloatArray:
    out = np.full(len(values), np.nan)
    for at, value in enumerate(values):
        if (
            value is None
            or (isinstance(value, float) and math.isnan(value))
            or str(value).strip() in ("", "<NA>", "NaT")
        ):
            continue
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            problems.append(_bad(file, at, column, repr(value), "Must be a number"))
        else:
            out[at] = number
    return out


def _years(values: Any, file: str, problems: list[LeachSimError]) -> FloatArray:
    if hasattr(values, "dt") and str(values.dtype).startswith("datetime"):
        years = values.dt.year
        return np.asarray(years.fillna(0), dtype=np.float64)
    out = _numbers(values, file, "year", problems)
    wrong = np.isfinite(out) & (out != 0.0) & ((out < 1800.0) | (out > 2200.0) | (out != np.floor(out)))
    for at in np.flatnonzero(wrong):
        problems.append(_bad(file, int(at), "year", f"{out[at]:g}", "Must be a whole year between 1800 and 2200"))
    return np.nan_to_num(out)


def _texts(values: Any) -> list[str]:
    return ["" if value is None or value != value else str(value).strip() for value in values]


def _unique(names: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Number repeated names: the second "A" becomes "A (2)"."""
    taken, out, repeated = set(names), [], 0
    seen: set[str] = set()
    for name in names:
        fresh, count = name, 1
        while fresh in seen or (count > 1 and fresh in taken):
            count += 1
            fresh = f"{name} ({count})"
        repeated += fresh != name
        seen.add(fresh)
        out.append(fresh)
    return tuple(out), repeated


def read_lines(path: str | Path, crs_wkt: str, key: str = "terrain.burn_rivers") -> list[FloatArray]:
    """Read lines (rivers) and project them.

    Returns
    -------
    list of (k, 2) float64 arrays, m in `crs_wkt`, in file order; parts that cannot be projected are left out

    Raises
    ------
    DataError
        LS-301, 302, 303, LS-309 without lines.
    """
    from pyproj import Transformer

    frame = read_frame(path, key, _LINE, "lines")
    project = Transformer.from_crs(frame.crs, crs_wkt, always_xy=True)
    lines: list[FloatArray] = []
    for line in frame.geometry.explode(index_parts=False):
        coordinates = np.asarray(line.coords, dtype=np.float64)[:, :2]
        x, y = project.transform(coordinates[:, 0], coordinates[:, 1])
        projected = np.column_stack([x, y])
        # A world-wide file has lines that the local projection cannot hold; cut there.
        fine = np.isfinite(projected).all(axis=1)
        runs = np.split(projected, np.flatnonzero(np.diff(fine.astype(np.int8))) + 1)
        lines.extend(np.ascontiguousarray(run) for run in runs if len(run) >= 2 and np.isfinite(run).all())
    if not lines:
        raise DataError(
            309, key, got=repr(str(path)), expected="No line of the file can be projected to the terrain's CRS"
        )
    return lines


def rasterize_lines(lines: Sequence[FloatArray], grid: Grid) -> BoolArray:
    """Mark every cell a line runs through.

    Segments are cut where they cross from cell to cell, so no cell is missed and none beside the line is marked.

    Parameters
    ----------
    lines : (k, 2) coordinates, m, in the grid's CRS
    grid : Grid

    Returns
    -------
    (ncell,) bool, valid cells only; before that, the cells of a line inside the grid touch one another
    """
    import shapely

    a, _, c, _, e, f = grid.transform
    rows, columns = grid.shape
    marked = np.zeros(rows * columns, dtype=np.bool_)
    # World-wide files are cut to the frame first, so that only crossings inside it are computed.
    box = (c - a, f + e * (rows + 1), c + a * (columns + 1), f - e)
    for line in lines:
        for part in shapely.get_parts(shapely.clip_by_rect(shapely.LineString(line), *box)):
            if part.geom_type != "LineString":
                continue
            x, y = shapely.get_coordinates(part).T
            middle_x, middle_y = _crossed((x - c) / a, (y - f) / e)
            cell = grid.cell_at(middle_x * a + c, middle_y * e + f)
            marked[cell[cell >= 0]] = True
    return marked & grid.valid.ravel()


def _crossed(column: FloatArray, row: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A point inside every cell that a line in fractional columns and rows runs through."""
    pieces_column, pieces_row = [], []
    for i in range(len(column) - 1):
        shares = [np.array([0.0, 1.0])]
        for start, end in ((column[i], column[i + 1]), (row[i], row[i + 1])):
            low, high = min(start, end), max(start, end)
            if high > low:
                shares.append((np.arange(math.floor(low) + 1, math.ceil(high)) - start) / (end - start))
        share = np.sort(np.concatenate(shares))
        middle = 0.5 * (share[:-1] + share[1:])
        pieces_column.append(column[i] + middle * (column[i + 1] - column[i]))
        pieces_row.append(row[i] + middle * (row[i + 1] - row[i]))
    return np.concatenate(pieces_column), np.concatenate(pieces_row)

"""Elevations from any raster file GDAL can read, brought to a metric grid with every choice noted."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arrays import BoolArray
from sim.errors import DataError
from sim.io._elevations import Source, check_path, open_elevations
from sim.io._resample import Plan, fill
from sim.io.grids import (
    Bounds,
    GridSpec,
    area_error,
    check_bounds,
    check_size,
    edge_points,
    grid_for,
    inside_bounds,
    local_crs,
    metric_crs,
    project_bounds,
    to_cells,
    to_xy,
)
from sim.io.plain import read_raster, write_raster
from sim.terrain.objects import Grid

if TYPE_CHECKING:
    from pyproj import CRS

__all__ = ["GridSpec", "grid_for", "inside_bounds", "plan_dem", "plan_grid", "read_dem", "read_raster", "write_raster"]

#: Target cells at least this many times wider than the source's are averages, else bilinear.
COARSE = 2.0
#: A raster's own metric CRS is kept (no resampling) while its areas are right within this.
GOOD_AREA = 0.02


def read_dem(
    path: str | Path,
    *,
    bounds: Bounds | None = None,
    crs: str | int = "auto",
    resolution: float | None = None,
    key: str = "terrain.dem",
) -> Grid:
    """Read elevations from any raster file and bring them to a metric, north-up grid.

    Parameters
    ----------
    path : raster file (GeoTIFF, HGT, VRT, ...), any CRS, any number type, with or without nodata
    bounds : west, south, east, north in degrees; cells outside become invalid. Default: the whole raster.
    crs : "auto" (UTM zone of the centre, Lambert azimuthal equal-area for wide areas; a raster that is already metric
        keeps its own when `resolution` is not given), or a CRS projected in metres
    resolution : cell size, m. Default: the raster's own, to three digits.
    key : name of the setting, for messages

    Returns
    -------
    Grid
        `notes` tell what was chosen: CRS, resolution, resampling, missing values, coverage.

    Raises
    ------
    DataError
        LS-301, 302, 303, 304, 305, 306, 311.
    ScenarioError
        LS-204, 207, 209 for bounds, crs or resolution.
    """
    found = check_path(path, key)
    if bounds is not None:
        bounds = check_bounds(bounds)
    with open_elevations(found, key) as source:
        plan = _plan(source, bounds, crs, resolution)
        elevation = fill(source, plan)
        inside = (
            inside_bounds(plan.spec, plan.bounds) if bounds is not None else np.ones(plan.spec.shape, dtype=np.bool_)
        )
        valid = np.isfinite(elevation) & inside
        _check_valid(source, valid, inside, bounds)
        notes = [*source.notes, plan.spec.note, _method_note(plan)]
        undeclared = source.undeclared_note()
        share = float(valid.sum()) / float(inside.sum())
        if undeclared:
            notes.append(undeclared)
        if bounds is not None and share < 0.9995:
            notes.append(f"Elevations cover {100.0 * share:.1f} % of the area asked for, the rest is not valid")
        elif bounds is None and share < 1.0:
            notes.append(f"{100.0 * share:.1f} % of the cells hold an elevation")
        label = found.name
        tag = (source.dataset.tags().get("SOURCE") or "").strip()
        if tag:
            label = f"{label} ({tag})"
    return Grid(
        np.where(valid, elevation, np.float32(0.0)),
        valid,
        plan.spec.transform,
        plan.spec.crs_wkt,
        label,
        notes=tuple(notes),
    )


def plan_grid(
    path: str | Path,
    *,
    bounds: Bounds | None = None,
    crs: str | int = "auto",
    resolution: float | None = None,
    key: str = "terrain.dem",
) -> GridSpec:
    """Return the grid `read_dem` would fill, without reading elevations; arguments and errors as there."""
    found = check_path(path, key)
    if bounds is not None:
        bounds = check_bounds(bounds)
    with open_elevations(found, key) as source:
        return _plan(source, bounds, crs, resolution).spec


def plan_dem(path: str | Path, **options: Any) -> tuple[int, int]:
    """Return rows and columns of the grid `read_dem` would fill; arguments and errors as there."""
    return plan_grid(path, **options).shape


def _plan(source: Source, bounds: Bounds | None, crs: str | int, resolution: float | None) -> Plan:
    from pyproj import CRS

    own = source.crs
    area = bounds or own_bounds(source, own)
    if bounds is not None:
        _shift_longitudes(source, own, bounds)
        _check_overlap(source, own, bounds)
    auto = str(crs).strip().lower() == "auto"
    target = local_crs(area)[0] if auto else metric_crs(crs)
    if _can_copy(source, own, area, target, auto, resolution):
        return _copy_plan(source, own, area, bounds is not None)
    native = _native_size(source, own, area)
    chosen = resolution if resolution is not None else float(f"{native:.3g}")
    spec = grid_for(area, crs, chosen)
    return Plan(spec, area, CRS.from_wkt(spec.crs_wkt), None, chosen >= COARSE * native)


def own_bounds(source: Source, own: CRS) -> Bounds:
    """Degrees of the whole raster."""
    from pyproj import Transformer

    rows, columns = source.shape
    column, row = edge_points(0.0, 0.0, float(columns), float(rows))
    x, y = to_xy(source.transform, column, row)
    longitude, latitude = Transformer.from_crs(own, "EPSG:4326", always_xy=True).transform(x, y)
    if not (np.isfinite(longitude).all() and np.isfinite(latitude).all()):
        raise DataError(
            302,
            source.key,
            got=repr(str(source.path)),
            expected="Its corners cannot be turned into degrees",
            remedy="Give terrain.bounds, or check its CRS",
        )
    # Longitudes 0..360 and rounding beyond the poles are common in global files.
    if longitude.min() >= 180.0:
        source.shift(-360.0)
        longitude = longitude - 360.0
    west, east = max(float(longitude.min()), -180.0), min(float(longitude.max()), 180.0)
    return west, max(float(latitude.min()), -90.0), east, min(float(latitude.max()), 90.0)


def _shift_longitudes(source: Source, own: CRS, bounds: Bounds) -> None:
    if not own.is_geographic:
        return
    rows, columns = source.shape
    x, _ = to_xy(source.transform, np.array([0.0, columns, 0.0, columns]), np.array([0.0, 0.0, rows, rows]))
    for shift in (0.0, -360.0, 360.0):
        if x.min() + shift < bounds[2] and x.max() + shift > bounds[0]:
            if shift:
                source.shift(shift)
            return


def _check_overlap(source: Source, own: CRS, bounds: Bounds) -> None:
    left, bottom, right, top = project_bounds(bounds, own) if not own.is_geographic else bounds
    column, row = to_cells(source.transform, *edge_points(left, bottom, right, top))
    rows, columns = source.shape
    if column.max() <= 0.0 or row.max() <= 0.0 or column.min() >= columns or row.min() >= rows:
        raise _no_overlap(source, bounds)


def _no_overlap(source: Source, bounds: Bounds) -> DataError:
    return DataError(
        306,
        source.key,
        got=repr(str(source.path)),
        expected=f"The raster does not touch terrain.bounds = {list(bounds)}",
        remedy="Check the bounds (west, south, east, north in degrees) or give a raster of that area",
    )


def _native_size(source: Source, own: CRS, area: Bounds) -> float:
    """Cell size of the raster in metres near the middle of the area (root of the cell's geodesic area)."""
    from pyproj import Geod, Transformer

    rows, columns = source.shape
    longitude, latitude = 0.5 * (area[0] + area[2]), 0.5 * (area[1] + area[3])
    x, y = Transformer.from_crs("EPSG:4326", own, always_xy=True).transform(longitude, latitude)
    column, row = to_cells(source.transform, x, y)
    column, row = min(max(column, 0.5), columns - 0.5), min(max(row, 0.5), rows - 0.5)
    corner_columns = np.array([column - 0.5, column + 0.5, column - 0.5, column - 0.5])
    corner_rows = np.array([row - 0.5, row - 0.5, row - 0.5, row + 0.5])
    lon, lat = Transformer.from_crs(own, "EPSG:4326", always_xy=True).transform(
        *to_xy(source.transform, corner_columns, corner_rows)
    )
    _, _, lengths = Geod(ellps="WGS84").inv(lon[[0, 2]], lat[[0, 2]], lon[[1, 3]], lat[[1, 3]])
    size = math.sqrt(abs(float(lengths[0]) * float(lengths[1])))
    if not math.isfinite(size) or size <= 0.0:
        raise DataError(
            302,
            source.key,
            got=repr(str(source.path)),
            expected="The size of its cells cannot be told",
            remedy="Give terrain.resolution",
        )
    return size


def _can_copy(source: Source, own: CRS, area: Bounds, target: CRS, auto: bool, resolution: float | None) -> bool:
    a, b, _, d, e, _ = source.transform
    metric = own.is_projected and all(axis.unit_conversion_factor == 1.0 for axis in own.axis_info)
    if not metric or b != 0.0 or d != 0.0 or a <= 0.0:
        return False
    same = own.equals(target, ignore_axis_order=True)
    if resolution is None:
        return same or (auto and area_error(own, area) <= GOOD_AREA)
    return same and math.isclose(a, resolution, rel_tol=1e-9) and math.isclose(abs(e), resolution, rel_tol=1e-9)


def _copy_plan(source: Source, own: CRS, area: Bounds, crop: bool) -> Plan:
    """The raster's own cells, cropped to whole cells around the area."""
    a, _, c, _, e, f = source.transform
    rows, columns = source.shape
    top, left, bottom, right = 0, 0, rows, columns
    if crop:
        west, south, east, north = project_bounds(area, own)
        row_a, row_b = sorted(((north - f) / e, (south - f) / e))
        left, right = max(math.floor((west - c) / a), 0), min(math.ceil((east - c) / a), columns)
        top, bottom = max(math.floor(row_a), 0), min(math.ceil(row_b), rows)
    rows, columns = bottom - top, right - left
    check_size(rows, columns, math.sqrt(abs(a * e)))
    north_edge = f + e * (top if e < 0.0 else bottom)
    transform = (float(a), 0.0, float(c + a * left), 0.0, -abs(float(e)), float(north_edge))
    authority = own.to_authority()
    name = ":".join(authority) if authority else own.name
    note = f"Grid of {rows} x {columns} cells of {a:g} x {abs(e):g} m in the raster's own {name}"
    return Plan(GridSpec(transform, (rows, columns), own.to_wkt(), note), area, own, (top, left), average=False)


def _method_note(plan: Plan) -> str:
    if plan.copied is not None:
        return "Cells copied as they are, no resampling"
    return "Resampled by the average of the finer cells" if plan.average else "Resampled bilinearly"


def _check_valid(source: Source, valid: BoolArray, inside: BoolArray, bounds: Bounds | None) -> None:
    if valid.any():
        return
    if bounds is not None and not inside.any():
        raise _no_overlap(source, bounds)
    place = "inside terrain.bounds" if bounds is not None else "at all"
    raise DataError(
        304,
        source.key,
        got=repr(str(source.path)),
        expected=f"The raster holds no valid cell {place}",
        remedy="Check its nodata value, or give other bounds",
    )

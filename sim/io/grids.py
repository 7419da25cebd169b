"""Choosing the metric grid a terrain is computed on."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arrays import BoolArray, FloatArray
from sim.errors import DataError, ScenarioError

if TYPE_CHECKING:
    from pyproj import CRS

Bounds = tuple[float, float, float, float]
SixFloats = tuple[float, float, float, float, float, float]

#: Peak memory of reading and resampling a grid, bytes per cell (21 measured at 36 million cells); what comes after is
#: estimated by `sim.terrain.cost`.
BYTES_PER_CELL = 25
#: A projection whose areas are off by more than this cannot carry loads per area (web Mercator at 25 N: 22 %).
LARGEST_AREA_ERROR = 0.05
_EDGE_POINTS = 101
_UTM_WIDTH = 6.0
_UTM_LATITUDE = 84.0


@dataclass(frozen=True, slots=True)
class GridSpec:
    """A metric, north-up grid without values.

    transform : six floats as in `sim.terrain.objects.Grid`
    shape : rows, columns
    crs_wkt : WKT2 of the projected CRS
    note : one sentence on what was chosen and why
    """

    transform: SixFloats
    shape: tuple[int, int]
    crs_wkt: str
    note: str


def available_memory() -> int:
    """Physical memory of this machine in bytes; a very large number where it cannot be told."""
    try:
        return int(os.sysconf("SC_PHYS_PAGES")) * int(os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return 1 << 62


def check_size(rows: float, columns: float, resolution: float, where: str = "terrain.resolution") -> None:
    """Refuse a grid that would not fit into this machine's memory.

    Raises
    ------
    DataError
        LS-311, with the resolution that would fit.
    """
    needed = rows * columns * BYTES_PER_CELL
    limit = 0.8 * available_memory()
    if needed > limit:
        coarser = resolution * math.sqrt(needed / limit) * 1.01
        raise DataError(
            311,
            where,
            got=f"{resolution:g} m",
            expected=(
                f"A grid of {rows:.0f} x {columns:.0f} cells needs about {needed / 1e9:.1f} GB, "
                f"this machine has {limit / 1e9:.1f} GB to give"
            ),
            remedy=f"Use a resolution of {math.ceil(coarser)} m or more, or smaller terrain.bounds",
        )


def edge_points(left: float, bottom: float, right: float, top: float) -> tuple[FloatArray, FloatArray]:
    """Points along the four edges of a box, close enough to catch the curvature of projected edges."""
    share = np.linspace(0.0, 1.0, _EDGE_POINTS)
    x, y = left + share * (right - left), bottom + share * (top - bottom)
    low, high = np.full_like(x, bottom), np.full_like(x, top)
    return (
        np.concatenate([x, np.full_like(y, right), x, np.full_like(y, left)]),
        np.concatenate([low, y, high, y]),
    )


def to_xy(transform: SixFloats, column: Any, row: Any) -> tuple[Any, Any]:
    """x, y of fractional columns and rows."""
    a, b, c, d, e, f = transform
    return a * column + b * row + c, d * column + e * row + f


def to_cells(transform: SixFloats, x: Any, y: Any) -> tuple[Any, Any]:
    """Fractional columns and rows of x, y."""
    a, b, c, d, e, f = transform
    scale = 1.0 / (a * e - b * d)
    return scale * (e * (x - c) - b * (y - f)), scale * (a * (y - f) - d * (x - c))


def local_crs(bounds: Bounds) -> tuple[CRS, str]:
    """The UTM zone of the centre, or Lambert azimuthal equal-area where a box is too wide or too polar for UTM."""
    from pyproj import CRS

    west, south, east, north = bounds
    longitude, latitude = 0.5 * (west + east), 0.5 * (south + north)
    if east - west <= _UTM_WIDTH and max(abs(south), abs(north)) <= _UTM_LATITUDE:
        zone = min(int((longitude + 180.0) // 6.0) + 1, 60)
        code = (32600 if latitude >= 0.0 else 32700) + zone
        hemisphere = "N" if latitude >= 0.0 else "S"
        return CRS.from_epsg(code), f"EPSG:{code} (UTM zone {zone}{hemisphere}, chosen from the centre of the area)"
    text = f"+proj=laea +lat_0={latitude:.4f} +lon_0={longitude:.4f} +datum=WGS84 +units=m +no_defs"
    return CRS.from_string(
        text
    ), f"Lambert azimuthal equal-area about {longitude:.4f} E, {latitude:.4f} N (area wider than a UTM zone)"


def metric_crs(crs: str | int, where: str = "terrain.crs") -> CRS:
    """Turn what the user wrote into a projected CRS in metres.

    Raises
    ------
    ScenarioError
        LS-207 when it is no CRS, LS-204 when it is not projected in metres.
    """
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    text = str(crs).strip()
    try:
        parsed = CRS.from_epsg(int(text)) if text.isdigit() else CRS.from_user_input(text)
    except CRSError as error:
        raise ScenarioError(
            207,
            where,
            got=repr(crs),
            expected="Must be auto, an EPSG code or a PROJ text",
            remedy="For example EPSG:32647",
        ) from error
    flat = parsed.to_2d()
    metres = all(axis.unit_conversion_factor == 1.0 and axis.direction != "west" for axis in flat.axis_info)
    if not flat.is_projected or not metres:
        raise ScenarioError(
            204,
            where,
            got=repr(crs),
            expected="Must be projected in metres, since lengths and areas are computed on the grid",
            remedy="Use auto, or a metric CRS such as a UTM zone",
        )
    return flat


def area_error(crs: CRS, bounds: Bounds) -> float:
    """Largest relative error of areas of `crs` at the centre and the corners of `bounds` (degrees)."""
    from pyproj import Proj

    west, south, east, north = bounds
    longitude = np.array([west, east, west, east, 0.5 * (west + east)])
    latitude = np.array([south, south, north, north, 0.5 * (south + north)])
    scale = np.asarray(Proj(crs).get_factors(longitude, latitude).areal_scale, dtype=np.float64)
    return float(np.max(np.abs(scale - 1.0)))


def choose_crs(bounds: Bounds, crs: str | int, where: str = "terrain.crs") -> tuple[CRS, str]:
    """The CRS of the grid and a phrase that says where it comes from; refuses projections that distort areas.

    Raises
    ------
    ScenarioError
        LS-204, LS-207 as `metric_crs`, LS-209 when areas are off by more than 5 % somewhere in `bounds`.
    """
    if str(crs).strip().lower() == "auto":
        return local_crs(bounds)
    chosen = metric_crs(crs, where)
    error = area_error(chosen, bounds)
    if not error <= LARGEST_AREA_ERROR:
        off = f"{100.0 * error:.0f} %" if math.isfinite(error) else "without limit"
        raise ScenarioError(
            209,
            where,
            got=repr(crs),
            expected=f"Areas of this projection are off by {off} in the area asked for, at most 5 % is allowed",
            remedy="Use auto, or a projection made for this region",
        )
    authority = chosen.to_authority()
    return chosen, f"{':'.join(authority) if authority else chosen.name} (as given)"


def check_bounds(bounds: Bounds, where: str = "terrain.bounds") -> Bounds:
    """Check west < east, south < north and the range of degrees; LS-204 or LS-209 otherwise."""
    west, south, east, north = (float(value) for value in bounds)
    shown = str([west, south, east, north])
    if (
        not all(math.isfinite(v) for v in (west, south, east, north))
        or max(abs(south), abs(north)) > 90.0
        or max(abs(west), abs(east)) > 180.0
    ):
        raise ScenarioError(
            204, where, got=shown, expected="Must be degrees, longitudes in [-180, 180] and latitudes in [-90, 90]"
        )
    if west >= east or south >= north:
        raise ScenarioError(
            209,
            where,
            got=shown,
            expected="Must be west, south, east, north with west < east and south < north",
            remedy="An area across the 180th meridian has to be run in two parts",
        )
    return west, south, east, north


def project_bounds(bounds: Bounds, crs: CRS, where: str = "terrain.bounds") -> Bounds:
    """Left, bottom, right, top (m) of lon/lat `bounds` with densified edges."""
    from pyproj import Transformer

    longitude, latitude = edge_points(*bounds)
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(longitude, latitude)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ScenarioError(
            209, where, got=str(list(bounds)), expected="Cannot be projected with terrain.crs", remedy="Use crs = auto"
        )
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def grid_for(bounds: Bounds, crs: str | int, resolution: float) -> GridSpec:
    """Choose a square metric grid that covers a box in degrees.

    Parameters
    ----------
    bounds : west, south, east, north in degrees (WGS84)
    crs : "auto", an EPSG code or any PROJ text of a CRS projected in metres
    resolution : cell size, m

    Returns
    -------
    GridSpec
        Corners lie on whole multiples of the resolution, so that equal scenarios share cells.

    Raises
    ------
    ScenarioError
        LS-204, LS-207, LS-209 for bounds or crs that cannot be used.
    DataError
        LS-311 when the grid does not fit into memory.

    Examples
    --------
    >>> grid_for((97.0, 24.0, 98.0, 25.0), "auto", 1000.0).shape
    (113, 104)
    """
    bounds = check_bounds(bounds)
    if not (math.isfinite(resolution) and resolution > 0.0):
        raise ScenarioError(204, "terrain.resolution", got=f"{resolution:g} m", expected="Must be greater than 0 m")
    chosen, origin = choose_crs(bounds, crs)
    left, bottom, right, top = project_bounds(bounds, chosen)
    # The slack keeps an edge that lies on a multiple from gaining a row by rounding.
    first_column, last_row = math.floor(left / resolution + 1e-9), math.floor(bottom / resolution + 1e-9)
    last_column, first_row = math.ceil(right / resolution - 1e-9), math.ceil(top / resolution - 1e-9)
    rows, columns = first_row - last_row, last_column - first_column
    check_size(rows, columns, resolution)
    if min(rows, columns) < 3:
        raise ScenarioError(
            209,
            "terrain.resolution",
            got=f"{resolution:g} m",
            expected=f"Leaves only {rows} x {columns} cells in terrain.bounds, at least 3 x 3 are needed",
            remedy="Use a finer resolution or larger bounds",
        )
    transform = (resolution, 0.0, first_column * resolution, 0.0, -resolution, first_row * resolution)
    note = f"Grid of {rows} x {columns} cells of {resolution:g} m in {origin}"
    return GridSpec(transform, (rows, columns), chosen.to_wkt(), note)


def inside_bounds(spec: GridSpec, bounds: Bounds) -> BoolArray:
    """(ny, nx) True where a cell's centre lies within `bounds` (degrees)."""
    from pyproj import Transformer

    a, _, c, _, e, f = spec.transform
    rows, columns = spec.shape
    x = a * (np.arange(columns) + 0.5) + c
    west, south, east, north = bounds
    back = Transformer.from_crs(spec.crs_wkt, "EPSG:4326", always_xy=True)
    inside = np.empty(spec.shape, dtype=np.bool_)
    # Row blocks keep the coordinate arrays small beside the raster itself.
    for start in range(0, rows, 256):
        y = e * (np.arange(start, min(start + 256, rows)) + 0.5) + f
        xx, yy = np.meshgrid(x, y)
        longitude, latitude = back.transform(xx, yy)
        inside[start : start + 256] = (
            (longitude >= west) & (longitude <= east) & (latitude >= south) & (latitude <= north)
        )
    return inside

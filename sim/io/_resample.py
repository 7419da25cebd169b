"""Filling a metric grid from an opened raster, tile by tile."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arrays import BoolArray, Float32Array, FloatArray
from sim.errors import DataError
from sim.io._elevations import Source
from sim.io.grids import Bounds, GridSpec, edge_points, to_cells, to_xy

if TYPE_CHECKING:
    from pyproj import CRS

#: Largest source window held in memory at once, cells.
WINDOW_CELLS = 4_000_000
TILE = 512


@dataclass(frozen=True)
class Plan:
    """How the target grid is filled: `copied` cells, or warped ones."""

    spec: GridSpec
    bounds: Bounds
    crs: CRS
    copied: tuple[int, int] | None
    average: bool


def fill(source: Source, plan: Plan) -> Float32Array:
    """(ny, nx) metres, nan where missing, tile by tile so that large files need not fit into memory."""
    rows, columns = plan.spec.shape
    out = np.full((rows, columns), np.nan, dtype=np.float32)
    if plan.copied is not None:
        flip = source.transform[4] > 0.0
        top, left = plan.copied
        for start in range(0, rows, TILE):
            count = min(TILE, rows - start)
            block = source.read(top + start, left, count, columns)
            if flip:
                out[rows - start - count : rows - start] = block[::-1]
            else:
                out[start : start + count] = block
        return out
    for row, column, height, width in _tiles(rows, columns):
        _warp_tile(source, plan, row, column, out[row : row + height, column : column + width])
    return out


def _tiles(rows: int, columns: int) -> Iterator[tuple[int, int, int, int]]:
    for row in range(0, rows, TILE):
        for column in range(0, columns, TILE):
            yield row, column, min(TILE, rows - row), min(TILE, columns - column)


def _source_window(
    source: Source, plan: Plan, row: int, column: int, height: int, width: int
) -> tuple[int, int, int, int] | None:
    """Row, column, rows, columns of the source cells a tile needs with a margin; None when it lies outside."""
    from pyproj import Transformer

    a, _, c, _, e, f = plan.spec.transform
    x, y = edge_points(c + a * column, f + e * (row + height), c + a * (column + width), f + e * row)
    back = Transformer.from_crs(plan.crs, source.crs, always_xy=True)
    own_x, own_y = back.transform(x, y)
    own_x = _unwrap(source, np.asarray(own_x))
    columns_f, rows_f = to_cells(source.transform, own_x, np.asarray(own_y))
    if not (np.isfinite(columns_f).all() and np.isfinite(rows_f).all()):
        raise DataError(
            302,
            source.key,
            got=repr(str(source.path)),
            expected="Part of the area cannot be projected to its CRS",
            remedy="Use smaller terrain.bounds",
        )
    margin = 3
    top, bottom = math.floor(rows_f.min()) - margin, math.ceil(rows_f.max()) + margin
    left, right = math.floor(columns_f.min()) - margin, math.ceil(columns_f.max()) + margin
    if bottom <= 0 or right <= 0 or top >= source.shape[0] or left >= source.shape[1]:
        return None
    return top, left, bottom - top, right - left


def _unwrap(source: Source, x: Any) -> Any:
    """Longitudes on the turn the (shifted) raster lies on."""
    if not source.crs.is_geographic:
        return x
    middle = to_xy(source.transform, 0.5 * source.shape[1], 0.5 * source.shape[0])[0]
    if abs(middle) <= 180.0:
        return x
    return np.where(x - middle > 180.0, x - 360.0, np.where(x - middle < -180.0, x + 360.0, x))


def _warp_tile(source: Source, plan: Plan, row: int, column: int, out: Float32Array) -> None:
    height, width = out.shape
    window = _source_window(source, plan, row, column, height, width)
    if window is None:
        return
    if window[2] * window[3] > WINDOW_CELLS and max(height, width) > 1:
        # A fine source under a coarse target: quarter the tile until its window is small enough.
        half_h, half_w = (height + 1) // 2, (width + 1) // 2
        for r in range(0, height, half_h):
            for c in range(0, width, half_w):
                _warp_tile(source, plan, row + r, column + c, out[r : r + half_h, c : c + half_w])
        return
    if plan.average:
        _average(source, plan, row, column, window, out)
    else:
        _bilinear(source, plan, row, column, window, out)


def _bilinear(
    source: Source, plan: Plan, row: int, column: int, window: tuple[int, int, int, int], out: Float32Array
) -> None:
    """Interpolate between the four cells around each centre; the one it lies in must be valid, others may be missing.

    Every centre is projected exactly. GDAL's warper interpolates the projection to an eighth of a source cell, which
    shifts terrain by up to 60 m on a 15-second raster and differs from tile to tile.
    """
    from pyproj import Transformer

    values = source.read(*window)
    if not np.isfinite(values).any():
        return
    a, _, c, _, e, f = plan.spec.transform
    height, width = out.shape
    x, y = np.meshgrid(c + a * (column + np.arange(width) + 0.5), f + e * (row + np.arange(height) + 0.5))
    own_x, own_y = Transformer.from_crs(plan.crs, source.crs, always_xy=True).transform(x, y)
    at_column, at_row = to_cells(source.transform, _unwrap(source, np.asarray(own_x)), np.asarray(own_y))
    out[...] = interpolate(values, np.asarray(at_row) - window[0], np.asarray(at_column) - window[1])


def interpolate(values: Float32Array, row: FloatArray, column: FloatArray) -> Float32Array:
    """Bilinear interpolation at fractional rows and columns (0 is the outer edge of the first cell, 0.5 its centre).

    Missing neighbours (nan) leave their weight to the others; the result is nan where the cell itself is missing.

    Examples
    --------
    >>> interpolate(np.array([[0.0, 10.0]], dtype=np.float32), np.array([0.5]), np.array([1.0])).tolist()
    [5.0]
    """
    rows, columns = values.shape
    inside = (row >= 0.0) & (row < rows) & (column >= 0.0) & (column < columns)
    r0, c0 = np.floor(np.where(inside, row, 0.0) - 0.5), np.floor(np.where(inside, column, 0.0) - 0.5)
    down, right = np.where(inside, row, 0.0) - 0.5 - r0, np.where(inside, column, 0.0) - 0.5 - c0
    total = np.zeros(row.shape)
    weight = np.zeros(row.shape)
    for step_row, share_row in ((0, 1.0 - down), (1, down)):
        for step_column, share_column in ((0, 1.0 - right), (1, right)):
            at = (
                np.clip(r0 + step_row, 0, rows - 1).astype(np.int64),
                np.clip(c0 + step_column, 0, columns - 1).astype(np.int64),
            )
            corner = values[at].astype(np.float64)
            share = np.where(np.isfinite(corner), share_row * share_column, 0.0)
            total += share * np.where(share > 0.0, corner, 0.0)
            weight += share
    own = values[np.where(inside, row, 0.0).astype(np.int64), np.where(inside, column, 0.0).astype(np.int64)]
    known = inside & np.isfinite(own) & (weight > 0.0)
    return np.where(known, total / np.where(weight > 0.0, weight, 1.0), np.nan).astype(np.float32)


def _average(
    source: Source, plan: Plan, row: int, column: int, window: tuple[int, int, int, int], out: Float32Array
) -> None:
    """Average the finer cells; a cell is valid when half of it lies on valid source cells."""
    from rasterio import Affine
    from rasterio.enums import Resampling
    from rasterio.warp import reproject

    values = source.read(*window)
    known = np.isfinite(values)
    if not known.any():
        return
    a, _, c, _, e, f = plan.spec.transform
    sa, sb, _, sd, se, _ = source.transform
    x0, y0 = to_xy(source.transform, float(window[1]), float(window[0]))
    options = {
        "src_transform": Affine(sa, sb, x0, sd, se, y0),
        "src_crs": source.crs.to_wkt(),
        "dst_transform": Affine(a, 0.0, c + a * column, 0.0, e, f + e * row),
        "dst_crs": plan.spec.crs_wkt,
        "resampling": Resampling.average,
        "num_threads": 1,
    }
    result = np.full(out.shape, np.nan, dtype=np.float32)
    reproject(values, result, src_nodata=np.nan, dst_nodata=np.nan, **options)
    keep: BoolArray = np.isfinite(result)
    if not known.all():
        cover = np.zeros(out.shape, dtype=np.float32)
        reproject(known.astype(np.float32), cover, **options)
        keep &= cover >= 0.5
    out[...] = np.where(keep, result, np.float32(np.nan))

"""Between degrees and metres: the one place where positions change their reference system."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer

from sim.arrays import FloatArray


@lru_cache(maxsize=16)
def _transformer(source: str, target: str) -> Transformer:
    return Transformer.from_crs(CRS.from_user_input(source), CRS.from_user_input(target), always_xy=True)


def to_metres(longitude: npt.ArrayLike, latitude: npt.ArrayLike, crs_wkt: str) -> tuple[FloatArray, FloatArray]:
    """Return x, y (m) in the terrain's CRS of WGS84 degrees; nan stays nan."""
    return _transform(longitude, latitude, "EPSG:4326", crs_wkt)


def to_degrees(x: npt.ArrayLike, y: npt.ArrayLike, crs_wkt: str) -> tuple[FloatArray, FloatArray]:
    """Return WGS84 longitude, latitude (degrees) of x, y (m) in the terrain's CRS; nan stays nan."""
    return _transform(x, y, crs_wkt, "EPSG:4326")


def _transform(first: npt.ArrayLike, second: npt.ArrayLike, source: str, target: str) -> tuple[FloatArray, FloatArray]:
    a = np.asarray(first, dtype=np.float64)
    b = np.asarray(second, dtype=np.float64)
    out_a, out_b = np.full(a.shape, np.nan), np.full(b.shape, np.nan)
    known = np.isfinite(a) & np.isfinite(b)
    if known.any():
        out_a[known], out_b[known] = _transformer(source, target).transform(a[known], b[known])
    return out_a, out_b

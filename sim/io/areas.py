"""Areas from any vector file GDAL can read, and the cells that lie in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sim.arrays import BoolArray
from sim.io.vectors import AREAS, read_frame
from sim.terrain.objects import Grid


def read_areas(path: str | Path, crs_wkt: str, key: str) -> list[Any]:
    """Read polygons and bring them into a coordinate system.

    Parameters
    ----------
    path : any vector file GDAL can read
    crs_wkt : str, WKT of the coordinate system wanted
    key : str, the scenario key that names the file

    Returns
    -------
    list of shapely polygons and multipolygons

    Raises
    ------
    DataError
        LS-301 to LS-303 and LS-309 as `sim.io.vectors.read_points`.
    """
    import shapely

    frame = read_frame(path, key, AREAS, "areas").to_crs(crs_wkt)
    return list(shapely.make_valid(frame.geometry.to_numpy()))


def rasterize_areas(areas: list[Any], grid: Grid) -> BoolArray:
    """Mark every valid cell whose centre lies in an area.

    Parameters
    ----------
    areas : list of shapely geometries in the grid's CRS
    grid : Grid

    Returns
    -------
    (ncell,) bool
    """
    from affine import Affine
    from rasterio.features import rasterize

    if not areas:
        return np.zeros(grid.elevation.size, dtype=np.bool_)
    burned = rasterize(
        [(area, 1) for area in areas], out_shape=grid.shape, transform=Affine(*grid.transform), fill=0, dtype="uint8"
    )
    return np.asarray((burned == 1) & grid.valid).ravel()

"""Plain GeoTIFFs for exchange with other programs; no tiling, no compression, nothing to go wrong."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.errors import DataError
from sim.terrain.objects import Grid


@contextmanager
def _quiet() -> Iterator[None]:
    """Cells of 1 m from the origin are a position too, though GDAL takes them for none and warns."""
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def write_raster(path: str | Path, array: npt.NDArray[Any], grid: Grid, nodata: float | None = None) -> None:
    """Write (ny, nx) values as an uncompressed GeoTIFF on `grid`.

    Raises
    ------
    DataError
        LS-310 when the disk is full or not writable.
    """
    import rasterio
    from rasterio import Affine
    from rasterio.errors import RasterioError

    values = np.ascontiguousarray(array)
    if values.shape != grid.shape:
        raise ValueError(f"array has shape {values.shape}, the grid {grid.shape}")
    profile = {
        "driver": "GTiff",
        "height": grid.shape[0],
        "width": grid.shape[1],
        "count": 1,
        "dtype": values.dtype.name,
        "crs": grid.crs_wkt or None,
        "transform": Affine(*grid.transform),
        "nodata": nodata,
        "BIGTIFF": "IF_SAFER",
    }
    try:
        with _quiet(), rasterio.open(Path(path), "w", **profile) as dataset:
            dataset.write(values, 1)
    except (RasterioError, OSError) as error:
        raise DataError(
            310,
            str(path),
            expected=f"Cannot be written: {error}",
            remedy="Free some disk space or choose another folder",
        ) from error


def read_raster(path: str | Path) -> npt.NDArray[Any]:
    """Return the first band of a raster as (ny, nx), values as they are in the file.

    Raises
    ------
    DataError
        LS-301 when the file is missing, LS-302 when it cannot be read.
    """
    import rasterio
    from rasterio.errors import RasterioError

    if not Path(path).is_file():
        raise DataError(301, str(path), expected="No such file")
    try:
        with _quiet(), rasterio.open(Path(path)) as dataset:
            values: npt.NDArray[Any] = dataset.read(1)
    except RasterioError as error:
        raise DataError(302, str(path), expected=f"Cannot be read as a raster: {error}") from error
    return values

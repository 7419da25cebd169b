"""Cloud-optimised GeoTIFFs of results, with their QGIS style beside them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sim.io.disk import write_bytes, write_text
from sim.io.styles import QUOTIENT_CLASSES, ZONE_COLOURS, raster_style
from sim.registry import SUBSTANCES, VARIABLES

if TYPE_CHECKING:
    from sim.pipeline.result import Result
    from sim.terrain.objects import Grid

NODATA = -9999.0


def write_cog(
    path: str | Path,
    array: npt.NDArray[Any],
    grid: Grid,
    *,
    nodata: float | None,
    name: str,
    unit: str,
    description: str,
    style: str | None = None,
) -> None:
    """Write (ny, nx) values as a Cloud-Optimised GeoTIFF that repeats byte for byte.

    Parameters
    ----------
    array : float or integer, on `grid`
    nodata : value of cells without one
    name, unit, description : band description, unit and a sentence, kept as tags
    style : QML text, written beside the file with the ending ``.qml``

    Raises
    ------
    DataError
        LS-310 when the disk is full or not writable.
    """
    from rasterio import Affine
    from rasterio.io import MemoryFile

    values = np.ascontiguousarray(array)
    if values.shape != grid.shape:
        raise ValueError(f"array has shape {values.shape}, the grid {grid.shape}")
    real = np.issubdtype(values.dtype, np.floating)
    options = {
        "driver": "COG",
        "height": grid.shape[0],
        "width": grid.shape[1],
        "count": 1,
        "dtype": values.dtype.name,
        "crs": grid.crs_wkt,
        "transform": Affine(*grid.transform),
        "nodata": nodata,
        "BLOCKSIZE": 256,
        "COMPRESS": "DEFLATE",
        "PREDICTOR": "YES",
        "OVERVIEW_RESAMPLING": "AVERAGE" if real else "NEAREST",
        "NUM_THREADS": 1,
        "BIGTIFF": "IF_SAFER",
    }
    # Built in memory: GDAL swallows some write errors at the end of a file, Python's own write does not.
    with MemoryFile() as memory:
        with memory.open(**options) as dataset:
            dataset.write(values, 1)
            dataset.set_band_description(1, name)
            dataset.units = (unit,)
            dataset.update_tags(1, units=unit, long_name=description)
            dataset.update_tags(TITLE=name, UNITS=unit, DESCRIPTION=description, SOFTWARE="LeachSim")
        write_bytes(Path(path), memory.read())
    if style is not None:
        write_text(Path(path).with_suffix(".qml"), style)


def _file_part(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text)


def write_exposure_rasters(folder: Path, result: Result) -> list[Path]:
    """Write ``exposure_<threshold>.tif`` (worst quotient of any month on channel cells) and ``exposure_zones.tif``.

    Returns
    -------
    Paths of the rasters, in order; empty in a channel scenario.
    """
    terrain, exposure = result.terrain, result.exposure
    if terrain is None or exposure is None:
        return []
    grid, network = terrain.grid, result.network
    owner = np.repeat(np.arange(network.size), np.diff(network.channel_start))
    label = "; ".join(result.labels)
    row = VARIABLES["hazard_quotient"]
    written = []
    for threshold in exposure.thresholds:
        s = result.concentration.index(threshold.substance)
        carried = result.channel_concentration[:, s, :]
        if threshold.fraction == "dissolved":
            carried = carried * result.concentration.dissolved_fraction[:, s, :][:, owner]
        values = np.full(grid.elevation.size, NODATA, dtype=np.float32)
        values[network.channel_cell] = carried.max(axis=0) / threshold.value
        substance = SUBSTANCES[threshold.substance].label
        path = folder / f"exposure_{_file_part(threshold.identifier)}.tif"
        write_cog(
            path,
            values.reshape(grid.shape),
            grid,
            nodata=NODATA,
            name=f"worst quotient of {substance} over {threshold.shown}",
            unit=row.unit,
            description=(
                f"{row.sentence} {threshold.medium}, {threshold.jurisdiction}, {threshold.source}, "
                f"evidence {threshold.evidence}. {label}"
            ),
            style=raster_style(QUOTIENT_CLASSES),
        )
        written.append(path)
    return [*written, _write_zones(folder, result, label)]


def _write_zones(folder: Path, result: Result, label: str) -> Path:
    terrain, exposure = result.terrain, result.exposure
    assert terrain is not None
    assert exposure is not None
    valid = terrain.grid.valid.ravel()
    classes = np.where(valid, exposure.circle + np.uint8(2) * exposure.corridor, np.uint8(255)).astype(np.uint8)
    names = ("neither", "circle only", "downstream only", "circle and downstream")
    path = folder / "exposure_zones.tif"
    steps = [(float(i), name, ZONE_COLOURS.get(name, "#f7f7f7")) for i, name in enumerate(names)]
    write_cog(
        path,
        classes.reshape(terrain.grid.shape),
        terrain.grid,
        nodata=255.0,
        name="circle zone and modelled downstream zone",
        unit="1",
        description=f"{', '.join(f'{i} = {name}' for i, name in enumerate(names))}. {label}",
        style=raster_style(steps, exact=True),
    )
    return path

"""Cloud-optimised GeoTIFFs of results, with their QGIS style beside them."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sim.io.disk import write_bytes, write_text
from sim.io.styles import ZONE_COLOURS, quotient_steps, raster_style
from sim.registry import SUBSTANCES, VARIABLES

if TYPE_CHECKING:
    from rasterio.io import MemoryFile

    from sim.pipeline.result import Result
    from sim.terrain.objects import Grid

NODATA = -9999.0
_BLOCK = 256
_COG: dict[str, Any] = {
    "BLOCKSIZE": _BLOCK,
    "COMPRESS": "DEFLATE",
    "PREDICTOR": "YES",
    "NUM_THREADS": 1,
    "BIGTIFF": "IF_SAFER",
}


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
    largest: bool = False,
) -> None:
    """Write (ny, nx) values as a Cloud-Optimised GeoTIFF that repeats byte for byte.

    Parameters
    ----------
    array : float or integer, on `grid`
    nodata : value of cells without one
    name, unit, description : band description, unit and a sentence, kept as tags
    style : QML text, written beside the file with the ending ``.qml``
    largest : overviews keep the largest value of the cells they stand for, so that no hot cell is hidden when a map
        is zoomed out; otherwise the mean of floats, the nearest of integers

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
    profile = {
        "height": grid.shape[0],
        "width": grid.shape[1],
        "count": 1,
        "dtype": values.dtype.name,
        "crs": grid.crs_wkt,
        "transform": Affine(*grid.transform),
        "nodata": nodata,
    }
    average = np.issubdtype(values.dtype, np.floating)
    options = {**_COG, "OVERVIEW_RESAMPLING": "AVERAGE" if average else "NEAREST"}
    # Built in memory: GDAL swallows some write errors at the end of a file, Python's own write does not.
    with MemoryFile(ext=".tif") as memory:
        driver = {"driver": "GTiff"} if largest else {"driver": "COG", **options}
        with memory.open(**driver, **profile) as dataset:
            dataset.write(values, 1)
            dataset.set_band_description(1, name)
            dataset.units = (unit,)
            dataset.update_tags(1, units=unit, long_name=description)
            dataset.update_tags(TITLE=name, UNITS=unit, DESCRIPTION=description, SOFTWARE="LeachSim")
        write_bytes(Path(path), _with_largest(memory, values, profile) if largest else memory.read())
    if style is not None:
        write_text(Path(path).with_suffix(".qml"), style)


def _with_largest(source: MemoryFile, values: npt.NDArray[Any], profile: dict[str, Any]) -> bytes:
    """COG of a GeoTIFF in memory, with overviews of largest values.

    GDAL resamples overviews to means, modes or single cells, but takes overviews it is given. A virtual raster in
    memory joins those computed here to the values.
    """
    import rasterio.shutil
    from rasterio.io import MemoryFile

    with ExitStack() as stack:
        virtual, whole = (stack.enter_context(MemoryFile(ext=ending)) for ending in (".vrt", ".tif"))
        rasterio.shutil.copy(source.name, virtual.name, driver="VRT")
        joined = ""
        for level in _largest_levels(values, profile["nodata"]):
            part = stack.enter_context(MemoryFile(ext=".tif"))
            with part.open(**{**profile, "driver": "GTiff", "height": level.shape[0], "width": level.shape[1]}) as file:
                file.write(level, 1)
            name = f'<SourceFilename relativeToVRT="0">{part.name}</SourceFilename>'
            joined += f"<Overview>{name}<SourceBand>1</SourceBand></Overview>"
        text = virtual.read().decode().replace("</VRTRasterBand>", f"{joined}</VRTRasterBand>")
        ready = stack.enter_context(MemoryFile(text.encode(), ext=".vrt"))
        overviews = "FORCE_USE_EXISTING" if joined else "NONE"
        rasterio.shutil.copy(ready.name, whole.name, driver="COG", OVERVIEWS=overviews, **_COG)
        return bytes(whole.read())


def _largest_levels(values: npt.NDArray[Any], nodata: float | None) -> list[npt.NDArray[Any]]:
    """Values halved again and again, each cell the largest of four, until they fit into one block."""
    missing = np.isnan(values) if nodata is None or np.isnan(nodata) else values == nodata
    level = np.where(missing, -np.inf, values)
    levels = []
    while max(level.shape) > _BLOCK:
        rows, columns = level.shape
        even = np.pad(level, ((0, rows % 2), (0, columns % 2)), constant_values=-np.inf)
        level = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2).max(axis=(1, 3))
        empty = np.nan if nodata is None else nodata
        levels.append(np.where(np.isneginf(level), empty, level).astype(values.dtype))
    return levels


def _file_part(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text)


def write_exposure_rasters(folder: Path, result: Result) -> list[Path]:
    """Write ``exposure_<threshold>.tif`` and ``exposure_zones.tif``.

    The former hold the worst quotient of any period on channel cells below at least one site.

    Returns
    -------
    Paths of the rasters, in order; empty in a channel scenario.
    """
    terrain, exposure = result.terrain, result.exposure
    if terrain is None or exposure is None:
        return []
    grid, network = terrain.grid, result.network
    owner = np.repeat(np.arange(network.size), np.diff(network.channel_start))
    below = exposure.downstream[owner]
    label = "; ".join(result.labels)
    row = VARIABLES["hazard_quotient"]
    written = []
    for threshold in exposure.thresholds:
        s = result.concentration.index(threshold.substance)
        carried = result.channel_concentration[:, s, :]
        if threshold.fraction == "dissolved":
            carried = carried * result.concentration.dissolved_fraction[:, s, :][:, owner]
        values = np.full(grid.elevation.size, NODATA, dtype=np.float32)
        # Rivers no site drains to hold background only; coloured, they would look exposed.
        values[network.channel_cell[below]] = carried.max(axis=0)[below] / threshold.value
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
                f"evidence {threshold.evidence}. Largest of all periods, on channel cells below at least one site; all "
                f"other cells are nodata. Overviews keep the largest value. {label}"
            ),
            style=raster_style(quotient_steps("this threshold")),
            largest=True,
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

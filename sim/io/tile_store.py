"""Windows of a raster read tile by tile, intermediate arrays between steps, and results written tile by tile."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from sim.arrays import BoolArray, ByteArray, Float32Array
from sim.errors import ScenarioError
from sim.io.disk import disk_error, is_disk_error, library_writes
from sim.io.grids import SixFloats
from sim.terrain.objects import INVALID_CODE

if TYPE_CHECKING:
    from sim.terrain.tile_flow import Finished
    from sim.terrain.tiles import Layout, Tile

Array = npt.NDArray[Any]

#: rows, columns of a window: first row, last row, first column, last column, the last ones excluded
Window = tuple[int, int, int, int]

#: store -> what the user gets
STORES = ("cog", "zarr")
_GRID_MAPPING = "spatial_ref"


class Elevations(Protocol):
    """Something that gives windows of elevations; it is sent to workers, so it holds names rather than arrays."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    @property
    def cell_size(self) -> tuple[float, float]:
        """Width and height of a cell, m."""

    def read(self, window: Window) -> tuple[Array, BoolArray | None]:
        """Elevations of a window, m, and where they are valid; None when all are."""


@dataclass(frozen=True)
class ArrayElevations:
    """Elevations that lie in memory.

    elevation : (ny, nx) real, m; valid : (ny, nx) bool or None
    """

    elevation: Array
    valid: BoolArray | None = None
    cell_size: tuple[float, float] = (1.0, 1.0)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.elevation.shape[0], self.elevation.shape[1]

    def read(self, window: Window) -> tuple[Array, BoolArray | None]:
        """Elevations of a window and where they are valid."""
        cut = slice(window[0], window[1]), slice(window[2], window[3])
        return self.elevation[cut], None if self.valid is None else self.valid[cut]


@dataclass(frozen=True)
class RasterElevations:
    """Elevations of a raster file whose own cells are taken as they are.

    path : file, as the user named it; key : name of the setting, for messages
    notes : what was found about the file
    """

    path: str
    key: str
    shape: tuple[int, int]
    transform: SixFloats
    crs_wkt: str
    notes: tuple[str, ...] = ()

    @property
    def cell_size(self) -> tuple[float, float]:
        """Width and height of a cell, m."""
        return self.transform[0], -self.transform[4]

    def read(self, window: Window) -> tuple[Float32Array, BoolArray | None]:
        """Elevations of a window, m, and where they are valid.

        Raises
        ------
        DataError
            LS-302 when the file breaks off, LS-305 when a value cannot be an elevation.
        """
        from sim.io._elevations import open_elevations

        top, bottom, left, right = window
        with open_elevations(Path(self.path), self.key) as source:
            values = source.read(top, left, bottom - top, right - left)
        valid = np.isfinite(values)
        if valid.all():
            return values, None
        return np.where(valid, values, np.float32(0.0)), valid


def raster_elevations(path: str | Path, key: str = "DEM") -> RasterElevations:
    """Open a raster for reading in windows.

    Parameters
    ----------
    path : raster in a CRS projected in metres, north up; its cells are taken as they are
    key : name of the setting, for messages

    Raises
    ------
    DataError
        LS-301, LS-302, LS-303 for the file.
    ScenarioError
        LS-204 when its CRS is not metric or its rows do not run from north to south.
    """
    from sim.io._elevations import check_path, open_elevations
    from sim.io.grids import area_error
    from sim.io.rasters import GOOD_AREA, own_bounds

    found = check_path(path, key)
    with open_elevations(found, key) as source:
        a, b, _, d, e, _ = source.transform
        own = source.crs
        metric = own.is_projected and all(axis.unit_conversion_factor == 1.0 for axis in own.axis_info)
        bounds = own_bounds(source, own)
        wrong = ""
        if not metric:
            wrong = f"Must be in a CRS projected in metres, it is in {own.name}"
        elif b != 0.0 or d != 0.0 or a <= 0.0 or e >= 0.0:
            wrong = "Its rows must run from north to south and its columns from west to east"
        elif not area_error(own, bounds) <= GOOD_AREA:
            wrong = f"Areas in its CRS ({own.name}) are off by more than {100 * GOOD_AREA:.0f} %"
        if wrong:
            raise ScenarioError(
                204,
                key,
                got=repr(str(path)),
                expected=f"{wrong}; a tiled run takes the cells of the raster as they are",
                remedy="Warp it first, for example gdalwarp -t_srs EPSG:32647 -r bilinear, or run without --tiled",
            )
        notes = (*source.notes, "Cells taken as they are, window by window")
        return RasterElevations(str(found.resolve()), key, source.shape, source.transform, own.to_wkt(), notes)


@dataclass(frozen=True)
class Scratch:
    """Arrays between steps, one file per tile and step in a folder that all workers see.

    A file appears whole or not at all, so a step may be done twice: the second writes the same.
    """

    folder: str

    def save(self, name: str, **arrays: Array) -> None:
        """Write named arrays.

        Raises
        ------
        DataError
            LS-310 when the disk is full or not writable.
        """
        final = Path(self.folder) / f"{name}.npz"
        partial = final.with_name(f".{final.name}.{os.getpid()}")
        try:
            with partial.open("wb") as stream:
                np.savez(stream, **arrays)  # type: ignore[arg-type]
            os.replace(partial, final)
        except OSError as error:
            with suppress(OSError):
                partial.unlink()
            if is_disk_error(error):
                raise disk_error(final, error) from error
            raise

    def load(self, name: str, *wanted: str) -> dict[str, Array]:
        """Read named arrays; all of them when no names are given."""
        with np.load(Path(self.folder) / f"{name}.npz", allow_pickle=False) as found:
            return {part: found[part] for part in (wanted or found.files)}

    def drop(self, name: str) -> None:
        """Remove a file that is not needed any more."""
        with suppress(FileNotFoundError):
            (Path(self.folder) / f"{name}.npz").unlink()

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Writer(Protocol):
    """Something that keeps the results of a tile; it is sent to workers."""

    def write(self, tile: Tile, found: Finished) -> None:
        """Keep the results of a tile; twice the same is the same."""


@dataclass(frozen=True)
class TileFiles:
    """Results as one file of arrays per tile, to be put together afterwards."""

    scratch: Scratch

    def write(self, tile: Tile, found: Finished) -> None:
        """Keep the results of a tile."""
        self.scratch.save(
            f"result-{tile.number}",
            direction=found.direction,
            upstream_cells=found.upstream_cells,
            conditioned=found.conditioned,
        )

    def read(self, tile: Tile) -> dict[str, Array]:
        """Results of a tile by name."""
        return self.scratch.load(f"result-{tile.number}")


@dataclass(frozen=True)
class ZarrWriter:
    """Results as a Zarr group with one chunk per tile, so that tiles can be written at the same time."""

    path: str

    def write(self, tile: Tile, found: Finished) -> None:
        """Write the chunk of a tile in every array."""
        import zarr

        top, bottom, left, right = tile.box
        group: Any = zarr.open_group(self.path, mode="r+")
        valid = found.direction != INVALID_CODE
        conditioned = np.where(valid, found.conditioned, np.float32("nan")).astype(np.float32)
        for name, values in (
            ("flow_direction", found.direction),
            ("upstream_cells", found.upstream_cells),
            ("conditioned", conditioned),
        ):
            with library_writes(Path(self.path) / name, Path(self.path)):
                group[name][top:bottom, left:right] = values


def make_zarr(
    path: Path, layout: Layout, source: RasterElevations, index: npt.DTypeLike, said: dict[str, str]
) -> ZarrWriter:
    """Make an empty Zarr group for the results, with coordinates and CRS as CF asks for.

    Parameters
    ----------
    index : type of the numbers of cells
    said : array -> description
    """
    import zarr

    a, _, c, _, e, f = source.transform
    group: Any = zarr.create_group(store=str(path), zarr_format=3)
    mapping = group.create_array(_GRID_MAPPING, shape=(), dtype=np.int32, fill_value=0)
    mapping.attrs.update({"crs_wkt": source.crs_wkt, "GeoTransform": " ".join(map(repr, (c, a, 0.0, f, 0.0, e)))})
    for name, values in (
        ("y", f + e * (np.arange(layout.rows) + 0.5)),
        ("x", c + a * (np.arange(layout.columns) + 0.5)),
    ):
        axis = group.create_array(name, shape=values.shape, dtype=np.float64, dimension_names=[name])
        axis[:] = values
        axis.attrs.update({"units": "m", "standard_name": f"projection_{name}_coordinate"})
    kinds: dict[str, tuple[npt.DTypeLike, Any, str]] = {
        "flow_direction": (np.uint8, INVALID_CODE, "1"),
        "upstream_cells": (index, 0, "1"),
        "conditioned": (np.float32, float("nan"), "m"),
    }
    for name, (dtype, fill, unit) in kinds.items():
        array = group.create_array(
            name,
            shape=(layout.rows, layout.columns),
            chunks=(min(layout.size, layout.rows), min(layout.size, layout.columns)),
            dtype=dtype,
            fill_value=fill,
            dimension_names=["y", "x"],
        )
        array.attrs.update({"units": unit, "long_name": said[name], "grid_mapping": _GRID_MAPPING})
    return ZarrWriter(str(path))


@dataclass(frozen=True)
class Band:
    """How one result becomes a raster: name, unit, description, nodata, type and the values of a tile."""

    name: str
    unit: str
    description: str
    nodata: float
    dtype: str
    result: str
    factor: float = 1.0

    def values(self, found: dict[str, Array]) -> Array:
        """(ny, nx) values of a tile."""
        valid: ByteArray = found["direction"] != INVALID_CODE
        if self.result == "direction":
            return found["direction"]
        scaled = found[self.result] if self.factor == 1.0 else found[self.result] * self.factor
        return np.where(valid, scaled, self.nodata).astype(self.dtype)


def write_tiled_cog(
    path: Path, scratch: Path, layout: Layout, source: RasterElevations, band: Band, files: TileFiles
) -> None:
    """Put the results of all tiles together as a Cloud-Optimised GeoTIFF, without holding them all in memory.

    Raises
    ------
    DataError
        LS-310 when the disk is full or not writable.
    """
    import rasterio
    import rasterio.shutil
    from rasterio import Affine
    from rasterio.windows import Window as RasterWindow

    profile: dict[str, Any] = {
        "driver": "GTiff", "height": layout.rows, "width": layout.columns, "count": 1, "dtype": band.dtype,
        "crs": source.crs_wkt, "transform": Affine(*source.transform), "nodata": band.nodata, "tiled": True,
        "blockxsize": 256, "blockysize": 256, "bigtiff": "IF_SAFER",
    }  # fmt: skip
    plain = scratch / f"plain-{path.name}"
    with library_writes(path), rasterio.Env(GDAL_CACHEMAX=256):
        with rasterio.open(plain, "w", **profile) as dataset:
            for number in range(layout.count):
                tile = layout.tile(number)
                top, bottom, left, right = tile.box
                dataset.write(
                    band.values(files.read(tile)), 1, window=RasterWindow(left, top, right - left, bottom - top)
                )
            dataset.set_band_description(1, band.name)
            dataset.units = (band.unit,)
            dataset.update_tags(1, units=band.unit, long_name=band.description)
            dataset.update_tags(TITLE=band.name, UNITS=band.unit, DESCRIPTION=band.description, SOFTWARE="LeachSim")
        rasterio.shutil.copy(
            plain, path, driver="COG", BLOCKSIZE=256, COMPRESS="DEFLATE", PREDICTOR="YES", NUM_THREADS=1,
            BIGTIFF="IF_SAFER", OVERVIEW_RESAMPLING="AVERAGE" if band.result == "conditioned" else "NEAREST",
        )  # fmt: skip
    plain.unlink()

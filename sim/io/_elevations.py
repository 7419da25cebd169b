"""One open elevation raster: refused when it cannot be used, read window by window as clean metres."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arrays import BoolArray, Float32Array
from sim.errors import DataError
from sim.io.grids import SixFloats

if TYPE_CHECKING:
    from pyproj import CRS

LOWEST, HIGHEST = -500.0, 9000.0
_NETWORK = re.compile(rb"(https?|ftp|s3|gs)://|/vsi(curl|s3|gs|az|adls|oss|swift|webhdfs|hdfs)", re.IGNORECASE)
_TO_METRES = {
    "ft": 0.3048,
    "foot": 0.3048,
    "feet": 0.3048,
    "us-ft": 1200.0 / 3937.0,
    "us survey foot": 1200.0 / 3937.0,
    "cm": 0.01,
    "dm": 0.1,
    "mm": 0.001,
}
_IS_METRES = {"", "m", "metre", "metres", "meter", "meters"}
#: Marks of missing elevations that producers use without declaring them.
_SENTINELS = (-32768.0, -32767.0, -9999.0, -99999.0, 32767.0, 65535.0)
_HUGE = 1e30


@dataclass
class Source:
    """An opened elevation raster and what was found while reading it.

    crs : horizontal part of the raster's CRS
    transform : six floats of the raster (any orientation), longitudes shifted to overlap the area when needed
    factor : metres per unit of the values
    undeclared : values that were taken for missing although the file does not say so -> cells
    """

    dataset: Any
    path: Path
    key: str
    transform: SixFloats
    crs: CRS
    factor: float
    notes: list[str]
    undeclared: dict[float, int] = field(default_factory=dict)

    def shift(self, degrees: float) -> None:
        """Move the raster by whole turns of longitude."""
        a, b, c, d, e, f = self.transform
        self.transform = (a, b, c + degrees, d, e, f)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the file."""
        return int(self.dataset.height), int(self.dataset.width)

    def read(self, row: int, column: int, rows: int, columns: int) -> Float32Array:
        """Metres of one window as float32; nan where missing and outside the file.

        Raises
        ------
        DataError
            LS-302 when the file breaks off, LS-305 when a value cannot be an elevation.
        """
        from rasterio.errors import RasterioError
        from rasterio.windows import Window

        out = np.full((rows, columns), np.nan, dtype=np.float32)
        top, left = max(row, 0), max(column, 0)
        bottom, right = min(row + rows, self.shape[0]), min(column + columns, self.shape[1])
        if bottom <= top or right <= left:
            return out
        window = Window(left, top, right - left, bottom - top)
        try:
            raw = self.dataset.read(1, window=window, masked=True)
        except (RasterioError, MemoryError) as error:
            raise unreadable(self.key, self.path, BREAKS_OFF) from error
        values = np.asarray(raw.data, dtype=np.float64)
        missing = np.ma.getmaskarray(raw) | ~np.isfinite(values)
        missing |= self._sentinels(values, missing)
        metres = (values * self.dataset.scales[0] + self.dataset.offsets[0]) * self.factor
        self._check(metres, missing, top, left)
        out[top - row : bottom - row, left - column : right - column] = np.where(missing, np.nan, metres)
        return out

    def _sentinels(self, values: Any, missing: BoolArray) -> BoolArray:
        found = np.zeros(values.shape, dtype=np.bool_)
        for mark in _SENTINELS:
            if not LOWEST <= mark <= HIGHEST or mark == -9999.0:
                found |= self._tally(mark, (values == mark) & ~missing)
        found |= self._tally(-_HUGE, (values < -_HUGE) & ~missing)
        found |= self._tally(_HUGE, (values > _HUGE) & ~missing)
        return found

    def _tally(self, mark: float, where: BoolArray) -> BoolArray:
        count = int(np.count_nonzero(where))
        if count:
            self.undeclared[mark] = self.undeclared.get(mark, 0) + count
        return where

    def _check(self, metres: Any, missing: BoolArray, top: int, left: int) -> None:
        wrong = ~missing & ((metres < LOWEST) | (metres > HIGHEST))
        if not wrong.any():
            return
        row, column = (int(v[0]) for v in np.nonzero(wrong))
        raise DataError(
            305,
            self.key,
            got=f"{self.path.name}, row {top + row}, column {left + column}: {metres[row, column]:g} m",
            expected=f"Elevations must lie between {LOWEST:g} and {HIGHEST:g} m",
            remedy="Declare this value as nodata (gdal_translate -a_nodata) or give the unit of the raster",
        )

    def undeclared_note(self) -> str | None:
        """Sentence on values that were taken for missing, or None."""
        if not self.undeclared:
            return None
        names = {-_HUGE: "below -1e30", _HUGE: "above 1e30"}
        parts = [
            f"{names.get(mark, f'{mark:g}')} ({count} cells read)" for mark, count in sorted(self.undeclared.items())
        ]
        listed = ", ".join(parts)
        return f"{self.path.name} does not declare these values as missing, they were taken for missing: {listed}"


#: What GDAL says differs from version to version and mostly tells a user nothing; these do not.
BREAKS_OFF = "Its elevations cannot be read to the end, it breaks off or is damaged"
NO_RASTER = "Is no raster file that GDAL can open"


def unreadable(key: str, path: Path, expected: str) -> DataError:
    """LS-302 for a file that is there."""
    return DataError(
        302,
        key,
        got=repr(str(path)),
        expected=expected,
        remedy="Check with gdalinfo -checksum whether the file is whole",
    )


def check_path(path: str | Path, key: str) -> Path:
    """Refuse addresses (only `leachsim fetch` goes online) and files that do not exist.

    Raises
    ------
    DataError
        LS-301 or LS-302.
    """
    text = str(path)
    if "://" in text or re.match(r"https?:/", text) or text.startswith("/vsi"):
        raise DataError(
            302,
            key,
            got=repr(text),
            expected="Must be a file on this machine, a run never goes online",
            remedy="Download it first (leachsim fetch)",
        )
    found = Path(path)
    if not found.exists():
        raise DataError(
            301,
            key,
            got=repr(text),
            expected="No such file",
            remedy="Paths are relative to the folder of the scenario file",
        )
    if found.is_dir():
        raise DataError(302, key, got=repr(text), expected="Is a folder, a file is needed")
    return found


def _refuse_remote_parts(path: Path, key: str) -> None:
    # A VRT or service description is text that may point to the internet; GDAL would follow it without asking.
    try:
        with path.open("rb") as stream:
            head = stream.read(1 << 20)
    except OSError as error:
        raise unreadable(key, path, f"Cannot be read: {error.strerror or type(error).__name__}") from error
    if head.lstrip()[:1] in (b"<", b"{") and _NETWORK.search(head):
        raise DataError(
            302,
            key,
            got=repr(str(path)),
            expected="Points to data on the internet, a run never goes online",
            remedy="Download the parts first (leachsim fetch)",
        )


@contextmanager
def open_elevations(path: Path, key: str) -> Iterator[Source]:
    """Open one raster for reading elevations of its first band.

    Raises
    ------
    DataError
        LS-302 unreadable, LS-303 without CRS or position, LS-305 when it is a picture.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    _refuse_remote_parts(path, key)
    # The second lock: whatever format it is, GDAL may fetch nothing.
    with rasterio.Env(CPL_VSIL_CURL_ALLOWED_FILENAME="none", GDAL_HTTP_MAX_RETRY="0"), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            dataset = rasterio.open(path.resolve())
        except RasterioError as error:
            raise unreadable(key, path, NO_RASTER) from error
        with dataset:
            source = _inspect(dataset, path, key)
            _check_end(source)
            yield source


def _check_end(source: Source) -> None:
    """Read the last row: a file that breaks off is refused even when the area asked for lies before the break."""
    from rasterio.errors import RasterioError
    from rasterio.windows import Window

    if source.dataset.driver == "VRT":
        return  # its parts stand alone; those needed are read anyway
    rows, columns = source.shape
    try:
        source.dataset.read(1, window=Window(0, rows - 1, columns, 1))
    except RasterioError as error:
        raise unreadable(source.key, source.path, BREAKS_OFF) from error


def _inspect(dataset: Any, path: Path, key: str) -> Source:
    from pyproj import CRS
    from rasterio.enums import ColorInterp

    if dataset.count == 0:
        inner = f" It holds {len(dataset.subdatasets)} rasters" if dataset.subdatasets else ""
        raise DataError(
            302,
            key,
            got=repr(str(path)),
            expected=f"Holds no raster band of its own.{inner}",
            remedy="Export the elevations to a GeoTIFF",
        )
    if dataset.crs is None or dataset.transform.is_identity:
        lacking = "coordinate reference system" if dataset.crs is None else "position (geotransform)"
        raise DataError(
            303,
            key,
            got=repr(str(path)),
            expected=f"The raster has no {lacking}",
            remedy="Add it, for example with gdal_edit.py -a_srs EPSG:4326"
            if dataset.crs is None
            else "Georeference it, for example with gdal_translate -a_ullr",
        )
    notes = [
        f"Read from {path.name} ({dataset.driver}, {dataset.dtypes[0]}, {dataset.height} x {dataset.width} cells, "
        f"{_crs_name(dataset.crs)})"
    ]
    if dataset.colorinterp[0] in (ColorInterp.red, ColorInterp.palette) or dataset.dtypes[0].startswith(
        ("complex", "str")
    ):
        raise DataError(
            305,
            key,
            got=repr(str(path)),
            expected="Holds a picture, not elevations",
            remedy="Give a raster whose first band holds metres",
        )
    if dataset.count > 1:
        notes.append(f"Band 1 of {dataset.count} bands taken")
    if dataset.nodata is None and not _has_mask(dataset):
        notes.append("The raster declares no value for missing cells")
    unit = (dataset.units[0] or "").strip().lower()
    factor = _TO_METRES.get(unit, 1.0)
    if unit in _TO_METRES:
        notes.append(f"Elevations converted from {unit} to metres")
    elif unit not in _IS_METRES:
        notes.append(f"Unit {unit!r} of the elevations is not known, taken as metres")
    if (dataset.scales[0], dataset.offsets[0]) != (1.0, 0.0):
        notes.append(f"Scale {dataset.scales[0]:g} and offset {dataset.offsets[0]:g} applied")
    transform = tuple(float(v) for v in tuple(dataset.transform)[:6])
    own = CRS.from_user_input(dataset.crs.to_wkt()).to_2d()
    return Source(dataset, path, key, transform, own, factor, notes)  # type: ignore[arg-type]


def _has_mask(dataset: Any) -> bool:
    from rasterio.enums import MaskFlags

    return MaskFlags.all_valid not in dataset.mask_flag_enums[0]


def _crs_name(crs: Any) -> str:
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else (crs.to_dict().get("proj") or "a CRS of its own")

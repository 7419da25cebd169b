"""GeoPackages that open styled in QGIS and repeat byte for byte."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sim.io.disk import library_writes

if TYPE_CHECKING:
    import geopandas as gpd

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Layer:
    """One layer: `kind` is the geometry type, `style` QML text ("" for none), `description` one sentence."""

    name: str
    frame: gpd.GeoDataFrame
    kind: str
    style: str = ""
    description: str = ""


def date_of(digest: str) -> str:
    """The date a GeoPackage carries, drawn from the scenario's digest since a clock would change its bytes.

    Examples
    --------
    >>> date_of("00000000")
    '2000-01-01T00:00:00.000Z'
    """
    day = _EPOCH + timedelta(days=int(digest[:8], 16) % 9000)
    return f"{day:%Y-%m-%d}T00:00:00.000Z"


def write_geopackage(path: str | Path, layers: Sequence[Layer], *, digest: str) -> None:
    """Write layers with their styles.

    Parameters
    ----------
    path : file to write
    layers : at least one; frames without rows are left out
    digest : hex digest of the scenario, from which the date in the file is drawn

    Raises
    ------
    DataError
        LS-310 when the disk is full or not writable.
    """
    import pyogrio

    target = Path(path)
    kept = [layer for layer in layers if len(layer.frame)]
    if not kept:
        raise ValueError("a GeoPackage needs at least one layer with features")
    # GDAL warns about any other ending.
    building = target.with_name(f".{target.stem}.building.gpkg")
    date = date_of(digest)
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": date})
    try:
        with library_writes(building, target):
            for number, layer in enumerate(kept):
                pyogrio.write_dataframe(
                    layer.frame,
                    building,
                    layer=layer.name,
                    driver="GPKG",
                    append=number > 0,
                    geometry_type=layer.kind,
                    layer_options={"DESCRIPTION": layer.description},
                )
            _write_styles(building, kept, date)
            _check(building, kept)
            os.replace(building, target)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
        for suffix in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                building.with_name(building.name + suffix).unlink()


def _write_styles(path: Path, layers: Sequence[Layer], date: str) -> None:
    """The table QGIS looks for; it lists one default style per layer."""
    import pandas as pd
    import pyogrio

    rows = [
        {
            "f_table_catalog": "",
            "f_table_schema": "",
            "f_table_name": layer.name,
            "f_geometry_column": "geom",
            "styleName": layer.name,
            "styleQML": layer.style,
            "styleSLD": "",
            "useAsDefault": True,
            "description": layer.description,
            "owner": "",
            "ui": "",
            "update_time": date,
        }
        for layer in layers
        if layer.style
    ]
    if rows:
        pyogrio.write_dataframe(
            pd.DataFrame(rows), path, layer="layer_styles", driver="GPKG", append=True, layer_options={"FID": "id"}
        )


def _check(path: Path, layers: Sequence[Layer]) -> None:
    """GDAL can lose its last commit on a full disk without an error; counting shows it."""
    with closing(sqlite3.connect(path)) as connection:
        for layer in layers:
            name = layer.name.replace('"', '""')
            (count,) = connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()
            if count != len(layer.frame):
                raise RuntimeError(f"{path.name}: {count} of {len(layer.frame)} features of {layer.name} arrived")
        (answer,) = connection.execute("PRAGMA quick_check").fetchone()
        if answer != "ok":
            raise RuntimeError(f"{path.name}: {answer}")

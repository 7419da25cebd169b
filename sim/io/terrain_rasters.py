"""Rasters and tables of a conditioned terrain, each with its meaning in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import ByteArray, Float32Array, FloatArray, IntArray
from sim.io.cog import NODATA, write_cog
from sim.io.styles import raster_style
from sim.io.tables import write_table
from sim.terrain.objects import EDGE_CODE, INVALID_CODE, KEPT_CODE, NODATA_CODE
from sim.terrain.rules import DECISIONS, Depressions

if TYPE_CHECKING:
    from sim.terrain.objects import Terrain

#: code in flow_direction.tif -> meaning
DIRECTION_CODES = {
    0: "drains to the east (E)",
    1: "drains to the south-east (SE)",
    2: "drains to the south (S)",
    3: "drains to the south-west (SW)",
    4: "drains to the west (W)",
    5: "drains to the north-west (NW)",
    6: "drains to the north (N)",
    7: "drains to the north-east (NE)",
    EDGE_CODE: "outlet at the edge of the terrain",
    NODATA_CODE: "outlet into a gap without elevations",
    KEPT_CODE: "kept sink, water ends here",
}

#: A hue for each direction around the compass, so that opposite slopes differ; outlets and sinks in dark tones.
_DIRECTION_COLOURS = (
    "#e8a33d",
    "#d9705a",
    "#b04f8a",
    "#7a55b5",
    "#3f6fc0",
    "#2f9bb0",
    "#4fae7a",
    "#a9b83f",
    "#222222",
    "#666666",
    "#8a1c12",
)
_ORDER_COLOURS = ("#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c", "#08306b", "#041c45")
_HEIGHT_STEPS = (
    (2.0, "below 2 m above the stream", "#08519c"),
    (5.0, "2 to 5 m", "#3182bd"),
    (10.0, "5 to 10 m", "#6baed6"),
    (20.0, "10 to 20 m", "#bdd7e7"),
    (50.0, "20 to 50 m", "#ffffcc"),
    (100.0, "50 to 100 m", "#fed976"),
    (300.0, "100 to 300 m", "#fd8d3c"),
    (float("inf"), "above 300 m", "#a63603"),
)


def write_conditioned(path: Path, terrain: Terrain, said: str) -> None:
    """Write the conditioned surface, m; `said` ends every description (modelled, source of the elevations)."""
    grid = terrain.grid
    write_cog(
        path,
        np.where(grid.valid, terrain.conditioned, np.float32(NODATA)),
        grid,
        nodata=NODATA,
        name="conditioned elevation (m)",
        unit="m",
        description=f"Elevation after conditioning: {terrain.method}. {said}",
    )


def write_directions(path: Path, terrain: Terrain, said: str) -> None:
    """Write the direction codes of `DIRECTION_CODES`."""
    listed = ", ".join(f"{code} = {meaning}" for code, meaning in DIRECTION_CODES.items())
    steps = [(float(code), meaning, _DIRECTION_COLOURS[code]) for code, meaning in DIRECTION_CODES.items()]
    write_cog(
        path,
        terrain.direction.reshape(terrain.grid.shape),
        terrain.grid,
        nodata=float(INVALID_CODE),
        name="flow direction (code)",
        unit="1",
        description=f"One of eight neighbours: {listed}, {INVALID_CODE} = no elevation (nodata). {said}",
        style=raster_style(steps, exact=True),
    )


def write_upstream_area(path: Path, terrain: Terrain, said: str) -> None:
    """Write drainage areas, km2, rounded to seven digits (float32)."""
    grid = terrain.grid
    area = np.full(grid.shape, NODATA, dtype=np.float32)
    factor = grid.cell_area / 1e6
    upstream = terrain.upstream_cells.reshape(grid.shape)
    for start in range(0, grid.shape[0], 256):  # row blocks: the product is in double precision
        rows = slice(start, start + 256)
        area[rows] = np.where(grid.valid[rows], upstream[rows] * factor, NODATA)
    write_cog(
        path,
        area,
        grid,
        nodata=NODATA,
        name="upstream area (km2)",
        unit="km2",
        description="Area that drains through each cell, the cell included, of this terrain alone: what rivers bring "
        f"in over its edge is not counted. Rounded to seven digits. {said}",
        largest=True,
    )


def write_height_above_drainage(path: Path, terrain: Terrain, height: Float32Array, streams: str, said: str) -> None:
    """Write heights above the stream each cell drains to, m; `height` (ncell) nan where none; `streams` in words."""
    write_cog(
        path,
        np.where(np.isnan(height), np.float32(NODATA), height).reshape(terrain.grid.shape),
        terrain.grid,
        nodata=NODATA,
        name="height above drainage (m)",
        unit="m",
        description="Height of each cell of the conditioned surface above the stream cell its flow path reaches first; "
        f"nodata where it reaches none. Streams: {streams}. Nobre et al. 2011, doi 10.1016/j.jhydrol.2011.03.051. "
        f"{said}",
        style=raster_style(_HEIGHT_STEPS),
    )


def write_stream_order(path: Path, terrain: Terrain, order: ByteArray, streams: str, said: str) -> None:
    """Write Strahler orders of stream cells, 0 (nodata) elsewhere; `order` (ncell), `streams` in words."""
    last = max(int(order.max(initial=1)), 1)
    steps = [(float(k), f"order {k}", _ORDER_COLOURS[min(k, len(_ORDER_COLOURS)) - 1]) for k in range(1, last + 1)]
    write_cog(
        path,
        order.reshape(terrain.grid.shape),
        terrain.grid,
        nodata=0.0,
        name="stream order (Strahler)",
        unit="1",
        description=f"Strahler order of streams: {streams}; 0 = no stream (nodata). Strahler 1957, "
        f"doi 10.1029/TR038i006p00913. {said}",
        style=raster_style(steps, exact=True),
        largest=True,
    )


def write_depressions(
    path: Path, depressions: Depressions, cell_area: float, longitude: FloatArray, latitude: FloatArray, columns: int
) -> None:
    """Write depressions.csv, largest volume first: where each lies, how large it is, what was decided.

    Parameters
    ----------
    depressions : `Terrain.depressions`
    cell_area : float, m2
    longitude, latitude : (d,) degrees of the lowest cells
    columns : int, cells of a row of the grid
    """
    header = (
        "longitude (degrees_east)", "latitude (degrees_north)", "row", "column", "water level (m)", "depth (m)",
        "area (m2)", "volume (m3)", "way out row", "way out column", "decision",
    )  # fmt: skip
    found = depressions
    ranked: IntArray = np.lexsort((found.lowest, -np.asarray(found.volume)))
    rows = (
        (
            round(float(longitude[i]), 6),
            round(float(latitude[i]), 6),
            found.lowest[i] // columns,
            found.lowest[i] % columns,
            round(float(found.level[i]), 3),
            round(float(found.depth[i]), 3),
            float(found.cells[i]) * cell_area,
            round(float(found.volume[i]), 1),
            None if found.spill[i] < 0 else found.spill[i] // columns,
            None if found.spill[i] < 0 else found.spill[i] % columns,
            DECISIONS[int(found.decision[i])],
        )
        for i in ranked
    )
    write_table(path, header, rows)

"""Declared inflows, stations and what the network room says about points on the terrain."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.arrays import FloatArray, IntArray, canonicalise


@dataclass(frozen=True, slots=True)
class Inflow:
    """A river that enters over the edge of the terrain and is declared by the user.

    Parameters
    ----------
    name : str, text from users (escape where shown)
    x, y : m, near the place where the river enters, in the terrain's CRS
    search_radius : m, > 0
    area : m2, drainage area outside the terrain, > 0
    label_position : str, the position as the user wrote it ("98.35 E, 27.18 N"), used in messages instead of x and y
    where : str, place in the user's file, used as the place of an error ("scenario.toml: network.inflow.1 (N'Mai Hka)")
    """

    name: str
    x: float
    y: float
    search_radius: float
    area: float
    label_position: str = ""
    where: str = ""

    def __post_init__(self) -> None:
        if not (self.search_radius > 0.0 and math.isfinite(self.search_radius)):
            raise ValueError(f"inflow {self.name!r}: search_radius = {self.search_radius}")
        if not (self.area > 0.0 and math.isfinite(self.area)):
            raise ValueError(f"inflow {self.name!r}: area = {self.area}")


@dataclass(frozen=True, slots=True)
class Station:
    """A point on a river, found by its position and, where known, its drainage area.

    Parameters
    ----------
    name : str, text from users (escape where shown)
    x, y : m, in the terrain's CRS
    drainage_area : m2, nan where unknown
    search_radius : m, > 0
    label_position, where : str, for messages, as in `Inflow`
    """

    name: str
    x: float
    y: float
    drainage_area: float
    search_radius: float
    label_position: str = ""
    where: str = ""

    def __post_init__(self) -> None:
        if not (self.search_radius > 0.0 and math.isfinite(self.search_radius)):
            raise ValueError(f"station {self.name!r}: search_radius = {self.search_radius}")
        if self.drainage_area <= 0.0:
            raise ValueError(f"station {self.name!r}: drainage_area = {self.drainage_area}")


@dataclass(frozen=True, slots=True)
class FlowPathEnd:
    """Where the flow paths from given points first meet a channel.

    Parameters
    ----------
    cell : (p,) int64, first channel cell; -1 when the flow path leaves the terrain first
    path_length : (p,) m, length of the flow path up to that cell, or to where it leaves
    fall : (p,) m, height lost on that path on the conditioned surface
    start_cell : (p,) int64, cell of the point itself
    """

    cell: IntArray
    path_length: FloatArray
    fall: FloatArray
    start_cell: IntArray

    def __post_init__(self) -> None:
        p = len(self.cell)
        whole, real = (np.int64, (p,)), (np.float64, (p,))
        canonicalise(self, cell=whole, path_length=real, fall=real, start_cell=whole)


@dataclass(frozen=True, slots=True)
class UndeclaredInflow:
    """A valley cut by the terrain's edge that joins the network without a declared inflow.

    Parameters
    ----------
    x, y : m, where the valley meets the edge
    inward : whether the valley drains into the terrain there; else a low sill on the grid makes its mouth drain out
    elevation, prominence : m, height of the valley floor there and depth of the cut below the edge's shoulders
    path_length : m, flow path from the edge to the channel it joins
    channel_length : m, channel from there to the outlet, sinuosity included
    area : m2, drainage area inside the terrain at the channel cell it joins
    node : node it joins
    """

    x: float
    y: float
    elevation: float
    prominence: float
    path_length: float
    channel_length: float
    area: float
    node: int
    inward: bool = True

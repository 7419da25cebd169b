"""What the stages of the terrain engine share and hand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.arrays import BoolArray, ByteArray, FloatArray
from sim.terrain.given import read_only, surface_given
from sim.terrain.strips import Pool, cut_rows, index_type

Array = npt.NDArray[Any]


class Work:
    """What the stages share: the surface, the codes, how rows are cut."""

    def __init__(
        self,
        elevation: Array,
        valid: BoolArray | None,
        cell_width: float,
        cell_height: float,
        pool: Pool,
        strip_rows: int | None,
    ) -> None:
        self.z = surface_given(elevation)
        self.valid = read_only(np.zeros((0, 0), dtype=np.bool_) if valid is None else valid)
        if self.valid.dtype != np.bool_:
            raise ValueError(f"valid must be bool, got {self.valid.dtype}; write mask != 0 for a mask of numbers")
        if self.valid.size and self.valid.shape != self.z.shape:
            raise ValueError(f"valid has shape {self.valid.shape}, expected {self.z.shape}")
        for name, size in (("cell_width", cell_width), ("cell_height", cell_height)):
            if not (np.isfinite(size) and size > 0.0):
                raise ValueError(f"{name} must be finite and greater than 0 m, got {size}")
        rows, columns = self.z.shape
        self.dx, self.dy = float(cell_width), float(cell_height)
        self.pool = pool
        self.cuts = cut_rows(rows, columns, strip_rows)
        self.strips = self.cuts.size - 1
        self.index: Any
        self.index, self.flag = index_type(self.z.size)
        self.offset = np.array([1, columns + 1, columns, columns - 1, -1, -columns - 1, -columns, 1 - columns])
        self.code = np.empty(self.z.shape, dtype=np.uint8)
        self.pits, self.edges, self.flats = (np.zeros(rows, dtype=np.int64) for _ in range(3))
        self.closed = self.indices(0)
        #: the elevation, or -inf for "no floor", of each basin after `_decide`
        self.floor = np.zeros(0)

    def indices(self, size: int) -> Array:
        return np.empty(size, dtype=self.index)

    def cells(self, strip: int) -> tuple[int, int]:
        """First cell of a strip and of the next."""
        width = self.z.shape[1]
        return int(self.cuts[strip]) * width, int(self.cuts[strip + 1]) * width


@dataclass(frozen=True)
class Graph:
    """Basins and the passes between them; see `_kernels_forest`."""

    pit: Array
    one: Array
    other: Array
    level: FloatArray
    cell: Array
    side: ByteArray


@dataclass(frozen=True)
class Tree:
    """Over which edge each basin spills, in which order basins were reached, and to which level water rises."""

    joined: BoolArray
    edge: Array
    visit: Array
    level: FloatArray
    lake: Array

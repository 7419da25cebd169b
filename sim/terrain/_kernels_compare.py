"""Compiled kernel that compares flow paths: steps to the nearest of a set of cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Flags = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]


@njit(cache=True, nogil=True, error_model="numpy")
def steps_to(mask: Flags, limit: int, out: Bytes) -> None:
    """Fewest steps to one of eight neighbours that lead from each cell to a cell of `mask`, at most `limit`.

    One pass down and one pass up; two passes are exact for this distance (Rosenfeld and Pfaltz 1966,
    doi 10.1145/321356.321357).

    Parameters
    ----------
    mask : (ny, nx) bool
    limit : 1 to 255
    out : (ny, nx) uint8; `limit` stands for that many steps or more
    """
    height, width = mask.shape
    for row in range(height):
        for column in range(width):
            best = 0 if mask[row, column] else limit
            if row > 0:
                for c in range(max(column - 1, 0), min(column + 2, width)):
                    best = min(best, out[row - 1, c] + 1)
            if column > 0:
                best = min(best, out[row, column - 1] + 1)
            out[row, column] = best
    for row in range(height - 1, -1, -1):
        for column in range(width - 1, -1, -1):
            best = int(out[row, column])
            if row < height - 1:
                for c in range(max(column - 1, 0), min(column + 2, width)):
                    best = min(best, out[row + 1, c] + 1)
            if column < width - 1:
                best = min(best, out[row, column + 1] + 1)
            out[row, column] = best

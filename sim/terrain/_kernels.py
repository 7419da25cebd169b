"""Compiled kernels on the raw surface beside its flow paths: natural outlets and slope.

Neighbours are visited in one stated order everywhere: E, SE, S, SW, W, NW, N, NE.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Flags = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Singles = npt.NDArray[np.float32]

#: row and column steps of the eight neighbours in the stated tie order E, SE, S, SW, W, NW, N, NE
DROW = np.array([0, 1, 1, 1, 0, -1, -1, -1], dtype=np.int64)
DCOL = np.array([1, 1, 0, -1, -1, -1, 0, 1], dtype=np.int64)


@njit(cache=True, nogil=True, error_model="numpy")
def seeds(
    valid: Flags,
    out_kind: Bytes,
) -> None:
    """Mark where water may leave: 1 on the frame, 2 beside an invalid cell, 0 elsewhere.

    Parameters
    ----------
    valid : (ny, nx) bool
    out_kind : (ny * nx,) uint8, numbered as `sim.terrain.objects` numbers outlets; 0 where not valid
    """
    height, width = valid.shape
    for row in range(height):
        for column in range(width):
            cell = row * width + column
            out_kind[cell] = 0
            if not valid[row, column]:
                continue
            if row == 0 or column == 0 or row == height - 1 or column == width - 1:
                out_kind[cell] = 1
                continue
            for k in range(8):
                if not valid[row + DROW[k], column + DCOL[k]]:
                    out_kind[cell] = 2
                    break


@njit(cache=True, nogil=True, error_model="numpy")
def slope(
    elevation: Singles,
    valid: Flags,
    dx: float,
    dy: float,
    out: Singles,
) -> None:
    r"""Gradient of the ground :math:`\sqrt{p^2 + q^2}` by Horn's weighted differences.

    A missing neighbour is continued straight through the cell from the opposite one; where both are missing it is
    taken level, or for a corner continued from its two sides. So a plane has its exact slope up to edges and corners.

    Parameters
    ----------
    elevation : (ny, nx) float32, m
    valid : (ny, nx) bool
    dx, dy : float64, m
    out : (ny, nx) float32, nan where not valid

    References
    ----------
    Horn 1981, doi 10.1109/PROC.1981.11918.
    """
    height, width = valid.shape
    z = np.empty(8, dtype=np.float64)
    known = np.empty(8, dtype=np.bool_)
    for row in range(height):
        for column in range(width):
            if not valid[row, column]:
                out[row, column] = np.nan
                continue
            centre = np.float64(elevation[row, column])
            for k in range(8):
                r = row + DROW[k]
                c = column + DCOL[k]
                known[k] = 0 <= r < height and 0 <= c < width and valid[r, c]
                z[k] = np.float64(elevation[r, c]) if known[k] else centre
            for k in range(0, 8, 2):
                if not known[k] and known[(k + 4) & 7]:
                    z[k] = 2.0 * centre - z[(k + 4) & 7]
            for k in range(1, 8, 2):
                if not known[k]:
                    opposite = (k + 4) & 7
                    z[k] = 2.0 * centre - z[opposite] if known[opposite] else z[k - 1] + z[(k + 1) & 7] - centre
            p = ((z[7] + 2.0 * z[0] + z[1]) - (z[5] + 2.0 * z[4] + z[3])) / (8.0 * dx)
            q = ((z[5] + 2.0 * z[6] + z[7]) - (z[3] + 2.0 * z[2] + z[1])) / (8.0 * dy)
            out[row, column] = math.sqrt(p * p + q * q)

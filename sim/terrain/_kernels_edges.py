"""Compiled kernel along the edge of the valid area."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Reals = npt.NDArray[np.float64]


@njit(cache=True, nogil=True, error_model="numpy")
def rise_on_both_sides(height: Reals, step: Reals, reach: float, out_rise: Reals) -> None:
    """Least of the two greatest rises seen from each cell of a ring before it falls below the cell.

    Parameters
    ----------
    height : (n,) float64, m, round the ring
    step : (n,) float64, m, from each cell to the next
    reach : float64, m, distance after which the search ends
    out_rise : (n,) float64, m
    """
    n = height.size
    for at in range(n):
        least = np.inf
        for direction in (-1, 1):
            best = height[at]
            run = 0.0
            i = at
            for _ in range(n - 1):
                j = (i + direction) % n
                run += step[i] if direction == 1 else step[j]
                # of cells that are level with one another only the first along the ring counts
                if run > reach or height[j] < height[at] or (direction == -1 and height[j] == height[at]):
                    break
                best = max(best, height[j])
                i = j
            least = min(least, best - height[at])
        out_rise[at] = least

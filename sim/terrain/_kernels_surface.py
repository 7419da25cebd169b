"""Compiled kernels on conditioned terrain: height above drainage, slope, depressions."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sim.terrain._kernels import DCOL, DROW, Flags, Integers, Reals, Singles


@njit(cache=True, nogil=True, error_model="numpy")
def height_above_drainage(
    order: Integers,
    receiver: Integers,
    elevation: Singles,
    channel: Flags,
    width: int,
    dx: float,
    dy: float,
    out_height: Singles,
    out_to: Integers,
    out_distance: Reals,
) -> None:
    r"""Height of every cell over the channel cell its flow path reaches first: :math:`z_i - z_{c(i)}`.

    Parameters
    ----------
    order : (nvalid,) int64; traversed backwards, receivers before donors
    receiver : (ncell,) int64
    elevation : (ncell,) float32, m, conditioned
    channel : (ncell,) bool
    width : int, columns
    dx, dy : float64, m
    out_height : (ncell,) float32, m, preset to nan
    out_to : (ncell,) int64, preset to -1
    out_distance : (ncell,) float64, m along the flow path, preset to nan

    References
    ----------
    Nobre et al. 2011, doi 10.1016/j.jhydrol.2011.03.051.
    """
    diagonal = math.sqrt(dx * dx + dy * dy)
    for i in range(order.size - 1, -1, -1):
        cell = order[i]
        if channel[cell]:
            out_height[cell] = 0.0
            out_to[cell] = cell
            out_distance[cell] = 0.0
            continue
        to = receiver[cell]
        if to < 0 or out_to[to] < 0:
            continue
        out_to[cell] = out_to[to]
        out_height[cell] = elevation[cell] - elevation[out_to[to]]
        if to // width == cell // width:
            length = dx
        elif to % width == cell % width:
            length = dy
        else:
            length = diagonal
        out_distance[cell] = out_distance[to] + length


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


@njit(cache=True, nogil=True, error_model="numpy")
def depressions(
    elevation: Singles,
    level: Singles,
    valid: Flags,
    width: int,
    label: Flags,
    stack: Integers,
    out_lowest: Integers,
    out_depth: Reals,
    out_cells: Integers,
) -> int:
    """Group the cells a fill raises into depressions of one level each, and measure them.

    Parameters
    ----------
    elevation, level : (ncell,) float32, m, ground and filled surface
    valid : (ncell,) bool
    width : int, columns
    label : (ncell,) bool, working space, preset to False
    stack : (ncell,) int64, working space
    out_lowest : (ncell,) int64, lowest cell of each depression, the first in index order among equals
    out_depth : (ncell,) float64, m, greatest depth
    out_cells : (ncell,) int64, number of raised cells

    Returns
    -------
    int, number of depressions
    """
    n = valid.size
    height = n // width
    count = 0
    for start in range(n):
        if label[start] or not valid[start] or not level[start] > elevation[start]:
            continue
        label[start] = True
        stack[0] = start
        size = 1
        cells = 0
        lowest = start
        while size > 0:
            size -= 1
            cell = stack[size]
            cells += 1
            if elevation[cell] < elevation[lowest] or (elevation[cell] == elevation[lowest] and cell < lowest):
                lowest = cell
            row = cell // width
            column = cell - row * width
            for k in range(8):
                r = row + DROW[k]
                c = column + DCOL[k]
                if r < 0 or c < 0 or r >= height or c >= width:
                    continue
                other = r * width + c
                if label[other] or not valid[other] or level[other] != level[start]:
                    continue
                if level[other] > elevation[other]:
                    label[other] = True
                    stack[size] = other
                    size += 1
        out_lowest[count] = lowest
        out_depth[count] = np.float64(level[start]) - np.float64(elevation[lowest])
        out_cells[count] = cells
        count += 1
    return count

"""Compiled passes over the topological order: what flows down, what is inherited from below.

Against the order a receiver is settled before its donors, with it donors come before their receiver. `step` holds the
length of a step in each of the eight directions, m.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
#: uint32 below 2**31 cells, int64 above (see `sim.terrain.strips`)
Indices = npt.NDArray[np.uint32] | npt.NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")
def height_above_drainage(
    order: Indices,
    direction: Bytes,
    elevation: Singles,
    channel: Flags,
    offset: Integers,
    step: Reals,
    out_height: Singles,
    out_to: Integers,
    out_distance: Reals,
) -> None:
    r"""Height of every cell over the channel cell its flow path reaches first: :math:`z_i - z_{c(i)}`.

    Parameters
    ----------
    order : (nvalid,) indices; traversed backwards
    direction : (ncell,) uint8
    elevation : (ncell,) float32, m, conditioned
    channel : (ncell,) bool
    offset : (8,) int64
    step : (8,) float64, m
    out_height : (ncell,) float32, m; nan where no channel lies downhill; set for valid cells only
    out_to : (ncell,) int64; -1 where there is none; set for valid cells only
    out_distance : (ncell,) float64, m along the flow path; nan where there is none; set for valid cells only

    References
    ----------
    Nobre et al. 2011, doi 10.1016/j.jhydrol.2011.03.051.
    """
    for i in range(order.size - 1, -1, -1):
        cell = np.int64(order[i])
        if channel[cell]:
            out_height[cell] = 0.0
            out_to[cell] = cell
            out_distance[cell] = 0.0
            continue
        k = np.int64(direction[cell])
        if k >= 8:
            out_height[cell] = np.nan
            out_to[cell] = -1
            out_distance[cell] = np.nan
            continue
        below = cell + offset[k]
        to = out_to[below]
        out_to[cell] = to
        out_distance[cell] = out_distance[below] + step[k]
        # not a sum of steps: single precision would lose centimetres over a long path
        out_height[cell] = elevation[cell] - elevation[to] if to >= 0 else np.float32(np.nan)


@njit(cache=True, nogil=True, error_model="numpy")
def accumulate(order: Indices, direction: Bytes, offset: Integers, out_total: Reals) -> None:
    """Add to every cell what arrives from above; `out_total` (ncell,) holds each cell's own amount before."""
    for i in range(order.size):
        cell = np.int64(order[i])
        k = np.int64(direction[cell])
        if k < 8:
            out_total[cell + offset[k]] += out_total[cell]


@njit(cache=True, nogil=True, error_model="numpy")
def strahler(order: Indices, direction: Bytes, offset: Integers, channel: Flags, out_order: Bytes) -> None:
    """Strahler order of channel cells; `out_order` (ncell,) is preset to 0 and stays 0 elsewhere.

    The high bit remembers, until the cell is settled, that two donors share its greatest order.

    References
    ----------
    Strahler 1957, doi 10.1029/TR038i006p00913.
    """
    for i in range(order.size):
        cell = np.int64(order[i])
        if not channel[cell]:
            continue
        own = np.int64(out_order[cell])
        own = (own & 127) + (own >> 7)
        own = max(own, 1)
        out_order[cell] = own
        k = np.int64(direction[cell])
        if k >= 8:
            continue
        below = cell + offset[k]
        if not channel[below]:
            continue
        other = np.int64(out_order[below])
        if own > (other & 127):
            out_order[below] = own
        elif own == (other & 127):
            out_order[below] = own | 128


@njit(cache=True, nogil=True, error_model="numpy")
def distance_down(
    order: Indices, direction: Bytes, offset: Integers, step: Reals, factor: Reals, end: Flags, out_distance: Reals
) -> None:
    """Length of the flow path from each cell to its end, each step times the factor of the cell it starts in.

    Parameters
    ----------
    factor : (ncell,) or (1,) float64; slowness (s/m) turns the length into a travel time
    end : (ncell,) or (0,) bool, cells in which paths end besides outlets
    out_distance : (ncell,) float64; set for valid cells
    """
    for i in range(order.size - 1, -1, -1):
        cell = np.int64(order[i])
        k = np.int64(direction[cell])
        if k >= 8 or (end.size > 0 and end[cell]):
            out_distance[cell] = 0.0
        else:
            f = factor[cell] if factor.size > 1 else factor[0]
            out_distance[cell] = out_distance[cell + offset[k]] + step[k] * f


@njit(cache=True, nogil=True, error_model="numpy")
def distance_up(order: Indices, direction: Bytes, offset: Integers, step: Reals, out_distance: Reals) -> None:
    """Length of the longest flow path that ends in each cell, m; `out_distance` (ncell,) is preset to 0."""
    for i in range(order.size):
        cell = np.int64(order[i])
        k = np.int64(direction[cell])
        if k < 8:
            below = cell + offset[k]
            out_distance[below] = max(out_distance[below], out_distance[cell] + step[k])


@njit(cache=True, nogil=True, error_model="numpy")
def catchments(order: Indices, direction: Bytes, offset: Integers, out_label: Integers) -> None:
    """Give every cell without a label (-1) that of its receiver; `out_label` (ncell,) holds those given."""
    for i in range(order.size - 1, -1, -1):
        cell = np.int64(order[i])
        k = np.int64(direction[cell])
        if k < 8 and out_label[cell] < 0:
            out_label[cell] = out_label[cell + offset[k]]


@njit(cache=True, nogil=True, error_model="numpy")
def upstream_mask(order: Indices, direction: Bytes, offset: Integers, out_mask: Flags) -> None:
    """Mark every cell whose flow path passes a marked cell; `out_mask` (ncell,) holds those given."""
    for i in range(order.size - 1, -1, -1):
        cell = np.int64(order[i])
        k = np.int64(direction[cell])
        if k < 8 and out_mask[cell + offset[k]]:
            out_mask[cell] = True

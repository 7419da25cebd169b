"""The one topological order of the cells, from their directions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sim.arrays import BoolArray, IntArray
from sim.terrain import _kernels_order
from sim.terrain.strips import Pool, cut_rows, index_type

Array = npt.NDArray[Any]


def topological_order(
    code: Array, valid: BoolArray, pool: Pool, cuts: IntArray | None = None, index: Any = None
) -> tuple[Array, Array]:
    """Put cells in an order in which each stands before its receiver, and count what drains through each.

    Parameters
    ----------
    code : (ny, nx) uint8, direction codes; INVALID where not valid
    valid : (ny, nx) bool, or (0, 0) when all are
    pool : Pool
    cuts : first rows of strips, as `cut_rows` gives them; None to choose
    index : integer type; None to choose

    Returns
    -------
    order : (m,) indices; shorter than the number of valid cells if flow paths form a loop
    cells : (ncell,) indices, 0 where not valid
    """
    rows, columns = code.shape
    cuts = cut_rows(rows, columns) if cuts is None else cuts
    strips = cuts.size - 1
    index = index_type(code.size)[0] if index is None else index
    offset = np.array([1, columns + 1, columns, columns - 1, -1, -columns - 1, -columns, 1 - columns])
    left = np.empty(code.shape, dtype=np.uint8)
    counts = np.zeros(strips, dtype=np.int64)
    cells = np.empty(code.size, dtype=index)

    def count(s: int) -> None:
        cells[int(cuts[s]) * columns : int(cuts[s + 1]) * columns] = 1
        counts[s] = _kernels_order.donors(code, cuts[s], cuts[s + 1], left)

    pool.run("donors", strips, count)
    place = np.concatenate([[0], np.cumsum(counts)])
    order = np.empty(int(place[-1]), dtype=index)
    ends = np.zeros(strips, dtype=np.int64)
    flat = left.ravel()

    def strip(s: int) -> None:
        first, last = int(cuts[s]) * columns, int(cuts[s + 1]) * columns
        ends[s] = _kernels_order.accumulate_strip(offset, first, last, place[s], flat, order, cells)

    pool.run("order", strips, strip)
    done = 0
    for s in range(strips):
        size = int(ends[s] - place[s])
        order[done : done + size] = order[place[s] : place[s] + size]
        done += size
    done = _kernels_order.accumulate_rest(code, offset, cuts[1:-1], done, flat, order, cells)
    if valid.size:
        cells[~valid.ravel()] = 0
    return order[:done], cells

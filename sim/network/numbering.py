"""One numbering for every network: topological, and every subtree an unbroken run of numbers."""

from __future__ import annotations

import numpy as np

from sim.arrays import IntArray
from sim.network import _kernels


def canonical_positions(down: IntArray) -> IntArray:
    """New number of every node, so that the nodes above node i are exactly ``i - size + 1 .. i``.

    Parameters
    ----------
    down : (n,) int64, receivers in any topological numbering; where donors meet, the one with the highest number is
        placed next to its receiver

    Returns
    -------
    (n,) int64, position[old] = new

    Examples
    --------
    >>> canonical_positions(np.array([3, 2, 3, -1])).tolist()
    [0, 1, 2, 3]
    """
    n = down.size
    position = np.empty(n, dtype=np.int64)
    _kernels.subtree_positions(down, np.ones(n, dtype=np.int64), np.empty(n, dtype=np.int64), position)
    return position


def reaches(down: IntArray) -> IntArray:
    """Number of the reach (between heads and confluences) of every node, (n,), in order of their first node."""
    donors = np.bincount(down[down >= 0], minlength=down.size)
    number = np.empty(down.size, dtype=np.int64)
    _kernels.number_reaches(down, donors, number)
    return number

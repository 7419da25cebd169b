"""What several adapters need to check an answer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def frame_sum(cells: npt.ArrayLike) -> float:
    """Sum over the outermost rows and columns, each cell once.

    Examples
    --------
    >>> frame_sum(np.ones((3, 4)))
    10.0
    """
    array = np.asarray(cells)
    edge = np.zeros(array.shape, dtype=np.bool_)
    edge[[0, -1], :] = True
    edge[:, [0, -1]] = True
    return float(array[edge].sum(dtype=np.float64))

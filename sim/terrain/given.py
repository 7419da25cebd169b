"""What a caller gives to the terrain engine: checked, and brought to the form kernels take."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sim.arrays import BoolArray, IntArray

Array = npt.NDArray[Any]


def read_only(array: Array) -> Array:
    """C-contiguous view that cannot be written to, so that kernels see one kind of array; memory maps stay mapped."""
    view = np.ascontiguousarray(np.asarray(array)).view()
    view.flags.writeable = False
    return view


def surface_given(elevation: Array) -> Array:
    """Elevations as the kernels take them; refuses what they cannot."""
    if isinstance(elevation, np.ma.MaskedArray):
        raise ValueError("elevation must not be a masked array: give its data, and valid = ~mask")
    z = np.asarray(elevation)
    if z.ndim != 2 or z.size == 0:
        raise ValueError(f"elevation must be two-dimensional and not empty, got shape {z.shape}")
    kind, bits = z.dtype.kind, 8 * z.dtype.itemsize
    if not ((kind == "f" and bits in (32, 64)) or (kind in "iu" and bits <= 32)):
        raise ValueError(f"elevation must be float32, float64 or an integer of at most 32 bits, got {z.dtype}")
    # files may hold the bytes of a number in the other order
    return read_only(z if z.dtype.isnative else z.astype(z.dtype.newbyteorder("=")))


def kept_given(size: int, valid: BoolArray, kept_sinks: IntArray | None) -> IntArray:
    """Kept cells in ascending order; refuses what is no valid cell (`valid` is empty when all are)."""
    cells = np.asarray([] if kept_sinks is None else kept_sinks)
    if cells.size and cells.dtype.kind not in "iu":
        raise ValueError(f"kept_sinks must be flat indices of cells, got {cells.dtype}")
    cells = np.unique(cells.astype(np.int64).ravel())
    if cells.size and (cells[0] < 0 or cells[-1] >= size):
        raise ValueError(f"kept_sinks must lie in [0, {size}), got {cells[0]} to {cells[-1]}")
    if valid.size and not valid.ravel()[cells].all():
        bad = int(cells[~valid.ravel()[cells]][0])
        raise ValueError(f"kept_sinks must be valid cells, and cell {bad} is not")
    return cells


def check_finite(elevation: Array, valid: BoolArray, first_row: int, last_row: int) -> None:
    """Refuse a valid cell in rows [first_row, last_row) that is not a finite number."""
    bad = ~np.isfinite(elevation[first_row:last_row])
    if valid.size:
        bad &= valid[first_row:last_row]
    if bad.any():
        row, column = np.argwhere(bad)[0].tolist()
        value = elevation[first_row + row, column]
        raise ValueError(
            f"elevation at row {first_row + row}, column {column} is {value}: declare such cells as not valid"
        )

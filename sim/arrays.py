"""Canonical arrays: one dtype, C-contiguous, read-only.

numba compiles another machine code for every dtype, layout and mutability it meets, so objects
canonicalise once, in their constructors, and kernels see a single signature.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]


def frozen(
    values: npt.ArrayLike, dtype: npt.DTypeLike, shape: tuple[int, ...] | None = None, name: str = "array"
) -> Any:
    """Return `values` as a read-only C-contiguous array of `dtype`.

    Parameters
    ----------
    values : array_like
    dtype : dtype
    shape : tuple of int, optional
        Required shape; -1 accepts any length on that axis.
    name : str
        Used in the error.

    Raises
    ------
    ValueError
        If the shape differs.

    Examples
    --------
    >>> frozen([1, 2], float).flags.writeable
    False
    """
    array = np.ascontiguousarray(values, dtype=dtype)
    if shape is not None:
        fits = array.ndim == len(shape) and all(
            want in (-1, have) for want, have in zip(shape, array.shape, strict=True)
        )
        if not fits:
            raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
    if array.flags.writeable:
        array = array.copy() if array is values or np.shares_memory(array, np.asarray(values)) else array
        array.flags.writeable = False
    return array


def canonicalise(owner: object, **fields: tuple[npt.DTypeLike, tuple[int, ...]]) -> None:
    """Replace the named fields of a frozen dataclass by canonical arrays of the given dtype and shape."""
    for name, (dtype, shape) in fields.items():
        object.__setattr__(owner, name, frozen(getattr(owner, name), dtype, shape, f"{type(owner).__name__}.{name}"))


def weighted_mean(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the mean over the first axis with the given weights.

    Written as a plain sum: matrix products go to BLAS, whose order of summation, and so the last bit, depends on the
    number of threads.

    Parameters
    ----------
    values : (t, ...)
    weights : (t,), not all zero

    Examples
    --------
    >>> weighted_mean(np.array([1.0, 4.0]), np.array([2.0, 1.0])).item()
    2.0
    """
    columns = weights.reshape((-1,) + (1,) * (np.ndim(values) - 1))
    return np.asarray((columns * values).sum(axis=0) / weights.sum())


def masked_sum(mask: npt.ArrayLike, values: FloatArray) -> FloatArray:
    """Return the sum of `values` (n,) where `mask` (..., n) holds, the same for any number of threads."""
    return np.asarray(np.where(mask, values, 0.0).sum(axis=-1))

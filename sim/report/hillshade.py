"""Relief: light on the ground, and soft colours of height."""

from __future__ import annotations

import numpy as np

from sim.arrays import BoolArray, Float32Array, FloatArray

#: Soft tints from valley to summit, red green blue.
_TINT_HEIGHT = (0.0, 0.12, 0.3, 0.5, 0.75, 1.0)
_TINT = (
    (0.80, 0.87, 0.79),
    (0.88, 0.91, 0.82),
    (0.95, 0.94, 0.86),
    (0.95, 0.91, 0.83),
    (0.91, 0.88, 0.84),
    (0.98, 0.98, 0.98),
)


def hillshade(
    elevation: Float32Array | FloatArray, dx: float, dy: float, azimuth: float = 315.0, altitude: float = 45.0
) -> FloatArray:
    """Light on a slope, 0 (away from the light) to 1 (straight into it).

    With the gradient (p, q) towards east and north, azimuth A clockwise from north and altitude h of the light::

        shade = max(0, (sin h - cos h (p sin A + q cos A)) / sqrt(1 + p^2 + q^2))

    Gradients are those of Horn (1981, doi 10.1109/PROC.1981.11918); at the border the grid is continued linearly,
    so a plane is shaded evenly.

    Parameters
    ----------
    elevation : (ny, nx) m, north-up: the first row is the northernmost
    dx, dy : m, size of a cell from west to east and from south to north
    azimuth, altitude : degrees

    Raises
    ------
    ValueError
        If the grid has fewer than two rows or columns, or a cell size is not positive.

    Examples
    --------
    >>> float(hillshade(np.zeros((3, 3)), 10.0, 10.0).round(6)[1, 1])
    0.707107
    """
    if min(elevation.shape) < 2 or dx <= 0.0 or dy <= 0.0:
        raise ValueError(f"hillshade needs at least 2 x 2 cells of positive size, got {elevation.shape}, {dx} x {dy} m")
    z = np.pad(np.asarray(elevation, dtype=np.float64), 1, mode="reflect", reflect_type="odd")
    west, east = z[:, :-2], z[:, 2:]
    north, south = z[:-2, :], z[2:, :]
    p = ((east - west)[:-2] + 2.0 * (east - west)[1:-1] + (east - west)[2:]) / (8.0 * dx)
    rise = north - south
    q = (rise[:, :-2] + 2.0 * rise[:, 1:-1] + rise[:, 2:]) / (8.0 * dy)
    a, h = np.radians(azimuth), np.radians(altitude)
    shade = (np.sin(h) - np.cos(h) * (p * np.sin(a) + q * np.cos(a))) / np.sqrt(1.0 + p * p + q * q)
    lit: FloatArray = np.maximum(shade, 0.0)
    return lit


def coarsened(elevation: Float32Array, valid: BoolArray, largest: int) -> tuple[FloatArray, BoolArray, int]:
    """Average blocks of cells until neither side has more than `largest`; also the block's size in cells.

    A picture of 1600 cells a side holds all that a page shows, whatever the terrain's resolution.
    """
    step = max(1, -(-max(elevation.shape) // largest))
    rows, columns = (side // step * step for side in elevation.shape)
    z = np.where(valid, elevation, 0.0)[:rows, :columns].astype(np.float64)
    count = valid[:rows, :columns].astype(np.float64)
    shape = (rows // step, step, columns // step, step)
    total, number = z.reshape(shape).sum(axis=(1, 3)), count.reshape(shape).sum(axis=(1, 3))
    present = number > 0.0
    return np.where(present, total / np.maximum(number, 1.0), 0.0), present, step


def relief(elevation: FloatArray, valid: BoolArray, dx: float, dy: float) -> FloatArray:
    """(ny, nx, 4) picture of the ground: soft tint by height times soft shade; transparent where not valid.

    Slopes are exaggerated in proportion to how gentle the terrain is on the cell's scale, so that a plain with hills
    and a high range are both legible. The tint runs between the 1st and the 99th percentile of height.
    """
    heights = elevation[valid]
    low, high = np.percentile(heights, (1.0, 99.0)) if heights.size else (0.0, 1.0)
    share = np.clip((elevation - low) / max(high - low, 1.0), 0.0, 1.0)
    filled = np.where(valid, elevation, low)
    east = np.abs(np.diff(filled, axis=1)) / dx
    steep = float(np.percentile(east, 90.0)) if east.size else 0.0
    exaggeration = float(np.clip(0.35 / max(steep, 1e-6), 0.5, 12.0))
    shade = hillshade(filled * exaggeration, dx, dy)
    light = np.interp(shade, (0.0, np.sin(np.radians(45.0)), 1.0), (0.48, 0.93, 1.0))
    picture = np.empty((*elevation.shape, 4))
    for channel in range(3):
        picture[..., channel] = np.interp(share, _TINT_HEIGHT, [tint[channel] for tint in _TINT]) * light
    picture[..., 3] = valid
    return np.clip(picture, 0.0, 1.0)

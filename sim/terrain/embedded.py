"""Illustrative terrain built from a small table of control points: rivers, divides and the frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import Delaunay

from sim.arrays import BoolArray, FloatArray
from sim.terrain.courses import Course, descending, lay_courses
from sim.terrain.objects import Grid

#: rise of the valley sides above the nearest course, m per m (8 m on a cell of 450 m), as far as `SIDE_REACH`
SIDE_SLOPE = 8.0 / 450.0
SIDE_REACH = 2_000.0
#: rise beyond `SIDE_REACH`, m per m: enough to drain, little enough for plains
FAR_SLOPE = 0.5 / 450.0
#: a course whose last point lies this near the edge leaves the terrain there, m
EDGE_REACH = 2_500.0
#: greatest gap between the last point of a course and the course it ends on, m
JOIN_REACH = 12_000.0
#: height of the hillslope texture over the relief within `TEXTURE_WINDOW`; it fades out beside courses and places, m
TEXTURE_SHARE = 0.10
TEXTURE_WINDOW = 3_000.0
TEXTURE_FADE = 1_500.0
#: wave lengths of the texture, m: hollows and spurs a few cells wide
TEXTURE_WAVES = (2_200.0, 2_700.0, 3_300.0, 4_100.0, 5_000.0, 6_100.0)

#: what rounding two points to whole cells can add to the gap between them, cells
ROUNDING = float(np.sqrt(2.0))

KINDS = frozenset({"course", "divide", "edge", "place"})

_GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))


def build_from_control_points(
    kind: Sequence[str],
    course: Sequence[str],
    order: npt.ArrayLike,
    longitude: npt.ArrayLike,
    latitude: npt.ArrayLike,
    elevation: npt.ArrayLike,
    *,
    project: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]],
    transform: tuple[float, float, float, float, float, float],
    shape: tuple[int, int],
    crs_wkt: str,
    label: str,
) -> Grid:
    """Build a terrain whose rivers run where the control points say.

    Courses become channels that descend strictly and end on the course or edge they join. All points are
    interpolated linearly on their Delaunay triangulation; valley sides rise at least `SIDE_SLOPE` from the nearest
    course; a fixed sum of plane waves roughens the hillsides so that headwaters gather. Nothing is drawn at random.

    Parameters
    ----------
    kind : (p,) one of `KINDS`
    course : (p,) name of the course a point belongs to; not read for other kinds
    order : (p,) int, counts downstream along each course
    longitude, latitude : (p,) degrees
    elevation : (p,) m
    project : turns longitude and latitude (degrees) into x and y (m)
    transform, shape, crs_wkt : the grid to build, as in `Grid`
    label : str, shown on every figure

    Returns
    -------
    Grid, marked illustrative; valid inside the convex hull of the points

    Raises
    ------
    ValueError
        If a kind is not known, a point is not finite, or the courses do not fit together.
    """
    kinds = np.asarray(kind)
    unknown = sorted(set(kinds.tolist()) - KINDS)
    if unknown:
        raise ValueError(f"kinds of control points not known: {unknown}")
    z = np.asarray(elevation, dtype=np.float64)
    x, y = project(np.asarray(longitude, dtype=np.float64), np.asarray(latitude, dtype=np.float64))
    if not (np.isfinite(x).all() and np.isfinite(y).all() and np.isfinite(z).all()):
        raise ValueError("control points must be finite")
    a, _, c, _, e, f = transform
    column = (np.asarray(x) - c) / a - 0.5
    row = (np.asarray(y) - f) / e - 0.5
    hull = Delaunay(np.c_[column * a, row * -e])
    size = (a, -e)
    courses = _lay(kinds, np.asarray(course), np.asarray(order), row, column, z, hull, size)
    valid = _inside(hull, shape, size)
    open_ground = kinds != "course"
    ground = _interpolate(row[open_ground], column[open_ground], z[open_ground], courses, shape, size)
    valid &= np.isfinite(ground)
    if not valid.any():
        return Grid(np.zeros(shape, np.float32), valid, transform, crs_wkt, label, illustrative=True)
    fixed = kinds == "place"
    surface = _shape_valleys(ground, valid, courses, (row[fixed], column[fixed]), transform)
    return Grid(
        elevation=np.where(valid, surface, 0.0).astype(np.float32),
        valid=valid,
        transform=transform,
        crs_wkt=crs_wkt,
        label=label,
        illustrative=True,
        notes=(
            f"built from {z.size} control points and {len(courses)} river courses by linear interpolation",
            f"valley sides rise at least {SIDE_SLOPE:.3f} m per m within {SIDE_REACH / 1e3:g} km of the nearest course",
            f"hillslope texture of {TEXTURE_SHARE:.0%} of the local relief, the same in every run",
        ),
    )


def _lay(
    kinds: npt.NDArray[np.str_],
    course: npt.NDArray[np.str_],
    order: npt.NDArray[np.int64],
    row: FloatArray,
    column: FloatArray,
    z: FloatArray,
    hull: Delaunay,
    size: tuple[float, float],
) -> list[Course]:
    """Sort points into courses, carry their ends near the edge out over it, and lay them."""
    names = list(dict.fromkeys(course[kinds == "course"].tolist()))
    rows, columns, heights, inside = [], [], [], []
    for name in names:
        at = np.flatnonzero((kinds == "course") & (course == name))
        at = at[np.argsort(order[at], kind="stable")]
        r, c, h = row[at], column[at], descending(z[at])
        start = _way_out(hull, r[0], c[0], size)
        end = _way_out(hull, r[-1], c[-1], size)
        if start is not None:
            r, c, h = _carried_on(r[::-1], c[::-1], h[::-1], start)
            r, c, h = r[::-1], c[::-1], h[::-1]
        if end is not None:
            r, c, h = _carried_on(r, c, h, end)
        rows.append(r)
        columns.append(c)
        heights.append(h)
        inside.append(end is None)
    return lay_courses(names, rows, columns, heights, inside, join_reach=JOIN_REACH / min(size) + ROUNDING)


def _carried_on(
    row: FloatArray, column: FloatArray, z: FloatArray, to: tuple[float, float]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Lengthen a course to one more point at the gradient of its last piece."""
    r, c = np.r_[row, to[0]], np.r_[column, to[1]]
    piece = np.hypot(np.diff(r[-3:]), np.diff(c[-3:]))
    gradient = (z[-1] - z[-2]) / piece[0] if len(z) > 1 and piece[0] > 0.0 else 0.0
    return r, c, np.r_[z, z[-1] + gradient * piece[-1]]


def _way_out(hull: Delaunay, row: float, column: float, size: tuple[float, float]) -> tuple[float, float] | None:
    """Point just outside the hull straight across its nearest side; None if that side is far."""
    width, height = size
    point = np.array([column * width, row * height])
    corner = hull.points[hull.convex_hull]  # (sides, 2 ends, 2 coordinates)
    along = corner[:, 1] - corner[:, 0]
    share = np.einsum("ij,ij->i", point - corner[:, 0], along) / np.einsum("ij,ij->i", along, along)
    foot = corner[:, 0] + np.clip(share, 0.0, 1.0)[:, None] * along
    gap = np.hypot(*(foot - point).T)
    side = int(np.argmin(gap))
    if gap[side] > EDGE_REACH:
        return None
    outward = np.array([along[side, 1], -along[side, 0]]) / np.hypot(*along[side])
    if np.sum(outward * (hull.points.mean(axis=0) - foot[side])) > 0.0:
        outward = -outward
    beyond = foot[side] + 1.5 * max(size) * outward
    return float(beyond[1] / height), float(beyond[0] / width)


def _inside(hull: Delaunay, shape: tuple[int, int], size: tuple[float, float]) -> BoolArray:
    row, column = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float64)
    found = hull.find_simplex(np.c_[column.ravel() * size[0], row.ravel() * size[1]])
    return np.asarray(found >= 0).reshape(shape)


def _interpolate(
    row: FloatArray,
    column: FloatArray,
    z: FloatArray,
    courses: Sequence[Course],
    shape: tuple[int, int],
    size: tuple[float, float],
) -> FloatArray:
    """Linear interpolation of open ground and channel cells: the channels act as break lines."""
    cells = np.concatenate([np.array(line.cells, dtype=np.float64) for line in courses] or [np.empty((0, 2))])
    heights = np.concatenate([line.height for line in courses] or [np.empty(0)])
    points = np.c_[np.r_[column, cells[:, 1]] * size[0], np.r_[row, cells[:, 0]] * size[1]]
    surface = LinearNDInterpolator(points, np.r_[z, heights])
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float64)
    return np.asarray(surface(columns * size[0], rows * size[1]), dtype=np.float64)


def _shape_valleys(
    ground: FloatArray,
    valid: BoolArray,
    courses: Sequence[Course],
    places: tuple[FloatArray, FloatArray],
    transform: tuple[float, float, float, float, float, float],
) -> FloatArray:
    """Roughen the hillsides, raise the valley sides and set the channels."""
    width, height = transform[0], -transform[4]
    channel = np.full(ground.shape, np.nan)
    for line in courses:
        cells = np.array(line.cells)
        here = np.all((cells >= 0) & (cells < np.array(ground.shape)), axis=1)
        r, c = cells[here].T
        # where two courses share a cell it is the mouth of the higher one: the lower height is the river's
        channel[r, c] = np.fmin(channel[r, c], line.height[here])
    wet = np.isfinite(channel)
    filled = _nearest(ground, valid)
    known = wet.copy()
    for r, c in zip(*np.rint(places).astype(np.int64), strict=True):
        if 0 <= r < known.shape[0] and 0 <= c < known.shape[1]:
            known[r, c] = True
    surface = filled + _texture(filled, known, transform)
    if not wet.any():
        return surface
    distance, (r, c) = ndimage.distance_transform_edt(~wet, sampling=(height, width), return_indices=True)
    river = channel[r, c]
    side = SIDE_SLOPE * np.minimum(distance, SIDE_REACH) + FAR_SLOPE * np.maximum(distance - SIDE_REACH, 0.0)
    return np.where(wet, channel, np.maximum(surface, river + side))


def _nearest(values: FloatArray, known: BoolArray) -> FloatArray:
    """`values` with unknown cells replaced by the nearest known one."""
    r, c = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(values[r, c])


def _texture(
    ground: FloatArray, known: BoolArray, transform: tuple[float, float, float, float, float, float]
) -> FloatArray:
    r"""Hillslope texture, m: :math:`A(x, y) \sum_k \cos(\kappa_k (x \cos\theta_k + y \sin\theta_k) + \phi_k)`.

    The waves are fixed in the map's own coordinates, so a crop shows the same hills as the whole. The amplitude
    follows the local relief and fades to nothing at cells of known height: courses and places.
    """
    a, _, x0, _, e, y0 = transform
    x = x0 + a * (np.arange(ground.shape[1]) + 0.5)
    y = (y0 + e * (np.arange(ground.shape[0]) + 0.5))[:, None]
    waves = np.zeros(ground.shape)
    index = 0
    for length in TEXTURE_WAVES:
        for _ in range(3):  # three directions for each wave length, none parallel to another
            angle = index * _GOLDEN_ANGLE
            waves += np.cos(2.0 * np.pi / length * (x * np.cos(angle) + y * np.sin(angle)) + 2.4 * index * index)
            index += 1
    window = (max(3, round(TEXTURE_WINDOW / -e) | 1), max(3, round(TEXTURE_WINDOW / a) | 1))
    relief = ndimage.maximum_filter(ground, window) - ndimage.minimum_filter(ground, window)
    relief = ndimage.uniform_filter(relief, window)
    waves /= np.sqrt(index / 2.0)  # a sum of n unit waves has variance n / 2
    fade = np.ones(ground.shape)
    if known.any():
        fade = np.minimum(ndimage.distance_transform_edt(~known, sampling=(-e, a)) / TEXTURE_FADE, 1.0)
    return np.asarray(TEXTURE_SHARE * relief * fade * waves)

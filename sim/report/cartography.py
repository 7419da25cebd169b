"""Parts of a map: ground, graticule, north arrow, scale bar, names. All in the terrain's metric projection."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pyproj import CRS, Geod, Transformer

from sim.arrays import FloatArray
from sim.report.hillshade import coarsened, relief
from sim.report.labels import Box, Placed, place_labels
from sim.report.style import INK, RIVER_NAME
from sim.report.texts import drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.terrain.objects import Grid

_GEOD = Geod(ellps="WGS84")


class Frame:
    """Rectangle of a map (x0, y0, x1, y1 in m) and the way between its projection and longitude, latitude."""

    def __init__(self, crs_wkt: str, box: Box) -> None:
        self.box = box
        self.crs = CRS.from_wkt(crs_wkt)
        self._to_metres = Transformer.from_crs(4326, self.crs, always_xy=True)
        self._to_degrees = Transformer.from_crs(self.crs, 4326, always_xy=True)

    @property
    def width(self) -> float:
        """Width in projected metres."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        """Height in projected metres."""
        return self.box[3] - self.box[1]

    def degrees(self, x: Any, y: Any) -> tuple[FloatArray, FloatArray]:
        """Longitude, latitude of projected points."""
        lon, lat = self._to_degrees.transform(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
        return np.asarray(lon), np.asarray(lat)

    def metres(self, longitude: Any, latitude: Any) -> tuple[FloatArray, FloatArray]:
        """Projected points of longitude, latitude."""
        x, y = self._to_metres.transform(
            np.asarray(longitude, dtype=np.float64), np.asarray(latitude, dtype=np.float64)
        )
        return np.asarray(x), np.asarray(y)

    def ground_length(self, x0: float, y0: float, x1: float, y1: float) -> float:
        """Distance on the ellipsoid between two projected points, m."""
        lon, lat = self.degrees([x0, x1], [y0, y1])
        return float(_GEOD.inv(lon[0], lat[0], lon[1], lat[1])[2])


def grid_box(grid: Grid) -> Box:
    """Outer edges of a grid, m."""
    a, _, c, _, e, f = grid.transform
    ny, nx = grid.shape
    return c, f + e * ny, c + a * nx, f


def set_frame(axes: Axes, frame: Frame) -> None:
    """Fit the axes to the frame, true to scale."""
    axes.set_xlim(frame.box[0], frame.box[2])
    axes.set_ylim(frame.box[1], frame.box[3])
    axes.set_aspect("equal", adjustable="box")


def draw_ground(axes: Axes, grid: Grid, *, largest: int = 1400, strength: float = 1.0) -> None:
    """Shaded, softly tinted ground; `strength` below 1 fades it towards white paper."""
    elevation, valid, step = coarsened(grid.elevation, grid.valid, largest)
    picture = relief(elevation, valid, grid.cell_width * step, grid.cell_height * step)
    picture[..., :3] = 1.0 - strength * (1.0 - picture[..., :3])
    x0, _, _, y1 = grid_box(grid)
    ny, nx = elevation.shape
    extent = (x0, x0 + nx * step * grid.cell_width, y1 - ny * step * grid.cell_height, y1)
    axes.imshow(picture, extent=extent, origin="upper", interpolation="bilinear", zorder=0)


def nice_step(span: float, wanted: int, steps: Sequence[float] = (1.0, 2.0, 5.0)) -> float:
    """Largest round step (1, 2 or 5 times a power of ten) that divides `span` into at least `wanted` parts.

    Examples
    --------
    >>> nice_step(377.0, 4), nice_step(0.93, 3)
    (50.0, 0.2)
    """
    raw = span / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    return max(step for step in steps if step * power <= raw * (1 + 1e-9)) * power


def _crossings(along: FloatArray, degrees: FloatArray, step: float) -> list[tuple[float, float]]:
    """Where a coordinate that changes monotonically along an edge meets multiples of `step`: (place, degree)."""
    if degrees[0] > degrees[-1]:
        along, degrees = along[::-1], degrees[::-1]
    wanted = np.arange(math.ceil(degrees[0] / step), math.floor(degrees[-1] / step) + 1) * step
    return [(float(np.interp(value, degrees, along)), float(value)) for value in wanted]


def degree_text(value: float, positive: str, negative: str) -> str:
    """Write degrees with hemisphere, decimals only where needed.

    Examples
    --------
    >>> degree_text(97.0, "E", "W"), degree_text(-25.5, "N", "S")
    ('97°E', '25.5°S')
    """
    size = f"{abs(value):.3f}".rstrip("0").rstrip(".")
    return f"{size}°{'' if value == 0 else positive if value > 0 else negative}"


def graticule_step(frame: Frame, wanted: int) -> float:
    """Degrees between lines of the graticule, the same for longitude and latitude."""
    lon, lat = frame.degrees([frame.box[0], frame.box[2]], [frame.box[1], frame.box[3]])
    return nice_step(min(abs(lon[1] - lon[0]), abs(lat[1] - lat[0])), wanted, (1.0, 2.0, 2.5, 5.0))


def draw_graticule(axes: Axes, frame: Frame, *, wanted: int = 2, lines: bool = True) -> None:
    """Longitude ticks along the lower edge, latitude ticks along the left, faint lines across."""
    x0, y0, x1, y1 = frame.box
    step = graticule_step(frame, wanted)
    across, up = np.linspace(x0, x1, 200), np.linspace(y0, y1, 200)
    meridians = _crossings(across, frame.degrees(across, np.full(200, y0))[0], step)
    parallels = _crossings(up, frame.degrees(np.full(200, x0), up)[1], step)
    axes.set_xticks([place for place, _ in meridians], [degree_text(v, "E", "W") for _, v in meridians])
    axes.set_yticks(
        [place for place, _ in parallels], [degree_text(v, "N", "S") for _, v in parallels], rotation=90, va="center"
    )
    axes.tick_params(length=3, pad=2)
    if not lines:
        return
    lon, lat = frame.degrees([x0, x1, x0, x1], [y0, y0, y1, y1])
    lons, lats = np.linspace(lon.min(), lon.max(), 60), np.linspace(lat.min(), lat.max(), 60)
    for _, value in meridians:
        axes.plot(*frame.metres(np.full(60, value), lats), color="#20303c", lw=0.3, alpha=0.35, zorder=1.5)
    for _, value in parallels:
        axes.plot(*frame.metres(lons, np.full(60, value)), color="#20303c", lw=0.3, alpha=0.35, zorder=1.5)
    set_frame(axes, frame)


def scale_bar(frame: Frame, share: float = 0.28) -> tuple[float, float]:
    """Round length on the ground (m) near `share` of the frame's width, and its length in the projection (m).

    The projection's scale is measured at the frame's centre with a geodesic, so the bar is true on the ground there.
    """
    length = nice_step(frame.width * share, 1)
    cx, cy = (frame.box[0] + frame.box[2]) / 2, (frame.box[1] + frame.box[3]) / 2
    ground = frame.ground_length(cx - length / 2, cy, cx + length / 2, cy)
    return length, length * length / ground


def metres_text(length: float) -> str:
    """Write a round length in m or km.

    Examples
    --------
    >>> metres_text(500.0), metres_text(50000.0)
    ('500 m', '50 km')
    """
    return f"{length:g} m" if length < 1000.0 else f"{length / 1000.0:g} km"


def _pixels_per_metre(axes: Axes) -> float:
    left, right = axes.transData.transform([(0.0, 0.0), (1000.0, 0.0)])[:, 0]
    return float(right - left) / 1000.0


def _dpi(axes: Axes) -> float:
    figure = axes.get_figure()
    assert figure is not None
    return float(figure.dpi)


def draw_scale_bar(
    axes: Axes, frame: Frame, *, corner: tuple[float, float] = (0.04, 0.025), share: float = 0.28
) -> Box:
    """Two-part scale bar; `corner` is its lower left end as a share of the frame. Returns the box it covers, m."""
    from matplotlib.patches import Rectangle

    ground, length = scale_bar(frame, share)
    x = frame.box[0] + corner[0] * frame.width
    y = frame.box[1] + corner[1] * frame.height
    axes.apply_aspect()
    point = 1.0 / _pixels_per_metre(axes) * _dpi(axes) / 72.0  # m per point
    thick = 4.0 * point
    box = (x - 8.0 * point, y - 5.0 * point, x + length + 22.0 * point, y + 16.0 * point)
    axes.add_patch(
        Rectangle(box[:2], box[2] - box[0], box[3] - box[1], facecolor="white", alpha=0.8, edgecolor="none", zorder=8)
    )
    for k, colour in enumerate((INK, "white")):
        axes.add_patch(
            Rectangle(
                (x + k * length / 2, y),
                length / 2,
                thick,
                facecolor=colour,
                edgecolor=INK,
                lw=0.6,
                zorder=9,
                gid=f"scale-bar-{k}",
            )
        )
    for share_of_bar, words in (
        (0.0, "0"),
        (0.5, f"{ground / 2 / (1000 if ground >= 1000 else 1):g}"),
        (1.0, metres_text(ground)),
    ):
        axes.text(
            x + share_of_bar * length, y + thick + 1.5 * point, words, ha="center", va="bottom", fontsize=6.5, zorder=9
        )
    return box


def draw_north_arrow(axes: Axes, frame: Frame, *, corner: tuple[float, float] = (0.955, 0.94)) -> Box:
    """Arrow to true north at its place (not the grid's up), with its tip at `corner`. Returns the box it covers, m."""
    from matplotlib.patches import Polygon

    size = 0.045 * max(frame.width, frame.height)
    tip_x = frame.box[0] + corner[0] * frame.width
    tip_y = frame.box[1] + corner[1] * frame.height
    lon, lat = frame.degrees(tip_x, tip_y)
    north_x, north_y = frame.metres(lon, lat + 0.01)
    direction = np.array([float(north_x) - tip_x, float(north_y) - tip_y])
    direction /= np.hypot(*direction)
    side = np.array([direction[1], -direction[0]])
    tip = np.array([tip_x, tip_y])
    foot = tip - size * direction
    notch = tip - 0.72 * size * direction
    for sign, colour in ((1, "white"), (-1, INK)):
        points = [tip, foot + sign * 0.3 * size * side, notch]
        axes.add_patch(Polygon(points, closed=True, facecolor=colour, edgecolor=INK, lw=0.6, zorder=9))
    above = tip + 0.18 * size * direction
    words = axes.text(above[0], above[1], "N", ha="center", va="bottom", fontsize=9, fontweight="bold", zorder=9)
    words.set_path_effects(halo())
    return tip_x - 0.5 * size, tip_y - 1.15 * size, tip_x + 0.5 * size, tip_y + 0.9 * size


def halo(width: float = 2.2, alpha: float = 0.9) -> list[Any]:
    """White outline under text, so that it reads on any ground."""
    from matplotlib import patheffects

    return [patheffects.withStroke(linewidth=width, foreground="white", alpha=alpha)]


def draw_names(
    axes: Axes,
    frame: Frame,
    x: Sequence[float],
    y: Sequence[float],
    names: Sequence[str],
    *,
    obstacles: Sequence[Box] = (),
    avoid: FloatArray | None = None,
    size: float = 6.8,
    river: bool = False,
) -> list[Box | None]:
    """Write names beside points without overlap; return the box of each name in m, None where it found no room.

    Boxes in `obstacles` and points to `avoid` are in m. Names of rivers are blue and slanted, stay near their point,
    which has no marker, and have no leader line.
    """
    figure = axes.get_figure()
    assert figure is not None
    renderer: Any = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    axes.apply_aspect()
    to_pixels = axes.transData.transform
    texts = [drawable(name, 40) for name in names]
    look: dict[str, Any] = {"fontsize": size, "fontstyle": "italic" if river else "normal"}
    sizes = []
    for words in texts:
        probe = axes.text(0, 0, words, **look)
        box = probe.get_window_extent(renderer)
        probe.remove()
        sizes.append((box.width + 2.0, box.height + 2.0))
    points = [(float(p[0]), float(p[1])) for p in (to_pixels((px, py)) for px, py in zip(x, y, strict=True))]
    corners = to_pixels([(frame.box[0], frame.box[1]), (frame.box[2], frame.box[3])])
    blocked: list[Box] = []
    for b in obstacles:
        low, high = to_pixels([(b[0], b[1]), (b[2], b[3])])
        blocked.append((float(low[0]), float(low[1]), float(high[0]), float(high[1])))
    scale = figure.dpi / 72.0
    edge = 3.0 * scale
    inner = (corners[0][0] + edge, corners[0][1] + edge, corners[1][0] - edge, corners[1][1] - edge)
    shy = None if avoid is None or len(avoid) == 0 else to_pixels(avoid)
    placed = place_labels(
        points,
        sizes,
        inner,
        obstacles=blocked,
        avoid=shy,
        gap=(2.2 if river else 3.6) * scale,
        marker=(0.0 if river else 2.6) * scale,
        rings=3 if river else 13,
    )
    return _write(axes, placed, texts, list(zip(x, y, strict=True)), look, river=river)


def _write(
    axes: Axes,
    placed: Sequence[Placed],
    texts: Sequence[str],
    points: Sequence[tuple[float, float]],
    look: dict[str, Any],
    *,
    river: bool,
) -> list[Box | None]:
    """Write placed names (boxes in pixels) with leader lines where needed; boxes in m, None where not placed."""
    boxes: list[Box | None] = [None] * len(texts)
    to_metres = axes.transData.inverted().transform
    for place in placed:
        (x0, y0), (x1, y1) = to_metres([place.box[:2], place.box[2:]])
        boxes[place.index] = (float(x0), float(y0), float(x1), float(y1))
        left, bottom = to_metres((place.box[0] + 1.0, place.box[1] + 1.0))
        words = axes.text(
            left,
            bottom,
            texts[place.index],
            ha="left",
            va="bottom",
            color=RIVER_NAME if river else INK,
            zorder=9.8 if river else 10,
            gid="river-name" if river else "name",
            **look,
        )
        words.set_path_effects(halo())
        if place.leader and not river:
            x, y = points[place.index]
            end = to_metres(place.nearest(*axes.transData.transform((x, y))))
            axes.plot([x, end[0]], [y, end[1]], color=INK, lw=0.6, zorder=9.5)
    return boxes


def marker_boxes(axes: Axes, x: Sequence[float], y: Sequence[float], half: float = 3.0) -> list[Box]:
    """Squares in m about markers, `half` a side in points."""
    axes.apply_aspect()
    reach = half * _dpi(axes) / 72.0 / _pixels_per_metre(axes)
    return [(px - reach, py - reach, px + reach, py + reach) for px, py in zip(x, y, strict=True)]

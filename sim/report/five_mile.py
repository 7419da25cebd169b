"""The circle people draw about the sites against where the water goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.report.cartography import (
    Frame,
    draw_graticule,
    draw_ground,
    draw_names,
    draw_north_arrow,
    draw_scale_bar,
    grid_box,
    marker_boxes,
    set_frame,
)
from sim.report.rivers import detail_frame, draw_lines, draw_pits, draw_river_names, river_points, zone_path
from sim.report.style import BOTH, CIRCLE_ONLY, DOWNSTREAM_ONLY, INK, MUTED, UNAFFECTED, draw_labels, new_figure
from sim.report.texts import drawable, number, sentence
from sim.report.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.exposure.objects import Overlap

CATEGORIES = (
    ("zone only", CIRCLE_ONLY, "land_circle_only", "river_circle_only"),
    ("zone and downstream", BOTH, "land_both", "river_both"),
    ("downstream only", DOWNSTREAM_ONLY, "land_modelled_only", "river_modelled_only"),
)


def zone_name(view: View) -> str:
    """Name of the circle, "five-mile zone" for the ISP-Myanmar radius."""
    exposure = view.exposure
    miles = exposure.zone_radius / 1609.344
    if abs(miles - 5.0) < 1e-6:
        return "five-mile zone"
    return f"{number(exposure.zone_radius / 1e3)} km zone"


def five_mile_figure(view: View) -> Figure:
    """Draw the overlap map and bars of land (km2) and river (km) in the circle only, in both, downstream only."""
    exposure = view.exposure
    frame = _frame(view)
    aspect = frame.width / frame.height
    high = 7.4
    wide = min(high * aspect, 7.0)
    high = wide / aspect
    figure = new_figure(wide + 5.5, high + 1.5, view.dpi)
    fw, fh = figure.get_figwidth(), figure.get_figheight()
    name = zone_name(view)
    figure.text(
        0.5 / fw,
        1 - 0.1 / fh,
        f"{sentence(name)} about the sites, and where their water goes",
        fontsize=12,
        fontweight="bold",
        va="top",
    )
    figure.text(0.5 / fw, 1 - 0.36 / fh, drawable(view.title, 90), fontsize=8, va="top", color=MUTED)
    _draw_map(figure.add_axes((0.5 / fw, 0.75 / fh, wide / fw, high / fh)), view, frame, detail=False)
    left = (0.5 + wide + 1.15) / fw
    span = 3.75 / fw
    bars = min(1.05, 0.15 * high)
    top = 1 - (0.9 + bars) / fh
    _draw_bars(figure.add_axes((left, top, span, bars / fh)), exposure.overlap, 2, 1e-6, "Land, km²")
    second = top - (bars + 0.62) / fh
    _draw_bars(figure.add_axes((left, second, span, bars / fh)), exposure.overlap, 3, 1e-3, "River, km of channel")
    figure.text(left - 0.8 / fw, second - 0.42 / fh, _words(view, name), fontsize=7.0, va="top", linespacing=1.35)
    bottom, room = 0.75 / fh, second - 1.45 / fh - 0.75 / fh
    zoom = detail_frame(view, frame, 4.5 / (room * fh)) if room * fh > 1.5 else None
    if zoom is not None:
        _draw_map(figure.add_axes((left - 0.75 / fw, bottom, 4.5 / fw, room)), view, zoom, detail=True)
    draw_labels(figure, view.labels, 0.5 / fw, 0.36 / fh, va="top")
    return figure


def _draw_map(axes: Axes, view: View, frame: Frame, *, detail: bool) -> None:
    """Faded ground, land of the three kinds, rivers, sites and places."""
    draw_ground(axes, view.grid, strength=0.55)
    set_frame(axes, frame)
    draw_graticule(axes, frame, wanted=2)
    _draw_land(axes, view)
    _draw_rivers(axes, view, frame, detail=detail)
    draw_pits(axes, view, scale=1.0 if detail else 0.5)
    boxes = [draw_scale_bar(axes, frame), draw_north_arrow(axes, frame)]
    set_frame(axes, frame)
    _draw_places(axes, view, frame, boxes)


def _frame(view: View) -> Frame:
    """Frame about everything in the circle or downstream, with a margin, inside the terrain."""
    grid, exposure = view.grid, view.exposure
    full = grid_box(grid)
    cells = np.flatnonzero(exposure.corridor | exposure.circle)
    network = view.result.network
    x, y = grid.centre(cells)
    x = np.concatenate((x, network.x[view.affected]))
    y = np.concatenate((y, network.y[view.affected]))
    if x.size == 0:
        return Frame(grid.crs_wkt, full)
    pad = 0.05 * max(np.ptp(x), np.ptp(y), 5000.0)
    box = (
        max(full[0], x.min() - pad),
        max(full[1], y.min() - pad),
        min(full[2], x.max() + pad),
        min(full[3], y.max() + pad),
    )
    return Frame(grid.crs_wkt, tuple(float(v) for v in box))  # type: ignore[arg-type]


def _draw_land(axes: Axes, view: View) -> None:
    """Cells of the three kinds as one translucent picture on top of the ground."""
    from matplotlib.colors import to_rgba

    exposure, grid = view.exposure, view.grid
    picture = np.zeros((*grid.shape, 4))
    circle, corridor = exposure.circle.reshape(grid.shape), exposure.corridor.reshape(grid.shape)
    valid = grid.valid
    for chosen, colour, alpha in (
        (circle & ~corridor, CIRCLE_ONLY, 0.55),
        (circle & corridor, BOTH, 0.8),
        (~circle & corridor, DOWNSTREAM_ONLY, 0.75),
    ):
        picture[chosen & valid] = (*to_rgba(colour)[:3], alpha)
    x0, y0, x1, y1 = grid_box(grid)
    axes.imshow(picture, extent=(x0, x1, y0, y1), origin="upper", interpolation="nearest", zorder=2)


def _draw_rivers(axes: Axes, view: View, frame: Frame, *, detail: bool) -> None:
    from matplotlib.patches import PathPatch

    nodes = np.arange(view.result.network.size)
    clean = nodes[~view.affected & (view.mean_discharge > 3.0)]
    draw_lines(axes, view, clean, [UNAFFECTED] * clean.size, widening=0.7, zorder=1.8)
    dirty = nodes[view.affected]
    draw_lines(axes, view, dirty, ["#0b3d78"] * dirty.size, widening=0.9 if detail else 0.55, zorder=3.5)
    path = zone_path(view, frame)
    if path is not None:
        axes.add_patch(PathPatch(path, facecolor="none", edgecolor=INK, lw=0.8, ls=(0, (4, 2)), zorder=5))


def _draw_places(axes: Axes, view: View, frame: Frame, boxes: list[tuple[float, float, float, float]]) -> None:
    places = view.receptors
    assert places is not None
    x0, y0, x1, y1 = frame.box
    shown = [r for r in range(places.size) if x0 < places.x[r] < x1 and y0 < places.y[r] < y1]
    for r in shown:
        axes.plot(places.x[r], places.y[r], marker="o", ms=3.6, mfc=INK, mec="white", mew=0.7, zorder=8)
    x, y = [float(places.x[r]) for r in shown], [float(places.y[r]) for r in shown]
    names = [places.name[r] for r in shown]
    written = draw_names(axes, frame, x, y, names, obstacles=boxes, avoid=river_points(view, frame), size=6.4)
    draw_river_names(axes, view, frame, [*boxes, *written, *marker_boxes(axes, x, y)], size=6.4)


def _draw_bars(panel: Axes, overlap: Overlap, column: int, factor: float, title: str) -> None:
    values = [getattr(overlap, row[column]) * factor for row in CATEGORIES]
    height = [2, 1, 0]
    panel.barh(height, values, color=[row[1] for row in CATEGORIES], height=0.62)
    largest = max([*values, 1e-9])
    total = sum(values) or 1.0
    for place, value in zip(height, values, strict=True):
        panel.text(value + 0.02 * largest, place, f"{number(value)} ({value / total:.0%})", va="center", fontsize=7)
    panel.set_yticks(height, [row[0].replace(" and ", "\nand ") for row in CATEGORIES])
    panel.set_xlim(0.0, largest * 1.33)
    panel.set_title(title, loc="left", fontweight="bold", pad=4)
    panel.tick_params(axis="y", length=0)
    panel.spines[["top", "right", "left"]].set_visible(False)


def _words(view: View, name: str) -> str:
    exposure = view.exposure
    lines = [
        f"Dashed: the {name}, {number(exposure.zone_area / 1e6)} km² on the ground. Orange: inside it, but no",
        "water from a site flows there. Blue: low ground beside rivers that carry water",
        "from sites, outside the zone. Grey: both. Dark blue rivers carry water from",
        "sites, light ones do not. White squares: sites.",
    ]
    return "\n".join(lines)

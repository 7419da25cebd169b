"""Rivers on a map: lines by class of quotient and of discharge, pits, zone, inflows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arrays import BoolArray, FloatArray, IntArray
from sim.report.cartography import Frame, draw_names
from sim.report.labels import Box
from sim.report.style import (
    DISCHARGE_WIDTHS,
    INK,
    QUOTIENT_COLOURS,
    UNAFFECTED,
    discharge_class,
    quotient_class,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.report.view import View


def river_points(view: View, frame: Frame, spacing: float = 0.004, least: float = np.inf) -> FloatArray:
    """Points on rivers downstream of sites, which names had better not cover, (m, 2) m.

    They lie closer than `spacing` times the frame's longer side. Rivers with a mean discharge of `least` m3/s or more
    count too.
    """
    step = spacing * max(frame.width, frame.height)
    found = [np.empty((0, 2))]
    for node in np.flatnonzero((view.affected | (view.mean_discharge >= least)) & nodes_in(view, frame.box)).tolist():
        line = view.lines[node]
        along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))))
        at = np.arange(0.0, along[-1] + step / 2, step)
        found.append(np.column_stack((np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1]))))
    return np.vstack(found)


def draw_lines(
    axes: Axes,
    view: View,
    nodes: IntArray,
    colours: Sequence[str],
    *,
    widening: float = 1.0,
    halo: float = 0.0,
    zorder: float = 3.0,
    label: str = "",
) -> None:
    """Draw the courses of `nodes`, line width by mean discharge, with a white rim of `halo` points."""
    from matplotlib.collections import LineCollection

    if nodes.size == 0:
        return
    widths = np.asarray(DISCHARGE_WIDTHS)[discharge_class(view.mean_discharge[nodes])] * widening
    lines = [view.lines[node] for node in nodes.tolist()]
    if halo > 0.0:
        axes.add_collection(
            LineCollection(
                lines, colors="white", linewidths=widths + 2 * halo, alpha=0.75, zorder=zorder - 0.2, capstyle="round"
            ),
            autolim=False,
        )
    drawn = LineCollection(
        lines, colors=list(colours), linewidths=widths, zorder=zorder, capstyle="round", joinstyle="round"
    )
    drawn.set_label(label or "_rivers")
    axes.add_collection(drawn, autolim=False)


def draw_quotients(
    axes: Axes, view: View, threshold: int, *, widening: float = 1.0, frame: Frame | None = None
) -> None:
    """Rivers coloured by worst quotient of one threshold; rivers no site drains to in blue-grey beneath."""
    nodes = np.arange(view.result.network.size)
    if frame is not None:
        nodes = nodes[nodes_in(view, frame.box)]
    clean = nodes[~view.affected[nodes]]
    draw_lines(axes, view, clean, [UNAFFECTED] * clean.size, widening=widening, zorder=3.0, label="not downstream")
    dirty = nodes[view.affected[nodes]]
    worst = view.worst_quotient[threshold, dirty]
    order = np.argsort(worst, kind="stable")
    dirty, worst = dirty[order], worst[order]
    colours = [QUOTIENT_COLOURS[k] for k in quotient_class(worst)]
    draw_lines(axes, view, dirty, colours, widening=widening, halo=0.5, zorder=4.0, label="downstream")


def nodes_in(view: View, box: Box) -> BoolArray:
    """(n,) True for nodes whose upstream end lies within the box or at most 5 km beside it."""
    network, pad = view.result.network, 5000.0
    inside: BoolArray = (
        (network.x > box[0] - pad)
        & (network.x < box[2] + pad)
        & (network.y > box[1] - pad)
        & (network.y < box[3] + pad)
    )
    return inside


def draw_pits(axes: Axes, view: View, *, scale: float = 1.0) -> None:
    """One small square per site, area by number of pits."""
    pits = view.result.pits
    if pits is None or pits.size == 0:
        return
    order = np.argsort(-pits.pits, kind="stable")
    axes.scatter(
        pits.x[order],
        pits.y[order],
        s=pit_area(pits.pits[order]) * scale,
        marker="s",
        facecolor="#f7f7f7",
        edgecolor=INK,
        linewidth=0.45,
        zorder=6.0,
        label="sites",
    )


def pit_area(pits: Any) -> FloatArray:
    """Area of a marker (points squared) of a site with so many pits."""
    return 2.2 + 0.55 * np.asarray(pits, dtype=np.float64)


def zone_path(view: View, frame: Frame) -> Any | None:
    """Circle zone as a matplotlib path in the frame's projection; None when there is none."""
    import shapely
    from matplotlib.path import Path

    exposure = view.result.exposure
    if exposure is None or not exposure.zone_wkb:
        return None
    zone = shapely.from_wkb(exposure.zone_wkb)
    if shapely.is_empty(zone):
        return None
    rings = []
    for polygon in shapely.get_parts(zone):
        for ring in (polygon.exterior, *polygon.interiors):
            points = shapely.get_coordinates(ring)
            rings.append(Path(np.column_stack(frame.metres(points[:, 0], points[:, 1])), closed=True))
    return Path.make_compound_path(*rings)


def draw_zone(axes: Axes, view: View, frame: Frame) -> None:
    """Outline of the circle zone with light hatching."""
    from matplotlib.patches import PathPatch

    path = zone_path(view, frame)
    if path is None:
        return
    axes.add_patch(PathPatch(path, facecolor="none", edgecolor="#00000038", hatch="/////", lw=0.0, zorder=2.0))
    axes.add_patch(
        PathPatch(path, facecolor="none", edgecolor=INK, lw=0.8, linestyle=(0, (4, 2)), zorder=5.0, label="circle zone")
    )


def draw_inflows(axes: Axes, view: View, frame: Frame) -> list[tuple[FloatArray, str]]:
    """Arrow into the terrain at every declared inflow; return (k, 2) points along each arrow, m, and its name."""
    network = view.result.network
    names = inflow_names(view)
    found: list[tuple[FloatArray, str]] = []
    size = 0.028 * max(frame.width, frame.height)
    for node in np.flatnonzero(network.boundary_area > 0.0).tolist():
        course = np.vstack([view.lines[k] for k in network.path_from(node)[:12].tolist()])
        x, y = course[0]
        run = np.hypot(*(course - course[0]).T)
        ahead = course[min(int(np.searchsorted(run, size)), len(course) - 1)] - course[0]
        inward = ahead / max(float(np.hypot(*ahead)), 1.0)
        start, end = (x - inward[0] * size, y - inward[1] * size), (x, y)
        if not (frame.box[0] < start[0] < frame.box[2] and frame.box[1] < start[1] < frame.box[3]):
            start, end = (x, y), (x + inward[0] * size, y + inward[1] * size)
        axes.annotate(
            "",
            xy=end,
            xytext=start,
            zorder=7,
            arrowprops={
                "arrowstyle": "-|>,head_width=0.32,head_length=0.5",
                "color": "#0b3d78",
                "lw": 2.0,
                "shrinkA": 0,
                "shrinkB": 0,
            },
        )
        along = np.linspace(start, end, 25)
        found.append((along, names.get(node, "declared inflow")))
    return found


def inflow_names(view: View) -> dict[int, str]:
    """Node of every declared inflow -> its name in the scenario, by the area it brings."""
    network = view.result.network
    declared = getattr(getattr(view.result.scenario, "network", None), "inflow", ()) or ()
    nodes = np.flatnonzero(network.boundary_area > 0.0)
    names: dict[int, str] = {}
    for inflow in declared:
        area = float(getattr(inflow.area, "value", inflow.area))
        free = [node for node in nodes.tolist() if node not in names]
        if free:
            node = min(free, key=lambda i: abs(network.boundary_area[i] - area))
            names[node] = str(inflow.name)
    return names


def named_rivers(view: View) -> list[tuple[str, float, float]]:
    """Rivers the scenario names for the maps: name, longitude, latitude."""
    rivers = getattr(getattr(view.result.scenario, "network", None), "river", ()) or ()
    return [(str(river.name), float(river.lon), float(river.lat)) for river in rivers]


def draw_river_names(axes: Axes, view: View, frame: Frame, taken: Sequence[Box | None], *, size: float) -> None:
    """Write the rivers' names where the scenario puts them, last of all names, so that they move no other.

    `taken` are boxes (m) of names, markers and furniture already on the map. A name without room is left out.
    """
    named = named_rivers(view)
    x, y = frame.metres([lon for _, lon, _ in named], [lat for _, _, lat in named])
    x0, y0, x1, y1 = frame.box
    inside = np.flatnonzero((x > x0) & (x < x1) & (y > y0) & (y < y1)).tolist()
    if not inside:
        return
    avoid = [river_points(view, frame, least=30.0)]
    if view.result.pits is not None:
        avoid.append(np.column_stack((view.result.pits.x, view.result.pits.y)))
    draw_names(
        axes,
        frame,
        x[inside].tolist(),
        y[inside].tolist(),
        [named[k][0] for k in inside],
        obstacles=[box for box in taken if box is not None],
        avoid=np.vstack(avoid),
        size=size,
        river=True,
    )


def detail_frame(view: View, frame: Frame, aspect: float) -> Frame | None:
    """Frame about the group of sites with most pits; None when that is nearly the whole map."""
    pits = view.result.pits
    if pits is None or pits.size == 0:
        return None
    groups = sorted(set(pits.group), key=lambda g: (-float(pits.pits[[name == g for name in pits.group]].sum()), g))
    chosen = np.array([name == groups[0] for name in pits.group])
    x, y = pits.x[chosen], pits.y[chosen]
    places = view.receptors
    points_x, points_y = [x.min(), x.max()], [y.min(), y.max()]
    reach = 0.9 * max(np.ptp(x), np.ptp(y), 8000.0)
    if places is not None:
        near = np.hypot(places.x - x.mean(), places.y - y.mean()) < reach + 10000.0
        points_x.extend(places.x[near])
        points_y.extend(places.y[near])
    x0, x1, y0, y1 = min(points_x), max(points_x), min(points_y), max(points_y)
    pad = 0.07 * max(x1 - x0, y1 - y0, 5000.0)
    x0, x1, y0, y1 = x0 - pad, x1 + pad, y0 - pad, y1 + pad
    wide = max(x1 - x0, (y1 - y0) * aspect)
    high = wide / aspect
    if wide > 0.7 * frame.width and high > 0.7 * frame.height:
        return None
    left = np.clip((x0 + x1 - wide) / 2, frame.box[0], max(frame.box[0], frame.box[2] - wide))
    bottom = np.clip((y0 + y1 - high) / 2, frame.box[1], max(frame.box[1], frame.box[3] - high))
    grid = view.grid
    return Frame(grid.crs_wkt, (float(left), float(bottom), float(left + wide), float(bottom + high)))

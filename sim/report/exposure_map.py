"""The exposure map: rivers by quotient on shaded ground, with sites, circle zone and places."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arrays import FloatArray
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
from sim.report.labels import Box
from sim.report.rivers import (
    detail_frame,
    draw_inflows,
    draw_pits,
    draw_quotients,
    draw_river_names,
    draw_zone,
    pit_area,
    river_points,
)
from sim.report.style import (
    DISCHARGE_TEXTS,
    DISCHARGE_WIDTHS,
    INK,
    MUTED,
    QUOTIENT_COLOURS,
    QUOTIENT_TEXTS,
    UNAFFECTED,
    draw_labels,
    new_figure,
)
from sim.report.texts import drawable, issuer, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.exposure.objects import Threshold
    from sim.report.view import View

#: Kinds of places from most to least important for a name on the map.
_KIND_ORDER = ("town", "village", "intake", "hydropower", "dam", "monitoring", "other")
_KIND_MARKS = {
    "town": "o",
    "village": "o",
    "intake": "v",
    "hydropower": "^",
    "dam": "^",
    "monitoring": "D",
    "other": "o",
}


def threshold_words(threshold: Threshold, substance: str) -> str:
    """One threshold in words, with its source and evidence mark."""
    mark = "found in source" if threshold.evidence == "found" else "from memory, verify"
    return (
        f"{substance}: {shown(threshold.shown)}, {threshold.medium} ({threshold.endpoint}), "
        f"{issuer(threshold.jurisdiction, threshold.source)}, {threshold.year} [{mark}]"
    )


def exposure_map(view: View) -> Figure:
    """Draw the exposure map; portrait terrains get a column beside the map, others a row below it."""
    grid = view.grid
    frame = Frame(grid.crs_wkt, grid_box(grid))
    boxes = _layout(frame)
    width, height = boxes["size"]
    figure = new_figure(width, height, view.dpi)
    figure.text(boxes["left"], boxes["title"], drawable(view.title, 90), fontsize=13, fontweight="bold", va="top")
    figure.text(
        boxes["left"], boxes["title"] - 0.25 / boxes["size"][1], _subtitle(view), fontsize=8.5, va="top", color=MUTED
    )
    axes = figure.add_axes(boxes["map"])
    inset = detail_frame(view, frame, boxes["inset"][2] * boxes["size"][0] / (boxes["inset"][3] * boxes["size"][1]))
    unplaced = draw_map(axes, view, frame, inset=inset)
    if inset is not None:
        unplaced = unplaced + _draw_inset(figure, axes, boxes["inset"], view, inset)
    _legend(figure, boxes, view, unplaced)
    _footer(figure, boxes, view)
    return figure


def _layout(frame: Frame) -> dict[str, Any]:
    """Figure size (inches) and boxes (shares of the figure) for the terrain's shape."""
    aspect = frame.width / frame.height
    if aspect <= 1.25:
        high = 9.3
        wide = min(high * aspect, 7.4)
        high = wide / aspect
        size = (0.45 + wide + 0.35 + 4.2 + 0.15, high + 1.45)
        column = (0.45 + wide + 0.35) / size[0]
        inset_high = float(np.clip(high - 3.75, 0.35 * high, 5.6))
        return {
            "size": size,
            "left": 0.45 / size[0],
            "title": 1 - 0.12 / size[1],
            "map": (0.45 / size[0], 0.8 / size[1], wide / size[0], high / size[1]),
            "inset": (column + 0.1 / size[0], (0.8 + high - inset_high) / size[1], 4.1 / size[0], inset_high / size[1]),
            "legend": (column, 0.72 / size[1], 4.2 / size[0], (high - inset_high - 0.35 + 0.08) / size[1]),
            "foot": 0.46 / size[1],
        }
    wide = 10.2
    high = wide / aspect
    size = (wide + 0.6, high + 5.6)
    return {
        "size": size,
        "left": 0.45 / size[0],
        "title": 1 - 0.12 / size[1],
        "map": (0.45 / size[0], 4.95 / size[1], wide / size[0], high / size[1]),
        "inset": (0.45 / size[0], 0.8 / size[1], 5.1 / size[0], 3.75 / size[1]),
        "legend": (5.85 / size[0], 0.72 / size[1], 4.6 / size[0], 3.9 / size[1]),
        "foot": 0.46 / size[1],
    }


def _subtitle(view: View) -> str:
    threshold = view.thresholds[view.headline]
    return (
        f"Worst month of the year: {view.substance_label(threshold.substance)} over {drawable(shown(threshold.shown))}"
    )


def draw_map(axes: Axes, view: View, frame: Frame, *, detail: bool = False, inset: Frame | None = None) -> list[str]:
    """Ground, rivers, zone, sites, places and map furniture; return the names that found no room.

    Within the frame of an inset only towns are named; the inset names the rest.
    """
    grid = view.grid
    draw_ground(axes, grid)
    set_frame(axes, frame)
    draw_graticule(axes, frame, wanted=3 if detail else 2)
    draw_zone(axes, view, frame)
    draw_quotients(axes, view, view.headline, widening=1.5 if detail else 1.0, frame=frame)
    draw_pits(axes, view, scale=1.5 if detail else 0.6)
    inflows = [] if detail else draw_inflows(axes, view, frame)
    furniture = [draw_scale_bar(axes, frame, share=0.28)]
    furniture.append(draw_north_arrow(axes, frame))
    set_frame(axes, frame)
    return _draw_places(axes, view, frame, furniture, inflows, inset if not detail else None, detail)


def _draw_places(
    axes: Axes,
    view: View,
    frame: Frame,
    furniture: list[Box],
    inflows: list[tuple[FloatArray, str]],
    inset: Frame | None,
    detail: bool,
) -> list[str]:
    places = view.receptors
    assert places is not None
    shown = [r for r in range(places.size) if np.isfinite(places.x[r]) and _inside(frame, places.x[r], places.y[r])]
    shown.sort(key=lambda r: (_KIND_ORDER.index(places.kind[r]) if places.kind[r] in _KIND_ORDER else 9, r))
    for r in shown:
        axes.plot(
            places.x[r],
            places.y[r],
            marker=_KIND_MARKS.get(places.kind[r], "o"),
            ms=4.6 if detail else 4.0,
            mfc=INK,
            mec="white",
            mew=0.7,
            ls="none",
            zorder=8,
            label=f"_place {places.name[r]}",
        )
    if inset is not None:
        shown = [r for r in shown if places.kind[r] == "town" or not _inside(inset, places.x[r], places.y[r])]
    x = [float(places.x[r]) for r in shown] + [float(arrow[12, 0]) for arrow, _ in inflows]
    y = [float(places.y[r]) for r in shown] + [float(arrow[12, 1]) for arrow, _ in inflows]
    names = [places.name[r] for r in shown] + [name for _, name in inflows]
    avoid = np.vstack([river_points(view, frame), *(arrow for arrow, _ in inflows)])
    size = 7.2 if detail else 6.8
    boxes = draw_names(axes, frame, x, y, names, obstacles=furniture, avoid=avoid, size=size)
    every = [r for r in range(places.size) if np.isfinite(places.x[r])]
    marks = marker_boxes(axes, places.x[every].tolist(), places.y[every].tolist())
    draw_river_names(axes, view, frame, [*furniture, *boxes, *marks], size=size)
    return [name for name, box in zip(names, boxes, strict=True) if box is None]


def _inside(frame: Frame, x: float, y: float) -> bool:
    return frame.box[0] < x < frame.box[2] and frame.box[1] < y < frame.box[3]


def _draw_inset(
    figure: Figure, axes: Axes, box: tuple[float, float, float, float], view: View, frame: Frame
) -> list[str]:
    """Enlarge the area of most sites and frame it on the map; return the names that found no room."""
    from matplotlib.patches import Rectangle

    inset = figure.add_axes(box)
    unplaced = draw_map(inset, view, frame, detail=True)
    for spine in inset.spines.values():
        spine.set_edgecolor(INK)
        spine.set_linewidth(1.0)
    inset.text(
        0.015,
        0.985,
        "A",
        transform=inset.transAxes,
        fontsize=10,
        fontweight="bold",
        va="top",
        zorder=12,
        bbox={"facecolor": "white", "edgecolor": INK, "linewidth": 0.6, "pad": 2.5},
    )
    axes.add_patch(
        Rectangle(frame.box[:2], frame.width, frame.height, facecolor="none", edgecolor=INK, lw=1.0, zorder=8.5)
    )
    axes.annotate(
        "A",
        (frame.box[2], frame.box[3]),
        xytext=(-2, -2),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=8,
        fontweight="bold",
        zorder=8.6,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0},
    )
    return unplaced


def _legend(figure: Figure, boxes: dict[str, Any], view: View, unplaced: list[str]) -> None:
    """Legend in two columns, then the threshold and the places without a position, in words."""
    from matplotlib.lines import Line2D

    x, y, wide, high = boxes["legend"]
    panel = figure.add_axes((x, y, wide, high))
    panel.set_axis_off()
    panel.set_xlim(0, 1)
    panel.set_ylim(0, 1)
    rivers: list[Any] = [
        Line2D([], [], color=c, lw=3.0, label=text) for c, text in zip(QUOTIENT_COLOURS, QUOTIENT_TEXTS, strict=True)
    ]
    rivers.append(Line2D([], [], color=UNAFFECTED, lw=3.0, label="no site upstream"))
    first = panel.legend(
        handles=rivers,
        title="Concentration over threshold",
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0,
        alignment="left",
        title_fontproperties={"size": 7.5, "weight": "bold"},
        handlelength=2.4,
        labelspacing=0.35,
    )
    panel.add_artist(first)
    things: list[Any] = [
        Line2D([], [], color=MUTED, lw=w, label=f"{text} m³/s")
        for w, text in zip(DISCHARGE_WIDTHS, DISCHARGE_TEXTS, strict=True)
    ]
    second = panel.legend(
        handles=things,
        title="Mean discharge",
        loc="upper left",
        bbox_to_anchor=(0.46, 1.0),
        borderaxespad=0,
        alignment="left",
        title_fontproperties={"size": 7.5, "weight": "bold"},
        handlelength=2.4,
        labelspacing=0.35,
    )
    panel.add_artist(second)
    inch = 1.0 / (high * boxes["size"][1])
    panel.legend(
        handles=_symbols(view),
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0 - 1.32 * inch),
        borderaxespad=0,
        ncols=2,
        alignment="left",
        title="Signs",
        title_fontproperties={"size": 7.5, "weight": "bold"},
        handlelength=2.4,
        labelspacing=0.45,
        columnspacing=1.2,
    )
    top = 1.0 - 2.42 * inch
    for words in _notes(view, unplaced):
        lines = textwrap.wrap(words, 74)
        panel.text(0.0, top, "\n".join(lines), fontsize=6.6, va="top", linespacing=1.25)
        top -= (len(lines) * 0.122 + 0.06) * inch
    panel.set_label("legend")


def _symbols(view: View) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    exposure = view.exposure
    radius = exposure.zone_radius
    miles = radius / 1609.344
    words = (
        f"within {miles:g} miles of a site"
        if abs(miles - round(miles)) < 1e-6
        else f"within {radius / 1000:g} km of a site"
    )

    def mark(sign: str, label: str, **more: Any) -> Line2D:
        return Line2D([], [], ls="none", marker=sign, ms=5, mfc=INK, mec="white", mew=0.7, label=label, **more)

    pits = view.result.pits
    found: list[Any] = [
        Patch(facecolor="none", edgecolor="#00000060", hatch="/////", linestyle="--", lw=0.8, label=words),
    ]
    if pits is not None and pits.size:
        for count in (1, int(max(2, round(float(np.percentile(pits.pits, 95)))))):
            found.append(
                Line2D(
                    [],
                    [],
                    ls="none",
                    marker="s",
                    ms=float(np.sqrt(pit_area(count))) * 1.3,
                    mfc="#f7f7f7",
                    mec=INK,
                    mew=0.5,
                    label=f"site with {count} pit{'s' if count > 1 else ''}",
                )
            )
    found.append(mark("o", "town or village"))
    found.append(mark("^", "hydropower or dam"))
    found.append(mark("D", "monitoring place"))
    if np.any(view.result.network.boundary_area > 0.0):
        found.append(
            Line2D([], [], color="#0b3d78", lw=0, marker=r"$\rightarrow$", ms=9, label="declared inflow over the edge")
        )
    return found


def _notes(view: View, unplaced: list[str]) -> list[str]:
    threshold = view.thresholds[view.headline]
    notes = ["Threshold: " + drawable(threshold_words(threshold, view.substance_label(threshold.substance)), 240) + "."]
    places = view.receptors
    assert places is not None
    lost = [drawable(places.name[r], 40) for r in range(places.size) if places.status[r] == "position not found"]
    if lost:
        notes.append("Position not found, so not on the map: " + "; ".join(lost) + ".")
    if unplaced:
        notes.append(
            "Shown without a name for want of room: " + "; ".join(drawable(name, 40) for name in unplaced) + "."
        )
    return notes


def _footer(figure: Figure, boxes: dict[str, Any], view: View) -> None:
    grid = view.grid
    draw_labels(figure, view.labels, boxes["left"], boxes["foot"], va="top")
    name = Frame(grid.crs_wkt, (0.0, 0.0, 1.0, 1.0)).crs.name
    source = f"Terrain: {drawable(grid.label, 140)}. Projection: {drawable(name)}. Scale bar true at the map's centre."
    figure.text(boxes["left"], boxes["foot"] - 0.17 / boxes["size"][1], source, fontsize=6.4, va="top", color=MUTED)

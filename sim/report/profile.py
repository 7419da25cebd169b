"""Longitudinal profile: the bed and every substance along the river from the uppermost place to the outlet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arrays import FloatArray
from sim.report.labels import spread
from sim.report.style import INK, MUTED, SUBSTANCE_COLOURS, draw_labels, inches, new_figure, plain_log_axis
from sim.report.texts import drawable, issuer, sentence, shown
from sim.report.view import MG_PER_L, View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.exposure.objects import Threshold

#: A tributary is named or marked when it adds at least this share of the river's mean discharge.
_TRIBUTARY_SHARE = 0.15
#: m, length from which the axis is stretched upstream
_LONG = 150_000.0
_DRY, _WET, _BACKGROUND, _LIMIT = (0, (5, 1.5)), (0, (1, 1)), (0, (1, 2.5)), (0, (6, 2))
#: Inches for title and subtitle, and for the axis of distance, legend and labels below the panels.
_TITLES, _FOOT = 0.66, 1.08
_LONGEST_NAME = 44
_TRIBUTARY_TEXT = "tributary with ≥ 15 % of the water"


def profile_figure(view: View) -> Figure:
    """Draw bed elevation (where known) and the concentration of each substance against river kilometres."""
    result = view.result
    substances = view.in_rivers
    bed = bool(np.isfinite(result.network.elevation[view.path]).all())
    ratios = ([1.35] if bed else [0.75]) + [1.0] * len(substances)
    head = _TITLES + (0.16 if view.left_out else 0.0) + _names_height(view)
    figure = new_figure(10.2, 1.7 * sum(ratios) + head + _FOOT, view.dpi)
    high = figure.get_figheight()
    grid = figure.add_gridspec(
        len(ratios),
        1,
        height_ratios=ratios,
        left=0.075,
        right=0.775,
        top=1 - head / high,
        bottom=_FOOT / high,
        hspace=0.14,
    )
    panels = [figure.add_subplot(grid[0])]
    panels.extend(figure.add_subplot(grid[k + 1], sharex=panels[0]) for k in range(len(substances)))
    _set_distance_axis(panels[0], view)
    figure.text(0.075, 1 - 0.1 / high, drawable(view.title, 90), fontsize=12, fontweight="bold", va="top")
    figure.text(0.075, 1 - 0.34 / high, _subtitle(view), fontsize=8, va="top", color=MUTED)
    if view.left_out:
        figure.text(0.075, 1 - 0.5 / high, drawable(view.left_out, 160), fontsize=8, va="top", color=MUTED)
    _draw_top(panels[0], view, bed)
    for k, name in enumerate(substances):
        draw_substance(panels[k + 1], view, name)
    for panel in panels:
        panel.grid(axis="x", color="#d5dade", lw=0.4)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
    figure.align_ylabels(panels)
    _draw_legend(figure, view)
    for panel in panels[:-1]:
        panel.tick_params(labelbottom=False)
    panels[-1].set_xlabel(
        "Distance along the river, km"
        + ("" if not _stretched(view) else " (upstream part stretched: square-root axis)")
    )
    draw_labels(figure, view.labels, 0.075, 0.16 / high, va="bottom")
    return figure


def _names_height(view: View) -> float:
    """Inches that the slanted names of places above the first panel take, 0 without places."""
    longest = max((len(name) for _, name in _merged(view)), default=0)
    return 0.1 + 0.0305 * min(longest, _LONGEST_NAME) if longest else 0.0


def _stretched(view: View) -> bool:
    """Long rivers get a square-root axis, so that the first kilometres, where most happens, can be read."""
    return bool(view.path_distance[-1] > _LONG)


def _along(view: View, distance: Any) -> Any:
    """Place on the axis of a distance (km): 0 at the start, 1 at the outlet."""
    share = np.asarray(distance) / (view.path_distance[-1] / 1e3)
    return np.sqrt(share) if _stretched(view) else share


def _set_distance_axis(panel: Axes, view: View) -> None:
    total = float(view.path_distance[-1]) / 1e3
    if _stretched(view):
        panel.set_xscale("function", functions=(lambda v: np.sqrt(np.maximum(v, 0.0)), np.square))
        ticks = [0, 5, 10, 20, 50, *range(100, int(total) + 1, 100 if total <= 1000 else 500)]
        panel.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        panel.minorticks_off()
    panel.set_xlim(0.0, total)


def _subtitle(view: View) -> str:
    names = view.result.network.name
    first = next((p.name for d, p in view.on_path(view.located + view.stations) if d == 0.0), names[view.start])
    dry, wet = view.season(int(view.path[-1]))
    periods = view.result.period_names
    start = drawable(first, 40) if first else "the uppermost site"
    if len(periods) == 1:
        return f"From {start} to the outlet. Steady state."
    return (
        f"From {start} to the outlet. Dry season: {periods[dry]}; wet season: {periods[wet]} "
        f"(least and most discharge at the outlet); mean over the year, each month by its length."
    )


def stepped(view: View, inlet: FloatArray, outlet: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Turn values at both ends of the path's nodes into a line that jumps where tributaries join.

    Parameters
    ----------
    inlet, outlet : (n,) values of all nodes

    Returns
    -------
    distance (km), values : (2p,)
    """
    edges = view.path_distance / 1e3
    distance = np.column_stack((edges[:-1], edges[1:])).ravel()
    values = np.column_stack((inlet[view.path], outlet[view.path])).ravel()
    return distance, values


def tributaries(view: View) -> list[tuple[float, float]]:
    """Confluences that matter: (km, share of the river's mean discharge that joins)."""
    network = view.result.network
    on_path = np.zeros(network.size, dtype=bool)
    on_path[view.path] = True
    found = []
    for k in range(1, len(view.path)):
        node = int(view.path[k])
        for donor in np.flatnonzero((network.down == node) & ~on_path).tolist():
            share = view.mean_discharge[donor] / view.mean_discharge[node]
            if share >= _TRIBUTARY_SHARE:
                found.append((float(view.path_distance[k]) / 1e3, float(share)))
    return found


def _draw_top(panel: Axes, view: View, bed: bool) -> None:
    """Bed elevation with places and tributaries; in a channel scenario mean discharge instead."""
    result = view.result
    if bed:
        heights = result.network.elevation
        last = int(view.path[-1])
        x = np.append(view.path_distance[:-1], view.path_distance[-1]) / 1e3
        end = heights[last] - result.network.slope[last] * result.network.length[last]
        values = np.append(heights[view.path], end)
        panel.fill_between(x, values, values.min() - 0.03 * np.ptp(values), color="#d9d2c5", lw=0, zorder=1)
        panel.plot(x, values, color="#6b5d45", lw=1.3, zorder=3)
        panel.set_ylabel("Bed, m above sea level")
        top = float(values.max())
        panel.set_ylim(values.min() - 0.03 * np.ptp(values), top + 0.04 * np.ptp(values))
    else:
        x, values = stepped(view, view.mean(result.flow.discharge_in), view.mean_discharge)
        panel.plot(x, values, color="#0b3d78", lw=1.3)
        panel.set_ylabel("Discharge\nm³/s" if len(result.period_names) == 1 else "Mean discharge\nm³/s")
        panel.set_ylim(0.0, 1.1 * float(values.max()))
    mark_places(panel, view, names=True, x=x, y=values)
    for distance, share in tributaries(view):
        height = float(np.interp(distance, x, values))
        panel.plot(
            distance, height, marker="v", ms=4 + 4 * share, mfc="#2f6fb0", mec="white", mew=0.6, zorder=5, clip_on=False
        )


def mark_places(panel: Axes, view: View, *, names: bool, x: FloatArray, y: FloatArray) -> None:
    """Thin lines at stations and receptors on the path; their names above the panel, spread so that none overlap."""
    found = _merged(view)
    if not found:
        return
    for distance, _ in found:
        panel.axvline(distance, color="#8d99a4", lw=0.5, ls=(0, (2, 2)), zorder=1.5)
    if not names:
        return
    wide, _ = inches(panel)
    moved = spread([float(_along(view, distance)) for distance, _ in found], 0.17 / wide, 0.0, 1.0)
    for (distance, name), place in zip(found, moved, strict=True):
        panel.annotate(
            drawable(name, _LONGEST_NAME),
            (distance, 1.0),
            xytext=(place, 1.03),
            xycoords=("data", "axes fraction"),
            textcoords="axes fraction",
            rotation=38,
            ha="left",
            va="bottom",
            fontsize=6.3,
            rotation_mode="anchor",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": "#8d99a4", "lw": 0.5, "shrinkA": 0, "shrinkB": 0},
        )


def _merged(view: View) -> list[tuple[float, str]]:
    """Places on the path as (km, names); places on the same node share one mark."""
    by_distance: dict[float, list[str]] = {}
    for distance, place in view.on_path(view.located + view.stations):
        known = by_distance.setdefault(distance / 1e3, [])
        if place.name not in known:
            known.append(place.name)
    return [(distance, " / ".join(names)) for distance, names in sorted(by_distance.items())]


def draw_substance(panel: Axes, view: View, name: str) -> None:
    """Dry, wet and mean concentration, background and thresholds of one substance, log axis, mg/L."""
    result = view.result
    s = result.concentration.index(name)
    colour = SUBSTANCE_COLOURS.get(name, INK)
    inlet, outlet = result.concentration.inlet[:, s] * MG_PER_L, result.concentration.outlet[:, s] * MG_PER_L
    clean_in = inlet - result.concentration.pit_inlet[:, s] * MG_PER_L
    clean_out = outlet - result.concentration.pit_outlet[:, s] * MG_PER_L
    dry, wet = view.season(int(view.path[-1]))
    x, mean = stepped(view, view.mean(inlet), view.mean(outlet))
    low = np.minimum.reduce([stepped(view, inlet[t], outlet[t])[1] for t in range(len(inlet))])
    high = np.maximum.reduce([stepped(view, inlet[t], outlet[t])[1] for t in range(len(inlet))])
    if len(inlet) > 1:
        panel.fill_between(x, low, high, color=colour, alpha=0.14, lw=0)
        panel.plot(x, stepped(view, inlet[dry], outlet[dry])[1], color=colour, lw=1.1, ls=_DRY)
        panel.plot(x, stepped(view, inlet[wet], outlet[wet])[1], color=colour, lw=1.1, ls=_WET)
    panel.plot(x, mean, color=colour, lw=1.6)
    clean = stepped(view, view.mean(clean_in), view.mean(clean_out))[1]
    if view.has_loads and clean.max() > 0.0:
        panel.plot(x, clean, color=MUTED, lw=1.0, ls=_BACKGROUND)
    panel.set_yscale("log")
    positive = high[high > 0.0]
    top = float(positive.max()) if positive.size else 1.0
    floor = float(low[low > 0.0].min()) if np.any(low > 0.0) else top * 1e-3
    lines = [t for t in view.thresholds if t.substance == name]
    limits = [t.value * MG_PER_L for t in lines]
    top, floor = max([top, *limits]), min([floor, *limits])
    panel.set_ylim(max(floor * 0.6, top * 1e-6), top * 2.2)
    plain_log_axis(panel.yaxis)
    panel.set_ylabel(f"{sentence(view.substance_label(name))}\nmg/L")
    mark_places(panel, view, names=False, x=x, y=mean)
    _draw_thresholds(panel, view, lines)


def _draw_legend(figure: Figure, view: View) -> None:
    """One legend for panels of several colours, so in ink; it names only what is drawn."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    months = len(view.result.period_names) > 1
    concentration = view.result.concentration
    clean = concentration.inlet[:, :, view.path] - concentration.pit_inlet[:, :, view.path]
    handles: list[Any] = [Line2D([], [], color=INK, lw=1.6, label="mean of the year" if months else "steady state")]
    if months:
        handles.append(Line2D([], [], color=INK, lw=1.1, ls=_DRY, label="dry season"))
        handles.append(Line2D([], [], color=INK, lw=1.1, ls=_WET, label="wet season"))
        handles.append(Patch(facecolor=INK, alpha=0.14, label="range of months"))
    if view.has_loads and bool((clean > 0.0).any()):
        words = f"without {view.loads_word}" + (" (mean)" if months else "")
        handles.append(Line2D([], [], color=MUTED, lw=1.0, ls=_BACKGROUND, label=words))
    if any(threshold.substance in view.in_rivers for threshold in view.thresholds):
        handles.append(Line2D([], [], color=INK, lw=0.8, ls=_LIMIT, label="threshold"))
    if tributaries(view):
        handles.append(Line2D([], [], ls="none", marker="v", ms=6, mfc="#2f6fb0", mec="white", label=_TRIBUTARY_TEXT))
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.07, 0.32 / figure.get_figheight()),
        ncols=4,
        borderaxespad=0,
        handlelength=2.6,
        columnspacing=1.3,
    )


def _draw_thresholds(panel: Axes, view: View, thresholds: list[Threshold]) -> None:
    """Dashed lines, written at the right with source and mark, spread so that the words do not overlap."""
    if not thresholds:
        return
    low, high = (np.log10(v) for v in panel.get_ylim())
    heights = [float((np.log10(t.value * MG_PER_L) - low) / (high - low)) for t in thresholds]
    places = spread(heights, 0.265 / inches(panel)[1], 0.06, 0.94)
    for threshold, height, place in zip(thresholds, heights, places, strict=True):
        panel.axhline(threshold.value * MG_PER_L, color=INK, lw=0.8, ls=_LIMIT, zorder=2)
        mark = "" if threshold.evidence == "found" else " [from memory]"
        counted = " dissolved" if threshold.fraction == "dissolved" else ""
        words = (
            f"{shown(threshold.shown)}{counted}: {threshold.medium}\n{issuer(threshold.jurisdiction, threshold.source)}"
        )
        lines = [drawable(line, 40 if threshold.evidence == "found" else 26) for line in words.split("\n")]
        panel.annotate(
            lines[0] + "\n" + lines[1] + mark,
            (1.0, height),
            xytext=(1.022, place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            fontsize=5.9,
            va="center",
            ha="left",
            linespacing=1.1,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": INK, "lw": 0.5, "shrinkA": 0, "shrinkB": 0},
        )

"""Month by month: discharge and the concentration of every substance at chosen places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.arrays import FloatArray
from sim.report.cartography import halo
from sim.report.style import INK, MARKERS, MUTED, SERIES, draw_labels, new_figure, plain_log_axis
from sim.report.texts import drawable, sentence, shown
from sim.report.view import MG_PER_L, View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.exposure.objects import Threshold


def dilution_figure(view: View) -> Figure:
    """Draw one panel of discharge and one per substance; one line per place, log axes."""
    result = view.result
    substances = view.in_rivers
    rows = -(-(len(substances) + 2) // 2)
    figure = new_figure(9.6, 2.35 * rows + 1.0, view.dpi)
    high = figure.get_figheight()
    figure.text(0.07, 1 - 0.1 / high, drawable(view.title, 90), fontsize=12, fontweight="bold", va="top")
    figure.text(0.07, 1 - 0.34 / high, _subtitle(view), fontsize=8, va="top", color=MUTED)
    grid = figure.add_gridspec(
        rows, 2, left=0.07, right=0.985, top=1 - 0.85 / high, bottom=0.62 / high, hspace=0.34, wspace=0.17
    )
    panels = [figure.add_subplot(grid[k // 2, k % 2]) for k in range(len(substances) + 1)]
    key = figure.add_subplot(grid[(len(substances) + 1) // 2, (len(substances) + 1) % 2])
    nodes = [place.node for place in view.monitored]
    _draw_panel(panels[0], view, result.flow.discharge_in[:, nodes], "Discharge, m³/s")
    for k, name in enumerate(substances):
        s = result.concentration.index(name)
        values = result.concentration.inlet[:, s][:, nodes] * MG_PER_L
        _draw_panel(panels[k + 1], view, values, f"{sentence(view.substance_label(name))}, mg/L")
        _draw_thresholds(panels[k + 1], values, [t for t in view.thresholds if t.substance == name])
    for panel in panels:
        plain_log_axis(panel.yaxis)
    _draw_key(key, panels[0])
    draw_labels(figure, view.labels, 0.07, 0.12 / high, va="bottom")
    return figure


def _subtitle(view: View) -> str:
    left_out = f" {drawable(view.left_out, 100)}" if view.left_out else ""
    if len(view.result.period_names) == 1:
        return "Steady state at places on the river." + left_out
    return "Steady state of each month at places on the river, upstream first. Dashed: thresholds." + left_out


def _draw_panel(panel: Axes, view: View, values: FloatArray, title: str) -> None:
    periods = view.result.period_names
    x = np.arange(len(periods))
    for k, place in enumerate(view.monitored):
        line = values[:, k]
        if not np.any(line > 0.0):
            continue
        panel.plot(
            x,
            np.where(line > 0.0, line, np.nan),
            color=SERIES[k],
            marker=MARKERS[k],
            ms=3.6,
            mec="white",
            mew=0.4,
            lw=1.2,
            label=drawable(place.name, 44),
            ls="-" if len(periods) > 1 else "none",
        )
    panel.set_yscale("log")
    panel.set_title(drawable(title), loc="left", fontweight="bold", pad=4)
    panel.set_xticks(x, periods)
    panel.set_xlim(-0.4, len(periods) - 0.6)
    panel.grid(axis="y", color="#d5dade", lw=0.4)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    positive = values[values > 0.0]
    if positive.size:
        panel.set_ylim(max(positive.min() * 0.6, positive.max() * 1e-6), positive.max() * 1.8)


def _draw_thresholds(panel: Axes, values: FloatArray, thresholds: list[Threshold]) -> None:
    """Dashed lines where thresholds lie near the values; far ones would flatten the rest, so only their names stand."""
    far: dict[bool, list[str]] = {True: [], False: []}
    for threshold in thresholds:
        value = threshold.value * MG_PER_L
        who = "" if threshold.jurisdiction.strip() in {"", "-"} else f", {threshold.jurisdiction}"
        name = f"{shown(threshold.shown)}{who}"
        low, high = panel.get_ylim()
        if value > high * 5.0 or value < low / 5.0:
            above = value > high
            far[above].append(drawable(f"{name}: {'above' if above else 'below'} this scale", 60))
            continue
        panel.set_ylim(min(low, value * 0.7), max(high, value * 2.0))
        panel.axhline(value, color=INK, lw=0.7, ls=(0, (6, 2)), zorder=1)
        words = panel.annotate(
            drawable(name, 32), (_clearest(values, value), value), xytext=(0, 1.5), textcoords="offset points",
            ha="center", va="bottom", fontsize=5.8, color=INK, zorder=6,
        )  # fmt: skip
        words.set_path_effects(halo(1.6))
    for above, names in far.items():
        panel.text(
            0.995, 0.98 if above else 0.02, "\n".join(names), transform=panel.transAxes, ha="right",
            va="top" if above else "bottom", fontsize=5.8, zorder=6,
        )  # fmt: skip


def _clearest(values: FloatArray, level: float) -> float:
    """Place on the axis of periods where a name written above `level` is furthest from all lines."""
    last = len(values) - 1
    if last < 6:
        return last / 2
    logs = np.log10(np.where(values > 0.0, values, np.nan))
    gap = np.nan_to_num(np.abs(logs - np.log10(level * 1.15)), nan=9.0).min(axis=1)
    room = [float(gap[k - 1 : k + 2].min()) for k in range(2, last - 1)]
    return float(last - 2 - int(np.argmax(room[::-1])))


def _draw_key(panel: Axes, source: Axes) -> None:
    panel.set_axis_off()
    handles, names = source.get_legend_handles_labels()
    panel.legend(handles, names, title="Places", loc="upper left", alignment="left", borderaxespad=0, handlelength=3.0)

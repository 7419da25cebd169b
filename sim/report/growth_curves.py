"""Time per item against size, one panel per task: flat curves grow no faster than their input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.report.style import (
    INK,
    MARKERS,
    MUTED,
    SERIES,
    figure_style,
    new_figure,
    plain_log_axis,
    png_bytes,
    svg_bytes,
)
from sim.report.texts import drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 2
_DPI = 130.0


@dataclass(frozen=True)
class Curve:
    """One entrant: items, nanoseconds per item, and whether it is ours."""

    name: str
    items: tuple[int, ...]
    nanoseconds: tuple[float, ...]
    ours: bool


@dataclass(frozen=True)
class Panel:
    """One task: its curves, and the nanoseconds per item that memory bandwidth alone would take (nan if not known)."""

    title: str
    unit: str
    curves: tuple[Curve, ...]
    floor: float


def growth_curves(panels: Sequence[Panel], subtitle: str, *, vector: bool = False) -> bytes:
    """Draw the panels; the same panels give the same bytes.

    Parameters
    ----------
    panels : at least one
    subtitle : str, where it was measured
    vector : SVG instead of PNG

    Raises
    ------
    ValueError
        If there is no panel.

    Examples
    --------
    >>> curve = Curve("ours", (10, 100), (5.0, 6.0), True)
    >>> growth_curves([Panel("route", "cell", (curve,), 1.0)], "somewhere")[:4]
    b'\\x89PNG'
    """
    if not panels:
        raise ValueError("there is nothing to draw")
    with figure_style():
        rows = -(-len(panels) // _COLUMNS)
        figure = new_figure(9.6, 3.5 * rows + 0.8, _DPI)
        high = figure.get_figheight()
        title = "Time per item against size of the input"
        figure.text(0.07, 1 - 0.1 / high, title, fontsize=12, fontweight="bold", va="top")
        figure.text(0.07, 1 - 0.36 / high, drawable(subtitle, 150), fontsize=8, va="top", color=MUTED)
        grid = figure.add_gridspec(
            rows, _COLUMNS, left=0.07, right=0.985, top=1 - 0.85 / high, bottom=1.0 / high, hspace=0.62, wspace=0.16
        )
        names = list(dict.fromkeys(curve.name for panel in panels for curve in panel.curves if not curve.ours))
        for k, panel in enumerate(panels):
            _draw(figure.add_subplot(grid[k // _COLUMNS, k % _COLUMNS]), panel, names)
        return svg_bytes(figure) if vector else png_bytes(figure)


def _draw(axes: Axes, panel: Panel, names: Sequence[str]) -> None:
    for curve in panel.curves:
        # peers keep their colour from panel to panel; ours is black and thick
        k = 0 if curve.ours else names.index(curve.name)
        axes.plot(
            curve.items,
            curve.nanoseconds,
            color=INK if curve.ours else SERIES[k % len(SERIES)],
            marker="o" if curve.ours else MARKERS[k % len(MARKERS)],
            ms=4.0,
            lw=2.2 if curve.ours else 1.0,
            zorder=3 if curve.ours else 2,
            label=drawable(curve.name, 40),
        )
    if panel.floor == panel.floor:  # not nan
        axes.axhline(panel.floor, color=MUTED, lw=0.9, ls="--", label="memory bandwidth alone")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title(drawable(panel.title, 60), loc="left", fontweight="bold", pad=4)
    axes.set_xlabel(f"{panel.unit}s")
    axes.set_ylabel(f"ns per {panel.unit}")
    plain_log_axis(axes.yaxis)
    axes.grid(color="#d5dade", lw=0.4)
    # under the panel, where it hides no curve
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncol=3, fontsize=6.2, frameon=False)

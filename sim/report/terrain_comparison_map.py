"""Map of where two settings of the terrain draw streams, and where only one of them does."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
from sim.report.style import INK, MUTED, draw_labels, new_figure
from sim.report.texts import drawable, number
from sim.terrain.comparison import ComparedTerrain, Comparison, FlowPaths

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Okabe and Ito (2008): told apart by people who see no red or green, and from the grey of what agrees.
AGREED, FIRST_ONLY, SECOND_ONLY = "#4a545e", "#D55E00", "#0072B2"
#: More lines than this make a map black.
MOST_SEGMENTS = 30_000
#: Streams whose drainage areas differ by no more than this factor are alike.
LIKE = 2.0
_DPI = 200.0
_DETAIL_SHARE = 0.22


@dataclass(frozen=True, slots=True)
class Lines:
    """Stream segments of one colour: ends (k, 2, 2) in m, drainage area (k,) in m2."""

    ends: FloatArray
    area: FloatArray


@dataclass(frozen=True, slots=True)
class StreamMap:
    """Lines of both settings, of the first and of the second, and the least area drawn, m2.

    Lines of one setting are those of which the other has none within a step, or one that drains less than half as much:
    a river led elsewhere must not look agreed on because a brook of the other setting runs along its bed.
    """

    agreed: Lines
    first: Lines
    second: Lines
    least: float


def stream_map(compared: ComparedTerrain, first: FlowPaths, second: FlowPaths) -> StreamMap:
    """Sort the streams of two settings by what the other has at most one cell away.

    Only the largest are drawn where there are too many for a map.
    """
    least = max(_least_drawn(first), _least_drawn(second), compared.stream_area)
    beside_first, beside_second = _largest_beside(compared, first, second), _largest_beside(compared, second, first)
    agreed = (beside_first * LIKE >= first.stream_area) & (first.stream_area * LIKE >= beside_first)
    return StreamMap(
        agreed=_lines(compared, first, agreed, least),
        first=_lines(compared, first, first.stream_area > LIKE * beside_first, least),
        second=_lines(compared, second, second.stream_area > LIKE * beside_second, least),
        least=least,
    )


def _largest_beside(compared: ComparedTerrain, own: FlowPaths, other: FlowPaths) -> FloatArray:
    """Largest drainage area (m2) of the other's streams at most one step from each stream cell; 0 where none is."""
    rows, columns = compared.grid.shape
    area = np.zeros(rows * columns, dtype=np.float32)
    area[other.stream_cell] = other.stream_area
    row, column = np.divmod(own.stream_cell, columns)
    largest = np.zeros(own.stream_cell.size)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            beside = np.clip(row + down, 0, rows - 1) * columns + np.clip(column + right, 0, columns - 1)
            np.maximum(largest, area[beside], out=largest)
    return largest


def _least_drawn(paths: FlowPaths) -> float:
    if paths.stream_area.size <= MOST_SEGMENTS:
        return 0.0
    return float(np.partition(paths.stream_area, -MOST_SEGMENTS)[-MOST_SEGMENTS])


def _lines(compared: ComparedTerrain, paths: FlowPaths, chosen: np.ndarray, least: float) -> Lines:
    drawn = chosen & (paths.stream_area >= least) & (paths.stream_receiver >= 0)
    start, end = paths.stream_cell[drawn], paths.stream_receiver[drawn]
    ends = np.stack([np.stack(compared.grid.centre(cells), axis=-1) for cells in (start, end)], axis=1)
    return Lines(ends, paths.stream_area[drawn])


def comparison_map(compared: ComparedTerrain, item: Comparison, labels: tuple[str, ...]) -> Figure:
    """Draw the map of one pair: both stream sets, the part where they differ most, and the numbers beside it."""
    by_name = {paths.name: paths for paths in compared.paths}
    streams = stream_map(compared, by_name[item.first], by_name[item.second])
    frame = Frame(compared.grid.crs_wkt, grid_box(compared.grid))
    aspect = frame.width / frame.height
    high = 8.2
    wide = min(high * aspect, 8.6)
    high = wide / aspect
    tall = max(high, 5.2)
    figure = new_figure(wide + 5.0, tall + 1.5, _DPI)
    fw, fh = figure.get_figwidth(), figure.get_figheight()
    head = f"Streams: {item.first} beside {item.second}"
    figure.text(0.5 / fw, 1 - 0.1 / fh, head, fontsize=12, fontweight="bold", va="top")
    title = f"{drawable(compared.title, 70)}. Conditioning is uncertainty, not truth."
    figure.text(0.5 / fw, 1 - 0.36 / fh, title, fontsize=8, va="top", color=MUTED)
    detail = detail_box(streams, frame)
    base = (0.75 + tall - high) / fh
    axes = figure.add_axes((0.5 / fw, base, wide / fw, high / fh))
    _draw(axes, compared, frame, streams, wanted=2)
    left, span = (0.5 + wide + 0.5) / fw, 3.8 / fw
    words = _legend(figure, left, 1 - 0.72 / fh, item, streams, compared)
    if detail is not None:
        room = tall - (words + 0.3)
        window = _fitted(detail, 3.8 / room)
        _outline(axes, window)
        panel = figure.add_axes((left, 0.75 / fh, span, room / fh))
        _draw(panel, compared, Frame(compared.grid.crs_wkt, window), streams, wanted=2, widening=1.7)
    draw_labels(figure, labels, 0.5 / fw, 0.36 / fh, va="top")
    return figure


def detail_box(streams: StreamMap, frame: Frame) -> Box | None:
    """Square about the largest streams that differ, weighted by the logarithm of their area; None when none does.

    The frame is cut into cells of a third of the square; the square that gathers the most wins, the first among
    equals.
    """
    ends = np.concatenate([streams.first.ends[:, 0], streams.second.ends[:, 0]])
    if not ends.size:
        return None
    weight = np.log1p(np.concatenate([streams.first.area, streams.second.area]) / streams.least)
    side = _DETAIL_SHARE * max(frame.width, frame.height)
    step = side / 3.0
    columns, rows = (max(3, int(np.ceil(length / step))) for length in (frame.width, frame.height))
    column = np.clip(((ends[:, 0] - frame.box[0]) / step).astype(np.int64), 0, columns - 1)
    row = np.clip(((ends[:, 1] - frame.box[1]) / step).astype(np.int64), 0, rows - 1)
    gathered = np.bincount(row * columns + column, weights=weight, minlength=rows * columns).reshape(rows, columns)
    windows = np.lib.stride_tricks.sliding_window_view(gathered, (3, 3)).sum(axis=(2, 3))
    best_row, best_column = np.unravel_index(int(np.argmax(windows)), windows.shape)
    x0, y0 = frame.box[0] + best_column * step, frame.box[1] + best_row * step
    return float(x0), float(y0), float(x0 + side), float(y0 + side)


def _fitted(box: Box, aspect: float) -> Box:
    """The square widened or heightened about its middle to the aspect of its panel."""
    x, y = 0.5 * (box[0] + box[2]), 0.5 * (box[1] + box[3])
    half = 0.5 * (box[2] - box[0])
    wide, high = (half * aspect, half) if aspect >= 1.0 else (half, half / aspect)
    return x - wide, y - high, x + wide, y + high


def _draw(
    axes: Axes, compared: ComparedTerrain, frame: Frame, streams: StreamMap, *, wanted: int, widening: float = 1.0
) -> None:
    draw_ground(axes, compared.grid, strength=0.55)
    set_frame(axes, frame)
    draw_graticule(axes, frame, wanted=wanted)
    for lines, colour, depth in (
        (streams.agreed, AGREED, 3.0),
        (streams.second, SECOND_ONLY, 4.0),
        (streams.first, FIRST_ONLY, 4.1),
    ):
        _draw_lines(axes, lines, streams.least, colour, depth, widening)
    furniture = [draw_scale_bar(axes, frame), draw_north_arrow(axes, frame)]
    set_frame(axes, frame)
    _draw_places(axes, compared, frame, furniture)


def _draw_lines(axes: Axes, lines: Lines, least: float, colour: str, depth: float, widening: float) -> None:
    from matplotlib.collections import LineCollection

    decades = np.log10(np.maximum(lines.area / least, 1.0))
    widths = widening * np.minimum(0.45 + 0.42 * decades, 2.4)
    axes.add_collection(
        LineCollection(list(lines.ends), colors=colour, linewidths=widths, capstyle="round", zorder=depth),
        autolim=False,
    )


def _draw_places(axes: Axes, compared: ComparedTerrain, frame: Frame, furniture: list[Box]) -> None:
    if not compared.places:
        return
    x, y = frame.metres([p.longitude for p in compared.places], [p.latitude for p in compared.places])
    inside = (x > frame.box[0]) & (x < frame.box[2]) & (y > frame.box[1]) & (y < frame.box[3])
    shown = [i for i in range(len(compared.places)) if inside[i]]
    if not shown:
        return
    axes.plot(x[shown], y[shown], "o", ms=3.2, mfc=INK, mec="white", mew=0.6, zorder=8)
    boxes = marker_boxes(axes, x[shown].tolist(), y[shown].tolist())
    names = [compared.places[i].name for i in shown]
    draw_names(axes, frame, x[shown].tolist(), y[shown].tolist(), names, obstacles=[*furniture, *boxes], size=6.2)


def _outline(axes: Axes, box: Box) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle(box[:2], box[2] - box[0], box[3] - box[1], fill=False, edgecolor=INK, lw=0.9, zorder=7, gid="detail")
    )


def _legend(
    figure: Figure, left: float, top: float, item: Comparison, streams: StreamMap, compared: ComparedTerrain
) -> float:
    """Write the key and the numbers beside the map; return the height they take, inches."""
    from matplotlib.lines import Line2D

    fh, fw = figure.get_figheight(), figure.get_figwidth()
    y = top
    for colour, words in (
        (AGREED, "both, at most one cell apart, of like size"),
        (FIRST_ONLY, f"{item.first}: stream only here, or over twice as large"),
        (SECOND_ONLY, f"{item.second}: stream only here, or over twice as large"),
    ):
        figure.add_artist(Line2D([left, left + 0.35 / fw], [y - 0.06 / fh] * 2, color=colour, lw=2.2))
        figure.text(left + 0.45 / fw, y, words, fontsize=8, va="top")
        y -= 0.2 / fh
    found = item.streams
    drawn = number(streams.least / 1e6)
    lines = [
        f"Streams drawn: {drawn} km² and more; wider lines drain more.",
        f"Shared streams (Jaccard): {number(found.jaccard)}; within one cell {number(found.tolerant_jaccard)}.",
        f"Land in another basin: {percent(item.other_basin, item.cells)}.",
        f"Cells of {number(compared.grid.cell_width)} m."
        if compared.grid.cell_width == compared.grid.cell_height
        else f"Cells of {number(compared.grid.cell_width)} x {number(compared.grid.cell_height)} m.",
        *textwrap.wrap(f"Elevations: {drawable(compared.grid.label, 110)}", 62),
    ]
    if detail_box(streams, Frame(compared.grid.crs_wkt, grid_box(compared.grid))) is not None:
        lines.append("Below: where they differ most (frame on the map).")
    figure.text(left, y - 0.06 / fh, "\n".join(lines), fontsize=7.2, va="top", linespacing=1.45)
    return 3 * 0.2 + 0.06 + 0.145 * len(lines)


def percent(part: int, whole: int) -> str:
    """Share in percent; small ones are not rounded to nothing.

    Examples
    --------
    >>> percent(0, 100), percent(1, 1000), percent(1, 10**6), percent(1, 1)
    ('0 %', '0.10 %', 'less than 0.01 %', '100 %')
    """
    if not whole or not part:
        return "0 %"
    share = 100.0 * part / whole
    return "less than 0.01 %" if share < 0.01 else f"{number(share, 2 if share < 99.95 else 3)} %"

"""Look of every figure in one place: fonts, colours, classes, and how a figure is saved so that its bytes repeat."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arrays import FloatArray, IntArray
from sim.classes import QUOTIENT_BOUNDS as QUOTIENT_BOUNDS
from sim.classes import QUOTIENT_COLOURS as QUOTIENT_COLOURS
from sim.classes import QUOTIENT_TEXTS as QUOTIENT_TEXTS
from sim.classes import UNAFFECTED as UNAFFECTED
from sim.classes import quotient_class as quotient_class
from sim.report.texts import drawable, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ByteArray = np.ndarray[Any, np.dtype[np.uint8]]

#: Line width (points) of rivers by mean discharge, m3/s.
DISCHARGE_BOUNDS = (3.0, 30.0, 300.0, 3000.0)
DISCHARGE_WIDTHS = (0.45, 0.8, 1.4, 2.3, 3.4)
DISCHARGE_TEXTS = ("below 3", "3 to 30", "30 to 300", "300 to 3000", "above 3000")

#: Okabe and Ito (2008), dark enough on white paper, for lines of stations.
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#7a5195")
MARKERS = ("o", "s", "^", "D", "v", "p", "<", "h")
SUBSTANCE_COLOURS = {"ammonium": "#0072B2", "sulfate": "#b8860b", "oxalate": "#009E73", "lead": "#6b3fa0"}

CIRCLE_ONLY, BOTH, DOWNSTREAM_ONLY = "#e6a32e", "#4d4d4d", "#2f6fb0"

RIVER_NAME = "#15508f"
INK = "#1c2126"
MUTED = "#5a6570"
PAPER = "#ffffff"
WARNING = "#8a1c12"

_PARAMETERS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "mathtext.fontset": "dejavusans",
    "font.size": 8.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 8.0,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.unicode_minus": True,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "hatch.linewidth": 0.35,
    "svg.hashsalt": "leachsim",
    "svg.fonttype": "path",
    "path.simplify": True,
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw with the package's own settings whatever the user's matplotlibrc says; the old ones come back after."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        for name, value in _PARAMETERS.items():
            matplotlib.rcParams[name] = value  # type: ignore[index]
        yield


def new_figure(width: float, height: float, dpi: float) -> Figure:
    """Make a figure (inches) on an Agg canvas, outside pyplot's global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=dpi, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def inches(panel: Axes) -> tuple[float, float]:
    """Width and height of a panel."""
    figure = panel.get_figure(root=True)
    assert figure is not None
    box = panel.get_position()
    return box.width * figure.get_figwidth(), box.height * figure.get_figheight()


def draw_labels(figure: Figure, labels: Sequence[str], x: float, y: float, *, va: str) -> None:
    """Write the sentences every figure must carry (modelled, illustrative, ...) in warning red."""
    words = "  ·  ".join(sentence(drawable(label, 120)) for label in labels)
    figure.text(x, y, words, fontsize=7.2, fontweight="bold", color=WARNING, va=va, gid="labels")


def png_bytes(figure: Figure, step: int = 1) -> bytes:
    """PNG of a figure without software name or date; colours are rounded to multiples of `step` of 255.

    Shaded ground packs into half the size with a step of 5 (white and black stay), which no eye sees on it.
    """
    canvas: Any = figure.canvas
    canvas.draw()
    colours = np.asarray(canvas.buffer_rgba())[..., :3].astype(np.uint16)
    return packed_png(((colours + step // 2) // step * step).astype(np.uint8))


def packed_png(colours: ByteArray) -> bytes:
    """PNG of (ny, nx, 3) or (ny, nx, 4) bytes, packed as tightly as the format allows, without metadata.

    Pillow comes with matplotlib, which requires it; matplotlib's own writer always adds an alpha channel.
    """
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(colours)).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def svg_bytes(figure: Figure) -> bytes:
    """SVG of a figure without creator or date, identifiers from a fixed salt."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", dpi=figure.dpi, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def save(figure: Figure, folder: Path, stem: str, *, vector: bool = True, shaded: bool = False) -> list[Path]:
    """Write ``stem.png`` (`shaded` if it shows ground), and ``stem.svg`` where asked; return what was written."""
    written = [folder / f"{stem}.png"]
    written[0].write_bytes(png_bytes(figure, 5 if shaded else 1))
    if vector:
        written.append(folder / f"{stem}.svg")
        written[1].write_bytes(svg_bytes(figure))
    return written


def plain_log_axis(axis: Any) -> None:
    """Label a logarithmic axis with plain numbers (0.01, 1, 100); with 2 and 5 as well where it spans little."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    if high < 30.0 * low:
        axis.set_major_locator(LogLocator(base=10.0, subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:,.10g}" if 1e-4 <= value < 1e7 else f"{value:.0e}")
    )
    axis.set_minor_formatter(NullFormatter())


def discharge_class(discharge: FloatArray) -> IntArray:
    """Class (0 to 4) of each mean discharge, m3/s."""
    return np.searchsorted(DISCHARGE_BOUNDS, discharge, side="left").astype(np.int64)

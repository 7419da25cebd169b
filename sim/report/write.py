"""All files of a report, in a fixed order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.report.dilution import dilution_figure
from sim.report.exposure_map import exposure_map
from sim.report.five_mile import five_mile_figure
from sim.report.page import report_page
from sim.report.profile import profile_figure
from sim.report.style import figure_style, save
from sim.report.view import View
from sim.report.web_map import map_page

if TYPE_CHECKING:
    from sim.pipeline.result import Result

#: Maps of larger networks are written as PNG only: their SVG takes several megabytes.
LARGEST_VECTOR_MAP = 5000


def write_all(result: Result, folder: Path, summary: Mapping[str, Any]) -> list[Path]:
    """Write every figure and page; arguments as in `sim.report.write_report`."""
    view = View(result)
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    landscape = result.terrain is not None and result.exposure is not None
    vector = result.network.size <= LARGEST_VECTOR_MAP
    written: list[Path] = []
    with figure_style():
        if landscape:
            written.extend(save(exposure_map(view), figures, "exposure_map", vector=vector, shaded=True))
        written.extend(save(profile_figure(view), figures, "profile"))
        if len(result.period_names) > 1:
            written.extend(save(dilution_figure(view), figures, "dilution"))
        if landscape:
            written.extend(save(five_mile_figure(view), figures, "five_mile", vector=vector, shaded=True))
            written.append(_text(folder / "map.html", map_page(view)))
    pictures = {path.stem: path.read_bytes() for path in written if path.suffix == ".png"}
    written.append(_text(folder / "report.html", report_page(view, pictures, summary)))
    return written


def _text(path: Path, words: str) -> Path:
    path.write_bytes(words.encode("utf-8"))
    return path

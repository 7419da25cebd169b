"""compare.html: how far flow paths of several settings agree, on one page that opens offline by double click."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sim.report.cartography import Frame, degree_text, grid_box
from sim.report.pages import asset, render
from sim.report.style import figure_style, png_bytes
from sim.report.terrain_comparison_map import comparison_map, percent
from sim.report.texts import number, sentence, statement
from sim.terrain.comparison import OUTLET_STEPS, BasinMatch, ComparedPlace, ComparedTerrain, Comparison, FlowPaths

KM2 = 1e6
#: Shared part of a basin below which a row is shaded.
_LOW = 0.9
#: Largest over smallest drainage area of a place above which a row is shaded.
_UNCERTAIN = 1.1
#: Basins on the page; all that were matched stand in the tables.
_SHOWN_BASINS = 5
_CAPTION = (
    "Grey: streams of like size that both settings draw at most one cell apart. Orange: streams that only {first} "
    "draws there, or that drain more than twice as much under it. Blue: the same for {second}. Modelled, not measured."
)


def write_comparison_page(compared: ComparedTerrain, folder: Path, about: Mapping[str, Any]) -> list[Path]:
    """Write a map of each pair with the first setting (figures/) and compare.html; the same input gives the same bytes.

    Settings that give the same flow paths share a map and a row.

    Parameters
    ----------
    compared : ComparedTerrain
    folder : Path, existing
    about : "statement", "labels", "inputs" (name -> text), "notes", "warnings"

    Returns
    -------
    list of Path
        The files written.
    """
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    written, pictures = [], []
    with figure_style():
        for item in mapped_pairs(compared):
            picture = png_bytes(comparison_map(compared, item, tuple(about["labels"])), 5)
            path = figures / f"streams_{item.first}_{item.second}.png"
            path.write_bytes(picture)
            written.append(path)
            pictures.append((item, picture))
    page = folder / "compare.html"
    page.write_bytes(comparison_page(compared, pictures, about).encode("utf-8"))
    return [*written, page]


def groups_of(compared: ComparedTerrain) -> dict[str, tuple[str, ...]]:
    """Settings that give the same flow paths in every cell, by the first of them, in order."""
    groups = {paths.name: [paths.name] for paths in compared.paths}
    for item in compared.comparisons:
        if item.same_paths and item.first in groups and item.second in groups:
            groups[item.first] += groups.pop(item.second)
    return {first: tuple(names) for first, names in groups.items()}


def told_pairs(compared: ComparedTerrain) -> list[Comparison]:
    """Pairs that say something new: one for every two groups; the very first pair when all are the same."""
    groups = groups_of(compared)
    pairs = [item for item in compared.comparisons if item.first in groups and item.second in groups]
    return pairs or list(compared.comparisons[:1])


def mapped_pairs(compared: ComparedTerrain) -> list[Comparison]:
    """Those with the first setting."""
    first = compared.paths[0].name
    return [item for item in told_pairs(compared) if item.first == first]


def comparison_page(
    compared: ComparedTerrain, pictures: list[tuple[Comparison, bytes]], about: Mapping[str, Any]
) -> str:
    """Return the page as text."""
    grid = compared.grid
    steps = compared.comparisons[0].streams.steps
    frame = Frame(grid.crs_wkt, grid_box(grid))
    groups = groups_of(compared)
    size = math.sqrt(grid.cell_area)
    provenance = [{"name": sentence(name), "text": str(text)} for name, text in about["inputs"].items()]
    provenance += [
        {"name": f"Engine of {paths.name}", "text": f"{paths.engine}; {paths.method}"} for paths in compared.paths
    ]
    return render(
        "terrain_comparison.html.j2",
        css=asset("report.css"),
        title=compared.title,
        statement=about["statement"],
        labels=about["labels"],
        warnings=about["warnings"],
        notes=[statement(words) for words in about["notes"]],
        failed=[{"name": row.name, "message": row.message} for row in compared.failed],
        same=[_listed(names) for names in groups.values() if len(names) > 1],
        pairs=[_pair(item, groups) for item in told_pairs(compared)],
        cell=_cell_words(compared),
        stream_area=f"{compared.stream_area / KM2:g}",
        inflows=bool(compared.places),
        outlet_steps=OUTLET_STEPS,
        figures=[_figure(item, picture) for item, picture in pictures],
        settings=[_setting(paths, compared.sentences[paths.name]) for paths in compared.paths],
        steps=steps,
        steps_metres=[f"{number(count * size)} m" for count in steps],
        within=[row for item in told_pairs(compared) for row in _within(item, groups)],
        basins=_basins(compared, frame),
        columns=[", ".join(names) for names in groups.values()],
        places=[_place(place, compared, groups) for place in compared.places],
        provenance=provenance,
    )


def _cell_words(compared: ComparedTerrain) -> str:
    wide, high = compared.grid.cell_width, compared.grid.cell_height
    return f"{number(wide)} m" if wide == high else f"{number(wide)} m by {number(high)} m"


def _listed(names: tuple[str, ...]) -> str:
    """Names as in a sentence.

    Examples
    --------
    >>> _listed(("auto", "carve", "fill"))
    'auto, carve and fill'
    """
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _named(name: str, groups: Mapping[str, tuple[str, ...]]) -> str:
    return ", ".join(groups.get(name, (name,)))


def _pair(item: Comparison, groups: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    return {
        "first": _named(item.first, groups),
        "second": _named(item.second, groups),
        "jaccard": number(item.streams.jaccard),
        "tolerant": number(item.streams.tolerant_jaccard),
        "basin": percent(item.other_basin, item.cells),
        "far": percent(item.far_outlet, item.cells),
        "other": percent(item.other_outlet, item.cells),
    }


def _figure(item: Comparison, picture: bytes) -> dict[str, str]:
    caption = _CAPTION.format(first=item.first, second=item.second)
    return {
        "data": "data:image/png;base64," + base64.b64encode(picture).decode(),
        "alt": f"Map. {caption} The tables of this page give the agreement as numbers.",
        "caption": caption,
    }


def _setting(paths: FlowPaths, does: str) -> dict[str, Any]:
    change = paths.change
    values = (
        f"{paths.stream_cell.size:,}",
        number(float(paths.basin_area[0]) / KM2) if paths.basin_area.size else "–",
        f"{change.raised_cells:,}",
        number(change.raised_volume / 1e6),
        number(change.highest_raise),
        f"{change.lowered_cells:,}",
        number(change.lowered_volume / 1e6),
        number(change.deepest_cut),
    )
    return {"name": paths.name, "does": does, "values": values}


def _within(item: Comparison, groups: Mapping[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    found = item.streams

    def shares(values: np.ndarray) -> list[str]:
        return ["–" if math.isnan(value) else f"{100.0 * value:.1f} %" for value in values.tolist()]

    first, second = _named(item.first, groups), _named(item.second, groups)
    return [
        {"first": first, "second": second, "shares": shares(found.first_within)},
        {"first": second, "second": first, "shares": shares(found.second_within)},
    ]


def _basins(compared: ComparedTerrain, frame: Frame) -> list[dict[str, Any]]:
    """Tables of the first setting beside each other one."""
    tables = []
    for item in mapped_pairs(compared):
        rows = [_basin(match, compared, frame) for match in item.basins[:_SHOWN_BASINS]]
        tables.append({"first": item.first, "second": item.second, "rows": rows})
    return tables


def _basin(match: BasinMatch, compared: ComparedTerrain, frame: Frame) -> dict[str, Any]:
    longitude, latitude = frame.degrees(*compared.grid.centre(np.array([match.first_outlet])))
    east, north = round(float(longitude[0]), 2), round(float(latitude[0]), 2)
    return {
        "place": f"{degree_text(north, 'N', 'S')} {degree_text(east, 'E', 'W')}",
        "first": number(match.first_area / KM2, 4),
        "second": number(match.second_area / KM2, 4) if match.second_outlet >= 0 else "–",
        "shared": number(match.shared_area / KM2, 4),
        "jaccard": number(match.jaccard),
        "low": match.jaccard < _LOW,
        "apart": "same cell" if match.outlet_distance == 0.0 else f"{number(match.outlet_distance / 1e3)} km",
    }


def _place(place: ComparedPlace, compared: ComparedTerrain, groups: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    shown = [i for i, paths in enumerate(compared.paths) if paths.name in groups]
    known = [area for area in place.area if math.isfinite(area)]
    ratio = max(known) / min(known) if known and min(known) > 0.0 else float("nan")
    return {
        "name": place.name,
        "kind": place.kind,
        "expected": number(place.expected / KM2),
        "values": [
            {"text": number(area / KM2, 4) if math.isfinite(area) else "", "said": said}
            for area, said in ((place.area[i], place.said[i]) for i in shown)
        ],
        "ratio": number(ratio),
        "uncertain": ratio > _UNCERTAIN or 0 < len(known) < len(place.area),
    }

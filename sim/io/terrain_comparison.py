"""What a comparison of terrain settings found, as a document and as a table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from sim.io.tables import write_table
from sim.terrain.comparison import OUTLET_STEPS, BasinMatch, ComparedTerrain, Comparison, FlowPaths, StreamOverlap
from sim.terrain.objects import Grid

KM2 = 1e6


def comparison_document(compared: ComparedTerrain) -> dict[str, Any]:
    """Return everything that was compared as plain types; unknown numbers are None."""
    grid = compared.grid
    names = [paths.name for paths in compared.paths]
    return {
        "title": compared.title,
        "grid": {
            "rows": grid.shape[0],
            "columns": grid.shape[1],
            "valid_cells": int(grid.valid.sum()),
            "cell_width_m": grid.cell_width,
            "cell_height_m": grid.cell_height,
            "crs": grid.crs_wkt,
            "elevations": grid.label,
        },
        "stream_area_km2": compared.stream_area / KM2,
        "settings": [_setting(paths, compared) for paths in compared.paths],
        "failed": [asdict(failed) for failed in compared.failed],
        "comparisons": [_comparison(item, grid) for item in compared.comparisons],
        "places": [
            {
                "name": place.name,
                "kind": place.kind,
                "longitude": place.longitude,
                "latitude": place.latitude,
                "expected_area_km2": _known(place.expected / KM2),
                "area_km2": dict(zip(names, (_known(area / KM2) for area in place.area), strict=True)),
                "not_found": {name: said for name, said in zip(names, place.said, strict=True) if said},
            }
            for place in compared.places
        ],
    }


def _setting(paths: FlowPaths, compared: ComparedTerrain) -> dict[str, Any]:
    change = paths.change
    return {
        "name": paths.name,
        "does": compared.sentences[paths.name],
        "engine": paths.engine,
        "method": paths.method,
        "stream_cells": paths.stream_cell.size,
        "outlets": paths.basin_outlet.size,
        "largest_basin_km2": float(paths.basin_area[0]) / KM2 if paths.basin_area.size else None,
        "raised_cells": change.raised_cells,
        "raised_volume_m3": change.raised_volume,
        "highest_raise_m": change.highest_raise,
        "lowered_cells": change.lowered_cells,
        "lowered_volume_m3": change.lowered_volume,
        "deepest_cut_m": change.deepest_cut,
    }


def _comparison(item: Comparison, grid: Grid) -> dict[str, Any]:
    return {
        "first": item.first,
        "second": item.second,
        "same_flow_paths": item.same_paths,
        "streams": _streams(item.streams),
        "cells": item.cells,
        "cells_in_another_basin": item.other_basin,
        "cells_to_another_outlet": item.other_outlet,
        "cells_to_an_outlet_far_away": item.far_outlet,
        "far_away_steps": OUTLET_STEPS,
        "largest_basins_of_first": [_basin(match, grid) for match in item.basins],
    }


def _streams(found: StreamOverlap) -> dict[str, Any]:
    return {
        "first_cells": found.first_cells,
        "second_cells": found.second_cells,
        "shared_cells": found.shared_cells,
        "jaccard": _known(found.jaccard),
        "jaccard_within_one_cell": _known(found.tolerant_jaccard),
        "within_cells": [
            {"cells": steps, "share_of_first": _known(first), "share_of_second": _known(second)}
            for steps, first, second in zip(found.steps, found.first_within, found.second_within, strict=True)
        ],
    }


def _basin(match: BasinMatch, grid: Grid) -> dict[str, Any]:
    return {
        "first_outlet": _place(match.first_outlet, grid),
        "second_outlet": _place(match.second_outlet, grid),
        "first_area_km2": match.first_area / KM2,
        "second_area_km2": match.second_area / KM2,
        "shared_area_km2": match.shared_area / KM2,
        "jaccard": match.jaccard,
        "outlet_distance_m": _known(match.outlet_distance),
    }


def _place(cell: int, grid: Grid) -> dict[str, float] | None:
    """Degrees of a cell's centre, to the metre; None where there is no cell."""
    if cell < 0:
        return None
    from pyproj import Transformer

    x, y = grid.centre(np.array([cell]))
    longitude, latitude = Transformer.from_crs(grid.crs_wkt, "EPSG:4326", always_xy=True).transform(x[0], y[0])
    return {"longitude": round(float(longitude), 5), "latitude": round(float(latitude), 5)}


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def write_comparison_table(path: Path, compared: ComparedTerrain) -> None:
    """Write compare.csv, one number a row: what it is about, the settings, the place, the measure, value and unit."""
    header = ("about", "setting", "other setting", "place", "measure", "value", "unit")
    write_table(path, header, _rows(compared))


def _rows(compared: ComparedTerrain) -> Iterator[tuple[Any, ...]]:
    for failed in compared.failed:
        yield ("failed", failed.name, "", "", failed.message, None, "")
    for paths in compared.paths:
        row = _setting(paths, compared)
        for key, value in row.items():
            if key not in ("name", "does", "engine", "method"):
                measure, unit = _unit(key)
                yield ("setting", paths.name, "", "", measure, value, unit)
    for item in compared.comparisons:
        yield from _comparison_rows(item, compared.grid)
    for place in compared.places:
        yield ("place", "", "", place.name, "expected drainage area", place.expected / KM2, "km2")
        for paths, area in zip(compared.paths, place.area, strict=True):
            yield ("place", paths.name, "", place.name, "drainage area", area / KM2, "km2")


def _comparison_rows(item: Comparison, grid: Grid) -> Iterator[tuple[Any, ...]]:
    pair, found = (item.first, item.second), item.streams
    yield ("streams", *pair, "", "cells of the first", found.first_cells, "1")
    yield ("streams", *pair, "", "cells of the second", found.second_cells, "1")
    yield ("streams", *pair, "", "shared cells", found.shared_cells, "1")
    yield ("streams", *pair, "", "Jaccard", found.jaccard, "1")
    yield ("streams", *pair, "", "Jaccard within one cell", found.tolerant_jaccard, "1")
    for steps, first, second in zip(found.steps, found.first_within, found.second_within, strict=True):
        yield ("streams", *pair, "", f"share of the first within {steps} cells of the second", first, "1")
        yield ("streams", *pair, "", f"share of the second within {steps} cells of the first", second, "1")
    yield ("outlets", *pair, "", "cells of both", item.cells, "1")
    yield ("outlets", *pair, "", "cells in another basin", item.other_basin, "1")
    yield ("outlets", *pair, "", "cells that drain to another outlet", item.other_outlet, "1")
    yield ("outlets", *pair, "", f"cells to an outlet more than {OUTLET_STEPS} cells away", item.far_outlet, "1")
    for rank, match in enumerate(item.basins, start=1):
        row = _basin(match, grid)
        where = f"basin {rank}"
        for key in ("first_area_km2", "second_area_km2", "shared_area_km2", "jaccard", "outlet_distance_m"):
            measure, unit = _unit(key)
            yield ("basin", *pair, where, measure, row[key], unit)
        for key in ("first_outlet", "second_outlet"):
            for axis in ("longitude", "latitude"):
                value = row[key][axis] if row[key] else None
                yield ("basin", *pair, where, f"{key.replace('_', ' ')} {axis}", value, "degrees")


def _unit(key: str) -> tuple[str, str]:
    """Name and unit of a key such as raised_volume_m3.

    Examples
    --------
    >>> _unit("raised_volume_m3"), _unit("raised_cells")
    (('raised volume', 'm3'), ('raised cells', '1'))
    """
    stem, _, last = key.rpartition("_")
    return (stem.replace("_", " "), last) if last in ("m3", "m", "km2") else (key.replace("_", " "), "1")

"""map.html: one file that pans and zooms offline, with every value of every month behind a click."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from sim.arrays import FloatArray, IntArray
from sim.registry import SUBSTANCES
from sim.report.cartography import Frame, grid_box
from sim.report.hillshade import coarsened, relief
from sim.report.pages import asset, render
from sim.report.rivers import inflow_names, named_rivers
from sim.report.style import (
    BOTH,
    CIRCLE_ONLY,
    DISCHARGE_BOUNDS,
    DISCHARGE_WIDTHS,
    DOWNSTREAM_ONLY,
    QUOTIENT_BOUNDS,
    QUOTIENT_COLOURS,
    QUOTIENT_TEXTS,
    RIVER_NAME,
    UNAFFECTED,
    discharge_class,
    packed_png,
)
from sim.report.texts import issuer, shown
from sim.report.view import MG_PER_L, View

#: Values travel as 16-bit logarithms: 10**LOWEST to 10**(LOWEST + DECADES), finer than 0.06 percent.
LOWEST, DECADES = -10.0, 16.0


def map_page(view: View) -> str:
    """Return the page as text; it loads nothing from anywhere."""
    return render(
        "map.html.j2",
        title=view.title,
        labels=view.labels,
        css=asset("map.css"),
        script=asset("map.js"),
        data=embedded_json(map_data(view)),
        receptors=_receptors(view),
        rivers=bool(named_rivers(view)),
    )


def embedded_json(data: Any) -> str:
    r"""JSON that can stand in a script element: every ``<`` is written ``\u003c``, so no text can close the element.

    Examples
    --------
    >>> print(embedded_json({"name": "</script>"}))
    {"name":"\u003c/script>"}
    """
    words = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return words.replace("<", "\\u003c")


def packed(values: Any, dtype: str) -> str:
    """Base64 of an array in little-endian `dtype`."""
    return base64.b64encode(np.ascontiguousarray(values, dtype=np.dtype(dtype).newbyteorder("<")).tobytes()).decode()


def coded(values: FloatArray) -> str:
    """Base64 of values as 16-bit logarithms; 0 stands for zero or nothing.

    ``code = 1 + round((log10 v - LOWEST) / DECADES * 65534)``
    """
    positive = np.isfinite(values) & (values > 0.0)
    logs = np.log10(np.where(positive, values, 1.0))
    code = np.rint((logs - LOWEST) / DECADES * 65534.0) + 1.0
    return packed(np.where(positive, np.clip(code, 1.0, 65535.0), 0.0), "u2")


def monthly(values: FloatArray, chosen: IntArray) -> dict[str, str]:
    """Every month of `chosen` nodes, and the year's largest value of all nodes.

    Rivers no site drains to carry background only; one value each keeps the file small.
    """
    return {
        "months": coded(values[:, chosen]),
        "worst": coded(np.nanmax(np.where(np.isfinite(values), values, 0.0), axis=0)),
    }


def map_data(view: View) -> dict[str, Any]:
    """Everything the page's script reads, as plain types."""
    result = view.result
    exposure, concentration = view.exposure, result.concentration
    frame = Frame(view.grid.crs_wkt, grid_box(view.grid))
    dissolved = {t.substance for t in exposure.thresholds if t.fraction == "dissolved"}
    values: dict[str, dict[str, dict[str, str]]] = {}
    chosen = np.flatnonzero(exposure.downstream)
    for s, name in enumerate(concentration.substances):
        worst = np.maximum(concentration.inlet[:, s], concentration.outlet[:, s])
        pits = np.maximum(concentration.pit_inlet[:, s], concentration.pit_outlet[:, s])
        values[name] = {"total": monthly(worst * MG_PER_L, chosen), "pits": monthly(pits * MG_PER_L, chosen)}
        if name in dissolved:
            share = concentration.dissolved_fraction[:, s]
            values[name]["dissolved"] = monthly(worst * share * MG_PER_L, chosen)
    network = result.network
    return {
        "title": view.title,
        "labels": list(view.labels),
        "terrain": view.grid.label,
        "crs": frame.crs.name,
        "box": [round(v, 1) for v in frame.box],
        "background": _background(view),
        "zones": _zones(view),
        "degrees": _degree_grid(frame),
        "periods": list(result.period_names),
        "substances": [_substance(name) for name in concentration.substances],
        "thresholds": [_threshold(t) for t in exposure.thresholds],
        "headline": view.headline,
        "code": [LOWEST, DECADES],
        "values": values,
        "discharge": monthly(result.flow.discharge_out, chosen),
        "discharge_mean": coded(view.mean_discharge),
        "travel": coded(exposure.travel_time[:, chosen] / 3600.0 + 1e-6),
        "downstream": packed(exposure.downstream, "u1"),
        "width": packed(discharge_class(view.mean_discharge), "u1"),
        "area": coded(network.area * 1e-6),
        "outlet": coded(view.way_down * 1e-3),
        "names": {str(i): name for i, name in enumerate(network.name) if name},
        "inflows": {str(node): name for node, name in inflow_names(view).items()},
        "style": {
            "bounds": list(QUOTIENT_BOUNDS),
            "colours": list(QUOTIENT_COLOURS),
            "texts": list(QUOTIENT_TEXTS),
            "unaffected": UNAFFECTED,
            "river": RIVER_NAME,
            "widths": list(DISCHARGE_WIDTHS),
            "discharges": list(DISCHARGE_BOUNDS),
            "zones": [CIRCLE_ONLY, BOTH, DOWNSTREAM_ONLY],
        },
        **_geometry(view, frame),
        "pits": _pits(view, frame),
        "circle": _circle(view, frame),
        "radius": exposure.zone_radius,
        "receptors": _receptors(view),
        "rivers": _river_names(view, frame),
    }


def _substance(name: str) -> dict[str, str]:
    row = SUBSTANCES.get(name)
    return {"name": name, "label": row.label if row else name, "symbol": row.symbol if row else name}


def _threshold(threshold: Any) -> dict[str, Any]:
    mark = "found in source" if threshold.evidence == "found" else "from memory, verify"
    who = issuer(threshold.jurisdiction, threshold.source)
    return {
        "substance": threshold.substance,
        "value": threshold.value * MG_PER_L,
        "fraction": threshold.fraction,
        "text": f"{shown(threshold.shown)}, {threshold.medium}, {threshold.jurisdiction}".removesuffix(", -"),
        "source": f"{threshold.endpoint}; {who}, {threshold.year} [{mark}]",
    }


def _geometry(view: View, frame: Frame) -> dict[str, str]:
    """Courses as 16-bit shares of the frame, and where each node's course starts."""
    lines = view.lines
    points = np.vstack(lines)
    x = (points[:, 0] - frame.box[0]) / frame.width * 65535.0
    y = (points[:, 1] - frame.box[1]) / frame.height * 65535.0
    start = np.concatenate(([0], np.cumsum([len(line) for line in lines])))
    return {
        "x": packed(np.clip(np.rint(x), 0, 65535), "u2"),
        "y": packed(np.clip(np.rint(y), 0, 65535), "u2"),
        "start": packed(start, "u4"),
    }


def _png(picture: FloatArray) -> str:
    colours = np.rint(picture * 255.0).astype(np.uint8)
    if np.all(colours[..., 3] == 255):
        colours = colours[..., :3]
    return "data:image/png;base64," + base64.b64encode(packed_png(colours)).decode()


def _background(view: View) -> dict[str, Any]:
    """Shaded ground with the box it covers; colours rounded to 64 steps, which halves the file."""
    grid = view.grid
    elevation, valid, step = coarsened(grid.elevation, grid.valid, 1000)
    picture = relief(elevation, valid, grid.cell_width * step, grid.cell_height * step)
    picture[..., :3] = np.rint(picture[..., :3] * 63.0) / 63.0
    return {"png": _png(picture), "box": _picture_box(view, elevation.shape, step)}


def _picture_box(view: View, shape: tuple[int, ...], step: int) -> list[float]:
    grid = view.grid
    x0, _, _, y1 = grid_box(grid)
    return [x0, y1 - shape[0] * step * grid.cell_height, x0 + shape[1] * step * grid.cell_width, y1]


def _zones(view: View) -> dict[str, Any]:
    """Circle only, both, downstream only, as a translucent picture."""
    from matplotlib.colors import to_rgba

    exposure, grid = view.exposure, view.grid
    step = max(1, -(-max(grid.shape) // 1000))
    circle = exposure.circle.reshape(grid.shape)[::step, ::step]
    corridor = exposure.corridor.reshape(grid.shape)[::step, ::step]
    picture = np.zeros((*circle.shape, 4))
    picture[circle & ~corridor] = (*to_rgba(CIRCLE_ONLY)[:3], 0.45)
    picture[circle & corridor] = (*to_rgba(BOTH)[:3], 0.6)
    picture[~circle & corridor] = (*to_rgba(DOWNSTREAM_ONLY)[:3], 0.6)
    return {"png": _png(picture), "box": _picture_box(view, circle.shape, step)}


def _degree_grid(frame: Frame) -> dict[str, Any]:
    """Longitude and latitude on a 17 by 17 net, for reading off a place under the pointer."""
    x, y = np.meshgrid(np.linspace(frame.box[0], frame.box[2], 17), np.linspace(frame.box[1], frame.box[3], 17))
    lon, lat = frame.degrees(x.ravel(), y.ravel())
    return {"size": 17, "lon": [round(v, 5) for v in lon.tolist()], "lat": [round(v, 5) for v in lat.tolist()]}


def _pits(view: View, frame: Frame) -> list[list[Any]]:
    pits = view.result.pits
    if pits is None:
        return []
    nodes = view.result.load.node
    return [
        [
            round(float(pits.x[k]), 1),
            round(float(pits.y[k]), 1),
            float(pits.pits[k]),
            pits.name[k],
            int(pits.year[k]),
            int(nodes[k]),
        ]
        for k in range(pits.size)
    ]


def _circle(view: View, frame: Frame) -> list[list[int]]:
    """Rings of the circle zone, whole metres, x and y in turn."""
    import shapely

    exposure = view.exposure
    if not exposure.zone_wkb:
        return []
    rings = []
    for polygon in shapely.get_parts(shapely.from_wkb(exposure.zone_wkb)):
        for ring in (polygon.exterior, *polygon.interiors):
            points = shapely.get_coordinates(ring)
            if len(points):
                x, y = frame.metres(points[:, 0], points[:, 1])
                rings.append(np.rint(np.column_stack((x, y))).astype(int).ravel().tolist())
    return rings


def _river_names(view: View, frame: Frame) -> list[list[Any]]:
    """Place and name of every river the scenario names inside the frame: x, y in m."""
    named = named_rivers(view)
    x, y = frame.metres([lon for _, lon, _ in named], [lat for _, _, lat in named])
    x0, y0, x1, y1 = frame.box
    return [
        [round(float(x[k]), 1), round(float(y[k]), 1), name]
        for k, (name, _, _) in enumerate(named)
        if x0 < x[k] < x1 and y0 < y[k] < y1
    ]


def _receptors(view: View) -> list[dict[str, Any]]:
    places = view.receptors
    if places is None:
        return []
    rows = []
    for r in range(places.size):
        known = bool(np.isfinite(places.x[r]))
        rows.append(
            {
                "name": places.name[r],
                "kind": places.kind[r],
                "status": places.status[r],
                "node": int(places.node[r]),
                "x": round(float(places.x[r]), 1) if known else None,
                "y": round(float(places.y[r]), 1) if known else None,
                "distance": round(float(places.distance[r]), 1) if np.isfinite(places.distance[r]) else None,
            }
        )
    return rows

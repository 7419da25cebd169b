"""reaches.gpkg and zones.gpkg: results as layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arrays import FloatArray, weighted_mean
from sim.classes import NO_SITE, QUOTIENT_COLOURS, QUOTIENT_TEXTS, UNAFFECTED, quotient_class
from sim.io.geopackage import Layer, write_geopackage
from sim.io.styles import ZONE_COLOURS, Category, quotient_steps, vector_style
from sim.io.worst import distance_kinds, worst_at_receptors, worst_on_nodes
from sim.registry import SUBSTANCES, VARIABLES

if TYPE_CHECKING:
    import geopandas as gpd

    from sim.io.worst import Worst
    from sim.network.objects import RiverNetwork
    from sim.pipeline.result import Result
    from sim.terrain.objects import Grid

WGS84 = "EPSG:4326"


def reach_lines(network: RiverNetwork, grid: Grid | None) -> list[Any]:
    """One line per node, from its upstream end along its channel cells to the start of the next; None where unknown.

    Without a grid the line is straight between the two ends, and an outlet has none.
    """
    import shapely

    lines: list[Any] = []
    for i in range(network.size):
        down = int(network.down[i])
        if grid is None:
            ends = [(network.x[i], network.y[i]), (network.x[down], network.y[down])] if down >= 0 else []
            lines.append(shapely.LineString(ends) if ends and np.isfinite(ends).all() else None)
            continue
        cells = network.channel_cell[network.channel_start[i] : network.channel_start[i + 1]]
        if down >= 0:
            cells = np.append(cells, network.channel_cell[network.channel_start[down]])
        points = np.column_stack(grid.centre(cells))
        if len(points) == 1:
            points = np.vstack([points, _stub(network, grid, i, points[0])])
        lines.append(shapely.LineString(points))
    return lines


def _stub(network: RiverNetwork, grid: Grid, node: int, start: FloatArray) -> FloatArray:
    """Half a cell further on: an outlet of a single cell is a line too, in the direction its water came from."""
    above = np.flatnonzero(network.down == node)
    direction = np.array([0.0, -1.0])
    if len(above):
        last = network.channel_cell[network.channel_start[above[0] + 1] - 1 : network.channel_start[above[0] + 1]]
        step = start - np.column_stack(grid.centre(last))[0]
        length = float(np.hypot(*step))
        direction = step / length if length > 0.0 else direction
    end: FloatArray = start + direction * 0.5 * min(grid.cell_width, grid.cell_height)
    return end


def reach_frame(result: Result) -> gpd.GeoDataFrame:
    """One row per node with discharge (m3/s), concentrations (mg/L), worst quotients, and their class by the
    first threshold, as on the report's map.
    """
    import geopandas as gpd

    network, flow, concentration = result.network, result.flow, result.concentration
    columns: dict[str, Any] = {
        "node": np.arange(network.size),
        "down": network.down,
        "name": list(network.name),
        "reach": network.reach,
        "length_m": network.length,
        "slope": network.slope,
        "area_km2": network.area * VARIABLES["drainage_area"].display_factor,
        "discharge_mean_m3s": weighted_mean(flow.discharge_in, flow.duration),
        "discharge_min_m3s": flow.discharge_in.min(axis=0),
        "discharge_max_m3s": flow.discharge_in.max(axis=0),
    }
    for t, period in enumerate(result.period_names):
        columns[f"discharge_{period}_m3s"] = flow.discharge_in[t]
    factor = VARIABLES["concentration"].display_factor
    for s, name in enumerate(concentration.substances):
        worst = np.maximum(concentration.inlet[:, s], concentration.outlet[:, s])
        pits = np.maximum(concentration.pit_inlet[:, s], concentration.pit_outlet[:, s])
        middle = 0.5 * (concentration.inlet[:, s] + concentration.outlet[:, s])
        columns[f"{name}_mean_mgL"] = weighted_mean(middle, flow.duration) * factor
        columns[f"{name}_max_mgL"] = worst.max(axis=0) * factor
        columns[f"{name}_from_pits_max_mgL"] = pits.max(axis=0) * factor
    exposure = result.exposure
    if exposure is not None:
        for h, threshold in enumerate(exposure.thresholds):
            columns[f"quotient_{threshold.identifier}"] = exposure.quotient[h].max(axis=0)
            columns[f"months_above_{threshold.identifier}"] = exposure.months_above[h].astype(np.int32)
        columns |= _worst_columns(worst_on_nodes(exposure))
        if exposure.thresholds:
            # The first threshold, as the report's map: the worst of all would mostly show the background of lead.
            classes = quotient_class(exposure.quotient[0].max(axis=0))
            columns["class"] = [
                QUOTIENT_TEXTS[k] if below else NO_SITE for k, below in zip(classes, exposure.downstream, strict=True)
            ]
    grid = result.terrain.grid if result.terrain is not None else None
    return gpd.GeoDataFrame(columns, geometry=reach_lines(network, grid), crs=network.crs_wkt)


def _worst_columns(worst: Worst) -> dict[str, Any]:
    return {
        "worst_threshold": list(worst.threshold),
        "worst_quotient": worst.quotient,
        "worst_quotient_without_pits": worst.without_pits,
    }


def _reach_style(result: Result) -> tuple[str, str]:
    """Style of reaches by class, and a sentence that says of what."""
    plain = Category(NO_SITE, NO_SITE, UNAFFECTED, 0.3)
    if result.exposure is None or not result.exposure.thresholds:
        return vector_style("line", "", [plain]), ""
    first = result.exposure.thresholds[0]
    of = f"{first.shown} {SUBSTANCES[first.substance].label}"
    rows = zip(QUOTIENT_TEXTS, quotient_steps(of), QUOTIENT_COLOURS, strict=True)
    categories = [plain, *(Category(text, label, colour, 0.7) for text, (_, label, _), colour in rows)]
    said = f"class is the largest monthly multiple of {of} (threshold {first.identifier}), as on the report's map. "
    return vector_style("line", "class", categories), said


def write_reaches(path: str | Path, result: Result, *, digest: str) -> bool:
    """Write reaches.gpkg; False (and no file) when the network has no positions."""
    network = result.network
    if not network.crs_wkt or not np.isfinite(network.x).any():
        return False
    style, said = _reach_style(result)
    labels = "; ".join(result.labels)
    text = f"River segments with discharge in m3/s, concentrations in mg/L and quotients. {said}{labels}"
    write_geopackage(path, [Layer("reaches", reach_frame(result), "LineString", style, text)], digest=digest)
    return True


def zone_shapes(mask: Any, grid: Grid) -> Any:
    """The cells of a (ncell,) mask as one multipolygon in the grid's CRS, None when there is none."""
    import shapely
    from rasterio import Affine
    from rasterio.features import shapes

    image = np.asarray(mask, dtype=np.uint8).reshape(grid.shape)
    found = [
        shapely.geometry.shape(shape)
        for shape, _ in shapes(image, mask=image == 1, connectivity=4, transform=Affine(*grid.transform))
    ]
    return shapely.multipolygons(found) if found else None


def write_zones(path: str | Path, result: Result, *, digest: str) -> bool:
    """Write zones.gpkg: circle zone, downstream zone, their overlap, sites and receptors; False when there are none."""
    if result.exposure is None or result.terrain is None:
        return False
    layers = [*_zone_layers(result), _site_layer(result), _receptor_layer(result)]
    write_geopackage(path, [layer for layer in layers if layer is not None], digest=digest)
    return True


def _zone_layers(result: Result) -> list[Layer]:
    import geopandas as gpd
    import shapely

    exposure, terrain = result.exposure, result.terrain
    assert exposure is not None
    assert terrain is not None
    grid = terrain.grid
    label = "; ".join(result.labels)
    circle = gpd.GeoDataFrame(
        {"radius_m": [exposure.zone_radius], "area_km2": [exposure.zone_area * 1e-6]},
        geometry=[_multi(shapely.from_wkb(exposure.zone_wkb))],
        crs=WGS84,
    )
    masks = {
        "circle only": exposure.circle & ~exposure.corridor,
        "circle and downstream": exposure.circle & exposure.corridor,
        "downstream only": exposure.corridor & ~exposure.circle,
    }
    areas = {name: float(np.count_nonzero(mask)) * grid.cell_area * 1e-6 for name, mask in masks.items()}
    kept = {name: shape for name, mask in masks.items() if (shape := zone_shapes(mask, grid)) is not None}
    overlap = gpd.GeoDataFrame(
        {"class": list(kept), "area_km2": [areas[name] for name in kept]},
        geometry=list(kept.values()),
        crs=grid.crs_wkt,
    )
    whole = zone_shapes(exposure.corridor, grid)
    corridor = gpd.GeoDataFrame(
        {"area_km2": [float(np.count_nonzero(exposure.corridor)) * grid.cell_area * 1e-6] if whole is not None else []},
        geometry=[whole] if whole is not None else [],
        crs=grid.crs_wkt,
    )
    categories = [Category(name, name, colour, opacity=0.5) for name, colour in ZONE_COLOURS.items()]
    pale, water = [Category("", "", "#fee391", opacity=0.15)], [Category("", "", "#2b8cbe", opacity=0.3)]
    rows = (
        ("circle_zone", circle, vector_style("fill", "", pale), "Dissolved geodesic discs about the sites."),
        (
            "downstream_zone",
            corridor,
            vector_style("fill", "", water),
            "Modelled land beside channels below the sites.",
        ),
        ("overlap", overlap, vector_style("fill", "class", categories), "Where the two zones agree and differ."),
    )
    return [Layer(name, frame, "MultiPolygon", style, f"{text} {label}") for name, frame, style, text in rows]


def _multi(shape: Any) -> Any:
    import shapely

    if shape.is_empty or shape.geom_type == "MultiPolygon":
        return shape
    return shapely.multipolygons([shape])


def _points(longitude: FloatArray, latitude: FloatArray) -> list[Any]:
    import shapely

    pairs = zip(longitude, latitude, strict=True)
    return [shapely.Point(x, y) if np.isfinite(x) and np.isfinite(y) else None for x, y in pairs]


def _site_layer(result: Result) -> Layer | None:
    import geopandas as gpd

    pits = result.pits
    if pits is None or pits.size == 0:
        return None
    columns: dict[str, Any] = {
        "name": list(pits.name),
        "pits": pits.pits,
        "year": pits.year,
        "group": list(pits.group),
        "illustrative": [pits.illustrative] * pits.size,
        "node": result.load.node,
    }
    if result.snapped is not None:
        columns["path_to_river_m"] = result.snapped.path_length[: pits.size]
        columns["fall_to_river_m"] = result.snapped.fall[: pits.size]
    frame = gpd.GeoDataFrame(columns, geometry=_points(pits.longitude, pits.latitude), crs=WGS84)
    text = "Sites; positions are illustrative, not surveyed" if pits.illustrative else "Sites as given"
    return Layer("sites", frame, "Point", vector_style("marker", "", [Category("", "", "#000000", 1.6)]), text)


def _receptor_layer(result: Result) -> Layer | None:
    import geopandas as gpd

    exposure = result.exposure
    assert exposure is not None
    places = exposure.receptors
    if places.size == 0:
        return None
    known = places.node >= 0
    frame = gpd.GeoDataFrame(
        {
            "name": list(places.name),
            "kind": list(places.kind),
            "status": list(places.status),
            "evidence": list(places.evidence),
            "source": list(places.source),
            "node": places.node,
            "distance_to_river_m": places.distance,
            "distance_is": list(distance_kinds(exposure)),
            "downstream": np.where(known, exposure.downstream[np.maximum(places.node, 0)], False),
            **_worst_columns(worst_at_receptors(result)),
        },
        geometry=_points(places.longitude, places.latitude),
        crs=WGS84,
    )
    style = vector_style("marker", "", [Category("", "", "#ffffff", 2.6)])
    return Layer(
        "receptors", frame, "Point", style, "Places people depend on; without geometry where nobody has located them"
    )

"""Rules for single depressions, from the scenario file to the terrain."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sim.errors import LeachSimError
from sim.pipeline.projection import to_degrees
from sim.pipeline.terrain_stage import build_terrain
from sim.scenario.load import load_scenario
from sim.terrain import Grid, Terrain
from sim.terrain.objects import KEPT_SINK
from sim.terrain.rules import CARVE, FILL, KEEP

KACHIN = Path(__file__).resolve().parents[2] / "scenarios" / "kachin" / "scenario.toml"
PIT, LAKE = (20, 15), (40, 35)


def slope_with_an_open_pit_and_a_lake() -> Grid:
    """South-falling slope with two bowls 60 m deep and 7 cells across, and noise that leaves shallow hollows."""
    from pyproj import CRS

    row, column = np.mgrid[0:60, 0:50]
    z = 900.0 - 3.0 * row + np.random.Generator(np.random.PCG64(5)).normal(0.0, 3.0, (60, 50))
    for top, left in (PIT, LAKE):
        z -= np.maximum(0.0, 60.0 - 15.0 * np.hypot(row - top, column - left))
    wkt = CRS.from_epsg(32647).to_wkt()
    return Grid(
        z.astype(np.float32), np.ones(z.shape, dtype=bool), (30.0, 0.0, 500_000.0, 0.0, -30.0, 2_860_000.0), wkt, "test"
    )


def degrees(grid: Grid, cell: tuple[int, int]) -> tuple[float, float]:
    x, y = grid.centre(np.array([cell[0] * grid.shape[1] + cell[1]]))
    lon, lat = to_degrees(x, y, grid.crs_wkt)
    return float(lon[0]), float(lat[0])


def terrain_with(folder: Path, rules: str, engine: str = "native", conditioning: str = "auto") -> Terrain:
    """Terrain of the shipped scenario with sites in the open pit alone and these rules."""
    grid = slope_with_an_open_pit_and_a_lake()
    lon, lat = degrees(grid, PIT)
    (folder / "sites.csv").write_text(f"name,lon,lat,pits\nopen pit,{lon:.6f},{lat:.6f},1\n", encoding="utf-8")
    ring = [degrees(grid, (LAKE[0] + r, LAKE[1] + c)) for r, c in ((-5, -5), (-5, 5), (5, 5), (5, -5), (-5, -5))]
    area = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (folder / "lake.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [area]}))
    text = KACHIN.read_text(encoding="utf-8")
    head, _, tail = text.partition("[pits]")
    tail = tail[tail.index("[sources]") :] if "[sources]" in tail else tail[tail.index("[water]") :]
    text = head + '[pits]\nfile = "sites.csv"\n\n' + tail
    text = text.replace('engine = "native"', f'engine = "{engine}"')
    text = text.replace('conditioning = "carve"', f'conditioning = "{conditioning}"')
    text = text.replace("[network]", rules + "\n[network]", 1)
    (folder / "scenario.toml").write_text(text, encoding="utf-8")
    return build_terrain(load_scenario(folder / "scenario.toml"), grid)


def cell(place: tuple[int, int]) -> int:
    return place[0] * 50 + place[1]


def sinks(terrain: Terrain) -> list[int]:
    return np.flatnonzero(terrain.outlet_kind == KEPT_SINK).tolist()


def decisions(terrain: Terrain) -> dict[int, int]:
    return dict(zip(terrain.depressions.lowest.tolist(), terrain.depressions.decision.tolist(), strict=True))


def test_shallow_is_carved_and_deep_is_filled_by_default(tmp_path: Path) -> None:
    terrain = terrain_with(tmp_path, "")
    table = terrain.depressions
    assert table.size > 10
    assert (table.decision == np.where(table.depth <= 20.0, CARVE, FILL)).all()
    assert decisions(terrain)[cell(PIT)] == decisions(terrain)[cell(LAKE)] == FILL
    assert sinks(terrain) == []


def test_a_pit_that_holds_a_site_stays_a_sink_and_the_lake_is_filled(tmp_path: Path) -> None:
    terrain = terrain_with(tmp_path, '[[terrain.depression]]\ndecision = "keep"\nholds_site = true\n')
    assert sinks(terrain) == [cell(PIT)]
    assert decisions(terrain)[cell(PIT)] == KEEP
    assert decisions(terrain)[cell(LAKE)] == FILL
    assert terrain.conditioned.ravel()[cell(PIT)] == terrain.grid.elevation.ravel()[cell(PIT)]


def test_rules_are_looked_at_in_order(tmp_path: Path) -> None:
    within = '[[terrain.depression]]\ndecision = "carve"\nwithin = "lake.geojson"\nmin_depth = 30.0\n'
    large = '[[terrain.depression]]\ndecision = "keep"\nmin_area = { value = 1.0, unit = "ha" }\nmin_volume = 5e4\n'
    terrain = terrain_with(tmp_path, within + large)
    assert decisions(terrain)[cell(LAKE)] == CARVE
    assert sinks(terrain) == [cell(PIT)]
    other = terrain_with(tmp_path, large + within)
    assert sinks(other) == [cell(PIT), cell(LAKE)]


def test_whitebox_keeps_by_the_same_rule(tmp_path: Path) -> None:
    rule = '[[terrain.depression]]\ndecision = "keep"\nholds_site = true\n'
    terrain = terrain_with(tmp_path, rule, engine="whitebox", conditioning="carve")
    assert sinks(terrain) == [cell(PIT)]


@pytest.mark.parametrize(
    ("rule", "engine", "conditioning", "message"),
    [
        ('decision = "fill"', "whitebox", "carve", 'terrain.depression.0.decision = "fill"'),
        ('decision = "keep"', "whitebox", "auto", "terrain.conditioning = 'auto'"),
        ('decision = "keep"\nmin_depth = 9.0\nmax_depth = 3.0', "native", "auto", "terrain.depression.0.max_depth = 3"),
        ('decision = "leave"', "native", "auto", "terrain.depression.0.decision"),
        ('decision = "keep"\nwithin = "none.geojson"', "native", "auto", "terrain.depression.0.within"),
    ],
)
def test_rules_that_make_no_sense(tmp_path: Path, rule: str, engine: str, conditioning: str, message: str) -> None:
    with pytest.raises(LeachSimError) as caught:
        terrain_with(tmp_path, f"[[terrain.depression]]\n{rule}\n", engine, conditioning)
    assert message in str(caught.value)


def test_sites_that_are_generated_have_no_position_yet(tmp_path: Path) -> None:
    rule = '[[terrain.depression]]\ndecision = "keep"\nholds_site = true\n\n[network]'
    text = KACHIN.read_text(encoding="utf-8").replace("[network]", rule, 1)
    (tmp_path / "scenario.toml").write_text(text, encoding="utf-8")
    with pytest.raises(LeachSimError, match=r"terrain\.depression\.0\.holds_site = true"):
        load_scenario(tmp_path / "scenario.toml")

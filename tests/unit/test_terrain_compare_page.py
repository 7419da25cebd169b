"""The map and the page of a terrain comparison: what is drawn as agreed, who shares a row, whose text is harmless."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from sim.io.terrain_comparison import comparison_document
from sim.report.cartography import Frame, grid_box
from sim.report.terrain_comparison import comparison_page, groups_of, mapped_pairs, told_pairs, write_comparison_page
from sim.report.terrain_comparison_map import Lines, StreamMap, detail_box, stream_map
from sim.terrain import condition_native
from sim.terrain.compare import compare, flow_paths
from sim.terrain.comparison import ComparedPlace, ComparedTerrain, FlowPaths
from sim.terrain.objects import Grid

HOSTILE = "</title><script>alert(1)</script> $x^2$ {{ 7*7 }}"
ABOUT: dict[str, Any] = {
    "statement": "Conditioning is uncertainty, not truth",
    "labels": ["Modelled, not measured"],
    "inputs": {"raster": HOSTILE},
    "notes": [],
    "warnings": [],
}


def grid_of_utm(z: np.ndarray) -> Grid:
    crs = rasterio.crs.CRS.from_epsg(32647).to_wkt()
    transform = (100.0, 0.0, 400_000.0, 0.0, -100.0, 2_700_000.0)
    return Grid(z.astype(np.float32), np.ones(z.shape, dtype=bool), transform, crs, HOSTILE)


def v_valley(middle: int, shape: tuple[int, int] = (40, 30)) -> Grid:
    """A valley that falls to the south with its bed in column `middle`."""
    row, column = np.indices(shape).astype(np.float64)
    return grid_of_utm(800.0 - row + 5.0 * np.abs(column - middle))


def paths_of(name: str, middle: int, stream_area: float = 3e5) -> FlowPaths:
    terrain = condition_native(v_valley(middle))
    return flow_paths(name, terrain, terrain.area, stream_area)


def compared(*settings: FlowPaths, **more: Any) -> ComparedTerrain:
    grid = v_valley(10)
    pairs = [compare(a, b, grid) for i, a in enumerate(settings) for b in settings[i + 1 :]]
    sentences = {paths.name: f"Bed of {paths.name}" for paths in settings}
    return ComparedTerrain("Valley", grid, 3e5, sentences, settings, (), tuple(pairs), **more)


def counts(drawn: StreamMap) -> tuple[int, int, int]:
    return len(drawn.agreed.area), len(drawn.first.area), len(drawn.second.area)


@pytest.mark.parametrize(("middle", "agree"), [(10, True), (11, True), (12, False), (20, False)])
def test_streams_agree_when_one_cell_apart(middle: int, agree: bool) -> None:
    """All segments of both beds, less the outlet cell, which drains nowhere."""
    first, second = paths_of("a", 10), paths_of("b", middle)
    drawn = counts(stream_map(compared(first, second), first, second))
    length = first.stream_cell.size - 1
    assert length > 25
    assert drawn == ((length, 0, 0) if agree else (0, length, length))


def test_a_brook_beside_a_river_is_no_agreement() -> None:
    """The same bed, but one setting leads less than half as much water down it."""
    first = paths_of("a", 10)
    brook = replace(first, name="b", stream_area=first.stream_area / 5.0)
    alike = replace(first, name="c", stream_area=first.stream_area / 1.5)
    length = first.stream_cell.size - 1
    assert counts(stream_map(compared(first, brook), first, brook)) == (0, length, 0)
    assert counts(stream_map(compared(brook, first), brook, first)) == (0, 0, length)
    assert counts(stream_map(compared(first, alike), first, alike)) == (length, 0, 0)


def test_lines_run_from_cells_to_what_they_drain_to() -> None:
    first = paths_of("a", 10)
    ends = stream_map(compared(first, first), first, first).agreed.ends
    assert np.all(ends[:, 0, 0] == ends[:, 1, 0]), "the bed runs due south"
    np.testing.assert_allclose(ends[:, 0, 1] - ends[:, 1, 1], 100.0)


def test_only_the_largest_of_too_many_streams_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    first = paths_of("a", 10)
    monkeypatch.setattr("sim.report.terrain_comparison_map.MOST_SEGMENTS", 8)
    drawn = stream_map(compared(first, first), first, first)
    assert drawn.least == np.sort(first.stream_area)[-8]
    assert 7 <= len(drawn.agreed.area) <= 8
    assert drawn.agreed.area.min() >= drawn.least


def test_the_detail_lies_where_the_largest_difference_is() -> None:
    frame = Frame(v_valley(10).crs_wkt, (0.0, 0.0, 10_000.0, 10_000.0))
    points = np.array([[9000.0, 1000.0], [9100.0, 1000.0], [1000.0, 9000.0]])
    ends = np.stack([points, points + 50.0], axis=1)
    nothing = Lines(np.empty((0, 2, 2)), np.empty(0))
    lines = Lines(ends, np.array([1e6, 1e6, 1e3]))
    box = detail_box(StreamMap(nothing, lines, nothing, 1e3), frame)
    assert box is not None
    assert box[0] < 9000.0 < box[2]
    assert box[1] < 1000.0 < box[3]
    assert detail_box(StreamMap(lines, nothing, nothing, 1e3), frame) is None


def test_settings_with_the_same_paths_share_a_row() -> None:
    a, b, c = paths_of("a", 10), paths_of("b", 10), paths_of("c", 20)
    found = compared(a, c, b)
    assert groups_of(found) == {"a": ("a", "b"), "c": ("c",)}
    assert [(item.first, item.second) for item in told_pairs(found)] == [("a", "c")]
    page = comparison_page(found, [], ABOUT)
    assert "<strong>a and b</strong> give the same flow paths" in page
    assert "a, b beside c" in page
    same = compared(a, b)
    assert [(item.first, item.second) for item in mapped_pairs(same)] == [("a", "b")]


def test_the_page_escapes_every_text(tmp_path: Path) -> None:
    a, c = paths_of("a", 10), paths_of("c", 20)
    place = ComparedPlace(HOSTILE, HOSTILE, 98.0, 24.4, float("nan"), (2e6, float("nan")), (5, -1), ("", HOSTILE))
    found = replace(compared(a, c, places=(place,)), title=HOSTILE)
    written = write_comparison_page(found, tmp_path, {**ABOUT, "notes": [HOSTILE], "warnings": [HOSTILE]})
    assert [path.name for path in written] == ["streams_a_c.png", "compare.html"]
    text = (tmp_path / "compare.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert text.count("</title>") == 1
    assert "{{ 7*7 }}" in text, "not evaluated"
    assert text.count("&lt;script&gt;") >= 6
    before = {path.name: path.read_bytes() for path in written}
    again = write_comparison_page(found, tmp_path, {**ABOUT, "notes": [HOSTILE], "warnings": [HOSTILE]})
    assert {path.name: path.read_bytes() for path in again} == before


def test_places_that_differ_are_shaded() -> None:
    a, c = paths_of("a", 10), paths_of("c", 20)

    def cells_over(*area: float) -> int:
        said = tuple("" if np.isfinite(value) else "no river" for value in area)
        place = ComparedPlace("Town", "town", 98.0, 24.4, 2e6, area, (1, 1), said)
        return comparison_page(compared(a, c, places=(place,)), [], ABOUT).count('class="n over"')

    plain = cells_over(2e6, 2.1e6)
    assert cells_over(2e6, 2.5e6) == plain + 1
    assert cells_over(2e6, float("nan")) == plain + 1
    assert cells_over(float("nan"), float("nan")) == plain


def test_the_document_knows_no_nan() -> None:
    a, c = paths_of("a", 10, stream_area=1e12), paths_of("c", 20, stream_area=1e12)
    place = ComparedPlace("Town", "town", 98.0, 24.4, float("nan"), (2e6, float("nan")), (5, -1), ("", "no river"))
    document = comparison_document(compared(a, c, places=(place,)))
    assert document["comparisons"][0]["streams"]["jaccard"] is None
    assert document["places"][0]["area_km2"] == {"a": 2.0, "c": None}
    assert document["places"][0]["expected_area_km2"] is None
    assert document["places"][0]["not_found"] == {"c": "no river"}
    basin = document["comparisons"][0]["largest_basins_of_first"][0]
    x, y = v_valley(10).centre(np.array([a.basin_outlet[0]]))
    longitude, latitude = Frame(v_valley(10).crs_wkt, grid_box(v_valley(10))).degrees(x, y)
    assert basin["first_outlet"]["longitude"] == pytest.approx(float(longitude[0]), abs=1e-5)
    assert basin["first_outlet"]["latitude"] == pytest.approx(float(latitude[0]), abs=1e-5)

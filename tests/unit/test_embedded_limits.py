"""Bounds and resolutions an embedded terrain can be built with, and what is said about all others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import DataError, LeachSimError, Problems, ScenarioError
from sim.pipeline.embedded import EMBEDDED, embedded_grid, embedded_spec
from sim.pipeline.projection import to_metres
from sim.scenario.load import load_scenario
from sim.scenario.models import TerrainScenario
from sim.scenario.shipped import library
from sim.terrain import Terrain, condition_native

PANGWA, MYITSONE = (98.3783, 25.5983), (97.5028, 25.7103)
UPPER_CREEK = (98.0, 25.4, 98.6, 26.1)


def kachin(*overrides: str) -> TerrainScenario:
    scenario = load_scenario(library()["kachin"], overrides)
    assert isinstance(scenario, TerrainScenario)
    return scenario


def asked(bounds: tuple[float, ...] | None = None, resolution: float | None = None) -> TerrainScenario:
    overrides = [] if bounds is None else [f"terrain.bounds={list(bounds)}"]
    return kachin(*overrides, *([] if resolution is None else [f"terrain.resolution={resolution!r}"]))


def drained(scenario: TerrainScenario) -> Terrain:
    """Terrain of a scenario; its water must all leave."""
    spec = embedded_spec(scenario)
    grid = embedded_grid(scenario)
    assert grid.shape == spec.shape
    assert grid.valid.mean() > 0.9
    terrain = condition_native(grid)
    assert terrain.upstream_cells[terrain.receiver == -1].sum() == grid.valid.sum()
    return terrain


def path_from(terrain: Terrain, place: tuple[float, float]) -> np.ndarray:
    cell = int(terrain.grid.cell_at(*to_metres([place[0]], [place[1]], terrain.grid.crs_wkt))[0])
    path = [cell]
    while terrain.receiver[path[-1]] >= 0:
        path.append(int(terrain.receiver[path[-1]]))
    return np.array(path)


@pytest.mark.parametrize("resolution", [250.0, 450.0, 700.0, 900.0, 1350.0, 1500.0])
def test_every_resolution_within_the_limits_drains_pangwa_to_myitsone(resolution: float) -> None:
    terrain = drained(asked(resolution=resolution))
    path = path_from(terrain, PANGWA)
    x, y = terrain.grid.centre(path)
    (to_x,), (to_y,) = to_metres([MYITSONE[0]], [MYITSONE[1]], terrain.grid.crs_wkt)
    assert np.hypot(x - to_x, y - to_y).min() < 2500.0
    # the creek's area just before it joins a river of more than 2,500 km2
    mouth = int(np.flatnonzero(terrain.area[path] > 2500e6)[0]) - 1
    assert terrain.area[path[mouth]] == pytest.approx(712e6, rel=0.18)


@pytest.mark.parametrize("resolution", [150.0, 450.0, 1500.0])
def test_a_part_of_the_area_builds_and_drains(resolution: float) -> None:
    drained(asked(UPPER_CREEK, resolution))


def test_a_part_of_the_area_has_the_same_ground_as_the_whole_but_for_its_edge() -> None:
    part, whole = embedded_grid(asked(UPPER_CREEK)), embedded_grid(kachin())
    row = round((whole.transform[5] - part.transform[5]) / 450.0)
    column = round((part.transform[2] - whole.transform[2]) / 450.0)
    same = whole.elevation[row : row + part.shape[0], column : column + part.shape[1]]
    # rivers outside the part no longer shape the valley sides near its edge
    difference = np.abs(part.elevation - same)
    assert np.median(difference) == 0.0
    assert np.mean(difference[20:-20, 20:-20] > 1.0) < 0.05


@given(st.floats(250.0, 1500.0))
@settings(deadline=None, max_examples=6)
def test_any_resolution_within_the_limits_builds_and_drains(resolution: float) -> None:
    drained(asked(resolution=round(resolution, 1)))


def caught(scenario: TerrainScenario) -> LeachSimError:
    with pytest.raises(LeachSimError) as error:
        embedded_spec(scenario)
    return error.value


@pytest.mark.parametrize(
    ("resolution", "reason"),
    [
        (5000.0, "whose valleys coarser cells would join"),
        (1501.0, "whose valleys coarser cells would join"),
        (149.0, "whose points are kilometres apart"),
        (1.0, "whose points are kilometres apart"),
    ],
)
def test_resolutions_beyond_the_limits_are_refused(resolution: float, reason: str) -> None:
    error = caught(asked(resolution=resolution))
    assert isinstance(error, ScenarioError)
    assert str(error) == (
        f"LS-204 scenario.toml: terrain.resolution = {resolution:g} m. Must lie in [150, 1500] m for embedded:kachin, "
        f"{reason}. Its own resolution is 450 m. For other cells name a raster as terrain.dem. "
        "See docs/errors.md#ls-204."
    )


@pytest.mark.parametrize(
    ("bounds", "shown", "cover"),
    [
        ((10.0, 45.0, 11.0, 46.0), "[10, 45, 11, 46]", 0),
        ((177.0, -18.5, 179.0, -17.0), "[177, -18.5, 179, -17]", 0),
        ((-96.8, -27.0, -90.0, -20.0), "[-96.8, -27, -90, -20]", 0),
        ((98.0, 25.2, 103.0, 27.2), "[98, 25.2, 103, 27.2]", 24),
    ],
)
def test_bounds_elsewhere_are_refused(bounds: tuple[float, ...], shown: str, cover: int) -> None:
    error = caught(asked(bounds))
    assert isinstance(error, DataError)
    assert str(error) == (
        f"LS-306 scenario.toml: terrain.bounds = {shown}. embedded:kachin covers {cover} % of this area, at least 25 % "
        "is needed. Its own bounds are [96.8, 23.8, 99.2, 27.2] (west, south, east, north). Stay within them, leave "
        "terrain.bounds out or name a raster of your area as terrain.dem. See docs/errors.md#ls-306."
    )


def test_bounds_covered_by_a_quarter_are_taken() -> None:
    assert embedded_spec(asked((98.0, 25.2, 102.8, 27.2))).shape[1] > 1000


def test_both_mistakes_are_told_at_once() -> None:
    error = caught(asked((10.0, 45.0, 11.0, 46.0), 7000.0))
    assert isinstance(error, Problems)
    assert [problem.number for problem in error.problems] == [306, 204]


def test_own_bounds_and_resolution_are_the_default_and_lie_within_the_limits() -> None:
    scenario = kachin()
    known = EMBEDDED["kachin"]
    bare = scenario.model_copy(
        update={"terrain": scenario.terrain.model_copy(update={"bounds": None, "resolution": None})}
    )
    assert embedded_spec(bare) == embedded_spec(asked(known.bounds, known.resolution))
    assert known.finest <= known.resolution <= known.coarsest

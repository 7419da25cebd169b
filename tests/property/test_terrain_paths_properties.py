"""One pass over the order against a walk along every flow path."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sim.terrain import (
    Terrain,
    accumulate,
    catchment_labels,
    condition_native,
    downstream_distance,
    strahler_order,
    travel_time,
    upstream_distance,
    upstream_mask,
)
from sim.testing.terrain import grid_of, plane, rough

MANY = settings(deadline=None, max_examples=60)


@st.composite
def terrains(draw: st.DrawFn) -> Terrain:
    shape = draw(st.tuples(st.integers(2, 8), st.integers(2, 8)))
    rng = np.random.Generator(np.random.PCG64(draw(st.integers(0, 10_000))))
    levels = draw(st.sampled_from([None, 3, 9]))
    grid = rough(rng, shape, levels=levels, hole_share=draw(st.sampled_from([0.0, 0.2])))
    return condition_native(grid)


def walk(terrain: Terrain, cell: int) -> list[int]:
    path = [cell]
    while terrain.receiver[path[-1]] >= 0:
        path.append(int(terrain.receiver[path[-1]]))
    return path


def step(terrain: Terrain, one: int, other: int) -> float:
    grid = terrain.grid
    (r0, c0), (r1, c1) = divmod(one, grid.shape[1]), divmod(other, grid.shape[1])
    return math.hypot((r1 - r0) * grid.cell_height, (c1 - c0) * grid.cell_width)


def valid_cells(terrain: Terrain) -> list[int]:
    return np.flatnonzero(terrain.grid.valid.ravel()).tolist()


@MANY
@given(terrains(), st.data())
def test_sums_masks_and_labels(terrain: Terrain, data: st.DataObject) -> None:
    n = terrain.direction.size
    weight = data.draw(npst.arrays(np.float64, n, elements=st.integers(-5, 5).map(float)))
    cells = np.array(sorted(data.draw(st.sets(st.sampled_from(valid_cells(terrain)), min_size=1, max_size=4))))
    total, label, mask = np.zeros(n), np.full(n, -1), np.zeros(n, dtype=bool)
    number = {int(cell): i for i, cell in enumerate(cells)}
    for cell in valid_cells(terrain):
        path = walk(terrain, cell)
        total[path] += weight[cell]
        met = [number[c] for c in path if c in number]
        label[cell] = met[0] if met else -1
        mask[cell] = bool(met)
    np.testing.assert_array_equal(accumulate(terrain, weight), total)
    np.testing.assert_array_equal(catchment_labels(terrain, cells), label)
    np.testing.assert_array_equal(upstream_mask(terrain, cells), mask)


@MANY
@given(terrains(), st.data())
def test_distances_and_times(terrain: Terrain, data: st.DataObject) -> None:
    n = terrain.direction.size
    velocity = data.draw(npst.arrays(np.float64, n, elements=st.floats(0.1, 10.0)))
    end = data.draw(npst.arrays(np.bool_, n, elements=st.booleans()))
    down, time, up = np.full(n, np.nan), np.full(n, np.nan), np.where(terrain.grid.valid.ravel(), 0.0, np.nan)
    for cell in valid_cells(terrain):
        path = walk(terrain, cell)
        length = np.cumsum([0.0, *(step(terrain, a, b) for a, b in pairwise(path))])
        up[path] = np.maximum(up[path], length)
        last = next((i for i, c in enumerate(path) if end[c]), len(path) - 1)
        down[cell] = length[last]
        time[cell] = sum(step(terrain, a, b) / velocity[a] for a, b in pairwise(path[: last + 1]))
    np.testing.assert_allclose(downstream_distance(terrain, end), down, rtol=1e-12)
    np.testing.assert_allclose(travel_time(terrain, velocity, end), time, rtol=1e-12)
    np.testing.assert_allclose(upstream_distance(terrain), up, rtol=1e-12)


@MANY
@given(terrains(), st.data())
def test_strahler_order_by_its_definition(terrain: Terrain, data: st.DataObject) -> None:
    """Also where channels are broken: a gap ends one and begins another."""
    channel = terrain.upstream_cells >= data.draw(st.integers(1, 4))
    channel = channel & data.draw(npst.arrays(np.bool_, channel.size, elements=st.booleans(), fill=st.just(True)))
    expected: dict[int, int] = {}
    for cell in terrain.order.tolist():
        if channel[cell]:
            above = sorted((expected[c] for c in expected if terrain.receiver[c] == cell), reverse=True)
            expected[cell] = 1 if not above else above[0] + (len(above) > 1 and above[0] == above[1])
    found = strahler_order(terrain, channel)
    assert {c: int(found[c]) for c in np.flatnonzero(found).tolist()} == expected


def test_three_equal_streams_raise_the_order_once() -> None:
    z = np.array([[9.0, 9.0, 9.0], [9.0, 5.0, 9.0], [9.5, 1.0, 9.5]])
    terrain = condition_native(grid_of(z))
    assert strahler_order(terrain, np.ones(9, dtype=bool)).reshape(3, 3)[1:, 1].tolist() == [2, 2]


@pytest.mark.parametrize("call", [accumulate, strahler_order, travel_time, downstream_distance])
def test_arrays_of_the_wrong_size_are_refused(call: object) -> None:
    with pytest.raises(ValueError, match="has shape"):
        call(condition_native(plane((3, 3), fall_east=1.0)), np.ones(4))  # type: ignore[operator]


def test_standing_water_has_no_travel_time() -> None:
    with pytest.raises(ValueError, match="velocity must be positive"):
        travel_time(condition_native(plane((3, 3), fall_east=1.0)), np.zeros(9))


def test_cells_that_are_none_are_refused() -> None:
    terrain = condition_native(plane((3, 3), fall_east=1.0))
    for call in (upstream_mask, catchment_labels):
        for bad in ([-1], [9], [0.5]):
            with pytest.raises(ValueError, match="cells must be"):
                call(terrain, np.array(bad))
    with pytest.raises(ValueError, match="cells must differ"):
        catchment_labels(terrain, np.array([1, 1]))

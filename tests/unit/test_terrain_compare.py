"""Comparisons of flow paths against answers that can be counted by hand or by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.arrays import IntArray
from sim.terrain import condition_native
from sim.terrain.compare import compare, flow_paths, steps_to, stream_overlap, surface_change
from sim.terrain.comparison import OUTLET_STEPS, FlowPaths, SurfaceChange
from sim.terrain.objects import Grid, Terrain
from sim.testing.terrain import bowl, grid_of, plane, rough, valley

NOTHING = np.empty(0, dtype=np.int64)
UNCHANGED = SurfaceChange(0, 0, 0.0, 0.0, 0.0, 0.0)
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))


@st.composite
def stream_sets(draw: st.DrawFn) -> tuple[IntArray, IntArray, tuple[int, int]]:
    shape = draw(SHAPES)
    cells = st.sets(st.integers(0, shape[0] * shape[1] - 1))
    first, second = (np.array(sorted(draw(cells)), dtype=np.int64) for _ in range(2))
    return first, second, shape


def by_hand(outlet: list[int], name: str = "a", cell_area: float = 1.0) -> FlowPaths:
    """Flow paths that end as told, no streams."""
    ends, cells = np.unique([cell for cell in outlet if cell >= 0], return_counts=True)
    order = np.argsort(-cells, kind="stable")
    rank = {int(end): i for i, end in enumerate(ends[order])} | {-1: -1}
    return FlowPaths(
        name, "by hand", "by hand", NOTHING, NOTHING, np.empty(0), ends[order], cells[order] * cell_area,
        np.zeros(len(outlet), dtype=np.uint8), np.array([rank[cell] for cell in outlet], dtype=np.int32), UNCHANGED,
    )  # fmt: skip


@settings(deadline=None)
@given(stream_sets(), st.integers(1, 12))
def test_steps_are_those_of_a_search_over_all_cells(
    sets: tuple[IntArray, IntArray, tuple[int, int]], limit: int
) -> None:
    cells, _, shape = sets
    row, column = np.indices(shape)
    expected = np.full(shape, limit)
    for cell in cells:
        r, c = divmod(int(cell), shape[1])
        expected = np.minimum(expected, np.maximum(abs(row - r), abs(column - c)))
    np.testing.assert_array_equal(steps_to(cells, shape, limit), expected)


@pytest.mark.parametrize("limit", [0, 256])
def test_steps_need_a_limit_that_fits_a_byte(limit: int) -> None:
    with pytest.raises(ValueError, match=r"1\.\.255"):
        steps_to(NOTHING, (2, 2), limit)


@settings(deadline=None)
@given(stream_sets())
def test_overlap_is_that_of_sets(sets: tuple[IntArray, IntArray, tuple[int, int]]) -> None:
    first, second, shape = sets
    a, b = set(first.tolist()), set(second.tolist())
    found = stream_overlap(first, second, shape)
    assert (found.first_cells, found.second_cells, found.shared_cells) == (len(a), len(b), len(a & b))
    if a | b:
        assert found.jaccard == len(a & b) / len(a | b)
        assert found.jaccard <= found.tolerant_jaccard <= 1.0
    else:
        assert math.isnan(found.jaccard)
        assert math.isnan(found.tolerant_jaccard)
    for own, shares in ((a, found.first_within), (b, found.second_within)):
        assert np.isnan(shares).all() if not own else bool(np.all(np.diff(shares) >= 0.0))


@settings(deadline=None)
@given(stream_sets())
def test_overlap_does_not_depend_on_who_is_first(sets: tuple[IntArray, IntArray, tuple[int, int]]) -> None:
    first, second, shape = sets
    one, other = stream_overlap(first, second, shape), stream_overlap(second, first, shape)
    np.testing.assert_array_equal(one.jaccard, other.jaccard)
    np.testing.assert_array_equal(one.tolerant_jaccard, other.tolerant_jaccard)
    np.testing.assert_array_equal(one.first_within, other.second_within)


@pytest.mark.parametrize(("gap", "tolerant", "within"), [(1, 1.0, (1, 1, 1)), (2, 0.0, (0, 1, 1)), (6, 0.0, (0, 0, 0))])
def test_parallel_streams(gap: int, tolerant: float, within: tuple[float, ...]) -> None:
    """Two straight streams `gap` columns apart."""
    shape = (10, 20)
    rows = np.arange(10) * 20
    found = stream_overlap(rows + 3, rows + 3 + gap, shape)
    assert (found.jaccard, found.tolerant_jaccard) == (0.0, tolerant)
    assert found.first_within.tolist() == found.second_within.tolist() == list(within)


def test_tolerant_overlap_counts_what_is_left_over() -> None:
    """Five cells of A beside four of B, B has one more far away: m = (5 + 4) / 2, J = m / (m + 1)."""
    shape = (20, 8)
    first, second = np.arange(5) * 8, np.append(np.arange(4) * 8 + 1, 19 * 8 + 7)
    found = stream_overlap(first, second, shape)
    assert found.first_within[0] == 1.0
    assert found.second_within[0] == 0.8
    assert found.tolerant_jaccard == pytest.approx(4.5 / 5.5)


def test_a_terrain_equals_itself() -> None:
    grid = rough(np.random.default_rng(7), (30, 25), levels=9, hole_share=0.1)
    terrain = condition_native(grid)
    paths = flow_paths("a", terrain, terrain.area, 6.0)
    found = compare(paths, paths, grid)
    assert found.cells == int(grid.valid.sum())
    assert (found.other_outlet, found.far_outlet) == (0, 0)
    assert found.streams.jaccard == found.streams.tolerant_jaccard == 1.0
    assert all(match.jaccard == 1.0 and match.outlet_distance == 0.0 for match in found.basins)


def test_opposite_planes_share_no_outlet() -> None:
    """Rows that fall to the east against the same rows falling to the west."""
    ways = {}
    for name, fall in (("east", 0.1), ("west", -0.1)):
        terrain = condition_native(plane((4, 20), fall_east=fall))
        ways[name] = flow_paths(name, terrain, terrain.area, 15.0)
    found = compare(ways["east"], ways["west"], plane((4, 20), fall_east=0.1))
    assert (found.cells, found.other_outlet, found.far_outlet) == (80, 80, 80)
    assert (found.streams.first_cells, found.streams.shared_cells) == (4 * 6, 0)
    assert {match.outlet_distance for match in found.basins} == {19.0}


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), SHAPES)
def test_outlets_and_basins_follow_the_flow_paths(seed: int, shape: tuple[int, int]) -> None:
    grid = rough(np.random.default_rng(seed), shape, levels=4, hole_share=0.2)
    terrain = condition_native(grid)
    paths = flow_paths("a", terrain, terrain.area, 3.0)
    receiver = terrain.receiver
    for cell in range(receiver.size):
        if not grid.valid.ravel()[cell]:
            assert paths.basin[cell] == -1
            continue
        end = cell
        while receiver[end] >= 0:
            end = int(receiver[end])
        assert paths.basin_outlet[paths.basin[cell]] == end
    assert paths.basin_area.sum() == grid.valid.sum() * grid.cell_area
    assert np.all(np.diff(paths.basin_area) <= 0.0)
    for rank, area in enumerate(paths.basin_area):
        assert area == np.count_nonzero(paths.basin == rank) * grid.cell_area


def test_streams_are_the_cells_above_the_threshold() -> None:
    terrain = condition_native(valley(30, 10, cell=10.0))
    paths = flow_paths("a", terrain, terrain.area, 5000.0)
    np.testing.assert_array_equal(paths.stream_cell, np.flatnonzero(terrain.area >= 5000.0))
    np.testing.assert_array_equal(paths.stream_receiver, terrain.receiver[paths.stream_cell])
    np.testing.assert_array_equal(paths.stream_area, terrain.area[paths.stream_cell])


def test_an_outlet_that_moved_a_little_is_not_far() -> None:
    """One row of outlets: near by `OUTLET_STEPS` steps, far by one more; cells of one setting alone do not count."""
    width = 2 * OUTLET_STEPS + 4
    grid = grid_of(np.zeros((1, width)))
    first = by_hand([0, 0, 0, -1] + [0] * (width - 4))
    second = [0, OUTLET_STEPS, OUTLET_STEPS + 1, 0] + [0] * (width - 4)
    found = compare(first, by_hand(second, "b"), grid)
    assert (found.cells, found.other_outlet, found.far_outlet) == (width - 1, 2, 1)


def test_an_outlet_that_moved_takes_no_land_from_its_basin() -> None:
    """All land drains to cell 0, then to the far end, then three cells of it elsewhere."""
    grid = grid_of(np.zeros((1, 20)))
    first = by_hand([0] * 20)
    moved = compare(first, by_hand([19] * 20, "b"), grid)
    assert (moved.far_outlet, moved.other_basin) == (20, 0)
    split = compare(first, by_hand([19] * 17 + [5] * 3, "b"), grid)
    assert (split.far_outlet, split.other_basin) == (17, 3)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), SHAPES)
def test_land_in_another_basin_does_not_depend_on_who_is_first(seed: int, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    size = shape[0] * shape[1]
    one, other = (by_hand(rng.integers(-1, 4, size).tolist()) for _ in range(2))
    grid = grid_of(np.zeros(shape))
    there, back = compare(one, other, grid), compare(other, one, grid)
    assert there.cells == back.cells
    assert there.other_basin == back.other_basin
    assert 0 <= there.other_basin <= there.cells


def test_a_basin_is_matched_with_the_one_that_holds_most_of_it() -> None:
    """Eight cells drain to cell 0; in the other setting five of them drain to 9 (with one more) and three to 4."""
    grid = grid_of(np.zeros((1, 10)), cell_width=2.0, cell_height=3.0)
    first = by_hand([0] * 8 + [9, 9], cell_area=6.0)
    second = by_hand([4] * 3 + [9] * 5 + [9, 8], "b", cell_area=6.0)
    match = compare(first, second, grid).basins[0]
    assert (match.first_outlet, match.second_outlet) == (0, 9)
    assert (match.first_area, match.second_area, match.shared_area) == (48.0, 36.0, 30.0)
    assert match.jaccard == pytest.approx(5 / 9)
    assert match.outlet_distance == 18.0


def test_a_basin_that_the_other_does_not_drain() -> None:
    grid = grid_of(np.zeros((1, 3)))
    match = compare(by_hand([0, 0, 2]), by_hand([-1, -1, 2], "b"), grid).basins[0]
    assert (match.second_outlet, match.shared_area, match.jaccard) == (-1, 0.0, 0.0)
    assert math.isnan(match.outlet_distance)


def changed(grid: Grid, conditioning: str) -> tuple[Terrain, SurfaceChange]:
    terrain = condition_native(grid, conditioning=conditioning)
    return terrain, surface_change(terrain)


def test_fill_raises_and_carve_lowers() -> None:
    """A bowl of 9 x 9 cells: filled to its rim, or cut from its middle to the rim."""
    grid = bowl(9, depth=8.0)
    _, filled = changed(grid, "fill")
    depth = 8.0 - grid.elevation.astype(np.float64)
    assert (filled.raised_cells, filled.lowered_cells) == (49, 0)
    assert filled.raised_volume == pytest.approx(depth.sum())
    assert (filled.highest_raise, filled.deepest_cut) == (8.0, 0.0)
    terrain, carved = changed(grid, "carve")
    assert carved.raised_cells == 0
    assert carved.lowered_cells == terrain.lowered_cells
    assert carved.lowered_volume == pytest.approx(
        float((grid.elevation.astype(np.float64) - terrain.conditioned).sum())
    )
    assert carved.deepest_cut == 8.0


def test_invalid_cells_do_not_count_as_changed() -> None:
    z = np.full((600, 3), 5.0)
    z[300] = np.nan
    terrain = condition_native(grid_of(z))
    assert surface_change(terrain) == UNCHANGED


def test_what_does_not_belong_together_is_refused() -> None:
    terrain = condition_native(valley(5, 2))
    with pytest.raises(ValueError, match="area has shape"):
        flow_paths("a", terrain, terrain.area[:-1], 1.0)
    with pytest.raises(ValueError, match="stream_area"):
        flow_paths("a", terrain, terrain.area, 0.0)
    with pytest.raises(ValueError, match="on a grid of 4"):
        compare(by_hand([0]), by_hand([0]), grid_of(np.zeros((2, 2))))

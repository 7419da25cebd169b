"""Courses and the terrain built from control points, on made-up points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import DataError
from sim.terrain import Grid, build_from_control_points, condition_native
from sim.terrain.courses import LEAST_FALL, Course, cells_between, descending, lay_courses
from sim.testing.terrain import LOCAL_CRS

SIZE = 100.0


def lay(*lines: list[tuple[float, float, float]], inside: list[bool], join_reach: float = 5.0) -> list[Course]:
    """Courses from (row, column, height) points."""
    columns = [np.array(line).T for line in lines]
    return lay_courses(
        [f"c{i}" for i in range(len(lines))],
        [c[0] for c in columns],
        [c[1] for c in columns],
        [c[2] for c in columns],
        inside,
        join_reach=join_reach,
    )


def test_rises_and_steps_become_even_falls() -> None:
    assert descending(np.array([10.0, 10.0, 10.0, 4.0, 4.0, 4.0, 1.0])).tolist() == [10, 8.5, 7, 5.5, 4, 2.5, 1]
    assert descending(np.array([3.0, 3.0, 3.0])).tolist() == [3.0, 3.0, 3.0]
    assert descending(np.array([3.0, 8.0])).tolist() == [3.0, 3.0]


@given(st.lists(st.integers(0, 9).map(float), min_size=1, max_size=12))
def test_smoothed_heights_never_rise_nor_leave_the_range(heights: list[float]) -> None:
    z = descending(np.array(heights))
    assert (np.diff(z) <= 0.0).all()
    assert z[0] == heights[0]
    assert z[-1] == min(heights)


def test_line_cells_touch_and_reach_both_ends() -> None:
    cells = cells_between((0, 0), (3, -7))
    assert cells[0] == (0, 0)
    assert cells[-1] == (3, -7)
    assert len(cells) == 8
    assert cells_between((2, 2), (2, 2)) == [(2, 2)]


def test_tributary_ends_on_the_main_river_and_above_it() -> None:
    # the tributary's heights lie below the main river: it is raised, the river is not pulled down
    main, side = lay([(0, 5, 50), (10, 5, 40)], [(5, 0, 60), (5, 3, 20)], inside=[False, True])
    assert side.cells[-1] == (5, 5)
    assert side.height[-1] == main.height[main.cells.index((5, 5))] == pytest.approx(45.0)
    assert (np.diff(side.height) <= -LEAST_FALL * 0.999).all()
    assert side.height[-2] == pytest.approx(45.0 + LEAST_FALL)


def test_level_course_is_given_the_least_fall() -> None:
    (line,) = lay([(0, 0, 7), (0, 9, 7)], inside=[False])
    np.testing.assert_allclose(line.height, 7.0 + LEAST_FALL * np.arange(9, -1, -1))


def test_loops_are_cut_out_of_a_course() -> None:
    (line,) = lay([(0, 0, 9), (0, 6, 8), (3, 6, 7), (3, 3, 6), (-3, 3, 5), (-3, 9, 4)], inside=[False])
    assert len(set(line.cells)) == len(line.cells)
    assert (0, 6) not in line.cells
    assert line.cells[-1] == (-3, 9)


def test_course_ends_where_it_first_meets_another() -> None:
    main, side = lay([(0, 5, 50), (10, 5, 40)], [(5, 0, 60), (5, 9, 30), (8, 9, 29), (8, 6, 28)], inside=[False, True])
    assert side.cells[-1] == (5, 5)
    assert main.cells[-1] == (10, 5)


def test_three_courses_that_meet_at_one_place_end_on_the_one_that_passes() -> None:
    lines = lay(
        [(0, 5, 50), (10, 5, 40)], [(5, 0, 60), (5, 5, 45)], [(5, 10, 60), (5, 5, 45)], inside=[False, True, True]
    )
    assert lines[1].cells[-1] == lines[2].cells[-1] == (5, 5)


def test_of_two_courses_that_end_on_one_another_the_one_nearer_to_the_river_goes_on() -> None:
    # each ends nearer to the other than to the river, from which the first is 4 cells away and the second 3
    main, first, second = lay(
        [(0, 10, 50), (20, 10, 10)],
        [(2, 0, 90), (8, 6, 60)],
        [(16, 1, 90), (9, 7, 60)],
        inside=[False, True, True],
    )
    assert second.cells[-1] == (9, 10)
    assert second.cells[-1] in main.cells
    assert first.cells[-1] in second.cells[:-1]
    for line in (first, second):
        assert (np.diff(line.height) < 0.0).all()


@pytest.mark.parametrize("lower", [0, 1])
def test_where_the_detours_are_equal_the_course_that_ends_lower_receives(lower: int) -> None:
    heights = [60.0, 60.0]
    heights[lower] = 55.0
    pair = [[(2, 0, 90), (8, 7, heights[0])], [(15, 0, 90), (9, 7, heights[1])]]
    main, *sides = lay([(0, 10, 50), (20, 10, 10)], *pair, inside=[False, True, True])
    assert sides[lower].cells[-1] in main.cells
    assert sides[1 - lower].cells[-1] in sides[lower].cells[:-1]


def test_course_that_only_leads_to_a_circle_keeps_its_target() -> None:
    # the third course is nearest to the river of all, but not part of the circle
    main, first, second, third = lay(
        [(0, 10, 50), (20, 10, 10)],
        [(2, 0, 90), (8, 6, 60)],
        [(16, 1, 90), (9, 7, 60)],
        [(0, 9, 95), (4, 4, 80)],
        inside=[False, True, True, True],
        join_reach=7.0,
    )
    assert third.cells[-1] in first.cells[:-1]
    assert second.cells[-1] in main.cells


def test_target_cut_short_is_replaced_by_the_nearest_channel_there_is() -> None:
    # the second course crosses the river and is cut there; the third was drawn to end on what is cut off
    main, second, third = lay(
        [(0, 10, 50), (20, 10, 10)],
        [(4, 2, 90), (4, 18, 60)],
        [(12, 16, 90), (5, 16, 70)],
        inside=[False, True, True],
        join_reach=9.0,
    )
    assert second.cells[-1] == (4, 10)
    assert third.cells[-1] in main.cells
    assert third.height[-1] == main.height[main.cells.index(third.cells[-1])]


def test_course_carried_on_back_over_itself_has_its_loop_cut_out() -> None:
    # the course passes two cells from the river, turns away and ends in a hook; the way on crosses its own cells
    main, hook = lay(
        [(0, 10, 50), (20, 10, 10)],
        [(2, 0, 90), (4, 8, 80), (8, 8, 75), (8, 5, 70), (6, 5, 65)],
        inside=[False, True],
        join_reach=6.0,
    )
    assert hook.cells[-1] in main.cells
    assert len(set(hook.cells)) == len(hook.cells)
    assert (np.abs(np.diff(np.array(hook.cells), axis=0)).max(axis=1) == 1).all()
    assert (8, 5) not in hook.cells


@pytest.mark.parametrize(
    ("lines", "inside", "message"),
    [
        ([[(0, 0, 1)]], [False], "fewer than two points"),
        ([[(0, 0, 2), (0, 5, 1)]], [True], "no other course"),
        ([[(0, 0, 2), (9, 0, 1)], [(5, 30, 2), (5, 20, 1)]], [False, True], "20.0 cells from the nearest course"),
        ([[(0, 0, 2), (0, 9, 1)], [(1, 9, 2), (1, 0, 1)]], [True, True], "these to the edge: c0, c1"),
        (
            [[(0, 40, 9), (60, 40, 1)], [(0, 0, 2), (0, 9, 1)], [(1, 9, 2), (1, 0, 1)]],
            [False, True, True],
            "these to the edge: c1, c2",
        ),
    ],
)
def test_courses_that_do_not_fit_together(
    lines: list[list[tuple[float, float, float]]], inside: list[bool], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        lay(*lines, inside=inside)


def degrees(factor: float = 1e-3) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Flat map: metres over degrees."""
    return lambda lon, lat: (lon / factor, lat / factor)


POINTS: list[tuple[str, str, int, float, float, float]] = [
    # kind, course, order, column, row (in cells), height
    *[("edge", "", 0, x, y, 700.0) for x in (-0.3, 20, 40.3) for y in (-0.3, 30, 60.3)],
    *[("divide", "", 0, x, y, 900.0) for x in (8, 32) for y in (15, 45)],
    ("course", "main", 0, 20, 4, 600.0),
    ("course", "main", 2, 20, 59, 300.0),
    ("course", "main", 1, 20, 30, 400.0),
    ("course", "side", 0, 2, 20, 800.0),
    ("course", "side", 1, 18, 36, 390.0),
    ("place", "Town", 0, 26, 40, 520.0),
]


def build(points: list[tuple[str, str, int, float, float, float]] = POINTS, shape: tuple[int, int] = (61, 41)) -> Grid:
    kind, course, order, column, row, z = zip(*points, strict=True)
    return build_from_control_points(
        list(kind),
        list(course),
        list(order),
        (np.array(column) + 0.5) * SIZE * 1e-3,
        -(np.array(row) + 0.5) * SIZE * 1e-3,
        list(z),
        project=degrees(),
        transform=(SIZE, 0.0, 0.0, 0.0, -SIZE, 0.0),
        shape=shape,
        crs_wkt=LOCAL_CRS,
        label="made-up hills",
    )


def test_rivers_run_where_the_points_say() -> None:
    grid = build()
    assert grid.illustrative
    assert grid.label == "made-up hills"
    assert grid.valid.all()
    terrain = condition_native(grid)
    path = [4 * 41 + 20]
    while terrain.receiver[path[-1]] >= 0:
        path.append(int(terrain.receiver[path[-1]]))
    assert {cell % 41 for cell in path} == {20}
    assert path[-1] == 60 * 41 + 20
    head = 20 * 41 + 2
    for _ in range(60):
        if head in path:
            break
        head = int(terrain.receiver[head])
    assert head in path
    assert terrain.lowered_cells < 0.02 * grid.valid.sum()


def test_heights_of_points_are_kept() -> None:
    grid = build()
    assert grid.elevation[40, 26] == pytest.approx(520.0, abs=1.0)
    assert grid.elevation[4, 20] == pytest.approx(600.0, abs=1.0)
    assert grid.elevation[30, 20] == pytest.approx(400.0, abs=1.0)
    assert np.abs(grid.elevation[[15, 45, 15, 45], [8, 8, 32, 32]] - 900.0).max() < 150.0


def test_same_points_same_bytes_and_order_of_rows_does_not_matter() -> None:
    first = build()
    assert build().elevation.tobytes() == first.elevation.tobytes()
    shuffled = [p for p in POINTS if p[0] != "course"] + [p for p in POINTS if p[0] == "course"][::-1]
    courses_as_named = sorted(shuffled, key=lambda p: (p[0] == "course", p[1] != "main" if p[0] == "course" else False))
    np.testing.assert_allclose(build(courses_as_named).elevation, first.elevation, atol=1e-3)


def test_outside_the_points_nothing_is_valid() -> None:
    grid = build(shape=(70, 50))
    assert not grid.valid[:, 43:].any()
    assert not grid.valid[63:].any()
    assert grid.valid[:60, :40].all()
    terrain = condition_native(grid)
    assert terrain.upstream_cells[terrain.receiver == -1].sum() == grid.valid.sum()


def test_grid_away_from_all_points_is_empty() -> None:
    kind, course, order, column, row, z = zip(*POINTS, strict=True)
    grid = build_from_control_points(
        kind, course, order, np.array(column) * 0.1, np.array(row) * -0.1, z,
        project=degrees(), transform=(SIZE, 0.0, 1e6, 0.0, -SIZE, 1e6), shape=(5, 5), crs_wkt=LOCAL_CRS, label="far",
    )  # fmt: skip
    assert not grid.valid.any()
    with pytest.raises(DataError, match="LS-304"):
        condition_native(grid)


def test_terrain_without_courses_is_the_plain_interpolation_roughened() -> None:
    grid = build([p for p in POINTS if p[0] != "course"])
    assert grid.valid.all()
    assert 400.0 < grid.elevation.min() < grid.elevation.max() < 1100.0


def test_bad_points_are_refused() -> None:
    with pytest.raises(ValueError, match=r"not known: \['peak'\]"):
        build([*POINTS, ("peak", "", 0, 1, 1, 1.0)])
    with pytest.raises(ValueError, match="finite"):
        build([*POINTS, ("divide", "", 0, 1, 1, np.nan)])


@given(st.integers(0, 2**32 - 1), st.integers(2, 7))
@settings(deadline=None, max_examples=25)
def test_any_tree_of_courses_descends_strictly_to_its_mouth(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    lines = [[(0.0, 30.0, 500.0), (60.0, 30.0, 100.0)]]
    for k in range(1, count):
        side = 1 if k % 2 else -1
        start = (rng.integers(0, 50), 30 + side * rng.integers(8, 25), rng.uniform(50, 900))
        end = (rng.integers(5, 55), 30 + side * rng.integers(1, 3), rng.uniform(50, 900))
        lines.append([start, end])
    laid = lay(*lines, inside=[False] + [True] * (count - 1), join_reach=10.0)
    assert laid[0].cells[-1] == (60, 30)
    everywhere = {cell: z for line in reversed(laid) for cell, z in zip(line.cells, line.height, strict=True)}
    for line in laid:
        assert (np.diff(line.height) < 0.0).all()
        steps = np.abs(np.diff(np.array(line.cells), axis=0)).max(axis=1)
        assert (steps == 1).all()
        assert line.height[-1] == everywhere[line.cells[-1]]
    own = [set(line.cells[:-1]) for line in laid]
    for k, line in enumerate(laid[1:], start=1):
        assert any(line.cells[-1] in cells for i, cells in enumerate(own) if i != k)

"""Names on a map never cover one another."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.report.labels import overlap, place_labels, spread

POINT = st.tuples(st.floats(0, 400), st.floats(0, 300))
SIZE = st.tuples(st.floats(5, 120), st.floats(5, 20))


@given(st.lists(st.tuples(POINT, SIZE), max_size=25))
def test_no_overlap_and_inside(items: list[tuple[tuple[float, float], tuple[float, float]]]) -> None:
    points, sizes = [i[0] for i in items], [i[1] for i in items]
    obstacle = (150.0, 100.0, 220.0, 160.0)
    placed = place_labels(points, sizes, (0, 0, 400, 300), obstacles=[obstacle])
    for a, b in itertools.combinations(placed, 2):
        assert overlap(a.box, b.box) == 0.0
    for place in placed:
        x0, y0, x1, y1 = place.box
        assert x0 >= 0
        assert y0 >= 0
        assert x1 <= 400
        assert y1 <= 300
        assert (x1 - x0, y1 - y0) == pytest.approx(sizes[place.index])
        assert overlap(place.box, obstacle) == 0.0
        for x, y in points:
            assert overlap(place.box, (x - 3, y - 3, x + 3, y + 3)) == 0.0


def test_lonely_point_gets_its_name_to_the_right() -> None:
    (place,) = place_labels([(50.0, 50.0)], [(20.0, 10.0)], (0, 0, 100, 100))
    assert place.box == (54.0, 45.0, 74.0, 55.0)
    assert not place.leader


def test_crowd_gets_leaders_and_then_is_left_out() -> None:
    points = [(50.0, 50.0)] * 40
    placed = place_labels(points, [(18.0, 8.0)] * 40, (0, 0, 100, 100))
    assert any(place.leader for place in placed)
    assert 0 < len(placed) < 40
    assert [place.index for place in placed] == sorted(place.index for place in placed)


def test_rivers_are_left_uncovered_where_there_is_room() -> None:
    river = np.column_stack((np.linspace(55, 100, 40), np.full(40, 50.0)))
    (place,) = place_labels([(50.0, 50.0)], [(20.0, 10.0)], (0, 0, 100, 100), avoid=river)
    x0, y0, x1, y1 = place.box
    assert not np.any((river[:, 0] > x0) & (river[:, 0] < x1) & (river[:, 1] > y0) & (river[:, 1] < y1))


def test_nearest_point_of_a_box() -> None:
    (place,) = place_labels([(50.0, 50.0)], [(20.0, 10.0)], (0, 0, 100, 100))
    assert place.nearest(50.0, 50.0) == (54.0, 50.0)
    assert place.anchor == (54.0, 45.0)


@given(st.lists(st.floats(0, 10), max_size=30), st.floats(0.01, 2.0))
def test_spread_keeps_order_distance_and_bounds(positions: list[float], least: float) -> None:
    moved = spread(positions, least, 0.0, 10.0)
    assert len(moved) == len(positions)
    if not positions:
        return
    assert min(moved) >= -1e-9
    assert max(moved) <= 10.0 + 1e-9
    order = sorted(range(len(positions)), key=lambda i: (positions[i], i))
    steps = np.diff([moved[i] for i in order])
    fits = (len(positions) - 1) * least < 10.0
    assert np.all(steps >= (least if fits else 10.0 / max(len(positions) - 1, 1)) - 1e-6)


def test_spread_leaves_distant_positions_alone() -> None:
    assert spread([9.0, 1.0, 5.0], 1.0, 0.0, 10.0) == [9.0, 1.0, 5.0]


def test_a_name_never_lies_nearer_to_another_point_when_there_is_another_place() -> None:
    own, other = (100.0, 100.0), (125.0, 112.0)
    beside = [
        (135.0, 60.0, 140.0, 103.0),
        (60.0, 60.0, 65.0, 140.0),
        (82.0, 106.0, 84.0, 108.0),
        (82.0, 90.0, 84.0, 92.0),
    ]
    placed = place_labels([own, other], [(40.0, 8.0), (4.0, 4.0)], (0, 0, 300, 300), obstacles=beside)
    name = next(place for place in placed if place.index == 0)
    assert name.leader
    assert name.box[3] < own[1]  # above it would lie beside the other point
    end = name.nearest(*own)
    assert math.dist(own, end) <= math.dist(other, name.nearest(*other))
    line = [(own[0] + (end[0] - own[0]) * k / 50, own[1] + (end[1] - own[1]) * k / 50) for k in range(51)]
    assert not any(122.0 < x < 128.0 and 109.0 < y < 115.0 for x, y in line)  # nor does its line pass the other marker


def test_names_without_rings_stay_beside_their_point() -> None:
    wall = (0.0, 0.0, 300.0, 300.0)
    assert place_labels([(150.0, 150.0)], [(40.0, 8.0)], wall, obstacles=[(140.0, 100.0, 160.0, 200.0)], rings=0) == []
    free = place_labels([(150.0, 150.0)], [(40.0, 8.0)], wall, obstacles=[(140.0, 100.0, 160.0, 200.0)])
    assert [place.leader for place in free] == [True]

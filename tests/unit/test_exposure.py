"""Exposure: quotients by hand, discs against the spherical cap, overlap sums to the whole."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from sim.exposure.assess import downstream_of_sites, exceedance, nearest_affected
from sim.exposure.objects import Threshold
from sim.exposure.zones import (
    channel_piece,
    circle_zone,
    geodesic_area,
    geodesic_disc,
    overlap,
    points_inside,
    valley_corridor,
)
from sim.network.objects import RiverNetwork
from sim.transport.objects import Concentration

FIVE_MILES = 8046.72


def threshold(substance: str, value: float, fraction: str = "total") -> Threshold:
    return Threshold("t", substance, value, fraction, "x", "water", "e", "j", "s", 2000, "found")


def chain(n: int, cells_per_node: int = 2, length: float = 100.0) -> RiverNetwork:
    """A chain of n nodes; cell j of node i is flat cell i * cells_per_node + j."""
    index = np.arange(n)
    down = np.append(index[1:], -1)
    start = np.arange(n + 1) * cells_per_node
    step = length / cells_per_node
    return RiverNetwork(
        down=down, length=np.full(n, length), slope=np.full(n, 0.01), area_in=index + 0.5, area=index + 1.0,
        boundary_area=np.zeros(n), x=np.zeros(n), y=np.zeros(n), elevation=np.zeros(n),
        reach=np.zeros(n), cell=start[:-1], channel_cell=np.arange(n * cells_per_node), channel_start=start,
        channel_distance=np.tile(np.arange(cells_per_node) * step, n), link_from=[], link_to=[],
        name=("",) * n, crs_wkt="",
    )  # fmt: skip


def concentration(inlet: np.ndarray, pit: np.ndarray, dissolved: float = 1.0) -> Concentration:
    """One substance; the outlet equals the inlet."""
    return Concentration(("lead",), inlet, inlet, pit, pit, np.full(inlet.shape, dissolved))


class TestDisc:
    def test_every_vertex_lies_on_the_circle(self) -> None:
        disc = geodesic_disc(98.3783, 25.5983, FIVE_MILES, 128)
        lon, lat = np.array(disc.exterior.coords).T
        _, _, distance = Geod(ellps="WGS84").inv(np.full(lon.shape, 98.3783), np.full(lat.shape, 25.5983), lon, lat)
        np.testing.assert_allclose(distance, FIVE_MILES, rtol=1e-9)

    @pytest.mark.parametrize("latitude", [0.0, 25.6, -60.0])
    def test_area_is_the_inscribed_polygon_of_the_cap(self, latitude: float) -> None:
        # a small geodesic disc has pi r^2 (1 - r^2 K / 12), K = 1/R^2; its inscribed n-gon sin(2 pi/n)/(2 pi/n) of that
        n = 256
        circle = math.pi * FIVE_MILES**2 * (1.0 - FIVE_MILES**2 / (12.0 * 6371e3**2))
        expected = circle * math.sin(2.0 * math.pi / n) / (2.0 * math.pi / n)
        assert geodesic_area(geodesic_disc(98.0, latitude, FIVE_MILES, n)) == pytest.approx(expected, rel=2e-6)

    def test_too_few_vertices_are_refused(self) -> None:
        with pytest.raises(ValueError, match="at least 128"):
            geodesic_disc(98.0, 25.0, FIVE_MILES, 127)

    def test_date_line_is_refused(self) -> None:
        with pytest.raises(ValueError, match="date line"):
            geodesic_disc(179.99, 25.0, FIVE_MILES)

    def test_zone_is_dissolved(self) -> None:
        one = geodesic_area(circle_zone(np.array([98.0]), np.array([25.0]), FIVE_MILES))
        twice = geodesic_area(circle_zone(np.array([98.0, 98.0]), np.array([25.0, 25.0]), FIVE_MILES))
        apart = geodesic_area(circle_zone(np.array([98.0, 99.0]), np.array([25.0, 25.0]), FIVE_MILES))
        assert twice == pytest.approx(one, rel=1e-9)
        assert apart == pytest.approx(2.0 * one, rel=1e-6)

    def test_union_does_not_depend_on_the_order_of_sites(self) -> None:
        lon, lat = np.array([98.0, 98.05, 98.2]), np.array([25.0, 25.03, 25.0])
        first = circle_zone(lon, lat, FIVE_MILES)
        second = circle_zone(lon[::-1], lat[::-1], FIVE_MILES)
        assert shapely.equals(first, second)

    def test_points_inside_follow_the_geodesic_distance(self) -> None:
        rng = np.random.default_rng(1)
        lon = 98.0 + rng.uniform(-0.1, 0.1, 500)
        lat = 25.0 + rng.uniform(-0.1, 0.1, 500)
        inside = points_inside(circle_zone(np.array([98.0]), np.array([25.0]), FIVE_MILES), lon, lat)
        _, _, distance = Geod(ellps="WGS84").inv(np.full(500, 98.0), np.full(500, 25.0), lon, lat)
        clear = np.abs(distance - FIVE_MILES) > 2.0  # the polygon is inscribed by at most r (1 - cos(pi/n)) = 0.6 m
        np.testing.assert_array_equal(inside[clear], (distance < FIVE_MILES)[clear])
        assert 0 < inside.sum() < 500


class TestExceedance:
    def test_by_hand(self) -> None:
        network = chain(3)
        inlet = np.array([[[0.02, 0.01, 0.004]], [[0.002, 0.012, 0.001]]])
        pit = inlet * np.array([1.0, 0.5, 0.0])
        found = exceedance(network, concentration(inlet, pit), [threshold("lead", 0.01), threshold("lead", 0.003)])
        np.testing.assert_allclose(found.quotient[0], [[2.0, 1.0, 0.4], [0.2, 1.2, 0.1]])
        np.testing.assert_allclose(found.background_quotient[0], [[0.0, 0.5, 0.4], [0.0, 0.6, 0.1]])
        np.testing.assert_array_equal(found.months_above, [[1, 1, 0], [1, 2, 1]])
        np.testing.assert_allclose(found.exceeded_length, [200.0, 300.0])
        np.testing.assert_allclose(found.exceeded_length_background, [0.0, 200.0])
        np.testing.assert_allclose(found.exceeded_length_pits, [100.0, 200.0])

    def test_dissolved_criteria_compare_the_dissolved_share(self) -> None:
        inlet = np.full((1, 1, 2), 0.04)
        found = exceedance(
            chain(2), concentration(inlet, inlet, dissolved=0.25), [threshold("lead", 0.01, "dissolved")]
        )
        np.testing.assert_allclose(found.quotient, 1.0)

    @given(st.floats(1e-6, 1e3), st.integers(0, 2**31))
    def test_quotient_is_linear_in_concentration(self, factor: float, seed: int) -> None:
        inlet = np.random.default_rng(seed).uniform(0.0, 1.0, (2, 1, 4))
        base = exceedance(chain(4), concentration(inlet, inlet), [threshold("lead", 0.3)])
        scaled = exceedance(chain(4), concentration(inlet * factor, inlet * factor), [threshold("lead", 0.3)])
        np.testing.assert_allclose(scaled.quotient, base.quotient * factor, rtol=1e-12)

    def test_only_nodes_below_a_site_are_downstream(self) -> None:
        np.testing.assert_array_equal(
            downstream_of_sites(chain(5), np.array([2, -1])), [False, False, True, True, True]
        )


class TestZones:
    def test_corridor_needs_height_distance_and_an_exposed_channel(self) -> None:
        exposed = np.array([True, False, False, False, False, False])
        drains_to = np.array([0, 1, 0, 0, 1, -1])
        height = np.array([0.0, 0.0, 5.0, 15.0, 1.0, 0.0], dtype=np.float32)
        distance = np.array([0.0, 0.0, 100.0, 100.0, 50.0, 0.0])
        found = valley_corridor(exposed, height, drains_to, distance, max_height=10.0, max_distance=200.0)
        np.testing.assert_array_equal(found, [True, False, True, False, False, False])
        near = valley_corridor(exposed, height, drains_to, distance, max_height=10.0, max_distance=99.0)
        np.testing.assert_array_equal(near, [True, False, False, False, False, False])

    def test_channel_pieces_sum_to_node_lengths(self) -> None:
        network = chain(4, cells_per_node=5, length=123.0)
        np.testing.assert_allclose(np.add.reduceat(channel_piece(network), network.channel_start[:-1]), network.length)

    @settings(max_examples=50)
    @given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 4))
    def test_overlap_sums_to_the_whole(self, seed: int, nodes: int, per_node: int) -> None:
        rng = np.random.default_rng(seed)
        network = chain(nodes, per_node)
        ncell = nodes * per_node + 7
        valid = rng.random(ncell) < 0.9
        circle, corridor = rng.random(ncell) < 0.5, rng.random(ncell) < 0.5
        found = overlap(valid, 4.0, circle, corridor, network, rng.random(nodes) < 0.5)
        land = found.land_circle_only + found.land_both + found.land_modelled_only + found.land_neither
        river = found.river_circle_only + found.river_both + found.river_modelled_only + found.river_neither
        assert land == valid.sum() * 4.0
        assert river == pytest.approx(network.length.sum(), rel=1e-13)
        assert found.land_both == np.count_nonzero(valid & circle & corridor) * 4.0


class TestNearestAffected:
    def test_by_hand(self) -> None:
        node, distance = nearest_affected(
            np.array([0.0, 10.0, np.nan]),
            np.array([0.0, 0.0, 0.0]),
            np.array([3.0, 9.0]),
            np.array([4.0, 0.0]),
            np.array([7, 5]),
        )
        np.testing.assert_array_equal(node, [7, 5, -1])
        np.testing.assert_allclose(distance, [5.0, 1.0, np.nan])

    def test_no_river_carries_water_from_sites(self) -> None:
        none = np.zeros(0)
        node, distance = nearest_affected(np.array([0.0]), np.array([0.0]), none, none, np.zeros(0, dtype=np.int64))
        assert node.tolist() == [-1]
        assert np.isnan(distance).all()

"""Dispersive routing against closed forms: planes, cones, channels, paths and what is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sim.errors import DataError
from sim.terrain import (
    Delivery,
    Dispersion,
    Grid,
    Terrain,
    condition_native,
    delivery,
    dispersive_accumulation,
    flow_proportions,
    height_above_drainage,
    terrain_from_receivers,
)
from sim.testing.terrain import bowl, cone, grid_of, plane, rough, valley

#: row and column steps in the order of the shares
STEPS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
E, SE, S, SW, W, NW, N, NE = range(8)
#: falls that are exact in single precision
SIXTYFOURTH = 1.0 / 64.0
NOWHERE = np.zeros(0, dtype=np.int64)


def middle_shares(grid: Grid, how: str | Dispersion) -> np.ndarray:
    """Shares of the middle cell of a grid of 3 x 3."""
    return flow_proportions(condition_native(grid), np.array([4]), how)[0]


class TestDInfinityOnAPlane:
    @pytest.mark.parametrize(
        ("east", "south", "side", "corner"),
        [
            (3, 1, E, SE),
            (1, 3, S, SE),
            (-1, 3, S, SW),
            (-3, 1, W, SW),
            (-3, -1, W, NW),
            (-1, -3, N, NW),
            (1, -3, N, NE),
            (3, -1, E, NE),
        ],
    )
    def test_the_mean_step_keeps_the_direction(self, east: int, south: int, side: int, corner: int) -> None:
        """Step: side + r corner step; along (3, 1) the corner gets 1/3."""
        grid = plane((3, 3), fall_east=east * SIXTYFOURTH, fall_south=south * SIXTYFOURTH)
        expected = np.zeros(8)
        expected[corner], expected[side] = 1.0 / 3.0, 2.0 / 3.0
        np.testing.assert_allclose(middle_shares(grid, "dinf"), expected, rtol=1e-12, atol=0.0)

    def test_the_published_split_is_by_angle(self) -> None:
        grid = plane((3, 3), fall_east=3 * SIXTYFOURTH, fall_south=SIXTYFOURTH)
        found = middle_shares(grid, Dispersion("dinf", split="angle"))
        assert found[SE] == pytest.approx(np.arctan(1.0 / 3.0) / (np.pi / 4.0), rel=1e-12)
        assert found[E] == 1.0 - found[SE]

    def test_cells_that_are_not_square(self) -> None:
        """Width 2, height 4: s1 d2 / (s2 d1) of the slopes 3 and 1 is 6."""
        grid = plane((3, 3), fall_east=3 * SIXTYFOURTH, fall_south=SIXTYFOURTH, cell_width=2.0, cell_height=4.0)
        found = middle_shares(grid, "dinf")
        assert found[SE] == pytest.approx(1.0 / 6.0, rel=1e-12)
        by_angle = middle_shares(grid, Dispersion("dinf", split="angle"))
        assert by_angle[SE] == pytest.approx(np.arctan2(1.0, 3.0) / np.arctan2(4.0, 2.0), rel=1e-12)

    @pytest.mark.parametrize("how", ["dinf", Dispersion("dinf", split="angle"), "d8"])
    def test_along_a_side_or_a_corner_all_goes_one_way(self, how: str | Dispersion) -> None:
        straight = middle_shares(plane((3, 3), fall_south=SIXTYFOURTH, cell_width=3.0), how)
        diagonal = middle_shares(plane((3, 3), fall_east=-SIXTYFOURTH, fall_south=SIXTYFOURTH), how)
        assert straight.tolist() == [float(k == S) for k in range(8)]
        assert diagonal.tolist() == [float(k == SW) for k in range(8)]

    def test_beside_missing_cells_the_facet_is_the_line_to_the_one_left(self) -> None:
        """The steepest facet, E and SE, has lost its side or its corner."""
        z = plane((3, 3), fall_east=3 * SIXTYFOURTH, fall_south=SIXTYFOURTH).elevation
        without = {}
        for lost in (5, 8):
            valid = np.ones((3, 3), dtype=np.bool_)
            valid.flat[lost] = False
            without[lost] = np.flatnonzero(middle_shares(grid_of(z, valid), "dinf")).tolist()
        assert without == {5: [SE], 8: [E]}


class TestMultipleFlowDirections:
    @pytest.mark.parametrize(("width", "height"), [(1.0, 1.0), (2.0, 4.0), (8.0, 1.0)])
    @pytest.mark.parametrize(("east", "south"), [(5, 0), (0, -3), (2, 7), (-6, 1), (-4, -4)])
    def test_the_mean_step_on_a_plane_points_straight_down(
        self, width: float, height: float, east: int, south: int
    ) -> None:
        down = np.array([south, east]) * SIXTYFOURTH
        grid = plane((3, 3), fall_east=down[1], fall_south=down[0], cell_width=width, cell_height=height)
        step = middle_shares(grid, "mfd") @ (np.array(STEPS) * [height, width])
        np.testing.assert_allclose(step / np.hypot(*step), down / np.hypot(*down), rtol=0.0, atol=1e-12)

    def test_contour_lengths_on_square_cells_are_those_of_quinn(self) -> None:
        """On ground falling south by 1: slopes 1 and 2**-0.5, lengths 0.5 and 0.354."""
        found = middle_shares(plane((3, 3), fall_south=SIXTYFOURTH), "mfd")
        np.testing.assert_allclose(found[[SE, S, SW]], [0.25, 0.5, 0.25], rtol=1e-12)

    def test_freemans_rule(self) -> None:
        z = np.array([[9.0, 9.0, 9.0], [5.0, 8.0, 7.0], [9.0, 4.0, 2.0]])
        found = middle_shares(grid_of(z, cell_width=3.0, cell_height=4.0), Dispersion("mfd", 1.1, False))
        slope = {W: 3.0 / 3.0, E: 1.0 / 3.0, S: 4.0 / 4.0, SE: 6.0 / 5.0}
        total = sum(s**1.1 for s in slope.values())
        expected = [slope.get(k, 0.0) ** 1.1 / total for k in range(8)]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0.0)

    def test_a_large_exponent_is_d8(self) -> None:
        row, column = np.mgrid[0:9, 0:9].astype(np.float64)
        z = 400.0 - 5.0 * row - 3.0 * column + np.random.default_rng(1).uniform(0.0, 4.0, (9, 9))
        terrain = condition_native(grid_of(z))
        cells = np.arange(81)
        sharp = flow_proportions(terrain, cells, Dispersion("mfd", 1e5, False))
        np.testing.assert_allclose(sharp, flow_proportions(terrain, cells, "d8"), atol=1e-9)


def sector_flows(terrain: Terrain, how: str | Dispersion, radius: float, sectors: int = 16) -> np.ndarray:
    """Share of what falls evenly inside a circle about the middle that crosses it in each sector, times their number.

    The first sector is centred on east.
    """
    grid = terrain.grid
    rows, columns = grid.shape
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float64)
    y, x = (y - (rows - 1) / 2) * grid.cell_height, (x - (columns - 1) / 2) * grid.cell_width
    inside = np.hypot(x, y).ravel() < radius
    flow = dispersive_accumulation(terrain, inside.astype(np.float64), how)
    cells = np.flatnonzero(inside)
    share = flow_proportions(terrain, cells, how)
    step = np.array([down * columns + right for down, right in STEPS])
    to = cells[:, None] + step
    crossing = np.where(inside[to], 0.0, share * flow[cells][:, None])
    # a link crosses half way
    bearing = np.arctan2(y.ravel()[cells][:, None] + y.ravel()[to], x.ravel()[cells][:, None] + x.ravel()[to])
    sector = np.round(bearing / (2.0 * np.pi / sectors)).astype(np.int64) % sectors
    crossed = np.bincount(sector.ravel(), crossing.ravel(), sectors)
    assert crossed.sum() == pytest.approx(inside.sum(), rel=1e-12)
    return crossed / crossed.sum() * sectors


def long_cone(rows: int, columns: int) -> Grid:
    """Cone on cells twice as high as wide."""
    row, column = np.mgrid[0:rows, 0:columns].astype(np.float64)
    distance = np.hypot(2.0 * (row - (rows - 1) / 2), column - (columns - 1) / 2)
    return grid_of(500.0 - distance, cell_width=1.0, cell_height=2.0)


class TestCone:
    @pytest.mark.parametrize("how", ["dinf", "mfd"])
    @pytest.mark.parametrize("shape", ["square", "long"])
    def test_flow_leaves_evenly_all_round(self, how: str, shape: str) -> None:
        grid = cone(221) if shape == "square" else long_cone(131, 241)
        flows = sector_flows(condition_native(grid), how, 100.0)
        np.testing.assert_allclose(flows, 1.0, rtol=0.0, atol=0.02)

    def test_the_measure_sees_what_one_path_and_the_split_by_angle_do(self) -> None:
        terrain = condition_native(cone(221))
        assert np.abs(sector_flows(terrain, "d8", 100.0) - 1.0).max() > 0.4
        assert 0.08 < np.abs(sector_flows(terrain, Dispersion("dinf", split="angle"), 100.0) - 1.0).max() < 0.2

    def test_the_area_drained_through_a_contour_grows_with_the_radius(self) -> None:
        """A / w = r / 2 and a constant, with w the side of the cell on an axis."""
        terrain = condition_native(cone(221))
        area = dispersive_accumulation(terrain, np.ones(221 * 221), "mfd")
        along = area[110 * 221 + 110 + np.arange(20, 100)]
        np.testing.assert_allclose(np.diff(along), 0.5, rtol=0.002)

    def test_from_the_summit_every_side_gets_as_much_and_so_does_every_corner(self) -> None:
        found = middle_shares(cone(3), "mfd")
        assert np.ptp(found[::2]) < 1e-6
        assert np.ptp(found[1::2]) < 1e-6
        assert found.min() > 0.1


class TestChannels:
    def test_a_channel_cell_passes_all_to_its_receiver(self) -> None:
        terrain = condition_native(cone(15))
        channel = np.zeros(225, dtype=np.bool_)
        channel[[50, 80, 113]] = True
        cells = np.flatnonzero(channel)
        for how in ("dinf", "mfd"):
            expected = flow_proportions(terrain, cells, "d8")
            np.testing.assert_array_equal(flow_proportions(terrain, cells, how, channel), expected)
            assert (flow_proportions(terrain, cells, how) > 0.0).sum() > cells.size

    def test_only_cells_beside_the_bed_meet_it_in_a_valley(self) -> None:
        """Sides fall 0.1 to the bed and 0.01 along it: D-infinity walks down 0.1 row for every column."""
        terrain = condition_native(valley(80, 9))
        bed = np.zeros(80 * 19, dtype=np.bool_)
        bed[9::19] = True
        found = delivery(terrain, np.array([10 * 19 + 1]), bed, "dinf")
        assert found.in_channel.all()
        row = found.cell // 19
        assert float(np.sum(row * found.share)) == pytest.approx(10.0 + 0.8, rel=1e-4)
        # binomial: eight steps, one row down with chance 0.1 each
        expected = [0.9**8, 8 * 0.1 * 0.9**7, 28 * 0.01 * 0.9**6]
        np.testing.assert_allclose(found.share[:3], expected, rtol=1e-3)
        # each step down is one side wide and a diagonal long
        np.testing.assert_allclose(found.path_length, 8.0 + (row - 10) * (np.sqrt(2.0) - 1.0), rtol=1e-12)

    def test_without_dispersion_it_is_the_flow_path(self) -> None:
        terrain = condition_native(rough(np.random.default_rng(7), (30, 20), hole_share=0.05))
        channel = terrain.upstream_cells > 25
        _, drains_to, distance = height_above_drainage(terrain, channel)
        starts = np.flatnonzero(terrain.grid.valid.ravel())
        found = delivery(terrain, starts, channel, "d8")
        assert found.source.tolist() == list(range(starts.size))
        assert (found.share == 1.0).all()
        met = drains_to[starts] >= 0
        np.testing.assert_array_equal(found.in_channel, met)
        np.testing.assert_array_equal(found.cell[met], drains_to[starts[met]])
        np.testing.assert_allclose(found.path_length[met], distance[starts[met]], rtol=1e-12)
        area = dispersive_accumulation(terrain, np.ones(600), "d8")
        np.testing.assert_array_equal(area, terrain.upstream_cells)

    def test_a_source_in_the_channel_stays_there(self) -> None:
        terrain = condition_native(cone(9))
        channel = np.zeros(81, dtype=np.bool_)
        channel[41] = True
        found = delivery(terrain, np.array([41, 41]), channel, "mfd")
        assert found.cell.tolist() == [41, 41]
        assert found.share.tolist() == [1.0, 1.0]
        assert found.path_length.tolist() == [0.0, 0.0]

    def test_what_ends_in_a_kept_sink_says_so(self) -> None:
        terrain = condition_native(bowl(9), kept_sinks=np.array([40]))
        found = delivery(terrain, np.array([0, 13]), np.zeros(81, dtype=np.bool_), "mfd")
        assert found.cell.tolist() == [40, 40]
        assert not found.in_channel.any()
        np.testing.assert_allclose(found.share, 1.0, rtol=1e-12)

    def test_no_sources_give_an_empty_table(self) -> None:
        found = delivery(condition_native(cone(5)), NOWHERE, np.zeros(25, dtype=np.bool_), "dinf")
        assert found.size == 0


class TestRepeatability:
    @pytest.mark.parametrize("how", ["dinf", "mfd"])
    def test_mirrored_and_turned_ground_gives_mirrored_and_turned_flow(self, how: str) -> None:
        rng = np.random.default_rng(11)
        row, column = np.mgrid[0:31, 0:23].astype(np.float64)
        z = 400.0 - 5.0 * row - 3.0 * column + rng.uniform(0.0, 2.0, (31, 23))
        weight = rng.uniform(0.0, 1.0, (31, 23))

        def sums(turn: Callable[[np.ndarray], np.ndarray], width: float, height: float) -> np.ndarray:
            grid = grid_of(np.ascontiguousarray(turn(z)), cell_width=width, cell_height=height)
            found = dispersive_accumulation(condition_native(grid), turn(weight).ravel(), how)
            return turn(found.reshape(grid.shape))

        given = sums(lambda a: a, 2.0, 3.0)
        np.testing.assert_allclose(sums(lambda a: a[::-1], 2.0, 3.0), given, rtol=1e-12)
        np.testing.assert_allclose(sums(lambda a: a[:, ::-1], 2.0, 3.0), given, rtol=1e-12)
        np.testing.assert_allclose(sums(lambda a: a.T, 3.0, 2.0), given, rtol=1e-12)

    def test_threads_that_run_at_once_give_the_same_bytes(self) -> None:
        terrain = condition_native(rough(np.random.default_rng(5), (60, 50), levels=30))
        channel = terrain.upstream_cells > 60
        starts = np.arange(0, 3000, 37)

        def both(_: int) -> tuple[bytes, ...]:
            found = delivery(terrain, starts, channel, "mfd")
            parts = [getattr(found, field.name).tobytes() for field in dataclasses.fields(Delivery)]
            return (*parts, dispersive_accumulation(terrain, np.ones(3000), "mfd", channel).tobytes())

        with ThreadPoolExecutor(4) as pool:
            assert len(set(pool.map(both, range(8)))) == 1


class TestRefusals:
    def test_unknown_words_and_values(self) -> None:
        for wrong in ({"method": "d16"}, {"method": "dinf", "split": "half"}):
            with pytest.raises(ValueError, match="must be one of"):
                Dispersion(**wrong)
        for exponent in (0.0, -1.0, np.nan, np.inf):
            with pytest.raises(ValueError, match="exponent must be positive"):
                Dispersion("mfd", exponent)

    def test_arguments_that_contradict_the_terrain(self) -> None:
        terrain = condition_native(cone(5))
        channel = np.zeros(25, dtype=np.bool_)
        with pytest.raises(ValueError, match="weight "):
            dispersive_accumulation(terrain, np.ones(24), "dinf")
        with pytest.raises(ValueError, match="weight "):
            dispersive_accumulation(terrain, np.full(25, np.nan), "dinf")
        with pytest.raises(ValueError, match="channel has shape"):
            dispersive_accumulation(terrain, np.ones(25), "dinf", channel[:-1])
        for cell in (-1, 25):
            with pytest.raises(ValueError, match="flat indices of valid cells"):
                delivery(terrain, np.array([cell]), channel, "dinf")
        for cut_off in (-0.1, 1.0, np.nan):
            with pytest.raises(ValueError, match="cut_off must lie in"):
                delivery(terrain, np.array([0]), channel, "dinf", cut_off=cut_off)

    def test_weights_on_invalid_cells_do_not_count(self) -> None:
        valid = np.ones((3, 3), dtype=np.bool_)
        valid[1, 1] = False
        terrain = condition_native(grid_of(np.arange(9.0).reshape(3, 3), valid))
        weight = np.ones(9)
        weight[4] = np.nan
        sums = dispersive_accumulation(terrain, weight, "mfd")
        assert sums[terrain.receiver == -1].sum() == pytest.approx(8.0, rel=1e-12)
        assert sums[4] == 0.0

    def test_a_flow_path_that_rises_is_named(self) -> None:
        """An engine that leads water uphill would let shares run in a loop."""
        grid = grid_of(np.array([[1.0, 2.0, 3.0, 0.0]]))
        receiver = np.array([1, 2, 3, -1])
        terrain = terrain_from_receivers(grid, grid.elevation, receiver, NOWHERE, "wrong engine", "uphill")
        channel = np.zeros(4, dtype=np.bool_)
        calls: list[Callable[[], object]] = [
            lambda: dispersive_accumulation(terrain, np.ones(4), "d8"),
            lambda: delivery(terrain, np.array([0]), channel, "d8"),
            lambda: flow_proportions(terrain, np.array([0]), "d8"),
        ]
        for call in calls:
            with pytest.raises(DataError, match=r"row 0, column 0.*flow path rises") as caught:
                call()
            assert caught.value.number == 312

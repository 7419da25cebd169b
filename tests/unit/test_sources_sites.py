"""Illustrative sites: counts met, positions where they may be, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import ScenarioError
from sim.network import basin_mask
from sim.sources import Pits, SiteZone, distance_to_large_river, place_sites, zone_cells
from sim.testing.networks import path_length, plain_grid, random_terrain

YEARS = (2013, 2014, 2015, 2016, 2017, 2018, 2019, 2020, 2021, 2022, 2023, 2024)
SITES = (4, 2, 2, 8, 2, 95, 2, 11, 135, 11, 86, 13)
PITS = (58, 27, 23, 114, 18, 825, 59, 115, 1047, 90, 268, 151)
GRID = plain_grid(np.zeros((60, 60)), cell_width=450.0, cell_height=400.0)


def lonlat(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return 98.0 + x / 1e5, 25.0 + y / 1e5


def zone(
    name: str, sites: int, rows: slice, *, clusters: int = 3, radius: float = 1500.0, weight: float = 1.0
) -> SiteZone:
    allowed = np.zeros((60, 60), dtype=bool)
    allowed[rows, 5:50] = True
    allowed[::3, ::2] = False
    return SiteZone(name, sites, allowed.ravel(), clusters, radius, weight)


ZONES = (
    zone("Lu Pi and Lang Yang", 325, slice(0, 25), clusters=24),
    zone("other", 32, slice(25, 40), clusters=8),
    zone("Momauk", 14, slice(40, 60), weight=4.0),
)


def place(seed: int = 1, zones: tuple[SiteZone, ...] = ZONES) -> Pits:
    return place_sites(np.random.default_rng(seed), GRID, zones, YEARS, SITES, PITS, lonlat)


def test_counts_of_the_report_are_met_exactly() -> None:
    pits = place()
    assert pits.size == 371
    assert pits.pits.sum() == 2795
    assert pits.pits.min() >= 1
    assert pits.illustrative
    for year, n_sites, n_pits in zip(YEARS, SITES, PITS, strict=True):
        assert np.count_nonzero(pits.year == year) == n_sites
        assert pits.pits[pits.year == year].sum() == n_pits
    assert Counter(pits.group) == {"Lu Pi and Lang Yang": 325, "other": 32, "Momauk": 14}


def test_sites_lie_in_allowed_cells_at_distinct_places() -> None:
    pits = place()
    cell = GRID.cell_at(pits.x, pits.y)
    for z in ZONES:
        assert z.allowed[cell[[g == z.name for g in pits.group]]].all()
    assert len(set(zip(pits.x.tolist(), pits.y.tolist(), strict=True))) == 371
    np.testing.assert_allclose(pits.longitude, lonlat(pits.x, pits.y)[0])
    np.testing.assert_allclose(pits.latitude, lonlat(pits.x, pits.y)[1])


def test_names_are_unique_and_sorted_by_zone_year_and_position() -> None:
    pits = place()
    assert len(set(pits.name)) == 371
    assert pits.name[0] == "Lu Pi and Lang Yang 001"
    assert pits.name[324] == "Lu Pi and Lang Yang 325"
    assert pits.name[-1] == "Momauk 014"
    rank = {z.name: i for i, z in enumerate(ZONES)}
    keys = list(zip([rank[g] for g in pits.group], pits.year.tolist(), pits.x.tolist(), strict=True))
    assert keys == sorted(keys)


def test_same_seed_same_sites_other_seed_other_sites() -> None:
    one, again, other = place(7), place(7), place(8)
    for field in ("x", "y", "pits", "year"):
        np.testing.assert_array_equal(getattr(one, field), getattr(again, field))
    assert not np.array_equal(one.x, other.x)


def test_clusters_are_clusters() -> None:
    wide = SiteZone("z", 60, np.ones(3600, dtype=bool), 4, 1000.0)
    pits = place_sites(np.random.default_rng(2), GRID, [wide], [2020], [60], [60], lonlat)
    # four discs of 1000 m hold all sites: every site has company, and the whole spreads far wider
    distance = np.hypot(pits.x[:, None] - pits.x, pits.y[:, None] - pits.y)
    assert np.all(np.sort(distance, axis=1)[:, 14] <= 2000.0)
    assert distance.max() > 5000.0
    # a radius of zero keeps all sites of a cluster in one cell
    tight = place_sites(np.random.default_rng(2), GRID, [replace(wide, cluster_radius=0.0)], [2020], [60], [60], lonlat)
    assert len(set(GRID.cell_at(tight.x, tight.y).tolist())) == 4


def test_pits_follow_the_weights() -> None:
    heavy = [zone("light", 100, slice(0, 30)), zone("heavy", 100, slice(30, 60), weight=3.0)]
    pits = place_sites(np.random.default_rng(3), GRID, heavy, [2020], [200], [200 + 40_000], lonlat)
    in_heavy = np.array([g == "heavy" for g in pits.group])
    # 30,000 of the 40,000 are expected there, standard deviation 87
    assert abs(pits.pits[in_heavy].sum() - 100 - 30_000) < 500


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30)), min_size=1, max_size=6).filter(
        lambda v: sum(a for a, _ in v)
    ),
    st.integers(0, 2**32 - 1),
)
def test_any_counts_are_met(counts: list[tuple[int, int]], seed: int) -> None:
    sites = [a for a, _ in counts]
    pits = [a + b if a else 0 for a, b in counts]
    years = list(range(2000, 2000 + len(counts)))
    total = sum(sites)
    zones = (
        [zone("a", total, slice(0, 20))]
        if total < 2
        else [zone("a", total // 2, slice(0, 20)), zone("b", total - total // 2, slice(20, 60))]
    )
    placed = place_sites(np.random.default_rng(seed), GRID, zones, years, sites, pits, lonlat)
    assert [int(np.count_nonzero(placed.year == y)) for y in years] == sites
    assert [float(placed.pits[placed.year == y].sum()) for y in years] == pits
    assert np.all(placed.pits >= 1)


@pytest.mark.parametrize(
    ("years", "sites", "pits", "message"),
    [
        ([2020], [5, 1], [6], "same length"),
        ([2020], [5], [9], "same number"),
        ([2020, 2021], [10, 4], [9, 4], "at least one pit"),
        ([2020, 2021], [14, 0], [20, 3], "belongs to a site"),
        ([2020, 2020], [7, 7], [9, 9], "stand once"),
    ],
)
def test_contradicting_counts(years: list[int], sites: list[int], pits: list[int], message: str) -> None:
    with pytest.raises(ScenarioError, match=message) as error:
        place_sites(np.random.default_rng(0), GRID, ZONES[2:], years, sites, pits, lonlat)
    assert error.value.number == 209


def test_zone_without_room_is_named() -> None:
    allowed = np.zeros(3600, dtype=bool)
    allowed[:2] = True
    with pytest.raises(ScenarioError) as error:
        place_sites(np.random.default_rng(0), GRID, [SiteZone("narrow", 5, allowed, 3, 500.0)], [1], [5], [5], lonlat)
    assert error.value.number == 209
    assert "'narrow'" in error.value.where
    assert error.value.got == "2 cells for 3 clusters"
    # exactly one cell for each cluster is enough
    placed = place_sites(
        np.random.default_rng(0), GRID, [SiteZone("n", 50, allowed, 2, 500.0)], [1], [50], [50], lonlat
    )
    assert set(GRID.cell_at(placed.x, placed.y).tolist()) == {0, 1}
    with pytest.raises(ValueError, match="'bad'"):
        SiteZone("bad", 0, allowed, 1, 1.0)


def test_cells_of_a_zone() -> None:
    terrain = random_terrain(np.random.default_rng(4), 20, 20, outlets=2, invalid_share=0.05)
    channel = terrain.upstream_cells >= 10
    slope = np.random.default_rng(5).uniform(0.0, 1.0, (20, 20)).astype(np.float32)
    root = int(np.flatnonzero((terrain.receiver < 0) & terrain.grid.valid.ravel())[0])
    basin = basin_mask(terrain, root)
    kwargs = {"x": 1000.0, "y": 1000.0, "min_distance": 200.0, "max_distance": 900.0, "max_slope": 0.5}
    within = zone_cells(terrain, slope, channel, inside=[basin], **kwargs)
    without = zone_cells(terrain, slope, channel, outside=[basin], **kwargs)
    anywhere = zone_cells(terrain, slope.ravel(), channel, **kwargs)
    np.testing.assert_array_equal(within | without, anywhere)
    assert not np.any(within & without)
    x, y = terrain.grid.centre(np.arange(400))
    distance = np.hypot(x - 1000.0, y - 1000.0)
    expected = (
        terrain.grid.valid.ravel() & ~channel & (slope.ravel() <= 0.5) & (distance >= 200.0) & (distance <= 900.0)
    )
    np.testing.assert_array_equal(anywhere, expected)
    both = zone_cells(terrain, slope, channel, inside=[basin, ~basin], **kwargs)
    np.testing.assert_array_equal(both, anywhere)


def test_distance_to_the_large_river() -> None:
    terrain = random_terrain(np.random.default_rng(6), 15, 15)
    large = 40 * terrain.grid.cell_area
    cells = np.flatnonzero(terrain.upstream_cells == 1)[:10]
    straight, along = distance_to_large_river(terrain, terrain.area, cells, large)
    river = np.flatnonzero(terrain.area >= large)
    x, y = terrain.grid.centre(np.arange(225))
    for k, c in enumerate(cells.tolist()):
        assert straight[k] == pytest.approx(np.hypot(x[river] - x[c], y[river] - y[c]).min())
        end = c
        while terrain.area[end] < large:
            end = int(terrain.receiver[end])
        assert along[k] == pytest.approx(path_length(terrain, c, end))
        assert along[k] >= straight[k] * (1 - 1e-12)
    nowhere = distance_to_large_river(terrain, terrain.area, cells, large, within=np.zeros(225, dtype=bool))
    assert np.isinf(nowhere).all()

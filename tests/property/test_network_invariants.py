"""What holds for every network, on random trees of flow paths."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.network import (
    SLOPE_FLOOR,
    RiverNetwork,
    build_network,
    channel_cells,
    drainage_area,
    first_channel_cell,
    network_from_table,
    node_of_cell,
    own_area,
    own_catchments,
    snap,
)
from sim.terrain.objects import Terrain
from sim.testing.network_strategies import networks, terrains
from sim.testing.networks import path_length, routed

QUICK = settings(max_examples=60, deadline=None)


@st.composite
def cases(draw: st.DrawFn) -> dict[str, object]:
    """A terrain and arguments of build_network."""
    terrain = draw(terrains())
    valid = np.flatnonzero(terrain.grid.valid.ravel())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    area = terrain.grid.cell_area
    stream = draw(st.sampled_from([1.0, 2.5, 5.0])) * area
    total = drainage_area(terrain, np.empty(0, dtype=np.int64), np.empty(0))
    stream = min(stream, float(total.max()))
    channel = channel_cells(terrain, total, stream)
    inflows = draw(st.integers(0, 3))
    # on channels, so that every inflow joins one
    cells = rng.choice(np.flatnonzero(channel), size=min(inflows, int(channel.sum())), replace=False)
    areas = rng.uniform(0.5, 500.0, cells.size) * area
    return {
        "terrain": terrain,
        "total_area": drainage_area(terrain, cells, areas),
        "stream_area": stream,
        "break_cells": rng.choice(valid, size=min(draw(st.integers(0, 5)), valid.size), replace=False),
        "inflow_cells": cells,
        "inflow_areas": areas,
        "max_length": draw(st.sampled_from([1.0, 150.0, 700.0, 1e9])),
        "sinuosity": draw(st.sampled_from([1.0, 1.3])),
    }


def channel_of(case: dict) -> np.ndarray:
    return channel_cells(case["terrain"], case["total_area"], case["stream_area"])


@QUICK
@given(cases())
def test_areas_add_up(case: dict) -> None:
    network, terrain = build_network(**case), case["terrain"]
    inner = network.down >= 0
    arriving = network.boundary_area.copy()
    np.add.at(arriving, network.down[inner], network.area[inner])
    head, along = own_area(network)
    assert np.all(head >= 0.0)
    assert np.all(along >= 0.0)
    np.testing.assert_allclose(arriving + head, network.area_in, rtol=1e-13)
    np.testing.assert_allclose(network.area_in + along, network.area, rtol=1e-13)
    # only heads have a head catchment, so at a confluence nothing but the rivers meets
    has_donor = np.bincount(network.down[inner], minlength=network.size) > 0
    assert np.all(head[has_donor] == 0.0)
    # every cell that drains to the network leaves at an outlet, with the declared inflows, and nothing else
    node, _, _ = own_catchments(terrain, network)
    draining = np.count_nonzero(node >= 0) * terrain.grid.cell_area
    outlets = network.area[network.outlets].sum()
    np.testing.assert_allclose(outlets, draining + case["inflow_areas"].sum(), rtol=1e-12)
    np.testing.assert_allclose(
        head + along, np.bincount(node[node >= 0], minlength=network.size) * terrain.grid.cell_area
    )
    # and area at the downstream end is the raster's own
    last = network.channel_cell[network.channel_start[1:] - 1]
    np.testing.assert_allclose(network.area, case["total_area"][last], rtol=1e-12)


@QUICK
@given(cases())
def test_cells_lengths_and_receivers(case: dict) -> None:
    network, terrain = build_network(**case), case["terrain"]
    channel = channel_of(case)
    assert sorted(network.channel_cell.tolist()) == np.flatnonzero(channel).tolist()
    node = node_of_cell(network, channel.size)
    half = 0.5 * np.sqrt(terrain.grid.cell_area)
    for i in range(network.size):
        own = network.channel_cell[network.channel_start[i] : network.channel_start[i + 1]].tolist()
        distance = network.channel_distance[network.channel_start[i] : network.channel_start[i + 1]]
        assert own[0] == network.cell[i]
        assert all(terrain.receiver[a] == b for a, b in pairwise(own))
        after = int(terrain.receiver[own[-1]])
        assert network.down[i] == (-1 if after < 0 else node[after])
        if after >= 0:
            assert network.cell[network.down[i]] == after
        expected = path_length(terrain, own[0], after) if after >= 0 else path_length(terrain, own[0]) + half
        assert network.length[i] == pytest.approx(expected * case["sinuosity"], rel=1e-12)
        assert distance[0] == 0.0
        assert np.all(np.diff(distance) > 0.0)
        assert distance[-1] < network.length[i]
        assert network.length[i] <= case["max_length"] * (1 + 1e-12) or len(own) == 1
    assert np.all(network.slope >= SLOPE_FLOOR)
    steepest = float(np.max(terrain.conditioned) / min(terrain.grid.cell_width, terrain.grid.cell_height)) + SLOPE_FLOOR
    assert np.all(network.slope <= 2.0 * steepest)


@QUICK
@given(cases())
def test_numbering_is_topological_and_subtrees_are_runs(case: dict) -> None:
    network = build_network(**case)
    size = routed(network.down, np.ones(network.size)).astype(int)
    for i in range(network.size):
        assert np.flatnonzero(network.upstream_of(i)).tolist() == list(range(i - size[i] + 1, i + 1))
    donors = np.bincount(network.down[network.down >= 0], minlength=network.size)
    for i, receiver in enumerate(network.down.tolist()):
        if receiver >= 0:
            assert (network.reach[i] == network.reach[receiver]) == (donors[receiver] == 1)
    assert set(network.reach.tolist()) == set(range(int(network.reach.max()) + 1))


def same(one: RiverNetwork, other: RiverNetwork) -> None:
    for field in ("down", "length", "slope", "area_in", "area", "cell", "reach", "channel_cell", "channel_distance"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


@QUICK
@given(cases(), st.integers(0, 2**32 - 1))
def test_network_does_not_depend_on_the_order_of_cells(case: dict, seed: int) -> None:
    """Another engine may list the same flow paths in another topological order."""
    terrain = case["terrain"]
    rng = np.random.default_rng(seed)
    waiting = np.bincount(terrain.receiver[terrain.receiver >= 0], minlength=terrain.receiver.size)
    ready = [int(c) for c in terrain.order if waiting[c] == 0]
    order = []
    while ready:
        c = ready.pop(int(rng.integers(len(ready))))
        order.append(c)
        r = int(terrain.receiver[c])
        if r >= 0:
            waiting[r] -= 1
            if waiting[r] == 0:
                ready.append(r)
    shuffled = Terrain(
        grid=terrain.grid,
        conditioned=terrain.conditioned,
        direction=terrain.direction,
        order=np.array(order),
        upstream_cells=terrain.upstream_cells,
        engine=terrain.engine,
        method=terrain.method,
    )
    breaks = rng.permutation(np.repeat(case["break_cells"], 2))
    same(build_network(**case), build_network(**(case | {"terrain": shuffled, "break_cells": breaks})))


@QUICK
@given(cases(), st.sampled_from([1.0, 150.0, 400.0]))
def test_splitting_changes_neither_length_nor_area(case: dict, max_length: float) -> None:
    whole = build_network(**(case | {"max_length": 1e9}))
    split = build_network(**(case | {"max_length": max_length}))
    assert split.size >= whole.size
    assert split.length.sum() == pytest.approx(whole.length.sum(), rel=1e-12)
    position = {cell: i for i, cell in enumerate(split.cell.tolist())}
    kept = [position[cell] for cell in whole.cell.tolist()]
    assert kept == sorted(kept)
    np.testing.assert_allclose(split.area_in[kept], whole.area_in, rtol=1e-12)
    np.testing.assert_allclose(split.boundary_area.sum(), whole.boundary_area.sum())
    np.testing.assert_allclose(split.area[split.outlets], whole.area[whole.outlets])
    own_split, own_whole = sum(own_area(split)).sum(), sum(own_area(whole)).sum()
    assert own_split == pytest.approx(own_whole, rel=1e-9)


@QUICK
@given(cases(), st.integers(0, 2**32 - 1))
def test_snapped_points_enter_at_a_node_start(case: dict, seed: int) -> None:
    terrain = case["terrain"]
    channel = channel_of(case)
    rng = np.random.default_rng(seed)
    start = rng.choice(np.flatnonzero(terrain.grid.valid.ravel()), size=5)
    x, y = terrain.grid.centre(start)
    x = x + rng.uniform(-0.49, 0.49, 5) * terrain.grid.cell_width
    y = y + rng.uniform(-0.49, 0.49, 5) * terrain.grid.cell_height
    end = first_channel_cell(terrain, channel, x, y)
    network = build_network(**(case | {"break_cells": end.cell[end.cell >= 0]}))
    found = snap(terrain, network, x, y)
    np.testing.assert_array_equal(found.start_cell, start)
    np.testing.assert_array_equal(found.cell, end.cell)
    met = found.node >= 0
    np.testing.assert_array_equal(met, end.cell >= 0)
    np.testing.assert_array_equal(network.cell[found.node[met]], found.cell[met])
    assert np.all(found.fall >= 0.0)
    for k in range(5):
        expected = path_length(terrain, int(start[k]), int(found.cell[k]))
        assert found.path_length[k] == pytest.approx(expected, rel=1e-12)
        node, _, _ = own_catchments(terrain, network)
        assert node[start[k]] == found.node[k]


@QUICK
@given(networks(), st.integers(0, 2**32 - 1))
def test_table_in_any_order_gives_the_same_tree(network: RiverNetwork, seed: int) -> None:
    shuffle = np.random.default_rng(seed).permutation(network.size)
    ids = [f"r{i}" for i in shuffle]
    down = [f"r{network.down[i]}" if network.down[i] >= 0 else "" for i in shuffle]
    again, row = network_from_table(
        ids, down, network.length[shuffle], network.slope[shuffle], area=network.area[shuffle]
    )
    old = shuffle[row]
    assert again.name == tuple(f"r{i}" for i in old)
    np.testing.assert_array_equal(again.length, network.length[old])
    np.testing.assert_array_equal(again.area, network.area[old])
    new = np.empty(network.size, dtype=int)
    new[old] = np.arange(network.size)
    np.testing.assert_array_equal(again.down, np.where(network.down[old] >= 0, new[network.down[old]], -1))
    size = routed(again.down, np.ones(again.size)).astype(int)
    for i in again.outlets:
        assert np.flatnonzero(again.upstream_of(int(i))).tolist() == list(range(i - size[i] + 1, i + 1))

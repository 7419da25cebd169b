"""What holds for dispersive routing on every terrain: nothing is lost, nothing runs in a loop, delivery is routing."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.terrain import Dispersion, Terrain, condition_native, delivery, dispersive_accumulation, flow_proportions
from sim.testing.strategies import grids_with_sinks

STEPS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
QUICK = settings(deadline=None, max_examples=120)

ways = st.sampled_from(
    [
        "d8",
        "dinf",
        "mfd",
        Dispersion("dinf", split="angle"),
        Dispersion("mfd", 1.1, contour_lengths=False),
        Dispersion("mfd", 7.0),
    ]
)


@st.composite
def terrains(draw: st.DrawFn) -> Terrain:
    """Rough or flat ground with holes, kept sinks and cells that are not square, carved or filled."""
    grid, sinks = draw(grids_with_sinks())
    how = draw(st.sampled_from(["auto", "carve", "fill"]))
    return condition_native(grid, conditioning=how, carve_depth=1.0, kept_sinks=sinks)


@st.composite
def channels(draw: st.DrawFn, terrain: Terrain) -> np.ndarray:
    """No channel, channels by drainage area, or any cells at all."""
    size = terrain.grid.elevation.size
    kind = draw(st.integers(0, 2))
    if kind == 0:
        return np.zeros(size, dtype=np.bool_)
    if kind == 1:
        return np.asarray(terrain.upstream_cells >= draw(st.integers(1, 12)))
    return np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size))) & terrain.grid.valid.ravel()


def valid_cells(terrain: Terrain) -> np.ndarray:
    return np.flatnonzero(terrain.grid.valid.ravel())


def links(terrain: Terrain, how: str | Dispersion, channel: np.ndarray) -> dict[int, list[tuple[int, float, float]]]:
    """Neighbour, share and distance of every share above zero of every valid cell, from the shares alone."""
    grid, cells = terrain.grid, valid_cells(terrain)
    shares = flow_proportions(terrain, cells, how, channel)
    found: dict[int, list[tuple[int, float, float]]] = {}
    for cell, row in zip(cells.tolist(), shares, strict=True):
        r, c = divmod(cell, grid.shape[1])
        found[cell] = []
        for (down, right), share in zip(STEPS, row.tolist(), strict=True):
            if share > 0.0:
                assert 0 <= r + down < grid.shape[0]
                assert 0 <= c + right < grid.shape[1]
                to = (r + down) * grid.shape[1] + c + right
                found[cell].append((to, share, float(np.hypot(down * grid.cell_height, right * grid.cell_width))))
    return found


@given(st.data(), ways)
@QUICK
def test_shares_add_up_and_go_to_lower_cells_or_the_receiver(data: st.DataObject, how: str | Dispersion) -> None:
    terrain = data.draw(terrains())
    channel = data.draw(channels(terrain))
    z, receiver = terrain.conditioned.ravel(), terrain.receiver
    for cell, out in links(terrain, how, channel).items():
        if receiver[cell] < 0:
            assert out == []
            continue
        assert abs(sum(share for _, share, _ in out) - 1.0) < 1e-12
        if [to for to, _, _ in out] != [receiver[cell]]:
            assert not channel[cell]
            assert all(z[to] < z[cell] for to, _, _ in out)
            assert len(out) <= (2 if "dinf" in str(how) else 8)


@given(st.data(), ways)
@QUICK
def test_no_flow_runs_in_a_loop(data: st.DataObject, how: str | Dispersion) -> None:
    """Every link leads on in the stated order, so the graph has no cycle on flats, in carved and in filled ground."""
    terrain = data.draw(terrains())
    channel = data.draw(channels(terrain))
    z, upstream = terrain.conditioned.ravel(), terrain.upstream_cells
    for cell, out in links(terrain, how, channel).items():
        for to, _, _ in out:
            assert (-float(z[cell]), int(upstream[cell])) < (-float(z[to]), int(upstream[to]))


@given(st.data(), ways, st.integers(0, 2**32 - 1))
@QUICK
def test_accumulation_solves_its_equation_and_loses_nothing(
    data: st.DataObject, how: str | Dispersion, seed: int
) -> None:
    terrain = data.draw(terrains())
    channel = data.draw(channels(terrain))
    weight = np.random.default_rng(seed).uniform(0.0, 5.0, terrain.grid.elevation.size)
    found = dispersive_accumulation(terrain, weight, how, channel)
    inside = terrain.grid.valid.ravel()
    assert (found[~inside] == 0.0).all()
    expected = np.where(inside, weight, 0.0)
    for cell, out in links(terrain, how, channel).items():
        for to, share, _ in out:
            expected[to] += share * found[cell]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    outlets = inside & (terrain.receiver == -1)
    np.testing.assert_allclose(found[outlets].sum(), weight[inside].sum(), rtol=1e-12)


def followed(
    terrain: Terrain, how: str | Dispersion, channel: np.ndarray, source: int, cut_off: float
) -> dict[int, tuple[float, float]]:
    """Share and mean path length at each end, by following every way one after the other and no order at all.

    Ways of the same cells are joined level by level: a cell is passed on when nothing above it is left.
    """
    ways_on, ways_d8 = links(terrain, how, channel), links(terrain, "d8", channel)
    stop = channel | (terrain.receiver < 0)
    above: dict[int, set[int]] = {}
    seen, todo = set(), [source]
    while todo:
        cell = todo.pop()
        if cell in seen or stop[cell]:
            continue
        seen.add(cell)
        for to, _, _ in [*ways_on[cell], *ways_d8[cell]]:
            above.setdefault(to, set()).add(cell)
            todo.append(to)
    held: dict[int, tuple[float, float]] = {source: (1.0, 0.0)}
    left = set(seen)
    while left:
        cell = next(c for c in sorted(left) if not above.get(c, set()) & left)
        left.remove(cell)
        mass, moment = held.pop(cell, (0.0, 0.0))
        if mass == 0.0:
            continue
        for to, share, distance in (ways_d8 if mass < cut_off else ways_on)[cell]:
            m, f = held.get(to, (0.0, 0.0))
            held[to] = (m + share * mass, f + share * (moment + mass * distance))
    return {cell: (mass, moment / mass) for cell, (mass, moment) in held.items()}


@given(st.data(), ways, st.sampled_from([0.0, 1e-6, 0.05, 0.4]))
@QUICK
def test_delivery_is_what_following_every_way_gives(data: st.DataObject, how: str | Dispersion, cut_off: float) -> None:
    terrain = data.draw(terrains())
    channel = data.draw(channels(terrain))
    cells = valid_cells(terrain)
    sources = cells[data.draw(st.lists(st.integers(0, cells.size - 1), min_size=1, max_size=4))]
    found = delivery(terrain, sources, channel, how, cut_off=cut_off)
    np.testing.assert_array_equal(found.in_channel, channel[found.cell])
    for i, source in enumerate(sources.tolist()):
        rows = found.source == i
        expected = followed(terrain, how, channel, source, cut_off)
        assert found.cell[rows].tolist() == sorted(expected)
        for cell, share, length in zip(found.cell[rows], found.share[rows], found.path_length[rows], strict=True):
            np.testing.assert_allclose((share, length), expected[int(cell)], rtol=1e-9)
        np.testing.assert_allclose(found.share[rows].sum(), 1.0, rtol=1e-12)


@given(st.data(), ways)
@QUICK
def test_delivery_passed_on_is_the_accumulation_of_its_source(data: st.DataObject, how: str | Dispersion) -> None:
    terrain = data.draw(terrains())
    channel = data.draw(channels(terrain))
    source = int(data.draw(st.sampled_from(valid_cells(terrain).tolist())))
    size = terrain.grid.elevation.size
    found = delivery(terrain, np.array([source]), channel, how, cut_off=0.0)
    delivered = np.bincount(found.cell, found.share, size)
    outlets = terrain.grid.valid.ravel() & (terrain.receiver == -1)
    whole = dispersive_accumulation(terrain, np.eye(1, size, source)[0], how, channel)
    parts = dispersive_accumulation(terrain, delivered, how, channel)
    np.testing.assert_allclose(parts[outlets], whole[outlets], rtol=1e-12, atol=1e-15)


@given(st.data())
@QUICK
def test_one_path_is_the_drainage_area(data: st.DataObject) -> None:
    terrain = data.draw(terrains())
    ones = np.ones(terrain.grid.elevation.size)
    everywhere = terrain.grid.valid.ravel()
    for found in (
        dispersive_accumulation(terrain, ones, "d8"),
        dispersive_accumulation(terrain, ones, "dinf", everywhere),
        dispersive_accumulation(terrain, ones, "mfd", everywhere),
    ):
        np.testing.assert_array_equal(found, terrain.upstream_cells)

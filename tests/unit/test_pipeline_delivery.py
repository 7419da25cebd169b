"""Spread loads on their way into the network: where it is cut, who gets what, and what trickles do."""

from __future__ import annotations

import numpy as np
import pytest

from sim.network import build_network, channel_cells, node_of_cell
from sim.network.objects import RiverNetwork
from sim.pipeline.delivery_stage import LEAST_SHARE, break_cells, enter
from sim.terrain import Delivery, Terrain, condition_native, delivery
from sim.testing.terrain import valley

ROWS, HALF = 80, 9
COLUMNS = 2 * HALF + 1


@pytest.fixture(scope="module")
def straight() -> tuple[Terrain, np.ndarray]:
    """A straight valley of cells of 1 m and its channel, the bed from the fourth row on."""
    terrain = condition_native(valley(ROWS, HALF))
    return terrain, channel_cells(terrain, terrain.area, 4.0 * COLUMNS)


def built(terrain: Terrain, breaks: np.ndarray) -> tuple[RiverNetwork, np.ndarray]:
    network = build_network(
        terrain, terrain.area, 4.0 * COLUMNS, break_cells=breaks, inflow_cells=np.zeros(0, dtype=np.int64),
        inflow_areas=np.zeros(0), max_length=1000.0, sinuosity=1.0, station_names={},
    )  # fmt: skip
    return network, node_of_cell(network, terrain.grid.elevation.size)


def table(rows: list[tuple[int, int, float, float, bool]]) -> Delivery:
    source, cell, share, length, inside = zip(*rows, strict=True)
    return Delivery(np.array(source), np.array(cell), np.array(share), np.array(length), np.array(inside))


def bed(row: int) -> int:
    return row * COLUMNS + HALF


def test_a_node_starts_where_a_large_or_the_largest_share_enters(straight: tuple[Terrain, np.ndarray]) -> None:
    small = 0.5 * LEAST_SHARE
    delivered = table(
        [
            (0, bed(20), 0.2, 9.0, True),
            (0, bed(21), 0.8 - small, 9.0, True),
            (0, bed(22), small, 9.0, True),
            (1, 3, 1.0 - small, 9.0, False),
            (1, bed(40), small, 9.0, True),
            (2, 5, 1.0, 9.0, False),
        ]
    )
    assert break_cells(delivered).tolist() == [bed(20), bed(21), bed(40)]


def test_all_of_a_site_enters_at_the_nodes_of_its_cells(straight: tuple[Terrain, np.ndarray]) -> None:
    terrain, channel = straight
    cells = np.array([10 * COLUMNS + 1, 30 * COLUMNS + 15, 0])
    delivered = delivery(terrain, cells, channel, "dinf")
    network, node_of = built(terrain, break_cells(delivered))
    entries, main = enter(terrain, network, node_of, delivered, cells)
    assert (np.bincount(entries.site) > 1)[:2].all()
    np.testing.assert_allclose(np.bincount(entries.site, entries.share), 1.0, rtol=1e-12)
    for k, cell in enumerate(cells.tolist()):
        rows = np.flatnonzero(entries.site == k)
        largest = rows[np.argmax(entries.share[rows])]
        assert main.node[k] == entries.node[largest]
        assert main.path_length[k] == entries.path_length[largest]
        assert node_of[main.cell[k]] == main.node[k]
        z = terrain.conditioned.ravel().astype(np.float64)
        assert main.fall[k] == z[cell] - z[main.cell[k]]
        # where a large share enters, the node starts at that very cell
        own = (delivered.source == k) & (delivered.share >= LEAST_SHARE)
        assert set(network.cell[node_of[delivered.cell[own]]]) == set(delivered.cell[own].tolist())
    # the mean way is the same whichever rows it is taken over
    np.testing.assert_allclose(
        np.bincount(entries.site, entries.share * entries.path_length),
        np.bincount(delivered.source, delivered.share * delivered.path_length),
        rtol=1e-12,
    )


def test_a_trickle_into_another_river_joins_the_main_share() -> None:
    """Two valleys side by side: their beds are two rivers."""
    two = np.concatenate([valley(ROWS, HALF).elevation, valley(ROWS, HALF).elevation], axis=1)
    from sim.testing.terrain import grid_of

    terrain = condition_native(grid_of(two))
    left, right = 40 * 2 * COLUMNS + HALF, 40 * 2 * COLUMNS + COLUMNS + HALF
    trickle = 0.5 * LEAST_SHARE
    cells = np.array([10 * 2 * COLUMNS + 2, 10 * 2 * COLUMNS + 2])
    delivered = table(
        [
            (0, left, 1.0 - trickle - 0.25, 10.0, True),
            (0, right, trickle, 40.0, True),
            (0, 1, 0.25, 70.0, False),
            (1, left, 1.0 - 3.0 * trickle, 10.0, True),
            (1, right, 3.0 * trickle, 40.0, True),
        ]
    )
    network, node_of = built(terrain, break_cells(delivered))
    assert network.reach[node_of[left]] != network.reach[node_of[right]]
    entries, main = enter(terrain, network, node_of, delivered, cells)
    a, b = int(node_of[left]), int(node_of[right])
    rows = {
        (int(s), int(n)): (float(share), float(length))
        for s, n, share, length in zip(entries.site, entries.node, entries.share, entries.path_length, strict=True)
    }
    assert set(rows) == {(0, -1), (0, a), (1, a), (1, b)}
    assert rows[0, -1] == (0.25, 70.0)
    assert rows[0, a][0] == pytest.approx(0.75, rel=1e-12)
    assert rows[0, a][1] == pytest.approx((10.0 * (0.75 - trickle) + 40.0 * trickle) / 0.75, rel=1e-12)
    assert rows[1, b] == (pytest.approx(3.0 * trickle), pytest.approx(40.0))
    assert main.node.tolist() == [a, a]


def test_a_site_that_meets_no_river_keeps_the_way_to_its_end(straight: tuple[Terrain, np.ndarray]) -> None:
    terrain, _ = straight
    start, end = 5 * COLUMNS + 2, 3 * COLUMNS
    delivered = table([(0, end, 0.7, 30.0, False), (0, end + 1, 0.3, 20.0, False)])
    network, node_of = built(terrain, break_cells(delivered))
    entries, main = enter(terrain, network, node_of, delivered, np.array([start]))
    assert entries.node.tolist() == [-1]
    assert (main.node.tolist(), main.cell.tolist()) == ([-1], [-1])
    assert main.path_length[0] == pytest.approx(27.0, rel=1e-12)
    z = terrain.conditioned.ravel().astype(np.float64)
    assert main.fall[0] == z[start] - z[end]

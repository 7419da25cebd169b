"""Every kernel does the same compiled and as plain Python."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.network import _kernels
from sim.testing.networks import random_network, random_terrain

RNG = np.random.default_rng(11)
TERRAIN = random_terrain(RNG, 9, 11, outlets=2, cell_width=30.0, cell_height=40.0, invalid_share=0.1)
NETWORK = random_network(RNG, 40, outlets=2)
NCELL = TERRAIN.receiver.size
CHANNEL = TERRAIN.upstream_cells >= 4
STARTS = np.flatnonzero(TERRAIN.upstream_cells == 1)
CHANNEL_ORDER = np.ascontiguousarray(TERRAIN.order[CHANNEL[TERRAIN.order]])


def both(kernel: Callable[..., object], *fixed: object, out: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Run the kernel and its Python form; compare what they return and write."""
    first, second = tuple(a.copy() for a in out), tuple(a.copy() for a in out)
    given = kernel(*fixed, *first)
    assert given == getattr(kernel, "py_func", kernel)(*fixed, *second)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    return first


def whole(n: int, value: int = 0) -> np.ndarray:
    return np.full(n, value, dtype=np.int64)


def test_step_is_symmetric_and_euclidean() -> None:
    assert _kernels.step(0, 12, 11, 30.0, 40.0) == _kernels.step(12, 0, 11, 30.0, 40.0) == 50.0
    assert _kernels.step(3, 4, 11, 30.0, 40.0) == 30.0
    assert _kernels.step(3, 14, 11, 30.0, 40.0) == 40.0


def test_kernels_on_cells() -> None:
    order, receiver = TERRAIN.order, TERRAIN.receiver
    everywhere = np.flatnonzero(TERRAIN.grid.valid.ravel())
    (area,) = both(_kernels.add_downstream, receiver, everywhere, np.ones(everywhere.size), out=(np.zeros(NCELL),))
    np.testing.assert_array_equal(area, TERRAIN.upstream_cells)
    both(
        _kernels.trace,
        receiver,
        CHANNEL,
        STARTS,
        11,
        30.0,
        40.0,
        out=(whole(STARTS.size), whole(STARTS.size), np.zeros(STARTS.size)),
    )
    outlet, length = both(
        _kernels.outlets_below, order, receiver, 11, 30.0, 40.0, out=(whole(NCELL, -1), np.zeros(NCELL))
    )
    assert np.all(receiver[outlet[outlet >= 0]] == -1)
    assert np.all(length[outlet == np.arange(NCELL)] == 0.0)
    (mask,) = both(_kernels.upstream_mask, order, receiver, out=(np.arange(NCELL) == outlet[order[0]],))
    np.testing.assert_array_equal(mask, outlet == outlet[order[0]])
    (node,) = both(_kernels.spread_upstream, order, receiver, out=(np.where(CHANNEL, np.arange(NCELL), -1),))
    x, y = np.arange(11.0), np.arange(9.0)
    both(_kernels.mean_positions, order, node, x, y, 11, out=(whole(NCELL), np.zeros(NCELL), np.zeros(NCELL)))


def test_kernels_on_channels() -> None:
    receiver = TERRAIN.receiver
    (donors,) = both(_kernels.channel_donors, CHANNEL_ORDER, receiver, CHANNEL, out=(np.zeros(NCELL, dtype=np.int8),))
    start = CHANNEL & (donors != 1)
    start, run = both(
        _kernels.cut_channels, CHANNEL_ORDER, receiver, 11, 30.0, 40.0, 1.2, 150.0, out=(start, np.zeros(NCELL))
    )
    first = np.flatnonzero(start)
    node = whole(NCELL, -1)
    node[first] = np.arange(first.size)
    node, _ = both(_kernels.assign_nodes, CHANNEL_ORDER, receiver, start, out=(node, whole(first.size)))
    count = np.bincount(node[CHANNEL_ORDER], minlength=first.size)
    begin = np.concatenate([[0], np.cumsum(count)])
    m = CHANNEL_ORDER.size
    both(_kernels.list_channel_cells, CHANNEL_ORDER, node, run, begin, out=(begin[:-1], whole(m), np.zeros(m)))


def test_channel_that_ends_on_a_hillslope_is_reported() -> None:
    broken = CHANNEL.copy()
    last = next(int(c) for c in CHANNEL_ORDER[::-1] if TERRAIN.receiver[c] >= 0)
    broken[TERRAIN.receiver[last]] = False
    order = np.ascontiguousarray(TERRAIN.order[broken[TERRAIN.order]])
    status, cell = _kernels.channel_donors(order, TERRAIN.receiver, broken, np.zeros(NCELL, dtype=np.int8))
    assert status == 1
    assert TERRAIN.receiver[cell] == TERRAIN.receiver[last]


def test_kernels_on_nodes() -> None:
    n, down = NETWORK.size, NETWORK.down
    both(_kernels.subtree_positions, down, out=(whole(n, 1), whole(n), whole(n)))
    donors = np.bincount(down[down >= 0], minlength=n)
    (reach,) = both(_kernels.number_reaches, down, donors, out=(whole(n),))
    np.testing.assert_array_equal(reach, NETWORK.reach)
    (main,) = both(_kernels.main_donors, down, NETWORK.area, out=(whole(n),))
    bottom = np.cumsum(np.ones(n))[::-1].copy()
    top = bottom + 1.5
    (slope,) = both(_kernels.interval_slopes, down, main, NETWORK.length, top, bottom, 4.0, 9000.0, out=(np.zeros(n),))
    assert np.all(slope > 0.0)

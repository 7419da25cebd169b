"""Steady transport with diversions against closed forms; the equation stands above each test."""

from __future__ import annotations

import dataclasses
import math
import tracemalloc
from typing import Any

import numpy as np
import pytest

from sim.arrays import FloatArray
from sim.chemistry.objects import Reactions
from sim.hydrology.objects import Flow
from sim.network import network_from_table
from sim.network.objects import RiverNetwork
from sim.sources.objects import Load
from sim.testing.diversions import flow_with_links
from sim.testing.networks import random_network
from sim.transport import along_channel, steady, travel_time
from sim.transport.steady_adjoint import steady_contributions
from sim.transport.steady_ensemble import steady_members
from sim.transport.steady_state import per_cell


def bypassed(share: float, *, lateral: Any = 0.0, volume: float = 7200.0, loss: float = 0.0) -> tuple[Any, Flow]:
    """A creek a, b, c, d of 1000 m each; a link takes from the end of b and returns at the upstream end of d."""
    network, _ = network_from_table(["a", "b", "c", "d"], ["b", "c", "d", ""], [1000.0] * 4, [0.01] * 4)
    network = dataclasses.replace(network, link_from=np.array([1]), link_to=np.array([3]))
    flow = flow_with_links(
        network,
        head=np.array([[4.0, 0.0, 0.0, 0.0]]),
        lateral=np.array(np.broadcast_to(lateral, (1, 4)), dtype=float),
        velocity=0.5,
        share=np.array([[share]]),
        volume=volume,
        loss_rate=loss,
    )
    return network, flow


def load_of(network: RiverNetwork, head: float, lateral: float = 0.0, pit: float = 0.0) -> Load:
    field = np.ones((1, 1, network.size))
    return Load(("tracer",), np.array([0]), np.full((1, 1, 1), pit), head * field, lateral * field, field, {})


def decay(network: RiverNetwork, k: float) -> Reactions:
    field = np.ones((1, 1, network.size))
    return Reactions(k * field, field, field[0])


# C_d = C_b [(1 - f) exp(-k L/u) + f exp(-k_l V/q)], C_b = C_0 exp(-2 k L/u), f the share that the link takes
@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_share_loss_and_return(share: float) -> None:
    k, loss, volume, tau = 1e-4, 3e-4, 7200.0, 1000.0 / 0.5
    network, flow = bypassed(share, volume=volume, loss=loss)
    found, budget = steady(network, flow, load_of(network, 0.2, pit=2.0), decay(network, k))
    c_b = (0.2 + 2.0 / 4.0) * math.exp(-2.0 * k * tau)
    way = math.exp(-loss * volume / (4.0 * share)) if share else 0.0
    c_d = c_b * ((1.0 - share) * math.exp(-k * tau) + share * way)
    assert found.outlet[0, 0, 1] == pytest.approx(c_b, rel=1e-14)
    assert found.inlet[0, 0, 3] == pytest.approx(c_d, rel=1e-14)
    assert found.pit_inlet[0, 0, 3] == pytest.approx(c_d * 5.0 / 7.0, rel=1e-14)
    assert budget.diverted[0, 0] == pytest.approx(4.0 * share * c_b, rel=1e-14)
    assert budget.returned[0, 0] == pytest.approx(4.0 * share * c_b * way, rel=1e-14)
    assert budget.relative_error.max() < 1e-15
    assert flow.imbalance(network) < 1e-15
    if share == 1.0:
        assert flow.discharge_out[0].tolist() == [4.0, 0.0, 0.0, 4.0]
        assert (found.inlet[0, 0, 2], found.outlet[0, 0, 2]) == (0.0, 0.0)


# below an intake that takes everything C is that of what enters: c_L at the start, c_L phi(k L/u) at the end
def test_creek_that_begins_again_below_an_intake() -> None:
    k = 1e-4
    network, flow = bypassed(1.0, lateral=[0.0, 0.0, 0.8, 0.0])
    found, _ = steady(network, flow, load_of(network, 5.0, lateral=0.3, pit=1.0), decay(network, k))
    a = k * 1000.0 / 0.5
    assert found.inlet[0, 0, 2] == 0.3
    assert found.outlet[0, 0, 2] == pytest.approx(0.3 * (1.0 - math.exp(-a)) / a, rel=1e-14)
    assert found.pit_outlet[0, 0, 2] == 0.0


# two links of one node take q1/Q and q2/Q of the load; one may end outside the basin it began in
def test_two_links_from_one_node_into_another_basin() -> None:
    network, row = network_from_table(["a", "b", "c", "d"], ["b", "", "d", ""], [1000.0] * 4, [0.01] * 4)
    place = {name: int(np.flatnonzero(np.array(network.name) == name)[0]) for name in "abcd"}
    assert len(row) == 4
    ends = [place["b"], place["d"]]
    network = dataclasses.replace(network, link_from=np.full(2, place["a"]), link_to=np.array(ends))
    head = np.zeros((1, 4))
    head[0, [place["a"], place["c"]]] = 2.0
    flow = flow_with_links(
        network, head=head, lateral=np.zeros((1, 4)), velocity=1.0, share=np.array([[0.25, 0.5]]), volume=100.0
    )
    background = np.zeros((1, 1, 4))
    background[..., place["a"]] = 0.8
    load = dataclasses.replace(load_of(network, 0.0), background_head=background)
    found, _ = steady(network, flow, load, decay(network, 0.0))
    assert flow.discharge_in[0, ends].tolist() == [1.0, 3.0]
    np.testing.assert_allclose(found.inlet[0, 0, ends], [0.8, 0.8 * 1.0 / 3.0], rtol=1e-15)


# a canal that only a link feeds is dry in a period in which the link carries nothing
def test_canal_that_is_not_fed() -> None:
    network, _ = network_from_table(["a", "b", "c"], ["c", "c", ""], [1000.0] * 3, [0.01] * 3)
    canal, river = network.name.index("b"), network.name.index("a")
    if river > canal:
        canal, river = river, canal
    network = dataclasses.replace(network, link_from=np.array([river]), link_to=np.array([canal]))
    head = np.zeros((2, 3))
    head[:, river] = 4.0
    flow = flow_with_links(
        network, head=head, lateral=np.zeros((2, 3)), velocity=0.5, share=np.array([[0.25], [0.0]]), volume=100.0
    )
    background = np.full((2, 1, 3), 0.6)
    load = Load(("tracer",), np.empty(0), np.empty((2, 1, 0)), *(background,) * 3, {})
    found, budget = steady(network, flow, load, Reactions(0.0 * background, background, background[:, 0]))
    np.testing.assert_allclose(found.outlet[:, 0, canal], [0.6, 0.0], rtol=1e-15)
    np.testing.assert_allclose(found.outlet[:, 0, 2], 0.6, rtol=1e-15)
    assert budget.diverted[:, 0].tolist() == [pytest.approx(0.6), 0.0]


# eight times the members need the same memory, beside the result at the nodes asked for
def test_memory_does_not_grow_with_members() -> None:
    network = random_network(np.random.default_rng(3), 2000)
    flow = flow_with_links(
        network, head=np.ones((1, 2000)), lateral=np.ones((1, 2000)), velocity=1.0, share=np.empty((1, 0))
    )
    reactions, few = decay(network, 1e-5), load_of(network, 0.1, 0.1, 1.0)
    loads = [dataclasses.replace(few, rate=few.rate * i) for i in range(64)]
    peaks = []
    steady_members(network, flow, loads[:8], reactions, nodes=[1])
    for count in (8, 64):
        tracemalloc.start()
        steady_members(network, flow, loads[:count], reactions, nodes=[1])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
    assert peaks[0] < 15 * few.background_head.nbytes * 8


# a link that carries nothing is no link: the same bytes
def test_idle_link_changes_nothing() -> None:
    network, flow = bypassed(0.0, lateral=0.3)
    plain = dataclasses.replace(network, link_from=np.empty(0), link_to=np.empty(0))
    load, reactions = load_of(network, 0.7, 0.1, 0.2), decay(network, 1e-5)
    with_link, _ = steady(network, flow, load, reactions)
    without, _ = steady(plain, dataclasses.replace(flow, diversions=None), load, reactions)
    for field in dataclasses.fields(with_link):
        if field.name != "substances":
            np.testing.assert_array_equal(getattr(with_link, field.name), getattr(without, field.name))


# T_d = T_b + L/u + min(L/u, V/q); where the link takes all, only its way leads on
@pytest.mark.parametrize(
    ("share", "volume", "expected"), [(0.5, 400.0, 4200.0), (0.5, 1e5, 6000.0), (1.0, 1e5, 29000.0)]
)
def test_travel_time_through_a_link(share: float, volume: float, expected: float) -> None:
    network, flow = bypassed(share, volume=volume)
    time = travel_time(network, flow, np.array([0]))
    assert time[0, [0, 1, 3]].tolist() == [0.0, 2000.0, expected]
    assert np.isnan(time[0, 2]) if share == 1.0 else time[0, 2] == 4000.0


def with_cells(network: RiverNetwork) -> RiverNetwork:
    """Three channel cells on every segment."""
    n = network.size
    distance = np.outer(network.length, [0.0, 0.5, 1.0]).ravel()
    return dataclasses.replace(
        network, channel_cell=np.arange(3 * n), channel_start=3 * np.arange(n + 1), channel_distance=distance
    )


# per cell: inlet, closed form in the middle, outlet; 0 in a bed without water
def test_cells_below_an_intake() -> None:
    k = 1e-4
    bare, flow = bypassed(1.0)
    network, load, reactions = with_cells(bare), load_of(bare, 0.6), decay(bare, k)
    found, _ = steady(network, flow, load, reactions)
    total, from_pits = along_channel(network, flow, load, reactions, found)
    tau = 1000.0 / 0.5
    expected = 0.6 * np.exp(-k * tau * np.array([0.0, 0.5, 1.0, 1.0, 1.5, 2.0]))
    np.testing.assert_allclose(total[0, 0, :6], expected, rtol=1e-14)
    assert total[0, 0, 6:9].tolist() == [0.0] * 3
    assert total[0, 0, 9] == pytest.approx(found.inlet[0, 0, 3], rel=1e-14)
    assert not from_pits.any()


# one period and substance at a time, in buffers that are used again, has the bytes of all at once; members too
def test_cells_one_by_one() -> None:
    bare, flow = bypassed(0.5, lateral=0.2)
    network = with_cells(bare)
    loads = [load_of(network, 0.6, 0.1, pit) for pit in (0.0, 1.0, 2.0)]
    reactions = decay(network, 1e-4)
    found, _ = steady_members(network, flow, loads, reactions)
    buffers = set()
    for i, load in enumerate(loads):
        total, from_pits = along_channel(network, flow, load, reactions, steady(network, flow, load, reactions)[0])
        for period, substance, one, pits in per_cell(network, flow, load, reactions, found.member(i)):
            np.testing.assert_array_equal(one, total[period, substance])
            np.testing.assert_array_equal(pits, from_pits[period, substance])
    two = stacked(flow), stacked_load(loads[2]), stacked_reactions(reactions)
    whole = along_channel(network, *two, steady(network, *two)[0])[0]
    seen = []
    for period, substance, one, _ in per_cell(
        network, *two, steady(network, *two)[0], periods=[1, 0], substances=["tracer"]
    ):
        np.testing.assert_array_equal(one, whole[period, substance])
        buffers.add(one.ctypes.data)
        seen.append((period, substance))
    assert seen == [(1, 0), (0, 0)]
    assert len(buffers) == 1


def stacked(flow: Flow) -> Flow:
    """Twice the same period, the second with half the velocity."""
    names = ("discharge_in", "discharge_out", "lateral", "head", "boundary", "width", "depth", "shear", "temperature")
    twice = {name: np.concatenate((getattr(flow, name),) * 2) for name in names}
    assert flow.diversions is not None
    diversions = dataclasses.replace(
        flow.diversions,
        discharge=np.concatenate((flow.diversions.discharge,) * 2),
        loss_rate=np.concatenate((flow.diversions.loss_rate,) * 2),
    )
    velocity = np.concatenate((flow.velocity, 0.5 * flow.velocity))
    return dataclasses.replace(
        flow, time_edges=np.array([0.0, 1.0, 2.0]), velocity=velocity, diversions=diversions, **twice
    )


def stacked_load(load: Load) -> Load:
    def twice(field: FloatArray) -> FloatArray:
        return np.concatenate((field, field))

    return dataclasses.replace(
        load,
        rate=twice(load.rate),
        **{f"background_{w}": twice(getattr(load, f"background_{w}")) for w in ("head", "lateral", "boundary")},
    )


def stacked_reactions(reactions: Reactions) -> Reactions:
    return Reactions(*(np.concatenate((part, part)) for part in reactions))


# e_a = [(1 - f) exp(-k 3 L/u) + f exp(-k 2 L/u - k_l V/q)] / Q_d
def test_contribution_through_a_link() -> None:
    k, loss, volume, tau, share = 1e-4, 3e-4, 7200.0, 1000.0 / 0.5, 0.25
    network, flow = bypassed(share, volume=volume, loss=loss)
    found = steady_contributions(
        network, flow, load_of(network, 0.2, pit=2.0), decay(network, k), receptor=3, substance="tracer"
    )
    by_river, by_link = math.exp(-3.0 * k * tau), math.exp(-2.0 * k * tau - loss * volume / (4.0 * share))
    e = ((1.0 - share) * by_river + share * by_link) / 4.0
    assert found.per_load[0, 0] == pytest.approx(e, rel=1e-14)
    assert found.pits[0, 0] == pytest.approx(2.0 * e, rel=1e-14)
    assert found.head[0].tolist() == [pytest.approx(0.2 * 4.0 * e, rel=1e-14), 0.0, 0.0, 0.0]
    np.testing.assert_allclose(found.total, 4.0 * 0.2 * e + 2.0 * e, rtol=1e-14)


# what enters below a receptor, or where its own water alone is, does not come from above
def test_contribution_to_a_creek_that_begins_again() -> None:
    network, flow = bypassed(1.0, lateral=[0.0, 0.0, 0.8, 0.0])
    inputs = (network, flow, load_of(network, 5.0, lateral=0.3, pit=1.0), decay(network, 1e-4))
    found = steady_contributions(*inputs, receptor=2, substance="tracer")
    assert found.lateral[0].tolist() == [0.0, 0.0, 0.3, 0.0]
    assert found.total.tolist() == [0.3]
    assert not found.per_load.any()
    below = steady_contributions(*inputs, receptor=2, substance="tracer", end="outlet")
    np.testing.assert_allclose(below.total, steady(*inputs)[0].outlet[0, :, 2], rtol=1e-14)

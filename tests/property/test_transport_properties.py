"""Properties of steady transport on random trees."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.arrays import FloatArray, IntArray
from sim.chemistry.objects import Reactions
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.sources.objects import Load
from sim.testing.network_strategies import networks
from sim.testing.networks import routed
from sim.transport import steady, travel_time

T, S = 2, 3
PER_NODE = ("length", "slope", "area_in", "area", "boundary_area", "x", "y", "elevation", "reach", "cell")


@dataclass
class Case:
    """One problem: everything per node, so that it can be renumbered and split."""

    network: RiverNetwork
    head: FloatArray
    lateral: FloatArray
    velocity: FloatArray
    background: FloatArray
    rate: FloatArray
    loss: FloatArray

    def solve(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        """(inlet, outlet, pit inlet, pit outlet, relative budget error)"""
        network, n = self.network, self.network.size
        out = np.stack([routed(network.down, self.head[t] + self.lateral[t]) for t in range(T)])
        field = {name: np.ones((T, n)) for name in ("width", "depth", "shear", "temperature")}
        flow = Flow(
            time_edges=np.array([0.0, 3.0, 10.0]), discharge_in=out - self.lateral, discharge_out=out,
            lateral=self.lateral, head=self.head, boundary=np.zeros((T, n)), velocity=self.velocity, **field,
        )  # fmt: skip
        load = Load(
            ("a", "b", "c"), np.arange(n), self.rate, self.background, 0.5 * self.background,
            np.zeros((T, S, n)), {},
        )  # fmt: skip
        found, budget = steady(network, flow, load, Reactions(self.loss, np.ones((T, S, n)), np.zeros((T, n))))
        return found.inlet, found.outlet, found.pit_inlet, found.pit_outlet, budget.relative_error

    def replace(self, **changes: object) -> Case:
        return dataclasses.replace(self, **changes)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    network = draw(networks(40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = network.size
    return Case(
        network=network,
        head=rng.uniform(0.01, 5.0, (T, n)),
        lateral=rng.uniform(0.0, 5.0, (T, n)) * (rng.random((T, n)) > 0.3),
        velocity=10.0 ** rng.uniform(-2.0, 1.0, (T, n)),
        background=rng.uniform(0.0, 1.0, (T, S, n)),
        rate=rng.uniform(0.0, 10.0, (T, S, n)) * (rng.random((T, S, n)) > 0.8),
        loss=10.0 ** rng.uniform(-9.0, -3.0, (T, S, n)) * (rng.random((T, S, n)) > 0.3),
    )


@given(cases())
@settings(deadline=None, max_examples=60)
def test_budget_closes_and_nothing_is_negative(case: Case) -> None:
    inlet, outlet, pit_inlet, pit_outlet, error = case.solve()
    assert error.max() < 1e-12
    for field in (inlet, outlet, pit_inlet, pit_outlet):
        assert np.all(field >= 0.0)
        assert np.all(np.isfinite(field))
    assert np.all(inlet >= pit_inlet)
    assert np.all(outlet >= pit_outlet)


# W is linear in the loads and in the background, and the two do not see each other
@given(cases(), st.floats(1e-6, 1e6))
@settings(deadline=None, max_examples=40)
def test_linear_and_superposable(case: Case, factor: float) -> None:
    inlet, outlet, pit_inlet, pit_outlet, _ = case.solve()
    pits_only = case.replace(background=np.zeros_like(case.background)).solve()
    clean = case.replace(rate=np.zeros_like(case.rate)).solve()
    np.testing.assert_allclose(pits_only[0] + clean[0], inlet, rtol=1e-12)
    np.testing.assert_allclose(pits_only[1] + clean[1], outlet, rtol=1e-12)
    np.testing.assert_array_equal(pits_only[2], pit_inlet)
    np.testing.assert_array_equal(pits_only[3], pit_outlet)
    assert not clean[3].any()
    scaled = case.replace(rate=factor * case.rate).solve()
    np.testing.assert_allclose(scaled[3], factor * pit_outlet, rtol=1e-12)


@given(cases(), st.data())
@settings(deadline=None, max_examples=40)
def test_only_below_a_source(case: Case, data: st.DataObject) -> None:
    node = data.draw(st.integers(0, case.network.size - 1))
    rate = np.zeros_like(case.rate)
    rate[..., node] = 1.0
    _, _, pit_inlet, pit_outlet, _ = case.replace(rate=rate).solve()
    below = case.network.downstream_of(np.array([node]))
    assert np.all(pit_inlet[..., ~below] == 0.0)
    assert np.all(pit_outlet[..., ~below] == 0.0)
    assert pit_inlet[..., node].min() > 0.0


# every concentration lies between the smallest and the largest that enters, where nothing reacts and no pit adds
@given(cases())
@settings(deadline=None, max_examples=40)
def test_mixing_stays_within_what_enters(case: Case) -> None:
    quiet = case.replace(rate=np.zeros_like(case.rate), loss=np.zeros_like(case.loss))
    inlet, outlet, _, _, _ = quiet.solve()
    largest = quiet.background.max(axis=2, keepdims=True)
    smallest = 0.5 * quiet.background.min(axis=2, keepdims=True)
    for field in (inlet, outlet):
        assert np.all(field <= largest * (1.0 + 1e-12))
        assert np.all(field >= smallest * (1.0 - 1e-12))


# faster decay leaves less, everywhere
@given(cases(), st.floats(1.0, 100.0))
@settings(deadline=None, max_examples=30)
def test_falls_with_the_loss_rate(case: Case, factor: float) -> None:
    slower, faster = case.solve()[1], case.replace(loss=factor * case.loss).solve()[1]
    assert np.all(faster <= slower * (1.0 + 1e-13))


def shuffled(down: IntArray, rng: np.random.Generator) -> IntArray:
    """A random numbering in which donors still come first: old node numbers in new order."""
    waiting = np.bincount(down[down >= 0], minlength=len(down))
    ready = np.flatnonzero(waiting == 0).tolist()
    order = []
    while ready:
        node = ready.pop(int(rng.integers(len(ready))))
        order.append(node)
        receiver = int(down[node])
        if receiver >= 0:
            waiting[receiver] -= 1
            if waiting[receiver] == 0:
                ready.append(receiver)
    return np.array(order)


@given(cases(), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_numbering_does_not_matter(case: Case, seed: int) -> None:
    network = case.network
    order = shuffled(network.down, np.random.default_rng(seed))
    new = np.empty_like(order)
    new[order] = np.arange(network.size)
    down = network.down[order]
    renumbered = dataclasses.replace(
        network,
        down=np.where(down >= 0, new[down], -1),
        name=tuple(network.name[i] for i in order),
        **{name: getattr(network, name)[order] for name in PER_NODE},
    )
    other = Case(
        renumbered, case.head[:, order], case.lateral[:, order], case.velocity[:, order],
        case.background[..., order], case.rate[..., order], case.loss[..., order],
    ).solve()  # fmt: skip
    for one, two in zip(case.solve()[:4], other[:4], strict=True):
        np.testing.assert_allclose(two, one[..., order], rtol=1e-12)


# two halves of a segment are the segment
@given(cases(), st.data())
@settings(deadline=None, max_examples=40)
def test_splitting_a_segment_changes_nothing(case: Case, data: st.DataObject) -> None:
    network = case.network
    node = data.draw(st.integers(0, network.size - 1))
    share = data.draw(st.floats(0.01, 0.99))
    # the upper part keeps its number, the lower part follows it, everything below moves by one
    twice = np.insert(np.arange(network.size), node + 1, node)
    down = network.down[twice]
    down = np.where(down > node, down + 1, down)
    down[node] = node + 1
    length = network.length[twice]
    length[node : node + 2] *= (share, 1.0 - share)
    names = tuple(network.name[i] for i in twice)
    split_network = dataclasses.replace(
        network,
        name=names,
        channel_start=np.zeros(network.size + 2),
        **{name: getattr(network, name)[twice] for name in PER_NODE} | {"down": down, "length": length},
    )
    head, lateral, rate = case.head[:, twice], case.lateral[:, twice], case.rate[..., twice]
    head[:, node + 1] = 0.0
    rate[..., node + 1] = 0.0
    lateral[:, node] *= share
    lateral[:, node + 1] *= 1.0 - share
    split = Case(
        split_network, head, lateral, case.velocity[:, twice], case.background[..., twice], rate, case.loss[..., twice]
    )
    whole_inlet, whole_outlet, _, whole_pits, _ = case.solve()
    inlet, outlet, _, pits, error = split.solve()
    keep_outlet = np.delete(np.arange(network.size + 1), node)
    keep_inlet = np.delete(np.arange(network.size + 1), node + 1)
    np.testing.assert_allclose(inlet[..., keep_inlet], whole_inlet, rtol=1e-13)
    np.testing.assert_allclose(outlet[..., keep_outlet], whole_outlet, rtol=1e-13)
    np.testing.assert_allclose(pits[..., keep_outlet], whole_pits, rtol=1e-13)
    assert error.max() < 1e-12


# the travel time along the only way down is the sum of L / u
@given(cases(), st.data())
@settings(deadline=None, max_examples=30)
def test_travel_time_adds_up(case: Case, data: st.DataObject) -> None:
    network, n = case.network, case.network.size
    node = data.draw(st.integers(0, n - 1))
    out = np.stack([routed(network.down, case.head[t] + case.lateral[t]) for t in range(T)])
    one = np.ones((T, n))
    flow = Flow(
        np.array([0.0, 1.0, 2.0]), out - case.lateral, out, case.lateral, case.head, 0.0 * one, one, one,
        case.velocity, one, one,
    )  # fmt: skip
    time = travel_time(network, flow, np.array([node]))
    path = network.path_from(node)
    expected = np.cumsum((network.length / case.velocity)[:, path], axis=1)
    assert np.all(time[:, node] == 0.0)
    np.testing.assert_allclose(time[:, path[1:]], expected[:, :-1], rtol=1e-12)
    assert np.isnan(np.delete(time, path, axis=1)).all()

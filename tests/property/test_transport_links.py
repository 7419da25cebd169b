"""Steady transport with diversions on random trees: forward, transposed, and members."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from sim.arrays import FloatArray, IntArray
from sim.chemistry.objects import Reactions
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.sources.objects import Load
from sim.testing.diversions import flow_with_links, random_links
from sim.testing.network_strategies import networks
from sim.testing.networks import random_network
from sim.transport import steady
from sim.transport.objects import Budget, Concentration
from sim.transport.steady_adjoint import steady_contributions
from sim.transport.steady_ensemble import steady_members

T, S = 2, 3
NAMES = ("a", "b", "c")
Member = tuple[Flow, Load, Reactions]


def member(rng: np.random.Generator, network: RiverNetwork) -> Member:
    """Random water, some intakes taking everything and some nodes without water of their own; random loads."""
    n, k = network.size, len(network.link_from)
    is_head = np.bincount(network.down[network.down >= 0], minlength=n) == 0
    head = rng.uniform(0.01, 5.0, (T, n)) * (is_head | (rng.random((T, n)) > 0.7))
    lateral = rng.uniform(0.0, 5.0, (T, n)) * (rng.random((T, n)) > 0.6)
    share = rng.uniform(0.0, 1.0, (T, k)) * (rng.random((T, k)) > 0.2)
    for i in set(network.link_from.tolist()):
        links = network.link_from == i
        total = share[:, links].sum(axis=1, keepdims=True)
        whole = np.maximum(total, 1.0) if rng.random() < 0.5 else np.where(total > 0.0, total, 1.0)
        share[:, links] /= whole
    flow = flow_with_links(
        network, head=head, lateral=lateral, velocity=10.0 ** rng.uniform(-2.0, 1.0, (T, n)), share=share,
        volume=10.0 ** rng.uniform(0.0, 6.0, k),
        loss_rate=10.0 ** rng.uniform(-9.0, -3.0, (T, S, k)), time_edges=[0.0, 3.0, 10.0],
    )  # fmt: skip
    rate = rng.uniform(0.0, 10.0, (T, S, n)) * (rng.random((T, S, n)) > 0.7) * (flow.discharge_in > 0.0)[:, None]
    background = rng.uniform(0.0, 1.0, (3, T, S, n))
    loss = 10.0 ** rng.uniform(-9.0, -3.0, (T, S, n)) * (rng.random((T, S, n)) > 0.3)
    return (
        flow,
        Load(NAMES, np.arange(n), rate, *background, {}),
        Reactions(loss, rng.uniform(0.0, 1.0, (T, S, n)), np.zeros((T, n))),
    )


@st.composite
def linked(draw: st.DrawFn) -> tuple[RiverNetwork, np.random.Generator]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random_links(rng, draw(networks(40)), draw(st.integers(0, 5))), rng


def loads_by_matrix(network: RiverNetwork, flow: Flow, load: Load, reactions: Reactions, at: tuple[int, int]) -> Any:
    """W_in (n,) of one period and substance: (I - M) W_in = b, assembled entry by entry and factored by SuperLU."""
    period, substance = at
    n = network.size
    u = np.where(flow.velocity[period] > 0.0, flow.velocity[period], np.inf)
    a = reactions.loss_rate[at] * network.length / u
    survival = np.exp(-a)
    along = flow.lateral[period] * load.background_lateral[at]
    along *= np.where(a > 0.0, -np.expm1(-a) / np.where(a > 0.0, a, 1.0), 1.0)
    end = flow.discharge_in[period] + flow.lateral[period]
    right = flow.head[period] * load.background_head[at]
    np.add.at(right, load.node, load.rate[at])
    rows, columns, values = [*range(n)], [*range(n)], [1.0] * n
    ways = [(i, j, flow.discharge_out[period, i], 1.0) for i, j in enumerate(network.down.tolist()) if j >= 0]
    if flow.diversions is not None:
        for b, (i, j) in enumerate(zip(network.link_from.tolist(), network.link_to.tolist(), strict=True)):
            q = flow.diversions.discharge[period, b]
            if q > 0.0:
                kept = np.exp(-flow.diversions.loss_rate[period, substance, b] * flow.diversions.volume[b] / q)
                ways.append((i, j, q, kept))
    for i, j, q, kept in ways:
        part = q / end[i] * kept if end[i] > 0.0 else 0.0
        rows.append(j)
        columns.append(i)
        values.append(-part * survival[i])
        right[j] += part * along[i]
    return splu(csc_matrix((values, (rows, columns)), shape=(n, n))).solve(right)


# (I - M) W_in = b with 0 to 5 links among the ways from node to node
@given(linked())
@settings(deadline=None, max_examples=60)
def test_equal_to_a_sparse_solution(case: tuple[RiverNetwork, np.random.Generator]) -> None:
    network, rng = case
    flow, load, reactions = member(rng, network)
    found, budget = steady(network, flow, load, reactions)
    assert budget.relative_error.max() < 1e-12
    for at in np.ndindex(T, S):
        expected = loads_by_matrix(network, flow, load, reactions, at)
        np.testing.assert_allclose(found.inlet[at] * flow.discharge_in[at[0]], expected, rtol=1e-12, atol=1e-300)
    for field in (found.inlet, found.outlet, found.pit_inlet, found.pit_outlet):
        assert np.all(np.isfinite(field) & (field >= 0.0))


# every water at C0 and no loss: C0 wherever water is, however much the links carry
@given(linked())
@settings(deadline=None, max_examples=40)
def test_one_concentration_stays(case: tuple[RiverNetwork, np.random.Generator]) -> None:
    network, rng = case
    flow, load, reactions = member(rng, network)
    field = np.full((T, S, network.size), 0.3)
    load = dataclasses.replace(
        load, rate=0.0 * load.rate, background_head=field, background_lateral=field, background_boundary=field
    )
    if flow.diversions is not None:
        still = dataclasses.replace(flow.diversions, loss_rate=np.zeros((T, 1, len(network.link_from))))
        flow = dataclasses.replace(flow, diversions=still)
    found, budget = steady(network, flow, load, reactions._replace(loss_rate=0.0 * field))
    wet = (flow.discharge_in + flow.lateral > 0.0)[:, None] & np.ones((1, S, 1), dtype=bool)
    np.testing.assert_allclose(found.outlet[wet], 0.3, rtol=1e-13)
    np.testing.assert_allclose(found.inlet[wet], 0.3, rtol=1e-13)
    assert not found.outlet[~wet].any()
    np.testing.assert_allclose(budget.returned, budget.diverted, rtol=1e-14)


def renumbering(network: RiverNetwork, rng: np.random.Generator) -> IntArray:
    """Old node numbers in a random order in which everything that sends water comes first."""
    inner = np.flatnonzero(network.down >= 0)
    sends = np.concatenate((inner, network.link_from))
    receives = np.concatenate((network.down[inner], network.link_to))
    waiting = np.bincount(receives, minlength=network.size)
    ready, order = np.flatnonzero(waiting == 0).tolist(), []
    while ready:
        node = ready.pop(int(rng.integers(len(ready))))
        order.append(node)
        for receiver in receives[sends == node].tolist():
            waiting[receiver] -= 1
            if waiting[receiver] == 0:
                ready.append(receiver)
    return np.array(order)


# another numbering of the nodes and of the links gives the same
@given(linked())
@settings(deadline=None, max_examples=40)
def test_numbering_does_not_matter(case: tuple[RiverNetwork, np.random.Generator]) -> None:
    network, rng = case
    flow, load, reactions = member(rng, network)
    order = renumbering(network, rng)
    new = np.argsort(order)
    down = network.down[order]
    mixed = rng.permutation(len(network.link_from))
    per_node = ("length", "slope", "area_in", "area", "boundary_area", "x", "y", "elevation", "reach", "cell")
    other = dataclasses.replace(
        network,
        down=np.where(down >= 0, new[down], -1),
        link_from=new[network.link_from][mixed],
        link_to=new[network.link_to][mixed],
        **{name: getattr(network, name)[order] for name in per_node},
    )
    water: dict[str, Any] = {
        field.name: getattr(flow, field.name)[:, order]
        for field in dataclasses.fields(Flow)
        if field.name not in ("time_edges", "notes", "diversions")
    }
    if flow.diversions is not None:
        links = flow.diversions
        water["diversions"] = dataclasses.replace(
            links,
            discharge=links.discharge[:, mixed],
            volume=links.volume[mixed],
            loss_rate=links.loss_rate[..., mixed],
        )
    backgrounds = (load.background_head, load.background_lateral, load.background_boundary)
    renumbered, _ = steady(
        other,
        dataclasses.replace(flow, **water),
        Load(NAMES, load.node, load.rate[..., order], *(field[..., order] for field in backgrounds), {}),
        Reactions(
            reactions.loss_rate[..., order], reactions.dissolved_fraction[..., order], np.zeros_like(water["head"])
        ),
    )
    found, _ = steady(network, flow, load, reactions)
    for name in ("inlet", "outlet", "pit_inlet", "pit_outlet"):
        np.testing.assert_allclose(getattr(renumbered, name), getattr(found, name)[..., order], rtol=1e-12, atol=1e-300)


# dC/d(rate of one pit) by the transposed sweep = what that pit alone gives by the forward sweep
@given(linked(), st.sampled_from(["inlet", "outlet"]), st.data())
@settings(deadline=None, max_examples=40)
def test_contributions_are_forward_runs(
    case: tuple[RiverNetwork, np.random.Generator], end: Any, data: st.DataObject
) -> None:
    network, rng = case
    flow, load, reactions = member(rng, network)
    # the ends of links and the last node more often than others
    special = [*network.link_from.tolist(), *network.link_to.tolist(), network.size - 1]
    receptor = data.draw(st.one_of(st.sampled_from(special), st.integers(0, network.size - 1)))
    s = data.draw(st.integers(0, S - 1))
    found = steady_contributions(network, flow, load, reactions, receptor=receptor, substance=NAMES[s], end=end)
    clean = dataclasses.replace(
        load, rate=0.0 * load.rate, **{f"background_{w}": 0.0 * load.rate for w in ("head", "lateral", "boundary")}
    )

    def alone(**changes: FloatArray) -> FloatArray:
        field, _ = steady(network, flow, dataclasses.replace(clean, **changes), reactions)
        return np.asarray(getattr(field, end)[:, s, receptor])

    for i in range(network.size):
        pit, head, lateral = (np.zeros_like(load.rate) for _ in range(3))
        pit[:, :, i], head[:, :, i] = load.rate[:, :, i], load.background_head[:, :, i]
        lateral[:, :, i] = load.background_lateral[:, :, i]
        np.testing.assert_allclose(found.pits[:, i], alone(rate=pit), rtol=1e-12, atol=1e-300)
        np.testing.assert_allclose(found.head[:, i], alone(background_head=head), rtol=1e-12, atol=1e-300)
        np.testing.assert_allclose(found.lateral[:, i], alone(background_lateral=lateral), rtol=1e-12, atol=1e-300)
    whole, _ = steady(network, flow, load, reactions)
    np.testing.assert_allclose(found.total, getattr(whole, end)[:, s, receptor], rtol=1e-12)


def assert_same(one: Concentration, other: Concentration) -> None:
    for field in dataclasses.fields(Concentration):
        if field.name != "substances":
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


# a member has the bytes it has alone: whatever stands beside it, on any number of threads, shared inputs or own ones
@given(linked(), st.integers(1, 19), st.sampled_from(["all", "loads", "loads and rates"]))
@settings(deadline=None, max_examples=30)
def test_members_are_steady_runs(case: tuple[RiverNetwork, np.random.Generator], size: int, own: str) -> None:
    network, rng = case
    members = [member(rng, network) for _ in range(size)]
    flow, _, reactions = members[0]
    if own != "all":
        # pits where this flow has water
        wet = (flow.discharge_in > 0.0)[:, None]
        members = [
            (flow, dataclasses.replace(load, rate=load.rate * wet), reactions if own == "loads" else rates)
            for _, load, rates in members
        ]
    flows: Any = [m[0] for m in members] if own == "all" else flow
    rates = reactions if own == "loads" else [m[2] for m in members]
    found, budget = steady_members(network, flows, [m[1] for m in members], rates)
    assert found.size == size
    for i, one in enumerate(members):
        alone, sums = steady(network, *one)
        assert_same(found.member(i), alone)
        for field in dataclasses.fields(Budget):
            if field.name != "substances":
                part = getattr(budget, field.name)[..., i]
                np.testing.assert_allclose(part, getattr(sums, field.name), rtol=1e-13, err_msg=field.name)
    kept = rng.permutation(network.size)[:3]
    threaded, again = steady_members(network, flows, [m[1] for m in members], rates, nodes=kept, threads=3)
    np.testing.assert_array_equal(threaded.outlet, found.outlet[:, :, kept])
    np.testing.assert_array_equal(threaded.pit_inlet, found.pit_inlet[:, :, kept])
    np.testing.assert_array_equal(again.reacted, budget.reacted)


def test_members_that_do_not_fit() -> None:
    rng = np.random.default_rng(4)
    network = random_links(rng, random_network(rng, 12), 2)
    flow, load, reactions = member(rng, network)
    with pytest.raises(ValueError, match=r"different numbers of members: \[2, 3\]"):
        steady_members(network, [flow] * 2, [load] * 3, reactions)
    with pytest.raises(ValueError, match=r"different numbers of members: \[0\]"):
        steady_members(network, flow, [], reactions)
    with pytest.raises(ValueError, match="same periods and substances"):
        steady_members(network, flow, [load, dataclasses.replace(load, substances=("a", "b", "x"))], reactions)
    with pytest.raises(ValueError, match="nodes must lie in"):
        steady_members(network, flow, load, reactions, nodes=[network.size])

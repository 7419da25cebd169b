"""Properties of unsteady transport on random trees with reservoirs, inflows, storage, sorption and diversions."""

from __future__ import annotations

import dataclasses
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_matrix, diags
from scipy.sparse.linalg import splu

from sim.arrays import FloatArray, IntArray
from sim.network import network_from_table
from sim.network.objects import RiverNetwork
from sim.testing.network_strategies import networks
from sim.transport import (
    Channel,
    Checkpoint,
    Inputs,
    Ledger,
    Rates,
    Series,
    Solution,
    Water,
    build_mesh,
    route_water,
    unsteady,
)
from sim.transport._kernels_mesh import JUNCTION
from sim.transport.assembly import make_setup, stage

SCHEMES = ("monotone", "second-order", "upwind")
DURATION, PERIODS = 6000.0, 3


@dataclass
class Case:
    """A network with water that rises and falls, everything per reach."""

    network: RiverNetwork
    water: Water
    channel: Channel
    cells: IntArray
    rng: np.random.Generator

    def inputs(self, substances: int = 1, level: float | None = None) -> Inputs:
        """Pulses at three reaches and background everywhere; or one concentration in all water."""
        n, names = self.network.size, tuple(f"s{i}" for i in range(substances))
        if level is not None:
            return Inputs(names, head=level, lateral=level)
        wet = np.flatnonzero(self.water.head[0] > 0.0)
        nodes = self.rng.choice(wet, min(3, len(wet)), replace=False)
        times = np.array([0.0, 0.3 * DURATION, 0.55 * DURATION])
        series = tuple(
            Series(int(node), "inflow", times, self.rng.uniform(0.0, 5.0, (3, substances)) * [[1.0], [0.0], [1.0]])
            for node in nodes
        )
        load = Series(int(self.rng.integers(n)), "load", times, self.rng.uniform(0.0, 2.0, (3, substances)))
        background = self.rng.uniform(0.0, 1.0, (2, 1, n, substances))
        return Inputs(names, background[0], background[1], (*series, load))

    def rates(self, substances: int = 1) -> Rates:
        shape = (self.network.size, substances)
        names = [field.name for field in dataclasses.fields(Rates)]
        scale = dict(zip(names, (1e-4, 1e-4, 1e-4, 1.0, 2.0, 1.0, 1e-3), strict=True))
        return Rates(**{name: size * self.rng.uniform(0.0, 1.0, shape) for name, size in scale.items()})

    def run(self, inputs: Inputs, rates: Rates | None = None, **options: Any) -> Solution:
        options = {"step": 400.0, "mesh": self.mesh(), "channel": self.channel} | options
        return unsteady(self.network, self.water, inputs, rates, **options)

    def mesh(self) -> Any:
        return build_mesh(self.network, self.cells, reservoir=self.channel.reservoir, entries=range(self.network.size))


@st.composite
def cases(draw: st.DrawFn, *, links: int = 2, reservoirs: bool = True) -> Case:
    network = draw(networks(20))
    n = network.size
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pairs = [(i, int(j)) for i in range(n) for j in network.path_from(i)[2:]]
    chosen = rng.permutation(len(pairs))[: draw(st.integers(0, links))]
    network = dataclasses.replace(
        network, link_from=np.array([pairs[i][0] for i in chosen], dtype=np.int64),
        link_to=np.array([pairs[i][1] for i in chosen], dtype=np.int64),
    )  # fmt: skip
    leaf = np.bincount(network.down[network.down >= 0], minlength=n) == 0
    head = rng.uniform(0.5, 2.0, (PERIODS, n)) * (leaf | (rng.random(n) < 0.3))
    volume = network.length * rng.uniform(1.0, 3.0, n) * rng.uniform(0.98, 1.02, (PERIODS + 1, n))
    # reaches fill no faster than a small part of what flows into the springs
    edges = np.linspace(0.0, DURATION, PERIODS + 1)
    fastest = np.abs(np.diff(volume, axis=0)).sum() / (DURATION / PERIODS)
    volume = volume[0] + (volume - volume[0]) * min(1.0, 0.1 * head.max(axis=1).min() / max(fastest, 1e-9))
    lateral, abstraction = rng.uniform(0.0, 0.3, (PERIODS, n)), rng.uniform(0.0, 0.02, (PERIODS, n))
    water = route_water(
        network, head=head, lateral=lateral, abstraction=abstraction, volume=volume, time_edges=edges,
        diverted=rng.uniform(0.0, 0.1, (PERIODS, len(network.link_from))),
    )  # fmt: skip
    channel = Channel(
        dispersion=rng.uniform(0.0, 30.0, n) * (rng.random(n) < 0.8), storage_area=rng.uniform(0.0, 2.0, n),
        exchange=rng.uniform(0.0, 1e-3, n), reservoir=(rng.random(n) < 0.15) & reservoirs,
    )  # fmt: skip
    return Case(network, water, channel, rng.integers(1, 6, n), rng)


few = settings(max_examples=25, deadline=None)


# all waters at C0, no reactions: C0 everywhere while flow rises and falls, reaches fill and empty, water is diverted
@pytest.mark.parametrize("scheme", SCHEMES)
@few
@given(cases())
def test_one_concentration_stays(scheme: Any, case: Case) -> None:
    rates = Rates(sorption=0.5, kinetic_sorption=1.0, sorption_rate=1e-4)
    found = case.run(case.inputs(level=0.7), rates, scheme=scheme, initial="steady", times=[2000.0, 3000.0])
    np.testing.assert_allclose(found.channel, 0.7, rtol=1e-12)
    np.testing.assert_allclose(found.final_channel, 0.7, rtol=1e-12)
    holds = np.asarray(case.channel.exchange)[found.mesh.node] * found.mesh.length > 0.0
    np.testing.assert_allclose(found.final_stores[0][holds], 0.7, rtol=1e-12)


# stored - stored before = entered - left - lost, in every step and in the whole run
@pytest.mark.parametrize("scheme", SCHEMES)
@few
@given(cases())
def test_mass_closes(scheme: Any, case: Case) -> None:
    found = case.run(case.inputs(2), case.rates(2), scheme=scheme, ledger_steps=1)
    assert found.ledger.relative_error.max() < 1e-13
    assert found.ledger.cumulative_error.max() < 1e-12
    for name in ("entered", "out", "decayed", "volatilised", "decayed_in_storage"):
        assert np.any(getattr(found.ledger, name) != 0.0), name


# 0 <= C <= largest concentration that enters, at any step
@few
@given(cases(), st.sampled_from([50.0, 400.0, 2000.0]))
def test_maximum_principle(case: Case, step: float) -> None:
    inputs = dataclasses.replace(case.inputs(), series=case.inputs().series[:-1])
    found = case.run(inputs, step=step, scheme="monotone", times=np.linspace(0.0, DURATION, 13)[1:])
    largest = max(float(np.max(inputs.head)), float(np.max(inputs.lateral)), *(s.value.max() for s in inputs.series))
    assert min(found.channel.min(), found.stores.min()) >= 0.0
    assert max(found.channel.max(), found.stores.max()) <= largest * (1.0 + 1e-12)


# a rising step stays between 0 and 1 at Courant numbers 0.5, 3, 10 and 100, without dispersion too. Nothing passes its
# neighbours, but between them it may rise by less than a fiftieth of the step (1.1 % at most was measured)
@pytest.mark.parametrize("courant", [0.5, 3.0, 10.0, 100.0])
@pytest.mark.parametrize("dispersion", [0.0, 0.5, 50.0])
def test_step_stays_monotone(courant: float, dispersion: float) -> None:
    network, _ = network_from_table(["a"], [""], [2000.0], [0.01])
    water = route_water(network, head=1.0, volume=2000.0, time_edges=[0.0, 1000.0])
    inputs = Inputs(("step",), series=(Series(0, "inflow", np.zeros(1), np.ones(1)),))
    mesh = build_mesh(network, 200)
    found = unsteady(
        network, water, inputs, step=10.0 * courant, mesh=mesh, channel=Channel(dispersion=dispersion),
        times=np.linspace(0.0, 1000.0, 11)[1:],
    )  # fmt: skip
    profile = found.channel[:, mesh.cells, 0]
    assert profile.min() >= 0.0
    assert profile.max() <= 1.0 + 1e-12
    assert np.diff(profile, axis=1).max() <= 0.02
    if courant == 0.5 and dispersion == 0.0:
        # far sharper than upwinding, whose front has a standard deviation of sqrt(n dx^2 (1 + Cr)) = 122 m here
        front = profile[-1]
        assert 10.0 * np.count_nonzero((front > 0.16) & (front < 0.84)) < 122.0


# names and order of the table do not matter
@few
@given(cases(links=0), st.randoms(use_true_random=False), st.sampled_from(SCHEMES))
def test_numbering_does_not_matter(case: Case, random: Any, scheme: Any) -> None:
    network, n = case.network, case.network.size
    order = list(range(n))
    random.shuffle(order)
    label = [f"{i}" for i in range(n)]
    below = [label[j] if j >= 0 else "" for j in network.down]
    other, row = network_from_table(
        [label[i] for i in order], [below[i] for i in order], network.length[order], [0.01] * n
    )
    old = np.array(order)[row]
    new = np.argsort(old)
    inputs, rates = case.inputs(), case.rates()
    points = [(i, 0.3 * float(network.length[i])) for i in range(n)]
    first = case.run(inputs, rates, scheme=scheme, points=points)
    moved = Inputs(
        inputs.substances, np.asarray(inputs.head)[:, old], np.asarray(inputs.lateral)[:, old],
        tuple(dataclasses.replace(s, node=int(new[s.node])) for s in inputs.series),
    )  # fmt: skip
    water = case.water
    fields = ("head", "lateral", "abstraction", "discharge_in", "discharge_out", "volume")
    channel = Channel(*(np.asarray(v)[old] for v in dataclasses.astuple(case.channel)))
    second = unsteady(
        other, dataclasses.replace(water, **{f: getattr(water, f)[:, old] for f in fields}), moved,
        Rates(*(np.asarray(v)[old] for v in dataclasses.astuple(rates))), step=400.0, scheme=scheme, channel=channel,
        mesh=build_mesh(other, case.cells[old], reservoir=channel.reservoir, entries=range(n)),
        points=[(int(new[i]), x) for i, x in points],
    )  # fmt: skip
    scale = first.points.max()
    np.testing.assert_allclose(second.points, first.points, rtol=1e-9, atol=1e-11 * scale)


# the columns march independently: the same bytes for any number of threads, and for every column alone
@few
@given(cases(), st.sampled_from(SCHEMES), st.sampled_from([2, 9, 17]))
def test_threads_and_splitting_do_not_matter(case: Case, scheme: Any, substances: int) -> None:
    inputs, rates = case.inputs(substances), case.rates(substances)
    alone = case.run(inputs, rates, scheme=scheme)
    shared = case.run(inputs, rates, scheme=scheme, threads=2)
    assert shared.final_channel.tobytes() == alone.final_channel.tobytes()
    assert shared.final_stores.tobytes() == alone.final_stores.tobytes()
    column = substances - 1
    part = Inputs(
        ("one",), np.asarray(inputs.head)[..., [column]], np.asarray(inputs.lateral)[..., [column]],
        tuple(dataclasses.replace(s, value=s.value[:, [column]]) for s in inputs.series),
    )  # fmt: skip
    single = case.run(part, Rates(*(np.asarray(v)[:, [column]] for v in dataclasses.astuple(rates))), scheme=scheme)
    assert single.final_channel[:, 0].tobytes() == alone.final_channel[:, column].tobytes()


# without limiter: a f + b g gives a F + b G
@few
@given(cases(), st.sampled_from(["second-order", "upwind"]))
def test_linear_and_superposed(case: Case, scheme: Any) -> None:
    one, two = case.inputs(), case.inputs()
    rates = dataclasses.replace(case.rates(), gas_equilibrium=0.0)
    nothing = tuple(dataclasses.replace(s, value=0.0 * s.value) for s in two.series)
    zeros = tuple(dataclasses.replace(s, value=0.0 * s.value) for s in one.series)
    loads = [k for k in (*one.series, *two.series) if k.kind == "load"]
    first = dataclasses.replace(one, series=(*one.series[:-1], loads[0]))
    second = dataclasses.replace(one, head=2.0 * np.asarray(one.head), series=(*zeros[:-1], loads[1]))
    both = dataclasses.replace(
        one, head=np.asarray(one.head) * (1.5 + 3.0 * 2.0), lateral=4.5 * np.asarray(one.lateral),
        series=(
            *(dataclasses.replace(s, value=1.5 * s.value) for s in one.series[:-1]),
            dataclasses.replace(loads[0], value=1.5 * loads[0].value),
            dataclasses.replace(loads[1], value=3.0 * loads[1].value),
        ),
    )  # fmt: skip
    assert len(nothing) == len(two.series)
    a, b, c = (case.run(inputs, rates, scheme=scheme).final_channel for inputs in (first, second, both))
    np.testing.assert_allclose(c, 1.5 * a + 3.0 * b, rtol=1e-10, atol=1e-11 * np.abs(c).max())


# a run that stops and goes on from its last checkpoint, through a file, gives the same bytes as one that does not
@few
@given(cases(), st.sampled_from(SCHEMES), st.integers(1, 5))
def test_resumed_run_is_the_same(case: Case, scheme: Any, stop: int) -> None:
    inputs, rates = case.inputs(2), case.rates(2)
    options: dict[str, Any] = {
        "scheme": scheme, "ledger_steps": 4, "points": [0, case.network.size - 1], "times": [0.0, 1500.0, 3000.0],
    }  # fmt: skip
    whole = case.run(inputs, rates, **options)
    saved: list[Checkpoint] = []

    def keep(now: Checkpoint) -> None:
        saved.append(now)
        if len(saved) == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        case.run(inputs, rates, checkpoint=keep, **options)
    file = io.BytesIO()
    np.savez(file, **{field.name: getattr(saved[-1], field.name) for field in dataclasses.fields(Checkpoint)})
    file.seek(0)
    with np.load(file) as arrays:
        last = Checkpoint(**arrays)
    resumed = case.run(inputs, rates, resume=last, threads=2, **options)
    for part in ("time", "points", "field_times", "channel", "stores", "final_channel", "final_stores"):
        assert getattr(resumed, part).tobytes() == getattr(whole, part).tobytes(), part
    for field in dataclasses.fields(Ledger):
        assert getattr(resumed.ledger, field.name).tobytes() == getattr(whole.ledger, field.name).tobytes(), field.name
    with pytest.raises(ValueError, match="another run"):
        case.run(inputs, rates, resume=last, **(options | {"points": []}))


def dense_step(case: Case, inputs: Inputs, dt: float) -> FloatArray:
    """One implicit Euler step from clean, upwind: (V/dt + L) C = b, assembled entry by entry and solved by SuperLU."""
    mesh = case.mesh()
    setup = make_setup(case.network, mesh, case.water, inputs, case.channel, Rates(decay=1e-4))
    now, n = stage(setup, 0), mesh.size
    volume = now.volume_before + dt / (DURATION / PERIODS) * (now.volume_after - now.volume_before)
    k = len(now.store_volume)
    rows, columns, values = [], [], []

    def add(i: int, j: int, value: float) -> None:
        if i < (k + 1) * n and j < (k + 1) * n:
            rows.append(i), columns.append(j), values.append(value)

    for i in range(n):
        j, q, beta = int(mesh.down[i]), now.faces.discharge[i], now.faces.upwind[i]
        add(i, i, volume[i] / dt + q + beta + now.decay[i, 0])
        if j < n:
            add(i, j, -beta), add(j, i, -q - beta), add(j, j, beta)
        for s in range(k):
            store, e = (s + 1) * n + i, now.store_exchange[s, i, 0]
            add(i, i, e), add(i, store, -e), add(store, i, -e)
            add(store, store, e + now.store_volume[s, i, 0] / dt + (1.0 if mesh.kind[i] == JUNCTION else 1e-300))
    for row, flow, line in zip(now.tap_row, now.tap_flow, now.tap_line, strict=True):
        if line != 0:
            add(int(row), int(row), flow)
    for start, end, q in zip(now.link_from, now.link_to, now.link_discharge, strict=True):
        add(int(start), int(start), q), add(int(end), int(start), -q)
    right = np.zeros((k + 1) * n)
    right[:n] = now.source[:, 0]
    for series, at, factor in now.entries:
        np.add.at(right, at, factor * series.mean([0.0], [dt])[0, 0])
    matrix = csc_matrix((values, (rows, columns)), shape=(len(right), len(right)))
    scale = diags(1.0 / matrix.diagonal())
    return np.asarray(splu((scale @ matrix).tocsc()).solve(scale @ right))[:n]


# 0 to 5 links outside the tree: the rank-k correction gives what SuperLU gives for the whole matrix
@settings(max_examples=40, deadline=None)
@given(cases(links=5))
def test_diversions_against_sparse_solution(case: Case) -> None:
    inputs = case.inputs()
    dt = 400.0
    found = case.run(inputs, Rates(decay=1e-4), scheme="upwind", times=[dt], step=dt)
    expected = dense_step(case, inputs, dt)
    cells = found.mesh.kind != JUNCTION
    np.testing.assert_allclose(found.channel[0, cells, 0], expected[cells], rtol=1e-12, atol=1e-12 * expected.max())

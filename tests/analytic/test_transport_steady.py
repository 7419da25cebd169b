"""Steady transport against closed forms; the equation stands above each test."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from sim.arrays import FloatArray
from sim.chemistry.objects import Reactions
from sim.hydrology import flow_from_table
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.registry import SECONDS_PER_YEAR
from sim.sources.objects import Load
from sim.testing.networks import random_network
from sim.transport import along_channel, steady, travel_time


def interpreted(kernel: Any) -> Any:
    """The kernel's text as Python runs it (the kernel itself where the compiler is switched off)."""
    return getattr(kernel, "py_func", kernel)


def river(down: list[int], length: float | list[float] = 1000.0, **changes: Any) -> RiverNetwork:
    """A network without areas or positions."""
    n = len(down)
    zero, nothing = np.zeros(n), np.full(n, np.nan)
    values: dict[str, Any] = {
        "down": np.array(down), "length": np.broadcast_to(length, n), "slope": np.full(n, 0.01), "area_in": zero,
        "area": zero, "boundary_area": zero, "x": nothing, "y": nothing, "elevation": nothing, "reach": np.arange(n),
        "cell": np.full(n, -1), "channel_cell": np.empty(0), "channel_start": np.zeros(n + 1),
        "channel_distance": np.empty(0), "link_from": np.empty(0), "link_to": np.empty(0), "name": ("",) * n,
        "crs_wkt": "",
    }  # fmt: skip
    return RiverNetwork(**(values | changes))


def chain(n: int, length: float | list[float] = 1000.0, **changes: Any) -> RiverNetwork:
    return river([*range(1, n), -1], length, **changes)


def water(network: RiverNetwork, head: Any, lateral: Any = 0.0, section: Any = 1.0) -> Flow:
    n = network.size
    return flow_from_table(
        network,
        head_inflow=np.broadcast_to(head, n),
        lateral_inflow=np.broadcast_to(lateral, n),
        cross_section=np.broadcast_to(section, n),
        temperature=20.0,
    )


def release(network: RiverNetwork, pits: dict[int, float] | None = None, head: Any = 0.0, lateral: Any = 0.0) -> Load:
    """One substance, one period."""
    field = (1, 1, network.size)
    pits = pits or {}
    return Load(
        substances=("tracer",),
        node=np.array(list(pits), dtype=np.int64),
        rate=np.array(list(pits.values())).reshape(1, 1, -1),
        background_head=np.broadcast_to(head, field),
        background_lateral=np.broadcast_to(lateral, field),
        background_boundary=np.zeros(field),
        ledger={},
    )


def decay(network: RiverNetwork, rate: Any) -> Reactions:
    field = (1, 1, network.size)
    return Reactions(np.array(np.broadcast_to(rate, field)), np.ones(field), np.zeros((1, network.size)))


def at_head(network: RiverNetwork, value: float) -> FloatArray:
    """(n,) `value` at nodes without donors, zero elsewhere."""
    return np.where(np.bincount(network.down[network.down >= 0], minlength=network.size) == 0, value, 0.0)


# C(x) = C0 exp(-k x / u): plug flow with first-order decay
@pytest.mark.parametrize("segments", [1, 7, 100])
@pytest.mark.parametrize("k", [0.0, 1e-12, 1e-5, 1e-3])
def test_plug_flow_with_decay(segments: int, k: float) -> None:
    network = chain(segments, 50_000.0 / segments)
    flow = water(network, at_head(network, 3.0), section=6.0)  # u = 0.5 m/s
    found, budget = steady(network, flow, release(network, head=0.25), decay(network, k))
    assert found.outlet[0, 0, -1] == pytest.approx(0.25 * math.exp(-k * 50_000.0 / 0.5), rel=1e-12)
    assert budget.relative_error.max() < 1e-14
    assert budget.from_background[0, 0] == pytest.approx(3.0 * 0.25 * SECONDS_PER_YEAR, rel=1e-14)
    assert np.all(found.pit_outlet == 0.0)


# V6: C(x)/C0 = exp(x u / 2D (1 - sqrt(1 + 4 k D / u^2))) = exp(-k x/u + k^2 D x/u^3 - ...), so without dispersion
# 0 <= ln C_adr - ln C - ... : ln C_adr - ln C lies within 2 k^3 D^2 x / u^5 of k^2 D x / u^3
@pytest.mark.parametrize(
    ("column", "k"),
    [("C_adr", 1e-4), ("C_tsm", 1e-5 + 4e-5 * 5e-5 / (4e-5 * 2.0 / 1.0 + 5e-5))],
)
def test_limit_of_dispersion(shared_reference: Path, column: str, k: float) -> None:
    u, dispersion = 0.3, 2.0
    lines = (shared_reference / "verification" / "an_steady_decay.csv").read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    x = np.array([float(row["x"]) for row in rows])
    reference = np.array([float(row[column]) for row in rows])
    network = chain(len(x) - 1, np.diff(x).tolist())
    flow = water(network, at_head(network, u))
    found, _ = steady(network, flow, release(network, head=1.0), decay(network, k))
    excess = np.log(reference[1:]) - np.log(found.outlet[0, 0])
    leading = k**2 * dispersion * x[1:] / u**3
    assert np.all(np.abs(excess - leading) <= 2.0 * k**3 * dispersion**2 * x[1:] / u**5 + 2e-11)


# V8: (Q1 c1 + Q2 c2) / (Q1 + Q2) exp(-k tau)
def test_two_branch_confluence() -> None:
    network = river([2, 2, -1], [1000.0, 1000.0, 36_000.0])
    flow = water(network, [2.0, 6.0, 0.0], section=[1.0, 1.0, 8.0])  # u = 1 m/s below, tau = 36000 s
    load = release(network, head=np.array([10.0, 1.0, 0.0]))
    found, _ = steady(network, flow, load, decay(network, np.array([0.0, 0.0, 1e-5])))
    assert found.inlet[0, 0, 2] == pytest.approx(3.25, rel=1e-14)
    assert found.outlet[0, 0, 2] == pytest.approx(2.267448059730851, rel=1e-14)


# V8: acc_i = w_i + f_(i-1) acc_(i-1): a load decays by the factor of the segment it LEAVES (our convention)
def test_decay_convention(shared_reference: Path) -> None:
    cases = json.loads((shared_reference / "verification" / "steady_small.json").read_text())["cases"]
    case = cases["decaying_accumulation_chain_on_exit"]
    network = chain(4)
    flow = water(network, at_head(network, 1.0))
    load = release(network, {i: float(w) for i, w in enumerate(case["weights"])})
    found, _ = steady(network, flow, load, decay(network, -np.log(case["factor"]) / 1000.0))
    arriving = found.inlet[0, 0] * flow.discharge_in[0]
    np.testing.assert_allclose(arriving, case["result"], rtol=1e-14)
    for other in ("decaying_accumulation_chain_on_entry", "decaying_accumulation_chain_source_carried"):
        assert abs(arriving[-1] / cases[other]["result"][-1] - 1.0) > 0.1


# the same numbers without the file
def test_decay_convention_by_hand() -> None:
    network = chain(4)
    flow = water(network, at_head(network, 1.0))
    load = release(network, {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0})
    found, _ = steady(network, flow, load, decay(network, -np.log([0.5, 0.75, 0.3, 0.1]) / 1000.0))
    np.testing.assert_allclose(found.inlet[0, 0], [1.0, 2.5, 4.875, 5.4625], rtol=1e-14)


# C_out = C_in Q_in / Q_out where clean water enters and nothing decays
def test_clean_lateral_water_dilutes() -> None:
    network = chain(3)
    flow = water(network, at_head(network, 2.0), lateral=[0.5, 3.5, 10.0])
    found, _ = steady(network, flow, release(network, head=8.0), decay(network, 0.0))
    np.testing.assert_allclose(found.outlet[0, 0], [8.0 * 2 / 2.5, 8.0 * 2 / 6, 8.0 * 2 / 16], rtol=1e-14)


# dW/dx = q c_L - (k/u) W, integrated numerically; reacted = integral of k W / u dx, by quadrature
@pytest.mark.parametrize("k", [1e-9, 1e-5, 4e-4, 6e-4, 1e-2])
def test_segment_against_numerical_integration(k: float) -> None:
    length, q, c_lateral, c_in, q_in, section = 1000.0, 3.0 / 1000.0, 0.7, 0.2, 2.0, 3.5
    network = chain(1, length)
    flow = water(network, q_in, lateral=q * length, section=section)
    u = float(flow.velocity[0, 0])
    found, budget = steady(network, flow, release(network, head=c_in, lateral=c_lateral), decay(network, k))
    solution = solve_ivp(
        lambda _, w: q * c_lateral - k / u * w, (0.0, length), [c_in * q_in], method="DOP853", rtol=1e-13, atol=1e-15,
        dense_output=True,
    )  # fmt: skip
    assert found.outlet[0, 0, 0] * flow.discharge_out[0, 0] == pytest.approx(solution.y[0, -1], rel=1e-10)
    reacted, _ = quad(lambda x: k / u * float(solution.sol(x)[0]), 0.0, length, epsrel=1e-12, limit=200)
    assert budget.reacted[0, 0] / SECONDS_PER_YEAR == pytest.approx(reacted, rel=1e-8)


# phi(a) = (1 - e^-a)/a and 1 - phi(a) = a/2 - a^2/6 + a^3/24 - ...: no digits lost near a = 0, none at the seam
@pytest.mark.parametrize("a", [0.0, 1e-320, 1e-300, 1e-16, 1e-8, 1e-3, 0.1, 0.4999999, 0.5, 0.5000001, 3.0, 700.0])
def test_shape_functions(a: float) -> None:
    from sim.transport._kernels import mean_loss, mean_survival

    loss = math.fsum((-1.0) ** (j + 1) * a**j / math.factorial(j + 1) for j in range(1, 40)) if a < 3.0 else None
    if loss is None:
        loss = 1.0 - (1.0 - math.exp(-a)) / a
    assert mean_loss(a) == pytest.approx(loss, rel=4e-15, abs=0.0)
    assert mean_survival(a) + mean_loss(a) == pytest.approx(1.0, rel=1e-15)
    assert interpreted(mean_loss)(a) == pytest.approx(mean_loss(a), rel=1e-15)


# every water at C0, k = 0: C0 everywhere
def test_one_concentration_stays() -> None:
    network = random_network(np.random.default_rng(5), 400, outlets=2, branching=0.4)
    rng = np.random.default_rng(6)
    flow = water(network, rng.uniform(0.1, 2.0, 400), lateral=rng.uniform(0.0, 3.0, 400))
    found, _ = steady(network, flow, release(network, head=0.3, lateral=0.3), decay(network, 0.0))
    np.testing.assert_allclose(found.inlet, 0.3, rtol=2e-14)
    np.testing.assert_allclose(found.outlet, 0.3, rtol=2e-14)


# x -> 0 with Q_in = 0: C -> c_L; at the end c_L phi(k L / u)
def test_spring_fed_along_its_length() -> None:
    network = chain(1, 2000.0)
    flow = water(network, 0.0, lateral=4.0, section=4.0)  # u = (0 + 4) / 2 / 4 = 0.5 m/s
    found, budget = steady(network, flow, release(network, lateral=0.9), decay(network, 1e-4))
    a = 1e-4 * 2000.0 / 0.5
    assert found.inlet[0, 0, 0] == 0.9
    assert found.outlet[0, 0, 0] == pytest.approx(0.9 * (1.0 - math.exp(-a)) / a, rel=1e-14)
    assert budget.relative_error.max() < 1e-14


# a conservative substance falls at a confluence with clean water by (Q1 + Q2) / Q1
def test_dilution_at_confluence() -> None:
    network = river([2, 2, -1])
    flow = water(network, [33.5, 1200.0, 0.0])
    found, _ = steady(network, flow, release(network, {0: 2.0}), decay(network, 0.0))
    assert found.pit_outlet[0, 0, 0] / found.pit_inlet[0, 0, 2] == pytest.approx((33.5 + 1200.0) / 33.5, rel=1e-14)
    assert found.pit_inlet[0, 0, 1] == 0.0


# (I - D^T F) W_in = source + pits + D^T (lateral phi), assembled and factored by SuperLU
def test_against_sparse_solution() -> None:
    rng = np.random.default_rng(11)
    n = 700
    network = random_network(rng, n, outlets=3, branching=0.5)
    flow = water(network, rng.uniform(0.1, 2.0, n), lateral=rng.uniform(0.0, 1.0, n), section=rng.uniform(1.0, 5.0, n))
    head, lateral, k = rng.uniform(0.0, 1.0, n), rng.uniform(0.0, 1.0, n), rng.uniform(0.0, 1e-4, n)
    pits = {int(node): float(rng.uniform(0.0, 5.0)) for node in rng.choice(n, 60, replace=False)}
    found, budget = steady(network, flow, release(network, pits, head, lateral), decay(network, k))
    a = k * network.length / flow.velocity[0]
    along = flow.lateral[0] * lateral * -np.expm1(-a) / a
    inner = np.flatnonzero(network.down >= 0)
    right = flow.head[0] * head
    for node, rate in pits.items():
        right[node] += rate
    np.add.at(right, network.down[inner], along[inner])
    rows, columns = np.concatenate((np.arange(n), network.down[inner])), np.concatenate((np.arange(n), inner))
    matrix = csc_matrix((np.concatenate((np.ones(n), -np.exp(-a[inner]))), (rows, columns)), shape=(n, n))
    np.testing.assert_allclose(found.inlet[0, 0] * flow.discharge_in[0], splu(matrix).solve(right), rtol=1e-12)
    assert budget.relative_error.max() < 1e-13


# the compiled kernels and the same text run by Python
def test_compiled_and_interpreted_agree() -> None:
    from sim.transport import _kernels, _kernels_steady

    rng = np.random.default_rng(3)
    n, m = 40, _kernels_steady.WIDTH
    network = random_network(rng, n, outlets=2)
    a = rng.uniform(0.0, 2.0, (n, m)) * (rng.random((n, m)) > 0.3)
    inputs = (network.down, a, *(rng.uniform(0.0, 1.0, (n, m)) for _ in range(3)))
    node, after = np.array([2, 2, 11]), np.array([9, 30, 12])
    links = _kernels.Links(node, after, *(rng.uniform(0.0, 0.5, (3, m)) for _ in range(4)))
    outputs = []
    for kernel in (_kernels.sweep, interpreted(_kernels.sweep)):
        out = [np.full((n, m), np.nan) for _ in range(4)] + [np.full((_kernels.LINES, 2, m), np.nan)]
        kernel(*inputs, links, *out)
        outputs.append([*out[:4], out[4].sum(axis=1)])
    for compiled, by_python in zip(*outputs, strict=True):
        np.testing.assert_allclose(compiled, by_python, rtol=1e-12)
    start, distance = np.arange(n + 1), network.length * rng.random(n)
    fields = [part[:, 0].copy() for part in (a, inputs[3], outputs[0][0], outputs[0][2])]
    fields += [rng.uniform(0.1, 1.0, n) for _ in range(2)]
    profiles = []
    for kernel in (_kernels.along, interpreted(_kernels.along)):
        pair = [np.full(n, np.nan) for _ in range(2)]
        kernel(start, distance, network.length, *fields, *pair)
        profiles.append(pair)
    np.testing.assert_allclose(profiles[0], profiles[1], rtol=1e-12)
    times = []
    for kernel in (_kernels.earliest_arrival, interpreted(_kernels.earliest_arrival)):
        time = np.empty((n, m))
        kernel(network.down, a, np.arange(n) % 7 == 2, node, after, rng.uniform(0.0, 1.0, (3, m)) * 0.0, time)
        times.append(time)
    assert np.isfinite(times[0]).any()
    assert np.isinf(times[0]).any()
    np.testing.assert_array_equal(*times)


def with_cells(network: RiverNetwork, share: list[float]) -> RiverNetwork:
    """Channel cells at the given shares of every segment's length."""
    n, p = network.size, len(share)
    return dataclasses.replace(
        network,
        channel_cell=np.arange(n * p),
        channel_start=np.arange(n + 1) * p,
        channel_distance=np.outer(network.length, share).ravel(),
    )


# C(x) = W(x)/Q(x): the profile begins at the inlet's value, ends at the outlet's, and is the closed form between
def test_profile_along_the_channel() -> None:
    rng = np.random.default_rng(2)
    n = 30
    network = with_cells(random_network(rng, n), [0.0, 0.3, 1.0])
    flow = water(network, rng.uniform(0.0, 2.0, n) + at_head(network, 0.1), lateral=rng.uniform(0.0, 1.0, n))
    head, lateral, k = rng.uniform(0.0, 1.0, n), rng.uniform(0.0, 1.0, n), rng.uniform(0.0, 1e-4, n)
    load, reactions = release(network, {0: 3.0, 7: 2.0}, head, lateral), decay(network, k)
    found, _ = steady(network, flow, load, reactions)
    total, from_pits = along_channel(network, flow, load, reactions, found)
    assert total.shape == (1, 1, 3 * n)
    np.testing.assert_allclose(total[0, 0, 0::3], found.inlet[0, 0], rtol=1e-13)
    np.testing.assert_allclose(total[0, 0, 2::3], found.outlet[0, 0], rtol=1e-13)
    np.testing.assert_allclose(from_pits[0, 0, 2::3], found.pit_outlet[0, 0], rtol=1e-13)
    a = 0.3 * k * network.length / flow.velocity[0]
    load_there = found.inlet[0, 0] * flow.discharge_in[0] * np.exp(-a)
    load_there += 0.3 * flow.lateral[0] * lateral * -np.expm1(-a) / a
    np.testing.assert_allclose(
        total[0, 0, 1::3], load_there / (flow.discharge_in[0] + 0.3 * flow.lateral[0]), rtol=1e-13
    )


# where no water has entered yet the profile starts at the lateral water's concentration
def test_profile_starts_dry() -> None:
    network = with_cells(chain(1), [0.0, 0.5])
    flow = water(network, 0.0, lateral=2.0)
    load, reactions = release(network, lateral=0.4), decay(network, 1e-5)
    found, _ = steady(network, flow, load, reactions)
    total, from_pits = along_channel(network, flow, load, reactions, found)
    assert total[0, 0, 0] == pytest.approx(0.4, rel=1e-15)
    assert total[0, 0, 1] < 0.4
    assert np.all(from_pits == 0.0)


# T = sum of L / u along the fastest way from a source
def test_travel_time() -> None:
    network = river([2, 2, 3, -1], [1000.0, 500.0, 200.0, 300.0])
    flow = water(network, [1.0, 2.0, 0.0, 0.0])  # u = 1, 2, 3, 3
    np.testing.assert_allclose(travel_time(network, flow, np.array([0, -1])), [[0.0, np.nan, 1000.0, 1000 + 200 / 3]])
    np.testing.assert_allclose(travel_time(network, flow, np.array([0, 1])), [[0.0, 0.0, 250.0, 250 + 200 / 3]])
    assert np.isnan(travel_time(network, flow, np.array([], dtype=np.int64))).all()
    with pytest.raises(ValueError, match="source nodes must lie"):
        travel_time(network, flow, np.array([4]))


# kg over a period = kg/s times its length; a site off the terrain (node -1) is not in the budget
def test_budget_counts_periods_and_only_what_enters() -> None:
    network = chain(2)
    one = water(network, at_head(network, 1.0))
    stacked = {
        f.name: np.concatenate((getattr(one, f.name),) * 2)
        for f in dataclasses.fields(Flow)
        if f.name not in ("time_edges", "notes", "diversions")
    }
    flow = Flow(time_edges=np.array([0.0, 10.0, 40.0]), **stacked)
    zero = np.zeros((2, 1, 2))
    load = Load(("tracer",), np.array([0, -1]), np.array([[[2.0, 5.0]], [[3.0, 5.0]]]), zero, zero, zero, {})
    _, budget = steady(network, flow, load, Reactions(zero, np.ones((2, 1, 2)), np.zeros((2, 2))))
    assert budget.from_pits.ravel().tolist() == [20.0, 90.0]
    assert budget.out.ravel().tolist() == [20.0, 90.0]
    assert budget.reacted.ravel().tolist() == [0.0, 0.0]

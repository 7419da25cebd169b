"""Properties of rain, runoff and discharge on random trees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sim.errors import ScenarioError
from sim.hydrology import (
    KnownMean,
    _kernels,
    hydraulics,
    month_edges,
    monthly_shape,
    rain_field,
    steady_monthly_flow,
)
from sim.hydrology.channel import JARRETT_LEAST_SLOPE, roughness
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.registry import MONTH_DAYS
from sim.testing.network_strategies import networks

RATIOS = st.lists(st.floats(0.0, 1e3), min_size=12, max_size=12)


def interpreted(kernel: Any) -> Any:
    """The kernel's text as Python runs it (the kernel itself where the compiler is switched off)."""
    return getattr(kernel, "py_func", kernel)


def flow_of(
    network: RiverNetwork, seed: int, known: list[KnownMean], shape: np.ndarray, declared: np.ndarray | None = None
) -> Flow:
    rng = np.random.default_rng(seed)
    n = network.size
    return steady_monthly_flow(
        network, yield_=rng.uniform(1e-8, 1e-7, n), boundary_yield=rng.uniform(1e-8, 1e-7, n), known_means=known,
        shape=shape, manning=rng.uniform(0.02, 0.08, n), width_coefficient=5.0, width_exponent=0.5, temperature=18.0,
        time_edges=month_edges(), boundary_discharge=declared,
    )  # fmt: skip


@given(RATIOS, st.floats(0.0, 1.0))
@settings(deadline=None)
def test_shape_of_any_year(ratios: list[float], floor: float) -> None:
    assume(max(ratios) > 1e-6)
    shape = monthly_shape(ratios, floor)
    assert shape @ MONTH_DAYS / sum(MONTH_DAYS) == pytest.approx(1.0, rel=1e-12)
    assert shape.min() >= floor
    order = np.argsort(ratios)
    assert np.all(np.diff(shape[order]) >= 0.0)
    np.testing.assert_allclose(monthly_shape(shape, floor), shape, rtol=1e-12)


@given(networks(50), st.integers(0, 2**32 - 1), st.floats(0.01, 1.0))
@settings(deadline=None, max_examples=50)
def test_water_balance(network: RiverNetwork, seed: int, floor: float) -> None:
    shape = monthly_shape(np.random.default_rng(seed).uniform(0.0, 3.0, 12), floor)
    flow = flow_of(network, seed, [], shape)
    assert flow.imbalance(network) < 1e-13
    for field in (flow.head, flow.lateral, flow.boundary):
        assert np.all(field >= 0.0)
    mean = flow.duration @ flow.discharge_out / flow.duration.sum()
    np.testing.assert_allclose(flow.discharge_out, np.multiply.outer(shape, mean), rtol=1e-12)
    assert np.all(flow.discharge_out >= floor * mean * (1.0 - 1e-12))
    entering = (flow.head + flow.lateral + flow.boundary).sum(axis=1)
    np.testing.assert_allclose(flow.discharge_out[:, network.outlets].sum(axis=1), entering, rtol=1e-12)
    inner = network.down >= 0
    assert np.all(flow.discharge_in[:, network.down[inner]] >= flow.discharge_out[:, inner] * (1.0 - 1e-13))


# every known mean is met, whatever lies above it; elsewhere nothing changes
@given(networks(50), st.integers(0, 2**32 - 1), st.data())
@settings(deadline=None, max_examples=50)
def test_known_means_are_met(network: RiverNetwork, seed: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    shape = monthly_shape(rng.uniform(0.0, 3.0, 12), 0.2)
    raw = flow_of(network, seed, [], shape)
    mean = raw.duration @ raw.discharge_in / raw.duration.sum()
    nodes = data.draw(st.lists(st.integers(0, network.size - 1), unique=True, max_size=5))
    known = [KnownMean(f"m{i}", i, float(mean[i] * rng.uniform(0.3, 3.0))) for i in nodes]
    above_of = {node: network.upstream_of(node) for node in nodes}
    # the means just above each one: above it, and above no other that is above it
    nested = {
        a: [b for b in nodes if b != a and above_of[a][b]
            and not any(c not in (a, b) and above_of[a][c] and above_of[c][b] for c in nodes)]
        for a in nodes
    }  # fmt: skip
    given_mean = {one.node: one.discharge for one in known}
    spare = [(given_mean[a] - sum(given_mean[b] for b in nested[a])) / given_mean[a] for a in nodes]
    assume(all(abs(share) > 1e-6 for share in spare))
    if any(share < 0.0 for share in spare):
        with pytest.raises(ScenarioError, match="LS-209"):
            flow_of(network, seed, known, shape)
        return
    flow = flow_of(network, seed, known, shape)
    found = flow.duration @ flow.discharge_in / flow.duration.sum()
    for one in known:
        assert found[one.node] == pytest.approx(one.discharge, rel=1e-12)
    assert [note.split(":")[0] for note in flow.notes[: len(known)]] == [one.name for one in known]
    assert flow.imbalance(network) < 1e-12
    above = np.zeros(network.size, dtype=bool)
    for node in nodes:
        above |= network.upstream_of(node)
    np.testing.assert_array_equal(flow.lateral[:, ~above], raw.lateral[:, ~above])
    np.testing.assert_array_equal(flow.head[:, ~above], raw.head[:, ~above])


# with one yield everywhere, discharge over discharge is area over area
@given(networks(50), st.floats(1e-9, 1e-6))
@settings(deadline=None, max_examples=40)
def test_uniform_yield(network: RiverNetwork, runoff: float) -> None:
    n = network.size
    flow = steady_monthly_flow(
        network, yield_=np.full(n, runoff), boundary_yield=np.full(n, runoff), known_means=[],
        shape=monthly_shape(np.arange(12.0), 0.2), manning=0.04, width_coefficient=5.0, width_exponent=0.5,
        temperature=20.0, time_edges=month_edges(),
    )  # fmt: skip
    ratio = flow.discharge_out / flow.discharge_out[:, :1]
    np.testing.assert_allclose(ratio, np.broadcast_to(network.area / network.area[0], ratio.shape), rtol=1e-12)


@given(st.floats(1e-6, 1e5), st.floats(1.0001, 10.0), st.floats(1e-5, 1.0), st.floats(0.01, 0.2))
@settings(deadline=None)
def test_hydraulics_are_monotone(q: float, factor: float, slope: float, n: float) -> None:
    # the steep-channel roughness starts at a slope and jumps there
    assume((slope >= JARRETT_LEAST_SLOPE) == (slope * factor >= JARRETT_LEAST_SLOPE))
    discharge = np.array([[q], [q * factor]])
    w, h, u, tau = hydraulics(discharge, np.array([q]), np.array([slope]), n, 5.0, 0.5)
    np.testing.assert_allclose(w * h * u, discharge, rtol=1e-13)
    for field in (h, u, tau):
        assert field[1, 0] > field[0, 0]
    steeper = hydraulics(discharge, np.array([q]), np.array([slope * factor]), n, 5.0, 0.5)
    assert np.all(steeper[1] < h)
    assert np.all(steeper[2] > u)
    rougher = hydraulics(discharge, np.array([q]), np.array([slope]), n * factor, 5.0, 0.5)
    assert np.all(rougher[1] >= h)


# the depth fulfils Manning's equation with the greater of the two roughnesses at that very depth
@given(st.floats(1e-6, 1e5), st.floats(1e-5, 1.0), st.floats(0.005, 0.5), st.floats(0.5, 20.0))
@settings(deadline=None)
def test_roughness_is_the_greater_of_the_two(q: float, slope: float, n: float, a: float) -> None:
    _, h, u, _ = hydraulics(np.array([[q]]), np.array([q]), np.array([slope]), n, a, 0.5)
    greater = max(n, 0.32 * slope**0.38 * float(h[0, 0]) ** -0.16) if slope >= 0.002 else n
    assert roughness(h, u, np.array([slope]))[0, 0] == pytest.approx(greater, rel=1e-11)


# a declared discharge is kept to the last digit, the known mean is met, and one smaller than what is above is refused
@given(networks(50), st.integers(0, 2**32 - 1), st.data())
@settings(deadline=None, max_examples=60)
def test_declared_discharge_is_kept(network: RiverNetwork, seed: int, data: st.DataObject) -> None:
    rng, n = np.random.default_rng(seed), network.size
    declared = np.full(n, np.nan)
    for node in data.draw(st.lists(st.integers(0, n - 1), unique=True, min_size=1, max_size=4)):
        declared[node] = data.draw(st.floats(0.0, 500.0))
    shape = monthly_shape(rng.uniform(0.0, 3.0, 12), 0.2)
    raw = flow_of(network, seed, [], shape, declared)
    given_here = np.isfinite(declared)
    np.testing.assert_array_equal(raw.boundary[:, given_here], np.multiply.outer(shape, declared[given_here]))
    plain = flow_of(network, seed, [], shape)
    np.testing.assert_array_equal(raw.head, plain.head)
    np.testing.assert_array_equal(raw.boundary[:, ~given_here], plain.boundary[:, ~given_here])

    node = data.draw(st.integers(0, n - 1))
    above = network.upstream_of(node)
    kept = float(np.nansum(declared[above]))
    natural = float((raw.duration @ raw.discharge_in / raw.duration.sum())[node]) - kept
    share = data.draw(st.floats(-1.0, 4.0).filter(lambda value: abs(value) > 1e-3))
    known = kept + share * natural
    mean = [KnownMean("gauge", node, known)]
    if share < 0.0:
        with pytest.raises(ScenarioError, match="LS-209"):
            flow_of(network, seed, mean, shape, declared)
        return
    assume(known - kept > 1e-6 * known)  # else the difference is rounding
    flow = flow_of(network, seed, mean, shape, declared)
    found = flow.duration @ flow.discharge_in / flow.duration.sum()
    assert found[node] == pytest.approx(known, rel=1e-12)
    np.testing.assert_array_equal(flow.boundary[:, given_here], raw.boundary[:, given_here])
    assert flow.imbalance(network) < 1e-12
    np.testing.assert_allclose(flow.head[:, above], raw.head[:, above] * ((known - kept) / natural), rtol=1e-6)


@given(st.integers(1, 8), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_rain_lies_between_its_stations(stations: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sx, sy, rain = rng.normal(size=stations), rng.normal(size=stations), rng.uniform(0.5, 4.0, stations)
    x, y = np.concatenate((rng.normal(size=30), sx)), np.concatenate((rng.normal(size=30), sy))
    field = rain_field(x, y, sx, sy, rain)
    assert field.min() >= rain.min() * (1.0 - 1e-14)
    assert field.max() <= rain.max() * (1.0 + 1e-14)
    np.testing.assert_array_equal(field[30:], rain)
    shift = rain_field(x + 3.0, y - 2.0, sx + 3.0, sy - 2.0, rain)
    np.testing.assert_allclose(shift[:30], field[:30], rtol=1e-9)


@given(networks(40), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_compiled_and_interpreted_agree(network: RiverNetwork, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = network.size
    entering, lateral = rng.uniform(0.0, 1.0, n), rng.uniform(0.0, 1.0, n)
    mean_at = np.where(rng.random(n) < 0.2, np.arange(n), -1)
    flows, groups = [], []
    for compiled in (True, False):
        gather, nearest = _kernels.gather, _kernels.nearest_below
        out = np.full((2, n), np.nan)
        (gather if compiled else interpreted(gather))(network.down, entering, lateral, out[0], out[1])
        flows.append(out)
        group = np.full((2, n), -9)
        (nearest if compiled else interpreted(nearest))(network.down, mean_at, group[0], group[1])
        groups.append(group)
    np.testing.assert_allclose(flows[0], flows[1], rtol=1e-12)
    np.testing.assert_array_equal(groups[0], groups[1])
    for node in range(n):
        below = [i for i in network.path_from(node).tolist() if mean_at[i] >= 0]
        assert groups[0][0][node] == (below[0] if below else -1)

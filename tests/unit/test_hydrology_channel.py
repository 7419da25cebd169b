"""Width, depth, velocity and shear; and flow from a table of reaches."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.optimize import brentq

from sim.errors import ScenarioError
from sim.hydrology import flow_from_table, hydraulics
from sim.hydrology.channel import froude_number, roughness
from sim.network import network_from_table
from sim.network.objects import RiverNetwork


# Q = w h^(5/3) sqrt(S) / n_eff(S, h), wide channel, the roughness taken along: the depth found by bisection
@pytest.mark.parametrize("q", [1e-4, 0.3, 33.5, 2600.0])
@pytest.mark.parametrize("slope", [1e-5, 0.00199, 0.002, 0.0043, 0.043, 0.5])
@pytest.mark.parametrize("n", [0.02, 0.04, 0.11])
def test_normal_depth_against_root_finding(q: float, slope: float, n: float) -> None:
    w, h, u, tau = (
        float(field[0, 0]) for field in hydraulics(np.array([[q]]), np.array([1.3 * q]), np.array([slope]), n, 5.0, 0.5)
    )
    assert w == pytest.approx(5.0 * (1.3 * q) ** 0.5, rel=1e-15)

    def roughness_at(depth: float) -> float:
        return max(n, 0.32 * slope**0.38 * depth**-0.16) if slope >= 0.002 else n

    depth = brentq(lambda h: w * h ** (5 / 3) * slope**0.5 / roughness_at(h) - q, 1e-9, 1e3, xtol=1e-300, rtol=1e-14)
    assert h == pytest.approx(depth, rel=1e-12)
    assert w * h * u == pytest.approx(q, rel=1e-14)
    assert tau == pytest.approx(1000.0 * 9.80665 * h * slope, rel=1e-15)
    assert float(roughness(np.array(h), np.array(u), np.array(slope))) == pytest.approx(roughness_at(h), rel=1e-12)


# the examples printed in the manual of the package HYDROCAL 1.0.0 for Jarrett 1984: n(R = 0.3 m, S = 0.03), n(1, 0.015)
@pytest.mark.parametrize(("depth", "slope", "printed"), [(0.3, 0.03, 0.102), (1.0, 0.015, 0.065)])
def test_roughness_of_steep_channels_as_published(depth: float, slope: float, printed: float) -> None:
    q = 10.0 * depth ** (5 / 3) * slope**0.5 / printed
    _, h, u, _ = hydraulics(np.array([[q]]), np.array([4.0]), np.array([slope]), 0.01, 5.0, 0.5)
    assert h[0, 0] == pytest.approx(depth, rel=0.005)
    assert roughness(h, u, np.array([slope]))[0, 0] == pytest.approx(printed, abs=0.0006)


# a mountain creek: n = 0.04 alone makes it supercritical, which long natural reaches are not (Grant 1997)
def test_steep_creek_is_subcritical() -> None:
    q, slope = np.array([[0.05], [0.3], [3.0]]), np.array([0.1])
    w, h, u, _ = hydraulics(q, np.array([0.3]), slope, 0.04, 5.0, 0.5)
    smooth = (0.04 * q / (w * np.sqrt(slope))) ** 0.6
    assert np.all(froude_number(smooth, q / (w * smooth)) > 1.3)
    number = froude_number(h, u)
    assert np.all((number > 0.2) & (number < 1.0))
    np.testing.assert_allclose(number, h ** (2 / 3 + 0.16 - 0.5) * slope**0.12 / (0.32 * np.sqrt(9.80665)), rtol=1e-12)


# below the least slope of the data, and where the bed is rougher anyway, Manning's n alone decides
def test_other_channels_keep_their_roughness() -> None:
    q = np.array([[0.01, 5.0, 5.0]])
    slope, n = np.array([0.0019, 0.002, 0.03]), np.array([0.02, 0.04, 0.15])
    w, h, u, _ = hydraulics(q, q[0], slope, n, 5.0, 0.5)
    np.testing.assert_array_equal(h, (n * q / (w * np.sqrt(slope))) ** 0.6)
    np.testing.assert_allclose(roughness(h, u, slope)[0], n, rtol=1e-14)


def test_width_stays_while_the_water_rises() -> None:
    q = np.array([[1.0, 10.0], [4.0, 80.0]])
    width, depth, velocity, shear = hydraulics(q, np.array([2.0, 30.0]), np.array([0.01, 0.002]), 0.03, 4.0, 0.45)
    np.testing.assert_array_equal(width[0], width[1])
    np.testing.assert_array_equal(width[0], 4.0 * np.array([2.0, 30.0]) ** 0.45)
    for rising in (depth, velocity, shear):
        assert np.all(rising[1] > rising[0])


def test_manning_may_differ_by_segment() -> None:
    q = np.full((1, 2), 5.0)
    _, depth, _, _ = hydraulics(q, q[0], np.full(2, 0.001), np.array([0.03, 0.06]), 5.0, 0.5)
    assert depth[0, 1] / depth[0, 0] == pytest.approx(2.0**0.6, rel=1e-14)


@pytest.mark.parametrize("wrong", range(5))
def test_hydraulics_needs_positive_numbers(wrong: int) -> None:
    values = [np.array([[1.0]]), np.array([1.0]), np.array([0.01]), np.array(0.04), np.array(5.0)]
    values[wrong] = values[wrong] * 0.0
    with pytest.raises(ValueError, match="must be positive everywhere"):
        hydraulics(values[0], values[1], values[2], values[3], float(values[4]), 0.5)


def three_reaches() -> RiverNetwork:
    network, row = network_from_table(
        ["north", "south", "main"], ["main", "main", ""], [1000.0, 2000.0, 3000.0], [0.01, 0.02, 0.001]
    )
    assert [network.name[i] for i in np.argsort(row)] == ["north", "south", "main"]
    return network


def by_name(network: RiverNetwork, **values: float) -> np.ndarray:
    return np.array([values[name] for name in network.name])


# Q_out = Q_in + lateral, gathered at the confluence; u = (Q_in + Q_out) / 2A
def test_flow_from_table() -> None:
    network = three_reaches()
    flow = flow_from_table(
        network,
        head_inflow=by_name(network, north=2.0, south=1.0, main=0.5),
        lateral_inflow=by_name(network, north=0.0, south=1.0, main=2.0),
        cross_section=by_name(network, north=4.0, south=3.0, main=2.5),
        temperature=by_name(network, north=10.0, south=11.0, main=12.0),
    )
    np.testing.assert_allclose(flow.discharge_in[0], by_name(network, north=2.0, south=1.0, main=4.5), rtol=1e-15)
    np.testing.assert_allclose(flow.discharge_out[0], by_name(network, north=2.0, south=2.0, main=6.5), rtol=1e-15)
    np.testing.assert_allclose(flow.velocity[0], by_name(network, north=0.5, south=0.5, main=2.2), rtol=1e-15)
    np.testing.assert_allclose(flow.width / flow.depth, 10.0, rtol=1e-14)
    np.testing.assert_allclose((flow.width * flow.depth)[0], by_name(network, north=4.0, south=3.0, main=2.5))
    np.testing.assert_allclose(flow.shear, 9806.65 * flow.depth * network.slope)
    assert flow.temperature[0].tolist() == by_name(network, north=10.0, south=11.0, main=12.0).tolist()
    assert flow.imbalance(network) < 1e-15
    assert flow.notes == (
        "No width given: channels taken as rectangular and 10 times as wide as deep (matters for settling only).",
    )


def test_flow_from_table_with_width() -> None:
    network = three_reaches()
    flow = flow_from_table(
        network, head_inflow=np.ones(3), lateral_inflow=np.zeros(3), cross_section=np.full(3, 6.0), temperature=20.0,
        width=np.full(3, 12.0),
    )  # fmt: skip
    assert np.all(flow.depth == 0.5)
    assert flow.notes == ()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("head_inflow", -0.1, r"LS-204 reach 'south': head_inflow = -0\.1\. Must not be negative"),
        ("lateral_inflow", np.nan, r"LS-204 reach 'south': lateral_inflow = nan"),
        ("cross_section", 0.0, r"LS-204 reach 'south': cross_section = 0\. Must be positive"),
        ("width", np.inf, r"LS-204 reach 'south': width = inf"),
    ],
)
def test_table_mistakes(column: str, value: float, message: str) -> None:
    network = three_reaches()
    table = {name: np.ones(3) for name in ("head_inflow", "lateral_inflow", "cross_section", "width")}
    table[column][network.name.index("south")] = value
    with pytest.raises(ScenarioError, match=message):
        flow_from_table(network, temperature=20.0, **table)
    with pytest.raises(ValueError, match=f"{column} has shape"):
        flow_from_table(network, temperature=20.0, **(table | {column: np.ones(4)}))


def test_dry_reach_is_named() -> None:
    network = three_reaches()
    inflow = by_name(network, north=1.0, south=0.0, main=0.0)
    with pytest.raises(ScenarioError, match=r"LS-209 segment 'south', period 1 = 0 m3/s\. Every segment must carry"):
        flow_from_table(
            network, head_inflow=inflow, lateral_inflow=np.zeros(3), cross_section=np.ones(3), temperature=20.0
        )
    unnamed = dataclasses.replace(network, name=("",) * 3)
    number = network.name.index("south")
    with pytest.raises(ScenarioError, match=rf"LS-209 segment {number}, period 1"):
        flow_from_table(
            unnamed, head_inflow=inflow, lateral_inflow=np.zeros(3), cross_section=np.ones(3), temperature=20.0
        )

"""Yield times area, known means, and what contradicts."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from sim.errors import BalanceError, ScenarioError
from sim.hydrology import KnownMean, month_edges, monthly_shape, steady_monthly_flow
from sim.hydrology.discharge import check_continuity
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.testing.networks import random_network

KATHA = [0.080, 0.067, 0.168, 0.421, 0.696, 1.563, 2.384, 2.435, 1.982, 1.351, 0.616, 0.174]
KM2 = 1e6


def small() -> RiverNetwork:
    """A creek (0) and a river with a declared inflow (1) meet; 2 and 3 follow. Areas in km2:

    creek head 600, along 112; river head 900, inflow 12770, along 500; 2 along 100; 3 head ground 50, along 30.
    """
    area_in = np.array([600.0, 13670.0, 712.0 + 14170.0, 14982.0 + 50.0]) * KM2
    area = np.array([712.0, 14170.0, 14982.0, 15062.0]) * KM2
    return dataclasses.replace(
        random_network(np.random.default_rng(0), 4, branching=0.0),
        down=np.array([2, 2, 3, -1]), area_in=area_in, area=area,
        boundary_area=np.array([0.0, 12770.0, 0.0, 0.0]) * KM2, slope=np.full(4, 0.001),
        length=np.full(4, 1000.0), name=("creek", "river", "below", "mouth"),
    )  # fmt: skip


def flow_of(network: RiverNetwork, known: list[KnownMean] | None = None, **changes: Any) -> Flow:
    n = network.size
    settings: dict[str, Any] = {
        "yield_": np.full(n, 4e-8), "boundary_yield": np.full(n, 6e-8), "known_means": known or [],
        "shape": monthly_shape(KATHA, 0.2), "manning": 0.04, "width_coefficient": 5.0, "width_exponent": 0.5,
        "temperature": 20.0, "time_edges": month_edges(),
    }  # fmt: skip
    return steady_monthly_flow(network, **(settings | changes))


def annual(flow: Flow, field: str = "discharge_in") -> np.ndarray:
    return flow.duration @ getattr(flow, field) / flow.duration.sum()


def test_areas_must_not_shrink() -> None:
    shrinking = dataclasses.replace(small(), area_in=np.array([600.0, 13670.0, 14000.0, 15032.0]) * KM2)
    with pytest.raises(ValueError, match="shrinks downstream at node 2 \\('below'\\)"):
        flow_of(shrinking)
    shrinking = dataclasses.replace(small(), area=np.array([712.0, 14170.0, 14982.0, 15000.0]) * KM2)
    with pytest.raises(ValueError, match="shrinks downstream at node 3 \\('mouth'\\)"):
        flow_of(shrinking)


# Q = yield x area; the months average to it by their days
def test_raw_discharge() -> None:
    flow = flow_of(small())
    river = 900 * 0.04 + 12770 * 0.06
    np.testing.assert_allclose(
        annual(flow), [600 * 0.04, river, 712 * 0.04 + river + 20, 712 * 0.04 + river + 24 + 2], rtol=1e-13
    )
    np.testing.assert_allclose(annual(flow, "boundary"), [0.0, 12770 * 0.06, 0.0, 0.0], rtol=1e-13)
    np.testing.assert_allclose(annual(flow, "lateral"), [112 * 0.04, 20.0, 4.0, 1.2], rtol=1e-13)
    assert flow.notes == ()
    assert flow.imbalance(small()) < 1e-14
    np.testing.assert_allclose(flow.discharge_in / annual(flow), monthly_shape(KATHA, 0.2)[:, None] * np.ones(4))


# nested means, upstream first: the creek 33.5, the river below the confluence 1383.3 at the head of node 3
def test_known_means_are_met() -> None:
    known = [KnownMean("mouth", 3, 1383.3), KnownMean("river head", 1, 900.0)]
    flow = flow_of(small(), known)
    mean = annual(flow)
    np.testing.assert_allclose(mean[[3, 1]], [1383.3, 900.0], rtol=1e-13)
    raw_river = 900 * 0.04 + 12770 * 0.06
    upper, rest = 900.0 / raw_river, (1383.3 - 900.0) / (712 * 0.04 + 20 + 4 + 2)
    np.testing.assert_allclose(annual(flow, "boundary")[1], 12770 * 0.06 * upper, rtol=1e-13)
    np.testing.assert_allclose(annual(flow, "lateral"), [112 * 0.04 * rest, 20 * rest, 4 * rest, 1.2], rtol=1e-13)
    np.testing.assert_allclose(annual(flow, "head")[[0, 1, 3]], [24 * rest, 36 * upper, 2 * rest], rtol=1e-13)
    assert flow.notes[0] == (
        "mouth: known mean 1383.3 m3/s, from yield and area 856.68 m3/s; what arises between it and the known water "
        f"above it, 54.48 m3/s, was multiplied by {rest:.4g}"
    )
    assert flow.notes[1].startswith("river head: known mean 900 m3/s, from yield and area 802.2 m3/s")


def test_order_of_known_means_does_not_matter() -> None:
    known = [KnownMean("a", 0, 30.0), KnownMean("b", 1, 900.0), KnownMean("c", 3, 1000.0)]
    one, two = flow_of(small(), known), flow_of(small(), known[::-1])
    np.testing.assert_array_equal(one.discharge_out, two.discharge_out)


def test_nodes_beside_keep_their_raw_yield() -> None:
    raw, scaled = flow_of(small()), flow_of(small(), [KnownMean("creek", 0, 48.0)])
    assert annual(scaled)[0] == pytest.approx(48.0, rel=1e-13)
    np.testing.assert_array_equal(scaled.discharge_in[:, 1], raw.discharge_in[:, 1])
    np.testing.assert_array_equal(scaled.lateral, raw.lateral)


def test_known_means_that_contradict() -> None:
    known = [KnownMean("creek mouth", 2, 1000.0), KnownMean("river head", 1, 1200.0)]
    with pytest.raises(ScenarioError) as caught:
        flow_of(small(), known)
    assert str(caught.value) == (
        "LS-209 hydrology.known_mean 'creek mouth' = 1000 m3/s. Must exceed the sum of the known water above it "
        "('river head' 1200 m3/s). Correct one of the values, or leave one out. See docs/errors.md#ls-209."
    )
    with pytest.raises(ScenarioError, match="Must not lie at the same place as 'a'"):
        flow_of(small(), [KnownMean("a", 1, 5.0), KnownMean("b", 1, 6.0)])
    with pytest.raises(ScenarioError, match=r"LS-209 hydrology\.known_mean 'a' = 0 m3/s\. Must be positive"):
        flow_of(small(), [KnownMean("a", 1, 0.0)])
    with pytest.raises(ScenarioError, match=r"LS-209 hydrology\.known_mean 'a' = nan m3/s"):
        flow_of(small(), [KnownMean("a", 1, np.nan)])
    with pytest.raises(ScenarioError, match="Must have ground that yields water between"):
        flow_of(small(), [KnownMean("a", 1, 5.0)], yield_=np.zeros(4), boundary_yield=np.zeros(4))
    with pytest.raises(ValueError, match="lies at node 4 of 4"):
        flow_of(small(), [KnownMean("a", 4, 5.0)])


def test_dry_months_are_refused() -> None:
    shape = monthly_shape([0.0] + [1.0] * 11, 0.0)
    with pytest.raises(ScenarioError, match=r"LS-209 segment 'creek', period 1 = 0 m3/s.*dry_season_floor"):
        flow_of(small(), shape=shape)


def test_yields_must_be_numbers() -> None:
    for name in ("yield_", "boundary_yield"):
        for value in (-1e-9, np.nan):
            with pytest.raises(ValueError, match=f"{name} must be finite"):
                flow_of(small(), **{name: np.full(4, value)})


def test_lost_water_is_noticed() -> None:
    network = small()
    flow = flow_of(network)
    leaking = flow.discharge_out.copy()
    leaking[7, 1] *= 1.0 - 1e-9
    with pytest.raises(BalanceError, match="LS-402 water balance of the network = 1e-09 relative error") as caught:
        check_continuity(network, dataclasses.replace(flow, discharge_out=leaking))
    assert caught.value.exit_code == 4


# the issue: in a uniform-yield variant the confluence dilutes by the area ratio
def test_uniform_yield_makes_discharge_follow_area() -> None:
    network = small()
    flow = flow_of(network, boundary_yield=np.full(4, 4e-8))
    np.testing.assert_allclose(
        flow.discharge_out / flow.discharge_out[:, :1], (network.area / 712e6) * np.ones((12, 1))
    )


# roughness of steep beds is said, with the share of length and time; discharge does not depend on it
def test_roughness_of_steep_beds_is_noted() -> None:
    steep = dataclasses.replace(small(), slope=np.array([0.05, 1e-3, 1e-3, 1e-3]))
    flow, even = flow_of(steep), flow_of(small())
    assert flow.notes == (
        "Where the bed slope is 0.002 or more and Jarrett 1984 gives a rougher bed than Manning's n, Jarrett's "
        "roughness holds: on 25.0% of the channel length, mean over the periods. The flow is supercritical (Froude "
        "number above 1) on 0.0%",
    )
    assert even.notes == ()
    for field in ("discharge_in", "discharge_out", "lateral", "head", "boundary", "width"):
        np.testing.assert_array_equal(getattr(flow, field), getattr(even, field))
    # Fr = h^(2/3 + 0.16 - 1/2) S^0.12 / (0.32 sqrt(g)) > 1 in the wet months of a torrent that carries a river
    torrent = flow_of(dataclasses.replace(small(), slope=np.array([1e-3, 1e-3, 1e-3, 0.3])), manning=0.02)
    critical = (0.32 * 9.80665**0.5 / 0.3**0.12) ** (1.0 / (1.0 / 6.0 + 0.16))
    fast = int((torrent.depth[:, 3] > critical).sum())
    assert 0 < fast < 12
    assert "on 25.0% of the channel length" in torrent.notes[0]
    assert torrent.notes[0].endswith(f"supercritical (Froude number above 1) on {fast / 48:.1%}")


def test_hydraulics_hold_at_the_middle() -> None:
    flow = flow_of(small())
    middle = 0.5 * (flow.discharge_in + flow.discharge_out)
    np.testing.assert_allclose(flow.width * flow.depth * flow.velocity, middle, rtol=1e-13)
    np.testing.assert_allclose(
        flow.width, 5.0 * np.sqrt(annual(flow) / 2 + annual(flow, "discharge_out") / 2)[None, :] * np.ones((12, 1))
    )


def declared(discharge: float, node: int = 1) -> np.ndarray:
    given = np.full(4, np.nan)
    given[node] = discharge
    return given


# without known means a declared discharge is added as given, whatever area lies behind it
def test_declared_discharge_replaces_yield_times_area() -> None:
    flow = flow_of(small(), boundary_discharge=declared(700.0))
    np.testing.assert_allclose(annual(flow, "boundary"), [0.0, 700.0, 0.0, 0.0], rtol=1e-14)
    np.testing.assert_array_equal(flow.boundary[:, 1], monthly_shape(KATHA, 0.2) * 700.0)
    np.testing.assert_allclose(annual(flow), [24.0, 736.0, 28.48 + 756.0, 28.48 + 762.0], rtol=1e-13)
    assert flow.notes == ()
    assert flow.imbalance(small()) < 1e-14
    unknown = flow_of(small(), boundary_discharge=np.full(4, np.nan))
    np.testing.assert_array_equal(unknown.discharge_out, flow_of(small()).discharge_out)
    none = flow_of(small(), boundary_discharge=declared(0.0))
    assert np.all(none.boundary == 0.0)


# 1383.3 at the mouth, of which 700 are declared: the ground between yields the remaining 683.3
def test_known_mean_below_a_declared_discharge() -> None:
    flow = flow_of(small(), [KnownMean("mouth", 3, 1383.3)], boundary_discharge=declared(700.0))
    raw = 28.48 + 36.0 + 20.0 + 4.0 + 2.0
    factor = (1383.3 - 700.0) / raw
    np.testing.assert_array_equal(flow.boundary[:, 1], monthly_shape(KATHA, 0.2) * 700.0)
    assert annual(flow)[3] == pytest.approx(1383.3, rel=1e-13)
    np.testing.assert_allclose(annual(flow, "head"), np.array([24.0, 36.0, 0.0, 2.0]) * factor, rtol=1e-13)
    np.testing.assert_allclose(annual(flow, "lateral"), [4.48 * factor, 20 * factor, 4 * factor, 1.2], rtol=1e-13)
    assert flow.notes == (
        "mouth: known mean 1383.3 m3/s, from yield and area 790.48 m3/s with declared inflows of 700 m3/s that keep "
        f"their value; what arises between it and the known water above it, 90.48 m3/s, was multiplied by {factor:.4g}",
    )


# an inflow counts once: in the known mean at or below its node, not in the next one
def test_declared_discharge_at_the_node_of_a_known_mean() -> None:
    known = [KnownMean("river head", 1, 900.0), KnownMean("mouth", 3, 1000.0)]
    flow = flow_of(small(), known, boundary_discharge=declared(700.0))
    np.testing.assert_allclose(annual(flow)[[1, 3]], [900.0, 1000.0], rtol=1e-13)
    np.testing.assert_allclose(annual(flow, "head")[1], 200.0, rtol=1e-13)
    np.testing.assert_allclose(annual(flow, "head")[0], 24.0 * 100.0 / 54.48, rtol=1e-13)
    assert "declared inflows" in flow.notes[0]
    assert "declared inflows" not in flow.notes[1]


def test_declared_discharge_beside_every_known_mean() -> None:
    flow = flow_of(small(), [KnownMean("creek", 0, 48.0)], boundary_discharge=declared(700.0))
    np.testing.assert_allclose(annual(flow)[:2], [48.0, 736.0], rtol=1e-13)
    assert "declared inflows" not in flow.notes[0]


def test_declared_discharge_above_the_known_mean() -> None:
    with pytest.raises(ScenarioError) as caught:
        flow_of(small(), [KnownMean("mouth", 3, 650.0)], boundary_discharge=declared(700.0))
    assert str(caught.value) == (
        "LS-209 hydrology.known_mean 'mouth' = 650 m3/s. Must exceed the sum of the known water above it (declared "
        "inflows 700 m3/s). Correct one of the values, or leave one out. See docs/errors.md#ls-209."
    )
    known = [KnownMean("creek", 0, 30.0), KnownMean("mouth", 3, 720.0)]
    with pytest.raises(ScenarioError, match=r"\('creek' 30 m3/s, declared inflows 700 m3/s\)"):
        flow_of(small(), known, boundary_discharge=declared(700.0))


def test_declared_discharge_must_be_a_number_or_nan() -> None:
    for value in (-1.0, np.inf, -np.inf):
        with pytest.raises(ValueError, match="boundary_discharge must be finite and not negative"):
            flow_of(small(), boundary_discharge=declared(value))
    with pytest.raises(ValueError, match=r"boundary_discharge has shape \(3,\), expected \(4,\)"):
        flow_of(small(), boundary_discharge=np.zeros(3))

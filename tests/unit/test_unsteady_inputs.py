"""Bad input to unsteady transport is refused with place, value and remedy; and what the parts promise by themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.errors import BalanceError, LeachSimError, ScenarioError
from sim.network import network_from_table
from sim.network.objects import RiverNetwork
from sim.transport import (
    Channel,
    Inputs,
    Ledger,
    Rates,
    Series,
    Water,
    build_mesh,
    cells_per_reach,
    route_water,
    unsteady,
)
from sim.transport._kernels_mesh import CELL, JUNCTION, RESERVOIR


def river() -> RiverNetwork:
    return network_from_table(["a", "b", "mouth"], ["mouth", "mouth", ""], [100.0, 200.0, 300.0], [0.01] * 3)[0]


def calm(network: RiverNetwork) -> Water:
    return route_water(network, head=[1.0, 2.0, 0.0], volume=2.0 * network.length, time_edges=[0.0, 600.0])


def pulse(**changes: Any) -> Series:
    return Series(**({"node": 0, "kind": "inflow", "time": [0.0, 60.0], "value": [1.0, 0.0]} | changes))


@pytest.mark.parametrize(
    ("make", "number", "parts"),
    [
        (lambda: pulse(time=[60.0, 60.0]), 204, ["reach of node 0", "time 2", "must increase"]),
        (lambda: pulse(value=[1.0, np.nan]), 204, ["value 2", "nan"]),
        (lambda: pulse(value=[-1.0, 0.0]), 204, ["value 1", "-1"]),
        (lambda: route_water(river(), head=-1.0, volume=1.0), 204, ["reach 'a'", "head", "-1"]),
        (lambda: route_water(river(), head=1.0, volume=0.0), 204, ["reach 'a'", "volume", "positive"]),
        (lambda: route_water(river(), head=[1.0, 0.0, 0.0], volume=1.0), 209, ["reach 'b'", "0 m3/s", "inflow"]),
        (lambda: run(step=0.0), 204, ["step"]),
        (lambda: run(times=[700.0]), 204, ["times", "700", "[0, 600]"]),
        (lambda: run(points=[3]), 209, ["points", "3", "0 to 2"]),
        (lambda: run(channel=Channel(dispersion=np.array([1.0, -2.0, 1.0]))), 204, ["dispersion", "-2"]),
        (lambda: run(channel=Channel(storage_area=np.nan)), 204, ["reach 'a'", "storage_area", "nan"]),
        (lambda: run(rates=Rates(decay=np.array([[0.0], [0.0], [-1e-5]]))), 204, ["reach 'mouth'", "decay", "-1e-05"]),
        (lambda: run(series=pulse(node=2)), 209, ["reach 'mouth'", "must flow in every period"]),
        (lambda: run(series=pulse(node=2, kind="fixed")), 209, ["reach 'mouth'", "with none above"]),
        (lambda: run(head=-1.0), 204, ["reach 'a'", "head water", "-1"]),
        (lambda: cells_per_reach(np.ones(2), np.array([1.0, 0.0]), np.ones(2), step=1.0), 204, ["reach 1", "velocity"]),
    ],
)  # fmt: skip
def test_refused_with_place_value_and_remedy(make: Any, number: int, parts: list[str]) -> None:
    with pytest.raises(ScenarioError) as caught:
        make()
    assert caught.value.number == number
    for part in parts:
        assert part in str(caught.value)


def run(
    series: Series | None = None, head: float = 0.0, rates: Rates | None = None, step: float = 60.0, **options: Any
) -> Any:
    network = river()
    inputs = Inputs(("a",), head=head, series=(series,) if series else ())
    return unsteady(network, calm(network), inputs, rates, step=step, **options)


@pytest.mark.parametrize(
    "options",
    [{"scheme": "central"}, {"threads": 0}, {"initial": "dirty"}, {"rates": Rates(decay=np.zeros((3, 2)))}],
)
def test_mistakes_of_callers(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - four different messages
        run(**options)


def test_water_that_does_not_add_up_is_refused() -> None:
    network = river()
    good = calm(network)
    wrong = Water(
        good.time_edges, good.head, good.lateral, good.abstraction, good.diverted, good.discharge_in,
        good.discharge_out * 1.001, good.volume,
    )  # fmt: skip
    with pytest.raises(BalanceError) as caught:
        unsteady(network, wrong, Inputs(("a",)), step=60.0)
    assert caught.value.number == 402


def ledger(out: float) -> Ledger:
    flow, stock, none = np.array([[3.0], [1.0]]), np.array([[1.0], [3.0], [4.0]]), np.zeros((2, 1))
    gone = np.array([[out], [0.0]])
    zero = np.zeros((3, 1))
    return Ledger(np.arange(3.0), flow, gone, none, none, none, none, none, stock, zero, zero, zero)


# a ledger that does not close stops the run and says when
def test_ledger_stops() -> None:
    ledger(1.0).check(("a",), np.full(2, 1e-13))
    assert ledger(1.0).cumulative_error[0] == 0.0
    with pytest.raises(LeachSimError) as caught:
        ledger(1.5).check(("lead",), np.full(2, 1e-13))
    assert caught.value.number == 401
    assert "lead, 0 s to 1 s" in str(caught.value)
    with pytest.raises(BalanceError, match="whole run"):
        ledger(1.0 + 1e-9).check(("lead",), np.full(2, 1e-6))
    with pytest.raises(BalanceError):
        ledger(np.nan).check(("lead",), np.full(2, 1e-6))


# mean of a series over steps: integral of its steps or lines, over the step
def test_means_of_series() -> None:
    steps = pulse(time=[10.0, 20.0, 40.0], value=[2.0, 4.0, 0.0])
    begin, end = np.array([0.0, 15.0, 20.0, 30.0, 50.0]), np.array([5.0, 25.0, 40.0, 50.0, 60.0])
    np.testing.assert_allclose(steps.mean(begin, end)[:, 0], [2.0, 3.0, 4.0, 2.0, 0.0])
    np.testing.assert_array_equal(steps.jumps(), [20.0, 40.0])
    lines = pulse(time=[10.0, 20.0, 40.0], value=[2.0, 4.0, 0.0], linear=True)
    np.testing.assert_allclose(lines.mean([0.0, 0.0, 10.0, 15.0, 45.0], [10.0, 20.0, 20.0, 30.0, 50.0])[:, 0],
                               [2.0, 2.5, 3.0, (17.5 + 30.0) / 15.0, 0.0])  # fmt: skip
    assert len(lines.jumps()) == 0


# dx = max(Pe D/u, u dt/Cr)
def test_number_of_cells() -> None:
    found = cells_per_reach(
        np.array([1000.0, 1000.0, 1000.0, 5.0]), np.full(4, 0.5), np.array([5.0, 0.0, 1e-9, 5.0]), step=20.0, most=90
    )
    np.testing.assert_array_equal(found, [50, 90, 90, 1])


# every row gives to a higher one; a confluence is a junction, a reservoir one row that needs none
def test_mesh_of_a_confluence() -> None:
    mesh = build_mesh(river(), [2, 3, 4])
    assert np.all(mesh.down > np.arange(mesh.size))
    assert np.count_nonzero(mesh.kind == JUNCTION) == 1
    assert np.count_nonzero(mesh.kind == CELL) == 9
    np.testing.assert_array_equal(np.bincount(mesh.node[mesh.cells]), [2, 3, 4])
    np.testing.assert_allclose(np.bincount(mesh.node, mesh.length), [100.0, 200.0, 300.0])
    assert mesh.kind[mesh.down[mesh.last[0]]] == JUNCTION
    assert mesh.target[mesh.last[0]] == mesh.target[mesh.last[1]] == mesh.first[2]
    pool = build_mesh(river(), [2, 3, 4], reservoir=np.array([False, False, True]))
    assert pool.size == 6
    assert pool.kind[pool.first[2]] == RESERVOIR


# what enters between two reaches does so at a junction, at once mixed: C = (Q C_above + W)/Q
@pytest.mark.parametrize("scheme", ["monotone", "second-order", "upwind"])
def test_load_between_reaches(scheme: Any) -> None:
    network, _ = network_from_table(["up", "down"], ["down", ""], [100.0, 100.0], [0.01] * 2)
    water = route_water(network, head=[2.0, 0.0], volume=200.0, time_edges=[0.0, 6000.0])
    inputs = Inputs(("salt",), head=3.0, series=(Series(1, "load", np.zeros(1), np.full(1, 8.0)),))
    mesh = build_mesh(network, 5, entries=[1])
    found = unsteady(network, water, inputs, step=20.0, scheme=scheme, points=[0, 1], mesh=mesh)
    assert found.points[-1, 1, 0] == pytest.approx(3.0 + 8.0 / 2.0, rel=1e-6)
    cells = found.mesh.node == 0
    np.testing.assert_allclose(found.final_channel[cells & (found.mesh.kind == CELL), 0], 3.0, rtol=1e-6)


# gas exchange drives C to equilibrium: C - C_eq = (C0 - C_eq) exp(-k t) in a closed reach far from its ends
def test_gas_exchange() -> None:
    network, _ = network_from_table(["lake"], [""], [100.0], [0.01])
    water = route_water(network, head=1e-6, volume=1000.0, time_edges=[0.0, 2000.0])
    rates = Rates(gas_exchange=1e-3, gas_equilibrium=4.0)
    found = unsteady(network, water, Inputs(("gas",)), rates, step=10.0, points=[0], scheme="second-order",
                     channel=Channel(reservoir=True))  # fmt: skip
    np.testing.assert_allclose(found.points[:, 0, 0], 4.0 * -np.expm1(-1e-3 * found.time), rtol=1e-3, atol=3e-4)
    assert found.ledger.volatilised.sum() > 0.0

"""Unsteady transport against closed forms; the equation stands above each test. Observed orders are between grids."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.arrays import FloatArray
from sim.network import network_from_table
from sim.network.objects import RiverNetwork
from sim.testing import closed_forms
from sim.transport import (
    Channel,
    Initial,
    Inputs,
    Rates,
    Series,
    Solution,
    build_mesh,
    passage,
    route_water,
    unsteady,
)

LINEAR = "second-order"


def reference(folder: Path, name: str) -> dict[str, FloatArray]:
    """Columns of one file of verification/."""
    lines = (folder / "verification" / name).read_text().splitlines()
    rows = list(csv.reader(line for line in lines if not line.startswith("#")))
    return {label: np.array([float(row[i]) for row in rows[1:]]) for i, label in enumerate(rows[0])}


def reach(length: float) -> RiverNetwork:
    return network_from_table(["reach"], [""], [length], [0.01])[0]


def uniform(length: float, u: float, duration: float, inputs: Inputs, cells: int, **options: Any) -> Solution:
    """One reach of cross-section 1 m2."""
    network = reach(length)
    water = route_water(network, head=u, volume=length, time_edges=[0.0, duration])
    return unsteady(network, water, inputs, options.pop("rates", None), mesh=build_mesh(network, cells), **options)


def inlet(kind: Any) -> Inputs:
    return Inputs(("tracer",), series=(Series(0, kind, np.zeros(1), np.ones(1)),))


def orders(errors: list[float]) -> FloatArray:
    return np.log2(np.array(errors[:-1]) / np.array(errors[1:]))


# V1, V2: R C_t = D C_xx - u C_x - k C, C(0, t) = 1, C(x, 0) = 0 (Ogata & Banks 1961; van Genuchten & Alves 1982)
@pytest.mark.parametrize(("R", "k"), [(1.0, 0.0), (1.0, 2e-3), (3.0, 0.0), (3.0, 2e-3)])
def test_fixed_inlet_is_second_order(R: float, k: float) -> None:
    length, u, D, t = 400.0, 0.5, 5.0, 300.0 * R
    errors = []
    for cells in (100, 200, 400):  # cell Peclet number 0.4, 0.2, 0.1
        found = uniform(
            length, u, t, inlet("fixed"), cells, step=R * 800.0 / cells, channel=Channel(dispersion=D), scheme=LINEAR,
            rates=Rates(decay=k, sorption=R - 1.0),
        )  # fmt: skip
        x = found.mesh.middle()
        exact = closed_forms.step_inlet(x, t, u, D, k=k, R=R)
        errors.append(float(np.abs(found.final_channel[:, 0] - exact)[x < 300.0].max()))
    assert errors[-1] < 2e-4
    np.testing.assert_allclose(orders(errors), 2.0, atol=0.1)


# V3: u C - D C_x = u at x = 0 (Lindstrom et al. 1967)
def test_flux_inlet_is_second_order() -> None:
    length, u, D, t = 120.0, 0.5, 0.5, 120.0
    errors = []
    for cells in (120, 240, 480):
        found = uniform(
            length, u, t, inlet("inflow"), cells, step=120.0 / cells, channel=Channel(dispersion=D), scheme=LINEAR
        )
        x = found.mesh.middle()
        errors.append(float(np.abs(found.final_channel[:, 0] - closed_forms.step_flux(x, t, u, D))[x < 100.0].max()))
    assert errors[-1] < 5e-4
    np.testing.assert_allclose(orders(errors), 2.0, atol=0.1)


# V4: C = M/(A sqrt(4 pi D t)) exp(-(x - ut)^2/4Dt - kt), started from its profile at t = 750 s
@pytest.mark.parametrize("scheme", [LINEAR, "monotone"])
def test_spill(scheme: Any) -> None:
    u, D, mass, k, begin, end = 0.8, 30.0, 2.0, 5e-5, 750.0, 2500.0
    length, origin, error_max, error_mean = 4000.0, 400.0, [], []
    for cells in (100, 200, 400):
        network = reach(length)
        mesh = build_mesh(network, cells)
        x = mesh.middle() - origin
        start = closed_forms.spill(x, begin, u, D, mass, 1.0, k=k)
        found = unsteady(
            network, route_water(network, head=u, volume=length, time_edges=[begin, end]), Inputs(("spill",)),
            Rates(decay=k), step=2800.0 / cells, channel=Channel(dispersion=D), scheme=scheme, mesh=mesh,
            initial=Initial(start[:, None]),
        )  # fmt: skip
        error = np.abs(found.final_channel[:, 0] - closed_forms.spill(x, end, u, D, mass, 1.0, k=k))
        error_max.append(float(error.max()))
        error_mean.append(float(error.mean()))
    # the monotone scheme lowers a peak between cells; in the mean it stays nearly second order
    assert np.all(np.abs(orders(error_max) - 2.0) < 0.1) if scheme == LINEAR else orders(error_mean).min() > 1.5
    assert error_max[-1] < 0.01 * closed_forms.spill(u * end, end, u, D, mass, 1.0, k=k)


# with the limiter on, mean error of a sharp step (cell Peclet number 40 to 10): order above 1, ten times nearer than
# upwind, and nearer than the scheme that overshoots
def test_order_at_a_sharp_step() -> None:
    u, D, length, t = 0.5, 0.05, 400.0, 400.0
    errors: dict[Any, list[float]] = {"monotone": [], LINEAR: [], "upwind": []}
    for scheme, found in errors.items():
        for cells in (100, 200, 400):
            end = uniform(
                length, u, t, inlet("fixed"), cells, step=length / cells, channel=Channel(dispersion=D), scheme=scheme
            )
            exact = closed_forms.step_inlet(end.mesh.middle(), t, u, D)
            found.append(float(np.abs(end.final_channel[:, 0] - exact).mean()))
    assert orders(errors["monotone"]).min() > 1.05
    assert 10.0 * errors["monotone"][-1] < errors["upwind"][-1]
    assert errors["monotone"][-1] < errors[LINEAR][-1]


# V4: a spill of 2 kg in a minute, seen 2 km below: arrival at a threshold, peak, time above it as in the closed form
def test_spill_arrives_peaks_and_passes() -> None:
    u, D, mass, place, threshold = 0.8, 30.0, 2.0, 2000.0, 4e-4
    names = ["above", "below"]
    network, _ = network_from_table(names, ["below", ""], [1000.0, 5000.0], [0.01] * 2)
    water = route_water(network, head=[u, 0.0], volume=network.length, time_edges=[0.0, 6000.0])
    release = Series(1, "load", np.array([0.0, 60.0]), np.array([mass / 60.0, 0.0]))
    found = unsteady(
        network, water, Inputs(("acid",), series=(release,)), step=10.0, channel=Channel(dispersion=D),
        points=[(1, place), (1, 4900.0)], mesh=build_mesh(network, [100, 500], entries=[1]),
    )  # fmt: skip
    seen = passage(found, threshold)
    # released on average half a minute after the start
    t = np.arange(100.0, 6000.0, 0.5)
    exact = closed_forms.spill(place, t, u, D, mass, 1.0)
    above = t[exact >= threshold]
    assert seen.arrival[0] == pytest.approx(above[0] + 30.0, abs=5.0)
    assert seen.departure[0] == pytest.approx(above[-1] + 30.0, abs=5.0)
    assert seen.above[0] == pytest.approx(above[-1] - above[0], abs=5.0)
    assert seen.above[0] == pytest.approx(seen.departure[0] - seen.arrival[0], rel=1e-12)
    assert seen.peak[0] == pytest.approx(exact.max(), rel=5e-3)
    assert seen.peak_time[0] == pytest.approx(t[np.argmax(exact)] + 30.0, abs=10.0)
    assert passage(found, 1.0).above[0] == 0.0
    assert np.isnan(passage(found, 1.0).arrival[0])
    with pytest.raises(ValueError, match="positive"):
        passage(found, 0.0)


# V6: C = exp(x u/2D (1 - sqrt(1 + 4kD/u^2))); with a storage zone k = lam + alpha lam2/(alpha A/A2 + lam2)
@pytest.mark.parametrize("storage", [False, True])
def test_steady_decay_is_second_order(storage: bool) -> None:
    u, D, length = 0.3, 2.0, 8000.0
    rates = Rates(decay=1e-5, storage_decay=5e-5) if storage else Rates(decay=1e-4)
    zone = Channel(dispersion=D, storage_area=0.5 if storage else 0.0, exchange=4e-5 if storage else 0.0)
    k = closed_forms.storage_loss(1e-5, 5e-5, 4e-5, 2.0) if storage else 1e-4
    errors = []
    for cells in (250, 500, 1000):
        found = uniform(
            length, u, 1.0, inlet("fixed"), cells, step=1.0, channel=zone, scheme=LINEAR, rates=rates, initial="steady"
        )
        x = found.mesh.middle()
        exact = closed_forms.steady_decay(x, u, D, k)
        errors.append(float(np.abs(found.final_channel[:, 0] / exact - 1.0)[x < 5000.0].max()))
        if storage:
            np.testing.assert_allclose(
                found.final_stores[0, :, 0] * (4e-5 * 2.0 + 5e-5), 4e-5 * 2.0 * found.final_channel[:, 0], rtol=1e-12
            )
    assert errors[-1] < 2e-5
    np.testing.assert_allclose(orders(errors), 2.0, atol=0.1)


# V7: n mixed cells with implicit upwinding tend to the gamma law P(n, n t) as the step shrinks, to first order
@pytest.mark.parametrize("n", [1, 2, 10])
def test_upwind_scheme_is_tanks_in_series(n: int) -> None:
    errors = []
    for steps in (500, 1000):
        found = uniform(1.0, 1.0, 2.0, inlet("inflow"), n, step=2.0 / steps, scheme="upwind", points=[0])
        exact = closed_forms.tanks_in_series(n, np.maximum(found.time, 1e-300))
        errors.append(float(np.abs(found.points[:, 0, 0] - exact).max()))
    assert errors[-1] < 3e-3
    assert orders(errors)[0] == pytest.approx(1.0, abs=0.1)


# V7 again: in one cell the second-order scheme is a mixed tank too, of second order in time
def test_reservoir_is_a_mixed_tank() -> None:
    tau, k, errors = 4000.0, 2e-4, []
    network = reach(500.0)
    water = route_water(network, head=2.0, volume=2.0 * tau, time_edges=[0.0, 6000.0])
    for steps in (60, 120, 240):
        found = unsteady(
            network, water, inlet("inflow"), Rates(decay=k), step=6000.0 / steps, points=[0], scheme=LINEAR,
            channel=Channel(dispersion=50.0, reservoir=True),
        )  # fmt: skip
        assert found.mesh.size == 1
        exact = closed_forms.mixed_tank(found.time, tau, k)
        errors.append(float(np.abs(found.points[:, 0, 0] - exact)[len(exact) // 2 :].max()))
    assert errors[-1] < 1e-5
    np.testing.assert_allclose(orders(errors), 2.0, atol=0.1)


# V8: steady confluence (Q1 c1 + Q2 c2)/(Q1 + Q2), to rounding; loss in mixed cells is 1/(1 + k tau/n)^n -> exp(-k tau)
@pytest.mark.parametrize("scheme", ["monotone", LINEAR, "upwind"])
def test_confluence(scheme: Any, shared_reference: Path) -> None:
    case = json.loads((shared_reference / "verification" / "steady_small.json").read_text())["cases"]
    case = case["two_branch_confluence"]
    network, _ = network_from_table(["a", "b", "c"], ["c", "c", ""], [100.0, 100.0, 36_000.0], [0.01] * 3)
    water = route_water(
        network, head=[case["Q1"], case["Q2"], 0.0], volume=[200.0, 600.0, 8.0 * case["tau"]], time_edges=[0.0, 1.0]
    )
    inputs = Inputs(("tracer",), head=np.array([[case["c1"]], [case["c2"]], [0.0]]))
    n = 400
    found = unsteady(
        network, water, inputs, Rates(decay=np.array([[0.0], [0.0], [case["k"]]])), step=1.0, initial="steady",
        scheme=scheme, mesh=build_mesh(network, [1, 1, n]), points=[(2, 0.0), 2],
    )  # fmt: skip
    part = case["k"] * case["tau"] / n
    mixed, after = found.points[0, 0, 0], found.points[0, 1, 0]
    # without dispersion the steady start of the monotone scheme is upwind, cell by cell
    cell_by_cell = case["mixed"] * (1.0 + part) ** -n
    assert mixed == pytest.approx(case["mixed"] / (1.0 + part if scheme == "upwind" else 1.0), rel=1e-14)
    expected = case["mixed"] * np.exp(-case["k"] * case["tau"]) if scheme == LINEAR else cell_by_cell
    assert after == pytest.approx(expected, rel=1e-5 if scheme == LINEAR else 1e-12)


# V15: implicit Euler on mixed reaches, 20 + 30 into 50; MODFLOW 6 SFT, its own numbers to 1e-12
def test_modflow_confluence(shared_reference: Path) -> None:
    expected = reference(shared_reference, "mf6_sft_confluence.csv")
    found = confluence("upwind", 60.0, 1)
    for label, place in PROBES.items():
        np.testing.assert_allclose(found.at(expected["time_s"])[:, place], expected[f"C_reach{label}"], atol=1e-12)


PROBES = {0: 0, 19: 1, 49: 2, 50: 3, 59: 4, 99: 5}


def confluence(scheme: Any, step: float, split: int) -> Solution:
    """The network of V15; volumes from Manning's equation, n = 0.03, slope 1e-3, width 10 m, wide channel."""
    names = [f"a{i}" for i in range(20)] + [f"b{i}" for i in range(30)] + [f"c{i}" for i in range(50)]
    below = [*names[1:20], "c0", *names[21:50], "c0", *names[51:], ""]
    network, row = network_from_table(names, below, [100.0] * 100, [1e-3] * 100)
    discharge = np.repeat([1.0, 3.0, 4.0], [20, 30, 50])
    depth = (0.03 * discharge / (10.0 * np.sqrt(1e-3))) ** 0.6
    head = np.zeros(100)
    head[[0, 20]] = 1.0, 3.0
    place = np.argsort(row)
    series = tuple(
        Series(int(place[i]), "inflow", np.array([0.0, 7200.0]), np.array([c, 0.0])) for i, c in ((0, 10.0), (20, 2.0))
    )
    water = route_water(network, head=head[row], volume=(1000.0 * depth)[row], time_edges=[0.0, 24_000.0])
    points = [(int(place[i]), 100.0) for i in PROBES]
    return unsteady(
        network, water, Inputs(("tracer",), series=series), step=step, scheme=scheme, points=points,
        mesh=build_mesh(network, split),
    )  # fmt: skip


# V15: the second-order solution at MODFLOW's grid is nearer to the solution at dx/8, dt/8 than MODFLOW's
# (without dispersion the fronts are jumps, at which the linear scheme wiggles)
@pytest.mark.parametrize(("scheme", "part"), [("monotone", 0.5), (LINEAR, 0.9)])
def test_nearer_than_modflow(scheme: Any, part: float, shared_reference: Path) -> None:
    expected = reference(shared_reference, "mf6_sft_confluence.csv")
    times = expected["time_s"]
    theirs = np.stack([expected[f"C_reach{label}"] for label in PROBES], axis=1)
    fine = confluence("monotone", 7.5, 8).at(times)
    ours = confluence(scheme, 60.0, 1).at(times)
    assert np.abs(ours - fine).mean() < part * np.abs(theirs - fine).mean()


# the files of the reference hold what these closed forms give
@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("an_ogata_banks.csv", lambda r: closed_forms.step_inlet(r["x"], r["t"], 0.5, 1.0, k=0.0)),
        ("an_flux_inlet.csv", lambda r: closed_forms.step_flux(r["x"], r["t"], 0.5, 0.5)),
        ("an_spill.csv", lambda r: closed_forms.spill(r["x"], r["t"], 0.8, 30.0, 2000.0, 40.0, k=5e-5)),
        ("an_steady_decay.csv", lambda r: closed_forms.steady_decay(r["x"], 0.3, 2.0, 1e-4)),
    ],
)
def test_closed_forms_agree_with_reference(name: str, form: Any, shared_reference: Path) -> None:
    rows = reference(shared_reference, name)
    column = "C_adr" if "C_adr" in rows else "C"
    if "D" in rows:
        found = np.array(
            [
                float(closed_forms.step_inlet(x, t, 0.5, D))
                for x, t, D in zip(rows["x"], rows["t"], rows["D"], strict=True)
            ]
        )
    else:
        found = form(rows)
    np.testing.assert_allclose(found, rows[column], rtol=1e-9, atol=1e-12)


def test_retardation_and_decay_agree_with_reference(shared_reference: Path) -> None:
    rows = reference(shared_reference, "an_vangenuchten_alves_decay_R.csv")
    found = [
        float(closed_forms.step_inlet(x, t, 0.5, 0.5, k=k, R=R))
        for x, t, k, R in zip(rows["x"], rows["t"], rows["k"], rows["R"], strict=True)
    ]
    np.testing.assert_allclose(found, rows["C"], rtol=1e-9, atol=1e-12)


def test_tanks_agree_with_reference(shared_reference: Path) -> None:
    rows = reference(shared_reference, "an_tanks_in_series.csv")
    found = [float(closed_forms.tanks_in_series(int(n), t)) for n, t in zip(rows["n"], rows["t"], strict=True)]
    np.testing.assert_allclose(found, rows["C"], rtol=1e-9, atol=1e-12)

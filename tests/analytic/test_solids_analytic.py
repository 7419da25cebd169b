"""Exchange of solids and lead between water and bed against closed forms and against its differential equations."""

from __future__ import annotations

import numpy as np
import pytest

from sim.arrays import FloatArray
from sim.chemistry import settling_loss
from sim.testing.bed_reference import BedCell, bed_history
from sim.transport.bed import Bed, bed_layer, exchange
from sim.transport.solids import BedParameters

DAY = 86400.0
RIGID = {"pore_mixing": 0.0, "molecular_diffusion": 0.0}  # nothing diffuses


# S = S0 exp(-w t / h)
@pytest.mark.parametrize("steps", [1, 7])
def test_settling_alone(steps: int) -> None:
    parameters = BedParameters(settling_velocity=5e-5, **RIGID)
    volume, area, S = np.array([1.0, 40.0, 9e5]), np.array([2.0, 10.0, 1e5]), np.full((3, 1), 0.25)
    bed = bed_layer(area, parameters, filled=0.0)
    for _ in range(steps):
        S, _, bed, _ = exchange(
            bed, S, np.zeros((3, 1)), volume=volume, shear=np.zeros(3), kd=0.0, parameters=parameters,
            duration=3.0 * DAY / steps,
        )  # fmt: skip
    expected = 0.25 * np.exp(-5e-5 * 3.0 * DAY * area / volume)
    np.testing.assert_allclose(S[:, 0], expected, rtol=1e-13)
    np.testing.assert_allclose(bed.solids[:, 0], volume * (0.25 - expected), rtol=1e-12)


# S = S0 exp(-w (1 - tau/tau_cd) t / h), lead at first by k = (1 - f_d) w (1 - tau/tau_cd) / h
@pytest.mark.parametrize("shear", [0.0, 0.1, 0.29, 0.3])
def test_shear_slows_settling_as_in_the_steady_form(shear: float) -> None:
    parameters, dt, h, kd, S = BedParameters(**RIGID), 1.0, 2.0, 120.0, 0.05
    solids, lead, _, _ = exchange(
        bed_layer([1.0], parameters, filled=0.0), [[S]], [[1e-5]], volume=[h], shear=[shear], kd=kd,
        parameters=parameters, duration=dt,
    )  # fmt: skip
    w = 5.0 / DAY
    assert solids[0, 0] == pytest.approx(S * np.exp(-w * max(1.0 - shear / 0.3, 0.0) * dt / h), rel=1e-14)
    share = np.array([1.0 / (1.0 + kd * S)])
    rate = settling_loss(share, w, np.array([h]), np.array([shear]), 0.3)
    assert (1.0 - lead[0, 0] / 1e-5) / dt == pytest.approx(rate[0], rel=2e-5, abs=1e-16)


# the dissolved concentration C / (1 + Kd S) does not change while solids settle
def test_settling_takes_particles_and_leaves_the_dissolved() -> None:
    parameters = BedParameters(**RIGID)
    solids, lead, _, _ = exchange(
        bed_layer([1.0], parameters), [[0.4]], [[1e-5]], volume=[1.5], shear=[0.0], kd=90.0, parameters=parameters,
        duration=DAY,
    )  # fmt: skip
    assert solids[0, 0] < 0.05
    assert lead[0, 0] / (1.0 + 90.0 * solids[0, 0]) == pytest.approx(1e-5 / (1.0 + 90.0 * 0.4), rel=1e-13)


# steady reach: S(x) = S0 exp(-w x / (u h)); parcels move one cell a step, so that advection is exact
def test_settling_along_a_steady_reach() -> None:
    parameters = BedParameters(settling_velocity=1e-4, **RIGID)
    n, dx, u, h, width = 60, 100.0, 0.4, 1.2, 15.0
    dt = dx / u
    S = np.zeros((n, 1))
    bed = bed_layer(np.full(n, dx * width), parameters, filled=0.0)
    given = {"volume": np.full(n, dx * width * h), "shear": np.zeros(n), "kd": 0.0, "parameters": parameters}
    for _ in range(n + 3):
        S = np.concatenate(([[0.3]], S[:-1]))
        S, _, bed, ledger = exchange(bed, S, np.zeros((n, 1)), duration=dt, **given)
    x = dx * np.arange(1, n + 1)
    np.testing.assert_allclose(S[:, 0], 0.3 * np.exp(-1e-4 * x / (u * h)), rtol=1e-13)
    # what comes in goes out or settles
    discharge = u * h * width
    assert ledger.settled_solids[0] == pytest.approx(dt * discharge * (0.3 - S[-1, 0]), rel=1e-12)


# S = S0 + M_e (tau/tau_ce - 1) t / h until the layer is gone; content of the layer stays
@pytest.mark.parametrize(("hours", "expected"), [(10.0, 5e-5 * 2.0 * 36000.0), (1000.0, 53.0)])
def test_erosion_alone(hours: float, expected: float) -> None:
    parameters = BedParameters(**RIGID)
    bed = bed_layer([4.0], parameters, content=2e-5)
    solids, lead, after, _ = exchange(
        bed, [[0.1]], [[0.0]], volume=[6.0], shear=[0.9], kd=100.0, parameters=parameters, duration=3600.0 * hours
    )
    assert 1.5 * (solids[0, 0] - 0.1) == pytest.approx(expected, rel=1e-13)
    assert 1.5 * lead[0, 0] == pytest.approx(2e-5 * expected, rel=1e-13)
    assert after.solids[0, 0] == pytest.approx(4.0 * (53.0 - expected), rel=1e-13, abs=1e-15)
    assert after.lead[0, 0] == pytest.approx(2e-5 * after.solids[0, 0], rel=1e-13)


# full layer: M stays, buried = settled, L = L0 exp(-b/M) + q M (1 - exp(-b/M))
@pytest.mark.parametrize("thickness", [1e-18, 1e-9, 1e-6, 1e-4, 0.05])
def test_burial_of_a_full_layer(thickness: float) -> None:
    parameters = BedParameters(layer_thickness=thickness, **RIGID)
    bed = bed_layer([1.0], parameters, content=5e-5)
    kd, S, C = 80.0, 0.5, 2e-4
    _, _, after, ledger = exchange(
        bed, [[S]], [[C]], volume=[3.0], shear=[0.0], kd=kd, parameters=parameters, duration=DAY
    )
    M, b = float(parameters.full_layer), 3.0 * S * -np.expm1(-5.0 / 3.0)
    q = kd * C / (1.0 + kd * S)
    assert after.solids[0, 0] == pytest.approx(M, rel=1e-14)
    assert ledger.buried_solids[0] == pytest.approx(b, rel=1e-13)
    left = 5e-5 * M * np.exp(-b / M) + q * M * -np.expm1(-b / M)
    assert after.lead[0, 0] == pytest.approx(left, rel=1e-12)
    assert after.buried_lead[0, 0] == pytest.approx(5e-5 * M + q * b - left, rel=1e-8)


# C_d - C_p decays with v A (1/K_w + 1/K_b), K_w = V (1 + Kd S), K_b = M (r + Kd_b)
def test_diffusion_alone() -> None:
    parameters = BedParameters(settling_velocity=0.0, log_kd=0.0, layer_thickness=0.02)
    V, A, S, kd = 2.0, 5.0, 0.2, 10.0
    bed = bed_layer([A], parameters, content=3e-6)
    water, layer = V * (1.0 + kd * S), bed.solids[0, 0] * (float(parameters.pore_water) + 1e-3)
    rate = float(parameters.exchange_velocity) * A * (1.0 / water + 1.0 / layer)
    duration = 0.7 / rate

    def difference(C: FloatArray, now: Bed) -> float:
        return float(C[0, 0] / (1.0 + kd * S) - now.pore_concentration(parameters)[0, 0])

    before = np.array([[1e-4]])
    solids, lead, after, ledger = exchange(
        bed, [[S]], before, volume=[V], shear=[0.0], kd=kd, parameters=parameters, duration=duration
    )
    assert solids[0, 0] == S
    assert difference(lead, after) == pytest.approx(difference(before, bed) * np.exp(-0.7), rel=1e-12)
    assert ledger.diffused_lead[0] == pytest.approx(after.lead[0, 0] - bed.lead[0, 0], rel=1e-12)


# no flow, no exchange of solids, long after: pore water = water
@pytest.mark.parametrize("kd", [0.0, 1.0, 130.0])
@pytest.mark.parametrize("log_kd", [-np.inf, 0.0, 5.1])
def test_pores_and_water_come_to_equilibrium(kd: float, log_kd: float) -> None:
    parameters = BedParameters(settling_velocity=0.0, log_kd=log_kd)
    _, lead, after, _ = exchange(
        bed_layer([5.0], parameters, content=2e-5), [[0.3]], [[1e-3]], volume=[8.0], shear=[0.0], kd=kd,
        parameters=parameters, duration=1e14,
    )  # fmt: skip
    assert after.pore_concentration(parameters)[0, 0] == pytest.approx(lead[0, 0] / (1.0 + 0.3 * kd), rel=1e-12)
    # and stays there
    _, again, then, ledger = exchange(
        after, [[0.3]], lead, volume=[8.0], shear=[0.0], kd=kd, parameters=parameters, duration=DAY
    )
    np.testing.assert_allclose(again, lead, rtol=1e-12)
    np.testing.assert_allclose(then.lead, after.lead, rtol=1e-12)
    assert abs(ledger.diffused_lead[0]) < 1e-15 * (8.0 * lead[0, 0] + after.lead[0, 0])


# --- storms -----------------------------------------------------------------------------------------------------------

PEAK, WIDTH, LENGTH = 0.9 * DAY, 0.2 * DAY, 2.0 * DAY
AREA = 1000.0


def storm(t: float) -> float:
    return float(np.exp(-(((t - PEAK) / WIDTH) ** 2)))


def storm_cell(parameters: BedParameters) -> BedCell:
    """Discharge rises ninefold, volume twofold, shear from 0.1 to 2.1 Pa, and all back."""

    def volume(t: float) -> float:
        return 2000.0 * (1.0 + storm(t))

    def widening(t: float) -> float:
        return -4000.0 * storm(t) * (t - PEAK) / WIDTH**2

    def inflow(t: float) -> float:
        return 1.0 + 8.0 * storm(t)

    return BedCell(
        area=AREA, volume=volume, shear=lambda t: 0.1 * (1.0 + 20.0 * storm(t)), discharge_in=inflow,
        discharge_out=lambda t: inflow(t) - widening(t), solids_in=lambda t: 0.05 + 0.5 * storm(t),
        lead_in=lambda t: 1e-5 * (1.0 + np.cos(t / 2e4)), kd=126.0, parameters=parameters,
    )  # fmt: skip


def split_run(cell: BedCell, start: FloatArray, steps: int) -> tuple[FloatArray, float]:
    """State at the end by Strang splitting (half exchange, flow, half exchange); largest error of the balance."""
    dt, state, worst = LENGTH / steps, start.copy(), 0.0
    total = np.array([start[::2].sum(), start[1::2].sum()])
    passed, most = np.zeros(2), total.copy()

    def half(t: float, middle: float) -> None:
        V = np.array([cell.volume(t)])
        bed = Bed(np.array([cell.area]), *state[2:].reshape(4, 1, 1))
        S, C, bed, _ = exchange(
            bed, state[:1, None] / V, state[1:2, None] / V, volume=V, shear=[cell.shear(middle)], kd=cell.kd,
            parameters=cell.parameters, duration=0.5 * dt,
        )  # fmt: skip
        state[:] = np.concatenate((S[0] * V, C[0] * V, bed.state[:, 0, 0]))

    for step in range(steps):
        t = step * dt
        half(t, t + 0.25 * dt)
        before, after, middle = cell.volume(t), cell.volume(t + dt), t + 0.5 * dt
        even = before if abs(after / before - 1.0) < 1e-7 else (after - before) / np.log(after / before)
        stays = np.exp(-cell.discharge_in(middle) * dt / even)
        inlet = np.array([cell.solids_in(middle), cell.lead_in(middle)])
        flowed = after * (inlet + (state[:2] / before - inlet) * stays)
        passed += flowed - state[:2]
        state[:2] = flowed
        half(t + dt, t + 0.75 * dt)
        now = np.array([state[::2].sum(), state[1::2].sum()])
        most = np.maximum(most, now)
        worst = max(worst, float(np.max(np.abs(now - total - passed) / most)))
    return state, worst


# share of the full layer at the start, and parameters
STORMS: dict[str, tuple[float, BedParameters]] = {
    "layer neither full nor bare": (0.3, BedParameters(settling_velocity=2e-4)),
    "layer exhausted at the peak": (0.02, BedParameters(settling_velocity=2e-4, erosion_rate=5e-4)),
    "layer filled and buried": (0.97, BedParameters(settling_velocity=2e-3, layer_thickness=0.001)),
    "lead that sorbs little": (0.3, BedParameters(settling_velocity=2e-4, log_kd=1.0, pore_mixing=6e-8)),
}


@pytest.mark.parametrize("name", STORMS)
def test_storm_against_its_differential_equations(name: str) -> None:
    filled, parameters = STORMS[name]
    layer = filled * float(parameters.full_layer) * AREA
    start = np.array([100.0, 0.02, layer, 1e-4 * layer, 0.0, 0.0])
    cell = storm_cell(parameters)
    expected = bed_history(cell, start, np.array([0.0, LENGTH]))[-1]
    scale = np.tile([expected[::2].max(), expected[1::2].max()], 3)
    errors = []
    for steps in (192, 384, 768):
        found, imbalance = split_run(cell, start, steps)
        assert imbalance < 1e-13
        assert np.all(found >= 0.0)
        errors.append(np.max(np.abs(found - expected) / scale))
    order = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(order - 2.0) < 0.25), (errors, order)
    assert errors[-1] < 5e-3
    if "exhausted" in name:
        assert bed_history(cell, start, np.array([0.0, 1.1 * DAY]))[-1, 2] == 0.0
    if "buried" in name:
        assert expected[4] > 0.0
        assert found[2] == pytest.approx(float(parameters.full_layer) * AREA, rel=1e-12)


# lead in the water rises as soon as the shear passes the threshold, the more the harder it blows
def test_storms_remobilise_the_bed() -> None:
    parameters = BedParameters()
    shear = np.array([0.25, 0.3, 0.31, 0.4, 0.8, 3.0])
    n = len(shear)
    _, lead, after, _ = exchange(
        bed_layer(np.ones(n), parameters, content=1e-4), np.full((n, 1), 0.1), np.full((n, 1), 1e-6),
        volume=np.ones(n), shear=shear, kd=126.0, parameters=parameters, duration=3600.0,
    )  # fmt: skip
    assert lead[0, 0] < lead[1, 0] < lead[2, 0] < lead[3, 0] < lead[4, 0] < lead[5, 0]
    assert lead[5, 0] > 10.0 * lead[1, 0]
    assert np.all(np.diff(after.lead[1:, 0]) < 0.0)
    assert after.content[5, 0] == pytest.approx(1e-4, rel=1e-3)


def test_the_reference_itself_keeps_mass_without_flow() -> None:
    def nothing(_: float) -> float:
        return 0.0

    parameters = BedParameters()
    cell = BedCell(
        AREA, lambda t: 2000.0, lambda t: 2.0 * storm(t), nothing, nothing, nothing, nothing, 126.0, parameters
    )
    layer = 0.5 * float(parameters.full_layer) * AREA
    start = np.array([100.0, 0.02, layer, 1e-4 * layer, 0.0, 0.0])
    history = bed_history(cell, start, np.array([0.0, 0.4 * DAY, PEAK, LENGTH]))
    np.testing.assert_allclose(history[:, ::2].sum(axis=1), history[0, ::2].sum(), rtol=1e-12)
    np.testing.assert_allclose(history[:, 1::2].sum(axis=1), history[0, 1::2].sum(), rtol=1e-12)
    assert history[2, 1] > 10.0 * history[1, 1]


# water back and forth a thousand times: what all stores hold does not drift
def test_many_storms_keep_mass() -> None:
    parameters = BedParameters(settling_velocity=1e-3, layer_thickness=1e-4)
    rng = np.random.default_rng(3)
    n = 20
    volume, bed = rng.uniform(1.0, 9.0, n), bed_layer(rng.uniform(1.0, 9.0, n), parameters, content=1e-4)
    S, C = rng.uniform(0.0, 1.0, (n, 1)), rng.uniform(0.0, 1e-3, (n, 1))
    solids, lead = (volume * S.T + bed.solids.T)[0], (volume * C.T + bed.lead.T)[0]
    moved = np.zeros(4)
    for _ in range(1000):
        S, C, bed, ledger = exchange(
            bed, S, C, volume=volume, shear=rng.uniform(0.0, 1.0, n), kd=126.0, parameters=parameters, duration=3600.0
        )
        moved += [ledger.eroded_solids[0], ledger.settled_solids[0], ledger.eroded_lead[0], ledger.settled_lead[0]]
    stores = bed.state[:, :, 0]
    np.testing.assert_allclose(volume * S[:, 0] + stores[0] + stores[2], solids, rtol=1e-13)
    np.testing.assert_allclose(volume * C[:, 0] + stores[1] + stores[3], lead, rtol=1e-13)
    # much more went back and forth than there is
    assert np.all(moved[:2] > 20.0 * solids.sum())
    assert np.all(moved[2:] > 20.0 * lead.sum())

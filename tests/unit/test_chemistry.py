"""Kinetics, partition and settling against closed forms and against the reference table."""

from __future__ import annotations

import csv
import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.chemistry import (
    Kinetics,
    Partition,
    Water,
    first_order,
    lead_partition,
    partition_coefficient,
    reactions,
    settling_loss,
    suspended_solids,
    total_from_solids,
)
from sim.errors import ScenarioError
from sim.hydrology.objects import Flow
from sim.registry import SUBSTANCES

DAY = 86400.0


def flow_of(discharge: np.ndarray, depth: float = 2.0, shear: float = 0.1, temperature: float = 20.0) -> Flow:
    t, n = discharge.shape
    one = np.ones((t, n))
    zero = np.zeros((t, n))
    return Flow(
        np.arange(t + 1.0), discharge, discharge, zero, zero, zero, one, depth * one, one, shear * one,
        temperature * one,
    )  # fmt: skip


# k = 0.25 * 1.07^(T - 20)
@pytest.mark.parametrize(("temperature", "rate"), [(10.0, 0.127087), (15.0, 0.178247), (20.0, 0.25), (25.0, 0.350638)])
def test_rate_at_temperature(temperature: float, rate: float) -> None:
    assert first_order(0.25, 1.07, temperature) == pytest.approx(rate, abs=1e-6)


# f_d = 1 / (1 + 10^logKd SPM 1e-6), Kd in L/kg, SPM in mg/L
@pytest.mark.parametrize(
    ("log_kd", "solids", "share"),
    [(5.6, 10.0, 0.20076), (5.6, 100.0, 0.0245034), (5.6, 1000.0, 0.00250559), (4.34, 100.0, 0.3137)],
)
def test_dissolved_share(log_kd: float, solids: float, share: float) -> None:
    assert lead_partition(7.0, solids * 1e-3, log_kd, 0.42) == pytest.approx(share, rel=3e-6)


def rows(shared_reference: Path, prefix: str) -> list[dict[str, str]]:
    with (shared_reference / "chemistry" / "check_values.csv").open(newline="") as table:
        return [row for row in csv.DictReader(table) if row["id"].startswith(prefix)]


def inputs(row: dict[str, str]) -> dict[str, float]:
    pairs = (part.split("=") for part in row["inputs"].split(";"))
    return {name: float(value.split()[0]) for name, value in pairs}


def tolerance(row: dict[str, str]) -> dict[str, float]:
    text = row["tolerance"]
    # the table prints six digits, so a relative 1e-6 is met to half a unit of the sixth
    return {"rel": max(float(text[4:]), 5e-6)} if text.startswith("rel ") else {"abs": float(text)}


def test_reference_dissolved_share(shared_reference: Path) -> None:
    found = rows(shared_reference, "fd_")
    assert len(found) == 4
    for row in found:
        given_values = inputs(row)
        share = lead_partition(7.0, given_values["SPM"] * 1e-3, given_values["logKd"], 0.42)
        assert share == pytest.approx(float(row["expected"]), **tolerance(row)), row["id"]


# log Kd = 1.99 + 0.42 pH is the same line as 4.93 + 0.42 (pH - 7)
def test_reference_partition_line(shared_reference: Path) -> None:
    found = rows(shared_reference, "kd_carlon")
    assert len(found) == 6
    for row in found:
        kd = partition_coefficient(inputs(row)["pH"], 1.99 + 0.42 * 7.0, 0.42)
        assert kd * 1e3 == pytest.approx(float(row["expected"]), **tolerance(row)), row["id"]


def test_reference_temperature_and_half_distance(shared_reference: Path) -> None:
    found = [row for row in rows(shared_reference, "nit_") if row["id"] != "nit_len"]
    assert len(found) == 3
    for row in found:
        rate = first_order(0.25, 1.07, inputs(row)["T"])
        assert rate == pytest.approx(float(row["expected"]), **tolerance(row)), row["id"]
    (half,) = rows(shared_reference, "nit_len")
    assert 0.5 * math.log(2.0) / (0.25 / DAY) / 1e3 == pytest.approx(float(half["expected"]), **tolerance(half))


def test_reference_molar_masses(shared_reference: Path) -> None:
    expected = {row["id"]: row for row in rows(shared_reference, "conv_as")}
    ammonium_sulfate = 132.14e-3
    nitrogen = 2 * SUBSTANCES["ammonium"].molar_mass / ammonium_sulfate
    assert nitrogen == pytest.approx(float(expected["conv_as_n"]["expected"]), abs=1e-4)
    sulfate = SUBSTANCES["sulfate"].molar_mass / ammonium_sulfate
    assert sulfate == pytest.approx(float(expected["conv_as_so4"]["expected"]), abs=1e-4)


# log10 Kd = clip(5.6 + 0.42 (pH - 7), 3.0, 6.5), L/kg -> m3/kg
@pytest.mark.parametrize(("ph", "log_kd"), [(7.0, 5.6), (4.0, 4.34), (0.5, 3.0), (-5.0, 3.0), (9.5, 6.5), (14.0, 6.5)])
def test_partition_coefficient_is_clipped(ph: float, log_kd: float) -> None:
    assert partition_coefficient(ph, 5.6, 0.42) == pytest.approx(10.0**log_kd * 1e-3, rel=1e-13)


@given(st.floats(3.0, 10.0), st.floats(0.0, 5.0), st.floats(1.01, 3.0))
def test_dissolved_share_falls_with_solids_and_ph(ph: float, solids: float, factor: float) -> None:
    share = lead_partition(ph, solids, 5.6, 0.42)
    assert 0.0 < share <= 1.0
    assert lead_partition(ph, solids * factor, 5.6, 0.42) <= share
    assert lead_partition(ph + 0.1, solids, 5.6, 0.42) <= share
    assert lead_partition(ph, 0.0, 5.6, 0.42) == 1.0


# C = c_s SPM + c_s / Kd, and the dissolved part of it is c_s / Kd
def test_background_on_solids() -> None:
    kd = partition_coefficient(7.0, 5.6, 0.42)
    total = total_from_solids(30e-6, 0.02, kd)
    assert total == pytest.approx(30e-6 * 0.02 + 30e-6 / kd, rel=1e-15)
    assert total * lead_partition(7.0, 0.02, 5.6, 0.42) == pytest.approx(30e-6 / kd, rel=1e-13)


# k = f_p (w_s / h) (1 - tau / tau_c) below the critical shear, 0 above
def test_settling() -> None:
    dissolved, depth = np.array([[0.25, 0.25, 0.25, 1.0]]), np.full((1, 4), 2.0)
    shear = np.array([[0.0, 0.075, 0.3, 0.0]])
    rate = settling_loss(dissolved, 5.0 / DAY, depth, shear, 0.3)
    np.testing.assert_allclose(rate * DAY, [[0.75 * 2.5, 0.75 * 2.5 * 0.75, 0.0, 0.0]], rtol=1e-14)
    assert settling_loss(dissolved, 5.0 / DAY, depth, shear + 50.0, 0.3).max() == 0.0


# SPM = a Q^b through (Q_dry, dry) and (Q_wet, wet)
def test_solids_follow_a_power_law() -> None:
    q = np.array([[1.0, 20.0], [10.0, 200.0], [4.0, 80.0]])
    solids = suspended_solids(flow_of(q), 0.02, 0.3)
    exponent = math.log(0.3 / 0.02) / math.log(10.0)
    np.testing.assert_allclose(solids, 0.02 * (q / q[0]) ** exponent, rtol=1e-13)


def test_solids_of_a_single_steady_state() -> None:
    np.testing.assert_allclose(suspended_solids(flow_of(np.array([[3.0, 5.0]])), 0.02, 0.32), 0.08, rtol=1e-14)
    noise = np.array([[3.0], [3.0 * (1.0 + 2e-16)]])
    np.testing.assert_allclose(suspended_solids(flow_of(noise), 0.02, 0.32), 0.08, rtol=1e-14)
    assert np.all(suspended_solids(flow_of(np.array([[1.0], [2.0]])), 0.0, 0.0) == 0.0)


@pytest.mark.parametrize(
    ("dry", "wet", "message"),
    [
        (-0.1, 1.0, r"LS-204 water\.suspended_solids_dry = -0\.1 kg/m3\. Must be positive"),
        (0.0, 1.0, r"LS-204 water\.suspended_solids_dry = 0 kg/m3"),
        (float("nan"), 1.0, r"LS-204 water\.suspended_solids_dry = nan"),
        (0.3, 0.02, r"LS-209 water\.suspended_solids_wet = 0\.02 kg/m3\. Must not be below"),
        (0.3, float("nan"), r"LS-209 water\.suspended_solids_wet = nan"),
    ],
)
def test_solids_mistakes(dry: float, wet: float, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        suspended_solids(flow_of(np.array([[1.0], [2.0]])), dry, wet)


LEAD = Partition(log_kd=5.6, ph_slope=0.42, settling_velocity=5.0 / DAY, critical_shear=0.3)


def test_reactions_are_assembled_in_order() -> None:
    flow = flow_of(np.array([[1.0, 20.0], [10.0, 200.0]]), temperature=25.0)
    substances = [
        Kinetics("ammonium", 0.25 / DAY, 1.07), Kinetics("sulfate", 0.0), Kinetics("lead", 0.0, 1.0, LEAD),
    ]  # fmt: skip
    found = reactions(flow, substances, Water(7.0, 0.02, 0.3))
    assert found.loss_rate.shape == found.dissolved_fraction.shape == (2, 3, 2)
    np.testing.assert_allclose(found.loss_rate[:, 0] * DAY, 0.25 * 1.07**5, rtol=1e-14)
    assert np.all(found.loss_rate[:, 1] == 0.0)
    assert np.all(found.dissolved_fraction[:, :2] == 1.0)
    share = 1.0 / (1.0 + 10.0**2.6 * np.array([0.02, 0.3]))
    np.testing.assert_allclose(found.dissolved_fraction[:, 2], share[:, None] * np.ones(2), rtol=1e-13)
    np.testing.assert_allclose(
        found.loss_rate[:, 2] * DAY, (1.0 - share)[:, None] * np.ones(2) * 5.0 / 2.0 * (1.0 - 0.1 / 0.3), rtol=1e-13
    )
    np.testing.assert_allclose(found.suspended_solids, np.array([[0.02, 0.02], [0.3, 0.3]]), rtol=1e-14)
    assert not found.loss_rate.flags.writeable


def test_first_order_loss_and_settling_add() -> None:
    flow = flow_of(np.array([[1.0]]))
    settle = reactions(flow, [Kinetics("lead", 0.0, 1.0, LEAD)], Water(7.0, 0.1, 0.1)).loss_rate
    both = reactions(flow, [Kinetics("lead", 1e-6, 1.0, LEAD)], Water(7.0, 0.1, 0.1)).loss_rate
    np.testing.assert_allclose(both - settle, 1e-6, rtol=1e-9)


def test_ph_may_vary_by_node() -> None:
    flow = flow_of(np.ones((1, 3)))
    found = reactions(flow, [Kinetics("lead", 0.0, 1.0, LEAD)], Water(np.array([[4.0, 6.0, 8.0]]), 0.1, 0.1))
    assert np.all(np.diff(found.dissolved_fraction[0, 0]) < 0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        Kinetics("x", -1.0),
        Kinetics("x", math.nan),
        Kinetics("x", 1.0, 0.0),
        Kinetics("x", 0.0, 1.0, LEAD._replace(settling_velocity=-1.0)),
        Kinetics("x", 0.0, 1.0, LEAD._replace(critical_shear=0.0)),
    ],
)
def test_impossible_parameters(wrong: Kinetics) -> None:
    with pytest.raises(ValueError, match=r"x: .* must"):
        reactions(flow_of(np.ones((1, 1))), [wrong], Water(7.0, 0.1, 0.1))


def test_settling_needs_slow_water() -> None:
    fast = flow_of(np.ones((1, 1)), shear=0.3)
    slow = dataclasses.replace(fast, shear=np.zeros((1, 1)))
    one = [Kinetics("lead", 0.0, 1.0, LEAD)]
    assert reactions(fast, one, Water(7.0, 0.1, 0.1)).loss_rate[0, 0, 0] == 0.0
    assert reactions(slow, one, Water(7.0, 0.1, 0.1)).loss_rate[0, 0, 0] > 0.0

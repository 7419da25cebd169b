"""Parameters and supply of solids, the bed as an object, and the exchange at its limits."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.errors import ScenarioError
from sim.transport import _kernels_solids as kernels
from sim.transport.bed import Bed, bed_layer, exchange
from sim.transport.solids import BedParameters, ParameterFact, SolidsSupply, exchange_velocity

DAY = 86400.0
STILL = {"pore_mixing": 0.0, "molecular_diffusion": 0.0}


# --- parameters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fact", BedParameters.facts() + SolidsSupply.facts(), ids=lambda fact: fact.name)
def test_every_default_has_a_unit_a_range_and_a_source(fact: ParameterFact) -> None:
    assert fact.low <= fact.value <= fact.high
    assert fact.low < fact.high
    assert fact.evidence in ("F", "M", "C")
    assert fact.unit
    assert fact.symbol
    assert len(fact.source) > 10


# name of the reference's row -> our name, factor to SI
REFERENCE = {
    "w_s": ("settling_velocity", 1.0 / DAY),
    "tau_c": ("erosion_shear", 1.0),
    "M_e": ("erosion_rate", 1e-3),
    "z_mix": ("layer_thickness", 1.0),
    "logKd_bed": ("log_kd", 1.0),
}


@pytest.mark.parametrize("symbol", REFERENCE)
def test_defaults_are_those_of_the_reference(shared_reference: Path, symbol: str) -> None:
    with (shared_reference / "chemistry" / "parameters.csv").open(encoding="utf-8") as file:
        row = next(row for row in csv.DictReader(file) if row["symbol"] == symbol)
    name, factor = REFERENCE[symbol]
    fact = next(fact for fact in BedParameters.facts() if fact.name == name)
    expected = [float(row[key]) * factor for key in ("central", "low", "high")]
    np.testing.assert_allclose([fact.value, fact.low, fact.high], expected, rtol=1e-12)
    assert f"[{fact.evidence}]" in row["source"]


# v = 0.005 m/d in parameters.csv
def test_exchange_velocity_of_the_defaults() -> None:
    assert float(BedParameters().exchange_velocity) * DAY == pytest.approx(0.005, rel=0.05)


# 1/v = delta/D + (z/2)/(phi D / theta^2)
def test_exchange_velocity_is_two_resistances_in_series() -> None:
    above = 1e-9 / 1e-3
    pores = 0.5 * 1e-9 / (1.0 - np.log(0.25)) / 0.02
    v = exchange_velocity(0.5, 0.04, 1e-3, 1e-9)
    assert float(v) == pytest.approx(1.0 / (1.0 / above + 1.0 / pores), rel=1e-14)
    assert float(exchange_velocity(0.5, 0.0, 1e-3, 1e-9)) == pytest.approx(above, rel=1e-14)
    assert float(exchange_velocity(0.5, 0.04, 0.0, 1e-9)) == pytest.approx(pores, rel=1e-14)
    assert float(exchange_velocity(0.5, 0.04, 1e-3, 0.0)) == 0.0
    with pytest.raises(ScenarioError, match=r"LS-209 bed\.boundary_layer"):
        exchange_velocity(0.5, 0.0, 0.0, 1e-9)


def test_layer_holds_what_its_porosity_leaves() -> None:
    bed = BedParameters(layer_thickness=0.1, porosity=0.75, particle_density=2400.0)
    assert float(bed.full_layer) == pytest.approx(60.0)
    assert float(bed.pore_water * bed.full_layer) == pytest.approx(0.075)  # phi z
    assert float(BedParameters(log_kd=-np.inf).kd) == 0.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settling_velocity": -1e-5}, r"LS-204 bed\.settling_velocity = -1e-05\. Must be at least 0"),
        ({"erosion_rate": np.nan}, r"LS-204 bed\.erosion_rate = nan"),
        ({"layer_thickness": np.inf}, r"LS-204 bed\.layer_thickness = inf"),
        ({"deposition_shear": 0.0}, r"LS-204 bed\.deposition_shear = 0\. Must be above 0"),
        ({"porosity": 1.0}, r"LS-204 bed\.porosity = 1\. Must be above 0 and below 1"),
        ({"porosity": [0.5, 0.0]}, r"LS-204 bed\.porosity = 0"),
        ({"log_kd": np.nan}, r"LS-204 bed\.log_kd = nan"),
        ({"deposition_shear": 0.4}, r"LS-209 bed\.deposition_shear = 0\.4 Pa.*0\.3 Pa"),
        ({"layer_thickness": 0.0, "boundary_layer": 0.0}, r"LS-209 bed\.boundary_layer"),
    ],
)
def test_bad_parameters_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        BedParameters(**change)


def test_parameters_per_member() -> None:
    bed = BedParameters(erosion_shear=[0.3, 0.6], settling_velocity=1e-4)
    np.testing.assert_array_equal(bed.rates(2)[kernels.EROSION_SHEAR], [0.3, 0.6])
    np.testing.assert_array_equal(bed.rates(2)[kernels.SETTLING], [1e-4, 1e-4])
    with pytest.raises(ValueError, match="broadcast"):
        bed.rates(3)


# --- supply ---------------------------------------------------------------------------------------------------------


# SPM = a (Q / Q_ref)^b
def test_rating() -> None:
    supply = SolidsSupply(concentration=0.1, exponent=2.0)
    np.testing.assert_allclose(
        supply.hillslopes([[0.0, 2.0], [5.0, 6.0]], [5.0, 2.0]), [[0.0, 0.1], [0.1, 0.9]], rtol=1e-14
    )
    with pytest.raises(ScenarioError, match=r"LS-204 solids: discharge \[1\] = -1"):
        supply.hillslopes([1.0, -1.0], 1.0)
    with pytest.raises(ScenarioError, match=r"LS-204 solids: reference discharge = 0"):
        supply.hillslopes([1.0], 0.0)
    with pytest.raises(ScenarioError, match=r"LS-204 solids\.exponent"):
        SolidsSupply(exponent=-1.0)


def test_pits_give_their_yield_in_the_mean_and_most_of_it_in_storms() -> None:
    rng = np.random.default_rng(7)
    discharge, duration = 10.0 ** rng.uniform(-1.0, 2.0, (30, 3)), rng.uniform(1.0, 5.0, 30)
    supply, area = SolidsSupply(exponent=1.5, pit_yield=3e-7), np.array([0.0, 10.0, 4e4])
    rate = supply.pits(area, discharge, duration)
    mean = (rate * duration[:, None]).sum(axis=0) / duration.sum()
    np.testing.assert_allclose(mean, 3e-7 * area, rtol=1e-13)
    np.testing.assert_allclose(rate[:, 2] / rate[0, 2], (discharge[:, 2] / discharge[0, 2]) ** 2.5, rtol=1e-12)
    with pytest.raises(ScenarioError, match=r"LS-204 solids: largest discharge at pits \[1\] = 0"):
        supply.pits([1.0, 1.0], [[1.0, 0.0], [2.0, 0.0]], [1.0, 1.0])
    with pytest.raises(ScenarioError, match=r"LS-204 solids: area of pits \[0\] = -1"):
        supply.pits([-1.0], [[1.0]], [1.0])
    with pytest.raises(ScenarioError, match="LS-204 solids: duration"):
        supply.pits([1.0], [[1.0]], [0.0])


# --- the bed --------------------------------------------------------------------------------------------------------


def test_bed_layer() -> None:
    parameters = BedParameters()
    bed = bed_layer([10.0, 20.0], parameters, members=3, filled=0.5, content=[1e-5, 2e-5, 0.0])
    np.testing.assert_allclose(bed.solids, 0.5 * 53.0 * np.array([[10.0], [20.0]]) * np.ones(3))
    np.testing.assert_allclose(bed.content, [[1e-5, 2e-5, 0.0]] * 2)
    # C_p (r + Kd) M = L
    held = bed.pore_concentration(parameters) * (parameters.pore_water + parameters.kd) * bed.solids
    np.testing.assert_allclose(held, bed.lead, rtol=1e-14)
    assert not bed_layer([1.0], parameters, filled=0.0).content.any()


@pytest.mark.parametrize(
    ("solids", "lead", "message"),
    [
        (-1.0, 0.0, r"LS-204 bed\.solids = -1"),
        (1.0, np.nan, r"LS-204 bed\.lead = nan"),
        (0.0, 1.0, r"LS-209 bed\.lead, cell 0 = 1 kg\. Needs solids"),
    ],
)
def test_impossible_beds_are_refused(solids: float, lead: float, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        Bed(np.ones(1), np.array([[solids]]), np.array([[lead]]), np.zeros((1, 1)), np.zeros((1, 1)))
    with pytest.raises(ScenarioError, match=r"LS-204 bed: filled share = 1\.5\. Must be from 0 to 1"):
        bed_layer([1.0], BedParameters(), filled=1.5)


# --- the exchange at its limits ---------------------------------------------------------------------------------------


def run(**changes: Any) -> tuple[Any, Any, Bed, Any]:
    """One cell of 10 m2 and 20 m3 at rest for an hour, with changes."""
    parameters = changes.pop("parameters", BedParameters())
    bed = changes.pop("bed", None) or bed_layer([10.0], parameters, filled=0.5, content=3e-5)
    given: dict[str, Any] = {
        "solids": [[0.1]], "lead": [[1e-5]], "volume": [20.0], "shear": [0.0], "kd": 100.0, "duration": 3600.0,
    }  # fmt: skip
    return exchange(bed, parameters=parameters, **given | changes)


LIMITS: dict[str, dict[str, Any]] = {
    "no solids": {"solids": [[0.0]]},
    "no lead": {"lead": [[0.0]]},
    "nothing at all": {"solids": [[0.0]], "lead": [[0.0]], "bed": bed_layer([10.0], BedParameters(), filled=0.0)},
    "bare bed in a storm": {"bed": bed_layer([10.0], BedParameters(), filled=0.0), "shear": [30.0]},
    "bare bed at rest": {"bed": bed_layer([10.0], BedParameters(), filled=0.0)},
    "full bed at rest": {"bed": bed_layer([10.0], BedParameters(), content=1e-4)},
    "a film of water": {"volume": [1e-300]},
    "a sea": {"volume": [1e12]},
    "nothing sorbs": {"kd": 0.0, "parameters": BedParameters(log_kd=-np.inf)},
    "everything sorbs": {"kd": 1e9, "parameters": BedParameters(log_kd=12.0 - 1e-9)},
    "for ever at rest": {"duration": 1e300},
    "for ever in a storm": {"duration": 1e300, "shear": [1e3]},
    "no time": {"duration": 0.0},
    "threshold": {"shear": [0.3]},
    "layer without thickness": {
        "parameters": BedParameters(layer_thickness=0.0),
        "bed": bed_layer([10.0], BedParameters(), filled=0.0),
    },
    "cell without bed": {"bed": bed_layer([0.0], BedParameters())},
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits_keep_mass_and_sign(name: str) -> None:
    changes = LIMITS[name]
    bed = changes.get("bed") or bed_layer([10.0], BedParameters(), filled=0.5, content=3e-5)
    solids, lead, after, ledger = run(**changes)
    V = np.array(changes.get("volume", [20.0]))[:, None]
    for mass in (solids, lead, after.state):
        assert np.all(np.isfinite(mass))
        assert np.all(mass >= 0.0)
    before = V * changes.get("solids", [[0.1]]) + bed.solids, V * changes.get("lead", [[1e-5]]) + bed.lead
    now = V * solids + after.solids + after.buried_solids, V * lead + after.lead + after.buried_lead
    np.testing.assert_allclose(now, before, rtol=1e-14)
    gained = ledger.settled_solids - ledger.eroded_solids - ledger.buried_solids
    np.testing.assert_allclose(after.solids - bed.solids, [gained], rtol=1e-12, atol=1e-13 * before[0].max())
    np.testing.assert_array_equal(ledger.buried_solids, after.buried_solids[0])
    np.testing.assert_array_equal(ledger.buried_lead, after.buried_lead[0])


def test_between_the_thresholds_only_diffusion_acts() -> None:
    parameters = BedParameters(deposition_shear=0.2, erosion_shear=0.4)
    for shear in (0.2, 0.3, 0.4):
        solids, _, after, ledger = run(parameters=parameters, shear=[shear])
        assert solids[0, 0] == 0.1
        assert after.solids[0, 0] == 0.5 * 530.0
        assert ledger.diffused_lead[0] != 0.0
    assert run(parameters=parameters, shear=[0.199])[3].settled_solids[0] > 0.0
    assert run(parameters=parameters, shear=[0.401])[3].eroded_solids[0] > 0.0


def test_a_cell_at_rest_keeps_its_bytes() -> None:
    rng = np.random.default_rng(1)
    parameters = BedParameters(deposition_shear=0.2, erosion_shear=0.4, **STILL)
    n = 50
    bed = bed_layer(rng.uniform(1.0, 9.0, n), parameters, filled=rng.random((n, 1)), content=1e-4)
    S, C = rng.random((n, 1)), rng.random((n, 1))
    solids, lead, after, _ = exchange(
        bed, S, C, volume=rng.uniform(1.0, 9.0, n), shear=np.full(n, 0.3), kd=77.0, parameters=parameters,
        duration=900.0,
    )  # fmt: skip
    for now, before in ((solids, S), (lead, C), (after.state, bed.state)):
        np.testing.assert_array_equal(now, before)


def test_a_layer_that_is_more_than_full_is_refused() -> None:
    bed = bed_layer([1.0, 1.0], BedParameters(), filled=[[0.1], [0.5]])
    with pytest.raises(ScenarioError, match=r"LS-209 bed\.solids, cell 1 = 26\.5 kg\..*\(10\.6 kg\)"):
        exchange(
            bed, np.zeros((2, 1)), np.zeros((2, 1)), volume=[1.0, 1.0], shear=[0.0, 0.0], kd=1.0,
            parameters=BedParameters(layer_thickness=0.01), duration=1.0,
        )  # fmt: skip


def test_a_layer_full_but_for_rounding_buries_what_settles_and_no_more() -> None:
    full = 6.0
    M = full * (1.0 + 1e-12)
    W, _, layer, _, settled, lead, sunk, sunk_lead = kernels.settle(3.0, 0.2, M, 0.4, 0.3, 0.7, 10.0, 30.0, full)
    assert sunk == settled
    assert layer == M
    assert settled + W == pytest.approx(3.0, rel=1e-15)
    assert 0.0 < sunk_lead < 0.4 + lead


def test_all_that_the_layer_holds_erodes_and_no_more() -> None:
    solids, lead, after, ledger = run(duration=1e9, shear=[10.0], parameters=BedParameters(**STILL))
    assert after.solids[0, 0] == after.lead[0, 0] == 0.0
    assert ledger.eroded_solids[0] == pytest.approx(265.0)
    assert 20.0 * solids[0, 0] == pytest.approx(2.0 + 265.0)
    assert 20.0 * lead[0, 0] == pytest.approx(20.0 * 1e-5 + 265.0 * 3e-5)


def test_dissolved_substances_do_not_settle() -> None:
    _, lead, after, ledger = run(kd=0.0, bed=bed_layer([10.0], BedParameters()), parameters=BedParameters(**STILL))
    assert lead[0, 0] == 1e-5
    assert not after.lead.any()
    assert ledger.settled_lead[0] == 0.0


def test_a_cell_without_volume_is_left_alone() -> None:
    solids, lead, after, _ = run(volume=[0.0], shear=[5.0])
    assert (solids[0, 0], lead[0, 0]) == (0.1, 1e-5)
    np.testing.assert_array_equal(after.solids, 265.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"solids": [[-0.1]]}, "LS-204 solids = -0.1. Must be finite and not negative"),
        ({"lead": [[np.nan]]}, "LS-204 lead = nan"),
        ({"volume": [np.inf]}, "LS-204 volume = inf"),
        ({"shear": [-1.0]}, "LS-204 shear = -1"),
        ({"kd": -1.0}, "LS-204 kd = -1"),
        ({"duration": -1.0}, "LS-204 duration = -1"),
    ],
)
def test_bad_input_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        run(**changes)


def test_a_bad_cell_is_named() -> None:
    bed = bed_layer([1.0, 1.0], BedParameters())
    with pytest.raises(ScenarioError, match="LS-204 shear, cell 1 = -2"):
        exchange(
            bed, np.zeros((2, 1)), np.zeros((2, 1)), volume=[1.0, 1.0], shear=[0.0, -2.0], kd=1.0,
            parameters=BedParameters(), duration=1.0,
        )  # fmt: skip
    with pytest.raises(ValueError, match="volume"):
        exchange(
            bed, np.zeros((2, 1)), np.zeros((2, 1)), volume=[1.0], shear=[0.0, 2.0], kd=1.0,
            parameters=BedParameters(), duration=1.0,
        )  # fmt: skip


# --- the kernel -----------------------------------------------------------------------------------------------------


def kernel_case(as_mass: bool) -> dict[str, np.ndarray]:
    """Two members in five columns, one of which is nobody's, over cells in all states; water as concentrations."""
    rng = np.random.default_rng(11)
    n, k = 40, 2
    parameters = BedParameters(settling_velocity=[2e-4, 1e-3], erosion_shear=[0.3, 0.5], layer_thickness=0.01)
    volume, area = rng.uniform(5.0, 50.0, n), rng.uniform(1.0, 30.0, n)
    shear = rng.uniform(0.0, 1.0, n)
    before = rng.uniform(0.0, 1.0, (n + 1, 5))
    bed = bed_layer(area, parameters, members=k, filled=rng.random((n, k)), content=rng.random((n, k))).state
    sums = np.zeros((kernels.EXCHANGE_LINES, 2, k))
    scale = np.append(volume, 1.0)[:, None] if as_mass else np.ones((n + 1, 1))
    water = before * scale
    kernels.exchange_with_bed(
        parameters.rates(k), volume, area, shear, np.ones(n) if as_mass else volume, rng.uniform(0.0, 200.0, (n, k)),
        np.array([3, 0]), np.array([1, 2]), 3600.0, water, bed, sums,
    )  # fmt: skip
    return {"shear": shear, "before": before, "water": water / scale, "bed": bed, "sums": sums}


def test_kernel_takes_mass_or_concentration() -> None:
    mass, concentration = kernel_case(True), kernel_case(False)
    for name in ("water", "bed", "sums"):
        np.testing.assert_allclose(mass[name], concentration[name], rtol=1e-12, atol=1e-15)


def test_kernel_touches_its_columns_and_rows_alone() -> None:
    case = kernel_case(False)
    same = case["water"] == case["before"]
    assert same[:, 4].all()
    assert same[40].all()
    assert not same[:40, 1:4].any()
    # solids of the second member rest between its thresholds
    np.testing.assert_array_equal(same[:40, 0], (case["shear"] >= 0.3) & (case["shear"] <= 0.5))


def test_compiled_kernel_and_plain_python_agree() -> None:
    compiled = [
        kernels.settle(3.0, 0.2, 5.0, 0.4, 0.3, 0.7, 10.0, 30.0, 6.0),
        (kernels.diffuse(0.3, 0.2, 4.0, 9.0, 2.0),),
        (kernels.diffuse(0.3, 0.2, 4.0, 0.0, 2.0),),
    ]
    plain = [
        kernels.settle.py_func(3.0, 0.2, 5.0, 0.4, 0.3, 0.7, 10.0, 30.0, 6.0),
        (kernels.diffuse.py_func(0.3, 0.2, 4.0, 9.0, 2.0),),
        (kernels.diffuse.py_func(0.3, 0.2, 4.0, 0.0, 2.0),),
    ]
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)

"""Release and delivery against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.errors import BalanceError
from sim.network.objects import Snapped
from sim.registry import MONTH_DAYS, SECONDS_PER_DAY, SECONDS_PER_YEAR
from sim.sources import LEDGER_LINES, DeliveryParameters, Load, Pits, ReleaseParameters, background, steady_load
from sim.sources.load import check_ledger

SUBSTANCES = ("ammonium", "sulfate", "oxalate", "lead")
TONNE_A_YEAR = 1000.0 / SECONDS_PER_YEAR
MONTHS = np.array(MONTH_DAYS) * SECONDS_PER_DAY

RELEASE = ReleaseParameters(
    oxide_per_pit=15.0 * TONNE_A_YEAR,
    ammonium_sulfate_per_oxide=8.0,
    oxalic_acid_per_oxide=2.0,
    oxalic_acid_excess=0.4,
    loss_fraction=0.35,
    drained_area=11e4,
    lead_in_drainage=0.2e-3,
)
DELIVERY = DeliveryParameters(
    fast_share=0.2,
    overland_length=300.0,
    overland_attenuation=np.array([0.00312, 0.0185, 0.0, 0.0]),
    slow_share=np.array([0.08, 1.0, 0.0, 1.0]),
)


def sites(pits: list[float]) -> Pits:
    k = len(pits)
    nothing = np.full(k, np.nan)
    return Pits(
        name=tuple(f"site {i}" for i in range(k)),
        x=nothing,
        y=nothing,
        longitude=nothing,
        latitude=nothing,
        pits=np.array(pits),
        year=np.zeros(k),
        group=("",) * k,
        illustrative=True,
    )


def at(node: list[int], path: list[float]) -> Snapped:
    k = len(node)
    return Snapped(
        node=np.array(node), path_length=np.array(path), fall=np.zeros(k), cell=np.zeros(k), start_cell=np.zeros(k)
    )


def load(
    pits: list[float],
    path: list[float],
    *,
    node: list[int] | None = None,
    release: ReleaseParameters = RELEASE,
    delivery: DeliveryParameters = DELIVERY,
    runoff: float = 4e-8,
) -> Load:
    shape = np.linspace(0.5, 1.5, 12)
    shape /= np.average(shape, weights=MONTHS)
    return steady_load(
        sites(pits),
        at(list(range(len(pits))) if node is None else node, path),
        substances=SUBSTANCES,
        release=release,
        delivery=delivery,
        local_runoff=runoff * np.outer(shape, np.ones(len(pits))),
        shape=shape,
        duration=MONTHS,
        background=np.zeros((12, 4, 3)),
    )


def test_one_site_by_hand() -> None:
    """Ten pits, 500 m from the channel: masses in tonnes a year."""
    ledger = {line: mass / 1000.0 for line, mass in load([10.0], [500.0]).ledger.items()}
    reagent = 10 * 15.0 * 8.0
    nitrogen, sulfate = reagent * 0.2120, reagent * 0.7270
    oxalate = 10 * 15.0 * 2.0 * 88.02 / 90.03
    lead = 0.2e-6 * 11e4 * 4e-8 * SECONDS_PER_YEAR
    np.testing.assert_allclose(ledger["applied"], [nitrogen, sulfate, oxalate, 0.0], rtol=2e-4)
    np.testing.assert_allclose(ledger["mobilised"], [0, 0, 0, lead], rtol=1e-12)
    np.testing.assert_allclose(ledger["consumed"], [0, 0, 0.6 * oxalate, 0], rtol=1e-12)
    np.testing.assert_allclose(
        ledger["recovered"], [0.65 * nitrogen, 0.65 * sulfate, 0.65 * 0.4 * oxalate, 0], rtol=2e-4
    )
    fast_n, fast_s = 0.2 * np.exp(-0.00312 * 300), 0.2 * np.exp(-0.0185 * 300)
    delivered = [
        0.35 * nitrogen * (fast_n + 0.08 * (1 - fast_n)),
        0.35 * sulfate * (fast_s + 1.0 * (1 - fast_s)),
        0.35 * 0.4 * oxalate * 0.2,
        lead,
    ]
    np.testing.assert_allclose(ledger["delivered"], delivered, rtol=2e-4)
    np.testing.assert_allclose(ledger["held"][0], 0.35 * nitrogen * 0.92 * (1 - fast_n), rtol=2e-4)
    assert ledger["held"][1] == pytest.approx(0.0, abs=1e-9)
    assert ledger["held"][3] == pytest.approx(0.0, abs=1e-12)
    assert ledger["off_terrain"].tolist() == [0, 0, 0, 0]
    assert tuple(ledger) == LEDGER_LINES


def test_ratio_of_nitrogen_to_sulfate_is_that_of_the_salt() -> None:
    applied = load([3.0], [0.0]).ledger["applied"]
    assert applied[0] / applied[1] == pytest.approx(0.292, abs=5e-4)


def test_fast_part_follows_the_months_and_slow_part_does_not() -> None:
    only_slow = replace(DELIVERY, fast_share=0.0)
    rate = load([4.0], [100.0], delivery=only_slow).rate
    np.testing.assert_allclose(rate[:, :3, 0], np.broadcast_to(rate[0, :3, 0], (12, 3)))
    only_fast = replace(DELIVERY, slow_share=np.zeros(4), fast_share=1.0)
    rate = load([4.0], [100.0], delivery=only_fast).rate
    shape = np.linspace(0.5, 1.5, 12)
    np.testing.assert_allclose(rate[:, 0, 0] / rate[0, 0, 0], shape / shape[0])
    np.testing.assert_allclose(rate[:, 3, 0] / rate[0, 3, 0], shape / shape[0])


def test_lead_depends_on_area_and_runoff_not_on_pits() -> None:
    one, many = load([1.0], [50.0]), load([30.0], [50.0])
    np.testing.assert_array_equal(one.rate[:, 3], many.rate[:, 3])
    wetter = load([1.0], [50.0], runoff=8e-8)
    np.testing.assert_allclose(wetter.rate[:, 3], 2.0 * one.rate[:, 3])
    np.testing.assert_array_equal(wetter.rate[:, :3], one.rate[:, :3])


def test_site_off_the_terrain_loads_no_river_but_stands_in_the_ledger() -> None:
    inside, outside = load([5.0, 7.0], [80.0, 90.0]), load([5.0, 7.0], [80.0, 90.0], node=[0, -1])
    assert outside.rate[:, :, 1].max() == 0.0
    np.testing.assert_array_equal(outside.rate[:, :, 0], inside.rate[:, :, 0])
    np.testing.assert_allclose(
        outside.ledger["delivered"] + outside.ledger["off_terrain"], inside.ledger["delivered"], rtol=1e-12
    )
    assert np.all(outside.ledger["off_terrain"] > 0.0)


def test_no_sites() -> None:
    empty = load([], [])
    assert empty.rate.shape == (12, 4, 0)
    assert all(mass.tolist() == [0.0] * 4 for mass in empty.ledger.values())


def test_background_of_dissolved_and_particulate_matter() -> None:
    solids = np.array([[0.02, 0.3], [0.1, 0.0]])
    field = background(np.array([3e-3, 0.0]), np.array([0.0, 30e-6]), solids)
    assert field.shape == (2, 2, 2)
    np.testing.assert_array_equal(field[:, 0, :], 3e-3)
    np.testing.assert_allclose(field[:, 1, :], 30e-6 * solids)
    with pytest.raises(ValueError, match="must be"):
        background(np.zeros(2), np.zeros(3), solids)


def test_boundary_water_may_differ() -> None:
    given = {
        "substances": ("sulfate",),
        "release": RELEASE,
        "delivery": DeliveryParameters(0.2, 300.0, np.zeros(1), np.ones(1)),
        "local_runoff": np.zeros((1, 1)),
        "shape": np.ones(1),
        "duration": np.ones(1),
        "background": np.full((1, 1, 2), 3e-3),
    }
    one = steady_load(sites([1.0]), at([0], [0.0]), **given)  # type: ignore[arg-type]
    np.testing.assert_array_equal(one.background_boundary, one.background_head)
    other = steady_load(sites([1.0]), at([0], [0.0]), background_boundary=np.full((1, 1, 2), 9e-3), **given)  # type: ignore[arg-type]
    assert other.background_boundary.tolist() == [[[9e-3, 9e-3]]]
    assert other.background_lateral.tolist() == [[[3e-3, 3e-3]]]


def test_open_ledger_is_an_error() -> None:
    ledger = dict(load([1.0], [10.0]).ledger)
    assert np.all(check_ledger(SUBSTANCES, ledger) <= 1e-12)
    ledger["held"] = ledger["held"] * np.array([1.0 + 1e-6, 1.0, 1.0, 1.0])
    with pytest.raises(BalanceError) as error:
        check_ledger(SUBSTANCES, ledger)
    assert error.value.number == 401
    assert error.value.where == "ledger of ammonium"
    with pytest.raises(ValueError, match="ledger lines"):
        check_ledger(SUBSTANCES, {"applied": np.zeros(4)})


@pytest.mark.parametrize(
    ("field", "value"),
    [("loss_fraction", 1.1), ("oxalic_acid_excess", -0.1), ("oxide_per_pit", float("nan")), ("drained_area", -1.0)],
)
def test_release_out_of_range(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        replace(RELEASE, **{field: value})


@pytest.mark.parametrize(
    "change",
    [
        {"fast_share": 1.5},
        {"overland_length": -1.0},
        {"slow_share": np.array([0.0, 0.0, 0.0, 2.0])},
        {"overland_attenuation": np.array([np.inf, 0.0, 0.0, 0.0])},
        {"slow_share": np.zeros(3)},
    ],
)
def test_delivery_out_of_range(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"delivery parameters|differ in length"):
        replace(DELIVERY, **change)  # type: ignore[arg-type]


def test_impossible_arguments_are_programming_errors() -> None:
    good = {
        "substances": ("sulfate",),
        "release": RELEASE,
        "delivery": DeliveryParameters(0.2, 300.0, np.zeros(1), np.ones(1)),
        "local_runoff": np.zeros((2, 1)),
        "shape": np.ones(2),
        "duration": np.ones(2),
        "background": np.zeros((2, 1, 1)),
    }
    for change, message in (
        ({"shape": np.array([1.0, 2.0])}, "mean of shape"),
        ({"duration": np.array([1.0, 0.0])}, "durations"),
        ({"local_runoff": np.full((2, 1), -1.0)}, "local_runoff"),
        ({"substances": ("mercury",)}, "mercury"),
        ({"substances": ("sulfate", "lead")}, "2 substances but 1"),
    ):
        with pytest.raises(ValueError, match=message):
            steady_load(sites([1.0]), at([0], [0.0]), **(good | change))  # type: ignore[arg-type]

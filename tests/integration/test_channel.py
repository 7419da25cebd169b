"""The shipped channel scenarios, from the file to the result, against closed forms worked out by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from sim.arrays import FloatArray
from sim.pipeline.result import Result
from sim.pipeline.run import simulate
from sim.scenario.load import load_scenario

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
DECAY = SCENARIOS / "channel-decay"
CONFLUENCE = SCENARIOS / "channel-confluence"
#: makes ammonium of the confluence decay by 0.8 1/d
LOSS = (
    "substances.ammonium.loss_rate={ value = 0.8, unit = '1/d', source = 'C: made up' }",
    "substances.ammonium.temperature_factor=1",
)


def computed(folder: Path, *overrides: str) -> Result:
    return simulate(load_scenario(folder / "scenario.toml", overrides))


def at(result: Result, substance: str, end: str = "outlet") -> dict[str, float]:
    """Concentration in mg/L at one end of every reach, by the reach's id."""
    values: FloatArray = getattr(result.concentration, end)[0, result.concentration.index(substance)]
    return dict(zip(result.network.name, (values * 1000.0).tolist(), strict=True))


def decayed(distance: float) -> float:
    """C(x) = C0 exp(-k A x / Q) mg/L in the scenario channel-decay, x in m below the head."""
    rate = 0.5 / 86400.0 * 1.07 ** (25.0 - 20.0)
    return float(10.0 * np.exp(-rate * 4.0 * distance / 2.0))


def test_ammonium_decays_as_the_closed_form_says() -> None:
    result = computed(DECAY)
    outlet, inlet = at(result, "ammonium"), at(result, "ammonium", "inlet")
    assert len(outlet) == 20
    for name in outlet:
        head = float(name.removeprefix("km")) * 1000.0
        assert inlet[name] == pytest.approx(decayed(head), rel=1e-10, abs=0)
        assert outlet[name] == pytest.approx(decayed(head + 2000.0), rel=1e-10, abs=0)
    assert outlet["km38"] < 0.6 * inlet["km00"], "enough is lost for the comparison to mean something"


def test_sulfate_stays_as_it_is() -> None:
    result = computed(DECAY)
    for end in ("inlet", "outlet"):
        assert list(at(result, "sulfate", end).values()) == pytest.approx([80.0] * 20, rel=1e-10, abs=0)


def test_what_decays_is_what_the_budget_calls_reacted() -> None:
    result = computed(DECAY)
    ammonium = result.concentration.index("ammonium")
    entered = 2.0 * 10.0 / 1000.0 * float(result.flow.duration[0])
    assert result.budget.from_background[0, ammonium] == pytest.approx(entered, rel=1e-10)
    assert result.budget.reacted[0, ammonium] == pytest.approx(entered * (1 - decayed(40_000.0) / 10.0), rel=1e-10)


@pytest.mark.parametrize(("substance", "creek", "river"), [("sulfate", 250.0, 3.0), ("ammonium", 5.0, 0.05)])
def test_mass_is_balanced_at_the_confluence(substance: str, creek: float, river: float) -> None:
    result = computed(CONFLUENCE)
    inlet, outlet = at(result, substance, "inlet"), at(result, substance)
    mixed = (1.0 * creek + 29.0 * river) / 30.0
    for name, expected in {
        "creek-upper": creek, "creek-lower": creek, "river-upper": river, "river-middle": mixed,
    }.items():  # fmt: skip
        assert inlet[name] == pytest.approx(expected, rel=1e-10, abs=0)
        assert outlet[name] == pytest.approx(expected, rel=1e-10, abs=0)


def test_point_load_and_clean_lateral_inflow_of_the_last_reach() -> None:
    result = computed(CONFLUENCE)
    carried = {"sulfate": 1.0 * 250.0 + 29.0 * 3.0, "ammonium": 1.0 * 5.0 + 29.0 * 0.05}  # g/s
    load = {"sulfate": 0.02 * 1000.0, "ammonium": 0.0}  # g/s
    for name, mass in carried.items():
        inlet = at(result, name, "inlet")["river-lower"]
        assert inlet == pytest.approx((mass + load[name]) / 30.0, rel=1e-10, abs=0)
        assert at(result, name)["river-lower"] == pytest.approx((mass + load[name]) / 33.0, rel=1e-10, abs=0)
        assert at(result, name, "pit_outlet")["river-lower"] == pytest.approx(load[name] / 33.0, rel=1e-10, abs=0)
        above = {reach: part for reach, part in at(result, name, "pit_outlet").items() if reach != "river-lower"}
        assert set(above.values()) == {0.0}, "a point load is not felt upstream"


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        (DECAY, {f"km{head:02d}": (2.0, 2.0) for head in range(0, 40, 2)}),
        (
            CONFLUENCE,
            {
                "creek-upper": (1.0, 1.0), "creek-lower": (1.0, 1.0), "river-upper": (29.0, 29.0),
                "river-middle": (30.0, 30.0), "river-lower": (30.0, 33.0),
            },
        ),
    ],
    ids=["decay", "confluence"],
)  # fmt: skip
def test_water_is_balanced(folder: Path, expected: dict[str, tuple[float, float]]) -> None:
    result = computed(folder)
    ends = zip(result.flow.discharge_in[0].tolist(), result.flow.discharge_out[0].tolist(), strict=True)
    found = dict(zip(result.network.name, ends, strict=True))
    assert set(found) == set(expected)
    for name, discharges in expected.items():
        assert found[name] == pytest.approx(discharges, rel=1e-12)
    assert result.flow.imbalance(result.network) < 1e-12


@pytest.mark.parametrize(("folder", "overrides"), [(DECAY, ()), (CONFLUENCE, ()), (CONFLUENCE, LOSS)])
def test_budget_closes(folder: Path, overrides: tuple[str, ...]) -> None:
    budget = computed(folder, *overrides).budget
    assert float(budget.out.sum()) > 0.0
    assert float(np.max(budget.relative_error)) < 1e-9


def split_in_two(source: Path, target: Path) -> None:
    """Write the table of reaches with every reach as two halves; what enters at its head enters the upper one."""
    with source.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    halves = []
    for row in rows:
        half = {"length_m": float(row["length_m"]) / 2, "lateral_inflow_m3_s": float(row["lateral_inflow_m3_s"]) / 2}
        at_head = {name: "" for name in row if name.endswith(("_head_mg_L", "_load_kg_s"))}
        below = f"{row['downstream']}-a" if row["downstream"] else ""
        halves.append({**row, **half, "id": f"{row['id']}-a", "downstream": f"{row['id']}-b"})
        halves.append({**row, **half, **at_head, "head_inflow_m3_s": 0, "id": f"{row['id']}-b", "downstream": below})
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(halves)


@pytest.mark.parametrize("folder", [DECAY, CONFLUENCE], ids=["decay", "confluence"])
def test_finer_reaches_give_the_same_concentrations(folder: Path, tmp_path: Path) -> None:
    finer = tmp_path / "reaches.csv"
    split_in_two(folder / "reaches.csv", finer)
    whole = computed(folder)
    split = computed(folder, f"channel.reaches={finer}")
    assert split.network.size == 2 * whole.network.size
    for substance in ("ammonium", "sulfate"):
        upper, lower = at(split, substance, "inlet"), at(split, substance)
        for name, expected in at(whole, substance, "inlet").items():
            assert upper[f"{name}-a"] == pytest.approx(expected, rel=1e-12, abs=0)
        for name, expected in at(whole, substance).items():
            assert lower[f"{name}-b"] == pytest.approx(expected, rel=1e-12, abs=0)


def test_decay_with_lateral_inflow_nears_the_closed_form(tmp_path: Path) -> None:
    """Velocity is one number per reach, that of the mean discharge; the error falls fourfold when reaches are halved.

    With Q = Q0 + q x the truth is Q dC/dx = -(q + k A) C, hence C = C0 (Q0 / Q)^(1 + k A / q).
    """
    finer = tmp_path / "reaches.csv"
    split_in_two(CONFLUENCE / "reaches.csv", finer)
    whole = computed(CONFLUENCE, *LOSS)
    split = computed(CONFLUENCE, *LOSS, f"channel.reaches={finer}")
    rate = 0.8 / 86400.0
    start = at(whole, "ammonium", "inlet")["river-lower"]
    assert at(split, "ammonium", "inlet")["river-lower-a"] == pytest.approx(start, rel=1e-12, abs=0)
    coarse = at(whole, "ammonium")["river-lower"]
    by_hand = start * 30.0 / 33.0 * np.exp(-rate * 10_000.0 * 33.0 / 31.5)
    assert coarse == pytest.approx(by_hand, rel=1e-10, abs=0)
    truth = start * (30.0 / 33.0) ** (1.0 + rate * 33.0 / (3.0 / 10_000.0))
    error = [coarse - truth, at(split, "ammonium")["river-lower-b"] - truth]
    assert error[0] / error[1] == pytest.approx(4.0, rel=0.02)
    assert abs(error[0]) < 1e-4 * truth

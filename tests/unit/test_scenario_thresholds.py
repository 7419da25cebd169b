"""The table of thresholds: carried whole, with marks, and converted by the definition of each unit."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from sim.scenario.thresholds import comparable_thresholds, substance_of, threshold_rows, thresholds_of

DATA = Path(__file__).resolve().parents[2] / "sim" / "data" / "thresholds.csv"


def test_table_is_the_reference_one(shared_reference: Path) -> None:
    assert DATA.read_bytes() == (shared_reference / "chemistry" / "thresholds.csv").read_bytes()


def test_every_row_is_kept_with_its_mark() -> None:
    with DATA.open(encoding="utf-8", newline="") as stream:
        raw = list(csv.DictReader(stream))
    rows = threshold_rows()
    assert list(rows) == [row["id"] for row in raw]
    assert {row.evidence for row in rows.values()} == {"found", "memory"}
    assert all((row.si is None) == bool(row.reason) for row in rows.values())


@pytest.mark.parametrize(
    ("identifier", "substance", "value", "fraction", "shown", "evidence"),
    [
        ("who_pb", "lead", 1e-5, "total", "10 ug/L", "found"),
        ("cn_gb3838_pb_III", "lead", 5e-5, "total", "0.05 mg/L", "found"),
        ("anzg_pb", "lead", 3.4e-6, "total", "3.4 ug/L", "memory"),
        ("th_sw_nh3n", "ammonium", 5e-4, "total", "0.5 mg/L N", "found"),
        ("who_nh4_taste", "ammonium", 35e-3 * 14.0067 / 18.0383, "total", "35 mg/L NH4", "memory"),
        ("anzg_nh3n", "ammonium", 9e-4, "total", "0.9 mg/L TAN as N", "memory"),
        ("who_so4_taste_low", "sulfate", 0.25, "total", "250 mg/L", "memory"),
        ("fao_irr_so4", "sulfate", 0.9606, "total", "20 meq/L", "memory"),
        ("oxalate_fish", "oxalate", 0.1, "total", "100 mg/L", "memory"),
    ],
)
def test_conversion(identifier: str, substance: str, value: float, fraction: str, shown: str, evidence: str) -> None:
    (found,) = thresholds_of([identifier])
    assert found.value == pytest.approx(value, rel=1e-14)
    assert (found.identifier, found.substance, found.fraction) == (identifier, substance, fraction)
    assert (found.shown, found.evidence) == (shown, evidence)


@pytest.mark.parametrize(
    ("identifier", "reason"),
    [
        ("usepa_pb_ccc", "formula of water chemistry"),
        ("usepa_nh3_cmc", "formula of water chemistry"),
        ("ccme_nh3", "without its split by pH"),
        ("mm_dw_nh3", "not a concentration of ammonium as N"),
        ("en206_so4_XA1", "a range or a bound"),
        ("eu_eqs_pb_aa", "bioavailable"),
        ("cn_gb2762_pb_tea", "mg/kg"),
        ("nrc_feed_pb", "mg/kg dw diet"),
        ("efsa_pb_bmdl01", "ug/kg bw/d"),
        ("who_ph", "not about ammonium"),
        ("stock_no3n", "not about ammonium"),
        ("who_bll", "not about ammonium"),
        ("larson_sig", "not about ammonium"),
    ],
)
def test_rows_that_cannot_be_compared_say_why(identifier: str, reason: str) -> None:
    assert reason in threshold_rows()[identifier].reason
    with pytest.raises(ValueError, match="cannot be compared"):
        thresholds_of([identifier])


def test_all_comparable_ones_are_in_water_and_positive() -> None:
    found = thresholds_of()
    assert tuple(threshold.identifier for threshold in found) == comparable_thresholds()
    assert len(found) >= 40
    assert all(0.0 < threshold.value < 10.0 for threshold in found)
    assert {threshold.substance for threshold in found} == {"ammonium", "sulfate", "oxalate", "lead"}


def test_order_is_that_of_the_request() -> None:
    assert [found.identifier for found in thresholds_of(["who_pb", "oxalate_fish"])] == ["who_pb", "oxalate_fish"]
    with pytest.raises(ValueError, match="not in the table"):
        thresholds_of(["nothing"])


def test_substance_is_a_whole_word_of_the_identifier() -> None:
    assert substance_of("usepa_pb_al") == "lead"
    assert substance_of("pbx_1") == ""
    assert substance_of("who_no3") == ""

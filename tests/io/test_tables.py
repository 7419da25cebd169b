"""CSV tables."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.io.tables import read_table, safe_text, write_budget, write_receptors, write_table
from sim.testing.results import synthetic_channel_result, synthetic_result


@settings(max_examples=100, deadline=None)
@given(
    st.floats(allow_nan=False, allow_infinity=False), st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]))
)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, number: float, text: str) -> None:
    path = tmp_path_factory.mktemp("t") / "a.csv"
    write_table(path, ("length (km)", "name"), [(number, text)])
    (row,) = read_table(path)
    assert float(row["length (km)"]) == number
    assert row["name"] in (text, f"'{text}")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1"])
def test_formulas_are_made_harmless(tmp_path: Path, text: str) -> None:
    write_table(tmp_path / "a.csv", ("name",), [(text,)])
    assert read_table(tmp_path / "a.csv")[0]["name"] == "'" + text
    assert safe_text("Pangwa") == "Pangwa"


def test_form(tmp_path: Path) -> None:
    write_table(
        tmp_path / "a.csv",
        ("a", "b"),
        [("x, y", -1.5), ('say "no"', np.nan), (None, True), (np.int64(3), np.float32(0.5))],
    )
    assert (tmp_path / "a.csv").read_bytes() == b'a,b\r\n"x, y",-1.5\r\n"say ""no""",\r\n,yes\r\n3,0.5\r\n'


def test_wrong_row_length(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a row of 1 values under 2 columns"):
        write_table(tmp_path / "a.csv", ("a", "b"), [("x",)])


def test_budget_closes_in_the_file(tmp_path: Path) -> None:
    result = synthetic_result()
    write_budget(tmp_path / "budget.csv", result)
    rows = read_table(tmp_path / "budget.csv")
    river = {(r["period"], r["substance"], r["line"]): float(r["mass (kg)"]) for r in rows if r["part"] == "river"}
    for period in result.period_names:
        for s in result.budget.substances:
            come = river[period, s, "from_pits"] + river[period, s, "from_background"]
            gone = river[period, s, "out"] + river[period, s, "reacted"] + river[period, s, "stored"]
            assert come - gone == pytest.approx(river[period, s, "error"], abs=1e-9 * max(come, 1.0))
    assert {r["line"] for r in rows if r["part"] == "hillslope"} == set(result.load.ledger)


def test_receptors_keep_those_nobody_located(tmp_path: Path) -> None:
    result = synthetic_result(names=("=HYPERLINK(1)", "Lower Town", "Lost"))
    write_receptors(tmp_path / "receptors.csv", result)
    rows = read_table(tmp_path / "receptors.csv")
    assert [row["name"] for row in rows] == ["'=HYPERLINK(1)", "Lower Town", "Lost"]
    assert rows[2]["status"] == "position not found"
    assert rows[2]["longitude (degrees_east)"] == rows[2]["sulfate worst (mg/L)"] == ""
    s, node = result.concentration.index("sulfate"), int(result.exposure.receptors.node[0])  # type: ignore[union-attr]
    worst = result.concentration.inlet[:, s, node].max() * 1e3
    assert float(rows[0]["sulfate worst (mg/L)"]) == worst
    with (tmp_path / "receptors.csv").open(encoding="utf-8", newline="") as stream:
        assert len({len(row) for row in csv.reader(stream)}) == 1


def test_channel_scenario(tmp_path: Path) -> None:
    result = synthetic_channel_result()
    write_budget(tmp_path / "budget.csv", result)
    write_receptors(tmp_path / "receptors.csv", result)
    assert read_table(tmp_path / "budget.csv")
    assert read_table(tmp_path / "receptors.csv") == []

"""Tables a user writes: reaches and sites."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.errors import Problems
from sim.scenario.pits import read_pits_csv
from sim.scenario.reaches import read_reaches

HEAD = "id,downstream,length_m,cross_section_m2,head_inflow_m3_s,lateral_inflow_m3_s"
SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def messages(path: Path, *, pits: bool = False) -> list[str]:
    with pytest.raises(Problems) as caught:
        read_pits_csv(path) if pits else read_reaches(path)
    return [f"{problem.number} {problem.where}" for problem in caught.value.problems]


def test_reaches_in_si(tmp_path: Path) -> None:
    head = f"{HEAD},sulfate_head_mg_L,lead_lateral_mg_L,oxalate_load_kg_s"
    text = f"{head}\na,b,1e3,4,2,0.5,250,,1.5\nb,,500,4.5,0,0,,0.2,\n"
    table = read_reaches(write(tmp_path, text))
    assert (table.id, table.downstream, table.size) == (("a", "b"), ("b", ""), 2)
    assert (table.length, table.cross_section) == ((1000.0, 500.0), (4.0, 4.5))
    assert (table.head_inflow, table.lateral_inflow) == ((2.0, 0.0), (0.5, 0.0))
    assert table.head["sulfate"] == (0.25, 0.0)
    assert table.lateral["lead"] == (0.0, 0.0002)
    assert table.load["oxalate"] == (1.5, 0.0)
    assert table.head["ammonium"] == (0.0, 0.0)
    assert table.slope is None
    assert table.width is None
    assert table.line == (2, 3)


def test_slope_and_width_are_asked_for_where_settling_needs_them(tmp_path: Path) -> None:
    path = write(tmp_path, f"{HEAD},slope,width_m\na,,1000,4,2,0,0.001,6\n")
    assert read_reaches(path, with_hydraulics=True).slope == (0.001,)
    assert read_reaches(path).width == (6.0,)
    bare = write(tmp_path, f"{HEAD}\na,,1000,4,2,0\n")
    with pytest.raises(Problems) as caught:
        read_reaches(bare, with_hydraulics=True)
    assert [problem.expected for problem in caught.value.problems] == [
        'Column "slope" is missing',
        'Column "width_m" is missing',
    ]


def test_spreadsheet_forms_are_read(tmp_path: Path) -> None:
    text = f'\ufeff# comment\r\n{HEAD.upper()}\r\n\r\n"a, b",, 1000 ,4.,2,.5\r\n# end\r\n,,,,,\r\n'
    table = read_reaches(write(tmp_path, text))
    assert (table.id, table.length, table.lateral_inflow, table.line) == (("a, b",), (1000.0,), (0.5,), (4,))


@pytest.mark.parametrize(
    "cell", ["nan", "inf", "-1", "1e999", "1_000", "1,5", "0x10", "٣", "1 m", "--1", "1e", "=1+1", "", "−1"]
)
def test_cells_that_are_no_amount_of_water(tmp_path: Path, cell: str) -> None:
    path = write(tmp_path, f'{HEAD}\na,,1000,4,"{cell}",0\n')
    assert messages(path) == ["308 table.csv:2: head_inflow_m3_s"]


@given(st.floats(min_value=0.0, max_value=1e6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
def test_every_number_python_writes_is_read_back(tmp_path: Path, value: float) -> None:
    assert read_reaches(write(tmp_path, f"{HEAD}\na,,1000,4,{value!r},0\n")).head_inflow == (value,)


@pytest.mark.parametrize(
    ("receivers", "circles"),
    [
        ({"a": "a"}, ['"a" -> "a"']),
        ({"a": "b", "b": "c", "c": "b"}, ['"b" -> "c" -> "b"']),
        ({"a": "b", "b": "a", "c": "", "d": "e", "e": "d"}, ['"a" -> "b" -> "a"', '"d" -> "e" -> "d"']),
        ({"z": "y", "y": "x", "x": ""}, []),
    ],
)
def test_circles_are_told_once_each(tmp_path: Path, receivers: dict[str, str], circles: list[str]) -> None:
    path = write(tmp_path, HEAD + "".join(f"\n{name},{to},1000,4,2,0" for name, to in receivers.items()))
    if not circles:
        assert read_reaches(path).size == len(receivers)
        return
    with pytest.raises(Problems) as caught:
        read_reaches(path)
    assert [problem.got for problem in caught.value.problems] == circles
    assert {problem.number for problem in caught.value.problems} == {315}


def test_a_long_circle_is_shortened(tmp_path: Path) -> None:
    rows = "".join(f"\n{i},{(i + 1) % 5000},1000,4,2,0" for i in range(5000))
    with pytest.raises(Problems) as caught:
        read_reaches(write(tmp_path, HEAD + rows))
    assert [problem.got for problem in caught.value.problems] == ['"0" -> "1" -> "2" -> "3" -> ... -> "0"']
    assert caught.value.problems[0].where == "table.csv:2: downstream"


def test_all_problems_at_once_in_line_order(tmp_path: Path) -> None:
    path = write(tmp_path, f"{HEAD}\na,zz,0,4,2,0\na,,1000,-1,2,x\nb,,1000,4,2\n")
    assert messages(path) == [
        "308 table.csv:2: downstream",
        "308 table.csv:2: length_m",
        "208 table.csv:3: id",
        "308 table.csv:3: cross_section_m2",
        "308 table.csv:3: lateral_inflow_m3_s",
        "308 table.csv:4",
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ["307 table.csv"]),
        (b"# only a comment\n", ["307 table.csv"]),
        (HEAD.encode(), ["308 table.csv"]),
        (f"{HEAD},length_m\n".encode(), ["307 table.csv: header"]),
        (HEAD.encode() + b"\nH\xf6he,,1,1,1,1\n", ["302 table.csv:2"]),
        (HEAD.encode() + b'\n"a,,1,1,1,1\n', ["302 table.csv:2"]),
        (HEAD.encode() + b"\na\x07,,1,1,1,1\n", ["308 table.csv:2: id"]),
        (HEAD.replace("downstream,", "").encode() + b"\na,1,1,1,1\n", ["307 table.csv: header"]),
    ],
)
def test_broken_tables(tmp_path: Path, content: bytes, expected: list[str]) -> None:
    assert messages(write(tmp_path, content)) == expected


def test_missing_table(tmp_path: Path) -> None:
    assert messages(tmp_path / "table.csv") == ["301 table.csv"]
    assert messages(tmp_path) == [f"302 {tmp_path.name}"]


def test_sites_with_and_without_optional_columns(tmp_path: Path) -> None:
    table = read_pits_csv(write(tmp_path, "name,lon,lat\nfirst,98.3,25.6\n"))
    assert (table.name, table.longitude, table.latitude) == (("first",), (98.3,), (25.6,))
    assert (table.pits, table.year, table.group, table.size) == ((1,), (0,), ("",), 1)
    text = "Lat,Lon,Name,note,pits,year,group\n25.6,98.3,<b>x</b>,any text,12,2021,north\n25.5,98.2,y,,,,\n"
    table = read_pits_csv(write(tmp_path, text))
    assert (table.pits, table.year, table.group) == ((12, 1), (2021, 0), ("north", ""))
    assert table.name == ("<b>x</b>", "y")


def test_misspelt_optional_columns_of_sites_are_not_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path, "name,lon,lat,yaer\nfirst,98.3,25.6,2020\n")
    with pytest.raises(Problems, match=r'LS-307 table\.csv: header = "yaer"\. .*Did you mean "year"\?'):
        read_pits_csv(path)


def test_bad_sites(tmp_path: Path) -> None:
    text = "name,lon,lat,pits,year\na,25.6,98.3,1,2020\nb,nan,25,0,2020\nb,181,25,1.5,-3\n,98,25,1,2020.5\n"
    assert messages(write(tmp_path, text), pits=True) == [
        "308 table.csv:2: lat",
        "308 table.csv:3: lon",
        "308 table.csv:3: pits",
        "208 table.csv:4: name",
        "308 table.csv:4: lon",
        "308 table.csv:4: pits",
        "308 table.csv:4: year",
        "308 table.csv:5: name",
        "308 table.csv:5: year",
    ]


def test_shipped_tables_carry_water_everywhere() -> None:
    for name in ("channel-decay", "channel-confluence"):
        table = read_reaches(SCENARIOS / name / "reaches.csv")
        assert table.downstream.count("") == 1
        assert sum(table.head_inflow) > 0.0
        assert all(math.isfinite(value) for value in (*table.length, *table.cross_section))

"""Numbers with unit and source: conversion, refusal, and what they remember."""

from __future__ import annotations

import copy
import math
import pickle
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from sim.scenario.faults import Fault, faults_in
from sim.scenario.quantity import Count, Quantities, Quantity, Sourced, SourcedList, Whole
from sim.scenario.units import DIMENSIONS, UnitError, convert

#: unit, SI unit of its field, SI value of one unit, straight from definitions
EXACT = [
    ("mi", "m", 1609.344),
    ("ft", "m", 0.3048),
    ("mm", "m", 1e-3),
    ("km", "m", 1e3),
    ("km2", "m2", 1e6),
    ("km²", "m2", 1e6),
    ("ha", "m2", 1e4),
    ("t/a", "kg/s", 1000.0 / (365.25 * 86400.0)),
    ("1/d", "1/s", 1.0 / 86400.0),
    ("d-1", "1/s", 1.0 / 86400.0),
    ("mg/L", "kg/m3", 1e-3),
    ("ug/L", "kg/m3", 1e-6),
    ("mg L-1", "kg/m3", 1e-3),
    ("mg/kg", "kg/kg", 1e-6),
    ("m/d", "m/s", 1.0 / 86400.0),
    ("m3/d", "m3/s", 1.0 / 86400.0),
    ("m3 s-1", "m3/s", 1.0),
    ("L/s", "m3/s", 1e-3),
    ("kPa", "Pa", 1e3),
    ("N/m2", "Pa", 1.0),
    ("percent", "1", 1e-2),
    ("%", "1", 1e-2),
    ("t/t", "1", 1.0),
    ("1/km", "1/m", 1e-3),
    ("s m^(-1/3)", "s/m^(1/3)", 1.0),
    ("s/m^(1/3)", "s/m^(1/3)", 1.0),
]


def faults(annotation: Quantity | Quantities | Whole, raw: Any) -> tuple[Fault, ...]:
    with pytest.raises(PydanticCustomError) as caught:
        annotation.read(raw)
    return faults_in(caught.value.context)


@pytest.mark.parametrize(("unit", "si", "one"), EXACT)
def test_units_convert_by_their_definition(unit: str, si: str, one: float) -> None:
    assert convert((1.0,), unit, si)[0] == pytest.approx(one, rel=1e-15)


@settings(deadline=None)  # the first conversion loads pint
@given(
    st.sampled_from([row for row in EXACT if row[0] != row[1]]),
    st.floats(min_value=1e-12, max_value=1e12),
    st.floats(min_value=1e-3, max_value=1e3),
)
def test_conversion_is_linear_and_inverts(row: tuple[str, str, float], value: float, factor: float) -> None:
    unit, si, one = row
    converted, scaled = convert((value, value * factor), unit, si)
    assert converted / one == pytest.approx(value, rel=1e-14)
    assert scaled == pytest.approx(converted * factor, rel=1e-14)


def test_temperatures_shift() -> None:
    assert convert((300.0,), "K", "degC") == (26.85,)
    assert convert((50.0,), "degF", "degC")[0] == pytest.approx(10.0, abs=1e-12)


def test_decimal_numbers_stay_decimal() -> None:
    assert convert((20.0,), "mg/L", "kg/m3") == (0.02,)
    assert convert((30.0,), "mg/kg", "kg/kg") == (3e-05,)


@pytest.mark.parametrize(
    ("unit", "si"),
    [
        ("km", "m2"), ("mg/L", "kg/kg"), ("kg/m3 s", "kg/m3"), ("mg/L N", "kg/m3"), ("M", "kg/m3"), ("deg", "1"),
        ("rad", "deg"), ("m^9^9^9", "m"), ("km//d", "m/s"), ("/d", "1/s"), ("", "m"), ("1", "m"), ("m0", "1"),
        ("m" * 50, "m"), ("s/m^(1/2)", "s/m^(1/3)"), ("L/kg", "log10(L/kg)"), ("__import__('os')", "m"), ("C", "degC"),
    ],
)  # fmt: skip
def test_wrong_units_are_refused_with_examples(unit: str, si: str) -> None:
    with pytest.raises(UnitError) as caught:
        convert((1.0,), unit, si)
    for example in DIMENSIONS.get(si, ("", (si,)))[1]:
        assert example in caught.value.expected


@pytest.mark.parametrize(
    ("unit", "si", "meant"),
    [
        ("hectares", "m2", "ha"),
        ("miles", "m", "mi"),
        ("km3", "m2", "km2"),
        ("Km", "m", "km"),
        ("ppm", "kg/m3", "mg/L"),
        ("1/dya", "1/s", "1/d"),
    ],
)
def test_wrong_units_name_the_one_meant(unit: str, si: str, meant: str) -> None:
    with pytest.raises(UnitError) as caught:
        convert((1.0,), unit, si)
    assert f'Did you mean "{meant}"?' in caught.value.remedy


def test_sourced_remembers_how_it_was_written() -> None:
    read = Quantity("m", gt=0).read({"value": 5, "unit": "mi", "source": "F: report"})
    assert (read.value, read.unit, read.source, read.written) == (8046.72, "mi", "F: report", "5 mi")
    assert read.as_toml() == {"value": 5, "unit": "mi", "source": "F: report"}
    assert type(read.value) is float
    assert Quantity("m").read(12).as_toml() == 12


@pytest.mark.parametrize(
    "number",
    [Sourced(8046.72, "mi", "F", 5.0), Count(3, "F"), SourcedList((0.001, 0.002), "mm", "F", (1, 2))],
)
def test_numbers_are_frozen_and_survive_copies(number: Any) -> None:
    for twin in (pickle.loads(pickle.dumps(number)), copy.deepcopy(number), copy.copy(number)):
        assert type(twin) is type(number)
        assert (twin, twin.unit, twin.source, twin.magnitude) == (number, number.unit, number.source, number.magnitude)
    with pytest.raises(AttributeError, match="frozen"):
        number.unit = "km"


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        (True, 205), ("5", 205), ("5 km", 205), ([5], 205), (None, 205), (math.nan, 211), (math.inf, 211),
        (10**400, 211),
        (-1, 204), ({"value": 5, "untis": "m"}, 202), ({"unit": "m"}, 203), ({"value": 5, "unit": "kg"}, 206),
        ({"value": 5, "unit": 3}, 205), ({"value": "5"}, 205), ({"value": -5, "unit": "km"}, 204),
        ({"value": 1e308, "unit": "km"}, 211),
    ],
)  # fmt: skip
def test_bad_quantities_get_their_number(raw: Any, number: int) -> None:
    assert [fault.number for fault in faults(Quantity("m", ge=0), raw)] == [number]


def test_range_holds_in_si_whatever_the_unit() -> None:
    share = Quantity("1", ge=0, le=1)
    assert share.read({"value": 70, "unit": "percent"}).value == 0.7
    (fault,) = faults(share, {"value": 170, "unit": "percent"})
    assert (fault.got, fault.expected) == ("170 percent", "Must lie in [0, 1]")


def test_open_ranges_exclude_their_ends() -> None:
    assert faults(Quantity("m", gt=0, le=1), 0)[0].expected == "Must lie in (0, 1] m"
    assert Quantity("m", gt=0, le=1).read(1).value == 1.0
    assert faults(Quantity("m", gt=0), 0)[0].expected == "Must be greater than 0 m"
    assert faults(Quantity("1", ge=0, lt=1), 1)[0].expected == "Must lie in [0, 1)"


def test_lists_report_every_bad_entry() -> None:
    twelve = Quantities("m", length=3, ge=0)
    found = faults(twelve, {"value": [1, "x", math.nan], "unit": "mm"})
    assert [(fault.keys, fault.number) for fault in found] == [(("value", 1), 205), (("value", 2), 211)]
    assert faults(twelve, [1, 2])[0].number == 209
    assert faults(twelve, 1)[0].number == 205
    assert twelve.read({"value": [1, 2, 3], "unit": "mm"}).values == (0.001, 0.002, 0.003)
    assert [fault.keys for fault in faults(twelve, [-1, 0, -2])] == [(0,), (2,)]


def test_whole_numbers_stay_whole() -> None:
    assert Whole(ge=1).read({"value": 3, "source": "F"}).source == "F"
    assert faults(Whole(ge=1), 3.0)[0].number == 205
    assert faults(Whole(ge=1), 0)[0].number == 204
    assert faults(Whole(ge=1), {"value": 3, "unit": "km"})[0].number == 206
    years = Quantities("1", whole=True).read([2013, 2014])
    assert all(type(year) is int for year in years.values)
    assert faults(Quantities("1", whole=True), [2013.0])[0].number == 205


@pytest.mark.parametrize(
    ("text", "unit", "remedy"),
    [
        ("5", "m", "Write 5 without quotes"),
        (".5", "m", "Write 0.5 without quotes"),
        ("20 degC", "degC", 'Write { value = 20, unit = "degC" }'),
        ("5 1/d", "1/s", 'Write { value = 5, unit = "1/d" }'),
        ("20%", "1", 'Write { value = 20, unit = "%" }'),
        ("500 feet", "m", 'Did you mean "ft"? Write { value = 500, unit = "ft" }'),
        ("3 sqkm", "m2", 'Did you mean "km2"? Write { value = 3, unit = "km2" }'),
        ("5 smoots", "m", 'Write { value = 1.0, unit = "m" }, where the unit is m, km, mm, mi or ft'),
        ("20 km", "degC", 'Write { value = 1.0, unit = "degC" }, where the unit is degC, K or degF'),
        ("25.5 N", "deg", "Write a number such as 1.0"),
        ("1,5 km", "m", "Write a number such as 1.0"),
        ("nan", "m", "Write a number such as 1.0"),
        ("1e999", "m", "Write a number such as 1.0"),
        ("far", "m", "Write a number such as 1.0"),
    ],
)
def test_numbers_in_quotes_get_a_remedy_that_is_accepted(text: str, unit: str, remedy: str) -> None:
    (fault,) = faults(Quantity(unit), text)
    assert fault.remedy == remedy
    if "{" in remedy:
        table = remedy[remedy.index("{") : remedy.index("}") + 1]
        Quantity(unit).read(tomllib.loads(f"number = {table}")["number"])


def test_lists_and_counts_in_quotes_get_their_own_remedy() -> None:
    assert faults(Quantities("m"), ["5 feet"])[0].remedy == (
        'Did you mean "ft"? Write { value = [5, ...], unit = "ft" }'
    )
    assert faults(Whole(ge=1), "5 percent")[0].remedy == "Write a number such as 1"
    assert faults(Whole(ge=1), "5.5")[0].remedy == "Write a number such as 1"
    assert faults(Whole(ge=1), "5")[0].remedy == "Write 5 without quotes"

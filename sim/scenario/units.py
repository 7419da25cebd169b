"""Units: a small grammar of unit strings, converted by pint, which is loaded only when a conversion is needed."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sim.scenario.faults import closest, listed

#: Unit symbols a scenario may use. Anything else is refused, because pint knows symbols that mean something
#: else in this field (M is molar, C is coulomb, deg is a number).
SYMBOLS = (
    "m", "km", "cm", "mm", "um", "mi", "ft", "in", "yd", "ha", "acre", "L", "l", "mL", "ml", "kg", "g", "mg", "ug",
    "ng", "t", "tonne", "lb", "s", "min", "h", "d", "day", "a", "y", "yr", "year", "Pa", "kPa", "N", "degC", "K",
    "degF", "percent", "permille", "ppm",
)  # fmt: skip
_ALIASES = {
    "µm": "um", "μm": "um", "µg": "ug", "μg": "ug", "°C": "degC", "°F": "degF", "%": "percent", "‰": "permille",
    "a": "year", "y": "year", "yr": "year", "in": "inch", "ml": "mL", "l": "L",
}  # fmt: skip
#: Words people write for units -> the symbol to propose.
_WORDS = {
    "metre": "m", "meter": "m", "kilometre": "km", "kilometer": "km", "mile": "mi", "miles": "mi", "feet": "ft",
    "foot": "ft", "hectare": "ha", "acres": "acre", "sqkm": "km2", "sqm": "m2", "liter": "L", "litre": "L",
    "ton": "t", "tons": "t", "days": "d", "hours": "h", "hour": "h", "years": "a", "celsius": "degC", "c": "degC",
    "ppm": "mg/L", "ppb": "ug/L", "cumecs": "m3/s", "degrees": "deg", "degree": "deg", "pct": "percent",
}  # fmt: skip

#: SI unit of a field -> (what it measures, examples of units it accepts).
DIMENSIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "1": ("a ratio", ("1", "percent", "permille")),
    "m": ("a length", ("m", "km", "mm", "mi", "ft")),
    "m2": ("an area", ("m2", "km2", "ha", "acre")),
    "m/s": ("a velocity", ("m/s", "m/d", "mm/h")),
    "m3/s": ("a discharge", ("m3/s", "L/s", "m3/d")),
    "kg/s": ("a mass per time", ("kg/s", "t/a", "kg/d")),
    "kg/m3": ("a mass per volume", ("kg/m3", "g/L", "mg/L", "ug/L")),
    "kg/kg": ("a mass per mass", ("kg/kg", "g/kg", "mg/kg")),
    "1/s": ("a rate", ("1/s", "1/h", "1/d", "1/a")),
    "1/m": ("an inverse length", ("1/m", "1/km")),
    "Pa": ("a stress", ("Pa", "kPa", "N/m2")),
    "s/m^(1/3)": ("a Manning coefficient", ("s/m^(1/3)",)),
    "degC": ("a temperature", ("degC", "K", "degF")),
    "deg": ("an angle in degrees", ("deg",)),
}

_FACTOR = re.compile(r"(?P<symbol>[A-Za-zµμ°%‰]+)(?:\^?(?P<whole>-?[1-9])|\^\((?P<top>-?[1-9])\|(?P<bottom>[1-9])\))?")


class UnitError(Exception):
    """A unit that cannot be used, with what would be accepted."""

    def __init__(self, expected: str, remedy: str) -> None:
        super().__init__(expected)
        self.expected = expected
        self.remedy = remedy


def convert(values: tuple[float, ...], unit: str, si: str) -> tuple[float, ...]:
    """Convert numbers written in `unit` to the SI unit of their field.

    Parameters
    ----------
    values : tuple of float
    unit : str
        As the user wrote it: "mi", "km2", "t/a", "mg/L", "m3 s-1".
    si : str
        Unit of the field; a unit outside `DIMENSIONS` is a label that nothing converts to.

    Raises
    ------
    UnitError
        If the unit is not known or measures something else.

    Examples
    --------
    >>> convert((5.0,), "mi", "m")
    (8046.72,)
    """
    if unit == si:
        return values
    unit = unit.translate({0xB2: "2", 0xB3: "3"})  # km² and m³
    expression = _expression(unit, si)
    import pint

    registry = _registry()
    try:
        source, target = registry.parse_units(expression), registry.parse_units(_expression(si, si))
        if source.dimensionality != target.dimensionality:
            raise _fault(unit, si)
        # decimal arithmetic: 20 mg/L is 0.02 kg/m3 and not 0.019999999999999997
        return tuple(float(registry.Quantity(Decimal(repr(value)), source).to(target).magnitude) for value in values)
    except pint.errors.PintError as error:  # degC * m / m, say
        raise _fault(unit, si) from error


def accepted_unit(unit: str, si: str) -> str:
    """Return `unit` if a field in `si` accepts it, else the accepted unit it resembles, else an empty string.

    Examples
    --------
    >>> accepted_unit("feet", "m"), accepted_unit("km", "m"), accepted_unit("kg", "m")
    ('ft', 'km', '')
    """
    for candidate in (unit, _nearest(unit, DIMENSIONS.get(si, ("", ()))[1])):
        try:
            convert((1.0,), candidate, si)
        except UnitError:
            continue
        return candidate
    return ""


def _fault(unit: str, si: str) -> UnitError:
    measure, examples = DIMENSIONS.get(si, ("", (si,)))
    expected = f"Must be {measure}, in {listed(examples)}" if measure else f"Must be in {si}, which is not converted"
    near = _nearest(unit, examples) if measure else ""
    remedy = (
        "Leave the unit out if the number is in " + si if si != "1" else "Leave the unit out if the number is a ratio"
    )
    return UnitError(expected, f'Did you mean "{near}"? {remedy}' if near and near != unit else remedy)


def _nearest(unit: str, examples: tuple[str, ...]) -> str:
    """The accepted unit the user may have meant: by its word, its spelling, or its case."""
    word = unit.strip().casefold()
    for candidate in (_WORDS.get(word), _WORDS.get(word.removesuffix("s"))):
        if candidate in examples:
            return str(candidate)
    if len(word) <= 2:  # every two-letter unit resembles some other
        return next((example for example in examples if example.casefold() == word), "")
    return closest(unit, examples)


def _expression(unit: str, si: str) -> str:
    """Unit string in pint's grammar; only products and quotients of known symbols with small powers pass."""
    if si not in DIMENSIONS or si == "deg" or len(unit) > 40:
        raise _fault(unit, si)
    if unit.strip() == "1":
        return "dimensionless"
    whole = re.sub(r"\^\((-?\d)/(\d)\)", r"^(\1|\2)", unit.strip())  # the slash of m^(1/3) divides no units
    spaced = re.sub(r"\s*([*/·])\s*", r"\1", whole).replace("·", "*")
    if "/" in spaced and re.search(r"\s", spaced):
        raise _fault(unit, si)  # kg/m3 s could mean either
    parts = re.split(r"([*/]|\s+)", spaced)
    terms = [_term(part, index, unit, si) for index, part in enumerate(parts[::2])]
    operators = ["/" if operator == "/" else "*" for operator in parts[1::2]]
    pieces = [terms[0], *(piece for pair in zip(operators, terms[1:], strict=True) for piece in pair)]
    return "".join(pieces)


def _term(part: str, index: int, unit: str, si: str) -> str:
    if part == "1" and index == 0:
        return "1"
    match = _FACTOR.fullmatch(part)
    if match is None:
        raise _fault(unit, si)
    symbol = match["symbol"]
    if symbol not in SYMBOLS and symbol not in _ALIASES:
        raise _fault(unit, si)
    power = match["whole"] or (f"{match['top']}/{match['bottom']}" if match["top"] else "1")
    return f"{_ALIASES.get(symbol, symbol)}**({power})"


@lru_cache(maxsize=1)
def _registry() -> Any:
    """Pint's registry, built once: it costs most of a second."""
    import pint

    return pint.UnitRegistry(non_int_type=Decimal)

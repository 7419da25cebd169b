"""Every variable the model reads or writes: symbol, units, CF name, valid range, one sentence.

Names and units are typed here and nowhere else; input, output, figures and docs read them from here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable.

    ``display = value_in_si * display_factor + display_offset``.
    """

    name: str
    symbol: str
    unit: str
    display_unit: str
    display_factor: float
    standard_name: str | None
    valid_range: tuple[float, float]
    sentence: str
    display_offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Substance:
    """One dissolved or particulate substance, carried as mass of `carried_as`."""

    name: str
    symbol: str
    label: str
    carried_as: str
    molar_mass: float
    sentence: str


_INF = float("inf")


def _table(*rows: Variable) -> dict[str, Variable]:
    return {row.name: row for row in rows}


VARIABLES: dict[str, Variable] = _table(
    Variable(
        "elevation", "z", "m", "m", 1.0, "surface_altitude", (-500.0, 9000.0), "Height of the ground above sea level."
    ),
    Variable("drainage_area", "A_d", "m2", "km2", 1e-6, None, (0.0, _INF), "Area that drains through a place."),
    Variable(
        "height_above_drainage", "HAND", "m", "m", 1.0, None, (0.0, _INF), "Height above the nearest channel downhill."
    ),
    Variable("length", "L", "m", "km", 1e-3, None, (0.0, _INF), "Length along the channel."),
    Variable("slope", "S", "1", "1", 1.0, None, (0.0, 10.0), "Fall per length of channel."),
    Variable(
        "discharge",
        "Q",
        "m3 s-1",
        "m3/s",
        1.0,
        "water_volume_transport_in_river_channel",
        (0.0, _INF),
        "Volume of water per time.",
    ),
    Variable("width", "b", "m", "m", 1.0, None, (0.0, _INF), "Width of the water surface."),
    Variable("depth", "h", "m", "m", 1.0, None, (0.0, _INF), "Mean depth of the water."),
    Variable("velocity", "u", "m s-1", "m/s", 1.0, None, (0.0, 20.0), "Mean velocity of the water."),
    Variable("shear_stress", "tau", "Pa", "Pa", 1.0, None, (0.0, _INF), "Shear stress at the bed."),
    Variable("temperature", "T", "degree_Celsius", "°C", 1.0, None, (-2.0, 45.0), "Water temperature."),
    Variable(
        "travel_time",
        "t_w",
        "s",
        "h",
        1.0 / 3600.0,
        None,
        (0.0, _INF),
        "Time water takes along the channel from the nearest pit upstream.",
    ),
    Variable("load", "W", "kg s-1", "t/a", 31557.6, None, (0.0, _INF), "Mass per time."),
    Variable(
        "concentration",
        "C",
        "kg m-3",
        "mg/L",
        1e3,
        None,
        (0.0, _INF),
        "Mass per volume of water, dissolved and suspended together.",
    ),
    Variable("dissolved_fraction", "f_d", "1", "1", 1.0, None, (0.0, 1.0), "Share of a substance that is dissolved."),
    Variable("loss_rate", "k", "s-1", "1/d", 86400.0, None, (0.0, _INF), "First-order loss per time."),
    Variable(
        "suspended_solids",
        "SPM",
        "kg m-3",
        "mg/L",
        1e3,
        None,
        (0.0, _INF),
        "Mass of suspended particles per volume of water.",
    ),
    Variable("hazard_quotient", "HQ", "1", "1", 1.0, None, (0.0, _INF), "Concentration over threshold."),
)

SUBSTANCES: dict[str, Substance] = {
    s.name: s
    for s in (
        Substance(
            "ammonium", "NH4-N", "ammonium (as N)", "N", 14.0067e-3, "Total ammonia nitrogen from ammonium sulfate."
        ),
        Substance(
            "sulfate", "SO4", "sulfate", "SO4", 96.06e-3, "Sulfate from ammonium sulfate; conservative in channels."
        ),
        Substance(
            "oxalate", "C2O4", "oxalate", "C2O4", 88.02e-3, "Oxalate left over from precipitation with oxalic acid."
        ),
        Substance(
            "lead", "Pb", "lead", "Pb", 207.2e-3, "Lead mobilised from rock and soil by acid drainage; not a reagent."
        ),
    )
}

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Days of each month in a year of 365.25 days, so that twelve months are one Julian year.
MONTH_DAYS = (31.0, 28.25, 31.0, 30.0, 31.0, 30.0, 31.0, 31.0, 30.0, 31.0, 30.0, 31.0)
SECONDS_PER_DAY = 86400.0
SECONDS_PER_YEAR = 365.25 * SECONDS_PER_DAY


def display(name: str, value: float) -> float:
    """Convert `value` of variable `name` from SI to its display unit.

    Examples
    --------
    >>> display("concentration", 0.25)
    250.0
    """
    row = VARIABLES[name]
    return value * row.display_factor + row.display_offset

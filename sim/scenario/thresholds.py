"""Thresholds the package carries: reading the table, and which rows this version can compare with.

A row can be compared when it is one number, in water, for one of the four substances. The others stay in
the table with the reason why they are not compared yet.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.exposure.objects import Threshold

#: substance -> unit in the table -> number of those units in one kg/m3 of the substance as carried
_PER_SI: dict[str, dict[str, float]] = {
    "ammonium": {"mg/L N": 1e3, "mg/L TAN as N": 1e3, "mg/L NH4": 1e3 * 18.0383 / 14.0067},
    "sulfate": {"mg/L": 1e3, "meq/L": 1e3 / 48.03},
    "oxalate": {"mg/L": 1e3},
    "lead": {"mg/L": 1e3, "ug/L": 1e6, "mg/L dissolved": 1e3, "ug/L dissolved": 1e6},
}
_TOKENS = {
    "nh3n": "ammonium", "nh3": "ammonium", "nh4": "ammonium", "nh4n": "ammonium", "pb": "lead", "so4": "sulfate",
    "oxalate": "oxalate",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ThresholdRow:
    """One row of the table, as written, with what this version makes of it.

    substance : one of the four, or empty
    si : kg/m3 of the substance as carried; None when the row cannot be compared
    reason : why it cannot be compared, empty when it can
    """

    identifier: str
    value: str
    unit: str
    medium: str
    endpoint: str
    jurisdiction: str
    source: str
    year: int
    basis: str
    evidence: str
    substance: str
    si: float | None
    reason: str

    @property
    def shown(self) -> str:
        """Value and unit as the source writes them."""
        return f"{self.value} {self.unit}"


def substance_of(identifier: str) -> str:
    """Substance a threshold is about, from its identifier; empty for anything but the four.

    Examples
    --------
    >>> substance_of("cn_gb3838_nh3n_III")
    'ammonium'
    """
    return next((_TOKENS[token] for token in identifier.split("_") if token in _TOKENS), "")


def _comparable(substance: str, value: str, unit: str) -> tuple[float | None, str]:
    """Value in kg/m3, or the reason why there is none."""
    if not substance:
        return None, "It is not about ammonium, sulfate, oxalate or lead, which are what this version carries"
    if unit == "mg/L NH3" and substance == "ammonium":
        return None, "It is for NH3, and this version carries total ammonia nitrogen without its split by pH"
    per_si = _PER_SI[substance].get(unit)
    try:
        number = float(value)
    except ValueError:
        what = "a formula of water chemistry" if value.startswith("f(") else "a range or a bound"
        return None, f"Its value {value} is {what}, and this version compares single numbers only"
    if per_si is None:
        carried = " as N" if substance == "ammonium" else ""
        return None, f"Its unit {unit} is not a concentration of {substance}{carried} in water"
    return number / per_si, ""


@lru_cache(maxsize=1)
def threshold_rows() -> dict[str, ThresholdRow]:
    """All rows of the table by identifier, in the table's order."""
    path = Path(__file__).resolve().parents[1] / "data" / "thresholds.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["id"]: _row(row) for row in csv.DictReader(stream)}


def _row(row: dict[str, str]) -> ThresholdRow:
    substance = substance_of(row["id"])
    si, reason = _comparable(substance, row["value"], row["unit"])
    return ThresholdRow(
        row["id"], row["value"], row["unit"], row["medium"], row["endpoint"], row["jurisdiction"], row["source"],
        int(row["year"]), row["basis"], row["status"], substance, si, reason,
    )  # fmt: skip


def comparable_thresholds() -> tuple[str, ...]:
    """Identifiers this version can compare with, in the table's order."""
    return tuple(name for name, row in threshold_rows().items() if row.si is not None)


def thresholds_of(identifiers: Iterable[str] | None = None) -> tuple[Threshold, ...]:
    """Thresholds as the exposure room takes them.

    Parameters
    ----------
    identifiers : iterable of str, optional
        Which, in this order; every comparable one when left out.

    Raises
    ------
    ValueError
        If one is not in the table or cannot be compared (scenarios are checked before).
    """
    from sim.exposure.objects import Threshold  # here, so that reading a scenario loads no other room

    rows = threshold_rows()
    found = []
    for name in comparable_thresholds() if identifiers is None else identifiers:
        row = rows.get(name)
        if row is None or row.si is None:
            raise ValueError(f"threshold {name!r} cannot be compared: {row.reason if row else 'not in the table'}")
        fraction = "dissolved" if "dissolved" in row.unit else "total"
        found.append(
            Threshold(
                identifier=row.identifier,
                substance=row.substance,
                value=row.si,
                fraction=fraction,
                shown=row.shown,
                medium=row.medium,
                endpoint=row.endpoint,
                jurisdiction=row.jurisdiction,
                source=row.source,
                year=row.year,
                evidence=row.evidence,
            )
        )
    return tuple(found)

"""CSV tables: RFC 4180, UTF-8, units in the header, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.arrays import FloatArray, weighted_mean
from sim.io.disk import write_text
from sim.io.worst import Worst, distance_kinds, quotients_at_receptors, worst_at_receptors
from sim.registry import VARIABLES

if TYPE_CHECKING:
    from sim.pipeline.result import Result

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_text(text: str) -> str:
    """Quote text that a spreadsheet would run as a formula, with a leading apostrophe.

    Examples
    --------
    >>> safe_text("=1+1"), safe_text("Pangwa")
    ("'=1+1", 'Pangwa')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    number = float(value)
    # repr is the shortest text that reads back as the same number.
    return repr(number) if math.isfinite(number) else ""


def write_table(path: str | Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV table; numbers exact, missing ones empty.

    Parameters
    ----------
    header : column names with their unit, for example ``"length (km)"``
    rows : values, text from users included (made safe here)

    Raises
    ------
    DataError
        LS-310 when the disk is full or not writable.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([safe_text(name) for name in header])
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"a row of {len(row)} values under {len(header)} columns")
        writer.writerow([_cell(value) for value in row])
    write_text(Path(path), buffer.getvalue())


def read_table(path: str | Path) -> list[dict[str, str]]:
    """Rows of a CSV table written by `write_table`, as text by column."""
    with Path(path).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write_budget(path: str | Path, result: Result) -> None:
    """Write budget.csv: the mass budget of the river per period, and the yearly ledger of the hillslope."""
    budget = result.budget
    header = ("part", "period", "substance", "line", "mass (kg)", "relative error (1)")
    lines = ("from_pits", "from_background", "out", "reacted", "stored", "error")
    rows: list[tuple[Any, ...]] = []
    for t, period in enumerate(result.period_names):
        for s, substance in enumerate(budget.substances):
            for line in lines:
                relative = budget.relative_error[t, s] if line == "error" else None
                rows.append(("river", period, substance, line, getattr(budget, line)[t, s], relative))
    for line, mass in result.load.ledger.items():
        for s, substance in enumerate(result.load.substances):
            rows.append(("hillslope", "year", substance, line, mass[s], None))
    write_table(path, header, rows)


def write_receptors(path: str | Path, result: Result) -> None:
    """Write receptors.csv: one row per receptor, unlocated ones included, and nothing invented for them."""
    exposure, concentration = result.exposure, result.concentration
    unit = VARIABLES["concentration"]
    header = [
        "name",
        "kind",
        "status",
        "longitude (degrees_east)",
        "latitude (degrees_north)",
        "position evidence",
        "source",
        "node",
        "distance to river (m)",
        "distance is",
        "downstream of a site",
        "discharge mean (m3/s)",
        "travel time least (h)",
        "travel time most (h)",
    ]
    for substance in concentration.substances:
        header += [f"{substance} {what} ({unit.display_unit})" for what in ("mean", "worst", "worst from pits")]
    for threshold in exposure.thresholds if exposure is not None else ():
        header += [
            f"{threshold.identifier} worst quotient (1)",
            f"{threshold.identifier} months above (1)",
        ]
    header += ["worst threshold", "worst quotient (1)", "worst quotient without pits (1)"]
    if exposure is None:
        write_table(path, header, ())
        return
    quotient, _ = quotients_at_receptors(result)
    worst = worst_at_receptors(result)
    count = exposure.receptors.size
    write_table(path, header, (_receptor_row(result, i, len(header), quotient[..., i], worst) for i in range(count)))


def _receptor_row(result: Result, i: int, columns: int, quotient: FloatArray, worst: Worst) -> list[Any]:
    """One row of receptors.csv; quotient : (h, t), at the receptor."""
    exposure = result.exposure
    assert exposure is not None
    receptors, concentration = exposure.receptors, result.concentration
    node = int(receptors.node[i])
    row: list[Any] = [
        receptors.name[i],
        receptors.kind[i],
        receptors.status[i],
        receptors.longitude[i],
        receptors.latitude[i],
        receptors.evidence[i],
        receptors.source[i],
    ]
    if node < 0:
        return row + [None] * (columns - len(row))
    hours = exposure.travel_time[:, node] / 3600.0
    known = hours[np.isfinite(hours)]
    row += [
        node,
        receptors.distance[i],
        distance_kinds(exposure)[i],
        bool(exposure.downstream[node]),
        float(weighted_mean(result.flow.discharge_in[:, node], result.flow.duration)),
    ]
    row += [known.min(), known.max()] if known.size else [None, None]
    factor = VARIABLES["concentration"].display_factor
    for s in range(len(concentration.substances)):
        here = concentration.inlet[:, s, node] * factor
        row += [
            float(weighted_mean(here, result.flow.duration)),
            here.max(),
            concentration.pit_inlet[:, s, node].max() * factor,
        ]
    for over in quotient:
        row += [over.max(), int(np.count_nonzero(over > 1.0))]
    return [*row, worst.threshold[i], worst.quotient[i], worst.without_pits[i]]

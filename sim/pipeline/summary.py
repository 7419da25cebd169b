"""RunSummary: the few numbers a reader needs first, from a Result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.registry import SUBSTANCES

if TYPE_CHECKING:
    from sim.exposure.objects import Exposure, Threshold
    from sim.pipeline.result import Result


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What the command line prints and ``--json`` gives; plain types only, paths excepted.

    worst_reaches : place, substance, threshold, quotient, period, kilometres to the outlet, longitude, latitude
    receptors : one entry per receptor, unlocated ones included
    exceeded : one entry per threshold: river kilometres above it, and above it even without pits
    overlap : km2 of land and km of river in the circle only, in both, downstream only
    """

    scenario: str
    title: str
    timings: Mapping[str, float]
    budget_error: float
    water_error: float
    nodes: int
    sites: int
    periods: int
    worst_reaches: tuple[dict[str, Any], ...]
    receptors: tuple[dict[str, Any], ...]
    exceeded: tuple[dict[str, Any], ...]
    unlocated: tuple[str, ...]
    overlap: Mapping[str, float]
    ledger: Mapping[str, Mapping[str, float]]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    labels: tuple[str, ...]
    folder: Path | None = None
    map: Path | None = None
    report: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain types for JSON."""
        plain = asdict(self)
        for key in ("folder", "map", "report"):
            plain[key] = None if plain[key] is None else str(plain[key])
        return plain


def summarise(result: Result) -> RunSummary:
    """Return the summary of a computed result (paths still empty)."""
    exposure = result.exposure
    return RunSummary(
        scenario=result.scenario.scenario.name,
        title=result.scenario.scenario.title,
        timings=dict(result.timings),
        budget_error=float(result.budget.relative_error.max()),
        water_error=result.flow.imbalance(result.network),
        nodes=result.network.size,
        sites=len(result.load.node),
        periods=len(result.period_names),
        worst_reaches=() if exposure is None else worst_reaches(result, exposure),
        receptors=() if exposure is None else receptor_rows(result, exposure),
        exceeded=() if exposure is None else exceeded_rows(exposure),
        unlocated=() if exposure is None else unlocated(exposure),
        overlap={} if exposure is None or result.terrain is None else overlap_row(exposure),
        ledger=ledger_rows(result),
        warnings=result.warnings,
        notes=result.notes,
        labels=result.labels,
    )


def threshold_name(threshold: Threshold) -> str:
    """Return a threshold in words: substance, value, purpose and where it comes from.

    The evidence mark stays with it: a value marked memory says so wherever it is shown.
    """
    label = SUBSTANCES[threshold.substance].label
    mark = "" if threshold.evidence == "found" else f", {threshold.evidence}"
    issuer = "" if threshold.jurisdiction == "-" else f"{threshold.jurisdiction}, "
    return f"{label} {threshold.shown} ({issuer}{threshold.medium}{mark})"


def unlocated(exposure: Exposure) -> tuple[str, ...]:
    """Return the names of receptors nobody has located."""
    pairs = zip(exposure.receptors.name, exposure.receptors.status, strict=True)
    return tuple(name for name, status in pairs if status == "position not found")


def distance_to_outlet(result: Result) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the channel length from each node's upstream end to its outlet, (n,) m."""
    network = result.network
    total = network.length.copy()
    for i in range(network.size - 1, -1, -1):
        if network.down[i] >= 0:
            total[i] += total[network.down[i]]
    return total


def worst_reaches(result: Result, exposure: Exposure) -> tuple[dict[str, Any], ...]:
    """Return for each substance the reach highest above its strictest threshold, highest quotient first."""
    peak = exposure.quotient.max(axis=1)
    to_outlet = distance_to_outlet(result)
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for h in np.argsort(-peak.max(axis=1), kind="stable").tolist():
        node = int(peak[h].argmax())
        threshold = exposure.thresholds[h]
        if threshold.substance in seen:
            continue
        seen.add(threshold.substance)
        if peak[h, node] <= 1.0:
            break
        rows.append(
            {
                "node": node,
                "name": result.network.name[node],
                "longitude": _number(result.longitude[node]),
                "latitude": _number(result.latitude[node]),
                "km_to_outlet": float(to_outlet[node]) / 1e3,
                "substance": threshold.substance,
                "threshold": threshold_name(threshold),
                "quotient": float(peak[h, node]),
                "period": result.period_names[int(exposure.quotient[h, :, node].argmax())],
            }
        )
    return tuple(rows)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def receptor_rows(result: Result, exposure: Exposure) -> tuple[dict[str, Any], ...]:
    """Return one row per receptor: place, river, concentrations (mg/L), quotients, travel time."""
    receptors = exposure.receptors
    concentration = result.concentration
    rows = []
    for i in range(receptors.size):
        node = int(receptors.node[i])
        row: dict[str, Any] = {
            "name": receptors.name[i],
            "kind": receptors.kind[i],
            "status": receptors.status[i],
            "evidence": receptors.evidence[i],
            "source": receptors.source[i],
            "longitude": _number(receptors.longitude[i]),
            "latitude": _number(receptors.latitude[i]),
            "km_to_river": _number(receptors.distance[i] / 1e3),
            "distance_is": receptors.distance_is[i] if receptors.distance_is else "",
            "m_above_river": _number(receptors.fall[i]) if receptors.fall else None,
            "nearest_affected": _nearest_affected(result, exposure, i),
            "downstream_of_sites": None if node < 0 else bool(exposure.downstream[node]),
        }
        if node >= 0:
            row["discharge_mean"] = float(np.average(result.flow.discharge_in[:, node], weights=result.flow.duration))
            row["travel_time_h"] = _range(exposure.travel_time[:, node] / 3600.0)
            row["concentration"] = {
                name: {
                    "worst": float(concentration.inlet[:, s, node].max()) * 1e3,
                    "period": result.period_names[int(concentration.inlet[:, s, node].argmax())],
                    "least": float(concentration.inlet[:, s, node].min()) * 1e3,
                    "from_pits_worst": float(concentration.pit_inlet[:, s, node].max()) * 1e3,
                    "unit": "mg/L",
                }
                for s, name in enumerate(concentration.substances)
            }
            row["thresholds"] = [_receptor_threshold(result, threshold, node) for threshold in exposure.thresholds]
        rows.append(row)
    return tuple(rows)


def _nearest_affected(result: Result, exposure: Exposure, i: int) -> dict[str, Any] | None:
    """The nearest reach with water from sites, as the crow flies, and its highest quotient."""
    if i >= len(exposure.near_node) or exposure.near_node[i] < 0:
        return None
    node = int(exposure.near_node[i])
    h = int(exposure.quotient[:, :, node].max(axis=1).argmax())
    return {
        "km": float(exposure.near_distance[i]) / 1e3,
        "node": node,
        "quotient": float(exposure.quotient[h, :, node].max()),
        "quotient_without_pits": float(exposure.background_quotient[h, :, node].max()),
        "threshold": threshold_name(exposure.thresholds[h]),
    }


def _receptor_threshold(result: Result, threshold: Threshold, node: int) -> dict[str, Any]:
    """Quotients at the receptor itself: the upstream end of its node."""
    concentration = result.concentration
    s = concentration.index(threshold.substance)
    share = concentration.dissolved_fraction[:, s, node] if threshold.fraction == "dissolved" else 1.0
    total = share * concentration.inlet[:, s, node] / threshold.value
    without = share * (concentration.inlet[:, s, node] - concentration.pit_inlet[:, s, node]) / threshold.value
    return {
        "id": threshold.identifier,
        "threshold": threshold_name(threshold),
        "quotient": float(total.max()),
        "quotient_without_pits": float(without.max()),
        "months_above": int(np.count_nonzero(total > 1.0)),
    }


def _range(hours: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float] | None:
    known = hours[np.isfinite(hours)]
    return (float(known.min()), float(known.max())) if known.size else None


def exceeded_rows(exposure: Exposure) -> tuple[dict[str, Any], ...]:
    """Return river kilometres above each threshold in at least one period: in all, without pits, by pits alone.

    Where background alone comes near the threshold (`background_quotient` close to one) little from pits is enough.
    """
    return tuple(
        {
            "id": threshold.identifier,
            "substance": threshold.substance,
            "threshold": threshold_name(threshold),
            "shown": threshold.shown,
            "source": threshold.source,
            "evidence": threshold.evidence,
            "river_km": float(exposure.exceeded_length[h]) / 1e3,
            "river_km_without_pits": float(exposure.exceeded_length_background[h]) / 1e3,
            "river_km_pits_alone": float(exposure.exceeded_length_pits[h]) / 1e3,
            "background_quotient": float(exposure.background_quotient[h].max()),
        }
        for h, threshold in enumerate(exposure.thresholds)
    )


def overlap_row(exposure: Exposure) -> dict[str, float]:
    """Return the circle against the modelled downstream zone, km2 and km."""
    over = exposure.overlap
    return {
        "radius_km": exposure.zone_radius / 1e3,
        "circle_area_km2": exposure.zone_area / 1e6,
        **{f"{key}_km2": value / 1e6 for key, value in asdict(over).items() if key.startswith("land")},
        **{f"{key}_km": value / 1e3 for key, value in asdict(over).items() if key.startswith("river")},
    }


def ledger_rows(result: Result) -> dict[str, dict[str, float]]:
    """Return tonnes a year per ledger line and substance."""
    return {
        line: {name: float(mass[s]) / 1e3 for s, name in enumerate(result.load.substances)}
        for line, mass in result.load.ledger.items()
    }

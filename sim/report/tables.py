"""Rows of the report's tables, as plain texts and numbers; the template only lays them out."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.registry import SECONDS_PER_YEAR
from sim.report.five_mile import CATEGORIES
from sim.report.texts import EVIDENCE, evidence, issuer, number, sentence, shortened, shown
from sim.report.view import MG_PER_L, View

_TONNE = 1000.0
#: distance at which a river with water from sites is worth a word for a place on another stream, m
BESIDE = 5000.0
_LEDGER_WORDS = {
    "applied": "applied as reagent",
    "mobilised": "mobilised from rock and soil",
    "recovered": "recovered with the leach solution",
    "consumed": "bound or consumed in the process",
    "held": "held back by soil and slope",
    "delivered": "delivered to rivers",
    "off_terrain": "ends before any river (off the terrain, or in a kept sink)",
}


def span(low: float, high: float, digits: int = 3) -> str:
    """Write a range, or one number where both ends look alike.

    Examples
    --------
    >>> span(1.0, 2.5), span(2.0, 2.0)
    ('1.00 to 2.50', '2.00')
    """
    a, b = number(low, digits), number(high, digits)
    return a if a == b else f"{a} to {b}"


def share(part: float) -> str:
    """Percent with one decimal; a small share is not written as nothing.

    Examples
    --------
    >>> share(0.0), share(0.0003), share(0.015), share(1.0)
    ('0%', '< 0.1%', '1.5%', '100%')
    """
    if 0.0 < part < 0.001:
        return "< 0.1%"
    return f"{part:.1%}".replace(".0%", "%")


def threshold_head(view: View, h: int) -> dict[str, str]:
    """Short heading of one threshold: substance, value, for what, by whom, mark."""
    t = view.thresholds[h]
    return {
        "substance": sentence(view.substance_label(t.substance)),
        "value": shown(t.shown) + (" dissolved" if t.fraction == "dissolved" else ""),
        "use": t.medium,
        "issuer": shortened(t.jurisdiction if t.jurisdiction.strip() not in {"", "-"} else t.source, 32),
        "mark": "" if t.evidence == "found" else "M",
    }


def key_numbers(view: View) -> list[dict[str, str]]:
    """The few numbers a reader needs first: value, unit, meaning."""
    result = view.result
    rows: list[tuple[str, str, str]] = []
    if result.pits is not None:
        pits = f"{float(result.pits.pits.sum()):,.0f}"
        rows.append((f"{result.pits.size:,}", "sites", f"with {pits} pits in this scenario"))
    if view.has_loads:
        length = float(result.network.length[view.affected].sum()) / 1e3
        source = "site" if result.terrain is not None else "point load"
        rows.append((number(length), "km", f"of river carry water from at least one {source}"))
    if view.thresholds:
        rows.append(_headline_number(view))
    if view.receptors is not None and view.receptors.size:
        below = sum(bool(view.affected[place.node]) for place in view.located)
        lost = sum(status == "position not found" for status in view.receptors.status)
        words = f"of {view.receptors.size} named places lie on or drain to a river with a site upstream"
        rows.append(
            (
                str(below),
                "places",
                words + (f"; {lost} of the {view.receptors.size} could not be located" if lost else ""),
            )
        )
    if result.exposure is not None and result.terrain is not None:
        rows.extend(_outside_number(view))
    error = number(float(result.budget.relative_error.max()), 2)
    rows.append((error, "", "largest relative error of the mass budget (must stay below 1e-9)"))
    return [{"value": value, "unit": unit, "meaning": meaning} for value, unit, meaning in rows]


def _headline_number(view: View) -> tuple[str, str, str]:
    """River length above the first threshold, and how much of it without pits."""
    head = threshold_head(view, view.headline)
    bare = float(view.exposure.exceeded_length_background[view.headline]) / 1e3
    substance = view.substance_label(view.thresholds[view.headline].substance)
    when = "in at least one month" if len(view.result.period_names) > 1 else "in the steady state"
    words = f"of river above {head['value']} for {substance} ({head['use']}, {head['issuer']}) {when}"
    length = float(view.exposure.exceeded_length[view.headline]) / 1e3
    if view.has_loads and length > 0.0:
        part = f"{number(bare)} km of it even" if bare > 0.0 else "none of it"
        words += f"; {part} without {view.loads_word}"
    return number(length), "km", words


def _outside_number(view: View) -> list[tuple[str, str, str]]:
    """Share of the downstream river length that the zone about the sites misses."""
    overlap = view.exposure.overlap
    outside = overlap.river_modelled_only
    total = outside + overlap.river_both
    if total <= 0.0:
        return []
    words = f"({number(outside / 1e3)} of {number(total / 1e3)} km) lies outside the zone about the sites"
    return [(f"{outside / total:.0%}", "", f"of the river length that carries water from sites {words}")]


def overlap_rows(view: View) -> list[dict[str, str]]:
    """Land (km2) and river (km) in the circle only, in both, downstream only."""
    exposure = view.result.exposure
    if exposure is None or view.result.terrain is None:
        return []
    words = {
        "zone only": "inside the zone, but water from a site neither flows through nor lies beside it",
        "zone and downstream": "inside the zone, and on the way of water from a site",
        "downstream only": "on the way of water from a site, but outside the zone",
    }
    return [
        {
            "name": name,
            "meaning": words[name],
            "land": number(getattr(exposure.overlap, land) / 1e6),
            "river": number(getattr(exposure.overlap, river) / 1e3),
            "colour": colour,
        }
        for name, colour, land, river in CATEGORIES
    ]


def receptor_rows(view: View) -> list[dict[str, Any]]:
    """One row per receptor: where, how far, how long, concentrations at its river, quotients."""
    places = view.receptors
    if places is None:
        return []
    return [_receptor(view, r) for r in range(places.size)]


def _beside(view: View, r: int) -> str:
    """Words on the nearest river with water from sites, for places that lie on another stream."""
    exposure = view.exposure
    node = int(exposure.receptors.node[r])
    if r >= len(exposure.near_node) or exposure.near_node[r] < 0 or (node >= 0 and view.affected[node]):
        return ""
    near, away = int(exposure.near_node[r]), float(exposure.near_distance[r])
    if away > BESIDE:
        return ""
    peak = exposure.quotient[:, :, near].max(axis=1)
    h = int(peak.argmax())
    words = f"a river with water from sites passes {number(away / 1e3, 2)} km away"
    if peak[h] > 1.0:
        head = threshold_head(view, h)
        words += f", up to {number(float(peak[h]), 2)} times {head['substance']} {head['value']}"
    return words


def _receptor(view: View, r: int) -> dict[str, Any]:
    result, places = view.result, view.exposure.receptors
    node = int(places.node[r])
    row: dict[str, Any] = {
        "name": places.name[r],
        "kind": places.kind[r],
        "status": places.status[r],
        "mark": places.evidence[r],
        "source": evidence(places.source[r])[1],
        "found": node >= 0,
        "distance": number(places.distance[r] / 1e3, 2) if np.isfinite(places.distance[r]) else "–",
        "affected": node >= 0 and bool(view.affected[node]),
        "beside": _beside(view, r),
    }
    if node < 0:
        return row
    travel = view.exposure.travel_time[:, node]
    known = travel[np.isfinite(travel)]
    row["travel"] = "–" if known.size == 0 else span(float(known.min()) / 3600.0, float(known.max()) / 3600.0, 2)
    row["discharge"] = number(float(view.mean(result.flow.discharge_in[:, node])))
    row["values"] = []
    for s in view.kept:
        values = view.at(node, s) * MG_PER_L
        pits = result.concentration.pit_inlet[:, s, node] * MG_PER_L
        worst = int(np.argmax(values))
        row["values"].append(
            {
                "worst": number(float(values[worst])),
                "period": result.period_names[worst],
                "mean": number(float(view.mean(values))),
                "pits": number(float(pits[worst])),
                "share": f"{float(pits[worst] / values[worst]):.0%} from sites" if pits[worst] > 0.0 else "background",
                "nothing": not values[worst] > 0.0,
            }
        )
    row["quotients"] = [_quotient(view.quotient_at(node, t)) for t in view.thresholds]
    return row


def _quotient(values: Any) -> dict[str, Any]:
    top = float(values.max())
    return {"text": number(top, 2), "over": top > 1.0, "months": int(np.count_nonzero(values > 1.0))}


def exceeded_rows(view: View) -> list[dict[str, Any]]:
    """River length above each threshold: in all, without pits, because of pits, by pits alone; months at worst."""
    exposure = view.result.exposure
    if exposure is None:
        return []
    whole = float(view.result.network.length.sum())
    return [
        {
            **threshold_head(view, h),
            "length": number(float(exposure.exceeded_length[h]) / 1e3),
            "share": share(float(exposure.exceeded_length[h]) / whole),
            "background": number(float(exposure.exceeded_length_background[h]) / 1e3),
            "pits": number(float(exposure.exceeded_length[h] - exposure.exceeded_length_background[h]) / 1e3),
            "alone": number(float(exposure.exceeded_length_pits[h]) / 1e3),
            "natural": number(float(exposure.background_quotient[h].max()), 2),
            "months": int(exposure.months_above[h].max()),
            "worst": number(float(exposure.quotient[h].max()), 3),
        }
        for h in range(len(exposure.thresholds))
    ]


def worst_rows(view: View, per_substance: int = 3) -> list[dict[str, str]]:
    """For each substance the reaches with the highest quotient of its strictest threshold."""
    exposure, result = view.result.exposure, view.result
    if exposure is None:
        return []
    rows: list[dict[str, str]] = []
    for name in result.concentration.substances:
        own = [h for h, t in enumerate(exposure.thresholds) if t.substance == name]
        if not own or name not in view.in_rivers:
            continue
        h = max(own, key=lambda k: float(exposure.quotient[k].max()))
        peak = exposure.quotient[h].max(axis=0)
        seen: set[int] = set()
        for node in np.argsort(-peak, kind="stable").tolist():
            reach = int(result.network.reach[node])
            if reach in seen:
                continue
            seen.add(reach)
            rows.append(_reach(view, h, node))
            if len(seen) == per_substance:
                break
    return rows


def _reach(view: View, h: int, node: int) -> dict[str, str]:
    result, exposure = view.result, view.exposure
    worst = int(np.argmax(exposure.quotient[h, :, node]))
    lon, lat = float(result.longitude[node]), float(result.latitude[node])
    known = np.isfinite(lon) and np.isfinite(lat)
    head = threshold_head(view, h)
    return {
        "substance": head["substance"],
        "threshold": f"{head['value']} ({head['use']}, {head['issuer']})",
        "mark": head["mark"],
        "quotient": number(float(exposure.quotient[h, worst, node])),
        "period": result.period_names[worst],
        "name": result.network.name[node] or ("" if known else f"segment {node + 1}"),
        "place": f"{lat:.3f}, {lon:.3f}" if known else "",
        "outlet": number(float(view.way_down[node]) / 1e3),
        "discharge": number(float(result.flow.discharge_out[worst, node])),
    }


def reach_rows(view: View, longest: int = 200) -> list[dict[str, Any]]:
    """Every segment of a channel scenario, upstream first: where it ends, discharge and concentrations there."""
    result = view.result
    if result.terrain is not None:
        return []
    order = np.argsort(-view.way_down, kind="stable")[:longest].tolist()
    return [
        {
            "name": result.network.name[node] or f"segment {node + 1}",
            "outlet": number(float(view.way_down[node] - result.network.length[node]) / 1e3),
            "discharge": number(float(view.mean_discharge[node])),
            "values": [number(float(v) * MG_PER_L) for v in view.mean(result.concentration.outlet[:, view.kept, node])],
        }
        for node in order
    ]


def ledger_rows(view: View) -> list[dict[str, Any]]:
    """Where each substance went before it met a river, t/a; of point loads only the line that says how much."""
    if not view.has_loads:
        return []
    landscape = view.result.terrain is not None
    return [
        {"name": _LEDGER_WORDS.get(line, line), "values": [number(float(values[s]) / _TONNE) for s in view.kept]}
        for line, values in view.result.load.ledger.items()
        if landscape or line == "delivered"
    ]


def budget_rows(view: View) -> list[dict[str, Any]]:
    """Mass budget of the whole network, t/a, and its relative error."""
    budget = view.result.budget
    years = float(view.result.flow.duration.sum()) / SECONDS_PER_YEAR
    sites = "from sites" if view.result.terrain is not None else "from point loads"
    lines = (
        *(((sites, budget.from_pits),) if view.has_loads else ()),
        ("from background", budget.from_background),
        ("leaves at outlets", budget.out),
        ("reacted or settled on the way", budget.reacted),
    )
    rows: list[dict[str, Any]] = [
        {"name": name, "values": [number(float(v) / _TONNE / years) for v in values.sum(axis=0)[list(view.kept)]]}
        for name, values in lines
    ]
    rows.append(
        {
            "name": "largest relative error of a period",
            "values": [number(float(v), 2) for v in budget.relative_error.max(axis=0)[list(view.kept)]],
        }
    )
    return rows


def station_rows(view: View) -> list[dict[str, str]]:
    """Drainage area and discharge at every station."""
    result = view.result
    rows = []
    for place in view.stations:
        q = result.flow.discharge_in[:, place.node]
        dry, wet = int(np.argmin(q)), int(np.argmax(q))
        rows.append(
            {
                "name": place.name,
                "area": number(float(result.network.area_in[place.node]) * 1e-6, 4),
                "mean": number(float(view.mean(q)), 4),
                "dry": f"{number(float(q[dry]))} ({result.period_names[dry]})",
                "wet": f"{number(float(q[wet]))} ({result.period_names[wet]})",
            }
        )
    return rows


def threshold_rows(view: View) -> list[dict[str, str]]:
    """Every threshold compared, with source and evidence mark."""
    return [
        {
            "id": t.identifier,
            "substance": sentence(view.substance_label(t.substance)),
            "value": shown(t.shown),
            "fraction": t.fraction,
            "use": f"{t.medium}: {t.endpoint}",
            "source": f"{issuer(t.jurisdiction, t.source)}, {t.year}",
            "mark": {"found": "F", "memory": "M"}.get(t.evidence, t.evidence),
            "evidence": EVIDENCE.get(t.evidence, t.evidence),
        }
        for t in view.thresholds
    ]

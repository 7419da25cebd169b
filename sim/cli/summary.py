"""The summary at the end of a run, for readers who do not program."""

from __future__ import annotations

import math
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim.cli.streams import clean, display_path

_MILE_KM = 1.609344
_PLACES_SHOWN = 12
#: a place farther from its river than this along the flow path, or higher above it, hardly draws its water there
_FAR_KM, _HIGH_M = 2.0, 100.0
#: distance at which a river with water from sites is near a place that lies on another stream, km
_BESIDE_KM = 5.0
#: share of a threshold from which background is worth a word
_NEAR = 0.5
_WORDS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine", 10: "ten"}


def print_summary(run: Mapping[str, Any]) -> None:
    """Print the summary of a run.

    Parameters
    ----------
    run : mapping
        As of `sim.pipeline.summary.RunSummary.as_dict`.
    """
    width = min(shutil.get_terminal_size((110, 24)).columns, 120)
    for line in summary_lines(run, width=max(width, 60)):
        print(line)


def summary_lines(run: Mapping[str, Any], *, width: int = 110) -> list[str]:
    """Return the summary as lines without control characters."""
    lines = [clean(run["title"] or run["scenario"]), *_wrap(" | ".join(run["labels"]), width, indent="")]
    lines += ["", *_stages(run, width)]
    if run["exceeded"]:
        when = "in the steady state" if run["periods"] == 1 else "in at least one month"
        loads = "pits" if run["receptors"] else "point loads"
        lines += ["", f"River above a threshold {when}", *_exceeded(run["exceeded"], loads, width)]
    if run["receptors"]:
        lines += ["", "Places whose river water is above a threshold in the worst month", *_places(run, width)]
    if run["worst_reaches"]:
        lines += ["", "Worst reaches", *_worst(run["worst_reaches"], width)]
    if run["overlap"]:
        lines += ["", *_overlap(run["overlap"], width)]
    if run["warnings"]:
        lines += ["", "Warnings"]
        for warning in run["warnings"]:
            lines += _wrap(warning, width, bullet="- ")
    lines.append("")
    for label, key in (("Folder", "folder"), ("Map", "map"), ("Report", "report")):
        if run[key]:
            lines.append(f"{label + ':':<8}{clean(display_path(Path(run[key])))}")
    return lines


def _wrap(text: str, width: int, *, indent: str = "  ", bullet: str = "") -> list[str]:
    """Break a line of user text at `width`."""
    first, rest = indent + bullet, indent + " " * len(bullet)
    return textwrap.wrap(clean(text), width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def _stages(run: Mapping[str, Any], width: int) -> list[str]:
    timings = run["timings"]
    stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in timings.items())
    balance = f"Balance: mass within {run['budget_error']:.1e}, water within {run['water_error']:.1e} (relative error)"
    size = f"{run['nodes']:,} river segments, {run['sites']:,} sites"
    return [*_wrap(f"Done in {sum(timings.values()):.1f} s ({stages}); {size}", width, indent=""), balance]


def _exceeded(rows: Sequence[Mapping[str, Any]], loads: str, width: int) -> list[str]:
    lines: list[str] = []
    clear = [row["threshold"] for row in rows if not row["river_km"] > 0.0]
    for row in rows:
        if not row["river_km"] > 0.0:
            continue
        lines += _wrap(f"{row['river_km']:,.1f} km: {row['threshold']}; {_shares(row, loads)}", width)
        lines += _wrap(f"source: {row['source']} [{row['evidence']}]", width, indent="      ")
    if clear:
        lines += _wrap("0 km: " + "; ".join(clear), width)
    return lines


def _shares(row: Mapping[str, Any], loads: str) -> str:
    """What would be above the threshold without the loads, and by the loads alone."""
    background = row["river_km_without_pits"]
    text = f"{background:,.1f} km of it even without {loads}" if background > 0.0 else f"none without {loads}"
    if row["river_km_pits_alone"] < row["river_km"]:
        text += f", {_kilometres(row['river_km_pits_alone'])} by {loads} alone"
    if _NEAR < row["background_quotient"] <= 1.0:
        text += f" (background alone reaches {row['background_quotient']:.2g} of the threshold)"
    return text


def _kilometres(length: float) -> str:
    """A length with one digit; what rounds to nothing says so.

    Examples
    --------
    >>> _kilometres(0.0), _kilometres(0.02), _kilometres(12.34)
    ('0 km', 'below 0.1 km', '12.3 km')
    """
    if length == 0.0:
        return "0 km"
    return f"{length:,.1f} km" if length >= 0.05 else "below 0.1 km"


def _places(run: Mapping[str, Any], width: int) -> list[str]:
    above: list[tuple[float, Mapping[str, Any], Mapping[str, Any]]] = []
    below: list[str] = []
    apart: list[str] = []
    for place in run["receptors"]:
        worst = max(place.get("thresholds", ()), key=lambda entry: float(entry["quotient"]), default=None)
        if worst is not None and worst["quotient"] > 1.0:
            above.append((float(worst["quotient"]), place, worst))
        elif worst is not None:
            if place["downstream_of_sites"]:
                below.append(_marked(place))
            else:
                apart.append(_marked(place) + _beside(place))
    above.sort(key=lambda entry: -entry[0])
    lines: list[str] = []
    for quotient, place, worst in above[:_PLACES_SHOWN]:
        also = "; above it even without pits" if worst["quotient_without_pits"] > 1.0 else ""
        arrival = _arrival(place["travel_time_h"])
        text = f"{_marked(place)} ({place['kind']}): {times_text(quotient)} {worst['threshold']}"
        months = worst["months_above"]
        lines += _wrap(f"{text}, in {months} {'month' if months == 1 else 'months'}{also}{arrival}", width)
    if len(above) > _PLACES_SHOWN:
        lines.append(f"  and {len(above) - _PLACES_SHOWN} more, see receptors.csv")
    if not above:
        lines.append("  none")
    if below:
        lines += _wrap("Downstream of sites, below these thresholds: " + ", ".join(below), width)
    if apart:
        lines += _wrap("On streams without a site of this run: " + ", ".join(apart), width)
    for status, names in _not_on_river(run["receptors"]).items():
        lines += _wrap(f"{status[0].upper()}{status[1:]}: {', '.join(names)}", width)
    return lines


def _marked(place: Mapping[str, Any]) -> str:
    """The place's name, with a word where its position was not found in a source or its river is far away."""
    words = {"D": "position derived", "M": "position from memory", "C": "position judged"}
    said = [words[place["evidence"][:1]]] if place["evidence"][:1] in words else []
    away, above = place["km_to_river"], place["m_above_river"]
    if above is not None and (away > _FAR_KM or above > _HIGH_M):
        said.append(f"{away:.1f} km from and {above:,.0f} m above its river")
    return f"{place['name']} [{'; '.join(said)}]" if said else str(place["name"])


def _beside(place: Mapping[str, Any]) -> str:
    """A word on a river with water from sites that passes nearby."""
    near = place["nearest_affected"]
    if near is None or near["km"] > _BESIDE_KM:
        return ""
    worst = f", up to {times_text(near['quotient'])} {near['threshold']}" if near["quotient"] > 1.0 else ""
    return f" (but a river with water from sites passes {near['km']:.1f} km away{worst})"


def _not_on_river(places: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Names by status of the places for which no river water could be given."""
    groups: dict[str, list[str]] = {}
    for place in places:
        if "thresholds" not in place:
            groups.setdefault(place["status"], []).append(place["name"])
    return groups


def times_text(quotient: float) -> str:
    """How many times a threshold is met, with the digits it deserves.

    Examples
    --------
    >>> times_text(1.04), times_text(23.4), times_text(1234.0)
    ('1.04 times', '23 times', '1,200 times')
    """
    if quotient < 10.0:
        return f"{quotient:.3g} times"
    digits = 1 - math.floor(math.log10(quotient))
    return f"{round(quotient, digits):,.0f} times"


def _arrival(hours: Sequence[float] | None) -> str:
    if hours is None:
        return ""
    low, high = hours
    scale, unit = (24.0, "days") if low >= 48.0 else (1.0, "h")
    first, last = f"{low / scale:.1f}", f"{high / scale:.1f}"
    return f"; water from the nearest site takes {first if first == last else f'{first} to {last}'} {unit}"


def _worst(rows: Sequence[Mapping[str, Any]], width: int) -> list[str]:
    lines: list[str] = []
    for row in rows:
        where = f"{row['name']}, " if row["name"] else ""
        if row["longitude"] is not None and row["latitude"] is not None:
            where += f"{row['longitude']:.3f} E {row['latitude']:.3f} N, "
        where += f"{row['km_to_outlet']:,.0f} km above the outlet"
        when = "" if row["period"] == "steady" else f" in {row['period']}"
        lines += _wrap(f"{times_text(row['quotient'])} {row['threshold']}{when}: {where}", width)
    return lines


def _overlap(row: Mapping[str, float], width: int) -> list[str]:
    """The circle against what lies downstream: three numbers of land and three of river."""
    title = f"{_radius_text(row['radius_km'])} zone about the sites ({row['circle_area_km2']:,.0f} km2) against the "
    lines = [*_wrap(title + "modelled downstream zone", width, indent="")]
    for what, unit in (("land", "km2"), ("river", "km")):
        only, both, below = (row[f"{what}_{part}_{unit}"] for part in ("circle_only", "both", "modelled_only"))
        text = f"{what}: {only:,.0f} {unit} inside but not downstream, {both:,.0f} {unit} both, "
        lines += _wrap(text + f"{below:,.0f} {unit} downstream but outside", width)
    return lines


def _radius_text(kilometres: float) -> str:
    """The circle's name.

    Examples
    --------
    >>> _radius_text(8.04672), _radius_text(10.0)
    ('Five-mile', '10 km')
    """
    miles = kilometres / _MILE_KM
    whole = round(miles)
    if math.isclose(miles, whole, rel_tol=1e-6) and whole in _WORDS:
        return f"{_WORDS[whole].capitalize()}-mile"
    return f"{kilometres:.4g} km"

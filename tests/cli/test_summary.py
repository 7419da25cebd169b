"""The summary on the screen says what a reader needs, and says it right."""

from __future__ import annotations

from typing import Any

import pytest

from sim.cli.summary import summary_lines

AMMONIUM = "ammonium (as N) 0.5 mg/L (Thailand, surface water)"
LEAD = "lead 10 ug/L (WHO, drinking water, memory)"


def _threshold(name: str, quotient: float, without: float, months: int) -> dict[str, Any]:
    return {
        "id": name,
        "threshold": name,
        "quotient": quotient,
        "quotient_without_pits": without,
        "months_above": months,
    }


def _place(name: str, *thresholds: dict[str, Any], hours: tuple[float, float] | None = (5.0, 9.0)) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "town",
        "status": "located",
        "evidence": "F",
        "downstream_of_sites": hours is not None,
        "km_to_river": 0.4,
        "m_above_river": 20.0,
        "nearest_affected": None,
        "travel_time_h": hours,
        "thresholds": list(thresholds),
    }


@pytest.fixture
def summary() -> dict[str, Any]:
    lost = {"name": "Lu Pi", "kind": "village", "status": "position not found", "evidence": ""}
    beside = {"km": 1.7, "quotient": 2.25, "threshold": AMMONIUM}
    below = {**_place("Myitkyina", _threshold(AMMONIUM, 0.2, 0.1, 0)), "evidence": "M"}
    return {
        "scenario": "kachin",
        "title": "Kachin",
        "labels": ("modelled", "illustrative pit positions"),
        "timings": {"terrain": 1.25, "network": 0.75},
        "budget_error": 1.2e-14,
        "water_error": 3e-16,
        "nodes": 12345,
        "sites": 371,
        "periods": 12,
        "exceeded": (
            {
                "threshold": AMMONIUM,
                "source": "MONRE 1994",
                "evidence": "found",
                "river_km": 1234.5,
                "river_km_without_pits": 0.0,
                "river_km_pits_alone": 1234.5,
                "background_quotient": 0.1,
            },
            {
                "threshold": LEAD,
                "source": "WHO",
                "evidence": "memory",
                "river_km": 7.0,
                "river_km_without_pits": 2.0,
                "river_km_pits_alone": 3.0,
                "background_quotient": 0.91,
            },
            {
                "threshold": "sulfate 250 mg/L (WHO)",
                "source": "WHO",
                "evidence": "found",
                "river_km": 0.0,
                "river_km_without_pits": 0.0,
            },
        ),
        "receptors": (
            _place("Chipwi", _threshold(AMMONIUM, 3.44, 0.1, 5), _threshold(LEAD, 1.5, 0.2, 2)),
            _place("Bhamo", _threshold(LEAD, 23.4, 1.5, 12), hours=(96.0, 96.0)),
            {**_place("Momauk", _threshold(AMMONIUM, 0.2, 0.1, 0), hours=None), "nearest_affected": beside},
            {**_place("Kan Paik Ti", _threshold(AMMONIUM, 0.2, 0.1, 0), hours=None), "m_above_river": 823.0},
            below,
            lost,
        ),
        "worst_reaches": (
            {
                "name": "",
                "longitude": 98.3,
                "latitude": 25.6,
                "km_to_outlet": 312.4,
                "threshold": AMMONIUM,
                "quotient": 1234.0,
                "period": "Mar",
            },
        ),
        "overlap": {
            "radius_km": 8.04672,
            "circle_area_km2": 2345.6,
            "land_circle_only_km2": 2000.0,
            "land_both_km2": 300.0,
            "land_modelled_only_km2": 150.0,
            "river_circle_only_km": 400.0,
            "river_both_km": 90.0,
            "river_modelled_only_km": 800.0,
        },
        "warnings": ("the Taping is cut by the east edge",),
        "folder": "runs/kachin",
        "map": "runs/kachin/map.html",
        "report": "runs/kachin/report.html",
    }


def test_everything_a_reader_needs_is_there(summary: dict[str, Any]) -> None:
    text = "\n".join(summary_lines(summary, width=400))
    for needed in (
        "modelled | illustrative pit positions",
        "Done in 2.0 s (terrain 1.2, network 0.8); 12,345 river segments, 371 sites",
        "mass within 1.2e-14",
        f"1,234.5 km: {AMMONIUM}; none without pits",
        "source: MONRE 1994 [found]",
        f"7.0 km: {LEAD}; 2.0 km of it even without pits, 3.0 km by pits alone (background alone reaches 0.91 of the",
        "source: WHO [memory]",
        "0 km: sulfate 250 mg/L (WHO)",
        f"Chipwi (town): 3.44 times {AMMONIUM}, in 5 months; water from the nearest site takes 5.0 to 9.0 h",
        f"Bhamo (town): 23 times {LEAD}, in 12 months; above it even without pits",
        "takes 4.0 days",
        "River above a threshold in at least one month",
        "Downstream of sites, below these thresholds: Myitkyina [position from memory]",
        "On streams without a site of this run: Momauk (but a river with water from sites passes 1.7 km away, up to "
        f"2.25 times {AMMONIUM}), Kan Paik Ti [0.4 km from and 823 m above its river]",
        "Position not found: Lu Pi",
        f"1,200 times {AMMONIUM} in Mar: 98.300 E 25.600 N, 312 km above the outlet",
        "Five-mile zone about the sites (2,346 km2)",
        "land: 2,000 km2 inside but not downstream, 300 km2 both, 150 km2 downstream but outside",
        "river: 400 km inside but not downstream, 90 km both, 800 km downstream but outside",
        "- the Taping is cut by the east edge",
        "report.html",
        "map.html",
    ):
        assert needed in text, needed
    assert text.index("Bhamo") < text.index("Chipwi"), "worst place first"


def test_lines_fit_and_hold_no_control_characters(summary: dict[str, Any]) -> None:
    summary["title"] = "Kachin\x1b[2J"
    summary["receptors"][0]["name"] = "Chip\nwi\x07"
    summary["warnings"] = ("[red]look[/red] " * 40,)
    lines = summary_lines(summary, width=80)
    assert all(line.isprintable() for line in lines)
    assert max(len(line) for line in lines) <= 80
    assert any("[red]look[/red]" in line for line in lines)


def test_a_channel_scenario_has_a_summary_too(summary: dict[str, Any]) -> None:
    summary.update(exceeded=(), receptors=(), worst_reaches=(), overlap={}, warnings=(), map=None, sites=0)
    lines = summary_lines(summary)
    assert lines[0] == "Kachin"
    assert any(line.startswith("Report:") for line in lines)
    assert not any(line.startswith("Map:") for line in lines)


def test_one_steady_state_knows_no_months_and_point_loads_are_no_pits(summary: dict[str, Any]) -> None:
    summary.update(periods=1, receptors=())
    text = "\n".join(summary_lines(summary, width=400))
    assert "River above a threshold in the steady state" in text
    assert "none without point loads" in text
    assert "pits" not in text.split("River above")[1].split("Worst reaches")[0]


def test_a_circle_that_is_not_whole_miles_is_given_in_kilometres(summary: dict[str, Any]) -> None:
    summary["overlap"]["radius_km"] = 10.0
    assert any(line.startswith("10 km zone about the sites") for line in summary_lines(summary))


def test_many_places_are_cut_with_a_pointer(summary: dict[str, Any]) -> None:
    summary["receptors"] = tuple(_place(f"Place {i}", _threshold(AMMONIUM, 2.0 + i, 0.0, 1)) for i in range(20))
    text = "\n".join(summary_lines(summary))
    assert "and 8 more, see receptors.csv" in text
    assert "Place 19" in text
    assert "Place 3 " not in text

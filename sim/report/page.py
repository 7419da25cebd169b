"""report.html: the whole run on one page that opens offline by double click."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from sim.report import parameters, tables
from sim.report.five_mile import zone_name
from sim.report.pages import asset, render
from sim.report.texts import EVIDENCE, number, sentence, statement
from sim.report.view import View

#: figure -> caption and the text for those who cannot see it
_FIGURES = {
    "exposure_map": "Rivers coloured by the worst month's concentration over the first threshold of the scenario.",
    "five_mile": "The circle about the sites compared with land and rivers that water from the sites reaches.",
    "profile": "Bed and concentrations along the river from the uppermost place to the outlet.",
    "dilution": "Discharge and concentration month by month at places on the river.",
}


def report_page(view: View, pictures: Mapping[str, bytes], summary: Mapping[str, Any]) -> str:
    """Return the report as text.

    Parameters
    ----------
    view : View
    pictures : figure name -> PNG
    summary : as in `sim.report.write_report`
    """
    result = view.result
    landscape = result.terrain is not None
    given = summary.get("provenance", {})
    return render(
        "report.html.j2",
        css=asset("report.css"),
        title=view.title,
        description=str(getattr(result.scenario.scenario, "description", "") or ""),
        labels=view.labels,
        landscape=landscape,
        prior_only=view.prior_only,
        illustrative_pits=result.pits is not None and result.pits.illustrative,
        illustrative_terrain=result.terrain is not None and result.terrain.grid.illustrative,
        periods=len(result.period_names),
        warnings=[statement(words) for words in result.warnings],
        notes=[statement(words) for words in result.notes if words not in result.flow.notes],
        flow_notes=[statement(words) for words in result.flow.notes],
        left_out=view.left_out,
        has_loads=view.has_loads,
        loads=view.loads_word,
        key_numbers=tables.key_numbers(view),
        figures=_figures(view, pictures),
        substances=[sentence(view.substance_label(result.concentration.substances[s])) for s in view.kept],
        zone=zone_name(view) if landscape and result.exposure is not None else "",
        zone_area=number(result.exposure.zone_area / 1e6) if result.exposure is not None else "",
        overlap=tables.overlap_rows(view),
        receptors=tables.receptor_rows(view),
        heads=[tables.threshold_head(view, h) for h in range(len(view.thresholds))],
        exceeded=tables.exceeded_rows(view),
        worst=tables.worst_rows(view),
        reaches=tables.reach_rows(view),
        segments=result.network.size,
        ledger=tables.ledger_rows(view),
        budget=tables.budget_rows(view),
        stations=tables.station_rows(view),
        thresholds=tables.threshold_rows(view),
        parameters=parameters.parameter_rows(result.scenario),
        evidence={mark: EVIDENCE[mark] for mark in ("F", "D", "M", "C")},
        provenance=parameters.provenance_rows(view, dict(given)),
    )


def _figures(view: View, pictures: Mapping[str, bytes]) -> dict[str, dict[str, str]]:
    return {
        name: {
            "data": "data:image/png;base64," + base64.b64encode(pictures[name]).decode(),
            "alt": f"{text} The tables of this report give the same values as text.",
            "caption": text,
        }
        for name, text in _FIGURES.items()
        if name in pictures
    }

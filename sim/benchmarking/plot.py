"""Growth curves of a measurement as a picture."""

from __future__ import annotations

import math
import statistics
from pathlib import Path

from sim.benchmarking.document import Document, chosen, write_bytes
from sim.benchmarking.figures import figures
from sim.benchmarking.objects import OK, OURS, Result
from sim.benchmarking.references import TRIAD_BYTES
from sim.errors import ScenarioError
from sim.report.growth_curves import Curve, Panel, growth_curves


def panels(document: Document) -> list[Panel]:
    """One panel per task that was measured at two sizes or more."""
    found = []
    for task in dict.fromkeys(result.task for result in document.results):
        results = [result for result in chosen(document.results, task) if result.status == OK]
        entrants = dict.fromkeys(result.entrant for result in results)
        curves = tuple(_curve([each for each in results if each.entrant == entrant]) for entrant in entrants)
        if any(len(set(curve.items)) > 1 for curve in curves):
            found.append(Panel(task, results[0].unit, curves, _floor(results)))
    return found


def _curve(results: list[Result]) -> Curve:
    return Curve(
        results[0].entrant,
        tuple(result.items for result in results),
        tuple(figures(result).each * 1e9 for result in results),
        results[0].entrant == OURS,
    )


def _floor(results: list[Result]) -> float:
    if not results[0].floor_bytes:
        return math.nan
    fastest = statistics.median(
        min(sample.stream, sample.stream_threads) for result in results for sample in result.samples
    )
    return results[0].floor_bytes * fastest / TRIAD_BYTES * 1e9


def write_plot(document: Document, path: Path) -> None:
    """Draw the growth curves into a .png or .svg file.

    Raises
    ------
    ScenarioError
        LS-209 if no task was measured at two sizes.
    DataError
        LS-310 if the file cannot be written.
    """
    drawn = panels(document)
    if not drawn:
        raise ScenarioError(
            209,
            f"--plot {path}",
            got=f"preset {document.preset!r}",
            expected="Growth needs at least one task measured at two sizes",
            remedy="Use the preset standard or full",
        )
    machine = document.about.get("machine", {})
    subtitle = f"{machine.get('processor', '')}, {document.threads} threads; medians; both axes logarithmic"
    write_bytes(path, growth_curves(drawn, subtitle, vector=path.suffix.lower() == ".svg"))

"""Write everything a user gets from a Result into a run folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sim.pipeline.summary import RunSummary

if TYPE_CHECKING:
    from sim.io.runfolder import RunFolder
    from sim.pipeline.result import Result
    from sim.pipeline.run import Stages


def write_outputs(
    result: Result, summary: RunSummary, folder: RunFolder, stages: Stages, started: str
) -> tuple[str, ...]:
    """Write data files, maps and report, and last of all run.json, which lists and fingerprints them.

    Returns
    -------
    names of the files written
    """
    from sim.io.dataset import write_dataset
    from sim.io.tables import write_budget, write_receptors
    from sim.report import write_report

    with stages("data files"):
        folder.write_text("scenario.resolved.toml", result.scenario.resolved_toml())
        write_dataset(folder.inside("result.nc"), result)
        write_budget(folder.inside("budget.csv"), result)
        write_receptors(folder.inside("receptors.csv"), result)
        if result.terrain is not None:
            write_maps(result, folder)
    with stages("figures and report"):
        write_report(result, folder.path, report_summary(result, summary))
    folder.write_text("log.txt", log_text(result, summary, stages, started))
    folder.write_run(run_document(result, summary, stages, started))
    return tuple(folder.files())


def write_maps(result: Result, folder: RunFolder) -> None:
    """Write GeoPackages and Cloud-Optimised GeoTIFFs."""
    from sim.io.cog import write_exposure_rasters
    from sim.io.layers import write_reaches, write_zones

    digest = result.scenario.digest()
    write_reaches(folder.inside("reaches.gpkg"), result, digest=digest)
    write_zones(folder.inside("zones.gpkg"), result, digest=digest)
    write_exposure_rasters(folder.path, result)


def report_summary(result: Result, summary: RunSummary) -> dict[str, object]:
    """Return the summary with what identifies the run: versions and fingerprints, no clock times."""
    from sim import __version__
    from sim.io.runfolder import sha256

    inputs = {key: path for key, path in inputs_of(result).items() if key != "scenario"}
    identity = {
        "LeachSim version": __version__,
        "Fingerprint of the resolved scenario and its inputs (SHA-256)": result.scenario.digest(),
        "Seed of random numbers": str(int(result.scenario.scenario.seed)),
        **{f"Input {key}": f"{path.name}, SHA-256 {sha256(path)}" for key, path in inputs.items()},
    }
    return {**summary.as_dict(), "provenance": identity}


def inputs_of(result: Result) -> dict[str, Path]:
    """Return the files the run read: setting -> path."""
    scenario = result.scenario
    named = {key: scenario.resolve_path(key, value) for key, value in scenario.input_files()}
    return {"scenario": scenario.path, **named}


def run_document(result: Result, summary: RunSummary, stages: Stages, started: str) -> dict[str, object]:
    """Return the content of run.json."""
    from sim.io.provenance import provenance

    plain = summary.as_dict()
    for key in ("folder", "map", "report", "timings", "warnings", "notes", "labels"):
        plain.pop(key)
    return provenance(
        scenario=summary.scenario,
        title=summary.title,
        scenario_digest=result.scenario.digest(),
        inputs=inputs_of(result),
        threads=threads_in_use(),
        started=started,
        timings=stages.timings,
        warnings=summary.warnings,
        labels=summary.labels,
        notes=summary.notes,
        seed=int(result.scenario.scenario.seed),
        prior_only=result.scenario.scenario.prior_only,
        summary=plain,
    )


def threads_in_use() -> int:
    """Return the number of threads numba was given."""
    import numba

    return int(numba.get_num_threads())


def log_text(result: Result, summary: RunSummary, stages: Stages, started: str) -> str:
    """Return the log: what was done, how long it took, what to mind."""
    lines = [f"LeachSim run of {summary.scenario}: {summary.title}", f"started {started}, process {os.getpid()}", ""]
    lines += [f"{stage}: {seconds:.2f} s" for stage, seconds in stages.timings.items()]
    lines += ["", f"nodes: {summary.nodes}", f"sites: {summary.sites}"]
    lines += [f"largest relative error of the mass budget: {summary.budget_error:.3g}"]
    lines += [f"largest relative error of the water balance: {summary.water_error:.3g}", ""]
    lines += [f"label: {label}" for label in summary.labels]
    lines += [f"note: {note}" for note in summary.notes]
    lines += [f"warning: {warning}" for warning in summary.warnings]
    return "\n".join(lines) + "\n"

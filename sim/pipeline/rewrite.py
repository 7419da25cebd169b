"""Draw the maps and the report of a finished run again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import DataError
from sim.pipeline.outputs import report_summary
from sim.pipeline.run import Progress, simulate
from sim.pipeline.summary import summarise

if TYPE_CHECKING:
    from sim.scenario.models import Scenario


def rewrite_report(folder: Path, progress: Progress | None = None) -> Path:
    """Draw figures, map and report of a run again with the LeachSim that is installed now.

    The run is computed again from its resolved scenario, which takes as long as the run did; its inputs must be the
    files it read. Data files are left as they are; if this version computes other numbers the report is not drawn,
    because it would then not describe the data beside it.

    Parameters
    ----------
    folder : run folder
    progress : called with the name of each stage

    Returns
    -------
    path of the report

    Raises
    ------
    DataError
        LS-301, LS-314 if the folder is not a complete run; LS-302 if an input changed or the results differ.
    """
    from sim.io.dataset import write_dataset
    from sim.io.runfolder import RunFolder, open_run, sha256
    from sim.report import write_report

    opened = open_run(folder)
    scenario = scenario_of_run(opened.path, opened.provenance)
    result = simulate(scenario, progress or (lambda _: None))
    # a name of its own, so that what a killed report left behind does not stand in the way of the next
    made = opened.path.parent / f".{opened.path.name}.report-{os.getpid()}"
    with RunFolder(made) as fresh:
        write_dataset(fresh.inside("result.nc"), result)
        if sha256(fresh.inside("result.nc")) != opened.provenance["files"]["result.nc"]["sha256"]:
            raise DataError(
                302,
                str(opened.path / "result.nc"),
                expected="This version of LeachSim computes other numbers from the same scenario than the run holds",
                remedy="Run the scenario again into a new folder",
            )
        write_report(result, fresh.path, report_summary(result, summarise(result)))
        fresh.inside("result.nc").unlink()
        files = fresh.files()
    for name in files:
        target = opened.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(made / name, target)
    for place in sorted((p for p in made.rglob("*") if p.is_dir()), reverse=True):
        place.rmdir()
    made.rmdir()
    update_listing(opened.path, files)
    return opened.path / "report.html"


def scenario_of_run(folder: Path, document: dict[str, Any] | Any) -> Scenario:
    """Return the scenario of a run, after checking that the files it read are still the same."""
    from sim.io.runfolder import sha256
    from sim.scenario.load import scenario_from_text

    named = {row["setting"]: row for row in document["inputs"]}
    text = (folder / "scenario.resolved.toml").read_text(encoding="utf-8")
    for setting, row in named.items():
        path = Path(row["path"])
        if setting == "scenario":
            continue
        if not path.is_file() or sha256(path) != row["sha256"]:
            raise DataError(
                302,
                f"{folder.name}: {setting}",
                got=row["file"],
                expected="The file the run read is gone or has changed",
                remedy="Put it back, or run the scenario again",
            )
    return scenario_from_text(text, Path(named["scenario"]["path"]))


def update_listing(folder: Path, files: dict[str, dict[str, Any]]) -> None:
    """Write the fingerprints of the new files into run.json, whole or not at all."""
    from sim.io.disk import write_text

    place = folder / "run.json"
    document = json.loads(place.read_text(encoding="utf-8"))
    document["files"].update(files)
    partial = folder / ".run.json.partial"
    write_text(partial, json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    os.replace(partial, place)

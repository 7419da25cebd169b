"""``leachsim info``: what this installation is, or what a run holds."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim import __version__
from sim.cli.options import JsonOption
from sim.cli.streams import clean, print_json

if TYPE_CHECKING:
    from sim.io.runfolder import Run


def info(
    run: Annotated[Path | None, typer.Argument(metavar="[RUN]", help="A run folder.", show_default=False)] = None,
    json: JsonOption = False,
) -> None:
    """Show versions and scenarios, or what RUN holds."""
    document = _installation() if run is None else _run(run)
    if json:
        print_json({"status": "done", **document})
    else:
        _print_installation(document) if run is None else _print_run(document)


def _installation() -> dict[str, Any]:
    from sim.io.provenance import package_versions
    from sim.scenario.load import library

    return {
        "leachsim": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count() or 1,
        "folder": str(Path(sys.modules["sim"].__file__ or "").parent),
        "packages": package_versions(),
        "scenarios": {name: str(where) for name, where in sorted(library().items())},
    }


def _print_installation(document: dict[str, Any]) -> None:
    print(f"LeachSim {document['leachsim']}, Python {document['python']}, {document['system']}")
    print(f"Processors: {document['processors']}")
    print(f"Installed in {document['folder']}")
    print("Packages: " + ", ".join(f"{name} {version}" for name, version in document["packages"].items()))
    print("Shipped scenarios (leachsim run NAME):")
    for name, where in document["scenarios"].items():
        print(f"  {name:<24} {where}")


def _run(folder: Path) -> dict[str, Any]:
    from sim.io.runfolder import open_run

    found = open_run(folder)
    return {"info": found.info(), "changed": found.changed_files(), "summary": _summary(found)}


def _summary(run: Run) -> dict[str, Any]:
    """The summary as printed after the run; run.json keeps some of its parts elsewhere."""
    kept = run.provenance
    paths = {key: run.path / f"{key}.html" for key in ("map", "report")}
    return {
        **kept["summary"],
        "timings": kept["timings_seconds"],
        "warnings": run.warnings,
        "labels": run.labels,
        "folder": run.path,
        **{key: path if path.is_file() else None for key, path in paths.items()},
    }


def _print_run(document: dict[str, Any]) -> None:
    from sim.cli.summary import print_summary

    for key, value in document["info"].items():
        if not key.startswith("warning "):  # the summary names them
            print(f"{clean(key)}: {clean(value)}")
    if document["changed"]:
        print(f"changed since the run wrote them: {clean(', '.join(document['changed']))}")
    print()
    print_summary(document["summary"])

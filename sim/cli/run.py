"""``leachsim run``: run a scenario and show what came out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.locate import locate
from sim.cli.options import JsonOption, QuietOption, ScenarioArgument, SetOption
from sim.cli.streams import Progress, print_json

RUNS = Path("runs")


def run(
    scenario: ScenarioArgument,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="New folder for the results; default runs/NAME, then runs/NAME-2 and so on.",
            show_default=False,
        ),
    ] = None,
    set_: SetOption = None,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, metavar="N", help="Use at most N threads.", show_default=False)
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run SCENARIO into a new folder and print a summary."""
    from sim.scenario.load import load_scenario

    loaded = load_scenario(locate(scenario), set_ or [])
    folder = out if out is not None else free_folder(loaded.scenario.name)
    with Progress(quiet=quiet) as progress:
        from sim.pipeline.run import run as run_pipeline

        summary = run_pipeline(loaded, folder, progress=progress, threads=threads)
    if json:
        print_json({"status": "done", **summary.as_dict()})
        return
    from sim.cli.summary import print_summary

    print_summary(summary.as_dict())


def free_folder(name: str, parent: Path = RUNS) -> Path:
    """First of runs/NAME, runs/NAME-2, ... that does not exist."""
    slug = re.sub(r"[^\w.-]+", "-", name).strip(".-_") or "run"
    candidate, number = parent / slug, 1
    while candidate.exists():
        number += 1
        candidate = parent / f"{slug}-{number}"
    return candidate

"""``leachsim report``: draw maps, figures and report of a finished run again."""

from __future__ import annotations

from sim.cli.options import JsonOption, QuietOption, RunArgument
from sim.cli.streams import Progress, display_path, print_json


def report(run: RunArgument, json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Draw the maps and the report of RUN again."""
    from sim.pipeline.rewrite import rewrite_report

    with Progress(quiet=quiet) as progress:
        written = rewrite_report(run, progress)
    if json:
        print_json({"status": "done", "folder": str(run), "report": str(written)})
    else:
        print(f"Report: {display_path(written)}")

"""``leachsim new``: start a scenario of one's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.streams import clean, display_path
from sim.errors import ScenarioError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the scenario and of its folder.", show_default=False)
    ],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Folder in which NAME is made.")] = Path(),
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="SHIPPED",
            help="Copy this shipped scenario instead of the small commented template.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Start a scenario of your own, which runs as it stands and waits for your terrain and pits."""
    from sim.cli.files import write_folder
    from sim.scenario.shipped import new_scenario

    if not _NAME.fullmatch(name):
        raise ScenarioError(
            213,
            "NAME",
            got=clean(name),
            expected="Must be 1 to 64 letters, digits, '-' or '_', beginning with a letter or digit",
            remedy="Put the folder into --to",
        )
    files = new_scenario(name, start)
    folder = to / name
    write_folder(folder, files)
    shown = clean(display_path(folder))
    print(f"Made {shown} with {', '.join(sorted(files))}")
    print(f"Next: edit {shown}/scenario.toml, then  leachsim check {shown}  and  leachsim run {shown}")

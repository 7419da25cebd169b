"""``leachsim new``: start a scenario of one's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.streams import clean, display_path
from sim.errors import ScenarioError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NAME_LINE = re.compile(r'^name = "[^"]*"', re.MULTILINE)


def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the scenario and of its folder.", show_default=False)
    ],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Folder in which NAME is made.")] = Path(),
    start: Annotated[str, typer.Option("--from", metavar="SHIPPED", help="Shipped scenario to start from.")] = "kachin",
) -> None:
    """Start a scenario of your own: a copy of a shipped one."""
    from sim.cli.files import write_folder
    from sim.scenario.library import scenario_files

    if not _NAME.fullmatch(name):
        raise ScenarioError(
            213,
            "NAME",
            got=clean(name),
            expected="Must be 1 to 64 letters, digits, '-' or '_', beginning with a letter or digit",
            remedy="Put the folder into --to",
        )
    files = scenario_files(start)
    text = files["scenario.toml"].decode("utf-8")
    renamed = _NAME_LINE.sub(f'name = "{name}"', text, count=1)
    folder = to / name
    write_folder(folder, {**files, "scenario.toml": renamed.encode("utf-8")})
    shown = clean(display_path(folder))
    print(f"Made {shown} with {', '.join(sorted(files))}")
    print(f"Next: edit {shown}/scenario.toml, then  leachsim check {shown}  and  leachsim run {shown}")

"""``leachsim schema``: the JSON schema of a scenario file, for editors and other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.streams import display_path


def schema(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write to FILE (replacing it) instead of stdout.")
    ] = None,
) -> None:
    """Print the JSON schema of a scenario file."""
    from sim.cli.files import write_text
    from sim.scenario.load import json_schema

    text = json.dumps(json_schema(), indent=2, sort_keys=False)
    if out is None:
        print(text)
        return
    write_text(out, text + "\n", replace=True)
    print(f"Schema: {display_path(out)}")

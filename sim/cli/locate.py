"""Find the scenario file a user means."""

from __future__ import annotations

import difflib
from pathlib import Path

from sim.cli.streams import clean
from sim.errors import DataError


def locate(text: str) -> Path:
    """Return the scenario file meant by `text`: a file, a folder that holds scenario.toml, or a shipped name.

    A file or folder on disk wins over a shipped scenario of the same name.

    Raises
    ------
    DataError
        LS-301 when there is no such file, folder or shipped scenario.
    """
    path = Path(text)
    if path.is_file() or (path.suffix == ".toml" and not path.is_dir()):
        return path  # the loader says what is wrong with it
    if (path / "scenario.toml").is_file():
        return path / "scenario.toml"
    from sim.scenario.load import library

    shipped = {name: Path(where) for name, where in library().items()}
    if text in shipped:
        return shipped[text]
    if path.is_dir():
        raise DataError(
            301,
            clean(path / "scenario.toml"),
            expected="A scenario folder must hold a file named scenario.toml",
            remedy="Name the .toml file itself, or start one with: leachsim new NAME",
        )
    close = difflib.get_close_matches(text, shipped, n=1)
    hint = f"Did you mean {close[0]}? " if close else ""
    raise DataError(
        301,
        "SCENARIO",
        got=clean(text),
        expected="Must be a .toml file, a folder that holds scenario.toml, or a shipped scenario",
        remedy=f"{hint}Shipped: {', '.join(sorted(shipped))}",
    )

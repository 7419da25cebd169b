"""Write a small file or folder whole or not at all, with our errors instead of the system's."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sim.cli.streams import clean
from sim.errors import DataError, ScenarioError


def exists(path: Path) -> ScenarioError:
    """LS-212 for a file or folder that is in the way."""
    return ScenarioError(
        212,
        clean(path),
        expected="Must not exist yet; nothing is overwritten",
        remedy="Choose another name or place",
    )


def write_text(path: Path, text: str, *, replace: bool = False) -> None:
    """Write `text` as UTF-8 to `path`, making its folder if needed.

    Raises
    ------
    ScenarioError
        LS-212 when the file exists and `replace` is false.
    DataError
        LS-310 when it cannot be written.
    """
    if path.exists() and not (replace and path.is_file()):
        raise exists(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            part.chmod(0o644)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise _not_writable(path, error) from error


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a new folder with the given files (relative name -> content).

    Raises
    ------
    ScenarioError
        LS-212 when it exists.
    DataError
        LS-310 when it cannot be written; nothing is left behind then.
    """
    if folder.exists():
        raise exists(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name[:40]}.", suffix=".part"))
        try:
            for name, content in files.items():
                target = part / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            part.chmod(0o755)
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise _not_writable(folder, error) from error


def _not_writable(path: Path, error: OSError) -> DataError:
    return DataError(
        310,
        clean(path),
        got=error.strerror or type(error).__name__,
        expected="Must be writable",
        remedy="Choose another place or free some space",
    )

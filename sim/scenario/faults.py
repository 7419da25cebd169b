"""Faults: mistakes found while a scenario is read, before they are given a file, a line and a text."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

#: Place in a scenario: names of tables and keys, positions in lists.
Keys = tuple[str | int, ...]

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|/vsi\w+/")

#: Where relative paths of a scenario file start, and those given with --set.
FROM_SCENARIO = "Paths are relative to the scenario file"
FROM_HERE = "Paths given with --set are relative to the current folder"

#: Deepest nesting of tables and lists; scenarios need six.
DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake at one place of a scenario.

    number : key of `sim.errors.CATALOGUE`
    keys : place, relative to the validated value until `under` makes it absolute
    got, expected, remedy : as in `sim.errors.LeachSimError`
    explain : whether the field's own sentence is added to `expected`
    """

    number: int
    keys: Keys
    got: str
    expected: str
    remedy: str = ""
    explain: bool = True

    def under(self, keys: Keys) -> Fault:
        """The same fault with its place below `keys`."""
        return replace(self, keys=(*keys, *self.keys))


def reject(faults: Iterable[Fault]) -> PydanticCustomError:
    """Exception for pydantic validators that carries `faults` through a ValidationError."""
    return PydanticCustomError("leachsim_faults", "scenario faults", {"faults": tuple(faults)})


def faults_in(context: dict[str, Any] | None) -> tuple[Fault, ...]:
    """Faults carried by a pydantic error's context; empty when it carries none."""
    return tuple((context or {}).get("faults", ()))


def closest(word: str, candidates: Iterable[str]) -> str:
    """The candidate most like `word`, or an empty string when none is near.

    Examples
    --------
    >>> closest("loss_fracton", ["fast_share", "loss_fraction"])
    'loss_fraction'
    """
    by_folded = {candidate.casefold(): candidate for candidate in candidates}
    near = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[near[0]] if near else ""


def did_you_mean(word: str, candidates: Iterable[str], otherwise: str) -> str:
    """Remedy that proposes the nearest candidate; `otherwise` follows, and stands alone when none is near."""
    near = closest(word, candidates)
    return f'Did you mean "{near}"? {otherwise}' if near else otherwise


def listed(words: Iterable[str], last: str = "or") -> str:
    """Words as a sentence lists them.

    Examples
    --------
    >>> listed(["m", "km", "mi"])
    'm, km or mi'
    """
    every = list(words)
    return every[0] if len(every) == 1 else f"{', '.join(every[:-1])} {last} {every[-1]}"


def shown(value: Any, limit: int = 60) -> str:
    """A TOML value as one short line, for the `got` part of a message."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04X}" for c in value) + '"'
    elif isinstance(value, dict):
        if "value" in value and not isinstance(value["value"], (dict, list)):
            unit = value.get("unit", "")
            text = f"{shown(value['value'])} {unit}".strip() if isinstance(unit, str) else shown(value["value"])
        else:
            text = "{ " + ", ".join(f"{key} = {shown(entry)}" for key, entry in value.items()) + " }"
    elif isinstance(value, (list, tuple)):
        text = "[" + ", ".join(shown(entry) for entry in value) + "]"
    else:
        text = str(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def is_address(value: str) -> bool:
    """Whether `value` names something elsewhere than among the files of this machine."""
    return _ADDRESS.match(value) is not None


def file_fault(folder: Path, keys: Keys, value: str, start: str = FROM_SCENARIO) -> Fault | None:
    """What is wrong with the file `value`, relative to `folder`; None when it is there.

    `start` is the sentence that says where relative paths start.
    """
    if is_address(value):
        expected = "Must be a file on this machine, a run never goes online"
        return Fault(302, keys, shown(value), expected, "Download it first", explain=False)
    path = folder / value
    try:
        if path.is_file():
            return None
        is_folder, exists = path.is_dir(), path.exists()
        neighbours = sorted(entry.name for entry in path.parent.iterdir()) if path.parent.is_dir() else []
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return Fault(302, keys, shown(value), f"Cannot be read: {reason}", "Check its permissions", explain=False)
    if is_folder:
        return Fault(302, keys, shown(value), "Must be a file, not a folder", "Name the file inside it", explain=False)
    if exists:
        expected = "Must be a regular file, not a device or pipe"
        return Fault(302, keys, shown(value), expected, "Save its content in a file", explain=False)
    near = closest(path.name, neighbours)
    remedy = f'Did you mean "{Path(value).with_name(near).as_posix()}"? {start}' if near else start
    return Fault(301, keys, shown(value), f"No file at {path}", remedy, explain=False)


def program_fault(folder: Path, keys: Keys, value: str, name: str, start: str = FROM_SCENARIO) -> Fault | None:
    """What is wrong with a program, given as its file or as the folder that holds it as `name`; None when it runs."""
    path = folder / value
    found = path
    try:
        found = path / name if path.is_dir() else path
        if found.is_file() and os.access(found, os.X_OK):
            return None
        state = "cannot be executed" if found.exists() else "does not exist"
    except OSError as error:
        state = f"cannot be read: {error.strerror or type(error).__name__}"
    remedy = f"Name the program or its folder. {start}"
    return Fault(313, keys, shown(value), f"The program {found} {state}", remedy, explain=False)


def deeper_than(value: Any, levels: int) -> bool:
    """Whether tables and lists lie more than `levels` deep."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return inner is not None and (levels == 0 or any(deeper_than(entry, levels - 1) for entry in inner))

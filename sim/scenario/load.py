"""Reading a scenario: file, overrides, models; every mistake is reported at once, in file order."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sim.errors import DataError, LeachSimError, Problems, ScenarioError
from sim.scenario.checks import cross_faults
from sim.scenario.faults import DEEPEST, Fault, Keys, closest, deeper_than, file_fault
from sim.scenario.models import FILE_KEYS, PROGRAM_KEY, ChannelScenario, Origin, Scenario, TerrainScenario
from sim.scenario.overrides import apply_override
from sim.scenario.problems import faults_of, in_file_order
from sim.scenario.schema import json_schema
from sim.scenario.shipped import library, new_scenario, scenario_files

__all__ = [
    "json_schema", "library", "load_scenario", "new_scenario", "read_text", "scenario_files", "scenario_from_text",
]  # fmt: skip

_LARGEST = 5_000_000
_TOML_PLACE = re.compile(
    r"^(?P<what>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.DOTALL
)
_QUOTED = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.?)*"?|\#.*""")
_WELL_ESCAPED = re.compile(r"""(?:[^"\\]|\\(?:["\\bfnrt]|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}))*""")


def load_scenario(path: str | Path, overrides: Sequence[str] = ()) -> Scenario:
    """Read and check a scenario file.

    Parameters
    ----------
    path : str or Path
        TOML file.
    overrides : sequence of str
        ``key=value`` as given to ``--set``, applied in order.

    Returns
    -------
    TerrainScenario or ChannelScenario

    Raises
    ------
    Problems
        Every mistake found, in the order in which the keys stand in the file.

    Examples
    --------
    >>> load_scenario("scenarios/kachin/scenario.toml").kind  # doctest: +SKIP
    'terrain'
    """
    path = Path(path)
    text = read_text(path)
    return scenario_from_text(text, path, overrides)


def scenario_from_text(text: str, path: Path, overrides: Sequence[str] = ()) -> Scenario:
    """Check a scenario given as text, as if it stood in the file `path`.

    Raises
    ------
    Problems
        As `load_scenario`.
    """
    raw = _parse(text, path)
    root, faults = _kind(raw)
    refused: list[LeachSimError] = []
    overridden: set[Keys] = set()
    for override in overrides:
        try:
            overridden.add(apply_override(raw, override, root))
        except ScenarioError as error:
            refused.append(error)
    origin = Origin(path, text, frozenset(overridden))
    scenario: Scenario | None = None
    try:
        scenario = root.model_validate(
            {key: entry for key, entry in raw.items() if (key,) not in {f.keys for f in faults}}
        )
    except ValidationError as error:
        of_models = faults_of(root, error.errors(include_url=False))
        neither = any(fault.keys == ("terrain",) for fault in faults)
        faults.extend(fault for fault in of_models if not (neither and fault.keys == ("channel",)))
    places = {fault.keys for fault in faults}
    faults.extend(fault for fault in cross_faults(raw, root) if fault.keys not in places)
    faults.extend(_absent_paths(raw, origin))
    if scenario is None or faults or refused:
        raise Problems([*in_file_order(faults, root, origin, origin.spans()), *refused])
    return scenario.with_origin(origin)


def read_text(path: Path) -> str:
    """Text of a scenario file, with newline line ends.

    Raises
    ------
    Problems
        LS-301 if there is no such file, LS-302 if it cannot be read as text.
    """
    place = str(path)
    if path.is_dir():
        inside = path / "scenario.toml"
        remedy = f"Name the file: {inside}" if inside.is_file() else "Name a scenario file"
        raise Problems([DataError(302, place, expected="Must be a file, not a folder", remedy=remedy)])
    fault = file_fault(path.parent, (), path.name)
    if fault is not None:
        near = closest(path.name, sorted(entry.name for entry in path.parent.glob("*.toml")))
        otherwise = 'Make one with "leachsim new"'
        remedy = f'Did you mean "{path.with_name(near)}"? {otherwise}' if near else otherwise
        expected = "No scenario file is there"
        if fault.number != 301:
            expected, remedy = fault.expected, fault.remedy
        raise Problems([DataError(fault.number, place, expected=expected, remedy=remedy)])
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= _LARGEST else b""
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise Problems(
            [DataError(302, place, expected=f"Cannot be read: {reason}", remedy="Check its permissions")]
        ) from error
    if size > _LARGEST:
        expected = f"Must be at most {_LARGEST // 1_000_000} MB, and it has {size / 1e6:.1f} MB"
        raise Problems(
            [DataError(302, place, expected=expected, remedy="A scenario names its data in files of their own")]
        )
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        remedy = "Save the file with the encoding UTF-8"
        where = f"{path.name}:{line}"
        raise Problems(
            [
                DataError(
                    302, where, got=f"byte 0x{content[error.start]:02X}", expected="Must be UTF-8 text", remedy=remedy
                )
            ]
        ) from error


def _parse(text: str, path: Path) -> dict[str, Any]:
    """Tables of a TOML text; syntax errors name line and column and show the line."""
    try:
        raw = tomllib.loads(text)
        too_deep = deeper_than(raw, DEEPEST)
    except RecursionError:
        raw, too_deep = {}, True
    except tomllib.TOMLDecodeError as error:
        raise Problems([_syntax_error(str(error), text, path)]) from error
    if too_deep:
        expected = f"Must be nested at most {DEEPEST} deep"
        raise Problems([ScenarioError(201, path.name, expected=expected, remedy="Remove brackets or braces")])
    if not raw:
        remedy = 'Make one with "leachsim new", or begin with [scenario]'
        raise Problems([ScenarioError(203, path.name, expected="The file holds no keys", remedy=remedy)])
    return raw


def _syntax_error(message: str, text: str, path: Path) -> ScenarioError:
    match = _TOML_PLACE.match(message)
    what = (match["what"] if match else message).rstrip(".")
    lines = text.split("\n")
    if match and match["line"]:
        line, column = int(match["line"]), int(match["column"])
    else:
        line = max((i for i, entry in enumerate(lines, 1) if entry.strip()), default=1)
        column = len(lines[line - 1]) + 1
    offending = lines[line - 1].strip() if line <= len(lines) else ""
    remedy = "Texts stand in double quotes, tables in [brackets], numbers and true or false bare"
    if _has_stray_backslash(offending):
        remedy = "Write / instead of \\ in paths, or put the text in single quotes"
    # a key that stands twice is reported by the parser where its second value ends
    expected = f"Must be valid TOML: {what[:1].lower()}{what[1:]}"
    printable = "".join(c if c.isprintable() else "?" for c in offending)
    got = printable if len(printable) <= 80 else printable[:77] + "..."
    return ScenarioError(201, f"{path.name}:{line}:{column}: {got}", expected=expected, remedy=remedy)


def _has_stray_backslash(line: str) -> bool:
    """Whether a text in double quotes holds a backslash that TOML cannot take, as paths of Windows do."""
    texts = [found for found in _QUOTED.findall(line) if found[0] == '"' and "\\" in found]
    # a text that ends in a backslash swallows its closing quote
    return any(len(text) < 2 or not text.endswith('"') or not _WELL_ESCAPED.fullmatch(text[1:-1]) for text in texts)


def _kind(raw: dict[str, Any]) -> tuple[type[TerrainScenario] | type[ChannelScenario], list[Fault]]:
    """Model for the scenario's kind; both kinds at once, or neither, is a fault."""
    if "terrain" in raw and "channel" in raw:
        expected = "Must not stand beside [terrain]: a scenario has an elevation model or a table of reaches"
        return TerrainScenario, [Fault(209, ("channel",), "a table", expected, "Remove one of the two", explain=False)]
    if "channel" in raw:
        return ChannelScenario, []
    only_terrain = set(TerrainScenario.model_fields) - set(ChannelScenario.model_fields)
    if only_terrain & set(raw) or any(closest(key, ["terrain"]) for key in raw):
        return TerrainScenario, []
    if any(closest(key, ["channel"]) for key in raw):
        return ChannelScenario, []
    expected = "Is missing, and there is no [channel] either"
    return ChannelScenario, [Fault(203, ("terrain",), "", expected, "Add [terrain] or [channel]", explain=False)]


def _absent_paths(raw: dict[str, Any], origin: Origin) -> list[Fault]:
    """Input files that are named and not there, and a program that is asked for and cannot be run."""
    terrain = raw.get("terrain")
    engine = terrain.get("engine") if isinstance(terrain, dict) else None
    found = []
    for key in (*FILE_KEYS, PROGRAM_KEY) if engine == "whitebox" else FILE_KEYS:
        section, name = key.split(".")
        table = raw.get(section)
        value = table.get(name) if isinstance(table, dict) else None
        if isinstance(value, str) and value and "\0" not in value and not value.startswith("embedded:"):
            found.append(origin.path_fault(key, value))
    return [fault for fault in found if fault is not None]

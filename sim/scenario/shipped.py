"""Scenarios that come with the package, and the start of a new one."""

from __future__ import annotations

import re
from pathlib import Path

from sim.errors import ScenarioError
from sim.scenario.faults import did_you_mean, listed, shown

_FILE = "scenario.toml"
#: what a new scenario starts from unless a shipped one is named: small, commented, and it runs offline as it stands
_TEMPLATE = Path(__file__).resolve().parents[1] / "data" / "template"
_NAME_LINE = re.compile(r'(?m)^name = "[^"]*"')
_TITLE_LINE = re.compile(r'(?m)^title = "[^"]*"')


def library() -> dict[str, Path]:
    """Shipped scenarios: name -> path of its scenario.toml, in alphabetical order.

    They lie in ``sim/_scenarios`` of an installed package, or in ``scenarios`` beside ``sim`` in a checkout.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_scenarios", package.parent / "scenarios"):
        found = {path.parent.name: path for path in sorted(folder.glob(f"*/{_FILE}"))}
        if found:
            return found
    return {}


def scenario_files(name: str) -> dict[str, bytes]:
    """Every file of a shipped scenario: path relative to its folder -> bytes.

    Raises
    ------
    ScenarioError
        LS-207 if no shipped scenario has this name.
    """
    shipped = library()
    if name not in shipped:
        remedy = did_you_mean(
            name, shipped, f"Shipped scenarios are {listed(shipped, 'and')}" if shipped else "None is installed"
        )
        raise ScenarioError(207, "scenario", got=shown(name), expected="Must be a shipped scenario", remedy=remedy)
    return _files_in(shipped[name].parent)


def _files_in(folder: Path) -> dict[str, bytes]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def new_scenario(name: str, start: str | None = None) -> dict[str, bytes]:
    """Files of a new scenario called `name`: path relative to its folder -> bytes.

    Parameters
    ----------
    name : str
        Letters, digits, - and _; it names the scenario and its runs.
    start : str, optional
        Shipped scenario to copy, which keeps its title; without it, a small commented scenario that runs as it
        stands on a made-up terrain, with a table of made-up sites beside it, to be replaced by one's own.

    Raises
    ------
    ScenarioError
        LS-204 if `name` cannot name a scenario, LS-207 if no shipped scenario is called `start`.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        expected = "Must be 1 to 64 letters, digits, - or _, beginning with a letter or digit"
        raise ScenarioError(
            204, "scenario.name", got=shown(name), expected=expected, remedy='Write a name such as "my-scenario"'
        )
    files = _files_in(_TEMPLATE) if start is None else scenario_files(start)
    text = _NAME_LINE.sub(f'name = "{name}"', files[_FILE].decode("utf-8"), count=1)
    if start is None:
        text = _TITLE_LINE.sub(f'title = "{name}"', text, count=1)
    return {**files, _FILE: text.encode("utf-8")}

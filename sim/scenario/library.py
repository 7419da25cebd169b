"""Scenarios that come with the package, and the start of a new one."""

from __future__ import annotations

import re
from pathlib import Path

from sim.errors import ScenarioError
from sim.scenario.faults import did_you_mean, listed, shown

_FILE = "scenario.toml"
#: the scenario a new one starts from: it runs offline, and every key in it is commented or sourced
_START = "kachin"


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
    folder = shipped[name].parent
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def template(name: str) -> str:
    """Text of a new scenario file called `name`: the shipped Kachin scenario, which runs as it stands, to be edited.

    Raises
    ------
    ScenarioError
        LS-204 if `name` cannot name a scenario, LS-207 if the shipped scenarios are not installed.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        expected = "Must be 1 to 64 letters, digits, - or _, beginning with a letter or digit"
        raise ScenarioError(
            204, "scenario.name", got=shown(name), expected=expected, remedy='Write a name such as "my-scenario"'
        )
    text = scenario_files(_START)[_FILE].decode("utf-8")
    return re.sub(r'(?m)^name = "[^"]*"', f'name = "{name}"', text, count=1)

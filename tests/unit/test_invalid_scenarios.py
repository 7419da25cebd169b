"""Every mistake in scenarios/invalid gets its message, word for word, and its exit code."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim.errors import CATALOGUE, LeachSimError
from sim.scenario.load import load_scenario
from sim.scenario.pits import read_pits_csv
from sim.scenario.reaches import read_reaches

INVALID = Path(__file__).resolve().parents[2] / "scenarios" / "invalid"
CASES: dict[str, dict[str, Any]] = tomllib.loads((INVALID / "cases.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_message_and_exit_code(name: str) -> None:
    case = CASES[name]
    path = INVALID / case["file"]
    readers: dict[str, Callable[[], object]] = {
        "scenario": lambda: load_scenario(path, case.get("set", ())),
        "reaches": lambda: read_reaches(path),
        "pits": lambda: read_pits_csv(path),
    }
    with pytest.raises(LeachSimError) as caught:
        readers[case["read"]]()
    assert str(caught.value).replace(str(INVALID), "<folder>") == case["message"]
    assert caught.value.exit_code == case["exit_code"]
    assert case["exit_code"] in (2, 3)


def test_every_case_is_another_mistake() -> None:
    messages = [case["message"] for case in CASES.values()]
    assert len(set(messages)) == len(messages)
    assert len(CASES) >= 50


def test_every_file_of_the_folder_is_a_case_or_named_by_one() -> None:
    lists = sorted(INVALID.glob("cases*.toml"))  # other rooms keep lists of their own beside this one
    cases = [case for path in lists for case in tomllib.loads(path.read_text(encoding="utf-8")).values()]
    read = {case["file"] for case in cases} | {path.name for path in lists}
    orphans = {path.name for path in INVALID.glob("*.toml")} - read
    assert not orphans


def test_messages_say_what_to_do() -> None:
    for name, case in CASES.items():
        for line in case["message"].splitlines():
            number = int(line[3:6])
            assert number in CATALOGUE, name
            assert line.endswith(f"See docs/errors.md#ls-{number}."), name
            assert ".." not in line.replace("...", "").replace("../", ""), name

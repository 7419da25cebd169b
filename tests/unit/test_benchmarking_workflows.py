"""The workflows run this repository's own checks, with pinned actions and no more rights than they need."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CHECKS = set(re.findall(r"^  ([\w-]+)\)", (ROOT / ".ci" / "check").read_text(encoding="utf-8"), re.MULTILINE))


def _name(path: Path) -> str:
    return path.name


def test_there_are_workflows_and_checks() -> None:
    assert {path.name for path in WORKFLOWS} >= {"ci.yml", "benchmarks.yml"}
    assert {"lint", "types", "docs", "tests", "tests-without-jit", "bench", "bench-base"} == CHECKS


@pytest.mark.parametrize("path", WORKFLOWS, ids=_name)
def test_actions_are_pinned_by_commit_and_say_their_release(path: Path) -> None:
    used = re.findall(r"^\s*(?:- )?uses: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    for action in used:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


@pytest.mark.parametrize("path", WORKFLOWS, ids=_name)
def test_rights_are_the_least(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.search(r"^permissions:\n  contents: read\n\n", text, re.MULTILINE)
    assert text.count("permissions:") == 1
    assert not re.search(r": write\b|write-all|pull_request_target|secrets\.", text)
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")


@pytest.mark.parametrize("path", WORKFLOWS, ids=_name)
def test_every_check_that_is_called_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    called = re.findall(r"\.ci/check ([\w-]+)", text)
    for names in re.findall(r"^        check: \[(.*)\]$", text, re.MULTILINE):
        called += names.split(", ")
    assert called
    assert set(called) <= CHECKS


def test_ci_run_calls_the_same_checks() -> None:
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert set(re.findall(r"\.ci/check ([\w-]+)", text)) == {"lint", "types", "docs", "bench"}

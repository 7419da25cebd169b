"""Fixtures for the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import sim.cli.main as entry


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


Command = Callable[..., Outcome]


@pytest.fixture
def leachsim(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command line in this process, inside an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEACHSIM_DEBUG", raising=False)

    def call(*words: str) -> Outcome:
        capfd.readouterr()
        code = entry.main(words)
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Replace all verbs by one, `warmup`, that does what the test wants."""

    def replace(work: Callable[[], None]) -> None:
        def warmup(json: bool = False) -> None:
            """Do what the test wants."""
            work()

        monkeypatch.setattr(entry, "_VERBS", (warmup,))

    return replace


@pytest.fixture
def process(tmp_path: Path) -> Command:
    """Run the command line as a process of its own, inside an empty folder; `largest` bounds the size of its files."""

    def call(*words: str, largest: int | None = None, **environment: str) -> Outcome:
        def limit() -> None:
            import resource

            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

        done = subprocess.run(
            [sys.executable, "-m", "sim", *words],
            cwd=tmp_path,
            env={**os.environ, "LEACHSIM_DEBUG": "", **environment},
            stdin=subprocess.DEVNULL,
            preexec_fn=None if largest is None else limit,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return call

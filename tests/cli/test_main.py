"""Every way a command can end: exit code, messages, JSON, nothing but our words on the screen."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim.errors import CATALOGUE, BalanceError, DataError, Interrupted, LeachSimError, Problems, ScenarioError

FAMILY_CODE = {1: 1, 2: 2, 3: 3, 4: 4, 5: 130}
Plant = Callable[[Callable[[], None]], None]


def _raise(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize("number", sorted(CATALOGUE))
def test_exit_code_follows_the_family(number: int, leachsim: Any, plant: Plant) -> None:
    plant(_raise(LeachSimError(number, "here", expected="Must not happen")))
    done = leachsim("warmup")
    assert done.code == FAMILY_CODE[number // 100]
    assert done.err == f"LS-{number} here. Must not happen. See docs/errors.md#ls-{number}.\n"
    assert done.out == ""


def test_all_problems_are_told_one_per_line(leachsim: Any, plant: Plant) -> None:
    problems = [
        ScenarioError(204, "a.toml: x", got="2", expected="Must lie in [0, 1]"),
        DataError(301, "a.toml: y", got="b.tif", expected="No such file", remedy="Name another"),
    ]
    plant(_raise(Problems(problems)))
    done = leachsim("warmup")
    assert done.code == 2
    assert done.err.splitlines() == [
        "LS-204 a.toml: x = 2. Must lie in [0, 1]. See docs/errors.md#ls-204.",
        "LS-301 a.toml: y = b.tif. No such file. Name another. See docs/errors.md#ls-301.",
    ]


def test_json_error_document(leachsim: Any, plant: Plant) -> None:
    problems = [
        BalanceError(401, "lead", got="0.1", expected="Must not exceed 1e-9"),
        DataError(302, "y", expected="Truncated"),
    ]
    plant(_raise(Problems(problems)))
    done = leachsim("warmup", "--json")
    assert done.code == 3
    assert done.document == {"status": "error", "exit_code": 3, "problems": [problem.as_dict() for problem in problems]}
    assert len(done.err.splitlines()) == 2


def test_text_of_users_cannot_steer_the_terminal(leachsim: Any, plant: Plant) -> None:
    nasty = "Chip\x1b[2Jwi\r\n\x07\u202e[bold]red[/bold]"
    plant(_raise(ScenarioError(207, f"a: {nasty}", got=nasty, expected="Must be known")))
    done = leachsim("warmup", "--json")
    assert len(done.err.splitlines()) == 1
    assert not set(done.err.rstrip("\n")) & {"\x1b", "\r", "\x07", "\u202e"}
    assert "[bold]red[/bold]" in done.err
    assert "\x1b" not in done.out
    assert nasty in done.document["problems"][0]["got"]


def test_a_bug_is_ours_and_shows_no_traceback(leachsim: Any, plant: Plant) -> None:
    plant(_raise(ZeroDivisionError("division by\nzero")))
    done = leachsim("warmup")
    assert done.code == 1
    assert done.err.startswith(
        "LS-101 leachsim warmup = ZeroDivisionError: division by zero. This is a mistake in LeachSim"
    )
    assert "report" in done.err
    assert "LEACHSIM_DEBUG=1" in done.err
    assert len(done.err.splitlines()) == 1
    assert leachsim("warmup", "--json").document["problems"][0]["code"] == "LS-101"


def test_a_bug_shows_its_traceback_on_request(leachsim: Any, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(_raise(ZeroDivisionError("x")))
    monkeypatch.setenv("LEACHSIM_DEBUG", "1")
    done = leachsim("warmup")
    assert done.code == 1
    assert "Traceback (most recent call last)" in done.err
    assert "in work" in done.err


def test_running_out_of_memory_or_disk_is_not_called_a_bug(leachsim: Any, plant: Plant) -> None:
    plant(_raise(MemoryError()))
    done = leachsim("warmup")
    assert (done.code, done.err[:6]) == (3, "LS-311")
    plant(_raise(OSError(errno.ENOSPC, "No space left on device", "big.nc")))
    done = leachsim("warmup")
    assert (done.code, done.err[:6]) == (3, "LS-310")
    assert "big.nc" in done.err


def test_warnings_of_libraries_are_for_developers(leachsim: Any, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> None:
        warnings.simplefilter("always")
        warnings.warn("old habit", UserWarning, stacklevel=1)

    plant(work)
    done = leachsim("warmup")
    assert (done.code, done.err) == (0, "")


def test_interruption(leachsim: Any, plant: Plant) -> None:
    plant(_raise(KeyboardInterrupt()))
    done = leachsim("warmup", "--json")
    assert done.code == 130
    assert done.err.startswith("LS-501 leachsim warmup. Stopped before it was done")
    assert done.document["problems"][0]["code"] == "LS-501"
    plant(_raise(Interrupted(501, "ensemble", expected="Stopped after 3 of 9 members")))
    assert leachsim("warmup").code == 130


def test_signals_get_their_handlers_back(leachsim: Any, plant: Plant) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    plant(lambda: None)
    assert leachsim("warmup").code == 0
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rnu"], "No such command 'rnu'"),
        (["run"], "Missing argument 'SCENARIO'"),
        (["run", "kachin", "--threads", "0"], "--threads"),
        (["run", "kachin", "--treads", "1"], "No such option"),
        (["check"], "Missing argument 'SCENARIO'"),
        (["new"], "Missing argument 'NAME'"),
    ],
)
def test_wrong_words(leachsim: Any, words: list[str], message: str) -> None:
    done = leachsim(*words)
    assert done.code == 2
    assert message in done.err
    assert "--help" in done.err
    assert done.out == ""
    assert len(done.err.splitlines()) == 1
    told = leachsim(*words, "--json")
    assert told.code == 2
    assert told.document["problems"][0]["code"] == "usage"


def test_help_and_version(leachsim: Any) -> None:
    for words in ([], ["--help"], ["-h"]):
        done = leachsim(*words)
        assert done.code == 0
        for verb in ("new", "check", "run", "report", "info", "schema", "warmup"):
            assert f"\n  {verb} " in done.out
        assert "130 interrupted" in done.out
    done = leachsim("--version")
    assert done.code == 0
    assert done.out.startswith("leachsim ")
    assert done.err == ""


SLEEPER = """
    import sys, time
    import sim.cli.main as entry

    def warmup(json: bool = False):
        try:
            print("ready", flush=True)
            time.sleep(60)
        finally:
            time.sleep(0.2)  # cleaning up
            print("cleaned", flush=True)

    entry._VERBS = (warmup,)
    sys.exit(entry.main(["warmup"]))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "twice"), [(signal.SIGINT, False), (signal.SIGTERM, False), (signal.SIGTERM, True)])
def test_a_signal_ends_the_process_cleanly(number: int, twice: bool) -> None:
    sleeper = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SLEEPER)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert sleeper.stdout is not None
    assert sleeper.stdout.readline() == "ready\n"
    sleeper.send_signal(number)
    if twice:
        sleeper.send_signal(number)
    out, err = sleeper.communicate(timeout=30)
    assert sleeper.returncode == 130
    assert out == "cleaned\n"
    assert err.startswith("LS-501 leachsim warmup.")
    assert len(err.splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    reader = subprocess.Popen(
        [sys.executable, "-m", "sim", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None
    assert reader.stderr is not None
    reader.stdout.close()
    error = reader.stderr.read()
    reader.stderr.close()
    assert reader.wait(timeout=30) == 0
    assert error == ""


def test_an_old_console_gets_escapes_instead_of_a_crash(process: Any, tmp_path: Path) -> None:
    done = process("check", "Tsawlaw \u1019\u103c", PYTHONIOENCODING="ascii:strict", PYTHONUTF8="0")
    assert done.code == 3
    assert done.err.startswith("LS-301 ")
    assert "\\u1019" in done.err

"""``leachsim bench``: what it writes and prints, when it fails, and what it refuses."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sim.benchmarking.document import Document, read, write
from sim.benchmarking.objects import CRASHED, Result


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real measurement of one small task, beside the peer that is always there."""
    import subprocess

    folder = tmp_path_factory.mktemp("bench")
    words = ["bench", "--preset", "smoke", "--only", "transport steady", "--threads", "1", "--json", "bench.json"]
    done = subprocess.run(
        [sys.executable, "-m", "sim", *words, "--markdown", "bench.md"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (folder / "out.txt").write_text(done.stdout, encoding="utf-8")
    (folder / "err.txt").write_text(done.stderr, encoding="utf-8")
    return folder


def _changed(document: Document, factor: float) -> Document:
    def slower(result: Result) -> Result:
        repeats = tuple(tuple(replace(s, seconds=s.seconds * factor) for s in repeat) for repeat in result.repeats)
        return replace(result, repeats=repeats)

    return replace(document, results=tuple(slower(result) for result in document.results))


def test_a_measurement_is_printed_and_written(measured: Path) -> None:
    out = (measured / "out.txt").read_text(encoding="utf-8")
    assert "transport steady 8 (reach-substance)" in out
    assert "scipy splu" in out
    assert "x triad: time per item over" in out
    assert "Written: bench.json\nWritten: bench.md\n" in out
    assert "transport steady 8 20000" in (measured / "err.txt").read_text(encoding="utf-8")
    document = read(measured / "bench.json")
    assert [result.entrant for result in document.results] == ["leachsim", "scipy splu"]
    assert all(result.status == "ok" and len(result.samples) == 9 for result in document.results)
    assert document.threads == 1
    assert document.about["machine"]["processors"] >= 1
    assert document.about["versions"]["numba"]
    kept = json.loads((measured / "bench.json").read_text(encoding="utf-8"))
    assert kept["results"][0]["figures"]["ratio"] > 1.0
    assert "## Transport steady 8" in (measured / "bench.md").read_text(encoding="utf-8")
    assert sorted(path.name for path in measured.iterdir()) == ["bench.json", "bench.md", "err.txt", "out.txt"]


def test_the_same_measurement_is_not_slower(leachsim: Any, measured: Path) -> None:
    done = leachsim("bench", "--from", str(measured / "bench.json"), "--compare", str(measured / "bench.json"))
    assert done.code == 0, done.out
    # on a busy machine it may be too noisy to judge, but equal it is
    assert done.out.endswith(", none slower.\n")
    assert "+0 %" in done.out


def test_a_fallen_score_fails_with_a_table(leachsim: Any, measured: Path, tmp_path: Path) -> None:
    document = read(measured / "bench.json")
    write(_changed(document, 20.0), tmp_path / "slow.json")
    done = leachsim("bench", "--from", "slow.json", "--compare", str(measured / "bench.json"))
    assert done.code == 1
    assert done.err == ""
    assert done.out.splitlines()[-1] == "1 compared, 1 slower."
    [row] = [line for line in done.out.splitlines() if line.endswith("  slower")]
    assert row.startswith("transport steady 8  20,000")
    assert "+1900 %" in row
    assert "machine" not in done.out.splitlines()[-2]


def test_what_no_longer_works_fails(leachsim: Any, measured: Path, tmp_path: Path) -> None:
    document = read(measured / "bench.json")
    ours = replace(document.results[0], status=CRASHED, message="killed by SIGSEGV", repeats=())
    write(replace(document, results=(ours, *document.results[1:])), tmp_path / "broken.json")
    done = leachsim("bench", "--from", "broken.json", "--compare", str(measured / "bench.json"))
    assert done.code == 1
    assert "no longer works (crashed: killed by SIGSEGV)" in done.out
    alone = leachsim("bench", "--from", "broken.json")
    assert alone.code == 1
    assert "crashed" in alone.out


def test_another_machine_is_said_to_be_one(leachsim: Any, measured: Path, tmp_path: Path) -> None:
    document = read(measured / "bench.json")
    elsewhere = replace(document, about={**document.about, "machine": {"processor": "other", "processors": 64}})
    write(elsewhere, tmp_path / "elsewhere.json")
    done = leachsim("bench", "--from", str(measured / "bench.json"), "--compare", "elsewhere.json")
    assert done.code == 0
    assert "measured on another machine or with other threads" in done.out


def test_page_and_picture_from_a_kept_measurement(leachsim: Any, measured: Path, tmp_path: Path) -> None:
    document = read(measured / "bench.json")
    grown = tuple(replace(result, size=10 * result.size, items=10 * result.items) for result in document.results)
    write(replace(document, results=document.results + grown), tmp_path / "two.json")
    done = leachsim("bench", "--from", "two.json", "--markdown", "page.md", "--plot", "growth.png")
    assert done.code == 0, done.err
    assert "![Time per item against size](growth.png)" in (tmp_path / "page.md").read_text(encoding="utf-8")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--preset", "huge"], 2, "LS-207 --preset = huge. Must be one of smoke, standard, full."),
        (["--only", "terrian"], 2, "LS-207 --only = terrian. No task of the preset 'smoke' begins so."),
        (["--compare", "absent.json"], 3, "LS-301 absent.json. No such file."),
        (["--from", "text.json"], 3, "LS-302 text.json = JSONDecodeError"),
        (["--base", "absent/python"], 3, "LS-301 --base = absent/python. No such interpreter."),
        (["--base", sys.executable, "--from", "text.json"], 2, "LS-209 --base and --from."),
        (["--base", sys.executable, "--compare", "text.json"], 2, "LS-209 --base and --compare."),
        (["--repeats", "0"], 2, "--repeats"),
        (["--threads", "0"], 2, "--threads"),
    ],
)
def test_what_is_refused(words: list[str], code: int, message: str, leachsim: Any, tmp_path: Path) -> None:
    (tmp_path / "text.json").write_text("not json", encoding="utf-8")
    done = leachsim("bench", *words)
    assert done.code == code
    assert message in done.err
    assert len(done.err.splitlines()) == 1
    assert done.out == ""


def test_another_installation_is_timed_beside(leachsim: Any, tmp_path: Path) -> None:
    """This installation against itself: both are timed, in the same rounds."""
    words = ("bench", "--quiet", "--only", "start import", "--threads", "1", "--base", sys.executable)
    done = leachsim(*words, "--json", "both.json")
    assert done.err == ""
    found = {result.entrant: result for result in read(tmp_path / "both.json").results}
    assert set(found) == {"leachsim", "base"}
    assert all(result.status == "ok" for result in found.values()), found
    assert "1 compared" in done.out


def test_an_installation_without_benchmarks_is_no_alarm(leachsim: Any, tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho 'no module named sim.benchmarking' >&2\nexit 1\n", encoding="utf-8")
    other.chmod(0o755)
    done = leachsim("bench", "--quiet", "--only", "start import", "--threads", "1", "--base", str(other))
    assert done.code == 0, done.err
    assert "no module named sim.benchmarking" in done.out
    assert "1 without a base" in done.out

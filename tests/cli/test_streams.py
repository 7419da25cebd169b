"""User text made harmless, values made JSON, progress on the right stream, files whole or not at all."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cli.files import write_text
from sim.cli.run import free_folder
from sim.cli.streams import Progress, clean, display_path, plain, print_json
from sim.errors import DataError, ScenarioError


@given(st.text())
def test_clean_text_is_printable_and_plain_text_stays(text: str) -> None:
    assert clean(text).isprintable()
    if text.isprintable():
        assert clean(text) == text


def test_clean_examples() -> None:
    assert clean("a\nb\tc\u00a0d") == "a b c d"
    assert clean("\x1b[31m") == "\\x1b[31m"
    assert clean("\u202eevil") == "\\u202eevil"
    assert clean("\u1019\u103c\u1005\u103a") == "\u1019\u103c\u1005\u103a"


def test_plain_gives_strict_json() -> None:
    value = {
        "a": np.float64("nan"),
        "b": np.arange(3),
        "c": np.int64(4),
        "d": (float("inf"), True, None),
        "e": Path("x") / "y",
        5: np.bool_(True),
    }
    text = json.dumps(plain(value), allow_nan=False)
    path = str(Path("x") / "y")
    assert json.loads(text) == {"a": None, "b": [0, 1, 2], "c": 4, "d": [None, True, None], "e": path, "5": True}


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "N'Mai \u1019 °C"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"name": "N'Mai \u1019 °C"}


def test_progress_is_plain_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress("terrain")
        progress("net\x1bwork")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "terrain\nnet\\x1bwork\n"


def test_quiet_progress_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(quiet=True) as progress:
        progress("terrain")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_keeps_one_line_per_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with Progress() as progress:
        progress("terrain")
        progress("[bold]net[/bold]work")
    shown = terminal.getvalue()
    assert " s" in shown
    assert "terrain" in shown
    assert "[bold]net[/bold]work" in shown


def test_display_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert display_path(tmp_path / "runs" / "a") == str(Path("runs") / "a")
    assert display_path(tmp_path.parent / "b") == str(tmp_path.parent / "b")


def test_free_folder_never_names_an_existing_one(tmp_path: Path) -> None:
    assert free_folder("kachin", tmp_path) == tmp_path / "kachin"
    (tmp_path / "kachin").mkdir()
    assert free_folder("kachin", tmp_path) == tmp_path / "kachin-2"
    (tmp_path / "kachin-2").write_text("a file counts too", encoding="utf-8")
    assert free_folder("kachin", tmp_path) == tmp_path / "kachin-3"


@pytest.mark.parametrize("name", ["../../etc", "..", "a/b", "a\\b", ".hidden", "", " ", "a\x00b"])
def test_free_folder_stays_inside(tmp_path: Path, name: str) -> None:
    found = free_folder(name, tmp_path)
    assert found.parent == tmp_path
    assert not found.name.startswith(".")


def test_text_files_are_whole_or_absent(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    write_text(target, "é\n")
    assert target.read_bytes() == b"\xc3\xa9\n"
    with pytest.raises(ScenarioError) as caught:
        write_text(target, "x")
    assert caught.value.number == 212
    write_text(target, "y", replace=True)
    assert target.read_text(encoding="utf-8") == "y"
    with pytest.raises(ScenarioError):
        write_text(target.parent, "x", replace=True)
    with pytest.raises(DataError) as denied:
        write_text(target / "below-a-file", "x")
    assert denied.value.number == 310
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "bad.txt", "\ud800")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.txt", "new"]

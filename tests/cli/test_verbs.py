"""Each verb does what it says, on the right stream, and leaves nothing behind when it fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

CHANNEL = "channel-decay"


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_new_makes_a_scenario_that_check_accepts(leachsim: Any, tmp_path: Path) -> None:
    done = leachsim("new", "mine")
    assert done.code == 0
    assert "leachsim check mine" in done.out
    assert _files(tmp_path / "mine") == ["pits.csv", "scenario.toml"]
    with (tmp_path / "mine" / "scenario.toml").open("rb") as stream:
        assert tomllib.load(stream)["scenario"]["name"] == "mine"
    assert leachsim("check", "mine").code == 0


def test_new_from_a_channel_brings_its_table(leachsim: Any, tmp_path: Path) -> None:
    done = leachsim("new", "river", "--from", CHANNEL, "--to", "deep/er")
    assert done.code == 0, done.err
    assert len(_files(tmp_path / "deep" / "er" / "river")) >= 2
    assert leachsim("check", "deep/er/river").code == 0


def test_new_never_overwrites(leachsim: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    done = leachsim("new", "mine")
    assert (done.code, done.err[:6]) == (2, "LS-212")
    assert _files(tmp_path) == ["mine"]


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "", "a b", "a\x1b[2J", "x" * 65, "-x"])
def test_new_refuses_names_that_are_no_names(leachsim: Any, tmp_path: Path, name: str) -> None:
    done = leachsim("new", "--", name)
    assert (done.code, done.err[:6]) == (2, "LS-213")
    assert "\x1b" not in done.err
    assert _files(tmp_path) == []


def test_new_from_an_unknown_scenario(leachsim: Any, tmp_path: Path) -> None:
    done = leachsim("new", "mine", "--from", "kachn")
    assert (done.code, done.err[:6]) == (2, "LS-207")
    assert "kachin" in done.err
    assert _files(tmp_path) == []


def test_check_computes_and_writes_nothing(process: Any, tmp_path: Path) -> None:
    done = process("check", "kachin")
    assert done.code == 0, done.err
    assert done.err == ""
    assert "memory about" in done.out
    assert "time about" in done.out
    assert _files(tmp_path) == []


def test_check_json(leachsim: Any) -> None:
    document = leachsim("check", "kachin", "--json").document
    assert document["status"] == "done"
    assert document["cells"] > 100_000
    assert document["sites"] == 371
    for key in ("memory_bytes", "disk_bytes", "seconds", "lines", "nodes", "periods", "substances"):
        assert document[key]


def test_check_sees_overrides(leachsim: Any) -> None:
    fine = leachsim("check", "kachin", "--json").document
    coarse = leachsim("check", "kachin", "--json", "--set", "terrain.resolution=900.0").document
    assert fine["cells"] == pytest.approx(4 * coarse["cells"], rel=0.01)


def test_check_finds_a_file_from_the_current_folder(leachsim: Any, tmp_path: Path, scenarios: Path) -> None:
    (tmp_path / "my.csv").write_bytes((scenarios / CHANNEL / "reaches.csv").read_bytes())
    assert leachsim("check", CHANNEL, "--set", "channel.reaches=my.csv").code == 0
    done = leachsim("check", CHANNEL, "--set", "channel.reaches=reaches.csv")
    assert (done.code, done.err[:6]) == (3, "LS-301")
    assert "relative to the current folder" in done.err


def test_check_reports_all_mistakes(leachsim: Any, tmp_path: Path) -> None:
    leachsim("new", "mine")
    file = tmp_path / "mine" / "scenario.toml"
    text = file.read_text(encoding="utf-8")
    text = text.replace("loss_fraction = { value = 0.35", "loss_fraction = { value = 35.0")
    file.write_text(text.replace("sinuosity =", "sinuosety ="), encoding="utf-8")
    done = leachsim("check", "mine", "--json")
    assert done.code == 2
    assert [line[:6] for line in done.err.splitlines()] == ["LS-202", "LS-204"]
    assert [problem["code"] for problem in done.document["problems"]] == ["LS-202", "LS-204"]


def test_a_scenario_may_be_file_folder_or_name(leachsim: Any, scenarios: Path) -> None:
    folder = scenarios / "kachin"
    named = leachsim("check", "kachin", "--json").document
    for words in (str(folder), str(folder / "scenario.toml")):
        found = leachsim("check", words, "--json").document
        assert found["cells"] == named["cells"]


@pytest.mark.parametrize(
    ("word", "hint"), [("kachn", "Did you mean kachin"), ("nowhere/x.toml", "leachsim new"), ("empty", "scenario.toml")]
)
def test_a_scenario_that_is_not_there(leachsim: Any, tmp_path: Path, word: str, hint: str) -> None:
    (tmp_path / "empty").mkdir()
    for verb in ("check", "run"):
        done = leachsim(verb, word)
        assert (done.code, done.err[:6]) == (3, "LS-301")
        assert hint in done.err
    assert _files(tmp_path) == ["empty"]


def test_schema_describes_the_shipped_scenarios(leachsim: Any, scenarios: Path, tmp_path: Path) -> None:
    schema = leachsim("schema").document
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for file in sorted(scenarios.glob("*/scenario.toml")):
        validator.validate(tomllib.loads(file.read_text(encoding="utf-8")))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"scenario": {"name": "x"}})
    done = leachsim("schema", "--out", "a/schema.json")
    assert done.code == 0
    assert json.loads((tmp_path / "a" / "schema.json").read_text(encoding="utf-8")) == schema


def test_info_names_versions_and_scenarios(leachsim: Any) -> None:
    done = leachsim("info")
    assert done.code == 0
    for word in ("LeachSim ", "numpy ", "kachin"):
        assert word in done.out
    assert "kachin" in leachsim("info", "--json").document["scenarios"]


@pytest.mark.parametrize("verb", ["info", "report"])
def test_a_run_that_is_none(leachsim: Any, tmp_path: Path, verb: str) -> None:
    assert leachsim(verb, "nowhere").err[:6] == "LS-301"
    (tmp_path / "empty").mkdir()
    done = leachsim(verb, "empty", "--json")
    assert done.code == 3
    assert done.document["problems"][0]["code"] == "LS-314"
    assert _files(tmp_path) == ["empty"]


def test_run_from_end_to_end(process: Any, tmp_path: Path) -> None:
    """Twice as a user would: the second run takes a new name and gives the same bytes; then every verb on the run."""
    first = process("run", CHANNEL)
    assert first.code == 0, first.err
    assert first.out.splitlines()[-1].startswith(("Folder:", "Map:", "Report:"))
    assert "mass within" in first.out
    assert first.err != "", "progress goes to stderr"
    run, again = tmp_path / "runs" / CHANNEL, tmp_path / "runs" / f"{CHANNEL}-2"
    second = process("run", CHANNEL, "--json", "--quiet", "--threads", "1")
    assert second.err == ""
    assert second.document["status"] == "done"
    assert second.document["budget_error"] < 1e-9
    assert (tmp_path / second.document["folder"]).resolve() == again.resolve()
    names = [name for name in _files(run) if (run / name).is_file() and name not in ("run.json", "log.txt")]
    assert "result.nc" in names
    for name in names:
        assert (run / name).read_bytes() == (again / name).read_bytes(), name
    assert _files(run) == _files(again)
    info = process("info", str(run))
    assert info.code == 0
    assert "changed since" not in info.out
    assert "mass within" in info.out
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [CHANNEL, f"{CHANNEL}-2"]


def test_run_does_not_touch_a_folder_that_exists(leachsim: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious.txt").write_text("data", encoding="utf-8")
    done = leachsim("run", CHANNEL, "--out", "mine")
    assert (done.code, done.err.splitlines()[-1][:6]) == (2, "LS-212")
    assert _files(tmp_path) == ["mine", "mine/precious.txt"]


def test_report_draws_again_what_the_run_drew(process: Any, tmp_path: Path) -> None:
    assert process("run", CHANNEL, "--out", "a").code == 0
    run = tmp_path / "a"
    before = (run / "report.html").read_bytes()
    (run / "report.html").write_bytes(b"spoiled")
    (tmp_path / ".a.report-1" / "figures").mkdir(parents=True)  # as a killed report leaves it
    done = process("report", "a", "--json")
    assert done.code == 0, done.err
    assert done.document["status"] == "done"
    assert (run / "report.html").read_bytes() == before
    assert "changed since" not in process("info", "a").out
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.report-1", "a"]


def test_report_refuses_when_an_input_has_changed(leachsim: Any, tmp_path: Path) -> None:
    assert leachsim("new", "mine", "--from", CHANNEL).code == 0
    assert leachsim("run", "mine", "--out", "a", "--quiet").code == 0
    before = {name: (tmp_path / "a" / name).read_bytes() for name in _files(tmp_path / "a") if "." in name}
    table = tmp_path / "mine" / "reaches.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",10.0,", ",11.0,"), encoding="utf-8")
    done = leachsim("report", "a")
    assert done.code == 3
    assert "LS-302 a: channel.reaches = reaches.csv. The file the run read is gone or has changed" in done.err
    assert {name: (tmp_path / "a" / name).read_bytes() for name in before} == before


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(tmp_path: Path, number: int) -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "sim", "run", "kachin"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stderr is not None
    assert run.stderr.readline() != "", "the first stage has begun"
    time.sleep(0.5)
    run.send_signal(number)
    out, err = run.communicate(timeout=300)
    assert run.returncode == 130, err
    assert out == ""
    assert err.splitlines()[-1].startswith("LS-501 leachsim run.")
    assert "Traceback" not in err
    assert _files(tmp_path) == []


def test_warmup(process: Any) -> None:
    done = process("warmup", "--json", "--quiet")
    assert done.code == 0, done.err
    assert done.err == ""
    assert done.document["status"] == "done"

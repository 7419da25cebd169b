"""Files of scenarios: those they name, those they are made of, and new ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sim.errors import DataError, Problems, ScenarioError
from sim.scenario import ChannelScenario, TerrainScenario, load_scenario
from sim.scenario.pits import read_pits_csv
from sim.scenario.shipped import library, new_scenario, scenario_files

ROOT = Path(__file__).resolve().parents[2]
KACHIN = ROOT / "scenarios" / "kachin" / "scenario.toml"
DECAY = ROOT / "scenarios" / "channel-decay" / "scenario.toml"


def kachin(*overrides: str) -> TerrainScenario:
    scenario = load_scenario(KACHIN, overrides)
    assert isinstance(scenario, TerrainScenario)
    return scenario


def test_digest_follows_values_and_input_files(tmp_path: Path) -> None:
    for relative, content in scenario_files("channel-decay").items():
        (tmp_path / relative).write_bytes(content)
    path = tmp_path / "scenario.toml"
    before = load_scenario(path).digest()
    assert before == load_scenario(DECAY).digest()
    assert load_scenario(path, ["channel.temperature=20"]).digest() != before
    path.write_text("# a comment changes nothing\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert load_scenario(path).digest() == before
    (tmp_path / "reaches.csv").write_text((tmp_path / "reaches.csv").read_text().replace("4.0", "5.0"))
    assert load_scenario(path).digest() != before


def test_path_folder_and_text() -> None:
    scenario = load_scenario(DECAY)
    assert (scenario.path, scenario.folder) == (DECAY, DECAY.parent)
    assert scenario.text.startswith("# LeachSim channel scenario")
    assert isinstance(scenario, ChannelScenario)
    assert scenario.resolve_path("channel.reaches", "reaches.csv") == DECAY.parent / "reaches.csv"
    with pytest.raises(DataError, match=r"LS-301 scenario\.toml:\d+: channel\.reaches = \"reach\.csv\"") as caught:
        scenario.resolve_path("channel.reaches", "reach.csv")
    assert 'Did you mean "reaches.csv"?' in str(caught.value)


def test_a_scenario_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "valley.toml").write_text("", encoding="utf-8")
    with pytest.raises(Problems) as caught:
        load_scenario(tmp_path / "vally.toml")
    assert str(caught.value) == (
        f'LS-301 {tmp_path / "vally.toml"}. No scenario file is there. Did you mean "{tmp_path / "valley.toml"}"? Make '
        'one with "leachsim new". See docs/errors.md#ls-301.'
    )
    with pytest.raises(Problems) as caught:
        load_scenario(tmp_path)
    assert str(caught.value) == (
        f"LS-302 {tmp_path}. Must be a file, not a folder. Name a scenario file. See docs/errors.md#ls-302."
    )


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device file, which Windows lacks")
def test_a_device_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Problems) as caught:
        load_scenario("/dev/zero")
    assert str(caught.value) == (
        "LS-302 /dev/zero. Must be a regular file, not a device or pipe. Save its content in a file. "
        "See docs/errors.md#ls-302."
    )
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match=r"LS-302 .* Must be a regular file"):
        load_scenario(DECAY).resolve_path("channel.reaches", str(tmp_path / "pipe"))


def test_a_file_given_with_set_starts_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "table.csv").write_bytes((DECAY.parent / "reaches.csv").read_bytes())
    monkeypatch.chdir(tmp_path)
    scenario = load_scenario(DECAY, ["channel.reaches=mine/table.csv"])
    monkeypatch.chdir(ROOT)
    assert isinstance(scenario, ChannelScenario)
    assert scenario.channel.reaches == str(tmp_path / "mine" / "table.csv")
    assert scenario.resolve_path("channel.reaches", scenario.channel.reaches) == tmp_path / "mine" / "table.csv"
    resolved = tmp_path / "scenario.resolved.toml"
    resolved.write_text(scenario.resolved_toml(), encoding="utf-8")
    assert load_scenario(resolved) == scenario
    absolute = load_scenario(DECAY, [f"channel.reaches={tmp_path / 'mine' / 'table.csv'}"])
    assert absolute == scenario
    assert kachin("terrain.dem=embedded:kachin").terrain.dem == "embedded:kachin"


def test_the_whitebox_program_may_be_a_file_or_its_folder(tmp_path: Path) -> None:
    program = tmp_path / ("whitebox_tools.exe" if os.name == "nt" else "whitebox_tools")
    program.write_text("", encoding="utf-8")
    wanted = ("terrain.engine=whitebox", f"terrain.whitebox_program={program}")
    with pytest.raises(Problems, match=r"LS-313 .* cannot be executed"):
        kachin(*wanted)
    program.chmod(0o755)
    for named in (program, tmp_path):
        scenario = kachin("terrain.engine=whitebox", f"terrain.whitebox_program={named}")
        assert scenario.resolve_path("terrain.whitebox_program", str(named)) == named
        assert [key for key, _ in scenario.input_files()] == []
    program.unlink()
    with pytest.raises(Problems, match=r"LS-313 .* does not exist"):
        kachin("terrain.engine=whitebox", f"terrain.whitebox_program={tmp_path}")
    with pytest.raises(DataError, match="LS-313"):
        kachin().resolve_path("terrain.whitebox_program", "nowhere")
    # the native engine asks for no program, so that it stays a way out
    assert kachin(f"terrain.whitebox_program={tmp_path / 'no'}").terrain.engine == "native"


def test_windows_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    for relative, content in scenario_files("channel-decay").items():
        (tmp_path / relative).write_bytes(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"))
    assert load_scenario(tmp_path / "scenario.toml") == load_scenario(DECAY)


def test_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_bytes(b"#" * 5_000_001)
    with pytest.raises(Problems, match="LS-302"):
        load_scenario(path)


def start_here(folder: Path, files: dict[str, bytes]) -> TerrainScenario:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    scenario = load_scenario(folder / "scenario.toml")
    assert isinstance(scenario, TerrainScenario)
    return scenario


def test_a_new_scenario_is_small_and_nobodys_but_ones_own(tmp_path: Path) -> None:
    files = new_scenario("my-valley")
    assert set(files) == {"scenario.toml", "pits.csv"}
    scenario = start_here(tmp_path, files)
    assert (scenario.scenario.name, scenario.scenario.title) == ("my-valley", "my-valley")
    assert scenario.pits.file == "pits.csv"
    assert scenario.pits.illustrative is True
    assert not scenario.network.station
    assert not scenario.network.inflow
    assert not scenario.hydrology.known_mean
    assert 2 <= len(read_pits_csv(tmp_path / "pits.csv").name) <= 4


def test_a_new_scenario_agrees_with_kachin_where_both_speak_of_the_same(tmp_path: Path) -> None:
    """Shares and rates of the literature stand in two files; they must not drift apart."""
    ours, theirs = start_here(tmp_path, new_scenario("a")), kachin()
    assert ours.sources == theirs.sources
    assert ours.substances == theirs.substances
    assert ours.water == theirs.water


def test_a_new_scenario_may_copy_a_shipped_one_with_its_title(tmp_path: Path) -> None:
    scenario = start_here(tmp_path, new_scenario("my-valley", "kachin"))
    assert scenario.scenario.name == "my-valley"
    assert scenario.scenario.title == kachin().scenario.title
    assert scenario.network == kachin().network


def test_a_new_scenario_needs_a_name_and_a_start_that_exist() -> None:
    with pytest.raises(ScenarioError, match="LS-204"):
        new_scenario("../evil")
    with pytest.raises(ScenarioError, match=r'LS-207 .*Did you mean "kachin"'):
        new_scenario("a", "kachim")
    with pytest.raises(ScenarioError, match=r'LS-207 .*Did you mean "kachin"'):
        scenario_files("kachim")


def test_library_holds_the_shipped_scenarios() -> None:
    assert {"kachin", "channel-confluence", "channel-decay"} <= set(library())
    assert set(scenario_files("channel-decay")) == {"scenario.toml", "reaches.csv"}

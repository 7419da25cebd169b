"""Loading scenarios: shipped ones, overrides, order of problems, resolved form, digest."""

from __future__ import annotations

import random
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import Problems
from sim.scenario import TerrainScenario, load_scenario
from sim.scenario.load import scenario_from_text
from sim.scenario.overrides import OVERRIDE_SOURCE
from sim.scenario.positions import positions
from sim.scenario.shipped import library, scenario_files
from sim.scenario.toml_writer import write_toml

ROOT = Path(__file__).resolve().parents[2]
KACHIN = ROOT / "scenarios" / "kachin" / "scenario.toml"
DECAY = ROOT / "scenarios" / "channel-decay" / "scenario.toml"


def kachin(*overrides: str) -> TerrainScenario:
    scenario = load_scenario(KACHIN, overrides)
    assert isinstance(scenario, TerrainScenario)
    return scenario


def problems(text: str, *overrides: str, folder: Path = ROOT) -> list[str]:
    with pytest.raises(Problems) as caught:
        scenario_from_text(text, folder / "scenario.toml", overrides)
    return [problem.where for problem in caught.value.problems]


def test_kachin_in_si() -> None:
    scenario = kachin()
    assert scenario.kind == "terrain"
    assert scenario.exposure.circle_radius.value == 8046.72
    assert scenario.network.stream_area.value == 5e6
    assert scenario.sources.oxide_per_pit.value == pytest.approx(15_000 / 31_557_600, rel=1e-15)
    assert scenario.sources.drained_area.value == 110_000.0
    assert scenario.substances["lead"].loss_rate == 0.0
    assert scenario.substances.lead.settling_velocity.value == pytest.approx(5 / 86400, rel=1e-15)
    assert scenario.substances.lead.background_on_solids.value == 3e-05
    assert scenario.hydrology.rain[0].monthly.values[5] == 0.536
    assert scenario.hydrology.manning.source.startswith("C:")
    assert [name for name, _ in scenario.substances.items()] == ["ammonium", "sulfate", "oxalate", "lead"]


def test_kachin_places_371_sites() -> None:
    generate = kachin().pits.generate
    assert generate is not None
    assert sum(zone.sites for zone in generate.zone) == sum(generate.sites) == 371
    assert kachin().pits.illustrative is True


def test_unlocated_receptors_stay_without_position() -> None:
    unlocated = [receptor.name for receptor in kachin().receptor if receptor.lon is None]
    assert {"Lu Pi village tract", "Nhkawng Pa", "Lahkum Bang", "Namphat Creek"} <= set(unlocated)


@pytest.mark.parametrize("name", library())
def test_resolved_form_is_complete_and_stable(name: str, tmp_path: Path) -> None:
    first = load_scenario(library()[name])
    for relative, content in scenario_files(name).items():
        (tmp_path / relative).write_bytes(content)
    again = tmp_path / "again.toml"
    again.write_text(first.resolved_toml(), encoding="utf-8")
    second = load_scenario(again)
    assert second.resolved_toml() == first.resolved_toml()
    assert second == first
    assert second.digest() == first.digest()


def test_resolved_form_holds_defaults_with_their_mark() -> None:
    resolved = tomllib.loads(load_scenario(DECAY).resolved_toml())
    assert resolved["substances"]["lead"]["partition_log_kd"]["source"].endswith("(default)")
    assert resolved["channel"]["temperature"] == {"value": 25.0, "unit": "degC", "source": "C: made up"}


@pytest.mark.parametrize("depth", [22, 300, 100_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    with pytest.raises(Problems, match="LS-201"):
        scenario_from_text(f"a = {'[' * depth}{']' * depth}", ROOT / "scenario.toml")


@pytest.mark.parametrize(
    ("line", "advised"),
    [
        (r'dem = "C:\Users\me\dem.tif"', True), (r'dem = "D:\data\dem.tif"', True), (r'dem = "C:\temp\"', True),
        (r"dem = 'C:\Users' x", False), (r'title = "two\nlines" x', False), ('title = "open', False),
        (r'dem = 1 2 # "C:\Users"', False), ('dem = "\\', True),
    ],
)  # fmt: skip
def test_paths_of_windows_get_their_advice(line: str, advised: bool) -> None:
    with pytest.raises(Problems) as caught:
        scenario_from_text(f"[terrain]\n{line}\n", ROOT / "scenario.toml")
    (problem,) = caught.value.problems
    assert (problem.number, "single quotes" in problem.remedy) == (201, advised)


# --- overrides


def test_overrides_take_toml_values_and_bare_words() -> None:
    scenario = kachin(
        "hydrology.spread=uniform",
        'scenario.title="Two words"',
        "network.inflow.0.area={ value = 9.0, unit = 'km2', source = 'F' }",
        "pits.generate.zone.0.drains_to.0=N'Mai Hka mouth",
        "hydrology.monthly_shape.0=0.25",
        'exposure.thresholds=["who_pb"]',
    )
    assert scenario.hydrology.spread == "uniform"
    assert scenario.scenario.title == "Two words"
    assert (scenario.network.inflow[0].area.value, scenario.network.inflow[0].area.source) == (9e6, "F")
    assert scenario.pits.generate is not None
    assert scenario.pits.generate.zone[0].drains_to == ("N'Mai Hka mouth",)
    assert scenario.hydrology.monthly_shape.values[0] == 0.25
    assert scenario.exposure.thresholds == ("who_pb",)


def test_overridden_numbers_say_so() -> None:
    scenario = kachin("sources.loss_fraction=0.5", "sources.drained_area.value=22", "output.figure_dpi=200")
    assert (scenario.sources.loss_fraction.value, scenario.sources.loss_fraction.source) == (0.5, OVERRIDE_SOURCE)
    # .value keeps the unit of the file, a bare number is in SI
    assert (scenario.sources.drained_area.value, scenario.sources.drained_area.source) == (220_000.0, OVERRIDE_SOURCE)
    assert scenario.output.figure_dpi == 200
    assert kachin().sources.loss_fraction.value == 0.35


@pytest.mark.parametrize(
    "override",
    [
        "nothing", "=1", "sources.loss_fracton=1", "network.inflow.9.area=1", "network.inflow.x.area=1", "network=1",
        "network.inflow.0=1", "sources.loss_fraction.units=1", "terrain.dem.x=1", "terrain.bounds.7=1", "water.ph=[",
        "scenario.name.0=a", "network.inflow.-1.area=1", f"water.ph={'[' * 22}{']' * 22}",
    ],
)  # fmt: skip
def test_overrides_that_cannot_be_applied(override: str) -> None:
    with pytest.raises(Problems) as caught:
        kachin(override)
    assert [problem.number for problem in caught.value.problems] == [210]
    assert caught.value.problems[0].where == f"--set {override}"
    assert caught.value.exit_code == 2


def test_an_override_cannot_smuggle_in_other_keys() -> None:
    with pytest.raises(Problems) as caught:
        kachin("scenario.title=1\nterrain = 2")
    assert [problem.number for problem in caught.value.problems] == [204]


# --- order and completeness


def test_problems_stand_in_file_order() -> None:
    broken = KACHIN.read_text(encoding="utf-8")
    for old, new in (
        ("seed = 20251222", "sead = 20251222"),
        ('engine = "native" ', 'engine = "natve" '),
        ("lat = 27.18", "lat = 127.18"),
        ('station = "N\'Mai Hka mouth"', 'station = "N\'Mai mouth"'),
        ("value = 325, source", "value = 324, source"),
        ('unit = "ha"', 'unit = "hectare"'),
        ("ph = { value = 7.0", "ph = { value = nan"),
        ('"who_pb"', '"who_pbb"'),
        ('kind = "town"', 'kind = "city"'),
    ):
        assert old in broken
        broken = broken.replace(old, new, 1)
    places = problems(broken)
    assert [place.partition(": ")[2] for place in places] == [
        "scenario.sead",
        "terrain.engine",
        "network.inflow.0.lat",
        "hydrology.known_mean.0.station",
        "pits.generate.sites",
        "sources.drained_area.unit",
        "water.ph.value",
        "exposure.thresholds.4",
        "receptor.0.kind",
    ]
    lines = [int(place.split(":")[1]) for place in places]
    assert lines == sorted(lines)
    assert 'engine = "natve"' in broken.splitlines()[lines[1] - 1]


def test_every_reference_to_a_station_is_checked() -> None:
    text = KACHIN.read_text(encoding="utf-8")
    names = [station.name for station in kachin().network.station]
    for name in names:
        text = text.replace(f'[[network.station]]\nname = "{name}"', f'[[network.station]]\nname = "new {name}"')
    places = [place.partition(": ")[2] for place in problems(text, folder=KACHIN.parent)]
    assert {place.rsplit(".", 1)[1] for place in places if place.startswith("hydrology")} == {"station"}
    zones = {place.split(".")[4] for place in places if place.startswith("pits")}
    assert zones == {"drains_to", "drains_not_to", "toward", "report_distance_to"}


def test_every_section_left_out_is_reported() -> None:
    places = problems('[scenario]\nname = "a"\ntitle = "b"\n[terrain]\ndem = "embedded:kachin"\n')
    assert places == [
        f"scenario.toml: {name}"
        for name in ("hydrology", "pits", "sources", "substances", "water", "exposure")
    ]  # fmt: skip


def test_problems_of_overrides_come_with_those_of_the_file() -> None:
    text = DECAY.read_text(encoding="utf-8").replace("value = 25.0", "value = 250.0")
    places = problems(text, "water.ph=20", "channel.reach=x", folder=DECAY.parent)
    assert [place.partition(": ")[2] or place for place in places] == [
        "channel.temperature",
        "--set water.ph",
        "--set channel.reach=x",
    ]


def test_missing_files_are_reported_with_the_rest() -> None:
    with pytest.raises(Problems) as caught:
        load_scenario(KACHIN, ["terrain.dem=nowhere.tif", "water.ph=20"])
    assert {problem.number for problem in caught.value.problems} == {301, 204}
    assert caught.value.exit_code == 2


KEYS = list(tomllib.loads(KACHIN.read_text(encoding="utf-8"))["sources"])


@pytest.mark.parametrize("key", KEYS)
def test_every_misspelt_key_is_recognised(key: str) -> None:
    text = KACHIN.read_text(encoding="utf-8").replace(f"\n{key} =", f"\n{key[:-2]}{key[-1]} =")
    with pytest.raises(Problems) as caught:
        scenario_from_text(text, KACHIN)
    unknown = [problem for problem in caught.value.problems if problem.number == 202]
    assert f'Did you mean "{key}"?' in unknown[0].remedy


def test_any_mangled_scenario_gives_problems_and_no_other_error() -> None:
    rng = random.Random(7)
    text = KACHIN.read_text(encoding="utf-8")
    pieces = ("", "'", "=", "[", "}", "nan", "\n[x]\n", "-", '"', "1")
    refused = 0
    for _ in range(150):
        start = rng.randrange(len(text))
        mangled = text[:start] + rng.choice(pieces) + text[start + rng.randrange(9) :]
        try:
            scenario_from_text(mangled, KACHIN)
        except Problems:
            refused += 1
    assert refused > 75


# --- positions and the TOML writer


def test_positions_of_every_form() -> None:
    text = '''# comment with [brackets] and = signs
top = 1
"quoted key" = 'a # b'
a.b.c = """
two
lines"""
[t]
list = [ 1, # one
  { x = 2, y = "]" },
  [3, 4],
]
[[t.u]]
v = 1
[[t.u]]
v = 2
[t.u.w]
z = {}
'''
    found = positions(text)
    assert found[("top",)].line == 2
    assert found[("quoted key",)] == (3, "'a # b'")
    assert found[("a", "b", "c")].line == 4
    assert found[("t", "list", 1, "y")] == (9, '"]"')
    assert found[("t", "list", 2, 1)] == (10, "4")
    assert found[("t", "u", 1, "v")] == (15, "2")
    assert found[("t", "u", 1, "w", "z")].line == 17


def test_positions_of_unusual_forms() -> None:
    text = '''"" = 1
[ a . "b.c" ]  # comment
'd"e' = """x\\"""y""""
f = \'\'\'
\'\\\'\'\'
g = 1979-05-27 07:32:00 # date
h = [ [], {}, "", \'\', [[1], ], ]
[["x y"]]
[["x y".z]]
k.l = { m = { n = [ { o = 1 } ] } }
'''
    read = tomllib.loads(text)
    found = positions(text)
    assert found[("",)] == (1, "1")
    assert found[("a", "b.c", 'd"e')] == (3, '"""x\\"""y""""')
    assert found[("a", "b.c", "g")] == (6, "1979-05-27 07:32:00")
    assert found[("a", "b.c", "h", 4, 0, 0)] == (7, "1")
    assert found[("x y", 0, "z", 0, "k", "l", "m", "n", 0, "o")] == (10, "1")
    for keys in found:
        here: object = read
        for key in keys:
            here = here[key]  # type: ignore[index]


SCALARS = (
    st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3)
TABLES = st.recursive(
    st.dictionaries(st.text(), VALUES, max_size=3),
    lambda inner: st.dictionaries(st.text(), VALUES | inner | st.lists(inner, min_size=1, max_size=2), max_size=3),
    max_leaves=6,
)


@given(TABLES)
def test_written_toml_reads_back_and_every_key_has_a_line(data: dict[str, object]) -> None:
    if "value" in str(data):
        return  # tables with this key are numbers
    text = write_toml(data)
    read = tomllib.loads(text)
    assert read == data
    found = positions(text)
    lines = text.split("\n")
    for keys, span in found.items():
        assert 1 <= span.line <= len(lines), keys
        here: object = read
        for key in keys:
            here = here[key]  # type: ignore[index]
        if isinstance(here, bool | int) and span.text:
            assert tomllib.loads(f"x = {span.text}")["x"] == here


def test_reading_a_scenario_module_loads_nothing_heavy() -> None:
    code = "import sys, sim.scenario, sim.scenario.load, sim.scenario.reference; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    heavy = {"numba", "matplotlib", "pint", "numpy", "xarray", "rasterio", "geopandas", "scipy"}
    assert not heavy & set(loaded)

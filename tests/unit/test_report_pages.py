"""The pages are whole in themselves, load nothing, escape every name, and give the numbers of the run."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.pipeline.result import Result
from sim.report import tables, write_report
from sim.report.parameters import parameter_rows, provenance_rows
from sim.report.texts import number
from sim.report.view import MG_PER_L, View
from sim.report.web_map import DECADES, LOWEST, coded, embedded_json
from sim.scenario.quantity import Sourced
from sim.testing.results import synthetic_channel_result, synthetic_result

HOSTILE = (
    "<script>alert(1)</script>",
    "a\" onload='alert(2)' $x^2$ & {{ 7*7 }}",
    "</script><img src=x onerror=alert(3)>",
)
RIVER = "</script><script>alert(5)</script> $River_1$"
TITLE = "</title><script>alert(4)</script> $\\frac{1}{2}$"


@pytest.fixture(scope="module")
def hostile() -> Result:
    return synthetic_result(names=HOSTILE, title=TITLE, river=RIVER)


@pytest.fixture(scope="module")
def folder(hostile: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    write_report(hostile, out, {"provenance": {"<b>key</b>": "<i>text</i>"}})
    return out


class _Reader(HTMLParser):
    """Collects elements, their attributes and text; fails on markup that a name brought in."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        (self.scripts if self.elements and self.elements[-1][0] == "script" else self.text).append(data)


def _read(path: Path) -> _Reader:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader


@pytest.mark.parametrize("page", ["report.html", "map.html"])
def test_page_loads_nothing(folder: Path, page: str) -> None:
    whole = (folder / page).read_text(encoding="utf-8")
    reader = _read(folder / page)
    policy = next(a["content"] for t, a in reader.elements if t == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:")
    assert "connect-src" not in policy
    for tag, attributes in reader.elements:
        for name in ("src", "href", "action", "data", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/png;base64,", "#")), (tag, name)
        assert not any(name.startswith("on") for name in attributes)
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}
    assert not re.search(r"https?://|//cdn|@import|url\(", whole)
    assert not re.search(r"fetch\(|XMLHttpRequest|WebSocket|importScripts|eval\(|innerHTML|document\.write", whole)


@pytest.mark.parametrize("page", ["report.html", "map.html"])
def test_names_stay_text(folder: Path, page: str) -> None:
    reader = _read(folder / page)
    allowed = 0 if page == "report.html" else 2
    assert sum(tag == "script" for tag, _ in reader.elements) == allowed
    assert not any(attributes.get("src") == "x" for _, attributes in reader.elements)
    shown = "".join(reader.text)
    assert TITLE in shown
    for name in HOSTILE:
        assert name in shown


def test_provenance_given_by_the_caller_is_escaped(folder: Path) -> None:
    whole = (folder / "report.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;key&lt;/b&gt;" in whole
    assert "<b>key</b>" not in whole


def test_report_has_every_section_alt_texts_and_no_path(folder: Path) -> None:
    whole = (folder / "report.html").read_text(encoding="utf-8")
    reader = _read(folder / "report.html")
    identifiers = {a.get("id") for t, a in reader.elements if t == "section"}
    wanted = {
        "about",
        "summary",
        "map",
        "places",
        "circle",
        "exceeded",
        "along",
        "mass",
        "water",
        "thresholds",
        "parameters",
    }
    assert wanted | {"provenance"} == identifiers
    links = {a["href"] for t, a in reader.elements if t == "a"}
    assert links <= {f"#{name}" for name in identifiers}
    images = [a for t, a in reader.elements if t == "img"]
    assert len(images) == 4
    assert all(len(a.get("alt") or "") > 40 for a in images)
    assert "lang" in dict(reader.elements[0][1])
    assert str(folder) not in whole
    assert "This valley does not exist." in whole
    assert not re.search(r"\d{2}:\d{2}:\d{2}", "".join(reader.text))


def test_tables_have_headers_for_every_column(folder: Path) -> None:
    rows = re.findall(r"<table.*?</table>", (folder / "report.html").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(rows) >= 9
    for table in rows:
        head = len(re.findall(r"<th\b", table.split("</thead>")[0]))
        for row in re.findall(r"<tr.*?</tr>", table.split("</thead>")[1], flags=re.DOTALL):
            spans = sum(int(n) - 1 for n in re.findall(r'colspan="(\d+)"', row))
            assert len(re.findall(r"<t[hd]\b", row)) + spans == head


def _map_data(folder: Path) -> dict[str, Any]:
    whole = (folder / "map.html").read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', whole, flags=re.DOTALL)
    assert found is not None
    assert "<" not in found.group(1)
    return json.loads(found.group(1))  # type: ignore[no-any-return]


def _decode(text: str) -> np.ndarray:
    code = np.frombuffer(base64.b64decode(text), dtype="<u2").astype(np.float64)
    return np.where(code == 0.0, 0.0, 10.0 ** (LOWEST + (code - 1.0) / 65534.0 * DECADES))


def test_map_holds_the_values_of_the_run(folder: Path, hostile: Result) -> None:
    data, view = _map_data(folder), View(hostile)
    n, affected = hostile.network.size, int(view.affected.sum())
    c = hostile.concentration
    for s, name in enumerate(c.substances):
        expected = np.maximum(c.inlet[:, s], c.outlet[:, s]) * MG_PER_L
        months = _decode(data["values"][name]["total"]["months"]).reshape(12, affected)
        np.testing.assert_allclose(months, expected[:, view.affected], rtol=1e-3)
        worst = _decode(data["values"][name]["total"]["worst"])
        assert worst.shape == (n,)
        np.testing.assert_allclose(worst, expected.max(axis=0), rtol=1e-3)
    quotient = _decode(data["values"]["lead"]["dissolved"]["worst"]) / data["thresholds"][5]["value"]
    np.testing.assert_allclose(quotient, view.worst_quotient[5], rtol=1e-3)
    assert [row["name"] for row in data["receptors"]] == list(HOSTILE)
    assert data["receptors"][2]["x"] is None
    assert len(data["pits"]) == hostile.pits.size  # type: ignore[union-attr]
    start = np.frombuffer(base64.b64decode(data["start"]), dtype="<u4")
    assert start[-1] == sum(len(line) for line in view.lines)


def test_every_node_downstream_of_a_site_can_be_drawn(folder: Path, hostile: Result) -> None:
    data = _map_data(folder)
    start = np.frombuffer(base64.b64decode(data["start"]), dtype="<u4").astype(np.int64)
    points = np.column_stack([np.frombuffer(base64.b64decode(data[axis]), dtype="<u2") for axis in "xy"]).astype(int)
    downstream = np.frombuffer(base64.b64decode(data["downstream"]), dtype="u1")
    assert downstream.tolist() == hostile.exposure.downstream.tolist()  # type: ignore[union-attr]
    colour = np.frombuffer(base64.b64decode(data["values"]["ammonium"]["total"]["worst"]), dtype="<u2")
    for node in np.flatnonzero(downstream):
        course = points[start[node] : start[node + 1]]
        assert len(course) >= 2
        assert np.all(np.any(np.diff(course, axis=0) != 0, axis=1))  # every stretch has a length on the map's own grid
        assert colour[node] > 0
        if hostile.network.down[node] >= 0:
            np.testing.assert_array_equal(course[-1], points[start[hostile.network.down[node]]])


def test_map_names_the_rivers(folder: Path, hostile: Result) -> None:
    data = _map_data(folder)
    ((x, y, name),) = data["rivers"]
    assert name == RIVER
    assert data["box"][0] < x < data["box"][2]
    assert data["box"][1] < y < data["box"][3]
    near = np.hypot(hostile.network.x - x, hostile.network.y - y).argmin()
    assert np.hypot(hostile.network.x[near] - x, hostile.network.y[near] - y) < 2000.0
    assert 'id="show-rivers"' in (folder / "map.html").read_text(encoding="utf-8")


def test_map_courses_are_in_place(folder: Path, hostile: Result) -> None:
    data, view = _map_data(folder), View(hostile)
    x0, _, x1, _ = data["box"]
    x = np.frombuffer(base64.b64decode(data["x"]), dtype="<u2") / 65535.0 * (x1 - x0) + x0
    np.testing.assert_allclose(x, np.vstack(view.lines)[:, 0], atol=(x1 - x0) / 65535.0)


def test_map_reads_longitude_and_latitude(folder: Path, hostile: Result) -> None:
    data = _map_data(folder)
    x0, y0, x1, y1 = data["box"]
    node = hostile.network.size // 2
    u = (hostile.network.x[node] - x0) / (x1 - x0) * 16
    v = (hostile.network.y[node] - y0) / (y1 - y0) * 16
    i, j = int(u), int(v)
    a, b = u - i, v - j
    lon = np.array(data["degrees"]["lon"]).reshape(17, 17)
    mixed = (1 - b) * ((1 - a) * lon[j, i] + a * lon[j, i + 1]) + b * ((1 - a) * lon[j + 1, i] + a * lon[j + 1, i + 1])
    assert mixed == pytest.approx(hostile.longitude[node], abs=2e-4)


@given(st.lists(st.one_of(st.just(0.0), st.floats(1e-10, 1e6)), min_size=1, max_size=50))
def test_sixteen_bits_are_enough(values: list[float]) -> None:
    back = _decode(coded(np.array(values)))
    np.testing.assert_allclose(back, values, rtol=6e-4)


@given(st.text())
def test_json_cannot_leave_its_element(text: str) -> None:
    words = embedded_json({"t": text})
    assert "<" not in words
    assert json.loads(words) == {"t": text}


def test_receptor_table_agrees_with_the_run(hostile: Result) -> None:
    view = View(hostile)
    rows = tables.receptor_rows(view)
    assert [row["found"] for row in rows] == [True, True, False]
    assert rows[2]["status"] == "position not found"
    for row, place in zip(rows[:2], view.located, strict=True):
        for s, cell in enumerate(row["values"]):
            values = hostile.concentration.inlet[:, s, place.node] * MG_PER_L
            assert float(cell["worst"].replace(",", "")) == pytest.approx(values.max(), rel=6e-3)
            assert cell["period"] == hostile.period_names[int(values.argmax())]
        for h, q in enumerate(row["quotients"]):
            expected = view.quotient_at(place.node, view.thresholds[h])
            assert q["over"] == bool(expected.max() > 1.0)
            assert q["months"] == int((expected > 1.0).sum())


def test_exceeded_and_overlap_tables_agree_with_the_run(hostile: Result) -> None:
    view = View(hostile)
    rows = tables.exceeded_rows(view)
    assert len(rows) == 6
    for h, row in enumerate(rows):
        assert float(row["length"].replace(",", "")) == pytest.approx(view.exposure.exceeded_length[h] / 1e3, rel=6e-3)
    assert [row["mark"] for row in rows] == ["", "", "M", "M", "", ""]
    assert [row["name"] for row in tables.overlap_rows(view)] == ["zone only", "zone and downstream", "downstream only"]
    numbers = {row["unit"]: row["value"] for row in tables.key_numbers(view)}
    assert numbers["sites"] == "24"


def test_worst_reaches_are_worst_and_distinct(hostile: Result) -> None:
    view = View(hostile)
    rows = tables.worst_rows(view)
    assert len(rows) == 12
    assert float(rows[0]["quotient"]) == pytest.approx(view.worst_quotient[0].max(), rel=6e-3)
    assert len({(row["substance"], row["place"]) for row in rows}) == 12


def test_parameters_keep_their_marks() -> None:
    scenario = SimpleNamespace(
        sources=SimpleNamespace(loss=Sourced(0.35, source="M: 0.15-0.65"), bare=Sourced(2.0)),
        zone=[SimpleNamespace(name="north", lon=Sourced(98.0), radius=Sourced(5.0, "km", "C: judged", 5.0))],
        network=SimpleNamespace(station=[SimpleNamespace(name="x", area=Sourced(1.0, "km2", "F", 1.0))]),
        fallback=Sourced(1.0, source="default"),
    )
    rows = {row["path"]: row for row in parameter_rows(scenario)}
    assert set(rows) == {"sources.loss", "sources.bare", "zone.“north”.radius", "fallback"}
    assert rows["sources.loss"]["mark"] == "M"
    assert rows["sources.bare"]["source"] == "no source given"
    assert rows["zone.“north”.radius"]["value"] == "5 km"
    assert rows["zone.“north”.radius"]["group"] == "zone.“north”"
    assert rows["fallback"]["source"] == "package default"


@pytest.mark.parametrize(
    ("source", "mark", "words"),
    [
        ("C: default", "C", "package default"),
        ("C (default)", "C", "package default"),
        ("M: Allison 2005 (default)", "M", "Allison 2005 (package default)"),
        ("D: 21,246 km2 less 8,476 km2", "D", "21,246 km² less 8,476 km²"),
        ("C", "C", "judged or computed for this model"),
    ],
)
def test_sources_in_words(source: str, mark: str, words: str) -> None:
    row = parameter_rows(SimpleNamespace(a=Sourced(1.0, source=source)))[0]
    assert (row["mark"], row["source"]) == (mark, words)


def test_bare_numbers_get_the_unit_of_their_field() -> None:
    from sim.scenario.sections import NetworkSection, TerrainSection

    network = {row["path"]: row for row in parameter_rows(NetworkSection(max_length=2500.0))}
    assert network["max_length"]["value"] == "2,500 m"
    assert network["stream_area"]["value"] == "5 km²"
    assert network["sinuosity"]["value"] == "1.2"
    terrain = TerrainSection(dem="illustrative-kachin", bounds=[97.0, 25.0, 98.5, 26.0], resolution=450.0)
    values = {row["path"]: row["value"] for row in parameter_rows(terrain)}
    assert values["bounds"] == "97, 25, 98.5, 26°"
    assert values["resolution"] == "450 m"


def test_labels_stand_once_as_the_result_spells_them(folder: Path, hostile: Result) -> None:
    for page in ("report.html", "map.html"):
        head = (folder / page).read_text(encoding="utf-8").split("</header>")[0].split("<body>")[1]
        assert re.findall(r"<span>(.*?)</span>", head) == list(hostile.labels)


def test_provenance_is_not_said_twice(hostile: Result) -> None:
    given = {"LeachSim version": "9.9", "Fingerprint": "abc", "Seed of random numbers": "7"}
    names = [row["name"] for row in provenance_rows(View(hostile), given)]
    assert names[:3] == list(given)
    assert len(set(names)) == len(names)
    assert sum("version" in name.casefold() for name in names) == 1
    assert "LeachSim version" in [row["name"] for row in provenance_rows(View(hostile), {})]


def _channel_page(result: Result) -> tuple[str, View]:
    from sim.report.page import report_page

    view = View(result)
    return report_page(view, {}, {}), view


def _with_exposure(result: Result) -> Result:
    """Two thresholds on a channel result, the way the pipeline does it: no land, no receptors."""
    from sim.exposure.assess import exceedance
    from sim.testing.results import _thresholds

    given = synthetic_result().exposure
    assert given is not None
    thresholds = _thresholds()[:2]
    found = exceedance(result.network, result.concentration, thresholds)
    r = given.receptors
    empty = replace(r, **{field.name: getattr(r, field.name)[:0] for field in fields(r)})
    downstream = result.network.downstream_of(result.load.node)
    exposure = replace(
        given,
        thresholds=thresholds,
        quotient=found.quotient,
        background_quotient=found.background_quotient,
        months_above=found.months_above,
        exceeded_length=found.exceeded_length,
        exceeded_length_background=found.exceeded_length_background,
        exceeded_length_pits=found.exceeded_length_pits,
        downstream=downstream,
        travel_time=np.full(result.concentration.inlet[:, 0].shape, np.nan),
        receptors=empty,
    )
    return replace(result, exposure=exposure)


def test_channel_report_without_loads_speaks_of_no_site_and_no_month() -> None:
    result = synthetic_channel_result(rates=(0.0, 0.0, 0.0, 0.0), background=(0.8, 3.0, 0.0, 0.0))
    page, view = _channel_page(_with_exposure(result))
    meanings = " ".join(row["meaning"] for row in tables.key_numbers(view))
    assert "in the steady state" in meanings
    for word in ("site", "month", "pits", "load"):
        assert word not in meanings
    assert "Most months" not in page
    assert "Even without" not in page
    assert "at least one month" not in page
    assert "From sites" not in page
    assert "Not in this run: oxalate, lead." in page
    assert '<th class="n" scope="col">Oxalate' not in page
    assert '<th scope="col">Month</th>' not in page


def test_channel_report_with_a_load_names_it_so() -> None:
    page, view = _channel_page(_with_exposure(synthetic_channel_result()))
    rows = {row["meaning"]: row["value"] for row in tables.key_numbers(view)}
    assert float(rows["of river carry water from at least one point load"]) == pytest.approx(5.0)
    assert "Even without point loads, km" in page
    assert "Point loads" in page
    assert "from point loads" in page


def test_landscape_report_keeps_its_months(folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    for words in ("Most months", "in at least one month", "Even without pits, km", "From sites to rivers"):
        assert words in page


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(0.0999, 2, "0.10"), (0.996, 2, "1.0"), (999.9, 3, "1,000"), (0.00999, 1, "0.01"), (12.34, 3, "12.3")],
)
def test_rounding_up_to_the_next_power_adds_no_digit(value: float, digits: int, text: str) -> None:
    assert number(value, digits) == text


def test_channel_report(tmp_path: Path) -> None:
    written = write_report(synthetic_channel_result(), tmp_path)
    names = {path.relative_to(tmp_path).as_posix() for path in written}
    assert names == {"figures/profile.png", "figures/profile.svg", "report.html"}
    whole = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "One steady state is computed" in whole
    assert 'href="#map"' not in whole
    assert 'id="places"' not in whole
    assert len(re.findall(r'<th scope="row">reach \d+</th>', whole.split("</table>")[0])) == 12

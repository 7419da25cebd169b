"""A measurement survives JSON, and its tables, page and picture say what it holds."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sim.benchmarking.compare import FALLEN, LOST, NEW, SAME, Verdict
from sim.benchmarking.document import SCHEMA, Document, as_dict, read, write
from sim.benchmarking.figures import beside, deviation, figures, over_floor, quartile_range, stage_seconds
from sim.benchmarking.objects import MISSING, OK, OURS, Memory, Result, Sample
from sim.benchmarking.page import page
from sim.benchmarking.plot import panels, write_plot
from sim.benchmarking.tables import (
    RESULT_HEAD,
    digits,
    duration,
    growth_rows,
    markdown_table,
    result_rows,
    size,
    stage_rows,
    text_table,
    verdict_rows,
    verdict_sentence,
)
from sim.errors import DataError, ScenarioError

ROUTE = "terrain route rough"


def _result(entrant: str = OURS, side: int = 1000, seconds: float = 0.1, **changes: Any) -> Result:
    sample = Sample(seconds, 1e-9, 0.5e-9, 1e-7, {"labels": 0.4 * seconds, "order": 0.6 * seconds})
    result = Result(
        ROUTE, side, entrant, OK, "", "1.0", "cell", side * side, 17.0, ((sample,) * 3,) * 2, Memory(2 * 10**8, 10**7)
    )
    return replace(result, **changes)


ABSENT = _result("absent", status=MISSING, message="absent is not installed", repeats=(), memory=None, version="")


def _document(*results: Result) -> Document:
    about = {
        "moment": "2026-01-01T00:00:00+00:00",
        "commit": "abc",
        "machine": {"processor": "Test <b>", "processors": 2, "memory_bytes": 2**33, "largest_cache_bytes": 2**25},
        "versions": {"leachsim": "1.0"},
        "load": {"processors_taken_by_others": 0.25, "processors_stolen_by_host": None},
    }
    return Document("standard", ("terrain",), 2, about, results)


def test_figures_by_hand() -> None:
    found = figures(_result(seconds=0.1))  # 1e6 cells: 100 ns each
    assert found.seconds == 0.1
    assert found.each == pytest.approx(100e-9)
    assert found.ratio == pytest.approx(100.0)  # triad 1 ns
    assert found.score == pytest.approx(0.01)
    assert found.jumps == pytest.approx(1.0)
    # 17 bytes at 24 bytes in 0.5 ns, the faster of the two triads
    assert found.floor == pytest.approx(100.0 / (17.0 * 0.5 / 24.0))
    assert found.bytes_per_item == 10.0
    assert found.process_bytes == 2e8
    assert found.spread == 0.0
    assert math.isnan(figures(_result(memory=None)).bytes_per_item)
    assert math.isnan(figures(_result(floor_bytes=0.0)).floor)
    with pytest.raises(ValueError, match="missing"):
        figures(ABSENT)


def test_spread_of_known_values() -> None:
    assert quartile_range([3.0]) == 0.0
    assert quartile_range([1.0, 2.0, 3.0, 4.0, 5.0]) == 2.0
    assert deviation([1.0, 2.0, 3.0, 4.0, 1000.0]) == pytest.approx(2.0 / 1.349)


def test_stages_are_medians_and_know_their_floor() -> None:
    result = _result(seconds=0.1)
    assert stage_seconds(result) == pytest.approx({"labels": 0.04, "order": 0.06})
    assert over_floor(result, 0.04, 5.0) == pytest.approx(40.0 / (5.0 * 0.5 / 24.0))
    [labels, order] = stage_rows(result, {"labels": 5.0})
    assert labels == ("labels", "40.0 ms", "40 %", "40.0", "384")
    assert order[-1] == ""


def test_how_many_times_is_a_median_of_rounds() -> None:
    slow = _result("peer", seconds=0.3)
    assert beside(_result(seconds=0.1), slow) == pytest.approx(3.0)
    samples = tuple(Sample(seconds, 1e-9, 1e-9, 1e-7) for seconds in (0.1, 0.2, 9.0))
    assert beside(_result(seconds=0.1, repeats=(samples,)), _result("peer", seconds=0.2)) == pytest.approx(1.0)


def test_a_measurement_survives_json(tmp_path: Path) -> None:
    document = _document(_result(), _result("peer", seconds=0.25), ABSENT)
    path = tmp_path / "bench.json"
    write(document, path)
    first = read(path)
    assert replace(first, results=()) == replace(document, results=())
    assert [figures(result).seconds for result in first.results[:2]] == [0.1, 0.25]
    assert [stage_seconds(result) for result in first.results[:2]] == [
        pytest.approx(stage_seconds(result)) for result in document.results[:2]
    ]
    assert first.results[2] == ABSENT
    write(first, path)  # replaced, not refused
    assert read(path) == first
    assert [each.name for each in tmp_path.iterdir()] == ["bench.json"]
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["schema"] == SCHEMA
    assert kept["command"] == 'leachsim bench --preset standard --only "terrain" --repeats 2 --threads 2'
    assert kept["results"][0]["figures"]["ratio"] == pytest.approx(100.0)
    assert "figures" not in kept["results"][2]


def test_what_was_not_measured_is_null_and_comes_back_as_nan(tmp_path: Path) -> None:
    sample = Sample(1.0, math.nan, math.nan, math.nan)
    path = tmp_path / "bench.json"
    write(_document(_result(repeats=((sample,),))), path)
    assert json.loads(path.read_text(encoding="utf-8"))["results"][0]["repeats"][0][0]["stream"] is None
    assert math.isnan(read(path).results[0].samples[0].stream)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda found: [], "no object"),
        (lambda found: {**found, "schema": "other-2"}, "schema 'other-2'"),
        (lambda found: {**found, "results": [{}]}, "KeyError"),
        (lambda found: {**found, "results": [{**found["results"][0], "repeats": []}]}, "has no times"),
        (lambda found: {**found, "results": [{**found["results"][0], "status": "great"}]}, "status 'great'"),
        (lambda found: {**found, "results": [{**found["results"][0], "memory": {"x": 1}}]}, "TypeError"),
        (lambda found: {**found, "threads": "many"}, "ValueError"),
    ],
)
def test_another_kind_of_json_is_refused(spoil: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(spoil(as_dict(_document(_result())))), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.number == 302
    assert message in caught.value.got


def test_no_file_no_json_no_place(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="LS-301"):
        read(tmp_path / "absent.json")
    (tmp_path / "text.json").write_text("not json", encoding="utf-8")
    with pytest.raises(DataError, match="LS-302"):
        read(tmp_path / "text.json")
    with pytest.raises(DataError, match=r"LS-310 .*Name a file in an existing folder"):
        write(_document(_result()), tmp_path / "absent" / "bench.json")


# tables


def test_a_row_says_all_or_why_not() -> None:
    ours, peer, absent = result_rows([_result(seconds=0.1), _result("peer", seconds=0.25), ABSENT])
    assert dict(zip(RESULT_HEAD, ours, strict=True)) == {
        "who": "leachsim 1.0",
        "items": "1,000,000",
        "time": "100 ms",
        "ns/item": "100",
        "x triad": "100",
        "x jump": "1.00",
        "x floor": "282",
        "B/item": "10.0",
        "peak": "200 MB",
        "x ours": "",
        "+-": "0 %",
    }
    assert peer[RESULT_HEAD.index("x ours")] == "2.50"
    assert absent[:3] == ("absent", "1,000,000", "missing: absent is not installed")
    assert not any(absent[3:])


def test_one_item_has_no_time_per_item() -> None:
    [row] = result_rows([_result(side=1)])
    assert row[RESULT_HEAD.index("ns/item")] == row[RESULT_HEAD.index("x triad")] == ""


def test_growth_has_a_column_per_size_and_a_dash_for_no_time() -> None:
    larger, peer = _result(side=3000, seconds=1.8), _result("peer", seconds=0.3)
    head, rows = growth_rows([_result(seconds=0.1), larger, peer, ABSENT])
    assert head == ("ns/item at", "1,000,000", "9,000,000")
    assert rows == [("leachsim", "100", "200"), ("peer", "300", "-"), ("absent", "-", "-")]


def test_text_table_keeps_columns_narrow_beside_a_long_message() -> None:
    text = text_table(("who", "time", "ns", "x"), [("a", "1", "2", ""), ("b", "missing: very long words", "", "")])
    assert text.splitlines() == ["who  time  ns", "a       1   2", "b    missing: very long words"]
    assert text_table(("who",), []) == "who"


def test_markdown_table_escapes_bars() -> None:
    assert markdown_table(("a", "b"), [("x|y", "1")]) == "| a | b |\n| --- | ---: |\n| x\\|y | 1 |"


def test_numbers_for_people() -> None:
    assert [digits(value) for value in (0.0, 0.00123, 12.345)] == ["0", "0.00123", "12.3"]
    assert [digits(value) for value in (99.97, 999.6, -2.5)] == ["100", "1,000", "-2.50"]
    assert [duration(value) for value in (2.0, 0.0021, 3.3e-6, 4e-9)] == ["2.00 s", "2.10 ms", "3.30 us", "4.00 ns"]
    assert (size(2.5e9), size(3e6), size(math.nan)) == ("2.50 GB", "3 MB", "")


def test_verdicts_come_with_alarms_first_and_a_sum() -> None:
    nan = math.nan
    verdicts = [
        Verdict("calm", 1, SAME, 0.5, 0.51, -0.02, 0.1),
        Verdict("slow", 10, FALLEN, 0.5, 0.35, 0.43, 0.1),
        Verdict("gone", 1, LOST, 0.5, nan, nan, nan, "crashed: killed"),
        Verdict("fresh", 1, NEW, nan, 0.5, nan, nan),
    ]
    rows = verdict_rows(verdicts)
    assert [row[0] for row in rows] == ["slow", "gone", "calm", "fresh"]
    assert rows[0] == ("slow", "10", "0.500", "0.350", "+43 %", "10 %", "slower")
    assert rows[1][-1] == "no longer works (crashed: killed)"
    assert verdict_sentence(verdicts) == "2 compared, 1 without a base, 1 no longer work, 1 slower."
    assert verdict_sentence(verdicts[:1]) == "1 compared, none slower."


# page and picture


def test_the_page_tells_everything_that_was_measured() -> None:
    text = page(_document(_result(seconds=0.1), _result("peer", seconds=0.25), _result(side=3000, seconds=1.8), ABSENT))
    for words in (
        'leachsim bench --preset standard --only "terrain" --repeats 2 --threads 2',
        "## Terrain route rough",
        "LeachSim is 2.50 times as fast as the fastest other, peer.",
        "missing: absent is not installed",
        "| ns/item at | 1,000,000 | 9,000,000 |",
        "Stages at 9,000,000 cells:",
        "0.25 processors taken by other programs on average, unknown by other guests",
        "**disturbed**",
        "| terrain route rough | 1,000,000 | 100 | 282 | peer | 2.50 |",
        "| terrain route rough | 9,000,000 | 200 | 565 |  |  |",
        "commit abc, 2026-01-01T00:00:00+00:00",
    ):
        assert words in text, words
    quiet = _document(_result())
    quiet.about["load"]["processors_taken_by_others"] = 0.05
    assert "**disturbed**" not in page(quiet)
    slower = page(_document(_result(seconds=0.5), _result("peer", seconds=0.25)))
    assert "LeachSim is 2.00 times slower than the fastest other, peer." in slower
    assert "![Time per item against size](growth.png)" in page(_document(_result()), "growth.png")


def test_the_picture_repeats_and_needs_two_sizes(tmp_path: Path) -> None:
    document = _document(_result(), _result("peer", seconds=0.25), _result(side=3000, seconds=1.8), ABSENT)
    [panel] = panels(document)
    assert [curve.name for curve in panel.curves] == [OURS, "peer"]
    assert panel.curves[0].items == (10**6, 9 * 10**6)
    assert panel.curves[0].nanoseconds == pytest.approx((100.0, 200.0))
    assert panel.floor == pytest.approx(17.0 * 0.5 / 24.0)
    for name, head in (("growth.png", b"\x89PNG"), ("growth.svg", b"<?xml")):
        write_plot(document, tmp_path / name)
        first = (tmp_path / name).read_bytes()
        assert first.startswith(head)
        write_plot(document, tmp_path / name)
        assert (tmp_path / name).read_bytes() == first
    with pytest.raises(ScenarioError, match=r"LS-209 --plot .*two sizes"):
        write_plot(_document(_result()), tmp_path / "one.png")
    assert not (tmp_path / "one.png").exists()

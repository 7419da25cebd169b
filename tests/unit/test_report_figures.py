"""Figures hold what they must: true scale, classes, thresholds with source, labels, places, nothing invented."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import Rectangle
from pyproj import CRS, Geod

from sim.pipeline.result import Result
from sim.report.cartography import Frame, draw_scale_bar, graticule_step, nice_step, scale_bar, set_frame
from sim.report.dilution import dilution_figure
from sim.report.exposure_map import exposure_map
from sim.report.five_mile import five_mile_figure
from sim.report.labels import Box, overlap
from sim.report.profile import profile_figure, stepped, tributaries
from sim.report.style import QUOTIENT_TEXTS, RIVER_NAME, figure_style, new_figure, png_bytes
from sim.report.view import View
from sim.testing.results import synthetic_channel_result, synthetic_result


@pytest.fixture(scope="module")
def result() -> Result:
    return synthetic_result(names=("Pangwa", "Lower $x^2$ <b>Town</b>", "Mill nobody found"))


@pytest.fixture
def view(result: Result) -> Iterator[View]:
    with figure_style():
        yield View(result)


def texts(figure: object) -> list[str]:
    from matplotlib.text import Text

    return [item.get_text() for item in figure.findobj(Text) if item.get_visible()]  # type: ignore[attr-defined]


@pytest.mark.parametrize("zone", [46, 47, 48])
@pytest.mark.parametrize("x0", [200_000.0, 480_000.0])
def test_scale_bar_is_true_on_the_ground(zone: int, x0: float) -> None:
    frame = Frame(CRS.from_epsg(32600 + zone).to_wkt(), (x0, 2_700_000.0, x0 + 90_000.0, 2_830_000.0))
    ground, projected = scale_bar(frame)
    cx, cy = x0 + 45_000.0, 2_765_000.0
    lon, lat = frame.degrees([cx - projected / 2, cx + projected / 2], [cy, cy])
    assert Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])[2] == pytest.approx(ground, rel=1e-6)
    assert ground == 20_000.0


def test_drawn_scale_bar_has_the_stated_length() -> None:
    frame = Frame(CRS.from_epsg(32647).to_wkt(), (500_000.0, 2_700_000.0, 560_000.0, 2_780_000.0))
    figure = new_figure(4, 5, 100)
    axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    set_frame(axes, frame)
    draw_scale_bar(axes, frame)
    ground, projected = scale_bar(frame)
    parts = [p for p in axes.patches if isinstance(p, Rectangle) and (p.get_gid() or "").startswith("scale-bar")]
    assert sum(patch.get_width() for patch in parts) == pytest.approx(projected)
    assert f"{ground / 1000:g} km" in texts(figure)


@pytest.mark.parametrize(("span", "wanted", "step"), [(377.0, 4, 50.0), (0.93, 3, 0.2), (1.0, 1, 1.0), (99.9, 1, 50.0)])
def test_round_steps(span: float, wanted: int, step: float) -> None:
    assert nice_step(span, wanted) == pytest.approx(step)


def test_graticule_is_true(view: View) -> None:
    figure = exposure_map(view)
    axes = figure.axes[0]
    frame = Frame(view.grid.crs_wkt, (axes.get_xlim()[0], axes.get_ylim()[0], axes.get_xlim()[1], axes.get_ylim()[1]))
    assert graticule_step(frame, 2) in {0.1, 0.2, 0.25, 0.5}
    assert len(axes.get_xticks()) >= 2
    for place, words in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True):
        lon, _ = frame.degrees(place, frame.box[1])
        assert float(lon) == pytest.approx(float(words.get_text().removesuffix("°E")), abs=1e-4)


def test_exposure_map_says_what_it_must(view: View) -> None:
    words = texts(exposure_map(view))
    whole = "\n".join(words)
    for name in QUOTIENT_TEXTS:
        assert name in words
    assert "no site upstream" in words
    assert "within 5 miles of a site" in words
    assert "Pangwa" in words
    assert r"Lower \$x^2\$ <b>Town</b>" in words
    assert "River over the north edge" in words
    assert "N" in words
    assert "NEB No. 8" in whole.replace("\n", " ")
    assert "[found in source]" in whole.replace("\n", " ")
    assert "Position not found, so not on the map: Mill nobody found." in whole
    assert "Mill nobody found" not in words  # never placed on the map itself
    for label in view.result.labels:
        assert whole.count(label) == 1


def test_every_figure_carries_the_labels(view: View) -> None:
    for make in (exposure_map, profile_figure, dilution_figure, five_mile_figure):
        footers = [item for item in make(view).texts if item.get_gid() == "labels"]
        assert len(footers) == 1
        assert "Illustrative terrain" in footers[0].get_text()
        assert "Prior only" in footers[0].get_text()


def test_rivers_have_the_colour_of_their_class(view: View) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_hex

    from sim.report.style import QUOTIENT_COLOURS, UNAFFECTED, quotient_class

    axes = exposure_map(view).axes[0]
    drawn = {c.get_label(): c for c in axes.collections if isinstance(c, LineCollection)}
    dirty, clean = drawn["downstream"], drawn["not downstream"]
    assert len(dirty.get_segments()) == int(view.affected.sum())
    assert len(clean.get_segments()) == int((~view.affected).sum())
    assert {to_hex(tuple(c)) for c in np.asarray(clean.get_edgecolor())} == {UNAFFECTED}
    expected = np.bincount(quotient_class(view.worst_quotient[0, view.affected]), minlength=6)
    colours = [to_hex(tuple(c)) for c in np.asarray(dirty.get_edgecolor())]
    assert [colours.count(c) for c in QUOTIENT_COLOURS] == expected.tolist()
    assert np.count_nonzero(expected) >= 3  # the case is worth drawing


def test_smoothed_courses_stay_near_the_cells_and_connected(view: View) -> None:
    network = view.result.network
    for node in range(network.size):
        cells = network.channel_cell[network.channel_start[node] : network.channel_start[node + 1]]
        x, y = view.grid.centre(cells)
        line = view.lines[node]
        assert np.hypot(line[: len(cells), 0] - x, line[: len(cells), 1] - y).max() < view.grid.cell_width
        if network.down[node] >= 0:
            np.testing.assert_array_equal(line[-1], view.lines[network.down[node]][0])


def test_profile_runs_from_pangwa_to_the_outlet(view: View) -> None:
    figure = profile_figure(view)
    assert view.start == view.located[0].node
    assert view.path[-1] in view.result.network.outlets
    assert view.path_distance[-1] == pytest.approx(view.way_down[view.start])
    words = "\n".join(texts(figure))
    assert "From Pangwa to the outlet" in words
    assert "[from memory]" in words
    assert "µg/L" in words
    assert len(figure.axes) == 5
    assert len(tributaries(view)) >= 1


def test_profile_lines_jump_only_where_water_joins(view: View) -> None:
    inlet, outlet = view.result.concentration.inlet[0, 1], view.result.concentration.outlet[0, 1]
    distance, values = stepped(view, inlet, outlet)
    assert np.all(np.diff(distance) >= 0.0)
    assert values[0] == inlet[view.start]
    assert values[-1] == outlet[view.path[-1]]


def test_five_mile_bars_are_the_overlap(view: View) -> None:
    figure = five_mile_figure(view)
    overlap = view.exposure.overlap
    bars = [axes for axes in figure.axes if axes.get_title(loc="left").startswith(("Land", "River"))]
    land, river = ([p.get_width() for p in axes.patches if isinstance(p, Rectangle)] for axes in bars)
    assert land == pytest.approx(
        [overlap.land_circle_only / 1e6, overlap.land_both / 1e6, overlap.land_modelled_only / 1e6]
    )
    assert river == pytest.approx(
        [overlap.river_circle_only / 1e3, overlap.river_both / 1e3, overlap.river_modelled_only / 1e3]
    )
    assert "Five-mile zone about the sites, and where their water goes" in texts(figure)


def test_dilution_shows_every_substance_month_and_place(view: View) -> None:
    figure = dilution_figure(view)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[:5] == ["Discharge, m³/s", "Ammonium (as N), mg/L", "Sulfate, mg/L", "Oxalate, mg/L", "Lead, mg/L"]
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == list(view.result.period_names)
    names = [place.name for place in view.monitored]
    assert names[0] == "Pangwa"
    assert len(set(names)) == len(names) <= 8
    line = figure.axes[0].lines[0]
    np.testing.assert_array_equal(line.get_ydata(), view.result.flow.discharge_in[:, view.start])


def test_channel_figures_need_no_terrain() -> None:
    with figure_style():
        view = View(synthetic_channel_result())
        words = texts(profile_figure(view)) + texts(dilution_figure(view))
    assert {"Discharge\nm³/s", "Discharge, m³/s"} <= set(words)
    assert "From reach 1 to the outlet. Steady state." in words
    with pytest.raises(ValueError, match="no terrain"):
        _ = view.grid
    with pytest.raises(ValueError, match="no exposure"):
        _ = view.exposure


def test_substances_that_no_river_holds_have_no_panel() -> None:
    result = synthetic_channel_result(rates=(6000.0, 26000.0, 0.0, 0.0), background=(0.05, 3.0, 0.0, 0.0))
    with figure_style():
        view = View(result)
        profile, dilution = profile_figure(view), dilution_figure(view)
    assert view.absent == ("oxalate", "lead")
    assert view.kept == (0, 1)
    labels = [axes.get_ylabel() for axes in profile.axes]
    assert labels == ["Discharge\nm³/s", "Ammonium (as N)\nmg/L", "Sulfate\nmg/L"]
    assert "Not in this run: oxalate, lead." in texts(profile)
    titles = [axes.get_title(loc="left") for axes in dilution.axes if axes.get_title(loc="left")]
    assert titles == ["Discharge, m³/s", "Ammonium (as N), mg/L", "Sulfate, mg/L"]
    assert any("Not in this run: oxalate, lead." in words for words in texts(dilution))


def test_a_substance_held_back_on_the_slope_is_not_called_absent() -> None:
    result = synthetic_channel_result(rates=(6000.0, 26000.0, 0.0, 0.0), background=(0.05, 3.0, 0.0, 0.0))
    result.load.ledger["applied"] = np.array([1.0, 1.0, 5.0, 0.0])
    view = View(result)
    assert view.absent == ("lead",)
    assert view.left_out == "Not in this run: lead. Reaches no river: oxalate."


def test_profile_without_places_has_no_gap_above_it(view: View) -> None:
    from dataclasses import replace

    bare = replace(synthetic_channel_result(), stations={})
    with figure_style():
        heads = []
        for each in (View(bare), View(synthetic_channel_result()), view):
            figure = profile_figure(each)
            heads.append((1.0 - figure.axes[0].get_position().y1) * figure.get_figheight())
    assert heads[0] < 0.7 < heads[1] < heads[2]


def test_background_has_a_line_of_its_own_only_beside_loads() -> None:
    nothing = synthetic_channel_result(rates=(0.0, 0.0, 0.0, 0.0))
    with figure_style():
        loaded, clean = profile_figure(View(synthetic_channel_result())), profile_figure(View(nothing))
    names = [[words.get_text() for words in figure.legends[0].get_texts()] for figure in (loaded, clean)]
    tributary = "tributary with ≥ 15 % of the water"
    assert names == [["steady state", "without point loads", tributary], ["steady state", tributary]]
    assert len(loaded.axes[1].lines) == len(clean.axes[1].lines) + 1


RIVER = "Winding $x_1$ <b>River</b>"


def _names(figure: object, axes: object, kind: str) -> dict[str, tuple[Box, str, str]]:
    """Names on one map: text -> box in pixels, slant and colour."""
    from matplotlib.colors import to_hex

    found = [item for item in axes.texts if item.get_gid() == kind]  # type: ignore[attr-defined]
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    return {
        item.get_text(): (
            tuple(item.get_window_extent(renderer).extents.tolist()),
            item.get_fontstyle(),
            to_hex(item.get_color()),
        )
        for item in found
    }


@pytest.mark.parametrize("make", [exposure_map, five_mile_figure])
def test_names_of_rivers_move_no_other_name_and_touch_none(make: Callable[[View], Figure]) -> None:
    drawn = []
    for river in (RIVER, ""):
        with figure_style():
            figure = make(View(synthetic_result(river=river)))
        drawn.append((_names(figure, figure.axes[0], "name"), _names(figure, figure.axes[0], "river-name")))
    (names, rivers), (alone, none) = drawn
    assert none == {}
    assert names.keys() == alone.keys()
    for name, (box, *_) in names.items():
        np.testing.assert_allclose(box, alone[name][0])
    assert list(rivers) == [RIVER.replace("$", r"\$")]
    box, slant, colour = rivers[RIVER.replace("$", r"\$")]
    assert (slant, colour) == ("italic", RIVER_NAME)
    assert all(overlap(box, other) == 0.0 for other, *_ in names.values())


def test_shaded_pictures_keep_white_and_black_and_shrink() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    picture[:5], picture[5:10] = 0, 255
    figure = new_figure(0.6, 0.5, 100)
    figure.figimage(picture)
    with figure_style():
        exact, rounded = imread(BytesIO(png_bytes(figure))), imread(BytesIO(png_bytes(figure, 5)))
    np.testing.assert_array_equal(np.rint(exact * 255), picture)
    steps = np.rint(rounded * 255)
    assert np.all(steps % 5 == 0)
    assert np.abs(steps - np.rint(exact * 255)).max() == 2
    assert {0.0, 255.0} <= set(np.unique(steps))
    assert len(png_bytes(figure, 5)) < 0.9 * len(png_bytes(figure))  # noise; shaded ground gains more


def test_every_node_has_a_line_with_a_length(view: View) -> None:
    network = view.result.network
    single = np.diff(network.channel_start) == 1
    assert np.any(single & (network.down < 0))  # a river of one cell that leaves the terrain
    for node, line in enumerate(view.lines):
        assert len(line) >= 2
        assert np.hypot(*np.diff(line, axis=0).T).min() > 0.0, node


def test_wide_terrain_gets_the_other_layout() -> None:
    from sim.report.exposure_map import _layout

    tall = _layout(Frame(CRS.from_epsg(32647).to_wkt(), (0.0, 0.0, 60_000.0, 90_000.0)))
    wide = _layout(Frame(CRS.from_epsg(32647).to_wkt(), (0.0, 0.0, 90_000.0, 40_000.0)))
    for boxes in (tall, wide):
        for name in ("map", "inset", "legend"):
            x, y, w, h = boxes[name]
            assert min(x, y, w, h) > 0.0
            assert x + w <= 1.0
            assert y + h <= 1.0
    assert tall["inset"][0] > tall["map"][0] + tall["map"][2]
    assert wide["inset"][1] + wide["inset"][3] < wide["map"][1]

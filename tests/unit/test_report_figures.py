"""Figures hold what they must: true scale, classes, thresholds with source, labels, places, nothing invented."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pyproj import CRS, Geod

from sim.pipeline.result import Result
from sim.report.cartography import Frame, draw_scale_bar, graticule_step, nice_step, scale_bar, set_frame
from sim.report.dilution import dilution_figure
from sim.report.exposure_map import exposure_map
from sim.report.five_mile import five_mile_figure
from sim.report.profile import profile_figure, stepped, tributaries
from sim.report.style import QUOTIENT_TEXTS, figure_style, new_figure
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
    parts = [patch for patch in axes.patches if (patch.get_gid() or "").startswith("scale-bar")]
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
    for label in ("odelled", "llustrative terrain", "llustrative pit positions", "rior only: no local measurements"):
        assert label in whole


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
    assert {to_hex(c) for c in clean.get_colors()} == {UNAFFECTED}
    expected = np.bincount(quotient_class(view.worst_quotient[0, view.affected]), minlength=6)
    colours = [to_hex(c) for c in dirty.get_colors()]
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
    land, river = ([patch.get_width() for patch in axes.patches] for axes in bars)
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
    assert "Mean discharge, m³/s" in words
    assert "From reach 2 to the outlet. Steady state." in words
    with pytest.raises(ValueError, match="no terrain"):
        _ = view.grid
    with pytest.raises(ValueError, match="no exposure"):
        _ = view.exposure


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

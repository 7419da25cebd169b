"""Flow paths by the graph of basins against the plainest possible account of them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import ndimage

from sim.terrain.basins import STAGES, Drainage, drain
from sim.terrain.rules import CARVE, FILL, KEEP, Rule, Rules
from sim.testing.terrain_oracle import STEPS, Oracle

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))


@st.composite
def surfaces(draw: st.DrawFn, levels: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Few levels, so that flats, ties and nested depressions abound; holes and ragged edges."""
    shape = draw(SHAPES)
    z = draw(npst.arrays(np.int32, shape, elements=st.integers(0, draw(st.integers(0, levels)))))
    valid = draw(npst.arrays(np.bool_, shape, elements=st.booleans())) if draw(st.booleans()) else np.ones(shape, bool)
    if draw(st.booleans()):
        valid |= draw(npst.arrays(np.bool_, shape, elements=st.booleans()))
    valid.flat[draw(st.integers(0, z.size - 1))] = True
    return z, valid


@st.composite
def kept_of(draw: st.DrawFn, valid: np.ndarray) -> np.ndarray:
    cells = np.flatnonzero(valid.ravel()).tolist()
    return np.array(sorted(draw(st.sets(st.sampled_from(cells), max_size=2))), dtype=np.int64)


def receiver(d: Drainage, columns: int) -> np.ndarray:
    cell = np.arange(d.direction.size)
    step = np.array([r * columns + c for r, c in STEPS])
    return np.where(d.direction < 8, cell + step[np.minimum(d.direction, 7)], -1)


def check_order(d: Drainage, valid: np.ndarray) -> None:
    down = receiver(d, valid.shape[1])
    place = np.full(down.size, -1)
    place[d.order] = np.arange(d.order.size)
    assert sorted(d.order.tolist()) == np.flatnonzero(valid.ravel()).tolist()
    inner = np.flatnonzero(down >= 0)
    assert (place[inner] < place[down[inner]]).all()


@given(data=st.data(), size=st.tuples(st.sampled_from([1.0, 2.5, 30.0]), st.sampled_from([1.0, 30.0])))
@settings(max_examples=400, deadline=None)
def test_paths_counts_and_fill_are_those_of_the_oracle(data: st.DataObject, size: tuple[float, float]) -> None:
    z, valid = data.draw(surfaces())
    if data.draw(st.booleans()):  # slopes that are no simple numbers, some of them equal
        z = z + np.random.Generator(np.random.PCG64(z.size)).integers(0, 9, z.shape) / 7.0
    kept = data.draw(kept_of(valid))
    oracle = Oracle(z, valid, *size, tuple(kept.tolist()))
    rows = data.draw(st.integers(1, 4))
    found = drain(
        z, valid, cell_width=size[0], cell_height=size[1], rules=Rules.of("fill"), kept_sinks=kept, strip_rows=rows
    )
    np.testing.assert_array_equal(found.direction, oracle.directions())
    np.testing.assert_array_equal(found.upstream_cells, oracle.upstream_cells())
    assert found.conditioned is not None
    np.testing.assert_array_equal(found.conditioned[valid], oracle.filled()[valid])
    check_order(found, valid)


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_same_answer_for_any_type_threads_strips_and_width_of_indices(data: st.DataObject) -> None:
    z, valid = data.draw(surfaces(levels=100))
    kept = data.draw(kept_of(valid))
    one = drain(z, valid, kept_sinks=kept, threads=1, strip_rows=z.shape[0])
    for kind in (np.int16, np.float32, np.float64):
        other = drain(z.astype(kind), valid, kept_sinks=kept, threads=3, strip_rows=1, wide_indices=kind == np.float64)
        np.testing.assert_array_equal(one.direction, other.direction)
        np.testing.assert_array_equal(one.upstream_cells, other.upstream_cells)
        assert one.conditioned is not None
        assert other.conditioned is not None
        np.testing.assert_array_equal(one.conditioned[valid], other.conditioned[valid])
        assert one.depressions is not None
        assert other.depressions is not None
        for name in ("lowest", "level", "depth", "cells", "volume", "spill", "decision"):
            np.testing.assert_array_equal(getattr(one.depressions, name), getattr(other.depressions, name))
    same_cut = drain(z, valid, kept_sinks=kept, threads=2, strip_rows=2)
    again = drain(z, valid, kept_sinks=kept, threads=5, strip_rows=2)
    np.testing.assert_array_equal(same_cut.order, again.order)


@st.composite
def rule_sets(draw: st.DrawFn, valid: np.ndarray) -> Rules:
    cells = np.flatnonzero(valid.ravel()).tolist()

    def one() -> Rule:
        limits: dict[str, Any] = {"min_depth": float(draw(st.integers(0, 6)))}
        if draw(st.booleans()):
            limits["min_area"] = float(draw(st.integers(0, 5)))
        if draw(st.booleans()):
            limits["min_volume"] = float(draw(st.integers(0, 12)))
        if draw(st.booleans()):
            limits["holding"] = np.array(sorted(draw(st.sets(st.sampled_from(cells), max_size=3))), dtype=np.int64)
        if draw(st.booleans()):
            limits["within"] = draw(npst.arrays(np.bool_, valid.size, elements=st.booleans()))
        return Rule(draw(st.sampled_from([KEEP, FILL, CARVE])), **limits)

    rules = tuple(one() for _ in range(draw(st.integers(0, 3))))
    return Rules(rules, carve_depth=float(draw(st.sampled_from([-1, 0, 2, 5, np.inf]))))


@given(st.integers(0, 100_000), st.tuples(st.integers(3, 14), st.integers(3, 14)), st.floats(0.0, 8.0))
@settings(max_examples=300, deadline=None)
def test_no_path_rises_where_carved_depressions_drain_into_filled_ones(
    seed: int, shape: tuple[int, int], carve_depth: float
) -> None:
    z = np.random.Generator(np.random.PCG64(seed)).uniform(0.0, 12.0, shape).round(1)
    d = drain(z, rules=Rules.of("auto", carve_depth=carve_depth))
    assert d.conditioned is not None
    surface, down = d.conditioned.ravel(), receiver(d, shape[1])
    inner = np.flatnonzero(down >= 0)
    assert (surface[down[inner]] <= surface[inner]).all()


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_rules(data: st.DataObject) -> None:
    z, valid = data.draw(surfaces())
    kept = data.draw(kept_of(valid))
    rules = data.draw(rule_sets(valid))
    d = drain(z, valid, rules=rules, kept_sinks=kept, strip_rows=data.draw(st.integers(1, 4)))
    check_order(d, valid)
    assert d.conditioned is not None
    assert d.depressions is not None
    surface, ground = d.conditioned.ravel(), z.ravel()
    down = receiver(d, z.shape[1])
    inner = np.flatnonzero(down >= 0)
    # no path rises
    assert (surface[down[inner]] <= surface[inner]).all()
    # kept depressions end flow, and nothing but they and the kept cells
    by_rule = d.depressions.lowest[d.depressions.decision == KEEP]
    assert set(np.flatnonzero(d.direction == 10)) == set(by_rule.tolist()) | set(kept.tolist())
    # the final paths are those of the oracle with these cells kept
    ends = tuple(sorted({*by_rule.tolist(), *kept.tolist()}))
    oracle = Oracle(z, valid, kept=ends)
    np.testing.assert_array_equal(d.direction, oracle.directions())
    # nothing is raised above a priority flood, and nothing but paths is lowered
    level = oracle.filled().ravel()
    assert (surface[valid.ravel()] <= level[valid.ravel()]).all()
    if rules.carve_depth < 0 and all(r.decision != CARVE for r in rules.rules):
        np.testing.assert_array_equal(surface[valid.ravel()], level[valid.ravel()])
    if rules.carve_depth == np.inf and all(r.decision != FILL for r in rules.rules):
        assert (surface <= ground)[valid.ravel()].all()
    # sizes in the table are those of the water on the ground
    raised = np.where(valid.ravel(), level - ground, 0.0)
    rest = d.depressions.decision != KEEP
    assert d.depressions.cells[rest].sum() == np.count_nonzero(raised)
    np.testing.assert_allclose(d.depressions.volume[rest].sum(), raised.sum())


def depressions_of(z: np.ndarray, valid: np.ndarray, oracle: Oracle, area: float) -> list[dict[str, Any]]:
    """Water bodies over the ground, from the oracle's fill alone."""
    level = oracle.filled()
    raised = valid & (level > z)
    number, count = ndimage.label(raised, structure=np.ones((3, 3)))
    found = []
    for k in range(1, count + 1):
        cells = np.flatnonzero((number == k).ravel())
        lowest = int(cells[np.lexsort((cells, z.ravel()[cells]))[0]])
        depth = level.ravel()[cells] - z.ravel()[cells]
        size = {"depth": depth.max(), "area": cells.size * area, "volume": depth.sum() * area}
        found.append({"lowest": lowest, "cells": set(cells.tolist())} | size)
    return found


def fits(rule: Rule, water: dict[str, Any]) -> bool:
    """Whether a rule applies, limit by limit."""
    inside = all(
        getattr(rule, f"min_{what}") <= water[what] <= getattr(rule, f"max_{what}")
        for what in ("depth", "area", "volume")
    )
    within = rule.within is None or bool(rule.within[water["lowest"]])
    holds = rule.holding is None or bool(water["cells"] & set(rule.holding.tolist()))
    return inside and within and holds


@st.composite
def limits(draw: st.DrawFn, valid: np.ndarray, decisions: tuple[int, ...]) -> Rule:
    """A rule with one or two limits of any kind, upper ones among them."""
    given_limits: dict[str, Any] = {}
    for what, largest in draw(
        st.lists(st.sampled_from([("depth", 6), ("area", 24), ("volume", 40)]), min_size=1, max_size=2, unique=True)
    ):
        low, high = sorted(draw(st.tuples(st.integers(0, largest), st.integers(0, largest))))
        if draw(st.booleans()):
            given_limits[f"max_{what}"] = float(high)
        if draw(st.booleans()):
            given_limits[f"min_{what}"] = float(low)
    if draw(st.booleans()):
        given_limits["within"] = draw(npst.arrays(np.bool_, valid.size, elements=st.booleans()))
    return Rule(draw(st.sampled_from(decisions)), **given_limits)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_each_depression_gets_the_decision_of_the_first_rule_that_fits(data: st.DataObject) -> None:
    z, valid = data.draw(surfaces())
    rules = tuple(data.draw(st.lists(limits(valid, (FILL, CARVE)), max_size=3)))
    carve_depth = float(data.draw(st.sampled_from([-1, 1, 3, np.inf])))
    d = drain(z, valid, cell_width=2.0, cell_height=2.0, rules=Rules(rules, carve_depth))
    assert d.depressions is not None
    found = dict(zip(d.depressions.lowest.tolist(), d.depressions.decision.tolist(), strict=True))
    expected = {}
    for water in depressions_of(z, valid, Oracle(z, valid, 2.0, 2.0), 4.0):
        rule = next((rule for rule in rules if fits(rule, water)), None)
        default = CARVE if water["depth"] <= carve_depth else FILL
        expected[water["lowest"]] = default if rule is None else rule.decision
    assert found == expected


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_what_a_rule_keeps_ends_flow(data: st.DataObject) -> None:
    z, valid = data.draw(surfaces())
    rule = data.draw(limits(valid, (KEEP,)))
    holding = data.draw(st.none() | st.sets(st.sampled_from(np.flatnonzero(valid.ravel()).tolist()), max_size=4))
    if holding is not None:
        held = np.array(sorted(holding), dtype=np.int64)
        rule = dataclasses.replace(rule, holding=held)
    d = drain(z, valid, rules=Rules((rule,)))
    oracle = Oracle(z, valid)
    expected = set()
    for water in depressions_of(z, valid, oracle, 1.0):
        if fits(rule, water):
            held_here = water["cells"] & (holding or set())
            # a pit asked for is kept itself, wherever it lies in a larger hollow
            expected |= {oracle.basin[c] for c in held_here} if holding is not None else {water["lowest"]}
    assert set(np.flatnonzero(d.direction == 10).tolist()) == expected


def test_a_mine_pit_inside_a_larger_hollow_is_the_one_that_is_kept() -> None:
    z = np.full((7, 11), 100.0)
    z[1:-1, 1:-1] = 80.0
    z[3, 2], z[3, 8] = 50.0, 60.0
    hollow, pit = 35, 41
    d = drain(z, rules=Rules((Rule(KEEP, holding=np.array([pit])),)))
    assert np.flatnonzero(d.direction == 10).tolist() == [pit]
    both = drain(z, rules=Rules((Rule(KEEP, holding=np.array([hollow, pit])),)))
    assert np.flatnonzero(both.direction == 10).tolist() == [hollow, pit]
    deepest = drain(z, rules=Rules((Rule(KEEP, min_depth=10.0),)))
    assert np.flatnonzero(deepest.direction == 10).tolist() == [hollow]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"valid": np.full((4, 5), 255, dtype=np.uint8)}, "valid must be bool, got uint8"),
        ({"valid": np.ones((2, 2), dtype=bool)}, "valid has shape"),
        ({"cell_width": -1.0}, "cell_width must be finite and greater than 0 m, got -1.0"),
        ({"cell_height": np.nan}, "cell_height must be finite"),
        ({"strip_rows": 0}, "strip_rows must be at least 1"),
        ({"threads": 0}, "threads must be at least 1"),
        ({"kept_sinks": np.array([-1])}, r"kept_sinks must lie in \[0, 20\)"),
        ({"kept_sinks": np.array([20])}, r"kept_sinks must lie in \[0, 20\)"),
        ({"kept_sinks": np.ones(20, dtype=bool)}, "kept_sinks must be flat indices"),
        ({"kept_sinks": np.array([7]), "valid": np.arange(20).reshape(4, 5) != 7}, "cell 7 is not"),
    ],
)
def test_arguments_that_make_no_sense(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        drain(np.arange(20.0).reshape(4, 5), **change)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_valid_cell_without_a_number_is_named(value: float) -> None:
    z = np.arange(20.0).reshape(4, 5)
    z[2, 3] = value
    with pytest.raises(ValueError, match="elevation at row 2, column 3 is"):
        drain(z)
    assert drain(z, np.isfinite(z)).direction[13] == 15


def test_masked_arrays_are_refused_and_foreign_byte_orders_taken() -> None:
    z = np.random.Generator(np.random.PCG64(4)).integers(0, 50, (8, 9)).astype(np.int16)
    with pytest.raises(ValueError, match="masked array"):
        drain(np.ma.masked_equal(z, 3))
    for kind in (">i2", ">f4", "<f8"):
        np.testing.assert_array_equal(drain(z.astype(kind)).direction, drain(z).direction)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Rule(KEEP, within=np.ones(4)), "Rule.within must be bool"),
        (lambda: Rule(KEEP, holding=np.array([1.5])), "Rule.holding must be integers"),
        (lambda: Rule(7), "Rule.decision"),
        (lambda: Rule(KEEP, min_depth=3.0, max_depth=1.0), "min_depth = 3.0 and max_depth = 1.0"),
        (lambda: Rules(carve_depth=float("nan")), "carve_depth"),
        (lambda: Rules.of("breach"), "conditioning must be one of"),
    ],
)
def test_rules_that_make_no_sense(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_plane_on_which_lowest_neighbour_and_steepest_slope_differ() -> None:
    """South falls 2.0 over 1.0, south-west 2.5 over sqrt(2) = 1.77: water goes south."""
    row, column = np.mgrid[0:20, 0:20]
    d = drain(100.0 - 2.0 * row + 0.5 * column)
    inner = d.direction.reshape(20, 20)[1:-1, 1:-1]
    assert (inner == 2).all()


def test_open_mine_pit_stays_a_sink() -> None:
    row, column = np.mgrid[0:60, 0:60]
    z = 500.0 - 2.0 * row + 0.01 * (column - 30) ** 2
    pit = (row - 30) ** 2 + (column - 20) ** 2 < 36
    z[pit] -= 40.0
    rule = Rule(KEEP, min_depth=10.0, min_area=50.0)
    d = drain(z, rules=Rules((rule,)))
    sinks = np.flatnonzero(d.direction == 10)
    assert sinks.size == 1
    assert pit.ravel()[sinks[0]]
    assert d.upstream_cells[sinks[0]] >= pit.sum()
    assert drain(z).direction.max() < 10
    held = drain(z, rules=Rules((Rule(KEEP, holding=np.flatnonzero(pit.ravel())[5:6]),)))
    np.testing.assert_array_equal(held.direction, d.direction)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros(3),
        np.zeros((0, 3)),
        np.zeros((2, 2), complex),
        np.zeros((2, 2), np.int64),
        np.zeros((2, 2), np.float16),
    ],
)
def test_surfaces_it_does_not_take(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="elevation must be"):
        drain(bad)


def test_memory_mapped_surface_gives_the_same(tmp_path: Any) -> None:
    z = np.random.Generator(np.random.PCG64(3)).normal(100.0, 5.0, (70, 40)).astype(np.float32)
    np.save(tmp_path / "z.npy", z)
    mapped = np.load(tmp_path / "z.npy", mmap_mode="r")
    np.testing.assert_array_equal(drain(mapped).direction, drain(z).direction)


def test_progress_names_every_stage_and_ends_whole() -> None:
    seen: list[tuple[str, float]] = []
    drain(np.random.Generator(np.random.PCG64(3)).normal(size=(40, 40)), progress=lambda s, f: seen.append((s, f)))
    last = dict(seen)
    assert last == dict.fromkeys(STAGES, 1.0)

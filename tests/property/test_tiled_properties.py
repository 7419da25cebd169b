"""Flow paths found tile by tile are those found in memory, cell for cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sim.io.tile_store import ArrayElevations, TileFiles
from sim.pipeline.tiled import Serial, TiledNumbers, drain_tiles
from sim.terrain.basins import drain
from sim.terrain.rules import CARVE, FILL, Rule, Rules
from sim.terrain.tiles import Layout
from sim.testing.terrain_oracle import Oracle


@dataclass
class MemoryScratch:
    """Arrays between steps, kept as copies in memory; stands in for `sim.io.tile_store.Scratch`."""

    kept: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)

    def save(self, name: str, **arrays: np.ndarray) -> None:
        self.kept[name] = {part: np.array(values) for part, values in arrays.items()}

    def load(self, name: str, *wanted: str) -> dict[str, np.ndarray]:
        parts = self.kept[name]
        return {part: parts[part].copy() for part in (wanted or parts)}

    def drop(self, name: str) -> None:
        self.kept.pop(name, None)


def tiled(z: np.ndarray, valid: np.ndarray | None, size: int, **options: Any) -> tuple[dict[str, Any], TiledNumbers]:
    """Results on the whole raster, and the counts."""
    layout = Layout(z.shape[0], z.shape[1], size)
    scratch: Any = MemoryScratch()
    files = TileFiles(scratch)
    source = ArrayElevations(z, valid, options.pop("cell_size", (1.0, 1.0)))
    rules = options.pop("rules", Rules())
    numbers = drain_tiles(source, layout, scratch, files, executor=Serial(), rules=rules, **options)
    # nothing but the results is left
    assert set(scratch.kept) == {f"result-{t}" for t in range(layout.count)}
    whole: dict[str, Any] = {}
    for t in range(layout.count):
        tile = layout.tile(t)
        top, bottom, left, right = tile.box
        for name, values in files.read(tile).items():
            whole.setdefault(name, np.empty(z.shape, values.dtype))[top:bottom, left:right] = values
    return whole, numbers


def check(z: np.ndarray, valid: np.ndarray | None, size: int, **options: Any) -> None:
    width, height = options.get("cell_size", (1.0, 1.0))
    found, numbers = tiled(z, valid, size, **options)
    rules, kept = options.get("rules", Rules()), options.get("kept_sinks")
    memory = drain(z, valid, cell_width=width, cell_height=height, rules=rules, kept_sinks=kept)
    np.testing.assert_array_equal(found["direction"].ravel(), memory.direction)
    np.testing.assert_array_equal(found["upstream_cells"].ravel(), memory.upstream_cells)
    assert found["upstream_cells"].dtype == memory.upstream_cells.dtype
    assert memory.conditioned is not None
    assert memory.depressions is not None
    good = np.ones(z.shape, dtype=bool) if valid is None else valid
    assert found["conditioned"].dtype == memory.conditioned.dtype
    np.testing.assert_array_equal(found["conditioned"][good], memory.conditioned[good])
    change = (memory.conditioned.astype(np.float64) - z)[good]
    assert numbers.decided == tuple(np.bincount(memory.depressions.decision, minlength=3))
    assert numbers.valid_cells == np.count_nonzero(good)
    assert (numbers.raised_cells, numbers.lowered_cells) == (np.sum(change > 0.0), np.sum(change < 0.0))
    assert (numbers.highest_raise, numbers.deepest_cut) == (change.max(initial=0.0), -change.min(initial=0.0))
    assert numbers.outlets == tuple(np.bincount(memory.direction, minlength=16)[8:11])
    assert numbers.largest_upstream == memory.upstream_cells.max()


@st.composite
def surfaces(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray | None]:
    """Few levels, so that flats, ties and nested depressions cross tiles; holes and ragged edges."""
    shape = draw(st.tuples(st.integers(1, 11), st.integers(1, 11)))
    levels = st.integers(0, draw(st.integers(0, 12)))
    z = draw(npst.arrays(np.float32, shape, elements=levels.map(float)))
    if draw(st.booleans()):
        return z, None
    valid = draw(npst.arrays(np.bool_, shape, elements=st.booleans()))
    if draw(st.booleans()):
        valid |= draw(npst.arrays(np.bool_, shape, elements=st.booleans()))
    valid.flat[draw(st.integers(0, z.size - 1))] = True
    return z, valid


@st.composite
def depth_rules(draw: st.DrawFn) -> Rules:
    """Rules by depth alone."""
    rules = [
        Rule(draw(st.sampled_from([FILL, CARVE])), min_depth=float(draw(st.integers(0, 6))))
        for _ in range(draw(st.integers(0, 2)))
    ]
    return Rules(tuple(rules), carve_depth=draw(st.sampled_from([-1.0, 0.0, 2.0, 5.0, np.inf])))


@given(data=st.data(), size=st.integers(1, 4), cell=st.sampled_from([(1.0, 1.0), (2.5, 1.0), (1.0, 30.0)]))
@settings(max_examples=250, deadline=None)
def test_tiles_give_what_memory_gives(data: st.DataObject, size: int, cell: tuple[float, float]) -> None:
    z, valid = data.draw(surfaces())
    cells = np.arange(z.size) if valid is None else np.flatnonzero(valid.ravel())
    kept = np.array(sorted(data.draw(st.sets(st.sampled_from(cells.tolist()), max_size=2))), dtype=np.int64)
    check(z, valid, size, rules=data.draw(depth_rules()), kept_sinks=kept, cell_size=cell)


@given(data=st.data(), size=st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_tiles_give_what_the_oracle_gives(data: st.DataObject, size: int) -> None:
    z, given_valid = data.draw(surfaces())
    valid = np.ones(z.shape, dtype=bool) if given_valid is None else given_valid
    found, _ = tiled(z, given_valid, size, rules=Rules.of("fill"))
    oracle = Oracle(z, valid)
    np.testing.assert_array_equal(found["direction"].ravel(), oracle.directions())
    np.testing.assert_array_equal(found["upstream_cells"].ravel(), oracle.upstream_cells())
    np.testing.assert_array_equal(found["conditioned"][valid], oracle.filled()[valid])


def test_rough_ground_with_lakes_and_gaps_over_many_tiles() -> None:
    rng = np.random.Generator(np.random.PCG64(11))
    row, column = np.mgrid[0:160, 0:150]
    z = (60.0 + 20.0 * np.sin(row / 17.0) * np.cos(column / 23.0) + rng.normal(0.0, 3.0, row.shape)).round()
    z[40:90, 30:120] = 55.0
    z[100:140, 100:149] = 10.0
    valid = rng.random(row.shape) < 0.999
    valid[:30, :20] = False
    for size in (7, 32, 200):
        check(z.astype(np.float32), valid, size, rules=Rules(carve_depth=4.0), kept_sinks=np.array([60 * 150 + 60]))


def test_level_ground_that_winds_through_many_tiles() -> None:
    """A corridor one cell wide, folded through all tiles, once with a way out at its end and once closed."""
    z = np.full((23, 23), 9.0, dtype=np.float32)
    for fold in range(1, 22, 2):
        z[fold, 1:22] = 3.0
    for turn, fold in enumerate(range(2, 21, 2)):
        z[fold, 21 if turn % 2 == 0 else 1] = 3.0
    closed = z.copy()
    z[21, 22] = 3.0
    for surface in (z, closed):
        for size in (2, 5):
            check(surface, None, size, rules=Rules.of("carve"))

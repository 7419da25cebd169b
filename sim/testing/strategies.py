"""Hypothesis strategies for terrain; importing this module needs hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from sim.terrain.objects import Grid
from sim.testing.terrain import grid_of


@st.composite
def grids(draw: st.DrawFn, largest: int = 9) -> Grid:
    """Tiny elevation grids: rough or with few levels (flats abound), square cells or not, with holes or islands."""
    shape = (draw(st.integers(1, largest)), draw(st.integers(1, largest)))
    size = shape[0] * shape[1]
    heights = draw(
        st.sampled_from(
            [
                st.integers(0, 3).map(float),
                st.integers(-50, 50).map(float),
                st.floats(-400.0, 8900.0, width=32),
            ]
        )
    )
    z = np.array(draw(st.lists(heights, min_size=size, max_size=size))).reshape(shape)
    valid = np.ones(shape, dtype=np.bool_)
    if draw(st.booleans()):
        valid = np.array(draw(st.lists(st.sampled_from([True, True, False]), min_size=size, max_size=size)))
        valid[draw(st.integers(0, size - 1))] = True
        valid = valid.reshape(shape)
    width, height = draw(st.sampled_from([(1.0, 1.0), (450.0, 450.0), (30.0, 75.0), (90.0, 25.0)]))
    return grid_of(z, valid, cell_width=width, cell_height=height)


@st.composite
def grids_with_sinks(draw: st.DrawFn, largest: int = 9) -> tuple[Grid, np.ndarray]:
    """A grid and up to three of its valid cells to keep as sinks."""
    grid = draw(grids(largest))
    cells = np.flatnonzero(grid.valid.ravel())
    count = draw(st.integers(0, min(3, cells.size)))
    chosen = draw(st.permutations(cells.tolist()))[:count]
    return grid, np.array(sorted(chosen), dtype=np.int64)

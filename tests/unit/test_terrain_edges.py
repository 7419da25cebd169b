"""Edges of the terrain and the valleys they cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from sim.terrain import Grid, condition_native, edge_entries
from sim.terrain.edges import outer_edges
from sim.terrain.objects import EdgeEntry
from sim.testing.terrain import grid_of, valley


def test_rectangle_is_walked_clockwise_once() -> None:
    (ring,) = outer_edges(np.ones((3, 4), dtype=bool))
    assert ring.tolist() == [0, 1, 2, 3, 7, 11, 10, 9, 8, 4]


def test_single_cells_lines_and_patches() -> None:
    assert [ring.tolist() for ring in outer_edges(np.ones((1, 1), dtype=bool))] == [[0]]
    (line,) = outer_edges(np.ones((1, 3), dtype=bool))
    assert line.tolist() == [0, 1, 2, 1]
    apart = np.array([[True, False, False, True], [True, False, False, True]])
    assert [sorted(ring.tolist()) for ring in outer_edges(apart)] == [[0, 4], [3, 7]]
    assert outer_edges(np.zeros((2, 2), dtype=bool)) == []


def test_edges_of_holes_are_left_out() -> None:
    holed = np.ones((5, 5), dtype=bool)
    holed[2, 2] = False
    (ring,) = outer_edges(holed)
    assert len(ring) == 16
    assert 7 not in ring


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.sampled_from([0.3, 0.6, 0.9]))
@settings(deadline=None, max_examples=150)
def test_ring_holds_exactly_the_cells_that_face_the_outside(seed: int, rows: int, columns: int, share: float) -> None:
    valid = np.random.default_rng(seed).uniform(size=(rows, columns)) < share
    patches, count = ndimage.label(valid, structure=np.ones((3, 3)))
    rings = outer_edges(valid)
    assert len(rings) == count
    for k, ring in enumerate(rings, start=1):
        patch = np.pad(patches == k, 1)
        air, _ = ndimage.label(~patch)
        faces = patch & ndimage.binary_dilation(air == air[0, 0])
        assert set(ring.tolist()) == set(np.flatnonzero(faces[1:-1, 1:-1].ravel()).tolist())
        row, column = np.divmod(ring, columns)
        assert np.abs(np.diff(np.r_[row, row[0]])).max() <= 1
        assert np.abs(np.diff(np.r_[column, column[0]])).max() <= 1


def gorge(cell: float = 450.0, **changes: float) -> Grid:
    """River that enters over the top edge and leaves over the bottom one, 30 cells further."""
    return valley(30, 20, bed_slope=0.005, side_slope=changes.get("side_slope", 0.1), cell=cell)


def inward(entries: tuple[EdgeEntry, ...]) -> list[EdgeEntry]:
    """Those that lead into the terrain."""
    return [entry for entry in entries if entry.inward]


def test_valley_cut_by_the_edge_leads_inward_where_it_enters_not_where_it_leaves() -> None:
    grid = gorge()
    entry, leaving = condition_native(grid).entries
    assert entry.inward
    assert not leaving.inward
    assert leaving.cell // 41 == grid.shape[0] - 1
    assert entry.cell == 20
    assert entry.elevation == pytest.approx(100.0)
    # sides rise 0.1 over 20 cells of 450 m
    assert entry.prominence == pytest.approx(900.0, rel=1e-5)
    assert (entry.x, entry.y) == (20.5 * 450.0, -0.5 * 450.0)


def test_prominence_reach_and_path_are_limits() -> None:
    grid = gorge()
    direction = condition_native(grid).direction
    assert len(inward(edge_entries(grid, direction, prominence=899.0))) == 1
    assert inward(edge_entries(grid, direction, prominence=901.0)) == []
    assert edge_entries(grid, direction, prominence=500.0, reach=4000.0) == ()
    assert len(inward(edge_entries(grid, direction, path=29 * 450.0))) == 1
    assert inward(edge_entries(grid, direction, path=30 * 450.0)) == []
    assert condition_native(gorge(side_slope=0.01)).entries == ()


def test_flat_valley_floor_counts_once() -> None:
    grid = gorge()
    z = grid.elevation.copy()
    z[:, 18:23] = z[:, 20:21]
    terrain = condition_native(grid_of(z, cell_width=450.0, cell_height=450.0))
    assert [entry.cell for entry in inward(terrain.entries)] == [18]


def test_edge_of_slanting_data_counts_too() -> None:
    grid = gorge()
    valid = np.ones(grid.shape, dtype=bool)
    for column in range(41):
        valid[: 1 + column // 8, column] = False
    terrain = condition_native(grid_of(grid.elevation, valid, cell_width=450.0, cell_height=450.0))
    (entry,) = inward(terrain.entries)
    assert entry.cell % 41 == 20


@pytest.mark.parametrize("shape", [(2, 2), (2, 7), (6, 2), (5, 8)])
def test_the_frame_of_a_full_grid_is_what_a_trace_finds(shape: tuple[int, int]) -> None:
    full = np.ones(shape, dtype=bool)
    padded = np.pad(full, 1)  # with an empty margin the trace is used
    row, column = np.divmod(outer_edges(padded)[0], shape[1] + 2)
    np.testing.assert_array_equal(outer_edges(full)[0], (row - 1) * shape[1] + column - 1)

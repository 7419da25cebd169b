r"""Flow paths over a raw surface by the graph of its basins.

1. D8 on the raw surface: every cell drains to the neighbour with the steepest fall, level ground the shortest way out.
   What has no way out is a pit; every cell belongs to the basin of the pit (or outlet) its path ends in.
2. Basins meet over passes. Cells are put in a strict order by (elevation, index); a pass can only be a cell whose lower
   neighbours fall apart into pieces, or a cell at the edge. So few cells have to be looked at: as many as there are
   pits and peaks, not as many as there are borders between basins.
3. The minimum spanning forest over the passes, rooted in the outlets, tells over which pass each basin spills and to
   which level :math:`L = \max` of the passes on its way out water rises before: exactly what a priority flood finds.
4. Each depression is kept, filled or carved. Paths are the same either way: the way from the spill to the pit is turned
   round. Filling raises what lies under water, carving lowers the path.
5. One topological order of the cells, and the number of cells that drain through each.

References
----------
Cordonnier, Bovy, Braun 2019, doi 10.5194/esurf-7-549-2019; Barnes, Callaghan, Wickert 2020,
doi 10.5194/esurf-8-431-2020; Lindsay 2016, doi 10.1002/hyp.10648.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.arrays import BoolArray, ByteArray, IntArray
from sim.terrain import _kernels_d8, _kernels_flats, _kernels_forest, _kernels_surface_change
from sim.terrain._kernels_codes import FLAT, KEPT, MEETING, PIT
from sim.terrain.decisions import decide, make_tree
from sim.terrain.given import check_finite, kept_given
from sim.terrain.ordering import topological_order
from sim.terrain.parts import Graph, Tree, Work
from sim.terrain.rules import Depressions, Rules
from sim.terrain.strips import Pool, Progress, usable_threads

Array = npt.NDArray[Any]

#: names of the stages, in order, as given to `progress`
STAGES = ("directions", "flats", "labels", "passes", "forest", "paths", "surface", "donors", "order")


@dataclass(frozen=True)
class Drainage:
    """Flow paths on a raw surface.

    Parameters
    ----------
    direction : (ncell,) uint8, codes as in `sim.terrain.Terrain`
    order : (nvalid,) uint32 or int64, every cell before its receiver
    upstream_cells : (ncell,) uint32 or int64, itself included; 0 where not valid
    conditioned : (ny, nx) as the elevation given, m; None if not asked for
    depressions : what was decided for each; None if not asked for
    """

    direction: ByteArray
    order: Array
    upstream_cells: Array
    conditioned: Array | None
    depressions: Depressions | None


def drain(
    elevation: Array,
    valid: BoolArray | None = None,
    *,
    cell_width: float = 1.0,
    cell_height: float = 1.0,
    rules: Rules | None = None,
    kept_sinks: IntArray | None = None,
    conditioned: bool = True,
    measure: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
    strip_rows: int | None = None,
    wide_indices: bool = False,
) -> Drainage:
    """Give every cell of a surface the one cell it drains to, and put the cells in order.

    Every valid cell reaches an outlet (a cell of the frame or beside an invalid cell) or a kept sink. The answer is the
    same to the last bit for any number of threads, and for any type of `elevation` that holds the same numbers.

    Parameters
    ----------
    elevation : (ny, nx) float32, float64 or integer of at most 32 bits, m; may be memory-mapped; finite where valid
    valid : (ny, nx) bool; None when all cells are
    cell_width, cell_height : float, m
    rules : Rules, what to do with each depression
    kept_sinks : (s,) int64, flat cells in which flow ends
    conditioned : whether the filled and carved surface is wanted
    measure : whether area and volume of the depressions are wanted; rules that need them measure anyway
    threads : int; None for as many as numba was given
    progress : called with stage and share done
    strip_rows : int, rows per strip; None to choose by shape. Only the order of cells depends on it.
    wide_indices : number cells in 64 bits, which surfaces of 2**31 cells and more always do

    Returns
    -------
    Drainage

    Raises
    ------
    ValueError
        If an argument is of the wrong type or shape, a valid cell is not a finite number (the message names it), or a
        kept sink is no valid cell.

    Examples
    --------
    >>> bowl = np.array([[5, 5, 5, 5], [5, 1, 2, 4], [5, 5, 5, 5]])
    >>> drain(bowl, rules=Rules.of("fill")).conditioned.tolist()[1]
    [5, 4, 4, 4]
    """
    work = Work(elevation, valid, cell_width, cell_height, Pool(usable_threads(threads), progress), strip_rows)
    if wide_indices:
        work.index, work.flag = np.int64, 1 << 62
    rules = rules or Rules()
    _directions(work, kept_sinks)
    label, pit = _labels(work)
    graph = _passes(work, label, pit)
    tree = make_tree(work, graph, np.zeros(pit.size, dtype=np.bool_))
    table: Depressions | None = None
    if measure or conditioned or rules.rules:
        table, tree = decide(work, label, graph, tree, rules, measure=measure)
    _paths(work, graph, tree)
    surface = _surface(work, label, graph, tree) if conditioned else None
    del label, graph, tree
    order, cells = topological_order(work.code, work.valid, work.pool, work.cuts, work.index)
    direction = work.code.ravel()
    return Drainage(direction, order, cells, surface, table if measure else None)


def _directions(work: Work, kept_sinks: IntArray | None) -> None:
    kept = kept_given(work.z.size, work.valid, kept_sinks)

    def strip(s: int) -> None:
        if work.z.dtype.kind == "f":
            check_finite(work.z, work.valid, int(work.cuts[s]), int(work.cuts[s + 1]))
        _kernels_d8.directions(
            work.z, work.valid, work.cuts[s], work.cuts[s + 1], work.dx, work.dy,
            work.code, work.pits, work.edges, work.flats,
        )  # fmt: skip

    work.pool.run("directions", work.strips, strip)
    code = work.code.ravel()
    columns = work.z.shape[1]
    for cell in kept.tolist():
        row, kind = cell // columns, code[cell] & 15
        work.pits[row] -= kind == PIT
        work.flats[row] -= kind == FLAT
        work.edges[row] += 4
        code[cell] = KEPT | MEETING
    flats = int(work.flats.sum())

    def level_ground(_: int) -> None:
        closed = work.indices(flats)
        count = _kernels_flats.drain_flats(
            work.z.ravel(), work.flats, columns, work.indices(flats), code, work.pits, closed
        )
        work.closed = closed[:count].copy()

    work.pool.run("flats", 1 if flats else 0, level_ground)


def _labels(work: Work) -> tuple[Array, Array]:
    code = work.code.ravel()
    label = work.indices(code.size)
    first_pit = 1 + np.concatenate([[0], np.cumsum(work.pits)])
    pit = work.indices(int(first_pit[-1]))
    pit[0] = 0

    def strip(s: int) -> None:
        first, last = work.cells(s)
        _kernels_d8.start_labels(
            code, work.offset, first, last, first_pit[work.cuts[s]], work.flag, label, pit
        )  # fmt: skip
        backwards = True
        while _kernels_d8.follow_labels(first, last, backwards, label):
            backwards = not backwards

    work.pool.run("labels", work.strips, strip)
    columns = work.z.shape[1]
    for row in work.cuts[1:-1].tolist():
        _kernels_d8.resolve_row((row - 1) * columns, (row + 1) * columns, work.flag, label)

    def finish(s: int) -> None:
        _kernels_d8.finish_labels(*work.cells(s), work.flag, label)

    work.pool.run("labels", work.strips, finish)
    return label, pit


def _passes(work: Work, label: Array, pit: Array) -> Graph:
    place = np.concatenate([[0], np.cumsum(work.edges)])
    most = int(place[-1])
    parts: Any = (
        work.indices(most), work.indices(most), np.empty(most), work.indices(most), np.empty(most, dtype=np.uint8)
    )  # fmt: skip
    ends = np.zeros(work.strips, dtype=np.int64)

    def strip(s: int) -> None:
        first, last = work.cuts[s], work.cuts[s + 1]
        ends[s] = _kernels_forest.edges(
            work.z, work.valid, work.code, label, work.flag, work.offset, first, last, place[first], *parts
        )

    work.pool.run("passes", work.strips, strip)
    found = 0
    for s in range(work.strips):
        start, end = int(place[work.cuts[s]]), int(ends[s])
        for part in parts:
            part[found : found + end - start] = part[start:end]
        found += end - start
    one, other, level, cell, side = (part[:found] for part in parts)
    return Graph(pit, one, other, level, cell, side)


def _paths(work: Work, graph: Graph, tree: Tree) -> None:
    basins = graph.pit.size
    parts = max(1, min(work.strips, basins // 1024))
    bounds = np.linspace(1, basins, parts + 1).astype(np.int64)
    code = work.code.ravel()
    rows, columns = work.z.shape

    def reverse(part: int) -> None:
        _kernels_forest.reverse_paths(
            graph.one, graph.cell, graph.side, tree.edge, graph.pit, work.offset, rows, columns,
            bounds[part], bounds[part + 1], code,
        )  # fmt: skip

    work.pool.run("paths", parts, reverse)
    if work.closed.size:
        queue = work.indices(int(work.flats.sum()) + 1)
        _kernels_flats.reroute_flats(work.z.ravel(), work.closed, rows, columns, work.offset, queue, code)


def _surface(work: Work, label: Array, graph: Graph, tree: Tree) -> Array:
    surface = np.empty(work.z.size, dtype=work.z.dtype)
    z = work.z.ravel()

    def strip(s: int) -> None:
        _kernels_surface_change.raise_to(z, label, work.flag, work.floor, *work.cells(s), surface)

    work.pool.run("surface", work.strips, strip)
    _kernels_surface_change.carve_paths(
        graph.one, graph.cell, graph.side, work.code.ravel(), work.offset, graph.pit, tree.edge, tree.visit, surface
    )
    return surface.reshape(work.z.shape)

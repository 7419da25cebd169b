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

from sim.arrays import BoolArray, ByteArray, FloatArray, IntArray
from sim.terrain import _kernels_d8, _kernels_flats, _kernels_forest, _kernels_surface_change
from sim.terrain._kernels_codes import FLAT, KEPT, MEETING, PIT
from sim.terrain.ordering import topological_order
from sim.terrain.rules import KEEP, Depressions, Rules
from sim.terrain.strips import Pool, Progress, cut_rows, index_type, usable_threads

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

    Examples
    --------
    >>> bowl = np.array([[5, 5, 5, 5], [5, 1, 2, 4], [5, 5, 5, 5]])
    >>> drain(bowl, rules=Rules.of("fill")).conditioned.tolist()[1]
    [5, 4, 4, 4]
    """
    work = _Work(elevation, valid, cell_width, cell_height, Pool(usable_threads(threads), progress), strip_rows)
    if wide_indices:
        work.index, work.flag = np.int64, 1 << 62
    rules = rules or Rules()
    _directions(work, kept_sinks)
    label, pit = _labels(work)
    graph = _passes(work, label, pit)
    tree = _tree(work, graph, np.zeros(pit.size, dtype=np.bool_))
    table: Depressions | None = None
    if measure or conditioned or rules.rules:
        table, tree = _decide(work, label, graph, tree, rules, measure=measure)
    _paths(work, graph, tree)
    surface = _surface(work, label, graph, tree) if conditioned else None
    del label, graph, tree
    order, cells = topological_order(work.code, work.valid, work.pool, work.cuts, work.index)
    direction = work.code.ravel()
    return Drainage(direction, order, cells, surface, table if measure else None)


class _Work:
    """What the stages share: the surface, the codes, how rows are cut."""

    def __init__(
        self,
        elevation: Array,
        valid: BoolArray | None,
        cell_width: float,
        cell_height: float,
        pool: Pool,
        strip_rows: int | None,
    ) -> None:
        self.z = read_only(elevation)
        if self.z.ndim != 2 or self.z.size == 0:
            raise ValueError(f"elevation must be two-dimensional and not empty, got shape {self.z.shape}")
        if self.z.dtype.kind not in "fiu" or self.z.dtype.itemsize > (8 if self.z.dtype.kind == "f" else 4):
            raise ValueError(f"elevation must be float32, float64 or an integer of at most 32 bits, got {self.z.dtype}")
        self.valid = read_only(np.zeros((0, 0), dtype=np.bool_) if valid is None else valid)
        if self.valid.size and self.valid.shape != self.z.shape:
            raise ValueError(f"valid has shape {self.valid.shape}, expected {self.z.shape}")
        rows, columns = self.z.shape
        self.dx, self.dy = float(cell_width), float(cell_height)
        self.pool = pool
        self.cuts = cut_rows(rows, columns, strip_rows)
        self.strips = self.cuts.size - 1
        self.index: Any
        self.index, self.flag = index_type(self.z.size)
        self.offset = np.array([1, columns + 1, columns, columns - 1, -1, -columns - 1, -columns, 1 - columns])
        self.code = np.empty(self.z.shape, dtype=np.uint8)
        self.pits, self.edges, self.flats = (np.zeros(rows, dtype=np.int64) for _ in range(3))
        self.closed = self.indices(0)
        #: the elevation, or -inf for "no floor", of each basin after `_decide`
        self.floor = np.zeros(0)

    def indices(self, size: int) -> Array:
        return np.empty(size, dtype=self.index)

    def cells(self, strip: int) -> tuple[int, int]:
        """First cell of a strip and of the next."""
        width = self.z.shape[1]
        return int(self.cuts[strip]) * width, int(self.cuts[strip + 1]) * width


def read_only(array: Array) -> Array:
    """C-contiguous view that cannot be written to, so that kernels see one kind of array; memory maps stay mapped."""
    view = np.ascontiguousarray(np.asarray(array)).view()
    view.flags.writeable = False
    return view


def _directions(work: _Work, kept_sinks: IntArray | None) -> None:
    def strip(s: int) -> None:
        _kernels_d8.directions(
            work.z, work.valid, work.cuts[s], work.cuts[s + 1], work.dx, work.dy,
            work.code, work.pits, work.edges, work.flats,
        )  # fmt: skip

    work.pool.run("directions", work.strips, strip)
    code = work.code.ravel()
    columns = work.z.shape[1]
    for cell in [] if kept_sinks is None else np.unique(np.asarray(kept_sinks, dtype=np.int64)).tolist():
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


def _labels(work: _Work) -> tuple[Array, Array]:
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


@dataclass(frozen=True)
class _Graph:
    """Basins and the passes between them; see `_kernels_forest`."""

    pit: Array
    one: Array
    other: Array
    level: FloatArray
    cell: Array
    side: ByteArray


def _passes(work: _Work, label: Array, pit: Array) -> _Graph:
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
    return _Graph(pit, one, other, level, cell, side)


@dataclass(frozen=True)
class _Tree:
    """Over which edge each basin spills, in which order basins were reached, and to which level water rises."""

    joined: BoolArray
    edge: Array
    visit: Array
    level: FloatArray
    lake: Array


def _tree(work: _Work, graph: _Graph, joined: BoolArray) -> _Tree:
    edges, basins = graph.one.size, graph.pit.size
    index = work.indices
    edge, visit = index(basins), index(basins)
    level, lake = np.empty(basins), index(basins)

    def solve(_: int) -> None:
        chosen = index(basins)
        count = _kernels_forest.forest(
            graph.one, graph.other, graph.level, joined, index(edges), index(edges), index(edges), np.empty(edges),
            index(basins), index(basins), index(basins), chosen,
        )  # fmt: skip
        reached = _kernels_forest.orient(
            graph.one, graph.other, chosen[:count], joined, index(basins + 1), index(2 * count), edge, visit
        )
        # every connected patch of valid cells has an edge, over which it drains
        assert reached == basins, "a basin has no way out"
        _kernels_forest.spill_levels(graph.one, graph.other, graph.level, visit, edge, level, lake)

    work.pool.run("forest", 1, solve)
    return _Tree(joined, edge, visit, level, lake)


def _decide(
    work: _Work, label: Array, graph: _Graph, tree: _Tree, rules: Rules, *, measure: bool
) -> tuple[Depressions, _Tree]:
    """Decide on each depression; kept ones end flow, so the tree is made anew around them."""
    found, lake = _depressions(work, label, graph, tree, measure=measure or rules.needs_size)
    decision = rules.decide(
        found, keep=True, cell_area=work.dx * work.dy, lake_of=_under(work, label, tree, lake, rules)
    )
    kept = decision == KEEP
    table = _with_decision(found, decision)
    if kept.any():
        code = work.code.ravel()
        joined = tree.joined.copy()
        joined[np.asarray(label[found.lowest[kept]], dtype=np.int64) - work.flag] = True
        code[found.lowest[kept]] = KEPT
        tree = _tree(work, graph, joined)
        rest, lake = _depressions(work, label, graph, tree, measure=measure or rules.needs_size)
        decision = rules.decide(
            rest, keep=False, cell_area=work.dx * work.dy, lake_of=_under(work, label, tree, lake, rules)
        )
        table = _joined(_rows(table, kept), _with_decision(rest, decision))
    _floors(work, graph, tree, lake, decision)
    by_cell = np.argsort(table.lowest, kind="stable")
    return _rows(table, by_cell), tree


def _depressions(
    work: _Work, label: Array, graph: _Graph, tree: _Tree, *, measure: bool
) -> tuple[Depressions, IntArray]:
    """Return the table of depressions, not yet decided, and the number of each basin's depression, -1 if none."""
    z = work.z.ravel()
    basins = graph.pit.size
    lake, basin, lowest = (np.empty(basins, dtype=np.int64) for _ in range(3))
    count = _kernels_surface_change.depressions(
        z, graph.pit, tree.visit, tree.edge, tree.lake, graph.one.size, lake, basin, lowest
    )
    basin, lowest = basin[:count], lowest[:count]
    level = tree.level[basin]
    cells, depth_sum = np.zeros(count, dtype=np.int64), np.zeros(count)
    if measure:
        _kernels_surface_change.measure(z, label, work.flag, tree.level, lake, cells, depth_sum)
    table = Depressions(
        lowest=lowest,
        level=level,
        depth=level - z[lowest],
        cells=cells,
        volume=depth_sum * (work.dx * work.dy),
        spill=graph.cell[tree.edge[basin]],
        decision=np.zeros(count, dtype=np.uint8),
    )
    return table, lake


def _under(work: _Work, label: Array, tree: _Tree, lake: IntArray, rules: Rules) -> IntArray:
    """Number of the depression under whose water the cells named by the rules lie, -1 for none."""
    cells = rules.holding()
    basin = np.asarray(label[cells], dtype=np.int64) - work.flag
    return np.where(work.z.ravel()[cells] < tree.level[basin], lake[basin], -1)


def _with_decision(table: Depressions, decision: ByteArray) -> Depressions:
    return Depressions(table.lowest, table.level, table.depth, table.cells, table.volume, table.spill, decision)


def _rows(table: Depressions, rows: Array) -> Depressions:
    return Depressions(*(getattr(table, name)[rows] for name in Depressions.__dataclass_fields__))


def _joined(one: Depressions, other: Depressions) -> Depressions:
    names = Depressions.__dataclass_fields__
    return Depressions(*(np.concatenate([getattr(one, name), getattr(other, name)]) for name in names))


def _floors(work: _Work, graph: _Graph, tree: _Tree, lake: IntArray, decision: ByteArray) -> None:
    """Height to which each basin is filled: its spill if filled, else the floor of the basin it spills into."""
    work.floor = np.empty(tree.level.size)
    _kernels_forest.floors(
        graph.one, graph.other, tree.visit, tree.edge, tree.level, lake, decision, work.floor
    )  # fmt: skip


def _paths(work: _Work, graph: _Graph, tree: _Tree) -> None:
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


def _surface(work: _Work, label: Array, graph: _Graph, tree: _Tree) -> Array:
    surface = np.empty(work.z.size, dtype=work.z.dtype)
    z = work.z.ravel()

    def strip(s: int) -> None:
        _kernels_surface_change.raise_to(z, label, work.flag, work.floor, *work.cells(s), surface)

    work.pool.run("surface", work.strips, strip)
    _kernels_surface_change.carve_paths(
        graph.one, graph.cell, graph.side, work.code.ravel(), work.offset, graph.pit, tree.edge, tree.visit, surface
    )
    return surface.reshape(work.z.shape)

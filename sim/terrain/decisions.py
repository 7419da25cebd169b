"""The forest over the passes, and what is decided for each depression."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sim.arrays import BoolArray, ByteArray, IntArray
from sim.terrain import _kernels_forest, _kernels_surface_change
from sim.terrain._kernels_codes import KEPT
from sim.terrain.parts import Graph, Tree, Work
from sim.terrain.rules import KEEP, Depressions, Rules

Array = npt.NDArray[Any]


def make_tree(work: Work, graph: Graph, joined: BoolArray) -> Tree:
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
        if reached != basins:
            raise RuntimeError("a basin has no way out: this is a bug")
        _kernels_forest.spill_levels(graph.one, graph.other, graph.level, visit, edge, level, lake)

    work.pool.run("forest", 1, solve)
    return Tree(joined, edge, visit, level, lake)


def decide(
    work: Work, label: Array, graph: Graph, tree: Tree, rules: Rules, *, measure: bool
) -> tuple[Depressions, Tree]:
    """Decide on each depression; kept ones end flow, so the tree is made anew around them."""
    found, lake = _depressions(work, label, graph, tree, measure=measure or rules.needs_size)
    under = _under(work, label, tree, lake, rules)
    decision, chosen = rules.decide(found, keep=True, cell_area=work.dx * work.dy, lake_of=under)
    table = _with_decision(found, decision)
    if (decision == KEEP).any():
        kept, sinks = _kept(work, label, graph, rules, found, decision, chosen, under)
        joined = tree.joined.copy()
        joined[np.asarray(label[sinks], dtype=np.int64) - work.flag] = True
        work.code.ravel()[sinks] = KEPT
        tree = make_tree(work, graph, joined)
        rest, lake = _depressions(work, label, graph, tree, measure=measure or rules.needs_size)
        decision, _ = rules.decide(
            rest, keep=False, cell_area=work.dx * work.dy, lake_of=_under(work, label, tree, lake, rules)
        )
        rows = _rows(table, kept)
        depth = rows.level - work.z.ravel()[sinks]
        rows = Depressions(sinks, rows.level, depth, rows.cells, rows.volume, rows.spill, rows.decision)
        table = _joined(rows, _with_decision(rest, decision))
    _floors(work, graph, tree, lake, decision)
    by_cell = np.argsort(table.lowest, kind="stable")
    return _rows(table, by_cell), tree


def _kept(
    work: Work,
    label: Array,
    graph: Graph,
    rules: Rules,
    found: Depressions,
    decision: ByteArray,
    chosen: IntArray,
    under: IntArray,
) -> tuple[IntArray, IntArray]:
    """Number of the depression and cell of each pit that is kept.

    The lowest one, unless the rule asked for certain cells: then the pits these drain to. An open mine pit inside a
    larger hollow stays a sink itself.
    """
    lakes, sinks = [], []
    at = 0
    for number, rule in enumerate(rules.rules):
        mine = np.flatnonzero((chosen == number) & (decision == KEEP))
        if rule.holding is None:
            lakes.append(mine)
            sinks.append(found.lowest[mine])
            continue
        lake = under[at : at + rule.holding.size]
        at += rule.holding.size
        held = np.isin(lake, mine)
        pit = graph.pit[np.asarray(label[rule.holding[held]], dtype=np.int64) - work.flag].astype(np.int64)
        pit, first = np.unique(pit, return_index=True)
        lakes.append(lake[held][first])
        sinks.append(pit)
    return np.concatenate(lakes), np.concatenate(sinks)


def _depressions(work: Work, label: Array, graph: Graph, tree: Tree, *, measure: bool) -> tuple[Depressions, IntArray]:
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


def _under(work: Work, label: Array, tree: Tree, lake: IntArray, rules: Rules) -> IntArray:
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


def _floors(work: Work, graph: Graph, tree: Tree, lake: IntArray, decision: ByteArray) -> None:
    """Height to which each basin is filled: its spill if filled, else the floor of the basin it spills into."""
    work.floor = np.empty(tree.level.size)
    _kernels_forest.floors(
        graph.one, graph.other, tree.visit, tree.edge, tree.level, lake, decision, work.floor
    )  # fmt: skip

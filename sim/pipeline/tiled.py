"""Flow paths tile by tile: which task follows which, and what travels between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sim.arrays import IntArray
from sim.errors import DataError, ScenarioError
from sim.io.tile_store import Elevations, Scratch, Writer
from sim.pipeline.tiled_tasks import Failed, Job, Place, TileNumbers, run_job
from sim.terrain import tile_flats, tile_flow, tile_graph, tile_lakes
from sim.terrain.rules import Rules
from sim.terrain.tile_flats import Flats, JoinedFlats
from sim.terrain.tiles import Layout, grouped, place_of

#: steps that go over all tiles, as told to `progress`
STEPS = (
    "directions", "level ground", "basins", "forest", "depressions", "level ground without a way out", "paths",
    "flow between tiles", "results",
)  # fmt: skip

#: called with the step and the share of it that is done
Progress = Callable[[str, float], None]


class Executor(Protocol):
    """Something that runs jobs, one by one or many at once."""

    def run(self, jobs: Sequence[Job], done: Callable[[int], None]) -> list[Any]:
        """Results in the order of the jobs; `done` is told how many are ready."""


@dataclass(frozen=True)
class Serial:
    """Runs jobs one by one in this process."""

    def run(self, jobs: Sequence[Job], done: Callable[[int], None]) -> list[Any]:
        """Results in the order of the jobs; `done` is told how many are ready."""
        results = []
        for job in jobs:
            results.append(run_job(job))
            done(len(results))
        return results


@dataclass(frozen=True)
class TiledNumbers:
    """Counts over all tiles.

    decided : depressions kept, filled and carved
    outlets : at the edge, beside a gap, kept sinks
    border_basins : basins that more than one tile had to know of; rounds : of level ground that crosses tiles
    """

    valid_cells: int
    raised_cells: int
    lowered_cells: int
    highest_raise: float
    deepest_cut: float
    outlets: tuple[int, int, int]
    largest_upstream: int
    decided: tuple[int, int, int]
    border_basins: int
    rounds: int


def drain_tiles(
    source: Elevations,
    layout: Layout,
    scratch: Scratch,
    writer: Writer,
    *,
    executor: Executor,
    rules: Rules,
    kept_sinks: IntArray | None = None,
    progress: Progress | None = None,
) -> TiledNumbers:
    """Give every cell of a raster that need not fit into memory the one cell it drains to.

    The results are those of `sim.terrain.basins.drain`, cell for cell.

    Parameters
    ----------
    source : Elevations
    layout : Layout
    scratch : Scratch, where tasks keep arrays; all workers must see it
    writer : Writer of the results
    executor : Serial or `sim.pipeline.tiled_cluster.Cluster`
    rules : Rules; those that keep depressions or need sizes or places are refused
    kept_sinks : (s,) int64, flat cells in which flow ends
    progress : called with step and share done

    Raises
    ------
    ScenarioError
        LS-209 for rules that cannot be followed tile by tile.
    DataError
        LS-304 if no cell is valid; those of `source`, `writer` and `executor`.

    References
    ----------
    Barnes 2016, doi 10.1016/j.cageo.2016.07.001.

    Examples
    --------
    >>> import tempfile
    >>> from sim.io.tile_store import ArrayElevations, TileFiles
    >>> slope = ArrayElevations(np.array([[9, 9, 9, 9], [9, 4, 3, 2], [9, 9, 9, 9]], dtype=np.float32))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = TileFiles(Scratch(folder))
    ...     numbers = drain_tiles(
    ...         slope, Layout(3, 4, 2), files.scratch, files, executor=Serial(), rules=Rules.of("auto")
    ...     )
    ...     files.read(Layout(3, 4, 2).tile(0))["direction"].tolist()
    [[1, 2], [0, 0]]
    """
    why = tile_lakes.supported(rules)
    if why:
        raise ScenarioError(
            209,
            "terrain in tiles",
            got=why,
            expected="Depressions are filled or carved by their depth alone when a terrain is worked on in tiles",
            remedy="Run it in memory, or without such rules",
        )
    return _Run(source, layout, scratch, writer, executor, rules, progress or (lambda _step, _share: None)).all(
        np.unique(np.asarray([] if kept_sinks is None else kept_sinks, dtype=np.int64))
    )


class _Run:
    """One run: the steps in order."""

    def __init__(
        self,
        source: Elevations,
        layout: Layout,
        scratch: Scratch,
        writer: Writer,
        executor: Executor,
        rules: Rules,
        progress: Progress,
    ) -> None:
        self.layout, self.scratch, self.writer = layout, scratch, writer
        self.executor, self.rules, self.progress = executor, rules, progress
        self.place = Place(source, scratch)
        self.rounds = 0

    def all(self, kept: IntArray) -> TiledNumbers:
        """Every step; nothing but summaries of borders is held here."""
        first = self.over_all("directions", "directions", lambda _: (kept,))
        if not any(valid for _, valid in first):
            raise self._nothing_valid()
        flats = [flat for flat, _ in first]
        joined = tile_flats.join_flats(flats)
        around = _Around(self.layout, flats, joined)
        sourced = [t for t, f in enumerate(flats) if f.sourced.any()]
        rims = self.level_ground("level ground", "open", around, sourced, lambda _: ())
        borders = self.over_all("basins", "basins", lambda t: (rims[t],))
        self.progress("forest", 0.0)
        solution = tile_graph.solve(self.layout, borders, joined)
        del borders
        self.progress("forest", 1.0)
        shares = self.over_all(
            "depressions",
            "lakes",
            lambda t: (
                solution.level[solution.basin[t]],
                solution.lake[solution.basin[t]],
                solution.segments[t],
            ),
        )
        low, lowest = tile_lakes.merge_shares(shares, solution.lake, solution.pit_level, solution.pit)
        table, spilling = tile_graph.depressions(solution, lowest, low)
        decision, _ = self.rules.decide(table, keep=True, cell_area=0.0, lake_of=np.zeros(0, dtype=np.int64))
        floor, filled = tile_graph.floors(solution, spilling, decision)
        entry = np.concatenate([share.entry for share in shares])
        starts = [entry[i] for i in grouped(self.layout.tile_of(entry), self.layout.count)]
        rims = self.level_ground(
            STEPS[5], "closed", around, [t for t, cells in enumerate(starts) if cells.size], lambda t: (starts[t],)
        )
        found = self.over_all(
            "paths",
            "flow",
            lambda t: (
                tuple(values[solution.basin[t]] for values in (solution.level, filled, floor)),
                solution.segments[t],
                starts[t],
                rims[t],
                self.rules,
            ),
        )
        self.drop("directions", "flats", "closed", "basins")
        self.progress("flow between tiles", 0.0)
        inflow = tile_flow.join_flow(self.layout, [flow for flow, _ in found])
        decided = np.bincount(decision, minlength=3) + np.sum([counts for _, counts in found], axis=0)
        basins = solution.edge.size - 1
        del found
        self.progress("flow between tiles", 1.0)
        numbers: list[TileNumbers] = self.over_all("results", "finish", lambda t: (inflow[t], self.writer))
        self.drop("final", "ground")
        return _sum(numbers, (int(decided[0]), int(decided[1]), int(decided[2])), basins, self.rounds)

    def over_all(self, step: str, task: str, more: Callable[[int], tuple[Any, ...]]) -> list[Any]:
        """Results of a task for every tile."""
        return self.over(step, task, range(self.layout.count), more)

    def over(self, step: str, task: str, tiles: Sequence[int], more: Callable[[int], tuple[Any, ...]]) -> list[Any]:
        """Results of a task for some tiles."""
        self.progress(step, 0.0)
        jobs = [Job(task, self.place, self.layout.tile(t), more(t)) for t in tiles]
        results = self.executor.run(jobs, lambda done: self.progress(step, done / max(len(jobs), 1)))
        for result in results:
            if isinstance(result, Failed):
                raise result.error()
        return results

    def level_ground(
        self,
        step: str,
        task: str,
        around: _Around,
        active: Sequence[int],
        more: Callable[[int], tuple[Any, ...]],
    ) -> list[IntArray]:
        """Ask tiles for the distances at their borders until none becomes shorter; the distances in all rims."""
        self.progress(step, 0.0)
        known = np.full(around.cells, tile_flats.FAR, dtype=np.int64)
        while active:
            self.rounds += 1
            tiles = list(active)
            found = self.over(step, task, tiles, lambda t: (*more(t), known[around.rim[t]]))
            changed = np.zeros(known.size, dtype=np.bool_)
            for t, values in zip(tiles, found, strict=True):
                changed[around.own[t]] = values != known[around.own[t]]
                known[around.own[t]] = values
            active = [t for t, rim in enumerate(around.rim) if changed[rim].any()]
        self.progress(step, 1.0)
        return [known[rim] for rim in around.rim]

    def drop(self, *steps: str) -> None:
        """Remove arrays no later step needs; only once all tasks that read them are done."""
        for step in steps:
            for t in range(self.layout.count):
                self.scratch.drop(f"{step}-{t}")

    def _nothing_valid(self) -> DataError:
        return DataError(
            304,
            "terrain in tiles",
            got=f"{self.layout.rows} x {self.layout.columns} cells, none valid",
            expected="At least one cell must hold an elevation",
            remedy="Check the nodata value of the raster",
        )


class _Around:
    """Places of each tile's own border cells on level ground, and of those around it, in the list of all."""

    def __init__(self, layout: Layout, flats: list[Flats], joined: JoinedFlats) -> None:
        self.cells = joined.cell.size
        self.own = [place_of(joined.cell, f.cell) for f in flats]
        self.rim = [place_of(joined.cell, f.rim) for f in flats]
        assert len(self.own) == layout.count


def _sum(tiles: list[TileNumbers], decided: tuple[int, int, int], border_basins: int, rounds: int) -> TiledNumbers:
    outlets = np.sum([t.outlets for t in tiles], axis=0)
    return TiledNumbers(
        valid_cells=sum(t.valid_cells for t in tiles),
        raised_cells=sum(t.raised_cells for t in tiles),
        lowered_cells=sum(t.lowered_cells for t in tiles),
        highest_raise=max(t.highest_raise for t in tiles),
        deepest_cut=max(t.deepest_cut for t in tiles),
        outlets=(int(outlets[0]), int(outlets[1]), int(outlets[2])),
        largest_upstream=max(t.largest_upstream for t in tiles),
        decided=decided,
        border_basins=border_basins,
        rounds=rounds,
    )

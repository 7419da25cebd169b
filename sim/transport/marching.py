"""Marching: carries blocks of columns through the segments of a run and keeps the ledger."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from sim.arrays import FloatArray
from sim.transport import _kernels_limited
from sim.transport._kernels_linear import BACKFLOW, LINES, STORED
from sim.transport._kernels_mesh import JUNCTION
from sim.transport._kernels_sums import sum_rows
from sim.transport.assembly import Setup, stage
from sim.transport.blocks import (
    Block,
    Points,
    Scheme,
    arguments,
    beta_of,
    entry_rates,
    factor,
    held,
    limited_rows,
    march,
    no_solution,
    part,
    settle,
    spread,
)
from sim.transport.inputs import Initial
from sim.transport.mesh import point_weights
from sim.transport.schedule import Segment
from sim.transport.solution import RUN_TOLERANCE, STEP_TOLERANCE, Checkpoint, Ledger, Solution

#: columns of one block: a cache line of float64
_BLOCK = 8
_T = TypeVar("_T")


@dataclass
class _Books:
    """What the ledger is made of."""

    marks: list[float]
    stocks: list[FloatArray]
    flows: list[FloatArray]
    tolerance: list[float]


@dataclass
class _Record:
    """How far a run is and what it has found."""

    done: int
    blocks: list[Block]
    books: _Books
    clock: list[FloatArray]
    series: list[FloatArray]
    kept: list[tuple[float, FloatArray, FloatArray]]


class Run:
    """One run: coefficients of the present period, and the blocks of columns that march through it.

    Parameters
    ----------
    setup : Setup
    scheme : "monotone", "second-order" or "upwind"
    points : (reach, distance) to follow
    threads : blocks side by side
    """

    def __init__(self, setup: Setup, scheme: Scheme, points: list[tuple[int, float]], threads: int) -> None:
        self.setup, self.scheme, self.places, self.threads = setup, scheme, points, threads
        self.period = -1
        size = min(_BLOCK, -(-setup.columns // threads))
        self.slices = [slice(a, min(a + size, setup.columns)) for a in range(0, setup.columns, size)]
        self.enter(0)

    def march(
        self,
        plan: list[Segment],
        wanted: FloatArray,
        initial: object,
        resume: Checkpoint | None = None,
        checkpoint: Callable[[Checkpoint], None] | None = None,
    ) -> Solution:
        """Run all segments.

        Parameters
        ----------
        plan : segments in order
        wanted : (f,) s, times at which to keep the whole state
        initial : "clean", "steady" or Initial
        resume : where to go on; the plan must be the one of the interrupted run
        checkpoint : called after every segment
        """
        record = self._begin(plan, wanted, initial) if resume is None else self._resumed(plan, resume)
        blocks = record.blocks
        for segment in plan[record.done :]:
            self.enter(segment.period)
            results = self._each(partial(self._advance, segment=segment), blocks)
            record.clock.append(segment.end)
            record.series.append(np.concatenate([points for points, _ in results], axis=2))
            self._book(segment, np.concatenate([sums for _, sums in results], axis=2), blocks, record.books)
            if segment.keep:
                record.kept.append((record.books.marks[-1], *self._fields(blocks, self.passed(segment)[-1])))
            record.done += 1
            if checkpoint is not None:
                checkpoint(self._checkpoint(record))
        ledger = _ledger(record.books)
        ledger.check(self.setup.inputs.substances, np.array(record.books.tolerance))
        channel, stores = self._fields(blocks, self.passed(plan[-1])[-1])
        times, fields, field_stores = self._kept(record)
        return Solution(
            substances=self.setup.inputs.substances,
            mesh=self.setup.mesh,
            time=np.concatenate(record.clock),
            points=np.concatenate(record.series),
            field_times=times,
            channel=fields,
            stores=field_stores,
            final_channel=channel,
            final_stores=stores,
            ledger=ledger,
        )

    def _begin(self, plan: list[Segment], wanted: FloatArray, initial: object) -> _Record:
        """Records at the start of a run."""
        self.enter(plan[0].period)
        blocks = self.start(initial)
        begin = float(plan[0].begin[0])
        books = _Books([begin], [self._stock(blocks, 0.0)], [], [])
        kept = [(begin, *self._fields(blocks, 0.0))] if np.any(wanted == begin) else []
        return _Record(0, blocks, books, [plan[0].begin[:1]], [self._points_now(blocks)], kept)

    def _kept(self, record: _Record) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(f,), (f, N, s), (f, k, N, s) whole states kept."""
        count, n, s = len(record.kept), self.setup.mesh.size, self.setup.columns
        return (
            np.array([t for t, _, _ in record.kept]),
            np.array([c for _, c, _ in record.kept]).reshape(count, n, s),
            np.array([x for _, _, x in record.kept]).reshape(count, len(self.stage.store_volume), n, s),
        )

    def _checkpoint(self, record: _Record) -> Checkpoint:
        """The record as arrays."""
        books, lines = record.books, STORED + 1
        return Checkpoint(
            np.array(record.done, dtype=np.int64),
            np.concatenate([block.c for block in record.blocks], axis=1),
            np.concatenate([block.s for block in record.blocks], axis=2),
            np.concatenate(record.clock),
            np.concatenate(record.series),
            np.array(books.marks),
            np.array(books.stocks),
            np.array(books.flows).reshape(len(books.flows), lines, self.setup.columns),
            np.array(books.tolerance),
            *self._kept(record),
        )

    def _resumed(self, plan: list[Segment], resume: Checkpoint) -> _Record:
        """Records at a checkpoint."""
        done = int(resume.done)
        fits = 0 < done <= len(plan) and float(resume.time[-1]) == float(plan[done - 1].end[-1])
        shape = (self.setup.mesh.size + 1, self.setup.columns)
        if not fits or resume.channel.shape != shape or resume.points.shape[1] != len(self.places):
            raise ValueError(
                "the checkpoint belongs to another run (network, substances, points, times or steps differ)"
            )
        self.enter(plan[done - 1].period)
        # copies, for the kernels write into them
        blocks = [
            Block(part, np.array(resume.channel[:, part], order="C"), np.array(resume.stores[:, :, part], order="C"))
            for part in self.slices
        ]
        books = _Books(resume.marks.tolist(), list(resume.stocks), list(resume.flows), resume.tolerance.tolist())
        kept = [
            (float(t), c, x) for t, c, x in zip(resume.field_times, resume.fields, resume.field_stores, strict=True)
        ]
        return _Record(done, blocks, books, [resume.time], [resume.points], kept)

    def _each(self, task: Callable[[Block], _T], blocks: list[Block]) -> list[_T]:
        """The task on every block, side by side; the kernels release the interpreter."""
        if self.threads == 1 or len(blocks) == 1:
            return [task(block) for block in blocks]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(task, blocks))

    def enter(self, period: int) -> None:
        """Coefficients and points of a period."""
        if period == self.period:
            return
        self.period = period
        self.stage = stage(self.setup, period)
        mixed = self.scheme == "upwind"
        mesh, faces = self.setup.mesh, self.stage.faces
        found = [point_weights(mesh, faces, node, x, mixed=mixed) for node, x in self.places]
        self.points = Points(
            np.cumsum([0, *(len(weights) for weights in found)]).astype(np.int64),
            np.array([row for weights in found for row, _ in weights], dtype=np.int64),
            np.array([share for weights in found for _, share in weights], dtype=np.float64),
        )

    def passed(self, segment: Segment) -> FloatArray:
        """(steps + 1,) share of the period that has passed at the ends of the steps."""
        begin, end = self.setup.water.time_edges[segment.period : segment.period + 2]
        return np.asarray((np.concatenate((segment.begin[:1], segment.end)) - begin) / (end - begin))

    def start(self, initial: object) -> list[Block]:
        """The state to start from: "clean", "steady" or Initial."""
        n, k, s = self.setup.mesh.size, len(self.stage.store_volume), self.setup.columns
        blocks = []
        for columns in self.slices:
            m = columns.stop - columns.start
            blocks.append(Block(columns, np.zeros((n + 1, m)), np.zeros((k, n, m))))
        if isinstance(initial, Initial):
            channel = np.broadcast_to(np.asarray(initial.channel, np.float64), (n, s))
            given = channel if initial.stores is None else initial.stores
            stores = np.broadcast_to(np.asarray(given, np.float64), (k, n, s))
            if not (np.all(np.isfinite(channel)) and np.all(np.isfinite(stores))):
                raise ValueError("the initial state must be finite")
            for block in blocks:
                block.c[:n] = channel[:, block.columns]
                block.s[:] = stores[:, :, block.columns]
        elif initial == "steady":
            for block in blocks:
                settle(self.setup, self.stage, self.scheme, block)
        elif initial != "clean":
            raise ValueError('initial must be "clean", "steady" or an Initial')
        if self.scheme != "monotone":
            empty = self.setup.mesh.kind == JUNCTION
            for block in blocks:
                block.c[:n] *= held(self.stage, block, 0.0)
                block.c[:n][empty] = 0.0
                block.s *= part(self.stage.store_volume, block)
        return blocks

    def _advance(self, block: Block, segment: Segment) -> tuple[FloatArray, FloatArray]:
        """March one block through a segment; its points (steps, p, m) and sums (steps, LINES, m)."""
        if self.scheme == "monotone":
            return self._advance_limited(block, segment)
        now, mesh, passed = self.stage, self.setup.mesh, self.passed(segment)
        beta = beta_of(now, self.scheme)
        if np.array_equal(now.volume_before, now.volume_after):
            theta = 1.0 if self.scheme == "upwind" else 0.5
            factors, gain = factor(mesh, now, block, beta, 0.0, 0.0, 1.0 / segment.step, theta)
            what = arguments(self.setup, now, block, segment, self.points, gain)
            return march(factors, what, held(now, block, 0.0), block)
        found = []
        for i in range(len(segment.begin)):
            one = slice(i, i + 1)
            single = replace(segment, begin=segment.begin[one], end=segment.end[one], weight=segment.weight[one])
            per_step, theta = 1.0 / float(single.end[0] - single.begin[0]), 1.0 / float(single.weight[0])
            factors, gain = factor(mesh, now, block, beta, passed[i], passed[i + 1], per_step, theta)
            what = arguments(self.setup, now, block, single, self.points, gain)
            found.append(march(factors, what, held(now, block, passed[i + 1]), block))
        return np.concatenate([points for points, _ in found]), np.concatenate([sums for _, sums in found])

    def _advance_limited(self, block: Block, segment: Segment) -> tuple[FloatArray, FloatArray]:
        now, m = self.stage, block.width
        what = arguments(self.setup, now, block, segment, self.points, np.empty((0, self.setup.mesh.size + 1, m)))
        what = what._replace(
            decay=spread(what.decay, m), gas=spread(what.gas, m), store_loss=spread(what.store_loss, m)
        )
        steps = len(segment.begin)
        points, sums = np.empty((steps, len(self.places), m)), np.empty((steps, LINES, 2, m))
        rows = limited_rows(self.setup.mesh, now, block)
        fault = _kernels_limited.march_limited(rows, what, self.passed(segment), block.c, block.s, points, sums)
        if fault:
            raise no_solution(f"diversions at {segment.begin[fault - 1]:g} s")
        return points, sums.sum(axis=2)

    def _fields(self, blocks: list[Block], passed: float) -> tuple[FloatArray, FloatArray]:
        """(N, s) and (k, N, s) kg/m3 of all blocks side by side; at junctions the value that rules there."""
        channels, stores = [], []
        for block in blocks:
            c, s = block.c[:-1].copy(), block.s.copy()
            if self.scheme != "monotone":
                c /= held(self.stage, block, passed)
                volume = part(self.stage.store_volume, block)
                s /= np.where(volume > 0.0, volume, 1.0)
            channels.append(c)
            stores.append(s)
        channel = np.concatenate(channels, axis=1)
        mesh, faces = self.setup.mesh, self.stage.faces
        into = np.append(mesh.kind == JUNCTION, False)[mesh.down]
        held_up = (faces.upwind + faces.discharge)[:, None]
        below = np.flatnonzero(mesh.kind == JUNCTION)
        total, weighted = np.zeros((mesh.size, 1)), np.zeros_like(channel)
        np.add.at(total, mesh.down[into], held_up[into])
        np.add.at(weighted, mesh.down[into], held_up[into] * channel[into])
        down = faces.upwind[below, None]
        channel[below] = (weighted[below] + down * channel[mesh.down[below]]) / (total[below] + down)
        return channel, np.concatenate(stores, axis=2)

    def _points_now(self, blocks: list[Block]) -> FloatArray:
        """(1, p, s) kg/m3 at the start of the run."""
        channel, _ = self._fields(blocks, 0.0)
        found = np.empty((1, len(self.places), self.setup.columns))
        for p in range(len(self.places)):
            chosen = slice(self.points.start[p], self.points.start[p + 1])
            found[0, p] = (self.points.share[chosen, None] * channel[self.points.row[chosen]]).sum(axis=0)
        return found

    def _stock(self, blocks: list[Block], passed: float) -> FloatArray:
        """(4, s) kg in the water, sorbed, in the storage zone and on the bed that sorbs with a rate."""
        found = np.zeros((4, self.setup.columns))
        now = self.stage
        for block in blocks:
            whole, sorbed = held(now, block, passed), part(now.sorbed, block)
            mass, stores = block.c[:-1], block.s
            if self.scheme == "monotone":
                mass = np.where(self.setup.mesh.kind[:, None] == JUNCTION, 0.0, mass * whole)
                stores = stores * part(now.store_volume, block)
            on_bed = mass * (sorbed / whole)
            sums = np.zeros((4, 2, block.width))
            for line, values in enumerate((mass - on_bed, on_bed, *stores)):
                sum_rows(np.ascontiguousarray(values), line, sums)
            found[:, block.columns] = sums.sum(axis=1)
        return found

    def _book(self, segment: Segment, sums: FloatArray, blocks: list[Block], books: _Books) -> None:
        """Write the ledger of a segment: step by step where the kernel summed what is stored, else as one interval."""
        duration = (segment.end - segment.begin)[:, None]
        _, rates = entry_rates(self.setup, self.stage, segment)
        entered = (rates.sum(axis=1) + self.stage.source.sum(axis=0)) * duration - sums[:, BACKFLOW]
        flows = np.concatenate((entered[:, None], sums[:, :STORED]), axis=1)
        if self.scheme == "monotone":
            books.marks += segment.end.tolist()
            books.flows += list(flows)
            books.stocks += list(sums[:, STORED:])
            books.tolerance += [STEP_TOLERANCE] * len(flows)
            return
        books.marks.append(float(segment.end[-1]))
        books.flows.append(flows.sum(axis=0))
        books.stocks.append(self._stock(blocks, self.passed(segment)[-1]))
        books.tolerance.append(STEP_TOLERANCE if len(flows) == 1 else RUN_TOLERANCE)


def _ledger(books: _Books) -> Ledger:
    """Lines by name; flows come as entered, then the kernel's lines in their order."""
    flows, stocks = np.array(books.flows), np.array(books.stocks)
    return Ledger(
        time=np.array(books.marks), entered=flows[:, 0], out=flows[:, 1], abstracted=flows[:, 2],
        diverted=flows[:, 4], decayed=flows[:, 5], volatilised=flows[:, 6], decayed_in_storage=flows[:, 7],
        in_channel=stocks[:, 0], sorbed=stocks[:, 1], in_storage=stocks[:, 2], in_bed=stocks[:, 3],
    )  # fmt: skip

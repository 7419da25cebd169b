"""Marching: carries blocks of columns through the segments of a run and keeps the ledger."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from sim.arrays import FloatArray
from sim.errors import BalanceError
from sim.transport import _kernels_limited, _kernels_linear, _kernels_march
from sim.transport._kernels_linear import BACKFLOW, LINES, STORED
from sim.transport._kernels_march import Factors, March
from sim.transport.assembly import Setup, Stage, stage
from sim.transport.inputs import Initial
from sim.transport.mesh import JUNCTION, point_weights
from sim.transport.schedule import Segment
from sim.transport.solution import RUN_TOLERANCE, STEP_TOLERANCE, Ledger, Solution

Scheme = Literal["monotone", "second-order", "upwind"]
SCHEMES: tuple[Scheme, ...] = ("monotone", "second-order", "upwind")
#: columns of one block: a cache line of float64
_BLOCK = 8
_T = TypeVar("_T")


@dataclass
class Block:
    """State of one block of columns: (N + 1, m) and (k, N, m) kg/m3."""

    columns: slice
    c: FloatArray
    s: FloatArray


@dataclass
class _Books:
    """What the ledger is made of."""

    marks: list[float]
    stocks: list[FloatArray]
    flows: list[FloatArray]
    tolerance: list[float]


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
        self.setup, self.scheme, self.points, self.threads = setup, scheme, points, threads
        self.period = -1
        size = min(_BLOCK, -(-setup.columns // threads))
        self.slices = [slice(a, min(a + size, setup.columns)) for a in range(0, setup.columns, size)]
        self._enter(0)

    def march(self, plan: list[Segment], wanted: FloatArray, initial: object) -> Solution:
        """Run all segments.

        Parameters
        ----------
        plan : segments in order
        wanted : (f,) s, times at which to keep the whole state
        initial : "clean", "steady" or Initial
        """
        blocks = self._start(initial)
        begin = float(plan[0].begin[0])
        books = _Books([begin], [self._stock(blocks)], [], [])
        clock, series = [plan[0].begin[:1]], [self._points_now(blocks)]
        kept = [(begin, *gathered(blocks))] if np.any(wanted == begin) else []
        for segment in plan:
            self._enter(segment.period)
            results = self._each(lambda block, now=segment: self._advance(block, now), blocks)
            clock.append(segment.end)
            series.append(np.concatenate([points for points, _ in results], axis=2))
            self._book(segment, np.concatenate([sums for _, sums in results], axis=2), blocks, books)
            if segment.keep:
                kept.append((books.marks[-1], *gathered(blocks)))
        ledger = _ledger(books)
        ledger.check(self.setup.inputs.substances, np.array(books.tolerance))
        channel, stores = gathered(blocks)
        return Solution(
            substances=self.setup.inputs.substances,
            mesh=self.setup.mesh,
            time=np.concatenate(clock),
            points=np.concatenate(series),
            field_times=np.array([t for t, _, _ in kept]),
            channel=np.array([c for _, c, _ in kept]).reshape(len(kept), *channel.shape),
            stores=np.array([s for _, _, s in kept]).reshape(len(kept), *stores.shape),
            final_channel=channel,
            final_stores=stores,
            ledger=ledger,
        )

    def _each(self, task: Callable[[Block], _T], blocks: list[Block]) -> list[_T]:
        """The task on every block, side by side; the kernels release the interpreter."""
        if self.threads == 1 or len(blocks) == 1:
            return [task(block) for block in blocks]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(task, blocks))

    def _enter(self, period: int) -> None:
        """Coefficients and points of a period."""
        if period == self.period:
            return
        self.period = period
        self.stage = stage(self.setup, period)
        found = [point_weights(self.setup.mesh, self.stage.faces, node, x) for node, x in self.points]
        self.point_start = np.cumsum([0, *(len(weights) for weights in found)]).astype(np.int64)
        self.point_row = np.array([row for weights in found for row, _ in weights], dtype=np.int64)
        self.point_share = np.array([share for weights in found for _, share in weights], dtype=np.float64)

    def _start(self, initial: object) -> list[Block]:
        """The state to start from."""
        n, k = self.setup.mesh.size, len(self.stage.store_volume)
        blocks = []
        for part in self.slices:
            m = part.stop - part.start
            blocks.append(Block(part, np.zeros((n + 1, m)), np.zeros((k, n, m))))
        if isinstance(initial, Initial):
            channel = np.broadcast_to(np.asarray(initial.channel, np.float64), (n, self.setup.columns))
            given = channel if initial.stores is None else initial.stores
            stores = np.broadcast_to(np.asarray(given, np.float64), (k, n, self.setup.columns))
            if not (np.all(np.isfinite(channel)) and np.all(np.isfinite(stores))):
                raise ValueError("the initial state must be finite")
            for block in blocks:
                block.c[:n] = channel[:, block.columns]
                block.s[:] = stores[:, :, block.columns]
        elif initial == "steady":
            for block in blocks:
                self._settle(block)
        elif initial != "clean":
            raise ValueError('initial must be "clean", "steady" or an Initial')
        return blocks

    def _settle(self, block: Block) -> None:
        """Steady state of what enters first."""
        now = self.stage
        beta = {
            "monotone": np.maximum(now.faces.central, 0.0),
            "second-order": now.faces.central,
            "upwind": now.faces.upwind,
        }[self.scheme]
        begin = self.setup.water.time_edges[:1]
        still = Segment(self.period, np.inf, begin, begin, np.ones(1), False)
        factors, gain = self.factor(block, beta, now.volume_after, now.volume_after, 0.0, 1.0)
        arguments = self._arguments(block, still, gain)
        _march(factors, arguments._replace(duration=np.zeros(1)), block)

    def factor(
        self,
        block: Block,
        beta: FloatArray,
        before: FloatArray,
        after: FloatArray,
        per_step: float,
        theta: float,
    ) -> tuple[Factors, FloatArray]:
        """Factor a step's matrix for a block of columns; with it the gain of the links.

        Parameters
        ----------
        block : Block
        beta : (N,) m3/s
        before, after : (N,) m3
        per_step : 1/s
        theta : 1/2 or 1
        """
        now, n, k = self.stage, self.setup.mesh.size, len(self.stage.store_volume)
        loss = _part(now.decay + now.gas, block)
        m = loss.shape[1]
        inverse, carry, lower, upper = (np.empty((n, m)) for _ in range(4))
        store_carry, keep, take = (np.empty((k, n, m)) for _ in range(3))
        _kernels_linear.prepare(
            self.setup.mesh.down, beta, now.faces.discharge, now.fixed, before, after, _part(now.sorbed, block), loss,
            _part(now.store_volume, block), _part(now.store_exchange, block), _part(now.store_loss, block), per_step,
            theta, inverse, carry, lower, upper, store_carry, keep, take,
        )  # fmt: skip
        gain = np.empty((len(now.link_from), n + 1, m))
        if len(now.link_from) and _kernels_linear.link_gain(
            self.setup.mesh.down, inverse, lower, upper, now.link_from, now.link_to, now.link_discharge, gain
        ):
            raise BalanceError(
                401, "diversions", expected="The step with its diversions must have one solution",
                remedy="Take a shorter step, or divert less water",
            )  # fmt: skip
        return Factors(self.setup.mesh.down, inverse, carry, lower, upper, store_carry, keep, take), gain

    def _arguments(self, block: Block, segment: Segment, gain: FloatArray) -> March:
        """What happens to a block during a segment."""
        now = self.stage
        rows, rates = self._entry_rates(segment)
        return March(
            weight=segment.weight,
            duration=segment.end - segment.begin,
            source=_part(now.source, block),
            entry_row=rows,
            entry_rate=_part(rates, block),
            tap_row=now.tap_row,
            tap_flow=now.tap_flow,
            tap_line=now.tap_line,
            point_start=self.point_start,
            point_row=self.point_row,
            point_share=self.point_share,
            link_from=now.link_from,
            link_discharge=now.link_discharge,
            gain=gain,
            decay=_any(now.decay, block),
            gas=_any(now.gas, block),
            store_decay=_any(now.store_loss, block),
        )

    def _entry_rates(self, segment: Segment) -> tuple[np.ndarray, FloatArray]:
        """Rows that series enter, and (steps, e, s) kg/s."""
        rows, rates = [np.empty(0, dtype=np.int64)], [np.empty((len(segment.begin), 0, self.setup.columns))]
        for series, row, factor in self.stage.entries:
            mean = series.mean(segment.begin, segment.end)
            rows.append(row)
            rates.append(mean[:, None, :] * factor[None, :, None])
        return np.concatenate(rows), np.concatenate(rates, axis=1)

    def _advance(self, block: Block, segment: Segment) -> tuple[FloatArray, FloatArray]:
        """March one block through a segment; its points (steps, p, m) and sums (steps, LINES, m)."""
        now, water = self.stage, self.setup.water
        steps, m, n = len(segment.begin), block.c.shape[1], self.setup.mesh.size
        edges = water.time_edges[segment.period : segment.period + 2]
        part = (np.concatenate((segment.begin[:1], segment.end)) - edges[0]) / (edges[1] - edges[0])
        if self.scheme == "monotone":
            arguments = self._arguments(block, segment, np.empty((0, n + 1, m)))
            wide = Block(block.columns, block.c, block.s)
            rows = _rows(self.setup, now, wide)
            arguments = arguments._replace(
                decay=_spread(arguments.decay, m), gas=_spread(arguments.gas, m),
                store_decay=_spread(arguments.store_decay, m),
            )  # fmt: skip
            points, sums = np.empty((steps, len(self.points), m)), np.empty((steps, LINES, 2, m))
            fault = _kernels_limited.march_limited(rows, arguments, part, block.c, block.s, points, sums)
            if fault:
                raise BalanceError(
                    401, f"diversions at {segment.begin[fault - 1]:g} s",
                    expected="The step with its diversions must have one solution",
                    remedy="Take a shorter step, or divert less water",
                )  # fmt: skip
            return points, sums.sum(axis=2)
        beta = now.faces.upwind if self.scheme == "upwind" else now.faces.central
        if np.array_equal(now.volume_before, now.volume_after):
            theta = 1.0 if self.scheme == "upwind" else 0.5
            factors, gain = self.factor(block, beta, now.volume_before, now.volume_after, 1.0 / segment.step, theta)
            return _march(factors, self._arguments(block, segment, gain), block)
        found = []
        widening = now.volume_after - now.volume_before
        for i in range(steps):
            one = slice(i, i + 1)
            single = Segment(segment.period, segment.step, segment.begin[one], segment.end[one], segment.weight[one], False)
            before, after = (now.volume_before + f * widening for f in (part[i], part[i + 1]))
            per_step = 1.0 / float(segment.end[i] - segment.begin[i])
            factors, gain = self.factor(block, beta, before, after, per_step, 1.0 / float(segment.weight[i]))
            found.append(_march(factors, self._arguments(block, single, gain), block))
        return np.concatenate([p for p, _ in found]), np.concatenate([s for _, s in found])

    def _points_now(self, blocks: list[Block]) -> FloatArray:
        """(1, p, s) kg/m3 of the present state."""
        found = np.empty((1, len(self.points), self.setup.columns))
        for block in blocks:
            for p in range(len(self.points)):
                chosen = slice(self.point_start[p], self.point_start[p + 1])
                values = self.point_share[chosen, None] * block.c[self.point_row[chosen]]
                found[0, p, block.columns] = values.sum(axis=0)
        return found

    def _stock(self, blocks: list[Block], volume: FloatArray | None = None) -> FloatArray:
        """(4, s) kg in the water, sorbed, and in the stores (storage zone, bed)."""
        now = self.stage
        held = np.zeros((4, self.setup.columns))
        water = np.ascontiguousarray((now.volume_before if volume is None else volume)[:, None])
        for block in blocks:
            sums = np.zeros((LINES, 2, block.c.shape[1]))
            volumes = _part(now.store_volume, block)
            _kernels_march.sum_stored(water, _part(now.sorbed, block), volumes, block.c, block.s, sums)
            held[:, block.columns] = sums.sum(axis=1)[STORED : STORED + 4]
        return held

    def _book(self, segment: Segment, sums: FloatArray, blocks: list[Block], books: _Books) -> None:
        """Write the ledger of a segment: step by step where the kernel summed what is stored, else as one interval."""
        duration = (segment.end - segment.begin)[:, None]
        _, rates = self._entry_rates(segment)
        entered = (rates.sum(axis=1) + self.stage.source.sum(axis=0)) * duration - sums[:, BACKFLOW]
        flows = np.concatenate((entered[:, None], sums[:, :STORED]), axis=1)
        if self.scheme == "monotone":
            books.marks += segment.end.tolist()
            books.flows += list(flows)
            books.stocks += list(sums[:, STORED:])
            books.tolerance += [STEP_TOLERANCE] * len(flows)
            return
        edges = self.setup.water.time_edges[segment.period : segment.period + 2]
        passed = (float(segment.end[-1]) - edges[0]) / (edges[1] - edges[0])
        now = self.stage
        books.marks.append(float(segment.end[-1]))
        books.flows.append(flows.sum(axis=0))
        books.stocks.append(self._stock(blocks, now.volume_before + passed * (now.volume_after - now.volume_before)))
        books.tolerance.append(STEP_TOLERANCE if len(flows) == 1 else RUN_TOLERANCE)


def gathered(blocks: list[Block]) -> tuple[FloatArray, FloatArray]:
    """(N, s) and (k, N, s) of all blocks side by side."""
    channel = np.concatenate([block.c[:-1] for block in blocks], axis=1)
    return channel, np.concatenate([block.s for block in blocks], axis=2)


def _march(factors: Factors, arguments: March, block: Block) -> tuple[FloatArray, FloatArray]:
    """Run the kernel that fits."""
    steps, m = len(arguments.weight), block.c.shape[1]
    points, sums = np.empty((steps, len(arguments.point_start) - 1, m)), np.empty((steps, LINES, 2, m))
    simple = m == 1 and len(block.s) < 2 and not len(arguments.link_from) and not len(arguments.store_decay)
    kernel = _kernels_march.march_one if simple else _kernels_march.march
    kernel(factors, arguments, block.c, block.s, points, sums)
    return points, sums.sum(axis=2)


def _part(values: FloatArray, block: Block) -> FloatArray:
    """The block's columns of (..., s), or the one that all share."""
    return np.ascontiguousarray(values if values.shape[-1] == 1 else values[..., block.columns])


def _any(values: FloatArray, block: Block) -> FloatArray:
    """As `_part`; no rows where all are zero."""
    return _part(values if np.any(values != 0.0) else values[:0], block)


def _spread(values: FloatArray, m: int) -> FloatArray:
    """(..., 1 or m) -> (..., m)."""
    return np.ascontiguousarray(np.broadcast_to(values, (*values.shape[:-1], m)))


def _rows(setup: Setup, now: Stage, block: Block) -> _kernels_limited.Rows:
    """Arguments of the monotone kernel: every column has its own rates."""
    m = block.c.shape[1]
    spread = {
        name: _spread(_part(values, block), m)
        for name, values in (
            ("sorbed", now.sorbed), ("loss", now.decay + now.gas), ("store_volume", now.store_volume),
            ("store_exchange", now.store_exchange), ("store_loss", now.store_loss),
        )
    }  # fmt: skip
    return _kernels_limited.Rows(
        down=setup.mesh.down, target=setup.mesh.target, discharge=now.faces.discharge, upwind=now.faces.upwind,
        central=now.faces.central, fixed=now.fixed, leaving=now.leaving, volume_before=now.volume_before,
        volume_after=now.volume_after, link_from=now.link_from, link_to=now.link_to, link_target=now.link_target,
        link_discharge=now.link_discharge, **spread,
    )  # fmt: skip


def _ledger(books: _Books) -> Ledger:
    """Lines by name; flows come as entered, then the kernel's lines in their order."""
    flows, stocks = np.array(books.flows), np.array(books.stocks)
    return Ledger(
        time=np.array(books.marks), entered=flows[:, 0], out=flows[:, 1], abstracted=flows[:, 2],
        diverted=flows[:, 4], decayed=flows[:, 5], volatilised=flows[:, 6], decayed_in_storage=flows[:, 7],
        in_channel=stocks[:, 0], sorbed=stocks[:, 1], in_storage=stocks[:, 2], in_bed=stocks[:, 3],
    )  # fmt: skip

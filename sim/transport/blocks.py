"""Blocks of columns: coefficients and arguments of the kernels for the columns that march together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from sim.arrays import FloatArray, IntArray
from sim.errors import BalanceError
from sim.transport import _kernels_linear, _kernels_march
from sim.transport._kernels_linear import LINES
from sim.transport._kernels_mesh import JUNCTION
from sim.transport._kernels_records import Factors, March, Rows
from sim.transport._kernels_sums import add_links
from sim.transport.assembly import Setup, Stage
from sim.transport.mesh import Mesh
from sim.transport.schedule import Segment

Scheme = Literal["monotone", "second-order", "upwind"]
SCHEMES: tuple[Scheme, ...] = ("monotone", "second-order", "upwind")


@dataclass
class Block:
    """State of one block of columns: (N + 1, m) and (k, N, m), kg/m3 in the monotone scheme, kg in the linear ones."""

    columns: slice
    c: FloatArray
    s: FloatArray

    @property
    def width(self) -> int:
        """Number of columns."""
        return int(self.c.shape[1])


@dataclass(frozen=True)
class Points:
    """Points as weighted sums of rows: point p has entries ``start[p]:start[p + 1]``."""

    start: IntArray
    row: IntArray
    share: FloatArray


def part(values: FloatArray, block: Block) -> FloatArray:
    """The block's columns of (..., s), or the one that all share."""
    return np.ascontiguousarray(values if values.shape[-1] == 1 else values[..., block.columns])


def part_if_any(values: FloatArray, block: Block) -> FloatArray:
    """As `part`; without rows where all are zero."""
    return part(values if np.any(values != 0.0) else values[:0], block)


def spread(values: FloatArray, m: int) -> FloatArray:
    """(..., 1 or m) -> (..., m)."""
    return np.ascontiguousarray(np.broadcast_to(values, (*values.shape[:-1], m)))


def beta_of(now: Stage, scheme: Scheme) -> FloatArray:
    """(N,) m3/s face coefficient of a linear scheme."""
    return now.faces.upwind if scheme == "upwind" else now.faces.central


def held(now: Stage, block: Block, passed: float) -> FloatArray:
    """(N, m or 1) m3 that hold a row's mass, water and bed in equilibrium; 1 for junctions, which hold none."""
    volume = now.volume_before + passed * (now.volume_after - now.volume_before)
    full = volume[:, None] + part(now.sorbed, block)
    return np.where(full > 0.0, full, 1.0)


def factor(
    mesh: Mesh,
    now: Stage,
    block: Block,
    beta: FloatArray,
    begin: float,
    end: float,
    per_step: float,
    theta: float,
) -> tuple[Factors, FloatArray]:
    """Factor a step's matrix for a block of columns; with it the gain of the links.

    Parameters
    ----------
    mesh, now, block : Mesh, Stage, Block
    beta : (N,) m3/s
    begin, end : 1, share of the period that has passed at the ends of the step
    per_step : 1/s; 0 for the steady state
    theta : 1/2 or 1

    Returns
    -------
    Factors, (k, N + 1, m) gain of the links
    """
    n, k = mesh.size, len(now.store_volume)
    loss = part(now.decay + now.gas, block)
    m = loss.shape[1]
    widening = now.volume_after - now.volume_before
    inverse, carry, lower, upper = (np.empty((n, m)) for _ in range(4))
    stores = [np.empty((k, n, m)) for _ in range(5)]
    _kernels_linear.prepare(
        mesh.down, beta, now.faces.discharge, now.fixed, now.volume_before + begin * widening,
        now.volume_before + end * widening, part(now.sorbed, block), loss, part(now.store_volume, block),
        part(now.store_exchange, block), part(now.store_loss, block), per_step, theta, inverse, carry, lower, upper,
        *stores,
    )  # fmt: skip
    gain = np.empty((len(now.link_from), n + 1, m))
    if len(now.link_from) and _kernels_linear.link_gain(
        mesh.down, inverse, lower, upper, now.link_from, now.link_to, now.link_discharge, gain
    ):
        raise no_solution("diversions")
    junction = np.flatnonzero(mesh.kind == JUNCTION)
    factors = Factors(mesh.down, now.faces.discharge, beta, junction, inverse, carry, lower, upper, *stores)
    return factors, gain


def no_solution(where: str) -> BalanceError:
    """The error for a step whose diversions leave it without a solution."""
    return BalanceError(
        401,
        where,
        expected="The step with its diversions must have one solution",
        remedy="Take a shorter step, or divert less water",
    )


def entry_rates(setup: Setup, now: Stage, segment: Segment) -> tuple[IntArray, FloatArray]:
    """Rows that series enter, and (steps, e, s) kg/s."""
    rows, rates = [np.empty(0, dtype=np.int64)], [np.empty((len(segment.begin), 0, setup.columns))]
    for series, row, rate in now.entries:
        rows.append(row)
        rates.append(series.mean(segment.begin, segment.end)[:, None, :] * rate[None, :, None])
    return np.concatenate(rows), np.concatenate(rates, axis=1)


def arguments(setup: Setup, now: Stage, block: Block, segment: Segment, points: Points, gain: FloatArray) -> March:
    """What happens to a block during a segment."""
    rows, rates = entry_rates(setup, now, segment)
    entered = np.flatnonzero(np.any(now.source != 0.0, axis=1))
    return March(
        weight=segment.weight,
        duration=segment.end - segment.begin,
        source_row=entered,
        source=part(now.source[entered], block),
        entry_row=rows,
        entry_rate=part(rates, block),
        tap_row=now.tap_row,
        tap_flow=now.tap_flow,
        tap_line=now.tap_line,
        point_start=points.start,
        point_row=points.row,
        point_share=points.share,
        link_from=now.link_from,
        link_to=now.link_to,
        link_discharge=now.link_discharge,
        gain=gain,
        decay=part_if_any(now.decay, block),
        gas=part_if_any(now.gas, block),
        store_loss=part_if_any(now.store_loss, block),
    )


def march(factors: Factors, what: March, volume: FloatArray, block: Block) -> tuple[FloatArray, FloatArray]:
    """Run the linear kernel that fits; points (steps, p, m) and sums (steps, LINES, m)."""
    steps, m = len(what.weight), block.width
    points, sums = np.empty((steps, len(what.point_start) - 1, m)), np.empty((steps, LINES, 2, m))
    simple = m == 1 and len(block.s) < 2 and not len(what.link_from) and not len(what.store_loss)
    kernel = _kernels_march.march_one if simple else _kernels_march.march
    kernel(factors, what, volume, block.c, block.s, points, sums)
    return points, sums.sum(axis=2)


def steady_factors(setup: Setup, now: Stage, scheme: Scheme, block: Block) -> tuple[Factors, FloatArray, Segment]:
    """Factors and gain of the steady state of what enters first, and the moment at which it enters.

    In the monotone scheme faces that would oscillate (cell Peclet number above 2) are upwind.
    """
    beta = beta_of(now, scheme)
    if scheme == "monotone":
        beta = np.maximum(beta, 0.0)
    edges = setup.water.time_edges
    still = Segment(0, np.inf, edges[:1], edges[:1], np.ones(1), False)
    # V C_t = 0 while V itself may change: (V C)_t = C V_t
    widening = (now.volume_after - now.volume_before) / (edges[1] - edges[0])
    factors, gain = factor(setup.mesh, replace(now, fixed=now.fixed + widening), block, beta, 0.0, 0.0, 0.0, 1.0)
    return factors, gain, still


def settle(setup: Setup, now: Stage, scheme: Scheme, block: Block) -> None:
    """Put the steady state of what enters first into a block, as concentrations."""
    factors, gain, still = steady_factors(setup, now, scheme, block)
    rows, rates = entry_rates(setup, now, still)
    block.c[:] = 0.0
    if len(now.source):
        block.c[:-1] += part(now.source, block)
    np.add.at(block.c, rows, part(rates, block)[0])
    block.c[:-1] *= factors.inverse
    _kernels_linear.sweep_tree(setup.mesh.down, factors.lower, factors.upper, block.c)
    if len(now.link_from):
        add_links(now.link_from, gain, block.c)
    block.s[:] = factors.take * block.c[:-1]


def limited_rows(mesh: Mesh, now: Stage, block: Block) -> Rows:
    """Arguments of the monotone kernel, in which every column has its own rates."""
    wide = {
        name: spread(part(values, block), block.width)
        for name, values in (
            ("sorbed", now.sorbed), ("loss", now.decay + now.gas), ("store_volume", now.store_volume),
            ("store_exchange", now.store_exchange), ("store_loss", now.store_loss),
            ("inflow_most", now.inflow_most), ("inflow_least", now.inflow_least),
        )
    }  # fmt: skip
    flows = [rate if series.kind != "load" else np.zeros(len(rate)) for series, _, rate in now.entries]
    return Rows(
        down=mesh.down, target=mesh.target, discharge=now.faces.discharge, upwind=now.faces.upwind,
        central=now.faces.central, fixed=now.fixed, leaving=now.leaving, volume_before=now.volume_before,
        volume_after=now.volume_after, link_from=now.link_from, link_to=now.link_to, link_target=now.link_target,
        link_discharge=now.link_discharge, entry_flow=np.concatenate([np.empty(0), *flows]), **wide,
    )  # fmt: skip

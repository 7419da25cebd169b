"""Adjoint transport: one transposed run tells what every source and every node contributes to a receptor."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Literal

import numpy as np

from sim.arrays import FloatArray, canonicalise
from sim.chemistry.objects import Reactions
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.sources.objects import Load
from sim.transport import _kernels_adjoint
from sim.transport.assembly import Setup, Stage
from sim.transport.blocks import Block, Scheme, arguments, beta_of, entry_rates, factor, held, part, steady_factors
from sim.transport.inputs import Channel, Initial, Inputs, Rates
from sim.transport.marching import Run
from sim.transport.mesh import Mesh
from sim.transport.schedule import Segment, segments
from sim.transport.unsteady_state import place_of, prepare_setup
from sim.transport.water import Water


@dataclass(frozen=True, slots=True)
class Contributions:
    """What a receptor's concentration is made of; n nodes, s substances, k series.

    value = sum of `series` + sum of `background` + `initial`, exactly what the linear scheme gives forward.

    Parameters
    ----------
    substances : s names
    value : (s,) kg/m3 at the receptor
    series : (k, s) kg/m3, by what each series brings in, in the order of ``Inputs.series``
    background : (n, s) kg/m3, by the constant concentrations of head and lateral water of every node
    initial : (s,) kg/m3, by what was there at the start
    node : (n, s) (kg/m3) / (kg/s), by a constant load of 1 kg/s at the upstream end of every node during the run
    """

    substances: tuple[str, ...]
    value: FloatArray
    series: FloatArray
    background: FloatArray
    initial: FloatArray
    node: FloatArray

    def __post_init__(self) -> None:
        field, total = (np.float64, (-1, len(self.substances))), (np.float64, (len(self.substances),))
        canonicalise(self, value=total, series=field, background=field, initial=total, node=field)


def contributions(
    network: RiverNetwork,
    flow: Flow | Water,
    load: Load | Inputs,
    reactions: Reactions | Rates | None = None,
    *,
    receptor: int | tuple[int, float],
    when: Literal["mean", "steady"] | float = "mean",
    step: float,
    channel: Channel | None = None,
    initial: Literal["clean", "steady"] | Initial = "clean",
    scheme: Scheme = "second-order",
    mesh: Mesh | None = None,
) -> Contributions:
    """Who contributes to a receptor: one transposed run instead of one run for every source.

    With the steps M_(k+1) = B_k M_k + G_k b_k and J = sum_k w_k . M_k the transposed state
    l_k = B_k^T l_(k+1) + w_k gives dJ/db_k = G_k^T l_(k+1). Steady: dJ/db = L^-T w.

    Parameters
    ----------
    network, flow, load, reactions, step, channel, initial, mesh : as for `unsteady`
    receptor : reach (its downstream end) or (reach, distance in m from its upstream end)
    when : "mean" over the run (trapezoids over the steps), "steady" for what enters first, or a time in s
    scheme : "second-order" or "upwind"; the monotone scheme is not linear

    Returns
    -------
    Contributions

    Raises
    ------
    ScenarioError
        As for `unsteady`.
    ValueError
        If the scheme is not linear, or the time lies outside the run.

    References
    ----------
    Hines 1984, doi 10.1016/0020-7101(84)90008-4 (elimination, here of the transpose); Neupauer & Wilson 1999,
    doi 10.1029/1999WR900190 (adjoint states as source contributions).

    Examples
    --------
    >>> from sim.network import network_from_table
    >>> from sim.transport import Inputs, Series, contributions, route_water
    >>> river, _ = network_from_table(["a", "b"], ["b", ""], [100.0, 100.0], [0.01, 0.01])
    >>> loads = Inputs(("salt",), series=(Series(0, "load", [0.0], [2.0]), Series(1, "load", [0.0], [6.0])))
    >>> water = route_water(river, head=[4.0, 0.0], volume=400.0)
    >>> contributions(river, water, loads, receptor=1, when="steady", step=1.0).series.round(12).tolist()
    [[0.5], [1.5]]
    """
    if scheme not in ("second-order", "upwind"):
        raise ValueError('contributions need a linear scheme, "second-order" or "upwind"')
    setup = prepare_setup(network, flow, load, reactions, step=step, channel=channel, mesh=mesh)
    run = Run(setup, scheme, [place_of(network, receptor)], 1)
    tally = _Tally(
        np.zeros((len(setup.inputs.series), setup.columns)), np.zeros((network.size, setup.columns)),
        np.zeros(setup.columns), np.zeros((network.size, setup.columns)),
    )  # fmt: skip
    if when == "steady":
        for columns in run.slices:
            _steady(run, columns, tally)
    else:
        plan = segments(setup.water.time_edges, setup.inputs, step, np.empty(0), euler=scheme == "upwind", most=1000)
        weights = _weights(plan, when)
        for block in run.start(initial):
            _unsteady(run, plan, weights, block, tally)
    value = tally.series.sum(axis=0) + tally.background.sum(axis=0) + tally.initial
    return Contributions(setup.inputs.substances, value, tally.series, tally.background, tally.initial, tally.node)


@dataclass(frozen=True)
class _Tally:
    """Contributions as they come in, and sensitivities of nodes."""

    series: FloatArray
    background: FloatArray
    initial: FloatArray
    node: FloatArray


def _weights(plan: list[Segment], when: str | float) -> FloatArray:
    """(steps + 1,) weight of the concentration at the start and after every step."""
    clock = np.concatenate([plan[0].begin[:1], *(segment.end for segment in plan)])
    if when == "mean":
        half = 0.5 * np.diff(clock) / (clock[-1] - clock[0])
        return np.asarray(np.append(half, 0.0) + np.append(0.0, half))
    if isinstance(when, str) or not clock[0] <= when <= clock[-1]:
        raise ValueError(f'when must be "mean", "steady" or a time in [{clock[0]:g}, {clock[-1]:g}] s')
    after = min(max(int(np.searchsorted(clock, when)), 1), len(clock) - 1)
    share = (when - clock[after - 1]) / (clock[after] - clock[after - 1])
    weights = np.zeros(len(clock))
    weights[after - 1 : after + 1] = 1.0 - share, share
    return weights


def _unsteady(run: Run, plan: list[Segment], weights: FloatArray, block: Block, tally: _Tally) -> None:
    """Run a block of columns back through all segments; the block holds the initial state."""
    back = Block(block.columns, np.zeros_like(block.c), np.zeros_like(block.s))
    done = len(weights)
    for segment in reversed(plan):
        run.enter(segment.period)
        steps = len(segment.begin)
        now, passed = run.stage, run.passed(segment)
        still = np.array_equal(now.volume_before, now.volume_after)
        parts = [slice(0, steps)] if still else [slice(i, i + 1) for i in range(steps - 1, -1, -1)]
        for these in parts:
            some = changed(segment, begin=segment.begin[these], end=segment.end[these], weight=segment.weight[these])
            ends = passed[these.start : these.stop + 1]
            _segment(run, some, ends, still, weights[done - steps : done][these], back, tally)
        done -= steps
    run.enter(plan[0].period)
    volume = held(run.stage, block, 0.0)
    at_start = np.zeros((run.setup.mesh.size, 1))
    np.add.at(at_start[:, 0], run.points.row, weights[0] * run.points.share)
    mass = block.c[:-1]
    whole = (back.c[:-1] * mass).sum(axis=0) + (at_start / volume * mass).sum(axis=0)
    tally.initial[block.columns] += whole + (back.s * block.s).sum(axis=(0, 1))


def _segment(
    run: Run, segment: Segment, ends: FloatArray, still: bool, weights: FloatArray, back: Block, tally: _Tally
) -> None:
    """Run back through steps that share their factors."""
    now, mesh = run.stage, run.setup.mesh
    theta = 1.0 if run.scheme == "upwind" else 0.5
    per_step = 1.0 / segment.step
    if not still:
        theta, per_step = 1.0 / float(segment.weight[0]), 1.0 / float(segment.end[0] - segment.begin[0])
    factors, gain = factor(mesh, now, back, beta_of(now, run.scheme), ends[0], ends[-1], per_step, theta)
    before, after = held(now, back, ends[0]), held(now, back, ends[-1])
    empty = np.zeros(mesh.size, dtype=np.bool_)
    empty[factors.junction] = True
    # a junction holds nothing: its old mass must not count
    before, after = (np.where(empty[:, None], 0.0, volume) for volume in (before, after))
    what = arguments(run.setup, now, back, segment, run.points, gain)
    receptor = weights[:, None, None] * run.points.share[:, None] / after[run.points.row]
    wide = np.broadcast_to(receptor, (*receptor.shape[:2], back.width))
    what = what._replace(entry_row=run.points.row, entry_rate=np.ascontiguousarray(wide))
    rows, rates = entry_rates(run.setup, now, segment)
    watched = np.empty((len(segment.begin), len(rows), back.width))
    total = np.zeros((mesh.size, back.width))
    _kernels_adjoint.march_back(factors, what, before, after, rows, back.c, back.s, watched, total)
    _count(run.setup, now, back, (watched * part(rates, back)).sum(axis=0), total, tally)


def _steady(run: Run, columns: slice, tally: _Tally) -> None:
    """Transposed steady solution for a block of columns."""
    setup, now = run.setup, run.stage
    block = Block(columns, np.zeros((setup.mesh.size + 1, columns.stop - columns.start)), np.empty((0, 0, 0)))
    factors, gain, still = steady_factors(setup, now, run.scheme, block)
    np.add.at(block.c, run.points.row, run.points.share[:, None])
    _kernels_adjoint.solve_back(factors, now.link_from, gain, block.c)
    rows, rates = entry_rates(setup, now, still)
    _count(setup, now, block, block.c[rows] * part(rates, block)[0], block.c[:-1], tally)


def _count(setup: Setup, now: Stage, block: Block, entered: FloatArray, total: FloatArray, tally: _Tally) -> None:
    """Add contributions; `entered` (e, m) by entries, `total` (N, m) sensitivity to a constant rate."""
    first = 0
    for k, (_, rows, _) in enumerate(now.entries):
        tally.series[k, block.columns] += entered[first : first + len(rows)].sum(axis=0)
        first += len(rows)
    if len(now.source):
        columns = tally.background[:, block.columns]
        np.add.at(columns, setup.mesh.node, total * part(now.source, block))
    tally.node[:, block.columns] += total[setup.mesh.entry]

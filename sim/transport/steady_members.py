"""Steady transport of many members of an ensemble: the same sweep, members side by side in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from sim.arrays import FloatArray, IntArray, canonicalise, frozen
from sim.chemistry.objects import Reactions
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.sources.objects import Load
from sim.transport import _kernels, _kernels_steady
from sim.transport import steady_columns as inputs
from sim.transport._kernels_steady import WIDTH
from sim.transport.objects import Budget, Concentration
from sim.transport.steady_state import BUDGET_TOLERANCE

_Part = TypeVar("_Part", Flow, Load, Reactions)


@dataclass(frozen=True, slots=True)
class MemberConcentration:
    """Steady concentrations of M members on p nodes, members innermost; t periods, s substances.

    Parameters
    ----------
    substances : s names
    nodes : (p,) int64
    inlet, outlet, pit_inlet, pit_outlet : (t, s, p, M) kg/m3, as in `Concentration`
    dissolved_fraction : (t, s, n) of every member, or of one for all
    """

    substances: tuple[str, ...]
    nodes: IntArray
    inlet: FloatArray
    outlet: FloatArray
    pit_inlet: FloatArray
    pit_outlet: FloatArray
    dissolved_fraction: tuple[FloatArray, ...]

    def __post_init__(self) -> None:
        field = (np.float64, self.inlet.shape)
        canonicalise(
            self, nodes=(np.int64, (-1,)), inlet=field, outlet=field, pit_inlet=field, pit_outlet=field
        )  # fmt: skip

    @property
    def size(self) -> int:
        """Number of members."""
        return int(self.inlet.shape[-1])

    def member(self, i: int) -> Concentration:
        """Concentrations of one member on the chosen nodes: on all nodes, the bytes `steady` gives for it alone."""
        fraction = self.dissolved_fraction[i if len(self.dissolved_fraction) > 1 else 0]
        inlet, outlet, pit_inlet, pit_outlet = (
            field[..., i] for field in (self.inlet, self.outlet, self.pit_inlet, self.pit_outlet)
        )
        return Concentration(self.substances, inlet, outlet, pit_inlet, pit_outlet, fraction[..., self.nodes])


def steady_members(
    network: RiverNetwork,
    flow: Flow | Sequence[Flow],
    load: Load | Sequence[Load],
    reactions: Reactions | Sequence[Reactions],
    *,
    nodes: npt.ArrayLike | None = None,
    threads: int = 1,
    tolerance: float = BUDGET_TOLERANCE,
) -> tuple[MemberConcentration, Budget]:
    """Steady concentrations of M members of an ensemble, each as `steady` gives them, to the last byte.

    W_in and W_out follow the equations of `steady`. Loads of eight members of one period and substance make a block, a
    row of which the processor handles at once; blocks run side by side on threads, and no sum crosses a block, so the
    result does not depend on their number. Beside the result a thread holds about fifteen fields (n, 8), however
    many periods, substances and members there are.

    Parameters
    ----------
    network : RiverNetwork of n nodes
    flow, load, reactions : as given to `steady`, one for all members or one for each
    nodes : (p,) nodes to keep, all by default
    threads : blocks side by side
    tolerance : 1, largest relative budget error of any member

    Returns
    -------
    MemberConcentration, Budget : (t, s, p, M) kg/m3; (t, s, M) kg over each period

    Raises
    ------
    ScenarioError, BalanceError
        As for `steady`.
    ValueError
        As for `steady`, or when the numbers of members, their periods or substances differ, or a node does not exist.

    Examples
    --------
    >>> from sim.hydrology import flow_from_table
    >>> from sim.network import network_from_table
    >>> river, _ = network_from_table(["a", "b"], ["b", ""], [1000.0, 500.0], [0.01, 0.01])
    >>> flow = flow_from_table(
    ...     river, head_inflow=np.full(2, 2.0), lateral_inflow=np.zeros(2), cross_section=np.ones(2), temperature=20.0
    ... )
    >>> nothing = np.zeros((1, 1, 2))
    >>> loads = [Load(("salt",), np.array([0]), np.full((1, 1, 1), r), *(nothing,) * 3, {}) for r in (4.0, 8.0)]
    >>> found, budget = steady_members(river, flow, loads, Reactions(nothing, nothing + 1.0, nothing[0]))
    >>> found.inlet[0, 0].tolist()
    [[2.0, 4.0], [1.0, 2.0]]
    """
    members = _members(network, flow, load, reactions)
    kept = np.arange(network.size) if nodes is None else frozen(nodes, np.int64, (-1,), "nodes")
    if np.any((kept < 0) | (kept >= network.size)):
        raise ValueError(f"nodes must lie in [0, {network.size})")
    first = members[0]
    t, s = first.reactions.loss_rate.shape[:2]
    shape = (t, s, len(kept), len(members))
    out = {name: np.empty(shape) for name in ("inlet", "outlet", "pit_inlet", "pit_outlet")}
    sums = np.empty((_kernels.LINES, t, s, len(members)))
    starts = range(0, len(members), WIDTH)

    def solve(job: tuple[int, int, int]) -> None:
        period, substance, start = job
        block = members[start : start + WIDTH]
        columns = slice(start, start + len(block))
        at = (period, substance)
        totals, fields = _solve_block(network, block, at, kept)
        sums[:, period, substance, columns] = totals[:, : len(block)]
        for name, values in fields.items():
            out[name][period, substance, :, columns] = values[:, : len(block)]

    jobs = list(product(range(t), range(s), starts))
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(solve, jobs))
    else:
        for job in jobs:
            solve(job)
    names = first.load.substances
    budget = _budget(names, sums, np.stack([member.flow.duration for member in members], axis=-1))
    inputs.check_budget(budget, tolerance)
    distinct = members if len({id(member.reactions) for member in members}) > 1 else members[:1]
    fractions = tuple(member.reactions.dissolved_fraction for member in distinct)
    return MemberConcentration(names, kept, dissolved_fraction=fractions, **out), budget


@dataclass(frozen=True, slots=True)
class _Member:
    """One member and what does not depend on the substance: L / u and discharge above intakes (t, n), links."""

    flow: Flow
    load: Load
    reactions: Reactions
    residence: FloatArray
    end: FloatArray
    links: _kernels.Links


def _members(
    network: RiverNetwork,
    flow: Flow | Sequence[Flow],
    load: Load | Sequence[Load],
    reactions: Reactions | Sequence[Reactions],
) -> list[_Member]:
    """Checked members; what several share is computed once."""
    counts = {
        len(part) for part in (flow, load, reactions) if not isinstance(part, Flow | Load | Reactions)
    }  # fmt: skip
    if len(counts) > 1 or 0 in counts:
        raise ValueError(f"flow, load and reactions give different numbers of members: {sorted(counts)}")
    size = counts.pop() if counts else 1
    flows, loads, rates = _each(flow, size), _each(load, size), _each(reactions, size)
    substances, t = loads[0].substances, flows[0].discharge_in.shape[0]
    known: dict[int, tuple[FloatArray, FloatArray, _kernels.Links]] = {}
    checked: set[tuple[int, int, int]] = set()
    found = []
    for water, carried, rate in zip(flows, loads, rates, strict=True):
        if carried.substances != substances or water.discharge_in.shape[0] != t:
            raise ValueError("all members must have the same periods and substances")
        if (key := (id(water), id(carried), id(rate))) not in checked:
            inputs.check(network, water, carried, rate)
            checked.add(key)
        if id(water) not in known:
            known[id(water)] = (
                inputs.residence(network, water),
                water.discharge_end(network),
                inputs.links(network, water, len(substances)),
            )
        found.append(_Member(water, carried, rate, *known[id(water)]))
    return found


def _each(part: _Part | Sequence[_Part], size: int) -> Sequence[_Part]:
    # Reactions is a tuple itself, so "is it a sequence" would not tell
    return [part] * size if isinstance(part, Flow | Load | Reactions) else part


def _solve_block(
    network: RiverNetwork, block: list[_Member], at: tuple[int, int], kept: IntArray
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Sums (LINES, WIDTH) kg/s and concentrations (p, WIDTH) of up to WIDTH members in one period and substance."""
    period = at[0]
    survival, loss, phi, lost = _factors(block, at)
    links = _links(block, at)
    totals = np.zeros((_kernels.LINES, 2, WIDTH))
    lateral = _side_by_side([m.flow.lateral[period] * m.load.background_lateral[at] for m in block])
    q_in = _side_by_side([m.flow.discharge_in[period, kept] for m in block])
    q_end = _side_by_side([m.end[period, kept] for m in block])
    carried: dict[str, FloatArray] = {}
    _kernels_steady.add_rows(lateral, _kernels.BACKGROUND, totals)
    for name, row, entering, beside in (
        ("pit_", _kernels.PITS, _side_by_side([_pits(network, m.load, at) for m in block]), np.zeros_like(lateral)),
        ("", _kernels.BACKGROUND, _side_by_side([_source(m, at) for m in block]), lateral),
    ):
        _kernels_steady.add_rows(entering, row, totals)
        along = beside * phi
        _kernels_steady.sweep_block(network.down, survival, along, links, entering)
        _kernels_steady.count_block(network.down, survival, along, loss, beside * lost, links, entering, totals)
        carried[f"{name}inlet"] = entering[kept]
        carried[f"{name}outlet"] = entering[kept] * survival[kept] + along[kept]
    for end in ("inlet", "outlet"):
        carried[end] += carried[f"pit_{end}"]
    still = _side_by_side(
        [np.where(m.flow.lateral[period, kept] > 0.0, m.load.background_lateral[at][kept], 0.0) for m in block]
    )
    fields = {}
    for name, values in carried.items():
        discharge = q_in if name.endswith("inlet") else q_end
        dry = still if name == "inlet" else np.zeros_like(values)
        fields[name] = np.divide(values, discharge, out=dry, where=discharge > 0.0)
    return totals.sum(axis=1), fields


def _factors(block: list[_Member], at: tuple[int, int]) -> tuple[FloatArray, ...]:
    """(n, WIDTH) each: `factor` of the attenuations, computed once where all members share them."""
    first = block[0]
    shared = all(m.flow is first.flow and m.reactions is first.reactions for m in block)
    rows = [m.reactions.loss_rate[at] * m.residence[at[0]] for m in (block[:1] if shared else block)]
    a = rows[0][:, None].copy() if shared else _side_by_side(rows)
    parts = [np.empty_like(a) for _ in range(4)]
    _kernels_steady.factor(a, *parts)
    wide = (len(a), WIDTH)
    return tuple(np.ascontiguousarray(np.broadcast_to(part, wide)) for part in parts)


def _links(block: list[_Member], at: tuple[int, int]) -> _kernels.Links:
    """Links of WIDTH columns, those of one period and substance."""
    first = block[0].links
    column = at[0] * block[0].reactions.loss_rate.shape[1] + at[1]
    parts = (
        _side_by_side([getattr(m.links, name)[:, column] for m in block])
        for name in ("share", "left", "survival", "loss")
    )
    return _kernels.Links(first.node, first.after, *parts)


def _side_by_side(columns: list[FloatArray]) -> FloatArray:
    """(n, WIDTH), contiguous; columns without a member hold 0."""
    block = np.zeros((len(columns[0]), WIDTH))
    for c, column in enumerate(columns):
        block[:, c] = column
    return block


def _source(member: _Member, at: tuple[int, int]) -> FloatArray:
    """(n,) kg/s, background at the upstream ends, in the order of operations of `steady_columns.source`."""
    flow, load, period = member.flow, member.load, at[0]
    head = flow.head[period] * load.background_head[at]
    return np.asarray(head + flow.boundary[period] * load.background_boundary[at])


def _pits(network: RiverNetwork, load: Load, at: tuple[int, int]) -> FloatArray:
    """(n,) kg/s."""
    pit = np.zeros(network.size)
    on_network = load.node >= 0
    np.add.at(pit, load.node[on_network], load.rate[at][on_network])
    return pit


def _budget(substances: tuple[str, ...], sums: FloatArray, duration: FloatArray) -> Budget:
    """Budget of rates (LINES, t, s, M) kg/s over periods of (t, M) s."""
    totals = sums * duration[:, None, :]
    return Budget(
        substances,
        from_pits=totals[_kernels.PITS],
        from_background=totals[_kernels.BACKGROUND],
        out=totals[_kernels.OUT],
        reacted=totals[_kernels.REACTED],
        stored=np.zeros(totals.shape[1:]),
        diverted=totals[_kernels.DIVERTED],
        returned=totals[_kernels.RETURNED],
    )

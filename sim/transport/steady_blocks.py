"""Blocks of members for the steady sweep: packed, solved and unpacked in arrays that are used again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from sim.arrays import FloatArray, IntArray
from sim.chemistry.objects import Reactions
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.sources.objects import Load
from sim.transport import _kernels_steady as kernels
from sim.transport import steady_columns as inputs
from sim.transport._kernels import BACKGROUND, LINES, PITS, Links
from sim.transport._kernels_steady import WIDTH

_Part = TypeVar("_Part", Flow, Load, Reactions)
#: period and substance
At = tuple[int, int]


class Fields(NamedTuple):
    """Concentrations of M members on p nodes, (t, s, p, M) kg/m3."""

    inlet: FloatArray
    outlet: FloatArray
    pit_inlet: FloatArray
    pit_outlet: FloatArray


@dataclass(frozen=True, slots=True)
class Member:
    """One member and what does not depend on the substance: L / u and discharge above intakes (t, n), links."""

    flow: Flow
    load: Load
    reactions: Reactions
    residence: FloatArray
    end: FloatArray
    links: Links


def checked_members(
    network: RiverNetwork,
    flow: Flow | Sequence[Flow],
    load: Load | Sequence[Load],
    reactions: Reactions | Sequence[Reactions],
) -> list[Member]:
    """Members that fit together; what several share is checked and computed once."""
    counts = {len(part) for part in (flow, load, reactions) if not isinstance(part, Flow | Load | Reactions)}
    if len(counts) > 1 or 0 in counts:
        raise ValueError(f"flow, load and reactions give different numbers of members: {sorted(counts)}")
    size = counts.pop() if counts else 1
    flows, loads, rates = _each(flow, size), _each(load, size), _each(reactions, size)
    substances, t = loads[0].substances, flows[0].discharge_in.shape[0]
    known: dict[int, tuple[FloatArray, FloatArray, Links]] = {}
    checked: set[tuple[int, int, int]] = set()
    found = []
    for water, carried, rate in zip(flows, loads, rates, strict=True):
        if carried.substances != substances or water.discharge_in.shape[0] != t:
            raise ValueError("all members must have the same periods and substances")
        if (together := (id(water), id(carried), id(rate))) not in checked:
            inputs.check(network, water, carried, rate)
            checked.add(together)
        if id(water) not in known:
            links = inputs.links(network, water, len(substances))
            known[id(water)] = (inputs.residence(network, water), water.discharge_end(network), links)
        found.append(Member(water, carried, rate, *known[id(water)]))
    return found


def _each(part: _Part | Sequence[_Part], size: int) -> Sequence[_Part]:
    # Reactions is a tuple itself, so "is it a sequence" would not tell
    return [part] * size if isinstance(part, Flow | Load | Reactions) else part


class Desk:
    """The arrays one thread works in.

    Parameters
    ----------
    network : RiverNetwork of n nodes
    members : those of all blocks; where all share flow, or flow and reactions, one column stands for all
    kept : (p,) nodes whose concentrations are wanted
    """

    def __init__(self, network: RiverNetwork, members: list[Member], kept: IntArray) -> None:
        n, first = network.size, members[0]
        self.network, self.kept = network, kept
        self.one_flow = all(m.flow is first.flow for m in members)
        self.one_rate = self.one_flow and all(m.reactions is first.reactions for m in members)
        self.rows = np.zeros((WIDTH, n))
        self.background, self.pit, self.lateral, self.along = (np.empty((n, WIDTH)) for _ in range(4))
        width = 1 if self.one_rate else WIDTH
        self.survival, self.loss, self.phi, self.lost = (np.empty((n, width)) for _ in range(4))
        width = 1 if self.one_flow else WIDTH
        self.discharge_in, self.discharge_end = (np.empty((n, width)) for _ in range(2))
        self.nothing = np.empty((0, WIDTH))
        self.factors_of: At | None = None

    def solve(self, block: list[Member], at: At, start: int, out: Fields) -> FloatArray:
        """Concentrations of up to WIDTH members in one period and substance, and their sums (LINES, WIDTH) kg/s."""
        down, outlets = self.network.down, self.network.outlets
        self._fill(block, at)
        links, totals = _links(block, at), np.zeros((LINES, 2, WIDTH))
        kernels.add_rows(self.lateral, BACKGROUND, totals)
        for load, row, along, lateral in (
            (self.pit, PITS, self.nothing, self.nothing),
            (self.background, BACKGROUND, self.along, self.lateral),
        ):
            kernels.add_rows(load, row, totals)
            kernels.sweep_block(down, self.survival, along, links, load)
            kernels.add_reacted(self.loss, self.lost, load, lateral, totals)
            kernels.add_leaving(outlets, self.survival, along, links, load, totals)
        fields = Fields(*(field[at] for field in out))
        kernels.dilute_block(
            self.kept, self.survival, self.along, self.background, self.pit, self.discharge_in, self.discharge_end,
            start, start + len(block), *fields,
        )  # fmt: skip
        for c, member in enumerate(block):
            _still(member, at, self.kept, fields.inlet[:, start + c])
        return np.asarray(totals.sum(axis=1))

    def _fill(self, block: list[Member], at: At) -> None:
        """Everything the kernels read, from the members' own arrays."""
        first = block[0]
        if not self.one_rate:
            self._pack(self.phi, lambda m: m.reactions.loss_rate[at] * m.residence[at[0]], block)
            kernels.factor(self.phi, self.survival, self.loss, self.phi, self.lost)
        elif self.factors_of != at:
            # blocks of the same period and substance follow one another
            np.multiply(first.reactions.loss_rate[at], first.residence[at[0]], out=self.phi[:, 0])
            kernels.factor(self.phi, self.survival, self.loss, self.phi, self.lost)
        self.factors_of = at
        self._pack(self.discharge_in, lambda m: m.flow.discharge_in[at[0]], block)
        self._pack(self.discharge_end, lambda m: m.end[at[0]], block)
        alike = self.one_flow and all(_same_background(m.load, first.load) for m in block)
        self._pack(self.background, lambda m: _source(m, at), block, alike=alike)
        self._pack(self.lateral, lambda m: _lateral(m, at), block, alike=alike)
        np.multiply(self.lateral, self.phi, out=self.along)
        self.pit[:] = 0.0
        for c, member in enumerate(block):
            enters = member.load.node >= 0
            np.add.at(self.pit[:, c], member.load.node[enters], member.load.rate[at][enters])

    def _pack(
        self, out: FloatArray, values: Callable[[Member], FloatArray], block: list[Member], *, alike: bool = False
    ) -> None:
        """Fill (n, WIDTH) or (n, 1) with (n,) of every member; columns without a member repeat the last one."""
        if out.shape[1] == 1 or alike:
            out[:] = values(block[0])[:, None]
            return
        for c in range(WIDTH):
            self.rows[c] = values(block[min(c, len(block) - 1)])
        kernels.interleave(self.rows, out)


def _source(member: Member, at: At) -> FloatArray:
    """(n,) kg/s, background at the upstream ends, in the order of operations of `steady_columns.source`."""
    flow, load, period = member.flow, member.load, at[0]
    head = flow.head[period] * load.background_head[at]
    return np.asarray(head + flow.boundary[period] * load.background_boundary[at])


def _lateral(member: Member, at: At) -> FloatArray:
    """(n,) kg/s, background along the segments."""
    return np.asarray(member.flow.lateral[at[0]] * member.load.background_lateral[at])


def _same_background(one: Load, other: Load) -> bool:
    return all(
        getattr(one, name) is getattr(other, name)
        for name in ("background_head", "background_lateral", "background_boundary")
    )


def _still(member: Member, at: At, kept: IntArray, out_inlet: FloatArray) -> None:
    """Put the limit of `steady` where no water enters from above."""
    wet = member.flow.discharge_in[at[0]] > 0.0
    if not wet.all():
        still = ~wet[kept]
        nodes = kept[still]
        lateral = member.flow.lateral[at[0], nodes] > 0.0
        out_inlet[still] = np.where(lateral, member.load.background_lateral[at][nodes], 0.0)


def _links(block: list[Member], at: At) -> Links:
    """Links of WIDTH columns, those of one period and substance."""
    first = block[0].links
    column = at[0] * block[0].reactions.loss_rate.shape[1] + at[1]
    share, left, survival, loss = (np.zeros((len(first.node), WIDTH)) for _ in range(4))
    for c, member in enumerate(block):
        share[:, c], left[:, c] = member.links.share[:, column], member.links.left[:, column]
        survival[:, c], loss[:, c] = member.links.survival[:, column], member.links.loss[:, column]
    return Links(first.node, first.after, share, left, survival, loss)

"""Steady transport of many members of an ensemble: the same sweep, members side by side in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from sim.arrays import FloatArray, IntArray, canonicalise, frozen
from sim.chemistry.objects import Reactions
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.sources.objects import Load
from sim.transport import steady_columns as inputs
from sim.transport._kernels import BACKGROUND, DIVERTED, LINES, OUT, PITS, REACTED, RETURNED
from sim.transport._kernels_steady import WIDTH
from sim.transport.objects import Budget, Concentration
from sim.transport.steady_blocks import Desk, Fields, checked_members
from sim.transport.steady_state import BUDGET_TOLERANCE


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
    result does not depend on their number. Beside the result a thread holds at most eleven fields (n, 8), however many
    periods, substances and members there are.

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
    members = checked_members(network, flow, load, reactions)
    kept = frozen(np.arange(network.size) if nodes is None else nodes, np.int64, (-1,), "nodes")
    if np.any((kept < 0) | (kept >= network.size)):
        raise ValueError(f"nodes must lie in [0, {network.size})")
    if threads < 1:
        raise ValueError("threads must be at least 1")
    first = members[0]
    t, s = first.reactions.loss_rate.shape[:2]
    fields = Fields(*(np.empty((t, s, len(kept), len(members))) for _ in range(4)))
    sums = np.empty((LINES, t, s, len(members)))
    jobs = list(product(range(t), range(s), range(0, len(members), WIDTH)))

    def work(some: list[tuple[int, int, int]]) -> None:
        desk = Desk(network, members, kept)
        for period, substance, start in some:
            block = members[start : start + WIDTH]
            totals = desk.solve(block, (period, substance), start, fields)
            sums[:, period, substance, start : start + len(block)] = totals[:, : len(block)]

    if threads == 1:
        work(jobs)
    else:
        with ThreadPoolExecutor(threads) as pool:
            # reading the results passes on what a thread has raised
            list(pool.map(work, [jobs[k::threads] for k in range(threads)]))
    names = first.load.substances
    budget = _budget(names, sums, np.stack([member.flow.duration for member in members], axis=-1))
    inputs.check_budget(budget, tolerance)
    distinct = members if len({id(member.reactions) for member in members}) > 1 else members[:1]
    fractions = tuple(member.reactions.dissolved_fraction for member in distinct)
    for field in fields:
        # a read-only array is taken as it is, not copied
        field.flags.writeable = False
    return MemberConcentration(names, kept, *fields, fractions), budget


def _budget(substances: tuple[str, ...], sums: FloatArray, duration: FloatArray) -> Budget:
    """Budget of rates (LINES, t, s, M) kg/s over periods of (t, M) s."""
    totals = sums * duration[:, None, :]
    return Budget(
        substances,
        from_pits=totals[PITS],
        from_background=totals[BACKGROUND],
        out=totals[OUT],
        reacted=totals[REACTED],
        stored=np.zeros(totals.shape[1:]),
        diverted=totals[DIVERTED],
        returned=totals[RETURNED],
    )

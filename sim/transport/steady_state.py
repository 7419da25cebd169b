"""Steady transport on a river network: exact along each segment for constant coefficients, one topological sweep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sim.arrays import FloatArray, IntArray, frozen
from sim.chemistry.objects import Reactions
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.sources.objects import Load
from sim.transport import _kernels
from sim.transport import steady_columns as inputs
from sim.transport.objects import Budget, Concentration

#: largest relative budget error a run may have
BUDGET_TOLERANCE = 1e-9
#: a channel cell may lie beyond its segment's end by this share of the length (rounding of summed steps)
_DISTANCE_TOLERANCE = 1e-9


def steady(
    network: RiverNetwork, flow: Flow, load: Load, reactions: Reactions, *, tolerance: float = BUDGET_TOLERANCE
) -> tuple[Concentration, Budget]:
    """Steady concentrations on every node in every period, and the mass budget of the whole network.

    At the upstream end W_in = sum of W_out above + Q_head c_head + Q_boundary c_boundary + pits and C_in = W_in / Q_in
    (full mixing at once). Along the segment Q(x) = Q_in + q x, u and k are constant and dW/dx = q c_L - (k/u) W, so

        W(x) = W_in exp(-k x/u) + q c_L x (1 - exp(-k x/u)) / (k x/u).

    A load decays by the factor of the segment it LEAVES; what enters at a node's upstream end therefore feels the whole
    segment. The reacted mass is integral of k W/u dx in closed form, not what is missing, so that the budget can fail.

    Parameters
    ----------
    network : RiverNetwork of n nodes without diversions
    flow : Flow, (t, n)
    load : Load, rate (t, s, k) kg/s and background (t, s, n) kg/m3
    reactions : Reactions, loss_rate (t, s, n) 1/s
    tolerance : 1, largest relative budget error

    Returns
    -------
    Concentration, Budget : (t, s, n) kg/m3; (t, s) kg over each period

    Raises
    ------
    ScenarioError
        LS-209 where a segment carries no water (unless diversions have taken it), a pit's load enters where there is
        none, or diversions take more than there is.
    BalanceError
        LS-401 when the budget does not close, LS-402 where diversions are and the water balance does not.
    ValueError
        If shapes do not fit or a value is negative or not finite.

    References
    ----------
    Runkel 2007, Limnology and Oceanography: Methods 5 (steady solutions with first-order loss); Knuth, The Art of
    Computer Programming 2, 4.2.2 (two-sum).

    Examples
    --------
    >>> from sim.hydrology import flow_from_table
    >>> from sim.network import network_from_table
    >>> river, _ = network_from_table(["a", "b"], ["b", ""], [1000.0, 500.0], [0.01, 0.01])
    >>> flow = flow_from_table(
    ...     river, head_inflow=np.full(2, 2.0), lateral_inflow=np.zeros(2), cross_section=np.ones(2), temperature=20.0
    ... )
    >>> nothing = np.zeros((1, 1, 2))
    >>> load = Load(("salt",), np.array([0]), np.full((1, 1, 1), 8.0), *(nothing,) * 3, {})
    >>> reactions = Reactions(nothing, nothing + 1.0, nothing[0])
    >>> found, budget = steady(river, flow, load, reactions)
    >>> found.inlet[0, 0].tolist(), budget.relative_error.item()
    ([4.0, 2.0], 0.0)
    """
    inputs.check(network, flow, load, reactions)
    t, s, n = reactions.loss_rate.shape
    m = t * s
    pit = inputs.pit_load(network, load)
    background_in, background_out, pit_in, pit_out = (np.empty((n, m)) for _ in range(4))
    sums = np.empty((_kernels.LINES, 2, m))
    _kernels.sweep(
        network.down, inputs.columns(inputs.attenuation(network, flow, reactions)),
        inputs.columns(inputs.source(flow, load)), inputs.columns(inputs.lateral(flow, load)), pit,
        inputs.links(network, flow, s), background_in, background_out, pit_in, pit_out, sums,
    )  # fmt: skip
    pit_inlet, pit_outlet = (inputs.fields(w, t, s) for w in (pit_in, pit_out))
    inlet = inputs.fields(background_in, t, s) + pit_inlet
    outlet = inputs.fields(background_out, t, s) + pit_outlet
    end = flow.discharge_end(network)
    concentration = Concentration(
        load.substances,
        inputs.concentration(inlet, flow.discharge_in, inputs.still_water(flow, load)),
        inputs.concentration(outlet, end, 0.0),
        inputs.concentration(pit_inlet, flow.discharge_in, 0.0),
        inputs.concentration(pit_outlet, end, 0.0),
        reactions.dissolved_fraction,
    )
    totals = sums.sum(axis=1).reshape(_kernels.LINES, t, s) * flow.duration[:, None]
    budget = Budget(
        load.substances,
        from_pits=totals[_kernels.PITS],
        from_background=totals[_kernels.BACKGROUND],
        out=totals[_kernels.OUT],
        reacted=totals[_kernels.REACTED],
        stored=np.zeros((t, s)),
        diverted=totals[_kernels.DIVERTED],
        returned=totals[_kernels.RETURNED],
    )
    inputs.check_budget(budget, tolerance)
    return concentration, budget


def along_channel(
    network: RiverNetwork, flow: Flow, load: Load, reactions: Reactions, concentration: Concentration
) -> tuple[FloatArray, FloatArray]:
    """Concentrations on every channel cell from the exact profile along its segment.

    C(x) = W(x) / Q(x) with W(x) as in `steady` and x = ``network.channel_distance``.

    Parameters
    ----------
    network, flow, load, reactions : as given to `steady`
    concentration : Concentration, what `steady` returned for them

    Returns
    -------
    total, from_pits : (t, s, m) kg/m3 on ``network.channel_cell``

    Raises
    ------
    ValueError
        If a channel cell lies outside its segment.
    """
    t, s, _ = reactions.loss_rate.shape
    total, from_pits = (np.empty((t, s, len(network.channel_distance))) for _ in range(2))
    for period, substance, *found in per_cell(network, flow, load, reactions, concentration):
        total[period, substance], from_pits[period, substance] = found
    return frozen(total, np.float64), frozen(from_pits, np.float64)


def per_cell(
    network: RiverNetwork,
    flow: Flow,
    load: Load,
    reactions: Reactions,
    concentration: Concentration,
    *,
    periods: Sequence[int] | None = None,
    substances: Sequence[str] | None = None,
) -> Iterator[tuple[int, int, FloatArray, FloatArray]]:
    """Concentrations on every channel cell, one period and substance after the other.

    Two vectors of m cells are held, whatever the number of periods, substances or members: they are overwritten by the
    next pair, so copy what you keep. C(x) = W(x) / Q(x) as in `along_channel`, whose values these are.

    Parameters
    ----------
    network, flow, load, reactions : as given to `steady`, or those of one member
    concentration : Concentration, what `steady` returned, or one member of `steady_members`
    periods, substances : those wanted, all by default

    Yields
    ------
    period, substance : int, positions on the first two axes
    total, from_pits : (m,) kg/m3 on ``network.channel_cell``

    Raises
    ------
    ValueError
        If a channel cell lies outside its segment, or a substance is not in the load.

    Examples
    --------
    >>> from sim.hydrology import flow_from_table
    >>> from sim.network import network_from_table
    >>> river, _ = network_from_table(["a", "b"], ["b", ""], [1000.0, 500.0], [0.01, 0.01])
    >>> from dataclasses import replace
    >>> river = replace(river, channel_cell=[0, 1], channel_start=[0, 2, 2], channel_distance=[0.0, 500.0])
    >>> flow = flow_from_table(
    ...     river, head_inflow=np.full(2, 2.0), lateral_inflow=np.zeros(2), cross_section=np.ones(2), temperature=20.0
    ... )
    >>> nothing = np.zeros((1, 1, 2))
    >>> load = Load(("salt",), np.array([0]), np.full((1, 1, 1), 8.0), *(nothing,) * 3, {})
    >>> reactions = Reactions(nothing, nothing + 1.0, nothing[0])
    >>> found, _ = steady(river, flow, load, reactions)
    >>> [total.tolist() for _, _, total, _ in per_cell(river, flow, load, reactions, found)]
    [[4.0, 4.0]]
    """
    inputs.check(network, flow, load, reactions)
    count = len(network.channel_distance)
    owner_length = np.repeat(network.length, np.diff(network.channel_start))
    outside = (network.channel_distance < 0.0) | (network.channel_distance > owner_length * (1.0 + _DISTANCE_TOLERANCE))
    if len(owner_length) != count or outside.any():
        raise ValueError("channel cells do not lie on their segments (channel_start, channel_distance)")
    residence = inputs.residence(network, flow)
    total, from_pits = np.empty(count), np.empty(count)
    for period in range(flow.discharge_in.shape[0]) if periods is None else periods:
        q_in, q_lateral = flow.discharge_in[period], flow.lateral[period]
        for name in load.substances if substances is None else substances:
            substance = load.substances.index(name)
            at = (period, substance)
            pit_in = concentration.pit_inlet[at] * q_in
            background_in = (concentration.inlet[at] - concentration.pit_inlet[at]) * q_in
            _kernels.along(
                network.channel_start, network.channel_distance, network.length,
                reactions.loss_rate[at] * residence[period], q_lateral * load.background_lateral[at], background_in,
                pit_in, q_in, q_lateral, total, from_pits,
            )  # fmt: skip
            yield period, substance, total, from_pits


def travel_time(network: RiverNetwork, flow: Flow, source_nodes: IntArray) -> FloatArray:
    """Shortest water travel time from any source node to every node below, upstream end to upstream end.

    T_j = min over donors i of (T_i + L_i / u_i), and over diversions into j of (T_i + L_i / u_i + V / q); T = 0 at the
    sources. Nothing arrives through a segment that a diversion leaves without water, or through one that carries none.

    Parameters
    ----------
    network : RiverNetwork of n nodes with k diversions
    flow : Flow, velocity (t, n) m/s
    source_nodes : (k,) int64, -1 is ignored

    Returns
    -------
    (t, n) s, nan where no source lies at or above

    Raises
    ------
    ScenarioError
        LS-209 as for `steady`.
    ValueError
        If a source is not a node.
    """
    sources = np.asarray(source_nodes, dtype=np.int64)
    if np.any((sources < -1) | (sources >= network.size)):
        raise ValueError(f"source nodes must lie in [-1, {network.size})")
    inputs.require_flow(network, flow)
    is_source = np.zeros(network.size, dtype=np.bool_)
    is_source[sources[sources >= 0]] = True
    residence = inputs.residence(network, flow)
    tau = np.ascontiguousarray(np.where(flow.discharge_out > 0.0, residence, np.inf).T)
    order = np.argsort(network.link_from, kind="stable")
    node, after = network.link_from[order], network.link_to[order]
    way = np.empty((0, len(residence))) if flow.diversions is None else flow.diversions.travel_time[:, order].T
    time = np.empty_like(tau)
    _kernels.earliest_arrival(
        network.down, tau, is_source, node, after, np.ascontiguousarray(residence[:, node].T + way), time
    )
    time[np.isinf(time)] = np.nan
    return np.ascontiguousarray(time.T)

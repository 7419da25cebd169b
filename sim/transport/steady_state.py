"""Steady transport on a river network: exact along each segment for constant coefficients, one topological sweep."""

from __future__ import annotations

import numpy as np

from sim.arrays import FloatArray, IntArray, frozen
from sim.chemistry.objects import Reactions
from sim.errors import BalanceError, ScenarioError
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.sources.objects import Load
from sim.transport import _kernels
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
        LS-209 where a segment carries no water, or a pit's load enters where there is none.
    BalanceError
        LS-401 when the budget does not close.
    ValueError
        If shapes do not fit, a value is negative or not finite, or the network has diversions.

    References
    ----------
    Runkel 2007, Limnology and Oceanography: Methods 5 (steady solutions with first-order loss); Knuth, The Art of
    Computer Programming 2, 4.2.2 (two-sum).
    """
    _check(network, flow, load, reactions)
    t, s, n = reactions.loss_rate.shape
    m = t * s
    pit = _pit_load(network, flow, load)
    background_in, background_out, pit_in, pit_out = (np.empty((n, m)) for _ in range(4))
    sums = np.empty((4, 2, m))
    _kernels.sweep(
        network.down, _attenuation(network, flow, reactions), _source(flow, load), _lateral(flow, load), pit,
        background_in, background_out, pit_in, pit_out, sums,
    )  # fmt: skip
    pit_inlet, pit_outlet = (_fields(w, t, s) for w in (pit_in, pit_out))
    inlet = _fields(background_in, t, s) + pit_inlet
    outlet = _fields(background_out, t, s) + pit_outlet
    q_in, q_out = flow.discharge_in[:, None, :], flow.discharge_out[:, None, :]
    wet = np.broadcast_to(q_in > 0.0, inlet.shape)
    # where no water enters from above, the limit x -> 0 of C is the concentration of the lateral water
    inlet = np.divide(inlet, q_in, out=np.array(load.background_lateral), where=wet)
    pit_inlet = np.divide(pit_inlet, q_in, out=np.zeros_like(pit_inlet), where=wet)
    concentration = Concentration(
        load.substances, inlet, outlet / q_out, pit_inlet, pit_outlet / q_out, reactions.dissolved_fraction
    )
    totals = sums.sum(axis=1).reshape(4, t, s) * flow.duration[:, None]
    budget = Budget(
        load.substances,
        from_pits=totals[_kernels.PITS],
        from_background=totals[_kernels.BACKGROUND],
        out=totals[_kernels.OUT],
        reacted=totals[_kernels.REACTED],
        stored=np.zeros((t, s)),
    )
    _check_budget(budget, tolerance)
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
    _check(network, flow, load, reactions)
    t, s, _ = reactions.loss_rate.shape
    count = len(network.channel_distance)
    owner_length = np.repeat(network.length, np.diff(network.channel_start))
    outside = (network.channel_distance < 0.0) | (network.channel_distance > owner_length * (1.0 + _DISTANCE_TOLERANCE))
    if len(owner_length) != count or outside.any():
        raise ValueError("channel cells do not lie on their segments (channel_start, channel_distance)")
    every = np.ones((1, s, 1))
    q_in, q_lateral = (_columns(q[:, None, :] * every) for q in (flow.discharge_in, flow.lateral))
    pit_in = _columns(concentration.pit_inlet) * q_in
    background_in = _columns(concentration.inlet - concentration.pit_inlet) * q_in
    total, from_pits = np.empty((count, t * s)), np.empty((count, t * s))
    _kernels.along(
        network.channel_start, network.channel_distance, network.length, _attenuation(network, flow, reactions),
        _lateral(flow, load), background_in, pit_in, q_in, q_lateral, total, from_pits,
    )  # fmt: skip
    return frozen(_fields(total, t, s), np.float64), frozen(_fields(from_pits, t, s), np.float64)


def travel_time(network: RiverNetwork, flow: Flow, source_nodes: IntArray) -> FloatArray:
    """Shortest water travel time from any source node to every node below, upstream end to upstream end.

    T_j = min over donors i of (T_i + L_i / u_i), T = 0 at the sources.

    Parameters
    ----------
    network : RiverNetwork of n nodes
    flow : Flow, velocity (t, n) m/s
    source_nodes : (k,) int64, -1 is ignored

    Returns
    -------
    (t, n) s, nan where no source lies at or above

    Raises
    ------
    ValueError
        If a source is not a node or the network has diversions.
    """
    _refuse_diversions(network)
    sources = np.asarray(source_nodes, dtype=np.int64)
    if np.any((sources < -1) | (sources >= network.size)):
        raise ValueError(f"source nodes must lie in [-1, {network.size})")
    _require_flow(network, flow)
    is_source = np.zeros(network.size, dtype=np.bool_)
    is_source[sources[sources >= 0]] = True
    tau = np.ascontiguousarray((network.length / flow.velocity).T)
    time = np.empty_like(tau)
    _kernels.earliest_arrival(network.down, tau, is_source, time)
    time[np.isinf(time)] = np.nan
    return np.ascontiguousarray(time.T)


def _columns(field: FloatArray) -> FloatArray:
    """(t, s, n) -> (n, t s), contiguous."""
    n = field.shape[-1]
    return np.ascontiguousarray(field.transpose(2, 0, 1)).reshape(n, field.shape[0] * field.shape[1])


def _fields(columns: FloatArray, t: int, s: int) -> FloatArray:
    """(n, t s) -> (t, s, n), contiguous."""
    return np.ascontiguousarray(columns.reshape(len(columns), t, s).transpose(1, 2, 0))


def _attenuation(network: RiverNetwork, flow: Flow, reactions: Reactions) -> FloatArray:
    return _columns(reactions.loss_rate * (network.length / flow.velocity)[:, None, :])


def _source(flow: Flow, load: Load) -> FloatArray:
    head = flow.head[:, None, :] * load.background_head
    return _columns(head + flow.boundary[:, None, :] * load.background_boundary)


def _lateral(flow: Flow, load: Load) -> FloatArray:
    return _columns(flow.lateral[:, None, :] * load.background_lateral)


def _pit_load(network: RiverNetwork, flow: Flow, load: Load) -> FloatArray:
    """(n, t s) kg/s; sites whose flow path leaves the terrain (node -1) do not enter."""
    t, s, k = load.rate.shape
    rates = load.rate.transpose(2, 0, 1).reshape(k, t * s)
    pit = np.zeros((network.size, t * s))
    on_network = load.node >= 0
    np.add.at(pit, load.node[on_network], rates[on_network])
    loaded = pit.reshape(network.size, t, s).any(axis=2).T
    dry = loaded & ~(flow.discharge_in > 0.0)
    if dry.any():
        period, node = (int(i) for i in np.argwhere(dry)[0])
        raise ScenarioError(
            209,
            f"pit load at {_label(network, node)}, period {period + 1}",
            got=f"{flow.discharge_in[period, node]:g} m3/s",
            expected="A pit's load needs water at the upstream end of the segment it enters",
            remedy="Give that place an inflow, or let the pit enter further down",
        )
    return pit


def _label(network: RiverNetwork, node: int) -> str:
    name = network.name[node]
    return f"segment {name!r} (node {node})" if name else f"segment of node {node}"


def _refuse_diversions(network: RiverNetwork) -> None:
    if len(network.link_from):
        raise ValueError("steady transport has no diversions yet (network.link_from must be empty)")


def _require_flow(network: RiverNetwork, flow: Flow) -> None:
    if flow.discharge_out.shape[1] != network.size:
        raise ValueError(f"flow has {flow.discharge_out.shape[1]} nodes, the network {network.size}")
    moving = (flow.discharge_out > 0.0) & (flow.velocity > 0.0) & np.isfinite(flow.discharge_out + flow.velocity)
    if not moving.all():
        period, node = (int(i) for i in np.argwhere(~moving)[0])
        raise ScenarioError(
            209,
            f"{_label(network, node)}, period {period + 1}",
            got=f"{flow.discharge_out[period, node]:g} m3/s at {flow.velocity[period, node]:g} m/s",
            expected="Every segment must carry moving water",
            remedy="Give the segment an inflow, or raise hydrology.dry_season_floor",
        )


def _check(network: RiverNetwork, flow: Flow, load: Load, reactions: Reactions) -> None:
    _refuse_diversions(network)
    _require_flow(network, flow)
    t, s, n = flow.discharge_in.shape[0], len(load.substances), network.size
    if load.rate.shape[:2] != (t, s):
        raise ValueError(f"load.rate has shape {load.rate.shape}, expected ({t}, {s}, k)")
    if np.any((load.node < -1) | (load.node >= n)):
        raise ValueError(f"load.node must lie in [-1, {n})")
    for name, field in (
        ("background_head", load.background_head),
        ("background_lateral", load.background_lateral),
        ("background_boundary", load.background_boundary),
        ("loss_rate", reactions.loss_rate),
        ("dissolved_fraction", reactions.dissolved_fraction),
    ):
        if field.shape != (t, s, n):
            raise ValueError(f"{name} has shape {field.shape}, expected {(t, s, n)}")
        _require_usable(name, field)
    _require_usable("load.rate", load.rate)


def _require_usable(name: str, field: FloatArray) -> None:
    if not np.all((field >= 0.0) & np.isfinite(field)):
        raise ValueError(f"{name} must be finite and not negative")


def _check_budget(budget: Budget, tolerance: float) -> None:
    error = budget.relative_error
    # written so that a nan fails too
    if not np.all(error <= tolerance):
        period, substance = (int(i) for i in np.argwhere(~(error <= tolerance))[0])
        raise BalanceError(
            401,
            f"mass budget of {budget.substances[substance]}, period {period + 1}",
            got=f"{error[period, substance]:.3g} relative error",
            expected=f"Must not exceed {tolerance:g}",
            remedy="This is a fault of the program or of the numbers it was given; please report it with the scenario",
        )

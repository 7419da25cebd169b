"""What the steady sweeps read: checked inputs as columns, one for every period and substance."""

from __future__ import annotations

import numpy as np

from sim.arrays import FloatArray
from sim.chemistry.objects import Reactions
from sim.errors import BalanceError, ScenarioError
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.sources.objects import Load
from sim.transport._kernels import Links
from sim.transport.objects import Budget

#: largest relative error of continuity where diversions are
CONTINUITY_TOLERANCE = 1e-11


def columns(field: FloatArray) -> FloatArray:
    """(t, s, n) -> (n, t s), contiguous."""
    n = field.shape[-1]
    return np.ascontiguousarray(field.transpose(2, 0, 1)).reshape(n, field.shape[0] * field.shape[1])


def fields(values: FloatArray, t: int, s: int) -> FloatArray:
    """(n, t s) -> (t, s, n), contiguous."""
    return np.ascontiguousarray(values.reshape(len(values), t, s).transpose(1, 2, 0))


def residence(network: RiverNetwork, flow: Flow) -> FloatArray:
    """(t, n) s, L / u; 0 where a diversion has left no water."""
    nothing = np.zeros(flow.velocity.shape)
    return np.divide(network.length, flow.velocity, out=nothing, where=~flow.dry(network))


def attenuation(network: RiverNetwork, flow: Flow, reactions: Reactions) -> FloatArray:
    """(t, s, n) 1, k L / u."""
    return np.asarray(reactions.loss_rate * residence(network, flow)[:, None, :])


def source(flow: Flow, load: Load) -> FloatArray:
    """(t, s, n) kg/s, background that enters at the upstream end."""
    head = flow.head[:, None, :] * load.background_head
    return np.asarray(head + flow.boundary[:, None, :] * load.background_boundary)


def lateral(flow: Flow, load: Load) -> FloatArray:
    """(t, s, n) kg/s, background that enters along the segment."""
    return np.asarray(flow.lateral[:, None, :] * load.background_lateral)


def pit_load(network: RiverNetwork, load: Load) -> FloatArray:
    """(n, t s) kg/s; sites whose flow path leaves the terrain (node -1) do not enter."""
    t, s, k = load.rate.shape
    rates = load.rate.transpose(2, 0, 1).reshape(k, t * s)
    pit = np.zeros((network.size, t * s))
    on_network = load.node >= 0
    np.add.at(pit, load.node[on_network], rates[on_network])
    return pit


def _require_wet_pits(network: RiverNetwork, flow: Flow, load: Load) -> None:
    """Refuse a pit's load where no water enters from above."""
    site = np.argsort(load.node, kind="stable")
    node = load.node[site]
    loaded = np.any(load.rate != 0.0, axis=1)[:, site] & (node >= 0)
    dry = loaded & ~(flow.discharge_in[:, node] > 0.0)
    if dry.any():
        period, first = (int(i) for i in np.argwhere(dry)[0])
        raise ScenarioError(
            209,
            f"pit load at {label(network, int(node[first]))}, period {period + 1}",
            got=f"{flow.discharge_in[period, node[first]]:g} m3/s",
            expected="A pit's load needs water at the upstream end of the segment it enters",
            remedy="Give that place an inflow, or let the pit enter further down",
        )


def concentration(carried: FloatArray, discharge: FloatArray, still: FloatArray | float) -> FloatArray:
    """(t, s, n) kg/m3, load over discharge (t, n); `still` where there is none."""
    wet = np.broadcast_to((discharge > 0.0)[:, None, :], carried.shape)
    found = np.array(np.broadcast_to(still, carried.shape))
    return np.asarray(np.divide(carried, discharge[:, None, :], out=found, where=wet))


def still_water(flow: Flow, load: Load) -> FloatArray:
    """(t, s, n) kg/m3 where no water enters from above: the limit x -> 0, that of the lateral water; 0 without any."""
    return np.where((flow.lateral > 0.0)[:, None, :], load.background_lateral, 0.0)


def links(network: RiverNetwork, flow: Flow, s: int, only: int | None = None) -> Links:
    """Diversions as the kernels read them, for columns (t, s), or (t,) for one of the substances alone."""
    t, k = flow.discharge_in.shape[0], len(network.link_from)
    order = np.argsort(network.link_from, kind="stable")
    node, after = network.link_from[order], network.link_to[order]
    if k == 0 or flow.diversions is None:
        none = np.empty((0, t * (s if only is None else 1)))
        return Links(node, after, none, none, none, none)
    carried = flow.diversions
    end = flow.discharge_end(network)[:, node]
    share, left = (
        np.divide(q, end, out=np.zeros_like(end), where=end > 0.0)[:, None, :]
        for q in (carried.discharge[:, order], flow.discharge_out[:, node])
    )
    way = carried.travel_time[:, order]
    a = np.broadcast_to(carried.loss_rate[:, :, order] * np.where(np.isinf(way), 0.0, way)[:, None, :], (t, s, k))
    if only is not None:
        a = a[:, only : only + 1]
    share, left, survival, loss = (
        columns(np.array(np.broadcast_to(part, a.shape))) for part in (share, left, np.exp(-a), -np.expm1(-a))
    )
    return Links(node, after, share, left, survival, loss)


def label(network: RiverNetwork, node: int) -> str:
    """The name of a segment for messages, else its number."""
    name = network.name[node]
    return f"segment {name!r} (node {node})" if name else f"segment of node {node}"


def require_flow(network: RiverNetwork, flow: Flow) -> None:
    """Refuse a flow that does not fit, stands still, or takes more by diversions than there is."""
    if flow.discharge_out.shape[1] != network.size:
        raise ValueError(f"flow has {flow.discharge_out.shape[1]} nodes, the network {network.size}")
    t, k = flow.discharge_out.shape[0], len(network.link_from)
    carried = (t, 0) if flow.diversions is None else flow.diversions.discharge.shape
    if carried != (t, k):
        raise ValueError(f"flow.diversions has shape {carried}, the network's diversions need {(t, k)}")
    end = flow.discharge_end(network)
    moving = (end > 0.0) & (flow.velocity > 0.0) & np.isfinite(end + flow.velocity)
    still = ~(moving | flow.dry(network))
    if still.any():
        period, node = (int(i) for i in np.argwhere(still)[0])
        raise ScenarioError(
            209,
            f"{label(network, node)}, period {period + 1}",
            got=f"{end[period, node]:g} m3/s at {flow.velocity[period, node]:g} m/s",
            expected="Every segment must carry moving water",
            remedy="Give the segment an inflow, or raise hydrology.dry_season_floor",
        )
    if k:
        _require_balance(network, flow, end)


def _require_balance(network: RiverNetwork, flow: Flow, end: FloatArray) -> None:
    """Below an intake there is what it leaves, and that is not less than nothing."""
    short = flow.discharge_out < 0.0
    if short.any():
        period, node = (int(i) for i in np.argwhere(short)[0])
        raise ScenarioError(
            209,
            f"diversions at {label(network, node)}, period {period + 1}",
            got=f"{flow.taken(network)[period, node]:g} m3/s",
            expected=f"Must not exceed the {end[period, node]:g} m3/s that arrive there",
            remedy="Let the diversion take less in this period",
        )
    error = flow.imbalance(network)
    # written so that a nan fails too
    if not error <= CONTINUITY_TOLERANCE:
        raise BalanceError(
            402,
            "water balance of the network and its diversions",
            got=f"{error:.3g} relative error",
            expected=f"Must not exceed {CONTINUITY_TOLERANCE:g}",
            remedy="discharge_out must be what the diversions leave, discharge_in must hold what they return",
        )


def check(network: RiverNetwork, flow: Flow, load: Load, reactions: Reactions) -> None:
    """Refuse inputs of steady transport that do not fit together or are impossible."""
    require_flow(network, flow)
    t, s, n = flow.discharge_in.shape[0], len(load.substances), network.size
    if load.rate.shape[:2] != (t, s):
        raise ValueError(f"load.rate has shape {load.rate.shape}, expected ({t}, {s}, k)")
    if np.any((load.node < -1) | (load.node >= n)):
        raise ValueError(f"load.node must lie in [-1, {n})")
    lossy = None if flow.diversions is None else flow.diversions.loss_rate.shape[:2]
    if lossy not in (None, (t, s), (t, 1)):
        raise ValueError(f"diversions: loss_rate has shape {lossy} and k, expected ({t}, {s}, k) or ({t}, 1, k)")
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
    _require_wet_pits(network, flow, load)


def _require_usable(name: str, field: FloatArray) -> None:
    if not np.all((field >= 0.0) & np.isfinite(field)):
        raise ValueError(f"{name} must be finite and not negative")


def check_budget(budget: Budget, tolerance: float) -> None:
    """Refuse a budget that does not close (LS-401)."""
    error = budget.relative_error
    # written so that a nan fails too
    wrong = ~(error <= tolerance)
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        member = f", member {place[2] + 1}" if len(place) > 2 else ""
        raise BalanceError(
            401,
            f"mass budget of {budget.substances[place[1]]}, period {place[0] + 1}{member}",
            got=f"{error[place]:.3g} relative error",
            expected=f"Must not exceed {tolerance:g}",
            remedy="This is a fault of the program or of the numbers it was given; please report it with the scenario",
        )

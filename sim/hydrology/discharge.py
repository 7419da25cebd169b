"""Discharge of steady months: yield times area, scaled to known means, times the shape of the year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sim.arrays import FloatArray, IntArray
from sim.errors import BalanceError, ScenarioError
from sim.hydrology import _kernels
from sim.hydrology.channel import JARRETT_LEAST_SLOPE, froude_number, hydraulics, roughness
from sim.hydrology.objects import Flow
from sim.network import own_area
from sim.network.objects import RiverNetwork

#: largest relative error of continuity
CONTINUITY_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True)
class KnownMean:
    """Mean discharge known at the upstream end of a node.

    Parameters
    ----------
    name : station, text from users
    node : number of the node
    discharge : m3/s
    """

    name: str
    node: int
    discharge: float


def steady_monthly_flow(
    network: RiverNetwork,
    *,
    yield_: FloatArray,
    boundary_yield: FloatArray,
    boundary_discharge: FloatArray | None = None,
    known_means: Sequence[KnownMean],
    shape: FloatArray,
    manning: npt.ArrayLike,
    width_coefficient: float,
    width_exponent: float,
    temperature: npt.ArrayLike,
    time_edges: FloatArray,
) -> Flow:
    """Steady flow of each period from runoff per area, declared inflows and known means.

    Qmean = yield x area + declared inflow, gathered downstream; Q(t) = shape(t) Qmean. What arises from yield and area
    between one known mean and the known water above it is multiplied by one factor::

        factor = (Q_known - sum of known means just above - declared inflows of known discharge between) / raw part

    Parameters
    ----------
    network : RiverNetwork of n nodes
    yield_ : (n,) m/s, runoff of each node's own ground
    boundary_yield : (n,) m/s, runoff of the area behind each declared inflow; it scales with the node it enters at
    boundary_discharge : (n,) m3/s, annual mean of all declared inflow at the node where it is known, nan elsewhere;
        it replaces yield times area and keeps its value whatever the known means below it say
    known_means : each holds at the UPSTREAM end of its node; at most one per node
    shape : (t,) 1, discharge over its annual mean (see `monthly_shape`)
    manning : s/m^(1/3), number or (n,)
    width_coefficient, width_exponent : see `hydraulics`
    temperature : degree Celsius, number, (n,) or (t, n)
    time_edges : (t + 1,) s since 1 January

    Returns
    -------
    Flow : with one note per known mean (raw value, given value, factor) and one on the roughness of steep channels

    Raises
    ------
    ScenarioError
        LS-209 if a known mean does not exceed the known means and declared inflows above it, has no ground of its
        own to scale, shares its node with another, or if a segment falls dry.
    BalanceError
        LS-402 if continuity fails.
    ValueError
        If areas shrink downstream, a yield is negative or not finite, or a declared discharge is negative, infinite or
        of another shape.
    """
    for name, values in (("yield_", yield_), ("boundary_yield", boundary_yield)):
        if not np.all((values >= 0.0) & np.isfinite(values)):
            raise ValueError(f"{name} must be finite and not negative")
    head_area, lateral_area = _own_ground(network)
    declared = _declared(network, boundary_discharge)
    unknown = np.isnan(declared)
    head, boundary, lateral, notes = _scale(
        network,
        yield_ * head_area,
        np.where(unknown, boundary_yield * network.boundary_area, 0.0),
        yield_ * lateral_area,
        np.where(unknown, 0.0, declared),
        known_means,
    )
    mean_in, mean_out = gather(network, head + boundary, lateral)
    t, n = len(shape), network.size
    require_water(network, np.multiply.outer(shape, mean_out), "Raise hydrology.dry_season_floor or the runoff")
    # hydraulics stand for the middle of the segment
    mean_mid = 0.5 * (mean_in + mean_out)
    discharge_in, discharge_out, q_lateral, q_head, q_boundary, middle = (
        np.multiply.outer(shape, part) for part in (mean_in, mean_out, lateral, head, boundary, mean_mid)
    )
    width, depth, velocity, shear = hydraulics(
        middle, mean_mid, network.slope, manning, width_coefficient, width_exponent
    )
    flow = Flow(
        time_edges=time_edges, discharge_in=discharge_in, discharge_out=discharge_out, lateral=q_lateral, head=q_head,
        boundary=q_boundary, width=width, depth=depth, velocity=velocity, shear=shear,
        temperature=np.broadcast_to(np.asarray(temperature, dtype=np.float64), (t, n)),
        notes=notes,
    )  # fmt: skip
    check_continuity(network, flow)
    return replace(flow, notes=(*notes, *_roughness_note(network, flow, manning)))


def _own_ground(network: RiverNetwork) -> tuple[FloatArray, FloatArray]:
    """`own_area` of a network whose areas do not shrink downstream."""
    head, along = own_area(network)
    wrong = (head < 0.0) | (along < 0.0)
    if wrong.any():
        node = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"drainage area shrinks downstream at node {node} ({network.name[node]!r})")
    return head, along


def _declared(network: RiverNetwork, boundary_discharge: FloatArray | None) -> FloatArray:
    """(n,) m3/s, known discharge of declared inflows, nan where it is not known."""
    if boundary_discharge is None:
        return np.full(network.size, np.nan)
    given = np.asarray(boundary_discharge, dtype=np.float64)
    if given.shape != (network.size,):
        raise ValueError(f"boundary_discharge has shape {given.shape}, expected ({network.size},)")
    if np.any((given < 0.0) | np.isinf(given)):
        raise ValueError("boundary_discharge must be finite and not negative where it is given, nan elsewhere")
    return given


def _roughness_note(network: RiverNetwork, flow: Flow, manning: npt.ArrayLike) -> tuple[str, ...]:
    """One sentence on where steep-channel roughness replaces n; none where it does so nowhere."""
    # depth and velocity carry n itself to rounding, so anything above that is steep-channel roughness
    rougher = roughness(flow.depth, flow.velocity, network.slope) > np.asarray(manning) * (1.0 + 1e-9)
    if not rougher.any():
        return ()
    share, fast = (
        float(np.average(where.mean(axis=0), weights=network.length))
        for where in (rougher, froude_number(flow.depth, flow.velocity) > 1.0)
    )
    return (
        f"Where the bed slope is {JARRETT_LEAST_SLOPE:g} or more and Jarrett 1984 gives a rougher bed than Manning's "
        f"n, Jarrett's roughness holds: on {share:.1%} of the channel length, mean over the periods. The flow is "
        f"supercritical (Froude number above 1) on {fast:.1%}",
    )


def require_water(network: RiverNetwork, discharge: FloatArray, remedy: str) -> None:
    """Raise LS-209 where a segment carries no water in some period."""
    dry = ~(discharge > 0.0)
    if dry.any():
        period, node = (int(i) for i in np.argwhere(dry)[0])
        raise ScenarioError(
            209, f"segment {network.name[node] or node!r}, period {period + 1}",
            got=f"{discharge[period, node]:g} m3/s",
            expected="Every segment must carry water in every period", remedy=remedy,
        )  # fmt: skip


def check_continuity(network: RiverNetwork, flow: Flow) -> None:
    """Raise LS-402 if inflow and outflow of some node differ by more than rounding."""
    error = flow.imbalance(network)
    if not error <= CONTINUITY_TOLERANCE:
        raise BalanceError(
            402, "water balance of the network", got=f"{error:.3g} relative error",
            expected=f"Must not exceed {CONTINUITY_TOLERANCE:g}",
            remedy="This is a fault of the program or of the numbers it was given; please report it",
        )  # fmt: skip


def gather(network: RiverNetwork, entering: FloatArray, lateral: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Discharge at both ends of every segment from what enters at its head and along it, (n,) m3/s each."""
    out_in, out_out = np.empty(network.size), np.empty(network.size)
    _kernels.gather(network.down, np.ascontiguousarray(entering), np.ascontiguousarray(lateral), out_in, out_out)
    return out_in, out_out


def _scale(
    network: RiverNetwork,
    head: FloatArray,
    boundary: FloatArray,
    lateral: FloatArray,
    fixed: FloatArray,
    known_means: Sequence[KnownMean],
) -> tuple[FloatArray, FloatArray, FloatArray, tuple[str, ...]]:
    """Multiply the water of every known mean's own ground by its factor; `fixed` inflows keep their discharge."""
    if not known_means:
        return head, boundary + fixed, lateral, ()
    mean_at = _means_at_nodes(network, known_means)
    group_head, group_along = np.empty_like(mean_at), np.empty_like(mean_at)
    _kernels.nearest_below(network.down, mean_at, group_head, group_along)
    count = len(known_means)
    raw_part = _sum_by_group(head + boundary, group_head, count) + _sum_by_group(lateral, group_along, count)
    given = np.array([mean.discharge for mean in known_means])
    nodes = np.array([mean.node for mean in known_means])
    # an inflow at the very node of a known mean enters above it, as group_head says
    kept = _sum_by_group(fixed, group_head, count)
    part = given - _sum_by_group(given, group_along[nodes], count) - kept
    raw_total, _ = gather(network, head + boundary + fixed, lateral)
    factor = np.ones(count + 1)  # the last one is for number -1: below or beside every known mean
    notes = []
    for k, mean in enumerate(known_means):
        if not (part[k] > 0.0 and raw_part[k] > 0.0):
            above = [other for other, group in zip(known_means, group_along[nodes], strict=True) if group == k]
            raise _contradiction(mean, above, float(kept[k]), bool(part[k] > 0.0))
        factor[k] = part[k] / raw_part[k]
        notes.append(
            f"{mean.name}: known mean {mean.discharge:.6g} m3/s, from yield and area {raw_total[mean.node]:.6g} m3/s"
            + (f" with declared inflows of {kept[k]:.6g} m3/s that keep their value" if kept[k] > 0.0 else "")
            + f"; what arises between it and the known water above it, {raw_part[k]:.6g} m3/s, "
            f"was multiplied by {factor[k]:.4g}"
        )
    return head * factor[group_head], boundary * factor[group_head] + fixed, lateral * factor[group_along], tuple(notes)


def _contradiction(mean: KnownMean, above: Sequence[KnownMean], inflow: float, no_ground: bool) -> ScenarioError:
    """LS-209 for a known mean that leaves nothing to the ground above it, or has none."""
    known = [f"{other.name!r} {other.discharge:g} m3/s" for other in above]
    if inflow > 0.0:
        known.append(f"declared inflows {inflow:g} m3/s")
    listed = f" ({', '.join(known)})" if known else ""
    if no_ground:
        expected = f"Must have ground that yields water between it and the known water above it{listed}"
    elif known:
        expected = f"Must exceed the sum of the known water above it{listed}"
    else:
        expected = "Must be positive"
    return ScenarioError(
        209, f"hydrology.known_mean {mean.name!r}", got=f"{mean.discharge:g} m3/s", expected=expected,
        remedy="Correct one of the values, or leave one out",
    )  # fmt: skip


def _means_at_nodes(network: RiverNetwork, known_means: Sequence[KnownMean]) -> IntArray:
    mean_at = np.full(network.size, -1, dtype=np.int64)
    for k, mean in enumerate(known_means):
        if not 0 <= mean.node < network.size:
            raise ValueError(f"known mean {mean.name!r} lies at node {mean.node} of {network.size}")
        other = int(mean_at[mean.node])
        if other >= 0:
            raise ScenarioError(
                209, f"hydrology.known_mean {mean.name!r}", got=f"{mean.discharge:g} m3/s",
                expected=f"Must not lie at the same place as {known_means[other].name!r}", remedy="Keep one of the two",
            )  # fmt: skip
        mean_at[mean.node] = k
    return mean_at


def _sum_by_group(values: FloatArray, group: IntArray, count: int) -> FloatArray:
    inside = group >= 0
    total: FloatArray = np.bincount(group[inside], weights=values[inside], minlength=count).astype(np.float64)
    return total

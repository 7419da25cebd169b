"""Flow of a channel scenario: a table of reaches with inflows and cross sections, one steady state."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.arrays import FloatArray
from sim.errors import ScenarioError
from sim.hydrology.channel import bed_shear
from sim.hydrology.discharge import check_continuity, gather, require_water
from sim.hydrology.objects import Flow
from sim.network.objects import RiverNetwork
from sim.registry import SECONDS_PER_YEAR

#: width over depth where the table gives no width
ASSUMED_ASPECT = 10.0


def flow_from_table(
    network: RiverNetwork,
    *,
    head_inflow: FloatArray,
    lateral_inflow: FloatArray,
    cross_section: FloatArray,
    temperature: npt.ArrayLike,
    width: FloatArray | None = None,
) -> Flow:
    """One steady state from inflows and cross sections, the way channel models such as OTIS take them.

    Q_out = Q_in + lateral; u = (Q_in + Q_out) / (2 A), constant along the segment. Where Q is constant this is exact;
    where it grows by dQ the decay of what enters above is off by a relative k tau (dQ / Qmean)^2 / 12, which shorter
    segments reduce.

    Parameters
    ----------
    network : RiverNetwork of n nodes
    head_inflow : (n,) m3/s, enters at the upstream end, besides what comes from above
    lateral_inflow : (n,) m3/s, enters evenly along the whole segment
    cross_section : (n,) m2, wetted area A
    temperature : degree Celsius, number or (n,)
    width : (n,) m, optional; without it the channel is taken as rectangular and ten times as wide as deep, which
        only settling (through depth and bed shear) depends on

    Returns
    -------
    Flow : t = 1, one Julian year; shear = rho g (A / width) S with the network's slope

    Raises
    ------
    ScenarioError
        LS-204 for a negative inflow or a cross section or width that is not positive; LS-209 where a segment is dry.
    BalanceError
        LS-402 if continuity fails.

    References
    ----------
    Runkel 1998, USGS WRIR 98-4018 (the table's form).
    """
    head, lateral = np.asarray(head_inflow, dtype=np.float64), np.asarray(lateral_inflow, dtype=np.float64)
    section = np.asarray(cross_section, dtype=np.float64)
    notes: tuple[str, ...] = ()
    if width is None:
        width = np.sqrt(ASSUMED_ASPECT * np.maximum(section, 0.0))
        notes = (
            f"No width given: channels taken as rectangular and {ASSUMED_ASPECT:g} times as wide as deep "
            "(matters for settling only).",
        )
    wide = np.asarray(width, dtype=np.float64)
    _require(network, "head_inflow", head, head >= 0.0, "Must not be negative")
    _require(network, "lateral_inflow", lateral, lateral >= 0.0, "Must not be negative")
    _require(network, "cross_section", section, section > 0.0, "Must be positive")
    _require(network, "width", wide, wide > 0.0, "Must be positive")
    discharge_in, discharge_out = gather(network, head, lateral)
    require_water(network, discharge_out[None, :], "Give its head, or a segment above it, an inflow")
    depth = section / wide
    field = (1, network.size)
    flow = Flow(
        time_edges=np.array([0.0, SECONDS_PER_YEAR]),
        discharge_in=discharge_in.reshape(field),
        discharge_out=discharge_out.reshape(field),
        lateral=lateral.reshape(field),
        head=head.reshape(field),
        boundary=np.zeros(field),
        width=wide.reshape(field),
        depth=depth.reshape(field),
        velocity=(0.5 * (discharge_in + discharge_out) / section).reshape(field),
        shear=bed_shear(depth, network.slope).reshape(field),
        temperature=np.broadcast_to(np.asarray(temperature, dtype=np.float64), field),
        notes=notes,
    )
    check_continuity(network, flow)
    return flow


def _require(
    network: RiverNetwork, column: str, values: FloatArray, good: npt.NDArray[np.bool_], expected: str
) -> None:
    if values.shape != (network.size,):
        raise ValueError(f"{column} has shape {values.shape}, expected ({network.size},)")
    wrong = ~(good & np.isfinite(values))
    if wrong.any():
        node = int(np.flatnonzero(wrong)[0])
        raise ScenarioError(
            204, f"reach {network.name[node] or node!r}: {column}", got=f"{values[node]:g}", expected=expected
        )

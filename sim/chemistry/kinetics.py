"""First-order losses, the partition of lead to suspended solids, and settling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.arrays import FloatArray, frozen
from sim.chemistry.objects import Reactions
from sim.errors import ScenarioError
from sim.hydrology.objects import Flow

REFERENCE_TEMPERATURE = 20.0
#: range of log10 Kd (L/kg) that suspended matter shows, whatever the pH
LOG_KD_RANGE = (3.0, 6.5)
_LITRE = 1e-3  # m3
#: discharges closer than this (in ln Q) are one discharge; rounding must not pass for a dry and a wet season
_SAME_DISCHARGE = 1e-9


class Partition(NamedTuple):
    """How a metal binds to suspended solids.

    log_kd : log10 L/kg at pH 7
    ph_slope : 1 per pH
    settling_velocity : m/s
    critical_shear : Pa, nothing settles at or above it
    """

    log_kd: float
    ph_slope: float
    settling_velocity: float
    critical_shear: float


class Kinetics(NamedTuple):
    """What happens to one substance in the channel.

    name : key of the registry's substances
    loss_rate : 1/s at 20 degree Celsius, of dissolved and suspended together
    temperature_factor : theta, 1; 1.0 for none
    partition : Partition, or None for a substance that stays dissolved
    """

    name: str
    loss_rate: float
    temperature_factor: float = 1.0
    partition: Partition | None = None


class Water(NamedTuple):
    """Quality of the water itself.

    ph : number or (t, n)
    suspended_solids_dry, suspended_solids_wet : kg/m3 in the driest and in the wettest period
    """

    ph: float | FloatArray
    suspended_solids_dry: float
    suspended_solids_wet: float


def first_order(
    rate20: npt.ArrayLike, temperature_factor: npt.ArrayLike, temperature: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """First-order rate at a temperature, k = k20 theta^(T - 20).

    Parameters
    ----------
    rate20 : 1/s at 20 degree Celsius
    temperature_factor : theta, 1
    temperature : degree Celsius

    Returns
    -------
    1/s, shapes broadcast

    References
    ----------
    Bowie et al. 1985, EPA/600/3-85/040.

    Examples
    --------
    >>> float(first_order(0.25, 1.07, 20.0))
    0.25
    """
    theta = np.asarray(temperature_factor, dtype=np.float64)
    return np.asarray(rate20) * theta ** (np.asarray(temperature) - REFERENCE_TEMPERATURE)


def partition_coefficient(ph: npt.ArrayLike, log_kd7: npt.ArrayLike, slope: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Partition coefficient to suspended solids, log10 Kd = clip(log Kd(7) + s (pH - 7), 3.0, 6.5).

    Parameters
    ----------
    ph : 1
    log_kd7 : log10 L/kg at pH 7
    slope : 1 per pH

    Returns
    -------
    m3/kg, shapes broadcast

    References
    ----------
    Allison and Allison 2005, EPA/600/R-05/074 (median 5.6); Carlon et al. 2004, Environmental Pollution 127,
    109-115 (slope 0.42).
    """
    log_kd = np.asarray(log_kd7) + np.asarray(slope) * (np.asarray(ph, dtype=np.float64) - 7.0)
    return 10.0 ** np.clip(log_kd, *LOG_KD_RANGE) * _LITRE


def lead_partition(
    ph: npt.ArrayLike, solids: npt.ArrayLike, log_kd7: npt.ArrayLike, slope: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Dissolved share of a metal in equilibrium with suspended solids, f_d = 1 / (1 + Kd SPM).

    Parameters
    ----------
    ph : 1
    solids : SPM, kg/m3
    log_kd7, slope : see `partition_coefficient`

    Returns
    -------
    1, in (0, 1], shapes broadcast

    Examples
    --------
    >>> round(float(lead_partition(7.0, 0.1, 5.6, 0.42)), 7)
    0.0245034
    """
    share: FloatArray = 1.0 / (1.0 + partition_coefficient(ph, log_kd7, slope) * np.asarray(solids))
    return share


def total_from_solids(content: float, solids: npt.ArrayLike, kd: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Concentration in water whose particles hold a known content, C = c_s (SPM + 1 / Kd).

    The particles carry c_s SPM, the water in equilibrium with them c_s / Kd.

    Parameters
    ----------
    content : c_s, kg/kg
    solids : SPM, kg/m3
    kd : m3/kg, see `partition_coefficient`

    Returns
    -------
    kg/m3, dissolved and suspended together
    """
    return content * (np.asarray(solids) + 1.0 / np.asarray(kd))


def settling_loss(
    dissolved_fraction: FloatArray,
    settling_velocity: float,
    depth: FloatArray,
    shear: FloatArray,
    critical_shear: float,
) -> FloatArray:
    """First-order loss to the bed, k = (1 - f_d) (w_s / h) max(0, 1 - tau / tau_c).

    Parameters
    ----------
    dissolved_fraction : (t, n) 1
    settling_velocity : w_s, m/s
    depth : (t, n) m
    shear : (t, n) Pa
    critical_shear : tau_c, Pa, > 0

    Returns
    -------
    (t, n) 1/s

    References
    ----------
    Krone 1962, Flume studies of the transport of sediment in estuarial shoaling processes, University of California.
    """
    stays = np.maximum(0.0, 1.0 - shear / critical_shear)
    return (1.0 - dissolved_fraction) * (settling_velocity / depth) * stays


def suspended_solids(flow: Flow, dry: float, wet: float) -> FloatArray:
    """Suspended solids of every node and period from a power law of its discharge.

    SPM = a Q^b through `dry` at the node's smallest and `wet` at its largest discharge; where the discharge does not
    vary (a single steady state) the law's middle, sqrt(dry wet).

    Parameters
    ----------
    flow : Flow
    dry, wet : kg/m3

    Returns
    -------
    (t, n) kg/m3

    Raises
    ------
    ScenarioError
        LS-209 if `wet` is below `dry`; LS-204 if `dry` is negative, or zero while `wet` is not.
    """
    if not dry >= 0.0 or (dry == 0.0 and wet > 0.0):
        raise ScenarioError(
            204, "water.suspended_solids_dry", got=f"{dry:g} kg/m3", expected="Must be positive",
            remedy="A power law of discharge cannot pass through zero; give a small number",
        )  # fmt: skip
    if not dry <= wet < np.inf:
        raise ScenarioError(
            209, "water.suspended_solids_wet", got=f"{wet:g} kg/m3",
            expected=f"Must not be below water.suspended_solids_dry ({dry:g} kg/m3)",
            remedy="Rivers carry more solids at high water",
        )  # fmt: skip
    if wet == 0.0:
        return np.zeros_like(flow.discharge_out)
    log_q = np.log(flow.discharge_out)
    low, high = log_q.min(axis=0), log_q.max(axis=0)
    varies = high - low > _SAME_DISCHARGE
    share = np.divide(log_q - low, high - low, out=np.full_like(log_q, 0.5), where=varies)
    solids: FloatArray = np.exp((1.0 - share) * np.log(dry) + share * np.log(wet))
    return solids


def reactions(flow: Flow, substances: Sequence[Kinetics], water: Water) -> Reactions:
    """Loss rates and dissolved shares of all substances on all nodes.

    k = k20 theta^(T - 20), plus settling of the suspended part where a substance has a partition.

    Parameters
    ----------
    flow : Flow, (t, n)
    substances : s records, in the order of the load's substances
    water : Water

    Returns
    -------
    Reactions : (t, s, n) 1/s and 1; (t, n) kg/m3

    Raises
    ------
    ScenarioError
        From `suspended_solids`.
    ValueError
        If a rate, factor, velocity or shear is out of its physical range.
    """
    t, n = flow.discharge_out.shape
    solids = suspended_solids(flow, water.suspended_solids_dry, water.suspended_solids_wet)
    loss_rate = np.empty((t, len(substances), n))
    dissolved = np.ones((t, len(substances), n))
    for s, one in enumerate(substances):
        if not (0.0 <= one.loss_rate < np.inf and 0.0 < one.temperature_factor < np.inf):
            raise ValueError(f"{one.name}: loss rate must not be negative, temperature factor must be positive")
        loss_rate[:, s] = first_order(one.loss_rate, one.temperature_factor, flow.temperature)
        bound = one.partition
        if bound is None:
            continue
        if not (bound.settling_velocity >= 0.0 and bound.critical_shear > 0.0):
            raise ValueError(f"{one.name}: settling velocity must not be negative, critical shear must be positive")
        dissolved[:, s] = lead_partition(water.ph, solids, bound.log_kd, bound.ph_slope)
        loss_rate[:, s] += settling_loss(
            dissolved[:, s], bound.settling_velocity, flow.depth, flow.shear, bound.critical_shear
        )
    return Reactions(frozen(loss_rate, np.float64), frozen(dissolved, np.float64), frozen(solids, np.float64))
